"""What the crypto tables tell in the Dagster UI: counts with units that plot over days, and pictures of the newest day.

Pictures show one book, named beside them: the deepest, or the one with the largest value. Numbers speak of all books.
"""

import math
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

__all__ = ["crypto_history", "crypto_summary"]

_BANDS = {"0p1pct": "0.1 %", "0p5pct": "0.5 %", "1pct": "1 %", "2pct": "2 %", "5pct": "5 %", "10pct": "10 %"}
_LEVELS = (1, 5, 10, 20, 35, 50)


def crypto_summary(contract: TableContract, rows: pd.DataFrame) -> dict[str, Any]:
    """Metadata of one day of a crypto table; counts only where the day has no row."""
    counts: dict[str, Any] = {"rows": len(rows), "books": int(rows["instrument_id"].nunique())}
    return counts | (_SUMMARIES[contract.name](rows) if len(rows) else {})


def crypto_history(contract: TableContract, rows: pd.DataFrame) -> dict[str, Any]:
    """Pictures over all days of a run, for its newest day to show: what one day alone is too short for."""
    if not len(rows):
        return {}
    column, at, measures, zero = _HISTORIES[contract.name]
    name = _largest(rows, column)
    one = rows[rows["instrument_id"] == name].sort_values(at)
    picture = f"{contract.name}_history"
    made = time_picture(picture, one[at], *(one[measure] for measure in measures), zero=zero)
    return _naming(name, made)


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
        [float(side["notional_quote"].iloc[:n].sum()) if n <= len(side) else math.nan for n in _LEVELS]
        for side in (bids, asks)
    ]
    bands = [f"{n} levels" for n in _LEVELS]
    return {
        "minutes": int(rows["at"].nunique()),
        **_profile(str(newest["instrument_id"].iloc[0]), bands, *profile),
    }


def _features(rows: pd.DataFrame) -> dict[str, Any]:
    rows = rows.assign(depth_10bps_quote=rows["bid_depth_10bps_quote"] + rows["ask_depth_10bps_quote"])
    name = _largest(rows, "depth_10bps_quote")
    book = rows[rows["instrument_id"] == name].sort_values("at")
    table = rows.groupby("instrument_id").agg(
        valid_frac=("valid", "mean"),
        spread_bps=("quoted_spread_bps", "mean"),
        depth_10bps=("depth_10bps_quote", "median"),
        toxicity=("toxicity", "mean"),
        book_score=("book_score", "mean"),
    )
    return {
        "valid_frac": float(rows["valid"].mean()),
        "mean_quoted_spread_bps": _number(rows["quoted_spread_bps"].mean()),
        "median_depth_10bps_quote": _number(rows["depth_10bps_quote"].median()),
        "mean_book_score_points": _number(rows["book_score"].mean()),
        **_naming(
            name, time_picture("spread_and_depth", book["at"], book["quoted_spread_bps"], book["depth_10bps_quote"])
        ),
        **_naming(
            name, time_picture("imbalance", book["at"], book["bid_ask_imbalance"], book["depth_pressure"], zero=True)
        ),
        "by_book": _shown(table.reset_index()),
    }


def _depth(rows: pd.DataFrame) -> dict[str, Any]:
    name = _largest(rows, "bid_depth_0p1pct_quote")
    middle = rows[rows["instrument_id"] == name].median(numeric_only=True)
    profile = [[float(middle[f"{side}_depth_{band}_quote"]) for band in _BANDS] for side in ("bid", "ask")]
    sizes = ("10k", "100k", "1m")
    costs = rows.groupby("instrument_id")[[f"{side}_cost_{size}_bps" for size in sizes for side in ("buy", "sell")]]
    return {
        "median_xlm_100k_bps": _number(rows["xlm_100k_bps"].median()),
        **_profile(name, list(_BANDS.values()), *profile),
        "cost_to_trade_bps": _shown(
            costs.median().rename(columns=lambda text: text.replace("_cost_", " ").removesuffix("_bps")).reset_index()
        ),
    }


def _interest(rows: pd.DataFrame) -> dict[str, Any]:
    newest = rows.sort_values("at").groupby("instrument_id").tail(1)
    shown = newest[["instrument_id", "at", "open_interest_quote", "change_1h_frac", "change_24h_frac"]]
    shown = shown.set_axis(["instrument_id", "at", "quote", "change_1h", "change_24h"], axis="columns")
    return {"open_interest_quote": float(newest["open_interest_quote"].sum()), "newest": _shown(shown)}


