"""What the optimiser is given: risk, costs read from the surface, limits; all in weights of equity.

Returns, covariance and the objective belong to one session. Costs are paid once, so they count with 1 over the sessions a
position is meant to be held. Read next: ``cone_program.py`` (the same as matrices), ``optimizer.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.covariance import cov_shrink

__all__ = ["AllocationInputs", "AllocationLimits", "Preferences", "RiskModel", "WeightCost", "cost_of_weights"]

_PSD_TOLERANCE: Final = 1e-8
_SMALLEST_REFERENCE_WEIGHT: Final = 1e-6


@dataclass(frozen=True, slots=True)
class RiskModel:
    """Covariance of one session as factors and the rest: loadings' loadings + diag(specific variance).

    Attributes
    ----------
    loadings
        (K, N), each row the exposure to a factor of variance 1.
    specific_variance
        (N,) at least 0.
    """

    loadings: NDArray[np.float64]
    specific_variance: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.loadings.ndim != 2 or self.specific_variance.shape != self.loadings.shape[1:]:
            raise ContractError(
                f"risk model: loadings {self.loadings.shape} beside specific variances {self.specific_variance.shape}"
            )
        if not np.isfinite(self.loadings).all() or not (self.specific_variance >= 0.0).all():
            raise ContractError(
                "risk model: loadings must be finite and specific variances 0 or more; repair the inputs"
            )

    @classmethod
    def from_returns(cls, returns: NDArray[np.float64], factors: int | None = None) -> "RiskModel":
        """Ledoit-Wolf covariance of complete returns (T, N).

        Parameters
        ----------
        factors
            ``None`` keeps it whole, as min(T, N) factors. A number keeps the strongest principal directions; what the others
            add to each variance stays, what they add between names is dropped. For thousands of names that is several times
            faster and leaves out what is mostly noise.
        """
        shrinkage = cov_shrink(returns)
        centred = returns - returns.mean(axis=0)
        sessions, n = centred.shape
        kept = np.sqrt((1.0 - shrinkage.lw_shrinkage) / sessions) * centred
        if sessions > n:
            kept = np.linalg.qr(kept, mode="r")
        specific = np.full(n, shrinkage.lw_shrinkage * float((centred**2).mean()))
        if factors is not None and factors < len(kept):
            _, strength, directions = np.linalg.svd(kept, full_matrices=False)
            strong = strength[:factors, None] * directions[:factors]
            specific += np.maximum((kept**2).sum(axis=0) - (strong**2).sum(axis=0), 0.0)
            kept = strong
        return cls(kept, specific)

    @classmethod
    def from_covariance(cls, covariance: ArrayLike) -> "RiskModel":
        """Any covariance (N, N); :class:`ConfigError` names the eigenvalue that makes it none."""
        matrix = np.asarray(covariance, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
            raise ConfigError(f"risk model: covariance of shape {matrix.shape}, needed (N, N) without missing values")
        if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-14):
            raise ConfigError("risk model: the covariance is not symmetric")
        values, vectors = np.linalg.eigh(matrix)
        if values[0] < -_PSD_TOLERANCE * max(values[-1], 1e-300):
            raise ConfigError(
                f"risk model: smallest eigenvalue of the covariance is {values[0]:.3g}, allowed 0 or more; shrink it first"
            )
        return cls(np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T, np.zeros(len(matrix)))

    @property
    def variance(self) -> NDArray[np.float64]:
        """(N,) variance of each instrument."""
        total: NDArray[np.float64] = (self.loadings**2).sum(axis=0) + self.specific_variance
        return total

    def times(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) covariance times weights."""
        product: NDArray[np.float64] = self.loadings.T @ (self.loadings @ weight) + self.specific_variance * weight
        return product


