"""Our order ids: a pure function of what an order is for, in the form its venue takes.

Two runs that work on the same slice make the same id, so that the second finds the first one's order instead of placing
another. The digest is BLAKE2b over the parts as a JSON list, which no choice of names can make ambiguous.
"""

import json
import uuid
from hashlib import blake2b
from typing import Final, Literal

from liquidity.domain.errors import ConfigError, UnsupportedError
from resources.venues.profile import VenueProfile

__all__ = ["TradingMode", "client_id"]

TradingMode = Literal["paper", "replay", "live"]

_PREFIX: Final = "lp"
_SHORT_BYTES: Final = 13
_LONG_BYTES: Final = 16


def client_id(
    profile: VenueProfile, *, mode: TradingMode, account: str, plan: str, slice_number: int, attempt: int
) -> str:
    """Make the order id of one attempt at one slice of a plan.

    Parameters
    ----------
    mode, account, plan
        Paper, replay and live never share an id, nor do accounts or plans.
    slice_number, attempt
        From 0; an attempt that was refused or cancelled is followed by the next number, never by the same id.

    Returns
    -------
    str
        ``prefixed_hex``: ``lp`` and 26 hexadecimal digits (104 bits); ``hex128``: ``0x`` and 32; ``uuid``: the same 128
        bits as a version 4 UUID (122 bits are free).

    Raises
    ------
    UnsupportedError
        The venue's profile describes no order ids.
    ConfigError
        A part is empty or negative, or the id does not fit the profile's own pattern.
    """
    form = profile.client_id
    if form is None:
        raise UnsupportedError(f"{profile.venue}: its profile has no [client_id]; orders cannot be named there")
    if not account or not plan or slice_number < 0 or attempt < 0:
        raise ConfigError(
            f"order id of account {account!r}, plan {plan!r}, slice {slice_number}, attempt {attempt}: names must not "
            "be empty, numbers not below 0"
        )
    parts = json.dumps([mode, account, plan, slice_number, attempt], separators=(",", ":")).encode()
    if form.encoding == "prefixed_hex":
        made = _PREFIX + blake2b(parts, digest_size=_SHORT_BYTES).hexdigest()
    else:
        digest = blake2b(parts, digest_size=_LONG_BYTES).digest()
        made = f"0x{digest.hex()}" if form.encoding == "hex128" else str(uuid.UUID(bytes=digest, version=4))
    if not form.accepts(made):
        raise ConfigError(
            f"{profile.venue}: order id {made!r} breaks its pattern {form.pattern!r}; correct the profile"
        )
    return made
