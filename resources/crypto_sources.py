"""Where the crypto tables come from: tapes of order books, and delivered or recorded files of derivatives.

Tapes lie below ``<landing>/tapes`` (written by ``pulse record``, or generated) and ``<recorded>/orderbook``; rows of
trades, open interest, funding and liquidations below ``<landing>/crypto/<table>`` (written by ``pulse collect``) and in
``<recorded>/derivs``. Read next: ``liquidity/features/book_pass.py`` (what is made of a tape).
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from liquidity.book.block import NO_TIME
from liquidity.book.wire import units_of
from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.contracts.crypto import FUNDING_RATES, LIQUIDATION_EVENTS, OPEN_INTEREST, VENUE_TRADES
from liquidity.contracts.table import TableContract
from liquidity.domain.book_message import TradeMessage
from liquidity.domain.errors import ContractError
from liquidity.domain.identifier import require_instrument_id
from liquidity.domain.market_data import MarketKind
from liquidity.domain.origin import SIMULATED
from liquidity.features.book_pass import BookPass, ViewRules
from liquidity.features.book_tables import BOOK_TABLES, BookName, SegmentFacts, TradeColumns, book_tables
from liquidity.simulation.crypto_market import FOLLOWER_VENUE, LEADER_VENUE
from resources.feeds._feed import FeedRoots
from resources.feeds._landing_files import landed_files, read_landed
from resources.tapes import open_tape
from resources.tapes.recorded import RecordedTape

__all__ = [
    "COMPUTED_COLUMNS",
    "DERIVATIVE_FILES",
    "BookSource",
    "TapeFile",
    "book_sources",
    "crypto_days",
    "derivative_rows",
    "read_book",
    "tape_file",
    "tape_paths",
]

RECORDED_SOURCE: Final = "recorded_tapes"
LANDED_SOURCE: Final = "tapes"
_RECORDED_PERPS: Final = {
    "binance": ("binanceusdm", "{coin}USDT"),
    "bybit": ("bybit", "{coin}USDT"),
    "okx": ("okx", "{coin}-USDT-SWAP"),
    "hyperliquid": ("hyperliquid", "{coin}"),
    "kraken": ("krakenfutures", "PF_{coin}USD"),
    "dydx": ("dydx", "{coin}-USD"),
    "lighter": ("lighter", "{coin}"),
}
"""Venue id and symbol of each venue of the recorded derivatives files."""
DERIVATIVE_FILES: Final = {
    FUNDING_RATES.name: "derivs/perp_funding.parquet",
    OPEN_INTEREST.name: "derivs/perp_open_interest_1h.parquet",
}
"""Recorded files by table. Recorded liquidations are daily sums, not events, and are not read into the event table."""
COMPUTED_COLUMNS: Final = {
    OPEN_INTEREST.name: ("change_1h_frac", "change_24h_frac"),
    FUNDING_RATES.name: ("annualised_frac", "predicted_next_frac"),
    VENUE_TRADES.name: ("effective_spread_bps",),
    LIQUIDATION_EVENTS.name: (),
}
"""Columns that the pipeline computes; a delivered file may leave them out."""


@dataclass(frozen=True, slots=True)
class TapeFile:
    """One file of a tape: its book, and the UTC days on which its rows were received."""

    path: Path
    relative: str
    venue: str
    venue_symbol: str
    kind: MarketKind
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class BookSource:
    """All files of one book, in time order."""

    name: BookName
    kind: MarketKind
    files: tuple[TapeFile, ...]

    def days(self) -> list[date]:
        """UTC days with rows, ascending."""
        days = {each.first + timedelta(days=n) for each in self.files for n in range((each.last - each.first).days + 1)}
        return sorted(days)

    def of(self, sessions: Collection[date]) -> "BookSource":
        """The same book with the files that hold rows of ``sessions``."""
        first, last = min(sessions), max(sessions)
        return replace(self, files=tuple(each for each in self.files if each.first <= last and each.last >= first))


def tape_paths(roots: FeedRoots) -> list[tuple[Path, Path]]:
    """Each tape file with the folder its name is told relative to, by name order."""
    found = []
    if roots.recorded is not None and (roots.recorded / "orderbook").is_dir():
        folder = roots.recorded / "orderbook"
        found += [(path, folder) for path in sorted(folder.glob("*.depth.parquet"))]
    tapes = roots.landing / "tapes"
    return found + [(path, tapes) for path in sorted(tapes.rglob("*.book.parquet"))]


def tape_file(path: Path, folder: Path) -> TapeFile:
    """Which book a tape file holds and of which days; only metadata is read.

    Raises
    ------
    ContractError
        The file is no tape, or is damaged.
    IdentifierError
        Its venue and symbol make no instrument id.
    """
    try:
        if path.name.endswith(".depth.parquet"):
            tape = RecordedTape(path.with_name(path.name.removesuffix(".depth.parquet")))
            venue, symbol = tape.key
            kind = (units_of(venue, symbol) or ("spot", 1.0))[0]
            with pq.ParquetFile(path) as file:
                first, last = _span(file, "recv_ns")
        else:
            [((venue, symbol), grid)] = open_tape(path).books.items()
            kind = grid.kind
            first = last = date.fromisoformat(path.parent.name)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ContractError(f"{path}: no tape of one book ({error}); record it again or move it away") from error
    require_instrument_id(f"{venue}:{symbol}")
    return TapeFile(path, path.relative_to(folder).as_posix().replace("%", "_"), venue, symbol, kind, first, last)


def book_sources(roots: FeedRoots) -> list[BookSource]:
    """Every book with a tape, by instrument id."""
    by_book: dict[tuple[str, str], list[TapeFile]] = {}
    recorded: set[tuple[str, str]] = set()
    for path, folder in tape_paths(roots):
        file = tape_file(path, folder)
        by_book.setdefault((file.venue, file.venue_symbol), []).append(file)
        if folder.name == "orderbook":
            recorded.add((file.venue, file.venue_symbol))
    sources = []
    for key, files in by_book.items():
        generated = key[0] in (LEADER_VENUE, FOLLOWER_VENUE)
        source = SIMULATED if generated else RECORDED_SOURCE if key in recorded else LANDED_SOURCE
        ordered = tuple(sorted(files, key=lambda each: (each.first, each.path.name)))
        sources.append(BookSource(BookName(*key, source), ordered[0].kind, ordered))
    return sorted(sources, key=lambda each: each.name.instrument_id)


def read_book(source: BookSource, sessions: Collection[date], rules: ViewRules) -> dict[str, pd.DataFrame]:
    """Tables of one book over ``sessions``: one pass over the files that hold them.

    Returns
    -------
    dict
        Rows of each of :data:`~liquidity.features.book_tables.BOOK_TABLES` by table name.

    Raises
    ------
    ContractError
        A file that cannot be read as the tape it claims to be.
    """
    key = (source.name.venue, source.name.venue_symbol)
    seen: BookPass | None = None
    facts: dict[str, SegmentFacts] = {}
    trades: list[TradeMessage] = []
    carries_trades = False
    folders: set[Path] = set()
    for file in source.of(sessions).files:
        tape = open_tape(file.path)
        grid = tape.grid(*key)
        if seen is None:
            seen = BookPass(grid, rules)
        elif grid != seen.grid:
            raise ContractError(
                f"{file.path}: steps {grid.tick_size}/{grid.lot_size}, {seen.grid.tick_size}/{seen.grid.lot_size} in the "
                "files before; materialise the days before and after the change in separate runs"
            )
        for block in tape.blocks(*key):
            seen.take(file.relative, block)
        repeats = tape.counts.get(key, Counter())["duplicate"] if file.path.name.endswith(".depth.parquet") else None
        facts[file.relative] = SegmentFacts(_sha256(file.path), repeats)
        carries_trades = carries_trades or _trades_beside(file.path)
        if file.path.name.endswith(".depth.parquet") or file.path.parent not in folders:
            trades += tape.trades(*key)  # a segment tells the trades of its whole day
        folders.add(file.path.parent)
    if seen is None:
        return {contract.name: frame_from_table(empty_table(contract)) for contract in BOOK_TABLES}
    tables = book_tables(source.name, seen, _columns(trades) if carries_trades else None, facts)
    days = [pd.Timestamp(day) for day in sessions]
    return {name: rows[rows["session_date"].isin(days)].reset_index(drop=True) for name, rows in tables.items()}


def derivative_rows(roots: FeedRoots, contract: TableContract, start: date, end: date) -> pd.DataFrame:
    """Delivered and recorded rows of one derivatives table for [start, end]; computed columns may be null."""
    parts = [_recorded_rows(roots, contract)] if contract.name in DERIVATIVE_FILES else []
    optional = replace(
        contract,
        columns=tuple(
            replace(column, nullable=True) if column.name in COMPUTED_COLUMNS[contract.name] else column
            for column in contract.columns
        ),
    )
    files = [each for each in landed_files(roots.landing / "crypto" / contract.name) if each.may_hold(start, end)]
    parts += [read_landed(file, optional, naive_times_utc=roots.naive_times_utc) for file in files]
    parts = [part[part["session_date"].between(pd.Timestamp(start), pd.Timestamp(end))] for part in parts]
    having = [part for part in parts if len(part)]
    if not having:
        return frame_from_table(empty_table(contract))
    return pd.concat(having, ignore_index=True)[list(contract.column_names)]


def crypto_days(roots: FeedRoots) -> dict[str, list[date]]:
    """Days with something to read, ascending: of each book's tapes by instrument id, and of recorded derivatives."""
    days = {source.name.instrument_id: source.days() for source in book_sources(roots)}
    for contract in (FUNDING_RATES, OPEN_INTEREST):
        rows = _recorded_rows(roots, contract)
        if len(rows):
            days[f"recorded {contract.name}"] = sorted(stamp.date() for stamp in rows["session_date"].unique())
    return days


