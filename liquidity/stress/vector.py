"""A stress laid on one portfolio: the same shocks for the engine wherever they come from (a file, a form, a replayed crisis).

Read next: ``engine.py``, which applies one.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.impact.shock import Shock
from liquidity.portfolio.holdings import Holdings
from liquidity.stress.classes import stress_classes
from liquidity.stress.scenario import ClassShock, Scenario

__all__ = ["StressVector", "stress_vector"]

_UNCHANGED: Final = ClassShock()


@dataclass(frozen=True, slots=True)
class StressVector:
    """What happens to each of P positions.

    Attributes
    ----------
    name
        Scenario or replayed crisis.
    stress_class, note
        (P,) object arrays: the class, and what was assumed or why nothing happens; empty where nothing needs saying.
    price_fall_frac
        (P,) share of the price that is lost, at most 1; negative is a gain.
    conditions
        Spread, volume, depth, volatility and dealers; arrays (P,).
    correlation_floor, redemption_weekly_frac, margin_call_frac
        (P,) as in :class:`~liquidity.stress.scenario.ClassShock`.
    """

    name: str
    stress_class: NDArray[np.object_]
    note: NDArray[np.object_]
    price_fall_frac: NDArray[np.float64]
    conditions: Shock
    correlation_floor: NDArray[np.float64]
    redemption_weekly_frac: NDArray[np.float64]
    margin_call_frac: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse arrays of different length and falls that are none."""
        size = len(self.stress_class)
        arrays = (
            self.note,
            self.price_fall_frac,
            self.correlation_floor,
            self.redemption_weekly_frac,
            self.margin_call_frac,
            *(np.asarray(getattr(self.conditions, name)) for name in _CONDITIONS),
        )
        if any(np.shape(array) != (size,) for array in arrays):
            raise ContractError(
                f"stress {self.name}: arrays of {[np.shape(array) for array in arrays]}, all must be ({size},)"
            )
        if not (np.isfinite(self.price_fall_frac) & (self.price_fall_frac <= 1.0)).all():
            raise ConfigError(
                f"stress {self.name}: a price fall is {self.price_fall_frac.max()}, allowed up to 1 (frac)"
            )

    def scaled(self, multiple: float) -> "StressVector":
        """Return the stress ``multiple`` times as deep: 0 is none, 1 itself; each part is held inside its range."""
        return replace(
            self,
            price_fall_frac=np.minimum(1.0, multiple * self.price_fall_frac),
            conditions=self.conditions.scaled(multiple),
            correlation_floor=np.minimum(1.0, multiple * self.correlation_floor),
            redemption_weekly_frac=np.minimum(1.0, multiple * self.redemption_weekly_frac),
            margin_call_frac=np.minimum(1.0, multiple * self.margin_call_frac),
        )


_CONDITIONS: Final = ("spread_mult", "volume_haircut_frac", "depth_haircut_frac", "vol_mult", "dealer_withdrawal_frac")


def stress_vector(scenario: Scenario, holdings: Holdings) -> StressVector:
    """Lay a scenario on a portfolio.

    Positions without a class, or of a class that the scenario does not name, keep their conditions; ``note`` says so
    (``asset_class_unknown``, ``not_in_scenario``).
    """
    classes, notes = stress_classes(holdings)
    shocks = [scenario.classes.get(name, _UNCHANGED) for name in classes]
    for place, name in enumerate(classes):
        if name and name not in scenario.classes:
            notes[place] = "not_in_scenario"

    def column(name: str) -> NDArray[np.float64]:
        return np.array([getattr(shock, name) for shock in shocks], dtype=np.float64)

    return StressVector(
        name=scenario.name,
        stress_class=classes,
        note=notes,
        price_fall_frac=column("price_fall_frac"),
        conditions=Shock(**{name: column(name) for name in _CONDITIONS}),
        correlation_floor=column("correlation_floor"),
        redemption_weekly_frac=column("redemption_weekly_frac"),
        margin_call_frac=column("margin_call_frac"),
    )
