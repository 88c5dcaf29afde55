"""Amounts of contracts turned into base units."""

from decimal import Decimal

import numpy as np
import pytest

from liquidity.book import BookSnapshot, depth_bps
from liquidity.book.grid import BookGrid
from liquidity.book.units import in_base_units
from liquidity.domain.errors import ContractError

CONTRACTS = BookSnapshot.from_levels([[50_000.0, 5], [49_990.0, 7]], [[50_010.0, 2]])


def test_an_inverse_contract_keeps_its_fixed_value() -> None:
    grid = BookGrid(Decimal("0.1"), Decimal(1), contract_size=100.0, kind="inverse")
    book = in_base_units(CONTRACTS, grid.contract_size, grid.kind)
    depth = depth_bps(book, 100)
    assert depth.bid_quote == pytest.approx(1_200.0, rel=1e-12)
    assert depth.ask_quote == pytest.approx(200.0, rel=1e-12)
    assert book.mid == CONTRACTS.mid


def test_a_linear_contract_is_so_many_coins() -> None:
    assert in_base_units(CONTRACTS, 0.01, "linear").bids[:, 1].tolist() == [0.05, 0.07]


def test_base_units_stay_the_same_object() -> None:
    assert in_base_units(CONTRACTS, 1.0, "spot") is CONTRACTS
    assert np.array_equal(CONTRACTS.bids[:, 1], [5, 7])


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_contract_without_a_size_is_refused(size: float) -> None:
    with pytest.raises(ContractError, match="contract_size"):
        in_base_units(CONTRACTS, size, "inverse")
