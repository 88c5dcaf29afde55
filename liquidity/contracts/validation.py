"""The fast contract engine: which rows of a table break its contract, and why.

``audit`` is what the lake runs before every publication; the Great Expectations suite made from the same contract
(``resources/expectations.py``) agrees with it rule by rule. Read next: ``resources/lake.py``.

Reason codes
------------
============================ ===========================================================================================
``null_key``                 a key column is null
``null_value``               a column that may not be null is null
``not_finite``               NaN or infinity; missing is null
``below_minimum``            below the lower bound (or at it, where it is excluded)
``above_maximum``            above the upper bound
``not_allowed``              a text outside the allowed list
``bad_pattern``              a text of another shape than the column's pattern, or with ``..`` in it
``bad_isin_check_digit``     an instrument_id shaped like an ISIN whose check digit is wrong
``wrong_session``            session_date is not the partition's day
``future_timestamp``         a time later than now, or later than one day after the end of the session
``duplicate_key``            an exact repeat of a row; the first copy is kept
``conflicting_duplicate``    rows with one key and different values; none is kept
row rules                    the code of the rule, for example ``crossed_quote``
============================ ===========================================================================================
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from liquidity.contracts.conform import conform
from liquidity.contracts.table import Column, RowRule, TableContract
from liquidity.domain.errors import ContractError
from liquidity.domain.identifier import is_isin_array

__all__ = [
    "FUTURE_TOLERANCE",
    "Audit",
    "Violation",
    "audit",
    "findings",
    "in_key_order",
    "inspect_rows",
    "latest_allowed",
    "refuses",
    "rejected_schema",
]

# Markets west of Greenwich close after UTC midnight and venues publish the day's file the next day; nothing that is
# known later than this after the session's UTC day may enter the session's row.
FUTURE_TOLERANCE = timedelta(days=1)

_WHOLE_ROW = "the whole row"

_NEXT_STEPS = {
    "null_key": "fill it at the source; a row without its key belongs to nothing",
    "null_value": "fill it at the source",
    "not_finite": "write null where the value is missing",
    "below_minimum": "check sign and unit at the source",
    "above_maximum": "check the unit at the source (a fraction is 0-1, not percent)",
    "not_allowed": "use one of the allowed names",
    "bad_pattern": "correct the text at the source",
    "bad_isin_check_digit": "correct the ISIN at the source",
    "wrong_session": "put each row into the file of its own day",
    "future_timestamp": "check time zone and unit (s, ms, us) of the source's clock",
    "duplicate_key": "deliver each row once; the first copy is kept",
    "conflicting_duplicate": "deliver one row per key; none of them is kept",
    "crossed_quote": "check that bid and ask are not swapped and have one scale",
    "known_before_observed": "check the time zones of both times",
    "matures_before_issue": "correct the two dates at the source",
}

_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Violation:
    """How many rows broke one rule, with the first of them.

    Parameters
    ----------
    code
        Reason code; see the module's table.
    column
        The column; for row rules ``left<=right``, for duplicates the key columns joined by commas.
    count
        Rows.
    first_key, first_value
        Key and value of the first such row in the order given.
    allowed
        The allowed range, list or pattern, with unit.
    """

    code: str
    column: str
    count: int
    first_key: str
    first_value: str
    allowed: str

    def describe(self, contract: TableContract, rows: int) -> str:
        """One sentence: what, where, found against allowed, first case.

        Examples
        --------
        >>> from liquidity.contracts.signals import MICROSTRUCTURE
        >>> bad = Violation("below_minimum", "depth_ccy", 3, "instrument_id x:A", "-4.1", ">= 0 (instrument currency)")
        >>> bad.describe(MICROSTRUCTURE, 4120)
        'microstructure.depth_ccy: 3 of 4120 rows below_minimum, allowed >= 0 (instrument currency); first: instrument_id x:A, value -4.1'
        """
        value = "" if self.first_value == _WHOLE_ROW else f", value {self.first_value}"
        return (
            f"{contract.name}.{self.column}: {self.count} of {rows} rows {self.code}, allowed {self.allowed}; "
            f"first: {self.first_key}{value}"
        )

    @property
    def next_step(self) -> str:
        """What the sender of such rows should do."""
        return _NEXT_STEPS.get(self.code, "check both values at the source")


@dataclass(frozen=True, slots=True)
class Audit:
    """The rows that keep the contract and those that do not.

    Parameters
    ----------
    accepted
        Sorted by the contract's key, exactly ``contract.arrow_schema``.
    rejected
        The other rows, columns nullable, with a last column ``reasons``: comma-separated ``code:column`` (row rules:
        the code alone), in the order of the contract.
    violations
        One entry per broken rule and column; a row may count in several.
    """

    contract: TableContract
    accepted: pa.Table
    rejected: pa.Table
    violations: tuple[Violation, ...]

    @property
    def rows(self) -> int:
        """Rows judged."""
        return int(self.accepted.num_rows + self.rejected.num_rows)


def rejected_schema(contract: TableContract) -> pa.Schema:
    """Name the columns of a quarantine table: the contract's columns, all nullable, and ``reasons``."""
    fields = [field.with_nullable(True) for field in contract.arrow_schema]
    return pa.schema(
        [*fields, pa.field("reasons", pa.string(), nullable=False)], metadata=contract.arrow_schema.metadata
    )


