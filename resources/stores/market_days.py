"""Days of the lake's crypto tables and of the tapes, written into the database, and the proof that they agree there.

A day takes the place of the one before it, table by table: what was written stays whole until the new day is. Trades
alone are added, because one done at midnight belongs to the database's next day or the one before. Read next:
``market_frames.py`` (columns), ``market_copy.py`` (transactions).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import func, select

from liquidity.book.block import NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.domain.errors import ContractError
from resources.crypto_sources import BookSource
from resources.stores.binary_copy import Batch
from resources.stores.book_rows import message_batch
from resources.stores.crypto_tables import BOOK_DELTAS, BOOK_SNAPSHOTS, TRADES
from resources.stores.market_copy import DayReceipt
from resources.stores.market_data import MarketDataStore, StoredMarket
from resources.stores.market_frames import DERIVATIVE_TABLES, Markets, book_batches, derivative_batch, trade_batch
from resources.stores.market_partitions import day_bounds
from resources.tapes import open_tape

__all__ = ["DayOfMarkets", "ReplayCheck", "check_replay", "day_messages"]


@dataclass(frozen=True, slots=True)
class ReplayCheck:
    """How many stored books of a day were made again from stored messages, and how many came out otherwise.

    Attributes
    ----------
    same_n, different_n
        Books whose levels are the same, tick for tick and lot for lot, and others.
    unknown_n
        Books before which no whole book is stored: nothing to make them from.
    first_different
        Instant of the first that differs.
    """

    same_n: int
    different_n: int
    unknown_n: int
    first_different: datetime | None


class DayOfMarkets:
    """Writer of one UTC day.

    Parameters
    ----------
    sources
        Tapes of the day's books by instrument id; their grids name the markets.
    instruments
        Every instrument of the day's rows, ``VENUE:SYMBOL``; those without a tape are named without a grid.
    """

    def __init__(
        self, store: MarketDataStore, day: date, sources: Mapping[str, BookSource], instruments: Iterable[str]
    ) -> None:
        self.store = store
        self.day = day
        self._sources = {name: source.of([day]) for name, source in sources.items() if day in source.days()}
        self.markets: Markets = {
            name: store.register(*_named(name), _grid(self._sources.get(name)))
            for name in sorted({*instruments, *self._sources})
        }

    def write_messages(self, segments: pd.DataFrame) -> DayReceipt:
        """Book messages of the day from its tapes; ``segments`` are the rows of ``book_deltas`` that audited them.

        Raises
        ------
        ContractError
            A tape is not the one that was audited.
        """
        names = sorted(set(segments["instrument_id"]))
        audited = dict(zip(segments["path"], segments["sha256"], strict=True))

        def batches() -> Iterator[Batch]:
            for name in names:
                source = self._sources.get(name)
                if source is None:
                    raise ContractError(f"{name}: no tape of {self.day}, but an audited segment; materialise its books")
                _require_audited(source, audited)
                yield from day_messages(self.markets[name], source, self.day)

        return self.store.copy.replace_day(BOOK_DELTAS, self.day, self._ids(names), batches())

    def write_books(
        self, levels: pd.DataFrame, features: pd.DataFrame, depth: pd.DataFrame, code_version: str
    ) -> tuple[DayReceipt, DayReceipt]:
        """Analysed books of the day's full minutes, and their analyses; see :func:`~market_frames.book_batches`."""
        snapshots, analyses = book_batches(levels, features, depth, self.markets, code_version)
        return self.store.copy.replace_books(self.day, self._ids(set(levels["instrument_id"])), snapshots, analyses)

    def write_trades(self, trades: pd.DataFrame) -> DayReceipt:
        """Trades received on the day; those stored before stay as they are."""
        receipt = self.store.copy.ingest(TRADES, trade_batch(trades, self.markets))
        return DayReceipt(receipt.rows, 0)

    def write_derivatives(self, name: str, rows: pd.DataFrame) -> DayReceipt:
        """Rows of one of :data:`~market_frames.DERIVATIVE_TABLES`."""
        batch = derivative_batch(name, rows, self.markets)
        batches = [batch] if len(rows) else []
        names = set(rows["instrument_id"])
        return self.store.copy.replace_day(DERIVATIVE_TABLES[name], self.day, self._ids(names), batches)

    def _ids(self, names: Iterable[str]) -> list[int]:
        """Every market of these names, those of an earlier grid too: their rows of the day go."""
        return [market.market_id for name in names for market in self.store.markets(*_named(name))]


