"""Predicted against realised round-trip cost on the recorded IBM ticks and order books.

Read next: ``liquidity/impact/round_trip.py``, which says what a trip is; ``round_trip_judgement.py`` beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.book.block import NO_TIME, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import SourceUnavailableError
from liquidity.domain.session import market_age_s, session_close
from liquidity.impact.book_curves import Curve, book_curve
from liquidity.impact.calibrated_pools import ImpactCalibration
from liquidity.impact.round_trip import (
    QuotePath,
    TakerTrades,
    run_round_trips,
    walk_round_trips,
    window_round_trips,
)
from liquidity.impact.round_trip_judgement import cost_by_size, earlier_half, judge_round_trips
from liquidity.impact.surface import IMMEDIATE_ALWAYS_OPEN_SESSIONS, IMMEDIATE_SESSIONS
from resources.feeds._ticks import SPREAD_LIMIT_BPS, carried_quotes, clean_trades
from resources.tapes.opening import open_tape
from resources.tapes.tape import Tape

__all__ = ["RoundTripTables", "round_trip_tables"]

AFTER_S: Final = (10.0, 60.0, 300.0)
"""Seconds after a run at which the mid is looked at again."""
_IBM_QUOTES: Final = "us_ibm_quotes_ticks.parquet"
_IBM_TRADES: Final = "us_ibm_trades_ticks.parquet"
_IBM_DAILY: Final = "us_equity_daily.parquet"
_IBM_SESSIONS: Final = 20
_IBM_PAUSE_S: Final = 60.0
_IBM_WINDOWS_MIN: Final = (1, 5)
_IBM_SESSION_S: Final = 23_400.0
_BOOKS: Final = ("binance_usdm_btcusdt", "binance_spot_btcusdt", "binance_coinm_btcusd_perp")
_BOOK_PAUSE_S: Final = 1.0
_BOOK_WINDOW_S: Final = 2
_DAY_S: Final = 86_400.0
_REACH_BPS: Final = 60.0
_DELAY_S: Final = 1
_HOLD_S: Final = 4
_SIZES_CCY: Final = np.array([1e4, 3e4, 1e5, 3e5, 1e6, 3e6])
_BLOCKS: Final = 10


@dataclass(frozen=True, slots=True)
class RoundTripTables:
    """Tables of the study, first column ``data`` naming the recording.

    Attributes
    ----------
    judged
        One row per recording and model: ``judge_round_trips``.
    by_size
        One row per recording and size bucket of the later half: ``cost_by_size``.
    inputs
        One row per recording: trips, orders, the daily volume and volatility that the models were given, and from where.
    """

    judged: pd.DataFrame
    by_size: pd.DataFrame
    inputs: pd.DataFrame


def round_trip_tables(recorded: Path) -> RoundTripTables:
    """Run the study on the recorded data below ``recorded`` (``equities/`` and ``orderbook/``).

    Raises
    ------
    SourceUnavailableError
        A file of the study is absent.
    """
    judged, sizes, inputs = [], [], []
    for name, basis, legs in _recordings(recorded):
        early = earlier_half(legs)
        calibrated = ImpactCalibration.from_parents(legs[early])
        judged.append(_named(judge_round_trips(legs, calibrated), name))
        sizes.append(_named(cost_by_size(legs[~early], calibrated), name))
        first = legs.iloc[0]
        facts = {"trips": legs["trip"].nunique(), "orders_learned_from": int(early.sum()), "adv_ccy": first["adv_ccy"]}
        facts |= {"volatility_daily_frac": first["volatility_daily_frac"], "basis": basis}
        inputs.append(_named(pd.DataFrame([facts]), name))
    return RoundTripTables(*(pd.concat(parts, ignore_index=True) for parts in (judged, sizes, inputs)))


def _named(table: pd.DataFrame, name: str) -> pd.DataFrame:
    table.insert(0, "data", name)
    return table


def _recordings(recorded: Path) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Name, basis of volume and volatility, and legs of each recording."""
    for kind, legs in _ibm_legs(recorded / "equities").items():
        yield f"IBM ticks 2013-10-07..11, {kind}", "20 sessions before", legs
    for stem in _BOOKS:
        path = recorded / "orderbook" / f"{stem}.depth.parquet"
        _present(path)
        for kind, legs in _book_legs(open_tape(path)).items():
            yield f"{stem} 2024-08-08, {kind}", "trades and mids of the earlier half, scaled to a day", legs


def _present(path: Path) -> None:
    if not path.is_file():
        raise SourceUnavailableError(f"{path}: absent; name the folder that holds the recorded data")


