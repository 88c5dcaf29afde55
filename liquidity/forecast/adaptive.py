"""Levels that follow the coverage: after a session that fell outside too often the next bands are wider.

Adaptive conformal inference for panels: one level per horizon, band and liquidity group, moved once a session by the share
of the group's forecasts that fell outside. Read next: ``track_record.py`` recomputes the levels from judged forecasts,
``bands.py`` turns them into bands, ``coverage.py`` raises the alarm.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.forecast.bands import LIQUIDITY_GROUPS, NOMINAL_ALPHAS
from liquidity.forecast.horizons import BANDS, HORIZONS

__all__ = ["RELATIVE_GAMMA", "AdaptiveLevels"]

RELATIVE_GAMMA: Final = 0.1
"""Step as a share of the nominal probability outside: 0.05, 0.02 and 0.005 for the 50, 80 and 95 % bands.

Ten sessions in a row with every name of a group outside bring the level of an 80 % band from 0.20 to 0.04. One step for all
bands would move the 95 % band too far: see ``docs/methodology/forecast_bands.md``.
"""

_SHAPE = (len(HORIZONS), len(BANDS), LIQUIDITY_GROUPS)


@dataclass(frozen=True, slots=True)
class AdaptiveLevels:
    """Probability outside to aim at next, so that the long-run share outside is the nominal one.

    Attributes
    ----------
    alphas
        (5 horizons, 3 bands, 4 liquidity groups); may leave 0-1, ``Calibration.apply`` clips where it uses them.
    relative_gamma
        Step per session as a share of the nominal probability outside.
    """

    alphas: NDArray[np.float64]
    relative_gamma: float = RELATIVE_GAMMA

    @classmethod
    def start(cls, relative_gamma: float = RELATIVE_GAMMA) -> "AdaptiveLevels":
        """The nominal levels, before anything was judged.

        Examples
        --------
        >>> AdaptiveLevels.start().alphas[0, :, 0].round(2).tolist()
        [0.5, 0.2, 0.05]
        """
        return cls(_nominal(), relative_gamma)

    def step(self, inside_frac: NDArray[np.float64]) -> "AdaptiveLevels":
        """The levels after one session.

        alpha + gamma (nominal - share outside) for what arrived, gamma = relative_gamma x nominal.

        Parameters
        ----------
        inside_frac
            (5, 3, 4) share of the forecasts judged in this session that were inside; NaN where none arrived.

        References
        ----------
        Gibbs, Candes (2021), Advances in Neural Information Processing Systems 34, eq. 2, with the mean error of many series.

        Examples
        --------
        >>> all_outside = np.zeros((5, 3, 4))
        >>> AdaptiveLevels.start().step(all_outside).alphas[0, :, 0].round(5).tolist()
        [0.475, 0.184, 0.04525]
        """
        if inside_frac.shape != _SHAPE:
            raise ConfigError(f"AdaptiveLevels.step: found shares of shape {inside_frac.shape}; allowed is {_SHAPE}")
        nominal = _nominal()
        outside = np.where(np.isnan(inside_frac), nominal, 1.0 - inside_frac)
        return AdaptiveLevels(self.alphas + self.relative_gamma * nominal * (nominal - outside), self.relative_gamma)


def _nominal() -> NDArray[np.float64]:
    return np.repeat(np.tile(np.array(NOMINAL_ALPHAS), (len(HORIZONS), 1))[..., np.newaxis], LIQUIDITY_GROUPS, axis=-1)
