"""Rows of VAR_BACKTEST: the models that gave today's numbers, held against the sessions before.

Read next: ``rolling_var.py`` (the models and the judgement).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.risk_market import VAR_BACKTEST
from liquidity.market_risk.portfolio_scenarios import PortfolioScenarios, level_name
from liquidity.market_risk.rolling_var import VAR_MODELS, judged, rolling_forecast

__all__ = ["BACKTEST_CONFIDENCES", "VarPath", "backtest_rows", "backtest_window", "var_path"]

BACKTEST_CONFIDENCES: Final = (0.95, 0.975, 0.99)
_SHORT_WINDOW: Final = 60
_MIN_JUDGED: Final = 20


@dataclass(frozen=True, slots=True)
class VarPath:
    """Results of today's holdings and what a model foresaw for them, by session; for a picture."""

    days: NDArray[np.datetime64]
    results: NDArray[np.float64]
    var: NDArray[np.float64]

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Sessions whose loss exceeded the value at risk."""
        found: NDArray[np.bool_] = self.results < -self.var
        return found


def backtest_window(sessions_n: int, wished: int = 250) -> int:
    """Sessions that each forecast learns from: ``wished``, or 60 where fewer than 20 would be left to judge; else 0."""
    return next((window for window in (wished, _SHORT_WINDOW) if sessions_n >= window + _MIN_JUDGED), 0)


def backtest_rows(portfolio: PortfolioScenarios, window: int = 250) -> pd.DataFrame:
    """Judge every model on the results that today's holdings would have had, each forecast from the past alone.

    Too few sessions leave the tests null with the reason ``too_few_sessions``. The holdings are today's throughout: the
    back-test is of the models, not of the trading.
    """
    results = portfolio.results
    wished, window = window, backtest_window(len(results), window)
    rows = []
    for model in VAR_MODELS:
        for confidence in BACKTEST_CONFIDENCES:
            row: dict[str, object] = {
                "session_date": portfolio.session_date,
                "portfolio_id": portfolio.portfolio_id,
                "model": model,
                "confidence": level_name(confidence),
                "window_sessions": window,
                "origin": portfolio.origin,
            }
            if window and np.ptp(results) > 0.0:
                found = judged(
                    results[window:], rolling_forecast(results, model, confidence, window=window), confidence
                )
                row |= {name: getattr(found, name) for name in _JUDGED}
                row |= {"failures": ",".join(found.failures), "reason": "short_window" if window < wished else ""}
            else:
                row |= dict.fromkeys(_JUDGED) | {"sessions_n": 0, "hits_n": 0, "expected_n": 0.0, "fell_back_frac": 0.0}
                row |= {"failures": "", "reason": "too_few_sessions" if not window else "no_risk", "window_sessions": 0}
            rows.append(row)
    table = pd.DataFrame(rows)
    for name in ("kupiec_p", "independence_p", "coverage_p", "z1", "z2", "z2_critical"):
        table[name] = table[name].astype("float64")
    table["zone"] = table["zone"].astype("str").where(table["zone"].notna())
    table["zone_hits_n"] = table["zone_hits_n"].astype("Int64")
    return table[list(VAR_BACKTEST.column_names)]


def var_path(portfolio: PortfolioScenarios, model: str, confidence: float, window: int = 250) -> VarPath | None:
    """Sessions, results and value at risk of one model; ``None`` with too few sessions."""
    window = backtest_window(len(portfolio.results), window)
    if not window:
        return None
    forecast = rolling_forecast(portfolio.results, model, confidence, window=window)
    return VarPath(portfolio.scenarios.days[window:], portfolio.results[window:], forecast.var)


_JUDGED: Final = (
    "sessions_n",
    "hits_n",
    "expected_n",
    "kupiec_p",
    "independence_p",
    "coverage_p",
    "z1",
    "z2",
    "z2_critical",
    "zone",
    "zone_hits_n",
    "fell_back_frac",
)