def audit(
    table: pa.Table, contract: TableContract, session_date: date | None = None, now: datetime | None = None
) -> Audit:
    """Split ``table`` into rows that keep ``contract`` and rows that break it.

    Parameters
    ----------
    table
        Columns of the contract in any order, types that cast exactly; see :func:`liquidity.contracts.conform.conform`.
    session_date
        The partition's day. ``None`` takes each row's own, and does not check ``wrong_session``.
    now
        The present moment (aware); times after it are ``future_timestamp``. ``None`` leaves only the session's bound.

    Returns
    -------
    Audit
        ``accepted`` sorted by key. An empty table is accepted.

    Raises
    ------
    ContractError
        The table as a whole breaks the contract (columns, types, units), a row is bad where the contract blocks, or
        too many rows are bad (see :func:`refuses`).

    Notes
    -----
    Vectorised: a clean table costs one pass over each column; masks are made only for rules that are broken. Keys
    that arrive sorted are proved unique by comparing neighbours; only unsorted tables are sorted.
    """
    judged = inspect_rows(table, contract, session_date, now)
    _refuse_broken_table(judged, session_date)
    return judged


def refuses(contract: TableContract, bad: int, rows: int) -> bool:
    """Whether ``bad`` of ``rows`` rows refuse the table as a whole.

    A table that we compute is refused by one bad row. One fed from outside is refused when more than
    ``max_quarantine_frac`` of its rows are bad and these are at least ``min_refused_rows``, or when all are: small
    tables set single bad rows aside like large ones.

    Examples
    --------
    >>> from liquidity.contracts.signals import SENTIMENT
    >>> [refuses(SENTIMENT, bad, rows) for bad, rows in ((6, 60), (7, 60), (2, 5), (3, 5), (1, 1))]
    [False, True, False, True, True]
    """
    if bad == 0 or contract.on_bad_row == "block":
        return bad > 0
    return bad > contract.max_quarantine_frac * rows and (bad >= contract.min_refused_rows or bad == rows)


def inspect_rows(
    table: pa.Table, contract: TableContract, session_date: date | None = None, now: datetime | None = None
) -> Audit:
    """Split as :func:`audit` does, and return the split whatever the share of bad rows.

    For reports and checks; what is published goes through :func:`audit`.

    Raises
    ------
    ContractError
        Columns, types or units differ from the contract's.
    """
    data = conform(table, contract)
    found = list(findings(data, contract, session_date, now))
    order, duplicates = _order_and_duplicates(data, contract)
    found.extend(duplicates)
    if not found:
        return Audit(
            contract, data if order is None else data.take(pa.array(order)), rejected_schema(contract).empty_table(), ()
        )
    bad = np.logical_or.reduce([mask for _, _, mask in found])
    kept = order[~bad[order]] if order is not None else np.flatnonzero(~bad)
    return Audit(
        contract,
        data.take(pa.array(kept)),
        _rejected(data, contract, found, bad),
        _violations(found, data, contract, session_date, now),
    )


