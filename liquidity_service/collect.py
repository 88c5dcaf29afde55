"""``pulse collect VENUE SYMBOL... --what ohlcv,trades,funding,oi,book``: real history over REST into the landing folder.

Each file (a month or a day of one market and kind) is fetched page by page and put in place whole; a second call asks
for nothing that is there. Requests wait for the venue's rate limit inside the adapter. What a venue does not offer is
said and skipped. Read next: ``collected_files.py`` (resuming), ``collected_rows.py`` (columns).
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from liquidity.domain.errors import ConfigError, UnsupportedError, VenueError, VenueRejectedError
from liquidity_service.arguments import day
from resources.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from liquidity.domain.market_data import Market
    from liquidity.ports.exchange import ExchangeInterface
    from liquidity_service.collected_files import CollectedMarket, Period

__all__ = ["KINDS", "Outcome", "add_arguments", "collect", "run"]

KINDS: Final = ("ohlcv", "trades", "funding", "oi", "book")
_DAYS: Final = 90
_PAGE: Final = 1000
_ROWS_AT_ONCE: Final = 50_000
_ONE_BOOK_S: Final = 1.0
_OPEN_INTEREST_STEP: Final = "1h"
_DAY_TIMEFRAME: Final = "1d"
_Item = TypeVar("_Item")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("venue", help="venue id, for example binanceusdm")
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="BTCUSDT or BTC/USDT:USDT")
    parser.add_argument("--what", type=_kinds, default=("ohlcv", "funding", "oi"), help=f"of {','.join(KINDS)}")
    parser.add_argument("--start", type=day, help=f"first day (default: {_DAYS} days before the last)")
    parser.add_argument("--end", type=day, help="last day (default: yesterday)")
    parser.add_argument("--timeframe", default=_DAY_TIMEFRAME, help="bars of ohlcv: 1d (default), 1h, 1m...")
    parser.add_argument("--out", type=Path, help="landing folder (default: the workspace's)")
    parser.add_argument("--base-url", help="address of an emulator instead of the venue")


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(KINDS)}")
    return kinds


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one kind of data of one market.

    Attributes
    ----------
    rows
        Rows fetched and stored by this call.
    complete
        Whether every month or day asked for is now in the landing folder.
    note
        Why it is not, in one sentence; empty otherwise.
    """

    instrument_id: str
    kind: str
    rows: int
    complete: bool
    note: str = ""

    def line(self) -> str:
        """The outcome in one line."""
        told = (
            f"{self.rows:,} rows fetched" if self.rows else "complete already" if self.complete else "nothing fetched"
        )
        return f"{self.instrument_id} {self.kind}: {told}{'; ' + self.note if self.note else ''}"


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one kind is fetched and stored."""

    tables: tuple[str, ...]
    unit: Literal["month", "day"]
    timeframe: str
    pages: Callable[[str, datetime], Awaitable[Sequence[Any]]]
    at: Callable[[Any], datetime]
    key: Callable[[Any], object]
    rows: Callable[["Market", Sequence[Any]], tuple["pa.Table", ...]]


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Collect; 0 when something is there of what was asked for, 1 when nothing could be collected."""
    end = options.end or datetime.now(UTC).date() - timedelta(days=1)
    start = options.start or end - timedelta(days=_DAYS - 1)
    if start > end:
        raise ConfigError(f"collect: from {start} to {end}; the first day must not lie behind the last")
    if end >= datetime.now(UTC).date():
        raise ConfigError(f"collect: {end} is not over yet (UTC); the last day to ask for is yesterday")
    return asyncio.run(_run(options, options.out or settings.landing_dir, start, end))


