"""The exchange ledger: every order type as documented, quantity conserved to the last digit."""

import random
from contextlib import suppress
from decimal import Decimal

import pytest

from liquidity_service.emulator.binance_words import list_market
from liquidity_service.emulator.ledger import Account, Ledger, Order, Rejected
from liquidity_service.emulator.market import DepthEvent, Market, TradeEvent

SYMBOL = "BTCUSDT"


def ledger(bids=(("60000", "1"), ("59990", "2")), asks=(("60010", "1"), ("60020", "2")), **terms):
    market = Market([list_market("binanceusdm", SYMBOL)], [], start_ns=0)
    market.books[SYMBOL].apply(DepthEvent(0, SYMBOL, 0, bids, asks, last_id=1, snapshot=True))
    return Ledger(market, lambda: 1_000, Account(**terms))


def order(side, quantity, price=None, **rest):
    return Order(SYMBOL, side, Decimal(quantity), Decimal(price) if price else None, **rest)


def show(kept, bids, asks):
    """The market's book becomes this."""
    event = DepthEvent(0, SYMBOL, 0, bids, asks, last_id=kept.market.books[SYMBOL].last_id + 1, snapshot=True)
    kept.market.books[SYMBOL].apply(event)
    kept.on_event(event)


def trade(kept, price, amount="1"):
    event = TradeEvent(0, SYMBOL, 0, 1, price, amount, False)
    kept.market.trades[SYMBOL].append(event)
    kept.on_event(event)


@pytest.mark.feature("ET-SG-07")
def test_a_market_order_walks_the_book_and_what_is_left_expires():
    kept = ledger()
    done = kept.place(order("buy", "2.5"))
    assert (done.state, done.filled, done.average_price) == ("filled", Decimal("2.5"), Decimal("60016"))
    short = kept.place(order("buy", "5"))
    assert (short.state, short.filled) == ("expired", Decimal(3))
    assert kept.position(SYMBOL).quantity == Decimal("5.5")
    kept.audit()


@pytest.mark.feature("ET-SG-07")
def test_a_limit_order_takes_what_it_may_and_rests():
    kept = ledger()
    rested = kept.place(order("buy", "1.5", "60010"))
    assert (rested.state, rested.filled) == ("partial", Decimal(1))
    trade(kept, "60010")  # at its price: the place in the queue is unknown
    assert rested.filled == 1
    trade(kept, "60009.9", "0.2")
    assert rested.filled == Decimal("1.2")
    show(kept, [["59990", "1"]], [["60010", "0.1"]])
    assert rested.filled == Decimal("1.3")
    show(kept, [["59990", "1"]], [["60005", "9"]])
    assert (rested.state, rested.average_price) == ("filled", Decimal("60010"))
    assert [fill.maker for fill in kept.fills] == [False, True, True, True]
    kept.audit()


@pytest.mark.feature("ET-SG-07")
def test_immediate_fill_or_kill_and_post_only():
    kept = ledger()
    ioc = kept.place(order("sell", "2", "60000", time_in_force="IOC"))
    assert (ioc.state, ioc.filled) == ("expired", Decimal(1))
    with pytest.raises(Rejected, match="in full"):
        kept.place(order("sell", "2", "60000", time_in_force="FOK"))
    fok = kept.place(order("sell", "3", "59990", time_in_force="FOK"))
    assert (fok.state, fok.filled) == ("filled", Decimal(3))
    with pytest.raises(Rejected, match="take liquidity"):
        kept.place(order("buy", "1", "60010", time_in_force="GTX"))
    resting = kept.place(order("buy", "1", "60009.9", time_in_force="GTX"))
    assert resting.state == "open"
    assert kept.open_orders() == [resting]
    kept.audit()


@pytest.mark.feature("ET-SG-07")
def test_reduce_only_never_passes_through_zero():
    kept = ledger()
    kept.place(order("buy", "1"))
    closing = kept.place(order("sell", "3", "60020", reduce_only=True))
    bracket = kept.place(order("sell", "1", "60030", reduce_only=True))
    with pytest.raises(Rejected, match="not reduce"):
        kept.place(order("buy", "1", reduce_only=True))
    show(kept, [["60025", "9"]], [["60026", "9"]])
    assert (closing.filled, kept.position(SYMBOL).quantity) == (Decimal(1), Decimal(0))
    assert (closing.state, bracket.state) == ("expired", "expired")
    kept.audit()


