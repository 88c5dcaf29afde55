"""All tables of portfolio liquidity of one session: positions, ladder, summary, limits.

Everything is read off the surface: the summary's shares and costs are the ladder's, the limits' too. Read next:
``ladder.py``, ``limits.py``, ``assessment_table.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.risk_portfolio import (
    LADDER_SCENARIOS,
    LIQUIDATION_LADDER,
    PORTFOLIO_LIMITS,
    PORTFOLIO_LIQUIDITY,
    PORTFOLIO_LIQUIDITY_CONTRACTS,
    POSITION_LIQUIDITY,
)
from liquidity.contracts.table import TableContract
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.assessment_table import assess_positions
from liquidity.portfolio.concentration import concentration
from liquidity.portfolio.currency import Rates
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.holdings_table import holdings, refused_portfolios
from liquidity.portfolio.ladder import APPROACHES, Ladder, ladder
from liquidity.portfolio.limits import LimitCheck, check_limits
from liquidity.portfolio.liquidity_score import portfolio_score
from liquidity.portfolio.policy import LiquidityPolicy

__all__ = ["PortfolioTables", "portfolio_tables", "scores_of"]

_WORST_NAMES = 5


@dataclass(frozen=True, slots=True)
class PortfolioTables:
    """Rows of the four tables, sorted by key."""

    positions: pd.DataFrame
    ladder: pd.DataFrame
    portfolios: pd.DataFrame
    limits: pd.DataFrame

    @classmethod
    def joined(cls, parts: "Iterable[PortfolioTables]") -> "PortfolioTables":
        """Rows of all parts."""
        whole = list(parts)
        return cls(
            _rows(POSITION_LIQUIDITY, [part.positions for part in whole]),
            _rows(LIQUIDATION_LADDER, [part.ladder for part in whole]),
            _rows(PORTFOLIO_LIQUIDITY, [part.portfolios for part in whole]),
            _rows(PORTFOLIO_LIMITS, [part.limits for part in whole]),
        )

    def with_contracts(self) -> list[tuple[TableContract, pd.DataFrame]]:
        """Each table with its contract."""
        tables = (self.positions, self.ladder, self.portfolios, self.limits)
        return list(zip(PORTFOLIO_LIQUIDITY_CONTRACTS, tables, strict=True))


def scores_of(held: Holdings, index_rows: pd.DataFrame) -> NDArray[np.float64]:
    """(P,) published liquidity scores of the positions, NaN where there is none; rows of LIQUIDITY_INDEX of the session."""
    known = dict(zip(index_rows["instrument_id"], index_rows["liquidity_score"].astype("float64"), strict=True))
    return np.array([known.get(name, np.nan) for name in held.instrument_id], dtype=np.float64)


def portfolio_tables(
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    fx: pd.DataFrame,
    index_rows: pd.DataFrame,
    surface: LiquiditySurface,
    session: date,
    policy: LiquidityPolicy,
    *,
    urgency: str = "medium",
) -> PortfolioTables:
    """Compute the tables of every portfolio of one session; a refused portfolio has one row that says why.

    Parameters
    ----------
    positions, accounts, fx, index_rows
        Rows of POSITIONS, ACCOUNTS, FX_RATES and LIQUIDITY_INDEX; only those of ``session`` are read.
    surface
        Calm, of the session; stress is the policy's.
    urgency
        Pace of the gradual cost.
    """
    day = pd.Timestamp(session)
    own, money, rates = (rows[rows["session_date"] == day] for rows in (positions, accounts, fx))
    scored = index_rows[index_rows["session_date"] == day]
    stressed = surface.stressed(policy.stress)
    rates_known = Rates.of(rates)
    parts = []
    for held in holdings(
        own,
        money,
        rates,
        surface,
        session,
        max_price_age_sessions=policy.max_price_age_sessions,
        settlement_sessions=policy.settlement_sessions,
    ):
        scores = scores_of(held, scored)
        source = _source(own, money, held.portfolio_id)
        told = assess_positions(held, surface, scores, policy, rates=rates_known, urgency=urgency, source=source)
        steps = {
            (scenario, approach): ladder(
                held,
                market,
                approach,
                policy.participation_frac,
                mixed_sessions=float(policy.limits.illiquid_after_sessions),
            )
            for scenario, market in zip(LADDER_SCENARIOS, (surface, stressed), strict=True)
            for approach in APPROACHES
        }
        checks = check_limits(held, surface, scores, policy), check_limits(held, stressed, scores, policy)
        parts.append(
            PortfolioTables(
                told.assign(session_date=day),
                _ladder_rows(held, steps, day, source),
                _summary_row(held, told, steps, checks, scores, policy, _kind(money, held.portfolio_id), day, source),
                _limit_rows(held, checks, day, source),
            )
        )
    parts += [
        _refused(name, reason, own, money, day)
        for name, reason in refused_portfolios(own, money, rates, session).items()
    ]
    return PortfolioTables.joined(parts)


def _ladder_rows(held: Holdings, steps: dict[tuple[str, str], Ladder], day: pd.Timestamp, source: str) -> pd.DataFrame:
    parts = []
    for (scenario, approach), step in steps.items():
        parts.append(
            pd.DataFrame(
                {
                    "session_date": day,
                    "portfolio_id": held.portfolio_id,
                    "scenario": scenario,
                    "approach": approach,
                    "horizon_sessions": step.horizon_sessions.astype(np.int64),
                    "base_currency": held.base_currency,
                    "sold_base": np.nansum(step.sold_base, axis=0),
                    "sold_frac": step.sold_frac,
                    "cost_base": np.nansum(step.cost_base, axis=0),
                    "cost_bps": step.cost_bps,
                    "cash_base": step.cash_base.sum(axis=0),
                    "uncosted_frac": np.minimum(step.uncosted_frac, 1.0),
                    "source": source,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _summary_row(
    held: Holdings,
    told: pd.DataFrame,
    steps: dict[tuple[str, str], Ladder],
    checks: tuple[list[LimitCheck], list[LimitCheck]],
    scores: NDArray[np.float64],
    policy: LiquidityPolicy,
    kind: str | None,
    day: pd.Timestamp,
    source: str,
) -> pd.DataFrame:
    calm, stressed = (steps[scenario, "waterfall"] for scenario in LADDER_SCENARIOS)
    score, names = portfolio_score(held.value_base, scores), concentration(held.value_base)
    gross = calm.gross_base
    costed = told["cost_now_base"].notna()
    exit_base = told.loc[costed, "value_base"].abs().sum()
    weight, days = told["weight_frac"].fillna(0.0), told["days_to_liquidate"]
    # Unknown days of a position without weight do not make the mean unknown.
    mean_days = float((weight * days)[weight > 0.0].sum(skipna=False)) if gross > 0.0 else np.nan
    slowest = told[(weight > 0.0) | told["reason"].ne("")].sort_values(
        "days_to_liquidate", ascending=False, na_position="first", kind="stable"
    )
    wrong = [f"equity is {held.equity_base:.6g} {held.base_currency}"] if held.equity_base <= 0.0 else []
    left_out = int((held.reason != "").sum())
    wrong += [f"{left_out} of {len(held)} positions left out of a number"] if left_out else []
    at = {session: place for place, session in enumerate(calm.horizon_sessions)}

    def sold(step: Ladder, sessions: float) -> float:
        return float(step.sold_frac[at[sessions]])

    row = {
        "session_date": day,
        "portfolio_id": held.portfolio_id,
        "kind": kind,
        "base_currency": held.base_currency,
        "positions_count": len(held),
        "incomplete_count": left_out,
        "gross_value_base": gross,
        "net_value_base": float(np.nansum(held.value_base)),
        "cash_base": held.cash_base,
        "equity_base": held.equity_base,
        "leverage_ratio": gross / held.equity_base if held.equity_base > 0.0 else np.nan,
        "liquidity_score": score.mean,
        "worst_decile_score": score.worst_decile,
        "scored_frac": score.scored_frac,
        "mean_days_to_liquidate": mean_days,
        "sessions_to_half": calm.first_session(0.5),
        "sessions_to_target": calm.first_session(policy.limits.liquidation_target_frac),
        "stressed_sessions_to_target": stressed.first_session(policy.limits.liquidation_target_frac),
        "sold_1_frac": sold(calm, 1.0),
        "sold_5_frac": sold(calm, 5.0),
        "sold_20_frac": sold(calm, 20.0),
        "stressed_sold_1_frac": sold(stressed, 1.0),
        "stressed_sold_5_frac": sold(stressed, 5.0),
        "stressed_sold_20_frac": sold(stressed, 20.0),
        "illiquid_frac": checks[0][0].value,
        "exit_cost_now_bps": 1e4 * told["cost_now_base"].sum() / exit_base if exit_base > 0.0 else np.nan,
        "exit_cost_5_bps": calm.cost_bps[at[5.0]],
        "stressed_exit_cost_5_bps": stressed.cost_bps[at[5.0]],
        "hhi": names.hhi,
        "effective_names": names.effective_n,
        "limits_failed_count": sum(each.passed is False for each in checks[0]),
        "stressed_limits_failed_count": sum(each.passed is False for each in checks[1]),
        "worst_names": ", ".join(slowest["instrument_id"].head(_WORST_NAMES)),
        "reason": "; ".join(wrong),
        "source": source,
    }
    return pd.DataFrame([row])


def _limit_rows(
    held: Holdings, checks: tuple[list[LimitCheck], list[LimitCheck]], day: pd.Timestamp, source: str
) -> pd.DataFrame:
    def finite(value: float) -> float:
        return value if np.isfinite(value) else float("nan")

    rows = [
        {
            "session_date": day,
            "portfolio_id": held.portfolio_id,
            "limit": calm.limit,
            "unit": calm.unit,
            "value": finite(calm.value),
            "stressed_value": finite(stressed.value),
            "bound": calm.bound,
            "passed": calm.passed,
            "stressed_passed": stressed.passed,
            "headroom_frac": calm.headroom_frac,
            "reason": calm.reason or (f"stressed: {stressed.reason}" if stressed.reason else ""),
            "source": source,
        }
        for calm, stressed in zip(*checks, strict=True)
    ]
    return pd.DataFrame(rows).astype({"passed": "boolean", "stressed_passed": "boolean"})


def _refused(name: str, reason: str, own: pd.DataFrame, money: pd.DataFrame, day: pd.Timestamp) -> PortfolioTables:
    cash, held = money[money["portfolio_id"] == name], own[own["portfolio_id"] == name]
    base = cash["base_currency"].iloc[0] if len(cash) else held["currency"].iloc[0]
    row: dict[str, object] = {column.name: None for column in PORTFOLIO_LIQUIDITY.columns}
    row |= {
        "session_date": day,
        "portfolio_id": name,
        "kind": _kind(money, name),
        "base_currency": base,
        "positions_count": held["instrument_id"].nunique(),
        "incomplete_count": held["instrument_id"].nunique(),
        "limits_failed_count": 0,
        "stressed_limits_failed_count": 0,
        "worst_names": "",
        "reason": reason,
        "source": _source(own, money, name),
    }
    nothing = {
        contract: pd.DataFrame(columns=list(contract.column_names)) for contract in PORTFOLIO_LIQUIDITY_CONTRACTS
    }
    return PortfolioTables(
        nothing[POSITION_LIQUIDITY], nothing[LIQUIDATION_LADDER], pd.DataFrame([row]), nothing[PORTFOLIO_LIMITS]
    )


def _source(own: pd.DataFrame, money: pd.DataFrame, name: str) -> str:
    rows = (
        own[own["portfolio_id"] == name]
        if (own["portfolio_id"] == name).any()
        else money[money["portfolio_id"] == name]
    )
    return str(min(rows["source"]))


def _kind(money: pd.DataFrame, name: str) -> str | None:
    kinds = money.loc[money["portfolio_id"] == name, "kind"]
    return str(kinds.iloc[0]) if len(kinds) else None


def _rows(contract: TableContract, parts: list[pd.DataFrame]) -> pd.DataFrame:
    having = [part for part in parts if len(part)]
    if not having:
        return pd.DataFrame(columns=list(contract.column_names))
    kinds = {
        column.name: {"float64": "float64", "int64": "int64", "bool": "boolean"}[column.dtype]
        for column in contract.columns
        if column.dtype in ("float64", "int64", "bool")
    }
    whole = pd.concat([part.astype(kinds) for part in having], ignore_index=True)
    return whole[list(contract.column_names)].sort_values(list(contract.key), ignore_index=True)
