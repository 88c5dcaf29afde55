"""What portfolio liquidity tells in the Dagster UI: numbers that plot, tables, and the ladder as a picture."""

from collections.abc import Callable
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from io_managers.inline_chart import LINE_BLUE, LINE_GREEN, LINE_ORANGE, LINE_RED, Line, line_chart
from liquidity.contracts import (
    LIQUIDATION_LADDER,
    PORTFOLIO_LIMITS,
    PORTFOLIO_LIQUIDITY,
    POSITION_LIQUIDITY,
)
from liquidity.contracts.risk_portfolio import LADDER_SCENARIOS
from liquidity.portfolio.policy import LADDER_SESSIONS
from resources.portfolio_policy import portfolio_policy
from resources.settings import current_settings

__all__ = ["SUMMARIES", "ladder_picture"]

_SHOWN_ROWS: Final = 12
_APPROACHES: Final = (("waterfall", LINE_BLUE), ("mixed", LINE_GREEN), ("pro_rata", LINE_ORANGE))
_LIMITS: Final = portfolio_policy(current_settings()).limits
_LADDER_AXES: Final = (
    f"x: sessions of selling; y: share of the value sold, %; full lines: the market as it is, dashed: under stress; red: at least "
    f"{_LIMITS.min_daily_liquidatable_frac:.0%} in a session and {_LIMITS.liquidation_target_frac:.0%} within "
    f"{_LIMITS.max_liquidation_sessions} sessions, which waterfall is held to"
)


def ladder_picture(rows: pd.DataFrame) -> str:
    """Share sold by session of one portfolio by way to sell, dashed under stress; red: what the limits ask for."""
    last = LADDER_SESSIONS
    lines = []
    for scenario in LADDER_SCENARIOS:
        for approach, colour in _APPROACHES:
            own = rows[(rows["scenario"] == scenario) & (rows["approach"] == approach)].sort_values("horizon_sessions")
            share = own["sold_frac"].to_numpy(dtype=np.float64, na_value=np.nan)
            if np.isfinite(share).any():
                lines.append(
                    Line(
                        colour,
                        [0.0, *(own["horizon_sessions"] / last)],
                        [0.0, *share],
                        name="" if scenario == "stressed" else approach.replace("_", " "),
                        dashed=scenario == "stressed",
                    )
                )
    first, target = _LIMITS.min_daily_liquidatable_frac, _LIMITS.liquidation_target_frac
    by = min(_LIMITS.max_liquidation_sessions / last, 1.0)
    lines += [
        Line(LINE_RED, [0.0, 1 / last], [first, first], name="limits"),
        Line(LINE_RED, [by, 1.0], [target, target]),
    ]
    across = [*((n / last, f"{n}") for n in (1, 5, 10, 15)), (1.0, f"{last} sessions")]
    return line_chart(lines, across, [(0.0, "0"), (0.5, "50"), (1.0, "100")], "% sold")


def _positions(rows: pd.DataFrame) -> dict[str, Any]:
    told: dict[str, Any] = {"positions": len(rows), "left out of a number": int((rows["reason"] != "").sum())}
    if not len(rows):
        return told
    told["with a warning"] = int((rows["warnings_count"] > 0).sum())
    told["need a plan"] = int(rows["plan_required"].fillna(False).sum())
    slow = rows.sort_values("days_to_liquidate", ascending=False, na_position="first").head(_SHOWN_ROWS)
    told["slowest"] = _table(
        "portfolio | instrument | weight | days | now bps | 5 sessions bps | stressed | method",
        [
            f"{r['portfolio_id']} | {r['instrument_id']} | {_number(r['weight_frac'], '.1%')} | {_number(r['days_to_liquidate'], '.1f')} | "
            f"{_number(r['cost_now_bps'], '.0f')} | {_number(r['cost_5_bps'], '.0f')} | {_number(r['stressed_cost_5_bps'], '.0f')} | {r['method']}"
            for r in slow.to_dict("records")
        ],
    )
    return told


def _ladders(rows: pd.DataFrame) -> dict[str, Any]:
    told: dict[str, Any] = {"portfolios": int(rows["portfolio_id"].nunique())}
    if len(rows):
        told["ladder axes"] = _LADDER_AXES
    for name, own in list(rows.groupby("portfolio_id"))[:_SHOWN_ROWS]:
        told[f"ladder {name}"] = dg.MetadataValue.md(ladder_picture(own))
        first = own[(own["scenario"] == "calm") & (own["approach"] == "waterfall") & (own["horizon_sessions"] == 1)]
        told |= {f"sold at T+1 {name}": float(value) for value in first["sold_frac"].dropna()}
    return told


def _portfolios(rows: pd.DataFrame) -> dict[str, Any]:
    told: dict[str, Any] = {"portfolios": len(rows), "refused": int(rows["gross_value_base"].isna().sum())}
    for each in rows.head(_SHOWN_ROWS).to_dict("records"):
        if pd.notna(each["liquidity_score"]):
            told[f"score {each['portfolio_id']}"] = float(each["liquidity_score"])
            told[f"worst decile {each['portfolio_id']}"] = float(each["worst_decile_score"])
    told["summary"] = _table(
        "portfolio | value | T+1 | T+5 | stressed T+5 | target in | exit now bps | score | worst names | reason",
        [
            f"{r['portfolio_id']} | {_number(r['gross_value_base'], ',.0f')} {r['base_currency']} | {_number(r['sold_1_frac'], '.0%')} | "
            f"{_number(r['sold_5_frac'], '.0%')} | {_number(r['stressed_sold_5_frac'], '.0%')} | {_number(r['sessions_to_target'], '.0f')} | "
            f"{_number(r['exit_cost_now_bps'], '.0f')} | {_number(r['liquidity_score'], '.0f')} | {r['worst_names']} | {r['reason']}"
            for r in rows.head(_SHOWN_ROWS).to_dict("records")
        ],
    )
    return told


def _limits(rows: pd.DataFrame) -> dict[str, Any]:
    failed = rows[rows["passed"].eq(False).fillna(False) | rows["stressed_passed"].eq(False).fillna(False)]
    return {
        "limits": len(rows),
        "broken": int(rows["passed"].eq(False).fillna(False).sum()),
        "broken under stress": int(rows["stressed_passed"].eq(False).fillna(False).sum()),
        "breaches": _table(
            "portfolio | limit | value | stressed | bound | reason",
            [
                f"{r['portfolio_id']} | {r['limit']} | {_number(r['value'], '.4g')} | {_number(r['stressed_value'], '.4g')} | {r['bound']:.4g} | {r['reason']}"
                for r in failed.head(3 * _SHOWN_ROWS).to_dict("records")
            ],
        ),
    }


def _table(head: str, lines: list[str]) -> dg.MarkdownMetadataValue:
    rule = "|".join("---" for _ in head.split("|"))
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in (head, rule, *lines)))


def _number(value: Any, form: str) -> str:
    return "never" if form == ".1f" and pd.isna(value) else "" if pd.isna(value) else format(float(value), form)


SUMMARIES: Final[dict[str, Callable[[pd.DataFrame], dict[str, Any]]]] = {
    POSITION_LIQUIDITY.name: _positions,
    LIQUIDATION_LADDER.name: _ladders,
    PORTFOLIO_LIQUIDITY.name: _portfolios,
    PORTFOLIO_LIMITS.name: _limits,
}
"""Metadata of one day by table; each function gets the day's rows."""
