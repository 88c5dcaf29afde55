"""Every row that a contract allows passes its pydantic model; unknown fields and broken ranges do not."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from liquidity.contracts import ALL_CONTRACTS, MICROSTRUCTURE, TableContract
from liquidity.contracts.example import example_table
from resources.record_models import record_model

DAY = date(2026, 3, 3)


def _rows(contract: TableContract) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = example_table(contract, DAY, 40, np.random.default_rng(5), null_frac=0.3).to_pylist()
    return rows


@pytest.mark.feature("BX-CT-06")
@pytest.mark.parametrize("contract", ALL_CONTRACTS, ids=lambda each: each.name)
def test_rows_of_every_table_pass_their_model_and_come_back_equal(contract: TableContract) -> None:
    model = record_model(contract)
    for row in _rows(contract):
        assert model.model_validate(row).model_dump() == row


@pytest.mark.feature("BX-CT-06")
@pytest.mark.parametrize("contract", ALL_CONTRACTS, ids=lambda each: each.name)
def test_an_unknown_field_is_refused(contract: TableContract) -> None:
    row = _rows(contract)[0] | {"surprise": 1}
    with pytest.raises(ValidationError, match="surprise"):
        record_model(contract).model_validate(row)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"bid": -1.0}, "bid"),
        ({"quality_frac": 1.1}, "quality_frac"),
        ({"quoted_spread_bps": float("nan")}, "quoted_spread_bps"),
        ({"instrument_id": "=cmd|x"}, "instrument_id"),
        ({"observed_at": "2026-03-03T10:00:00"}, "observed_at"),
        ({"observed_at": "2026-03-03T10:00:00+05:30"}, "observed_at"),
    ],
)
def test_a_broken_value_is_named(change: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError, match=where):
        record_model(MICROSTRUCTURE).model_validate(_rows(MICROSTRUCTURE)[0] | change)