def _funding(rows: pd.DataFrame) -> dict[str, Any]:
    newest = rows.sort_values("at").groupby("instrument_id").tail(1)
    shown = pd.DataFrame(
        {
            "instrument_id": newest["instrument_id"],
            "at": newest["at"],
            "rate_bps": newest["rate_frac"] * 1e4,
            "hours": newest["interval_hours"],
            "a_year_percent": newest["annualised_frac"] * 1e2,
            "next_bps": newest["predicted_next_frac"] * 1e4,
        }
    )
    return {
        "mean_annualised_frac": float(rows["annualised_frac"].mean()),
        "largest_rate_bps": float(rows["rate_frac"].abs().max() * 1e4),
        "newest": _shown(shown),
    }


def _events(rows: pd.DataFrame) -> dict[str, Any]:
    longs = rows.loc[rows["side"] == "long", "notional_quote"].sum()
    total = float(rows["notional_quote"].sum())
    by_side = rows.groupby(["instrument_id", "side"])["notional_quote"].agg(["sum", "size", "max"]).reset_index()
    return {
        "liquidated_quote": total,
        "long_frac": float(longs) / total,
        "largest_quote": float(rows["notional_quote"].max()),
        "by_side": _shown(by_side),
    }


def _modelled(rows: pd.DataFrame) -> dict[str, Any]:
    heavy = rows.nlargest(10, "notional_quote")
    sides = rows.drop_duplicates(["instrument_id", "side"])
    return {
        "mean_covered_frac": float(sides["covered_frac"].mean()),
        "modelled": "Venues do not disclose positions; covered_frac is the share of open interest that the model explains.",
        "heaviest": _shown(
            heavy[["instrument_id", "side", "price_level", "notional_quote", "distance_frac", "covered_frac"]]
        ),
    }


def _daily(rows: pd.DataFrame) -> dict[str, Any]:
    shown = rows.assign(depth_10bps=rows["bid_depth_10bps_quote"] + rows["ask_depth_10bps_quote"])
    shown = shown.rename(columns={"quoted_spread_bps": "spread_bps", "resiliency_half_life_s": "half_life_s"})
    names = ["instrument_id", "spread_bps", "depth_10bps", "toxicity", "half_life_s", "valid_frac", "book_score"]
    return {
        "mean_book_score_points": _number(rows["book_score"].mean()),
        "median_quoted_spread_bps": _number(rows["quoted_spread_bps"].median()),
        "mean_valid_frac": float(rows["valid_frac"].mean()),
        "recorded_minutes": float(rows["recorded_s"].sum()) / 60.0,
        "liquidity": _shown(shown[names]),
    }


def _profile(name: str, bands: list[str], bid: list[float], ask: list[float]) -> dict[str, Any]:
    """Depth profile of one book as a picture and as numbers."""
    made = profile_picture("depth_profile", bands, bid, ask)
    if made:
        made["depth_by_band"] = _shown(pd.DataFrame({"within": bands, "bids_quote": bid, "asks_quote": ask}))
    return _naming(name, made)


def _naming(name: str, picture: dict[str, Any]) -> dict[str, Any]:
    """The same metadata with the instrument's name before its axes."""
    return {key: f"{name}: {value}" if key.endswith("_axes") else value for key, value in picture.items()}


def _shown(frame: pd.DataFrame) -> dg.TableMetadataValue:
    """Four significant digits, thousands parted: spreads of a hundredth of a basis point stand beside depths of millions."""
    return shown_table(frame.map(_text))


def _text(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    if not isinstance(value, float) or math.isnan(value):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000.0 else f"{value:.4g}"


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
# Table -> column whose largest sum chooses the book, column of time, what is drawn, whether around a line of 0.
_HISTORIES = {
    OPEN_INTEREST.name: ("open_interest_quote", "at", ("open_interest_quote",), False),
    FUNDING_RATES.name: ("interval_hours", "at", ("annualised_frac",), True),
    BOOK_DAILY.name: ("bid_depth_10bps_quote", "session_date", ("book_score", "quoted_spread_bps"), False),
}
