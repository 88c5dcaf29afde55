"""The words of every forecast: horizons, quantile levels, bands and the scores that are forecast."""

from typing import Final

__all__ = ["BANDS", "HORIZONS", "LEVELS", "MEDIAN", "TARGETS"]

HORIZONS: Final = (1, 2, 3, 4, 5)
"""Sessions ahead, in the instrument's own calendar: T+1 is its next session."""

LEVELS: Final = (0.025, 0.10, 0.25, 0.50, 0.75, 0.90, 0.975)
"""Probabilities of the quantiles that every member tells, ascending."""

MEDIAN: Final = 3
"""Place of the median in :data:`LEVELS`."""

BANDS: Final = {50: (2, 4), 80: (1, 5), 95: (0, 6)}
"""Nominal coverage in percent of each central band, and the places of its ends in :data:`LEVELS`."""

TARGETS: Final = ("liquidity_score", "repayment_score", "bondx_score")
"""Columns that are forecast, each of the score table of its name; points 0-100."""
