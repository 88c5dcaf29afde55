"""The emulator as a whole, spoken to with bare HTTP and WebSocket."""

import argparse
import asyncio
import os
import signal
import zlib
from itertools import pairwise

import aiohttp
import pytest

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator.command import add_arguments, run_emulator
from liquidity_service.emulator.faults import RouteFault, StreamFault
from liquidity_service.emulator.generated import GeneratedMarket
from liquidity_service.emulator.server import VENUES, Emulator

DEPTH = "/bn/fapi/v1/depth?symbol=BTCUSDT&limit=5"


async def told(socket, count):
    return [await socket.receive_json(timeout=5) for _ in range(count)]


@pytest.mark.feature("PL-SG-02")
def test_several_venues_share_a_port_and_a_clock():
    tapes = {venue: GeneratedMarket(seed=2, start_ns=10**18) for venue in VENUES}

    async def scenario():
        async with Emulator(tapes, speed=0) as emulator, aiohttp.ClientSession(emulator.url) as client:
            assert (await (await client.get("/bn/api/v3/time")).json())["serverTime"] > 0
            before = [emulator.market(venue).now_ns for venue in VENUES]
            await emulator.advance(1.0)
            assert [emulator.market(venue).now_ns - 10**9 for venue in VENUES] == before
            spot = await (await client.get("/bn/api/v3/exchangeInfo")).json()
            coins = await (await client.get("/bn/dapi/v1/exchangeInfo")).json()
            assert [row["symbol"] for row in spot["symbols"]] == ["BTCUSDT", "ETHUSDT"]
            assert [row["contractSize"] for row in coins["symbols"]] == [100, 10]
            assert (await (await client.get("/okx/api/v5/public/time")).json())["code"] == "0"

    asyncio.run(scenario())


def test_market_time_stands_until_somebody_listens():
    async def scenario():
        async with Emulator("binanceusdm", speed=50) as emulator, aiohttp.ClientSession(emulator.url) as client:
            first = await (await client.get(DEPTH)).json()
            await asyncio.sleep(0.05)
            assert await (await client.get(DEPTH)).json() == first
            async with client.ws_connect("/bn/public/ws/0") as socket:
                await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms"], "id": 4})
                ack, *updates = await told(socket, 6)
                assert ack == {"result": None, "id": 4}
                assert updates[0]["pu"] == first["lastUpdateId"]
                assert all(a["u"] == b["pu"] for a, b in pairwise(updates))
                assert (await (await client.get(DEPTH)).json())["lastUpdateId"] >= updates[-1]["u"]
                await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 5})
                await socket.send_json({"method": "UNSUBSCRIBE", "params": ["btcusdt@depth@100ms"], "id": 6})
                answers = []
                while not answers or answers[-1].get("id") != 6:
                    answers += [row for row in await told(socket, 1) if "id" in row]
                assert answers[0]["result"] == ["btcusdt@depth@100ms"]

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/bn/stream?streams=btcusdt@trade/btcusdt@kline_1m", "/bn/ws/btcusdt@trade"])
def test_names_in_the_address(path):
    async def scenario():
        market = GeneratedMarket(seed=1, trade_share=1.0)
        async with Emulator("binance", market, speed=50) as emulator, aiohttp.ClientSession(emulator.url) as client:
            async with client.ws_connect(path) as socket:
                messages = await told(socket, 4)
            kinds = [row["data"]["e"] if "stream" in path else row["e"] for row in messages]
            assert kinds == (["trade", "kline"] * 2 if "stream" in path else ["trade"] * 4)

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-04")
def test_faults_of_a_stream():
    faults = [
        StreamFault("drop", first=2),
        StreamFault("duplicate", first=2),  # counts what the first rule let through, too
        StreamFault("reorder", first=4),
        StreamFault("cut", first=8, times=1),
    ]

    async def scenario():
        async with (
            Emulator("binanceusdm", faults=faults, speed=50) as emulator,
            aiohttp.ClientSession(emulator.url) as client,
            client.ws_connect("/bn/public/ws/0") as socket,
        ):
            await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@depth"], "id": 1})
            await told(socket, 1)
            got = await told(socket, 6)
            assert got[1]["pu"] != got[0]["u"]  # the second is missing
            assert (got[3]["u"], got[2]["pu"]) == (got[2]["pu"], got[3]["u"])  # fourth and fifth changed places
            closed = await socket.receive(timeout=5)
            assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1001)

    asyncio.run(scenario())


