"""What the emulator asks of a venue: routes, words for events, and reading its own recordings."""

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from aiohttp import web

from liquidity_service.emulator.connections import Connection
from liquidity_service.emulator.faults import FaultPlan
from liquidity_service.emulator.journal import Journal
from liquidity_service.emulator.market import Event, ListedMarket, Market

__all__ = ["Shared", "Subscribers", "Venue"]


class Shared:
    """What the venues of one emulator have in common: faults, journal, the number of the next connection."""

    def __init__(self, plan: FaultPlan, journal: Journal) -> None:
        self.plan = plan
        self.journal = journal
        self.numbers = itertools.count(1)
        self.open: set[Connection] = set()
        self.on_subscribe: Callable[[], None] = lambda: None

    def now_ms(self) -> int:
        """The venue's own clock: wall time in milliseconds and the skew asked for."""
        return time.time_ns() // 1_000_000 + self.plan.clock_skew_ms

    def connection(self, request: web.Request) -> Connection:
        """A connection for a WebSocket request."""
        connection = Connection(next(self.numbers), request.path, self.plan, self.journal)
        self.open = {known for known in self.open if not known.closed} | {connection}
        return connection


class Subscribers:
    """Who listens to what: connections and the name they use, by (symbol, channel)."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], dict[tuple[int, str], Connection]] = {}

    def add(self, symbol: str, channel: str, connection: Connection, name: str) -> None:
        """Let ``connection`` listen to a channel under ``name``."""
        self._of.setdefault((symbol, channel), {})[connection.number, name] = connection

    def remove(self, symbol: str, channel: str, connection: Connection, name: str) -> None:
        """Stop listening."""
        self._of.get((symbol, channel), {}).pop((connection.number, name), None)

    def drop(self, connection: Connection) -> None:
        """Forget a connection."""
        for listeners in self._of.values():
            for key in [key for key in listeners if key[0] == connection.number]:
                del listeners[key]

    def of(self, symbol: str, channel: str) -> Iterator[tuple[Connection, str]]:
        """Connections that listen, with the name each uses."""
        for (_, name), connection in list(self._of.get((symbol, channel), {}).items()):
            yield connection, name

    def channels(self, symbol: str) -> list[str]:
        """Channels of a symbol with a listener."""
        return [channel for (name, channel), listeners in self._of.items() if name == symbol and listeners]


class Venue(ABC):
    """One venue: its market, its routes, its streams.

    Subclasses are named in ``server.VENUES``. ``read`` turns one recorded line into events; ``listing`` describes a symbol
    of which only the name is known.
    """

    ids: ClassVar[tuple[str, ...]]

    def __init__(self, venue_id: str, market: Market, shared: Shared) -> None:
        self.venue_id = venue_id
        self.market = market
        self.shared = shared
        self.subscribers = Subscribers()

    @classmethod
    @abstractmethod
    def read(cls, at_ns: int, message: Any, url: str | None, only_symbol: str) -> Iterable[Event]:
        """Events of one recorded line; none for lines that carry no market data."""

    @classmethod
    @abstractmethod
    def listing(cls, venue_id: str, symbol: str) -> ListedMarket:
        """An instrument of this venue by its own symbol, with common steps."""

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """REST and WebSocket routes below the emulator's address."""

    @abstractmethod
    def publish(self, event: Event) -> None:
        """Send an event, already applied to the market, to whoever listens."""

    @abstractmethod
    def on_message(self, connection: Connection, message: Any) -> None:
        """A client's WebSocket message."""

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one WebSocket."""
        connection = self.shared.connection(request)
        self.opened(connection, request)
        try:
            return await connection.serve(request, self.on_message)
        finally:
            self.subscribers.drop(connection)

    def opened(self, connection: Connection, request: web.Request) -> None:  # noqa: B027 - most venues need nothing here
        """A socket was opened, before its first message."""
