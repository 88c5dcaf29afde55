"""Market tables on a real PostgreSQL: bulk writing, reading back, replay, late reports, crashes, two writers."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import (
    FundingRate,
    LiquidationEvent,
    LiquidationLevel,
    OpenInterest,
    OrderBookSnapshot,
)
from resources.stores.binary_copy import CopyStream, Ragged
from resources.stores.crypto_tables import (
    BOOK_DELTAS,
    BOOK_SNAPSHOTS,
    BY_DAY,
    DEPTH_ANALYSIS,
    LIQUIDATION_EVENTS,
    OPEN_INTEREST,
    TRADES,
)
from resources.stores.market_copy import CopyReceipt, MarketCopy, copy_into
from resources.stores.market_data import MarketDataStore
from resources.stores.newest_rows import NewestRows

GRID = BookGrid(Decimal("0.1"), Decimal("0.001"))
DAY = datetime(2026, 6, 1, tzinfo=UTC)
DAY_NS = int(DAY.timestamp()) * 10**9


@pytest.fixture
def engine(postgres_url):
    engine = create_engine(postgres_url, poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine):
    return MarketDataStore(engine)


@pytest.fixture
def market(store):
    return store.register("binance", "BTCUSDT", GRID)


def count(engine, table):
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def tape(seed, messages, step_ns=50_000_000, start_ns=DAY_NS, ids=True):
    """A snapshot, then deltas with several levels each, an empty message and one invalidation with a new snapshot."""
    rng = np.random.default_rng(seed)
    rows = []
    last_id = 1000
    for number in range(messages):
        at = start_ns + number * step_ns
        whole = number in (0, 2 * messages // 3)
        if number == 2 * messages // 3 - 1:
            rows.append((at, NO_TIME, INVALIDATE, True, 0, 0, 0, NO_ID, NO_ID, NO_ID))
            continue
        if number == messages // 4:
            rows.append((at, at - 3_000, DELTA, True, 0, 0, 0, last_id + 1, last_id + 1, last_id))
            continue
        levels = []
        if whole:
            levels = [(1, 600_000 - k, int(rng.integers(1, 9_000))) for k in range(20)]
            levels += [(-1, 600_001 + k, int(rng.integers(1, 9_000))) for k in range(20)]
        else:
            for _ in range(int(rng.integers(1, 6))):
                side = int(rng.choice([1, -1]))
                tick = 600_000 - int(rng.integers(0, 20)) if side == 1 else 600_001 + int(rng.integers(0, 20))
                levels.append((side, tick, int(rng.integers(0, 3)) * int(rng.integers(0, 9_000))))
            levels.sort(key=lambda level: -level[0])
        first, previous, last_id = last_id + 1, last_id, last_id + 3
        mine = (first, last_id, previous) if ids else (NO_ID, NO_ID, NO_ID)
        for place, (side, tick, lots) in enumerate(levels):
            rows.append(
                (at, at - 3_000, SNAPSHOT if whole else DELTA, place == len(levels) - 1, side, tick, lots, *mine)
            )
    columns = list(zip(*rows, strict=True))
    kinds = (np.int64, np.int64, np.int8, np.bool_, np.int8, np.int64, np.int64, np.int64, np.int64, np.int64)
    return BookBlock(*(np.array(values, dtype=kind) for values, kind in zip(columns, kinds, strict=True)))


def book_after(block):
    """The judge: one dict a side; None while the book is unknown."""
    bids, asks, known, fresh = {}, {}, False, True
    for row in range(len(block)):
        action = int(block.action[row])
        if action == INVALIDATE:
            known = False
        if action == SNAPSHOT and fresh:
            bids, asks, known = {}, {}, True
        side = {1: bids, -1: asks}.get(int(block.side[row]))
        if side is not None:
            tick, lots = int(block.price_ticks[row]), int(block.size_lots[row])
            side.pop(tick, None)
            if lots:
                side[tick] = lots
        fresh = bool(block.message_end[row])
    return (sorted(bids.items(), reverse=True), sorted(asks.items())) if known else None


def levels(pairs):
    ticks, lots = (np.array([pair[place] for pair in pairs], dtype=np.int64) for place in (0, 1))
    return tuple(zip(GRID.prices(ticks).tolist(), GRID.sizes(lots).tolist(), strict=True))


def snapshot_of(block, at, **figures):
    bids, asks = book_after(block)
    bids, asks = levels(bids), levels(asks)
    given = {
        "bids": bids,
        "asks": asks,
        "spread": asks[0][0] - bids[0][0],
        "total_bid_volume": sum(size for _, size in bids),
        "total_ask_volume": sum(size for _, size in asks),
        "depth_levels": max(len(bids), len(asks)),
        "bid_ask_imbalance": 0.25,
        "liquidity_score": 81.5,
        "order_flow_toxicity": None,
        "depth_pressure": -0.125,
    }
    return OrderBookSnapshot(symbol="BTCUSDT", timestamp=at, exchange="binance", **(given | figures))


def part(block, rows):
    return BookBlock(*(getattr(block, name)[rows] for name in BookBlock.__dataclass_fields__))


@pytest.mark.feature("PL-DB-06")
@pytest.mark.parametrize("ids", [True, False], ids=["numbered", "no ids"])
def test_messages_come_back_as_they_were(store, market, ids):
    block = tape(1, 200, ids=ids)
    receipt = store.add_messages(market, [block])
    assert receipt == CopyReceipt(200, 200, 0, 0)
    back = store.messages(market, DAY, DAY + timedelta(days=1))
    for name in BookBlock.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(back, name), getattr(block, name), err_msg=name)


@pytest.mark.feature("PL-DB-06")
def test_replay_of_stored_messages_gives_the_stored_snapshots(store, market):
    block = tape(2, 300)
    ends = np.flatnonzero(block.message_end)
    moments = [end for end in ends[5::7] if book_after(part(block, slice(0, end + 1))) is not None]
    stored = []
    for end in moments:
        at = datetime.fromtimestamp(int(block.received_ns[end]) // 10**9, UTC) + timedelta(
            microseconds=int(block.received_ns[end]) % 10**9 // 1000
        )
        stored.append(snapshot_of(part(block, slice(0, end + 1)), at))
    # Written in pieces, one of them twice.
    cut = int(ends[100]) + 1
    store.add_messages(market, [part(block, slice(0, cut))])
    store.add_messages(market, [part(block, slice(0, cut)), part(block, slice(cut, None))])
    store.add_snapshots(market, stored)

    assert len(stored) > 30
    for one in stored:
        assert store.snapshot(market, one.timestamp) == one
        replayed = book_after(store.messages(market, DAY, one.timestamp + timedelta(microseconds=1)))
        assert (levels(replayed[0]), levels(replayed[1])) == (one.bids, one.asks)
    assert store.snapshot(market) == stored[-1]
    assert store.snapshot(market, DAY) is None


@pytest.mark.feature("PL-DB-06")
def test_a_repeated_block_changes_nothing(store, market, engine):
    block = tape(3, 120)
    store.add_messages(market, [block])
    again = store.add_messages(market, [block])
    assert again == CopyReceipt(120, 0, 0, 120)
    assert count(engine, BOOK_DELTAS) == 120


@pytest.mark.feature("PL-DB-06")
def test_messages_of_one_microsecond_keep_their_order(store, market):
    block = tape(4, 60, step_ns=300)  # three or four messages a microsecond
    cut = int(np.flatnonzero(block.message_end)[21]) + 1  # in the middle of a microsecond
    assert -(-block.received_ns[cut - 1] // 1000) == -(-block.received_ns[cut] // 1000)
    parts = [part(block, slice(0, cut)), part(block, slice(0, 0)), part(block, slice(cut, None))]
    assert store.add_messages(market, parts) == CopyReceipt(60, 60, 0, 0)
    assert store.add_messages(market, parts) == CopyReceipt(60, 0, 0, 60)
    back = store.messages(market, DAY, DAY + timedelta(seconds=1))
    np.testing.assert_array_equal(back.size_lots, block.size_lots)
    np.testing.assert_array_equal(back.received_ns, -(-block.received_ns // 1000) * 1000)


@pytest.mark.feature("PL-DB-06")
def test_messages_kept_back_until_the_snapshot_follow_it(store, market):
    block = tape(7, 40)
    early = block.received_ns.copy()
    fourth = int(np.flatnonzero(block.message_end)[3]) + 1
    early[40:fourth] -= 4 * 50_000_000  # received before the snapshot that they follow
    block = BookBlock(early, *(getattr(block, name) for name in list(BookBlock.__dataclass_fields__)[1:]))
    store.add_messages(market, [block])
    back = store.messages(market, DAY, DAY + timedelta(days=1))
    np.testing.assert_array_equal(back.received_ns, np.maximum.accumulate(early))
    np.testing.assert_array_equal(back.size_lots, block.size_lots)
    assert book_after(back) == book_after(block)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.feature("PL-DB-06")
def test_replay_of_a_recorded_tape_from_the_database(store, engine, real_data):
    from resources.tapes import open_tape

    path = min((real_data / "orderbook").rglob("*.depth.parquet"), key=lambda path: path.stat().st_size)
    tape_of_file = open_tape(path)
    ((venue, symbol), grid) = next(iter(tape_of_file.books.items()))
    recorded = store.register(venue, symbol, grid)
    blocks = list(tape_of_file.blocks(venue, symbol))
    receipt = store.add_messages(recorded, blocks)
    assert receipt.inserted == receipt.rows == sum(int(block.message_end.sum()) for block in blocks)
    judge = book_after(
        BookBlock(
            *(np.concatenate([getattr(block, name) for block in blocks]) for name in BookBlock.__dataclass_fields__)
        )
    )
    first = datetime.fromtimestamp(blocks[0].received_ns[0] / 1e9 - 1, UTC)
    last = datetime.fromtimestamp(blocks[-1].received_ns[-1] / 1e9 + 1, UTC)
    assert judge is not None
    assert book_after(store.messages(recorded, first, last)) == judge
    assert store.add_messages(recorded, blocks).inserted == 0


@pytest.mark.feature("PL-DB-06")
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda b: part(b, slice(0, len(b) - 1)), "does not end its message"),
        (lambda b: part(b, np.r_[0:39, len(b) - 1]), "differs within a message"),
    ],
    ids=["cut", "mixed"],
)
def test_broken_blocks_are_refused_whole(store, market, engine, spoil, reason):
    with pytest.raises(ContractError, match=reason):
        store.add_messages(market, [spoil(tape(5, 50))])
    assert count(engine, BOOK_DELTAS) == 0


def events(market_id, prices, names=None):
    n = len(prices)
    return {
        "market_id": np.full(n, market_id, dtype=np.int32),
        "event_id": np.array(names or [f"liquidation {k}" for k in range(n)]),
        "at": np.datetime64("2026-06-01", "us") + np.arange(n).astype("timedelta64[s]"),
        "side": np.array(["long", "short"] * n)[:n],
        "price": np.asarray(prices, dtype=float),
        "amount": np.full(n, 2.0),
        "notional_quote": np.full(n, 3.0),
    }


@pytest.mark.feature("PL-DB-07")
def test_late_liquidation_event_replaces_its_earlier_report(store, market, engine):
    at = DAY + timedelta(hours=5)
    early = LiquidationEvent("binance", "BTCUSDT", "a1", at, "long", 60_000.0, 0.5, 30_000.0)
    other = LiquidationEvent("binance", "BTCUSDT", "ä2", at - timedelta(seconds=1), "short", 61_000.0, 1.0, 61_000.0)
    late = LiquidationEvent("binance", "BTCUSDT", "a1", at, "long", 60_000.0, 0.75, 45_000.0)
    assert store.add(market, [early]) == CopyReceipt(1, 1, 0, 0)
    assert store.add(market, [other, late, late]) == CopyReceipt(3, 1, 1, 1)
    assert store.history(market, LiquidationEvent, DAY, DAY + timedelta(days=1)) == [other, late]
    assert count(engine, LIQUIDATION_EVENTS) == 2


@pytest.mark.feature("PL-DB-07")
def test_liquidation_levels(store, market):
    found = [
        LiquidationLevel("BTCUSDT", "binance", price, side, 12.5, DAY, 40.0, distance)
        for price, side, distance in ((55_000.0, "long", -0.08), (66_000.0, "short", 0.1))
    ]
    store.add(market, found)
    store.add(market, found[:1])
    assert store.history(market, LiquidationLevel, DAY, DAY + timedelta(hours=1)) == found


@pytest.mark.feature("PL-DB-08")
def test_open_interest_is_appended_once(store, market, engine):
    readings = [
        OpenInterest("BTCUSDT", "binance", 100.0 + k, 6e6 + k, DAY + timedelta(hours=k), None if k < 24 else 0.01, None)
        for k in range(30)
    ]
    store.add(market, readings[:20])
    receipt = store.add(market, readings[10:])
    assert (receipt.inserted, receipt.replaced) == (10, 10)
    assert store.history(market, OpenInterest, DAY, DAY + timedelta(days=2)) == readings
    assert count(engine, OPEN_INTEREST) == 30


@pytest.mark.feature("PL-DB-08")
def test_corrected_funding_replaces(store, market):
    first = FundingRate("binance", "BTCUSDT", DAY, 1e-4, 8.0, 60_000.0, None, 2e-4, DAY + timedelta(hours=8))
    paid = FundingRate("binance", "BTCUSDT", DAY, -3e-4, 8.0, 60_001.0, 60_002.5, None, None)
    store.add(market, [first])
    store.add(market, [paid])
    assert store.history(market, FundingRate, DAY, DAY + timedelta(days=1)) == [paid]


@pytest.mark.feature("PL-DB-07", "PL-DB-08")
def test_wrong_market_kind_or_number_is_refused(store, market, engine):
    reading = OpenInterest("BTCUSDT", "binance", 1.0, float("inf"), DAY, None, None)
    event = LiquidationEvent("binance", "BTCUSDT", "x", DAY, "up", 1.0, 1.0, 1.0)
    for records, reason in (
        ([reading], "open_interest_value: infinite in 1 of 1 rows"),
        ([OpenInterest("ETHUSDT", "binance", 1.0, 1.0, DAY, None, None)], "ETHUSDT given for binance BTCUSDT"),
        ([reading, event], "store each kind alone"),
        ([event], "side_known"),
    ):
        with pytest.raises(ContractError, match=reason):
            store.add(market, records)
    assert count(engine, OPEN_INTEREST) == count(engine, LIQUIDATION_EVENTS) == 0


@pytest.mark.feature("PL-DB-09")
def test_analysis_is_linked_to_its_snapshot_and_code(store, market, engine):
    block = tape(6, 10)
    at = DAY + timedelta(minutes=1)
    store.add_snapshots(market, [snapshot_of(part(block, slice(0, 40)), at)])

    def analysis(moment, versions):
        n = len(versions)
        batch = {column.name: np.full(n, 1.5) for column in DEPTH_ANALYSIS.columns}
        return batch | {
            "market_id": np.full(n, market.market_id),
            "at": np.full(n, np.datetime64(moment.replace(tzinfo=None), "us")),
            "code_version": np.array(versions),
        }

    store.copy.ingest(DEPTH_ANALYSIS, analysis(at, ["0.3.0+abc", "0.3.1+def"]))
    assert store.copy.ingest(DEPTH_ANALYSIS, analysis(at, ["0.3.1+def"])).replaced == 1
    assert count(engine, DEPTH_ANALYSIS) == 2
    with pytest.raises(ContractError, match="fk_market_depth_analysis_snapshot"):
        store.copy.ingest(DEPTH_ANALYSIS, analysis(at + timedelta(seconds=1), ["0.3.0+abc"]))
    assert count(engine, DEPTH_ANALYSIS) == 2


@pytest.mark.feature("PL-DB-10", "PL-DB-11")
def test_newest_row_uses_an_index_on_every_partition(store, market, engine):
    for day in range(4):
        store.add_messages(market, [tape(day, 50, start_ns=DAY_NS + day * 86_400 * 10**9)])
    with engine.connect() as connection:
        connection.execute(text("ANALYZE order_book_deltas"))
        plan = "\n".join(
            connection.execute(
                text(
                    "EXPLAIN SELECT * FROM order_book_deltas WHERE market_id = :market ORDER BY at DESC, message_no DESC LIMIT 1"
                ),
                {"market": market.market_id},
            ).scalars()
        )
        pruned = "\n".join(
            connection.execute(
                text(
                    "EXPLAIN SELECT * FROM order_book_deltas WHERE market_id = :market AND at >= '2026-06-04 00:00+00' "
                    "ORDER BY at DESC LIMIT 1"
                ),
                {"market": market.market_id},
            ).scalars()
        )
    for day in range(1, 6):  # the day after the last is made ahead
        assert f"Index Scan Backward using order_book_deltas_p2026060{day}_pkey" in plan
    assert "Seq Scan" not in plan
    assert "p20260603" not in pruned
    assert "p20260604" in pruned

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        newest = NewestRows(connection)
        row = newest.of(BOOK_DELTAS, market.market_id, DAY)
        last = tape(3, 50, start_ns=DAY_NS + 3 * 86_400 * 10**9)
        assert row["last_id"] == last.last_id[-1]
        assert newest.of(BOOK_DELTAS, market.market_id, DAY + timedelta(days=9)) is None
        assert newest.of(BOOK_DELTAS, market.market_id + 1, DAY) is None
        assert NewestRows(connection).of(BOOK_DELTAS, market.market_id, DAY) == row


@pytest.mark.feature("PL-DB-11")
@pytest.mark.parametrize("table", BY_DAY, ids=lambda table: table.name)
def test_every_partition_has_the_key(store, engine, table):
    from resources.stores.market_partitions import ensure_days

    ensure_days(engine, BOOK_SNAPSHOTS, [DAY.date()])
    ensure_days(engine, table, [DAY.date(), (DAY + timedelta(days=1)).date()])
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT inhrelid::regclass::text, indexdef FROM pg_inherits JOIN pg_indexes ON indexname = inhrelid::regclass::text || '_pkey' "
                "WHERE inhparent = CAST(:name AS regclass)"
            ),
            {"name": table.name},
        ).all()
    assert len(rows) >= 2
    assert all("(market_id, at" in row.indexdef for row in rows)


def trades(market_id, n, first=0, start="2026-06-01"):
    number = np.arange(first, first + n)
    return {
        "market_id": np.full(n, market_id, dtype=np.int32),
        "at": np.datetime64(start, "us") + number.astype("timedelta64[ms]"),
        "trade_id": number.astype(str),
        "price": 60_000.0 + number % 100,
        "amount": np.full(n, 0.5),
        "taker_sign": (number % 3 - 1).astype(np.int8),
    }


@pytest.mark.slow
@pytest.mark.feature("PL-DB-10")
def test_whole_day_is_filled_before_its_key_and_then_is_a_partition_like_any(store, market, engine):
    whole = trades(market.market_id, 60_000)
    assert store.copy.ingest(TRADES, whole) == CopyReceipt(60_000, 60_000, 0, 0)
    assert store.copy.ingest(TRADES, whole) == CopyReceipt(60_000, 0, 0, 60_000)
    more = store.copy.ingest(TRADES, trades(market.market_id, 60_000, first=59_990))
    assert (more.inserted, more.kept) == (59_990, 10)
    with engine.connect() as connection:
        partitions = connection.execute(
            text("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'public_trades_p20260601'::regclass")
        ).scalars()
        assert list(partitions) == ["public_trades_p20260601_pkey"]

    doubled = trades(market.market_id, 60_000, start="2026-06-02")
    doubled["trade_id"] = np.where(np.arange(60_000) == 7, "6", doubled["trade_id"])
    doubled["at"] = np.where(np.arange(60_000) == 7, doubled["at"][6], doubled["at"])
    assert store.copy.ingest(TRADES, doubled) == CopyReceipt(60_000, 59_999, 0, 1)
    assert count(engine, TRADES) == 119_990 + 59_999


@pytest.mark.feature("PL-DB-13")
def test_writer_goes_on_after_a_day_was_removed(store, market, engine):
    from resources.stores.retention import apply_retention

    store.copy.ingest(TRADES, trades(market.market_id, 10))
    assert len(apply_retention(engine, {"trades_days": 1}, DAY + timedelta(days=9))) == 2
    assert store.copy.ingest(TRADES, trades(market.market_id, 20)).inserted == 20


@pytest.mark.feature("PL-DB-06")
@pytest.mark.parametrize("size", [40_000, 60_000], ids=["into a partition", "as a whole day"])
def test_crash_in_the_middle_of_a_copy_leaves_nothing(store, market, engine, size):
    batch = trades(market.market_id, size)

    whole, calls = CopyStream.read, iter(range(100))

    def breaking(self, size=-1):
        if next(calls) == 4:
            raise OSError("cut")
        return whole(self, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CopyStream, "read", breaking)
        with pytest.raises(Exception, match="cut"):
            store.copy.ingest(TRADES, batch)
    assert count(engine, TRADES) == 0
    assert store.copy.ingest(TRADES, batch).inserted == size


@pytest.mark.feature("PL-DB-06")
def test_lost_connection_leaves_nothing(store, market, engine):
    store.copy.ingest(TRADES, trades(market.market_id, 1))
    connection = engine.connect()
    copy_into(connection, CopyStream(TRADES, trades(market.market_id, 1000, first=1)))
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with engine.begin() as killer:
        killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    with pytest.raises(OperationalError):
        connection.execute(text("SELECT 1"))
    connection.close()
    assert count(engine, TRADES) == 1


@pytest.mark.feature("PL-DB-10")
def test_two_writers_at_once(engine, store, market):
    """Both make the same partitions and write overlapping rows, in opposite order."""
    other = store.register("binance", "ETHUSDT", GRID)
    failures, barrier = [], threading.Barrier(2)

    def write(first_market, second_market):
        try:
            writer = MarketCopy(engine)
            barrier.wait(10)
            for start in range(0, 4000, 500):
                for one in (first_market, second_market):
                    writer.ingest(TRADES, trades(one.market_id, 1000, first=start))
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=write, args=pair) for pair in ((market, other), (other, market))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert count(engine, TRADES) == 2 * 4500


@pytest.mark.feature("PL-DB-06")
def test_bad_batches_are_refused_before_anything_is_sent(store, market, engine):
    good = trades(market.market_id, 3)
    for change, reason in (
        ({"price": np.array([1.0, np.nan, np.nan])}, "price: no value in 2 of 3 rows, first in row 1"),
        ({"price": np.array([1.0, 2.0, np.inf])}, "price: infinite in 1 of 3 rows, first in row 2"),
        ({"price": np.array(["1", "2", "3"])}, "price: values are <U1; give numbers"),
        ({"amount": np.array([1.0])}, "differing length"),
        ({"taker_sign": np.array([1, 2**15, 0])}, "taker_sign: out of range in 1 of 3 rows, first in row 1"),
        ({"taker_sign": np.array([1.0, 0.0, 1.0])}, "give whole numbers"),
        ({"at": np.array([1, 2, 3])}, "datetime64"),
        ({"trade_id": np.array(["a", "", "c"])}, "trade_id: no value in 1 of 3 rows"),
        ({"trade_id": np.array(["a", "b\0c", "c"])}, "NUL"),
        ({"market_id": np.array([1, 999, 999])}, r"market_id \[999\]"),
        ({"extra": np.zeros(3)}, "unknown \\['extra'\\]"),
    ):
        with pytest.raises(ContractError, match=reason):
            store.copy.ingest(TRADES, good | change)
    spread_out = trades(market.market_id, 500)
    spread_out["at"] = np.datetime64("1990-01-01", "us") + np.arange(500).astype("timedelta64[D]")
    with pytest.raises(ContractError, match="501 new UTC days"):
        store.copy.ingest(TRADES, spread_out)
    assert count(engine, TRADES) == 0


@pytest.mark.feature("PL-DB-06")
def test_nothing_to_write_is_nothing_written(store, market):
    nothing = CopyReceipt(0, 0, 0, 0)
    assert store.copy.ingest(TRADES, trades(market.market_id, 0)) == nothing
    assert store.add_messages(market, []) == store.add_snapshots(market, []) == store.add(market, []) == nothing
    assert store.history(market, FundingRate, DAY, DAY + timedelta(days=1)) == []
    assert len(store.messages(market, DAY, DAY + timedelta(days=1))) == 0


def test_market_data_of_a_workspace(empty_postgres_url):
    from resources.settings import load_settings
    from resources.workspace_database import open_market_data

    settings = load_settings(database_url=empty_postgres_url, dagster_database_url=empty_postgres_url)
    with open_market_data(settings) as store:
        market = store.register("binance", "BTCUSDT", GRID)
    with open_market_data(settings) as store:
        assert store.markets() == [market]


@pytest.mark.feature("PL-DB-06")
def test_changed_grid_is_another_market(store, market):
    assert store.register("binance", "BTCUSDT", GRID) == market
    finer = store.register("binance", "BTCUSDT", BookGrid(Decimal("0.01"), Decimal("0.001")))
    assert finer.market_id != market.market_id
    assert store.markets("binance", "BTCUSDT") == [market, finer]
    with pytest.raises(ContractError, match="no multiple"):
        store.add_snapshots(market, [snapshot_of(part(tape(1, 9), slice(0, 40)), DAY, bids=((59_999.99, 1.0),))])


@pytest.mark.feature("PL-DB-12")
def test_parquet_saves_most_of_what_csv_takes(tmp_path, record_property):
    rng = np.random.default_rng(7)
    batch = trades(1, 50_000) | {
        "price": 60_000 + np.cumsum(rng.integers(-2, 3, 50_000)) * 0.1,
        "amount": rng.integers(1, 5_000, 50_000) * 0.001,
    }
    frame = pd.DataFrame(batch)
    frame.to_csv(tmp_path / "trades.csv", index=False)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / "trades.parquet", compression="zstd")
    saved = 1 - (tmp_path / "trades.parquet").stat().st_size / (tmp_path / "trades.csv").stat().st_size
    record_property("saved_frac", saved)
    assert saved > 0.8


texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)


@pytest.mark.feature("PL-DB-07")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    rows=st.lists(
        st.tuples(
            texts,
            st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - numpy wants them naive
            numbers,
            st.none() | numbers,
            st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
            st.integers(-1, 2**40),
        ),
        min_size=1,
        max_size=20,
    ),
    chunk=st.integers(1, 7),
)
def test_any_value_survives_the_binary_copy(engine, rows, chunk):
    from sqlalchemy import BigInteger, Column, DateTime, Float, MetaData, Table, Text
    from sqlalchemy.dialects.postgresql import ARRAY

    from resources.stores import binary_copy

    table = Table(
        "any_values",
        MetaData(),
        Column("name", Text, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("figure", Float, nullable=False),
        Column("maybe", Float),
        Column("steps", ARRAY(BigInteger), nullable=False),
        Column("number", BigInteger, info={"null": -1}),
        Column("place", BigInteger, nullable=False),
    )
    batch = {
        "name": np.array([row[0].encode() for row in rows]),
        "at": np.array([row[1] for row in rows], dtype="datetime64[us]"),
        "figure": np.array([row[2] for row in rows]),
        "maybe": np.array([np.nan if row[3] is None else row[3] for row in rows]),
        "steps": Ragged(
            np.array([value for row in rows for value in row[4]], dtype=np.int64),
            np.array([len(row[4]) for row in rows], dtype=np.int64),
        ),
        "number": np.array([row[5] for row in rows]),
        "place": np.arange(len(rows)),
    }
    with engine.begin() as connection:
        table.drop(connection, checkfirst=True)
        table.create(connection)
        driver = connection.connection.driver_connection
        with driver.cursor() as cursor:
            cursor.copy_expert(
                "COPY any_values FROM STDIN (FORMAT binary)", binary_copy.CopyStream(table, batch, chunk), 64
            )
        found = connection.execute(select(table).order_by(table.c.place)).all()
    for row, back in zip(rows, found, strict=True):
        assert back[:6] == (
            row[0],
            row[1].replace(tzinfo=UTC),
            row[2],
            row[3],
            row[4],
            None if row[5] == -1 else row[5],
        )
