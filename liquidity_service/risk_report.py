"""The risk report: every model of value at risk on the recorded histories, and round trips against their predicted cost.

The page is written by ``risk_report_page.py``, its picture drawn by ``risk_report_pictures.py``.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts import ALT_SIGNALS, AUCTION_MM, INSTRUMENTS, MICROSTRUCTURE, SENTIMENT
from liquidity.domain.errors import InsufficientDataError, SourceUnavailableError
from liquidity.features.panel import build_signal_panel
from liquidity.market_risk.history_study import BookStudy, study_book, study_instruments
from liquidity.market_risk.price_history import PriceHistory, ReturnPanel, price_history, returns_on_grid
from liquidity.market_risk.rolling_var import equal_parts, held_results
from liquidity.market_risk.scenarios import complete_scenarios
from liquidity.portfolio.demo import demo_portfolios
from resources.code_version import code_version
from resources.feeds import Feed, open_feeds
from resources.feeds.adapters import collect
from resources.round_trip_study import RoundTripTables, round_trip_tables
from resources.settings import Settings

__all__ = ["MARKETS", "MarketStudy", "RiskMarket", "RiskReport", "gather_risk_report"]

_COLLECT_TIMEOUT_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class RiskMarket:
    """A recorded market: its feed, and the sessions that a forecast learns from."""

    name: str
    title: str
    feed: str
    window: int


MARKETS: Final = (
    RiskMarket("equities", "US shares and funds", "us_equities_daily", 250),
    RiskMarket("crypto", "40 crypto pairs", "crypto_daily", 365),
    RiskMarket("treasuries", "Brazilian government bonds", "br_treasuries", 60),
)
"""Markets of the report."""


@dataclass(frozen=True, slots=True)
class MarketStudy:
    """One market: books over time by title, and its instruments one by one at 99 and 95 %."""

    market: RiskMarket
    first: np.datetime64
    last: np.datetime64
    books: dict[str, BookStudy]
    instruments: dict[float, pd.DataFrame]
    suspected_splits_n: int
    price_kinds: str


@dataclass(frozen=True, slots=True)
class RiskReport:
    """What a run found; ``absent`` says what could not be judged, and why."""

    markets: tuple[MarketStudy, ...]
    round_trips: RoundTripTables | None
    absent: tuple[tuple[str, str], ...]
    code: str
    seconds: float


def gather_risk_report(settings: Settings) -> RiskReport:
    """Judge the models on every recorded market, and the impact models on the recorded ticks and books."""
    begun = time.perf_counter()
    absent: list[tuple[str, str]] = []
    opened = {feed.name: feed for feed in open_feeds(settings.feed_roots)}
    studies = []
    for market in MARKETS:
        feed = opened.get(market.feed)
        if feed is None:
            absent.append((market.title, "no recorded data: set real_data"))
            continue
        try:
            studies.append(_study(market, *_history(feed), seed=settings.simulate_seed))
        except InsufficientDataError as error:
            absent.append((market.title, str(error)))
    trips = None
    if settings.real_data is None:
        absent.append(("round trips", "no recorded data: set real_data"))
    else:
        try:
            trips = round_trip_tables(settings.real_data)
        except SourceUnavailableError as error:
            absent.append(("round trips", str(error)))
    return RiskReport(tuple(studies), trips, tuple(absent), code_version(), time.perf_counter() - begun)


def _history(feed: Feed) -> tuple[PriceHistory, pd.DataFrame]:
    """Prices of all sessions, and the instruments of the last."""
    days = feed.sessions()
    if not days:
        raise InsufficientDataError(f"feed {feed.name} has no session")
    tables = collect([feed], days[0], days[-1], timeout_s=_COLLECT_TIMEOUT_S).tables
    signals = (tables[contract.name] for contract in (INSTRUMENTS, MICROSTRUCTURE, ALT_SIGNALS, AUCTION_MM, SENTIMENT))
    history = price_history(build_signal_panel(*signals), tables[MICROSTRUCTURE.name])
    instruments = tables[INSTRUMENTS.name]
    return history, instruments[instruments["session_date"] == instruments["session_date"].max()]


def _study(market: RiskMarket, history: PriceHistory, listed: pd.DataFrame, seed: int) -> MarketStudy:
    grid = returns_on_grid(history, np.arange(len(history.instrument_id)))
    books = {}
    for title, columns in _books(market, history):
        found = _book(grid.days, grid.returns[:, columns], market.window)
        if found is not None:
            books[title] = found
    books |= dict(_demo_books(market, history, grid, listed, seed))
    kinds, counts = np.unique(history.price_kind.astype(str), return_counts=True)
    return MarketStudy(
        market=market,
        first=grid.days[0],
        last=grid.days[-1],
        books=books,
        instruments={
            confidence: study_instruments(grid.returns, window=market.window, confidence=confidence)
            for confidence in (0.95, 0.99)
        },
        suspected_splits_n=int(grid.suspected_splits.sum()),
        price_kinds=", ".join(f"{count} by {kind}" for kind, count in zip(kinds, counts, strict=True)),
    )


def _books(market: RiskMarket, history: PriceHistory) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Every name in equal parts, and the one with the longest history alone."""
    yield f"{market.title}, equal parts", np.arange(len(history.instrument_id))
    longest = int(np.isfinite(history.prices).sum(axis=0).argmax())
    named = {"equities": "XNYS:SPY", "crypto": "binance:BTCUSDT"}.get(market.name)
    place = history.places([named])[0] if named is not None else longest
    column = longest if place < 0 else int(place)
    yield f"{history.instrument_id[column]} alone", np.array([column])


