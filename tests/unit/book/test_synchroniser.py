"""One book's state: snapshots, buffers, losses, refusals."""

from dataclasses import replace

import pytest

from liquidity.book import synchroniser
from liquidity.book.checksum import kraken_checksum, okx_checksum
from liquidity.book.synchroniser import Accepted, Synchroniser
from liquidity.domain.book_message import BookMessage

BIDS, ASKS = [("100.0", "1")], [("101.0", "2")]


AT_NS = 1_723_161_255_000_000_000


def full(last: int | None, received_ns: int = 1, **changes: object) -> BookMessage:
    message = BookMessage("snapshot", "BTCUSDT", received_ns, None, BIDS, ASKS, last_id=last)
    return replace(message, **changes)  # type: ignore[arg-type]


def delta(first: int | None, last: int | None, previous: int | None = None, **changes: object) -> BookMessage:
    message = BookMessage(
        "delta", "BTCUSDT", last or 0, None, [("99.5", "3")], [], first_id=first, last_id=last, previous_id=previous
    )
    return replace(message, **changes)  # type: ignore[arg-type]


def told(steps: list[Accepted]) -> list[object]:
    """Snapshots as 'full', deltas by last id, invalidations by reason."""
    return [
        step.reason if step.message is None else "full" if step.message.kind == "snapshot" else step.message.last_id
        for step in steps
    ]


def run(book: Synchroniser, *messages: BookMessage) -> list[object]:
    return [word for message in messages for word in told(book.push(message))]


@pytest.mark.feature("PL-OB-12")
def test_deltas_before_the_snapshot_are_kept_and_those_it_holds_are_dropped() -> None:
    book = Synchroniser("binance", "BTCUSDT")
    assert run(book, delta(1, 3), delta(4, 6), delta(7, 9)) == []
    assert book.needs_snapshot
    assert book.state == "waiting_snapshot"
    assert told(book.push(full(5))) == ["full", 6, 9]
    assert not book.needs_snapshot
    assert book.last_id == 9
    assert book.counts == {"buffered": 3, "snapshots": 1, "buffered_dropped": 1, "applied": 2}


@pytest.mark.feature("PL-OB-12", "ET-SG-04")
def test_after_a_loss_nothing_is_published_until_a_snapshot_that_joins_the_stream() -> None:
    book = Synchroniser("binanceusdm", "BTCUSDT")
    assert run(book, full(10), delta(9, 12, 8), delta(13, 15, 12)) == ["full", 12, 15]
    (step,) = book.push(delta(20, 22, 18))
    assert (step.reason, step.expected_id, step.found_id, step.received_ns) == ("gap", 15, 18, 22)
    assert book.state == "invalid"
    assert book.needs_snapshot
    assert book.last_id is None
    assert run(book, delta(23, 25, 22), delta(26, 28, 25)) == []
    # a REST book older than the first delta held cannot be joined: ask again
    assert told(book.push(full(15))) == []
    assert book.counts["stale_snapshot"] == 1
    assert book.needs_snapshot
    assert told(book.push(full(24))) == ["full", 25, 28]
    assert book.state == "live"
    assert book.counts["gap"] == 1


@pytest.mark.feature("PL-OB-12")
def test_a_message_that_comes_again_changes_nothing() -> None:
    book = Synchroniser("binance", "BTCUSDT")
    assert run(book, full(10), delta(11, 12), delta(11, 12), delta(13, 14), delta(11, 12)) == ["full", 12, 14]
    assert book.counts["duplicate"] == 2
    assert book.state == "live"


@pytest.mark.feature("PL-OB-12", "PL-CT-02")
def test_neighbours_that_changed_places_lose_the_book() -> None:
    book = Synchroniser("binance", "BTCUSDT")
    assert run(book, full(10), delta(13, 14), delta(11, 12), delta(15, 16)) == ["full", "gap"]
    assert told(book.push(full(14))) == ["full", 16]


def test_a_gap_inside_the_buffer_waits_for_the_next_snapshot() -> None:
    book = Synchroniser("binance", "BTCUSDT")
    run(book, delta(1, 3), delta(4, 6), delta(9, 10), delta(11, 12))
    assert told(book.push(full(3))) == ["full", 6, "gap"]
    assert told(book.push(full(9))) == ["full", 10, 12]
    assert book.counts["buffered"] == 4


def test_the_buffer_is_bounded() -> None:
    book = Synchroniser("binance", "BTCUSDT", max_buffered=3)
    run(book, *(delta(number, number) for number in range(1, 11)))
    assert book.counts["buffer_overflow"] == 7
    assert told(book.push(full(5))) == []  # 6 and 7 are gone
    assert told(book.push(full(8))) == ["full", 9, 10]


def test_an_older_rest_book_does_not_turn_a_live_one_back() -> None:
    book = Synchroniser("binance", "BTCUSDT")
    assert run(book, full(10), delta(11, 12), full(11), delta(13, 13)) == ["full", 12, 13]
    assert book.counts["old_snapshot"] == 1


