"""Simulated arrays as DataFrames of the signal tables: contract columns and types."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts import ALT_SIGNALS, AUCTION_MM, INSTRUMENTS, MACRO_SERIES, MICROSTRUCTURE, SENTIMENT
from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ContractError

__all__ = ["MISSING_TIME", "SIMULATED_CONTRACTS", "contract_frame", "fed_columns"]

SIMULATED_CONTRACTS: Final = {
    contract.name: contract
    for contract in (INSTRUMENTS, MICROSTRUCTURE, ALT_SIGNALS, AUCTION_MM, SENTIMENT, MACRO_SERIES)
}
"""Tables that the simulator writes."""
MISSING_TIME: Final = np.iinfo(np.int64).min
"""Missing time or day as an integer; numpy reads it as NaT."""
_GIVEN_LATER: Final = frozenset({"age_market_s", "quality_frac", "quality_rules"})


def fed_columns(contract: TableContract) -> tuple[str, ...]:
    """Columns a feed delivers: those of the contract without the ones that the adapters add (age and quality)."""
    return tuple(name for name in contract.column_names if name not in _GIVEN_LATER)


def contract_frame(contract: TableContract, columns: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """Arrays as a frame with the contract's fed columns and types; rows stay in the order given.

    Parameters
    ----------
    columns
        One array for each of :func:`fed_columns`, all of shape (rows,): strings as objects (None is missing), numbers
        as floats (NaN is missing) or integers, times as microseconds since 1970 UTC, days as days since 1970
        (:data:`MISSING_TIME` is missing).

    Raises
    ------
    ContractError
        A column is missing or not in the contract.
    """
    wanted = fed_columns(contract)
    if set(columns) != set(wanted):
        raise ContractError(
            f"simulated {contract.name}: columns differ from the contract: {sorted(set(columns) ^ set(wanted))}"
        )
    return pd.DataFrame(
        {name: _typed(columns[name], contract.column(name).dtype, contract.column(name).nullable) for name in wanted}
    )


def _typed(values: NDArray[Any], dtype: str, nullable: bool) -> Any:
    if dtype == "string":
        return pd.array(values.astype(object), dtype="str")
    if dtype == "timestamp":
        return pd.DatetimeIndex(values.astype(np.int64).view("datetime64[us]")).tz_localize("UTC")
    if dtype == "date":
        return _dates(values.astype(np.int64))
    if dtype == "int64" and nullable:
        return pd.array(values, dtype="Int64")
    return values.astype(np.float64 if dtype == "float64" else np.int64)


def _dates(day_numbers: NDArray[np.int64]) -> pd.Series:
    """Day numbers as datetime.date objects (None is missing), each distinct day made once."""
    distinct, place = np.unique(day_numbers, return_inverse=True)
    return pd.Series(distinct.view("datetime64[D]").astype(object)[place], dtype=object)
