"""The spread that is rarely exceeded: the exogenous cost of liquidity from a spread's own history.

Read next: ``liquidity_adjusted.py``.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.columns import day_numbers
from liquidity.market_risk.price_history import PriceHistory

__all__ = ["WIDE_QUANTILE", "spread_history", "wide_spread_bps"]

WIDE_QUANTILE: Final = 0.99
_WINDOW: Final = 250
_MIN_OBSERVED: Final = 60


def spread_history(panel: pd.DataFrame, history: PriceHistory) -> NDArray[np.float64]:
    """Spreads (D, N) of the panel's rows on the days and instruments of ``history``, bps; NaN where none."""
    found = np.full(history.prices.shape, np.nan)
    rows = np.searchsorted(history.days, day_numbers(panel["session_date"]).astype("datetime64[D]"))
    columns = history.places(panel["instrument_id"].to_numpy(dtype=object))
    found[rows, columns] = panel["spread_bps"].to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def wide_spread_bps(spreads: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) 99 % quantile of the newest 250 days of (D, N) spreads; NaN with fewer than 60 of them.

    The empirical quantile stands for mean + k standard deviations of Bangia et al. (1999): spreads have no normal tail.
    """
    newest = spreads[-_WINDOW:]
    known = np.isfinite(newest).sum(axis=0) >= _MIN_OBSERVED
    found = np.full(spreads.shape[1], np.nan)
    if known.any():
        found[known] = np.nanquantile(newest[:, known], WIDE_QUANTILE, axis=0)
    return found
