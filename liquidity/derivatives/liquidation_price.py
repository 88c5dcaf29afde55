"""Price at which a venue closes a position by force.

The venues' own formulas (:func:`binance_liq`, :func:`hyperliquid_liq`, :func:`inverse_liq`) take the bracket as given;
:func:`isolated_liquidation` finds the bracket that belongs to the notional *at* that price. ``side`` is +1 long, -1
short. A position that no price can liquidate has no price: null, never 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from liquidity.derivatives.margin_tiers import checked_tiers
from liquidity.domain.errors import ConfigError
from liquidity.domain.market_data import LeverageTier, MarketKind
from liquidity.domain.observation import observed_number, or_none

__all__ = ["LiquidationPrice", "binance_liq", "hyperliquid_liq", "inverse_liq", "isolated_liquidation"]

_BRACKET_GUARD: Final = 1e-9  # relative, of a bracket's edge: the price of a notional on it carries rounding


@dataclass(frozen=True, slots=True)
class LiquidationPrice:
    """Quote currency; null when the position cannot be liquidated or an input is missing."""

    price: float | None


def binance_liq(
    side: int,
    wallet: float | None,
    tmm_other: float | None,
    upnl_other: float | None,
    cum: float | None,
    qty: float | None,
    entry: float | None,
    mmr: float | None,
) -> LiquidationPrice:
    """Liquidation price of a Binance USD-M position in one-way mode, unrounded.

    LP = (WB - TMM1 + UPNL1 + cum - side Q EP) / (Q MMR - side Q).

    Parameters
    ----------
    side
        +1 long, -1 short.
    wallet
        Wallet balance (isolated: the position's own), quote currency.
    tmm_other, upnl_other
        Maintenance margin and unrealised profit of all *other* positions; 0 if isolated.
    cum, mmr
        Maintenance amount and rate of the bracket.
    qty, entry
        Size in base units, above 0, and entry price.

    Returns
    -------
    LiquidationPrice
        Null at 0 or below.

    Raises
    ------
    ConfigError
        ``side`` is neither +1 nor -1.

    Examples
    --------
    >>> binance_liq(1, 1535443.01, 71200.81144, -56354.57, 135365.0, 3683.979, 1456.84, 0.1).price.__round__(2)
    1153.26
    """
    sign = _checked_side(side, "binance_liq")
    balance, margin, profit, amount, size, price, rate = map(
        observed_number, (wallet, tmm_other, upnl_other, cum, qty, entry, mmr)
    )
    slope = size * rate - sign * size
    if not size > 0.0 or slope == 0.0:
        return LiquidationPrice(None)
    return _positive((balance - margin + profit + amount - sign * size * price) / slope)


def hyperliquid_liq(
    side: int, price: float | None, size: float | None, isolated_margin: float | None, max_leverage: float | None
) -> LiquidationPrice:
    """Liquidation price of an isolated Hyperliquid position.

    l = 1 / (2 max_leverage) is the maintenance rate; margin available = isolated margin - notional l;
    LP = price - side available / size / (1 - l side).

    Parameters
    ----------
    price
        Entry or mark price at which ``isolated_margin`` is told (with its profit included).
    size
        Base units, above 0.
    max_leverage
        Of the position's tier, from the venue.

    Returns
    -------
    LiquidationPrice
        Null at 0 or below.

    Examples
    --------
    >>> round(hyperliquid_liq(1, 145.83, 0.33, 24.045107, 20).price, 3)
    74.837
    """
    sign = _checked_side(side, "hyperliquid_liq")
    at, qty, margin, leverage = map(observed_number, (price, size, isolated_margin, max_leverage))
    if not (qty > 0.0 and leverage > 0.0):
        return LiquidationPrice(None)
    rate = 1.0 / (2.0 * leverage)
    if rate * sign == 1.0:
        return LiquidationPrice(None)
    available = margin - at * qty * rate
    return _positive(at - sign * available / qty / (1.0 - rate * sign))


def inverse_liq(
    side: int,
    wallet_base: float | None,
    contracts: float | None,
    contract_size: float | None,
    entry: float | None,
    mmr: float | None,
    cum_base: float | None = 0.0,
) -> LiquidationPrice:
    """Liquidation price of an isolated inverse contract, margined in the base coin.

    A contract is worth C of quote currency, so N of them gain side N C (1/entry - 1/P) base units. Wallet plus gain
    equals maintenance N C mmr / P - cum at P = N C (mmr + side) / (wallet + cum + side N C / entry).

    Parameters
    ----------
    wallet_base, cum_base
        Base coin.
    contracts, contract_size
        Number of contracts, above 0, and quote currency in one.

    Returns
    -------
    LiquidationPrice
        Null when no price liquidates: a short whose coins cover the whole contract value (leverage 1 or less).

    Examples
    --------
    >>> round(inverse_liq(1, 0.1, 500, 100.0, 50_000.0, 0.005).price, 2)
    45681.82
    >>> inverse_liq(-1, 1.0, 500, 100.0, 50_000.0, 0.005).price is None
    True
    """
    sign = _checked_side(side, "inverse_liq")
    wallet, count, face, price, rate, amount = map(
        observed_number, (wallet_base, contracts, contract_size, entry, mmr, cum_base)
    )
    worth = count * face
    if not (worth > 0.0 and price > 0.0):
        return LiquidationPrice(None)
    coins = wallet + amount + sign * worth / price
    # Both numerator and denominator are positive for a long, negative for a short that can be liquidated.
    return _positive(worth * (rate + sign) / coins) if coins * sign > 0.0 else LiquidationPrice(None)


def isolated_liquidation(
    side: int,
    qty: float,
    entry: float,
    leverage: float,
    tiers: Sequence[LeverageTier],
    *,
    kind: MarketKind = "linear",
    contract_size: float = 1.0,
) -> LiquidationPrice:
    """Liquidation price of an isolated position that was opened with ``leverage``, in the bracket that fits.

    The bracket is the one that holds the notional at the liquidation price. Equity falls faster than maintenance
    moves along the price, so at most one bracket fits; all are tried.

    Parameters
    ----------
    qty
        Amount units of the market, above 0: base units where ``contract_size`` is 1, else contracts.
    leverage
        Initial notional over initial margin, above 0.
    tiers
        Brackets in quote currency (linear) or base coin (inverse).

    Returns
    -------
    LiquidationPrice
        Null when no price above 0 liquidates within the brackets. A position whose initial margin is below the
        maintenance of its bracket (which venues refuse) has its price on the winning side of the entry.

    Raises
    ------
    ConfigError
        A side, size, price or leverage that is none, or a spot market.
    ContractError
        Brackets that do not join.

    Examples
    --------
    >>> tiers = [LeverageTier(0.0, 50_000.0, 0.004, 125.0), LeverageTier(50_000.0, 250_000.0, 0.005, 100.0)]
    >>> round(isolated_liquidation(1, 1.0, 60_000.0, 10.0, tiers).price, 2)
    54221.11
    """
    sign = _checked_side(side, "isolated_liquidation")
    numbers = {"qty": qty, "entry": entry, "leverage": leverage, "contract_size": contract_size}
    wrong = {name: value for name, value in numbers.items() if not 0.0 < value < math.inf}
    if wrong or kind == "spot":
        raise ConfigError(
            f"isolated_liquidation: {wrong or kind}; sizes, price and leverage must be above 0, and spot has no margin"
        )
    amount = qty * contract_size
    for tier, cum in checked_tiers(tiers):
        if kind == "inverse":
            found = inverse_liq(
                sign, amount / entry / leverage, qty, contract_size, entry, tier.maintenance_frac, cum
            ).price
            notional = math.nan if found is None else amount / found
        else:
            found = binance_liq(
                sign, amount * entry / leverage, 0.0, 0.0, cum, amount, entry, tier.maintenance_frac
            ).price
            notional = math.nan if found is None else amount * found
        if tier.floor_quote * (1.0 - _BRACKET_GUARD) <= notional <= tier.cap_quote * (1.0 + _BRACKET_GUARD):
            return LiquidationPrice(found)
    return LiquidationPrice(None)


def _checked_side(side: int, who: str) -> int:
    if side not in (1, -1):
        raise ConfigError(f"{who}.side: found {side!r}, allowed +1 (long) or -1 (short)")
    return int(side)


def _positive(price: float) -> LiquidationPrice:
    return LiquidationPrice(or_none(price) if price > 0.0 else None)
