"""Dispersion of trades around a valuation."""

import pytest

from liquidity.domain.errors import ContractError
from liquidity.measures.trades import PriceDispersion, price_dispersion


def test_around_a_valuation_and_around_the_average_price() -> None:
    assert price_dispersion([99.0, 101.0], [1.0, 1.0], 100.0) == PriceDispersion(1.0, 100.0)
    assert price_dispersion([99.0, 101.0], [3.0, 1.0], None).dispersion == pytest.approx((3 * 0.25 + 2.25) ** 0.5 / 2)


def test_trades_without_price_or_size_are_left_out() -> None:
    assert price_dispersion([99.0, None, 101.0, 500.0], [1.0, 9.0, 1.0, 0.0], 100.0) == PriceDispersion(1.0, 100.0)


def test_nothing_usable_is_missing() -> None:
    nothing = PriceDispersion(None, None)
    assert price_dispersion([], [], 100.0) == nothing
    assert price_dispersion([99.0], [0.0], None) == nothing
    assert price_dispersion([99.0], [1.0], 0.0) == nothing


def test_lengths_must_agree() -> None:
    with pytest.raises(ContractError, match="1 prices but 2"):
        price_dispersion([1.0], [1.0, 2.0], None)