def findings(
    data: pa.Table, contract: TableContract, session_date: date | None = None, now: datetime | None = None
) -> Iterator[tuple[str, str, _Mask]]:
    """Each broken rule as (code, column, mask of the bad rows), duplicates excepted, in the contract's order.

    ``data`` must come from :func:`~liquidity.contracts.conform.conform`.
    """
    for column in contract.columns:
        whole = data.column(column.name)  # in one chunk, or free text of which only the nulls are judged
        array = whole.chunk(0) if whole.num_chunks == 1 else whole
        for code, mask in _column_findings(array, column, contract):
            yield code, column.name, mask
        if column.name == "session_date" and session_date is not None and len(array):
            wrong = pc.not_equal(array, pa.scalar(session_date, pa.date32()))
            if pc.any(wrong).as_py():
                yield "wrong_session", column.name, _mask(wrong)
        if column.dtype == "timestamp" and len(array):
            late = _later_than_allowed(array, data, session_date, now)
            if late is not None:
                yield "future_timestamp", column.name, late
    for rule in contract.rules:
        broken = _rule_broken(data, rule)
        if broken is not None:
            yield rule.code, f"{rule.left}{rule.op}{rule.right}", broken


def in_key_order(data: pa.Table, contract: TableContract) -> pa.Table:
    """Sort rows by the contract's key, as :func:`audit` does; what comes sorted is not copied there.

    ``data`` must have the contract's types and no null in its key; rows of one key keep their order.
    """
    keys = [data.column(name).combine_chunks() for name in contract.key]
    if data.num_rows < 2 or _strictly_ascending(keys):
        return data
    return data.take(pa.array(_argsort([_rank(key) for key in keys])))


def latest_allowed(session_date: date, now: datetime | None) -> datetime:
    """Say the latest time a row of ``session_date`` may carry: one day after the session's UTC day ended, or ``now``.

    Examples
    --------
    >>> latest_allowed(date(2026, 3, 19), None).isoformat()
    '2026-03-21T00:00:00+00:00'
    """
    limit = datetime.combine(session_date, time(0), UTC) + timedelta(days=1) + FUTURE_TOLERANCE
    return limit if now is None else min(limit, now)


# --- one column -----------------------------------------------------------------------------------------------------


def _column_findings(array: pa.Array, column: Column, contract: TableContract) -> Iterator[tuple[str, _Mask]]:
    if array.null_count and not column.nullable:
        yield ("null_key" if column.name in contract.key else "null_value"), _mask(pc.is_null(array))
    if len(array) == array.null_count:
        return
    if column.dtype == "string":
        yield from _text_findings(array, column)
    elif column.dtype in ("float64", "int64"):
        yield from _number_findings(array, column)


def _number_findings(array: pa.Array, column: Column) -> Iterator[tuple[str, _Mask]]:
    if column.dtype == "float64":
        finite = pc.is_finite(array)
        if not pc.all(finite).as_py():
            yield "not_finite", _mask(pc.invert(finite))
    if column.minimum is not None:
        below = (pc.less_equal if column.minimum_excluded else pc.less)(array, _scalar(column.minimum, array))
        if pc.any(below).as_py():
            yield "below_minimum", _mask(below)
    if column.maximum is not None:
        above = pc.greater(array, _scalar(column.maximum, array))
        if pc.any(above).as_py():
            yield "above_maximum", _mask(above)


def _scalar(bound: float, array: pa.Array) -> pa.Scalar:
    return pa.scalar(bound, pa.float64()) if pa.types.is_floating(array.type) else pa.scalar(int(bound), pa.int64())


