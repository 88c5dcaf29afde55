"""Price histories under one ticker that belong to several companies: keep the newest, set the rest aside."""

from typing import Final

import numpy as np
import pandas as pd

from resources.feeds._recording import refuse

__all__ = ["GAP_SESSIONS", "JUMP_RATIO", "newest_history"]

GAP_SESSIONS: Final = 60
"""A listed share is not silent for a quarter; a longer hole is a delisting and a new listing."""

JUMP_RATIO: Final = 10.0
"""Adjusted closes of neighbouring sessions never differ tenfold in one company."""


def newest_history(bars: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the newest unbroken history of each symbol.

    Parameters
    ----------
    bars
        ``session_date`` (sessions of the calendar), ``symbol``, ``close``, ``adj_factor``; any order.

    Returns
    -------
    tuple
        The kept bars, sorted by symbol and session, and the others set aside as ``ticker_reused``. A history breaks
        after a hole of more than :data:`GAP_SESSIONS` sessions, or where the adjusted close changes more than
        :data:`JUMP_RATIO` times in either direction.
    """
    rows = bars.sort_values(["symbol", "session_date"], ignore_index=True)
    same = (rows["symbol"] == rows["symbol"].shift()).to_numpy()
    days = rows["session_date"].to_numpy().astype("datetime64[D]")
    gap_sessions = np.zeros(len(rows))
    gap_sessions[1:] = np.busday_count(days[:-1], np.where(same[1:], days[1:], days[:-1])) - 1
    adjusted = (rows["close"] * rows["adj_factor"]).to_numpy(dtype="float64")
    jump = np.zeros(len(rows))
    with np.errstate(divide="ignore", invalid="ignore"):
        jump[1:] = np.abs(np.log(adjusted[1:] / adjusted[:-1]))
    breaks = same & ((gap_sessions > GAP_SESSIONS) | (jump > np.log(JUMP_RATIO)))
    history = pd.Series(breaks).groupby(rows["symbol"]).cumsum()
    old = history < history.groupby(rows["symbol"]).transform("max")
    aside = refuse("microstructure", "ticker_reused", rows[old], "symbol", "session_date", "close")
    return rows[~old].reset_index(drop=True), aside
