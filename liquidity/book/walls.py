"""Liquidity walls: single levels far heavier than their neighbours, and whether they last.

There is no academic standard; the rule is this platform's (:class:`WallRule`). A level that shows and vanishes before
the market reaches it is no wall but a flicker, the trace that a spoofed order leaves. Sizes are base units
(``units.py``). Read next: ``clusters.py`` (many levels that are heavy together).
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.book.depth import _EDGE_GUARD_FRAC
from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import ConfigError

__all__ = [
    "WALL_RULE",
    "HeavyLevel",
    "SideLiteral",
    "Wall",
    "WallRule",
    "WallTracker",
    "WallView",
    "heavy_levels",
    "levels_in_band",
]

SideLiteral = Literal["bid", "ask"]
_NS_PER_S: Final = 1e9
_TAKEN_FRAC: Final = 0.5  # of its size: what rests below that was taken away


@dataclass(frozen=True, slots=True)
class WallRule:
    """What counts as a wall.

    Attributes
    ----------
    band_frac
        Only levels within this share of the mid, edge included.
    multiple
        A wall holds at least this many times the median notional of its side's levels.
    floor_volume_frac
        And at least this share of the volume of 24 hours.
    median_snapshots
        The median is the median over this many newest snapshots, so that one odd moment does not make walls.
    min_snapshots, min_age_s
        A heavy level is a wall when seen in so many snapshots in a row, or without a break for so long.
    memory_s
        A level that flickered is remembered for this long.
    """

    band_frac: float = 0.02
    multiple: float = 5.0
    floor_volume_frac: float = 0.0025
    median_snapshots: int = 20
    min_snapshots: int = 3
    min_age_s: float = 30.0
    memory_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse a rule that cannot be applied."""
        numbers = (self.band_frac, self.multiple, self.min_age_s)
        counts = (self.median_snapshots, self.min_snapshots)
        if not (all(n > 0.0 for n in numbers) and self.floor_volume_frac >= 0.0 <= self.memory_s and min(counts) >= 1):
            raise ConfigError(
                f"WallRule: found {self}; allowed band_frac, multiple, min_age_s above 0, floor_volume_frac and memory_s "
                "from 0, counts from 1"
            )


WALL_RULE: Final = WallRule()


@dataclass(frozen=True, slots=True)
class HeavyLevel:
    """A level that is heavy enough at this moment; whether it lasts is not asked.

    ``size_base`` in base units, ``notional_quote`` in quote currency, ``distance_bps`` >= 0 from the mid,
    ``median_multiple`` the notional over the side's median level.
    """

    side: SideLiteral
    price: float
    size_base: float
    notional_quote: float
    distance_bps: float
    median_multiple: float


@dataclass(frozen=True, slots=True)
class Wall:
    """A heavy level with its history.

    Attributes
    ----------
    state
        ``wall`` (it lasts), ``new`` (too young to tell) or ``flickering`` (it vanished before it lasted, and the
        market had not reached it: spoof suspicion).
    seen_in_a_row, age_s
        Snapshots, and seconds, since it appeared without a break.
    persistence_frac
        Snapshots that showed it over snapshots since it was first seen, 0-1.
    flickers
        How often it vanished before it lasted, within the rule's memory.
    """

    level: HeavyLevel
    state: Literal["wall", "new", "flickering"]
    seen_in_a_row: int
    age_s: float
    persistence_frac: float
    flickers: int


@dataclass(frozen=True, slots=True)
class WallView:
    """What stands in one snapshot, and what has just gone.

    ``walls`` are confirmed and nearest first; ``unconfirmed`` are heavy now but new or flickering; ``vanished`` were
    unconfirmed in the last snapshot and lost more than half of their size while better prices of their side still stood
    (an order pulled at the best price cannot be told from a trade here). ``floor_quote`` is null when
    the 24 h volume is not known and the floor was therefore not applied.
    """

    walls: tuple[Wall, ...]
    unconfirmed: tuple[Wall, ...]
    vanished: tuple[Wall, ...]
    floor_quote: float | None