@dataclass(frozen=True, slots=True)
class WeightCost:
    """Cost of trading a weight x as a share of equity: linear |x| + impact |x|^(3/2); the square-root law, integrated.

    Attributes
    ----------
    linear, impact
        (N,) at least 0; NaN where the surface has no answer, such a name is not traded.
    """

    linear: NDArray[np.float64]
    impact: NDArray[np.float64]

    def of(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) share of equity; a weight of 0 costs 0."""
        size = np.abs(weight)
        return np.where(size == 0.0, 0.0, self.linear * size + self.impact * size**1.5)


def cost_of_weights(
    surface: LiquiditySurface,
    side_sign: NDArray[np.float64],
    reference_weight: NDArray[np.float64],
    equity_ccy: NDArray[np.float64],
    horizon_sessions: float,
) -> WeightCost:
    """Cost of weights that equals the surface at a reference size, and follows the square-root law around it.

    Parameters
    ----------
    surface
        The N instruments.
    side_sign
        (N,) +1 buys, -1 sells.
    reference_weight
        (N,) sizes at which the two agree, absolute weights of equity.
    equity_ccy
        (N,) equity in each instrument's currency, above 0.
    horizon_sessions
        Sessions that the trade may take.
    """
    reference = np.maximum(np.abs(reference_weight), _SMALLEST_REFERENCE_WEIGHT)
    told = surface.cost(side_sign, reference * equity_ccy, horizon_sessions)
    impact = np.maximum(told.impact_bps, 0.0) / 1e4 / np.sqrt(reference)
    return WeightCost(np.where(np.isnan(impact), np.nan, told.half_spread_bps / 1e4), impact)


@dataclass(frozen=True, slots=True)
class AllocationInputs:
    """The market and the portfolio, arrays over N instruments.

    Attributes
    ----------
    instrument_id, sector
        (N,) object arrays; sector None where unknown.
    current_weight
        (N,) signed value over equity.
    expected_return_frac
        (N,) per session; zeros for pure risk reduction.
    risk
        Covariance per session.
    trading_cost, unwinding_cost
        Of changing a weight by x, and of closing a weight x. A name whose trading cost is NaN keeps its weight.
    illiquid
        (N,) names that count as illiquid whole, whatever their size; the others with what cannot be sold in time.
    daily_capacity_frac
        (N,) weight that can be sold in one session (participation * ADV / equity); NaN is unknown and counts as none.
    funded
        (N,) whether the position is paid in full; a perpetual takes exposure, not cash.
    """

    instrument_id: NDArray[np.object_]
    sector: NDArray[np.object_]
    current_weight: NDArray[np.float64]
    expected_return_frac: NDArray[np.float64]
    risk: RiskModel
    trading_cost: WeightCost
    unwinding_cost: WeightCost
    illiquid: NDArray[np.bool_]
    daily_capacity_frac: NDArray[np.float64]
    funded: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n = len(self.instrument_id)
        lengths = {
            "sector": len(self.sector),
            "current_weight": len(self.current_weight),
            "expected_return_frac": len(self.expected_return_frac),
            "risk": self.risk.loadings.shape[1],
            "trading_cost": len(self.trading_cost.linear),
            "unwinding_cost": len(self.unwinding_cost.linear),
            "illiquid": len(self.illiquid),
            "daily_capacity_frac": len(self.daily_capacity_frac),
            "funded": len(self.funded),
        }
        wrong = {name: length for name, length in lengths.items() if length != n}
        if wrong or not n:
            raise ContractError(f"allocation inputs: {n} instruments, but {wrong or 'at least 1 is needed'}")
        for name in ("current_weight", "expected_return_frac"):
            missing = ~np.isfinite(getattr(self, name))
            if missing.any():
                raise ContractError(
                    f"allocation inputs: {name} is missing for {int(missing.sum())} of {n}, first "
                    f"{self.instrument_id[missing][0]}; leave those instruments out"
                )

    @property
    def tradable(self) -> NDArray[np.bool_]:
        """(N,) whether the surface knows what trading costs."""
        known: NDArray[np.bool_] = np.isfinite(self.trading_cost.linear) & np.isfinite(self.trading_cost.impact)
        return known

    @property
    def capacity(self) -> NDArray[np.float64]:
        """(N,) daily capacity, 0 where unknown."""
        return np.nan_to_num(np.maximum(self.daily_capacity_frac, 0.0), nan=0.0)

    def saleable(self, sessions: int) -> NDArray[np.float64]:
        """(N,) weight that goes within the sessions, 0 for names that count as illiquid whole."""
        return np.where(self.illiquid, 0.0, sessions * self.capacity)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is weighed against what.

    Attributes
    ----------
    risk_aversion
        Times half the variance of a session; at most 0 is refused, because risk would then be free.
    holding_sessions
        Sessions over which a cost paid once is spread.
    unwinding_share
        Share of the cost of closing the whole portfolio that counts, 0 or more; 0 leaves it out.
    """

    risk_aversion: float = 5.0
    holding_sessions: float = 20.0
    unwinding_share: float = 0.0

    def __post_init__(self) -> None:
        if not (self.risk_aversion > 0.0 and self.holding_sessions > 0.0 and self.unwinding_share >= 0.0):
            raise ConfigError(
                f"preferences: risk_aversion {self.risk_aversion} and holding_sessions {self.holding_sessions} must be above "
                f"0, unwinding_share {self.unwinding_share} 0 or more"
            )


@dataclass(frozen=True, slots=True)
class AllocationLimits:
    """Limits in shares of equity or of the invested value; ``None`` leaves one out.

    Liquidity limits are those of ``limits.py`` and use the same arithmetic, min(1, sessions * participation * ADV / size): a
    solution passes the report. With shorts the invested value is taken net here, which is the stricter side.

    Attributes
    ----------
    min_weight, max_weight
        One number for all or (N,); below 0 allows shorts.
    min_cash_frac, max_cash_frac
        Cash is what the funded weights leave of 1.
    max_illiquid_frac, illiquid_after_sessions
        Share of the invested value that cannot be sold within the sessions, names marked illiquid whole.
    min_daily_liquidatable_frac
        Share of the invested value that one session takes.
    max_gross_frac
        Sum of |weight|.
    max_turnover_frac
        Sum of |change of weight|, buys and sells.
    sector_bounds
        Lowest and highest sum of weights by sector.
    """

    min_weight: float | NDArray[np.float64] = 0.0
    max_weight: float | NDArray[np.float64] = 1.0
    min_cash_frac: float = 0.0
    max_cash_frac: float = 1.0
    max_illiquid_frac: float | None = 0.20
    illiquid_after_sessions: int = 10
    min_daily_liquidatable_frac: float | None = 0.50
    max_turnover_frac: float | None = None
    max_gross_frac: float | None = None
    sector_bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pairs: list[tuple[str, ArrayLike, str, ArrayLike]] = [
            ("min_weight", self.min_weight, "max_weight", self.max_weight),
            ("min_cash_frac", self.min_cash_frac, "max_cash_frac", self.max_cash_frac),
        ]
        pairs += [
            (f"lower bound of {name}", low, "its upper bound", high) for name, (low, high) in self.sector_bounds.items()
        ]
        for low_name, low, high_name, high in pairs:
            if not np.all(np.asarray(low) <= np.asarray(high)):
                raise ConfigError(
                    f"allocation limits: {low_name} {np.max(low):g} is above {high_name} {np.min(high):g}; the two contradict "
                    "each other"
                )
        for name in ("max_illiquid_frac", "min_daily_liquidatable_frac", "max_turnover_frac", "max_gross_frac"):
            value = getattr(self, name)
            if value is not None and not value >= 0.0:
                raise ConfigError(f"allocation limits: {name} is {value}, allowed 0 or more, or null to leave it out")
