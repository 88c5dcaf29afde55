"""One suite for every venue that takes orders: what the order port promises, against the emulator's own ledger."""

import asyncio
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from liquidity.domain.errors import (
    ConfigError,
    LiquidityError,
    UnsupportedError,
    VenueAuthError,
    VenueRejectedError,
    VenueUnavailableError,
)
from liquidity.domain.order import Ack, Fill, OrderIntent, OrderState, Reject, Unknown
from liquidity.ports.order_entry import OrderEntry
from liquidity_service.emulator.binance_orders import API_KEY, API_SECRET, BinanceOrders
from liquidity_service.emulator.faults import Fault, RouteFault
from liquidity_service.emulator.generated import GeneratedMarket
from liquidity_service.emulator.ledger import Ledger
from liquidity_service.emulator.server import Emulator
from resources.venues import RetryPolicy, VenueKeys, client_id, open_order_entry, venue_profile
from resources.venues.positions import close_position, list_positions, open_position, reduce_position


@dataclass(frozen=True)
class Case:
    symbols: tuple[str, str]
    keys: VenueKeys
    route: str  # of a create request
    tick: Decimal
    lot: Decimal
    margin: str  # code of a refusal for lack of margin


CASES = {
    "binanceusdm": Case(
        ("BTCUSDT", "ETHUSDT"),
        VenueKeys(api_key=API_KEY, secret=API_SECRET),
        "POST */v1/order",
        Decimal("0.1"),
        Decimal("0.001"),
        "-2019",
    ),
    "hyperliquid": Case(
        ("BTC", "ETH"),
        VenueKeys(wallet="0x" + "1" * 40, private_key="0x" + "5a" * 32),
        "POST /hl/exchange",
        Decimal(1),
        Decimal("0.00001"),
        "Insufficient margin to place order",
    ),
}
pytestmark = [
    pytest.mark.feature("ET-SG-01", "ET-SG-02", "ET-SG-03"),
    pytest.mark.parametrize("name", list(CASES)),
]
PATIENT = RetryPolicy(attempts=4, first_wait_s=0.02, longest_wait_s=0.1)
AMOUNT = Decimal("0.02")


class Desk:
    """An entry, its emulator, and fresh order ids."""

    def __init__(self, name: str, entry: Any, emulator: Emulator) -> None:
        self.name, self.entry, self.emulator = name, entry, emulator
        self.case = CASES[name]
        self.symbol = self.case.symbols[0]
        self._numbers = itertools.count()

    @property
    def ledger(self) -> Ledger:
        ledger: Ledger = self.emulator.venues[self.name].orders.ledger  # type: ignore[attr-defined]
        return ledger

    def mid(self, symbol: str | None = None) -> Decimal:
        mid = self.emulator.book(symbol or self.symbol).mid()
        assert mid is not None
        return mid

    def new_id(self) -> str:
        number = next(self._numbers)
        return client_id(
            venue_profile(self.name), mode="replay", account="suite", plan="p", slice_number=number, attempt=0
        )

    def order(self, sign: Any, kind: Any = "market", amount: Decimal = AMOUNT, **fields: Any) -> OrderIntent:
        if kind == "market":
            fields["reference_price"] = self.mid()
        return OrderIntent(self.new_id(), self.symbol, sign, kind, amount, **fields)

    def rest(self, sign: Any = 1, **fields: Any) -> OrderIntent:
        return self.order(sign, "limit", limit_price=self.mid() - sign * 100 * self.case.tick, **fields)

    def held(self, symbol: str | None = None) -> Decimal:
        return self.ledger.position(symbol or self.symbol).quantity

    def creates(self) -> int:
        """Create requests that reached the venue."""
        return sum(
            request.method == "POST"
            and (
                request.path.endswith(("/v1/order", "/v1/algoOrder"))
                or request.params.get("action", {}).get("type") == "order"
            )
            for request in self.emulator.journal.requests
        )

    async def until_fired(self, client_id: str) -> OrderState:
        for _ in range(400):
            state = await self.entry.lookup(client_id, self.symbol)
            assert state is not None
            if state.status != "untriggered":
                return state
            await self.emulator.advance(5)
        raise AssertionError("never fired")


