"""The five groups of advanced risk metrics as one JSON-safe document, from the tables that hold them.

Read next: ``market_risk_table.py``, which fills the first of these tables.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["calculate_advanced_risk_metrics"]

_DRAWDOWN = ("max_drawdown", "current_drawdown", "high_water_mark")


def calculate_advanced_risk_metrics(
    market_risk: pd.DataFrame,
    correlation: pd.DataFrame,
    stress_results: pd.DataFrame | None = None,
    kelly: Mapping[str, float | None] | None = None,
) -> dict[str, Any]:
    """Collect the metrics of one portfolio on one session.

    Parameters
    ----------
    market_risk, correlation
        Rows of MARKET_RISK and CORRELATION of the portfolio and session.
    stress_results
        Its rows of ``stress_results``; ``None``: no stress was run.
    kelly
        Kelly fraction by instrument, as sizing computed it; ``None``: none asked.

    Returns
    -------
    dict
        ``value_at_risk`` (95, 99 and 99.5 %: each model's number, the shortfall, method and reason), ``correlation_matrix``
        (nested by instrument, ones on the diagonal), ``stress_test_results``, ``kelly_criterion`` and
        ``max_drawdown_metrics``. All five keys are always there; what is missing is ``None``. Plain strings, numbers and
        lists only, so ``json.dumps(..., allow_nan=False)`` never fails.
    """
    tail: dict[str, dict[str, Any]] = {}
    for row in market_risk[market_risk["confidence"].isin(["0.95", "0.99", "0.995"])].itertuples():
        tail.setdefault(str(row.confidence), {})[str(row.measure)] = {
            "value_base": _plain(row.value_base),
            "method": str(row.method),
            "reason": str(row.reason),
        }
    plain = market_risk[market_risk["confidence"] == "none"].set_index("measure")["value_number"]
    names = sorted({*correlation["instrument_id"], *correlation["other_id"]})
    matrix: dict[str, dict[str, Any]] = {name: {name: 1.0} for name in names}
    for row in correlation.itertuples():
        value = _plain(row.correlation)
        matrix[str(row.instrument_id)][str(row.other_id)] = matrix[str(row.other_id)][str(row.instrument_id)] = value
    return {
        "value_at_risk": tail,
        "correlation_matrix": matrix,
        "stress_test_results": None
        if stress_results is None
        else [{str(name): _plain(value) for name, value in row.items()} for row in stress_results.to_dict("records")],
        "kelly_criterion": None if kelly is None else {str(name): _plain(value) for name, value in kelly.items()},
        "max_drawdown_metrics": {name: _plain(plain.get(name)) for name in _DRAWDOWN},
    }


def _plain(value: object) -> Any:
    """A JSON value: numbers as Python's own, NaN and infinities as ``None``, days and other objects as text."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str) else str(value)
