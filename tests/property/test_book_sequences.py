"""Random streams with losses, repeats and swaps: the book is right or absent, and columns are judged as messages are."""

import random
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.book.block import INVALIDATE, BookBlock
from liquidity.book.block_sequence import BlockSequence
from liquidity.book.grid import BookGrid
from liquidity.book.rows import COLUMNS, BlockBuilder, concatenate
from liquidity.book.synchroniser import Accepted, Synchroniser
from liquidity.domain.book_message import BookMessage

GRID = BookGrid(Decimal("0.5"), Decimal("1"))
Book = dict[tuple[int, str], str]


class Venue:
    """A market that always tells the truth: deltas, and its whole book at any time."""

    def __init__(self, venue: str, seed: int) -> None:
        self.venue = venue
        self.random = random.Random(seed)
        self.book: Book = {(1, "100.0"): "5", (-1, "101.0"): "5"}
        self.last = 100
        self.clock = 0
        self.history: dict[int, Book] = {self.last: dict(self.book)}

    def delta(self) -> BookMessage:
        """The next change; ids as the venue numbers them."""
        previous = self.last
        first = previous + (1 if self.venue in ("binance", "bybit") else self.random.randint(1, 3))
        self.last = first if self.venue == "bybit" else first + self.random.randint(0, 3)
        sides: dict[int, list[tuple[str, str]]] = {1: [], -1: []}
        for _ in range(self.random.randint(0, 3)):
            side = self.random.choice((1, -1))
            price = f"{(100 if side == 1 else 101) - side * self.random.randint(0, 8) * 0.5:.1f}"
            size = str(self.random.choice((0, 1, 2, 7)))
            sides[side].append((price, size))
            apply_level(self.book, side, price, size)
        self.history[self.last] = dict(self.book)
        numbers = {
            "binance": {"first_id": first, "last_id": self.last},
            "binanceusdm": {"first_id": first, "last_id": self.last, "previous_id": previous},
            "okx": {"last_id": self.last, "previous_id": previous},
            "bybit": {"first_id": self.last, "last_id": self.last},
        }[self.venue]
        return BookMessage("delta", "X", self.tick(), None, sides[1], sides[-1], **numbers)

    def snapshot(self) -> BookMessage:
        """The whole book as it stands."""
        bids, asks = ([(price, size) for (at, price), size in self.book.items() if at == side] for side in (1, -1))
        return BookMessage("snapshot", "X", self.tick(), None, bids or [("1.0", "1")], asks, last_id=self.last)

    def tick(self) -> int:
        self.clock += 1
        return self.clock


def apply_level(book: Book, side: int, price: str, size: str) -> None:
    if size == "0":
        book.pop((side, price), None)
    else:
        book[(side, price)] = size


def faulty_stream(venue: Venue, length: int, faults: float) -> list[BookMessage]:
    """What arrives: some messages lost, some twice, some in the wrong order, books asked for and answered late."""
    arrived: list[BookMessage] = []
    asked: list[tuple[int, BookMessage]] = []
    for place in range(length):
        if venue.random.random() < 0.1:
            asked.append((place + venue.random.randint(0, 8), venue.snapshot()))
        arrived.extend(answer for due, answer in asked if due == place)
        message = venue.delta()
        fault = venue.random.random()
        if fault < faults / 3:
            continue
        arrived.append(message)
        if fault > 1 - faults / 3:
            arrived.append(venue.random.choice(arrived[-5:]))
        elif fault > 1 - 2 * faults / 3 and len(arrived) > 1:
            arrived[-1], arrived[-2] = arrived[-2], arrived[-1]
    return arrived


def numbers_in_order(messages: list[BookMessage]) -> list[BookMessage]:
    from dataclasses import replace

    return [replace(message, received_ns=place) for place, message in enumerate(messages)]


streams = st.tuples(
    st.sampled_from(["binance", "binanceusdm", "okx", "bybit"]),
    st.integers(0, 2**32),
    st.integers(1, 120),
    st.sampled_from([0.0, 0.1, 0.5]),
)


@pytest.mark.feature("PL-OB-12", "PL-CT-02", "ET-SG-04")
@settings(max_examples=150, deadline=None)
@given(streams)
def test_what_is_published_is_the_venues_own_book(stream: tuple[str, int, int, float]) -> None:
    venue_id, seed, length, faults = stream
    venue = Venue(venue_id, seed)
    book = Synchroniser(venue_id, "X")
    held: Book | None = None
    for message in faulty_stream(venue, length, faults):
        for step in book.push(message):
            if step.message is None:
                assert held is not None  # told once, and only of a book that was right
                held = None
                continue
            if step.message.kind == "snapshot":
                held = {}
            assert held is not None
            for side, levels in ((1, step.message.bids), (-1, step.message.asks)):
                for price, size in levels:
                    apply_level(held, side, price, size)
            if step.message.kind == "delta":
                truth = venue.history[step.message.last_id or 0]
                assert {key: size for key, size in held.items() if key != (1, "1.0")} == truth
        assert (held is None) == book.needs_snapshot


@pytest.mark.feature("PL-OB-12")
@settings(max_examples=150, deadline=None)
@given(streams, st.integers(1, 40), st.integers(1, 30))
def test_blocks_are_judged_as_messages_are(
    stream: tuple[str, int, int, float], block_messages: int, max_buffered: int
) -> None:
    venue_id, seed, length, faults = stream
    arrived = numbers_in_order(faulty_stream(Venue(venue_id, seed), length, faults))
    scalar = Synchroniser(venue_id, "X", max_buffered=max_buffered)
    expected = BlockBuilder(GRID)
    for message in arrived:
        for step in scalar.push(message):
            expected.add(step)

    columns = BlockSequence(venue_id, max_buffered=max_buffered)
    starts = range(0, len(arrived), block_messages)
    checked = [columns.push(as_received(arrived[start : start + block_messages])) for start in starts]
    assert_equal(concatenate(checked), expected.take())
    compared = {name: n for name, n in scalar.counts.items() if name not in ("one_sided_snapshot", "checksum_verified")}
    assert columns.counts == compared
    assert columns.needs_snapshot == scalar.needs_snapshot


def as_received(messages: list[BookMessage]) -> BookBlock:
    """Rows of messages before any check."""
    builder = BlockBuilder(GRID)
    for message in messages:
        levels = [*message.bids, *message.asks]
        prices, sizes = (np.array([float(level[place]) for level in levels]) for place in (0, 1))
        builder.add(Accepted(message, prices, sizes, None, message.received_ns))
    return builder.take()


def assert_equal(left: BookBlock, right: BookBlock) -> None:
    assert len(left) == len(right)
    known = left.action != INVALIDATE
    for name in COLUMNS:
        assert (getattr(left, name) == getattr(right, name)).all(), name
    assert (left.message_end | known).all()
