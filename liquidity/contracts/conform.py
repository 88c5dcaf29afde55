"""Bring a frame or a table to a contract's exact Arrow schema, or refuse it.

Only casts that lose nothing are made: narrower integers, dictionary and large strings, other timestamp units, other
time zones. What would need a guess (naive timestamps, text for numbers, another unit) is a :class:`ContractError`.
Read next: ``validation.py``, which judges the rows.
"""

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from liquidity.contracts.table import Column, TableContract
from liquidity.domain.errors import ContractError

if TYPE_CHECKING:  # the execution location loads contracts without pandas
    import pandas as pd

__all__ = ["conform", "empty_table", "frame_from_table", "table_from_frame"]

_DICTIONARY_PAGE = "see docs/data_dictionary.md"


def conform(table: pa.Table, contract: TableContract) -> pa.Table:
    """Give the same rows exactly the columns, order and types of ``contract``.

    Parameters
    ----------
    table
        Columns in any order. A field may carry ``unit`` metadata and the schema ``contract`` metadata; both must then
        agree with the contract.

    Returns
    -------
    pa.Table
        ``contract.arrow_schema``; row order unchanged; nulls not yet judged. One chunk per column, except that texts
        of which only the nulls are judged stay in their chunks: joining long documents would double their memory.

    Raises
    ------
    ContractError
        Missing, extra or repeated columns; a type that no exact cast reaches, naive timestamps included; a unit or
        contract version other than the contract's.

    Examples
    --------
    >>> from liquidity.contracts.table import Column, TableContract
    >>> toy = TableContract("toy", "pulse", "signals", "One row.", ("n",), (Column("n", "int64", "1", "Count."),))
    >>> conform(pa.table({"n": pa.array([1, 2], pa.int8())}), toy).schema.field("n").type
    DataType(int64)
    """
    _require_columns(table.column_names, contract)
    _require_version(table.schema, contract)
    arrays = []
    for column in contract.columns:
        field = table.schema.field(column.name)
        unit = (field.metadata or {}).get(b"unit")
        if unit is not None and unit.decode("utf-8", "replace") != column.unit:
            raise ContractError(
                f"{contract.name}.{column.name}: unit {unit.decode('utf-8', 'replace')!r} in the file, {column.unit!r} in the contract; "
                f"convert the values at the source; {_DICTIONARY_PAGE}"
            )
        arrays.append(_exact(_one_chunk(table.column(column.name), column, contract), column, contract))
    return pa.Table.from_arrays(arrays, schema=contract.arrow_schema)


def table_from_frame(frame: "pd.DataFrame", contract: TableContract) -> pa.Table:
    """Turn a pandas frame into an Arrow table: NaN and NaT become null, the index is dropped.

    pandas holds whole numbers with gaps as float64 and days as midnights; both are taken back where exact.

    Raises
    ------
    ContractError
        Columns differ from the contract's, or a column mixes types.
    """
    names = [str(name) for name in frame.columns]
    _require_columns(names, contract)
    arrays = []
    for column in contract.columns:
        try:
            array = _one_chunk(pa.array(frame[column.name], from_pandas=True), column, contract)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise ContractError(
                f"{contract.name}.{column.name}: values of mixed or unknown type, allowed {column.dtype}: {str(error)[:200]}; {_DICTIONARY_PAGE}"
            ) from error
        if pa.types.is_floating(array.type):
            array = _nan_to_null(array)
            if column.dtype == "int64":
                array = _cast(array, pa.int64(), column, contract)
        arrays.append(_exact(array, column, contract))
    return pa.Table.from_arrays(arrays, schema=contract.arrow_schema)


def frame_from_table(table: pa.Table) -> "pd.DataFrame":
    """Turn a contract table into a pandas frame: ``str`` texts, UTC timestamps, days as naive midnights, null as NaN.

    The inverse of :func:`table_from_frame` for every table whose floats hold no NaN.
    """
    frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas(date_as_object=False)
    return frame


def empty_table(contract: TableContract) -> pa.Table:
    """Make a table of ``contract`` without rows."""
    table: pa.Table = contract.arrow_schema.empty_table()
    return table