def at_venue(
    name: str,
    act: Callable[[Desk], Awaitable[None]],
    *,
    faults: Sequence[Fault] = (),
    seed: int = 3,
    timeout_ms: int = 10_000,
) -> None:
    async def run() -> None:
        tape = GeneratedMarket(seed=seed, symbols=CASES[name].symbols, move_share=1.0)
        async with (
            Emulator(name, tape, speed=0, faults=faults, seed=seed) as emulator,
            open_order_entry(name, base_url=emulator.url, keys=CASES[name].keys, retries=PATIENT) as entry,
        ):
            entry._client.enableRateLimit, entry._client.timeout_on_exit = False, 0
            entry._client.timeout = timeout_ms
            desk = Desk(name, entry, emulator)
            await act(desk)
            desk.ledger.audit()

    asyncio.run(run())


async def acked(desk: Desk, intent: OrderIntent) -> OrderState:
    outcome = await desk.entry.submit(intent)
    assert isinstance(outcome, Ack), outcome
    assert outcome.state is not None
    assert outcome.state.venue_order_id == outcome.venue_order_id
    assert outcome.state.client_id == intent.client_id
    return outcome.state


def test_an_acked_order_is_read_back_and_equals_the_ledger(name: str) -> None:
    async def act(desk: Desk) -> None:
        entry: OrderEntry = desk.entry
        state = await acked(desk, desk.order(1))
        kept = desk.ledger.orders[int(state.venue_order_id)]
        assert (state.status, state.filled_amount) == ("filled", kept.filled) == ("filled", AMOUNT)
        (position,) = await entry.positions()
        assert (position.amount, position.entry_price) == (AMOUNT, desk.ledger.position(desk.symbol).entry_price)
        assert position.unrealised_profit == desk.ledger.unrealised(desk.symbol)
        (money,) = await entry.balances()
        assert money.free == desk.ledger.free()
        assert money.equity == desk.ledger.cash + desk.ledger.unrealised(desk.symbol)
        assert abs((await entry.clock_offset()).offset_ms) < 1000

    at_venue(name, act)


def test_open_orders_list_plain_and_conditional_ones_of_every_symbol(name: str) -> None:
    async def act(desk: Desk) -> None:
        resting = await acked(desk, desk.rest())
        stop = await acked(desk, desk.order(-1, "stop", trigger_price=desk.mid() - 200))
        desk.symbol = desk.case.symbols[1]
        other = await acked(desk, desk.rest(amount=Decimal("0.5")))
        everything = await desk.entry.open_orders()
        assert {order.client_id for order in everything} == {resting.client_id, stop.client_id, other.client_id}
        assert [order.client_id for order in await desk.entry.open_orders(desk.symbol)] == [other.client_id]
        assert {order.status for order in everything} == {"open", "untriggered"}

    at_venue(name, act)


@pytest.mark.feature("ET-SG-07")
def test_a_limit_order_rests_and_one_through_the_book_fills_at_its_price_or_better(name: str) -> None:
    async def act(desk: Desk) -> None:
        resting = await acked(desk, desk.rest())
        assert (resting.status, resting.filled_amount, resting.open_amount) == ("open", 0, AMOUNT)
        limit = desk.mid() + 50 * desk.case.tick
        crossing = await acked(desk, desk.order(1, "limit", limit_price=limit))
        assert crossing.status == "filled"
        fills = await desk.entry.fills(datetime.now(UTC) - timedelta(minutes=5), desk.symbol)
        assert all(fill.price <= limit and not fill.maker for fill in fills)
        assert sum(fill.amount for fill in fills) == AMOUNT == desk.held()

    at_venue(name, act)


