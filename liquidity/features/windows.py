"""The panel seen as matrices: instruments down, days across, so that windows are slices.

A :class:`PanelCube` keeps one int32 per (instrument, day): the row of the panel, or -1. A signal becomes a float64
matrix only for the block of instruments being worked on, so memory does not grow with the number of signals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from liquidity.domain.columns import NO_DAY, coded, day_numbers
from liquidity.domain.errors import ContractError

__all__ = ["BLOCK_CELLS", "PanelCube", "float_column", "panel_cube"]

BLOCK_CELLS: Final = 524_288
"""Cells (instruments times days) worked on at once: one float64 matrix of 4 MB."""


def float_column(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """One numeric column as float64, null as NaN."""
    try:
        column = frame[name]
    except KeyError:
        raise ContractError(f"panel: column {name!r} is missing; found {list(frame.columns)}") from None
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


@dataclass(frozen=True, slots=True)
class PanelCube:
    """Rows of a panel by instrument and day.

    Parameters
    ----------
    instruments
        Distinct instruments, ascending (Arrow strings), length I.
    days
        Distinct days since 1970-01-01, ascending, length T.
    cell
        int32, shape (I, T): row of the frame, -1 where the instrument has no row that day.
    frame
        The panel itself.
    """

    instruments: Any
    days: NDArray[np.int64]
    cell: NDArray[np.int32]
    frame: pd.DataFrame

    def between(self, after_day: int, last_day: int) -> "PanelCube":
        """Cut to the days (after_day, last_day], same instruments."""
        first, stop = np.searchsorted(self.days, [after_day, last_day], side="right")
        return PanelCube(self.instruments, self.days[first:stop], self.cell[:, first:stop], self.frame)

    def of_rows_on(self, day: int) -> "PanelCube":
        """Only the instruments that have a row on ``day``."""
        at = int(np.searchsorted(self.days, day))
        present = (
            self.cell[:, at] >= 0 if at < self.days.size and self.days[at] == day else np.zeros(len(self.cell), bool)
        )
        if present.all():
            return self
        kept = np.flatnonzero(present)
        return PanelCube(self.instruments.take(pa.array(kept)), self.days, self.cell[kept], self.frame)

    def blocks(self) -> Iterator[slice]:
        """Slices of instruments of about :data:`BLOCK_CELLS` cells each."""
        instruments = max(BLOCK_CELLS // max(self.days.size, 1), 1)
        for first in range(0, len(self.cell), instruments):
            yield slice(first, min(first + instruments, len(self.cell)))

    def take(self, column: NDArray[np.float64], block: slice) -> NDArray[np.float64]:
        """Matrix (block, T) of a frame column given as float64; NaN without a row."""
        cell = self.cell[block]
        return np.where(cell >= 0, column[cell], np.nan)


def panel_cube(panel: pd.DataFrame, first: date | None = None, last: date | None = None) -> PanelCube:
    """Arrange the rows of a panel by instrument and day.

    Parameters
    ----------
    panel
        ``session_date`` and ``instrument_id``, any row order, unique together. ``instrument_id`` may be categorical.
    first, last
        Keep only the days [first, last].

    Raises
    ------
    ContractError
        An instrument has two rows on one day, or a key is null.
    """
    if panel.empty:
        return PanelCube(pa.array([], pa.large_string()), np.zeros(0, np.int64), np.zeros((0, 0), np.int32), panel)
    all_days = day_numbers(panel["session_date"])
    codes, instruments = coded(panel["instrument_id"])
    if codes.min() < 0 or all_days.min() == NO_DAY:
        raise ContractError(
            "panel: session_date and instrument_id must not be null; check the table against its contract"
        )
    rows = np.arange(len(panel), dtype=np.int32)
    low = all_days.min() if first is None else np.datetime64(first, "D").astype(np.int64)
    high = all_days.max() if last is None else np.datetime64(last, "D").astype(np.int64)
    if low > all_days.min() or high < all_days.max():
        kept = (all_days >= low) & (all_days <= high)
        rows, codes, all_days = rows[kept], codes[kept], all_days[kept]
    seen = np.bincount(all_days - low, minlength=1) > 0 if all_days.size else np.zeros(1, bool)
    days = np.flatnonzero(seen) + low
    used = np.zeros(len(instruments), dtype=bool)
    used[codes] = True
    if not used.all():
        codes = (np.cumsum(used) - 1)[codes]
        instruments = instruments.take(pa.array(np.flatnonzero(used)))
    cell = np.full((len(instruments), days.size), -1, dtype=np.int32)
    across = (np.cumsum(seen) - 1)[all_days - low] if all_days.size else all_days
    cell[codes, across] = rows
    if np.count_nonzero(cell >= 0) != rows.size:
        raise ContractError(
            f"panel: {rows.size - np.count_nonzero(cell >= 0)} row(s) repeat an instrument and day; "
            "the key is (session_date, instrument_id)"
        )
    return PanelCube(instruments, days.astype(np.int64), cell, panel)
