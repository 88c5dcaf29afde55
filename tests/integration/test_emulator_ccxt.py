"""Unmodified ccxt and ccxt.pro classes on the emulator: market data, faults, orders."""

import asyncio
import gzip
import hashlib
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest

from liquidity_service.emulator.binance_orders import API_KEY, API_SECRET
from liquidity_service.emulator.faults import RouteFault, StreamFault
from liquidity_service.emulator.generated import GeneratedMarket
from liquidity_service.emulator.server import Emulator

PREFIX = {"binance": "/bn", "binanceusdm": "/bn", "binancecoinm": "/bn", "hyperliquid": "/hl"}
KEYS = {
    "binanceusdm": {"apiKey": API_KEY, "secret": API_SECRET},
    "hyperliquid": {"privateKey": "0x" + "01" * 32, "walletAddress": "0x" + "11" * 20},
    "coinbaseexchange": {"apiKey": "any", "secret": "YW55", "password": "any"},  # ccxt signs its level2 subscription
}
PAIR = {
    "binance": "BTC/USDT",
    "binanceusdm": "BTC/USDT:USDT",
    "binancecoinm": "BTC/USD:BTC",
    "hyperliquid": "BTC/USDC:USDC",
    "okx": "BTC/USDT:USDT",
    "kraken": "BTC/USD",
    "coinbaseexchange": "BTC/USD",
    "bybit": "BTC/USDT:USDT",
}
LOCAL = {
    "binance": "BTCUSDT",
    "binanceusdm": "BTCUSDT",
    "binancecoinm": "BTCUSD_PERP",
    "hyperliquid": "BTC",
    "okx": "BTC-USDT-SWAP",
    "kraken": "XBT/USD",
    "coinbaseexchange": "BTC-USD",
    "bybit": "BTCUSDT",
}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ccxt")


def pointed(kind, venue: str, url: str, **config):
    """A ccxt instance whose every address is the emulator's."""
    client = getattr(kind, venue)({"enableRateLimit": False, "options": {"fetchCurrencies": False}, **config})
    prefix = PREFIX.get(venue, f"/{venue}")

    def moved(node):
        if isinstance(node, dict):
            return {name: moved(value) for name, value in node.items()}
        old = urlsplit(node.replace("{hostname}", "host"))
        spot = "/stream" if venue == "binance" and old.scheme == "wss" else ""
        return f"{url.replace('http', 'ws') if old.scheme == 'wss' else url}{prefix}{spot}{old.path}"

    client.urls["api"] = moved(client.urls["api"])
    return client


@asynccontextmanager
async def connected(venue: str, tape=None, *, pro=True, keys=False, **options) -> AsyncIterator[tuple]:
    async with Emulator(venue, tape, **options) as emulator:
        client = pointed(
            ccxt.pro if pro else ccxt.async_support,
            venue,
            emulator.url,
            **(KEYS[venue] if keys or venue == "coinbaseexchange" else {}),
        )
        try:
            yield emulator, client
        finally:
            await client.close()


async def soon(waiting, seconds: float = 5.0):
    return await asyncio.wait_for(waiting, seconds)


def levels(book, side: str, count: int) -> list[list[float]]:
    return [[float(price), float(size)] for price, size in book.top(side, count)]


def same_book(client_book, book, count: int = 20) -> bool:
    """Whether the best levels agree, 20 of them or as many as the client keeps (Kraken: 10)."""
    kept = min(count, len(client_book["bids"]), len(client_book["asks"]))
    return kept >= 10 and all(
        [list(row[:2]) for row in client_book[side][:kept]] == levels(book, side, kept) for side in ("bids", "asks")
    )


async def until_same(client, emulator, venue: str, *, tries: int = 400) -> int:
    """Watch until the client's book is the emulator's at a standstill; how many errors the client met."""
    errors = 0
    for _ in range(tries):
        try:
            await soon(client.watch_order_book(PAIR[venue]), 0.3)
        except ccxt.NetworkError:
            errors += 1
        except TimeoutError:
            known = client.orderbooks.get(PAIR[venue])
            if known is not None and same_book(known, emulator.book(LOCAL[venue])):
                return errors
    raise AssertionError("the client's book never became the venue's")


