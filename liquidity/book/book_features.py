"""What the book engine tells after an update: names, units and missing values, as one row and as columns.

Integers stay on the market's grid (ticks, lots) and are exact; floats are in market units. The reference
(``reference.py``) and the compiled ladder (``ladder.py``) both give these. Read next: ``ladder.py``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liquidity.book.block import NO_TIME
from liquidity.book.grid import BookGrid

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "BANDS_BPS",
    "FLOAT_FIELDS",
    "INTEGER_FIELDS",
    "INVALID_REASONS",
    "MAX_LOTS",
    "MAX_MID2",
    "MAX_TICKS",
    "NO_FLOW",
    "NO_LEVEL",
    "BookFeatureBlock",
    "BookFeatures",
    "notional_unit",
]

BANDS_BPS: Final = (10, 25, 50)
"""Half widths of the depth bands; the last one also bounds the imbalances and the largest levels."""
INVALID_REASONS: Final = ("ok", "no_book", "crossed", "one_sided", "refused_level", "too_large")
"""Meaning of ``reason``: 0 ok; 1 before the first snapshot or after an invalidation; 2 best bid above best ask; 3 a side
is empty; 4 a level off the allowed range was refused, unknown until the next snapshot; 5 a mid above
:data:`MAX_MID2` / 2 ticks, or lots within 50 bps times twice the mid from 2**62 on: the sums would leave 63 bits."""
NO_LEVEL: Final = -1
"""Ticks and lots of a level that is not there."""
NO_FLOW: Final = int(np.iinfo(np.int64).min)
"""Order-flow imbalance that cannot be told."""
MAX_TICKS: Final = 2**53
"""Highest price in ticks, beyond which floats skip integers; a level above it is refused."""
MAX_LOTS: Final = 2**53
"""Largest size in lots; a level above it is refused."""
MAX_MID2: Final = 2**33
"""Highest sum of the best two prices in ticks for which figures are told: beyond it a band of 50 bps holds more ticks
than an array can. Levels are kept whatever their price. No market trades 2**32 ticks away from 0."""


def notional_unit(grid: BookGrid) -> float:
    """Quote currency of one lot at one tick (spot, linear), or of one lot at any price (inverse)."""
    exact = grid.lot_size if grid.kind == "inverse" else grid.lot_size * grid.tick_size
    return float(exact) * grid.contract_size


class BookFeatures(NamedTuple):
    """Figures of one book at one moment.

    Attributes
    ----------
    at_ns
        Nanoseconds since 1970 UTC: our receive time (the venue's where a tape has none), or the instant of a time grid.
    event_ns
        The venue's time of the newest message; -1 where not told.
    reason
        0, or why there are no figures: place in :data:`INVALID_REASONS`. Then ticks and lots are :data:`NO_LEVEL`,
        the flow is :data:`NO_FLOW` and every float is NaN.
    best_bid_ticks, best_ask_ticks, best_bid_lots, best_ask_lots
        The best quotes on the grid.
    largest_bid_ticks, largest_bid_lots, largest_ask_ticks, largest_ask_lots
        The largest level of each side within 50 bps of the mid, the one nearest to the mid among equals;
        :data:`NO_LEVEL` when the band holds none.
    ofi_lots
        Order-flow imbalance since the previous row, lots, positive is buying pressure: the sum over the message ends in
        between (over the updates at cadence "update"); 0 when nothing happened, :data:`NO_FLOW` when the book was
        invalid at one of them.
    updates_n
        Levels applied since the previous row.
    quoted_spread_bps
        Best ask minus best bid over the mid, 1e-4; 0 when locked.
    weighted_mid
        Quote currency; each best price weighted by the size on the other side.
    bid_depth_10bps_quote ... ask_depth_50bps_quote
        Notional in quote currency of the levels with abs(price - mid) <= mid N / 1e4, edge included; 0 when none.
    triangular_imbalance
        (B - A) / (B + A) of sizes weighted by 1 - d / D, d the distance to the mid and D that of the 50 bps edge;
        -1 asks only to +1 bids only, NaN when both are 0.
    bid_ask_imbalance
        (B - A) / (B + A) of the notionals within 50 bps; -1..1, NaN when both are 0.
    """

    at_ns: int
    event_ns: int
    reason: int
    best_bid_ticks: int
    best_ask_ticks: int
    best_bid_lots: int
    best_ask_lots: int
    largest_bid_ticks: int
    largest_bid_lots: int
    largest_ask_ticks: int
    largest_ask_lots: int
    ofi_lots: int
    updates_n: int
    quoted_spread_bps: float
    weighted_mid: float
    bid_depth_10bps_quote: float
    bid_depth_25bps_quote: float
    bid_depth_50bps_quote: float
    ask_depth_10bps_quote: float
    ask_depth_25bps_quote: float
    ask_depth_50bps_quote: float
    triangular_imbalance: float
    bid_ask_imbalance: float

    @property
    def valid(self) -> bool:
        """Whether the figures can be used."""
        return self.reason == 0

    @property
    def invalid_reason(self) -> str | None:
        """Why there are no figures; ``None`` when there are."""
        return None if self.reason == 0 else INVALID_REASONS[self.reason]


INTEGER_FIELDS: Final = BookFeatures._fields[:13]
FLOAT_FIELDS: Final = BookFeatures._fields[13:]


@dataclass(frozen=True, slots=True, eq=False)
class BookFeatureBlock:
    """Rows of :class:`BookFeatures` as columns.

    The arrays are views of the engine's own buffers: they hold until its next ``apply``; copy what must last.

    Parameters
    ----------
    integers
        int64, shape (rows, 13), each column in one piece, in the order of :data:`INTEGER_FIELDS`.
    floats
        float64, shape (rows, 10), likewise, in the order of :data:`FLOAT_FIELDS`.
    """

    integers: NDArray[np.int64]
    floats: NDArray[np.float64]

    def __len__(self) -> int:
        """Rows."""
        return len(self.integers)

    def __getitem__(self, field: str) -> NDArray[Any]:
        """One column by its field name; KeyError names an unknown one."""
        if field in INTEGER_FIELDS:
            column: NDArray[Any] = self.integers[:, INTEGER_FIELDS.index(field)]
            return column
        if field in FLOAT_FIELDS:
            return self.floats[:, FLOAT_FIELDS.index(field)]
        raise KeyError(field)

    def row(self, place: int) -> BookFeatures:
        """One row, Python numbers."""
        return BookFeatures._make(self.integers[place].tolist() + self.floats[place].tolist())

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which rows have figures."""
        valid: NDArray[np.bool_] = self["reason"] == 0
        return valid

    def table(self, grid: BookGrid) -> "pa.Table":
        """Copy into an Arrow table in market units: prices in quote currency, sizes in amount units, NaN where missing.

        ``invalid_reason`` is null in valid rows, ``event_ns`` where the venue told no time; the other columns carry the field names with ``_ticks`` replaced by
        ``_price`` and ``_lots`` by ``_size`` (``ofi_lots`` becomes ``ofi_size``).
        """
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for field in INTEGER_FIELDS:
            values = self[field]
            if field == "reason":
                columns["valid"] = values == 0
                codes = pa.array(values.astype(np.int8), mask=values == 0)
                columns["invalid_reason"] = pa.DictionaryArray.from_arrays(codes, list(INVALID_REASONS))
            elif field.endswith("_ticks"):
                columns[field.replace("_ticks", "_price")] = np.where(values < 0, np.nan, grid.prices(values))
            elif field == "ofi_lots":
                columns["ofi_size"] = np.where(values == NO_FLOW, np.nan, grid.sizes(values))
            elif field.endswith("_lots"):
                columns[field.replace("_lots", "_size")] = np.where(values < 0, np.nan, grid.sizes(values))
            elif field == "updates_n":
                columns[field] = values.astype(np.int32)
            elif field == "event_ns":
                columns[field] = pa.array(values, mask=values == NO_TIME)
            else:
                columns[field] = values.copy()
        columns |= {field: self[field].copy() for field in FLOAT_FIELDS}
        return pa.table(columns)
