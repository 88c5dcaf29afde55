"""Which instruments may take new risk; unknown means deny."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.execution import ELIGIBILITY_REASONS, ORDER_ELIGIBILITY
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.orders import order_eligibility


def rows(scores: list[float], source: str | None = "nse", method: str | None = "observed") -> pd.DataFrame:
    n = len(scores)
    return pd.DataFrame(
        {
            "session_date": pd.Series([dt.date(2026, 3, 2)] * n, dtype=object),
            "instrument_id": [f"XNSE:B{i}" for i in range(n)],
            "asset_class": ["bond_corporate"] * n,
            "liquidity_score": scores,
            "method": pd.array([method] * n, dtype="str"),
            "source": pd.array([source] * n, dtype="str"),
        }
    )


def test_29_9_is_refused_and_30_is_allowed() -> None:
    table = order_eligibility(rows([29.9, 30.0, 30.1, 0.0, 100.0]))
    assert table["eligible"].tolist() == [False, True, True, False, True]
    assert table["reasons"].tolist() == ["score_below_minimum", "", "", "score_below_minimum", ""]
    assert list(table.columns) == list(ORDER_ELIGIBILITY.column_names)


def test_what_is_unknown_is_denied() -> None:
    assert order_eligibility(rows([np.nan, np.inf, -1.0, 101.0]))["reasons"].tolist() == ["score_missing"] * 4
    for method in ("insufficient_data", None):
        assert order_eligibility(rows([90.0], method=method))["reasons"].tolist() == ["score_missing"]
    assert order_eligibility(rows([90.0], source=None), allow_simulated=True)["reasons"].tolist() == ["simulated"]


def test_simulated_rows_pass_only_in_a_rehearsal_and_reasons_add_up() -> None:
    simulated = rows([90.0, 10.0], source="simulated")
    assert order_eligibility(simulated)["reasons"].tolist() == ["simulated", "score_below_minimum,simulated"]
    assert order_eligibility(simulated, allow_simulated=True)["eligible"].tolist() == [True, False]
    pattern = ORDER_ELIGIBILITY.column("reasons").pattern
    assert order_eligibility(simulated)["reasons"].str.fullmatch(pattern.strip("^$")).all()
    assert {"score_below_minimum", "simulated"} <= set(ELIGIBILITY_REASONS)


def test_a_limit_on_the_wrong_scale_is_refused_with_the_likely_value() -> None:
    with pytest.raises(ConfigError, match="did you mean 30"):
        order_eligibility(rows([50.0]), min_liquidity_score=0.3)
    for wrong in (-1.0, 101.0, float("nan")):
        with pytest.raises(ConfigError, match="outside"):
            order_eligibility(rows([50.0]), min_liquidity_score=wrong)
    assert order_eligibility(rows([0.0]), min_liquidity_score=0.0)["eligible"].all()


def test_a_missing_column_or_repeated_key_is_refused() -> None:
    with pytest.raises(ContractError, match="source"):
        order_eligibility(rows([50.0]).drop(columns="source"))
    with pytest.raises(ContractError, match="1 repeated keys"):
        order_eligibility(pd.concat([rows([50.0]), rows([60.0])]))


def test_nothing_in_nothing_out() -> None:
    assert order_eligibility(rows([])).empty