@pytest.mark.feature("ET-SG-07")
@pytest.mark.parametrize("sign", [1, -1])
def test_a_stop_fires_when_the_market_reaches_it_and_not_before(name: str, sign: Any) -> None:
    async def act(desk: Desk) -> None:
        trigger = desk.mid() + sign * 3 * desk.case.tick
        intent = desk.order(sign, "stop", trigger_price=trigger)
        state = await acked(desk, intent)
        assert (state.status, state.trigger_price) == (
            "untriggered",
            desk.ledger.orders[int(state.venue_order_id)].trigger_price,
        )
        assert (state.trigger_price - trigger) * sign >= 0, "never fires before the price it was given"
        assert desk.held() == 0
        fired = await desk.until_fired(intent.client_id)
        assert (fired.status, fired.filled_amount, fired.client_id) == ("filled", AMOUNT, intent.client_id)
        assert desk.held() == sign * AMOUNT

    at_venue(name, act)


@pytest.mark.feature("ET-SG-07")
def test_a_stop_that_would_fire_at_once_is_refused(name: str) -> None:
    async def act(desk: Desk) -> None:
        outcome = await desk.entry.submit(desk.order(1, "stop", trigger_price=desk.mid() - 100))
        assert isinstance(outcome, Reject)
        assert outcome.code in ("-2021", "Invalid TP/SL price")
        assert not desk.ledger.orders

    at_venue(name, act)


@pytest.mark.feature("ET-SG-07")
def test_a_stop_limit_becomes_a_limit_order_that_keeps_its_price(name: str) -> None:
    async def act(desk: Desk) -> None:
        tick = desk.case.tick
        trigger, limit = desk.mid() + 3 * tick, desk.mid() - 400 * tick
        intent = desk.order(1, "stop_limit", trigger_price=trigger, limit_price=limit)
        assert (await acked(desk, intent)).status == "untriggered"
        fired = await desk.until_fired(intent.client_id)
        assert fired.status == "open", "far below the market it rests"
        assert fired.limit_price is not None
        assert 0 <= limit - fired.limit_price < tick
        cancelled = await desk.entry.cancel(intent.client_id, desk.symbol)
        assert cancelled.status == "canceled"
        assert desk.held() == 0

    at_venue(name, act)


@pytest.mark.feature("ET-SG-07")
def test_reduce_only_never_passes_through_zero(name: str) -> None:
    async def act(desk: Desk) -> None:
        flat = await desk.entry.submit(desk.order(-1, reduce_only=True))
        assert isinstance(flat, Reject)
        assert flat.code in ("-2022", "Reduce only order would increase position")
        await acked(desk, desk.order(1))
        more = await desk.entry.submit(desk.order(1, reduce_only=True))
        assert isinstance(more, Reject)
        state = await acked(desk, desk.order(-1, amount=3 * AMOUNT, reduce_only=True))
        assert state.filled_amount == AMOUNT
        assert state.reduce_only
        assert not state.live
        assert desk.held() == 0
        assert await desk.entry.positions() == ()

    at_venue(name, act)


@pytest.mark.feature("ET-SG-07")
def test_post_only_is_refused_where_it_would_take_and_rests_where_not(name: str) -> None:
    async def act(desk: Desk) -> None:
        outcome = await desk.entry.submit(
            desk.order(1, "limit", limit_price=desk.mid() + 50 * desk.case.tick, post_only=True)
        )
        assert isinstance(outcome, Reject)
        assert outcome.code in ("-5022", "Post only order would have immediately matched")
        assert (await acked(desk, desk.rest(post_only=True))).status == "open"
        assert desk.held() == 0

    at_venue(name, act)


@pytest.mark.feature("ET-SG-07")
def test_immediate_or_cancel_takes_what_is_there_and_leaves_nothing(name: str) -> None:
    async def act(desk: Desk) -> None:
        price, size = desk.emulator.book(desk.symbol).best("asks") or (Decimal(0), Decimal(0))
        state = await acked(desk, desk.order(1, "limit", amount=size + AMOUNT, limit_price=price, time_in_force="IOC"))
        assert state.filled_amount == size == desk.held()
        assert state.status in ("expired", "canceled")
        assert await desk.entry.open_orders() == ()

    at_venue(name, act)


