"""What several protocols share: numbers back to decimal text, venue times to nanoseconds, what is plausible."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, Literal

__all__ = ["MAX_PRICE", "MAX_SIZE", "is_plausible", "iso_ns", "ms_ns", "taker_sign", "text"]

MAX_PRICE: Final = 1e12
"""A price at or above is refused: no market trades there, and ticks stay exact integers below 2**53."""
MAX_SIZE: Final = 1e16
"""A size at or above is refused."""
_FIRST_NS: Final = 1_230_768_000_000_000_000  # 2009: before any market of these venues
_LAST_NS: Final = 4_102_444_800_000_000_000  # 2100


def is_plausible(event_ns: int | None) -> bool:
    """Whether a venue's time can be one; seconds or microseconds taken for milliseconds fall outside 2009 to 2099."""
    return event_ns is None or _FIRST_NS <= event_ns < _LAST_NS


def text(number: Any) -> str:
    """Decimal text of a JSON number or text; the shortest that gives the same float.

    Anything but a number or a text, a boolean included, raises ``TypeError``.
    """
    if isinstance(number, str):
        return number
    if isinstance(number, (int, float)) and not isinstance(number, bool):
        return repr(number)
    raise TypeError(f"{type(number).__name__} where a decimal number belongs")


def ms_ns(milliseconds: Any) -> int | None:
    """Milliseconds since 1970 (number or text) to nanoseconds; ``None`` stays ``None``."""
    return None if milliseconds is None else int(milliseconds) * 1_000_000


def iso_ns(stamp: str | None) -> int | None:
    """Read a time in UTC such as ``2021-04-17T16:43:37.075687Z``, up to nine decimals, to nanoseconds."""
    if stamp is None:
        return None
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * 1_000_000_000 + int((fraction or "0").ljust(9, "0")[:9])


def taker_sign(side: str, bought: Iterable[str], sold: Iterable[str]) -> Literal[-1, 0, 1]:
    """+1 where the taker bought, -1 where the taker sold, 0 where the word is neither."""
    return 1 if side in bought else -1 if side in sold else 0
