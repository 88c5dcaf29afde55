"""Issuers and their bonds: who borrows, how well rated, how large, how old; and the new issue that replaces a matured one.

Arrays run over issuers or over bond slots. A slot always holds one live bond, so arrays keep their length.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.instrument import SECTORS
from liquidity.simulation.config import MarketConfig
from liquidity.simulation.events import issuer_name
from liquidity.simulation.isin import simulated_isins
from liquidity.simulation.streams import stream

__all__ = [
    "CREDIT_SPREAD_FRAC",
    "TERM_PREMIUM_FRAC",
    "Bonds",
    "Issuers",
    "draw_bonds",
    "draw_issuers",
    "replace_matured",
]

_RATING_SHARES: Final = np.array([0.24, 0.25, 0.22, 0.14, 0.08, 0.05, 0.02])
_SECTOR_SHARES: Final = np.array([0.35, 0.20, 0.33, 0.12])  # in the order of SECTORS
CREDIT_SPREAD_FRAC: Final = np.array([0.0085, 0.0230, 0.0300, 0.0380, 0.0480, 0.0600, 0.0750])
"""Yield over the base curve by rating AAA..CCC, fraction a year, at neutral credit conditions."""
TERM_PREMIUM_FRAC: Final = 0.004
_COVERAGE: Final = np.array([0.60, 0.45, 0.32, 0.22, 0.15, 0.11, 0.08])  # chance that a dealer makes the bond
_OUTSTANDING_CCY: Final = np.array([12e9, 5e9, 2.5e9, 1.5e9, 1.0e9, 0.8e9, 0.6e9])
_TRADE_WEIGHT: Final = np.array([1.25, 1.15, 1.0, 0.9, 0.8, 0.7, 0.6])
_DAYS_A_YEAR: Final = 365.25


@dataclass(frozen=True, slots=True)
class Issuers:
    """Static facts of the issuers, shape (issuers,).

    ``sector`` and ``rating`` are places in ``SECTORS`` and ``BOND_RATINGS``; ``size_z`` is log size in standard
    deviations; ``spread_factor`` multiplies the rating's credit spread; ``stories_a_day`` is the mean attention.
    """

    name: NDArray[np.str_]
    sector: NDArray[np.int64]
    rating: NDArray[np.int64]
    size_z: NDArray[np.float64]
    spread_factor: NDArray[np.float64]
    stories_a_day: NDArray[np.float64]
    tap_weekday: NDArray[np.int64]


@dataclass(slots=True)
class Bonds:
    """Facts of the bond in each slot, shape (bonds,), with ``next_serial`` for the next new issue.

    Days are day numbers since 1970. ``makers`` has shape (bonds, dealers): who quotes the bond at all.
    ``trade_probability`` is the bond's own share of the market mean, before day effects.
    """

    issuer: NDArray[np.int64]
    serial: NDArray[np.int64]
    isin: NDArray[np.str_]
    issue_day: NDArray[np.int64]
    maturity_day: NDArray[np.int64]
    coupon_frac: NDArray[np.float64]
    outstanding_ccy: NDArray[np.float64]
    makers: NDArray[np.bool_]
    quote_intensity: NDArray[np.float64]
    spread_trait: NDArray[np.float64]
    trade_weight: NDArray[np.float64]
    trade_probability: NDArray[np.float64]
    next_serial: int

    def years_to_maturity(self, day_number: int) -> NDArray[np.float64]:
        """Time to redemption in years of 365.25 days, shape (bonds,)."""
        years: NDArray[np.float64] = (self.maturity_day - day_number) / _DAYS_A_YEAR
        return years

    def age_years(self, day_number: int) -> NDArray[np.float64]:
        """Time since first settlement in years, shape (bonds,)."""
        years: NDArray[np.float64] = (day_number - self.issue_day) / _DAYS_A_YEAR
        return years


def draw_issuers(config: MarketConfig, start: date) -> Issuers:
    """Draw the issuers of a market, the same on every day of it."""
    rng = stream(config.seed, start, "universe")
    count = config.issuers
    rating, sector = _quota(rng, _RATING_SHARES, count), _quota(rng, _SECTOR_SHARES, count)
    government = sector == SECTORS.index("GOVERNMENT")
    rating[government] = 0
    size_z = rng.standard_normal(count)
    return Issuers(
        name=np.array([issuer_name(index) for index in range(count)]),
        sector=sector,
        rating=rating,
        size_z=size_z,
        spread_factor=np.where(government, 0.3, 1.0) * np.exp(0.12 * rng.standard_normal(count)),
        stories_a_day=1.2 * np.exp(0.8 * size_z),
        tap_weekday=rng.integers(0, 5, count),
    )


def draw_bonds(config: MarketConfig, start: date, issuers: Issuers) -> Bonds:
    """Draw the bonds alive at the start: every issuer has one, larger issuers have more."""
    rng = stream(config.seed, start, "issues")
    weights = np.exp(0.8 * issuers.size_z)
    more = rng.choice(config.issuers, config.bonds - config.issuers, p=weights / weights.sum())
    issuer = np.sort(np.concatenate([np.arange(config.issuers), more])).astype(np.int64)
    count = issuer.size
    empty = np.zeros(count)
    bonds = Bonds(
        issuer=issuer,
        serial=np.zeros(count, dtype=np.int64),
        isin=np.full(count, "", dtype="U12"),
        issue_day=np.zeros(count, dtype=np.int64),
        maturity_day=np.zeros(count, dtype=np.int64),
        coupon_frac=empty.copy(),
        outstanding_ccy=empty.copy(),
        makers=np.zeros((count, config.dealers), dtype=bool),
        quote_intensity=empty.copy(),
        spread_trait=empty.copy(),
        trade_weight=empty.copy(),
        trade_probability=empty.copy(),
        next_serial=1,
    )
    today = _day_number(start)
    lived_frac = rng.random(count) * 0.97
    _issue(config, bonds, issuers, np.arange(count), today, lived_frac, np.full(count, config.base_rate_frac), rng)
    return bonds


def replace_matured(
    config: MarketConfig, bonds: Bonds, issuers: Issuers, day: date, rate_frac: float, credit: float
) -> NDArray[np.int64]:
    """Put a new issue of the same issuer where a bond matures on or before ``day``; returns the slots."""
    today = _day_number(day)
    slots = np.flatnonzero(bonds.maturity_day <= today)
    if slots.size:
        rng = stream(config.seed, day, "issues")
        extra = (credit - 1.0) * CREDIT_SPREAD_FRAC[issuers.rating[bonds.issuer[slots]]]
        _issue(config, bonds, issuers, slots, today, np.zeros(slots.size), rate_frac + extra, rng)
    return slots


def _quota(rng: np.random.Generator, shares: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Shuffle places so that each has its share of ``count``, rounded: small markets then look like large ones."""
    middle = (np.arange(count) + 0.5) / count
    places = np.minimum(np.searchsorted(np.cumsum(shares), middle), shares.size - 1)
    return rng.permutation(places).astype(np.int64)