async def _run(options: argparse.Namespace, landing: Path, start: date, end: date) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from liquidity_service.record_command import chosen_markets
    from resources.venues import open_venue

    exchange = open_venue(options.venue, base_url=options.base_url)
    outcomes = []
    try:
        markets = chosen_markets(options.venue, list((await exchange.markets()).values()), options.symbols)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            for market in markets:
                for kind in options.what:
                    bar = progress.add_task(f"{market.instrument_id} {kind}", total=None)

                    def step(done: int, total: int, bar: Any = bar) -> None:
                        progress.update(bar, completed=done, total=total)

                    outcomes.append(await collect(exchange, market, kind, landing, start, end, options.timeframe, step))
    finally:
        await exchange.close()
    for outcome in outcomes:
        sys.stdout.write(outcome.line() + "\n")
    return 0 if any(outcome.rows or outcome.complete for outcome in outcomes) else 1


async def collect(
    exchange: "ExchangeInterface",
    market: "Market",
    kind: str,
    landing: Path,
    start: date,
    end: date,
    timeframe: str,
    progress: Callable[[int, int], None],
) -> Outcome:
    """Fetch what is missing of one kind of one market over [start, end], UTC days, both included.

    Parameters
    ----------
    kind
        One of :data:`KINDS`. ``book`` is one full book as of now, whatever the days: venues keep no history of books.
    progress
        Called with files done and files to do.

    Raises
    ------
    ContractError
        A file is in the way that this command did not write.
    """
    from liquidity_service.collected_files import CollectedMarket, periods

    with CollectedMarket.opened(landing, market.venue, market.venue_symbol) as files:
        stored = 0
        try:
            if kind == "book":
                try:
                    stored = await _collect_book(exchange, market, landing)
                except ConfigError as error:  # a recorder holds the book's folder, and stores more than we would
                    return Outcome(market.instrument_id, kind, 0, False, str(error))
                progress(1, 1)
                return Outcome(market.instrument_id, kind, stored, True)
            plan = _plan(exchange, kind, timeframe)
            suffix = "" if plan.timeframe in ("", _DAY_TIMEFRAME) else plan.timeframe
            wanted = periods(start, end, plan.unit)
            # The last table is written last, so what it lacks is what is missing.
            missing = files.missing(plan.tables[-1], wanted, kind=suffix)
            progress(len(wanted) - len(missing), len(wanted))
            empty = []
            for place, period in enumerate(missing):
                rows = await _fetch(market, plan, files, period, suffix)
                stored += rows
                empty += [] if rows else [period.name]
                progress(len(wanted) - len(missing) + place + 1, len(wanted))
        except UnsupportedError as error:
            return Outcome(market.instrument_id, kind, stored, False, f"not offered: {error}")
        except VenueError as error:
            return Outcome(market.instrument_id, kind, stored, False, f"stopped: {error}; call again to go on")
    note = f"the venue has nothing for {', '.join(empty[:3])}{'...' if len(empty) > 3 else ''}" if empty else ""
    return Outcome(market.instrument_id, kind, stored, not empty, note)


def _plan(exchange: "ExchangeInterface", kind: str, timeframe: str) -> _Plan:
    from liquidity_service import collected_rows as rows

    if kind == "ohlcv":
        is_daily = timeframe == _DAY_TIMEFRAME
        return _Plan(
            tables=("instruments", "microstructure") if is_daily else ("crypto/candles",),
            unit="day" if timeframe.endswith("m") else "month",
            timeframe=timeframe,
            pages=lambda symbol, since: exchange.candles(symbol, timeframe, since=since, limit=_PAGE),
            at=lambda candle: candle.at,
            key=lambda candle: candle.at,
            rows=rows.daily_rows if is_daily else lambda market, bars: (rows.candle_rows(market, timeframe, bars),),
        )
    if kind == "trades":
        return _Plan(
            tables=("crypto/venue_trades",),
            unit="day",
            timeframe="",
            pages=lambda symbol, since: exchange.trades(symbol, since=since, limit=_PAGE),
            at=lambda trade: trade.at,
            key=lambda trade: trade.trade_id,
            rows=lambda market, trades: (rows.trade_rows(market, trades, datetime.now(UTC)),),
        )
    if kind == "funding":
        return _Plan(
            tables=("crypto/funding_rates",),
            unit="month",
            timeframe="",
            pages=lambda symbol, since: exchange.funding_history(symbol, since=since, limit=_PAGE),
            at=lambda rate: rate.at,
            key=lambda rate: rate.at,
            rows=lambda market, rates: (rows.funding_rows(market, rates),),
        )
    return _Plan(
        tables=("crypto/open_interest",),
        unit="month",
        timeframe="",
        pages=lambda symbol, since: exchange.open_interest_history(
            symbol, _OPEN_INTEREST_STEP, since=since, limit=_PAGE
        ),
        at=lambda reading: reading.timestamp,
        key=lambda reading: reading.timestamp,
        rows=lambda market, readings: (rows.open_interest_rows(market, readings),),
    )