def _ibm_legs(folder: Path) -> dict[str, pd.DataFrame]:
    """Legs of each kind of trip on the ticks."""
    for name in (_IBM_QUOTES, _IBM_TRADES, _IBM_DAILY):
        _present(folder / name)
    quotes, trades = pd.read_parquet(folder / _IBM_QUOTES), pd.read_parquet(folder / _IBM_TRADES)
    daily = pd.read_parquet(folder / _IBM_DAILY)
    before = (daily["symbol"] == "IBM") & (pd.to_datetime(daily["date"]) < pd.Timestamp("2013-10-07"))
    daily = daily[before].tail(_IBM_SESSIONS + 1)
    adjusted = (daily["close"] * daily["adj_factor"]).to_numpy(dtype=np.float64)
    volatility = float(np.diff(np.log(adjusted)).std(ddof=1))
    adv = float((daily["close"] * daily["volume"]).tail(_IBM_SESSIONS).mean())
    parts: dict[str, list[pd.DataFrame]] = {}
    for day, of_day in quotes.groupby(quotes["ts"].dt.tz_convert("America/New_York").dt.date):
        close = session_close("XNYS", [day])[0]
        closes = pd.Timestamp(close, tz="UTC")
        opens = closes - pd.Timedelta(seconds=float(market_age_s(np.datetime64(day), close, "XNYS")))
        two_sided = carried_quotes(of_day)[0]
        spread = 2e4 * (two_sided["ask"] - two_sided["bid"]) / (two_sided["ask"] + two_sided["bid"])
        usable = two_sided[(spread > 0.0) & (spread < SPREAD_LIMIT_BPS) & (two_sided["ts"] < closes)]
        path = QuotePath(
            _ns(usable["ts"]),
            ((usable["bid"] + usable["ask"]) / 2.0).to_numpy(dtype=np.float64),
            spread.loc[usable.index].to_numpy(dtype=np.float64) / 2.0,
        )
        inside = clean_trades(trades[(trades["ts"] >= opens) & (trades["ts"] < closes)])[0]
        price = inside["price"].to_numpy(dtype=np.float64)
        at_ns = _ns(inside["ts"])
        taker = TakerTrades(
            at_ns, price, price * inside["size"].to_numpy(dtype=np.float64), _lee_ready(at_ns, price, path)
        )
        kinds = {"runs": run_round_trips(taker, path, _IBM_PAUSE_S, AFTER_S)}
        for minutes in _IBM_WINDOWS_MIN:
            kinds[f"{minutes}-minute flow"] = window_round_trips(taker, path, 60.0 * minutes, AFTER_S)
        for kind, legs in kinds.items():
            legs["session_date"] = pd.Timestamp(day)
            legs["trip"] += sum(len(earlier) for earlier in parts.setdefault(kind, [])) // 2
            parts[kind].append(legs)
    return {
        kind: _with_market(
            pd.concat(days, ignore_index=True), adv, volatility, _IBM_SESSION_S, IMMEDIATE_SESSIONS, "equity", "XNYS"
        )
        for kind, days in parts.items()
    }


def _ns(times: pd.Series) -> NDArray[np.int64]:
    stamps: NDArray[np.int64] = times.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64)
    return stamps


def _lee_ready(at_ns: NDArray[np.int64], price: NDArray[np.float64], quotes: QuotePath) -> NDArray[np.float64]:
    """Taker's side: above the mid bought, below sold, at it the side of the last price change (Lee and Ready 1991)."""
    place = quotes.before(at_ns)
    mid = np.where(place >= 0, quotes.mid[place], np.nan)
    moved = pd.Series(np.sign(np.diff(price, prepend=price[0]))).replace(0.0, np.nan).ffill().fillna(0.0)
    quote_side = np.sign(price - mid)
    return np.where(np.isnan(quote_side), 0.0, np.where(quote_side != 0.0, quote_side, moved.to_numpy()))


