"""Pictures of the forecast report: fan charts, coverage over time, what followed by decile, states of the markets."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from liquidity.contracts.evidence import REGIMES
from liquidity.forecast.horizons import BANDS, HORIZONS, MEDIAN
from liquidity_service.forecast_evidence import CRISES, Fan, PanelEvidence
from liquidity_service.forecast_report_cells import PICTURES
from resources.atomic_file import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_pictures"]

_BLUE: Final = "#2a5fa5"
_ORANGE: Final = "#c8641e"
_GREY: Final = "#555555"
_REGIME_COLOURS: Final = dict(zip(REGIMES, ("#bcd6f0", "#f6e3c5", "#e8a594"), strict=True))
_OPACITY: Final = {95: 0.15, 80: 0.25, 50: 0.35}
_DPI: Final = 110
_ROLLING_LEAST_SESSIONS: Final = 60  # fewer make no curve
_SHOWN_OUTCOMES: Final = {
    "spread_bps": "spread ahead, bps",
    "zero_trade_day": "share of days without a trade",
    "failed_exit": "share of exits that fail",
    "cost_overrun_bps": "cost above estimate, bps",
}


def draw_pictures(evidence: Sequence[PanelEvidence], folder: Path) -> list[str]:
    """Draw every picture there is something for into ``folder``; names of :data:`PICTURES` that were drawn."""
    drawers: dict[str, Callable[[Sequence[PanelEvidence]], Figure | None]] = {
        "fans": _fans,
        "coverage": _coverage,
        "reliability": _reliability,
        "regimes": _regimes,
    }
    drawn = []
    for name, draw in drawers.items():
        figure = draw(evidence)
        if figure is None:
            continue
        with replacing(folder / PICTURES[name]) as staged:
            figure.savefig(staged, dpi=_DPI, format="png", metadata={"Software": None})
        drawn.append(name)
    return drawn


def _panels(n: int, across: int, width: float, height: float) -> "tuple[Figure, list[Any]]":
    """A figure of ``n`` axes; drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    down = -(-n // across)
    figure = Figure(figsize=(width * min(n, across), height * down), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(np.atleast_1d(figure.subplots(down, min(n, across), squeeze=False)).ravel())
    for spare in axes[n:]:
        spare.set_visible(False)
    for axis in axes:
        axis.tick_params(labelsize=8)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    return figure, axes[:n]


def _fans(evidence: Sequence[PanelEvidence]) -> "Figure | None":
    fans = [(each.target, fan) for each in evidence for fan in each.fans]
    if not fans:
        return None
    figure, axes = _panels(len(fans), 3, 4.3, 2.9)
    for axis, (target, fan) in zip(axes, fans, strict=True):
        _fan(axis, target, fan)
    axes[0].legend(fontsize=7, loc="lower left", frameon=False)
    return figure


def _fan(axis: Any, target: str, fan: Fan) -> None:
    past = np.arange(1 - len(fan.past), 1)
    ahead = np.array((0, *HORIZONS))
    axis.plot(past, fan.past, color=_GREY, linewidth=1.0)
    today = fan.past[-1]
    for band, (low, high) in sorted(BANDS.items(), reverse=True):
        lower, upper = (np.array([today, *fan.quantiles[:, place]]) for place in (low, high))
        axis.fill_between(ahead, lower, upper, color=_BLUE, alpha=_OPACITY[band], linewidth=0, label=f"{band} % band")
    axis.plot(ahead, [today, *fan.quantiles[:, MEDIAN]], color=_BLUE, linewidth=1.4, label="median")
    axis.plot(HORIZONS, fan.came, "o", color=_ORANGE, markersize=3.5, label="what came")
    axis.set_title(f"{fan.instrument_id}, made on {fan.session}", fontsize=9)
    axis.set_xlabel("sessions from the forecast", fontsize=8)
    axis.set_ylabel(f"{target.replace('_', ' ')}, points", fontsize=8)


def _coverage(evidence: Sequence[PanelEvidence]) -> "Figure | None":
    shown = [
        each
        for each in evidence
        if each.target == "liquidity_score" and each.rolling["session"].nunique() >= _ROLLING_LEAST_SESSIONS
    ]
    if not shown:
        return None
    figure, axes = _panels(len(shown), 2, 5.6, 2.6)
    for axis, each in zip(axes, shown, strict=True):
        for band, colour in ((80, _BLUE), (95, _ORANGE)):
            axis.axhline(band, color=colour, linewidth=0.6, linestyle=":")
            for horizon, style in ((HORIZONS[0], "-"), (HORIZONS[-1], "--")):
                mine = each.rolling[(each.rolling["band"] == band) & (each.rolling["horizon_sessions"] == horizon)]
                mine = mine.sort_values("session")
                if horizon == HORIZONS[-1]:
                    axis.fill_between(
                        mine["session"], 100 * mine["low_frac"], 100 * mine["high_frac"], color=colour, alpha=0.10, linewidth=0
                    )  # fmt: skip
                axis.plot(
                    mine["session"], 100 * mine["coverage_frac"], style, color=colour, linewidth=1.0, label=f"{band} %, T+{horizon}"
                )  # fmt: skip
        axis.set_ylim(60, 100)
        axis.set_title(f"{each.group.asset_class}, {each.group.origin}", fontsize=9)
        axis.set_ylabel("inside, % of 250 sessions", fontsize=8)
    axes[0].legend(fontsize=7, loc="lower left", ncols=2, frameon=False)
    return figure


def _reliability(evidence: Sequence[PanelEvidence]) -> "Figure | None":
    curves = []
    for each in evidence:
        if each.target != "liquidity_score":
            continue
        table = each.validation
        wanted = (
            (table["predictor"] == each.target)
            & (table["view"] == "across_names")
            & (table["horizon_sessions"] == HORIZONS[-1])
            & (table["verdict"] != "insufficient_data")
            & table["outcome"].isin(list(_SHOWN_OUTCOMES))
        )
        curves += [(each, row) for _, row in table[wanted].iterrows()]
    if not curves:
        return None
    figure, axes = _panels(len(curves), 4, 3.2, 2.5)
    for axis, (each, row) in zip(axes, curves, strict=True):
        deciles = pd.DataFrame(json.loads(row["deciles_json"]))
        axis.fill_between(deciles["decile"], deciles["low"], deciles["high"], color=_BLUE, alpha=0.2, linewidth=0)
        axis.plot(deciles["decile"], deciles["outcome"], "o-", color=_BLUE, markersize=3, linewidth=1.0)
        axis.set_title(f"{each.group.asset_class}, {each.group.origin}", fontsize=8)
        axis.set_ylabel(_SHOWN_OUTCOMES[row["outcome"]], fontsize=7)
        axis.set_xlabel("decile of the score, 0 least liquid", fontsize=7)
    return figure


def _regimes(evidence: Sequence[PanelEvidence]) -> "Figure | None":
    shown = [
        each
        for each in evidence
        if each.target == "liquidity_score" and each.group.origin == "recorded" and (each.regimes["regime"] != "").any()
    ]
    if not shown:
        return None
    figure, axes = _panels(len(shown), 1, 11.0, 2.4)
    for axis, each in zip(axes, shown, strict=True):
        days, score, regime = (each.regimes[name].to_numpy() for name in ("session", "median_score", "regime"))
        for name, colour in _REGIME_COLOURS.items():
            axis.fill_between(
                days, 0, 1, where=regime == name, color=colour, step="post", linewidth=0, transform=axis.get_xaxis_transform(), label=name
            )  # fmt: skip
        axis.plot(days, score, color=_GREY, linewidth=0.7)
        for crisis in CRISES:
            if crisis.asset_class == each.group.asset_class and days[0] <= np.datetime64(crisis.start) <= days[-1]:
                axis.axvline(np.datetime64(crisis.start), color=_ORANGE, linewidth=0.7)
                axis.text(
                    np.datetime64(crisis.start), 1.0, crisis.name, fontsize=7, color=_ORANGE, transform=axis.get_xaxis_transform(), va="bottom"
                )  # fmt: skip
        axis.set_title(f"{each.group.asset_class}, {each.group.origin}", fontsize=9, loc="left", pad=12)
        axis.set_ylabel("median score, points", fontsize=8)
        axis.set_xlim(days[0], days[-1])
    axes[0].legend(fontsize=7, loc="lower right", ncols=3)
    return figure
