"""Tables of leverage of one session: every levered position, and the margin of every account that holds one.

What is missing for one position (brackets, mark, entry price) leaves the others' numbers where they do not hang on it.
Read first: ``margin_pool.py``, ``leverage_rows.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from liquidity.contracts.conform import empty_table, frame_from_table, table_from_frame
from liquidity.contracts.risk_leverage import LEVERAGE_CONTRACTS, LEVERAGE_RISK, MARGIN_USE
from liquidity.contracts.table import TableContract
from liquidity.derivatives.margin_ratio import margin_ratio
from liquidity.portfolio.adl import adl_effect
from liquidity.portfolio.leverage import DEFAULT_LEVERAGE_POLICY, LeveragePolicy
from liquidity.portfolio.leverage_market import LeverageMarket
from liquidity.portfolio.leverage_rows import position_rows
from liquidity.portfolio.margin_account import adverse_direction, joint_liquidation
from liquidity.portfolio.margin_pool import MarginPool

__all__ = ["LeverageTables", "leverage_tables"]

_PERPETUAL: Final = "crypto_perp"


@dataclass(frozen=True, slots=True)
class LeverageTables:
    """Rows of LEVERAGE_RISK and MARGIN_USE, sorted by key."""

    risk: pd.DataFrame
    use: pd.DataFrame

    @classmethod
    def joined(cls, parts: "Iterable[LeverageTables]") -> "LeverageTables":
        """Rows of all parts."""
        whole = list(parts)
        return cls(_rows(LEVERAGE_RISK, [part.risk for part in whole]), _rows(MARGIN_USE, [part.use for part in whole]))

    def with_contracts(self) -> list[tuple[TableContract, pd.DataFrame]]:
        """Each table with its contract."""
        return list(zip(LEVERAGE_CONTRACTS, (self.risk, self.use), strict=True))


def leverage_tables(
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    market: LeverageMarket,
    session: date,
    policy: LeveragePolicy = DEFAULT_LEVERAGE_POLICY,
) -> LeverageTables:
    """Fill both tables for one session.

    Parameters
    ----------
    positions, accounts
        Rows of POSITIONS and ACCOUNTS; only those of ``session`` are read. Positions with a margin mode and perpetuals
        are levered, all others are left out: nothing can liquidate them.
    market
        Facts of the session.

    Notes
    -----
    Margin is settled in the currency of the position: an account's equity of another currency backs nothing here, as in
    a venue's single-asset mode. An isolated position holds the margin it was opened with, notional at entry over
    leverage; what was added later a statement does not tell.
    """
    day = pd.Timestamp(session)
    own = positions[(positions["session_date"] == day) & (positions["quantity"] != 0.0)]
    money = accounts[accounts["session_date"] == day]
    names = zip(money["portfolio_id"], money["account"], money["currency"], strict=True)
    stated_of = dict(zip(names, money[["equity", "cash"]].itertuples(index=False, name=None), strict=True))
    place = market.surface.places(own["instrument_id"].to_numpy(dtype=object))
    perpetual = np.array([at >= 0 and market.surface.asset_class[at] == _PERPETUAL for at in place], dtype=np.bool_)
    levered = own[own["margin_mode"].notna() | own["leverage"].notna() | perpetual]
    risk: list[pd.DataFrame] = []
    use: list[dict[str, Any]] = []
    for key, rows in levered.groupby(["portfolio_id", "account", "currency"]):
        ordered = rows.sort_values("instrument_id", ignore_index=True)
        pool = MarginPool(ordered, stated_of.get((key[0], key[1], key[2])), market, session, policy)
        risk.append(position_rows(pool))
        use.append(_account_row(pool))
    return LeverageTables(_rows(LEVERAGE_RISK, risk), _rows(MARGIN_USE, [pd.DataFrame(use)] if use else []))


def _account_row(pool: MarginPool) -> dict[str, Any]:
    """Row of MARGIN_USE."""
    first = pool.rows.iloc[0]
    initial, owed = float(pool.initial.sum()), float(pool.maintenance.sum())
    whole = margin_ratio(pool.equity, owed, initial)
    ratio, due, incomplete = _worst_pool(pool)
    funding = pool.funding()
    reason = []
    if pool.stated is None:
        reason.append("no_account")
    elif not np.isfinite(pool.equity):
        reason.append("no_equity")
    if incomplete:
        reason.append("account_incomplete")
    if np.isfinite(pool.equity) and pool.equity <= 0.0:
        reason.append("negative_equity")
    if pool.shared is not None and pool.covariance is None:
        reason.append("no_correlation")
    return {
        **{name: first[name] for name in ("session_date", "portfolio_id", "account", "currency")},
        "positions_n": len(pool.ids),
        "cross_n": int(pool.cross.sum()),
        "equity_ccy": pool.equity,
        "cross_equity_ccy": pool.cross_equity,
        "notional_ccy": float(pool.notional.sum()),
        "initial_ccy": initial,
        "maintenance_ccy": owed,
        "available_ccy": pool.equity - initial,
        "use_frac": whole.utilisation,
        "ratio_frac": ratio,
        "leverage_effective": float(pool.notional.sum()) / pool.equity if pool.equity > 0.0 else np.nan,
        "level": _level(pool, whole.utilisation, ratio, due),
        **_joint(pool),
        "funding_day_ccy": float(np.nansum(funding)) if np.isfinite(funding).any() else np.nan,
        "reason": ",".join(reason),
        "source": first["source"],
    }


def _worst_pool(pool: MarginPool) -> tuple[float, bool, bool]:
    """Highest maintenance over equity of the pools that can be told, whether one is due, whether one cannot be told."""
    pools = [margin_ratio(pool.cross_equity, float(pool.shared.maintenance().sum()), None)] if pool.shared else []
    priceable = pool.priceable()
    pools += [
        margin_ratio(float(pool.own_equity[at]), float(pool.maintenance[at]), None)
        for at in np.flatnonzero(pool.isolated & priceable)
    ]
    ratios = [pool.ratio for pool in pools if pool.ratio is not None]
    due = any(pool.liquidatable for pool in pools) or pool.equity <= 0.0
    return max(ratios, default=np.nan), due, not bool(priceable.all())


def _level(pool: MarginPool, use: float | None, ratio: float, due: bool) -> str:
    policy = pool.policy
    if due:
        return "liquidation"
    share = np.nan if use is None else use
    if share > policy.alert_use_frac or ratio > policy.alert_ratio_frac:
        return "alert"
    if share > policy.warn_use_frac or ratio > policy.warn_ratio_frac:
        return "warn"
    return "ok" if np.isfinite(share) and np.isfinite(ratio) else "unknown"


def _joint(pool: MarginPool) -> dict[str, Any]:
    told: dict[str, Any] = {"fall_frac": np.nan, "rise_frac": np.nan, "adverse_sigmas": np.nan}
    told |= {"adverse_moves": "", "adl_instrument_id": None, "adl_adverse_sigmas": np.nan}
    if pool.shared is None:
        return told
    for name, sign in (("fall_frac", -1.0), ("rise_frac", 1.0)):
        shock = joint_liquidation(pool.shared, sign).shock
        told[name] = shock if np.isfinite(shock) and (sign > 0.0 or shock <= 1.0) else np.nan
    if pool.covariance is None:
        return told
    direction = adverse_direction(pool.shared, pool.covariance)
    found = joint_liquidation(pool.shared, direction)
    ids = [name for name, one in zip(pool.ids, pool.cross, strict=True) if one]
    if np.isfinite(found.shock):
        moves = found.price / pool.shared.mark - 1.0
        order = np.argsort(-np.abs(moves), kind="stable")
        told["adverse_sigmas"] = found.shock
        told["adverse_moves"] = ", ".join(f"{ids[at]} {moves[at]:+.1%}" for at in order[:5])
    scores = pool.adl_scores()[pool.cross]
    if (scores > 0.0).any():
        at = int(np.nanargmax(scores))
        after = adl_effect(pool.shared, at, float(pool.shared.mark[at]), pool.covariance).sigmas_after
        told |= {"adl_instrument_id": ids[at], "adl_adverse_sigmas": after if np.isfinite(after) else np.nan}
    return told


def _rows(contract: TableContract, parts: list[pd.DataFrame]) -> pd.DataFrame:
    having = [part for part in parts if len(part)]
    if not having:
        return frame_from_table(empty_table(contract))
    whole = pd.concat([frame_from_table(table_from_frame(part, contract)) for part in having], ignore_index=True)
    return whole.sort_values(list(contract.key), ignore_index=True)