@pytest.mark.feature("ET-SG-02", "ET-SG-03", "PL-SG-02")
@pytest.mark.parametrize("venue", list(LOCAL))
def test_rest_and_stream_show_the_same_book(venue):
    async def scenario():
        async with connected(venue, GeneratedMarket(seed=5), speed=0) as (emulator, client):
            markets = await client.load_markets()
            assert PAIR[venue] in markets
            fetched = await client.fetch_order_book(PAIR[venue], 20)
            assert same_book(fetched, emulator.book(LOCAL[venue]))
            watching = asyncio.create_task(client.watch_order_book(PAIR[venue]))
            while not emulator.clock._since and not watching.done():
                await asyncio.sleep(0.01)
            book = await soon(watching)
            for _ in range(20):
                waiting = asyncio.create_task(client.watch_order_book(PAIR[venue]))
                await asyncio.sleep(0)
                await emulator.advance(0.1)
                book = await soon(waiting)
                while not same_book(book, emulator.book(LOCAL[venue])):
                    book = await soon(client.watch_order_book(PAIR[venue]), 1)
            assert same_book(await client.fetch_order_book(PAIR[venue], 20), emulator.book(LOCAL[venue]))

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-02", "ET-SG-03")
@pytest.mark.parametrize("venue", list(LOCAL))
def test_no_trade_is_lost(venue):
    async def scenario():
        async with connected(venue, GeneratedMarket(seed=6, trade_share=1.0), speed=10) as (emulator, client):
            await client.load_markets()
            seen: list[str] = []
            while len(seen) < 100:
                seen += [trade["id"] for trade in await soon(client.watch_trades(PAIR[venue]))]
            kept = [str(event.trade_id) for event in emulator.market().trades[LOCAL[venue]]]
            first = kept.index(seen[0])
            assert seen == kept[first : first + len(seen)]

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-04", "PL-OB-13")
def test_thirty_lost_messages_raise_and_recover_to_the_venues_number():
    async def scenario():
        lost = StreamFault("drop", "*@depth*", first=40, last=69)
        async with connected("binanceusdm", GeneratedMarket(seed=7), faults=[lost], speed=20) as (emulator, client):
            await client.load_markets()
            raised = 0
            while emulator.plan.happened[0] < 30 or raised == 0:
                try:
                    await soon(client.watch_order_book(PAIR["binanceusdm"]))
                except ccxt.ChecksumError:
                    raised += 1
            for _ in range(20):
                await soon(client.watch_order_book(PAIR["binanceusdm"]))
            emulator.clock.pause()
            assert await until_same(client, emulator, "binanceusdm") == 0
            assert client.orderbooks[PAIR["binanceusdm"]]["nonce"] == emulator.book("BTCUSDT").last_id
            assert raised == 1

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-04", "PL-OB-13")
@pytest.mark.parametrize("venue", ["binanceusdm", "hyperliquid"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_socket_cut_five_times_is_reopened(venue, how):
    async def scenario():
        cut = StreamFault("cut", first=10, times=5, how=how)
        async with connected(venue, GeneratedMarket(seed=8), faults=[cut], speed=20) as (emulator, client):
            await client.load_markets()
            while emulator.plan.happened[0] < 5:
                with suppress(ccxt.NetworkError):
                    await soon(client.watch_order_book(PAIR[venue]))
            await asyncio.sleep(0.05)  # the last close arrives
            for _ in range(6):
                with suppress(ccxt.NetworkError):
                    await soon(client.watch_order_book(PAIR[venue]))
            emulator.clock.pause()
            assert await until_same(client, emulator, venue) == 0
            assert max(connection.number for connection in emulator._shared.open) == 6

    asyncio.run(scenario())


@pytest.mark.feature("PL-OB-13")
def test_a_silent_stream_stays_connected():
    async def scenario():
        silent = StreamFault("silence", "*@depth*", first=5, times=1)
        async with connected("binanceusdm", GeneratedMarket(seed=9), faults=[silent], speed=20) as (emulator, client):
            await client.load_markets()
            with suppress(TimeoutError):
                while True:
                    await soon(client.watch_order_book(PAIR["binanceusdm"]), 0.5)
            assert emulator.plan.happened[0] == 1
            assert sum(not connection.closed for connection in emulator._shared.open) == 1

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-05")
@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (RouteFault("limit", "GET */depth"), ccxt.DDoSProtection),
        (RouteFault("status", "GET */depth", status=503), ccxt.ExchangeNotAvailable),
        (RouteFault("drop", "GET */depth", times=2), ccxt.NetworkError),  # aiohttp asks again by itself once
        (RouteFault("delay", "GET */depth", delay_s=0.5), ccxt.RequestTimeout),
    ],
)
def test_a_read_that_fails_works_again(fault, raised):
    async def scenario():
        async with connected("binanceusdm", faults=[fault], pro=False) as (emulator, client):
            await client.load_markets()
            client.timeout = 200
            with pytest.raises(raised):
                await client.fetch_order_book(PAIR["binanceusdm"])
            client.timeout = 10_000
            assert same_book(await client.fetch_order_book(PAIR["binanceusdm"]), emulator.book("BTCUSDT"))
            assert emulator.plan.happened[0] == fault.times

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-05")
@pytest.mark.parametrize("kind", ["garbage", "html"])
def test_a_broken_answer_is_an_empty_book_to_ccxt(kind):
    async def scenario():
        faults = [RouteFault(kind, "GET */depth")]
        async with connected("binanceusdm", faults=faults, pro=False) as (emulator, client):
            await client.load_markets()
            broken = await client.fetch_order_book(PAIR["binanceusdm"])
            assert (broken["bids"], broken["asks"], broken["nonce"]) == ([], [], None)
            assert same_book(await client.fetch_order_book(PAIR["binanceusdm"]), emulator.book("BTCUSDT"))

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-05")
@pytest.mark.parametrize(
    ("fault", "executed"),
    [
        (RouteFault("drop", "POST */order"), False),
        (RouteFault("drop", "POST */order", "after"), True),
        (RouteFault("delay", "POST */order", "after", delay_s=1), True),
        (RouteFault("status", "POST */order", "after", status=503), True),
        (RouteFault("status", "POST */order", status=503), False),
    ],
)
def test_an_order_whose_answer_is_lost_is_found_by_its_client_id(fault, executed):
    async def scenario():
        async with connected("binanceusdm", faults=[fault], pro=False, keys=True) as (emulator, client):
            await client.load_markets()
            client.timeout = 300
            with pytest.raises(ccxt.NetworkError):
                await client.create_order(PAIR["binanceusdm"], "market", "buy", 0.1, None, {"clientOrderId": "once"})
            client.timeout = 10_000
            lookup = client.fetch_order(None, PAIR["binanceusdm"], {"clientOrderId": "once"})
            if executed:
                found = await lookup
                assert (found["status"], found["filled"]) == ("closed", 0.1)
            else:
                with pytest.raises(ccxt.OrderNotFound):
                    await lookup
            held = emulator.venues["binanceusdm"].orders.ledger.position("BTCUSDT").quantity
            assert held == (Decimal("0.1") if executed else 0)

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-02", "ET-SG-05")
def test_signature_key_and_clock_are_checked():
    async def scenario():
        late = RouteFault("delay", "GET */v3/account", delay_s=0.4)
        async with connected("binanceusdm", faults=[late], pro=False, keys=True) as (emulator, client):
            await client.load_markets()
            client.options["recvWindow"] = 200
            with pytest.raises(ccxt.InvalidNonce):  # too old when processed
                await client.fetch_balance()
            assert (await client.fetch_balance())["USDT"]["total"] == 1_000_000
            client.secret = "wrong"
            with pytest.raises(ccxt.AuthenticationError, match="-1022"):
                await client.fetch_balance()
            client.apiKey = "unknown"
            with pytest.raises(ccxt.AuthenticationError, match="-2015"):
                await client.fetch_balance()
            assert all(r.params.get("signature", "***") == "***" for r in emulator.journal.requests)
        async with connected("binanceusdm", clock_skew_ms=-5000, pro=False, keys=True) as (emulator, client):
            await client.load_markets()
            with pytest.raises(ccxt.InvalidNonce):
                await client.fetch_balance()
            await client.load_time_difference()
            client.options["adjustForTimeDifference"] = True
            assert (await client.fetch_balance())["USDT"]["total"] == 1_000_000

    asyncio.run(scenario())