def day_messages(market: StoredMarket, source: BookSource, day: date) -> Iterator[Batch]:
    """Messages of one book that took effect on the UTC day, as batches of ``order_book_deltas``.

    Parameters
    ----------
    source
        Files that hold the day; a message without time of receipt counts by the venue's.
    """
    latest, before = -1, None
    first, end = (_ns(moment) for moment in day_bounds(day))
    for file in source.files:
        tape = open_tape(file.path)
        for block in tape.blocks(market.venue, market.venue_symbol):
            clock = np.where(block.received_ns == NO_TIME, block.event_ns, block.received_ns)
            clock = np.maximum(np.maximum.accumulate(clock), latest)
            latest = int(clock[-1])
            here = slice(*np.searchsorted(clock, [first, end]).tolist())
            if here.start == here.stop:
                continue
            rows = {name: getattr(block, name)[here] for name in BookBlock.__slots__}
            batch = message_batch(market.market_id, BookBlock(**{**rows, "received_ns": clock[here]}), before)
            before = batch["at"][-1], int(batch["message_no"][-1])  # type: ignore[index]
            yield batch


def check_replay(store: MarketDataStore, market: StoredMarket, day: date) -> ReplayCheck:
    """Make every stored book of the day again from the stored messages and compare.

    The book at an instant is what the messages up to and including it leave, from the newest whole book at or before the
    day's first instant on (else the first whole book of the day).
    """
    start, end = day_bounds(day)
    columns = BOOK_SNAPSHOTS.c
    within = (columns.market_id == market.market_id, columns.at >= start, columns.at < end)
    with store.engine.connect() as connection:
        stored = connection.execute(select(BOOK_SNAPSHOTS).where(*within).order_by(columns.at)).all()
        begin = connection.execute(
            select(func.max(BOOK_DELTAS.c.at)).where(
                BOOK_DELTAS.c.market_id == market.market_id, BOOK_DELTAS.c.at < start, BOOK_DELTAS.c.action == SNAPSHOT
            )
        ).scalar_one()
    if not stored:
        return ReplayCheck(0, 0, 0, None)
    grid, block = market.steps(), store.messages(market, begin or start, end)
    whole = np.flatnonzero(block.action == SNAPSHOT)
    done = first = int(whole[0]) if len(whole) else len(block)
    ladder, counts, first_different = Ladder(grid), Counter[str](), None
    for book in stored:
        rows = int(np.searchsorted(block.received_ns, _ns(book.at), side="right"))
        if rows <= first:
            counts["unknown"] += 1
            continue
        if rows > done:
            ladder.apply(BookBlock(*(getattr(block, name)[done:rows] for name in BookBlock.__slots__)), every="message")
            done = rows
        same = _same_levels(ladder, grid, book)
        counts["same" if same else "different"] += 1
        if not same and first_different is None:
            first_different = book.at.astimezone(UTC)
    return ReplayCheck(counts["same"], counts["different"], counts["unknown"], first_different)


def _ns(moment: datetime) -> int:
    since_1970: timedelta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since_1970 // timedelta(microseconds=1) * 1000


def _same_levels(ladder: Ladder, grid: BookGrid, book: Any) -> bool:
    top = ladder.top(book.depth_levels)
    return all(
        np.array_equal(grid.ticks(levels[:, 0]), ticks) and np.array_equal(grid.lots(levels[:, 1]), lots)
        for levels, ticks, lots in (
            (top.bids, book.bid_ticks, book.bid_lots),
            (top.asks, book.ask_ticks, book.ask_lots),
        )
    )


def _grid(source: BookSource | None) -> BookGrid | None:
    if source is None:
        return None
    return open_tape(source.files[0].path).grid(source.name.venue, source.name.venue_symbol)


def _named(instrument_id: str) -> tuple[str, str]:
    venue, _, symbol = instrument_id.partition(":")
    return venue, symbol


def _require_audited(source: BookSource, audited: Mapping[str, str]) -> None:
    for file in source.files:
        if file.relative not in audited:
            continue
        with file.path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != audited[file.relative]:
            raise ContractError(
                f"{file.path}: sha256 {found[:12]}, audited {audited[file.relative][:12]}; the tape has changed since: "
                "materialise the books of the day again"
            )
