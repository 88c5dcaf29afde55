"""One live book: a decoded message in, the figures after it out, or nothing while the book is unknown.

The same compiled ladder as in replay takes each message whole. Read next: ``synchroniser.py`` (what is believed),
``ladder.py`` (the book).
"""

from liquidity.book.block import DELTA, INVALIDATE, NO_TIME, SNAPSHOT
from liquidity.book.book_features import BookFeatures
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.book.synchroniser import Accepted, Synchroniser
from liquidity.domain.book_message import BookMessage
from liquidity.domain.errors import ContractError

__all__ = ["LiveBook"]


class LiveBook:
    """A book that follows a venue's stream.

    Parameters
    ----------
    grid
        Steps and units of the market.
    synchroniser
        Sequence state of the same book.

    Attributes
    ----------
    ladder
        The book itself: ``top(n)``, ``levels_within(bps)``.
    newest
        Figures after the newest message that was taken; ``None`` before the first.

    Examples
    --------
    >>> from decimal import Decimal
    >>> book = LiveBook(BookGrid(Decimal("0.5"), Decimal("1")), Synchroniser("binance", "BTCUSDT"))
    >>> full = BookMessage("snapshot", "BTCUSDT", 3, None, [("99.5", "3")], [("100.5", "1")], last_id=7)
    >>> book.on_message(full).quoted_spread_bps
    100.0
    >>> lost = BookMessage("delta", "BTCUSDT", 4, None, [("99.0", "1")], [], first_id=12, last_id=13)
    >>> book.on_message(lost).invalid_reason
    'no_book'
    """

    def __init__(self, grid: BookGrid, synchroniser: Synchroniser) -> None:
        self.synchroniser = synchroniser
        self.ladder = Ladder(grid)
        self.newest: BookFeatures | None = None

    def on_message(self, message: BookMessage) -> BookFeatures | None:
        """Take a message of the stream, or a snapshot fetched beside it.

        Returns
        -------
        BookFeatures or None
            The figures after it (invalid with a reason where the book became unknown or crossed); ``None`` when the
            synchroniser kept or dropped the message, so that nothing changed. A level off the market's grid makes the
            book unknown and is counted by the synchroniser as ``off_grid``.
        """
        told: BookFeatures | None = None
        for step in self.synchroniser.push(message):
            try:
                told = self._take(step)
            except ContractError:
                for lost in self.synchroniser.invalidate("off_grid", step.received_ns):
                    told = self._take(lost)
                break
        if told is not None:
            self.newest = told
        return told

    def invalidate(self, reason: str, received_ns: int) -> BookFeatures | None:
        """Learn from outside that the book is unknown (silent, disconnected); its figures are missing from here on."""
        for lost in self.synchroniser.invalidate(reason, received_ns):
            self.newest = self._take(lost)
        return self.newest

    def _take(self, step: Accepted) -> BookFeatures:
        message = step.message
        if message is None:
            return self.ladder.apply_levels(INVALIDATE, step.prices, step.sizes, 0, step.received_ns).row(0)
        action = SNAPSHOT if message.kind == "snapshot" else DELTA
        event_ns = NO_TIME if message.event_ns is None else message.event_ns
        bids_n = len(message.bids)
        return self.ladder.apply_levels(action, step.prices, step.sizes, bids_n, message.received_ns, event_ns).row(0)