@pytest.mark.feature("ET-SG-07")
@pytest.mark.parametrize(
    ("side", "trigger", "above", "price", "fires_at", "state"),
    [
        ("sell", "59900", False, None, "59900", "filled"),  # stop
        ("buy", "60100", True, None, "60100", "filled"),
        ("sell", "60100", True, None, "60101", "filled"),  # take profit
        ("sell", "59900", False, "60100", "59899", "open"),  # stop-limit: rests above the market
    ],
)
def test_conditional_orders_wait_for_their_trigger(side, trigger, above, price, fires_at, state):
    kept = ledger()
    waiting = kept.place(order(side, "1", price, trigger_price=Decimal(trigger), trigger_above=above))
    trade(kept, "60000")
    assert (waiting.state, waiting.filled) == ("untriggered", 0)
    trade(kept, fires_at)
    assert waiting.state == state
    kept.audit()


@pytest.mark.feature("ET-SG-07")
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (order("buy", "0.0005"), "lot"),
        (order("buy", "1", "60000.05"), "tick"),
        (order("buy", "0"), "quantity"),
        (order("buy", "1", "-1"), "price"),
        (order("buy", "0.001", "1000"), "notional"),
        (order("buy", "1000", "50000"), "margin"),
        (order("buy", "1", trigger_price=Decimal(50000), trigger_above=True), "trigger"),
    ],
)
def test_the_venue_refuses(made, reason):
    kept = ledger()
    with pytest.raises(Rejected) as refused:
        kept.place(made)
    assert refused.value.reason == reason
    assert kept.orders == {}


@pytest.mark.feature("ET-SG-05")
def test_a_client_id_is_taken_only_while_its_order_is_open():
    kept = ledger()
    first = kept.place(order("buy", "1", "50000", client_id="a"))
    with pytest.raises(Rejected, match="in use"):
        kept.place(order("buy", "1", "50000", client_id="a"))
    assert kept.cancel(first)
    assert not kept.cancel(first)
    second = kept.place(order("buy", "1", "50000", client_id="a"))
    assert kept.find(client_id="a") is second


@pytest.mark.feature("ET-SG-06")
def test_profit_fees_and_entry_price_of_a_turned_position():
    kept = ledger(balance=Decimal(100_000), taker_fee_frac=Decimal("0.001"))
    kept.place(order("buy", "1"))
    show(kept, [["61010", "3"]], [["61020", "3"]])
    kept.place(order("sell", "3"))
    held = kept.position(SYMBOL)
    assert (held.quantity, held.entry_price) == (Decimal(-2), Decimal(61010))
    assert kept.fills[-1].realised == Decimal(1000)
    assert kept.cash == Decimal(100_000) + 1000 - Decimal("60.010") - Decimal("183.030")
    assert kept.unrealised(SYMBOL) == Decimal(-2) * (Decimal("61015") - Decimal("61010"))
    kept.audit()


@pytest.mark.feature("ET-SG-06")
@pytest.mark.parametrize("seed", range(20))
def test_quantity_is_conserved_over_random_scripts(seed):
    draw, kept = random.Random(seed), ledger(balance=Decimal(10**9))
    for _ in range(300):
        middle = 600_000 + draw.randint(-300, 300)
        show(
            kept,
            [[str(Decimal(middle - step) / 10), str(Decimal(draw.randint(1, 900)) / 1000)] for step in range(1, 6)],
            [[str(Decimal(middle + step) / 10), str(Decimal(draw.randint(1, 900)) / 1000)] for step in range(1, 6)],
        )
        price = str(Decimal(middle + draw.randint(-8, 8)) / 10)
        kind = draw.choice(["GTC", "GTC", "IOC", "FOK", "GTX", "market", "stop", "cancel", "trade"])
        made = order(
            draw.choice(["buy", "sell"]), str(Decimal(draw.randint(1, 2000)) / 1000), reduce_only=draw.random() < 0.25
        )
        if kind == "trade":
            trade(kept, price, "0.3")
        elif kind == "cancel":
            for known in kept.open_orders()[:3]:
                kept.cancel(known)
        else:
            if kind == "stop":
                made.trigger_price, made.trigger_above = Decimal(price), draw.random() < 0.5
            elif kind != "market":
                made.price, made.time_in_force = Decimal(price), kind
            with suppress(Rejected):
                kept.place(made)
        kept.audit()
    assert len(kept.fills) > 50
