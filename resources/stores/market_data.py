"""Order books, funding, open interest and liquidations of a market, written and read back in the platform's types.

Books come and go in whole ticks and lots (:class:`~liquidity.book.block.BookBlock`), so replaying stored messages gives
the stored snapshot exactly. Sequence rules are the synchroniser's business: what is stored was accepted by it.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, Table, null, select, update
from sqlalchemy.dialects.postgresql import insert

from liquidity.book.block import BookBlock
from liquidity.book.grid import BookGrid
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import (
    BookLevel,
    FundingRate,
    LiquidationEvent,
    LiquidationLevel,
    MarketKind,
    OpenInterest,
    OrderBookSnapshot,
)
from resources.stores.binary_copy import Batch, Ragged
from resources.stores.book_rows import block_of_rows, message_batch
from resources.stores.crypto_tables import (
    BOOK_DELTAS,
    BOOK_SNAPSHOTS,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    MARKETS,
    OPEN_INTEREST,
)
from resources.stores.market_copy import CopyReceipt, MarketCopy

__all__ = ["MarketDataStore", "StoredMarket"]

Record = TypeVar("Record", OpenInterest, FundingRate, LiquidationEvent, LiquidationLevel)

# Names of a record's fields that are called otherwise in its table.
_RENAMED: Final = {"timestamp": "at"}
_TABLE_OF: Final[dict[type, Table]] = {
    OpenInterest: OPEN_INTEREST,
    FundingRate: FUNDING_RATES,
    LiquidationEvent: LIQUIDATION_EVENTS,
    LiquidationLevel: LIQUIDATION_LEVELS,
}
_SNAPSHOT_FIGURES: Final = (
    "depth_levels",
    "spread",
    "total_bid_volume",
    "total_ask_volume",
    "bid_ask_imbalance",
    "liquidity_score",
    "order_flow_toxicity",
    "depth_pressure",
)
_MESSAGES: Final = """
COPY (
    SELECT (extract(epoch FROM at) * 1000000)::bigint, coalesce((extract(epoch FROM event_at) * 1000000)::bigint, -1),
           action, message_no, coalesce(first_id, -1), coalesce(last_id, -1), coalesce(previous_id, -1),
           level.side::smallint, level.ticks, level.lots
    FROM order_book_deltas, LATERAL (
        SELECT 1 AS side, * FROM unnest(bid_ticks, bid_lots) WITH ORDINALITY AS bid (ticks, lots, place)
        UNION ALL
        SELECT -1, * FROM unnest(ask_ticks, ask_lots) WITH ORDINALITY AS ask (ticks, lots, place)
        UNION ALL
        SELECT 0, 0, 0, 0 WHERE cardinality(bid_ticks) + cardinality(ask_ticks) = 0
    ) AS level
    WHERE market_id = %s AND at >= %s AND at < %s
    ORDER BY at, message_no, level.side DESC, level.place
) TO STDOUT (FORMAT binary)
"""


@dataclass(frozen=True, slots=True)
class StoredMarket:
    """A market by its grid, None where only its name is known; ``market_id`` names it in every table."""

    market_id: int
    venue: str
    venue_symbol: str
    grid: BookGrid | None

    def steps(self) -> BookGrid:
        """Return the grid; :class:`ContractError` where none is known."""
        if self.grid is None:
            raise ContractError(
                f"{self.venue} {self.venue_symbol}: its steps are not known, so a book cannot be stored; register it with them"
            )
        return self.grid


class MarketDataStore:
    """Market data of the platform's database.

    Parameters
    ----------
    engine
        Engine of the migrated database, kept as ``engine``. Several threads may use the store at once. ``copy`` writes
        batches of columns into any market table.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.copy = MarketCopy(engine)

    def register(self, venue: str, venue_symbol: str, grid: BookGrid | None) -> StoredMarket:
        """Find the market, or enter it; the same market with another grid is another one.

        Without a grid it is the newest market of that name, entered by name alone when there is none; the first grid that
        comes then completes it.
        """
        name = {"venue": venue, "venue_symbol": venue_symbol}
        steps = {
            "kind": null() if grid is None else grid.kind,
            "tick_size": null() if grid is None else grid.tick_size,
            "lot_size": null() if grid is None else grid.lot_size,
            "contract_size": null() if grid is None else grid.contract_size,
        }
        found = select(MARKETS.c.market_id).filter_by(**name).order_by(MARKETS.c.market_id.desc()).limit(1)
        if grid is not None:
            found = found.filter_by(**steps)
        with self.engine.begin() as connection:
            market_id = connection.execute(found).scalar()
            if market_id is None and grid is not None:
                named = update(MARKETS).filter_by(**name).where(MARKETS.c.kind.is_(None))
                market_id = connection.execute(named.values(**steps).returning(MARKETS.c.market_id)).scalar()
            if market_id is None:
                connection.execute(insert(MARKETS).values(**name, **steps).on_conflict_do_nothing())
                market_id = connection.execute(found).scalar_one()
        if grid is None:
            return next(each for each in self.markets(venue, venue_symbol) if each.market_id == market_id)
        return StoredMarket(market_id, venue, venue_symbol, grid)

    def markets(self, venue: str | None = None, venue_symbol: str | None = None) -> list[StoredMarket]:
        """Markets of a venue or symbol (None: all), oldest first."""
        statement = select(MARKETS).order_by(MARKETS.c.market_id)
        if venue is not None:
            statement = statement.where(MARKETS.c.venue == venue)
        if venue_symbol is not None:
            statement = statement.where(MARKETS.c.venue_symbol == venue_symbol)
        with self.engine.connect() as connection:
            return [
                StoredMarket(
                    row.market_id,
                    row.venue,
                    row.venue_symbol,
                    None
                    if row.kind is None
                    else BookGrid(row.tick_size, row.lot_size, row.contract_size, cast(MarketKind, row.kind)),
                )
                for row in connection.execute(statement)
            ]

    def add_messages(self, market: StoredMarket, blocks: Iterable[BookBlock]) -> CopyReceipt:
        """Store the book messages of one stream from its start, block by block; those stored before stay as they are.

        Each block is one transaction: after a failure the blocks before are stored, and the stream can be stored again.
        Blocks hold whole messages; see :func:`~resources.stores.book_rows.message_batch` for what is refused.
        """
        before: tuple[np.datetime64, int] | None = None
        total = CopyReceipt(0, 0, 0, 0)
        for block in blocks:
            if not len(block):
                continue
            batch = message_batch(market.market_id, block, before)
            total = total + self.copy.ingest(BOOK_DELTAS, batch)
            times, numbers = batch["at"], batch["message_no"]
            assert not isinstance(times, Ragged)  # both are plain columns
            assert not isinstance(numbers, Ragged)
            before = times[-1], int(numbers[-1])
        return total

    def messages(self, market: StoredMarket, since: datetime, until: datetime) -> BookBlock:
        """Stored messages received in [since, until), in order; times in whole microseconds."""
        stream = io.BytesIO()
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None  # the connection is open
            with driver.cursor() as cursor:
                query = cursor.mogrify(_MESSAGES, (market.market_id, _aware(since), _aware(until)))
                cursor.copy_expert(query, stream)
        return block_of_rows(stream.getvalue())

    def add_snapshots(self, market: StoredMarket, snapshots: Sequence[OrderBookSnapshot]) -> CopyReceipt:
        """Store analysed books; one of the same instant replaces the earlier.

        Raises
        ------
        ContractError
            A snapshot is of another market, or a level is off the market's grid.
        """
        for snapshot in snapshots:
            _require_market(market, snapshot.exchange, snapshot.symbol)
        if not snapshots:
            return CopyReceipt(0, 0, 0, 0)
        batch: dict[str, NDArray[Any] | Ragged] = {
            "market_id": np.full(len(snapshots), market.market_id, dtype=np.int32),
            "at": _times([snapshot.timestamp for snapshot in snapshots]),
        }
        for side, books in (("bid", [one.bids for one in snapshots]), ("ask", [one.asks for one in snapshots])):
            counts = np.array([len(levels) for levels in books], dtype=np.int64)
            flat = np.array([level for levels in books for level in levels], dtype=np.float64).reshape(-1, 2)
            batch[f"{side}_ticks"] = Ragged(market.steps().ticks(flat[:, 0]), counts)
            batch[f"{side}_lots"] = Ragged(market.steps().lots(flat[:, 1]), counts)
        for name in _SNAPSHOT_FIGURES:
            batch[name] = _figures([getattr(snapshot, name) for snapshot in snapshots])
        return self.copy.ingest(BOOK_SNAPSHOTS, batch)

    def snapshot(self, market: StoredMarket, at: datetime | None = None) -> OrderBookSnapshot | None:
        """Newest stored snapshot, or the newest at or before ``at``; None when there is none."""
        statement = select(BOOK_SNAPSHOTS).where(BOOK_SNAPSHOTS.c.market_id == market.market_id)
        if at is not None:
            statement = statement.where(BOOK_SNAPSHOTS.c.at <= _aware(at))
        with self.engine.connect() as connection:
            row = connection.execute(statement.order_by(BOOK_SNAPSHOTS.c.at.desc()).limit(1)).first()
        if row is None:
            return None
        return OrderBookSnapshot(
            symbol=market.venue_symbol,
            timestamp=row.at.astimezone(UTC),
            exchange=market.venue,
            bids=_levels(market.steps(), row.bid_ticks, row.bid_lots),
            asks=_levels(market.steps(), row.ask_ticks, row.ask_lots),
            **{name: getattr(row, name) for name in _SNAPSHOT_FIGURES},
        )

    def add(self, market: StoredMarket, records: Sequence[Record]) -> CopyReceipt:
        """Store open interest, funding, liquidation events or levels, all of one kind; a later report replaces.

        Raises
        ------
        ContractError
            A record is of another market or kind, or holds a number that its table refuses.
        """
        if not records:
            return CopyReceipt(0, 0, 0, 0)
        kind = type(records[0])
        for record in records:
            if type(record) is not kind:
                raise ContractError(
                    f"market data: {type(record).__name__} among {kind.__name__}; store each kind alone"
                )
            _require_market(market, *_market_of(record))
        return self.copy.ingest(_TABLE_OF[kind], _batch(market, _TABLE_OF[kind], records))

    def history(self, market: StoredMarket, kind: type[Record], since: datetime, until: datetime) -> list[Record]:
        """Stored records of a kind in [since, until), oldest first."""
        table = _TABLE_OF[kind]
        statement = select(table).where(
            table.c.market_id == market.market_id, table.c.at >= _aware(since), table.c.at < _aware(until)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(statement.order_by(table.c.at, *table.primary_key.columns)).mappings().all()
        return [_record(market, kind, dict(row)) for row in rows]


def _batch(market: StoredMarket, table: Table, records: Sequence[Any]) -> Batch:
    batch: dict[str, NDArray[Any] | Ragged] = {"market_id": np.full(len(records), market.market_id, dtype=np.int32)}
    named = {new: old for old, new in _RENAMED.items() if hasattr(records[0], old)}
    for column in table.columns:
        if column.name == "market_id":
            continue
        values = [getattr(record, named.get(column.name, column.name)) for record in records]
        kind = column.type.python_type
        if kind is datetime:
            batch[column.name] = _times(values)
        else:
            batch[column.name] = np.array(values, dtype=str) if kind is str else _figures(values)
    return batch


def _record(market: StoredMarket, kind: type[Record], row: dict[str, Any]) -> Record:
    del row["market_id"]
    fields = set(kind.__dataclass_fields__)
    if "timestamp" in fields:
        row["timestamp"] = row.pop("at")
    for name, value in row.items():
        if isinstance(value, datetime):
            row[name] = value.astimezone(UTC)
    names = ("venue", "venue_symbol") if "venue" in fields else ("exchange", "symbol")
    row |= zip(names, (market.venue, market.venue_symbol), strict=True)
    return kind(**row)


def _market_of(record: Any) -> tuple[str, str]:
    if hasattr(record, "venue"):
        return record.venue, record.venue_symbol
    return record.exchange, record.symbol


def _require_market(market: StoredMarket, venue: str, symbol: str) -> None:
    if (venue, symbol) != (market.venue, market.venue_symbol):
        raise ContractError(
            f"market data of {venue} {symbol} given for {market.venue} {market.venue_symbol}; use the venue's own symbol"
        )


def _figures(values: Sequence[Any]) -> NDArray[Any]:
    if all(isinstance(value, int) for value in values):
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _times(values: Sequence[datetime | None]) -> NDArray[np.datetime64]:
    naive = [None if value is None else _aware(value).replace(tzinfo=None) for value in values]
    return np.array(naive, dtype="datetime64[us]")


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ConfigError(f"time {moment.isoformat()} has no time zone; give an aware time")
    return moment.astimezone(UTC)


def _levels(grid: BookGrid, ticks: list[int], lots: list[int]) -> tuple[BookLevel, ...]:
    prices = grid.prices(np.array(ticks, dtype=np.int64)).tolist()
    sizes = grid.sizes(np.array(lots, dtype=np.int64)).tolist()
    return tuple(zip(prices, sizes, strict=True))
