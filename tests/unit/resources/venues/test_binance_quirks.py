"""Forced orders of Binance as liquidation events."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import Market
from resources.venues.binance import liquidation_event

pytestmark = pytest.mark.feature("PL-FU-04")


def market(kind: Any, size: float) -> Market:
    return Market(
        "binanceusdm", "BTC/USDT:USDT", "BTCUSDT", kind, "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.001"),
        size, None, None, None, None, None, True,
    )  # fmt: skip


def order(**fields: str | int) -> dict[str, Any]:
    told = {"s": "BTCUSDT", "S": "SELL", "q": "0.5", "p": "59000", "ap": "60000", "z": "0.4", "T": 1_700_000_000_000}
    return {"e": "forceOrder", "E": 1, "o": told | fields}


def test_a_forced_sell_closed_a_long() -> None:
    event = liquidation_event(order(), market("linear", 1.0))
    assert (event.side, event.price, event.amount, event.notional_quote) == ("long", 60_000.0, 0.4, 24_000.0)
    assert event.at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert liquidation_event(order(S="BUY"), market("linear", 1.0)).side == "short"


def test_an_order_without_fill_counts_as_placed_and_inverse_contracts_are_quote() -> None:
    event = liquidation_event(order(z="0", ap="0", q="3"), market("inverse", 100.0))
    assert (event.price, event.amount, event.notional_quote) == (59_000.0, 3.0, 300.0)


@pytest.mark.parametrize(
    "fields", [{"S": "HOLD"}, {"q": "x", "z": "0"}, {"T": "x"}, {"p": "0", "ap": "0"}, {"z": "nan"}, {"z": "-1"}]
)
def test_what_cannot_be_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ContractError, match="binanceusdm:BTCUSDT"):
        liquidation_event(order(**fields), market("linear", 1.0))
    with pytest.raises(ContractError, match="forceOrder"):
        liquidation_event({}, market("linear", 1.0))
