"""Identifiers of instruments: what is accepted, and what is refused at the door as the contract engine refuses it."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from liquidity.contracts import SENTIMENT
from liquidity.contracts.example import example_table
from liquidity.contracts.validation import inspect_rows
from liquidity.domain.errors import IdentifierError
from liquidity.domain.identifier import require_instrument_id

DAY = date(2026, 3, 19)
GOOD = ("US0378331005", "INE094A08176", "binance:BTCUSDT", "BVMF:LFT_20310301", "XNYS:BRK.B", "bondx:a/b-c")
BAD = (
    "US0378331006", "us0378331005", "US037833100\u0665", "US0378331005\n", "", "X", ":A", "A1:", "../../etc/passwd",
    "XNYS:a/../../../etc/passwd", "XNYS:A..B", "XNYS:" + "A" * 41, "=1+1", "x'; DROP TABLE fills; --",
)  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_accepted_identifiers_come_back(text: str) -> None:
    assert require_instrument_id(text) == text


@pytest.mark.parametrize("text", BAD)
def test_refused_identifiers_are_named(text: str) -> None:
    with pytest.raises(IdentifierError, match="instrument_id"):
        require_instrument_id(text)


@pytest.mark.parametrize("text", [*GOOD, *BAD])
def test_the_contract_engine_says_the_same(text: str) -> None:
    table = example_table(SENTIMENT, DAY, 1, np.random.default_rng(0))
    place = table.column_names.index("instrument_id")
    table = table.set_column(place, table.schema.field(place), pa.array([text]))
    assert (inspect_rows(table, SENTIMENT, DAY).rejected.num_rows == 0) == (text in GOOD)
