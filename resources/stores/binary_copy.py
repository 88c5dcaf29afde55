"""Columns of numbers and texts as PostgreSQL's binary COPY stream, made by numpy without a loop over rows.

The format (PostgreSQL manual, "COPY", "Binary Format"): a signature, then each row as the number of its fields and, for
each, its length and bytes in network order; length -1 is NULL. An array value is its number of dimensions, a flag, the
type of its elements, then length and lower bound of the dimension, then each element with its length. Times are
microseconds since 2000-01-01 UTC.

Neighbouring columns whose bytes are equally long in every row are laid out as one numpy record and written at once; only
columns of varying length (texts, arrays, some nulls) are placed by index.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Column, DateTime, Float, Integer, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from liquidity.domain.errors import ContractError

__all__ = ["HEADER", "Batch", "CopyStream", "Ragged"]

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
_EPOCH_US: Final = 946_684_800_000_000
_INT8_OID: Final = 20
_CHUNK_ROWS: Final = 65_536
_INTEGER_BYTES: Final[dict[type, int]] = {SmallInteger: 2, Integer: 4, BigInteger: 8}
_ARRAY_HEAD: Final = np.dtype(
    [("dimensions", ">i4"), ("nulls", ">i4"), ("oid", ">i4"), ("count", ">i4"), ("low", ">i4")]
)
_ARRAY_ELEMENT: Final = np.dtype([("length", ">i4"), ("value", ">i8")])
_EMPTY_ARRAY_BYTES: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Arrays of differing length, one for each row, end to end.

    Attributes
    ----------
    values
        int64, all elements.
    counts
        int64 (n,), elements of each row.
    """

    values: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        """Rows."""
        return len(self.counts)


Batch = Mapping[str, "NDArray[Any] | Ragged"]
"""Column name to its values, all of one length. Times are datetime64 (ns or us); NaN and NaT are NULL, and so are the
values a column's ``info["null"]`` names and empty texts."""


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """One column ready to be laid out: ``widths`` are the bytes of its value in each row, -1 for NULL."""

    widths: NDArray[np.int64]
    fixed: NDArray[Any] | None = None  # big-endian, equally wide values
    texts: NDArray[np.uint8] | None = None  # (n, widest)
    ragged: Ragged | None = None

    def part(self, rows: slice, elements: NDArray[np.int64] | None) -> "_Field":
        """Rows of it; ``elements`` are the offsets of each row's first element."""
        ragged = None
        if self.ragged is not None and elements is not None:
            counts = self.ragged.counts[rows]
            ragged = Ragged(self.ragged.values[elements[rows.start] : elements[rows.stop]], counts)
        return _Field(
            self.widths[rows],
            None if self.fixed is None else self.fixed[rows],
            None if self.texts is None else self.texts[rows],
            ragged,
        )


def _rows_of(table: Table, batch: Batch) -> int:
    """Rows of the batch, after a look at its columns.

    Raises
    ------
    ContractError
        A column is missing, unknown or of another length.
    """
    wanted = [column.name for column in table.columns]
    absent, unknown = sorted(set(wanted) - set(batch)), sorted(set(batch) - set(wanted))
    if absent or unknown:
        raise ContractError(f"{table.name}: columns missing {absent}, unknown {unknown}; give {', '.join(wanted)}")
    lengths = {name: len(values) for name, values in batch.items()}
    if len(set(lengths.values())) > 1:
        raise ContractError(f"{table.name}: columns of differing length {lengths}; give one value for each row")
    return next(iter(lengths.values()))


