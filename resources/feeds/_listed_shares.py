"""What feeds of US shares have in common: calendar, currency, identifiers ``XNYS:<symbol>``."""

from typing import Final

import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS
from resources.feeds._recording import alive_days, contract_rows

__all__ = ["CALENDAR", "TAPE_VENUES", "share_instruments"]

CALENDAR: Final = "XNYS"

TAPE_VENUES: Final = ("us_equities_daily", "lean_bars", "us_equity_minutes", "us_equity_ticks", "us_universe_volume")
"""Venue labels that all show the one consolidated US tape: turnover is counted from the first of them only."""


def share_instruments(ids: pd.Series, days: pd.Series, source: str) -> pd.DataFrame:
    """Instruments of every session on which each share was alive.

    Parameters
    ----------
    ids, days
        Every bar (identifier, session).
    """
    alive = alive_days(ids, days, CALENDAR)
    return contract_rows(
        INSTRUMENTS,
        {
            "session_date": alive["session_date"],
            "instrument_id": alive["instrument_id"],
            "asset_class": "equity",
            "currency": "USD",
            "calendar": CALENDAR,
            "source": source,
        },
    )
