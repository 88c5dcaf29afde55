"""What the forecast tables tell in the Dagster UI: who speaks, how wide the bands are, how they held, who was trained."""

from typing import Any

import dagster as dg
import pandas as pd

from io_managers.inline_svg import inline_markdown
from pulse_assets.pictures import bars
from pulse_assets.summaries import shown_table

__all__ = ["accuracy_summary", "evaluation_summary", "forecast_summary", "judged_summary", "models_summary"]


def forecast_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Forecasts by status, mean width of the 80 % band by horizon, and the deepest expected falls of the session."""
    made = rows[rows["status"] != "insufficient_data"]
    summary: dict[str, Any] = {
        "forecasts": len(made),
        "without_forecast": len(rows) - len(made),
        "by_status": shown_table(
            rows.groupby(["asset_class", "target", "status", "member"], dropna=False)["instrument_id"]
            .nunique()
            .rename("instruments")
            .reset_index()
        ),
    }
    if not len(made):
        return summary
    width = (made["upper_80"] - made["lower_80"]).groupby(made["horizon_sessions"]).mean()
    summary |= {f"mean_width_80_points_t{horizon}": float(value) for horizon, value in width.items()}
    summary["model_frac"] = float((made["status"] == "model").mean())
    end = made[(made["horizon_sessions"] == made["horizon_sessions"].max()) & (made["target"] == "liquidity_score")]
    falls = end.assign(change_points=end["forecast_score"] - end["base_score"]).nsmallest(8, "change_points")
    summary["deepest_falls"] = shown_table(
        falls[["instrument_id", "base_score", "forecast_score", "change_points", "lower_80", "upper_80", "status"]]
    )
    return summary


def judged_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """How the forecasts that fell due did: error beside that of no change, and shares inside the bands."""
    known = rows.dropna(subset=["realised_score"])
    summary: dict[str, Any] = {"judged": len(known), "not_judged": len(rows) - len(known)}
    if not len(known):
        return summary
    summary |= {
        "mae_points": float(known["error_points"].abs().mean()),
        "persistence_mae_points": float(known["persistence_abs_error_points"].mean()),
        "bias_points": float(known["error_points"].mean()),
        "inside_80_frac": float(known["inside_80"].astype(float).mean()),
        "inside_95_frac": float(known["inside_95"].astype(float).mean()),
    }
    figures = (
        known.assign(market=_market(known), mae=known["error_points"].abs())
        .astype({"inside_80": float, "inside_95": float})
        .rename(columns={"horizon_sessions": "ahead", "persistence_abs_error_points": "no_change"})
    )
    for name, keys in (("by_market", ["market", "target"]), ("by_horizon", ["ahead"])):
        groups = figures.groupby(keys)
        means = groups[["mae", "no_change", "inside_80", "inside_95"]].mean()
        summary[name] = shown_table(means.assign(judged=groups.size()).reset_index())
    return summary


def accuracy_summary(window_sessions: int, rows: pd.DataFrame) -> dict[str, Any]:
    """Coverage and skill over the window, and where the coverage left the range of a calibrated band."""
    whole = rows[(rows["slice"] == "all") & (rows["window_sessions"] == window_sessions)]
    summary: dict[str, Any] = {"coverage_alarms": int(whole["coverage_alarm"].sum())}
    if not len(whole):
        return summary
    weight = whole["points_n"] / max(int(whole["points_n"].sum()), 1)
    for name in ("coverage_80_frac", "coverage_95_frac", "mae_points"):
        summary[name] = float((whole[name] * weight).sum())
    alarmed = whole[whole["coverage_alarm"]]
    if len(alarmed):
        told = alarmed.assign(market=_market(alarmed)).rename(
            columns={
                "horizon_sessions": "ahead",
                "points_n": "forecasts",
                "coverage_80_frac": "inside_80",
                "coverage_95_frac": "inside_95",
            }
        )
        summary["alarms"] = shown_table(told[["market", "target", "ahead", "forecasts", "inside_80", "inside_95"]])
    lines = [
        "| market | score | T+ | forecasts | MAE | skill | inside 80 % | inside 95 % | alarm |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    lines += [
        f"| {row.asset_class} {row.origin} | {row.target} | {row.horizon_sessions} | {row.points_n} | {row.mae_points:.2f} | "
        f"{row.skill_frac:+.1%} | {row.coverage_80_frac:.1%} | {row.coverage_95_frac:.1%} | {'yes' if row.coverage_alarm else ''} |"
        for row in whole.itertuples()
    ]
    summary["track_record"] = dg.MetadataValue.md("\n".join(lines))
    return summary


def models_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """What the training decided for each score of each market, and why."""
    lines = ["| market | score | decision | serves | model | rows | why |", "|---|---|---|---|---|--:|---|"]
    lines += [
        f"| {row.asset_class} {row.calendar} {row.origin} | {row.target} | {row.decision} | {_said(row.member)} | {_said(row.model_id)} | "
        f"{row.rows_n} | {row.reason.replace('|', '/')} |"
        for row in rows.itertuples()
    ]
    counts = {f"decided_{name}": int(count) for name, count in rows["decision"].value_counts().items()}
    who = rows.assign(market=_market(rows), serves=rows["member"])[["market", "target", "decision", "serves"]]
    return {
        "markets": len(rows),
        **counts,
        "serving": shown_table(who),
        "decisions": dg.MetadataValue.md("\n".join(lines)),
    }


def evaluation_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Skill of each member against the best baseline on the same held-out rows, over horizons and markets."""
    whole = rows[rows["slice"] == "all"].dropna(subset=["skill_frac"])
    summary: dict[str, Any] = {"members": int(rows["member"].nunique()), "held_out": int(whole["points_n"].sum())}
    if not len(whole):
        return summary
    columns = ["pinball_points", "skill_frac", "coverage_80_frac", "coverage_95_frac"]
    by_member = whole.groupby(["member", "kind"])[columns].mean().sort_values("skill_frac", ascending=False)
    lines = ["| member | kind | pinball | skill | inside 80 % | inside 95 % |", "|---|---|--:|--:|--:|--:|"]
    lines += [
        f"| {member} | {kind} | {row['pinball_points']:.3f} | {row['skill_frac']:+.1%} | {row['coverage_80_frac']:.1%} | {row['coverage_95_frac']:.1%} |"
        for (member, kind), row in by_member.iterrows()
    ]
    return summary | {
        "skill_picture": dg.MetadataValue.md(inline_markdown(bars(by_member["skill_frac"].tolist()))),
        "skill": dg.MetadataValue.md(
            "\n".join(["Bars above, from the top; means over markets, scores and horizons:", "", *lines])
        ),
    }


def _market(rows: pd.DataFrame) -> pd.Series:
    """Market in one column: the UI cuts a table off at the right where it is wider than the page."""
    return rows["asset_class"] + " " + rows["calendar"] + " " + rows["origin"]


def _said(value: object) -> str:
    return "-" if value is None or pd.isna(value) else str(value)