def _require_columns(names: list[str], contract: TableContract) -> None:
    allowed = set(contract.column_names)
    missing = [name for name in contract.column_names if name not in names]
    extra = sorted(set(names) - allowed)
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) != len(names) else []
    parts = [
        f"{label} columns {[name[:60] for name in found[:20]]}"
        for label, found in (("missing", missing), ("unknown", extra), ("repeated", repeated))
        if found
    ]
    if parts:
        raise ContractError(
            f"{contract.name}: {'; '.join(parts)}; the contract has {len(contract.columns)} columns; {_DICTIONARY_PAGE}"
        )


def _require_version(schema: pa.Schema, contract: TableContract) -> None:
    metadata = schema.metadata or {}
    name = metadata.get(b"contract")
    version = metadata.get(b"contract_version")
    if name is not None and name.decode("utf-8", "replace") == contract.name and version is not None:
        found = version.decode("utf-8", "replace")
        if found != str(contract.version):
            raise ContractError(
                f"{contract.name}: written under contract version {found}, this code has version {contract.version}; rematerialise the table"
            )


def _one_chunk(
    values: pa.Array | pa.ChunkedArray, column: Column, contract: TableContract
) -> pa.Array | pa.ChunkedArray:
    """Join the chunks of a column, unless it holds free text."""
    if not isinstance(values, pa.ChunkedArray):
        return values
    if values.num_chunks == 1:
        return values.chunk(0)
    judged = column.dtype != "string" or column.allowed or column.pattern or column.name in contract.key
    return values.combine_chunks() if judged or not len(values) else values


def _nan_to_null(array: pa.Array) -> pa.Array:
    nan = pc.is_nan(array)
    return pc.if_else(nan, pa.scalar(None, array.type), array) if pc.any(nan).as_py() else array


def _exact(array: pa.Array | pa.ChunkedArray, column: Column, contract: TableContract) -> pa.Array:
    """``array`` as the column's type when no value changes by it."""
    target = column.arrow_type
    found = array.type
    if found == target:
        return array
    if pa.types.is_dictionary(found):
        return _exact(array.cast(found.value_type), column, contract)
    if pa.types.is_null(found):
        return pa.nulls(len(array), target)
    if column.dtype == "timestamp" and pa.types.is_timestamp(found):
        if found.tz is None:
            raise ContractError(
                f"{contract.name}.{column.name}: timestamps without a time zone; allowed UTC-aware timestamps; "
                f"say at the source which zone they are in; {_DICTIONARY_PAGE}"
            )
        return _cast(array, target, column, contract)
    if column.dtype == "date" and pa.types.is_timestamp(found) and found.tz is None:
        days = array.cast(target, safe=False)
        if not pc.all(pc.equal(days.cast(found), array), min_count=0).as_py():  # all null is exact too
            raise ContractError(
                f"{contract.name}.{column.name}: timestamps within a day where days are allowed; cut them to the UTC day; {_DICTIONARY_PAGE}"
            )
        return days
    if _is_exact_family(found, column):
        return _cast(array, target, column, contract)
    raise ContractError(
        f"{contract.name}.{column.name}: type {found}, allowed {target}{'' if column.unit == '1' else f' ({column.unit})'}; {_DICTIONARY_PAGE}"
    )


def _is_exact_family(found: pa.DataType, column: Column) -> bool:
    if column.dtype == "string":
        return bool(pa.types.is_large_string(found) or pa.types.is_string_view(found))
    if column.dtype == "int64":
        return bool(pa.types.is_integer(found))
    if column.dtype == "float64":
        return bool(pa.types.is_floating(found) or pa.types.is_integer(found))
    return column.dtype == "date" and bool(pa.types.is_date(found))


def _cast(array: pa.Array, target: pa.DataType, column: Column, contract: TableContract) -> pa.Array:
    try:
        return array.cast(target)
    except pa.ArrowInvalid as error:
        raise ContractError(
            f"{contract.name}.{column.name}: {array.type} does not fit {target} exactly: {str(error)[:160]}; {_DICTIONARY_PAGE}"
        ) from error