def _recorded_rows(roots: FeedRoots, contract: TableContract) -> pd.DataFrame:
    nothing = frame_from_table(empty_table(contract))
    if roots.recorded is None or not (roots.recorded / DERIVATIVE_FILES[contract.name]).is_file():
        return nothing
    raw = pd.read_parquet(roots.recorded / DERIVATIVE_FILES[contract.name])
    raw = raw[raw["venue"].isin(list(_RECORDED_PERPS))].sort_values(["venue", "coin", "ts"], ignore_index=True)
    named = [_RECORDED_PERPS[venue] for venue in raw["venue"]]
    coins = raw["coin"].where(~((raw["coin"] == "BTC") & (raw["venue"] == "kraken")), "XBT")
    frame = pd.DataFrame(
        {
            "session_date": raw["ts"].dt.tz_localize(None).dt.floor("D"),
            "instrument_id": [
                f"{venue}:{form.format(coin=coin)}" for (venue, form), coin in zip(named, coins, strict=True)
            ],
            "venue": [venue for venue, _ in named],
            "at": raw["ts"],
            "source": f"perp_{contract.name}",
        }
    )
    if contract is FUNDING_RATES:
        frame["rate_frac"] = raw["funding_rate"]
        frame["interval_hours"] = _intervals(frame)
    else:
        frame["open_interest_quote"] = raw["oi_usd"]
    return frame.reindex(columns=list(contract.column_names)).astype(
        nothing.dtypes.to_dict() | {"at": frame["at"].dtype}
    )