@pytest.mark.feature("ET-SG-05")
def test_faults_of_a_route():
    faults = [
        RouteFault("limit", retry_after_s=9),
        RouteFault("html", first=2),
        RouteFault("garbage", first=3),
        RouteFault("null", first=4),
        RouteFault("status", first=5, status=418),
    ]

    async def scenario():
        async with Emulator("binanceusdm", faults=faults) as emulator, aiohttp.ClientSession(emulator.url) as client:
            answers = [await client.get(DEPTH) for _ in range(6)]
            assert [answer.status for answer in answers] == [429, 200, 200, 200, 418, 200]
            assert answers[0].headers["Retry-After"] == "9"
            assert answers[1].content_type == "text/html"
            assert (await answers[2].text(), await answers[3].text()) == ('{"broken": [1, 2', "null")
            assert [request.status for request in emulator.journal.requests] == [429, 200, 200, 200, 418, 200]
            unknown = await client.get("/bn/fapi/v1/nothing")
            assert (unknown.status, (await unknown.json())["code"]) == (404, -1000)
            refused = await client.get("/bn/fapi/v1/depth?symbol=NONE")
            assert (refused.status, (await refused.json())["code"]) == (400, -1121)

    asyncio.run(scenario())


def test_okx_checksum_is_of_the_best_levels():
    async def scenario():
        async with Emulator("okx", speed=50) as emulator, aiohttp.ClientSession(emulator.url) as client:
            async with client.ws_connect("/okx/ws/v5/public") as socket:
                await socket.send_str("ping")
                assert await socket.receive_str(timeout=5) == "pong"
                asked = {"channel": "books", "instId": "BTC-USDT-SWAP"}
                await socket.send_json({"op": "subscribe", "args": [asked]})
                ack, first, second = await told(socket, 3)
            assert ack["event"] == "subscribe"
            whole, change = first["data"][0], second["data"][0]
            pairs = zip(whole["bids"][:25], whole["asks"][:25], strict=True)
            text = ":".join(":".join([*bid[:2], *ask[:2]]) for bid, ask in pairs)
            assert whole["checksum"] % 2**32 == zlib.crc32(text.encode())
            assert (whole["prevSeqId"], change["prevSeqId"]) == (-1, whole["seqId"])

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("venue", "path", "asked", "ids"),
    [
        (
            "okx",
            "/okx/ws/v5/public",
            {"op": "subscribe", "args": [{"channel": "books", "instId": "BTC-USDT-SWAP"}]},
            lambda body: (body["data"][0]["prevSeqId"], body["data"][0]["seqId"]),
        ),
        (
            "bybit",
            "/bybit/v5/public/linear",
            {"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]},
            lambda body: (body["data"]["u"] - 1, body["data"]["u"]),
        ),
    ],
)
def test_each_client_sees_an_unbroken_chain(venue, path, asked, ids):
    async def scenario():
        async with (
            Emulator(venue, speed=50) as emulator,
            aiohttp.ClientSession(emulator.url) as client,
            client.ws_connect(path) as one,
            client.ws_connect(path) as two,
        ):
            await one.send_json(asked)
            ahead = await told(one, 5)
            await two.send_json(asked)
            for bodies in (ahead[1:] + await told(one, 10), (await told(two, 10))[1:]):
                assert all(ids(a)[1] == ids(b)[0] for a, b in pairwise(bodies))

    asyncio.run(scenario())


def test_a_wrong_use_is_refused():
    with pytest.raises(ConfigError, match="not emulated"):
        Emulator("mtgox")
    with pytest.raises(ConfigError, match="one venue and its tape"):
        Emulator({"binance": GeneratedMarket()}, GeneratedMarket())
    with pytest.raises(ConfigError, match="not running"):
        _ = Emulator("binance").url
    with pytest.raises(ConfigError, match="quote currency"):
        Emulator("binanceusdm", GeneratedMarket(symbols=("NOTHING",)))


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_a_signal(name, capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args(["kraken", "--speed", "5", "--now", "--fault", "cut message=3 times=1"])

    async def signalled():
        await asyncio.sleep(0.2)
        os.kill(os.getpid(), name)

    original = asyncio.run

    def run(serving):
        async def both():
            killer = asyncio.create_task(signalled())
            code = await serving
            await killer
            return code

        return original(both())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "run", run)
        assert run_emulator(options) == 0
    assert capsys.readouterr().out.startswith("kraken on http://127.0.0.1:")


def test_the_command_refuses_a_wrong_fault():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(ConfigError, match="explode"):
        run_emulator(parser.parse_args(["kraken", "--fault", "explode"]))
