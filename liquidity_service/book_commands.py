"""``pulse book replay | check | compare | store``: recorded order books of any format that ``resources/tapes`` reads.

Replay turns level changes into figures after each update, message or step of time; check judges a recording; compare
says which of two books moves first; store puts a recording into the workspace's database. Read next: ``resources/tapes/tape.py``, ``liquidity/book/ladder.py``.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from liquidity.domain.errors import ConfigError, ContractError, SourceUnavailableError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from liquidity.book.block import BookBlock
    from liquidity.book.ladder import Cadence
    from liquidity.book.lead_lag import LeadLag
    from resources.tapes import BookKey, Tape

__all__ = ["ReplayedBook", "add_arguments", "every", "replay_to_parquet", "run"]

_EVERY: Final = re.compile(r"(\d{1,9})(ns|us|ms|s|m)", re.ASCII)
_NS: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_FLAWS: Final = (
    "gap",
    "out_of_order",
    "duplicate",
    "crossed",
    "checksum",
    "refused_level",
    "unknown_level",
    "off_grid",
)


def every(text: str) -> "Cadence":
    """Read how often figures are told: ``update``, ``message`` or a time such as ``100ms``.

    Examples
    --------
    >>> every("100ms"), every("message")
    (100000000, 'message')
    """
    if text == "update":
        return "update"
    if text == "message":
        return "message"
    found = _EVERY.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is none of update, message or a time such as 100ms, 1s, 1m")
    return int(found[1]) * _NS[found[2]]


def _step(text: str) -> int:
    step = every(text)
    if not isinstance(step, int):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 100ms, 1s, 1m")
    return step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the four commands to the parser of ``pulse book``."""
    actions = parser.add_subparsers(dest="action", required=True)
    replay = actions.add_parser("replay", help="figures of recorded books as one parquet file")
    replay.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="capture, recorded set or folder of segments"
    )
    replay.add_argument("--every", type=every, default="message", help="update, message or a time such as 100ms")
    replay.add_argument("--out", type=Path, required=True, help="parquet file to write; it is replaced")
    replay.add_argument("--symbol", action="append", help="only this venue symbol; repeatable")

    check = actions.add_parser("check", help="sequence, duplicates, crossings and clock of recordings; 0 good, 1 not")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")

    compare = actions.add_parser("compare", help="which of two books moves first, and how often they cross")
    compare.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recordings that hold two books together")
    compare.add_argument("--every", type=_step, default=_NS["ms"] * 100, help="step of the time grid (default 100ms)")
    compare.add_argument("--max-lag", type=_step, default=_NS["s"] * 2, help="longest delay looked at (default 2s)")
    compare.add_argument("--symbol", action="append", help="only this venue symbol; repeatable")

    store = actions.add_parser("store", help="put recordings into the workspace's database; repeating changes nothing")
    store.add_argument("files", nargs="+", type=Path, metavar="FILE")


def run(options: argparse.Namespace) -> int:
    """Run one of the four commands."""
    match options.action:
        case "replay":
            return _replay(options)
        case "check":
            return _check(options.files)
        case "store":
            return _store(options.files)
        case _:
            return _compare(options)


@dataclass(frozen=True, slots=True)
class ReplayedBook:
    """What the replay of one book gave.

    Attributes
    ----------
    updates, rows, invalid_rows
        Level changes read, rows of figures told, and those of them without figures.
    seconds
        Wall-clock time of the replay of this book, reading and writing included.
    """

    venue: str
    venue_symbol: str
    updates: int
    rows: int
    invalid_rows: int
    seconds: float

    def line(self) -> str:
        """The outcome in one line."""
        share = self.invalid_rows / self.rows if self.rows else 0.0
        rate = self.updates / self.seconds if self.seconds > 0 else 0.0
        return (
            f"{self.venue}:{self.venue_symbol}: {self.updates:,} level changes, {self.rows:,} rows, {share:.2%} invalid, "
            f"{rate:,.0f} changes/s"
        )


