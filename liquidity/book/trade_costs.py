"""Effective and realised spread and price impact of a trade tape against the mids around it.

Row for row the numbers of :func:`~liquidity.book.spreads.effective_spread`; this file adds which mid belongs to which
trade.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.observation import Observations, observed, or_none

__all__ = ["HORIZONS_S", "TradeCosts", "TradeCostsSummary", "summarise_trade_costs", "trade_costs"]

HORIZONS_S: Final = (10.0, 60.0)


@dataclass(frozen=True, slots=True, eq=False)
class TradeCosts:
    """Costs of each trade in bps of the mid before it; full (two-sided) spreads, positive is a cost to the taker.

    Attributes
    ----------
    mid_before
        Shape ``(trades,)``: the mid that prevailed, NaN where none was known or it was too old.
    effective_bps
        Shape ``(trades,)``.
    realised_bps, impact_bps
        Shape ``(trades, horizons)``; effective = realised + impact. NaN where the mids do not reach the horizon.
    horizons_s
        The horizons in seconds.
    """

    mid_before: NDArray[np.float64]
    effective_bps: NDArray[np.float64]
    realised_bps: NDArray[np.float64]
    impact_bps: NDArray[np.float64]
    horizons_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TradeCostsSummary:
    """Notional-weighted means in bps over the trades that have the figure, and how many these are."""

    effective_bps: float | None
    effective_n: int
    realised_bps: tuple[float | None, ...]
    impact_bps: tuple[float | None, ...]
    realised_n: tuple[int, ...]


def trade_costs(
    trade_ns: NDArray[np.int64],
    price: Observations,
    taker_sign: Observations,
    mid_ns: NDArray[np.int64],
    mid: Observations,
    *,
    horizons_s: Sequence[float] = HORIZONS_S,
    max_age_s: float = math.inf,
    quote_lead_s: float = 0.0,
) -> TradeCosts:
    """Effective spread of each trade, and realised spread and impact after each horizon.

    Parameters
    ----------
    trade_ns, price, taker_sign
        Trades in any order: nanoseconds since 1970 UTC, price, +1 buyer or -1 seller took.
    mid_ns, mid
        Mids, ascending; a missing mid (invalid book) holds until the next one.
    horizons_s
        10 and 60 s suit crypto, 300 s bonds and equities.
    max_age_s
        An older mid is no mid.
    quote_lead_s
        How much earlier than a trade the quotes that it caused may arrive, on streams of their own. By receive time
        Binance spot quotes come 1-2 ms ahead; without the lead such trades seem to be paid for.

    Returns
    -------
    TradeCosts
        The mid at a trade is the last one strictly before trade - quote_lead_s: one of the same nanosecond may already
        show the trade.
        The mid after horizon h is the last one at or before trade + h, known only when the series goes on to
        trade + h or beyond.

    Raises
    ------
    ContractError
        Arrays of different length, or mids out of time order.
    ConfigError
        A horizon or age that is not above 0, or a negative lead.

    References
    ----------
    Huang and Stoll (1996), Journal of Financial Economics 41, 313-357.

    Examples
    --------
    >>> s = 10**9
    >>> costs = trade_costs(np.array([s]), [100.5], [1], np.array([0, 5 * s, 20 * s]), [100.0, 100.25, 101.0], horizons_s=[10])
    >>> costs.effective_bps.tolist(), costs.realised_bps.tolist(), costs.impact_bps.tolist()
    ([100.0], [[50.0]], [[50.0]])
    """
    if not (all(0.0 < horizon < math.inf for horizon in horizons_s) and max_age_s > 0.0 <= quote_lead_s < math.inf):
        raise ConfigError(
            f"trade_costs: horizons_s {list(horizons_s)}, max_age_s {max_age_s}, quote_lead_s {quote_lead_s}; allowed above "
            "0, the lead from 0"
        )
    times, mid_times = np.asarray(trade_ns, dtype=np.int64), np.asarray(mid_ns, dtype=np.int64)
    paid, sign, mids = observed(price), observed(taker_sign), observed(mid)
    if not (len(times) == len(paid) == len(sign) and len(mid_times) == len(mids)):
        raise ContractError(
            f"trade_costs: {len(times)} trade times, {len(paid)} prices, {len(sign)} signs; {len(mid_times)} mid times, "
            f"{len(mids)} mids; each pair needs the same length"
        )
    if (np.diff(mid_times) < 0).any():
        raise ContractError("trade_costs: mids go back in time; sort them first")
    paid[~(paid > 0.0)], mids[~(mids > 0.0)], sign[np.abs(sign) != 1.0] = np.nan, np.nan, np.nan
    before = _last_known(mid_times, mids, times - round(quote_lead_s * 1e9), max_age_s, side="left")
    scale = 2e4 * sign / before
    realised = np.full((len(times), len(horizons_s)), np.nan)
    impact = realised.copy()
    for column, horizon in enumerate(horizons_s):
        then = times + round(horizon * 1e9)
        after = _last_known(mid_times, mids, then, max_age_s, side="right")
        if len(mid_times):
            after[then > mid_times[-1]] = np.nan
        realised[:, column] = scale * (paid - after)
        impact[:, column] = scale * (after - before)
    return TradeCosts(before, scale * (paid - before), realised, impact, tuple(float(each) for each in horizons_s))


def _last_known(
    at_ns: NDArray[np.int64], values: NDArray[np.float64], asked_ns: NDArray[np.int64], max_age_s: float, *, side: str
) -> NDArray[np.float64]:
    """Value of the last row before (``left``) or up to (``right``) each instant; NaN before the first or when too old."""
    place = np.searchsorted(at_ns, asked_ns, side="left" if side == "left" else "right") - 1
    if len(at_ns) == 0:
        return np.full(len(asked_ns), np.nan)
    known = np.where(place >= 0, values[place], np.nan)
    known[(place < 0) | ((asked_ns - at_ns[place]) / 1e9 > max_age_s)] = np.nan
    return known


def summarise_trade_costs(costs: TradeCosts, notional_quote: Observations) -> TradeCostsSummary:
    """Means weighted by notional.

    Parameters
    ----------
    notional_quote
        Quote currency per trade; a trade without a notional above 0 carries no weight.
    """
    weight = observed(notional_quote)
    if len(weight) != len(costs.effective_bps):
        raise ContractError(
            f"summarise_trade_costs: {len(weight)} notionals for {len(costs.effective_bps)} trades; give one per trade"
        )
    weight[~(weight > 0.0)] = 0.0
    effective, effective_n = _weighted_mean(costs.effective_bps, weight)
    realised = [_weighted_mean(column, weight) for column in costs.realised_bps.T]
    impact = [_weighted_mean(column, weight)[0] for column in costs.impact_bps.T]
    return TradeCostsSummary(
        effective, effective_n, tuple(mean for mean, _ in realised), tuple(impact), tuple(n for _, n in realised)
    )


def _weighted_mean(values: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float | None, int]:
    known = ~np.isnan(values) & (weight > 0.0)
    total = float(weight[known].sum())
    mean = float((values[known] * weight[known]).sum()) / total if total > 0.0 else math.nan
    return or_none(mean), int(known.sum())
