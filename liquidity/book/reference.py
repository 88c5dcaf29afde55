"""The slow, clear order book: a dictionary per side, every figure from scratch. It judges the fast one (``ladder.py``).

Same input, same output, no state beyond the levels themselves; a day of deltas takes hours here and seconds there.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.book_features import (
    BANDS_BPS,
    INVALID_REASONS,
    MAX_LOTS,
    MAX_MID2,
    MAX_TICKS,
    NO_FLOW,
    NO_LEVEL,
    BookFeatures,
    notional_unit,
)
from liquidity.book.grid import BookGrid
from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import ContractError

__all__ = ["BookRow", "ReferenceBook", "replay_reference", "rows_of"]

_Quote = tuple[int, int, int, int]  # best bid and ask ticks, their lots


class BookRow(NamedTuple):
    """One row of a :class:`~liquidity.book.block.BookBlock`."""

    received_ns: int
    event_ns: int
    action: int
    message_end: bool
    side: int
    price_ticks: int
    size_lots: int
    first_id: int
    last_id: int
    previous_id: int

    @property
    def clock_ns(self) -> int:
        """Our receive time, the venue's where there is none."""
        return self.event_ns if self.received_ns == NO_TIME else self.received_ns


def rows_of(block: BookBlock) -> Iterator[BookRow]:
    """Rows of a block in stream order."""
    columns = (getattr(block, name).tolist() for name in BookRow._fields)
    return (BookRow(*values) for values in zip(*columns, strict=True))


class ReferenceBook:
    """One book, kept as ``{ticks: lots}`` per side.

    Parameters
    ----------
    grid
        Steps and units of the market.

    Attributes
    ----------
    bids, asks
        Levels by price in ticks; sizes in lots, above 0.

    Examples
    --------
    >>> from decimal import Decimal
    >>> book = ReferenceBook(BookGrid(Decimal("0.5"), Decimal("1")))
    >>> book.apply(BookRow(1, 1, SNAPSHOT, False, 1, 199, 3, -1, 7, -1))
    True
    >>> book.apply(BookRow(1, 1, SNAPSHOT, True, -1, 201, 1, -1, 7, -1))
    True
    >>> book.features().quoted_spread_bps
    100.0
    """

    def __init__(self, grid: BookGrid) -> None:
        self.grid = grid
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.refused_n = 0
        self.event_ns = NO_TIME
        self._state = INVALID_REASONS.index("no_book")
        self._in_snapshot = False
        self._in_message = False
        self._last_id = NO_ID
        self._at_ns = NO_TIME

    def apply(self, row: BookRow) -> bool:
        """Take one row in; whether it changed a level (or could have).

        Raises
        ------
        ContractError
            The update ids of a delta fall behind those of the book: messages are out of order.
        """
        if not self._in_message:
            self._check_order(row)
        self._in_message = not row.message_end
        self._at_ns, self.event_ns = row.clock_ns, row.event_ns
        if row.action == INVALIDATE:
            self._clear("no_book")
            self._in_snapshot = self._in_message = False
            return False
        if row.action == SNAPSHOT and not self._in_snapshot:
            self._clear("ok")
            self._in_snapshot = True
        taken = self._take_level(row)
        if row.message_end:
            self._in_snapshot = False
        return taken

    def _take_level(self, row: BookRow) -> bool:
        if row.side == 0 or self._state != 0:
            return False
        if not (0 <= row.size_lots <= MAX_LOTS and 1 <= row.price_ticks <= MAX_TICKS):
            self.refused_n += 1
            self._clear("refused_level")
            return False
        levels = self.bids if row.side > 0 else self.asks
        if row.size_lots == 0:
            levels.pop(row.price_ticks, None)
        else:
            levels[row.price_ticks] = row.size_lots
        return True

    def _check_order(self, row: BookRow) -> None:
        """Ids may not fall behind, unless the message says that it follows the newest one (a venue that counts anew)."""
        if row.action == DELTA and NO_ID != row.last_id < self._last_id and row.previous_id != self._last_id:
            raise ContractError(
                f"book rows: last_id {row.last_id} after {self._last_id}, allowed the same or above; pass messages in "
                "order, through liquidity.book.synchroniser"
            )
        self._last_id = NO_ID if row.action == INVALIDATE else row.last_id

    def _clear(self, reason: str) -> None:
        self.bids.clear()
        self.asks.clear()
        self._state = INVALID_REASONS.index(reason)

    def best(self) -> _Quote | None:
        """Best quotes and their sizes; ``None`` when the book is invalid."""
        if self.reason not in (0, INVALID_REASONS.index("too_large")):
            return None
        bid, ask = max(self.bids), min(self.asks)
        return bid, ask, self.bids[bid], self.asks[ask]

    @property
    def reason(self) -> int:
        """Place in :data:`~liquidity.book.book_features.INVALID_REASONS`; 0 is a usable book."""
        if self._state != 0:
            return self._state
        if not self.bids or not self.asks:
            return INVALID_REASONS.index("one_sided")
        bid, ask = max(self.bids), min(self.asks)
        if bid > ask:
            return INVALID_REASONS.index("crossed")
        if bid + ask > MAX_MID2:
            return INVALID_REASONS.index("too_large")
        widest = [self._band(levels, bid + ask, BANDS_BPS[-1]) for levels in (self.bids, self.asks)]
        too_large = any((bid + ask) * sum(near.values()) >= 2**62 for near in widest)
        return INVALID_REASONS.index("too_large") if too_large else 0

    @staticmethod
    def _band(levels: dict[int, int], twice_mid: int, bps: int) -> dict[int, int]:
        """Levels with |price - mid| <= mid bps / 1e4, in integers: |2 p - 2 mid| 1e4 <= 2 mid bps."""
        return {tick: lots for tick, lots in levels.items() if abs(2 * tick - twice_mid) * 10_000 <= twice_mid * bps}

    def snapshot(self) -> BookSnapshot:
        """All levels in market units, best first."""
        return BookSnapshot(_levels(self.grid, self.bids, -1), _levels(self.grid, self.asks, 1))

    def features(self, at_ns: int | None = None, ofi_lots: int = NO_FLOW, updates_n: int = 0) -> BookFeatures:
        """All figures from the levels; the flow and the count of updates are the caller's."""
        reason = self.reason
        at = self._at_ns if at_ns is None else at_ns
        if reason != 0:
            missing = [NO_LEVEL] * 8
            return BookFeatures._make([at, self.event_ns, reason, *missing, NO_FLOW, updates_n] + [math.nan] * 10)
        bid, ask = max(self.bids), min(self.asks)
        twice_mid = bid + ask
        tick, unit = float(self.grid.tick_size), notional_unit(self.grid)
        bid_lots, ask_lots = self.bids[bid], self.asks[ask]
        bands = [[self._band(levels, twice_mid, bps) for bps in BANDS_BPS] for levels in (self.bids, self.asks)]
        inverse = self.grid.kind == "inverse"
        bid_worth, ask_worth = (
            [sum(lots if inverse else tick * lots for tick, lots in near.items()) for near in side] for side in bands
        )
        near_bids, near_asks = bands[0][-1], bands[1][-1]
        # Weight 1 - d/D times twice_mid, an integer: twice_mid - 200 |2 p - 2 mid| for D of 50 bps.
        weighted_bid, weighted_ask = (
            sum(lots * (twice_mid - 200 * abs(2 * tick - twice_mid)) for tick, lots in near.items())
            for near in (near_bids, near_asks)
        )
        largest_bid: tuple[int, int] = max(
            near_bids.items(), key=lambda level: (level[1], level[0]), default=(NO_LEVEL, NO_LEVEL)
        )
        largest_ask: tuple[int, int] = max(
            near_asks.items(), key=lambda level: (level[1], -level[0]), default=(NO_LEVEL, NO_LEVEL)
        )
        weighted_mid = (float(bid_lots) * float(ask) + float(ask_lots) * float(bid)) / float(bid_lots + ask_lots) * tick
        quotes = (bid, ask, bid_lots, ask_lots, *largest_bid, *largest_ask)
        depths = [float(worth) * unit for worth in (*bid_worth, *ask_worth)]
        shares = (_share(weighted_bid, weighted_ask), _share(bid_worth[-1], ask_worth[-1]))
        spread_bps = 2e4 * float(ask - bid) / float(twice_mid)
        return BookFeatures._make(
            (at, self.event_ns, 0, *quotes, ofi_lots, updates_n, spread_bps, weighted_mid, *depths, *shares)
        )


