"""Orders and fills: what is refused, and the arithmetic of steps."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.order import (
    Balance,
    Fill,
    OrderIntent,
    OrderState,
    VenuePosition,
    floor_to_step,
    passive_price,
    unique_fills,
)

pytestmark = pytest.mark.feature("ET-SG-01", "ET-SG-07")
AT = datetime(2024, 5, 1, tzinfo=UTC)
ONE = Decimal(1)
LIMIT: dict[str, Any] = {
    "client_id": "a1",
    "venue_symbol": "BTCUSDT",
    "side_sign": 1,
    "order_type": "limit",
    "amount": ONE,
    "limit_price": ONE,
}
FILL = Fill("v", "S", "7", "8", None, 1, ONE, Decimal(10), Decimal("0.01"), "USDT", False, AT)
STATE = OrderState("v", "S", "a1", "8", 1, "partial", Decimal(3), ONE, Decimal(10), None, Decimal(10), False, AT)

steps = st.integers(0, 8).map(lambda places: Decimal(1).scaleb(-places))
prices = st.integers(1, 10**12).map(lambda units: Decimal(units).scaleb(-6))


def test_a_whole_intent_tells_its_terms_and_value() -> None:
    intent = OrderIntent(**LIMIT)
    assert (intent.conditional, intent.terms, intent.valuation_price) == (False, "GTC", ONE)
    resting = OrderIntent(**LIMIT | {"post_only": True})
    assert resting.terms == "POST_ONLY"
    stop = OrderIntent("a", "S", -1, "stop", ONE, trigger_price=Decimal(9))
    assert (stop.conditional, stop.valuation_price) == (True, Decimal(9))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"client_id": ""}, "client id"),
        ({"client_id": "x" * 129}, "client id"),
        ({"venue_symbol": ""}, "symbol"),
        ({"side_sign": 0}, "side_sign 0"),
        ({"order_type": "iceberg"}, "iceberg"),
        ({"time_in_force": "GTD"}, "GTD"),
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal("NaN")}, "amount"),
        ({"amount": 1.0}, "amount"),
        ({"limit_price": None}, "needs limit_price"),
        ({"limit_price": Decimal("-1")}, "limit_price"),
        ({"trigger_price": ONE}, "takes no trigger_price"),
        ({"reference_price": ONE}, "takes no reference_price"),
        ({"post_only": True, "time_in_force": "IOC"}, "post_only"),
        ({"order_type": "market", "limit_price": None}, "needs reference_price"),
        ({"order_type": "market", "limit_price": None, "reference_price": ONE, "time_in_force": "FOK"}, "at once"),
        ({"order_type": "stop", "limit_price": None, "trigger_price": ONE, "post_only": True}, "at once"),
        ({"order_type": "stop_limit"}, "needs trigger_price"),
    ],
)
def test_an_intent_that_means_two_things_or_none_is_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        OrderIntent(**LIMIT | fields)


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (STATE, {"venue_order_id": ""}),
        (STATE, {"filled_amount": Decimal(4)}),
        (STATE, {"amount": Decimal("NaN")}),
        (STATE, {"updated_at": datetime(2024, 5, 1)}),  # noqa: DTZ001 - the point
        (FILL, {"trade_id": ""}),
        (FILL, {"amount": Decimal(0)}),
        (FILL, {"price": Decimal("Infinity")}),
        (FILL, {"fee": Decimal("NaN")}),
        (FILL, {"fee_currency": ""}),
        (VenuePosition("v", "S", ONE, ONE, None, None), {"amount": Decimal(0)}),
    ],
)
def test_records_that_cannot_be_are_refused(record: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        replace(record, **fields)


def test_what_is_left_of_an_order_counts_only_while_it_lives() -> None:
    assert (STATE.live, STATE.open_amount) == (True, Decimal(2))
    ended = replace(STATE, status="canceled")
    assert (ended.live, ended.open_amount, ended.filled_amount) == (False, 0, ONE)
    assert Balance("v", "USDT", ONE, ONE).free == 1


@given(st.lists(st.sampled_from([replace(FILL, trade_id=str(number)) for number in range(6)])))
def test_booking_fills_again_changes_nothing(fills: list[Fill]) -> None:
    once = unique_fills(fills)
    assert unique_fills([*once, *fills]) == once
    assert {fill.key for fill in once} == {fill.key for fill in fills}
    assert sum(fill.signed_amount for fill in once) == len(once)


def test_one_key_with_two_contents_is_refused() -> None:
    with pytest.raises(ContractError, match="told twice"):
        unique_fills([FILL, replace(FILL, price=Decimal(11))])


@given(prices, steps)
def test_flooring_never_adds_and_lies_on_the_step(number: Decimal, step: Decimal) -> None:
    floored = floor_to_step(number, step)
    assert 0 <= number - floored < step
    assert floored % step == 0
    assert floor_to_step(floored, step) == floored


@given(prices, steps, st.sampled_from([1, -1]), st.sampled_from([None, 5]))
def test_prices_round_to_the_passive_side_by_less_than_a_step(
    price: Decimal, tick: Decimal, sign: Any, digits: int | None
) -> None:
    rounded = passive_price(price, sign, tick, digits)
    assert rounded % tick == 0
    assert (price - rounded) * sign >= 0, "never worse than asked"
    step = tick if digits is None else max(tick, min(Decimal(1), Decimal(1).scaleb(price.adjusted() - 4)))
    assert abs(price - rounded) < step
    if digits is not None and rounded:
        assert len(rounded.normalize().as_tuple().digits) <= 5 or rounded % 1 == 0
    assert passive_price(rounded, sign, tick, digits) == rounded if rounded else True
