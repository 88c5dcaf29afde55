"""Live messages through unmodified ccxt.pro protocols: every message kept, gaps visible, sockets renewed."""

import asyncio
import itertools
import logging
import runpy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from liquidity.domain.errors import ConfigError, IdentifierError, UnsupportedError, VenueAuthError
from resources.venues import open_stream
from resources.venues import streaming as streaming_module
from resources.venues.retry import RetryPolicy

DOUBLE = runpy.run_path(str(Path(__file__).parents[3] / "contract" / "venue_double.py"))
NOW_MS = DOUBLE["NOW_MS"]
DEPTH = "GET /bn/fapi/v1/depth"


def delta(update: int, symbol: str = "BTCUSDT", size: str = "1.0") -> dict[str, Any]:
    return {
        "e": "depthUpdate",
        "E": NOW_MS + update,
        "T": NOW_MS + update,
        "s": symbol,
        "U": update,
        "u": update,
        "pu": update - 1,
        "b": [[f"{60000 - update % 7}.0", size]],
        "a": [],
    }


def trade(number: int) -> dict[str, Any]:
    return {"e": "aggTrade", "E": NOW_MS, "s": "BTCUSDT", "a": number, "p": "60000.0", "q": "0.1", "f": 1, "l": 1, "T": NOW_MS, "m": False}  # fmt: skip


class Book:
    """The venue's side of a Binance socket: acknowledges, then sends what ``feed`` says to each subscription."""

    def __init__(self, feed: Callable[["Book", Any, int], Awaitable[None]]) -> None:
        self.feed = feed
        self.update = 100
        self.subscribed: list[tuple[str, list[str]]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def on_message(self, double: Any, socket: Any, path: str, message: Any) -> None:
        if message.get("method") != "SUBSCRIBE":
            return
        self.subscribed.append((path, message["params"]))
        await socket.send_json({"result": None, "id": message["id"]})
        self.tasks.append(asyncio.create_task(self._run(socket, len(self.subscribed))))

    async def _run(self, socket: Any, number: int) -> None:
        try:
            await self.feed(self, socket, number)
        except ConnectionError:
            return

    async def send(self, socket: Any, count: int = 1, **fields: Any) -> None:
        for _ in range(count):
            self.update += 1
            await socket.send_json(delta(self.update, **fields))


async def collect(stream: Any, count: int, seconds: float = 20.0) -> list[Any]:
    found: list[Any] = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            found.extend(message.body for message in await stream.messages(0.2))
    return found


def against(
    venue: str, feed: Callable[..., Awaitable[None]], check: Callable[[Any, Any, Any], Awaitable[None]], **options: Any
) -> None:
    """Run ``check(stream, double, book)`` on a double of one venue whose sockets follow ``feed``."""

    async def run() -> None:
        case, book = DOUBLE["CASES"][venue], Book(feed)
        double = DOUBLE["VenueDouble"](dict(case.answers), on_socket_message=book.on_message)
        async with double.running():
            settings = {"channels": ("book",), "base_url": double.url} | options
            async with open_stream(venue, settings.pop("symbols", [case.symbol]), **settings) as stream:
                stream._client.enableRateLimit, stream._client.timeout_on_exit = False, 0
                await check(stream, double, book)
            for task in book.tasks:
                task.cancel()
            await asyncio.gather(*book.tasks, return_exceptions=True)

    asyncio.run(run())


@pytest.fixture(autouse=True)
def quick_reconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming_module, "_RECONNECT", RetryPolicy(attempts=1, first_wait_s=0.01, longest_wait_s=0.05))


@pytest.mark.feature("ET-SG-04", "PL-OB-13")
def test_a_slow_reader_gets_every_delta_in_order_with_rising_times() -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await book.send(socket, 252)

    async def check(stream: Any, double: Any, book: Book) -> None:
        found: list[Any] = []
        async with asyncio.timeout(20):
            while len(found) < 252:
                found.extend(await stream.messages(0.2))
                await asyncio.sleep(0.05)
        assert [message.body["u"] for message in found] == list(range(101, 353))
        times = [message.received_ns for message in found]
        assert times == sorted(times)
        assert stream.counts["received"] == 252

    against("binanceusdm", feed, check)


@pytest.mark.feature("ET-SG-04")
def test_lost_messages_show_as_a_gap_of_ids_and_the_snapshot_is_ours_to_ask() -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await book.send(socket, 3)
        book.update += 30
        await book.send(socket, 3)

    async def check(stream: Any, double: Any, book: Book) -> None:
        found = await collect(stream, 6)
        assert [after["pu"] - before["u"] for before, after in itertools.pairwise(found)] == [0, 0, 30, 0, 0]
        assert DEPTH not in double.routes, "ccxt's own book is not fetched beside ours"
        snapshot = await stream.snapshot("BTCUSDT")
        assert (snapshot.kind, snapshot.last_id) == ("snapshot", 77)
        asked = [params for route, params in double.journal if route == DEPTH]
        assert [params["limit"] for params in asked] == ["1000"]

    against("binanceusdm", feed, check)


