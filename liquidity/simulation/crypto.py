"""A handful of coins, every day of the year: returns, volatility, volume, spread and depth by turnover tier."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.simulation.config import MarketConfig
from liquidity.simulation.stories import DayStories, next_tone, tell_stories
from liquidity.simulation.streams import stream

__all__ = ["COINS", "COIN_ADV_USD", "CryptoDay", "CryptoState", "crypto_instruments", "first_state", "next_day"]

COINS: Final = ("BTC", "ETH", "SOL", "XRP", "ADA", "LINK", "APT", "IMX", "FXS", "ACE")
COIN_ADV_USD: Final = np.array([1.7e9, 9e8, 4.5e8, 2.2e8, 1e8, 5e7, 2.2e7, 1e7, 4e6, 1.2e6])
"""Mean daily turnover of the spot pairs, USD."""
_FIRST_PRICE: Final = np.array([60_000.0, 3_000.0, 150.0, 0.55, 0.45, 14.0, 8.0, 1.5, 2.5, 3.0])
_STEPS: Final = 96  # quarter hours
_BOUNCE: Final = 0.15  # prices that do not last, in daily deviations
_FAT_TAIL: Final = 4.0
_OWN_VOL_SD: Final = 0.15
_VOLUME_PERSISTENCE: Final = 0.97
_VOLUME_LOG_SD: Final = 0.75
_VOLUME_NOISE: Final = 0.25
_VOLUME_ON_MOVE: Final = 0.30
_PERP_TURNOVER: Final = 1.8


@dataclass(frozen=True, slots=True)
class CryptoState:
    """What persists from day to day: log volatility (market, own), log price, log volume, tone; shape (coins,)."""

    market_vol: float
    own_vol: NDArray[np.float64]
    log_price: NDArray[np.float64]
    log_volume: NDArray[np.float64]
    tone: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CryptoDay:
    """One UTC day of every instrument, shape (instruments,): spot pairs first, then perpetuals.

    Prices and amounts in USDT; ``spread_bps`` full, time-weighted; ``depth_ccy`` both sides within 10 bps of mid.
    """

    coin: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    vwap: NDArray[np.float64]
    turnover_ccy: NDArray[np.float64]
    trades_count: NDArray[np.int64]
    spread_bps: NDArray[np.float64]
    depth_ccy: NDArray[np.float64]
    stories: DayStories


def crypto_instruments(config: MarketConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the instruments and their asset classes: ``sim:BTCUSDT`` is the spot pair, ``sim:BTCUSDT-PERP`` the perpetual.

    Examples
    --------
    >>> crypto_instruments(MarketConfig(crypto_coins=2, crypto_perps=1))[0]
    ('sim:BTCUSDT', 'sim:ETHUSDT', 'sim:BTCUSDT-PERP')
    """
    spot = [f"sim:{coin}USDT" for coin in COINS[: config.crypto_coins]]
    perp = [f"sim:{coin}USDT-PERP" for coin in COINS[: config.crypto_perps]]
    return (*spot, *perp), (*("crypto_spot",) * len(spot), *("crypto_perp",) * len(perp))


def first_state(config: MarketConfig) -> CryptoState:
    """Neutral state, the day before the first."""
    flat = np.zeros(config.crypto_coins)
    return CryptoState(0.0, flat, np.log(_FIRST_PRICE[: config.crypto_coins]), flat, flat)


