"""The tables of order books: trades, audited segments, figures on the grid, levels and depth at full minutes.

:func:`book_tables` lays out one pass over a tape (``book_pass.py``). Read next: ``book_daily.py``, which sums a day up.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.book.book_features import FLOAT_FIELDS, INVALID_REASONS, NO_FLOW
from liquidity.book.book_score import BookScore, book_score
from liquidity.book.grid import BookGrid
from liquidity.book.toxicity import book_toxicity, toxicity_path
from liquidity.book.trade_costs import trade_costs
from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.contracts.crypto import (
    BOOK_DELTAS,
    BOOK_FEATURES,
    BOOK_SNAPSHOTS,
    MARKET_DEPTH,
    VENUE_TRADES,
)
from liquidity.contracts.table import TableContract
from liquidity.features.book_pass import DAY_NS, BookPass, GridRow, columns_of, median_offset_ms

__all__ = ["BOOK_TABLES", "BookName", "SegmentFacts", "TradeColumns", "book_tables", "gathered"]

BOOK_TABLES: Final = (VENUE_TRADES, BOOK_DELTAS, BOOK_SNAPSHOTS, BOOK_FEATURES, MARKET_DEPTH)
"""Tables that one pass over a tape gives."""
_WARM_UP_NS: Final = 60 * 10**9
_WARM_UP_BUCKETS: Final = 30
_DEPTH_LABELS: Final = ("0p1pct", "0p5pct", "1pct", "2pct", "5pct", "10pct")
_COST_LABELS: Final = ("10k", "100k", "1m")


@dataclass(frozen=True, slots=True)
class BookName:
    """Which book: ``source`` says where its tape comes from (``simulated`` for the generator's)."""

    venue: str
    venue_symbol: str
    source: str

    @property
    def instrument_id(self) -> str:
        """``VENUE:LOCAL``."""
        return f"{self.venue}:{self.venue_symbol}"


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What the file of a segment tells beside its rows; ``duplicates_n`` is ``None`` where it does not tell."""

    sha256: str
    duplicates_n: int | None


@dataclass(frozen=True, slots=True, eq=False)
class TradeColumns:
    """Trades of one book in order of receipt: ns since 1970 UTC, price, amount units, taker +1, -1, 0 not told."""

    received_ns: NDArray[np.int64]
    event_ns: NDArray[np.int64]
    trade_id: NDArray[np.object_]
    price: NDArray[np.float64]
    amount: NDArray[np.float64]
    taker_sign: NDArray[np.int8]


def book_tables(
    name: BookName,
    seen: BookPass,
    trades: TradeColumns | None,
    segments: Mapping[str, SegmentFacts],
) -> dict[str, pd.DataFrame]:
    """Rows of :data:`BOOK_TABLES` by table name, of all days that the pass went over.

    Parameters
    ----------
    trades
        ``None`` for a tape without a trade stream; toxicity is then told by the flow of the best quotes.

    Notes
    -----
    Toxicity of trades: buckets hold a thirtieth of the volume of the first 60 s of trades, and the newest fifty enter;
    null until they are full. It is a monitor of minutes, not the measure of a day.
    """
    ids = {"instrument_id": name.instrument_id, "venue": name.venue, "source": name.source}
    return {
        VENUE_TRADES.name: _trade_rows(ids, seen, trades),
        BOOK_DELTAS.name: _segment_rows(ids, seen, segments),
        BOOK_SNAPSHOTS.name: _level_rows(ids, seen),
        BOOK_FEATURES.name: _feature_rows(ids, seen, trades),
        MARKET_DEPTH.name: _depth_rows(ids, seen),
    }


def gathered(contract: TableContract, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several books as one frame of the contract's columns, sorted by its key."""
    having = [part for part in parts if len(part)]
    if not having:
        return frame_from_table(empty_table(contract))
    whole = pd.concat(having, ignore_index=True)
    return whole.sort_values(list(contract.key), ignore_index=True)[list(contract.column_names)]


def _frame(contract: TableContract, ids: Mapping[str, str], columns: Mapping[str, Any], rows: int) -> pd.DataFrame:
    if not rows:
        return frame_from_table(empty_table(contract))
    frame = pd.DataFrame({**columns, **ids}, index=pd.RangeIndex(rows))
    return frame[list(contract.column_names)]


def _times(ns: Any) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.asarray(ns, dtype=np.int64).view("datetime64[ns]").astype("datetime64[us]"), tz="UTC")


