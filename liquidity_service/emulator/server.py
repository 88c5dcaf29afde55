"""The emulator as one context manager: markets, venues, clock, faults and journal behind one loopback port.

::

    async with Emulator("binanceusdm", tape=Path("tape.jsonl.gz")) as emulator:
        exchange.urls["api"]["fapiPublic"] = emulator.url + "/bn/fapi/v1"

Market time stands until the first subscription (or :meth:`Emulator.start`), so that a client misses nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator.binance import Binance
from liquidity_service.emulator.binance_gateway import gateway_routes
from liquidity_service.emulator.bybit import Bybit
from liquidity_service.emulator.clock import MarketClock
from liquidity_service.emulator.coinbase import Coinbase
from liquidity_service.emulator.faults import Fault, FaultPlan, RouteFault
from liquidity_service.emulator.generated import GeneratedMarket
from liquidity_service.emulator.hyperliquid import Hyperliquid
from liquidity_service.emulator.journal import Journal
from liquidity_service.emulator.kraken import Kraken
from liquidity_service.emulator.market import Book, Market
from liquidity_service.emulator.okx import Okx
from liquidity_service.emulator.recorded import recorded_market
from liquidity_service.emulator.venue import Shared, Venue

__all__ = ["VENUES", "Emulator", "TapeSource"]

TapeSource = Path | str | GeneratedMarket
"""A capture file or folder (``recorded.py``), or the recipe of a generated market."""

VENUES: dict[str, type[Venue]] = {
    venue_id: venue for venue in (Binance, Hyperliquid, Bybit, Coinbase, Kraken, Okx) for venue_id in venue.ids
}
"""Venue class by ccxt id."""

_DEFAULT_SYMBOLS = {
    "binance": ("BTCUSDT", "ETHUSDT"),
    "binanceusdm": ("BTCUSDT", "ETHUSDT"),
    "binancecoinm": ("BTCUSD_PERP", "ETHUSD_PERP"),
    "hyperliquid": ("BTC", "ETH"),
    "bybit": ("BTCUSDT", "ETHUSDT"),
    "coinbaseexchange": ("BTC-USD", "ETH-USD"),
    "kraken": ("XBT/USD", "ETH/USD"),
    "okx": ("BTC-USDT-SWAP", "ETH-USDT-SWAP"),
}
_BATCH = 256
_HTML = "<!DOCTYPE html><html><head><title>Attention required</title></head><body>Please stand by</body></html>"


class Emulator:
    """Venues on a loopback port.

    Parameters
    ----------
    venue
        A venue id, or tapes by venue id for several venues on one port and one clock.
    tape
        What the single venue shows; a :class:`GeneratedMarket` by default.
    faults, seed, clock_skew_ms
        The fault plan (``faults.py``).
    speed
        Market seconds per second; 0 is a clock moved by hand (:meth:`advance`).
    port
        0 takes a free one.

    Raises
    ------
    ConfigError
        On an unknown venue or a tape that cannot be read.
    """

    def __init__(
        self,
        venue: str | Mapping[str, TapeSource],
        tape: TapeSource | None = None,
        *,
        faults: Sequence[Fault] = (),
        seed: int = 0,
        clock_skew_ms: int = 0,
        speed: float = 1.0,
        port: int = 0,
    ) -> None:
        if isinstance(venue, str):
            venue = {venue: tape if tape is not None else GeneratedMarket(seed=seed)}
        elif tape is not None:
            raise ConfigError("give the tape of each venue in the mapping, or one venue and its tape")
        self.clock = MarketClock(speed)
        self.plan = FaultPlan(faults, seed=seed, clock_skew_ms=clock_skew_ms)
        self.journal = Journal()
        self._shared = Shared(self.plan, self.journal)
        self._shared.on_subscribe = self.clock.start
        self.venues = {venue_id: self._made(venue_id, source) for venue_id, source in venue.items()}
        self._port = port
        self._runner: web.AppRunner | None = None
        self._pumps: list[asyncio.Task[None]] = []

    def _made(self, venue_id: str, source: TapeSource) -> Venue:
        if venue_id not in VENUES:
            raise ConfigError(f"venue {venue_id!r} is not emulated; choose of {', '.join(sorted(VENUES))}")
        kind = VENUES[venue_id]
        if isinstance(source, GeneratedMarket):
            symbols = source.symbols or _DEFAULT_SYMBOLS[venue_id]
            listings = [kind.listing(venue_id, symbol) for symbol in symbols]
            begin_ns = source.begin_ns()
            first, events = source.books(listings, begin_ns)
            market = Market(listings, events, start_ns=begin_ns, first_books=first, seed=source.seed)
        else:
            market = recorded_market(kind, venue_id, Path(source), seed=self.plan.seed)
        return kind(venue_id, market, self._shared)

    @property
    def url(self) -> str:
        """Address of the running emulator, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Port in use; raises :class:`ConfigError` while not running."""
        if self._runner is None or not self._runner.addresses:
            raise ConfigError("the emulator is not running; enter it with 'async with'")
        return int(self._runner.addresses[0][1])

    def book(self, symbol: str, venue_id: str | None = None) -> Book:
        """The venue's own book of a symbol, to compare a client's with."""
        return self.market(venue_id).books[symbol]

    def market(self, venue_id: str | None = None) -> Market:
        """Market of a venue (of the only one by default)."""
        return self.venues[venue_id or next(iter(self.venues))].market

    def start(self) -> None:
        """Let market time pass without waiting for a subscription."""
        self.clock.start()

    async def advance(self, seconds: float) -> None:
        """Move market time on and return once everything due has been sent."""
        self.clock.advance(seconds)
        while any(self._behind(venue.market) for venue in self.venues.values()):
            await asyncio.sleep(0)

    def _behind(self, market: Market) -> bool:
        return market.next_ns is not None and market.next_ns - market.start_ns <= self.clock.elapsed_ns()

    async def until_end(self, venue_id: str | None = None) -> None:
        """Return when a recorded tape has been played to its end."""
        market = self.market(venue_id)
        while market.next_ns is not None:
            await asyncio.sleep(0.01)

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._faulty], client_max_size=1024**2)
        for venue in self.venues.values():
            app.add_routes(venue.routes())
        app.add_routes(gateway_routes(self.venues, self._shared))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._pumps = [asyncio.create_task(self._pump(venue)) for venue in self.venues.values()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pump in self._pumps:
            pump.cancel()
        ended = await asyncio.gather(*self._pumps, return_exceptions=True)
        for connection in list(self._shared.open):
            connection.close()
        if self._runner is not None:
            await self._runner.cleanup()
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    async def _pump(self, venue: Venue) -> None:
        market = venue.market
        while (next_ns := market.next_ns) is not None:
            await self.clock.wait_until(next_ns - market.start_ns)
            for number, event in enumerate(market.due(market.start_ns + self.clock.elapsed_ns()), 1):
                venue.publish(event)
                if number % _BATCH == 0:
                    await asyncio.sleep(0)

    @web.middleware
    async def _faulty(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await handler(request)
        text = await request.text()
        params: dict[str, Any] = dict(request.query)
        if text:
            params |= await request.json() if text.startswith("{") else dict(await request.post())
        faults = self.plan.for_request(f"{request.method} {request.path}")
        answer: web.StreamResponse | None = None
        try:
            for fault in (fault for fault in faults if fault.phase == "before"):
                if (answer := await self._meet(fault, request)) is not None:
                    return answer
            try:
                answer = await handler(request)
            except web.HTTPNotFound:
                answer = web.json_response({"code": -1000, "msg": f"not emulated: {request.path}"}, status=404)
            for fault in (fault for fault in faults if fault.phase == "after"):
                if (replaced := await self._meet(fault, request)) is not None:
                    answer = replaced
            return answer
        finally:
            lost = request.transport is None or request.transport.is_closing()
            self.journal.add(request.method, request.path, params, 0 if answer is None or lost else answer.status)

    @staticmethod
    async def _meet(fault: RouteFault, request: web.Request) -> web.Response | None:
        """What the client gets instead of the venue's answer; ``None`` where it is only late."""
        if fault.kind == "delay":
            await asyncio.sleep(fault.delay_s)
            return None
        if fault.kind == "drop":
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        if fault.kind == "limit":
            body = {"code": -1003, "msg": "Too many requests; current limit is 2400 requests per minute."}
            return web.json_response(body, status=429, headers={"Retry-After": str(fault.retry_after_s)})
        if fault.kind == "status" and fault.code:
            body = {"code": fault.code, "msg": "From the emulator's fault plan."}
            return web.json_response(body, status=fault.status)
        if fault.kind == "status":
            return web.Response(status=fault.status, text=f"{fault.status} from the emulator's fault plan")
        if fault.kind == "html":
            return web.Response(text=_HTML, content_type="text/html")
        return web.Response(
            text="null" if fault.kind == "null" else '{"broken": [1, 2', content_type="application/json"
        )
