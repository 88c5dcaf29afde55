"""Rows of the stress tables from results, sorted as their contracts say.

Read next: ``liquidity/contracts/risk_stress.py``, which says what each column means.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.conform import empty_table, frame_from_table, table_from_frame
from liquidity.contracts.risk_stress import (
    LIQUIDATION_CASCADE,
    REVERSE_STRESS,
    STRESS_GRID,
    STRESS_RESULTS,
    WHOLE_PORTFOLIO,
)
from liquidity.contracts.table import TableContract
from liquidity.portfolio.holdings import Holdings
from liquidity.stress.cascade import BookCascade
from liquidity.stress.engine import Condition
from liquidity.stress.joint_risk import joint_risk
from liquidity.stress.measures import PortfolioStress
from liquidity.stress.reverse import BreakingPoint

__all__ = [
    "cascade_row",
    "cascade_table",
    "grid_table",
    "reverse_rows",
    "reverse_table",
    "stress_rows",
    "stress_table",
]


def stress_rows(
    session: date,
    found: PortfolioStress,
    *,
    kind: str,
    severity: str | None,
    origin: str,
    pairs: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per position and one for the whole of :data:`STRESS_RESULTS`, not yet conformed.

    ``pairs`` are the portfolio's rows of the table ``correlation``.
    """
    by, risk = found.positions, joint_risk(found.positions, pairs)
    before, after, held = by.before, by.after, by.before.holdings
    positions = pd.DataFrame(
        {
            "instrument_id": held.instrument_id,
            "stress_class": [name or None for name in by.vector.stress_class],
            "price_fall_frac": by.vector.price_fall_frac,
            "value_before_base": held.value_base,
            "value_after_base": after.holdings.value_base,
            "price_loss_base": by.price_loss_base,
            "plan_sessions": by.plan_sessions,
            "days_before": before.days,
            "days_after": after.days,
            "cost_now_before_bps": before.cost_now_bps,
            "cost_now_after_bps": after.cost_now_bps,
            "cost_plan_before_bps": before.cost_plan_bps,
            "cost_plan_after_bps": after.cost_plan_bps,
            "cost_plan_before_base": before.cost_plan_base,
            "cost_plan_after_base": after.cost_plan_base,
            "stressed_loss_base": by.stressed_loss_base,
            "reason": by.reason,
        }
    )
    value = float(np.nansum(held.value_base))
    whole = pd.DataFrame(
        [
            {
                "instrument_id": WHOLE_PORTFOLIO,
                "stress_class": None,
                "price_fall_frac": np.nan,
                "value_before_base": value,
                "value_after_base": value - found.price_loss_base,
                "price_loss_base": found.price_loss_base,
                "plan_sessions": _largest(by.plan_sessions),
                "days_before": _slowest(before),
                "days_after": _slowest(after),
                "cost_now_before_bps": _mean_bps(before, before.cost_now_base),
                "cost_now_after_bps": _mean_bps(after, after.cost_now_base),
                "cost_plan_before_bps": _mean_bps(before, before.cost_plan_base),
                "cost_plan_after_bps": _mean_bps(after, after.cost_plan_base),
                "cost_plan_before_base": found.cost_plan_before_base,
                "cost_plan_after_base": found.cost_plan_after_base,
                "stressed_loss_base": found.stressed_loss_base,
                "nav_before_base": found.nav_before_base,
                "nav_after_base": found.nav_after_base,
                "illiquid_before_frac": found.illiquid_before_frac,
                "illiquid_after_frac": found.illiquid_after_frac,
                "daily_liquidatable_before_frac": found.daily_before_frac,
                "daily_liquidatable_after_frac": found.daily_after_frac,
                "redemption_base": found.redemption_base,
                "margin_call_base": found.margin_call_base,
                "cash_available_base": found.cash_available_base,
                "cash_coverage_ratio": found.cash_coverage_ratio,
                "answered_frac": found.answered_frac,
                "daily_risk_before_base": risk.before_base,
                "daily_risk_after_base": risk.after_base,
                "daily_risk_covered_frac": risk.covered_frac,
                "reason": ",".join(sorted({said for text in by.reason if text for said in text.split(",")})),
            }
        ]
    )
    rows = pd.concat([each.dropna(axis="columns", how="all") for each in (whole, positions)], ignore_index=True)
    return rows.assign(
        session_date=session,
        portfolio_id=held.portfolio_id,
        scenario=by.vector.name,
        kind=kind,
        severity=severity,
        base_currency=held.base_currency,
        origin=origin,
    )


