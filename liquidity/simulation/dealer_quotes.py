"""Two-way dealer quotes of one session: who is online, how often each bond is quoted, how wide, for how much."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.simulation.conditions import BondPricing, Conditions
from liquidity.simulation.config import MarketConfig
from liquidity.simulation.events import PlantedEvent, dealer_name
from liquidity.simulation.streams import stream
from liquidity.simulation.universe import Bonds, Issuers

__all__ = ["DEPTH_BAND_BPS", "SLOTS", "DealerQuotes", "full_spread_bps", "quote_session"]

SLOTS: Final = 25
"""Equal slots of the session in which a bond is quoted or not; 15 minutes each on a usual Mumbai session."""
DEPTH_BAND_BPS: Final = 500.0
_RATING_SPREAD: Final = np.array([1.0, 1.3, 1.7, 2.2, 3.0, 4.0, 5.5])
_QUOTE_SIZE_CCY: Final = np.array([25e6, 10e6, 5e6, 3e6, 2e6, 1.5e6, 1e6])
_SPREAD_FLOOR_BPS: Final = 2.0
_STAY_ONLINE: Final = 0.97  # per slot
_QUOTES_A_SLOT: Final = 2.0


@dataclass(frozen=True, slots=True)
class DealerQuotes:
    """Quotes of one session, shape (bonds,); NaN where a bond had no two-way quote all session.

    Parameters
    ----------
    online_frac
        Share of the session with a two-way quote; 0 for a bond that nobody quoted, NaN for one that no dealer makes.
    last_slot
        Last slot with a quote, 0..SLOTS-1; -1 without any.
    spread_bps
        Time-weighted touch over the quoted time, price bps over mid.
    closing_spread_bps
        Touch of the last quote, price bps.
    dealer_spread_bps
        Median full spread of the single dealers' quotes, price bps.
    depth_ccy
        Both sides within DEPTH_BAND_BPS of mid at the last quote.
    levels
        Price levels on both sides at the last quote.
    """

    online_frac: NDArray[np.float64]
    quotes_count: NDArray[np.int64]
    last_slot: NDArray[np.int64]
    spread_bps: NDArray[np.float64]
    closing_spread_bps: NDArray[np.float64]
    dealer_spread_bps: NDArray[np.float64]
    depth_ccy: NDArray[np.float64]
    levels: NDArray[np.int64]


def full_spread_bps(
    config: MarketConfig, issuers: Issuers, bonds: Bonds, pricing: BondPricing, day: date
) -> NDArray[np.float64]:
    """Give what a lone dealer asks for the round trip, price bps over mid, shape (bonds,); positive.

    The yield spread of the best names times rating, size, age, own trait, stress and the planted weekday effect,
    turned into price by the modified duration, above a floor of 2 bps. It exists whether or not a dealer shows it.
    """
    rng = stream(config.seed, day, "spreads")
    age = bonds.age_years(int(np.datetime64(day, "D").astype(np.int64)))
    in_yield = (
        config.yield_spread_bps
        * _RATING_SPREAD[issuers.rating[bonds.issuer]]
        * (bonds.outstanding_ccy / 5e9) ** -0.10
        * (1.0 + 0.03 * np.minimum(age, 5.0))
        * bonds.spread_trait
        * config.spread_effect(day)
        * np.exp(pricing.stress_log + 0.06 * rng.standard_normal(age.size))
    )
    spread: NDArray[np.float64] = np.minimum(_SPREAD_FLOOR_BPS + in_yield * pricing.duration_years, 6000.0)
    return spread


def quote_session(
    config: MarketConfig,
    conditions: Conditions,
    issuers: Issuers,
    bonds: Bonds,
    pricing: BondPricing,
    lone_spread_bps: NDArray[np.float64],
    day: date,
    events: tuple[PlantedEvent, ...],
) -> DealerQuotes:
    """Simulate the dealers of one session (a day of the bonds' calendar).

    A dealer is online in runs of slots. A bond is quoted in a slot when at least one of its makers who are online
    shows it; more makers quote tighter. Crises make dealers show fewer bonds and smaller sizes.
    """
    online = _dealers_online(config, conditions, day, events)
    rng = stream(config.seed, day, "quotes")
    count = bonds.issuer.size
    makers_online = bonds.makers.astype(np.float32) @ online.astype(np.float32)  # (bonds, slots)
    strain = conditions.issuer_crisis[bonds.issuer] * 0.75 + conditions.market_crisis * 0.3
    shown = np.clip(bonds.quote_intensity * (1.0 - np.minimum(strain, 0.9)), 0.01, 0.95)
    missed = np.exp(np.log1p(-shown).astype(np.float32)[:, None] * makers_online)
    quoted = rng.random((count, SLOTS), dtype=np.float32) >= missed
    slots_quoted = quoted.sum(axis=1)
    any_quote = slots_quoted > 0
    last_slot = np.where(any_quote, SLOTS - 1 - quoted[:, ::-1].argmax(axis=1), -1)
    expected = (makers_online * quoted).sum(axis=1).astype(np.float64)
    average_makers = expected / np.maximum(slots_quoted, 1)
    at_last = makers_online[np.arange(count), np.maximum(last_slot, 0)].astype(np.float64)
    rate = _QUOTES_A_SLOT * shown * expected
    quotes = np.where(any_quote, np.maximum(rng.poisson(rate), slots_quoted), 0)
    unseen = np.where(any_quote, 1.0, np.nan)
    rating = issuers.rating[bonds.issuer]
    calm_size = _QUOTE_SIZE_CCY[rating] * np.exp(-0.8 * pricing.stress_log + 0.25 * rng.standard_normal(count))
    closing = lone_spread_bps * _touch_factor(at_last) * np.exp(0.05 * rng.standard_normal(count))
    depth = 2.0 * np.maximum(np.round(calm_size * np.maximum(1.0, at_last * shown) / 1e5), 1.0) * 1e5
    shown_makers = np.maximum(1, np.round(at_last * shown)).astype(np.int64)
    return DealerQuotes(
        online_frac=np.where(bonds.makers.any(axis=1), slots_quoted / SLOTS, np.nan),
        quotes_count=quotes.astype(np.int64),
        last_slot=last_slot.astype(np.int64),
        spread_bps=unseen * lone_spread_bps * _touch_factor(average_makers),
        closing_spread_bps=unseen * closing,
        dealer_spread_bps=unseen * lone_spread_bps * np.exp(0.03 * rng.standard_normal(count)),
        depth_ccy=unseen * np.where(closing / 2.0 <= DEPTH_BAND_BPS, depth, 0.0),
        levels=np.where(any_quote, 2 * shown_makers, 0),
    )


def _touch_factor(makers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Best of several quotes over a lone one: 1 with one maker, falling slowly to 0.6."""
    factor: NDArray[np.float64] = 0.6 + 0.4 / np.sqrt(np.maximum(makers, 1.0))
    return factor


def _dealers_online(
    config: MarketConfig, conditions: Conditions, day: date, events: tuple[PlantedEvent, ...]
) -> NDArray[np.bool_]:
    """Whether each dealer is online in each slot, shape (dealers, SLOTS): a two-state chain, less planted outages."""
    rng = stream(config.seed, day, "dealers")
    target = config.dealer_online_frac * (1.0 - 0.25 * conditions.market_crisis)
    leave = 1.0 - _STAY_ONLINE
    come = min(1.0, leave * target / max(1.0 - target, 1e-9))
    uniform = rng.random((config.dealers, SLOTS))
    online = np.zeros((config.dealers, SLOTS), dtype=bool)
    now = uniform[:, 0] < target
    for slot in range(SLOTS):
        if slot:
            now = np.where(now, uniform[:, slot] >= leave, uniform[:, slot] < come)
        online[:, slot] = now
    begin_frac = float(rng.random())
    for event in events:
        if event.kind == "dealer_outage" and event.first_day <= day <= event.last_day:
            if event.subject == "market":
                gone = round(event.size * SLOTS)
                begin = round(begin_frac * (SLOTS - gone))
                online[:, begin : begin + gone] = False
            else:
                names = [dealer_name(index) for index in range(config.dealers)]
                online[names.index(event.subject)] = False
    return online
