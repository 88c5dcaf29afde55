"""Daily measures of liquidity, one file each, found by themselves.

``MEASURES`` is the registry, :func:`measure_sessions` applies it to the daily panel. To add a measure copy a file and
change its name and formula; nothing else needs to know. Each file also holds the formula for one instrument as a plain
function (``from liquidity.measures.amihud import amihud``), the judge of the vectorised form. Measures that need single
trades are in ``trades/``, those that need signed flow in ``impact/``. Read next: ``_registry.py``.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import pandas as pd

from liquidity.measures._registry import INPUTS, Measure, discover
from liquidity.measures._sessions import apply_measures

__all__ = ["INPUTS", "MEASURES", "Measure", "measure_sessions"]

MEASURES: Final[tuple[Measure, ...]] = discover(__name__, __path__)
"""Every registered measure, sorted by name."""


def measure_sessions(panel: pd.DataFrame, sessions: Sequence[date]) -> pd.DataFrame:
    """Every registered measure of every instrument, as of each session.

    Parameters
    ----------
    panel
        Rows of ``signal_panel`` in any order: the sessions asked for and the 90 calendar days before them. Needs the
        columns session_date, instrument_id, calendar and those the measures ask for (``INPUTS`` without return_frac).
    sessions
        Days to measure; those without rows in the panel, or on which the instrument's market is closed, give none.

    Returns
    -------
    pd.DataFrame
        Columns of ``liquidity_measures``, sorted by its key. One row for each instrument with a panel row on the
        session and each measure of which it has any input in the window; ``value`` is null with a ``reason`` when it
        cannot be measured.

    Raises
    ------
    ContractError
        A column is missing, a key is null, or an instrument has two rows on one day.

    Notes
    -----
    The value of session t reads rows of (t - 90 days, t] only and nothing of other instruments. Windows hold the
    sessions of the instrument's trading calendar, so that "consecutive" means consecutive openings of its market: a day
    on which an open market has no row of the instrument is a missing observation, a closed day is none at all.
    """
    return apply_measures(MEASURES, panel, sessions)