async def refused(call) -> str:
    with pytest.raises(ccxt.ExchangeError) as caught:
        await call
    return str(caught.value)


@pytest.mark.feature("ET-SG-07", "ET-SG-02")
def test_order_types_of_binance_futures():
    async def scenario():
        async with connected("binanceusdm", GeneratedMarket(seed=10), pro=False, keys=True, speed=0) as (
            emulator,
            client,
        ):
            pair = PAIR["binanceusdm"]
            await client.load_markets()
            ledger = emulator.venues["binanceusdm"].orders.ledger
            bid, ask = (float(emulator.book("BTCUSDT").best(side)[0]) for side in ("bids", "asks"))

            async def order(*call, **params):
                return await client.create_order(pair, *call, params)

            done = await order("market", "buy", 0.01)
            assert (done["status"], done["filled"], done["average"]) == ("closed", 0.01, ask)
            rest = await order("limit", "buy", 0.5, 50_000, clientOrderId="rest")
            assert (rest["status"], rest["filled"]) == ("open", 0)
            assert "-4116" in await refused(order("limit", "buy", 0.5, 50_000, clientOrderId="rest"))
            assert [found["clientOrderId"] for found in await client.fetch_open_orders(pair)] == ["rest"]
            assert (await client.cancel_order(None, pair, {"clientOrderId": "rest"}))["status"] == "canceled"
            assert "-2011" in await refused(client.cancel_order(rest["id"], pair))
            assert "-5022" in await refused(order("limit", "buy", 0.1, ask, postOnly=True))
            passive = await order("limit", "buy", 0.1, bid, postOnly=True)
            assert (passive["status"], passive["timeInForce"]) == ("open", "PO")
            assert (await order("limit", "buy", 0.1, bid, timeInForce="IOC"))["status"] == "expired"
            assert "-5021" in await refused(order("limit", "buy", 300, ask, timeInForce="FOK"))
            assert (await order("limit", "buy", 0.01, ask, timeInForce="FOK"))["status"] == "closed"
            assert "-2021" in await refused(order("market", "sell", 0.01, None, triggerPrice=ask + 1000))
            stop = await order("market", "sell", 0.02, None, triggerPrice=round(bid - 0.1, 1), reduceOnly=True)
            assert (stop["status"], stop["triggerPrice"]) == ("open", round(bid - 0.1, 1))
            profit = await order("limit", "sell", 0.01, ask + 900, takeProfitPrice=ask + 1000)
            assert [o["id"] for o in await client.fetch_open_orders(pair, params={"trigger": True})] == [
                stop["id"],
                profit["id"],
            ]
            await client.cancel_order(profit["id"], pair, {"trigger": True})
            await client.cancel_order(passive["id"], pair)
            assert "-2022" in await refused(order("market", "buy", 0.01, None, reduceOnly=True))
            assert "-4164" in await refused(order("limit", "buy", 0.001, 1_000))
            assert "-2019" in await refused(order("limit", "buy", 900, 50_000))
            for _ in range(4000):
                await emulator.advance(0.1)
                if ledger.orders[int(stop["id"])].state != "untriggered":
                    break
            fired = await client.fetch_order(stop["id"], pair, {"trigger": True})
            assert fired["info"]["algoStatus"] == "FINISHED"
            assert (await client.fetch_positions([pair])) == []
            ledger.audit()
            assert "-4059" in await refused(client.set_position_mode(False))
            await client.set_leverage(10, pair)
            await order("limit", "buy", 0.5, 50_000)
            await client.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 1})
            await asyncio.sleep(0.01)
            assert await client.fetch_open_orders(pair) == []

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-07", "ET-SG-03")
def test_order_types_of_hyperliquid():
    async def scenario():
        async with connected("hyperliquid", GeneratedMarket(seed=11), pro=False, keys=True, speed=0) as (
            emulator,
            client,
        ):
            pair = PAIR["hyperliquid"]
            await client.load_markets()
            bid, ask = (float(emulator.book("BTC").best(side)[0]) for side in ("bids", "asks"))

            async def order(*call, **params):
                return await client.create_order(pair, *call, params)

            cloid = "0x" + "ab" * 16
            done = await order("market", "buy", 0.001, ask, clientOrderId=cloid)
            assert (done["filled"], done["average"]) == (0.001, ask)
            assert (await client.fetch_order(cloid, pair))["status"] == "closed"
            rest = await order("limit", "buy", 0.01, 50_000, clientOrderId="0x" + "cd" * 16)
            assert [o["id"] for o in await client.fetch_open_orders(pair)] == [rest["id"]]
            await client.cancel_order(None, pair, {"clientOrderId": "0x" + "cd" * 16})
            assert (await client.fetch_order(rest["id"], pair))["status"] == "canceled"
            assert "never placed" in await refused(client.cancel_order(rest["id"], pair))
            assert "Post only" in await refused(order("limit", "buy", 0.01, ask, postOnly=True))
            assert "immediately match" in await refused(order("limit", "buy", 0.01, bid, timeInForce="ioc"))
            assert "Reduce only" in await refused(order("limit", "buy", 0.01, bid, reduceOnly=True))
            assert "Invalid cloid" in await refused(order("limit", "buy", 0.01, bid, clientOrderId="plan-1"))
            assert "minimum value" in await refused(order("limit", "buy", 0.00001, 50_000))
            stop = await order("market", "sell", 0.001, bid - 20, triggerPrice=bid - 20, reduceOnly=True)
            assert (await client.fetch_open_orders(pair))[0]["id"] == stop["id"]
            assert (await client.fetch_positions())[0]["contracts"] == 0.001
            await client.set_leverage(5, pair)
            assert (await client.fetch_positions())[0]["leverage"] == 5
            assert len(await client.fetch_my_trades(pair)) == 1
            await client.cancel_all_orders_after(1)
            await asyncio.sleep(0.01)
            assert await client.fetch_open_orders(pair) == []
            emulator.venues["hyperliquid"].orders.ledger.audit()

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-06")
@pytest.mark.slow
@pytest.mark.parametrize("venue", ["binanceusdm", "hyperliquid"])
def test_positions_equal_the_ledger_after_each_of_200_random_steps(venue):
    async def scenario():
        draw = random.Random(12)
        pair, unit = PAIR[venue], 0.001
        async with connected(venue, GeneratedMarket(seed=12), pro=False, keys=True, speed=0) as (emulator, client):
            await client.load_markets()
            ledger = emulator.venues[venue].orders.ledger
            signed = 0.0
            for step in range(200):
                mid = float(emulator.book(LOCAL[venue]).mid())
                side = draw.choice(["buy", "sell"])
                amount = draw.randint(1, 40) * unit
                kind = draw.choice(["open", "open", "reduce", "close", "passive", "cancel"])
                held = ledger.position(LOCAL[venue]).quantity
                if kind in ("reduce", "close"):
                    side = "sell" if held > 0 else "buy"
                    amount = abs(float(held)) if kind == "close" else amount
                refusable = pytest.raises(ccxt.ExchangeError) if kind == "reduce" and not held else nullcontext()
                with refusable:
                    if kind == "cancel":
                        for known in (await client.fetch_open_orders(pair))[:2]:
                            await client.cancel_order(known["id"], pair)
                    elif kind == "passive":
                        price = mid - 1 if side == "buy" else mid + 1
                        await client.create_order(pair, "limit", side, amount, price)
                    elif amount:
                        only = {"reduceOnly": True} if kind in ("reduce", "close") else {}
                        await client.create_order(pair, "market", side, amount, mid, only)
                await emulator.advance(0.5)
                found = await client.fetch_positions([pair])
                signed = sum(row["contracts"] * (1 if row["side"] == "long" else -1) for row in found)
                assert Decimal(str(signed)) == ledger.position(LOCAL[venue]).quantity, step
                ledger.audit()
            fills = await client.fetch_my_trades(pair)
            if len(fills) < 500:
                total = sum(Decimal(str(f["amount"])) * (1 if f["side"] == "buy" else -1) for f in fills)
                assert total == ledger.position(LOCAL[venue]).quantity
            assert len(fills) > 50

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-02", "ET-SG-06")
def test_order_updates_come_over_the_private_stream():
    async def scenario():
        async with connected("binanceusdm", GeneratedMarket(seed=13), keys=True, speed=0) as (emulator, client):
            await client.load_markets()
            waiting = asyncio.create_task(client.watch_orders(PAIR["binanceusdm"]))
            while not any(c.path.startswith("/bn/private") for c in emulator._shared.open):
                await asyncio.sleep(0.01)
            await client.create_order(PAIR["binanceusdm"], "market", "sell", 0.01, None, {"clientOrderId": "mine"})
            told = (await soon(waiting))[-1]
            assert (told["clientOrderId"], told["status"], told["filled"]) == ("mine", "closed", 0.01)

    asyncio.run(scenario())