def _book(days: NDArray[np.datetime64], returns: NDArray[np.float64], window: int) -> BookStudy | None:
    seen = np.isfinite(returns).any(axis=1)
    days, returns = days[seen], returns[seen]
    if len(returns) <= window:
        return None
    values = equal_parts(returns, window=window)
    moves = np.nan_to_num(returns)
    results = (values * moves).sum(axis=1)[window:]
    held = values[window:].any(axis=1)
    if not held.any():
        return None
    rows = held_results(moves, values, window=window)
    return study_book(days[window:][held], rows[held], results[held])


def _demo_books(
    market: RiskMarket, history: PriceHistory, grid: ReturnPanel, listed: pd.DataFrame, seed: int
) -> Iterator[tuple[str, BookStudy]]:
    """The demo portfolios on recorded instruments, as they are held at the end, through the whole history."""
    known = np.isfinite(history.prices)
    last = np.where(known.any(axis=0), len(history.days) - 1 - known[::-1].argmax(axis=0), 0)
    price = history.prices[last, np.arange(len(last))]
    marked = pd.DataFrame({"instrument_id": history.instrument_id, "price": price})
    day = pd.Timestamp(history.days[-1]).date()
    held = demo_portfolios(listed, marked, day, seed).positions
    for name, rows in held.groupby("portfolio_id"):
        places = history.places(rows["instrument_id"].to_numpy(dtype=object))
        value = rows["quantity"].to_numpy(dtype=np.float64) * price[np.where(places >= 0, places, 0)]
        scenarios = complete_scenarios(grid.days, grid.returns, history.asset_class, places, window=len(grid.days))
        value = np.where(scenarios.included & np.isfinite(value), value, 0.0)
        results = scenarios.returns @ (value / max(float(np.abs(value).sum()), 1e-300))
        if len(results) > market.window and np.ptp(results) > 0.0:
            rows_of = np.lib.stride_tricks.sliding_window_view(results, market.window)[:-1]
            lent = float(np.abs(value) @ scenarios.proxied_frac / np.abs(value).sum())
            title = f"{name}, {int((value != 0).sum())} positions, {lent:.0%} of the returns lent by peers"
            yield title, study_book(scenarios.days[market.window :], rows_of, results[market.window :])
