"""Rounding an order to its venue's steps and checking its least size, before anything is sent. Pure.

Amounts turn from base units into the venue's here and nowhere else on the way out (:func:`contract_base`). Read next:
``_order_dialect.py``.
"""

from decimal import Decimal

from liquidity.domain.errors import ConfigError, UnsupportedError
from liquidity.domain.market_data import Market
from liquidity.domain.order import OrderIntent, Sign, floor_to_step, passive_price
from resources.venues._order_dialect import PricedOrder, plain
from resources.venues.profile import Orders

__all__ = ["contract_base", "priced_order"]


def contract_base(market: Market) -> Decimal:
    """Base units in one unit of a linear market's amounts, exact."""
    return Decimal(f"{market.contract_size:.15g}")


def priced_order(intent: OrderIntent, market: Market, rules: Orders) -> PricedOrder:
    """Put an intent into the venue's figures.

    The amount is floored to the lot, the limit price rounded to the passive side, and a trigger away from the market, so
    that it never fires before the price it was given. Where market orders are bounded, the worst price is
    ``reference * (1 + side * market_slippage_frac)`` (of a stop: around its trigger), rounded to the passive side.

    Raises
    ------
    UnsupportedError
        The venue has no such terms, or the market is not linear.
    ConfigError
        The amount or the notional is below the venue's least after rounding. The notional of a reduce-only order is
        the venue's to judge: each lets small remainders be closed by a rule of its own.
    """
    offered = rules.conditional_terms if intent.conditional else rules.terms
    if not offered or (intent.limit_price is not None and intent.terms not in offered):
        raise UnsupportedError(
            f"{market.instrument_id}: {intent.order_type} orders are {', '.join(offered) or 'not offered'} here, "
            f"not {intent.terms}"
        )
    if market.kind != "linear":
        raise UnsupportedError(f"{market.instrument_id}: orders are sent for linear contracts only, not {market.kind}")
    sign, tick, digits = intent.side_sign, market.tick_size, rules.significant_digits
    size = contract_base(market)
    amount = floor_to_step(intent.amount / size, market.lot_size)
    limit = None if intent.limit_price is None else passive_price(intent.limit_price, sign, tick, digits)
    away: Sign = -1 if sign > 0 else 1
    trigger = None if intent.trigger_price is None else passive_price(intent.trigger_price, away, tick, digits)
    around = trigger or limit or intent.valuation_price
    worst = None
    if limit is None and rules.market_slippage_frac is not None:
        worst = passive_price(around * (1 + sign * rules.market_slippage_frac), sign, tick, digits)
    least = max(market.lot_size, Decimal(str(market.min_amount or 0)))
    if amount < least:
        raise ConfigError(
            f"{market.instrument_id}: amount {intent.amount} is {plain(amount)} after rounding down to the lot "
            f"{plain(market.lot_size)}; allowed from {plain(least)}"
        )
    if limit is not None and limit <= 0:
        raise ConfigError(f"{market.instrument_id}: price {intent.limit_price} rounds to 0 at tick {plain(tick)}")
    notional = amount * size * (limit or around)
    if not intent.reduce_only and market.min_notional is not None and notional < Decimal(str(market.min_notional)):
        raise ConfigError(
            f"{market.instrument_id}: notional {plain(notional)} {market.quote}, allowed from {market.min_notional}"
        )
    return PricedOrder(
        intent, plain(amount), *(None if price is None else plain(price) for price in (limit, trigger, worst))
    )
