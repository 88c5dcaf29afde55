"""The live path: messages through the synchroniser into the ladder, equal to the replay of the same levels."""

from decimal import Decimal

import numpy as np
import pytest

from liquidity.book.grid import BookGrid
from liquidity.book.live_book import LiveBook
from liquidity.book.reference import ReferenceBook, rows_of
from liquidity.book.rows import BlockBuilder
from liquidity.book.synchroniser import Accepted, Synchroniser
from liquidity.domain.book_message import BookMessage

GRID = BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear")


class Everything(Synchroniser):
    """Believes every message; ids are not looked at."""

    def __init__(self) -> None:
        super().__init__("binance", "BTCUSDT")

    def push(self, message: BookMessage) -> list[Accepted]:
        levels = [*message.bids, *message.asks]
        prices, sizes = (np.array([float(level[k]) for level in levels]) for k in (0, 1))
        return [Accepted(message, prices, sizes, None, message.received_ns)]

    def invalidate(self, reason: str, received_ns: int) -> list[Accepted]:
        self.counts[reason] += 1
        return [Accepted(None, np.empty(0), np.empty(0), reason, received_ns)]


def full(at: int = 1) -> BookMessage:
    return BookMessage("snapshot", "BTCUSDT", at, None, [("999.0", "0.005")], [("1001.0", "0.002")], last_id=7)


def test_every_message_gives_the_figures_of_the_reference() -> None:
    rng = np.random.default_rng(5)
    book, builder, reference = LiveBook(GRID, Everything()), BlockBuilder(GRID), ReferenceBook(GRID)
    for number in range(300):
        sides = [
            [
                (f"{1000 + sign * int(rng.integers(1, 60)) / 10:.1f}", f"{int(rng.integers(0, 5)) / 1000}")
                for _ in range(9)
            ]
            for sign in (-1, 1)
        ]
        message = full() if number == 0 else BookMessage("delta", "BTCUSDT", number, 3 * number, *sides)
        told = book.on_message(message)
        builder.add(book.synchroniser.push(message)[0])
        for row in rows_of(builder.take()):
            reference.apply(row)
        assert told is not None
        judge = reference.features(None, told.ofi_lots, told.updates_n)
        assert told == judge or (not told.valid and told[:13] == judge[:13])
        assert book.newest is told


def test_a_lost_message_leaves_no_figures_until_the_next_snapshot() -> None:
    book = LiveBook(GRID, Synchroniser("binance", "BTCUSDT"))
    early = BookMessage("delta", "BTCUSDT", 0, None, [("999.0", "1")], [], first_id=5, last_id=6)
    assert book.on_message(early) is None
    assert book.newest is None
    first = book.on_message(full())
    assert first is not None
    assert first.valid
    lost = book.on_message(BookMessage("delta", "BTCUSDT", 2, None, [("998.0", "1")], [], first_id=12, last_id=13))
    assert lost is not None
    assert lost.invalid_reason == "no_book"
    assert book.synchroniser.counts["gap"] == 1
    again = book.on_message(
        BookMessage("snapshot", "BTCUSDT", 3, None, [("999.0", "1")], [("1001.0", "1")], last_id=20)
    )
    assert again is not None
    assert again.valid


@pytest.mark.parametrize("level", [("998.05", "1"), ("998.0", "0.0005"), ("9999999999999999.0", "1")])
def test_a_level_off_the_grid_makes_the_book_unknown(level: tuple[str, str]) -> None:
    book = LiveBook(GRID, Everything())
    book.on_message(full())
    told = book.on_message(BookMessage("delta", "BTCUSDT", 2, None, [("998.0", "1"), level], []))
    assert told is not None
    assert told.invalid_reason == "no_book"
    assert book.synchroniser.counts["off_grid"] == 1
    assert len(book.ladder.top(5).bids) == 0


def test_silence_told_from_outside() -> None:
    book = LiveBook(GRID, Everything())
    book.on_message(full())
    told = book.invalidate("silent", 9)
    assert told is not None
    assert not told.valid
    assert told.at_ns == 9
