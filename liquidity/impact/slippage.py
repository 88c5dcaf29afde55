"""Slippage of paper trading, and whether predicted costs were right.

Read next: ``round_trip.py``, the same question asked of recorded markets.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed
from liquidity.impact.fixed_cost import FIXED_COST_PRIOR

__all__ = ["ENOUGH_ORDERS", "CostSource", "ImpactReport", "PaperSlippage", "impact_report"]

ENOUGH_ORDERS: Final = 30
"""Orders below which the slope's interval means nothing."""


class _Estimate(Protocol):
    @property
    def expected_bps(self) -> NDArray[np.float64]: ...


class CostSource(Protocol):
    """What dynamic slippage asks: the surface, or anything that answers as it does."""

    def cost(self, side_sign: ArrayLike, size_ccy: ArrayLike, horizon_sessions: ArrayLike) -> _Estimate:
        """Cost estimate by instrument."""
        ...


@dataclass(frozen=True, slots=True)
class PaperSlippage:
    """How a paper account is charged for taking liquidity.

    Attributes
    ----------
    model
        "dynamic": what the surface expects of this side, size and horizon. "fixed_bps": the same for every order.
    fixed_bps
        Cost of the fixed model, half of the spread included, >= 0.
    """

    model: Literal["dynamic", "fixed_bps"] = "dynamic"
    fixed_bps: float = FIXED_COST_PRIOR.cost_bps

    def __post_init__(self) -> None:
        if self.model not in ("dynamic", "fixed_bps"):
            raise ConfigError(f"paper slippage: model {self.model!r}, allowed 'dynamic' or 'fixed_bps'")
        if not 0.0 <= self.fixed_bps < np.inf:
            raise ConfigError(f"paper slippage: fixed_bps {self.fixed_bps}, allowed 0 or more bps")

    def cost_bps(
        self, surface: CostSource, side_sign: ArrayLike, size_ccy: ArrayLike, horizon_sessions: ArrayLike
    ) -> NDArray[np.float64]:
        """Cost by instrument, bps of the arrival mid, >= 0; NaN where the surface has no answer, never the fixed one.

        Parameters
        ----------
        surface
            Asked only by the dynamic model.
        side_sign, size_ccy, horizon_sessions
            As of ``LiquiditySurface.cost``.
        """
        if self.model == "dynamic":
            return surface.cost(side_sign, size_ccy, horizon_sessions).expected_bps
        sizes = np.broadcast_arrays(np.asarray(size_ccy, dtype=np.float64), side_sign)[0]
        return np.where(np.isfinite(sizes), self.fixed_bps, np.nan)

    def fill_price(self, mid: ArrayLike, side_sign: ArrayLike, cost_bps: ArrayLike) -> NDArray[np.float64]:
        """Price at which the paper order is filled: above the mid for buys, below for sells."""
        charged = np.asarray(side_sign, dtype=np.float64) * np.asarray(cost_bps, dtype=np.float64)
        return np.asarray(mid, dtype=np.float64) * (1.0 + charged / 1e4)


@dataclass(frozen=True, slots=True)
class ImpactReport:
    """Predicted against realised cost.

    Attributes
    ----------
    n
        Orders with both numbers.
    slope, slope_low, slope_high
        Realised per predicted bp, by least squares through the origin, with its confidence interval; below 1 the model
        asks too much. Null with too few orders.
    bias_bps, bias_low_bps, bias_high_bps
        Mean of realised less predicted, with its interval.
    rmse_bps
        Root mean squared error.
    mis_scaled
        The interval of the slope leaves out 1; null when unknown.
    finding
        The same in words.
    """

    n: int
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    bias_bps: float | None
    bias_low_bps: float | None
    bias_high_bps: float | None
    rmse_bps: float | None
    mis_scaled: bool | None
    finding: str


def impact_report(
    predicted_bps: Observations,
    realised_bps: Observations,
    weights: Observations | None = None,
    clusters: NDArray[np.int64] | None = None,
    confidence: float = 0.95,
) -> ImpactReport:
    """Judge a cost model by the orders it predicted.

    Parameters
    ----------
    predicted_bps, realised_bps
        Cost of each order, bps, positive when it costs. A pair with a missing number is left out.
    weights
        Inverse variances, such as 1 / (sigma^2 T), of the slope's fit; none: all 1.
    clusters
        Orders of one number, such as those of one moment, share their errors: the intervals then count the clusters and
        not the orders. None: each order by itself.
    confidence
        Of both intervals, in (0, 1).

    Returns
    -------
    ImpactReport
        With fewer than ``ENOUGH_ORDERS`` usable orders (or clusters), or predictions that are all 0, slope and verdict
        are null.

    Raises
    ------
    ConfigError
        The series differ in length, or ``confidence`` is outside (0, 1).

    References
    ----------
    White (1980) and Liang and Zeger (1986), Biometrika 73(1), 13-22, for standard errors without and with clusters, with
    the correction n / (n - 1).

    Examples
    --------
    >>> predicted = [float(bps) for bps in range(1, 61)]
    >>> impact_report(predicted, [0.5 * bps for bps in predicted]).finding
    'mis-scaled: realised is 0.50 (0.50 to 0.50) times predicted over 60 orders'
    """
    predicted, realised = observed(predicted_bps), observed(realised_bps)
    weight = np.ones(len(predicted)) if weights is None else observed(weights)
    group = np.arange(len(predicted)) if clusters is None else np.asarray(clusters)
    if not len(predicted) == len(realised) == len(weight) == len(group):
        raise ConfigError(
            f"impact report: {len(predicted)} predicted, {len(realised)} realised, {len(weight)} weights and {len(group)} "
            "clusters; one per order"
        )
    if not 0.0 < confidence < 1.0:
        raise ConfigError(f"impact report: confidence {confidence}, allowed (0, 1)")
    both = np.isfinite(predicted + realised + weight) & (weight > 0.0)
    x, y, w = predicted[both], realised[both], weight[both]
    n = len(x)
    group = np.unique(group[both], return_inverse=True)[1]
    independent = int(group.max()) + 1 if n else 0
    power = float(w @ x**2)
    if independent < ENOUGH_ORDERS or not power > 0.0:
        found = f"unknown: {independent} orders with a prediction and a cost, {ENOUGH_ORDERS} wanted"
        if independent >= ENOUGH_ORDERS:
            found = f"unknown: all {n} predictions are 0"
        return ImpactReport(n, None, None, None, None, None, None, None, None, found)

    def error_of_sum(parts: NDArray[np.float64]) -> float:
        sums = np.bincount(group, weights=parts)
        return float(np.sqrt(sums @ sums * independent / (independent - 1)))

    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    slope = float((w * x) @ y) / power
    slope_se = error_of_sum(w * x * (y - slope * x)) / power
    low, high = slope - z * slope_se, slope + z * slope_se
    error = y - x
    bias = float(error.mean())
    bias_se = error_of_sum(error - bias) / n
    off = bool(low > 1.0 or high < 1.0)
    verdict = "mis-scaled" if off else "in scale"
    return ImpactReport(
        n,
        slope,
        low,
        high,
        bias,
        float(bias - z * bias_se),
        float(bias + z * bias_se),
        float(np.sqrt(np.mean(error**2))),
        off,
        f"{verdict}: realised is {slope:.2f} ({low:.2f} to {high:.2f}) times predicted over {n} orders",
    )
