"""Open interest, funding and liquidations of the simulated perpetuals: hourly, every eight hours, and event by event.

Calibrated on recorded daily sums of one venue: a median of 24 M USD of BTC liquidations a day, 0.73 of them longs, more
on days of large moves. Nothing here depends on a later day; open interest between two days is a straight line.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.simulation.crypto_market import BookConditions, TapeConfig
from liquidity.simulation.streams import stream

__all__ = ["FUNDING_HOURS", "DerivativesDay", "derivatives_day"]

FUNDING_HOURS: Final = 8.0
_NS: Final = 1_000_000_000
_HOUR_NS: Final = 3600 * _NS
_INTEREST_DAYS: Final = 0.25  # of a day's usual turnover
_INTEREST_SD: Final = 0.12
_LIQUIDATED_FRAC: Final = 24e6 / 3.6e10  # of a day's turnover, median
_LIQUIDATED_SD: Final = 0.8
_LONG_FRAC: Final = 0.73
_EVENT_QUOTE: Final = 9_000.0
_EVENT_SD: Final = 1.6
_MOST_EVENTS: Final = 4_000
_RATE_MEAN: Final = 6e-5
_RATE_SD: Final = 5e-5


@dataclass(frozen=True, slots=True, eq=False)
class DerivativesDay:
    """One perpetual on one UTC day; times in ns since 1970 UTC.

    Attributes
    ----------
    hour_ns, interest_base, mark
        Reading at each full hour, base units, and the mark price then (quote currency).
    funding_ns, rate_frac
        Payments of the day, fraction of notional, longs pay where above 0.
    event_ns, event_long, event_price, event_base
        Forced orders in order of time; ``event_long`` where a long position was closed.
    """

    coin: str
    hour_ns: NDArray[np.int64]
    interest_base: NDArray[np.float64]
    mark: NDArray[np.float64]
    funding_ns: NDArray[np.int64]
    rate_frac: NDArray[np.float64]
    event_ns: NDArray[np.int64]
    event_long: NDArray[np.bool_]
    event_price: NDArray[np.float64]
    event_base: NDArray[np.float64]


def derivatives_day(
    config: TapeConfig, day: date, conditions: dict[str, BookConditions], opens: dict[str, float]
) -> list[DerivativesDay]:
    """Generate one UTC day of every coin.

    Parameters
    ----------
    conditions, opens
        By coin: state at the end of the day (``price`` is its close) and its first price.
    """
    midnight_ns = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * _NS
    rngs = stream(config.seed, day, "derivatives").spawn(len(config.coins))
    here, after = (_levels(config, day + timedelta(days=step)) for step in (0, 1))
    made = []
    for number, (coin, rng) in enumerate(zip(config.coins, rngs, strict=True)):
        state, first = conditions[coin], opens[coin]
        move = np.log(state.price / first)
        share = np.arange(24) / 24.0
        wiggle = 0.25 * state.daily_sd_frac * np.sqrt(share * (1.0 - share)) * rng.standard_normal(24)
        mark = first * np.exp(move * share + wiggle)
        usual = _INTEREST_DAYS * state.turnover_quote / state.price
        level = here[number] + (after[number] - here[number]) * share
        interest = usual * np.exp(_INTEREST_SD * level)
        pressure = move / max(state.daily_sd_frac, 1e-9)
        rates = _RATE_MEAN + _RATE_SD * (here[number] + 0.3 * pressure) + 2e-5 * rng.standard_normal(3)
        events = _events(rng, state, mark, midnight_ns, pressure)
        made.append(
            DerivativesDay(
                coin, midnight_ns + np.arange(24) * _HOUR_NS, interest, mark,
                midnight_ns + np.arange(3) * round(FUNDING_HOURS) * _HOUR_NS, np.clip(rates, -0.0075, 0.0075), *events,
            )
        )  # fmt: skip
    return made


def _levels(config: TapeConfig, day: date) -> NDArray[np.float64]:
    """Slow standardised level of each coin at the start of a day: a moving average of fresh draws of twelve days."""
    fresh = [
        stream(config.seed, day - timedelta(days=back), "derivatives").standard_normal(len(config.coins))
        for back in range(12)
    ]
    level: NDArray[np.float64] = np.sum(fresh, axis=0) / np.sqrt(12.0)
    return level


def _events(
    rng: np.random.Generator, state: BookConditions, mark: NDArray[np.float64], midnight_ns: int, pressure: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Forced orders, denser in hours of large moves and on the side that the move hurts."""
    wild = np.log1p(0.6 * pressure * pressure)
    total = _LIQUIDATED_FRAC * state.turnover_quote * np.exp(_LIQUIDATED_SD * rng.standard_normal() + wild)
    size = _EVENT_QUOTE * max(state.turnover_quote / 3.6e10, 1e-3) ** 0.5
    count = int(min(max(total / (size * np.exp(0.5 * _EVENT_SD**2)), 1.0), _MOST_EVENTS))
    quote = np.exp(_EVENT_SD * rng.standard_normal(count))
    quote *= total / quote.sum()
    hourly = np.abs(np.diff(np.log(mark), append=np.log(state.price))) + 0.1 * state.daily_sd_frac / np.sqrt(24.0)
    hour = np.sort(rng.choice(24, count, p=hourly / hourly.sum()))
    at = midnight_ns + hour * _HOUR_NS + rng.integers(0, _HOUR_NS, count)
    order = np.argsort(at, kind="stable")
    tilt = np.clip(_LONG_FRAC - 0.12 * np.tanh(pressure), 0.05, 0.95)
    price = mark[hour[order]] * np.exp(0.2 * state.daily_sd_frac / np.sqrt(24.0) * rng.standard_normal(count))
    return at[order], rng.random(count) < tilt, price, quote / price
