"""Quote bars of a day: how wide the closing quotes stood, weighted by how long."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

__all__ = ["HOLD_MINUTES", "quote_days"]

HOLD_MINUTES: Final = 5.0
"""A minute's closing quote stands until the next one, this long at most: a longer hole is an outage."""


def quote_days(quotes: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """Last quote, mean spread by the minutes each stood, and what was seen, by ``key``.

    Parameters
    ----------
    quotes
        One-minute bars, ascending within ``key``: ``ts`` and ``ends`` (start and end of the minute), ``bid``, ``ask``
        (closing, both above 0, not crossed).

    Returns
    -------
    pd.DataFrame
        Indexed by ``key``: ``bid, ask``, ``spread_bps`` (of mid), ``last_quote``, ``quote_minutes``.
    """
    rows = quotes.assign(spread=2e4 * (quotes["ask"] - quotes["bid"]) / (quotes["ask"] + quotes["bid"]))
    until = rows.groupby(list(key))["ts"].shift(-1)
    stood = ((until - rows["ts"]).dt.total_seconds() / 60).fillna(1.0).clip(upper=HOLD_MINUTES)
    rows["stood"], rows["weighted"] = stood, stood * rows["spread"]
    days = rows.groupby(list(key)).agg(
        bid=("bid", "last"), ask=("ask", "last"), stood=("stood", "sum"), weighted=("weighted", "sum"),
        last_quote=("ends", "last"), quote_minutes=("ts", "size"),
    )  # fmt: skip
    return days.assign(spread_bps=days["weighted"] / days["stood"]).drop(columns=["weighted", "stood"])
