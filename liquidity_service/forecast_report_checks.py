"""What keeps the forecast report honest: coverage, crises, controls, meaning of the scores, states of the markets."""

from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.evidence import REGIMES
from liquidity.forecast.horizons import HORIZONS
from liquidity_service.forecast_evidence import CRISES, PanelEvidence
from liquidity_service.forecast_report_cells import (
    Found,
    folded,
    forecasts_n,
    interval,
    market_name,
    number,
    p_value,
    percent,
    picture,
    table,
)

__all__ = ["controls_section", "coverage_section", "crises_section", "regimes_section", "validation_section"]

_ENOUGH_POINTS: Final = 5_000
_WITHIN_FRAC: Final = 0.02
_OUTCOMES: Final = {
    "spread_bps": "wide spread",
    "spread_ratio": "spread wider than usual",
    "zero_trade_day": "day without a trade",
    "failed_exit": "failed exit",
    "cost_overrun_bps": "cost above estimate",
}


def coverage_section(found: Found, shown: set[str]) -> str:
    """Coverage of the served bands, by asset class and origin, all scores and horizons together."""
    rows, few = [], []
    classes: dict[tuple[str, str], list[PanelEvidence]] = {}
    for _, each in found:
        classes.setdefault((each.group.asset_class, each.group.origin), []).append(each)
    for (asset_class, origin), members in sorted(classes.items()):
        cells: list[str] = [asset_class, origin]
        points = sum(forecasts_n(each) for each in members)
        cells.append(f"{points:,}")
        distances = []
        for band in (50, 80, 95):
            pooled = pd.concat(
                [each.coverage[(each.coverage["horizon_sessions"] == 0) & (each.coverage["band"] == band)] for each in members]
            )  # fmt: skip
            share = float(np.average(pooled["coverage_frac"], weights=pooled["points_n"]))
            cells.append(percent(share))
            if band > 50:
                distances.append(abs(share - band / 100.0))
        if points < _ENOUGH_POINTS:
            few.append(f"{asset_class}, {origin} ({points:,} of {_ENOUGH_POINTS:,})")
            cells.append("too few to tell")
        else:
            cells.append("yes" if max(distances) <= _WITHIN_FRAC else "**no**")
        rows.append(cells)
    by_horizon = []
    for _, each in found:
        for horizon in HORIZONS:
            at = each.coverage[each.coverage["horizon_sessions"] == horizon].set_index("band")
            if at.empty:
                continue
            cells = [market_name(each), each.target, f"{horizon}", f"{int(at['points_n'].iloc[0]):,}"]
            for band in (50, 80, 95):
                row = at.loc[band]
                mark = " !" if row["alarm"] else ""
                cells.append(
                    f"{percent(row['coverage_frac'])} ({100 * row['low_frac']:.0f}-{100 * row['high_frac']:.0f}){mark}"
                )
            by_horizon.append(cells)
    head = ["asset class", "origin", "forecasts", "50 % band", "80 % band", "95 % band", "80 and 95 within 2 points"]
    lacking = f"Too few held-out forecasts to say whether the bands hold: {'; '.join(few)}.\n\n" if few else ""
    return (
        "## Do the bands hold what they promise?\n\n"
        "Share of truths inside the served bands, all scores and horizons of an asset class together.\n\n"
        f"{table(head, rows)}\n\n{lacking}"
        + folded(
            "Each market, score and horizon, with the range that a calibrated band stays in with 95 % probability (! is outside)",
            table(["market", "score", "horizon", "forecasts", "50 %", "80 %", "95 %"], by_horizon),
        )
        + picture(
            "coverage",
            "Coverage of the served bands over the last 250 sessions, where the judged history is longer",
            shown,
            before="\n\n",
        )
    )


def crises_section(found: Found) -> str:
    """Losses and coverage of the forecasts made for the days of each crisis."""
    rows = []
    for _, each in found:
        for _, row in each.crises.iterrows():
            served = " (served)" if row["member"] == each.choice.member else ""
            rows.append(
                [
                    row["crisis"],
                    market_name(each),
                    row["member"] + served,
                    f"{int(row['points_n']):,}",
                    number(row["mae_points"]),
                    number(row["pinball_points"]),
                    percent(row["coverage_80_frac"]),
                    percent(row["coverage_95_frac"]),
                    number(row["bias_points"]),
                ]
            )
    if not rows:
        return ""
    days = "; ".join(f"{crisis.name} {crisis.start} to {crisis.end}" for crisis in CRISES)
    return (
        "## In the crises\n\n"
        f"Forecasts made for sessions of these days, all horizons together: {days}. Nobody knew of them: members learned from "
        "the blocks before, and bands widen only as misses arrive.\n\n"
        + table(["crisis", "market", "member", "forecasts", "MAE", "pinball", "in 80", "in 95", "bias"], rows)
    )


