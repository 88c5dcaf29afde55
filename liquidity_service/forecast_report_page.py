"""The text of the forecast report: one Markdown page from the evidence, every number of it measured in the run.

Read next: ``forecast_report_checks.py`` (its other half), ``forecast_report.py``, which gathers the evidence.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import pandas as pd

from liquidity.forecast.horizons import HORIZONS
from liquidity_service.forecast_evidence import PanelEvidence
from liquidity_service.forecast_report import PLANS, Report
from liquidity_service.forecast_report_cells import (
    Found,
    folded,
    forecasts_n,
    market_name,
    number,
    p_value,
    percent,
    picture,
    sentence,
    table,
)
from liquidity_service.forecast_report_checks import (
    controls_section,
    coverage_section,
    crises_section,
    regimes_section,
    validation_section,
)
from liquidity_service.score_history import HistorySource

__all__ = ["report_page"]


def report_page(report: Report, drawn: Iterable[str]) -> str:
    """The whole page.

    Parameters
    ----------
    drawn
        Names of ``PICTURES`` that were drawn.
    """
    shown = set(drawn)
    found = report.evidence
    parts = [
        _head(report),
        _in_short(found, report.absent),
        coverage_section(found, shown),
        picture("fans", "Fan charts of judged forecasts", shown),
        *(_market(source, each) for source, each in found),
        crises_section(found),
        controls_section(found),
        validation_section(found, shown),
        regimes_section(found, shown),
        _LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: Report) -> str:
    small = [
        f"{market_name(each)} {each.target}" for source, each in report.evidence if each.plan != PLANS[source.name]
    ]
    sample = f" Judged in the quick way, on fewer blocks or smaller samples: {', '.join(small)}." if small else ""
    return f"""# Forecast report