def _issue(
    config: MarketConfig,
    bonds: Bonds,
    issuers: Issuers,
    slots: NDArray[np.int64],
    today: int,
    lived_frac: NDArray[np.float64],
    rate_frac: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    count = slots.size
    rating = issuers.rating[bonds.issuer[slots]]
    tenor_years = np.clip(6.5 * np.exp(0.55 * rng.standard_normal(count)), 1.5, 15.0)
    issue_day = today - np.floor(lived_frac * tenor_years * _DAYS_A_YEAR).astype(np.int64)
    bonds.issue_day[slots] = issue_day
    bonds.maturity_day[slots] = np.maximum(
        issue_day + np.floor(tenor_years * _DAYS_A_YEAR).astype(np.int64), today + 30
    )
    spread = CREDIT_SPREAD_FRAC[rating] * issuers.spread_factor[bonds.issuer[slots]]
    then = rate_frac + spread + TERM_PREMIUM_FRAC * (1.0 - np.exp(-tenor_years / 4.0))
    drifted = then + 0.012 * np.minimum(1.0, lived_frac) * rng.standard_normal(count)  # rates were different then
    bonds.coupon_frac[slots] = np.maximum(np.round(drifted / 0.0005) * 0.0005, 0.01)
    outstanding = _OUTSTANDING_CCY[rating] * np.exp(0.7 * rng.standard_normal(count))
    bonds.outstanding_ccy[slots] = np.maximum(np.round(outstanding / 1e7), 1.0) * 1e7
    trait = np.exp(0.5 * rng.standard_normal(count))  # how well known the issue is
    chance = np.clip(_COVERAGE[rating] * trait**0.5, 0.0, 0.95)
    bonds.makers[slots] = rng.random((count, config.dealers)) < chance[:, None]
    bonds.quote_intensity[slots] = np.clip(0.45 * trait, 0.05, 0.95)
    bonds.spread_trait[slots] = np.exp(0.15 * rng.standard_normal(count)) / trait**0.25
    bonds.trade_weight[slots] = _TRADE_WEIGHT[rating] * trait
    mean_weight = float((_RATING_SHARES * _TRADE_WEIGHT).sum() * np.exp(0.125))
    bonds.trade_probability[slots] = np.minimum(
        config.trade_probability_frac * bonds.trade_weight[slots] / mean_weight, 0.95
    )
    bonds.serial[slots] = bonds.next_serial + np.arange(count)
    bonds.next_serial += count
    bonds.isin[slots] = simulated_isins(bonds.issuer[slots], bonds.serial[slots])


def _day_number(day: date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))
