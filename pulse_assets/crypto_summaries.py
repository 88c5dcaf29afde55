"""What the crypto tables tell in the Dagster UI: counts with units that plot over days, and pictures of the newest day.

Pictures show the book that trades most (or the first by name); numbers speak of all books of the day.
"""

from typing import Any

import dagster as dg
import pandas as pd

from liquidity.contracts import (
    BOOK_DAILY,
    BOOK_DELTAS,
    BOOK_FEATURES,
    BOOK_SNAPSHOTS,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    MARKET_DEPTH,
    OPEN_INTEREST,
    VENUE_TRADES,
    TableContract,
)
from pulse_assets.crypto_pictures import profile_picture, time_picture
from pulse_assets.summaries import shown_table

__all__ = ["crypto_summary"]

_BANDS = ("0p1pct", "0p5pct", "1pct", "2pct", "5pct", "10pct")


def crypto_summary(contract: TableContract, rows: pd.DataFrame) -> dict[str, Any]:
    """Metadata of one day of a crypto table; counts only where the day has no row."""
    counts: dict[str, Any] = {"rows": len(rows), "books": int(rows["instrument_id"].nunique())}
    return counts | (_SUMMARIES[contract.name](rows) if len(rows) else {})


def _trades(rows: pd.DataFrame) -> dict[str, Any]:
    by_book = rows.groupby("instrument_id")
    table = by_book.agg(
        trades=("price", "size"),
        turnover_quote=("notional_quote", "sum"),
        median_notional_quote=("notional_quote", "median"),
        effective_spread_bps=("effective_spread_bps", "median"),
        bought_frac=("taker_sign", lambda sign: float((sign == 1).mean())),
    )
    return {
        "turnover_quote": float(rows["notional_quote"].sum()),
        "median_effective_spread_bps": _number(rows["effective_spread_bps"].median()),
        "by_book": _shown(table.reset_index()),
    }


def _segments(rows: pd.DataFrame) -> dict[str, Any]:
    return {
        "level_changes": int(rows["rows_count"].sum()),
        "messages": int(rows["messages_count"].sum()),
        "gaps": int(rows["gaps_count"].sum()),
        "crossed_messages": int(rows["crossed_count"].sum()),
        "mean_invalid_frac": float(rows["invalid_frac"].mean()),
        "clock_offset_ms": _number(rows["clock_offset_ms"].median()),
        "segments": _shown(rows[["instrument_id", "path", "rows_count", "gaps_count", "clock_offset_ms"]]),
    }


def _levels(rows: pd.DataFrame) -> dict[str, Any]:
    book = rows[rows["instrument_id"] == _largest(rows, "notional_quote")]
    newest = book[book["at"] == book["at"].max()]
    bids, asks = (newest[newest["side"] == side].sort_values("level") for side in ("bid", "ask"))
    profile = [
        side["notional_quote"].cumsum().iloc[[n for n in (0, 4, 9, 19, 34, 49) if n < len(side)]]
        for side in (bids, asks)
    ]
    return {
        "minutes": int(rows["at"].nunique()),
        **profile_picture("depth_profile", "1, 5, 10, 20, 35, 50 levels", *(each.tolist() for each in profile)),
        "shown": str(newest["instrument_id"].iloc[0]),
    }


def _features(rows: pd.DataFrame) -> dict[str, Any]:
    rows = rows.assign(depth_10bps_quote=rows["bid_depth_10bps_quote"] + rows["ask_depth_10bps_quote"])
    name = _largest(rows, "depth_10bps_quote")
    book = rows[rows["instrument_id"] == name].sort_values("at")
    table = rows.groupby("instrument_id").agg(
        valid_frac=("valid", "mean"),
        quoted_spread_bps=("quoted_spread_bps", "mean"),
        depth_10bps_quote=("depth_10bps_quote", "median"),
        toxicity=("toxicity", "mean"),
        book_score=("book_score", "mean"),
    )
    return {
        "valid_frac": float(rows["valid"].mean()),
        "mean_quoted_spread_bps": _number(rows["quoted_spread_bps"].mean()),
        "median_depth_10bps_quote": _number(rows["depth_10bps_quote"].median()),
        "mean_book_score_points": _number(rows["book_score"].mean()),
        **time_picture("spread_and_depth", f"{name}: bps and quote currency", book["at"], book["quoted_spread_bps"], book["depth_10bps_quote"]),
        **time_picture("imbalance", f"{name}: -1 asks to +1 bids, grey line 0", book["at"], book["bid_ask_imbalance"], book["depth_pressure"], zero=True),
        "by_book": _shown(table.reset_index()),
    }  # fmt: skip


