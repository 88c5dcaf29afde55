"""What a stress does to the inputs of the surface, as multipliers.

Read next: ``surface.py``, which is stressed by one; ``liquidity/stress/scenario.py``, which makes them.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError

__all__ = ["CALM", "Shock"]

Multiplier = float | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shock:
    """Change of market conditions; each a number for all instruments or an array (N,) aligned with a surface.

    Attributes
    ----------
    spread_mult
        Times the quoted spread, at least 0; 1 is unchanged.
    volume_haircut_frac
        Share of average daily volume that is lost, 0 to 1 (negative: volume rises, as in crypto crashes).
    depth_haircut_frac
        Share of resting depth that is lost, 0 to 1.
    vol_mult
        Times the daily volatility, at least 0.
    dealer_withdrawal_frac
        Share of the dealers that stop quoting, 0 to 1: of a dealer market it takes that share of volume and depth on top
        of the haircuts; of an order-book market nothing.
    """

    spread_mult: Multiplier = 1.0
    volume_haircut_frac: Multiplier = 0.0
    depth_haircut_frac: Multiplier = 0.0
    vol_mult: Multiplier = 1.0
    dealer_withdrawal_frac: Multiplier = 0.0

    def __post_init__(self) -> None:
        for name, lowest, highest in (
            ("spread_mult", 0.0, np.inf),
            ("volume_haircut_frac", -np.inf, 1.0),
            ("depth_haircut_frac", 0.0, 1.0),
            ("vol_mult", 0.0, np.inf),
            ("dealer_withdrawal_frac", 0.0, 1.0),
        ):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if not (np.isfinite(values) & (values >= lowest) & (values <= highest)).all():
                bad = values[~(np.isfinite(values) & (values >= lowest) & (values <= highest))].ravel()[0]
                raise ConfigError(f"shock: {name} is {bad}, allowed {lowest:g} to {highest:g}; correct the scenario")

    def scaled(self, multiple: float) -> "Shock":
        """Return the shock ``multiple`` times as deep (0: none, 1: itself), held inside the ranges; for reverse stress."""
        if not (np.isfinite(multiple) and multiple >= 0.0):
            raise ConfigError(f"shock: scaled by {multiple}, allowed 0 or more")
        return replace(
            self,
            spread_mult=np.maximum(0.0, 1.0 + multiple * (np.asarray(self.spread_mult) - 1.0)),
            volume_haircut_frac=np.minimum(1.0, multiple * np.asarray(self.volume_haircut_frac)),
            depth_haircut_frac=np.minimum(1.0, multiple * np.asarray(self.depth_haircut_frac)),
            vol_mult=np.maximum(0.0, 1.0 + multiple * (np.asarray(self.vol_mult) - 1.0)),
            dealer_withdrawal_frac=np.minimum(1.0, multiple * np.asarray(self.dealer_withdrawal_frac)),
        )


CALM: Final = Shock()
"""No change."""
