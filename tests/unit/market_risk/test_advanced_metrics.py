import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.market_risk.advanced_metrics import calculate_advanced_risk_metrics

RISK = pd.DataFrame(
    {
        "measure": ["var_historical", "var_historical", "var_historical", "es_historical", "max_drawdown", "high_water_mark"],
        "confidence": ["0.95", "0.99", "0.995", "0.99", "none", "none"],
        "value_base": [10.0, 20.0, np.nan, 25.0, np.nan, np.nan],
        "value_number": [np.nan, np.nan, np.nan, np.nan, 0.2, np.nan],
        "method": "historical",
        "reason": ["", "", "too_few_scenarios", "", "", "no_equity"],
    }
)  # fmt: skip
PAIRS = pd.DataFrame({"instrument_id": ["XNYS:AA"], "other_id": ["XNYS:BB"], "correlation": [0.4]})


@pytest.mark.feature("ET-MR-04")
def test_five_groups_are_there_and_the_document_is_json() -> None:
    stress = pd.DataFrame(
        {"scenario": ["crash"], "loss_base": [np.inf], "session_date": [date(2026, 3, 2)], "n": np.array([3])}
    )
    found = calculate_advanced_risk_metrics(RISK, PAIRS, stress, {"XNYS:AA": 0.1, "XNYS:BB": None})
    assert list(found) == [
        "value_at_risk",
        "correlation_matrix",
        "stress_test_results",
        "kelly_criterion",
        "max_drawdown_metrics",
    ]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found["value_at_risk"]) == {"0.95", "0.99", "0.995"}
    assert found["value_at_risk"]["0.99"]["var_historical"]["value_base"] == 20.0
    assert found["value_at_risk"]["0.995"]["var_historical"] == {
        "value_base": None,
        "method": "historical",
        "reason": "too_few_scenarios",
    }
    assert found["correlation_matrix"]["XNYS:BB"] == {"XNYS:BB": 1.0, "XNYS:AA": 0.4}
    assert found["stress_test_results"] == [
        {"scenario": "crash", "loss_base": None, "session_date": "2026-03-02", "n": 3}
    ]
    assert found["max_drawdown_metrics"] == {"max_drawdown": 0.2, "current_drawdown": None, "high_water_mark": None}


@pytest.mark.feature("ET-MR-04")
def test_groups_without_a_table_are_there_and_missing() -> None:
    found = calculate_advanced_risk_metrics(RISK.iloc[:0], PAIRS.iloc[:0])
    assert found["value_at_risk"] == {}
    assert found["correlation_matrix"] == {}
    assert found["stress_test_results"] is None
    assert found["kelly_criterion"] is None
