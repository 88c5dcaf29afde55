"""The order book at speed: level changes in, figures out, equal to ``reference.py`` at every row.

Each side is a dense array of lots indexed by tick around its best price; orders outside wait in a small table and come
back exactly when the array moves. The loop is compiled (``_ladder_kernel.py``). Read next: ``live_book.py``, ``replay.py``.
"""

import math
import mmap
from fractions import Fraction
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.book.block import NO_ID, NO_TIME, BookBlock
from liquidity.book.book_features import (
    FLOAT_FIELDS,
    INTEGER_FIELDS,
    INVALID_REASONS,
    MAX_LOTS,
    MAX_MID2,
    MAX_TICKS,
    NO_LEVEL,
    BookFeatureBlock,
    notional_unit,
)
from liquidity.book.grid import BookGrid
from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import ConfigError, ContractError

__all__ = ["MAX_INSTANTS", "Cadence", "Ladder"]

Cadence = Literal["update", "message"] | int
"""When figures are told: after every level, after every message, or at each multiple of so many nanoseconds."""

MAX_INSTANTS: Final = 10_000_000
"""Most instants of a time grid that one block may span; more is a broken clock."""
_MAX_HALF_TICKS: Final = 2**20
_WIDEST_BAND_FRAC: Final = 0.0051  # 50 bps of the mid and a little, the least an array must reach beyond the best price
_MOST_BAND_TICKS: Final = MAX_MID2 // 2 + MAX_MID2 // 100  # no band that is told reaches a best price above it
_FIRST_FAR: Final = 256