def heavy_levels(
    book: BookSnapshot,
    *,
    volume_24h_quote: float | None,
    bid_median_quote: float | None = None,
    ask_median_quote: float | None = None,
    rule: WallRule = WALL_RULE,
) -> tuple[HeavyLevel, ...]:
    """Levels with notional >= max(multiple x median level of the side in the band, floor x 24 h volume).

    Parameters
    ----------
    volume_24h_quote
        Quote currency; ``None`` leaves the floor out.
    bid_median_quote, ask_median_quote
        Median level notional of each side; ``None`` takes it from this book alone.

    Returns
    -------
    tuple of HeavyLevel
        Bids then asks, nearest first. Empty when the book has no mid.

    Examples
    --------
    >>> bids = [[100 - k / 10, 80.0 if k == 4 else 10.0] for k in range(1, 10)]
    >>> asks = [[100 + k / 10, 10.0] for k in range(1, 10)]
    >>> [(each.side, each.price) for each in heavy_levels(BookSnapshot.from_levels(bids, asks), volume_24h_quote=None)]
    [('bid', 99.6)]
    """
    floor = _floor_quote(volume_24h_quote, rule) or 0.0
    found: list[HeavyLevel] = []
    sides: tuple[tuple[SideLiteral, float | None], ...] = (("bid", bid_median_quote), ("ask", ask_median_quote))
    for name, median in sides:
        near, notional = levels_in_band(book, name, rule.band_frac)
        if len(near) == 0:
            continue
        usual = float(np.median(notional)) if median is None else median
        for place in np.flatnonzero(notional >= max(rule.multiple * usual, floor)):
            price, size = float(near[place, 0]), float(near[place, 1])
            worth = float(notional[place])
            found.append(HeavyLevel(name, price, size, worth, 1e4 * abs(price - book.mid) / book.mid, worth / usual))
    return tuple(found)


