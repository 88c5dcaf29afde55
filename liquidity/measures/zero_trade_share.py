"""How often nothing trades: share of sessions without a trade, and the longest such run."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from liquidity.domain.observation import Observations, observed
from liquidity.measures._registry import Matrix, Measure
from liquidity.measures._rows import row_counts, row_means

__all__ = ["MEASURE", "ZeroTradingDays", "idle_sessions", "zero_trading_days"]

_MIN_OBSERVATIONS = 8


@dataclass(frozen=True, slots=True)
class ZeroTradingDays:
    """``share`` of business days without a trade, 0-1; ``longest_gap`` the longest run of them, days."""

    share: float | None
    longest_gap: int | None


def zero_trading_days(trade_counts: Observations) -> ZeroTradingDays:
    """Share of business days without a trade, and the longest run of them.

    Parameters
    ----------
    trade_counts
        Trades per business day, oldest first. A missing count is unknown, not zero: it is left out of the share and
        ends a run.

    Returns
    -------
    ZeroTradingDays
        Null when no day is known.

    References
    ----------
    Chen, Lesmond and Wei (2007), Journal of Finance 62(1), 119-149.

    Examples
    --------
    >>> zero_trading_days([0, 2, 0, 0, 5])
    ZeroTradingDays(share=0.6, longest_gap=2)
    """
    counts = observed(trade_counts)
    known = ~np.isnan(counts)
    if not known.any():
        return ZeroTradingDays(None, None)
    longest = run = 0
    for count in counts:
        run = run + 1 if count == 0.0 else 0
        longest = max(longest, run)
    return ZeroTradingDays(float((counts[known] == 0.0).mean()), longest)


def idle_sessions(trades_count: Matrix, turnover_ccy: Matrix) -> Matrix:
    """1 where nothing traded, 0 where something did, NaN where it is not known.

    By the number of trades; by turnover where trades are not counted, because some venues publish turnover only.

    Examples
    --------
    >>> idle_sessions(np.array([0.0, 3.0, np.nan, np.nan]), np.array([np.nan, 0.0, 0.0, np.nan])).tolist()
    [1.0, 0.0, 1.0, nan]
    """
    activity = np.where(np.isnan(trades_count), turnover_ccy, trades_count)
    return np.where(np.isnan(activity), np.nan, activity == 0.0)


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    idle = idle_sessions(inputs["trades_count"], inputs["turnover_ccy"])
    sessions = row_counts(idle)
    share = row_means(idle)
    return np.where(sessions >= _MIN_OBSERVATIONS, share, np.nan), sessions


MEASURE = Measure(
    name="zero_trade_share",
    unit="frac 0-1",
    higher_is_liquid=False,
    window_days=30,
    min_observations=_MIN_OBSERVATIONS,
    inputs=("trades_count", "turnover_ccy"),
    undefined_reason="no session of which trades or turnover are known",
    formula="sessions without a trade / sessions known, by the number of trades, else by turnover",
    source="Chen, Lesmond and Wei (2007)",
    compute=_compute,
)
