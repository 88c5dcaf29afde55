"""The effect of each phase of a cycle taken out of many series in one pass, compiled; ``seasonality.py`` is the judge.

Imported on first use only (numba costs 0.6 s). Both paths add in the same order, so they agree bit for bit.
"""

from typing import Any, Final

import numba
import numpy as np

from liquidity.domain.compiled import compiled

__all__ = ["without_phase"]

_MATRIX = numba.types.Array(numba.float64, 2, "C")
_F8 = numba.types.Array(numba.float64, 1, "C")
_I8 = numba.types.Array(numba.int64, 1, "C")
_SIGNATURE = numba.void(_MATRIX, _F8, _I8, _I8, numba.float64, numba.float64, numba.float64, _MATRIX)
_LARGEST: Final = np.finfo(np.float64).max


def _without_phase(
    values: Any, elapsed: Any, phase: Any, partner: Any, cycle_days: float, in_reference: float, known: float, out: Any
) -> None:  # pragma: no cover - compiled
    phases = phase.max() + 1 if phase.size else 0
    n = np.zeros(phases)
    total = np.zeros(phases)
    total_elapsed = np.zeros(phases)
    for row in range(values.shape[0]):
        n[:] = 0.0
        total[:] = 0.0
        total_elapsed[:] = 0.0
        pairs = 0.0
        changed = 0.0
        for t in range(values.shape[1]):
            value = values[row, t]
            seen = not np.isnan(value)
            own = phase[t]
            # "Before" is the running sum less the newest term, as the judge forms it: (a + b) - b is not always a.
            change = value - values[row, partner[t]] if partner[t] >= 0 else np.nan
            is_pair = not np.isnan(change)
            change = min(max(change, -_LARGEST), _LARGEST) if is_pair else 0.0
            changed += change
            drift = (changed - change) / (pairs * cycle_days) if pairs > 0.0 else 0.0
            pairs += is_pair
            added = value if seen else 0.0
            total[own] += added
            own_mean = 0.0
            sum_of_means = 0.0
            counted = 0.0
            for one in range(phases):
                if n[one] == 0.0:
                    continue
                before = total[one] - added if one == own else total[one]
                mean = (before - drift * total_elapsed[one]) / n[one]
                if one == own:
                    own_mean = mean
                if n[one] >= in_reference:
                    sum_of_means += mean
                    counted += 1.0
            if n[own] >= known and counted > 0.0:
                out[row, t] = value - (own_mean - sum_of_means / counted)
            else:
                out[row, t] = value
            if seen:
                n[own] += 1.0
                total_elapsed[own] += elapsed[t]


without_phase = compiled(_SIGNATURE)(_without_phase)
"""Fill ``out``, of the shape of ``values``, with the values less their phase's effect.

``elapsed`` are the days of the columns since the first, ``phase`` their places in the cycle (0, 1, ...), ``partner`` the
column one cycle earlier or -1; an effect needs ``known`` earlier observations of its phase, a phase ``in_reference`` of
them to count in the mean over phases.
"""
