"""Market conditions that persist from session to session: rates, credit, liquidity stress, own yields.

A session's conditions follow from the session before and the day's own random stream.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.instrument import SECTORS
from liquidity.simulation.bond_prices import clean_price, modified_duration_years
from liquidity.simulation.config import MarketConfig
from liquidity.simulation.events import PlantedEvent, issuer_intensity, market_intensity
from liquidity.simulation.streams import stream, student_t
from liquidity.simulation.universe import CREDIT_SPREAD_FRAC, TERM_PREMIUM_FRAC, Bonds, Issuers

__all__ = ["BondPricing", "Conditions", "calm", "next_conditions", "price_bonds"]

_SECTOR_PERSISTENCE: Final = 0.95
_SECTOR_SD: Final = 0.06
_ISSUER_PERSISTENCE: Final = 0.95
_ISSUER_SD: Final = 0.12
_OWN_YIELD_PERSISTENCE: Final = 0.98
_OWN_YIELD_DAILY_SD: Final = 0.00025
_ISSUER_CREDIT_DAILY_SD: Final = 0.006
_CRISIS_YIELD_FRAC: Final = 0.025  # an issuer's own crisis at its peak
_MARKET_CRISIS_CREDIT: Final = 0.12  # log factor on credit spreads at the peak
_FAT_TAIL: Final = 4.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """State of the market on one session.

    Parameters
    ----------
    rate_frac
        Base rate, fraction a year.
    credit_log, stress_log
        Logs of the factors on credit spreads and on quoted spreads, market-wide, without planted events.
    sector_stress, issuer_stress
        Log spread factors, shapes (4,) and (issuers,).
    issuer_credit
        Log factor on the issuer's credit spread, shape (issuers,).
    own_yield_frac
        The bond's own part of its yield, shape (bonds,).
    market_crisis, issuer_crisis
        Strength of planted crises, fraction 0-1, scalar and shape (issuers,).
    issuer_crisis_log, market_crisis_log
        The same as logs of the spread factor.
    """

    rate_frac: float
    credit_log: float
    stress_log: float
    sector_stress: NDArray[np.float64]
    issuer_stress: NDArray[np.float64]
    issuer_credit: NDArray[np.float64]
    own_yield_frac: NDArray[np.float64]
    market_crisis: float
    market_crisis_log: float
    issuer_crisis: NDArray[np.float64]
    issuer_crisis_log: NDArray[np.float64]

    @property
    def credit_factor(self) -> float:
        """Factor on all credit spreads, planted market crisis included."""
        return float(np.exp(self.credit_log + _MARKET_CRISIS_CREDIT * self.market_crisis))


@dataclass(frozen=True, slots=True)
class BondPricing:
    """Fair values of the bonds on one session, shape (bonds,).

    ``credit_spread_frac`` is the yield over the base curve; ``stress_log`` the log spread factor from market,
    sector, issuer and planted crises together.
    """

    years: NDArray[np.float64]
    yield_frac: NDArray[np.float64]
    credit_spread_frac: NDArray[np.float64]
    fair_price: NDArray[np.float64]
    duration_years: NDArray[np.float64]
    stress_log: NDArray[np.float64]


def calm(config: MarketConfig) -> Conditions:
    """Neutral conditions, the day before the first session."""
    issuers = np.zeros(config.issuers)
    return Conditions(
        config.base_rate_frac, 0.0, 0.0, np.zeros(len(SECTORS)), issuers, issuers, np.zeros(config.bonds), 0.0, 0.0,
        issuers, issuers,
    )  # fmt: skip


def next_conditions(
    config: MarketConfig, before: Conditions, day: date, events: tuple[PlantedEvent, ...]
) -> Conditions:
    """Conditions of session ``day`` from those of the session before; ``events`` are those active on the day."""
    rng = stream(config.seed, day, "factors")
    shocks = student_t(rng, _FAT_TAIL, 3)
    rate = config.base_rate_frac + 0.999 * (before.rate_frac - config.base_rate_frac)
    rate = max(0.005, rate + config.rate_daily_sd_bps * 1e-4 * float(shocks[0]))
    credit = config.credit_persistence * before.credit_log + config.credit_daily_log_sd * float(shocks[1])
    fresh = config.stress_log_sd * np.sqrt(1.0 - config.stress_persistence**2)
    stress = config.stress_persistence * before.stress_log + float(fresh * shocks[2])
    sector_fresh = _SECTOR_SD * np.sqrt(1.0 - _SECTOR_PERSISTENCE**2)
    issuer_fresh = _ISSUER_SD * np.sqrt(1.0 - _ISSUER_PERSISTENCE**2)
    log_size = np.zeros(config.issuers)
    for event in events:
        if event.kind == "issuer_crisis":
            index = int(event.subject.removeprefix("SIM"))
            log_size[index] = max(log_size[index], event.size * event.intensity_frac(day))
    return Conditions(
        rate_frac=rate,
        credit_log=credit,
        stress_log=stress,
        sector_stress=_SECTOR_PERSISTENCE * before.sector_stress + sector_fresh * rng.standard_normal(len(SECTORS)),
        issuer_stress=_ISSUER_PERSISTENCE * before.issuer_stress + issuer_fresh * rng.standard_normal(config.issuers),
        issuer_credit=0.995 * before.issuer_credit + _ISSUER_CREDIT_DAILY_SD * rng.standard_normal(config.issuers),
        own_yield_frac=_OWN_YIELD_PERSISTENCE * before.own_yield_frac
        + _OWN_YIELD_DAILY_SD * rng.standard_normal(config.bonds),
        market_crisis=market_intensity(events, day),
        market_crisis_log=max(
            (event.size * event.intensity_frac(day) for event in events if event.kind == "market_crisis"), default=0.0
        ),
        issuer_crisis=issuer_intensity(events, day, config.issuers),
        issuer_crisis_log=log_size,
    )


def price_bonds(conditions: Conditions, issuers: Issuers, bonds: Bonds, day: date) -> BondPricing:
    """Give yields, prices and stress of every bond under ``conditions`` on ``day``."""
    who = bonds.issuer
    years = bonds.years_to_maturity(int(np.datetime64(day, "D").astype(np.int64)))
    spread_by_issuer = (
        CREDIT_SPREAD_FRAC[issuers.rating]
        * issuers.spread_factor
        * np.exp(conditions.issuer_credit)
        * conditions.credit_factor
        + _CRISIS_YIELD_FRAC * conditions.issuer_crisis
    )
    credit = spread_by_issuer[who] + conditions.own_yield_frac
    yields = np.maximum(conditions.rate_frac + TERM_PREMIUM_FRAC * (1.0 - np.exp(-years / 4.0)) + credit, 0.001)
    stress_by_issuer = (
        conditions.stress_log
        + 0.5 * conditions.credit_log
        + conditions.market_crisis_log
        + conditions.sector_stress[issuers.sector]
        + conditions.issuer_stress
        + conditions.issuer_crisis_log
    )
    return BondPricing(
        years=years,
        yield_frac=yields,
        credit_spread_frac=credit,
        fair_price=clean_price(bonds.coupon_frac, yields, years),
        duration_years=modified_duration_years(bonds.coupon_frac, yields, years),
        stress_log=stress_by_issuer[who],
    )