def controls_section(found: Found) -> str:
    """Shuffled labels, a changed future, and a leak that is seen."""
    shuffled, leaks = [], []
    for _, each in found:
        comparison = each.control.comparison
        shuffled.append(
            [
                market_name(each),
                each.target,
                each.control.best_baseline,
                "" if comparison is None else comparison.challenger,
                "" if comparison is None else percent(comparison.skill_frac, signed=True),
                "" if comparison is None else p_value(comparison.dm_p_value),
                "" if comparison is None else f"{comparison.points_n:,}",
                "**wins**" if each.control.kind == "model" else "no",
            ]
        )
        leaks.append(
            [
                market_name(each),
                each.target,
                f"{each.future.inputs_n:,}",
                f"{each.future.quantiles_n:,}",
                f"{each.future.moved_n:,}",
                percent(each.detector.honest_skill_frac, signed=True),
                percent(each.detector.leaking_skill_frac, signed=True),
            ]
        )
    return (
        "## Nothing to find: shuffled labels\n\n"
        "The changes ahead, in multiples of each row's usual change, are dealt out anew before training and test. No input "
        "tells anything of them, so no model may win by the rule of promotion.\n\n"
        + table(["market", "score", "best baseline", "best model", "skill", "p", "rows", "model wins"], shuffled)
        + "\n\n## The future changes nothing\n\n"
        "At three quarters of each history every later score and signal is shifted by seven sessions, given to another "
        "instrument and turned upside down. Inputs of the thirty sessions before, and the quantiles of every member "
        "refitted on what was known there, must stay the same bits. To show that a leak would be seen, the linear member "
        "is judged again with tomorrow's score among its inputs: its skill against persistence at one session must leap.\n\n"
        + table(
            ["market", "score", "inputs compared", "quantiles compared", "moved", "skill, honest", "skill, with the leak"],
            leaks,
        )
    )  # fmt: skip


def validation_section(found: Found, shown: set[str]) -> str:
    """What followed low scores and low forecasts, beside the naive guess."""
    rows = []
    for _, each in found:
        if each.target != "liquidity_score":
            continue
        compared = each.validation
        wanted = (compared["view"] == "across_names") & compared["horizon_sessions"].isin((HORIZONS[0], HORIZONS[-1]))
        for _, row in compared[wanted & (compared["verdict"] != "insufficient_data")].iterrows():
            rows.append(
                [
                    market_name(each),
                    "forecast" if str(row["predictor"]).endswith("_forecast") else "score",
                    _OUTCOMES[row["outcome"]],
                    f"{row['horizon_sessions']}",
                    f"{row['points_n']:,}",
                    interval(row, "rank_correlation", "rank_correlation"),
                    interval(row, "naive_rank_correlation", "naive"),
                    interval(row, "partial_rank_correlation", "partial"),
                    f"{row['shuffled_rank_correlation']:+.2f}",
                    str(row["verdict"]).replace("_", " "),
                ]
            )
    if not rows:
        return ""
    head = ["market", "what", "before", "horizon", "pairs", "rank correlation", "last value instead", "beyond last value", "shuffled", "verdict"]  # fmt: skip
    return (
        "## Do the scores mean anything?\n\n"
        "Spearman correlation, among the instruments of a session, of the liquidity score (and of its forecast) with what "
        "followed; below 0 is what a low score promises. In brackets the 95 % interval, sessions resampled in blocks. Beside "
        "it the outcome's own last value, the naive guess, and what the score adds to it ([method](methodology/score_validation.md)). "
        "Outcomes that a market does not show (no spread quoted, every day traded) are absent.\n\n"
        + folded("All comparisons across names", table(head, rows), open_=len(rows) <= 60)
        + picture("reliability", "What followed, by decile of the score", shown, before="\n\n")
    )


def regimes_section(found: Found, shown: set[str]) -> str:
    """Share of sessions in each state, over all and in the crises."""
    rows = []
    for _, each in found:
        if each.target != "liquidity_score":
            continue
        told = each.regimes[each.regimes["regime"] != ""]
        if told.empty:
            continue
        rows.append([market_name(each), "all", f"{len(told):,}", *_shares(told)])
        for crisis in CRISES:
            if crisis.asset_class != each.group.asset_class or each.group.origin != "recorded":
                continue
            days = told[
                (told["session"] >= np.datetime64(crisis.start)) & (told["session"] <= np.datetime64(crisis.end))
            ]
            if len(days):
                rows.append([market_name(each), crisis.name, f"{len(days):,}", *_shares(days)])
    if not rows:
        return ""
    return (
        "## States of the markets\n\n"
        "Calm, stressed or crisis, told each session from the sessions before it ([method](methodology/regimes.md)): share "
        "of sessions in each state.\n\n"
        + table(["market", "days", "sessions", *REGIMES], rows)
        + picture("regimes", "Median liquidity score and state of the recorded markets", shown, before="\n\n")
    )


def _shares(told: pd.DataFrame) -> list[str]:
    return [percent(float((told["regime"] == name).mean())) for name in REGIMES]
