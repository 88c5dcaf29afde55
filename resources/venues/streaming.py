"""Live messages of one venue: ccxt.pro keeps the sockets, every message is caught before ccxt merges it.

ccxt hands out books (one object, updated in place) and cached trades; a reader slower than the stream never sees the
changes in between. So the time is stamped when the frame leaves the socket, ccxt routes the message, and where the route
ends at a handler of market data the whole message is kept in its stead, in arrival order. Acks and pongs are not kept: a
subscription that died behind a living socket must look silent.

ccxt's own books and trades therefore stay empty: keeping them would cost more than ours, and where ccxt loses its book it
subscribes a second time on the same socket.

Read next: ``liquidity/ports/market_stream.py`` (the promise), ``_ccxt_client.py``.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from liquidity.domain.book_message import BookMessage
from liquidity.domain.errors import (
    ConfigError,
    IdentifierError,
    LiquidityError,
    UnsupportedError,
    VenueAuthError,
    VenueRejectedError,
)
from liquidity.ports.market_stream import ReceivedMessage
from resources.venues import _ccxt_parse as parse
from resources.venues._ccxt_client import build_client, clock_offset
from resources.venues._ccxt_errors import RETRY_AFTER_S, translated
from resources.venues.profile import CHANNELS, Channel, VenueProfile, venue_profile
from resources.venues.retry import RetryPolicy, read_with_retries

__all__ = ["CcxtStream", "open_stream"]

_HELD: Final = 100_000
_RECONNECT: Final = RetryPolicy(attempts=1, first_wait_s=1.0, longest_wait_s=30.0)
_WATCH: Final[dict[str, str]] = {
    "book": "watch_order_book",
    "trades": "watch_trades",
    "liquidations": "watch_liquidations",
    "mark_price": "watch_mark_price",
    "funding": "watch_funding_rate",
}
_HANDLERS: Final[dict[str, tuple[str, ...]]] = {
    "book": ("handle_order_book",),
    "trades": ("handle_trade", "handle_trades"),
    "liquidations": ("handle_liquidation",),
    "mark_price": ("handle_mark_prices", "handle_ticker"),
    "funding": ("handle_funding_rate",),
}


def open_stream(
    venue_id: str,
    symbols: Sequence[str],
    channels: Sequence[Channel] = ("book", "trades"),
    *,
    base_url: str | None = None,
    session: Any = None,
    max_held: int = _HELD,
    draw: Callable[[], float] = random.random,
) -> "CcxtStream":
    """Open the live messages of some symbols; the first call of :meth:`CcxtStream.messages` connects.

    Parameters
    ----------
    venue_id
        A name of ``venue_ids()``.
    symbols
        The venue's own symbols (``BTCUSDT``).
    channels
        What to subscribe for each symbol.
    base_url
        ``http://127.0.0.1:PORT`` of a loopback emulator; every address is moved there. ``None``: the venue itself.
    session
        An aiohttp session to use; it stays the caller's to close.
    max_held
        Messages that wait for the reader; above it the newest are dropped and counted, which shows as a gap of ids.
    draw
        A number in 0..1 for the random half of each wait before a new connection.

    Returns
    -------
    CcxtStream
        A :class:`~liquidity.ports.market_stream.MarketStream`; use it with ``async with``, or close it.

    Raises
    ------
    UnsupportedError
        The venue has no such channel.
    ConfigError
        No profile, no symbols, an unknown channel, or an address that is not loopback.
    """
    profile = venue_profile(venue_id)
    if not symbols or not channels:
        raise ConfigError(f"stream of {venue_id}: {len(symbols)} symbols, {len(channels)} channels; give one of each")
    for channel in channels:
        if channel not in CHANNELS:
            raise ConfigError(f"stream of {venue_id}: channel {channel!r}, allowed {', '.join(CHANNELS)}")
        reason = profile.channels.lacks(channel)
        if reason is not None:
            raise UnsupportedError(f"{venue_id} stream.{channel}: {reason}")
    return CcxtStream(
        profile, tuple(dict.fromkeys(symbols)), tuple(dict.fromkeys(channels)), base_url, session, max_held, draw
    )


class CcxtStream:
    """Messages of one venue through a ``ccxt.pro`` instance; made by :func:`open_stream`.

    Each symbol and channel has a task that watches it. When a socket ends the tasks connect and subscribe again after 1, 2,
    4 ... 30 s, half of it drawn at random, the count starting anew with the first message. A refusal (wrong key, unknown
    symbol) is final: :meth:`messages` hands out what came before it and then raises it.

    Attributes
    ----------
    counts
        ``received`` messages, ``dropped`` for want of a reader, ``reconnects``, ``unreadable`` frames, ``handler_errors``
        (messages ccxt itself failed to route).
    """

    def __init__(
        self,
        profile: VenueProfile,
        symbols: tuple[str, ...],
        channels: tuple[Channel, ...],
        base_url: str | None,
        session: Any,
        max_held: int,
        draw: Callable[[], float],
    ) -> None:
        self.profile = profile
        self.counts: Counter[str] = Counter()
        self._symbols = symbols
        self._channels = channels
        self._max_held = max_held
        self._draw = draw
        self._held: deque[ReceivedMessage] = deque()
        self._arrived = asyncio.Event()
        self._failure: LiquidityError | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._listing: parse.Listing | None = None
        self._opening = asyncio.Lock()
        self._received_ns = 0
        self._is_market_data = False
        self._closed = False
        self._client = build_client(
            profile, streaming=True, base_url=base_url, session=session, overrides=self._hooks(profile.venue)
        )

    @property
    def venue(self) -> str:
        """Venue id."""
        return self.profile.venue

    async def messages(self, timeout_s: float) -> Sequence[ReceivedMessage]:
        """Everything since the last call, oldest first; empty after ``timeout_s`` of silence or once closed."""
        await self._open()
        if not self._held and self._failure is None and not self._closed:
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout_s):  # wait_for would make a task of each wait
                    await self._arrived.wait()
            except TimeoutError:
                return ()
        if not self._held and self._failure is not None:
            raise self._failure
        taken = tuple(self._held)
        self._held.clear()
        return taken

    async def snapshot(self, venue_symbol: str) -> BookMessage | None:
        """Full book over REST, as deep as one request goes; ``None`` where the stream itself sends it."""
        await self._open()
        if self.profile.stream.book_snapshot == "stream":
            return None
        market = self._market(venue_symbol)
        book = await self._read("order_book", "fetch_order_book", market.symbol, self.profile.book_limit)
        return parse.book(book, market, time.time_ns(), numbered=True)

    async def resubscribe(self, venue_symbol: str) -> None:
        """Cut the sockets that carry the symbol; all that is subscribed on them connects anew.

        Asking a dead socket to unsubscribe would wait for an answer that never comes. Other symbols of the same socket
        are renewed with it and show a gap of ids, or a new snapshot.
        """
        await self._open()
        market = self._market(venue_symbol)
        names = {venue_symbol.lower(), market.symbol.lower()}
        clients = list((self._client.clients or {}).values())
        carrying = [
            client
            for client in clients
            if any(name in str(key).lower() for key in (*client.subscriptions, *client.futures) for name in names)
        ]
        for client in carrying or clients:
            self._cut(client, f"renewing {venue_symbol}")

    async def clock_offset_ms(self) -> float | None:
        """Venue clock minus ours at the middle of one round trip; ``None`` where the venue tells no time."""
        if self.profile.calls.lacks("server_time") is not None:
            return None
        await self._open()
        return clock_offset(await self._read("server_time", "fetch_time"), self.venue)[0]

    async def close(self) -> None:
        """Cancel the watchers and close every socket; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()
        self._arrived.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _open(self) -> None:
        async with self._opening:
            if self._listing is not None or self._closed:
                return
            listing = parse.listing(await self._read("markets", "load_markets"), self.profile)
            unknown = [symbol for symbol in self._symbols if symbol not in listing.markets]
            if unknown:
                raise IdentifierError(
                    f"stream of {self.venue}: {', '.join(name[:40] for name in unknown)} not among its "
                    f"{len(listing.markets)} markets; write the venue's own symbols"
                )
            self._listing = listing
            self._tasks = [
                asyncio.create_task(
                    self._watch(channel, listing.markets[symbol].symbol), name=f"{self.venue} {symbol} {channel}"
                )
                for symbol in self._symbols
                for channel in self._channels
            ]

    async def _watch(self, channel: Channel, symbol: str) -> None:
        watch = getattr(self._client, _WATCH[channel])
        failures, seen = 0, 0
        while True:
            try:
                await watch(symbol)
                continue
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if self._closed or (task is not None and task.cancelling()):
                    raise
                # ccxt cancels what waits on a socket it closes; that is a lost connection, not our end.
                failure: LiquidityError | None = None
            except Exception as error:  # noqa: BLE001 - whatever ccxt raises ends or repeats the watch by its class
                failure = translated(error, f"stream.{channel} {symbol}", self.profile)
            if isinstance(failure, VenueAuthError | VenueRejectedError | UnsupportedError):
                self._failure = failure
                self._arrived.set()
                return
            self.counts["reconnects"] += 1
            failures = 1 if self.counts["received"] > seen else failures + 1
            seen = self.counts["received"]
            await asyncio.sleep(_RECONNECT.wait_s(failures, self._draw()))

    async def _read(self, call: str, method: str, *arguments: Any) -> Any:
        async def attempt() -> Any:
            RETRY_AFTER_S.set(None)
            try:
                return await getattr(self._client, method)(*arguments)
            except Exception as error:  # noqa: BLE001 - ccxt's parsers raise anything on a strange answer
                failure = translated(error, call, self.profile)
            raise failure

        return await read_with_retries(attempt, RetryPolicy())

    def _market(self, venue_symbol: str) -> Any:
        if venue_symbol not in self._symbols or self._listing is None:
            raise IdentifierError(f"stream of {self.venue}: {venue_symbol[:40]!r} is not subscribed")
        return self._listing.markets[venue_symbol]

    def _cut(self, client: Any, reason: str) -> None:
        from ccxt import NetworkError

        client.on_error(NetworkError(f"{self.venue}: {reason}"))

    def _keep(self, body: Any) -> None:
        if len(self._held) >= self._max_held:
            self.counts["dropped"] += 1
            return
        self.counts["received"] += 1
        self._held.append(ReceivedMessage(self._received_ns, body))
        self._arrived.set()

    def _hooks(self, venue: str) -> dict[str, Any]:
        """Members that stand before ccxt's own (socket frames, message routing) or in their stead (market data)."""
        import ccxt.pro

        base: Any = getattr(ccxt.pro, venue, object)
        stream = self

        def client(exchange: Any, url: str) -> Any:
            known = url in (exchange.clients or {})
            made = base.client(exchange, url)
            if not known:
                handle = made.handle_message

                def handle_frame(frame: Any) -> None:
                    stream._received_ns = time.time_ns()
                    try:
                        handle(frame)
                    except Exception as error:  # noqa: BLE001 - it would end ccxt's receive loop without a word
                        stream.counts["unreadable"] += 1
                        stream._cut(made, f"unreadable frame ({type(error).__name__})")

                made.handle_message = handle_frame
            return made

        def handle_message(exchange: Any, client: Any, message: Any) -> None:
            stream._is_market_data = False
            try:
                base.handle_message(exchange, client, message)
            except Exception:  # noqa: BLE001 - our own decoders judge what is kept; what ccxt failed on is counted
                stream.counts["handler_errors"] += 1
            if stream._is_market_data:
                stream._keep(message)

        def mark(exchange: Any, *arguments: Any) -> None:
            stream._is_market_data = True

        names = [name for channel in self._channels for name in _HANDLERS[channel] if hasattr(base, name)]
        return {"client": client, "handle_message": handle_message, **dict.fromkeys(names, mark)}