def _days(ns: Any) -> NDArray[np.datetime64]:
    return (np.asarray(ns, dtype=np.int64) // DAY_NS).astype("datetime64[D]").astype("datetime64[us]")


def _whole(values: list[int | None]) -> Any:
    return pd.array(values, dtype="Int64")


# --- trades ---------------------------------------------------------------------------------------------------------


def _notional(grid: BookGrid, price: NDArray[np.float64], amount: NDArray[np.float64]) -> NDArray[np.float64]:
    worth = amount * grid.contract_size
    return worth if grid.kind == "inverse" else worth * price


def _trade_rows(ids: Mapping[str, str], seen: BookPass, trades: TradeColumns | None) -> pd.DataFrame:
    if trades is None or not len(trades.price):
        return frame_from_table(empty_table(VENUE_TRADES))
    mid_ns, mids = _mid_path(seen)
    sign = trades.taker_sign.astype(np.float64)
    # Without a limit, the first trades of a recording would be held against the last mid of the recording before.
    costs = trade_costs(trades.received_ns, trades.price, sign, mid_ns, mids, max_age_s=seen.rules.stale_s)
    told = trades.event_ns >= 0
    columns = {
        "session_date": _days(trades.received_ns),
        "trade_id": trades.trade_id.astype(object),
        "traded_at": _times(np.where(told, trades.event_ns, trades.received_ns)),
        "received_at": _times(trades.received_ns),
        "price": trades.price,
        "amount": trades.amount,
        "notional_quote": _notional(seen.grid, trades.price, trades.amount),
        "taker_sign": pd.array(trades.taker_sign.astype(np.int64), dtype="Int64"),
        "effective_spread_bps": costs.effective_bps,
    }
    frame = _frame(VENUE_TRADES, ids, columns, len(trades.price))
    frame.loc[frame["taker_sign"] == 0, "taker_sign"] = pd.NA
    return frame


def _mid_path(seen: BookPass) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    if not seen.mid_ns:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    return np.maximum.accumulate(np.concatenate(seen.mid_ns)), np.concatenate(seen.mids)


# --- segments -------------------------------------------------------------------------------------------------------


def _segment_rows(ids: Mapping[str, str], seen: BookPass, segments: Mapping[str, SegmentFacts]) -> pd.DataFrame:
    rows = []
    for (path, day), audit in seen.audits.items():
        offset = median_offset_ms(audit)
        rows.append(
            {
                "session_date": np.datetime64(day, "D").astype("datetime64[us]"),
                "path": path,
                "sha256": segments[path].sha256,
                "first_received_at": _times([audit.first_ns])[0],
                "last_received_at": _times([audit.last_ns])[0],
                "first_id": audit.first_id if audit.first_id >= 0 else None,
                "last_id": audit.last_id if audit.last_id >= 0 else None,
                "rows_count": audit.rows_n,
                "messages_count": audit.messages_n,
                "deletions_count": audit.deletions_n,
                "snapshots_count": audit.snapshots_n,
                "gaps_count": audit.gaps_n,
                "duplicates_count": segments[path].duplicates_n,
                "crossed_count": audit.crossed_n,
                "invalid_frac": audit.invalid_n / max(audit.messages_n, 1),
                "clock_offset_ms": None if math.isnan(offset) else offset,
                **ids,
            }
        )
    if not rows:
        return frame_from_table(empty_table(BOOK_DELTAS))
    frame = pd.DataFrame(rows)
    for column in ("first_id", "last_id", "duplicates_count"):
        frame[column] = frame[column].astype("Int64")
    frame["clock_offset_ms"] = frame["clock_offset_ms"].astype("float64")
    return frame[list(BOOK_DELTAS.column_names)]


# --- levels and depth at full minutes -------------------------------------------------------------------------------


def _level_rows(ids: Mapping[str, str], seen: BookPass) -> pd.DataFrame:
    parts = []
    for row in seen.minute_rows:
        for side, levels in (("ask", row.top.asks), ("bid", row.top.bids)):
            columns = {
                "session_date": _days([row.at_ns])[0],
                "at": _times([row.at_ns])[0],
                "side": side,
                "level": np.arange(1, len(levels) + 1),
                "price": levels[:, 0],
                "size": levels[:, 1],
                "notional_quote": _notional(seen.grid, levels[:, 0], levels[:, 1]),
            }
            parts.append(_frame(BOOK_SNAPSHOTS, ids, columns, len(levels)))
    return gathered(BOOK_SNAPSHOTS, parts)


def _depth_rows(ids: Mapping[str, str], seen: BookPass) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for row in seen.minute_rows:
        depth = row.depth
        if depth.mid is None:
            continue
        record: dict[str, Any] = {"session_date": _days([row.at_ns])[0], "at": _times([row.at_ns])[0], "mid": depth.mid}
        for label, band in zip(_DEPTH_LABELS, depth.bands, strict=True):
            record[f"bid_depth_{label}_quote"] = band.bid_quote if band.bid_covered else np.nan
            record[f"ask_depth_{label}_quote"] = band.ask_quote if band.ask_covered else np.nan
        for label, cost in zip((*_COST_LABELS, *_COST_LABELS), depth.costs, strict=True):
            record[f"{cost.side}_cost_{label}_bps"] = np.nan if cost.cost_bps is None else cost.cost_bps
        record["xlm_100k_bps"] = record["buy_cost_100k_bps"] + record["sell_cost_100k_bps"]
        record["slope"] = np.nan if row.slope is None else row.slope
        record["levels_count"] = row.levels_n
        rows.append(record | dict(ids))
    if not rows:
        return frame_from_table(empty_table(MARKET_DEPTH))
    return pd.DataFrame(rows)[list(MARKET_DEPTH.column_names)]


# --- figures on the grid --------------------------------------------------------------------------------------------


def _feature_rows(ids: Mapping[str, str], seen: BookPass, trades: TradeColumns | None) -> pd.DataFrame:
    rows = seen.grid_rows
    if not rows:
        return frame_from_table(empty_table(BOOK_FEATURES))
    grid, figures = seen.grid, columns_of(rows)
    at_ns = np.array([row.at_ns for row in rows], dtype=np.int64)
    valid = figures["reason"] == 0

    def price(name: str) -> NDArray[np.float64]:
        ticks = figures[name].astype(np.int64)
        return np.where(valid & (ticks >= 0), grid.prices(ticks), np.nan)

    def size(name: str) -> NDArray[np.float64]:
        lots = figures[name].astype(np.int64)
        return np.where(valid & (lots >= 0), grid.sizes(lots), np.nan)

    toxicity, basis = _toxicity(seen, trades, at_ns)
    toxicity = np.where(valid, toxicity, np.nan)
    ofi = np.array([NO_FLOW if row.ofi_lots is None else row.ofi_lots for row in rows], dtype=np.int64)
    columns: dict[str, Any] = {
        "session_date": _days(at_ns),
        "at": _times(at_ns),
        "valid": valid,
        "reason": pd.array([None if ok else INVALID_REASONS[code] for ok, code in zip(valid, figures["reason"].astype(int), strict=True)], dtype="str"),
        "best_bid": price("best_bid_ticks"),
        "best_ask": price("best_ask_ticks"),
        "best_bid_size": size("best_bid_lots"),
        "best_ask_size": size("best_ask_lots"),
        "bid_largest_price": price("largest_bid_ticks"),
        "bid_largest_size": size("largest_bid_lots"),
        "ask_largest_price": price("largest_ask_ticks"),
        "ask_largest_size": size("largest_ask_lots"),
        "ofi_size": np.where(ofi == NO_FLOW, np.nan, grid.sizes(np.where(ofi == NO_FLOW, 0, ofi))),
        "updates_count": np.array([row.updates_n for row in rows], dtype=np.int64),
        "toxicity": toxicity,
        "toxicity_basis": pd.array([basis if known else None for known in ~np.isnan(toxicity)], dtype="str"),
        "depth_pressure": np.array([np.nan if row.pressure is None else row.pressure for row in rows]),
        "bid_walls_count": _whole([row.bid_walls_n if ok else None for row, ok in zip(rows, valid, strict=True)]),
        "ask_walls_count": _whole([row.ask_walls_n if ok else None for row, ok in zip(rows, valid, strict=True)]),
        "flickers_count": _whole([row.flickers_n if ok else None for row, ok in zip(rows, valid, strict=True)]),
        **_scores(rows),
    }  # fmt: skip
    columns |= {name: figures[name] for name in FLOAT_FIELDS}
    return _frame(BOOK_FEATURES, ids, columns, len(rows))


def _scores(rows: list[GridRow]) -> dict[str, Any]:
    """Score of the book and of each side at each instant, with the drivers of the former."""
    scores: dict[str, list[float]] = {"book_score": [], "bid_score": [], "ask_score": []}
    drivers: list[str] = []
    for row in rows:
        figures = row.figures
        bid, ask = figures.bid_depth_10bps_quote, figures.ask_depth_10bps_quote
        for column, depth in (("book_score", bid + ask), ("bid_score", 2.0 * bid), ("ask_score", 2.0 * ask)):
            made = _score(figures.quoted_spread_bps, depth) if figures.valid else None
            scores[column].append(np.nan if made is None or made.score is None else made.score)
            if column == "book_score":
                drivers.append(_drivers_json(made))
    return {**{name: np.array(values) for name, values in scores.items()}, "drivers_json": drivers}


def _score(spread_bps: float, depth_quote: float) -> BookScore:
    return book_score(spread_bps=spread_bps, depth_quote=depth_quote, volume_24h_quote=None)


def _drivers_json(score: BookScore | None) -> str:
    if score is None:
        return "[]"
    return json.dumps(
        [{"feature": name, "points": round(driver.contribution, 6)} for name, driver in score.drivers.items()]
    )


def _toxicity(seen: BookPass, trades: TradeColumns | None, at_ns: NDArray[np.int64]) -> tuple[NDArray[np.float64], str]:
    """Toxicity at each instant from what was received until then, and what it was computed from."""
    if trades is None:
        return _quote_toxicity(seen, at_ns), "book_flow"
    told = np.full(len(at_ns), np.nan)
    # A recording that rested begins anew: what its market did hours before says nothing of its flow now.
    breaks = np.flatnonzero(np.diff(trades.received_ns) > seen.rules.stale_s * 1e9) + 1
    for first, last in zip([0, *breaks], [*breaks, len(trades.received_ns)], strict=True):
        part = slice(int(first), int(last))
        times, amount = trades.received_ns[part], trades.amount[part]
        if not len(times):
            continue
        warm = times[0] + _WARM_UP_NS
        volume = float(amount[times <= warm].sum()) / _WARM_UP_BUCKETS
        path = toxicity_path(times, amount, trades.taker_sign[part].astype(np.float64), bucket_volume=volume)
        place = np.searchsorted(path.at_ns, at_ns, side="right") - 1
        here = (place >= 0) & (at_ns > warm) & (at_ns <= times[-1] + seen.rules.stale_s * 1e9)
        told[here] = path.toxicity[place[here]]
    return told, "trades"


def _quote_toxicity(seen: BookPass, at_ns: NDArray[np.int64], window: int = 300) -> NDArray[np.float64]:
    quotes = [
        [r.figures.best_bid_ticks, r.figures.best_bid_lots, r.figures.best_ask_ticks, r.figures.best_ask_lots]
        if r.figures.valid
        else [np.nan] * 4
        for r in seen.grid_rows
    ]
    told = [book_toxicity(quotes[max(0, place + 1 - window) : place + 1]).toxicity for place in range(len(at_ns))]
    return np.array([np.nan if each is None else each for each in told])