def replay_to_parquet(
    tape: "Tape", books: Sequence["BookKey"], cadence: "Cadence", out: Path
) -> Iterator[ReplayedBook]:
    """Replay books one after the other into one parquet file, which is in place when the last was given out.

    Memory holds one block of level changes and one table of figures, whatever the length of the tape. Columns: ``venue``,
    ``venue_symbol`` and those of :meth:`~liquidity.book.book_features.BookFeatureBlock.table`.

    Raises
    ------
    ContractError
        Not one row of figures came out; ``out`` is as it was.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from liquidity.book.replay import replay
    from resources.atomic_file import replacing

    with replacing(out) as staged:
        writer: Any = None
        try:
            for venue, venue_symbol in books:
                started, read = time.perf_counter(), _Counted(tape.blocks(venue, venue_symbol))
                rows = invalid = 0
                for figures in replay(read, tape.grid(venue, venue_symbol), cadence):
                    table = _named(figures, venue, venue_symbol)
                    # Figures hardly repeat: a dictionary of them costs time and holds nothing.
                    writer = writer or pq.ParquetWriter(
                        staged, table.schema, compression="zstd", compression_level=1, use_dictionary=_DICTIONARIES
                    )
                    writer.write_table(table)
                    rows += table.num_rows
                    invalid += table.num_rows - pc.sum(table["valid"].cast(pa.int64())).as_py()
                yield ReplayedBook(venue, venue_symbol, read.rows, rows, invalid, time.perf_counter() - started)
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            raise ContractError(f"{out}: not written; no row of figures came out of {len(books)} books")


_DICTIONARIES = ["venue", "venue_symbol", "valid", "invalid_reason"]


class _Counted:
    """Blocks passed through, their rows counted."""

    def __init__(self, blocks: "Iterable[BookBlock]") -> None:
        self.rows = 0
        self._blocks = blocks

    def __iter__(self) -> "Iterator[BookBlock]":
        for block in self._blocks:
            self.rows += len(block)
            yield block


def _named(table: "pa.Table", venue: str, venue_symbol: str) -> "pa.Table":
    import numpy as np
    import pyarrow as pa

    codes = pa.array(np.zeros(table.num_rows, dtype=np.int8))
    for name, value in (("venue_symbol", venue_symbol), ("venue", venue)):
        table = table.add_column(0, name, pa.DictionaryArray.from_arrays(codes, [value]))
    return table


def _chosen(tape: "Tape", symbols: Sequence[str] | None) -> list["BookKey"]:
    books = [key for key in tape.books if symbols is None or key[1] in symbols]
    missing = sorted(set(symbols or ()) - {symbol for _, symbol in books})
    if missing or not books:
        held = ", ".join(f"{venue}:{symbol}" for venue, symbol in tape.books) or "none"
        raise ConfigError(f"no book {', '.join(missing)} on the tape; it carries {held}")
    return books


def _replay(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from resources.tapes import open_tape

    tape = open_tape(options.files)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    done = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("reading the list of books", total=None)
        books = _chosen(tape, options.symbol)
        progress.update(bar, description="books replayed", total=len(books))
        for book in replay_to_parquet(tape, books, options.every, options.out):
            done.append(book)
            progress.advance(bar)
    for book in done:
        sys.stdout.write(book.line() + "\n")
        counts: Mapping[str, int] = tape.counts.get((book.venue, book.venue_symbol), {})
        flaws = ", ".join(
            f"{reason} {count:,}" for reason, count in sorted(counts.items()) if reason in _FLAWS and count
        )
        if flaws:
            sys.stdout.write(f"  {flaws}\n")
    for reason, count in sorted(tape.losses.items()):
        sys.stdout.write(f"not read, {reason}: {count:,}\n")
    rows = sum(book.rows for book in done)
    sys.stdout.write(f"{rows:,} rows of {len(done)} books in {options.out}\n")
    return 0


def _check(files: Sequence[Path]) -> int:
    """Print what is wrong with each recording; 1 where a book on it is not whole."""
    from resources.tapes.check import check_tape

    is_sound = True
    for path in files:
        try:
            report = check_tape(path)
        except (ContractError, SourceUnavailableError) as error:
            sys.stdout.write(f"{path}: NOT READABLE\n  {error}\n")
            is_sound = False
            continue
        sys.stdout.write(f"{path}: {'good' if report.is_sound else 'FLAWED'}\n{report.text()}\n")
        is_sound &= report.is_sound
    return 0 if is_sound else 1


def _store(files: Sequence[Path]) -> int:
    from resources.settings import load_settings
    from resources.stores.tape_store import store_tape
    from resources.tapes import open_tape
    from resources.workspace_database import open_market_data

    with open_market_data(load_settings()) as store:
        for book in store_tape(store, open_tape(files)):
            told = f"{book.messages.rows:,} messages ({book.messages.inserted:,} new), {book.trades.rows:,} trades"
            sys.stdout.write(f"{book.market.venue} {book.market.venue_symbol}: {told} ({book.trades.inserted:,} new)\n")
    return 0


def _compare(options: argparse.Namespace) -> int:
    """Print which of two books moves first and how often one could be bought below the other's bid."""
    import itertools

    from liquidity.book.lead_lag import lead_lag_grid
    from resources.tapes import open_tape

    tape = open_tape(options.files)
    books = _chosen(tape, options.symbol)
    if len(books) < 2:
        raise ConfigError(f"compare needs two books, the files hold {len(books)}; name another file")
    quotes = {book: _best_quotes(tape, book, options.every) for book in books}
    for one, two in itertools.combinations(books, 2):
        first, second = quotes[one], quotes[two]
        found = lead_lag_grid(
            first.at_ns,
            first.mid,
            second.at_ns,
            second.mid,
            step_ns=options.every,
            max_lag_steps=max(1, options.max_lag // options.every),
        )
        names = f"{one[0]}:{one[1]} and {two[0]}:{two[1]}"
        sys.stdout.write(f"{names}\n  {_lead_text(found, one, two)}\n  {_crossing_text(first, second)}\n")
    return 0


@dataclass(frozen=True, slots=True, eq=False)
class _Quotes:
    """Best quotes of one book at the instants of a time grid; NaN where the book is unknown."""

    at_ns: "NDArray[np.int64]"
    bid: "NDArray[np.float64]"
    ask: "NDArray[np.float64]"

    @property
    def mid(self) -> "NDArray[np.float64]":
        return (self.bid + self.ask) / 2.0


def _best_quotes(tape: "Tape", book: "BookKey", step_ns: int) -> _Quotes:
    import numpy as np

    from liquidity.book.ladder import Ladder

    grid = tape.grid(*book)
    ladder = Ladder(grid)
    parts = []
    for block in tape.blocks(*book):
        told = ladder.apply(block, every=step_ns)
        bid, ask = (
            np.where(told.valid, grid.prices(told[name]), np.nan) for name in ("best_bid_ticks", "best_ask_ticks")
        )
        parts.append((told["at_ns"].copy(), bid, ask))
    empty = (np.empty(0, np.int64), np.empty(0), np.empty(0))
    return _Quotes(*(np.concatenate(columns) for columns in zip(empty, *parts, strict=True)))


def _lead_text(found: "LeadLag", one: "BookKey", two: "BookKey") -> str:
    if found.lag_ns is None or found.peak_correlation is None:
        return f"no lead or lag can be told: {found.reason}"
    together = "not told" if found.zero_lag_correlation is None else f"{found.zero_lag_correlation:.3f}"
    leader = "neither leads"
    if found.lag_ns:
        leads, ahead = (one, found.lag_ns) if found.lag_ns > 0 else (two, -found.lag_ns)
        leader = f"{leads[0]}:{leads[1]} leads by {ahead / 1e6:g} ms"
    return f"{leader}; correlation {found.peak_correlation:.3f} at that delay, {together} at the same time"


def _crossing_text(first: _Quotes, second: _Quotes) -> str:
    import numpy as np

    _, one, two = np.intersect1d(first.at_ns, second.at_ns, assume_unique=True, return_indices=True)
    bid, ask = np.stack((first.bid[one], second.bid[two])), np.stack((second.ask[two], first.ask[one]))
    known = ~np.isnan(bid + ask).any(axis=0)
    if not known.any():
        return "no instant at which both books are known"
    gap_bps = 1e4 * (bid - ask)[:, known] / ask[:, known]
    widest = gap_bps.max(axis=0)
    return (
        f"{int(known.sum()):,} instants with both books; they cross at {float((widest > 0).mean()):.2%} of them, widest "
        f"{max(float(widest.max()), 0.0):.2f} bps (before fees; prices in each market's own quote currency)"
    )
