"""What the adapters read out of answers, and how orders are put into a venue's figures."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidity.domain.errors import (
    ConfigError,
    ContractError,
    UnsupportedError,
    VenueRejectedError,
    VenueUnavailableError,
)
from liquidity.domain.market_data import Market
from liquidity.domain.order import OrderIntent, Unknown
from resources.venues import RetryPolicy, VenueKeys, open_order_entry, venue_profile
from resources.venues._binance_orders import BinanceDialect
from resources.venues._ccxt_client import ANSWER, Answer
from resources.venues._hyperliquid_orders import HyperliquidDialect
from resources.venues._order_outcome import created_outcome, failed_outcome
from resources.venues._order_pricing import contract_base, priced_order
from resources.venues.profile import Orders, VenueProfile, parse_profile

pytestmark = pytest.mark.feature("ET-SG-01", "ET-SG-02", "ET-SG-03")
BINANCE, HYPERLIQUID = venue_profile("binanceusdm"), venue_profile("hyperliquid")
USDM = BinanceDialect(BINANCE)
COINS = HyperliquidDialect(HYPERLIQUID)
NOW_MS = 1_700_000_000_000


def market(**fields: Any) -> Market:
    given = {
        "venue": "v",
        "symbol": "A/U:U",
        "venue_symbol": "AU",
        "kind": "linear",
        "base": "A",
        "quote": "U",
        "settle": "U",
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal(1),
        "contract_size": 0.01,
        "min_amount": 2.0,
        "min_notional": 5.0,
        "max_leverage": 20.0,
        "maker_fee_frac": None,
        "taker_fee_frac": None,
        "active": True,
    }
    return Market(**given | fields)


def rules(profile: VenueProfile) -> Orders:
    assert profile.orders is not None
    return profile.orders


PLAIN_ROW = {
    "orderId": 1,
    "clientOrderId": "a1",
    "symbol": "AU",
    "status": "NEW",
    "side": "SELL",
    "origQty": "2.5",
    "executedQty": "1",
    "price": "10",
    "stopPrice": "0",
    "avgPrice": "10.5",
    "reduceOnly": True,
    "updateTime": NOW_MS,
}
ALGO_ROW = {
    "algoId": 9,
    "clientAlgoId": "a1",
    "symbol": "AU",
    "algoStatus": "NEW",
    "side": "BUY",
    "quantity": "2.5",
    "price": "0",
    "triggerPrice": "11",
    "actualOrderId": "",
    "updateTime": NOW_MS,
}
COIN_ROW = {
    "coin": "AU",
    "side": "B",
    "limitPx": "10",
    "sz": "1.5",
    "origSz": "2.5",
    "oid": 4,
    "cloid": "0x" + "0" * 32,
    "timestamp": NOW_MS,
    "isTrigger": False,
    "triggerPx": "0.0",
    "reduceOnly": False,
}


@given(st.decimals("0.03", "90000", places=5), st.sampled_from([0.001, 0.01, 1.0, 10.0, 100.0]))
def test_base_units_turn_into_contracts_once_and_back(amount: Decimal, size: float) -> None:
    listed = market(contract_size=size, min_amount=None, min_notional=None)
    intent = OrderIntent("a1", "AU", 1, "limit", amount, limit_price=Decimal(10))
    if amount < contract_base(listed):
        with pytest.raises(ConfigError, match="rounding down"):
            priced_order(intent, listed, rules(BINANCE))
        return
    wire = Decimal(priced_order(intent, listed, rules(BINANCE)).amount)
    assert wire % listed.lot_size == 0
    assert 0 <= amount - wire * contract_base(listed) < contract_base(listed)


def test_the_least_amount_and_notional_are_checked_after_rounding_and_told_with_units() -> None:
    def priced(amount: str, price: str = "100", **fields: Any) -> Any:
        intent = OrderIntent("a1", "AU", 1, "limit", Decimal(amount), limit_price=Decimal(price), **fields)
        return priced_order(intent, market(), rules(BINANCE))

    assert priced("0.059").amount == "5"
    with pytest.raises(ConfigError, match=r"is 1 after rounding down to the lot 1; allowed from 2"):
        priced("0.019")
    with pytest.raises(ConfigError, match=r"notional 4 U, allowed from 5"):
        priced("0.04")
    assert priced("0.04", reduce_only=True).amount == "4"


def test_stops_are_rounded_away_from_the_market_and_bounds_lie_around_them() -> None:
    listed = market(contract_size=1.0, tick_size=Decimal("0.0001"), min_amount=None)
    buy = OrderIntent("a1", "AU", 1, "stop", Decimal(9), trigger_price=Decimal("55.12341"))
    sell = OrderIntent("a1", "AU", -1, "stop", Decimal(9), trigger_price=Decimal("55.12349"))
    up, down = (priced_order(intent, listed, rules(HYPERLIQUID)) for intent in (buy, sell))
    assert (up.trigger_price, up.worst_price) == ("55.124", "57.88")
    assert (down.trigger_price, down.worst_price) == ("55.123", "52.367")
    assert priced_order(buy, listed, rules(BINANCE)).worst_price is None


def test_terms_that_a_venue_lacks_are_refused() -> None:
    stop = OrderIntent(
        "a1", "AU", 1, "stop_limit", Decimal(9), limit_price=Decimal(9), trigger_price=Decimal(9), time_in_force="IOC"
    )
    assert priced_order(stop, market(), rules(BINANCE)).trigger_price == "9"
    with pytest.raises(UnsupportedError, match="stop_limit orders are GTC here, not IOC"):
        priced_order(stop, market(), rules(HYPERLIQUID))
    limit = OrderIntent("a1", "AU", 1, "limit", Decimal(9), limit_price=Decimal(9))
    with pytest.raises(UnsupportedError, match="linear contracts only, not inverse"):
        priced_order(limit, market(kind="inverse"), rules(BINANCE))


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("NEW", "open"),
        ("PARTIALLY_FILLED", "partial"),
        ("FILLED", "filled"),
        ("CANCELED", "canceled"),
        ("EXPIRED", "expired"),
        ("EXPIRED_IN_MATCH", "expired"),
        ("REJECTED", "rejected"),
    ],
)
def test_plain_orders_of_binance_are_read_exactly(told: str, status: str) -> None:
    state = USDM.order_state(PLAIN_ROW | {"status": told}, market())
    assert (state.status, state.side_sign, state.amount, state.filled_amount) == (status, -1, Decimal("2.5"), 1)
    assert (state.limit_price, state.trigger_price, state.average_price) == (10, None, Decimal("10.5"))
    assert (state.client_id, state.venue_order_id, state.reduce_only) == ("a1", "1", True)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("NEW", "untriggered"),
        ("TRIGGERING", "triggered"),
        ("TRIGGERED", "triggered"),
        ("CANCELED", "canceled"),
        ("EXPIRED", "expired"),
        ("REJECTED", "rejected"),
    ],
)
def test_conditional_orders_of_binance_are_read_exactly(told: str, status: str) -> None:
    state = USDM.order_state(ALGO_ROW | {"algoStatus": told}, market())
    assert (state.status, state.limit_price, state.trigger_price, state.filled_amount) == (status, None, 11, 0)


@pytest.mark.parametrize(
    ("told", "fields", "status"),
    [
        ("open", {"sz": "2.5"}, "open"),
        ("open", {}, "partial"),
        ("open", {"isTrigger": True, "sz": "2.5"}, "untriggered"),
        ("triggered", {"isTrigger": True}, "triggered"),
        ("filled", {"sz": "0.0"}, "filled"),
        ("canceled", {}, "canceled"),
        ("marginCanceled", {}, "canceled"),
        ("scheduledCancel", {}, "canceled"),
        ("rejected", {"sz": "2.5"}, "rejected"),
        ("iocCancelRejected", {"sz": "2.5"}, "rejected"),
    ],
)
def test_orders_of_hyperliquid_are_read_exactly(told: str, fields: dict[str, Any], status: str) -> None:
    wrapped = {"order": COIN_ROW | fields, "status": told, "statusTimestamp": NOW_MS}
    state = COINS.order_state(wrapped, market())
    assert (state.status, state.amount) == (status, Decimal("2.5"))
    assert state.filled_amount == Decimal("2.5") - Decimal({**COIN_ROW, **fields}["sz"])


@pytest.mark.parametrize(
    ("dialect", "row"),
    [
        (USDM, PLAIN_ROW | {"status": "PENDING_NEW_THING"}),
        (USDM, PLAIN_ROW | {"side": "LONG"}),
        (USDM, PLAIN_ROW | {"origQty": "many"}),
        (USDM, {key: value for key, value in PLAIN_ROW.items() if key != "executedQty"}),
        (USDM, ALGO_ROW | {"algoStatus": "FINISHED"}),
        (USDM, {}),
        (USDM, "text"),
        (COINS, {"order": COIN_ROW, "status": "dreaming", "statusTimestamp": NOW_MS}),
        (COINS, COIN_ROW | {"side": "X"}),
        (COINS, COIN_ROW | {"oid": None}),
        (COINS, {}),
        (COINS, "text"),
        (COINS, None),
    ],
)
def test_a_row_that_cannot_be_understood_is_refused(dialect: Any, row: Any) -> None:
    with pytest.raises((VenueUnavailableError, ContractError)):
        dialect.order_state(row, market())


@pytest.mark.parametrize(
    "body",
    [
        None,
        "text",
        [],
        {},
        {"code": 200, "msg": "success"},
        {"code": "-2019"},
        {"status": "ok"},
        {"status": "ok", "response": None},
        {"status": "ok", "response": {"data": {"statuses": []}}},
        {"status": "ok", "response": {"data": {"statuses": [None]}}},
        {"status": "ok", "response": {"data": {"statuses": [{"resting": {"oid": 1}}]}}},
        {"status": "ok", "response": {"data": {"statuses": [{"error": "a"}, {"error": "b"}]}}},
        {"status": "ok", "response": {"data": {"statuses": ["waitingForTrigger"]}}},
    ],
)
def test_what_is_no_refusal_is_not_taken_for_one(body: Any) -> None:
    assert USDM.refused(body) is None
    assert COINS.refused(body) is None
    assert not USDM.missing(body)
    assert not COINS.missing(body)


def test_refusals_and_missing_orders_are_known_by_code_or_text() -> None:
    refused = USDM.refused({"code": -4116, "msg": "ClientOrderId is duplicated."})
    assert refused is not None
    assert refused.code == "-4116"
    assert USDM.missing({"code": -2013, "msg": ""})
    assert COINS.missing({"status": "unknownOid"})
    text = {"status": "ok", "response": {"data": {"statuses": [{"error": "Insufficient margin to place order. a=4"}]}}}
    told = COINS.refused(text)
    assert told is not None
    assert told.text.startswith("Insufficient margin")
    wallet = COINS.refused({"status": "err", "response": "User or API Wallet 0xb8 does not exist."})
    assert wallet is not None


@pytest.mark.parametrize("row", [None, "text", {}, {"resting": {}}, {"resting": "x"}, {"status": "waitingForTrigger"}])
def test_an_answer_without_an_id_names_no_order(row: Any) -> None:
    assert COINS.named(row)[0] is None
    assert USDM.named(row)[0] is None


@pytest.mark.parametrize(
    ("created", "answer", "outcome"),
    [
        ({"info": {"orderId": 5, "clientOrderId": "other"}}, None, "the answer names order other"),
        ({"info": {}}, None, "the answer names no order"),
        (None, Answer("POST", 200, {"code": -2019, "msg": ""}), "Reject"),
        ({"info": {"orderId": 5, "clientOrderId": "a1"}}, None, "Ack"),
        (None, Answer("POST", 400, {"code": -2019, "msg": ""}), "Reject"),
        (None, Answer("GET", 400, {"code": -2019, "msg": ""}), "Unknown"),
        (None, Answer("POST", 502, {"code": -2019, "msg": ""}), "Unknown"),
        (None, Answer("POST", 400, {"code": -4116, "msg": ""}), "Unknown"),
        (None, Answer("POST", 400, {"code": -1021, "msg": ""}), "Unknown"),
        (None, Answer("POST", 400, {"code": -99999, "msg": ""}), "Unknown"),
        (None, Answer("POST", 403, None), "Unknown"),
        (None, None, "Unknown"),
    ],
)
def test_only_a_listed_code_of_the_posted_request_is_final(created: Any, answer: Any, outcome: str) -> None:
    if created is None:
        judged = failed_outcome(answer, "the cause", USDM, BINANCE.errors, None)
    else:
        judged = created_outcome(created, "a1", USDM, None)
    told = judged.cause if isinstance(judged, Unknown) and created is not None else type(judged).__name__
    assert told == outcome


def test_a_fired_conditional_order_is_followed_to_the_order_it_became() -> None:
    became = PLAIN_ROW | {"orderId": 55, "clientOrderId": "the-venues-own", "side": "BUY", "symbol": "BTCUSDT"}
    asked: list[Any] = []

    async def fetch_order(number: Any, symbol: str, params: dict[str, Any]) -> Any:
        asked.append((number, params))
        if params.get("trigger"):
            return {"info": ALGO_ROW | {"algoStatus": "FINISHED", "actualOrderId": "55"}}
        if number == "55":
            return {"info": became}
        ANSWER.set(Answer("GET", 400, {"code": -2013, "msg": "Order does not exist."}))
        raise VenueRejectedError("no such order", code="-2013")

    async def run(known: bool) -> Any:
        keys = VenueKeys(api_key="key-of-tests", secret="secret-of-tests")
        once = RetryPolicy(attempts=1)
        async with open_order_entry("binanceusdm", base_url="http://127.0.0.1:1", keys=keys, retries=once) as entry:
            listed = market(venue="binanceusdm", venue_symbol="BTCUSDT", contract_size=1.0)
            entry._client.timeout_on_exit = 0

            async def found(*_: Any) -> tuple[Market, str]:
                return listed, "BTC/USDT:USDT"

            async def clock(*_: Any) -> None:
                return None

            entry._market, entry._keep_clock, entry._client.fetch_order = found, clock, fetch_order  # type: ignore[method-assign,assignment]
            if not known:
                became.clear()
            return await entry.lookup("a1", "BTCUSDT")

    state = asyncio.run(run(True))
    assert (state.client_id, state.venue_order_id, state.trigger_price) == ("a1", "55", 11)
    assert [number for number, _ in asked] == [None, None, "55"]
    with pytest.raises(VenueUnavailableError):
        asyncio.run(run(False))


def test_a_position_of_hedge_mode_is_refused_and_a_flat_one_left_out() -> None:
    row = {"positionAmt": "0", "entryPrice": "0", "unRealizedProfit": "0", "positionSide": "BOTH"}
    assert USDM.position(row, market()) is None
    with pytest.raises(VenueUnavailableError, match="hedge mode"):
        USDM.position(row | {"positionSide": "LONG"}, market())
    assert COINS.position({"position": {"szi": "0.0"}}, market()) is None


def test_numbers_of_requests_rise_within_one_millisecond() -> None:
    from resources.venues._ccxt_client import build_client

    async def run() -> None:
        client = build_client(HYPERLIQUID, base_url="http://127.0.0.1:1")
        try:
            numbers = [client.milliseconds() for _ in range(500)]
        finally:
            await client.close()
        assert len(set(numbers)) == 500
        assert numbers == sorted(numbers)

    asyncio.run(run())


def test_a_window_that_differs_from_the_expiry_is_refused() -> None:
    text = 'venue = "x"\ntitle = "X"\nkinds = ["linear"]\nemulator_path = "/x"\nrate_limit_note = "n"\n'
    parts = BINANCE.model_dump()
    with pytest.raises(ConfigError):
        parse_profile("x", text)
    with pytest.raises(ValueError, match="recvWindow"):
        VenueProfile.model_validate(parts | {"request_expiry_ms": 4000})