def next_day(config: MarketConfig, before: CryptoState, day: date, crisis: float) -> tuple[CryptoState, CryptoDay]:
    """Simulate UTC day ``day``; ``crisis`` (0-1) adds half to volatility and thins books at its peak.

    Quarter-hourly steps of one common and one own part with volatility that persists and a day-wide fat-tailed factor
    (Student, four degrees of freedom); the open is the close before. Turnover follows its own persistent level, the
    size of the move and the weekend.
    """
    rng = stream(config.seed, day, "crypto")
    coins = config.crypto_coins
    keep = config.crypto_vol_persistence
    fresh = np.sqrt(1.0 - keep**2)
    market_vol = keep * before.market_vol + config.crypto_vol_log_sd * fresh * float(rng.standard_normal())
    own_vol = keep * before.own_vol + _OWN_VOL_SD * fresh * rng.standard_normal(coins)
    adv = COIN_ADV_USD[:coins]
    usual_sd = config.crypto_daily_sd_frac * (adv / COIN_ADV_USD[0]) ** -0.10
    level = market_vol + own_vol - config.crypto_vol_log_sd**2 - _OWN_VOL_SD**2
    day_sd = usual_sd * np.exp(level) * (1.0 + 0.5 * crisis)
    fat_market, fat_own = _day_factor(rng, 1), _day_factor(rng, coins)
    share = config.crypto_pair_correlation
    common = rng.standard_normal(_STEPS) * fat_market
    own = rng.standard_normal((coins, _STEPS)) * fat_own[:, None]
    steps = (np.sqrt(share) * common + np.sqrt(1.0 - share) * own) * (day_sd / np.sqrt(_STEPS))[:, None]
    pull = -0.001 * (before.log_price - np.log(_FIRST_PRICE[:coins]))
    path = before.log_price[:, None] + np.cumsum(steps + (pull / _STEPS)[:, None], axis=1)
    log_price = path[:, -1] if coins else before.log_price
    move = np.abs(log_price - before.log_price)
    keep_volume = _VOLUME_PERSISTENCE
    log_volume = keep_volume * before.log_volume + _VOLUME_LOG_SD * np.sqrt(1.0 - keep_volume**2) * (
        0.7 * float(rng.standard_normal()) + 0.714 * rng.standard_normal(coins)
    )
    weekend = config.crypto_weekend_frac
    calendar = (weekend if day.weekday() >= 5 else 1.0) * 7.0 / (5.0 + 2.0 * weekend)
    excess = log_volume + _VOLUME_ON_MOVE * (move / usual_sd - 0.7) + _VOLUME_NOISE * rng.standard_normal(coins)
    turnover = adv * calendar * np.exp(np.clip(excess, -4.0, 3.5) - 0.5 * (_VOLUME_LOG_SD**2 + _VOLUME_NOISE**2))
    passing = _BOUNCE * day_sd[:, None] * rng.standard_normal((coins, _STEPS))
    passing[:, -1:] = 0.0  # the close stays
    prices = np.exp(np.concatenate([before.log_price[:, None], path + passing], axis=1))
    weight = np.exp(0.3 * rng.standard_normal((coins, _STEPS)))
    vwap = (prices[:, 1:] * weight).sum(axis=1) / weight.sum(axis=1)
    strain = day_sd / usual_sd
    spread = 0.016 * (COIN_ADV_USD[0] / adv) ** 0.75 * np.sqrt(strain) * np.exp(0.1 * rng.standard_normal(coins))
    depth = 0.0033 * adv / np.sqrt(strain) * np.exp(0.2 * rng.standard_normal(coins)) / (1.0 + crisis)
    trades = rng.poisson(np.minimum(turnover / 1500.0, 1e9))
    tone = next_tone(before.tone, rng)
    stories = tell_stories(20.0 * (adv / COIN_ADV_USD[0]) ** 0.35, tone, np.full(coins, 0.3 * crisis), day, rng)
    perps = config.crypto_perps
    basis = np.concatenate([np.ones(coins), np.exp(3e-4 * rng.standard_normal(perps))])
    which = np.concatenate([np.arange(coins), np.arange(perps)]).astype(np.int64)
    bigger = np.where(np.arange(coins + perps) < coins, 1.0, _PERP_TURNOVER)
    state = CryptoState(market_vol, own_vol, log_price, log_volume, tone)

    def quoted(values: NDArray[np.float64]) -> NDArray[np.float64]:
        priced: NDArray[np.float64] = np.round(values[which] * basis, 6)
        return priced

    return state, CryptoDay(
        coin=which,
        open=quoted(prices[:, 0]),
        high=quoted(prices.max(axis=1)),
        low=quoted(prices.min(axis=1)),
        close=quoted(prices[:, -1]),
        vwap=quoted(vwap),
        turnover_ccy=np.round(turnover[which] * bigger, 2),
        trades_count=(trades[which] * bigger).astype(np.int64),
        spread_bps=spread[which],
        depth_ccy=np.round(depth[which] * bigger, 2),
        stories=stories,
    )


def _day_factor(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Root of the inverse chi-square that turns a normal into a Student draw of variance 1; cut at 6."""
    factor: NDArray[np.float64] = np.minimum(np.sqrt((_FAT_TAIL - 2.0) / rng.chisquare(_FAT_TAIL, size)), 6.0)
    return factor
