"""What the surface tells in the Dagster UI: counts by method, costs of chosen orders, and the surface as pictures.

Pictures show, of each asset class, the answered instrument with most volume: cost by size and horizon as a heatmap, and by
size at three percentiles as curves, of a sale.
"""

from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from io_managers.inline_chart import LINE_BLUE, LINE_GREEN, LINE_ORANGE, Line, heatmap, line_chart, round_between
from liquidity.contracts.risk_surface import COST_METHODS
from liquidity.impact.surface import IMMEDIATE_SESSIONS, LiquiditySurface, immediate_sessions

__all__ = ["curve_summary", "surface_pictures", "surface_summary"]

SIZES_ADV_FRAC: Final = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
HORIZONS_SESSIONS: Final = (IMMEDIATE_SESSIONS, 1.0, 3.0, 5.0, 10.0)
PERCENTILES: Final = (0.5, 0.9, 0.99)
_TYPICAL_ADV_FRAC: Final = 0.01
_SIZE_LABELS: Final = tuple(f"{100.0 * size:g}" for size in SIZES_ADV_FRAC)
_CURVE_TICKS: Final = 4


def surface_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Instruments by method, and the expected cost of selling 1 % of daily volume in a session, by asset class and origin."""
    told: dict[str, Any] = {"instruments": len(rows)}
    if not len(rows):
        return told
    counts = rows["method"].value_counts()
    told |= {f"method {name}": int(counts.get(name, 0)) for name in COST_METHODS}
    surface = LiquiditySurface.from_tables(rows)
    cost = surface.cost(-1.0, _TYPICAL_ADV_FRAC * surface.adv_ccy, 1.0)
    frame = pd.DataFrame(
        {
            "class": surface.asset_class,
            "origin": surface.origin,
            "answered": np.isfinite(cost.expected_bps),
            "half": cost.half_spread_bps,
            "expected": cost.expected_bps,
            "p90": cost.at(0.9),
        }
    )
    by_class = frame.groupby(["class", "origin"]).agg(
        n=("answered", "size"),
        answered=("answered", "sum"),
        half=("half", "median"),
        expected=("expected", "median"),
        p90=("p90", "median"),
    )
    lines = [
        f"| {of_class['class']} | {of_class['origin']} | {of_class['answered']:.0f} of {of_class['n']:.0f} | "
        + " | ".join(_short(float(of_class[each])) for each in ("half", "expected", "p90"))
        + " |"
        for of_class in by_class.reset_index().to_dict("records")
    ]
    told["answered_frac"] = float(frame["answered"].mean())
    told["cost of 1 % of daily volume in a session, median bps"] = dg.MetadataValue.md(
        "\n".join(
            ["| class | origin | answered | half spread | expected | 90 % |", "|---|---|--:|--:|--:|--:|", *lines]
        )
    )
    reasons = rows.loc[rows["method"] == "none", "reason"].value_counts()
    if len(reasons):
        told["without an answer"] = dg.MetadataValue.md("\n".join(f"- {n}: {text}" for text, n in reasons.items()))
    return told


def curve_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Books, steps, and the median size that is visible."""
    told: dict[str, Any] = {"books": int(rows["instrument_id"].nunique()), "steps": len(rows)}
    if len(rows):
        told["median visible size (quote currency)"] = float(
            rows.groupby(["instrument_id", "side"])["size_ccy"].max().median()
        )
    return told


def surface_pictures(surface: LiquiditySurface) -> dict[str, Any]:
    """Heatmap and curves of one instrument of each asset class, and their numbers as a table."""
    told: dict[str, Any] = {}
    for name in sorted(set(surface.asset_class)):
        candidates = np.flatnonzero((surface.asset_class == name) & surface.answered & (surface.adv_ccy > 0.0))
        if not len(candidates):
            continue
        one = surface.take(candidates[[int(np.argmax(surface.adv_ccy[candidates]))]])
        horizons = (float(immediate_sessions(one.asset_class)[0]), *HORIZONS_SESSIONS[1:])
        cost = one.grid(-1.0, SIZES_ADV_FRAC, horizons, PERCENTILES)[0].astype(np.float64)
        label = f"{name}: {one.instrument_id[0]}"
        told[f"cost surface, {label}"] = dg.MetadataValue.md(cost_heatmap(cost[:, :, 0]))
        told[f"cost at 50, 90, 99 % in one session, {label}"] = dg.MetadataValue.md(cost_curves(cost[:, 1, :]))
        told[f"expected bps, {label}"] = _table(cost[:, :, 0])
    return told


def cost_heatmap(cost_bps: NDArray[np.float64]) -> str:
    """Picture of (S, H) costs: sizes grow upwards, horizons to the right."""
    horizons = ["now", *(f"{horizon:g}" for horizon in HORIZONS_SESSIONS[1:])]
    horizons[-1] += " sessions"
    across, up = (
        [(place / (len(labels) - 1), label) for place, label in enumerate(labels)]
        for labels in (horizons, _SIZE_LABELS)
    )
    return heatmap(cost_bps, across, up, "% of ADV", "bps")


def cost_curves(cost_bps: NDArray[np.float64]) -> str:
    """Picture of (S, P) costs over size: size by its steps, cost on a logarithmic axis."""
    known = cost_bps[np.isfinite(cost_bps) & (cost_bps > 0.0)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 1.0)
    span = max(float(np.log(high / low)), 1e-9)
    across = [place / (len(SIZES_ADV_FRAC) - 1) for place in range(len(SIZES_ADV_FRAC))]
    lines = [
        Line(colour, across, np.log(np.maximum(cost_bps[:, column], low) / low) / span, name=f"{percentile:.0%}")
        for column, (percentile, colour) in enumerate(
            zip(PERCENTILES, (LINE_BLUE, LINE_GREEN, LINE_ORANGE), strict=True)
        )
    ]
    told = round_between(known, _CURVE_TICKS)
    if len(told) < 2:  # too narrow for round numbers
        told = sorted({low, high}) if len(known) else []
    ticks = [(float(np.log(each / low)) / span, _short(each)) for each in told]
    sizes = list(zip(across, _SIZE_LABELS, strict=True))
    return line_chart(lines, [*sizes[:-1], (1.0, f"{sizes[-1][1]} % of ADV")], ticks, "bps")


def _table(cost_bps: NDArray[np.float64]) -> dg.MetadataValue:
    head = "| size / ADV | now | " + " | ".join(f"{horizon:g}" for horizon in HORIZONS_SESSIONS[1:]) + " |"
    lines = [
        f"| {size:.2%} | " + " | ".join(_short(value) for value in of_size) + " |"
        for size, of_size in zip(SIZES_ADV_FRAC, cost_bps, strict=True)
    ]
    return dg.MetadataValue.md("\n".join([head, "|--:" * (1 + cost_bps.shape[1]) + "|", *lines]))


def _short(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "-"
