"""Order books: replay, parquet to parquet, one live message, memory; beside ccxt's book, a sorted one, and claims.

On generated deltas always, and on the recorded BTCUSDT perpetual when ``PULSE_REAL_DATA`` names the data folder.
Rates are per core (processor time), ratios come from alternating rounds of one run. Peers that need environments of
their own are in ``benchmarks/peers``. Run ``python -m benchmarks.run book [--quick]``.
"""

import itertools
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from benchmarks.book_tapes import GENERATED, Tape, generated_tape, recorded_tape, write_segments
from benchmarks.table import Row
from liquidity.book.block import DELTA, SNAPSHOT, BookBlock
from liquidity.book.block_sequence import BlockSequence
from liquidity.book.book_features import BookFeatures
from liquidity.book.ladder import Cadence, Ladder
from liquidity.book.live_book import LiveBook
from liquidity.book.reference import replay_reference
from liquidity.book.synchroniser import Synchroniser
from liquidity.domain.book_message import BookMessage

SOURCE_CLAIM_PER_S: Final = 2_141
ROWS_AT_ONCE: Final = 16_384
ROUNDS: Final = 5
LIVE_LEVELS: Final = 56


def parts(block: BookBlock, rows: int = ROWS_AT_ONCE) -> list[BookBlock]:
    """A block cut into pieces."""
    return [
        BookBlock(*(getattr(block, name)[first : first + rows] for name in BookBlock.__slots__))
        for first in range(0, len(block), rows)
    ]


def replay_s(tape: Tape, every: Cadence, rows: int = ROWS_AT_ONCE) -> float:
    """Processor seconds of the tape through one ladder, the median round after one that does not count."""
    pieces, ladder, seconds = parts(tape.block, rows), Ladder(tape.grid), []
    for turn in range(ROUNDS + 1):
        began = time.process_time()
        for piece in pieces:
            ladder.apply(piece, every)
        if turn:
            seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def replay_rows(tape: Tape) -> list[Row]:
    rows: list[Row] = []
    n = f"{len(tape.block):,} updates, {tape.name}"
    goals = {"update": 40.0, "message": 40.0}
    for every in ("update", "message", 100_000_000):
        rate = len(tape.block) / replay_s(tape, every) / 1e6
        goal = goals.get(str(every)) if tape.name != GENERATED else None
        label = f"{every}" if isinstance(every, str) else "100 ms"
        rows.append(
            Row(
                f"replay, features per {label} [M updates/s]",
                rate,
                n,
                "reported" if goal is None else f"> {goal:g} M/s",
                goal is None or rate > goal,
            )
        )
    return rows


def scan_row(tape: Tape) -> Row:
    """The same figures by scanning all levels after every update; both must tell the same rows, bit for bit."""
    block = parts(tape.block, int(np.flatnonzero(tape.block.action == DELTA)[0]) + 200)[0]
    ours_s, scan_s = float("inf"), float("inf")
    for _ in range(ROUNDS):
        ladder = Ladder(tape.grid)
        began = time.process_time()
        told = ladder.apply(block, "update")
        ours_s = min(ours_s, time.process_time() - began)
        began = time.process_time()
        judged = list(replay_reference([block], tape.grid, "update"))
        scan_s = min(scan_s, time.process_time() - began)
    whole = np.column_stack((told.integers, told.floats))
    if not np.array_equal(whole, np.array(judged, dtype=np.float64), equal_nan=True):
        raise AssertionError("the ladder and the reference tell different figures")
    n = f"{len(block):,} updates, {tape.name}"
    return Row(
        "replay, features per update, beside a scan of all levels", ours_s, n, ">= 20 x, equal output",
        scan_s >= 20 * ours_s, "reference book", scan_s,
    )  # fmt: skip


def sequence_row(tape: Tape) -> Row:
    """The chain of ids of a whole tape judged, block by block, as readers of parquet do."""
    pieces, seconds = parts(tape.block, 131_072), []
    for _ in range(ROUNDS + 1):
        check = BlockSequence("binanceusdm" if tape.name != GENERATED else "bybit")
        began = time.process_time()
        for piece in pieces:
            check.push(piece)
        seconds.append(time.process_time() - began)
    rate = len(tape.block) / statistics.median(seconds[1:]) / 1e6
    return Row(
        "sequence check of blocks [M updates/s]",
        rate,
        f"{len(tape.block):,} updates, {tape.name}",
        ">= 10 M/s",
        rate >= 10.0,
    )