@pytest.mark.feature("ET-SG-04", "PL-OB-13")
def test_five_cut_sockets_are_renewed_and_the_book_equals_the_venues() -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await book.send(socket, 20, size=f"{number}.0")
        if number <= 5:
            if number % 2:
                await socket.close(code=1001)
            else:
                socket._req.transport.abort()

    async def check(stream: Any, double: Any, book: Book) -> None:
        levels: dict[str, str] = {}
        async with asyncio.timeout(20):
            while levels.get("last") != "220":
                for message in await stream.messages(0.2):
                    levels |= dict(message.body["b"]) | {"last": str(message.body["u"])}
        del levels["last"]
        assert len(book.subscribed) == 6
        assert stream.counts["reconnects"] >= 5
        assert set(levels.values()) == {"6.0"}, "the state after the last subscription"

    against("binanceusdm", feed, check)


@pytest.mark.feature("PL-OB-13")
def test_a_connected_but_silent_stream_is_empty_until_it_is_renewed() -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await book.send(socket, 2)
        if number == 1:
            for _ in range(50):
                await socket.ping()
                await socket.send_json({"result": None, "id": 999})  # acks and pongs are no sign of life
                await asyncio.sleep(0.01)

    async def check(stream: Any, double: Any, book: Book) -> None:
        await collect(stream, 2)
        assert await stream.messages(0.3) == ()
        await stream.resubscribe("BTCUSDT")
        assert len(await collect(stream, 2)) == 2
        assert len(book.subscribed) == 2

    against("binanceusdm", feed, check)


@pytest.mark.feature("ET-SG-04")
def test_no_depth_limit_reaches_the_wire_and_trades_are_the_series_of_rest() -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await socket.send_json(trade(7))
        await book.send(socket)

    async def check(stream: Any, double: Any, book: Book) -> None:
        await collect(stream, 4)
        assert sorted(params[0] for _, params in book.subscribed) == ["btcusdt@aggTrade", "btcusdt@depth@100ms"]
        assert {path.rpartition("/")[0] for path, _ in book.subscribed} == {"/bn/public/ws", "/bn/market/ws"}

    against("binanceusdm", feed, check, channels=("book", "trades"))


@pytest.mark.feature("ET-SG-04")
def test_spot_and_coin_margined_sockets_are_routed_to_their_own_markets() -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await book.send(socket, symbol=book.subscribed[-1][1][0].partition("@")[0].upper())

    for venue, path in (("binance", "/bn/stream/ws"), ("binancecoinm", "/bn/ws")):

        async def check(stream: Any, double: Any, book: Book, path: str = path) -> None:
            await collect(stream, 1)
            assert book.subscribed[0][0].rpartition("/")[0] == path
            assert stream.counts["handler_errors"] == 0

        against(venue, feed, check)


@pytest.mark.feature("PL-OB-13")
@pytest.mark.parametrize(
    "frame", ['{"e": "depthUpdate", "s": ', '{"e":"depthUpdate","s":"BTCUSDT","U":"x","u":[],"b":3}']
)
def test_an_unreadable_frame_does_not_end_the_stream(frame: str) -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await book.send(socket)
        if number == 1:
            await socket.send_str(frame)
        await book.send(socket, 2)

    async def check(stream: Any, double: Any, book: Book) -> None:
        found = await collect(stream, 4)
        assert found[-1]["e"] == "depthUpdate"
        readable = frame.endswith("}")
        assert stream.counts["unreadable"] == (0 if readable else 1)
        assert len(book.subscribed) == (1 if readable else 2)

    against("binanceusdm", feed, check)


def test_messages_beyond_the_bound_are_dropped_and_counted() -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await book.send(socket, 50)

    async def check(stream: Any, double: Any, book: Book) -> None:
        await stream.messages(5)
        async with asyncio.timeout(10):
            while stream.counts["received"] + stream.counts["dropped"] < 50:
                await asyncio.sleep(0.01)
        assert stream.counts["dropped"] >= 50 - 2 * 10 - 10
        assert len(await stream.messages(0.1)) <= 10

    against("binanceusdm", feed, check, max_held=10)


@pytest.mark.feature("ET-SG-05")
def test_a_refused_key_ends_the_stream_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        return None

    async def check(stream: Any, double: Any, book: Book) -> None:
        import ccxt

        tries = []

        async def refused(symbol: str) -> None:
            tries.append(symbol)
            raise ccxt.AuthenticationError('binanceusdm {"code":-2015,"msg":"Invalid API-key"}')

        monkeypatch.setattr(stream._client, "watch_order_book", refused)
        with pytest.raises(VenueAuthError, match="-2015"):
            await stream.messages(2)
        await asyncio.sleep(0.1)
        assert len(tries) == 1

    against("binanceusdm", feed, check)