Written by `pulse forecast-report` (code {report.code}; judging took {sum(each.seconds for _, each in report.evidence) / 60:.0f} minutes of one core).{sample}
Scores of whole histories are computed session by session as the daily run does, then every member forecasts block after
block of sessions from what was known before it ([method](methodology/forecasts.md), [bands](methodology/forecast_bands.md),
[members](methodology/forecast_members.md)). Figures are in points of the 0-100 scores on held-out forecasts; horizons are
sessions of the instrument's own calendar. *Skill* is 1 - pinball loss / pinball loss of the best baseline on the same
rows: above 0 is better than the best of persistence, seasonal naive, EWMA, AR(1) and HAR. *p* is the Diebold-Mariano test
by session. A model is served only when it beats the best baseline; otherwise that baseline is, and this page says so."""


def _in_short(found: Found, absent: Sequence[tuple[str, str]]) -> str:
    rows = []
    for _, each in found:
        comparison = each.choice.comparison
        pooled = each.coverage[each.coverage["horizon_sessions"] == 0].set_index("band")["coverage_frac"]
        rows.append(
            [
                market_name(each),
                each.target,
                f"{each.first} to {each.last}",
                f"{forecasts_n(each):,}",
                f"**{each.choice.member}**" if each.choice.kind == "model" else f"{each.choice.member} (baseline)",
                each.choice.best_baseline,
                "" if comparison is None else percent(comparison.skill_frac, signed=True),
                "" if comparison is None else p_value(comparison.dm_p_value),
                percent(pooled.get(80)),
                percent(pooled.get(95)),
            ]
        )
    models = [each for _, each in found if each.choice.kind == "model"]
    lost = [f"{market_name(each)} {each.target}" for _, each in found if each.choice.kind != "model"]
    text = f"A model beats every baseline for {len(models)} of {len(found)} scores." if found else "Nothing was judged."
    if lost:
        text += f" Nothing beats the baseline for {', '.join(lost)}: there the baseline is served."
    head = ["market", "score", "judged", "forecasts", "served", "best baseline", "skill of best model", "p", "80 % band", "95 % band"]  # fmt: skip
    missing = "".join(f"\n- {name}: {why}." for name, why in absent)
    return f"## In short\n\n{text}\n\n{table(head, rows)}" + (f"\n\nNot judged:\n{missing}" if missing else "")


def _market(source: HistorySource, each: PanelEvidence) -> str:
    whole = each.evaluation[each.evaluation["slice"] == "all"]
    served = whole[whole["member"] == each.choice.member].set_index("horizon_sessions")
    names = {"mae_points": "MAE", "mase": "MASE", "pinball_points": "pinball", "crps_points": "CRPS", "interval_score_80_points": "interval 80", "interval_score_95_points": "interval 95", "coverage_50_frac": "in 50", "coverage_80_frac": "in 80", "coverage_95_frac": "in 95", "bias_points": "bias"}  # fmt: skip
    rows = [
        [f"{horizon}", *(percent(row[key]) if key.startswith("coverage") else number(row[key]) for key in names)]
        for horizon, row in served.iterrows()
    ]
    text = (
        f"## {market_name(each)}: {each.target}\n\n{source.title[0].upper()}{source.title[1:]}. {each.instruments_n} instruments, "
        f"{each.sessions_n:,} judged sessions in blocks of {each.plan.evaluation.block_sessions}, each learned from at most "
        f"{each.plan.evaluation.max_train_rows:,} rows before it; above {each.plan.evaluation.max_held_out_rows:,} rows to judge, some "
        f"instruments, drawn once, stand for all. Served: {each.choice.member}. {sentence(each.choice.reason)}\n\n"
        f"The served member by horizon:\n\n{table(['horizon', *names.values()], rows)}\n\n"
        f"Pinball loss of every member, with its skill against the best baseline of the horizon and p:\n\n{_members(whole)}\n\n"
    )
    if each.left_out:
        text += "Left out: " + "; ".join(f"{name}, {why}" for name, why in each.left_out.items()) + ".\n\n"
    return (
        text
        + folded("Every model against every baseline: skill (p)", _against(each.against))
        + "\n\n"
        + folded("The served member by sector and by decile of today's score (0 is least liquid)", _slices(each))
    )


def _members(whole: pd.DataFrame) -> str:
    rows = []
    least = whole.groupby("horizon_sessions")["pinball_points"].min()
    order = whole.groupby("member")["pinball_points"].mean().sort_values().index
    for name in order:
        mine = whole[whole["member"] == name].set_index("horizon_sessions")
        cells = [name, str(mine["kind"].iloc[0])]
        for horizon in HORIZONS:
            row = mine.loc[horizon]
            value = number(row["pinball_points"])
            value = f"**{value}**" if row["pinball_points"] <= least[horizon] else value
            beside = f" {percent(row['skill_frac'], signed=True)} ({p_value(row['dm_p_value'])})"
            cells.append(value + ("" if name == row["best_baseline"] else beside))
        rows.append(cells)
    return table(["member", "kind", *(f"T+{horizon}" for horizon in HORIZONS)], rows)


def _against(against: pd.DataFrame) -> str:
    rows = []
    for (member, baseline), mine in against.groupby(["member", "baseline"], sort=True):
        by = mine.set_index("horizon_sessions")
        cells = [
            f"{percent(by.loc[h, 'skill_frac'], signed=True)} ({p_value(by.loc[h, 'dm_p_value'])})" for h in HORIZONS
        ]
        rows.append([str(member), str(baseline), *cells])
    return table(["model", "baseline", *(f"T+{horizon}" for horizon in HORIZONS)], rows)


def _slices(each: PanelEvidence) -> str:
    mine = each.evaluation[
        (each.evaluation["member"] == each.choice.member)
        & (each.evaluation["slice"] != "all")
        & each.evaluation["horizon_sessions"].isin((HORIZONS[0], HORIZONS[-1]))
    ].sort_values(["slice", "slice_value", "horizon_sessions"])
    rows = [
        [
            str(row["slice"]).replace("_", " "),
            str(row["slice_value"]),
            f"{row['horizon_sessions']}",
            f"{row['points_n']:,}",
            number(row["mae_points"]),
            number(row["pinball_points"]),
            percent(row["skill_frac"], signed=True),
            percent(row["coverage_80_frac"]),
            percent(row["coverage_95_frac"]),
            number(row["bias_points"]),
        ]
        for _, row in mine.iterrows()
    ]
    head = ["cut by", "value", "horizon", "forecasts", "MAE", "pinball", "skill", "in 80", "in 95", "bias"]
    return table(head, rows)


_LIMITS: Final = """## What this page does not show

- Recorded crypto and shares come from daily bars: no quotes, no depth. Their scores rest on measures of trades alone.
- Their spreads are estimated from the same bars and enter the score: that a low score goes with a wide spread ahead tells
  more of how long both last than of what a trader pays.
- The pairs are those that still traded when the history was recorded: coins that vanished are not in it.
- At most ten shares and funds have scores: a session compares few names, and none that failed is among them.
- Blocks here are longer than the time between two trainings of a deployment, so members are older when they speak.
- The served member is chosen on the rows its losses are told of; with a few members the optimism is small, and a p-value of
  the choice is multiplied by the number of models.
- Simulated markets are as hard as their dials say; wins there promise nothing for a recorded market."""
