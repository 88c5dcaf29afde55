"""What market risk tells in the Dagster UI: numbers that plot, tables by portfolio, exceedances and correlations as pictures."""

from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from io_managers.inline_svg import BLUE, FONT, ORANGE, inline_markdown, numbers, short, svg

if TYPE_CHECKING:
    from liquidity.market_risk.backtest_table import VarPath

__all__ = [
    "backtest_summary",
    "contribution_summary",
    "correlation_picture",
    "correlation_summary",
    "exceedance_picture",
    "risk_summary",
]

_SHOWN: Final = (
    "var_historical",
    "es_historical",
    "var_filtered",
    "lvar",
)
_SESSIONS_DRAWN: Final = 30
_CELLS: Final = 10
_CORRELATION_EDGES: Final = (-0.3, -0.05, 0.2, 0.6)
_CORRELATION_COLOURS: Final = ("#16d", "#7bd", "#aaa", "#da7", "#c61")


def risk_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """95 and 99 % numbers of each portfolio, and the largest share of equity at risk."""
    told: dict[str, Any] = {"portfolios": int(rows["portfolio_id"].nunique()) if len(rows) else 0}
    if not len(rows):
        return told
    wide = rows.pivot_table(index="portfolio_id", columns=["measure", "confidence"], values="value_base", dropna=False)
    lines = []
    for name, row in wide.iterrows():
        cells = [_money(row.get((measure, level))) for level in ("0.95", "0.99") for measure in _SHOWN]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    head = " | ".join(f"{measure} {float(level):.0%}" for level in ("0.95", "0.99") for measure in _SHOWN)
    told["risk, base currency"] = dg.MetadataValue.md(
        "\n".join([f"| portfolio | {head} |", "|---" + "|--:" * (2 * len(_SHOWN)) + "|", *lines])
    )
    tail = rows[(rows["measure"] == "var_historical") & (rows["confidence"] == "0.99")]
    told["portfolios without a number"] = int(tail["value_base"].isna().sum())
    told["least covered"] = float(tail["covered_frac"].min()) if tail["covered_frac"].notna().any() else 0.0
    return told


def contribution_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """The five largest parts of each portfolio's 99 % expected shortfall."""
    told: dict[str, Any] = {
        "positions": len(rows) // 2,
        "positions without a part": int(rows["component_es_base"].isna().sum()) // 2,
    }
    lines = [
        f"| {row.portfolio_id} | {row.instrument_id} | {_money(row.component_es_base)} | {_money(row.incremental_var_base)} | {_money(row.component_lvar_base)} |"
        for _, mine in rows[rows["confidence"] == "0.99"].groupby("portfolio_id")
        for row in mine.nlargest(5, "component_es_base").itertuples()
    ]
    if lines:
        head = ["| portfolio | instrument | part of ES 99 % | VaR it adds | part of LVaR |", "|---|---|--:|--:|--:|"]
        told["largest parts"] = dg.MetadataValue.md("\n".join([*head, *lines]))
    return told


def backtest_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """What 5 % rejects, by portfolio and model at 99 %."""
    told: dict[str, Any] = {"models rejected": int((rows["failures"] != "").sum()) if len(rows) else 0}
    lines = [
        f"| {row.portfolio_id} | {row.model} | {row.hits_n} of {row.sessions_n} ({row.expected_n:.1f}) | {row.zone if pd.notna(row.zone) else ''} | {row.failures.replace(',', ', ') or ('nothing' if row.sessions_n else row.reason)} |"
        for row in rows[rows["confidence"] == "0.99"].itertuples()
    ]
    if lines:
        head = ["| portfolio | model | exceedances (expected) | light | rejected |", "|---|---|---|---|---|"]
        told["99 % back-test"] = dg.MetadataValue.md("\n".join([*head, *lines]))
    return told


def correlation_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Mean correlation, repairs, and a heatmap of each portfolio."""
    told: dict[str, Any] = {"pairs": len(rows)}
    if len(rows):
        told["mean correlation"] = float(rows["correlation"].mean())
        told["portfolios repaired"] = int(rows.loc[rows["repaired"], "portfolio_id"].nunique())
        for name, mine in rows.groupby("portfolio_id"):
            told[f"correlation of {name}"] = correlation_picture(mine)
    return told


def exceedance_picture(path: "VarPath") -> dg.MetadataValue:
    """Results of the newest 30 sessions as bars, minus value at risk as a line; exceedances in orange."""
    results, var, hits = (values[-_SESSIONS_DRAWN:] for values in (path.results, path.var, path.hits))
    scale = 45.0 / max(float(np.abs(results).max()), float(var.max()), 1e-12)
    bars = {BLUE: "", ORANGE: ""}
    for place, (result, hit) in enumerate(zip(results, hits, strict=True)):
        length = round(-float(result) * scale)
        if length:
            bars[ORANGE if hit else BLUE] += f"M{5 * place + 2} 50v{length}"
    line = "L".join(f"{5 * place + 2},{round(50 + float(var[place]) * scale)}" for place in range(0, len(var), 4))
    body = "".join(f"<path stroke='{colour}' stroke-width='3' d='{d}'/>" for colour, d in bars.items() if d)
    right = 5 * _SESSIONS_DRAWN + 4
    body += f"<path stroke='#999' stroke-width='.4' d='M0 50h{right}'/><path fill='none' stroke='#000' d='M{line}'/>"
    most = float(f"{45.0 / scale:.2g}")
    for height, label in ((9, short(most)), (53, "0 base currency"), (98, short(-most))):
        body += f"<text x='{right}' y='{height}'>{label}</text>"
    names = f"<a fill='{BLUE}'>result </a><a fill='{ORANGE}'>beyond </a>VaR (black), {len(results)} sessions"
    body += f"<text y='111'>{names}</text>"
    return dg.MetadataValue.md(inline_markdown(svg(right + 80, 114, body, 2, FONT)))


def correlation_picture(rows: pd.DataFrame) -> dg.MetadataValue:
    """Heatmap of the first 10 instruments in order: orange moves together, grey is little, blue against each other."""
    names = sorted({*rows["instrument_id"], *rows["other_id"]})[:_CELLS]
    place = {name: number for number, name in enumerate(names)}
    paths = dict.fromkeys(_CORRELATION_COLOURS, "")
    for row in rows.itertuples():
        if row.instrument_id in place and row.other_id in place:
            colour = _CORRELATION_COLOURS[int(np.digitize(row.correlation, _CORRELATION_EDGES))]
            paths[colour] += f"M{place[row.other_id]} {place[row.instrument_id]}h1"
    side = max(len(names), 1)
    for step, colour in enumerate(reversed(_CORRELATION_COLOURS)):
        paths[colour] += f"M{side + 1} {step}h1"
    body = "".join(f"<path stroke='{colour}' d='{d}'/>" for colour, d in paths.items())
    scale = [(15 * side + 32, 15 * step + 18, f"{edge:g}") for step, edge in enumerate(reversed(_CORRELATION_EDGES))]
    height = 15 * max(side, len(_CORRELATION_COLOURS))
    return dg.MetadataValue.md(
        inline_markdown(
            svg(
                15 * side + 60,
                height,
                f"<g transform='translate(0 7.5)scale(15)'>{body}</g>{numbers(scale)}",
                2,
                FONT,
            )
        )
    )


def _money(value: float | None) -> str:
    return "" if value is None or pd.isna(value) else f"{value:,.0f}"