class Ladder:
    """One book.

    Parameters
    ----------
    grid
        Steps and units of the market.
    depth_frac
        How far each side's array reaches around its best price, fraction (at most 2**20 ticks, at least the 50 bps
        band). It bounds memory, never the book: orders beyond are kept aside.

    Notes
    -----
    Memory grows with the pages that levels touch, not with the width. A row off the allowed range (size below 0 or
    above ``MAX_LOTS``, price below 1 or above ``MAX_TICKS`` ticks) is counted in ``refused_n`` and the book is invalid
    until its next snapshot.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from liquidity.book.block import SNAPSHOT
    >>> grid = BookGrid(Decimal("0.5"), Decimal("1"))
    >>> ids = np.full(2, -1)
    >>> rows = BookBlock(np.array([1, 1]), ids, np.full(2, SNAPSHOT, np.int8), np.array([False, True]),
    ...                  np.array([1, -1], np.int8), np.array([199, 201]), np.array([3, 1]), ids, ids, ids)
    >>> ladder = Ladder(grid)
    >>> ladder.apply(rows, every="message").row(0).quoted_spread_bps
    100.0
    >>> ladder.top(1).bids
    array([[99.5,  3. ]])
    """

    def __init__(self, grid: BookGrid, depth_frac: float = 0.2) -> None:
        if not _WIDEST_BAND_FRAC <= depth_frac < 1.0:
            raise ConfigError(f"ladder: depth_frac {depth_frac}, allowed [{_WIDEST_BAND_FRAC}, 1)")
        from liquidity.book import _ladder_kernel as kernel

        self.grid = grid
        self.depth_frac = depth_frac
        self._kernel: Any = kernel
        self._units = (grid.kind == "inverse", float(grid.tick_size), notional_unit(grid))
        self._lot = float(grid.lot_size)
        self._message = [np.zeros(0, dtype) for _, dtype in _INPUTS]
        self._bid = self._ask = np.zeros(0, np.int64)
        self._far_keys, self._far_lots = np.zeros(_FIRST_FAR, np.int64), np.zeros(_FIRST_FAR, np.int64)
        self._state = np.zeros(kernel.STATE_SIZE, np.int64)
        self._state[kernel.BOOK_REASON] = INVALID_REASONS.index("no_book")
        self._state[[kernel.BEST_BID, kernel.BID_HI, kernel.ASK_HI, kernel.NEXT_INSTANT]] = -1
        self._state[kernel.BEST_ASK] = kernel.NO_ASK
        self._state[kernel.LAST_ID], self._state[kernel.STARTING], self._state[kernel.EVENT_NS] = NO_ID, 1, NO_TIME
        self._unsync()
        self._mode: Cadence | None = None
        self._room = 0
        self._make_room(64)
        self._sums = np.zeros((8, kernel.PLACES + 8), np.int64)

    def apply(self, block: BookBlock, every: Cadence = "message") -> BookFeatureBlock:
        """Take the rows of a block in, continuing where the last block ended, which may be inside a message.

        Parameters
        ----------
        every
            ``"update"``: a row of figures after every level (after a snapshot's last one only). ``"message"``: after
            every message. An int: at every multiple of so many nanoseconds since 1970, told once a later message is
            there; the state is that of all messages received up to and including the instant, so nothing later enters.
            A ladder keeps to one cadence.

        Returns
        -------
        BookFeatureBlock
            Views of buffers that the next call writes over.

        Raises
        ------
        ContractError
            The update ids fall behind the book's, a time grid meets rows without a time, or a block spans more than
            :data:`MAX_INSTANTS` instants. Nothing of the block was taken.
        """
        mode, every_ns = self._cadence(every)
        rows = len(block)
        room = rows if mode < 2 else self._instants(block, every_ns)
        columns = [np.ascontiguousarray(getattr(block, name), dtype) for name, dtype in _INPUTS]
        ids = [np.ascontiguousarray(column, np.int64) for column in (block.last_id, block.previous_id)]
        behind = self._kernel.first_behind(columns[2], columns[3], *ids, self._state)
        if behind >= 0:
            raise ContractError(
                f"book rows: last_id {block.last_id[behind]} at row {behind} of the block after "
                f"{self._state[self._kernel.LAST_ID]} or a later one, allowed the same or above; pass messages in "
                "order, through liquidity.book.synchroniser"
            )
        return self._run(columns, rows, mode, every_ns, room)

    def apply_levels(
        self,
        action: int,
        prices: NDArray[np.float64],
        sizes: NDArray[np.float64],
        bids_n: int,
        received_ns: int,
        event_ns: int = NO_TIME,
    ) -> BookFeatureBlock:
        """Take one whole message in at cadence "message", levels as the venue writes them; the live path.

        Parameters
        ----------
        action
            ``DELTA``, ``SNAPSHOT`` or ``INVALIDATE`` (which has no levels).
        prices, sizes
            Shape (levels,), quote currency and amount units, the first ``bids_n`` of them bids.

        Returns
        -------
        BookFeatureBlock
            One row, views as in :meth:`apply`.

        Raises
        ------
        ContractError
            A level off the grid or off its limits; nothing of the message was taken.
        """
        levels = len(prices)
        self._cadence("message")
        rows = max(levels, 1)
        if len(self._message[0]) < rows:
            self._message = [np.zeros(2 * rows, dtype) for _, dtype in _INPUTS]
        received, event, actions, ends, sides, ticks, lots = self._message
        if levels == 0:
            actions[0], ends[0], sides[0] = action, True, 0
        else:
            tick, lot = self._units[1], self._lot
            bad = self._kernel.rows_of_floats(
                prices, sizes, bids_n, tick, lot, action, actions, ends, sides, ticks, lots
            )
            if bad >= 0:
                raise ContractError(
                    f"book message: level {bad} has price {prices[bad]} and size {sizes[bad]}, allowed whole multiples of "
                    f"{self.grid.tick_size} up to {MAX_TICKS} and of {self.grid.lot_size} up to {MAX_LOTS}; check the "
                    "market's steps"
                )
        received[rows - 1], event[rows - 1] = received_ns, event_ns
        return self._run(self._message, rows, 1, 0, 1)

    def _run(self, columns: list[Any], rows: int, mode: int, every_ns: int, room: int) -> BookFeatureBlock:
        """Run the compiled loop, moving the arrays or widening the table whenever it asks."""
        kernel, state = self._kernel, self._state
        if self._room < room:
            self._make_room(room)
        done = state[kernel.OUT_ROWS] = 0
        while True:
            done, status = kernel.apply_rows(
                *columns, done, rows, mode, every_ns, *self._units,
                state, self._bid, self._ask, self._far_keys, self._far_lots,
                self._sums, self._integers, self._floats,
            )  # fmt: skip
            if status == kernel.DONE:
                told = int(state[kernel.OUT_ROWS])
                return BookFeatureBlock(self._integers[:, :told].T, self._floats[:, :told].T)
            if status == kernel.FAR_FULL:
                self._widen_far()
            else:
                self._move(is_bid=status == kernel.REBASE_BID, pending=int(state[kernel.PENDING]))

    def _make_room(self, rows: int) -> None:
        """Output buffers, a column in one piece; 8 more rows keep columns out of each other's places in the cache."""
        self._room = -(-rows // 64) * 64
        self._integers = np.empty((len(INTEGER_FIELDS), self._room + 8), np.int64)
        self._floats = np.empty((len(FLOAT_FIELDS), self._room + 8), np.float64)

    def _cadence(self, every: Cadence) -> tuple[int, int]:
        if self._mode is not None and every != self._mode:
            raise ConfigError(f"ladder: cadence {every!r} after {self._mode!r}, allowed one per ladder; make another")
        if every == "update":
            mode, every_ns = 0, 0
        elif every == "message":
            mode, every_ns = 1, 0
        elif isinstance(every, int) and every > 0:
            mode, every_ns = 2, every
        else:
            raise ConfigError(f"ladder: every {every!r}, allowed 'update', 'message' or nanoseconds above 0")
        self._mode = every
        return mode, every_ns

    def _instants(self, block: BookBlock, every_ns: int) -> int:
        """Instants that a block can pass, at most."""
        if not len(block):
            return 0
        clock = np.where(block.received_ns == NO_TIME, block.event_ns, block.received_ns)
        if int(clock.min()) < 0:
            raise ContractError(
                f"book rows: row {int(clock.argmin())} has neither received_ns nor event_ns, which a time grid needs"
            )
        begun = int(self._state[self._kernel.NEXT_INSTANT])
        instants = (int(clock.max()) - (int(clock[0]) if begun < 0 else begun)) // every_ns + 1
        if instants > MAX_INSTANTS:
            raise ContractError(
                f"book rows: the clock runs to {int(clock.max())} ns, {instants} instants of {every_ns} ns ahead, allowed "
                f"{MAX_INSTANTS} in one block; cut the tape at the jump"
            )
        return max(instants, 0)

    def _unsync(self) -> None:
        kernel = self._kernel
        self._state[kernel.SYNCED_MID2] = -1
        self._state[kernel.EDGES : kernel.EDGES + 3] = 2**62
        self._state[kernel.EDGES + 3 : kernel.EDGES + 6] = -1

    def _widen_far(self) -> None:
        """Drop the removed levels of the table, and double it when that does not free half of it."""
        kernel, state = self._kernel, self._state
        size = len(self._far_keys)
        if int(state[kernel.BID_FAR_N] + state[kernel.ASK_FAR_N]) * 4 >= size:
            size *= 2
        keys, lots = np.zeros(size, np.int64), np.zeros(size, np.int64)
        state[kernel.FAR_USED] = kernel.far_rehash(self._far_keys, self._far_lots, keys, lots)
        self._far_keys, self._far_lots = keys, lots

    def _side(self, *, is_bid: bool) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Ticks and lots of all levels of a side, unordered, and the indices of those in the dense array."""
        kernel, state = self._kernel, self._state
        low, high = (kernel.BID_LO, kernel.BID_HI) if is_bid else (kernel.ASK_LO, kernel.ASK_HI)
        levels, base = (self._bid, state[kernel.BID_BASE]) if is_bid else (self._ask, state[kernel.ASK_BASE])
        first = int(state[low])
        near = np.flatnonzero(levels[first : max(int(state[high]) + 1, first)]) + first
        is_far = np.zeros(0, np.intp)
        if state[kernel.FAR_USED]:
            keys = self._far_keys
            is_far = np.flatnonzero((keys != 0) & (self._far_lots != 0) & ((keys & 1) == is_bid))
        ticks = np.concatenate((near + base, self._far_keys[is_far] >> 1))
        return ticks, np.concatenate((levels[near], self._far_lots[is_far])), near

    def _move(self, *, is_bid: bool, pending: int) -> None:
        """Lay a side's dense array around its best price, or around ``pending`` where that is better."""
        kernel, state = self._kernel, self._state
        ticks, lots, _ = self._side(is_bid=is_bid)
        prices = np.append(ticks, pending) if pending >= 0 else ticks
        best = int(prices.max() if is_bid else prices.min())
        half = min(int(best * self.depth_frac), _MAX_HALF_TICKS)
        if best <= _MOST_BAND_TICKS:
            half = max(half, int(best * 2 * _WIDEST_BAND_FRAC) + 64)
        base = max(best - half, 1)
        levels = _untouched(best + half + 1 - base)
        inside = (ticks >= base) & (ticks <= best + half)
        index = ticks[inside] - base
        levels[index] = lots[inside]
        low, high = (int(index.min()), int(index.max())) if len(index) else (len(levels), -1)
        best_told = base + (high if is_bid else low)
        if not len(index):
            best_told = NO_LEVEL if is_bid else kernel.NO_ASK
        if is_bid:
            self._bid = levels
            state[[kernel.BID_BASE, kernel.BID_LO, kernel.BID_HI, kernel.BEST_BID]] = base, low, high, best_told
        else:
            self._ask = levels
            state[[kernel.ASK_BASE, kernel.ASK_LO, kernel.ASK_HI, kernel.BEST_ASK]] = base, low, high, best_told
        self._store_far(ticks[~inside], lots[~inside], is_bid=is_bid)
        self._unsync()

    def _store_far(self, ticks: NDArray[np.int64], lots: NDArray[np.int64], *, is_bid: bool) -> None:
        """Replace one side's part of the table of outside orders."""
        kernel, state = self._kernel, self._state
        others = np.flatnonzero((self._far_keys != 0) & (self._far_lots != 0) & ((self._far_keys & 1) != is_bid))
        keys = np.concatenate((self._far_keys[others], 2 * ticks + is_bid))
        amounts = np.concatenate((self._far_lots[others], lots))
        size = _FIRST_FAR
        while size < 4 * len(keys):
            size *= 2
        self._far_keys, self._far_lots = np.zeros(size, np.int64), np.zeros(size, np.int64)
        state[kernel.FAR_USED] = kernel.far_rehash(keys, amounts, self._far_keys, self._far_lots)
        state[kernel.BID_FAR_N if is_bid else kernel.ASK_FAR_N] = len(ticks)

    @property
    def valid(self) -> bool:
        """A snapshot has come, nothing invalidated it, both sides have a level, and they do not cross."""
        kernel, state = self._kernel, self._state
        bid, ask = int(state[kernel.BEST_BID]), int(state[kernel.BEST_ASK])
        return int(state[kernel.BOOK_REASON]) == 0 and NO_LEVEL < bid <= ask < kernel.NO_ASK

    @property
    def outside_n(self) -> int:
        """Levels kept outside of the dense arrays."""
        return int(self._state[self._kernel.BID_FAR_N] + self._state[self._kernel.ASK_FAR_N])

    @property
    def refused_n(self) -> int:
        """Rows refused because a price or size was off the allowed range."""
        return int(self._state[self._kernel.REFUSED_N])

    @property
    def memory_bytes(self) -> int:
        """Address space of all arrays; levels that were never touched take no memory of it."""
        arrays = (
            self._bid,
            self._ask,
            self._far_keys,
            self._far_lots,
            self._integers,
            self._floats,
            self._sums,
            self._state,
        )
        return sum(array.nbytes for array in arrays)

    def top(self, n: int) -> BookSnapshot:
        """Best ``n`` levels of each side in market units; empty sides when the book is unknown."""
        return BookSnapshot(self._levels(n, is_bid=True), self._levels(n, is_bid=False))

    def levels_within(self, bps: float) -> BookSnapshot:
        """Levels with abs(price - mid) <= mid bps / 1e4 (in integers, edge included); empty when there is no mid."""
        kernel, state = self._kernel, self._state
        if not self.valid:
            return BookSnapshot(np.zeros((0, 2)), np.zeros((0, 2)))
        twice_mid = int(state[kernel.BEST_BID] + state[kernel.BEST_ASK])
        most = math.floor(twice_mid * Fraction(bps) / 10_000)
        sides = []
        for is_bid in (True, False):
            ticks, lots, _ = self._side(is_bid=is_bid)
            near = np.abs(2 * ticks - twice_mid) <= most
            sides.append(self._in_units(ticks[near], lots[near], is_bid=is_bid))
        return BookSnapshot(*sides)

    def _levels(self, n: int, *, is_bid: bool) -> NDArray[np.float64]:
        kernel, state = self._kernel, self._state
        levels, base = (self._bid, int(state[kernel.BID_BASE])) if is_bid else (self._ask, int(state[kernel.ASK_BASE]))
        best = int(state[kernel.BEST_BID if is_bid else kernel.BEST_ASK])
        stop = int(state[kernel.BID_LO]) - 1 if is_bid else int(state[kernel.ASK_HI]) + 1
        index = np.empty(n, np.int64)
        found = 0
        if best not in (NO_LEVEL, kernel.NO_ASK):
            found = kernel.nearest_levels(levels, best - base, stop, -1 if is_bid else 1, index)
        if found < n and int(state[kernel.BID_FAR_N if is_bid else kernel.ASK_FAR_N]):
            ticks, lots, _ = self._side(is_bid=is_bid)
            return self._in_units(ticks, lots, is_bid=is_bid)[:n]
        return self._in_units(index[:found] + base, levels[index[:found]], is_bid=is_bid)

    def _in_units(self, ticks: NDArray[np.int64], lots: NDArray[np.int64], *, is_bid: bool) -> NDArray[np.float64]:
        order = np.argsort(-ticks if is_bid else ticks)
        return np.column_stack((self.grid.prices(ticks[order]), self.grid.sizes(lots[order])))


def _untouched(size: int) -> NDArray[np.int64]:
    """Zeros whose pages take memory only once they are written to, whatever the process has freed before.

    ``np.zeros`` may hand out freed memory again: that must be cleared first and is then held whole.
    """
    return np.frombuffer(mmap.mmap(-1, 8 * size), np.int64)


_INPUTS: Final[tuple[tuple[str, type[Any]], ...]] = (
    ("received_ns", np.int64),
    ("event_ns", np.int64),
    ("action", np.int8),
    ("message_end", np.bool_),
    ("side", np.int8),
    ("price_ticks", np.int64),
    ("size_lots", np.int64),
)
