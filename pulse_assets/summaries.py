"""What an asset tells the analyst in the Dagster UI: counts, ages, coverage, top movers and small pictures.

Plain numbers plot over time in the UI; tables and pictures speak of the run's newest session.
"""

import json
from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from io_managers.inline_svg import inline_markdown
from liquidity.contracts import TableContract
from liquidity.domain.instrument import RATINGS, SECTORS
from pulse_assets.pictures import bars, grid, history_band

__all__ = [
    "coverage_summary",
    "driver_summary",
    "feature_summary",
    "heatmap_summary",
    "history_picture",
    "pulse_summary",
    "score_column",
    "score_summary",
    "set_aside_summary",
    "shown_table",
    "signal_summary",
    "warning_summary",
]

_ROWS_SHOWN = 15
_DRIVERS_READ = 2_000
_STATE_PLACES = {"raised": 0, "active": 1, "cleared": 2}
_SHOWN_SIGNALS = (
    "spread_bps",
    "depth_density",
    "turnover_ccy",
    "mm_online_ratio",
    "auction_demand",
    "traffic_index",
    "sentiment_signed",
)


def _newest(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["session_date"] == table["session_date"].max()] if len(table) else table


def shown_table(frame: pd.DataFrame) -> dg.TableMetadataValue:
    """The first rows of a frame as a table of the UI, numbers with two decimals."""
    columns = [dg.TableColumn(name, type="string") for name in frame.columns]
    records = [
        dg.TableRecord({name: _text(value) for name, value in row.items()})
        for row in frame.head(_ROWS_SHOWN).to_dict("records")
    ]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns=columns))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NaT or value is pd.NA:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def signal_summary(table: pd.DataFrame, status: pd.DataFrame, failures: Sequence[str] = ()) -> dict[str, Any]:
    """Rows, instruments, mean quality and oldest age of one signal table, who failed, and how the adapters fared."""
    summary: dict[str, Any] = {"rows": len(table), "failures_count": len(failures)}
    if failures:
        summary["failures"] = dg.MetadataValue.md("\n".join(f"- {text}" for text in failures))
    if "instrument_id" in table.columns:
        summary["instruments"] = int(table["instrument_id"].nunique())
    if len(table) and {"quality_frac", "age_market_s"} <= set(table.columns):
        summary["mean_quality_frac"] = float(table["quality_frac"].mean())
        summary["oldest_age_h"] = float(table["age_market_s"].max()) / 3600.0
    if "session_date" in table.columns and len(table):
        status = status[status["session_date"] <= table["session_date"].max()]
    newest = _newest(status)
    if len(newest):
        summary["adapters"] = shown_table(
            newest[["adapter", "state", "rows_count", "coverage_frac", "missing_count", "detail"]]
        )
    return summary


def set_aside_summary(counts: pd.DataFrame) -> dict[str, Any]:
    """Rows that feeds set aside, by feed, table and reason, and the files that keep them."""
    summary: dict[str, Any] = {"set_aside_rows": int(counts["rows"].sum())}
    if len(counts):
        lines = [
            f"| {row.feed.replace('|', '/')} | {row.table} | {row.reason} | {row.rows} | {row.file} |"
            for row in counts.itertuples()
        ]
        summary["set_aside"] = dg.MetadataValue.md(
            "\n".join(["| feed | table | reason | rows | file |", "|---|---|---|--:|---|", *lines])
        )
    return summary


def coverage_summary(panel: pd.DataFrame) -> dict[str, Any]:
    """Share of instruments with each signal, by asset class."""
    if not len(panel):
        return {"instruments": 0}
    newest = _newest(panel)
    signals = list(_SHOWN_SIGNALS)
    share = newest.groupby("asset_class")[signals].agg(lambda s: float(s.notna().mean()))
    return {
        "instruments": int(newest["instrument_id"].nunique()),
        "signal_coverage_frac": float(newest[signals].notna().to_numpy().mean()),
        "coverage_by_class": shown_table(share.reset_index()),
    }


def feature_summary(features: pd.DataFrame) -> dict[str, Any]:
    """Coverage of the features, how many instruments have history, and which values are anomalous."""
    if not len(features):
        return {"instruments": 0}
    newest = _newest(features)
    flagged = newest[newest["anomaly_flags"] != ""]
    return {
        "instruments": int(newest["instrument_id"].nunique()),
        "with_history_frac": float((newest["history_n"] >= 10).mean()),
        "anomalies": len(flagged),
        "anomalous": shown_table(flagged[["instrument_id", "anomaly_flags", "history_n"]]),
    }


def score_summary(table: pd.DataFrame, contract: TableContract) -> dict[str, Any]:
    """Mean, spread and coverage of a score, how it was obtained, its extremes, and a picture of recent sessions."""
    score = score_column(contract)
    if not len(table):
        return {"instruments": 0}
    newest = _newest(table)
    known = newest.dropna(subset=[score])
    summary: dict[str, Any] = {
        "instruments": len(newest),
        "scored": len(known),
        "mean_points": float(known[score].mean()) if len(known) else dg.MetadataValue.null(),
        "mean_uncertainty_points": float(known["uncertainty_sd"].mean()) if len(known) else dg.MetadataValue.null(),
        "mean_coverage_frac": float(newest["coverage_frac"].mean()),
        "by_method": shown_table(newest.groupby(["asset_class", "method"]).size().rename("instruments").reset_index()),
        "lowest": shown_table(
            known.nsmallest(8, score)[["instrument_id", score, "uncertainty_sd", "coverage_frac", "method"]]
        ),
        "config_hash": ", ".join(sorted(newest["config_hash"].unique())),
        "profile": ", ".join(sorted(newest["profile"].unique())),
    }
    return summary | history_picture(table, score)


