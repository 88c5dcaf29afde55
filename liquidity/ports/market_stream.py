"""A venue's live messages as a port: the recorder and the live book ask for these and never see the transport."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from liquidity.domain.book_message import BookMessage

__all__ = ["MarketStream", "ReceivedMessage"]


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One message of the venue, its JSON as parsed, and the nanosecond (since 1970 UTC) at which it reached us."""

    received_ns: int
    body: Any


class MarketStream(Protocol):
    """Messages of some symbols of one venue, every delta, in arrival order.

    The transport reconnects and resubscribes by itself; what it could not deliver shows as a gap of the venue's ids, and
    the reader then asks for :meth:`snapshot`. A stream belongs to one event loop.
    """

    @property
    def venue(self) -> str:
        """Venue id, for example ``binanceusdm``."""
        ...

    async def messages(self, timeout_s: float) -> Sequence[ReceivedMessage]:
        """Everything that arrived since the last call; waits up to ``timeout_s`` for the first, then returns empty."""
        ...

    async def snapshot(self, venue_symbol: str) -> BookMessage | None:
        """Ask for a full book over REST; ``None`` where the venue sends it in the stream after :meth:`resubscribe`."""
        ...

    async def resubscribe(self, venue_symbol: str) -> None:
        """Drop and renew the subscription of one symbol (silent stream, or a gap where snapshots come in the stream)."""
        ...

    async def clock_offset_ms(self) -> float | None:
        """Venue clock minus ours in milliseconds; ``None`` where the venue tells no time."""
        ...

    async def close(self) -> None:
        """Unsubscribe and close every socket; safe to call twice."""
        ...
