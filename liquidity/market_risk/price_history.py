"""Prices of many instruments side by side, and the returns that a portfolio's scenarios are made of.

Read next: ``scenarios.py``, which fills what an instrument never saw.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.columns import day_numbers
from liquidity.domain.errors import InsufficientDataError

__all__ = ["NEVER_CLOSED", "PriceHistory", "ReturnPanel", "price_history", "returns_on_grid"]

NEVER_CLOSED: Final = "24/7"
"""Calendar of markets that never close."""

_SPLIT_CLASSES: Final = ("equity", "fund")
_SPLIT_RATIOS: Final = np.array([2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 1.5])
_SPLIT_TOLERANCE: Final = 0.01
_LONGEST_STEP_DAYS: Final = 7  # New York was shut from 10 to 17 September 2001; longer is a gap in the recording


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """Prices (D, N) by day and instrument, NaN where none was observed that day.

    Attributes
    ----------
    days
        (D,) datetime64[D], ascending.
    instrument_id, asset_class, calendar
        (N,) object arrays, sorted by identifier.
    price_kind
        (N,) ``close`` (adjusted last trade) or ``mid`` (of bid and ask): the one that was observed on more days.
    prices
        (D, N), above 0.
    """

    days: NDArray[np.datetime64]
    instrument_id: NDArray[np.object_]
    asset_class: NDArray[np.object_]
    calendar: NDArray[np.object_]
    price_kind: NDArray[np.object_]
    prices: NDArray[np.float64]

    def places(self, ids: NDArray[np.object_] | list[str]) -> NDArray[np.int64]:
        """Column of each identifier; -1 unknown."""
        column = {name: place for place, name in enumerate(self.instrument_id)}
        return np.array([column.get(name, -1) for name in ids], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class ReturnPanel:
    """Simple returns (S, N) between consecutive days of one grid; NaN where a price of the two is missing.

    Attributes
    ----------
    days
        (S,) last day of each return.
    returns
        (S, N) fractions above -1.
    suspected_splits
        (N,) returns set to missing because they look like a split that the price was not adjusted for.
    """

    days: NDArray[np.datetime64]
    returns: NDArray[np.float64]
    suspected_splits: NDArray[np.int64]


def price_history(panel: pd.DataFrame, quotes: pd.DataFrame | None = None) -> PriceHistory:
    """Put prices side by side.

    Parameters
    ----------
    panel
        Rows of SIGNAL_PANEL: ``session_date, instrument_id, asset_class, calendar, close`` (adjusted for splits).
    quotes
        Rows of MICROSTRUCTURE: ``session_date, instrument_id, bid, ask``; over several venues the median mid counts. A
        yield is not a price and must not stand here.

    Raises
    ------
    InsufficientDataError
        No row.
    """
    if panel.empty:
        raise InsufficientDataError("price history: no row of the signal panel; materialise it for the days before")
    about = panel.drop_duplicates("instrument_id", keep="last").sort_values("instrument_id")
    ids = about["instrument_id"].to_numpy(dtype=object)
    column = {name: place for place, name in enumerate(ids)}
    numbers, rows = np.unique(day_numbers(panel["session_date"]), return_inverse=True)
    closes = np.full((numbers.size, ids.size), np.nan)
    closes[rows, panel["instrument_id"].map(column).to_numpy(dtype=np.int64)] = panel["close"].to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    closes[~(closes > 0.0)] = np.nan
    kind = np.full(ids.size, "close", dtype=object)
    if quotes is not None and len(quotes):
        mids = _mids(quotes, numbers, column)
        better = np.isfinite(mids).sum(axis=0) > np.isfinite(closes).sum(axis=0)
        closes[:, better], kind[better] = mids[:, better], "mid"
    return PriceHistory(
        days=numbers.astype("datetime64[D]"),
        instrument_id=ids,
        asset_class=about["asset_class"].to_numpy(dtype=object),
        calendar=about["calendar"].to_numpy(dtype=object),
        price_kind=kind,
        prices=closes,
    )


def returns_on_grid(history: PriceHistory, held: NDArray[np.int64]) -> ReturnPanel:
    """Returns of all instruments between the sessions of the held ones.

    The grid holds the days on which at least half of the held instruments whose history spans the day have a price; markets
    that never close count only where nothing else is held. So a coin beside a bond moves from Friday to Monday as the bond
    does, and one scenario is one step of the portfolio. A price that is missing at either end leaves the return missing, and
    so does a step of more than seven days: the move over a halt, or over a gap in a recording, is no move of one session.

    Parameters
    ----------
    held
        Columns of the instruments that set the grid; at least one.
    """
    if not held.size:
        raise InsufficientDataError("returns: no held instrument has prices")
    closing = held[history.calendar[held] != NEVER_CLOSED]
    setting = closing if closing.size else held
    seen = np.isfinite(history.prices[:, setting])
    begun = np.maximum.accumulate(seen, axis=0)
    spans = begun & np.maximum.accumulate(seen[::-1], axis=0)[::-1]
    grid = np.flatnonzero(seen.any(axis=1) & (2 * seen.sum(axis=1) >= spans.sum(axis=1)))
    prices = history.prices[grid]
    if len(grid) < 2:
        return ReturnPanel(
            history.days[grid[1:]], np.empty((0, prices.shape[1])), np.zeros(prices.shape[1], dtype=np.int64)
        )
    ratio = prices[1:] / prices[:-1]
    jump = np.maximum(ratio, 1.0 / ratio)
    split = np.zeros(ratio.shape, dtype=bool)
    adjusted = np.isin(history.asset_class.astype(str), _SPLIT_CLASSES)
    large = (jump > 1.45) & adjusted
    split[large] = (np.abs(jump[large][:, None] / _SPLIT_RATIOS - 1.0) < _SPLIT_TOLERANCE).any(axis=1)
    ratio[split] = np.nan
    ratio[np.diff(history.days[grid]) > np.timedelta64(_LONGEST_STEP_DAYS, "D")] = np.nan
    return ReturnPanel(history.days[grid[1:]], ratio - 1.0, split.sum(axis=0).astype(np.int64))


def _mids(quotes: pd.DataFrame, numbers: NDArray[np.int64], column: dict[str, int]) -> NDArray[np.float64]:
    mids = np.full((numbers.size, len(column)), np.nan)
    mid = 0.5 * (quotes["bid"].to_numpy(dtype=np.float64, na_value=np.nan) + quotes["ask"].to_numpy(dtype=np.float64, na_value=np.nan))  # fmt: skip
    day = day_numbers(quotes["session_date"])
    place = quotes["instrument_id"].map(column).to_numpy(dtype=np.float64, na_value=np.nan)
    good = np.isfinite(mid) & np.isfinite(place) & np.isin(day, numbers)
    medians = pd.Series(mid[good]).groupby([np.searchsorted(numbers, day[good]), place[good].astype(np.int64)]).median()
    if len(medians):
        rows, columns = (medians.index.get_level_values(level).to_numpy() for level in (0, 1))
        mids[rows, columns] = medians.to_numpy()
    return mids