def _intervals(payments: pd.DataFrame) -> pd.Series:
    """Hours between payments: the usual distance of the instrument's stamps, which carry milliseconds of jitter."""
    hours = payments.groupby("instrument_id")["at"].diff().dt.total_seconds().div(3600.0).round()
    usual = hours.groupby(payments["instrument_id"]).agg(
        lambda gaps: gaps.mode().iloc[0] if gaps.notna().any() else np.nan
    )
    found: pd.Series = payments["instrument_id"].map(usual).astype("float64")
    return found


def _columns(trades: Sequence[TradeMessage]) -> TradeColumns:
    received = np.array([each.received_ns for each in trades], dtype=np.int64)
    order = np.argsort(received, kind="stable")
    event = [NO_TIME if each.event_ns is None else each.event_ns for each in trades]
    return TradeColumns(
        received[order],
        np.array(event, dtype=np.int64)[order],
        np.array([each.trade_id for each in trades], dtype=object)[order],
        np.array([float(each.price) for each in trades], dtype=np.float64)[order],
        np.array([float(each.amount) for each in trades], dtype=np.float64)[order],
        np.array([each.taker_sign for each in trades], dtype=np.int8)[order],
    )


def _trades_beside(path: Path) -> bool:
    if path.name.endswith(".depth.parquet"):
        return path.with_name(path.name.replace(".depth.", ".trades.")).is_file()
    return any(path.parent.glob("*.trades.parquet"))


def _span(file: pq.ParquetFile, column: str) -> tuple[date, date]:
    place = file.schema_arrow.get_field_index(column)
    groups = [file.metadata.row_group(n).column(place).statistics for n in range(file.metadata.num_row_groups)]
    if place < 0 or not groups or any(each is None or not each.has_min_max for each in groups):
        raise ValueError(f"no range of {column}")
    first, last = min(each.min for each in groups), max(each.max for each in groups)
    return _day(first), _day(last)


def _day(ns: int) -> date:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).date()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