def source_claim_row(tape: Tape) -> Row:
    each = replay_s(tape, "update") / len(tape.block)
    claim = 1 / SOURCE_CLAIM_PER_S
    return Row(
        "one update to features", each, f"{len(tape.block):,} updates, {tape.name}", ">= 5,000 x (PL-PX-05)",
        claim / each >= 5_000, "the source system's claim of 2,141 updates/s", claim,
    )  # fmt: skip


def micro_batch_rows(tape: Tape) -> list[Row]:
    """PL-PX-11: throughput when messages are handed over one, ten or a hundred at a time."""
    ends = np.flatnonzero(tape.block.message_end) + 1
    rows = []
    for batch in (1, 10, 100):
        cuts = [0, *ends[batch - 1 :: batch].tolist()]
        pieces = [
            BookBlock(*(getattr(tape.block, name)[first:stop] for name in BookBlock.__slots__))
            for first, stop in itertools.pairwise(cuts)
        ]
        ladder = Ladder(tape.grid)
        for piece in pieces[:50]:
            ladder.apply(piece)
        began = time.process_time()
        for piece in pieces:
            ladder.apply(piece)
        rate = cuts[-1] / (time.process_time() - began) / 1e6
        name = f"micro-batch of {batch} messages [M updates/s]"
        rows.append(Row(name, rate, f"{len(ends):,} messages, {tape.name}", "reported (PL-PX-11)", True))
    return rows


_TO_PARQUET: Final = """
import re, sys, time
from pathlib import Path
import pyarrow as pa
from liquidity_service.book_commands import replay_to_parquet
from resources.tapes import open_tape
pa.set_cpu_count(1)
source, target, every = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
for folder in (source / "few", source / "many"):  # the first loads the compiled kernels
    tape = open_tape(folder)
    began = time.process_time()
    (told,) = replay_to_parquet(tape, list(tape.books), every, target)
    seconds = time.process_time() - began
rows = told.rows
assert told.invalid_rows < 0.02 * rows, told  # inside a message a book may cross for an update
# VmHWM begins anew with the program; ru_maxrss would keep the peak of the process that started it.
print(rows, seconds, int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""


def parquet_rows(tape: Tape, rows: int) -> list[Row]:
    """Parquet of deltas to parquet of features, each in a process of its own; its peak memory is the whole process's."""
    told = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        write_segments(source / "few", tape, 1)
        total = write_segments(source / "many", tape, rows)
        for every, goal in (("message", 28.0), ("update", 5.0)):
            command = [sys.executable, "-c", _TO_PARQUET, str(source), str(source / "out.parquet"), every]
            answers = [
                subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split() for _ in range(3)
            ]
            seconds = statistics.median(float(answer[1]) for answer in answers)
            peak = max(float(answer[2]) for answer in answers)
            n, rate = f"{total:,} deltas, {tape.name}", total / seconds / 1e6
            bar = goal if tape.name != GENERATED else 0.0
            goal_text = f">= {goal:g} M/s" if bar else "reported"
            told += [
                Row(
                    f"segments to features parquet, per {every} [M deltas a processor second]",
                    rate,
                    n,
                    goal_text,
                    rate >= bar,
                ),
                Row(f"segments to features parquet, per {every}, peak [MB]", peak, n, "< 500 MB", peak < 500.0),
            ]
    return told


class PlainBook:
    """A book as most scripts keep it: a sorted mapping per side, figures in Python; the same ones as ours."""

    def __init__(self) -> None:
        from sortedcontainers import SortedDict

        self.bids: Any = SortedDict()
        self.asks: Any = SortedDict()

    def take(self, bids: list[list[str]], asks: list[list[str]]) -> dict[str, float]:
        """Take a message in and tell the figures."""
        for levels, side, sign in ((bids, self.bids, -1.0), (asks, self.asks, 1.0)):
            for price_text, size_text in levels:
                key, size = sign * float(price_text), float(size_text)
                if size == 0.0:
                    side.pop(key, None)
                else:
                    side[key] = size
        return python_figures(
            ((-key, size) for key, size in self.bids.items()), ((key, size) for key, size in self.asks.items())
        )


