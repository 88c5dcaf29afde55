"""One pass over the level changes of a book: its figures on a time grid, its levels at full minutes, and the audit of its rows.

Nothing at an instant depends on a later message. Read next: ``book_tables.py``, which lays the results out as tables.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.book_features import INVALID_REASONS, NO_FLOW, BookFeatures
from liquidity.book.depth import lob_slope_ns
from liquidity.book.depth_bands import MarketDepthAnalysis, market_depth
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.book.pressure import depth_pressure
from liquidity.book.snapshot import BookSnapshot
from liquidity.book.units import in_base_units
from liquidity.book.walls import WallRule, WallTracker
from liquidity.domain.errors import ConfigError

__all__ = [
    "DAY_NS",
    "BookPass",
    "GridRow",
    "MinuteRow",
    "SegmentAudit",
    "ViewRules",
    "columns_of",
    "median_offset_ms",
]

DAY_NS: Final = 86_400 * 10**9
_MINUTE_NS: Final = 60 * 10**9
_ALL_LEVELS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ViewRules:
    """How a book is looked at.

    Parameters
    ----------
    grid_s
        Seconds between two rows of figures, a whole divisor of 60.
    levels
        Levels of each side stored at full minutes.
    stale_s
        A longer silence is a pause of the recording, and has no rows, whatever follows it.
    wall_band_bps, wall_depth_frac
        Walls are looked for so far from the mid; a wall holds at least this share of all depth there (0-1), because a
        tape of minutes does not know the volume of 24 hours, and five times the median level.
    """

    grid_s: int = 1
    levels: int = 50
    stale_s: float = 60.0
    wall_band_bps: float = 50.0
    wall_depth_frac: float = 0.05

    def __post_init__(self) -> None:
        """Refuse rules that cannot be applied."""
        if not (1 <= self.grid_s <= 60 and 60 % self.grid_s == 0):
            raise ConfigError(f"view of a book: grid_s {self.grid_s}, allowed 1 to 60 dividing 60")
        if not (
            1 <= self.levels <= 1000 and self.stale_s > 0.0 and self.wall_band_bps > 0.0 < self.wall_depth_frac < 1.0
        ):
            raise ConfigError(f"view of a book: {self}; allowed levels 1 to 1000 and the rest above 0")


@dataclass(frozen=True, slots=True)
class GridRow:
    """Figures at one instant: those of the newest message, flow and updates since the row before, walls, pressure."""

    at_ns: int
    figures: BookFeatures
    ofi_lots: int | None
    updates_n: int
    pressure: float | None
    bid_walls_n: int
    ask_walls_n: int
    flickers_n: int


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """The levels at one full minute (amount units), and the depth analysis of all of them (base units)."""

    at_ns: int
    top: BookSnapshot
    depth: MarketDepthAnalysis
    slope: float | None
    levels_n: int


@dataclass(slots=True)
class SegmentAudit:
    """Counts of the rows of one segment received on one day; times in ns, ids -1 where there are none."""

    first_ns: int = -1
    last_ns: int = -1
    first_id: int = NO_ID
    last_id: int = NO_ID
    rows_n: int = 0
    messages_n: int = 0
    deletions_n: int = 0
    snapshots_n: int = 0
    gaps_n: int = 0
    crossed_n: int = 0
    invalid_n: int = 0
    offsets_ns: list[NDArray[np.int64]] = field(default_factory=list)


class BookPass:
    """Takes the blocks of one book in order and keeps what the tables need.

    Attributes
    ----------
    grid_rows, minute_rows
        In time order.
    audits
        By (segment, day number since 1970).
    mid_ns, mids
        Time and mid after each message, NaN where the book had none; in pieces.
    """

    def __init__(self, grid: BookGrid, rules: ViewRules) -> None:
        self.grid = grid
        self.rules = rules
        self.grid_rows: list[GridRow] = []
        self.minute_rows: list[MinuteRow] = []
        self.audits: dict[tuple[str, int], SegmentAudit] = defaultdict(SegmentAudit)
        self.mid_ns: list[NDArray[np.int64]] = []
        self.mids: list[NDArray[np.float64]] = []
        self._step_ns = rules.grid_s * 10**9
        self._stale_ns = round(rules.stale_s * 1e9)
        self._start_over()

    def _start_over(self) -> None:
        self._ladder = Ladder(self.grid)
        self._walls = WallTracker(
            WallRule(band_frac=self.rules.wall_band_bps / 1e4, floor_volume_frac=self.rules.wall_depth_frac)
        )
        self._before: BookSnapshot | None = None
        self._newest: BookFeatures | None = None
        self._newest_ns = -1
        self._ofi: int | None = 0
        self._updates = 0

    def take(self, segment: str, block: BookBlock) -> None:
        """Go through the rows of a block, telling every grid instant that a later row shows to be over."""
        if not len(block):
            return
        clock = np.where(block.received_ns == NO_TIME, block.event_ns, block.received_ns)
        clock = np.maximum.accumulate(clock)
        rested = self._newest_ns >= 0 and int(clock[0]) - self._newest_ns > self._stale_ns
        if rested and block.action[0] == SNAPSHOT:
            self._start_over()
        done = 0
        for instant, rows in self._cuts(clock):
            self._apply(segment, block, clock, done, rows)
            done = rows
            # In a long silence the recording rested: what it would say of it must not depend on what was read after it.
            if int(clock[rows]) - self._newest_ns <= self._stale_ns:
                self._tell_until(instant)
        self._apply(segment, block, clock, done, len(block))

    def _cuts(self, clock: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        """Instants before the block's last row, each with the rows received until then."""
        begin = int(clock[0]) if self._newest_ns < 0 else self._newest_ns
        first = -(-begin // self._step_ns) * self._step_ns
        instants = np.arange(first, int(clock[-1]), self._step_ns)
        rows = np.searchsorted(clock, instants, side="right")
        # Instants between the same two messages are told together.
        last = np.append(np.diff(rows) != 0, True) if len(rows) else np.zeros(0, dtype=bool)
        yield from zip(instants[last].tolist(), rows[last].tolist(), strict=True)

    def _apply(self, segment: str, block: BookBlock, clock: NDArray[np.int64], first: int, last: int) -> None:
        if first >= last:
            return
        part = BookBlock(*(getattr(block, name)[first:last] for name in BookBlock.__slots__))
        told = self._ladder.apply(part, every="message")
        self._audit(segment, part, clock[first:last])
        self._newest_ns = int(clock[last - 1])
        if not len(told):
            return
        ends, reason, flow = np.maximum.accumulate(told["at_ns"]), told["reason"], told["ofi_lots"]
        crossed, day = reason == INVALID_REASONS.index("crossed"), ends // DAY_NS
        for number in np.unique(day).tolist():
            audit = self.audits[(segment, number)]
            audit.crossed_n += int((crossed & (day == number)).sum())
            audit.invalid_n += int(((reason != 0) & (day == number)).sum())
        twice = (told["best_bid_ticks"] + told["best_ask_ticks"]).astype(np.float64)
        self.mid_ns.append(ends)
        self.mids.append(np.where(reason == 0, 0.5 * twice * float(self.grid.tick_size), np.nan))
        unknown = self._ofi is None or bool((flow == NO_FLOW).any())
        self._ofi = None if unknown else (self._ofi or 0) + int(flow.sum())
        self._updates += int(told["updates_n"].sum())
        self._newest = told.row(len(told) - 1)

    def _audit(self, segment: str, part: BookBlock, clock: NDArray[np.int64]) -> None:
        days = clock // DAY_NS
        for number in np.unique(days).tolist():
            audit = self.audits[(segment, number)]
            here = days == number
            action, ends = part.action[here], part.message_end[here]
            ids = part.last_id[here]
            ids = ids[ids != NO_ID]
            if audit.first_ns < 0:
                audit.first_ns = int(clock[here][0])
            audit.last_ns = int(clock[here][-1])
            if len(ids):
                audit.first_id = int(ids[0]) if audit.first_id == NO_ID else audit.first_id
                audit.last_id = int(ids[-1])
            audit.rows_n += int(((action != INVALIDATE) & (part.side[here] != 0)).sum())
            audit.messages_n += int(ends.sum())
            audit.deletions_n += int(((action == DELTA) & (part.size_lots[here] == 0) & (part.side[here] != 0)).sum())
            audit.snapshots_n += int(((action == SNAPSHOT) & ends).sum())
            audit.gaps_n += int((action == INVALIDATE).sum())
            both = ends & (part.received_ns[here] != NO_TIME) & (part.event_ns[here] != NO_TIME)
            audit.offsets_ns.append((part.received_ns[here] - part.event_ns[here])[both])

    def _tell_until(self, instant: int) -> None:
        """Tell the grid instants up to ``instant`` that are not told yet, all from the state as it is now."""
        if self._newest is None:
            return
        since = self.grid_rows[-1].at_ns if self.grid_rows else -1
        first = -(-self._newest_ns // self._step_ns) * self._step_ns
        first = max(first, since + self._step_ns) if since >= 0 else first
        for at_ns in range(first, instant + 1, self._step_ns):
            self._tell(at_ns, self._newest)
            self._ofi, self._updates = 0 if self._newest.valid else None, 0

    def _tell(self, at_ns: int, newest: BookFeatures) -> None:
        book = self._ladder.levels_within(self.rules.wall_band_bps)
        base = in_base_units(book, self.grid.contract_size, self.grid.kind)
        # The floor of the rule is a share of a volume; here it is one of the depth in sight.
        in_sight = float(sum((side[:, 0] * side[:, 1]).sum() for side in (base.bids, base.asks)))
        walls = self._walls.update(at_ns, base, volume_24h_quote=in_sight)
        known = newest.valid
        pressure = depth_pressure(self._before, base).pressure if known and self._before is not None else None
        self._before = base if known else None
        sides = [each.level.side for each in walls.walls]
        self.grid_rows.append(
            GridRow(
                at_ns, newest, self._ofi if known else None, self._updates, pressure, sides.count("bid"),
                sides.count("ask"), len(walls.vanished),
            )
        )  # fmt: skip
        if at_ns % _MINUTE_NS == 0 and known:
            whole = self._ladder.top(_ALL_LEVELS)
            in_base = in_base_units(whole, self.grid.contract_size, self.grid.kind)
            top = BookSnapshot(whole.bids[: self.rules.levels], whole.asks[: self.rules.levels])
            levels_n = len(whole.bids) + len(whole.asks)
            slope = lob_slope_ns(_in_lots(whole, self.grid)).slope
            self.minute_rows.append(MinuteRow(at_ns, top, market_depth(in_base), slope, levels_n))


def _in_lots(book: BookSnapshot, grid: BookGrid) -> BookSnapshot:
    """Sizes counted in lots, as shares are: the slope takes their logarithm, and a coin's touch holds less than one."""
    per_lot = np.array([1.0, 1.0 / float(grid.lot_size)])
    return BookSnapshot(book.bids * per_lot, book.asks * per_lot)


def columns_of(rows: list[GridRow]) -> dict[str, NDArray[Any]]:
    """The figures of many rows as columns, NaN where missing."""
    names = BookFeatures._fields
    return {name: np.array([row.figures[place] for row in rows]) for place, name in enumerate(names)}


def median_offset_ms(audit: SegmentAudit) -> float:
    """Median of receipt less venue time, ms; NaN without venue times."""
    offsets = np.concatenate(audit.offsets_ns) if audit.offsets_ns else np.zeros(0)
    return float(np.median(offsets)) / 1e6 if len(offsets) else math.nan
