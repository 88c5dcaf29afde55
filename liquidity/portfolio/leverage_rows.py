"""What is told of each levered position, and why a number is missing.

Read first: ``margin_pool.py``. Read next: ``leverage_table.py`` (the accounts, and both tables).
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.impact.surface import immediate_sessions
from liquidity.portfolio.adl import forced_close
from liquidity.portfolio.leverage import dynamic_leverage, leverage_at_distance, volatility_risk_score
from liquidity.portfolio.liquidation_risk import (
    bankruptcy_price,
    depth_to_liquidation,
    distance_to_liquidation,
    liquidation_risk_score,
)
from liquidity.portfolio.margin_pool import MarginPool

__all__ = ["LEVERAGE_REASONS", "position_rows"]

LEVERAGE_REASONS: Final = {
    "no_margin_mode": "a perpetual whose statement does not say how it is margined",
    "unknown_margin_table": "no file names the market's brackets",
    "no_mark": "neither the holder nor the market names a price of the session",
    "no_leverage": "the leverage set at the venue is not stated, or is 0",
    "no_entry_price": "isolated margin and profit follow from the entry price, which is not stated",
    "no_account": "no row of accounts tells the equity in the position's currency",
    "no_equity": "the account states none, and the profit of a position is not known",
    "account_incomplete": "another position that shares the account's equity lacks brackets, mark or leverage",
    "negative_equity": "the equity behind it is 0 or below: liquidation is due",
    "above_last_bracket": "larger than the venue's last bracket, which is carried on",
    "no_volatility": "the surface knows no volatility of the instrument",
    "no_cost": "the surface has no cost for the instrument: the score goes without",
    "no_true_range": "the panel has too few days of high, low and close",
    "no_depth": "depth now or its normal is unknown: the recommended leverage goes without",
    "no_funding_rate": "no funding rate of the last days",
    "no_correlation": "a correlation of two positions is missing: no joint direction",
}
"""Codes of the column ``reason``."""

# Equity at which a venue finds a position due: a hair below its maintenance.
_DUE: Final = 1.0 - 1e-9


def position_rows(pool: MarginPool) -> pd.DataFrame:
    """Rows of LEVERAGE_RISK."""
    policy = pool.policy
    price, priceable, behind = pool.liquidation_prices(), pool.priceable(), pool.equity_behind()
    due = priceable & (behind <= 0.0)
    ranges = np.array([pool.market.true_range.get(name, np.nan) for name in pool.ids])
    distance = distance_to_liquidation(pool.side, pool.mark, price, pool.sigma, ranges)
    exit_bps, depth_ccy, cover, basis = _exits(pool, distance.frac, priceable)
    never = priceable & np.isnan(price) & ~due
    away = np.where(due, 0.0, np.where(never, np.inf, distance.frac))
    normal = np.array([pool.market.normal_depth_ccy_per_bp.get(name, np.nan) for name in pool.ids])
    depth = pool.fact(pool.market.surface.depth_ccy_per_bp) / np.where(normal > 0.0, normal, np.nan)
    swing = volatility_risk_score(pool.sigma, policy.volatility_half_frac)
    limit = _limits(pool, exit_bps)
    advised = dynamic_leverage(limit, swing, np.where(np.isfinite(depth), depth, 1.0), policy.depth_exponent)
    effective, funding = pool.effective_leverage(), pool.funding()
    forced = [_forced(pool, at, price[at]) for at in range(len(pool.ids))]
    # Of a cross account the whole is held against what one position may have; the venue's bracket binds each anyway.
    compared = np.isfinite(effective) & np.isfinite(advised)
    return pd.DataFrame(
        {
            **{
                name: pool.rows[name]
                for name in ("session_date", "portfolio_id", "instrument_id", "account", "currency", "margin_mode")
            },
            "quantity": pool.quantity,
            "mark": pool.mark,
            "notional_ccy": pool.notional,
            "pnl_ccy": pool.pnl,
            "leverage_set": pool.leverage,
            "leverage_effective": effective,
            "initial_ccy": pool.initial,
            "maintenance_ccy": pool.maintenance,
            "liquidation_price": price,
            "bankruptcy_price": np.where(
                priceable, bankruptcy_price(pool.side, pool.mark, pool.quantity, behind), np.nan
            ),
            "distance_frac": distance.frac,
            "distance_sigmas": distance.sigmas,
            "distance_atrs": distance.true_ranges,
            "volatility_daily_frac": pool.sigma,
            "exit_cost_now_bps": exit_bps,
            "depth_to_liquidation_ccy": depth_ccy,
            "depth_cover": cover,
            "depth_basis": basis,
            "liquidation_risk_score": np.where(
                priceable,
                liquidation_risk_score(away, pool.sigma, np.nan_to_num(exit_bps) / 1e4, policy=policy),
                np.nan,
            ),
            "volatility_risk_score": swing,
            "depth_ratio": depth,
            "leverage_limit": limit,
            "leverage_recommended": advised,
            "above_recommended": pd.array(
                [bool(e > a) if ok else None for e, a, ok in zip(effective, advised, compared, strict=True)],
                dtype="boolean",
            ),
            "funding_day_ccy": funding,
            "adl_score": pool.adl_scores(),
            "forced_outcome": [each[0] for each in forced],
            "forced_cost_bps": [each[1] for each in forced],
            "margin_basis": [None if table is None else table.basis for table in pool.tables],
            "margin_as_of": [None if table is None else pd.Timestamp(table.as_of) for table in pool.tables],
            "reason": _reasons(pool, exit_bps, ranges, depth, funding),
            "source": pool.rows["source"],
        }
    )


def _exits(
    pool: MarginPool, distance_frac: NDArray[np.float64], priceable: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.object_]]:
    n = len(pool.ids)
    cost, depth, cover = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    basis = np.full(n, "none", dtype=object)
    at = np.flatnonzero(pool.known & np.isfinite(pool.notional))
    if len(at):
        own = pool.market.surface.take(pool.place[at])
        now = immediate_sessions(own.asset_class)
        cost[at] = own.cost(-pool.side[at], pool.notional[at], now).expected_bps
        away = np.where(priceable[at], distance_frac[at], np.nan)
        told = depth_to_liquidation(own, pool.side[at], away, pool.notional[at])
        depth[at], cover[at], basis[at] = told.size_ccy, told.cover, told.basis
    return cost, depth, cover, basis


def _limits(pool: MarginPool, exit_bps: NDArray[np.float64]) -> NDArray[np.float64]:
    tiers = [
        None if table is None or not np.isfinite(n) else table.tier(float(n))
        for table, n in zip(pool.tables, pool.notional, strict=True)
    ]
    rate = np.array([np.nan if tier is None else tier.maintenance_frac for tier in tiers])
    most = np.array([np.nan if tier is None else tier.max_leverage for tier in tiers])
    needed = pool.policy.distance_sigmas * pool.sigma * np.sqrt(pool.policy.distance_days)
    return leverage_at_distance(pool.side, rate, needed + np.nan_to_num(exit_bps) / 1e4, most)


def _forced(pool: MarginPool, at: int, price: float) -> tuple[str | None, float]:
    """Outcome and cost of the venue's closes at the liquidation price, with the maintenance margin alone behind it."""
    table = pool.tables[at]
    if table is None or table.close is None or not pool.known[at] or not np.isfinite(price):
        return None, np.nan
    own = pool.market.surface.take([int(pool.place[at])])
    if not own.answered[0]:
        return None, np.nan
    now = immediate_sessions(own.asset_class)
    value = abs(float(pool.quantity[at])) * price

    def cost(size_ccy: float) -> float:
        bps = own.cost(-float(pool.side[at]), np.array([size_ccy]), now).expected_bps[0]
        return float(bps) * size_ccy / 1e4

    end = forced_close(
        value, float(table.maintenance(value)) * _DUE, lambda n: float(table.maintenance(n)), cost, table.close
    )
    return end.outcome, 1e4 * end.cost_ccy / value


