"""Rows that keep a contract, made from nothing but the contract: templates for suppliers, ground for tests.

The values mean nothing; they only lie inside every range, list, pattern and row rule.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from liquidity.contracts.table import Column, TableContract
from liquidity.domain.errors import ConfigError

__all__ = ["example_table"]

_TEXTS = ("DEMO:NAME", "DEMO", "demo", "0123456789abcdef", "0123456789abcdef" * 4, "2026", "")


def example_table(
    contract: TableContract, session_date: date, rows: int, rng: np.random.Generator, null_frac: float = 0.1
) -> pa.Table:
    """Make up to ``rows`` rows of one day that keep ``contract``, sorted by key.

    Parameters
    ----------
    rows
        Rows wanted; fewer come where the key has fewer values (an allowed list).
    null_frac
        Share (0-1) of nulls in each nullable column.

    Returns
    -------
    pa.Table
        ``contract.arrow_schema``.

    Examples
    --------
    >>> from liquidity.contracts.signals import SENTIMENT
    >>> table = example_table(SENTIMENT, date(2026, 3, 19), 5, np.random.default_rng(0))
    >>> table.num_rows, table.column("instrument_id")[0].as_py()
    (5, 'DEMO:NAME0000000')
    """
    free = [name for name in contract.key if name != "session_date"]
    room = 1
    for name in free:
        column = contract.column(name)
        room *= len(column.allowed) if column.allowed else rows
    count = min(rows, room) if free else min(rows, 1)
    levels = _levels(contract)
    arrays = []
    number = np.arange(count)
    stride = 1
    for column in contract.columns:
        if column.name == "session_date":
            values: list[Any] = [session_date] * count
        elif column.name in free:
            size = len(column.allowed) or count or 1
            values = _key_values(column, (number // stride) % size)
            stride *= size
        else:
            # session_date itself is given: other dates stand before or after it as the rules demand.
            level = levels.get(column.name, 0) - (levels.get("session_date", 0) if column.dtype == "date" else 0)
            values = _values(column, level, session_date, count, rng)
            if column.nullable:
                values = [
                    None if gone else value for gone, value in zip(rng.random(count) < null_frac, values, strict=True)
                ]
        arrays.append(pa.array(values, column.arrow_type))
    table = pa.Table.from_arrays(arrays, schema=contract.arrow_schema)
    return table.sort_by([(name, "ascending") for name in contract.key])


def _levels(contract: TableContract) -> dict[str, int]:
    """Rank the columns: the left side of each row rule below its right side."""
    levels: dict[str, int] = {}
    for _ in range(len(contract.rules) + 1):
        for rule in contract.rules:
            low = levels.setdefault(rule.left, 0)
            levels[rule.right] = max(levels.get(rule.right, 0), low + 1)
    return levels


def _key_values(column: Column, numbers: "np.typing.NDArray[np.int64]") -> list[Any]:
    if column.allowed:
        return [column.allowed[number] for number in numbers]
    if column.dtype == "string":
        if column.pattern is not None and not re.search(r"0-9", column.pattern):  # letters only
            return [
                _text(column, "AAAAAAA") + "".join(chr(65 + int(digit)) for digit in f"{number:07d}")
                for number in numbers
            ]
        text = _text(column, "0000000")
        return [f"{text}{number:07d}" for number in numbers]
    if column.dtype == "int64":
        return [int(column.minimum or 0) + int(number) for number in numbers]
    if column.dtype == "timestamp":
        return [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=int(number)) for number in numbers]
    raise ConfigError(f"example of column {column.name}: no example values for keys of type {column.dtype}")


def _values(column: Column, level: int, session_date: date, count: int, rng: np.random.Generator) -> list[Any]:
    if column.dtype == "string":
        if column.allowed:
            return [column.allowed[place] for place in rng.integers(len(column.allowed), size=count)]
        return [_text(column, "")] * count
    if column.dtype == "bool":
        return [bool(value) for value in rng.random(count) < 0.5]
    if column.dtype == "date":
        return [session_date + timedelta(days=10 * level + int(days)) for days in rng.integers(9, size=count)]
    if column.dtype == "timestamp":
        start = datetime.combine(session_date, time(8), UTC) + timedelta(hours=level)
        return [start + timedelta(seconds=int(seconds)) for seconds in rng.integers(3000, size=count)]
    low = 1.0 if column.minimum is None else column.minimum
    high = low + 1000.0 if column.maximum is None else column.maximum
    share = 0.1 + 0.1 * level + 0.05 * rng.random(count)
    spread = low + (high - low) * share
    return [int(value) if column.dtype == "int64" else float(value) for value in spread]


def _text(column: Column, ending: str) -> str:
    for text in _TEXTS:
        if column.pattern is None or re.fullmatch(column.pattern, text + ending):
            return text
    raise ConfigError(
        f"example of column {column.name}: no example text matches {column.pattern}; add one to the examples"
    )