def python_figures(bids: Iterator[Any], asks: Iterator[Any]) -> dict[str, float]:
    """The engine's figures from two sides, best first, in plain Python; stops at the 50 bps edge."""
    best_bid, best_ask = next(bids), next(asks)
    mid = (best_bid[0] + best_ask[0]) / 2
    depths: dict[str, float] = {}
    weighted, largest = [0.0, 0.0], [best_bid, best_ask]
    for side, (first, rest) in enumerate(((best_bid, bids), (best_ask, asks))):
        near10 = near25 = near50 = 0.0
        level: Any = first
        while level is not None:
            distance = abs(level[0] - mid) / mid
            if distance > 0.005:
                break
            worth = level[0] * level[1]
            near50 += worth
            if distance <= 0.0025:
                near25 += worth
                if distance <= 0.001:
                    near10 += worth
            weighted[side] += level[1] * (1 - distance / 0.005)
            if level[1] > largest[side][1]:
                largest[side] = level
            level = next(rest, None)
        depths |= {f"{side}_10": near10, f"{side}_25": near25, f"{side}_50": near50}
    share = best_bid[1] / (best_bid[1] + best_ask[1])
    return {
        "spread_bps": 1e4 * (best_ask[0] - best_bid[0]) / mid,
        "weighted_mid": share * best_ask[0] + (1 - share) * best_bid[0],
        "triangular": (weighted[0] - weighted[1]) / (weighted[0] + weighted[1]),
        "imbalance": (depths["0_50"] - depths["1_50"]) / (depths["0_50"] + depths["1_50"]),
        "largest_bid": largest[0][0],
        "largest_ask": largest[1][0],
        **depths,
    }


def live_messages(tape: Tape, count: int) -> tuple[dict[str, Any], list[bytes], list[int]]:
    """The tape's snapshot, its first ``count`` messages as the venue writes them, and how many levels each has."""
    block = tape.block
    first = int(np.flatnonzero(block.action == DELTA)[0])
    prices = [f"{price:.8f}".rstrip("0").rstrip(".") for price in tape.grid.prices(block.price_ticks).tolist()]
    sizes = [f"{size:.8f}".rstrip("0").rstrip(".") for size in tape.grid.sizes(block.size_lots).tolist()]

    def levels(begin: int, stop: int, side: int) -> list[list[str]]:
        return [[prices[row], sizes[row]] for row in range(begin, stop) if block.side[row] == side]

    snapshot = {"lastUpdateId": 1, "bids": levels(0, first, 1), "asks": levels(0, first, -1)}
    stops = np.flatnonzero(block.message_end)
    cuts = [first, *(stops[stops >= first][:count] + 1).tolist()]
    messages = []
    for number, (begin, stop) in enumerate(itertools.pairwise(cuts)):
        body = {"e": "depthUpdate", "E": 1_723_161_256_299 + number, "s": "BTCUSDT", "U": number + 1, "u": number + 2}
        body |= {"pu": number + 1, "b": levels(begin, stop, 1), "a": levels(begin, stop, -1)}
        messages.append(orjson.dumps(body))
    return snapshot, messages, np.diff(cuts).tolist()


def live_rows(tape: Tape, count: int) -> list[Row]:
    """JSON bytes to figures, message by message, on one core; every book takes the same bytes in turn.

    Ours checks the sequence and judges every number; the others believe what they are given. Medians are of the messages
    of :data:`LIVE_LEVELS` levels, eight more or less; the 99th percentile is of all.
    """
    from ccxt.async_support.base.ws.order_book import OrderBook

    snapshot, messages, levels = live_messages(tape, count)
    whole, plain = LiveBook(tape.grid, Synchroniser("binanceusdm", "BTCUSDT")), PlainBook()
    theirs = OrderBook({"bids": _numbers(snapshot["bids"]), "asks": _numbers(snapshot["asks"])})
    whole.on_message(
        BookMessage(
            "snapshot", "BTCUSDT", 1, None, snapshot["bids"], snapshot["asks"], last_id=snapshot["lastUpdateId"]
        )
    )
    plain.take(snapshot["bids"], snapshot["asks"])

    def with_live_book(text: bytes) -> Any:
        told = orjson.loads(text)
        return whole.on_message(
            BookMessage(
                "delta", "BTCUSDT", 1, told["E"] * 1_000_000, told["b"], told["a"], told["U"], told["u"], told["pu"]
            )
        )

    def with_ccxt(text: bytes) -> Any:
        told = orjson.loads(text)
        for side, changes in ((theirs["bids"], told["b"]), (theirs["asks"], told["a"])):
            for price, size in changes:
                side.storeArray([float(price), float(size)])
        theirs.limit()
        return python_figures(iter(theirs["bids"]), iter(theirs["asks"]))

    def with_plain(text: bytes) -> Any:
        told = orjson.loads(text)
        return plain.take(told["b"], told["a"])

    takers: list[Callable[[bytes], Any]] = [with_live_book, with_ccxt, with_plain]
    seconds: list[list[float]] = [[] for _ in takers]
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        # In turns of fifty: each book works warm, as a process of its own would, and load hits all.
        for first in range(0, len(messages), 50):
            answers = []
            for mine, taker in zip(seconds, takers, strict=True):
                for text in messages[first : first + 50]:
                    began = time.perf_counter()
                    told = taker(text)
                    if first >= 200:
                        mine.append(time.perf_counter() - began)
                answers.append(told)
            _assert_agree(*answers)
    finally:
        os.sched_setaffinity(0, cores)
    assert whole.synchroniser.counts["applied"] == len(messages), whole.synchroniser.counts
    counted = np.abs(np.array(levels[200:]) - LIVE_LEVELS) <= 8
    ours, ccxt_s, plain_s = (float(np.median(np.array(mine)[counted])) for mine in seconds)
    p95, p99 = float(np.quantile(np.array(seconds[0])[counted], 0.95)), float(np.quantile(seconds[0], 0.99))
    n = f"{int(counted.sum()):,} messages of {LIVE_LEVELS} levels +- 8, {tape.name}"
    n_all = f"{len(counted):,} messages of {min(levels[200:])} to {max(levels[200:]):,} levels, {tape.name}"
    return [
        Row("live: JSON bytes to features, sequence checked", ours, n, "< 25 us and >= 12 x", ours < 25e-6 and ccxt_s >= 12 * ours,
            "ccxt OrderBook and Python features", ccxt_s),
        Row("live: JSON bytes to features, sequence checked, p99", p99, n_all, "< 1 ms", p99 < 1e-3),
        Row("live: beside a sorted dictionary and Python features", ours, n, "reported", True, "sorted dictionary", plain_s),
        Row("one 56-level message with analytics, p95 (PL-OB-11, PL-PX-01)", p95, n, "< 10 ms", p95 < 10e-3),
    ]  # fmt: skip