def score_column(contract: TableContract) -> str:
    """The column of a score table that holds the score."""
    return next(name for name in contract.column_names if name.endswith("_score"))


def history_picture(scores: pd.DataFrame, score: str) -> dict[str, Any]:
    """Median of the universe over its 10-90 % band, session by session; nothing for fewer than two sessions."""
    by_day = scores.dropna(subset=[score]).groupby("session_date")[score].quantile([0.1, 0.5, 0.9]).unstack()
    if len(by_day) < 2:
        return {}
    drawn = by_day.tail(20)
    low, middle, high = (drawn[share].tolist() for share in (0.1, 0.5, 0.9))
    return {
        "history_10_50_90": dg.MetadataValue.md(inline_markdown(history_band(low, middle, high))),
        "history_axes": f"{score} 0-100 points, {drawn.index[0]:%Y-%m-%d} to {drawn.index[-1]:%Y-%m-%d}: median line, 10-90 % band of the universe, grey line at 50",
    }


def driver_summary(scores: pd.DataFrame) -> dict[str, Any]:
    """Mean contribution of each feature over the observed scores (the first ``_DRIVERS_READ`` of them)."""
    listed = [
        (driver["feature"], driver["contribution"])
        for text in scores.loc[scores["drivers_json"] != "[]", "drivers_json"].head(_DRIVERS_READ)
        for driver in json.loads(text)
    ]
    if not listed:
        return {}
    frame = pd.DataFrame(listed, columns=["feature", "contribution_points"])
    grouped = frame.groupby("feature")["contribution_points"].agg(["mean", "min", "max", "size"])
    grouped = grouped.reindex(grouped["mean"].abs().sort_values(ascending=False).index).head(12)
    lines = [
        f"| {name} | {r['mean']:+.2f} | {r['min']:+.2f} | {r['max']:+.2f} | {int(r['size'])} |"
        for name, r in grouped.iterrows()
    ]
    header = ["| feature | mean (points) | lowest | highest | instruments |", "|---|--:|--:|--:|--:|"]
    return {
        "drivers_picture": dg.MetadataValue.md(inline_markdown(bars(grouped["mean"].tolist()))),
        "drivers": dg.MetadataValue.md("\n".join(["Bars above, from the top:", "", *header, *lines])),
    }


def heatmap_summary(cells: pd.DataFrame) -> dict[str, Any]:
    """The sector x rating picture and its numbers for the newest session."""
    if not len(cells):
        return {"cells": 0}
    newest = _newest(cells)
    rows = [*SECTORS, "UNKNOWN"]
    columns = [*RATINGS, "NR"]
    bonds = newest[newest["asset_class"].str.startswith("bond") & ~newest["masked"]]
    pictures = {}
    for origin, cells_of in bonds.groupby("origin"):  # recorded and simulated bonds are never averaged together
        value = cells_of.groupby(["sector", "rating"])["liquidity_score"].mean().to_dict()
        picture = grid([[value.get((sector, rating)) for rating in columns] for sector in rows])
        pictures[f"heatmap_{origin}"] = dg.MetadataValue.md(inline_markdown(picture))
    return {
        "cells": len(newest),
        "masked_cells": int(newest["masked"].sum()),
        **pictures,
        "heatmap_axes": f"rows {', '.join(rows)}; columns {', '.join(columns)}; orange illiquid, blue liquid",
        "cells_table": shown_table(
            newest[~newest["masked"]][
                ["asset_class", "origin", "sector", "rating", "liquidity_score", "bondx_score", "members_count"]
            ]
        ),
    }


def warning_summary(warnings: pd.DataFrame, index_history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Alerts by state, the names concerned (new alerts and deep falls first), and the index history of the universe with its 10-90 % band."""
    summary: dict[str, Any] = {"alerts": len(_newest(warnings))}
    if len(warnings):
        newest = _newest(warnings)
        summary["raised"] = int((newest["state"] == "raised").sum())
        first = newest.assign(_place=newest["state"].map(_STATE_PLACES)).sort_values(["_place", "change_points"])
        summary["names"] = shown_table(
            first[["instrument_id", "state", "raised_on", "liquidity_score", "change_points"]]
        )
    if index_history is not None:
        picture = history_picture(index_history, "liquidity_score")
        summary |= {f"index_{name}": value for name, value in picture.items()}
    return summary


def pulse_summary(documents: pd.DataFrame) -> dict[str, Any]:
    """How many documents, how many with a score, and which names moved most."""
    if not len(documents):
        return {"documents": 0}
    # The documents themselves are long: they are left behind before rows are copied.
    shown = ["instrument_id", "liquidity_score", "change_points", "bondx_score", "source"]
    newest = _newest(documents[["session_date", *shown]])
    movers = newest.dropna(subset=["change_points"])
    movers = movers.reindex(movers["change_points"].abs().sort_values(ascending=False).index)
    return {
        "documents": len(newest),
        "scored": int(newest["liquidity_score"].notna().sum()),
        "movers": shown_table(movers[shown]),
    }
