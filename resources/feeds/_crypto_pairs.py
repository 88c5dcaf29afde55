"""What feeds of crypto pairs have in common: identifiers, quote currency, what a unit of volume is worth."""

from typing import Final

import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS
from resources.feeds._recording import alive_days, contract_rows

__all__ = ["CALENDAR", "INVERSE_CONTRACT_USD", "pair_instruments", "quote_currency"]

CALENDAR: Final = "24/7"

INVERSE_CONTRACT_USD: Final = {("binance", "perp", "BTCUSD"): 100.0, ("bybit", "perp", "BTCUSD"): 1.0}
"""Inverse perpetuals count volume and sizes in contracts of this many USD; everything else counts base coins."""

_QUOTES: Final = ("FDUSD", "BUSD", "USDT", "USDC", "USD", "EUR")


def quote_currency(symbols: pd.Series) -> pd.Series:
    """Currency a pair is quoted in, read from the end of its symbol; null when none is known.

    Examples
    --------
    >>> quote_currency(pd.Series(["BTCUSDT", "LTCUSD", "BTCBUSD"])).tolist()
    ['USDT', 'USD', 'BUSD']
    """
    return symbols.astype("str").str.extract(rf"({'|'.join(_QUOTES)})$")[0]


def pair_instruments(pairs: pd.DataFrame, source: str) -> pd.DataFrame:
    """Instruments of every day on which each pair was alive.

    Parameters
    ----------
    pairs
        Every bar: ``session_date``, ``instrument_id``, ``asset_class``, ``currency``.
    """
    alive = alive_days(pairs["instrument_id"], pairs["session_date"], CALENDAR)
    facts = pairs.drop_duplicates("instrument_id").set_index("instrument_id")
    return contract_rows(
        INSTRUMENTS,
        {
            "session_date": alive["session_date"],
            "instrument_id": alive["instrument_id"],
            "asset_class": alive["instrument_id"].map(facts["asset_class"]),
            "currency": alive["instrument_id"].map(facts["currency"]),
            "calendar": CALENDAR,
            "source": source,
        },
    )