def levels_in_band(
    book: BookSnapshot, name: SideLiteral, band_frac: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels of a side within the band, best first, and their notionals; nothing without a mid (NaN compares false)."""
    side = book.bids if name == "bid" else book.asks
    near = side[np.abs(side[:, 0] - book.mid) <= book.mid * (band_frac + _EDGE_GUARD_FRAC)]
    return near, near[:, 0] * near[:, 1]


def _floor_quote(volume_24h_quote: float | None, rule: WallRule) -> float | None:
    if volume_24h_quote is None:
        return None
    if not 0.0 <= volume_24h_quote < np.inf:
        raise ConfigError(
            f"walls: volume_24h_quote {volume_24h_quote}, allowed [0, inf) in quote currency; None leaves the floor out"
        )
    return rule.floor_volume_frac * volume_24h_quote


@dataclass(slots=True)
class _Track:
    """What is remembered of one price."""

    last: HeavyLevel
    first_snapshot: int
    seen: int
    since_ns: int
    in_a_row: int
    lasting: bool = False
    present: bool = True
    gone_ns: int = 0
    flickers: int = 0


class WallTracker:
    """Follows heavy levels of one book from snapshot to snapshot.

    Memory is bounded: prices that are gone are forgotten after ``rule.memory_s``.

    Examples
    --------
    >>> tracker = WallTracker()
    >>> bids = [[100 - k / 10, 80.0 if k == 4 else 10.0] for k in range(1, 10)]
    >>> book = BookSnapshot.from_levels(bids, [[100.1, 10.0]])
    >>> [len(tracker.update(second * 10**9, book, volume_24h_quote=None).walls) for second in range(4)]
    [0, 0, 1, 1]
    """

    def __init__(self, rule: WallRule = WALL_RULE) -> None:
        self.rule = rule
        self._tracks: dict[tuple[SideLiteral, float], _Track] = {}
        self._medians: dict[SideLiteral, deque[float]] = {
            "bid": deque(maxlen=rule.median_snapshots),
            "ask": deque(maxlen=rule.median_snapshots),
        }
        self._snapshots = 0
        self._at_ns: int | None = None
        self._known_ns = 0
        self._blind = False

    def update(self, at_ns: int, book: BookSnapshot, *, volume_24h_quote: float | None) -> WallView:
        """Take the next snapshot.

        Parameters
        ----------
        at_ns
            Nanoseconds since 1970 UTC, never before the last snapshot's.
        book
            Base units. A book without a mid is unknown, not empty: nothing is confirmed, ended or counted by it, and
            the time until the next known one adds to no age.

        Raises
        ------
        ConfigError
            ``at_ns`` lies before the last snapshot, or the volume is negative.
        """
        if self._at_ns is not None and at_ns < self._at_ns:
            raise ConfigError(f"WallTracker: snapshot at {at_ns} ns after one at {self._at_ns} ns; feed in time order")
        self._at_ns = at_ns
        floor = _floor_quote(volume_24h_quote, self.rule)
        if np.isnan(book.mid):
            self._blind = True
            return WallView((), (), (), floor)
        if self._blind:
            for track in self._tracks.values():
                track.since_ns += at_ns - self._known_ns
        self._blind, self._known_ns = False, at_ns
        self._snapshots += 1
        heavy = heavy_levels(
            book,
            volume_24h_quote=volume_24h_quote,
            bid_median_quote=self._rolling_median(book, "bid"),
            ask_median_quote=self._rolling_median(book, "ask"),
            rule=self.rule,
        )
        here = {(level.side, level.price) for level in heavy}
        vanished = [
            self._view(track, "flickering")
            for key, track in self._tracks.items()
            if track.present and key not in here and self._leaves_as_flicker(track, at_ns, book)
        ]
        shown = [self._view(*self._seen(level, at_ns)) for level in sorted(heavy, key=lambda each: each.distance_bps)]
        horizon = at_ns - round(self.rule.memory_s * _NS_PER_S)
        self._tracks = {key: each for key, each in self._tracks.items() if each.present or each.gone_ns >= horizon}
        return WallView(
            walls=tuple(each for each in shown if each.state == "wall"),
            unconfirmed=tuple(each for each in shown if each.state != "wall"),
            vanished=tuple(vanished),
            floor_quote=floor,
        )

    def _rolling_median(self, book: BookSnapshot, name: SideLiteral) -> float | None:
        _, notional = levels_in_band(book, name, self.rule.band_frac)
        kept = self._medians[name]
        if len(notional):
            kept.append(float(np.median(notional)))
        return float(np.median(kept)) if kept else None

    def _leaves_as_flicker(self, track: _Track, at_ns: int, book: BookSnapshot) -> bool:
        """Close a run; whether it was taken away unconfirmed, inside the band, with better prices still standing."""
        track.present, track.gone_ns, track.in_a_row = False, at_ns, 0
        level = track.last
        side = book.bids if level.side == "bid" else book.asks
        ahead = side[0, 0] > level.price if level.side == "bid" else side[0, 0] < level.price
        in_band = abs(level.price - book.mid) <= self.rule.band_frac * book.mid
        # A level that only fell under a risen median still rests there.
        taken = float(side[side[:, 0] == level.price, 1].sum()) < _TAKEN_FRAC * level.size_base
        flicker = not track.lasting and bool(ahead) and in_band and taken
        track.flickers += flicker
        return flicker

    def _seen(self, level: HeavyLevel, at_ns: int) -> tuple[_Track, Literal["wall", "new", "flickering"]]:
        key = (level.side, level.price)
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = _Track(level, self._snapshots, 0, at_ns, 0)
        elif not track.present:
            track.since_ns, track.present, track.lasting = at_ns, True, False
        track.last = level
        track.seen += 1
        track.in_a_row += 1
        age_s = (at_ns - track.since_ns) / _NS_PER_S
        track.lasting = track.lasting or track.in_a_row >= self.rule.min_snapshots or age_s >= self.rule.min_age_s
        return track, "wall" if track.lasting else "flickering" if track.flickers else "new"

    def _view(self, track: _Track, state: Literal["wall", "new", "flickering"]) -> Wall:
        end_ns = self._at_ns if track.present and self._at_ns is not None else track.gone_ns
        snapshots = self._snapshots - track.first_snapshot + 1
        return Wall(
            level=track.last,
            state=state,
            seen_in_a_row=track.in_a_row,
            age_s=(end_ns - track.since_ns) / _NS_PER_S,
            persistence_frac=track.seen / snapshots,
            flickers=track.flickers,
        )
