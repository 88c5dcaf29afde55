"""What leverage tells in the Dagster UI: numbers that plot, tables, and the distance to liquidation as a picture."""

from collections.abc import Callable
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from io_managers.inline_svg import BLUE, FONT, GREY, ORANGE, inline_markdown, numbers, svg
from liquidity.contracts import LEVERAGE_RISK, MARGIN_USE

__all__ = ["SUMMARIES", "distance_picture"]

_WIDTH: Final = 200
_BAR: Final = 8
_SHOWN_BARS: Final = 8
_SHOWN_ROWS: Final = 20
_FULL_SIGMAS: Final = 12.0
_NEAR_SIGMAS: Final = 4.0


def distance_picture(rows: pd.DataFrame) -> str:
    """Distance to liquidation in daily standard deviations, nearest first: orange within 4 (the line), blue beyond; 12 fill the width."""
    nearest = np.sort(rows["distance_sigmas"].dropna().to_numpy(dtype=np.float64))[:_SHOWN_BARS]
    line = round(_WIDTH * _NEAR_SIGMAS / _FULL_SIGMAS)
    height = _BAR * max(len(nearest), 1) + 4
    body = "".join(
        f"<rect y='{_BAR * place + 2}' width='{round(_WIDTH * min(max(value, 0.1) / _FULL_SIGMAS, 1.0))}' height='6' "
        f"fill='{ORANGE if value < _NEAR_SIGMAS else BLUE}'/>"
        for place, value in enumerate(nearest)
    )
    body += f"<path d='M{line} 0v{height}' stroke='{GREY}'/>"
    ticks = [(0.0, "0"), (_NEAR_SIGMAS, f"{_NEAR_SIGMAS:g}"), (_FULL_SIGMAS, f"{_FULL_SIGMAS:g} or more daily sigmas")]
    body += numbers([(round(_WIDTH * at / _FULL_SIGMAS), height + 9, label) for at, label in ticks])
    return inline_markdown(svg(_WIDTH + 110, height + 12, body, scale=2, style=FONT))


def _positions(rows: pd.DataFrame) -> dict[str, Any]:
    told: dict[str, Any] = {
        "levered positions": len(rows),
        "missing a number": int((rows["reason"] != "").sum()),
        "above the recommended leverage": int(rows["above_recommended"].eq(True).fillna(False).sum()),
    }
    if not len(rows):
        return told
    for name, value in (
        ("nearest liquidation [sigmas]", rows["distance_sigmas"].min()),
        ("highest liquidation risk", rows["liquidation_risk_score"].max()),
    ):
        if pd.notna(value):
            told[name] = float(value)
    told["distance to liquidation"] = dg.MetadataValue.md(distance_picture(rows))
    shown = rows.sort_values("distance_sigmas", na_position="last").head(_SHOWN_ROWS)
    told["positions, nearest first"] = _table(
        "portfolio | instrument | mode | value | leverage | recommended | mark | liquidation | distance | sigmas | ATRs | cover | risk | funding a day | brackets | reason",
        [
            f"{r['portfolio_id']} | {r['instrument_id']} | {r['margin_mode']} | {_number(r['notional_ccy'], ',.0f')} {r['currency']} | "
            f"{_number(r['leverage_effective'], '.1f')} | {_number(r['leverage_recommended'], '.1f')} | {_number(r['mark'], '.6g')} | "
            f"{_number(r['liquidation_price'], '.6g')} | {_number(r['distance_frac'], '.1%')} | {_number(r['distance_sigmas'], '.1f')} | "
            f"{_number(r['distance_atrs'], '.1f')} | {_number(r['depth_cover'], '.1f')} | {_number(r['liquidation_risk_score'], '.0f')} | "
            f"{_number(r['funding_day_ccy'], ',.0f')} | {r['margin_basis'] if pd.notna(r['margin_basis']) else ''} | {r['reason']}"
            for r in shown.to_dict("records")
        ],
    )
    return told


def _accounts(rows: pd.DataFrame) -> dict[str, Any]:
    told: dict[str, Any] = {
        "accounts": len(rows),
        "at alert or beyond": int(rows["level"].isin(["alert", "liquidation"]).sum()),
    }
    for each in rows.head(_SHOWN_ROWS).to_dict("records"):
        if pd.notna(each["use_frac"]):
            told[f"margin use {each['portfolio_id']} {each['account']} {each['currency']}"] = float(each["use_frac"])
    if len(rows):
        told["summary"] = _table(
            "portfolio | account | equity | used | available | use | ratio | level | fall | rise | adverse sigmas | adverse move | after ADL of | sigmas | reason",
            [
                f"{r['portfolio_id']} | {r['account']} | {_number(r['equity_ccy'], ',.0f')} {r['currency']} | {_number(r['initial_ccy'], ',.0f')} | "
                f"{_number(r['available_ccy'], ',.0f')} | {_number(r['use_frac'], '.0%')} | {_number(r['ratio_frac'], '.0%')} | {r['level']} | "
                f"{_number(r['fall_frac'], '.0%')} | {_number(r['rise_frac'], '.0%')} | {_number(r['adverse_sigmas'], '.1f')} | {r['adverse_moves']} | "
                f"{r['adl_instrument_id'] if pd.notna(r['adl_instrument_id']) else ''} | {_number(r['adl_adverse_sigmas'], '.1f')} | {r['reason']}"
                for r in rows.head(_SHOWN_ROWS).to_dict("records")
            ],
        )
    return told


def _table(head: str, lines: list[str]) -> dg.MarkdownMetadataValue:
    rule = "|".join("---" for _ in head.split("|"))
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in (head, rule, *lines)))


def _number(value: Any, form: str) -> str:
    return "" if pd.isna(value) else format(float(value), form)


SUMMARIES: Final[dict[str, Callable[[pd.DataFrame], dict[str, Any]]]] = {
    LEVERAGE_RISK.name: _positions,
    MARGIN_USE.name: _accounts,
}
"""Metadata of one day by table; each function gets the day's rows."""
