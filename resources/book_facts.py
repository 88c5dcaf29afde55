"""Does a generated order book look like the recorded one? Each fact is measured on both tapes in the same way.

Recorded: six minutes of the Binance USD-M BTC perpetual; generated: the same market at its default conditions.
Read next: ``stylised_facts.py`` (daily facts), ``docs/methodology/simulator.md`` (the table).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.book.block import DELTA, SNAPSHOT, BookBlock
from liquidity.book.depth import depth_bps
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.domain.errors import SourceUnavailableError
from liquidity.simulation.crypto_market import BookConditions, TapeConfig, generate_day
from resources.stylised_facts import Fact
from resources.tapes import open_tape

__all__ = ["RECORDED_BOOK", "book_fact_report", "book_facts"]

RECORDED_BOOK: Final = "orderbook/binance_usdm_btcusdt.depth.parquet"
_SOURCE: Final = "Binance USD-M BTCUSDT, 2024-08-08, 345 s"
_DAY: Final = date(2026, 7, 4)
_BANDS: Final = (1.0, 5.0, 10.0, 50.0)
_LEVELS_EVERY_S: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class _Trades:
    event_ns: NDArray[np.int64]
    quote: NDArray[np.float64]
    sign: NDArray[np.float64]


def book_fact_report(recorded: Path, config: TapeConfig | None = None) -> pd.DataFrame:
    """The facts as a frame for :func:`resources.calibration.markdown_table`."""
    facts = book_facts(recorded, config)
    names = ("name", "unit", "recorded", "simulated", "lowest", "highest", "inside", "source")
    frame = pd.DataFrame([[getattr(fact, name) for name in names] for fact in facts], columns=list(names))
    return frame.rename(columns={"name": "fact"})


def book_facts(recorded: Path, config: TapeConfig | None = None) -> list[Fact]:
    """Every fact of the book and its trades, recorded against generated.

    Raises
    ------
    SourceUnavailableError
        The recorded tape is absent.
    """
    path = recorded / RECORDED_BOOK
    if not path.is_file():
        raise SourceUnavailableError(f"{path}: absent; name the folder that holds {RECORDED_BOOK}")
    tape = open_tape(path)
    [key] = tape.books
    told = list(tape.trades(*key))
    trades = _Trades(
        np.array([each.event_ns for each in told], dtype=np.int64),
        np.array([float(each.price) * float(each.amount) for each in told]),
        np.array([each.taker_sign for each in told], dtype=np.float64),
    )
    real = _measured(tape.blocks(*key), tape.grid(*key), trades)
    made = generate_day(config or TapeConfig(coins=("BTC",)), _DAY, {"BTC": BookConditions()})[1]
    grid = BookGrid(made.book.tick_size, made.book.lot_size)
    block = BookBlock(*(getattr(made.rows, name) for name in BookBlock.__slots__))
    quote = grid.prices(made.trades.price_ticks) * grid.sizes(made.trades.size_lots)
    ours = _measured([block], grid, _Trades(made.trades.event_ns, quote, made.trades.taker_sign.astype(np.float64)))
    return [
        Fact(name, unit, real[name], ours[name], real[name] - by if plus else real[name] / by, real[name] + by if plus else real[name] * by, _SOURCE)
        for name, unit, by, plus in _FACTS
    ]  # fmt: skip


def _measured(blocks: Iterable[BookBlock], grid: BookGrid, trades: _Trades) -> dict[str, float]:
    """All facts of one tape."""
    ladder = Ladder(grid)
    tick = float(grid.tick_size)
    rows = deletions = 0
    at: list[NDArray[np.int64]] = []
    twice: list[NDArray[np.int64]] = []
    depths: list[list[float]] = []
    due = 0
    for block in blocks:
        changed = (block.action == DELTA) & (block.side != 0)
        rows += int(changed.sum())
        deletions += int((changed & (block.size_lots == 0)).sum())
        edges = np.flatnonzero(block.message_end) + 1
        first = 0
        for last in np.append(edges[::40], len(block)).tolist():
            if last <= first:
                continue
            told = ladder.apply(BookBlock(*(getattr(block, name)[first:last] for name in BookBlock.__slots__)))
            first = last
            known = told.valid
            at.append(told["at_ns"][known])
            twice.append((told["best_bid_ticks"] + told["best_ask_ticks"])[known])
            depths_due = len(at[-1]) > 0 and int(at[-1][-1]) >= due
            if depths_due and block.action[last - 1] != SNAPSHOT:
                due = int(at[-1][-1]) + _LEVELS_EVERY_S * 10**9
                book = ladder.levels_within(51.0)
                both = [depth_bps(book, band) for band in _BANDS]
                spread = (book.asks[0, 0] - book.bids[0, 0]) / tick
                depths.append([spread, *(0.5 * ((d.bid_quote or 0.0) + (d.ask_quote or 0.0)) for d in both)])
    times, mids = np.concatenate(at), np.concatenate(twice) * tick / 2.0
    seconds = (int(times[-1]) - int(times[0])) / 1e9
    grid_ns = np.arange(int(times[0]) + 10**9, int(times[-1]), 10**9)
    path = np.log(mids[np.searchsorted(times, grid_ns, side="right") - 1])
    middle = np.median(np.array(depths), axis=0)
    return {
        "spread, median": float(middle[0]),
        **{f"depth of a side within {band:g} bps, median": float(value) for band, value in zip(_BANDS, middle[1:], strict=True)},
        "level changes": rows / seconds,
        "level changes that remove a level": deletions / rows,
        "mid, sd of one-second log returns": float(np.diff(path).std()) * 1e4,
        **_of_takers(trades, seconds),
    }  # fmt: skip


def _of_takers(trades: _Trades, seconds: float) -> dict[str, float]:
    """Facts of taker clusters: neighbouring fills of one moment and side."""
    new = np.append(True, (np.diff(trades.event_ns) != 0) | (np.diff(trades.sign) != 0))
    first = np.flatnonzero(new)
    quote, sign = np.add.reduceat(trades.quote, first), trades.sign[first]
    gaps = np.diff(trades.event_ns[first]) / 1e9
    return {
        "taker clusters": len(first) / seconds,
        "fills of a cluster, mean": len(new) / len(first),
        "gap between clusters, coefficient of variation": float(gaps.std() / gaps.mean()),
        **{f"cluster value, {share} % quantile": float(np.percentile(quote, share)) for share in (50, 90, 99)},
        "taker side, autocorrelation lag 1": float(np.corrcoef(sign[1:], sign[:-1])[0, 1]),
        "taker side, autocorrelation lag 10": float(np.corrcoef(sign[10:], sign[:-10])[0, 1]),
    }


_FACTS: Final = (
    ("spread, median", "ticks", 0.5, True),
    ("depth of a side within 1 bps, median", "USDT", 1.6, False),
    ("depth of a side within 5 bps, median", "USDT", 1.6, False),
    ("depth of a side within 10 bps, median", "USDT", 1.6, False),
    ("depth of a side within 50 bps, median", "USDT", 1.6, False),
    ("level changes", "1/s", 1.25, False),
    ("level changes that remove a level", "frac 0-1", 0.06, True),
    ("mid, sd of one-second log returns", "bps", 1.3, False),
    ("taker clusters", "1/s", 1.3, False),
    ("fills of a cluster, mean", "1", 1.3, False),
    ("gap between clusters, coefficient of variation", "1", 0.5, True),
    ("cluster value, 50 % quantile", "USDT", 1.6, False),
    ("cluster value, 90 % quantile", "USDT", 1.6, False),
    ("cluster value, 99 % quantile", "USDT", 1.8, False),
    ("taker side, autocorrelation lag 1", "1", 0.1, True),
    ("taker side, autocorrelation lag 10", "1", 0.1, True),
)
"""Name, unit, and how far the generated value may be: a factor, or (where ``True``) plus or minus."""