@pytest.mark.feature("ET-SG-03", "ET-SG-04")
def test_hyperliquid_full_books_and_the_replay_of_trades_pass_on() -> None:
    book_row = {
        "channel": "l2Book",
        "data": {"coin": "BTC", "time": NOW_MS, "levels": [[{"px": "60000", "sz": "1", "n": 1}], [{"px": "60001", "sz": "1", "n": 1}]]},
    }  # fmt: skip

    def fill(tid: int) -> dict[str, Any]:
        return {"coin": "BTC", "side": "B", "px": "60000", "sz": "1", "time": NOW_MS, "hash": "0x0", "tid": tid, "users": []}  # fmt: skip

    sent: list[Any] = []

    async def on_message(double: Any, socket: Any, path: str, message: Any) -> None:
        sent.append((path, message))
        if message.get("method") != "subscribe":
            return
        kind = message["subscription"]["type"]
        await socket.send_json({"channel": "subscriptionResponse", "data": message})
        for body in [book_row] * 3 if kind == "l2Book" else [{"channel": "trades", "data": [fill(1), fill(2)]}, {"channel": "trades", "data": [fill(3)]}]:  # fmt: skip
            await socket.send_json(body)
        await socket.send_json({"channel": "pong"})

    async def run() -> None:
        case = DOUBLE["CASES"]["hyperliquid"]
        double = DOUBLE["VenueDouble"](dict(case.answers), on_socket_message=on_message)
        async with double.running(), open_stream("hyperliquid", ["BTC"], base_url=double.url) as stream:
            stream._client.enableRateLimit = False
            found = await collect(stream, 5)
            assert sorted(body["channel"] for body in found) == ["l2Book"] * 3 + ["trades"] * 2
            assert [fill["tid"] for body in found if body["channel"] == "trades" for fill in body["data"]] == [1, 2, 3]
            assert await stream.snapshot("BTC") is None
            assert {path for path, _ in sent} == {"/hl/ws"}
            assert isinstance(await stream.clock_offset_ms(), float)

    asyncio.run(run())


@pytest.mark.feature("PL-SG-01")
def test_what_a_venue_does_not_stream_is_refused_before_connecting() -> None:
    with pytest.raises(UnsupportedError, match="none"):
        open_stream("hyperliquid", ["BTC"], ("liquidations",))
    with pytest.raises(UnsupportedError, match="signed"):
        open_stream("coinbaseexchange", ["BTC-USD"], ("book",))
    with pytest.raises(ConfigError, match="channel"):
        open_stream("binanceusdm", ["BTCUSDT"], ("candles",))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="0 symbols"):
        open_stream("binanceusdm", [])


def test_unknown_symbols_are_named() -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        return None

    async def check(stream: Any, double: Any, book: Book) -> None:
        with pytest.raises(IdentifierError, match="NOSUCH"):
            await stream.messages(1)

    against("binanceusdm", feed, check, symbols=["BTCUSDT", "NOSUCH"])


@pytest.mark.feature("PL-OB-13")
def test_closing_twice_leaves_no_session_open(caplog: pytest.LogCaptureFixture) -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await book.send(socket)

    async def check(stream: Any, double: Any, book: Book) -> None:
        await collect(stream, 1)
        await stream.close()
        await stream.close()
        assert await stream.messages(0.1) == ()

    with caplog.at_level(logging.DEBUG):
        against("binanceusdm", feed, check)
        import gc

        gc.collect()
    assert not [record for record in caplog.records if "Unclosed" in record.getMessage()]


@pytest.mark.feature("ET-SG-02")
@pytest.mark.parametrize(
    ("channel", "stream_name", "body"),
    [
        ("liquidations", "btcusdt@forceOrder", {"e": "forceOrder", "E": NOW_MS, "o": {"s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.014", "p": "59910", "ap": "60000", "X": "FILLED", "l": "0.014", "z": "0.014", "T": NOW_MS}}),
        ("mark_price", "btcusdt@markPrice@1s", {"e": "markPriceUpdate", "E": NOW_MS, "s": "BTCUSDT", "p": "60000.1", "i": "59990.0", "P": "60000.0", "r": "0.0001", "T": NOW_MS + 1}),
    ],
)  # fmt: skip
def test_forced_orders_and_mark_prices_come_as_sent(channel: str, stream_name: str, body: Any) -> None:
    async def feed(book: Book, socket: Any, number: int) -> None:
        await socket.send_json(body)

    async def check(stream: Any, double: Any, book: Book) -> None:
        assert await collect(stream, 1) == [body]
        assert book.subscribed[0][1] == [stream_name]

    against("binanceusdm", feed, check, channels=(channel,))