def _text_findings(array: pa.Array, column: Column) -> Iterator[tuple[str, _Mask]]:
    if column.allowed:
        known = pc.is_in(array, value_set=pa.array([*column.allowed, None], pa.string()))  # null is judged elsewhere
        if not pc.all(known).as_py():
            yield "not_allowed", _mask(pc.invert(known))
    if column.pattern is None:
        return
    values, starts = _runs(array)
    judged = values
    if column.name == "instrument_id":  # a right ISIN keeps the pattern: only the others need the dearer search
        other = np.flatnonzero(~is_isin_array(values))
        judged = values.take(pa.array(other))
    good = pc.match_substring_regex(judged, column.pattern)
    if _may_climb(judged):
        good = pc.and_not(good, pc.match_substring(judged, ".."))
    bad = _mask(pc.invert(good))
    if column.name != "instrument_id":
        if bad.any():
            yield "bad_pattern", _expand(bad, starts, len(array))
        return
    # What is shaped like an instrument_id without naming a venue is an ISIN whose check digit failed.
    bad_digit = _mask(good) & ~_mask(pc.match_substring(judged, ":"))
    for code, found in (("bad_pattern", bad), ("bad_isin_check_digit", bad_digit)):
        if found.any():
            mask = np.zeros(len(values), dtype=np.bool_)
            mask[other[found]] = True
            yield code, _expand(mask, starts, len(array))


def _may_climb(values: pa.Array) -> bool:
    """Whether ``..`` may occur: a search over all the bytes, which may find it across two neighbours."""
    data = values.buffers()[2]
    return data is not None and b".." in data.to_pybytes()


def _runs(array: pa.Array) -> tuple[pa.Array, NDArray[np.int64] | None]:
    """Find the values of runs of equal neighbours and each run's first row; (array, None) where runs are short."""
    if len(array) < 2:
        return array, None
    starts = np.ones(len(array), dtype=bool)
    changes = pc.not_equal(array[1:], array[:-1])
    starts[1:] = (pc.fill_null(changes, True) if array.null_count else changes).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(starts)
    if 2 * len(places) > len(array):
        return array, None
    return array.take(pa.array(places)), places


def _expand(mask: _Mask, starts: NDArray[np.int64] | None, rows: int) -> _Mask:
    """Give each row the verdict of its run."""
    return mask if starts is None else np.repeat(mask, np.diff(starts, append=rows))


def _mask(array: pa.Array) -> _Mask:
    """Turn a Boolean Arrow array into NumPy; null is False."""
    filled = pc.fill_null(array, False) if array.null_count else array
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.bool_)


# --- several columns ------------------------------------------------------------------------------------------------


def _later_than_allowed(
    array: pa.Array, data: pa.Table, session_date: date | None, now: datetime | None
) -> _Mask | None:
    if session_date is not None:
        limit = pa.scalar(latest_allowed(session_date, now), array.type)
        newest = pc.max(array)
        return _mask(pc.greater(array, limit)) if newest.is_valid and newest.as_py() > limit.as_py() else None
    late = np.zeros(len(array), dtype=np.bool_)
    if "session_date" in data.column_names:
        ends = pc.add(
            data.column("session_date").chunk(0).cast(pa.timestamp("us")),
            pa.scalar(timedelta(days=1) + FUTURE_TOLERANCE),
        )
        late |= _mask(pc.greater(array, pc.assume_timezone(ends, "UTC")))
    if now is not None:
        late |= _mask(pc.greater(array, pa.scalar(now, array.type)))
    return late if late.any() else None


def _rule_broken(data: pa.Table, rule: RowRule) -> _Mask | None:
    if data.num_rows == 0:
        return None
    compare = pc.less_equal if rule.op == "<=" else pc.less
    left, right = data.column(rule.left).chunk(0), data.column(rule.right).chunk(0)
    kept = compare(left, right)
    if pc.all(kept).as_py() is not False:
        return None
    broken = _mask(pc.invert(kept))
    for side in (left, right):
        if pa.types.is_floating(side.type):  # NaN and infinity are not_finite, not a broken order
            broken &= _mask(pc.is_finite(side))
    return broken if broken.any() else None


def _order_and_duplicates(
    data: pa.Table, contract: TableContract
) -> tuple[NDArray[np.int64] | None, list[tuple[str, str, _Mask]]]:
    """Row order by key (``None``: as it is) and the duplicate findings; rows with a null key come last, unjudged."""
    rows = data.num_rows
    if rows < 2:
        return None, []
    keys = [data.column(name).chunk(0) for name in contract.key]
    if not any(key.null_count for key in keys) and _strictly_ascending(keys):
        return None, []
    codes = [_rank(key) for key in keys]
    order = _argsort(codes)
    same = np.ones(rows - 1, dtype=bool)
    for code in codes:
        ordered = code[order]
        same &= (ordered[1:] == ordered[:-1]) & (ordered[1:] < np.iinfo(np.int64).max)
    if not same.any():
        return order, []
    return order, _judge_duplicates(data, contract, order, same)


