"""Judge any file or folder against the contracts: what ``pulse validate PATH`` answers.

The table is guessed from the names (``<table>/…``, ``<table>.parquet``, ``session_date=….parquet`` in a folder named
after its table). Parquet, CSV and JSON are read without trusting them; whatever cannot be read, or is too big once
decoded, becomes a finding with its file, never a stack trace.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.json as pajson

from liquidity.contracts import ALL_CONTRACTS, TableContract
from liquidity.contracts.validation import inspect_rows, refuses
from liquidity.domain.errors import ContractError, SourceUnavailableError
from resources.parquet_limits import DEFAULT_LIMITS, FileLimits, read_parquet_within

__all__ = ["Finding", "ValidationReport", "main", "read_foreign_file", "validate_path"]

_SUFFIXES = (".parquet", ".csv", ".json", ".jsonl")
_COMPRESSED = (".gz", ".zip", ".zst", ".bz2", ".xz")
_CONTRACTS = {contract.name: contract for contract in ALL_CONTRACTS}
_TEXT_BLOCK_BYTES = 1 << 24
# Beside tables a lake holds quarantine, documents and archives, a landing folder files in the layouts of other systems.
_OTHER_FOLDERS = frozenset(
    {
        "quarantine", "published", "publications", "bondx", "nse", "tapes", "candles", "venue_archives",
        "binance_archive", "lean_bars", "macro_downloads", "tesouro_direto", "treasury_auction_results",
    }
)  # fmt: skip
_OTHER_FILES = frozenset({"simulated_truth.json", "simulated_tapes_truth.json"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with one file.

    Parameters
    ----------
    file
        Path as given.
    table, column
        Contract and column; empty where the file as a whole is at fault.
    rows, bad_rows
        Rows of the file (0 where it cannot be read) and rows that break the rule.
    code
        Reason code of the contract engine, or ``unreadable``, ``table_refused``, ``unknown_table``, ``unsafe_path``, ``nothing_found``.
    detail
        One sentence: what, found against allowed, first case, next step.
    """

    file: str
    table: str
    column: str
    rows: int
    bad_rows: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """All findings over all files, and how many rows were judged."""

    path: str
    files: int
    rows: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def exit_code(self) -> int:
        """0 when passed, else 1."""
        return 0 if self.passed else 1

    def to_json(self) -> str:
        """Write the report as JSON text."""
        return json.dumps({"passed": self.passed, **asdict(self)}, indent=2, ensure_ascii=False)

    def to_text(self) -> str:
        """Write the report as lines for a terminal."""
        verdict = "passed" if self.passed else f"FAILED with {len(self.findings)} findings"
        lines = [f"{finding.file}: {finding.code}: {finding.detail}" for finding in self.findings]
        return "\n".join([*lines, f"{self.path}: {self.files} files, {self.rows} rows, {verdict}"])


def validate_path(
    path: Path, contract: TableContract | None = None, limits: FileLimits = DEFAULT_LIMITS
) -> ValidationReport:
    """Judge a file, or every data file below a folder.

    Parameters
    ----------
    path
        A file, or a folder (below it quarantine, published documents, files in the layouts of other systems and hidden
        files are left out). A signal or derivatives table without the columns that the platform adds (age and
        quality; changes, yearly rate and forecast) is judged as a delivered file: columns that may be null may be absent.
    contract
        The table; guessed from names where not given.
    limits
        Bounds of one file.

    Returns
    -------
    ValidationReport
        Every broken rule of every file; a folder without data files is itself a finding.
    """
    files = list(_data_files(path))
    findings: list[Finding] = []
    rows = 0
    for file in files:
        judged_rows, found = _validate_file(file, path, contract, limits)
        rows += judged_rows
        findings.extend(found)
    if not files:
        what = "holds no parquet, CSV or JSON file" if path.is_dir() else "does not exist"
        findings.append(
            Finding(str(path), "", "", 0, 0, "nothing_found", f"{path} {what}; name a file or a folder of tables")
        )
    return ValidationReport(str(path), len(files), rows, tuple(findings))


def main(argv: Sequence[str] | None = None) -> int:
    """Run as a command: ``PATH [--table NAME] [--json]``; 0 when everything keeps its contract, else 1."""
    parser = argparse.ArgumentParser(prog="validate", description="Check files against the table contracts.")
    parser.add_argument("path", type=Path, help="file or folder")
    parser.add_argument("--table", choices=sorted(_CONTRACTS), help="table, where the names do not tell")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    chosen = parser.parse_args(argv)
    report = validate_path(chosen.path, _CONTRACTS[chosen.table] if chosen.table else None)
    sys.stdout.write((report.to_json() if chosen.json else report.to_text()) + "\n")
    return report.exit_code