@pytest.mark.parametrize(
    ("bids", "reason"),
    [
        ([("100.0", "-1")], "refused_level"),
        ([("nan", "1")], "refused_level"),
        ([("100.0", "inf")], "refused_level"),
        ([("0", "1")], "refused_level"),
        ([("-3", "1")], "refused_level"),
        ([("1e13", "1")], "refused_level"),
        ([("100.0", "1e17")], "refused_level"),
        ([("", "1")], "refused_level"),
        ([("100.0",)], "refused_level"),
        ([("one", "1")], "refused_level"),
        ([(None, "1")], "refused_level"),
        ([("99.0", "1"), ("98.0", "-0.5")], "refused_level"),
    ],
)
@pytest.mark.feature("PL-OB-12")
def test_a_delta_that_cannot_be_read_is_refused_whole_and_loses_the_book(bids: list[object], reason: str) -> None:
    book = Synchroniser("binance", "BTCUSDT")
    assert run(book, full(10), delta(11, 11, bids=bids)) == ["full", reason]
    assert book.counts[reason] == 1
    assert told(book.push(full(12))) == ["full"]  # the stream goes on


def test_a_snapshot_that_cannot_be_read_is_refused() -> None:
    book = Synchroniser("binance", "BTCUSDT")
    for bad in (full(10, bids=[("x", "1")]), full(10, bids=[], asks=[])):
        assert told(book.push(bad)) == []
    assert book.counts["refused_snapshot"] == 2
    assert book.needs_snapshot
    assert told(book.push(full(10, bids=[]))) == ["full"]
    assert book.counts["one_sided_snapshot"] == 1


def test_a_message_of_too_many_levels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synchroniser, "MAX_LEVELS", 5)
    book = Synchroniser("binance", "BTCUSDT")
    assert run(book, full(10), delta(11, 11, bids=[("99.0", "1")] * 6)) == ["full", "oversized"]


def test_what_the_engine_finds_wrong_loses_the_book_once() -> None:
    book = Synchroniser("binance", "BTCUSDT")
    book.push(full(10))
    assert told(book.invalidate("crossed", 5)) == ["crossed"]
    assert told(book.invalidate("crossed", 6)) == []
    assert book.counts["crossed"] == 2
    assert book.needs_snapshot


def test_another_symbols_messages_are_left_out() -> None:
    book = Synchroniser("binance", "BTCUSDT")
    assert run(book, full(10, venue_symbol="../../x"), full(10)) == ["full"]
    assert book.counts["other_symbol"] == 1


def test_where_snapshots_come_in_the_stream_earlier_deltas_are_of_no_use() -> None:
    book = Synchroniser("bybit", "BTCUSDT")
    assert run(book, delta(5, 5), full(7, first_id=7), delta(8, 8), delta(10, 10), delta(11, 11)) == ["full", 8, "gap"]
    assert book.counts["before_snapshot"] == 3
    assert run(book, full(1, first_id=1), delta(2, 2)) == ["full", 2]  # the service restarted


def test_okx_heartbeats_and_restarts_keep_the_chain() -> None:
    book = Synchroniser("okx", "BTCUSDT")
    beat = delta(None, 12, 12, bids=[], asks=[])
    assert run(book, full(10), delta(None, 12, 10), beat, delta(None, 3, 12), delta(None, 5, 3)) == [
        "full",
        12,
        12,
        3,
        5,
    ]
    assert run(book, delta(None, 9, 7)) == ["gap"]


def test_dydx_levels_older_than_the_book_are_left_out() -> None:
    book = Synchroniser("dydx_v3", "BTCUSDT")
    book.push(full(None, level_ids=[100, 105]))
    assert book.push(delta(None, None, bids=[("100.0", "9")], level_ids=[99])) == []
    (step,) = book.push(delta(None, None, bids=[("100.0", "0")], asks=[("101.00", "7")], level_ids=[103, 103]))
    assert step.message is not None
    assert (list(step.message.bids), list(step.message.asks)) == ([("100.0", "0")], [])
    assert step.prices.tolist() == [100.0]
    assert book.push(delta(None, None, bids=[("100.0", "4")], level_ids=[102])) == []  # removed, and still newer
    assert book.counts["old_level"] == 3
    assert told(book.push(delta(None, None, level_ids=[]))) == ["refused_level"]


def test_bitmex_ids_never_seen_lose_the_book() -> None:
    book = Synchroniser("bitmex", "BTCUSDT")
    assert run(book, full(None), delta(None, None, bids=[("", "4")])) == ["full", "unknown_level"]


def test_hyperliquid_books_never_go_back_in_time() -> None:
    book = Synchroniser("hyperliquid", "BTCUSDT")
    assert run(book, *(full(None, event_ns=AT_NS + later) for later in (5, 4, 5))) == ["full", "full"]
    assert book.counts["out_of_order"] == 1
    assert book.state == "live"


def test_checksums_prove_a_book_without_ids() -> None:
    book = Synchroniser("okx", "BTCUSDT")
    right = okx_checksum([("100.0", "1"), ("99.5", "3")], [("101.0", "2")])
    assert run(book, full(None), delta(None, None, checksum=right)) == ["full", None]
    assert book.counts["checksum_verified"] == 1
    assert run(book, delta(None, None, bids=[("98.0", "1")], checksum=right)) == ["checksum"]


def test_levels_beyond_krakens_depth_are_removed_by_us() -> None:
    book = Synchroniser("kraken", "BTCUSDT")
    bids = [(f"{100 - place}.0", "1.00") for place in range(10)]
    asks = [(f"{101 + place}.0", "1.00") for place in range(10)]
    book.push(full(None, bids=bids, asks=asks))
    right = kraken_checksum([("100.5", "2.00"), *bids[:9]], asks)
    (step,) = book.push(delta(None, None, bids=[("100.5", "2.00")], checksum=right))
    assert step.message is not None
    assert list(step.message.bids) == [("100.5", "2.00"), ("91.0", "0")]
    assert step.sizes.tolist() == [2.0, 0.0]