@pytest.mark.feature("ET-SG-07")
def test_fill_or_kill_takes_all_or_nothing_where_offered(name: str) -> None:
    async def act(desk: Desk) -> None:
        price, size = desk.emulator.book(desk.symbol).best("asks") or (Decimal(0), Decimal(0))
        too_much = desk.order(1, "limit", amount=size + AMOUNT, limit_price=price, time_in_force="FOK")
        if "FOK" not in desk.entry.facts.terms:
            with pytest.raises(UnsupportedError, match="FOK"):
                await desk.entry.submit(too_much)
            assert desk.creates() == 0
            return
        outcome = await desk.entry.submit(too_much)
        assert isinstance(outcome, Reject)
        assert outcome.code == "-5021"
        state = await acked(desk, desk.order(1, "limit", amount=size, limit_price=price, time_in_force="FOK"))
        assert state.filled_amount == size == desk.held()

    at_venue(name, act)


FAULTS = {
    "late answer": ("delay", {"delay_s": 1.0}),
    "dropped": ("drop", {}),
    "503": ("status", {"status": 503}),
    "-1007": ("status", {"status": 408, "code": -1007}),
    "-2019 behind a 500": ("status", {"status": 500, "code": -2019}),
    "400 no JSON": ("status", {"status": 400}),
    "403 no JSON": ("status", {"status": 403}),
    "404 no JSON": ("status", {"status": 404}),
    "HTML 200": ("html", {}),
    "broken JSON 200": ("garbage", {}),
    "null 200": ("null", {}),
    "429": ("limit", {}),
}


@pytest.mark.feature("ET-SG-05")
@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("fault", list(FAULTS))
def test_what_is_no_certain_answer_is_unknown_and_the_lookup_tells_the_truth(name: str, fault: str, phase: Any) -> None:
    kind, fields = FAULTS[fault]

    async def act(desk: Desk) -> None:
        intent = desk.order(1)
        before = datetime.now(UTC)
        outcome = await desk.entry.submit(intent)
        assert isinstance(outcome, Unknown), outcome
        assert outcome.cause
        if desk.entry.facts.request_expiry_ms is None:
            assert outcome.expires_at is None
        else:
            expiry = timedelta(milliseconds=desk.entry.facts.request_expiry_ms)
            assert before + expiry - timedelta(seconds=1) < outcome.expires_at < datetime.now(UTC) + expiry
        if kind == "delay":
            await asyncio.sleep(0.7)
        state = await desk.entry.lookup(intent.client_id, desk.symbol)
        kept = desk.ledger.find(client_id=intent.client_id)
        assert (state is not None) == (kept is not None) == (phase == "after" or kind == "delay")
        if state is not None and kept is not None:
            assert (state.status, state.filled_amount) == ("filled", kept.filled)
        assert desk.creates() == 1
        with pytest.raises(ConfigError, match="sent already"):
            await desk.entry.submit(intent)
        assert desk.creates() == 1

    at_venue(
        name,
        act,
        faults=[RouteFault(kind, route=CASES[name].route, phase=phase, **fields)],  # type: ignore[arg-type]
        timeout_ms=500 if kind == "delay" else 10_000,
    )


def test_a_refusal_that_the_profile_lists_is_final_and_nothing_is_kept(name: str) -> None:
    async def act(desk: Desk) -> None:
        outcome = await desk.entry.submit(desk.rest(amount=Decimal(5000)))
        assert isinstance(outcome, Reject)
        assert outcome.code == desk.case.margin
        assert not desk.ledger.orders

    at_venue(name, act)


def test_the_same_id_from_another_process_is_unknown_and_found(name: str) -> None:
    async def act(desk: Desk) -> None:
        intent = desk.rest()
        await acked(desk, intent)
        async with open_order_entry(name, base_url=desk.emulator.url, keys=desk.case.keys, retries=PATIENT) as other:
            other._client.enableRateLimit, other._client.timeout_on_exit = False, 0
            assert isinstance(await other.submit(intent), Unknown)
            found = await other.lookup(intent.client_id, desk.symbol)
        assert found is not None
        assert found.status == "open"
        assert len(desk.ledger.orders) == 1

    at_venue(name, act)