def _book_legs(tape: Tape) -> dict[str, pd.DataFrame]:
    """Legs of each kind of trip on one recorded book."""
    [key] = tape.books
    grid = tape.grid(*key)
    told = list(tape.trades(*key))
    price = np.array([float(trade.price) for trade in told])
    amount = np.array([float(trade.amount) for trade in told])
    trades = TakerTrades(
        np.array([trade.event_ns for trade in told], dtype=np.int64),
        price,
        _value(grid, price, amount),
        np.array([trade.taker_sign for trade in told], dtype=np.float64),
    )
    quotes, at_ns, asks, bids = _path_and_books(tape.blocks(*key), grid)
    covered = slice(*np.searchsorted(trades.at_ns, [quotes.at_ns[0], quotes.at_ns[-1]]).tolist())
    trades = TakerTrades(trades.at_ns[covered], trades.price[covered], trades.size_ccy[covered], trades.sign[covered])
    middle = quotes.at_ns[0] + (quotes.at_ns[-1] - quotes.at_ns[0]) // 2
    seconds = (middle - quotes.at_ns[0]) / 1e9
    adv = float(trades.size_ccy[trades.at_ns <= middle].sum()) / seconds * _DAY_S
    each_second = np.arange(quotes.at_ns[0] + 10**9, middle, 10**9)
    steps = np.diff(np.log(quotes.mid[quotes.before(each_second)]))
    volatility = float(np.sqrt(np.mean(steps**2) * _DAY_S))
    venue = key[0]
    asset_class = "crypto_spot" if grid.kind == "spot" else "crypto_perp"
    kinds = {
        "runs": run_round_trips(trades, quotes, _BOOK_PAUSE_S, AFTER_S[:2]),
        f"{_BOOK_WINDOW_S}-second flow": window_round_trips(trades, quotes, _BOOK_WINDOW_S, AFTER_S[:2]),
        "walks": walk_round_trips(at_ns, asks, bids, _SIZES_CCY, _DELAY_S, _HOLD_S),
    }
    started, ended = int(quotes.at_ns[0]), int(quotes.at_ns[-1])
    for kind, legs in kinds.items():
        # on a tape of minutes its tenths stand for the sessions that the weights are learned over
        tenth = (legs["started_ns"] - started) * _BLOCKS // (ended - started + 1)
        dated = legs.assign(session_date=pd.Timestamp(started).normalize() + pd.to_timedelta(tenth, unit="D"))
        kinds[kind] = _with_market(dated, adv, volatility, _DAY_S, IMMEDIATE_ALWAYS_OPEN_SESSIONS, asset_class, venue)
    return kinds


def _value(grid: BookGrid, price: NDArray[np.float64], amount: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value of amounts in the quote currency."""
    return amount * grid.contract_size * (1.0 if grid.kind == "inverse" else price)


def _with_market(
    legs: pd.DataFrame, adv: float, volatility: float, session_s: float, now: float, asset_class: str, venue: str
) -> pd.DataFrame:
    """The columns that calibration asks for; an order shorter than "now" is priced as one for now, as the surface does."""
    return legs.assign(
        adv_ccy=adv,
        volatility_daily_frac=volatility,
        horizon_sessions=np.maximum(legs["duration_s"] / session_s, now),
        asset_class=asset_class,
        venue=venue,
    )


def _path_and_books(
    blocks: Iterator[BookBlock], grid: BookGrid
) -> tuple[QuotePath, NDArray[np.int64], list[Curve | None], list[Curve | None]]:
    """Best quotes of every message, and the book at every second."""
    ladder = Ladder(grid)
    tick = float(grid.tick_size)
    times, best_bids, best_asks = [], [], []
    moments: list[int] = []
    asks: list[Curve | None] = []
    bids: list[Curve | None] = []
    for block in blocks:
        ends = np.flatnonzero(block.message_end)
        second = block.event_ns[ends] // 10**9
        cuts = ends[np.flatnonzero(np.diff(second) > 0)] + 1
        first = 0
        for last in np.append(cuts, len(block)).tolist():
            if last <= first:
                continue
            told = ladder.apply(BookBlock(*(getattr(block, name)[first:last] for name in BookBlock.__slots__)))
            first = last
            if block.event_ns[last - 1] == NO_TIME:
                continue  # a REST book carries no time of the venue
            known = told.valid
            times.append(told["event_ns"][known])
            best_bids.append(told["best_bid_ticks"][known])
            best_asks.append(told["best_ask_ticks"][known])
            moment = int(block.event_ns[last - 1]) // 10**9
            if moments and moment == moments[-1]:
                moments.pop(), asks.pop(), bids.pop()
            book = ladder.levels_within(_REACH_BPS)
            moments.append(moment)
            asks.append(_curve(book.asks, book, grid))
            bids.append(_curve(book.bids, book, grid))
    at_ns, bid, ask = np.concatenate(times), np.concatenate(best_bids) * tick, np.concatenate(best_asks) * tick
    mid = (bid + ask) / 2.0
    return QuotePath(at_ns, mid, 5e3 * (ask - bid) / mid), np.array(moments) * 10**9, asks, bids


def _curve(levels: NDArray[np.float64], book: BookSnapshot, grid: BookGrid) -> Curve | None:
    return book_curve(levels[:, 0], _value(grid, levels[:, 0], levels[:, 1]), book.mid)
