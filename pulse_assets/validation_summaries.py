"""What the tables of stage 5 tell in the Dagster UI: the state of each market, and what followed low scores and alarms."""

import json
from datetime import date
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from io_managers.inline_svg import inline_markdown
from liquidity.forecast.regime import regime_rows
from pulse_assets.pictures import bars, history_band
from pulse_assets.summaries import shown_table

__all__ = [
    "condition_summary",
    "pattern_summary",
    "regime_picture",
    "regime_summary",
    "review_summary",
    "validation_summary",
    "warning_validation_summary",
]

_MARKET: Final = ["asset_class", "origin"]
_PICTURED: Final = 20


def condition_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Level, dispersion and breadth of each market."""
    return {
        "markets": len(rows),
        "conditions": shown_table(
            rows[[*_MARKET, "members_count", "median_score", "dispersion_points", "falling_frac"]]
        ),
    }


def regime_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """State of each market with its probabilities, or why there is none."""
    probabilities = [name for name in rows.columns if name.endswith("_probability_frac")]
    summary: dict[str, Any] = {
        "markets": len(rows),
        "states": shown_table(rows[[*_MARKET, "regime", *probabilities, "median_score", "reason"]]),
    }
    for row in rows.dropna(subset=["regime"]).itertuples():
        summary[f"crisis_probability_{row.asset_class}_{row.origin}"] = float(row.crisis_probability_frac)
    return summary


def regime_picture(conditions: pd.DataFrame, session: date) -> dict[str, Any]:
    """Probability of a crisis over the last sessions of each market, and of stress or crisis above it."""
    days = sorted(day for day in conditions["session_date"].unique() if day <= pd.Timestamp(session))[-_PICTURED:]
    told = regime_rows(conditions, [pd.Timestamp(day).date() for day in days])
    pictures: dict[str, Any] = {}
    for (asset_class, origin), rows in told.dropna(subset=["regime"]).groupby(_MARKET, sort=True):
        if len(rows) < 2:
            continue
        crisis = rows["crisis_probability_frac"].to_numpy(dtype=np.float64) * 100.0
        either = crisis + rows["stressed_probability_frac"].to_numpy(dtype=np.float64) * 100.0
        picture = history_band([0.0] * len(rows), crisis.tolist(), either.tolist())
        pictures[f"regime_{asset_class}_{origin}"] = dg.MetadataValue.md(inline_markdown(picture))
    if pictures:
        pictures["regime_axes"] = (
            f"0-100 %, up to {_PICTURED} sessions to {session}: line crisis, top of the band stressed or crisis"
        )
    return pictures


def validation_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Verdicts, the figures one session ahead, and mean outcomes by decile of the score."""
    if not len(rows):
        return {"comparisons": 0}
    told = rows[rows["verdict"] != "insufficient_data"]
    summary: dict[str, Any] = {
        "comparisons": len(rows),
        "verdicts": shown_table(
            rows.groupby([*_MARKET, "predictor", "verdict"]).size().rename("comparisons").reset_index()
        ),
    }
    if not len(told):
        return summary
    next_session = told[told["horizon_sessions"] == told["horizon_sessions"].min()]
    summary["next_session"] = shown_table(
        next_session[
            [
                *_MARKET,
                "predictor",
                "outcome",
                "view",
                "rank_correlation",
                "rank_correlation_low",
                "rank_correlation_high",
                "naive_rank_correlation",
                "partial_rank_correlation",
                "verdict",
            ]
        ]
    )
    for row in next_session[
        (next_session["predictor"] == "liquidity_score") & (next_session["view"] == "over_time")
    ].itertuples():
        deciles = [item["outcome"] for item in json.loads(row.deciles_json)]
        if row.base_rate:
            picture = bars([value / row.base_rate - 1.0 for value in deciles])
            name = f"deciles_{row.asset_class}_{row.origin}_{row.outcome}"
            summary[name] = dg.MetadataValue.md(inline_markdown(picture))
    summary["deciles_axes"] = (
        "from the top: lowest decile of an instrument's own scores to its highest; bar: mean outcome one session later "
        "over the mean of all, minus 1; a score that means something starts blue (worse) and ends orange"
    )
    return summary


def warning_validation_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Share of crises alarmed, how early, and how many alarms were false."""
    if not len(rows):
        return {"comparisons": 0}
    return {
        "comparisons": len(rows),
        "alarms": shown_table(
            rows[
                [
                    "asset_class",
                    "alarm_source",
                    "event_kind",
                    "hits_n",
                    "alarmed_frac",
                    "chance_alarmed_frac",
                    "lead_sessions_median",
                    "before_peak_frac",
                    "false_alarm_frac",
                    "false_alarms_per_year",
                ]
            ]
        ),
    }


def review_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Weights today beside those that the evidence points to."""
    if not len(rows):
        return {"weights": 0}
    moved = rows[rows["finding"].isin(["raise", "lower"])]
    return {
        "weights": len(rows),
        "would_move": len(moved),
        "review": shown_table(
            rows[
                [
                    *_MARKET,
                    "profile",
                    "feature",
                    "weight_share_frac",
                    "evidence_share_frac",
                    "rank_correlation",
                    "finding",
                ]
            ]
        ),
    }


def pattern_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """How many rows are unusual, and the most unusual of them."""
    unusual = rows[rows["unusual"].fillna(False).astype(bool)] if len(rows) else rows
    return {
        "judged": int(rows["unusual"].notna().sum()) if len(rows) else 0,
        "unusual": len(unusual),
        "most_unusual": shown_table(
            unusual.sort_values("isolation_frac", ascending=False)[
                ["instrument_id", "asset_class", "origin", "isolation_frac", "features"]
            ]
        ),
    }
