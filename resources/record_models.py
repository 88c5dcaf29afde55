"""Pydantic models of table rows, made from the contracts, for whatever leaves or enters a process row by row.

Unknown fields are refused, ranges, patterns and allowed values are those of the contract, a missing value is null.
"""

from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, create_model

from liquidity.contracts import Column, TableContract

__all__ = ["record_model"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=False)


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() != UTC.utcoffset(None):
        raise ValueError(f"{moment.isoformat()} is not in UTC; give the time in UTC")
    return moment


def _type(column: Column) -> Any:
    match column.dtype:
        case "string" if column.allowed:
            return Literal[column.allowed]
        case "string":
            return str
        case "float64":
            return float
        case "int64":
            return int
        case "bool":
            return bool
        case "date":
            return date
        case "timestamp":
            return Annotated[AwareDatetime, AfterValidator(_utc)]


def _field(column: Column) -> Any:
    limits: dict[str, Any] = {"description": f"{column.meaning} Unit: {column.unit}."}
    if column.minimum is not None:
        limits["gt" if column.minimum_excluded else "ge"] = column.minimum
    if column.maximum is not None:
        limits["le"] = column.maximum
    if column.pattern is not None and not column.allowed:
        limits["pattern"] = column.pattern
    if column.nullable:
        return (_type(column) | None, Field(default=None, **limits))
    return (_type(column), Field(**limits))


@cache
def _model(contract_name: str) -> type[BaseModel]:
    from liquidity.contracts import ALL_CONTRACTS

    contract = next(each for each in ALL_CONTRACTS if each.name == contract_name)
    fields = {column.name: _field(column) for column in contract.columns}
    return create_model(contract.name, __base__=_Record, __doc__=contract.row_means, **fields)


def record_model(contract: TableContract) -> type[BaseModel]:
    """Frozen model of one row of ``contract``.

    Examples
    --------
    >>> from liquidity.contracts import SENTIMENT
    >>> sorted(record_model(SENTIMENT).model_fields)[:3]
    ['age_market_s', 'buzz_volume', 'instrument_id']
    """
    return _model(contract.name)