def test_a_failed_read_after_an_ack_leaves_the_ack(name: str) -> None:
    route = "GET */v1/order" if name == "binanceusdm" else "POST /hl/info"
    # Hyperliquid's reads share one route: the first three load its markets and set the clock.
    first = 1 if name == "binanceusdm" else 5

    async def act(desk: Desk) -> None:
        await desk.entry.markets()
        outcome = await desk.entry.submit(desk.order(1))
        assert isinstance(outcome, Ack)
        assert desk.creates() == 1
        assert desk.held() == AMOUNT

    at_venue(name, act, faults=[RouteFault("status", route=route, first=first, times=0)])


def test_cancelling_keeps_the_filled_part_and_twice_changes_nothing(name: str) -> None:
    async def act(desk: Desk) -> None:
        price, size = desk.emulator.book(desk.symbol).best("asks") or (Decimal(0), Decimal(0))
        intent = desk.order(1, "limit", amount=size + AMOUNT, limit_price=price)
        assert (await acked(desk, intent)).status == "partial"
        first = await desk.entry.cancel(intent.client_id, desk.symbol)
        assert (first.status, first.filled_amount) == ("canceled", size)
        assert await desk.entry.cancel(intent.client_id, desk.symbol) == first
        assert await desk.entry.cancel(desk.new_id(), desk.symbol) is None
        assert desk.held() == size

    at_venue(name, act)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_cancel_whose_answer_was_lost_is_verified_by_a_read(name: str, phase: Any) -> None:
    route, first = ("DELETE */v1/order", 1) if name == "binanceusdm" else ("POST /hl/exchange", 2)

    async def act(desk: Desk) -> None:
        intent = desk.rest()
        await acked(desk, intent)
        if phase == "before":
            with pytest.raises(VenueUnavailableError):
                await desk.entry.cancel(intent.client_id, desk.symbol)
        again = await desk.entry.cancel(intent.client_id, desk.symbol)
        assert again.status == "canceled"

    at_venue(name, act, faults=[RouteFault("status", route=route, phase=phase, first=first)])


def test_cancel_all_ends_every_order_of_one_symbol_only(name: str) -> None:
    async def act(desk: Desk) -> None:
        for _ in range(3):
            await acked(desk, desk.rest())
        await acked(desk, desk.order(-1, "stop", trigger_price=desk.mid() - 200))
        first, desk.symbol = desk.symbol, desk.case.symbols[1]
        other = await acked(desk, desk.rest(amount=Decimal("0.5")))
        assert await desk.entry.cancel_all(first) == ()
        assert await desk.entry.cancel_all(first) == ()
        assert [order.client_id for order in await desk.entry.open_orders()] == [other.client_id]

    at_venue(name, act)