def _argsort(codes: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Order rows by their codes, equal rows as given; codes that fit are packed into one number, which sorts fastest."""
    sizes = [int(code.max()) - int(code.min()) + 1 for code in codes]
    if math.prod(sizes) >= 1 << 62:  # a null key, or very wide keys
        return np.lexsort(codes[::-1])
    packed = np.zeros(len(codes[0]), dtype=np.int64)
    for code, size in zip(codes, sizes, strict=True):
        packed = packed * size + (code - code.min())
    order = np.argsort(packed)
    ordered = packed[order]
    return np.argsort(packed, kind="stable") if (ordered[1:] == ordered[:-1]).any() else order


def _strictly_ascending(keys: list[pa.Array]) -> bool:
    rows = len(keys[0])
    undecided = np.ones(rows - 1, dtype=bool)
    for key in keys:
        before, after = key[:-1], key[1:]
        if undecided.all():
            if pc.all(pc.equal(before, after)).as_py():  # a constant column, as session_date is
                continue
            rising = pc.less(before, after).to_numpy(zero_copy_only=False)
            falling = pc.greater(before, after)
            if pc.any(falling).as_py():
                return False
            undecided = ~rising
            continue
        if not undecided.any():
            return True
        places = pa.array(np.flatnonzero(undecided))
        left, right = before.take(places), after.take(places)
        if pc.any(pc.greater(left, right)).as_py():
            return False
        undecided[np.flatnonzero(undecided)] = pc.equal(left, right).to_numpy(zero_copy_only=False)
    return not undecided.any()


def _rank(key: pa.Array) -> NDArray[np.int64]:
    """Integer codes in the order of the values; null is the largest integer."""
    if pa.types.is_string(key.type):
        encoded = key.dictionary_encode()
        places = pc.array_sort_indices(encoded.dictionary).to_numpy()
        rank = np.empty(len(places) + 1, dtype=np.int64)
        rank[places] = np.arange(len(places))
        rank[-1] = np.iinfo(np.int64).max
        indices: NDArray[np.int64] = rank[pc.fill_null(encoded.indices, len(places)).to_numpy(zero_copy_only=False)]
        return indices
    whole = key.cast(pa.int32()).cast(pa.int64()) if pa.types.is_date(key.type) else key.cast(pa.int64())
    values: NDArray[np.int64] = pc.fill_null(whole, np.iinfo(np.int64).max).to_numpy(zero_copy_only=False)
    return values


def _judge_duplicates(
    data: pa.Table, contract: TableContract, order: NDArray[np.int64], same: _Mask
) -> list[tuple[str, str, _Mask]]:
    """Exact repeats (all but the first copy) and conflicting rows (all of them); ``order`` keeps the given order within a key."""
    member = np.zeros(len(order), dtype=bool)
    member[1:] |= same
    member[:-1] |= same
    group = (np.cumsum(np.concatenate(([True], ~same))) - 1)[member]
    rows = order[member]
    first = np.concatenate(([True], group[1:] != group[:-1]))
    first_place = np.flatnonzero(first)[np.cumsum(first) - 1]
    chosen = data.take(pa.array(rows))
    differs = np.zeros(len(rows), dtype=bool)
    for name in contract.column_names:
        codes = chosen.column(name).combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy()
        differs |= codes != codes[first_place]
    groups = np.cumsum(first) - 1
    conflicting = np.bincount(groups, weights=differs)[groups] > 0
    result = []
    for code, places in (("duplicate_key", rows[~conflicting & ~first]), ("conflicting_duplicate", rows[conflicting])):
        if len(places):
            mask = np.zeros(len(order), dtype=bool)
            mask[places] = True
            result.append((code, ",".join(contract.key), mask))
    return result


# --- the report -----------------------------------------------------------------------------------------------------


def _violations(
    found: list[tuple[str, str, _Mask]],
    data: pa.Table,
    contract: TableContract,
    session_date: date | None,
    now: datetime | None,
) -> tuple[Violation, ...]:
    """Count each finding and show its first row."""
    rules = {rule.code: rule for rule in contract.rules}
    result = []
    for code, column, mask in found:
        row = data.slice(int(np.argmax(mask)), 1)
        rule = rules.get(code)
        if rule is not None:
            value = f"{_show(row, rule.left)} against {_show(row, rule.right)}"
        elif "," in column or column not in data.column_names:
            value = _WHOLE_ROW
        else:
            value = _show(row, column)
        key = ", ".join(f"{name} {_show(row, name)}" for name in contract.key)
        result.append(
            Violation(code, column, int(mask.sum()), key, value, _allowed(code, column, contract, session_date, now))
        )
    return tuple(result)


def _show(row: pa.Table, name: str) -> str:
    value = row.column(name)[0].as_py()
    text = (
        "null"
        if value is None
        else value.isoformat()
        if isinstance(value, (date, datetime))
        else repr(value)
        if isinstance(value, str)
        else str(value)
    )
    return text if len(text) <= 80 else text[:77] + "..."


def _allowed(code: str, name: str, contract: TableContract, session_date: date | None, now: datetime | None) -> str:
    if code in ("duplicate_key", "conflicting_duplicate"):
        return "one row per key"
    if code == "wrong_session":
        return str(session_date)
    if code == "future_timestamp":
        return (
            f"<= {latest_allowed(session_date, now).isoformat()}"
            if session_date is not None
            else "<= end of the session + 1 day, and not after now"
        )
    if name not in contract.column_names:
        return f"{name}".replace("<", " < ").replace(" < =", " <= ")
    column = contract.column(name)
    if code in ("null_key", "null_value"):
        return "not null"
    unit = "" if column.unit in ("1", "see unit") else f" ({column.unit})"
    if code == "not_finite":
        return f"finite{unit}, or null for missing" if column.nullable else f"finite{unit}"
    if code == "below_minimum":
        return f"{'>' if column.minimum_excluded else '>='} {column.minimum:g}{unit}"
    if code == "above_maximum":
        return f"<= {column.maximum:g}{unit}"
    if code == "not_allowed":
        return f"one of {', '.join(column.allowed)}"
    if code == "bad_isin_check_digit":
        return "an ISIN with a right check digit (ISO 6166)"
    if name == "instrument_id":
        return "an ISIN (12 capital letters and digits) or VENUE:LOCAL, without '..'"
    return f"text like {column.pattern} without '..'"


def _rejected(data: pa.Table, contract: TableContract, found: list[tuple[str, str, _Mask]], bad: _Mask) -> pa.Table:
    schema = rejected_schema(contract)
    places = np.flatnonzero(bad)
    reasons: list[list[str]] = [[] for _ in places]
    rules = {rule.code for rule in contract.rules}
    for code, column, mask in found:
        label = code if code in rules or "," in column else f"{code}:{column}"
        for place in np.flatnonzero(mask[places]):
            reasons[place].append(label)
    rows = data.take(pa.array(places))
    columns = [rows.column(name) for name in contract.column_names]
    return pa.Table.from_arrays([*columns, pa.array([",".join(each) for each in reasons], pa.string())], schema=schema)


def _refuse_broken_table(judged: Audit, session_date: date | None) -> None:
    contract, bad, rows = judged.contract, judged.rejected.num_rows, judged.rows
    blocked = contract.on_bad_row == "block"
    if not refuses(contract, bad, rows):
        return
    day = "" if session_date is None else f" of {session_date}"
    why = (
        "this table is computed here, so no bad row is allowed"
        if blocked
        else f"that is {bad / rows:.1%}, above the {contract.max_quarantine_frac:.0%} that may be set aside: the source itself is broken"
    )
    told = "; ".join(violation.describe(contract, rows) for violation in judged.violations[:5])
    more = f"; and {len(judged.violations) - 5} more rules" if len(judged.violations) > 5 else ""
    raise ContractError(
        f"{contract.name}{day}: {bad} of {rows} rows break the contract; {why}. {told}{more}; see docs/data_dictionary.md"
    )
