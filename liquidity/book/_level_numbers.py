"""Prices and sizes of a message's levels, from the venue's decimal text to float64, judged.

Most texts are plain (``61800.10``) and are read in one compiled pass; whatever is not goes to a JSON parser, which gives
the same numbers and accepts more ways to write them. ``synchroniser.py`` is the only caller.
"""

from collections.abc import Sequence
from typing import Any, Final

import numba
import numpy as np
import orjson
from numpy.typing import NDArray

from liquidity.book.wire import MAX_PRICE, MAX_SIZE
from liquidity.domain.book_message import WireLevel
from liquidity.domain.compiled import compiled

__all__ = ["level_numbers", "plain_levels"]

_POWERS: Final = np.array([float(10**exponent) for exponent in range(20)])
_EXACT: Final = 1 << 53
_MOST_DIGITS: Final = 19  # what uint64 holds
_OPEN, _CLOSE, _QUOTE, _COMMA, _POINT, _ZERO = b'[]",.0'


def level_numbers(
    bids: Sequence[WireLevel], asks: Sequence[WireLevel]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Numbers of the levels, bids then asks.

    Parameters
    ----------
    bids, asks
        Levels as :class:`~liquidity.domain.book_message.BookMessage` carries them.

    Returns
    -------
    tuple of NDArray or None
        Prices and sizes, shape (levels,) each, equal to ``float`` of their texts: prices in (0, :data:`MAX_PRICE`), sizes
        in [0, :data:`MAX_SIZE`). ``None`` where one text is no JSON number or lies outside, or a level has no size.

    Examples
    --------
    >>> level_numbers([("100.5", "3"), ("1e2", "0")], [("101", "0.25")])
    (array([100.5, 100. , 101. ]), array([3.  , 0.  , 0.25]))
    >>> level_numbers([("nan", "3")], []) is None
    True
    """
    levels_n = len(bids) + len(asks)
    if levels_n == 0:
        return np.empty(0), np.empty(0)
    numbers = np.empty(2 * levels_n)
    try:
        # As JSON the texts are in one piece for the compiled pass, three times as fast as joined by Python.
        if plain_levels(orjson.dumps([*bids, *asks]), MAX_PRICE, MAX_SIZE, numbers):
            return numbers[:levels_n], numbers[levels_n:]
    except TypeError:
        pass  # an entry beyond the size may be no JSON; the first two are judged below
    try:
        columns = tuple(zip(*bids, *asks, strict=False))  # as long as the shortest level: one column means no size
        told: list[Any] = orjson.loads(f"[{','.join(columns[0] + columns[1])}]")
    except (ValueError, TypeError, IndexError):
        return None
    if len(told) != len(numbers) or not set(map(type, told)) <= _NUMBERS:
        return None
    prices, sizes = np.array(told, dtype=np.float64).reshape(2, levels_n)
    # NaN fails every comparison and infinity the upper ones.
    if not ((prices > 0.0) & (prices < MAX_PRICE) & (sizes >= 0.0) & (sizes < MAX_SIZE)).all():
        return None
    return prices, sizes


_NUMBERS: Final = frozenset((int, float))


def _plain_levels(text: Any, price_below: Any, size_below: Any, numbers: Any) -> Any:  # pragma: no cover - compiled
    end, levels_n, at = len(text), numbers.size // 2, 0
    for level in range(levels_n):
        if at >= end or text[at] != (_COMMA if level else _OPEN):
            return False
        at += 1
        for field in range(2):
            if at + 1 >= end or text[at] != (_COMMA if field else _OPEN) or text[at + 1] != _QUOTE:
                return False
            at += 2
            first, point, mantissa = at, -1, np.uint64(0)
            while at < end and text[at] != _QUOTE:
                if _ZERO <= text[at] <= _ZERO + 9:
                    mantissa = mantissa * np.uint64(10) + np.uint64(text[at] - _ZERO)
                elif text[at] == _POINT and point < 0:
                    point = at
                else:
                    return False
                at += 1
            whole_end = at if point < 0 else point
            digits = at - first - (point >= 0)
            is_decimal = whole_end > first and at - 1 != point and (text[first] != _ZERO or whole_end == first + 1)
            if not is_decimal or digits > _MOST_DIGITS or mantissa >= _EXACT:
                return False
            number = np.float64(mantissa)
            if point >= 0:
                number /= _POWERS[at - 1 - point]
            if not number < (size_below if field else price_below) or (field == 0 and number == 0.0):
                return False
            numbers[field * levels_n + level] = number
            at += 1  # past the quote
        while at < end and text[at] != _CLOSE:  # further entries
            at += 1
        at += 1
    # One bracket closed each level; had a further entry held another, the text would not end here.
    return at == end - 1


plain_levels = compiled(numba.boolean(numba.typeof(b""), numba.float64, numba.float64, numba.float64[::1]))(
    _plain_levels
)
"""Fill ``numbers``, prices then sizes, from ``[["price","size",...],...]`` as orjson writes it; whether all are plain and in range.

A plain text is ``digits`` or ``digits.digits`` without needless leading zeros, at most 19 digits, below 2**53 without its
point. Its digits are then an exact float64, as is the power of ten, so the one division rounds correctly (Clinger 1990,
"How to read floating point numbers accurately"): the result equals ``float(text)``.
"""
