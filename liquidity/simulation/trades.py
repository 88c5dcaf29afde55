"""Trades of one session: which bonds trade, how often, how much, at what price; and what dealers then hold."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.simulation.conditions import BondPricing, Conditions
from liquidity.simulation.config import MarketConfig
from liquidity.simulation.streams import stream
from liquidity.simulation.universe import Bonds, Issuers

__all__ = ["FACE_STEP_CCY", "BondTrades", "SessionBars", "inventory_after", "session_bars", "trade_session"]

FACE_STEP_CCY: Final = 1e5
_MOST_TRADES: Final = 8
_SIZE_MEDIAN_CCY: Final = np.array([1.9e8, 1.4e7, 0.6e7, 0.4e7, 0.25e7, 0.2e7, 0.15e7])  # by rating
_INTRADAY_SD: Final = 0.0004


@dataclass(frozen=True, slots=True)
class BondTrades:
    """Trades sorted by bond slot and time, shape (trades,).

    ``bond`` is the slot; ``time_us`` microseconds UTC since 1970; ``price`` per 100 of face; ``face_ccy`` traded face;
    ``side_sign`` +1 where the customer bought. Value traded is ``price / 100 * face_ccy``.
    """

    bond: NDArray[np.int64]
    time_us: NDArray[np.int64]
    price: NDArray[np.float64]
    face_ccy: NDArray[np.float64]
    side_sign: NDArray[np.int64]

    @property
    def value_ccy(self) -> NDArray[np.float64]:
        """Traded amount of each trade, INR."""
        value: NDArray[np.float64] = self.price / 100.0 * self.face_ccy
        return value


@dataclass(frozen=True, slots=True)
class SessionBars:
    """Trade bar of each bond, shape (bonds,); prices are NaN and ``last_us`` -1 where it did not trade."""

    count: NDArray[np.int64]
    turnover_ccy: NDArray[np.float64]
    vwap: NDArray[np.float64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    last_us: NDArray[np.int64]


def trade_session(
    config: MarketConfig,
    conditions: Conditions,
    issuers: Issuers,
    bonds: Bonds,
    pricing: BondPricing,
    lone_spread_bps: NDArray[np.float64],
    price_before: NDArray[np.float64],
    inventory: NDArray[np.float64],
    day: date,
    open_us: int,
    close_us: int,
) -> BondTrades:
    """Trades between ``open_us`` and ``close_us`` (microseconds UTC).

    A bond trades with its own probability times the planted weekday effect, less in a crisis; once traded, each
    further trade follows with ``extra_trade_frac``. Customers buy at fair value plus half the spread and sell at
    minus half, small trades pay more (Edwards, Harris and Piwowar 2007, Journal of Finance 62(3), 1421-1451).
    """
    rng = stream(config.seed, day, "trades")
    hush = 1.0 - 0.5 * conditions.issuer_crisis[bonds.issuer] - 0.2 * conditions.market_crisis
    age = bonds.age_years(int(np.datetime64(day, "D").astype(np.int64)))
    recent = 0.85 + 0.5 * np.exp(-age)
    chance = bonds.trade_probability * config.trading_effect(day) * np.maximum(hush, 0.1) * recent
    traded = np.flatnonzero(rng.random(bonds.issuer.size) < chance)
    counts = np.minimum(rng.geometric(1.0 - config.extra_trade_frac, traded.size), _MOST_TRADES)
    bond = np.repeat(traded, counts)
    within = rng.random(bond.size)
    order = np.lexsort((within, bond))
    within = within[order]
    rating = issuers.rating[bonds.issuer[bond]]
    largest = np.minimum(config.size_max_ccy, 0.5 * bonds.outstanding_ccy[bond])
    log_size = np.log(_SIZE_MEDIAN_CCY[rating]) + config.size_log_sd * _normal_below(
        rng.random(bond.size), (np.log(largest) - np.log(_SIZE_MEDIAN_CCY[rating])) / config.size_log_sd
    )
    face = np.maximum(np.round(np.exp(log_size) / FACE_STEP_CCY), 1.0) * FACE_STEP_CCY
    buys = rng.random(bond.size) < 0.5 + 0.15 * np.tanh(inventory[bond])
    side = np.where(buys, 1, -1)
    middle = price_before[bond] + (pricing.fair_price[bond] - price_before[bond]) * within
    middle = middle * np.exp(_INTRADAY_SD * rng.standard_normal(bond.size))
    small_extra = np.clip(1.0 - 0.12 * np.log(face / 1e7), 0.5, 1.8)
    price = np.round(middle * (1.0 + side * np.minimum(small_extra * lone_spread_bps[bond] / 2e4, 0.5)), 4)
    time_us = open_us + (within * (close_us - open_us - 1)).astype(np.int64)
    return BondTrades(bond, time_us, np.maximum(price, 0.0001), face, side.astype(np.int64))


def session_bars(trades: BondTrades, bonds_count: int) -> SessionBars:
    """Open, high, low, close, volume-weighted price and turnover of each bond; turnover is the sum of the values."""
    count: NDArray[np.int64] = np.bincount(trades.bond, minlength=bonds_count).astype(np.int64)
    turnover = np.bincount(trades.bond, weights=trades.value_ccy, minlength=bonds_count).astype(np.float64)
    face = np.bincount(trades.bond, weights=trades.face_ccy, minlength=bonds_count)
    who = np.flatnonzero(count)
    begin = np.cumsum(count)[who] - count[who]
    last = begin + count[who] - 1
    nothing = np.full(bonds_count, np.nan)
    first_price, high, low, close, vwap = (nothing.copy() for _ in range(5))
    last_us: NDArray[np.int64] = np.full(bonds_count, -1, dtype=np.int64)
    if who.size:
        high[who] = np.maximum.reduceat(trades.price, begin)
        low[who] = np.minimum.reduceat(trades.price, begin)
        first_price[who], close[who] = trades.price[begin], trades.price[last]
        vwap[who] = turnover[who] / face[who] * 100.0
        last_us[who] = trades.time_us[last]
    return SessionBars(count, turnover, vwap, first_price, high, low, close, last_us)


def inventory_after(inventory: NDArray[np.float64], trades: BondTrades) -> NDArray[np.float64]:
    """Dealers' net position per bond, in units of a typical large trade: half-life of a week, less what customers bought."""
    flow = trades.side_sign * np.minimum(trades.face_ccy / 5e7, 3.0)
    kept: NDArray[np.float64] = 0.87 * inventory - np.bincount(trades.bond, weights=flow, minlength=inventory.size)
    return kept


def _normal_below(uniform: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw standard normals conditional on being below ``upper``, from uniforms."""
    from scipy.special import ndtr, ndtri

    draws: NDArray[np.float64] = ndtri(np.clip(uniform * ndtr(upper), 1e-12, 1.0 - 1e-12))
    return draws
