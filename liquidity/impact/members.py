"""The impact models that the surface blends, in one order: ``IMPACT_MEMBERS``.

What every member promises of ``average_cost_bps(size_over_adv, volatility_daily_frac, horizon_sessions, parameters)``:

- the arrays broadcast; sizes are absolute, in average daily volumes, volatility is daily, horizons are sessions above 0;
- the result is the AVERAGE cost of the whole order beyond half of the spread, bps, >= 0, the same for buys and sells;
- it does not fall with size, does not rise with the horizon, and grows no faster than size;
- size 0 costs 0; what is missing, or a horizon not above 0, gives NaN;
- it is homogeneous in volatility: ``cost(q, s, T) = s ** volatility_power * cost(q, 1, T)``, so a grid needs one table per
  member and one power per instrument.

Read next: ``calibration.py`` scales the members to own fills, ``ensemble.py`` weighs them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.impact import almgren2005, fixed_cost, istar, linear, obizhaeva_wang, propagator, square_root

__all__ = ["BLENDED_MEMBERS", "IMPACT_MEMBERS", "ImpactMember", "prior_weights"]

NEEDS: Final = ("adv_ccy", "volatility_daily_frac")


@dataclass(frozen=True, slots=True)
class ImpactMember:
    """One impact model with the parameters it has before any own fill is seen.

    Attributes
    ----------
    name
        As it appears in tables and pictures.
    model
        ``average_cost_bps`` of the model's file.
    parameters
        Prior parameters, a frozen dataclass of that file.
    prior_weight
        Share in the blend before own fills; the members' sum to 1. 0 is a baseline: shown and judged, never blended.
    participation_frac
        Range of size / (horizon * ADV) in which the model was observed or is meant to be used.
    needs
        Inputs of the surface without which the member has no answer.
    source
        Where the parameters come from.
    """

    name: str
    model: Callable[[ArrayLike, ArrayLike, ArrayLike, Any], NDArray[np.float64]]
    parameters: Any
    prior_weight: float
    participation_frac: tuple[float, float]
    source: str
    needs: tuple[str, ...] = NEEDS

    @property
    def volatility_power(self) -> float:
        """Exponent of volatility in the cost."""
        return float(self.parameters.volatility_power)

    def average_cost_bps(
        self, size_over_adv: ArrayLike, volatility_daily_frac: ArrayLike, horizon_sessions: ArrayLike
    ) -> NDArray[np.float64]:
        """Average cost beyond half of the spread under the prior parameters, bps."""
        return self.model(size_over_adv, volatility_daily_frac, horizon_sessions, self.parameters)

    def in_range(self, size_over_adv: ArrayLike, horizon_sessions: ArrayLike) -> NDArray[np.bool_]:
        """Whether the participation lies where the model was observed; False where it is unknown."""
        lowest, highest = self.participation_frac
        participation = np.asarray(size_over_adv, dtype=np.float64) / np.asarray(horizon_sessions, dtype=np.float64)
        within: NDArray[np.bool_] = (participation >= lowest) & (participation <= highest)
        return within


IMPACT_MEMBERS: Final = (
    ImpactMember(
        "linear",
        linear.average_cost_bps,
        linear.LINEAR_PRIOR,
        prior_weight=0.10,
        participation_frac=(0.0, 0.01),
        source="Kyle (1985); slope 1 by convention",
    ),
    ImpactMember(
        "square_root",
        square_root.average_cost_bps,
        square_root.SQUARE_ROOT_PRIOR,
        prior_weight=0.30,
        participation_frac=(0.0001, 0.20),
        source="Tóth et al. (2011), Donier and Bonart (2015); Y 1, exponent 1/2",
    ),
    ImpactMember(
        "almgren2005",
        almgren2005.average_cost_bps,
        almgren2005.ALMGREN_PRIOR,
        prior_weight=0.25,
        participation_frac=(0.001, 0.25),
        source="Almgren et al. (2005), US equities 2001-03; turnover term 1",
    ),
    ImpactMember(
        "istar",
        istar.average_cost_bps,
        istar.ISTAR_PRIOR,
        prior_weight=0.10,
        participation_frac=(0.001, 0.40),
        source="Kissell (2014), illustrative all-stock set; a4 and b1 not verified",
    ),
    ImpactMember(
        "obizhaeva_wang",
        obizhaeva_wang.average_cost_bps,
        obizhaeva_wang.OBIZHAEVA_WANG_PRIOR,
        prior_weight=0.10,
        participation_frac=(0.0, 0.20),
        source="Obizhaeva and Wang (2013), base case; scale by judgement",
    ),
    ImpactMember(
        "propagator",
        propagator.average_cost_bps,
        propagator.PROPAGATOR_PRIOR,
        prior_weight=0.15,
        participation_frac=(0.0001, 0.20),
        source="Bouchaud et al. (2004), Gatheral (2010); scale by judgement",
    ),
    ImpactMember(
        "fixed",
        fixed_cost.average_cost_bps,
        fixed_cost.FIXED_COST_PRIOR,
        prior_weight=0.0,
        participation_frac=(0.0, np.inf),
        source="10 bps, the habit of paper accounts",
    ),
)
"""All members in the order of tables and pictures. Weights before own fills are a judgement: the more a model was tested
on recorded orders, the more it counts."""

BLENDED_MEMBERS: Final = tuple(member for member in IMPACT_MEMBERS if member.prior_weight > 0.0)
"""The members that take part in the blend; ``fixed`` would cost 10 bps at size 0 and is left out."""


def prior_weights() -> NDArray[np.float64]:
    """(M,) weights of ``BLENDED_MEMBERS`` before own fills; they sum to 1."""
    return np.array([member.prior_weight for member in BLENDED_MEMBERS])