def golden(real_data: Path, name: str):
    path = real_data / "ccxt" / "golden" / name
    return json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


def shared(expected, found):
    """``found`` cut down to the names that ``expected`` has."""
    if isinstance(expected, dict):
        return {name: shared(value, found[name]) for name, value in expected.items()}
    if isinstance(expected, list):
        assert len(expected) == len(found)
        return [shared(e, f) for e, f in zip(expected, found, strict=True)]
    return found


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.feature("ET-SG-02")
def test_unified_output_of_recorded_binance_futures(real_data):
    expected = golden(real_data, "ccxt_4.5.64_binanceusdm.json.gz")

    async def scenario():
        async with connected("binanceusdm", real_data / "ccxt" / "binanceusdm", speed=0) as (emulator, client):
            markets = await client.load_markets()
            books = {pair: await client.fetch_order_book(pair, 20) for pair in expected}
            watches = [asyncio.create_task(client.watch_trades(pair)) for pair in expected]
            await asyncio.sleep(0.3)
            await emulator.advance(40)
            await asyncio.gather(*watches)
            for pair, unified in expected.items():
                assert shared(unified["market"], markets[pair]) == unified["market"]
                assert shared(unified["order_book_20"], books[pair]) == unified["order_book_20"]
                candles = await client.fetch_ohlcv(pair, "1m")
                assert candles == unified["ohlcv_1m"]
                trades = await client.fetch_trades(pair)
                assert shared(unified["trades"], trades) == unified["trades"]

    asyncio.run(scenario())


