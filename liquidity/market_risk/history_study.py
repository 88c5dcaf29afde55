"""Whole histories through every model: one book over time, and each instrument by itself.

Read next: ``rolling_var.py``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.market_risk.rolling_var import (
    VAR_MODELS,
    Judgement,
    TailForecast,
    judged,
    rolling_forecast,
    tail_forecast,
)

__all__ = ["STUDY_CONFIDENCES", "BookStudy", "study_book", "study_instruments"]

STUDY_CONFIDENCES: Final = (0.95, 0.975, 0.99)
_MIN_JUDGED: Final = 60


@dataclass(frozen=True, slots=True)
class BookStudy:
    """One-session forecasts of a book held against what came.

    Attributes
    ----------
    days, results
        (M,) judged sessions and the book's results in them, fraction of its gross value.
    forecasts, judgements
        By model and confidence.
    """

    days: NDArray[np.datetime64]
    results: NDArray[np.float64]
    forecasts: dict[tuple[str, float], TailForecast]
    judgements: dict[tuple[str, float], Judgement]

    def by_year(self, confidence: float) -> pd.DataFrame:
        """Judged sessions and exceedances of each model in each calendar year, index ``year``."""
        years = self.days.astype("datetime64[Y]").astype(int) + 1970
        hits = {
            model: pd.Series(self.results < -self.forecasts[model, confidence].var, dtype=np.int64).groupby(years).sum()
            for model in VAR_MODELS
        }
        table = pd.DataFrame({"sessions": pd.Series(years).value_counts().sort_index(), **hits})
        return table.rename_axis("year")


def study_book(days: NDArray[np.datetime64], rows: NDArray[np.float64], results: NDArray[np.float64]) -> BookStudy:
    """Forecast and judge.

    Parameters
    ----------
    days, results
        (M,) sessions and what the book earned in them.
    rows
        (M, W) what the book of each session would have earned in the W sessions before it.
    """
    forecasts = {
        (model, confidence): tail_forecast(rows, model, confidence)
        for model in VAR_MODELS
        for confidence in STUDY_CONFIDENCES
    }
    found = {key: judged(results, forecast, key[1]) for key, forecast in forecasts.items()}
    return BookStudy(days, results, forecasts, found)


def study_instruments(returns: NDArray[np.float64], *, window: int, confidence: float) -> pd.DataFrame:
    """How many instruments reject each model at 5 %, each judged on its own returns.

    Parameters
    ----------
    returns
        (T, N); missing returns are left out of an instrument's own series.

    Returns
    -------
    pd.DataFrame
        By model (index): ``tested`` instruments with at least 60 judged sessions, ``sessions``, ``hits``, ``expected``
        summed over them, and how many show ``too_many``, ``too_few``, ``clustered``, ``too_deep``. Of right models 5 %
        would be rejected by each test; instruments of one market share their bad days, so the counts are not independent.
    """
    lines = []
    for model in VAR_MODELS:
        line: dict[str, float | str] = {"model": model, "tested": 0, "sessions": 0, "hits": 0, "expected": 0.0}
        line |= dict.fromkeys(("too_many", "too_few", "clustered", "too_deep"), 0)
        for own in returns.T:
            series = own[np.isfinite(own)]
            if series.size < window + _MIN_JUDGED or not np.ptp(series) > 0.0:
                continue
            found = judged(series[window:], rolling_forecast(series, model, confidence, window=window), confidence)
            added = {"tested": 1, "sessions": found.sessions_n, "hits": found.hits_n, "expected": found.expected_n}
            for name, value in (added | dict.fromkeys(found.failures, 1)).items():
                line[name] = float(line[name]) + value
        lines.append(line)
    return pd.DataFrame(lines).set_index("model")
