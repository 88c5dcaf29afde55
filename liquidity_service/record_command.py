"""``pulse record VENUE SYMBOL...``: open the venue, recover what an earlier recorder left, record until told to stop."""

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liquidity.domain.errors import ConfigError, SourceUnavailableError
from liquidity_service.arguments import above_zero
from resources.settings import Settings

if TYPE_CHECKING:
    from liquidity.domain.market_data import Market

__all__ = ["add_arguments", "chosen_markets", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("venue", help="venue id, for example binanceusdm")
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="BTCUSDT or BTC/USDT:USDT")
    parser.add_argument("--out", type=Path, help="folder of tapes (default: tapes in the landing folder)")
    parser.add_argument("--minutes", type=above_zero, help="stop after so many minutes (default: run on)")
    parser.add_argument("--segment-s", type=above_zero, default=300.0, help="seconds of one segment file (default 300)")
    parser.add_argument(
        "--stale-s", type=above_zero, default=30.0, help="silence after which a book is renewed (default 30)"
    )
    parser.add_argument("--base-url", help="address of an emulator instead of the venue")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Record; 0 when stopped in order."""
    out = options.out or settings.landing_dir / "tapes"
    try:
        return asyncio.run(_record(options, out))
    except OSError as error:
        raise SourceUnavailableError(
            f"{out}: cannot be written ({error}); what was stored before is whole. Free the disk and start again"
        ) from error


async def _record(options: argparse.Namespace, out: Path) -> int:
    from liquidity.book.grid import BookGrid
    from liquidity_service.recorder import Recorder, RecorderLimits, stopping_on_signals
    from liquidity_service.recording import Recording
    from resources.venues import open_venue
    from resources.venues.streaming import open_stream

    stop = asyncio.Event()
    with stopping_on_signals(stop):
        exchange = open_venue(options.venue, base_url=options.base_url)
        try:
            listed = await exchange.markets()
        finally:
            await exchange.close()
        markets = chosen_markets(options.venue, list(listed.values()), options.symbols)
        grids = {market.venue_symbol: BookGrid.of_market(market) for market in markets}
        with Recording.opened(out, options.venue, grids, options.segment_s, time.time_ns) as recording:
            for line in recording.recovered:
                _tell(line)
            stream = open_stream(options.venue, list(grids), ("book", "trades"), base_url=options.base_url)
            try:
                # ccxt's modules stay for good: looking through them again at each full collection would hold the stream up.
                gc.collect()
                gc.freeze()
                recorder = Recorder(stream, recording, RecorderLimits(stale_s=options.stale_s), _tell)
                if options.minutes:
                    asyncio.get_running_loop().call_later(options.minutes * 60.0, stop.set)
                await recorder.run(stop)
            finally:
                await stream.close()
            for line in recording.summary():
                _tell(line)
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def chosen_markets(venue: str, markets: Sequence["Market"], symbols: Sequence[str]) -> list["Market"]:
    """The markets named by unified or venue symbol, each once.

    Raises
    ------
    ConfigError
        A name that no market has, with the nearest ones.
    """
    import difflib

    by_name = {market.symbol: market for market in markets} | {market.venue_symbol: market for market in markets}
    chosen: dict[str, Market] = {}
    for symbol in symbols:
        market = by_name.get(symbol)
        if market is None:
            near = difflib.get_close_matches(symbol, by_name, n=3)
            hint = f"; near: {', '.join(near)}" if near else ""
            raise ConfigError(f"{venue} lists no market {symbol!r} among {len(markets)}{hint}")
        chosen[market.venue_symbol] = market
    return list(chosen.values())