def _reasons(
    pool: MarginPool,
    exit_bps: NDArray[np.float64],
    ranges: NDArray[np.float64],
    depth: NDArray[np.float64],
    funding: NDArray[np.float64],
) -> list[str]:
    priceable, behind = pool.priceable(), pool.equity_behind()
    told = []
    for at, table in enumerate(pool.tables):
        own_gap = table is None or not np.isfinite(pool.mark[at])
        facts = {
            "no_margin_mode": not (pool.isolated[at] or pool.cross[at]),
            "unknown_margin_table": table is None,
            "no_mark": not np.isfinite(pool.mark[at]),
            "no_leverage": not np.isfinite(pool.leverage[at]),
            "no_entry_price": bool(pool.isolated[at]) and not np.isfinite(pool.entry[at]),
            "no_account": bool(pool.cross[at]) and pool.stated is None,
            "no_equity": bool(pool.cross[at]) and pool.stated is not None and not np.isfinite(pool.equity),
            "account_incomplete": bool(pool.cross[at])
            and pool.shared is None
            and np.isfinite(pool.equity)
            and not own_gap,
            "negative_equity": bool(priceable[at] and behind[at] <= 0.0),
            "above_last_bracket": table is not None
            and bool(pool.notional[at] > max(tier.cap_quote for tier in table.tiers)),
            "no_volatility": not np.isfinite(pool.sigma[at]),
            "no_cost": not np.isfinite(exit_bps[at]),
            "no_true_range": not np.isfinite(ranges[at]),
            "no_depth": not np.isfinite(depth[at]),
            "no_funding_rate": not np.isfinite(funding[at]),
        }
        told.append(",".join(code for code, found in facts.items() if found))
    return told