def _depth(rows: pd.DataFrame) -> dict[str, Any]:
    name = _largest(rows, "bid_depth_0p1pct_quote")
    middle = rows[rows["instrument_id"] == name].median(numeric_only=True)
    profile = [[float(middle[f"{side}_depth_{band}_quote"]) for band in _BANDS] for side in ("bid", "ask")]
    costs = rows.groupby("instrument_id")[
        [f"{side}_cost_{size}_bps" for size in ("10k", "100k", "1m") for side in ("buy", "sell")]
    ]
    return {
        "median_xlm_100k_bps": _number(rows["xlm_100k_bps"].median()),
        **profile_picture("depth_profile", "0.1, 0.5, 1, 2, 5, 10 %", *profile),
        "shown": name,
        "cost_to_trade": _shown(costs.median().reset_index()),
    }


def _interest(rows: pd.DataFrame) -> dict[str, Any]:
    name = _largest(rows, "open_interest_quote")
    one = rows[rows["instrument_id"] == name].sort_values("at")
    newest = rows.sort_values("at").groupby("instrument_id").tail(1)
    shown = newest[["instrument_id", "at", "open_interest_quote", "change_1h_frac", "change_24h_frac"]]
    return {
        "open_interest_quote": float(newest["open_interest_quote"].sum()),
        **time_picture("open_interest", f"{name}: quote currency", one["at"], one["open_interest_quote"]),
        "newest": _shown(shown),
    }


def _funding(rows: pd.DataFrame) -> dict[str, Any]:
    name = str(rows.groupby("instrument_id").size().idxmax())
    one = rows[rows["instrument_id"] == name].sort_values("at")
    newest = rows.sort_values("at").groupby("instrument_id").tail(1)
    shown = newest[["instrument_id", "at", "rate_frac", "interval_hours", "annualised_frac", "predicted_next_frac"]]
    shown = shown.assign(rate_bps=shown["rate_frac"] * 1e4, predicted_next_bps=shown["predicted_next_frac"] * 1e4)
    return {
        "mean_annualised_frac": float(rows["annualised_frac"].mean()),
        "largest_rate_bps": float(rows["rate_frac"].abs().max() * 1e4),
        **time_picture(
            "funding", f"{name}: fraction a year, grey line 0", one["at"], one["annualised_frac"], zero=True
        ),
        "newest": _shown(shown.drop(columns=["rate_frac", "predicted_next_frac"])),
    }


def _events(rows: pd.DataFrame) -> dict[str, Any]:
    longs = rows.loc[rows["side"] == "long", "notional_quote"].sum()
    total = float(rows["notional_quote"].sum())
    by_hour = rows.groupby(["instrument_id", "side"])["notional_quote"].agg(["sum", "size", "max"]).reset_index()
    return {
        "liquidated_quote": total,
        "long_frac": float(longs) / total,
        "largest_quote": float(rows["notional_quote"].max()),
        "by_side": _shown(by_hour),
    }


def _modelled(rows: pd.DataFrame) -> dict[str, Any]:
    heavy = rows.nlargest(10, "notional_quote")
    return {
        "mean_covered_frac": float(rows["covered_frac"].mean()),
        "note": "Modelled: venues do not disclose positions.",
        "heaviest": _shown(
            heavy[["instrument_id", "side", "price_level", "notional_quote", "distance_frac", "covered_frac"]]
        ),
    }


def _daily(rows: pd.DataFrame) -> dict[str, Any]:
    shown = rows[
        ["instrument_id", "quoted_spread_bps", "bid_depth_10bps_quote", "ask_depth_10bps_quote", "turnover_quote", "toxicity", "resiliency_half_life_s", "valid_frac", "book_score"]
    ]  # fmt: skip
    return {
        "mean_book_score_points": _number(rows["book_score"].mean()),
        "median_quoted_spread_bps": _number(rows["quoted_spread_bps"].median()),
        "mean_valid_frac": float(rows["valid_frac"].mean()),
        "recorded_minutes": float(rows["recorded_s"].sum()) / 60.0,
        "liquidity": _shown(shown),
    }


def _shown(frame: pd.DataFrame) -> dg.TableMetadataValue:
    """Five significant digits: spreads of a hundredth of a basis point stand beside depths of millions."""
    return shown_table(frame.map(lambda value: f"{value:.5g}" if isinstance(value, float) else value))


def _largest(rows: pd.DataFrame, column: str) -> str:
    """Instrument with the largest sum of a column; the first by name where none is known."""
    return str(rows.groupby("instrument_id")[column].sum().idxmax())


def _number(value: float) -> Any:
    return dg.MetadataValue.null() if pd.isna(value) else float(value)


_SUMMARIES = {
    VENUE_TRADES.name: _trades,
    BOOK_DELTAS.name: _segments,
    BOOK_SNAPSHOTS.name: _levels,
    BOOK_FEATURES.name: _features,
    MARKET_DEPTH.name: _depth,
    OPEN_INTEREST.name: _interest,
    FUNDING_RATES.name: _funding,
    LIQUIDATION_EVENTS.name: _events,
    LIQUIDATION_LEVELS.name: _modelled,
    BOOK_DAILY.name: _daily,
}
