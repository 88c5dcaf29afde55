"""The table contract: what a parquet table promises, said once.

From one ``TableContract`` come the Arrow schema, the fast checks, the Great Expectations suite, the asset's key and
description, the data dictionary page and the quarantine reasons. Read next: ``validation.py`` (the fast checks).
"""

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from liquidity.domain.errors import ConfigError

__all__ = ["Column", "Dtype", "RowRule", "TableContract"]

Dtype = Literal["string", "float64", "int64", "bool", "timestamp", "date"]

_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, unit, range, null rule and meaning.

    Parameters
    ----------
    unit
        Unit of the value (``bps``, ``frac 0-1``, ``points 0-100``, ``instrument currency``, ``1``, ``UTC``).
    nullable
        Whether a missing value is allowed. NaN and infinity never are: missing is null.
    minimum, maximum
        Inclusive bounds in ``unit``; ``None`` is unbounded.
    minimum_excluded
        The lower bound itself is refused (prices are above 0).
    allowed
        The only values a string may take.
    pattern
        Regular expression a string must match whole; ASCII only.
    """

    name: str
    dtype: Dtype
    unit: str
    meaning: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    minimum_excluded: bool = False
    allowed: tuple[str, ...] = ()
    pattern: str | None = None

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type stored in parquet; timestamps are microseconds in UTC."""
        return _ARROW[self.dtype]


@dataclass(frozen=True, slots=True)
class RowRule:
    """``left op right`` between two columns of one row; a null on either side passes.

    ``code`` is the quarantine reason, for example ``crossed_quote``.
    """

    code: str
    left: str
    op: Literal["<=", "<"]
    right: str


@dataclass(frozen=True, slots=True)
class TableContract:
    """A daily table: name, key, columns, row rules and the meaning of a row.

    Parameters
    ----------
    location
        The code location that owns the table; first part of its asset key.
    key
        Columns that identify a row; rows are stored sorted by them.
    on_bad_row
        ``"quarantine"`` sets bad rows aside with a reason and keeps the rest (tables fed from outside);
        ``"block"`` refuses the whole table (tables that we compute: a bad row is our own fault).
    max_quarantine_frac
        Above this share of bad rows (fraction 0-1) the whole table is refused: the source itself is broken.
    min_refused_rows
        Fewer bad rows than this do not refuse a table whatever their share, unless no good row is left: one bad row
        of five is a bad row, not a broken source.
    """

    name: str
    location: Literal["pulse", "risk", "exec"]
    group: str
    row_means: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[RowRule, ...] = ()
    on_bad_row: Literal["quarantine", "block"] = "block"
    max_quarantine_frac: float = 0.10
    min_refused_rows: int = 3
    version: int = 1
    _by_name: dict[str, Column] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a contract that contradicts itself."""
        self._by_name.update({column.name: column for column in self.columns})
        if len(self._by_name) != len(self.columns):
            raise ConfigError(f"contract {self.name}: a column name occurs twice")
        for name in self.key:
            if name not in self._by_name or self._by_name[name].nullable:
                raise ConfigError(f"contract {self.name}: key column {name!r} is missing or nullable")
        for rule in self.rules:
            if rule.left not in self._by_name or rule.right not in self._by_name:
                raise ConfigError(f"contract {self.name}: rule {rule.code} names an unknown column")

    @property
    def asset_path(self) -> tuple[str, str]:
        """Asset key parts, for example ``("pulse", "liquidity_index")``."""
        return (self.location, self.name)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in stored order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column called ``name``; raises :class:`ConfigError` when there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise ConfigError(f"contract {self.name} has no column {name!r}; it has {list(self._by_name)}") from None

    @property
    def arrow_schema(self) -> pa.Schema:
        """The exact schema of the stored file, with contract name and version in its metadata."""
        fields = [
            pa.field(column.name, column.arrow_type, nullable=column.nullable, metadata={"unit": column.unit})
            for column in self.columns
        ]
        return pa.schema(fields, metadata={"contract": self.name, "contract_version": str(self.version)})
