"""Measures of corporate bonds that need single trades (price and size of each), which the daily panel does not carry.

They are called directly by whoever holds trades; being no daily measures they are not in the registry. Clean the trades
first: without cancelled and corrected ones, agency duplicates, and retail sizes where an institutional cost is meant.
"""

from liquidity.measures.trades.bond_amihud import bond_amihud
from liquidity.measures.trades.dfl_lambda import dfl_lambda
from liquidity.measures.trades.irc import ImputedRoundTrip, irc
from liquidity.measures.trades.price_dispersion import PriceDispersion, price_dispersion

__all__ = ["ImputedRoundTrip", "PriceDispersion", "bond_amihud", "dfl_lambda", "irc", "price_dispersion"]
