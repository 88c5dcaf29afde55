"""What is planted in generated tapes: crises of single books, walls, spoofed levels, lost messages, and one venue that follows another.

Crises are drawn per block of 20 calendar days counted from the start of the market; the rest per book and day, each
from its own stream. Read next: ``crypto_market.py``, which carries them out.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np

from liquidity.simulation.streams import stream

__all__ = ["CRISIS_BLOCK_DAYS", "BookCrisis", "PlantedLevel", "PlantedLoss", "book_crises", "crisis_of"]

CRISIS_BLOCK_DAYS: Final = 20
_QUIET_DAYS: Final = 6


@dataclass(frozen=True, slots=True)
class BookCrisis:
    """Days on which the depth of a coin's books collapses and their spread blows out.

    ``depth_factor`` (0-1) multiplies the depth, ``spread_factor`` (> 1) the spread, both on the whole of the days.
    """

    coin: str
    first_day: date
    last_day: date
    depth_factor: float
    spread_factor: float


@dataclass(frozen=True, slots=True)
class PlantedLevel:
    """A wall (stands for a minute and more) or a spoof (shows for half a second, several times at one price).

    Times in ns since 1970 UTC, received; each of ``shown_ns`` is one (from, until).
    """

    instrument_id: str
    kind: Literal["wall", "spoof"]
    side: Literal["bid", "ask"]
    price: float
    notional_quote: float
    shown_ns: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PlantedLoss:
    """Messages that never arrived: the book is unknown from ``from_ns`` to the snapshot at ``until_ns``."""

    instrument_id: str
    from_ns: int
    until_ns: int
    messages_lost: int


def book_crises(seed: int, coins: tuple[str, ...], start: date, end: date) -> tuple[BookCrisis, ...]:
    """All crises that begin in ``start``..``end``; a later ``end`` only adds some.

    Examples
    --------
    >>> few = book_crises(7, ("BTC", "ETH"), date(2026, 6, 1), date(2026, 7, 10))
    >>> len(few), all(2 <= (each.last_day - each.first_day).days + 1 <= 3 for each in few)
    (2, True)
    """
    crises = []
    for first in range(0, (end - start).days + 1, CRISIS_BLOCK_DAYS):
        begin = start + timedelta(days=first)
        rng = stream(seed, begin, "tape_events")
        coin = coins[int(rng.integers(len(coins)))]
        first_day = begin + timedelta(days=int(rng.integers(_QUIET_DAYS, CRISIS_BLOCK_DAYS - 3)))
        last_day = first_day + timedelta(days=int(rng.integers(1, 3)))
        factors = float(rng.uniform(0.12, 0.25)), float(rng.uniform(6.0, 14.0))
        crises.append(BookCrisis(coin, first_day, last_day, *factors))
    return tuple(each for each in crises if each.first_day <= end)


def crisis_of(crises: tuple[BookCrisis, ...], coin: str, day: date) -> BookCrisis | None:
    """The crisis of a coin on a day, if there is one."""
    return next((each for each in crises if each.coin == coin and each.first_day <= day <= each.last_day), None)


def level_times(rng: np.random.Generator, kind: str, messages: int, per_s: float) -> list[tuple[int, int]]:
    """Message numbers (from, until) at which a planted level shows; empty where the tape is too short for it."""
    if kind == "wall":
        length = int(min(90.0 * per_s, messages * 0.4))
        if length < 40 * per_s:
            return []
        begin = int(rng.integers(int(5 * per_s), messages - length))
        return [(begin, begin + length)]
    begin = int(rng.integers(int(5 * per_s), max(int(messages * 0.6), int(5 * per_s) + 1)))
    length, pause = max(2, int(0.5 * per_s)), int(4 * per_s)
    return [(at, at + length) for at in range(begin, begin + 6 * pause, pause) if at + length < messages]
