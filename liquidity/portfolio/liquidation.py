"""How fast what is held can be sold at a share of the market's volume: positions, portfolios, tiers.

The arithmetic that ladder, limits and optimiser share. Read next: ``ladder.py`` (the same with costs and cash).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.portfolio.policy import DEFAULT_POLICY, TierRule

__all__ = [
    "DaysToLiquidate",
    "LiquidityTier",
    "PortfolioLiquidation",
    "days_to_liquidate",
    "liquidity_tier",
    "portfolio_liquidation",
    "saleable_frac",
    "whole_sessions",
]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class DaysToLiquidate:
    """``days`` and whole ``days_ceil`` (None: never), and the ``fraction`` sold after the asked number of days."""

    days: float | None
    days_ceil: int | None
    fraction: float


@dataclass(frozen=True, slots=True)
class PortfolioLiquidation:
    """Share sold after 1 to 5 days, first whole day with the asked share, mean days by value; None: never."""

    profile: list[float]
    days_q: int | None
    weighted_days: float | None


@dataclass(frozen=True, slots=True)
class LiquidityTier:
    """Tier by average daily volume, its largest share of the portfolio, and the largest position in money."""

    tier: str
    max_position_pct: float
    cap_value: float


def saleable_frac(size: ArrayLike, adv: ArrayLike, participation: float, sessions: ArrayLike) -> NDArray[np.float64]:
    """Share of each position that the market takes within each number of sessions: min(1, n * participation * ADV / size).

    Parameters
    ----------
    size, adv
        (P,) absolute, in one unit per position.
    participation
        Share of volume, above 0 to 1.
    sessions
        (H,) sessions, at least 0.

    Returns
    -------
    NDArray
        (P, H); 1 for a size of 0, 0 where the size is unknown or ADV is 0 or unknown.
    """
    if not 0.0 < participation <= 1.0:
        raise ConfigError(f"liquidation: participation {participation}, allowed above 0 to 1")
    held = np.asarray(size, dtype=np.float64)[:, None]
    volume = np.nan_to_num(np.asarray(adv, dtype=np.float64))[:, None] * participation
    taken = np.asarray(sessions, dtype=np.float64)[None, :] * np.maximum(volume, 0.0)
    sold = np.divide(taken, held, out=np.zeros(np.broadcast_shapes(taken.shape, held.shape)), where=held > 0.0)
    return np.where(held == 0.0, 1.0, np.where(np.isfinite(held), np.minimum(sold, 1.0), 0.0))


def whole_sessions(days: ArrayLike) -> NDArray[np.float64]:
    """Round up to whole sessions; an excess of 1e-9 is rounding and not a session. NaN stays."""
    exact = np.asarray(days, dtype=np.float64)
    return np.ceil(exact - _ROUNDING * np.maximum(1.0, np.abs(exact))) + 0.0


def days_to_liquidate(position: float | None, adv: float | None, participation: float, n: int) -> DaysToLiquidate:
    """Days to sell one position: size / (participation * ADV); never without volume or where the size is unknown.

    Examples
    --------
    >>> days_to_liquidate(1_000_000.0, 2_000_000.0, 0.2, 1)
    DaysToLiquidate(days=2.5, days_ceil=3, fraction=0.4)
    """
    size = abs(_known(position))
    adv = _known(adv)
    fraction = float(saleable_frac([size], [adv], participation, [n])[0, 0])
    if size == 0.0:
        return DaysToLiquidate(0.0, 0, 1.0)
    if not (adv > 0.0 and np.isfinite(size)):
        return DaysToLiquidate(None, None, fraction)
    days = size / (participation * adv)
    return DaysToLiquidate(days, int(whole_sessions(days)), fraction)


def portfolio_liquidation(
    positions: Sequence[Sequence[float | None]], participation: float, q: float, max_days: int
) -> PortfolioLiquidation:
    """Liquidate a portfolio with every position at the same participation: L(n) = sum value * sold(n) / sum value.

    Parameters
    ----------
    positions
        Pairs of value and average daily volume in one currency.
    q
        Share to reach, 0 to 1.
    max_days
        Longest time looked at, at least 1.
    """
    table = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
    value, adv = np.abs(table[:, 0]), table[:, 1]
    total = value.sum()
    if not total > 0.0:
        return PortfolioLiquidation([1.0] * 5, 0, 0.0)
    share = value @ saleable_frac(value, adv, participation, np.arange(1, max(max_days, 5) + 1)) / total
    reached = np.flatnonzero(share[:max_days] >= q * (1.0 - _ROUNDING))
    moving = value > 0.0
    days = np.full(len(value), np.nan)
    np.divide(value, participation * adv, out=days, where=moving & (adv > 0.0))
    days[~moving] = 0.0
    mean = float((value * days).sum() / total)
    return PortfolioLiquidation(
        share[:5].tolist(), int(reached[0]) + 1 if len(reached) else None, mean if np.isfinite(mean) else None
    )


def liquidity_tier(
    adv: float | None,
    portfolio_value: float,
    max_adv_pct: float = 0.10,
    tiers: Sequence[TierRule] = DEFAULT_POLICY.tiers,
) -> LiquidityTier:
    """Tier of an average daily volume in US dollars; bounds belong to the higher tier, below the lowest or unknown: untradeable.

    Parameters
    ----------
    adv, portfolio_value
        US dollars.
    max_adv_pct
        Largest position as a fraction (0-1) of ADV.

    Examples
    --------
    >>> liquidity_tier(10_000_000.0, 100_000_000.0).tier
    'high'
    """
    adv = _known(adv)
    for rule in tiers:
        if adv >= rule.min_adv_usd:
            return LiquidityTier(
                rule.name,
                rule.max_position_frac,
                float(min(rule.max_position_frac * portfolio_value, max_adv_pct * adv)),
            )
    return LiquidityTier("untradeable", 0.0, 0.0)


def _known(value: float | None) -> float:
    return float("nan") if value is None else float(value)