def _assert_agree(ours: BookFeatures | None, *others: dict[str, float]) -> None:
    """After the same messages every book has the same best quotes; figures of a wrong or unknown book are not timed."""
    assert ours is not None
    assert ours.valid, ours
    for other in others:
        assert math.isclose(ours.quoted_spread_bps, other["spread_bps"], rel_tol=1e-6), (ours, other)
        assert math.isclose(ours.weighted_mid, other["weighted_mid"], rel_tol=1e-9), (ours, other)


def _numbers(levels: list[list[str]]) -> list[list[float]]:
    return [[float(price), float(size)] for price, size in levels]


def thousand_books_rows(deltas: int) -> list[Row]:
    """PL-OB-14, PL-PX-08: memory of 1,000 books of 100 levels a side, and its growth over the deltas."""
    tape = generated_tape(1)
    rng = np.random.default_rng(3)
    Ladder(tape.grid)  # loads the compiled kernel
    before = _resident_mb()
    books = [Ladder(tape.grid) for _ in range(1_000)]
    ticks = 600_000 + np.concatenate((-np.arange(1, 101), np.arange(1, 101)))
    prices = tape.grid.prices(ticks)
    for book in books:
        book.apply_levels(SNAPSHOT, prices, tape.grid.sizes(rng.integers(1, 999, 200)), 100, 1)
    held = _resident_mb()
    began = time.perf_counter()
    for number in range(deltas):
        level = int(rng.integers(200))
        size = tape.grid.sizes(rng.integers(1, 999, 1))
        books[number % 1_000].apply_levels(DELTA, prices[level : level + 1], size, int(level < 100), 1)
    each = (time.perf_counter() - began) / deltas
    grown = _resident_mb() - held
    n = f"1,000 books x 100 levels a side, {deltas:,} deltas"
    return [
        Row("memory of 1,000 books [MB]", held - before, n, "< 136.2 MB, the source's base (PL-PX-08)", held - before < 136.2),
        Row("growth over the deltas [MB]", max(grown, 1e-3), n, "< 5 MB (PL-OB-14)", grown < 5.0),
        Row("share of a core for 100 pairs x 10 updates/s (PL-PX-09)", each * 1_000, n, "< 0.5", each * 1_000 < 0.5),
    ]  # fmt: skip


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def run(quick: bool = False) -> list[Row]:
    """Rows of the table; ``quick`` with a tenth of the sizes."""
    cut = 10 if quick else 1
    rows = thousand_books_rows(100_000 // cut)  # first: what others freed would be handed out again, touched already
    made = generated_tape(1_000_000 // cut)
    folder = os.environ.get("PULSE_REAL_DATA", "")
    tapes = [made, *([recorded_tape(Path(folder))] if folder else [])]
    for tape in tapes:
        rows += replay_rows(tape)
    best = tapes[-1]
    return [
        *rows,
        scan_row(best),
        sequence_row(best),
        source_claim_row(best),
        *micro_batch_rows(best),
        *parquet_rows(best, 40_000_000 // cut),
        *live_rows(best, 5_000 // cut),
    ]


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(line.text())
