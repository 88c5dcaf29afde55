"""Size of one position from what may be lost on it: fixed fractional and Kelly, below leverage and liquidity caps.

Risk here is the money lost at the stop. Without a stop only a notional rule is left, and it says so. Read next:
``adaptive_sizing.py`` (size from volatility, with every cap itemised), ``kelly.py``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.domain.observation import observed_number, or_none
from liquidity.portfolio.kelly import kelly_binary

__all__ = [
    "HALF_KELLY",
    "HALVED_BELOW_POINTS",
    "OptimalPositionSize",
    "PositionSize",
    "VenueEquity",
    "optimal_position_size",
    "position_size",
    "total_equity",
]

HALVED_BELOW_POINTS: Final = 40.0
"""Liquidity score below which a size is halved; the bound itself is not."""
HALF_KELLY: Final = 0.5


@dataclass(frozen=True, slots=True)
class PositionSize:
    """``qty`` in units, the smallest limit that set it, and the money lost when the stop is reached."""

    qty: float | None
    binding: Literal["risk", "kelly", "leverage", "liquidity"] | None
    risk_amount: float | None


def position_size(
    equity: float | None,
    risk_fraction: float | None,
    entry: float | None,
    stop: float | None,
    kelly_fraction: float | None,
    max_leverage: float | None,
    adv_qty: float | None,
    max_adv_pct: float | None,
    liquidity_score: float | None,
) -> PositionSize:
    """Fixed-fractional quantity below Kelly, leverage and liquidity caps, then halved for an illiquid name.

    min(equity risk / d, equity kelly / d, equity leverage / entry, ADV share), d = |entry - stop|; half of it below a
    liquidity score of 40.

    Parameters
    ----------
    equity
        Account value, same currency as the prices; 0 or below gives a quantity of 0.
    risk_fraction
        Share of equity that may be lost at the stop, 0-1.
    entry, stop
        Prices above 0.
    kelly_fraction
        Share of equity that Kelly puts at risk, 0 or more; ``None`` leaves that cap out.
    max_leverage
        Largest notional over equity.
    adv_qty, max_adv_pct
        Average daily volume in units, and the share of it (a fraction 0-1) that may be held.
    liquidity_score
        Points 0-100, 100 most liquid.

    Returns
    -------
    PositionSize
        All ``None`` when an input other than ``kelly_fraction`` is missing: an unknown limit is not an absent one. Of equal
        limits the first in the order above binds.

    Raises
    ------
    ConfigError
        When the stop equals the entry, a price is not above 0, or another input is negative.

    References
    ----------
    Vince (1990), Portfolio Management Formulas, fixed fractional trading.

    Examples
    --------
    >>> position_size(1e6, 0.01, 50.0, 48.0, 0.1, 3.0, 20_000.0, 0.15, 30.0)
    PositionSize(qty=1500.0, binding='liquidity', risk_amount=3000.0)
    """
    numbers = {
        "equity": equity,
        "risk_fraction": risk_fraction,
        "entry": entry,
        "stop": stop,
        "max_leverage": max_leverage,
        "adv_qty": adv_qty,
        "max_adv_pct": max_adv_pct,
        "liquidity_score": liquidity_score,
    }
    value = {name: observed_number(number) for name, number in numbers.items()}
    for name in ("entry", "stop"):
        if value[name] <= 0.0:
            raise ConfigError(f"position_size: {name} is {value[name]}, allowed above 0 price units")
    for name in ("risk_fraction", "max_leverage", "adv_qty", "max_adv_pct"):
        if value[name] < 0.0:
            raise ConfigError(f"position_size: {name} is {value[name]}, allowed 0 or more")
    kelly = observed_number(kelly_fraction)
    if kelly < 0.0:
        raise ConfigError(
            f"position_size: kelly_fraction is {kelly}, allowed 0 or more; a negative edge is no position"
        )
    distance = abs(value["entry"] - value["stop"])
    if distance == 0.0:
        raise ConfigError(f"position_size: stop equals entry ({value['entry']}); the loss at the stop would be 0")
    if any(math.isnan(number) for number in value.values()):
        return PositionSize(None, None, None)
    worth = max(value["equity"], 0.0)
    limits: dict[Literal["risk", "kelly", "leverage", "liquidity"], float] = {
        "risk": worth * value["risk_fraction"] / distance
    }
    if not math.isnan(kelly):
        limits["kelly"] = worth * kelly / distance
    limits["leverage"] = worth * value["max_leverage"] / value["entry"]
    limits["liquidity"] = value["adv_qty"] * value["max_adv_pct"]
    binding = min(limits, key=lambda name: limits[name])
    quantity = limits[binding] * (0.5 if value["liquidity_score"] < HALVED_BELOW_POINTS else 1.0)
    return PositionSize(quantity, binding, or_none(quantity * distance))


@dataclass(frozen=True, slots=True)
class OptimalPositionSize:
    """The twelve fields of the sizing result, and three that say what they mean.

    Attributes
    ----------
    position_size_usd, quantity
        Notional and units of the fixed-fractional rule.
    kelly_position_size_usd, kelly_quantity
        Money of half Kelly, ``total_equity * safe_kelly``, and its units: the money is what the stop may lose, or without
        a stop the notional.
    kelly_fraction, safe_kelly
        Full Kelly fraction, 0 without an edge, and half of it.
    risk_amount
        Money lost at the stop by ``quantity``; ``None`` without a stop.
    binding
        ``risk`` or ``kelly``: which of the two quantities is smaller.
    rule
        ``stop_distance``, or ``notional`` when no stop was given: the share of equity is then the position itself.
    """

    symbol: str
    position_size_usd: float
    kelly_position_size_usd: float
    quantity: float
    kelly_quantity: float
    current_price: float
    kelly_fraction: float
    safe_kelly: float
    total_equity: float
    risk_per_trade: float
    win_rate: float
    reward_risk_ratio: float
    risk_amount: float | None
    binding: Literal["risk", "kelly"]
    rule: Literal["stop_distance", "notional"]


def optimal_position_size(
    symbol: str,
    current_price: float | None,
    total_equity: float | None,
    *,
    risk_per_trade: float = 0.01,
    win_rate: float = 0.5,
    reward_risk_ratio: float = 2.0,
    stop_price: float | None = None,
) -> OptimalPositionSize:
    """Fixed-fractional and half-Kelly size of one trade, before liquidity caps.

    Parameters
    ----------
    current_price, stop_price
        USD per unit, above 0.
    total_equity
        USD over all venues (:func:`total_equity`).
    risk_per_trade
        Share of equity lost at the stop; without a stop the share put into the position.
    win_rate, reward_risk_ratio
        Odds for :func:`~liquidity.portfolio.kelly.kelly_binary`.

    Raises
    ------
    InsufficientDataError
        When price or equity is missing.
    ConfigError
        When a price is not above 0, the stop equals the price, equity is negative or the odds are outside their range.
    """
    price, equity = observed_number(current_price), observed_number(total_equity)
    if math.isnan(price) or math.isnan(equity):
        missing = "price" if math.isnan(price) else "equity"
        raise InsufficientDataError(
            f"size of {symbol}: {missing} is missing; wait for a quote or balance, then ask again"
        )
    if price <= 0.0 or equity < 0.0 or not 0.0 <= risk_per_trade <= 1.0:
        raise ConfigError(
            f"size of {symbol}: price {price} (above 0 USD), equity {equity} (0 or more USD), risk_per_trade "
            f"{risk_per_trade} (0 to 1)"
        )
    odds = kelly_binary(win_rate, reward_risk_ratio, HALF_KELLY)
    if odds.full is None or odds.fraction is None:
        raise InsufficientDataError(
            f"size of {symbol}: win rate {win_rate} or reward to risk {reward_risk_ratio} missing"
        )
    if stop_price is None:
        per_unit = price
    else:
        per_unit = abs(price - observed_number(stop_price))
        if not stop_price > 0.0 or not per_unit > 0.0:
            raise ConfigError(
                f"size of {symbol}: stop {stop_price} at price {price}; needs a price above 0 that differs"
            )
    quantity, kelly_money = equity * risk_per_trade / per_unit, equity * odds.fraction
    kelly_quantity = kelly_money / per_unit
    return OptimalPositionSize(
        symbol=symbol,
        position_size_usd=quantity * price,
        kelly_position_size_usd=kelly_money,
        quantity=quantity,
        kelly_quantity=kelly_quantity,
        current_price=price,
        kelly_fraction=max(odds.full, 0.0),
        safe_kelly=odds.fraction,
        total_equity=equity,
        risk_per_trade=risk_per_trade,
        win_rate=win_rate,
        reward_risk_ratio=reward_risk_ratio,
        risk_amount=None if stop_price is None else quantity * per_unit,
        binding="risk" if quantity <= kelly_quantity else "kelly",
        rule="notional" if stop_price is None else "stop_distance",
    )


@dataclass(frozen=True, slots=True)
class VenueEquity:
    """Equity of one account at one venue, in that account's currency; may be negative."""

    venue: str
    currency: str
    equity: float | None


def total_equity(accounts: Sequence[VenueEquity], rates: Mapping[str, float | None], base_currency: str) -> float:
    """Sum of equity over venues and currencies, each converted first.

    Parameters
    ----------
    rates
        Base currency per unit of each other currency.

    Raises
    ------
    InsufficientDataError
        When an equity or a needed rate is missing, or a rate is not above 0: the sum would be silently wrong.

    Examples
    --------
    >>> accounts = [VenueEquity("binance", "USDT", 100.0), VenueEquity("kraken", "EUR", 50.0)]
    >>> total_equity(accounts, {"USDT": 1.0, "EUR": 1.2}, "USD")
    160.0
    """
    total = 0.0
    for account in accounts:
        amount = observed_number(account.equity)
        rate = 1.0 if account.currency == base_currency else observed_number(rates.get(account.currency))
        if math.isnan(amount) or not rate > 0.0:
            what = "equity" if math.isnan(amount) else f"rate to {base_currency}"
            raise InsufficientDataError(
                f"total equity: {what} of {account.venue} in {account.currency} is missing; provide it, currencies are "
                "never added unconverted"
            )
        total += amount * rate
    return total