def _data_files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            inner = file.relative_to(path).parts
            if (
                file.suffix.lower() in (*_SUFFIXES, *_COMPRESSED)
                and not any(part.startswith(".") for part in inner)
                and not _OTHER_FOLDERS.intersection(inner[:-1])
                and file.name not in _OTHER_FILES
                and not file.is_dir()
            ):
                yield file
    elif path.exists() or path.is_symlink():
        yield path


def _validate_file(
    file: Path, base: Path, contract: TableContract | None, limits: FileLimits
) -> tuple[int, list[Finding]]:
    if base.is_dir() and not file.resolve().is_relative_to(base.resolve()):
        return 0, [
            Finding(
                str(file), "", "", 0, 0, "unsafe_path", f"{file} leads outside {base}; replace the link by the file"
            )
        ]
    table = contract or _guess(file)
    if table is None:
        known = ", ".join(sorted(_CONTRACTS))
        return 0, [
            Finding(
                str(file),
                "",
                "",
                0,
                0,
                "unknown_table",
                f"{file.name}: no contract is named by the file or its folders; rename one, or say --table with one of {known}",
            )
        ]
    try:
        data = read_foreign_file(file, table, limits)
    except (ContractError, SourceUnavailableError) as error:
        return 0, [Finding(str(file), table.name, "", 0, 0, "unreadable", str(error))]
    table = _as_delivered(table, data.column_names)
    try:
        judged = inspect_rows(data, table, _session_of(file))
    except ContractError as error:
        return data.num_rows, [
            Finding(str(file), table.name, "", data.num_rows, data.num_rows, "table_refused", str(error))
        ]
    found = [
        Finding(
            str(file),
            table.name,
            each.column,
            data.num_rows,
            each.count,
            each.code,
            f"{each.describe(table, data.num_rows)}; {each.next_step}",
        )
        for each in judged.violations
    ]
    bad = judged.rejected.num_rows
    if refuses(table, bad, data.num_rows):
        told = f"{table.name}: {bad} of {data.num_rows} rows break the contract ({bad / data.num_rows:.1%}, allowed {_tolerated(table)})"
        found.append(
            Finding(
                str(file), table.name, "", data.num_rows, bad, "table_refused",
                f"{told}: the table would be refused as a whole; mend the source and deliver the file again",
            )
        )  # fmt: skip
    return data.num_rows, found


def _tolerated(contract: TableContract) -> str:
    return "none" if contract.on_bad_row == "block" else f"{contract.max_quarantine_frac:.0%}"


def _as_delivered(contract: TableContract, names: Sequence[str]) -> TableContract:
    """Give the contract that a file in the landing folder must keep; the contract itself for a published table."""
    from resources.crypto_sources import COMPUTED_COLUMNS  # both read files through this module
    from resources.feeds._feed import COLLECTED_COLUMNS, FEED_TABLES

    computed = COMPUTED_COLUMNS.get(contract.name, ())
    if contract.name in FEED_TABLES and not set(COLLECTED_COLUMNS) & set(names):
        computed = COLLECTED_COLUMNS
    elif set(computed) <= set(names):
        return contract
    kept = tuple(
        column
        for column in contract.columns
        if column.name in names or not (column.nullable or column.name in computed)
    )
    present = {column.name for column in kept}
    rules = tuple(rule for rule in contract.rules if {rule.left, rule.right} <= present)
    return replace(contract, columns=kept, rules=rules)


def _guess(file: Path) -> TableContract | None:
    from resources.feeds._stories import STORIES

    if file.parent.name == STORIES.name:
        return STORIES
    for name in (file.name.split(".")[0], *(part for part in reversed(file.parts[:-1]))):
        if name in _CONTRACTS:
            return _CONTRACTS[name]
    return None


def _session_of(file: Path) -> date | None:
    for part in (file.name, *reversed(file.parts[:-1])):
        if part.startswith("session_date="):
            try:
                return date.fromisoformat(part.removeprefix("session_date=").split(".")[0])
            except ValueError:
                return None
    return None