async def _fetch(market: "Market", plan: _Plan, files: "CollectedMarket", period: "Period", suffix: str) -> int:
    """Fetch and store one period; the rows of the last table."""
    since, until = _midnight(period.first), _midnight(period.last + timedelta(days=1))
    schemas = [each.schema for each in plan.rows(market, [])]
    stored = 0
    with ExitStack() as stack:
        # Left in the opposite order: the last table is in place last.
        writers = [
            stack.enter_context(files.writing(table, period, schema, kind=suffix))
            for table, schema in reversed(list(zip(plan.tables, schemas, strict=True)))
        ]
        waiting: list[Any] = []

        def store() -> int:
            tables = plan.rows(market, waiting)
            for write, table in zip(writers, reversed(tables), strict=True):
                write(table)
            waiting.clear()
            return int(tables[-1].num_rows)

        async for page in pages(lambda at: plan.pages(market.venue_symbol, at), plan.at, plan.key, since, until):
            waiting += page
            if len(waiting) >= _ROWS_AT_ONCE:
                stored += store()
        stored += store() if waiting else 0
    return stored


async def pages(
    ask: Callable[[datetime], Awaitable[Sequence[_Item]]],
    at: Callable[[_Item], datetime],
    key: Callable[[_Item], object],
    since: datetime,
    until: datetime,
) -> AsyncIterator[list[_Item]]:
    """Items of [since, until), each once, page after page.

    The next page is asked for from the time of the last item on, because more of that time may follow; what was told
    already is left out by ``key``. A page that brings nothing new at all moves on by a millisecond once, then ends.

    Raises
    ------
    VenueRejectedError
        Items came that lie before the time asked for only: the venue ignores it, and going on would never end.
    """
    told: set[object] = set()
    while since < until:
        page = await ask(since)
        fresh = [item for item in page if at(item) >= since and key(item) not in told]
        if page and all(at(item) < since for item in page):
            raise VenueRejectedError(
                f"asked from {since.isoformat()} on, the newest answer is of {at(page[-1]).isoformat()}; the venue does not "
                "serve this far back, or ignores the time"
            )
        if not fresh:
            if not page:
                return
            since = at(page[-1]) + timedelta(milliseconds=1)
            continue
        inside = [item for item in fresh if at(item) < until]
        if inside:
            yield inside
        last = at(fresh[-1])
        told = {key(item) for item in fresh if at(item) == last} | (told if last == since else set())
        since = last


async def _collect_book(exchange: "ExchangeInterface", market: "Market", landing: Path) -> int:
    """Store one full book as a tape of its own; its levels."""
    from liquidity.book.grid import BookGrid
    from liquidity_service.recording import Recording

    book = await exchange.order_book(market.venue_symbol)
    grids = {market.venue_symbol: BookGrid.of_market(market)}
    with Recording.opened(landing / "tapes", market.venue, grids, _ONE_BOOK_S, time.time_ns) as recording:
        recording.store([book])
        recording.close()
        return recording.rows


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time_of_day(), UTC)
