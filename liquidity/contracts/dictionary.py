"""The data dictionary and the asset descriptions, written from the contracts so that they cannot lag behind.

``data_dictionary_markdown`` is the page docs/data_dictionary.md; ``asset_description`` is what the asset graph shows.
"""

from collections.abc import Iterable

from liquidity.contracts.table import Column, TableContract

__all__ = ["asset_description", "data_dictionary_markdown"]

_INTRODUCTION = """# Data dictionary

One section for each table, written from its contract (`liquidity/contracts/`); `pulse validate PATH` checks any file against it.

All tables are daily: one file per UTC day, sorted by the key. Times are UTC with microseconds. Missing is null, never
NaN, 0 or an empty text; an empty text means "none". Fractions are 0-1 (`_frac`), basis points 1e-4 (`_bps`), scores 0-100, costs
positive. No time in a row may be later than one day after its session's UTC day ended.

Reason codes of rows that are set aside: `null_key`, `null_value`, `not_finite`, `below_minimum`, `above_maximum`,
`not_allowed`, `bad_pattern` (also for `..` inside an identifier), `bad_isin_check_digit`, `wrong_session`, `future_timestamp`, `duplicate_key` (an exact
repeat; the first copy stays), `conflicting_duplicate` (same key, other values; none stays), and the row rules of each table.
"""


def data_dictionary_markdown(contracts: Iterable[TableContract]) -> str:
    """Write the data dictionary of ``contracts`` as one markdown page, ending in a newline.

    Examples
    --------
    >>> from liquidity.contracts.table import Column, TableContract
    >>> toy = TableContract("toy", "pulse", "signals", "One count.", ("n",), (Column("n", "int64", "1", "Count.", minimum=0),))
    >>> print(data_dictionary_markdown([toy]).splitlines()[-1])
    | `n` (key) | int64 | 1 | no | >= 0 | Count. |
    """
    tables = tuple(contracts)
    contents = "\n".join(
        f"- [`{table.location}/{table.name}`](#{table.location}{table.name}): {table.row_means}" for table in tables
    )
    sections = "\n".join(_section(table) for table in tables)
    return f"{_INTRODUCTION}\n{contents}\n\n{sections}"


def asset_description(contract: TableContract) -> str:
    """Write the markdown text that the asset shows: meaning of a row, key, bad rows, columns.

    Examples
    --------
    >>> from liquidity.contracts.table import Column, TableContract
    >>> toy = TableContract("toy", "pulse", "signals", "One count.", ("n",), (Column("n", "int64", "1", "Count."),))
    >>> print(asset_description(toy).splitlines()[0])
    One count.
    """
    return f"{contract.row_means}\n\n{_facts(contract)}\n\n{_columns(contract)}"


def _section(contract: TableContract) -> str:
    return f"## {contract.location}/{contract.name}\n\n{contract.row_means}\n\n{_facts(contract)}\n\n{_columns(contract)}\n"


def _facts(contract: TableContract) -> str:
    bad = (
        f"set aside with a reason; above {contract.max_quarantine_frac:.0%} of the rows (and from {contract.min_refused_rows} bad rows, or when all are bad) the whole day is refused"
        if contract.on_bad_row == "quarantine"
        else "none is allowed: the whole day is refused"
    )
    lines = [
        f"- Key: {', '.join(f'`{name}`' for name in contract.key)}",
        f"- Bad rows: {bad}",
        f"- Contract version: {contract.version}; group `{contract.group}`",
    ]
    if contract.rules:
        lines.append(
            "- Row rules: "
            + "; ".join(f"`{rule.code}` unless `{rule.left}` {rule.op} `{rule.right}`" for rule in contract.rules)
        )
    return "\n".join(lines)


def _columns(contract: TableContract) -> str:
    header = "| column | type | unit | null | allowed | meaning |\n|---|---|---|---|---|---|"
    return "\n".join([header, *(_row(column, contract) for column in contract.columns)])


def _row(column: Column, contract: TableContract) -> str:
    key = " (key)" if column.name in contract.key else ""
    cells = (
        f"`{column.name}`{key}",
        column.dtype,
        column.unit,
        "yes" if column.nullable else "no",
        _allowed(column),
        column.meaning,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _allowed(column: Column) -> str:
    parts = []
    if column.minimum is not None:
        parts.append(f"{'>' if column.minimum_excluded else '>='} {column.minimum:g}")
    if column.maximum is not None:
        parts.append(f"<= {column.maximum:g}")
    if column.allowed:
        parts.append(", ".join(f"`{value}`" for value in column.allowed))
    if column.pattern is not None:
        parts.append(f"`{column.pattern}`")
    return "; ".join(parts)
