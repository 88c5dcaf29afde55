"""Recorded streams: books equal to the golden ones and to the venue's own best quotes, checksums agree."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from liquidity.book.ladder import Ladder
from liquidity.book.synchroniser import Synchroniser
from liquidity.book.top_hash import top_hash
from liquidity.domain.book_message import BookMessage
from resources.tapes import open_tape

pytestmark = pytest.mark.real_data

Side = dict[Decimal, Decimal]


def rebuilt(path: Path, venue: str, symbol: str) -> Iterator[tuple[BookMessage, Side, Side]]:
    """Each message applied, with the book after it: the slow and plain way."""
    book = Synchroniser(venue, symbol)
    bids: Side = {}
    asks: Side = {}
    for message in open_tape(path).messages():
        if not isinstance(message, BookMessage) or message.venue_symbol != symbol:
            continue
        for step in book.push(message):
            assert step.message is not None
            if step.message.kind == "snapshot":
                bids.clear(), asks.clear()
            for side, levels in ((bids, step.message.bids), (asks, step.message.asks)):
                for price, size, *_ in levels:
                    side[Decimal(price)] = Decimal(size)
                    if not side[Decimal(price)]:
                        del side[Decimal(price)]
            yield step.message, bids, asks


@pytest.mark.feature("PL-CT-02", "PL-OB-12")
@pytest.mark.parametrize(("symbol", "diffs"), [("SUSHIUSDT", 252), ("AKROUSDT", 188), ("KEEPUSDT", 132)])
def test_the_books_equal_the_golden_ones_after_each_diff(real_data: Path, symbol: str, diffs: int) -> None:
    golden = json.loads((real_data / "ccxt" / "golden" / f"book_{symbol}.json").read_text())
    tape = real_data / "venue_captures" / "binance_usdm_alts_2021-07-22.jsonl.gz"
    seen = []
    for message, bids, asks in rebuilt(tape, "binanceusdm", symbol):
        if message.kind == "delta":
            best_bids = sorted(bids.items(), reverse=True)[:20]
            best_asks = sorted(asks.items())[:20]
            (bid, bid_size), (ask, ask_size) = best_bids[0], best_asks[0]
            seen.append(
                (message.last_id, bid, bid_size, ask, ask_size, len(bids), len(asks), top_hash(best_bids, best_asks))
            )
    expected = [
        (row["u"], *(Decimal(row[name]) for name in ("bid", "bid_qty", "ask", "ask_qty")), row["n_bids"], row["n_asks"],
         row["top20_sha"])
        for row in golden
    ]  # fmt: skip
    assert len(seen) == diffs
    assert seen == expected


@pytest.mark.feature("PL-OB-12")
@pytest.mark.slow
@pytest.mark.parametrize("ending", [".raw.jsonl.gz", ".depth.parquet"])
@pytest.mark.parametrize(
    ("stem", "venue", "symbol"),
    [
        ("binance_usdm_btcusdt", "binanceusdm", "BTCUSDT"),
        ("binance_spot_btcusdt", "binance", "BTCUSDT"),
        ("binance_coinm_btcusd_perp", "binancecoinm", "BTCUSD_PERP"),
    ],
)
def test_the_best_quotes_equal_the_venues_own_at_equal_ids(
    real_data: Path, stem: str, venue: str, symbol: str, ending: str
) -> None:
    tape = open_tape(real_data / "orderbook" / f"{stem}{ending}")
    grid = tape.grid(venue, symbol)
    ladder = Ladder(grid)
    ids, quotes = [], []
    names = ("best_bid_ticks", "best_bid_lots", "best_ask_ticks", "best_ask_lots")
    for block in tape.blocks(venue, symbol):
        figures = ladder.apply(block, every="message")
        assert bool(figures.valid.all())
        ids.append(block.last_id[block.message_end])
        quotes.append(np.column_stack([figures[name] for name in names]))
    bbo = pq.read_table(real_data / "orderbook" / f"{stem}.bbo.parquet").to_pydict()
    own = np.column_stack(
        [grid.ticks(np.array(bbo["bid"])), grid.lots(np.array(bbo["bid_qty"])),
         grid.ticks(np.array(bbo["ask"])), grid.lots(np.array(bbo["ask_qty"]))]
    )  # fmt: skip
    all_ids, all_quotes = np.concatenate(ids), np.concatenate(quotes)
    _, ours, theirs = np.intersect1d(all_ids, np.array(bbo["u"]), return_indices=True)
    assert len(ours) > 50
    assert (all_quotes[ours] == own[theirs]).all()


@pytest.mark.feature("PL-OB-12")
@pytest.mark.parametrize(
    ("capture", "verified"),
    [("venue_captures/okx_2022-05-13.jsonl.gz", 290), ("ccxt/kraken/ws/book1000_20210417.jsonl.gz", 4269)],
)
def test_every_recorded_checksum_agrees(real_data: Path, capture: str, verified: int) -> None:
    tape = open_tape(real_data / capture)
    for _ in tape.checked():
        pass
    assert sum(counts["checksum_verified"] for counts in tape.counts.values()) == verified
    assert sum(counts["checksum"] for counts in tape.counts.values()) == 0


@pytest.mark.feature("PL-OB-12")
def test_dydx_levels_that_came_out_of_order_are_left_out(real_data: Path) -> None:
    tape = open_tape(real_data / "venue_captures" / "dydx_v3_2021-10-28.jsonl.gz")
    for _ in tape.checked():
        pass
    assert sum(counts["old_level"] for counts in tape.counts.values()) == 34
