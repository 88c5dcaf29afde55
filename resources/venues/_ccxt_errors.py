"""ccxt's exceptions as ours: the venue's code decides first, the class second; no secret survives in the text.

The class alone cannot be trusted: ccxt finds several of Binance's codes only when the address is the venue's own, and
shows a revoked key as a ban once a key has worked. Read next: ``_ccxt_client.py``.
"""

import json
import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Final

from liquidity.domain.errors import (
    LiquidityError,
    UnsupportedError,
    VenueAuthError,
    VenueClockError,
    VenueError,
    VenueRateLimitedError,
    VenueRejectedError,
    VenueUnavailableError,
)
from resources.logging import MASK, redact_text
from resources.venues.profile import VenueProfile

__all__ = ["RETRY_AFTER_S", "redacted", "translated", "venue_code"]

RETRY_AFTER_S: ContextVar[float | None] = ContextVar("retry_after_s", default=None)
"""Wait the venue asked for in the last answer of this task, in seconds; set by the client, read after a failure."""

_LONGEST: Final = 400
_SIGNED: Final = re.compile(
    r"((?:signature|listenKey|X-MBX-APIKEY|OK-ACCESS-\w+|passphrase|API-Key|API-Sign)[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&}]+)",
    re.IGNORECASE,
)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask signatures, listen keys, key-like values and every literal of ``secrets``; at most 400 characters are kept.

    Examples
    --------
    >>> redacted("POST /order?symbol=X&signature=ab12&recvWindow=5 key=K9", secrets=["K9"])
    'POST /order?symbol=X&signature=**********&recvWindow=5 key=**********'
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    text = _SIGNED.sub(rf"\g<1>{MASK}", redact_text(text))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def venue_code(text: str, field: str) -> str | None:
    """Find the venue's own error code in an exception text: the value of ``field`` in the JSON body ccxt quotes.

    Examples
    --------
    >>> venue_code('binanceusdm {"code":-2019,"msg":"Margin is insufficient."}', "code")
    '-2019'
    >>> venue_code("binanceusdm GET https://host/time 503 busy", "code") is None
    True
    """
    start = text.find("{")
    if start < 0:
        return None
    try:
        body = json.loads(text[start : text.rfind("}") + 1])
    except ValueError:
        return None
    value = body.get(field) if isinstance(body, dict) else None
    if isinstance(value, list):
        value = value[0] if value else None
    return str(value) if isinstance(value, str | int) else None


def translated(error: BaseException, call: str, profile: VenueProfile, secrets: Iterable[str] = ()) -> LiquidityError:
    """Turn what a ccxt call raised into one of our errors; the caller raises it outside of its ``except`` block.

    An exception that is not ccxt's (an IndexError of its parsers, a connection error) means that the answer could not
    be used: :class:`VenueUnavailableError`. Our own errors pass unchanged.
    """
    if isinstance(error, LiquidityError):
        return error
    text = str(error)
    code = venue_code(text, profile.errors.field)
    where = f"{profile.venue} {call}: {type(error).__name__}: {redacted(text, secrets) or 'no text'}"
    kind = _kind_of_code(code, profile) or _kind_of_class(error)
    if kind is VenueRateLimitedError:
        return VenueRateLimitedError(where, code=code, retry_after_s=RETRY_AFTER_S.get())
    return kind(where, code=code)


def _kind_of_code(code: str | None, profile: VenueProfile) -> type[VenueError] | None:
    errors = profile.errors
    if code is None:
        return None
    for kind, codes in (
        (VenueAuthError, errors.auth),
        (VenueClockError, errors.clock),
        (VenueRateLimitedError, errors.rate_limited),
        (VenueUnavailableError, errors.retryable),
        (VenueRejectedError, (*errors.final_rejects, *errors.duplicate_id, *errors.unknown_order)),
    ):
        if code in codes:
            return kind
    return None


def _kind_of_class(error: BaseException) -> type[VenueError]:
    import ccxt

    # In this order: a class before those it descends from.
    kinds: tuple[tuple[Any, type[VenueError]], ...] = (
        (ccxt.NotSupported, UnsupportedError),
        (ccxt.AuthenticationError, VenueAuthError),
        ((ccxt.RateLimitExceeded, ccxt.DDoSProtection), VenueRateLimitedError),
        (ccxt.ChecksumError, VenueUnavailableError),
        (ccxt.InvalidNonce, VenueClockError),
        ((ccxt.OperationFailed, ccxt.UnsubscribeError, ccxt.ExchangeClosedByUser), VenueUnavailableError),
        (ccxt.BaseError, VenueRejectedError),
    )
    return next((kind for classes, kind in kinds if isinstance(error, classes)), VenueUnavailableError)