def _share(bid: int, ask: int) -> float:
    return float(bid - ask) / float(bid + ask) if bid + ask > 0 else math.nan


def _levels(grid: BookGrid, levels: dict[int, int], order: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    ticks = sorted(levels, key=lambda tick: order * tick)
    lots = [levels[tick] for tick in ticks]
    return np.column_stack((grid.prices(np.array(ticks, np.int64)), grid.sizes(np.array(lots, np.int64))))


def _flow(before: _Quote | None, after: _Quote | None) -> int | None:
    """Signed size of one change of the best quotes, lots (Cont, Kukanov and Stoikov 2014, eq. 2-4)."""
    if before is None or after is None:
        return None
    (bid_0, ask_0, bid_lots_0, ask_lots_0), (bid, ask, bid_lots, ask_lots) = before, after
    flow = (bid_lots if bid >= bid_0 else 0) - (bid_lots_0 if bid <= bid_0 else 0)
    return flow - (ask_lots if ask <= ask_0 else 0) + (ask_lots_0 if ask >= ask_0 else 0)


def replay_reference(
    blocks: Iterable[BookBlock], grid: BookGrid, every: Literal["update", "message"] | int
) -> Iterator[BookFeatures]:
    """Figures at a cadence, as :meth:`liquidity.book.ladder.Ladder.apply` tells them, one row at a time."""
    book = ReferenceBook(grid)
    quote: _Quote | None = None
    flow: int | None = 0
    updates = 0
    instant: int | None = None
    starting = True
    for row in (row for block in blocks for row in rows_of(block)):
        if isinstance(every, int) and starting:
            if instant is None:
                instant = -(-row.clock_ns // every) * every
            while row.clock_ns > instant:
                yield book.features(instant, NO_FLOW if flow is None else flow, updates)
                flow, updates, instant = 0, 0, instant + every
        updates += book.apply(row)
        ends = row.message_end or row.action == INVALIDATE
        starting = ends
        if not ends and (every != "update" or row.action == SNAPSHOT):
            continue
        now = book.best()
        change = _flow(quote, now)
        flow = None if flow is None or change is None else flow + change
        quote = now
        if not isinstance(every, int):
            yield book.features(None, NO_FLOW if flow is None else flow, updates)
            flow, updates = 0, 0
