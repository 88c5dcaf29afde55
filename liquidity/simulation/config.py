"""The dials of the simulated market, each with its unit, range and calibrated default.

Defaults were tuned until every stylised fact of ``resources/stylised_facts.py`` lay inside its tolerance of the recorded
value. Read next: ``market.py`` (what the dials drive).
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from liquidity.domain.errors import ConfigError

__all__ = ["ADAPTER_TABLES", "BOND_RATINGS", "MarketConfig"]

BOND_RATINGS: Final = ("AAA", "AA", "A", "BBB", "BB", "B", "CCC")
ADAPTER_TABLES: Final = ("alt_signals", "auction_mm", "sentiment", "microstructure")

_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "seed": (0, 2**63 - 1),
    "bonds": (1, 1_000_000),
    "issuers": (1, 1_000_000),
    "dealers": (1, 64),
    "crypto_coins": (0, 10),
    "crypto_perps": (0, 10),
    "trade_probability_frac": (0.0, 1.0),
    "extra_trade_frac": (0.0, 0.9),
    "size_log_sd": (0.0, 6.0),
    "size_max_ccy": (1e5, 1e12),
    "base_rate_frac": (0.0, 0.5),
    "rate_daily_sd_bps": (0.0, 100.0),
    "credit_daily_log_sd": (0.0, 0.5),
    "credit_persistence": (0.0, 0.9999),
    "stress_persistence": (0.0, 0.9999),
    "stress_log_sd": (0.0, 2.0),
    "yield_spread_bps": (0.1, 1000.0),
    "dealer_online_frac": (0.01, 1.0),
    "auction_cover_median": (0.5, 20.0),
    "auction_cover_log_sd": (0.0, 1.0),
    "tap_probability_frac": (0.0, 1.0),
    "traffic_yearly_amplitude_frac": (0.0, 0.9),
    "utilities_yearly_amplitude_frac": (0.0, 0.9),
    "crypto_daily_sd_frac": (0.0, 0.5),
    "crypto_vol_log_sd": (0.0, 2.0),
    "crypto_vol_persistence": (0.0, 0.9999),
    "crypto_pair_correlation": (0.0, 1.0),
    "crypto_weekend_frac": (0.05, 2.0),
    "issuer_crises_per_block": (0, 1_000_000),
    "dealer_outages_per_block": (0, 20),
    "adapter_outages_per_block": (0, 20),
    "market_crises_per_year": (0, 6),
    "issuer_crisis_log_spread": (0.0, 5.0),
    "market_crisis_log_spread": (0.0, 5.0),
}


@dataclass(frozen=True, slots=True)
class MarketConfig:
    """One simulated market; equal values give equal markets, byte for byte.

    Parameters
    ----------
    seed
        Root of every random stream; 0 and above.
    bonds, issuers
        Bonds alive on any session (a matured bond is replaced by a new issue of the same issuer) and their issuers;
        ``1 <= issuers <= bonds``. :meth:`sized` keeps their proportion for other sizes.
    dealers
        Market makers, 1-64.
    crypto_coins, crypto_perps
        Coins with a spot pair, 0-10, and how many of the first of them also have a perpetual.
    trade_probability_frac
        Mean chance that a bond trades on a session, fraction 0-1. Not in the recorded day, which lists traded bonds
        only; most bonds do not trade.
    extra_trade_frac
        Chance of each further trade after the first, fraction: 1 + geometric trades, mean 1 / (1 - extra).
    size_log_sd, size_max_ccy
        Trade value is log-normal with this standard deviation (natural log), median by rating, cut at the maximum
        (INR) and at half the amount outstanding.
    base_rate_frac, rate_daily_sd_bps
        Short rate at the start (fraction a year) and standard deviation of its daily change (bps).
    credit_daily_log_sd, credit_persistence
        Daily shock (log) and persistence of the factor that multiplies all credit spreads.
    stress_persistence, stress_log_sd
        Daily persistence and stationary standard deviation (log spread) of market-wide liquidity.
    yield_spread_bps
        What a lone dealer asks between bid and ask of the best names, bps of yield; in price it is this times the modified duration.
    dealer_online_frac
        Share of the session an undisturbed dealer quotes, fraction.
    auction_cover_median, auction_cover_log_sd, tap_probability_frac
        Bid over offered amount (ratio) and its log standard deviation; weekly chance that an issuer taps.
    trading_weekday_frac, spread_weekday_frac
        Planted weekday effects Monday..Friday: factors on the chance to trade and on spreads, 1 is no effect.
    traffic_weekday_frac
        Traffic Monday..Sunday over the mean day, 1 is no effect.
    traffic_yearly_amplitude_frac, utilities_yearly_amplitude_frac
        First yearly harmonic over the mean, highest in early July, fraction.
    crypto_daily_sd_frac, crypto_vol_log_sd, crypto_vol_persistence, crypto_pair_correlation, crypto_weekend_frac
        Daily log-return deviation of the largest coin, log deviation and daily persistence of its volatility,
        correlation of coin returns, weekend turnover over weekday turnover.
    issuer_crises_per_block, dealer_outages_per_block, adapter_outages_per_block, market_crises_per_year
        Planted events: per block of 60 calendar days counted from the start, and per block of 360.
    issuer_crisis_log_spread, market_crisis_log_spread
        Peak widening, natural log of the spread factor (1.4 is four times).

    Raises
    ------
    ConfigError
        A value is outside its range, there are more issuers than bonds or more perpetuals than coins.

    Examples
    --------
    >>> MarketConfig().bonds, MarketConfig.sized(100_000).issuers
    (200, 30000)
    """

    seed: int = 7
    bonds: int = 200
    issuers: int = 60
    dealers: int = 12
    crypto_coins: int = 10
    crypto_perps: int = 3
    trade_probability_frac: float = 0.25
    extra_trade_frac: float = 0.273
    size_log_sd: float = 3.2
    size_max_ccy: float = 5e9
    base_rate_frac: float = 0.064
    rate_daily_sd_bps: float = 3.0
    credit_daily_log_sd: float = 0.019
    credit_persistence: float = 0.9985
    stress_persistence: float = 0.97
    stress_log_sd: float = 0.12
    yield_spread_bps: float = 13.0
    dealer_online_frac: float = 0.90
    auction_cover_median: float = 2.31
    auction_cover_log_sd: float = 0.14
    tap_probability_frac: float = 0.25
    trading_weekday_frac: tuple[float, float, float, float, float] = (0.85, 1.04, 1.12, 1.06, 0.93)
    spread_weekday_frac: tuple[float, float, float, float, float] = (1.05, 0.99, 0.96, 0.98, 1.02)
    traffic_weekday_frac: tuple[float, float, float, float, float, float, float] = (
        0.993, 1.069, 1.087, 1.115, 1.123, 0.867, 0.746,
    )  # fmt: skip
    traffic_yearly_amplitude_frac: float = 0.035
    utilities_yearly_amplitude_frac: float = 0.035
    crypto_daily_sd_frac: float = 0.036
    crypto_vol_log_sd: float = 0.40
    crypto_vol_persistence: float = 0.95
    crypto_pair_correlation: float = 0.65
    crypto_weekend_frac: float = 0.70
    issuer_crises_per_block: int = 2
    dealer_outages_per_block: int = 1
    adapter_outages_per_block: int = 1
    market_crises_per_year: int = 1
    issuer_crisis_log_spread: float = 1.4
    market_crisis_log_spread: float = 0.8

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        for name, (lowest, highest) in _BOUNDS.items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise ConfigError(f"simulated market: {name} is {value!r}; allowed: {lowest:g} to {highest:g}")
        for name in ("trading_weekday_frac", "spread_weekday_frac", "traffic_weekday_frac"):
            effects = getattr(self, name)
            days = 7 if name == "traffic_weekday_frac" else 5
            if len(effects) != days or not all(0.0 < effect < 10.0 for effect in effects):
                raise ConfigError(f"simulated market: {name} is {effects!r}; allowed: {days} factors in (0, 10)")
        if self.issuers > self.bonds:
            raise ConfigError(
                f"simulated market: {self.issuers} issuers for {self.bonds} bonds; at most one issuer a bond"
            )
        if self.crypto_perps > self.crypto_coins:
            raise ConfigError(
                f"simulated market: {self.crypto_perps} perpetuals for {self.crypto_coins} coins; at most one a coin"
            )

    def trading_effect(self, day: date) -> float:
        """Give the planted factor of the day's weekday on the chance to trade; 1 for a session on a weekend."""
        return self.trading_weekday_frac[day.weekday()] if day.weekday() < 5 else 1.0

    def spread_effect(self, day: date) -> float:
        """Give the planted factor of the day's weekday on spreads; 1 for a session on a weekend."""
        return self.spread_weekday_frac[day.weekday()] if day.weekday() < 5 else 1.0

    @classmethod
    def sized(cls, bonds: int, seed: int = 7) -> "MarketConfig":
        """Make the default market with another number of bonds: issuers and their crises keep their proportion."""
        issuers = max(1, round(bonds * 0.3))
        return cls(seed=seed, bonds=bonds, issuers=issuers, issuer_crises_per_block=max(2, issuers // 30))
