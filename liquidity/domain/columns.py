"""Columns of a table as arrays: days as numbers, texts as codes. No Python object is made per row."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:  # no frame is made here
    import pandas as pd

__all__ = ["NO_DAY", "coded", "day_numbers", "text_column"]

NO_DAY: Final = int(np.iinfo(np.int64).min)
"""Day number of a missing date."""


def day_numbers(column: Any) -> NDArray[np.int64]:
    """Days since 1970-01-01 of a column of dates: ``datetime.date``, datetime64 of any unit, or Arrow dates.

    A missing date gives :data:`NO_DAY`.
    """
    dtype = getattr(column, "dtype", None)
    if getattr(dtype, "kind", "") == "M":
        return np.asarray(column, dtype="datetime64[D]").astype(np.int64)
    dates = pa.array(column, type=pa.date32(), from_pandas=True)
    if isinstance(dates, pa.ChunkedArray):
        dates = dates.combine_chunks()
    numbers = dates.cast(pa.int32()).to_numpy(zero_copy_only=False)
    if dates.null_count:
        return np.where(np.isnan(numbers), NO_DAY, np.nan_to_num(numbers)).astype(np.int64)
    return np.asarray(numbers, dtype=np.int64)


def coded(column: Any) -> tuple[NDArray[np.int64], Any]:
    """Integer codes of a text column and its distinct values, ascending, as an Arrow array; -1 is null.

    Strings stay in Arrow: no Python object is made per row.
    """
    text = pa.array(column, from_pandas=True)
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    encoded = text if pa.types.is_dictionary(text.type) else text.dictionary_encode()
    values = encoded.dictionary.cast(pa.large_string())
    order = pc.sort_indices(values).to_numpy()
    rank = np.empty(order.size + 1, dtype=np.int64)
    rank[order] = np.arange(order.size)
    rank[-1] = -1  # null
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return rank[codes], values.take(pa.array(order))


def text_column(values: Any, codes: NDArray[np.integer[Any]]) -> "pd.Series[str]":
    """Text column ``values[codes]`` (null for code -1), Arrow-backed."""
    indices = pa.array(codes, mask=codes < 0)
    taken: pd.Series[str] = values.cast(pa.large_string()).take(indices).to_pandas()
    return taken.astype("str")
