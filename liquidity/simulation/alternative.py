"""Alternative series per issuer: daily traffic or toll counts, weekly utility use, monthly ESG scores.

Traffic and utilities carry weekday and yearly seasonality; an issuer's crisis pulls them down late and little, as
business slows after the market has noticed.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.instrument import SECTORS
from liquidity.simulation.config import MarketConfig
from liquidity.simulation.streams import stream

__all__ = ["KIND_SECTORS", "AlternativeReadings", "first_readings", "next_readings", "yearly_cycle"]

KIND_SECTORS: Final[dict[str, tuple[str, ...]]] = {
    "esg": SECTORS,
    "traffic": ("FINANCIAL", "INDUSTRIAL", "GOVERNMENT"),
    "utilities": ("UTILITIES", "INDUSTRIAL", "GOVERNMENT"),
}
"""Sectors whose issuers have a series of the kind."""

_LEVEL_PERSISTENCE: Final = 0.995
_LEVEL_DAILY_SD: Final = 0.005
_TRAFFIC_NOISE: Final = 0.08
_UTILITIES_NOISE: Final = 0.03
_ESG_MONTHLY_SD: Final = 1.5
_PEAK_DAY: Final = 186.0  # early July


@dataclass(frozen=True, slots=True)
class AlternativeReadings:
    """Newest readings, shape (issuers,), with the hidden levels behind them.

    ``traffic`` and ``utilities`` are index points (100 is the issuer's base level), ``esg`` points 0-100;
    ``utilities_day`` and ``esg_day`` are the days they speak for.
    """

    traffic_level: NDArray[np.float64]
    utilities_level: NDArray[np.float64]
    traffic: NDArray[np.float64]
    utilities: NDArray[np.float64]
    esg: NDArray[np.float64]
    utilities_day: date
    esg_day: date


def yearly_cycle(day: date, amplitude_frac: float) -> float:
    """Factor of the first yearly harmonic: 1 + amplitude in early July, 1 - amplitude half a year later.

    Examples
    --------
    >>> yearly_cycle(date(2026, 7, 5), 0.04)
    1.04
    """
    return float(1.0 + amplitude_frac * np.cos(2.0 * np.pi * (day.timetuple().tm_yday - _PEAK_DAY) / 365.25))


def first_readings(config: MarketConfig, start: date) -> AlternativeReadings:
    """Give the readings as known on the start of the market."""
    rng = stream(config.seed, start, "readings")
    flat = np.zeros(config.issuers)
    base = np.full(config.issuers, 100.0)
    esg = np.clip(60.0 + 12.0 * rng.standard_normal(config.issuers), 5.0, 95.0)
    return AlternativeReadings(flat, flat, base, base, np.round(esg, 2), start, start)


def next_readings(
    config: MarketConfig, before: AlternativeReadings, day: date, crisis: NDArray[np.float64]
) -> AlternativeReadings:
    """Give the readings of calendar day ``day``: traffic daily, utilities on Fridays, ESG on the first of a month.

    ``crisis`` is the strength of the issuer's crisis, fraction 0-1, shape (issuers,).
    """
    rng = stream(config.seed, day, "alternative")
    traffic_shock, utilities_shock, traffic_noise, utilities_noise, esg_shock = rng.standard_normal((5, config.issuers))
    traffic_level = _LEVEL_PERSISTENCE * before.traffic_level + _LEVEL_DAILY_SD * traffic_shock - 0.008 * crisis
    utilities_level = _LEVEL_PERSISTENCE * before.utilities_level + _LEVEL_DAILY_SD * utilities_shock - 0.005 * crisis
    season = yearly_cycle(day, config.traffic_yearly_amplitude_frac) * config.traffic_weekday_frac[day.weekday()]
    after = replace(
        before,
        traffic_level=traffic_level,
        utilities_level=utilities_level,
        traffic=np.round(100.0 * season * np.exp(traffic_level + _TRAFFIC_NOISE * traffic_noise), 3),
    )
    if day.weekday() == 4:
        season = yearly_cycle(day, config.utilities_yearly_amplitude_frac)
        used = np.round(100.0 * season * np.exp(utilities_level + _UTILITIES_NOISE * utilities_noise), 3)
        after = replace(after, utilities=used, utilities_day=day)
    if day.day == 1:
        esg = np.clip(before.esg + _ESG_MONTHLY_SD * esg_shock - 4.0 * crisis, 0.0, 100.0)
        after = replace(after, esg=np.round(esg, 2), esg_day=day)
    return after