def stress_table(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of :data:`STRESS_RESULTS` in its types and order; empty for no part."""
    return _typed(_joined(parts), STRESS_RESULTS)


def reverse_rows(
    session: date,
    portfolio_id: str,
    scenario: str,
    points: Sequence[BreakingPoint],
    before: Mapping[str, float],
    after: Mapping[str, float],
    origin: str,
) -> pd.DataFrame:
    """Rows of :data:`REVERSE_STRESS`, not yet conformed; ``before`` and ``after`` are headroom at multiples 0 and 1."""
    return pd.DataFrame(
        [
            {
                "session_date": session,
                "portfolio_id": portfolio_id,
                "scenario": scenario,
                "limit": point.limit,
                "place": place,
                "verdict": point.verdict,
                "multiple": point.multiple,
                "last_safe_multiple": point.last_safe_multiple,
                "monotone": point.monotone,
                "evaluations": point.evaluations,
                "headroom_before": _finite(before[point.limit]),
                "headroom_after": _finite(after[point.limit]),
                "origin": origin,
            }
            for place, point in enumerate(points, start=1)
        ]
    )


def reverse_table(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of :data:`REVERSE_STRESS` in its types and order."""
    return _typed(_joined(parts), REVERSE_STRESS)


def grid_table(session: date, grids: Sequence[tuple[Holdings, pd.DataFrame, str]]) -> pd.DataFrame:
    """Rows of :data:`STRESS_GRID` from portfolios, their grids (:func:`~liquidity.stress.grid.what_if_grid`) and origins."""
    parts = [
        grid.assign(
            session_date=session,
            portfolio_id=held.portfolio_id,
            cell=np.arange(len(grid)),
            base_currency=held.base_currency,
            positions=grid.attrs["positions"],
            left_out=grid.attrs["left_out"],
            origin=origin,
        )
        for held, grid, origin in grids
    ]
    for part in parts:
        part.attrs = {}
    return _typed(_joined(parts), STRESS_GRID)


def cascade_row(
    session: date,
    instrument_id: str,
    price: float,
    first_fall_frac: float,
    depth_haircut_frac: float,
    found: BookCascade,
    covered_frac: float,
    origin: str,
) -> dict[str, object]:
    """One row of :data:`LIQUIDATION_CASCADE`, not yet conformed."""
    return {
        "session_date": session,
        "instrument_id": instrument_id,
        "depth_haircut_frac": depth_haircut_frac,
        "first_fall_frac": first_fall_frac,
        "price_before": price,
        "price_after": found.final_price,
        "forced_fall_frac": found.fall_frac,
        "rounds": found.rounds,
        "levels_reached": int(found.liquidated.sum()),
        "liquidated_quote": found.quantity * price,
        "received_quote": found.notional,
        "unfilled_frac": found.unfilled_quantity / found.quantity if found.quantity > 0.0 else np.nan,
        "observed_level_frac": found.observed_level_frac,
        "visible_fill_frac": found.visible_fill_frac,
        "covered_frac": covered_frac,
        "origin": origin,
    }


def cascade_table(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Rows of :data:`LIQUIDATION_CASCADE` in its types and order, the cases of each instrument numbered as given."""
    table = pd.DataFrame(list(rows))
    if len(table):
        table["case"] = table.groupby("instrument_id").cumcount()
    return _typed(table, LIQUIDATION_CASCADE)


def _typed(rows: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    """Rows with the contract's columns and types, sorted by its key."""
    if rows.empty:
        return frame_from_table(empty_table(contract))
    full = rows.reindex(columns=list(contract.column_names))
    for column in contract.columns:
        if column.dtype == "string" and full[column.name].isna().all():  # such a column has no type of its own
            full[column.name] = full[column.name].astype("object").where(full[column.name].notna(), None)
    return frame_from_table(table_from_frame(full.sort_values(list(contract.key), kind="stable"), contract))


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    full = [part.dropna(axis="columns", how="all") for part in parts if len(part)]
    return pd.concat(full, ignore_index=True) if full else pd.DataFrame()


def _largest(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else np.nan


def _slowest(condition: Condition) -> float:
    """Longest days of the positions on the surface; NaN (never) where one of them never sells, or none is there."""
    known = condition.holdings.known
    return float(condition.days[known].max()) if known.any() else np.nan


def _mean_bps(condition: Condition, cost_base: NDArray[np.float64]) -> float:
    """Cost over the gross value of the positions that have one."""
    has = np.isfinite(cost_base)
    gross = float(np.abs(condition.holdings.value_base[has]).sum())
    return 1e4 * float(cost_base[has].sum()) / gross if gross > 0.0 else np.nan


def _finite(value: float) -> float:
    return value if np.isfinite(value) else np.nan
