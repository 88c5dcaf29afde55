from datetime import date

import numpy as np
import pytest

from liquidity.contracts import ALL_CONTRACTS, MICROSTRUCTURE, SIGNAL_STATUS, TableContract
from liquidity.contracts.example import example_table
from liquidity.contracts.validation import audit

DAY = date(2026, 3, 19)


@pytest.mark.parametrize("contract", ALL_CONTRACTS, ids=lambda contract: contract.name)
@pytest.mark.parametrize("rows", [0, 1, 300])
def test_examples_keep_their_contract(contract: TableContract, rows: int) -> None:
    table = example_table(contract, DAY, rows, np.random.default_rng(rows))
    assert audit(table, contract, DAY).accepted.equals(table)


def test_rows_are_as_many_as_the_key_allows() -> None:
    assert example_table(MICROSTRUCTURE, DAY, 77, np.random.default_rng(0)).num_rows == 77
    assert example_table(SIGNAL_STATUS, DAY, 77, np.random.default_rng(0)).num_rows == 4