@pytest.mark.real_data
@pytest.mark.feature("ET-SG-03")
def test_unified_output_of_recorded_hyperliquid(real_data):
    expected = golden(real_data, "ccxt_4.5.64_hyperliquid.json.gz")
    rest = real_data / "ccxt" / "hyperliquid" / "rest"

    def asked(name: str) -> dict:
        return json.loads((rest / f"{name}.json").read_text())[-1]["request"]

    async def scenario():
        tape = real_data / "ccxt" / "hyperliquid"
        async with connected("hyperliquid", tape, pro=False) as (_, client):
            await client.load_markets()
            book = await client.fetch_order_book("DYDX/USDC:USDC")
            wanted = {name: value for name, value in expected["order_book"].items() if name != "symbol"}
            assert shared(wanted, book) == wanted
            user = asked("get_user_state")["user"]
            assert (
                shared(expected["positions"], found := await client.fetch_positions(None, {"user": user}))
                == expected["positions"]
            ), found
            balance = await client.fetch_balance({"user": user})
            assert shared(expected["balance"], balance) == expected["balance"]
            mine = await client.fetch_my_trades(None, None, None, {"user": asked("get_user_fills")["user"]})
            found = {row["order"] + str(row["price"]) + str(row["amount"]): row for row in mine}
            for row in expected["my_trades"]:
                assert shared(row, found[row["order"] + str(row["price"]) + str(row["amount"])]) == row
            rates = await client.fetch_funding_rate_history("BTC/USDC:USDC")
            wanted = [{name: row[name] for name in ("fundingRate", "timestamp")} for row in expected["funding_history"]]
            assert shared(wanted, rates) == wanted

    asyncio.run(scenario())


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.feature("ET-SG-02", "ET-SG-04")
@pytest.mark.parametrize("symbol", ["SUSHIUSDT", "AKROUSDT", "KEEPUSDT"])
def test_recorded_books_equal_the_independent_ones(real_data, symbol):
    expected = golden(real_data, f"book_{symbol}.json")
    emulator = Emulator("binanceusdm", real_data / "ccxt" / "binanceusdm")
    market, at = emulator.market(), {}
    book = market.books[symbol]

    def sha() -> str:
        rows = book.top("bids", 20) + book.top("asks", 20)
        text = "|".join(":".join(str(Decimal(part).normalize()) for part in row) for row in rows)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    while (event := market.step()) is not None:
        if event.symbol == symbol and book.last_id not in at:
            at[book.last_id] = (book.top("bids", 1)[0], book.top("asks", 1)[0], len(book.bids), len(book.asks), sha())
    for row in expected:
        best = ([row["bid"], row["bid_qty"]], [row["ask"], row["ask_qty"]])
        assert at[row["u"]] == (*best, row["n_bids"], row["n_asks"], row["top20_sha"])


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("venue", "name", "pair", "symbol"),
    [
        ("binanceusdm", "binance_usdm_btcusdt", "BTC/USDT:USDT", "BTCUSDT"),
        ("binance", "binance_spot_btcusdt", "BTC/USDT", "BTCUSDT"),
        ("binancecoinm", "binance_coinm_btcusd_perp", "BTC/USD:BTC", "BTCUSD_PERP"),
    ],
)
def test_client_follows_the_long_tapes(real_data, venue, name, pair, symbol):
    follow(venue, real_data / "orderbook" / f"{name}.raw.jsonl.gz", pair, symbol)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("venue", "path", "pair", "symbol"),
    [
        ("okx", "venue_captures/okx_2022-05-13.jsonl.gz", "BTC/USDT", "BTC-USDT"),
        ("okx", "venue_captures/okx_2022-05-13.jsonl.gz", "UNI/USD:UNI", "UNI-USD-SWAP"),
        ("coinbaseexchange", "venue_captures/coinbase_2021-04-17.jsonl.gz", "YFI/BTC", "YFI-BTC"),
        ("kraken", "ccxt/kraken", "ADA/BTC", "ADA/XBT"),
        ("binance", "venue_captures/binance_spot_2021-10-12.jsonl.gz", "NKN/USDT", "NKNUSDT"),
        ("binanceusdm", "venue_captures/binance_usdm_alts_2021-07-22.jsonl.gz", "AKRO/USDT:USDT", "AKROUSDT"),
        ("hyperliquid", "venue_captures/hyperliquid_btc_2025-01-26.jsonl.gz", "BTC/USDC:USDC", "BTC"),
    ],
)
def test_client_follows_the_captures(real_data, venue, path, pair, symbol):
    follow(venue, real_data / path, pair, symbol)


def follow(venue: str, tape: Path, pair: str, symbol: str) -> None:
    """Watch a recorded book for some updates; at a standstill it is the emulator's."""

    async def scenario():
        async with connected(venue, tape, speed=4) as (emulator, client):
            await client.load_markets()
            for _ in range(15):
                await soon(client.watch_order_book(pair))
            emulator.clock.pause()
            with suppress(TimeoutError):
                while True:
                    await soon(client.watch_order_book(pair), 0.3)
            assert same_book(client.orderbooks[pair], emulator.book(symbol))
            if venue.startswith("binance"):
                assert client.orderbooks[pair]["nonce"] == emulator.book(symbol).last_id

    asyncio.run(scenario())