def test_fills_are_exact_deduplicated_over_pages_and_sum_to_the_position(name: str) -> None:
    async def act(desk: Desk) -> None:
        since = datetime.now(UTC) - timedelta(days=15)
        for number in range(8):
            await acked(desk, desk.order(1 if number % 3 else -1, amount=5 * desk.case.lot * (number + 40)))
            await asyncio.sleep(0.003)
        desk.entry._orders = desk.entry._orders.model_copy(update={"fill_page": max(3, len(desk.ledger.fills) // 3)})
        fills = await desk.entry.fills(since, desk.symbol)
        assert await desk.entry.fills(since, desk.symbol) == fills
        assert [fill.trade_id for fill in fills] == [str(kept.fill_id) for kept in desk.ledger.fills]
        for fill, kept in zip(fills, desk.ledger.fills, strict=True):
            assert (fill.amount, fill.price, fill.fee, fill.maker) == (
                kept.quantity,
                kept.price,
                kept.fee,
                kept.maker,
            )
            assert fill.at == datetime.fromtimestamp(kept.at_ms / 1000, UTC)
        assert sum(fill.signed_amount for fill in fills) == desk.held()
        assert len({fill.key for fill in fills}) == len(fills)
        assert {type(fill) for fill in fills} == {Fill}
        assert await desk.entry.fills(since, desk.case.symbols[1]) == ()

    at_venue(name, act)


def test_a_page_full_of_one_millisecond_is_refused_rather_than_cut(name: str) -> None:
    async def act(desk: Desk) -> None:
        await acked(desk, desk.order(1, amount=Decimal(12)))
        assert len(desk.ledger.fills) > 2
        at_ms = desk.ledger.fills[0].at_ms
        desk.entry._orders = desk.entry._orders.model_copy(update={"fill_page": 2})
        with pytest.raises(VenueUnavailableError, match="cannot tell the rest"):
            await desk.entry.fills(datetime.fromtimestamp(at_ms / 1000, UTC), desk.symbol)

    at_venue(name, act)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"amount": Decimal("0.000001")}, "after rounding down to the lot"),
        ({"amount": Decimal("0.00001"), "limit_price": Decimal(100)}, "allowed from"),
        ({"limit_price": Decimal("0.0000001")}, "rounds to 0"),
        ({"client_id": "Ünfit id"}, "none of the venue's form"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason_before_anything_is_sent(
    name: str, fields: dict[str, Any], told: str
) -> None:
    async def act(desk: Desk) -> None:
        made = {
            "client_id": desk.new_id(),
            "venue_symbol": desk.symbol,
            "side_sign": 1,
            "order_type": "limit",
            "amount": AMOUNT,
            "limit_price": desk.mid(),
        } | fields
        with pytest.raises(ConfigError, match=told):
            await desk.entry.submit(OrderIntent(**made))
        assert desk.creates() == 0

    at_venue(name, act)


def test_amounts_are_floored_and_prices_rounded_to_the_passive_side_on_the_wire(name: str) -> None:
    async def act(desk: Desk) -> None:
        lot, tick = desk.case.lot, desk.case.tick
        price = (desk.mid() // tick) * tick
        for sign, expected in ((1, price - 200 * tick), (-1, price + 200 * tick)):
            intent = desk.order(
                sign, "limit", amount=20 * lot + lot * Decimal("0.9") + 1, limit_price=expected + sign * tick / 2
            )
            state = await acked(desk, intent)
            kept = desk.ledger.orders[int(state.venue_order_id)]
            assert (kept.quantity, kept.price) == (20 * lot + 1, expected)
            assert (state.amount, state.limit_price) == (kept.quantity, kept.price)

    at_venue(name, act)


def test_leverage_is_asked_for_once_and_read_back(name: str) -> None:
    async def act(desk: Desk) -> None:
        before = await desk.entry.account_terms(desk.symbol)
        assert (before.leverage, before.margin_mode, before.position_mode) == (20, "cross", "one_way")
        after = await desk.entry.set_leverage(desk.symbol, 7)
        assert after.leverage == 7 == desk.ledger.leverage[desk.symbol]
        assert after.margin_mode == "cross"
        with pytest.raises(ConfigError, match="leverage 0"):
            await desk.entry.set_leverage(desk.symbol, 0)

    at_venue(name, act)


def test_a_leverage_whose_answer_was_lost_is_not_asked_for_again(name: str) -> None:
    route = "POST */v1/leverage" if name == "binanceusdm" else "POST /hl/exchange"

    async def act(desk: Desk) -> None:
        with pytest.raises(VenueUnavailableError):
            await desk.entry.set_leverage(desk.symbol, 7)
        asked = [request for request in desk.emulator.journal.requests if "everage" in str(request)]
        assert sum(request.method == "POST" and "activeAsset" not in str(request) for request in asked) == 1
        assert (await desk.entry.account_terms(desk.symbol)).leverage == 7

    at_venue(name, act, faults=[RouteFault("drop", route=route, phase="after")])


def test_an_account_in_hedge_mode_is_not_traded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = BinanceOrders.routes
    monkeypatch.setattr(
        BinanceOrders,
        "routes",
        lambda self: routes(self) | {("GET", "v1/positionSide/dual"): lambda _: {"dualSidePosition": True}},
    )

    async def act(desk: Desk) -> None:
        if name == "hyperliquid":  # the venue has no such mode
            assert (await desk.entry.account_terms(desk.symbol)).position_mode == "one_way"
            return
        with pytest.raises(ConfigError, match="hedge mode"):
            await desk.entry.submit(desk.order(1))
        assert desk.creates() == 0
        assert (await desk.entry.account_terms(desk.symbol)).position_mode == "hedge"

    at_venue(name, act)


@pytest.mark.feature("ET-SG-05")
def test_a_refused_clock_is_unknown_and_the_next_call_sets_it(name: str) -> None:
    async def act(desk: Desk) -> None:
        times = ("GET", "/fapi/v1/time") if name == "binanceusdm" else ("POST", "/hl/info")
        await desk.entry.positions()
        intent = desk.order(1)
        assert isinstance(await desk.entry.submit(intent), Unknown)
        before = desk.emulator.journal.count(*times)
        assert await desk.entry.lookup(intent.client_id, desk.symbol) is None
        assert desk.emulator.journal.count(*times) == before + 1

    at_venue(name, act, faults=[RouteFault("status", route=CASES[name].route, status=400, code=-1021)])


@pytest.mark.feature("ET-SG-05")
def test_two_tasks_with_one_id_send_it_once(name: str) -> None:
    async def act(desk: Desk) -> None:
        intent = desk.order(1)
        outcomes = await asyncio.gather(*(desk.entry.submit(intent) for _ in range(4)), return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Ack", *["ConfigError"] * 3]
        assert desk.creates() == 1
        assert desk.held() == AMOUNT

    at_venue(name, act)


@pytest.mark.feature("ET-SG-05")
def test_a_task_cancelled_on_the_way_leaves_an_id_that_is_looked_up_not_sent_again(name: str) -> None:
    async def act(desk: Desk) -> None:
        intent = desk.order(1)
        task = asyncio.create_task(desk.entry.submit(intent))
        while not desk.creates() and desk.ledger.find(client_id=intent.client_id) is None:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        state = await desk.entry.lookup(intent.client_id, desk.symbol)
        assert state is not None
        assert state.status == "filled"
        with pytest.raises(ConfigError, match="sent already"):
            await desk.entry.submit(intent)

    late = RouteFault("delay", route=CASES[name].route, phase="after", delay_s=0.5)
    at_venue(name, act, faults=[late])


def test_no_side_request_changes_the_account(name: str) -> None:
    async def act(desk: Desk) -> None:
        await acked(desk, desk.order(1))
        writes = [request for request in desk.emulator.journal.requests if request.method != "GET"]
        writes = [request for request in writes if request.path != "/hl/info"]
        assert len(writes) == 1
        if name == "hyperliquid":
            action = writes[0].params["action"]
            assert action["type"] == "order"
            assert "builder" not in action
        else:
            assert writes[0].params["recvWindow"] == str(desk.entry.facts.request_expiry_ms)

    at_venue(name, act)


@pytest.mark.parametrize("url", [None, "https://fapi.binance.com", "http://10.0.0.7:80", "http://127.0.0.1.evil.org"])
def test_there_is_no_way_to_a_real_venue(name: str, url: str | None) -> None:
    with pytest.raises(ConfigError, match="Live trading is off"):
        open_order_entry(name, base_url=url, keys=CASES[name].keys)


def test_a_missing_key_is_told_at_once(name: str) -> None:
    with pytest.raises(VenueAuthError, match="VenueKeys"):
        open_order_entry(name, base_url="http://127.0.0.1:1", keys=VenueKeys())


def test_no_secret_is_logged_raised_or_shown(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def act(desk: Desk) -> None:
        shown = [repr(desk.entry), repr(desk.case.keys)]
        shown.append(repr(await desk.entry.submit(desk.order(1))))
        for call in (desk.entry.positions(), desk.entry.cancel_all(desk.symbol)):
            with pytest.raises(LiquidityError) as raised:
                await call
            assert raised.value.__cause__ is None
            assert raised.value.__context__ is None
            shown.append(f"{raised.value} {raised.value!r}")
        shown += [record.getMessage() for record in caplog.records]
        for text in shown:
            assert not [secret for secret in desk.case.keys.secrets if secret in text]
            assert "signature=" not in text.replace("signature=**********", "")

    route = "*" if name == "hyperliquid" else "* /bn/fapi/*"

    async def warm(desk: Desk) -> None:
        await desk.entry.markets()
        await acked(desk, desk.order(1))
        desk.emulator.plan.faults = (RouteFault("status", route=route, times=0),)
        await act(desk)

    with caplog.at_level(logging.DEBUG):
        at_venue(name, warm)


@pytest.mark.slow
@pytest.mark.feature("ET-SG-06")
@pytest.mark.parametrize("faulty", [False, True])
def test_positions_equal_the_ledger_after_each_of_200_random_steps(name: str, faulty: bool) -> None:
    route = CASES[name].route
    faults = [
        RouteFault("drop", route=route, phase="before", times=0, probability=0.06),
        RouteFault("status", route=route, phase="after", times=0, probability=0.06),
    ]

    async def act(desk: Desk) -> None:
        draw, entry, seen = random.Random(11), desk.entry, set()
        for number in range(200):
            symbol = draw.choice(desk.case.symbols)
            held = desk.held(symbol)
            amount = Decimal(draw.randint(20, 900)) / (10_000 if symbol == desk.case.symbols[0] else 1000)
            price = desk.mid(symbol)
            kind = draw.choice(["open", "open", "reduce", "close", "list"])
            if kind == "list" or (kind != "open" and not held):
                listed = await list_positions(entry)
                assert kind == "list" or symbol not in [position.venue_symbol for position in listed]
            elif kind == "open":
                sign = draw.choice([1, -1])
                if held * sign < 0:
                    with pytest.raises(ConfigError, match="reduce or close"):
                        await open_position(entry, desk.new_id(), symbol, sign, amount, price)
                    continue
                step = await open_position(entry, desk.new_id(), symbol, sign, amount, price)
                if step.order is not None:
                    assert step.position_amount == held + sign * step.order.filled_amount
            elif kind == "reduce":
                step = await reduce_position(entry, desk.new_id(), symbol, amount, price)
                assert abs(step.position_amount) <= abs(held)
            else:
                step = await close_position(entry, desk.new_id(), symbol, price)
                assert step.position_amount == 0 or step.order is None
            if kind != "list" and (kind == "open" or held):
                seen.add(type(step.outcome))
                assert step.position_amount == desk.held(symbol)
                assert step.resolved or (faulty and step.order is None)
            told = {position.venue_symbol: position for position in await list_positions(entry)}
            kept = {name: held for name, held in desk.ledger.positions.items() if held.quantity}
            assert {name: p.amount for name, p in told.items()} == {name: p.quantity for name, p in kept.items()}
            assert all(told[name].entry_price == kept[name].entry_price for name in kept)
            if number % 5 == 0:
                await desk.emulator.advance(2)
        since = datetime.now(UTC) - timedelta(hours=1)
        for symbol in desk.case.symbols:
            assert sum(fill.signed_amount for fill in await entry.fills(since, symbol)) == desk.held(symbol)
        assert seen == ({Ack, Unknown} if faulty else {Ack})

    at_venue(name, act, faults=faults if faulty else ())


def test_a_venue_without_orders_says_so(name: str) -> None:
    with pytest.raises(UnsupportedError, match="orders are not offered"):
        open_order_entry("kraken", base_url="http://127.0.0.1:1", keys=CASES[name].keys)


def test_a_position_that_is_not_there_cannot_be_reduced_or_closed(name: str) -> None:
    async def act(desk: Desk) -> None:
        with pytest.raises(ConfigError, match="no position to close"):
            await close_position(desk.entry, desk.new_id(), desk.symbol, desk.mid())
        with pytest.raises(ConfigError, match="no position to reduce"):
            await reduce_position(desk.entry, desk.new_id(), desk.symbol, AMOUNT, desk.mid())
        assert desk.creates() == 0

    at_venue(name, act)


def test_a_refused_cancel_of_a_live_order_is_an_error(name: str) -> None:
    async def act(desk: Desk) -> None:
        intent = desk.rest()
        await acked(desk, intent)
        refusal = VenueRejectedError("refused")

        async def refused(*_: Any) -> None:
            raise refusal

        desk.entry._client.cancel_order = refused
        with pytest.raises(VenueRejectedError):
            await desk.entry.cancel(intent.client_id, desk.symbol)
        assert len(await desk.entry.open_orders()) == 1

    at_venue(name, act)