def read_foreign_file(file: Path, contract: TableContract, limits: FileLimits = DEFAULT_LIMITS) -> pa.Table:
    """Read a parquet, CSV or JSON file that we did not write, its columns not yet judged.

    Raises
    ------
    SourceUnavailableError, ContractError
        The file cannot be read, is not what its name says, is damaged, or exceeds ``limits``.
    """
    _require_format(file)
    suffix = file.suffix.lower()
    if suffix == ".parquet":
        return read_parquet_within(file, limits)
    size = file.stat().st_size
    if size > min(limits.max_file_bytes, limits.max_decoded_bytes):
        raise ContractError(f"{file}: {size} bytes of text, allowed {limits.max_file_bytes}; split the file by day")
    try:
        table = _read_csv(file, contract) if suffix == ".csv" else _read_json(file, contract)
    except (pa.ArrowException, ValueError, OSError, RecursionError) as error:
        if "expected a zone offset" in str(error):
            value = str(error).partition("zone offset in ")[2].partition(". If")[0]
            raise ContractError(
                f"{file}: a time without a zone ({value}); write times in UTC as 2026-03-19T14:00:00Z, or say which zone they are in"
            ) from error
        raise ContractError(
            f"{file}: not readable as {suffix[1:]} of table {contract.name} ({str(error)[:200]}); see docs/data_dictionary.md"
        ) from error
    if table.num_rows > limits.max_rows:
        raise ContractError(f"{file}: {table.num_rows} rows, allowed {limits.max_rows}; split the file by day")
    return table


def _require_format(file: Path) -> None:
    """Compare the first bytes with the ending, so that the message names the real mistake."""
    try:
        with file.open("rb") as opened:
            head = opened.read(4)
    except OSError as error:
        raise SourceUnavailableError(
            f"{file}: cannot be read ({type(error).__name__}); check that it is a file that may be read"
        ) from error
    if not head:
        raise ContractError(f"{file}: the file is empty (0 bytes); deliver it again")
    suffix = file.suffix.lower()
    if suffix in _COMPRESSED:
        raise ContractError(f"{file}: compressed ({suffix}); unpack it first")
    if suffix not in _SUFFIXES:
        raise ContractError(
            f"{file}: ending {suffix!r} is not one of {', '.join(_SUFFIXES)}; rename the file to what it is"
        )
    if (head == b"PAR1") != (suffix == ".parquet"):
        real = "parquet" if head == b"PAR1" else "not parquet"
        raise ContractError(f"{file}: the content is {real}, the name says {suffix}; rename the file or write it again")
    if head[:2] in (b"\x1f\x8b", b"PK"):
        raise ContractError(f"{file}: compressed content under the name {suffix}; unpack it first")


def _read_csv(file: Path, contract: TableContract) -> pa.Table:
    """Read with the contract's types; an empty field is null except in columns of free text that may not be null."""
    options = pacsv.ConvertOptions(
        column_types={column.name: column.arrow_type for column in contract.columns},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=["", "null", "NaN", "nan"],
    )
    table = pacsv.read_csv(file, read_options=pacsv.ReadOptions(block_size=_TEXT_BLOCK_BYTES), convert_options=options)
    for place, name in enumerate(table.column_names):
        column = contract.column(name) if name in contract.column_names else None
        if (
            column is not None
            and column.dtype == "string"
            and not (column.nullable or column.allowed or column.pattern)
        ):
            table = table.set_column(place, name, pc.fill_null(table.column(name), ""))
    return table


def _read_json(file: Path, contract: TableContract) -> pa.Table:
    """Read a JSON array of objects, or one object per line."""
    with file.open("rb") as opened:
        first = opened.read(64).lstrip()[:1]
    if first == b"[":
        records: Any = json.loads(file.read_text(encoding="utf-8"))
        if not all(isinstance(record, dict) for record in records):
            raise ContractError(f"{file}: a JSON array of something else than objects; write one object per row")
        names = sorted({str(name) for record in records for name in record}) if records else list(contract.column_names)
        raw = pa.table({name: pa.array([record.get(name) for record in records]) for name in names})
    else:
        raw = pajson.read_json(file, read_options=pajson.ReadOptions(block_size=_TEXT_BLOCK_BYTES))
    arrays = {}
    for name in raw.column_names:
        array = raw.column(name)
        target = contract.column(name).arrow_type if name in contract.column_names else array.type
        is_time = pa.types.is_timestamp(target) or pa.types.is_date(target)
        arrays[name] = array.cast(target) if is_time and pa.types.is_string(array.type) else array
    return pa.table(arrays)


if __name__ == "__main__":
    sys.exit(main())