class CopyStream:
    """The batch as a file to read: the whole COPY stream, packed a piece at a time.

    Every value is checked when the stream is made, so that nothing of a bad batch is sent. ``table`` and ``rows`` say
    what it is; it can be read once.

    Raises
    ------
    ContractError
        A wrong type, a NULL or infinite value where none is allowed, a number beyond its column's range; with the
        column, how many rows, and the first of them.
    """

    def __init__(self, table: Table, batch: Batch, chunk_rows: int = _CHUNK_ROWS) -> None:
        self.table = table
        self.rows = _rows_of(table, batch)
        self._fields = [_field(table, column, batch[column.name]) for column in table.columns]
        self._elements = [
            None if field.ragged is None else np.concatenate(([0], np.cumsum(field.ragged.counts)))
            for field in self._fields
        ]
        self._pieces = self._make(chunk_rows)
        self._rest = memoryview(b"")

    def _make(self, chunk_rows: int) -> Iterator[bytes | memoryview]:
        yield HEADER
        for first in range(0, self.rows, chunk_rows):
            rows = slice(first, min(first + chunk_rows, self.rows))
            yield _pack([field.part(rows, at) for field, at in zip(self._fields, self._elements, strict=True)]).data
        yield TRAILER

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most ``size``; none at the end."""
        if size < 0:
            return bytes(self._rest) + b"".join(bytes(piece) for piece in self._pieces)
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)


def _pack(fields: list[_Field]) -> NDArray[np.uint8]:
    rows = len(fields[0].widths)
    even = [bool((field.widths == field.widths[0]).all()) and field.ragged is None for field in fields]
    if all(even):
        return _record(fields, leading_count=len(fields)).view(np.uint8)
    row_bytes = 2 + sum(4 + np.maximum(field.widths, 0) for field in fields)
    ends = np.cumsum(row_bytes)
    out = np.empty(int(ends[-1]), dtype=np.uint8)
    place = ends - row_bytes
    out[place] = len(fields) >> 8
    out[place + 1] = len(fields) & 0xFF
    place = place + 2
    for together, group in groupby(zip(even, fields, strict=True), key=lambda pair: pair[0]):
        members = [field for _, field in group]
        if together:
            record = _record(members)
            _scatter(out, place, record.view(np.uint8).reshape(rows, record.dtype.itemsize))
            place = place + record.dtype.itemsize
            continue
        for field in members:
            _scatter(out, place, field.widths.astype(">i4").view(np.uint8).reshape(rows, 4))
            _place_varying(out, place + 4, field)
            place = place + 4 + np.maximum(field.widths, 0)
    return out


def _record(fields: list[_Field], leading_count: int | None = None) -> NDArray[Any]:
    """Lay out fields that are equally long in every row: length, value, length, value..."""
    layout: list[tuple[str, Any]] = [] if leading_count is None else [("count", ">i2")]
    for place, field in enumerate(fields):
        width = int(field.widths[0])
        layout.append((f"w{place}", ">i4"))
        if width >= 0:
            layout.append((f"v{place}", field.fixed.dtype if field.fixed is not None else (np.uint8, (width,))))
    out = np.empty(len(fields[0].widths), dtype=layout)
    if leading_count is not None:
        out["count"] = leading_count
    for place, field in enumerate(fields):
        width = int(field.widths[0])
        out[f"w{place}"] = width
        if width >= 0:
            out[f"v{place}"] = field.fixed if field.fixed is not None else _texts(field)[:, :width]
    return out


def _texts(field: _Field) -> NDArray[np.uint8]:
    assert field.texts is not None  # a field is fixed, texts or ragged
    return field.texts


def _place_varying(out: NDArray[np.uint8], place: NDArray[np.int64], field: _Field) -> None:
    filled = field.widths >= 0
    if field.fixed is not None:
        values = np.ascontiguousarray(field.fixed[filled])
        _scatter(out, place[filled], values.view(np.uint8).reshape(len(values), values.dtype.itemsize))
    elif field.texts is not None:
        inside = np.arange(field.texts.shape[1]) < field.widths[:, None]
        out[(place[:, None] + np.arange(field.texts.shape[1]))[inside]] = field.texts[inside]
    elif field.ragged is not None:
        counts = field.ragged.counts
        head = np.empty(len(counts), dtype=_ARRAY_HEAD)
        head["dimensions"], head["nulls"], head["oid"] = counts > 0, 0, _INT8_OID
        head["count"], head["low"] = counts, 1
        heads = head.view(np.uint8).reshape(len(counts), head.dtype.itemsize)
        some = counts > 0
        _scatter(out, place[some], heads[some])
        _scatter(out, place[~some], heads[~some, :_EMPTY_ARRAY_BYTES])
        elements = np.empty(len(field.ragged.values), dtype=_ARRAY_ELEMENT)
        elements["length"], elements["value"] = 8, field.ragged.values
        firsts = np.cumsum(counts) - counts
        within = np.arange(len(elements)) - np.repeat(firsts, counts)
        starts = np.repeat(place + _ARRAY_HEAD.itemsize, counts) + within * _ARRAY_ELEMENT.itemsize
        _scatter(out, starts, elements.view(np.uint8).reshape(len(elements), elements.dtype.itemsize))


def _scatter(out: NDArray[np.uint8], starts: NDArray[np.int64], values: NDArray[np.uint8]) -> None:
    """Write row ``i`` of ``values`` at byte ``starts[i]``."""
    width = values.shape[1]
    if len(out) < width or not len(starts):
        return
    # windows[k] is the bytes out[k : k + width]: one index for a value instead of one for each of its bytes
    windows = np.ndarray((len(out) - width + 1,), dtype=f"V{width}", buffer=out.data, strides=(1,))
    windows[starts] = np.ascontiguousarray(values).view(f"V{width}")[:, 0]


def _field(table: Table, column: Column[Any], values: "NDArray[Any] | Ragged") -> _Field:
    return _READERS[type(column.type)](_Place(table, column), values)


@dataclass(frozen=True, slots=True)
class _Place:
    """A column, and how to complain about it."""

    table: Table
    column: Column[Any]

    def refuse(self, bad: NDArray[np.bool_], what: str, allowed: str) -> None:
        """Raise when any row is bad."""
        if bad.any():
            raise ContractError(
                f"{self.table.name}.{self.column.name}: {what} in {int(bad.sum())} of {len(bad)} rows, first in row "
                f"{int(np.argmax(bad))}; allowed {allowed}; nothing was written"
            )

    def type_error(self, values: object, wanted: str) -> ContractError:
        """Complaint about the type as a whole."""
        found = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
        return ContractError(f"{self.table.name}.{self.column.name}: values are {found}; give {wanted}")

    def widths(self, missing: NDArray[np.bool_], width: "int | NDArray[np.int64]") -> NDArray[np.int64]:
        """Bytes of each value, -1 where it is missing and may be."""
        if not missing.any():  # one number for all rows takes no memory of its own
            return np.broadcast_to(np.asarray(width, dtype=np.int64), missing.shape)
        if not self.column.nullable:
            self.refuse(missing, "no value", "none without one")
        widths: NDArray[np.int64] = np.where(missing, -1, width).astype(np.int64)
        return widths


def _integers(place: _Place, values: "NDArray[Any] | Ragged") -> _Field:
    if isinstance(values, Ragged) or values.dtype.kind not in "iu":
        raise place.type_error(values, "whole numbers")
    width = _INTEGER_BYTES[type(place.column.type)]
    limits = np.iinfo(f"i{width}")
    place.refuse((values < limits.min) | (values > limits.max), "out of range", f"{limits.min} to {limits.max}")
    null = place.column.info.get("null")
    missing = np.zeros(len(values), dtype=bool) if null is None else values == null
    return _Field(place.widths(missing, width), fixed=values.astype(f">i{width}"))


def _floats(place: _Place, values: "NDArray[Any] | Ragged") -> _Field:
    if isinstance(values, Ragged) or values.dtype.kind not in "fiu":
        raise place.type_error(values, "numbers")
    numbers = values.astype(np.float64)
    place.refuse(np.isinf(numbers), "infinite", "finite numbers")
    return _Field(place.widths(np.isnan(numbers), 8), fixed=numbers.astype(">f8"))


def _times(place: _Place, values: "NDArray[Any] | Ragged") -> _Field:
    if isinstance(values, Ragged) or values.dtype.kind != "M" or np.datetime_data(values.dtype)[0] not in ("ns", "us"):
        raise place.type_error(values, "datetime64[ns] or datetime64[us], UTC")
    missing = np.isnat(values)
    since_2000 = values.astype("datetime64[us]").astype(np.int64) - _EPOCH_US
    return _Field(place.widths(missing, 8), fixed=since_2000.astype(">i8"))


def _strings(place: _Place, values: "NDArray[Any] | Ragged") -> _Field:
    if isinstance(values, Ragged) or values.dtype.kind not in "US":
        raise place.type_error(values, "fixed-width texts (numpy 'U' or 'S')")
    encoded = values if values.dtype.kind == "S" else _utf8(values)
    letters = np.ascontiguousarray(encoded).view(np.uint8).reshape(len(encoded), encoded.dtype.itemsize)
    if letters.size and letters.min() > 0:  # ids are often all of one length: nothing is padded, nothing to look for
        return _Field(place.widths(np.zeros(len(letters), dtype=bool), letters.shape[1]), texts=letters)
    lengths = np.strings.str_len(encoded).astype(np.int64)
    inside = np.arange(letters.shape[1]) < lengths[:, None]
    place.refuse(((letters == 0) & inside).any(axis=1), "a NUL character", "texts without one")
    return _Field(place.widths(lengths == 0, lengths), texts=letters)


def _utf8(texts: NDArray[Any]) -> NDArray[Any]:
    points = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), texts.dtype.itemsize // 4)
    if points.size and int(points.max()) < 128:  # letters are their own encoding: fifteen times faster
        return points.astype(np.uint8).view(f"S{points.shape[1]}")[:, 0]
    encoded: NDArray[Any] = np.strings.encode(texts, "utf-8")
    return encoded


def _arrays(place: _Place, values: "NDArray[Any] | Ragged") -> _Field:
    if not isinstance(values, Ragged) or values.values.dtype != np.int64 or values.counts.dtype != np.int64:
        raise place.type_error(values, "Ragged int64")
    place.refuse(values.counts < 0, "a negative count", ">= 0")
    if int(values.counts.sum()) != len(values.values):
        raise ContractError(
            f"{place.table.name}.{place.column.name}: counts add up to {int(values.counts.sum())} for {len(values.values)} "
            "elements; give as many elements as counted"
        )
    head = np.where(values.counts > 0, _ARRAY_HEAD.itemsize, _EMPTY_ARRAY_BYTES)
    return _Field(head + values.counts * _ARRAY_ELEMENT.itemsize, ragged=values)


_READERS: Final[dict[type, Callable[[_Place, "NDArray[Any] | Ragged"], _Field]]] = {
    SmallInteger: _integers,
    Integer: _integers,
    BigInteger: _integers,
    Float: _floats,
    DateTime: _times,
    Text: _strings,
    ARRAY: _arrays,
}
