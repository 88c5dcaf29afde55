"""Damages to good tables and files, each with the answer that the contract engine must give.

Read by test_seeded_defects.py (lake and file validation) and test_gx_agrees.py (both engines).
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from liquidity.contracts import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    MACRO_SERIES,
    MICROSTRUCTURE,
    SENTIMENT,
    TableContract,
)
from liquidity.contracts.example import example_table

DAY = date(2026, 3, 19)
ROWS = 60
BAD = 7

Damage = Callable[[pa.Table], pa.Table]


def good(contract: TableContract, rows: int = ROWS, day: date = DAY) -> pa.Table:
    return example_table(contract, day, rows, np.random.default_rng(3), null_frac=0.0)


def cell(name: str, value: object, row: int = BAD) -> Damage:
    def damage(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        values = table.column(name).to_pylist()
        values[row] = value(values[row]) if callable(value) else value
        return table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))

    return damage


def retyped(name: str, to: pa.DataType, convert: Callable[[object], object]) -> Damage:
    def damage(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        return table.set_column(place, name, pa.array([convert(value) for value in table.column(name).to_pylist()], to))

    return damage


def unit(name: str, said: str) -> Damage:
    def damage(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        return table.set_column(
            place, pa.field(name, table.schema.field(name).type, metadata={"unit": said}), table.column(name)
        )

    return damage


def repeated(*changes: Damage) -> Damage:
    """Append a copy of row BAD, changed."""

    def damage(table: pa.Table) -> pa.Table:
        row = table.slice(BAD, 1)
        for change in changes:
            row = change(row)
        return pa.concat_tables([table, row])

    return damage


def many(name: str, value: object, rows: int) -> Damage:
    def damage(table: pa.Table) -> pa.Table:
        for row in range(rows):
            table = cell(name, value, row)(table)
        return table

    return damage


@dataclass(frozen=True)
class RowDefect:
    """One damaged row of an outside table: it must come out under ``code``, the others must be published."""

    name: str
    contract: TableContract
    damage: Damage
    code: str
    rejected: int = 1


@dataclass(frozen=True)
class TableDefect:
    """A table broken as a whole: refused with a message holding every text of ``told``."""

    name: str
    contract: TableContract
    damage: Damage
    told: tuple[str, ...]


@dataclass(frozen=True)
class FileDefect:
    """A file that must be reported under ``code`` with a message holding ``told``; ``write`` returns the file to judge."""

    name: str
    write: Callable[[Path], Path]
    code: str
    told: str


AT = datetime(2026, 3, 19, 10, tzinfo=UTC)
INDIA = timedelta(hours=5, minutes=30)

ROW_DEFECTS = (
    RowDefect("null_key", MICROSTRUCTURE, cell("instrument_id", None), "null_key"),
    RowDefect("null_session", SENTIMENT, cell("session_date", None), "null_key"),
    RowDefect("null_provenance", AUCTION_MM, cell("observed_at", None), "null_value"),
    RowDefect("nan_price", MICROSTRUCTURE, cell("close", float("nan")), "not_finite"),
    RowDefect("infinite_turnover", MICROSTRUCTURE, cell("turnover_ccy", float("inf")), "not_finite"),
    RowDefect("negative_infinite_reading", ALT_SIGNALS, cell("value", float("-inf")), "not_finite"),
    RowDefect("negative_price", MICROSTRUCTURE, cell("bid", -1.0), "below_minimum"),
    RowDefect("zero_price", MICROSTRUCTURE, cell("bid", 0.0), "below_minimum"),
    RowDefect("negative_depth", MICROSTRUCTURE, cell("depth_ccy", -5.0), "below_minimum"),
    RowDefect("negative_spread", MICROSTRUCTURE, cell("quoted_spread_bps", -0.1), "below_minimum"),
    RowDefect("negative_trade_count", MICROSTRUCTURE, cell("trades_count", -1), "below_minimum"),
    RowDefect("negative_demand", AUCTION_MM, cell("auction_demand", -0.5), "below_minimum"),
    RowDefect("ratio_above_one", AUCTION_MM, cell("mm_online_ratio", 1.01), "above_maximum"),
    RowDefect("ratio_as_percent", AUCTION_MM, cell("mm_online_ratio", 97.0), "above_maximum"),
    RowDefect("sentiment_above_one", SENTIMENT, cell("sentiment_score", 1.5), "above_maximum"),
    RowDefect("sentiment_below_minus_one", SENTIMENT, cell("sentiment_score", -1.0001), "below_minimum"),
    RowDefect("negative_buzz", SENTIMENT, cell("buzz_volume", -3.0), "below_minimum"),
    RowDefect("quality_above_one", ALT_SIGNALS, cell("quality_frac", 100.0), "above_maximum"),
    RowDefect("crossed_quote", MICROSTRUCTURE, cell("ask", lambda _: 1e-6), "crossed_quote"),
    RowDefect("low_above_high", MICROSTRUCTURE, cell("low", 1e9), "low_above_high"),
    RowDefect("ten_fold_close", MICROSTRUCTURE, cell("close", lambda value: 10 * value), "close_above_high"),
    RowDefect("ten_fold_bid", MICROSTRUCTURE, cell("bid", lambda value: 10 * value), "crossed_quote"),
    RowDefect("tenth_of_open", MICROSTRUCTURE, cell("open", lambda value: value / 10), "open_below_low"),
    RowDefect("bad_isin_check_digit", INSTRUMENTS, cell("instrument_id", "US0378331006"), "bad_isin_check_digit"),
    RowDefect("lower_case_isin", INSTRUMENTS, cell("instrument_id", "us0378331005"), "bad_pattern"),
    RowDefect("isin_with_arabic_digits", INSTRUMENTS, cell("instrument_id", "US037833100\u0665"), "bad_pattern"),
    RowDefect("isin_with_cyrillic_letter", INSTRUMENTS, cell("instrument_id", "\u0405S0378331005"), "bad_pattern"),
    RowDefect("isin_with_line_end", INSTRUMENTS, cell("instrument_id", "US0378331005\n"), "bad_pattern"),
    RowDefect("path_traversal", MICROSTRUCTURE, cell("instrument_id", "../../etc/passwd"), "bad_pattern"),
    RowDefect(
        "path_traversal_behind_venue",
        MICROSTRUCTURE,
        cell("instrument_id", "XNYS:a/../../../etc/passwd"),
        "bad_pattern",
    ),
    RowDefect("sql_text", SENTIMENT, cell("instrument_id", "x'; DROP TABLE fills; --"), "bad_pattern"),
    RowDefect("csv_formula", ALT_SIGNALS, cell("instrument_id", '=HYPERLINK("http://x")'), "bad_pattern"),
    RowDefect("csv_formula_in_source", ALT_SIGNALS, cell("source", "@SUM(A1)"), "bad_pattern"),
    RowDefect("long_identifier", MICROSTRUCTURE, cell("instrument_id", "XNYS:" + "A" * 300), "bad_pattern"),
    RowDefect("empty_identifier", MACRO_SERIES, cell("series_id", ""), "bad_pattern"),
    RowDefect("unknown_sector", INSTRUMENTS, cell("sector", "Bank"), "not_allowed"),
    RowDefect("rating_with_notch", INSTRUMENTS, cell("rating", "AA+"), "not_allowed"),
    RowDefect("mixed_units_in_rows", ALT_SIGNALS, cell("unit", "mwh"), "not_allowed"),
    RowDefect("volume_unit_as_method", MICROSTRUCTURE, cell("spread_method", "lots"), "not_allowed"),
    RowDefect("matures_before_issue", INSTRUMENTS, cell("maturity_date", date(1999, 1, 1)), "matures_before_issue"),
    RowDefect("future_observation", SENTIMENT, cell("known_at", AT + timedelta(days=400)), "future_timestamp"),
    RowDefect(
        "milliseconds_read_as_seconds",
        SENTIMENT,
        cell("known_at", datetime(9999, 1, 1, tzinfo=UTC)),
        "future_timestamp",
    ),
    RowDefect(
        "local_time_as_utc", MICROSTRUCTURE, cell("observed_at", lambda value: value + INDIA), "known_before_observed"
    ),
    RowDefect("known_before_observed", AUCTION_MM, cell("known_at", AT - timedelta(days=3)), "known_before_observed"),
    RowDefect("late_row_of_yesterday", SENTIMENT, cell("session_date", DAY - timedelta(days=1)), "wrong_session"),
    RowDefect("exact_repeat", MICROSTRUCTURE, repeated(), "duplicate_key"),
    RowDefect(
        "late_correction_beside_the_old",
        MICROSTRUCTURE,
        repeated(cell("turnover_ccy", 4711.0, 0)),
        "conflicting_duplicate",
        2,
    ),
    RowDefect("reused_ticker", INSTRUMENTS, repeated(cell("issuer_id", "OTHER", 0)), "conflicting_duplicate", 2),
)


TABLE_DEFECTS = (
    TableDefect(
        "missing_column",
        MICROSTRUCTURE,
        lambda table: table.drop_columns(["bid"]),
        ("microstructure", "missing", "bid"),
    ),
    TableDefect(
        "unknown_column",
        SENTIMENT,
        lambda table: table.append_column("extra", table.column("source")),
        ("unknown", "extra"),
    ),
    TableDefect(
        "renamed_column",
        SENTIMENT,
        lambda table: table.rename_columns(
            ["isin" if name == "instrument_id" else name for name in table.column_names]
        ),
        ("missing", "instrument_id", "isin"),
    ),
    TableDefect(
        "price_as_text",
        MICROSTRUCTURE,
        retyped("bid", pa.string(), str),
        ("microstructure.bid", "type string", "double"),
    ),
    TableDefect(
        "count_as_float",
        MICROSTRUCTURE,
        retyped("trades_count", pa.float64(), float),
        ("trades_count", "type double", "int64"),
    ),
    TableDefect(
        "identifier_as_number",
        SENTIMENT,
        retyped("instrument_id", pa.int64(), lambda _: 7),
        ("instrument_id", "type int64", "string"),
    ),
    TableDefect(
        "date_as_text", SENTIMENT, retyped("session_date", pa.string(), str), ("session_date", "type string", "date32")
    ),
    TableDefect(
        "naive_timestamps",
        ALT_SIGNALS,
        retyped("observed_at", pa.timestamp("us"), lambda value: value.replace(tzinfo=None)),
        ("observed_at", "without a time zone"),
    ),
    TableDefect(
        "epoch_seconds",
        ALT_SIGNALS,
        retyped("observed_at", pa.int64(), lambda _: 1773914400),
        ("observed_at", "type int64"),
    ),
    TableDefect(
        "finer_than_microseconds",
        ALT_SIGNALS,
        retyped("known_at", pa.timestamp("ns", tz="UTC"), lambda _: 1773914400_000000001),
        ("known_at", "exactly"),
    ),
    TableDefect(
        "unit_in_percent",
        MICROSTRUCTURE,
        unit("quoted_spread_bps", "percent"),
        ("quoted_spread_bps", "'percent'", "'bps'"),
    ),
    TableDefect(
        "volume_in_lots",
        MICROSTRUCTURE,
        unit("turnover_ccy", "lots"),
        ("turnover_ccy", "'lots'", "instrument currency"),
    ),
    TableDefect(
        "other_contract_version",
        SENTIMENT,
        lambda table: table.replace_schema_metadata({"contract": "sentiment", "contract_version": "99"}),
        ("version 99",),
    ),
    TableDefect(
        "source_is_broken",
        MICROSTRUCTURE,
        many("depth_ccy", -1.0, 7),
        ("7 of 60", "source itself is broken", "depth_ccy"),
    ),
    TableDefect(
        "delivered_twice", SENTIMENT, lambda table: pa.concat_tables([table, table]), ("60 of 120", "duplicate_key")
    ),
    TableDefect(
        "day_of_another_partition",
        SENTIMENT,
        lambda _: good(SENTIMENT, day=DAY - timedelta(days=1)),
        ("wrong_session", "60 of 60"),
    ),
)


def _parquet(path: Path, table: pa.Table, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def _cut(share: float) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = _parquet(folder / "sentiment.parquet", good(SENTIMENT, 2000))
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
        return path

    return write


def _content(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return write


def _flipped(folder: Path) -> Path:
    path = _parquet(folder / "sentiment.parquet", good(SENTIMENT, 2000), compression="zstd")
    whole = bytearray(path.read_bytes())
    whole[40:400] = bytes(360)
    path.write_bytes(bytes(whole))
    return path


def _bomb(folder: Path) -> Path:
    table = good(SENTIMENT, 60_000)
    place = table.column_names.index("topics")
    long = pa.array(["x" * 100_000]).dictionary_encode()
    repeated_text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(table.num_rows, dtype=np.int32)), long.dictionary)
    return _parquet(folder / "sentiment.parquet", table.set_column(place, "topics", repeated_text), compression="zstd")


def _wide(folder: Path) -> Path:
    return _parquet(folder / "sentiment.parquet", pa.table({f"c{number}": [1.0] for number in range(2000)}))


def _long(folder: Path) -> Path:
    return _parquet(folder / "sentiment.parquet", pa.table({"c": pa.array(np.zeros(21_000_000, dtype=np.int8))}))


def _wrong_ending(folder: Path) -> Path:
    return _parquet(folder / "sentiment.csv", good(SENTIMENT))


def _csv_named_parquet(folder: Path) -> Path:
    pacsv.write_csv(good(SENTIMENT), folder / "sentiment.parquet")
    return folder / "sentiment.parquet"


def _zipped(folder: Path) -> Path:
    path = folder / "sentiment.csv"
    path.write_bytes(gzip.compress(b"a,b\n"))
    return path


def _naive_csv(folder: Path) -> Path:
    path = folder / "sentiment.csv"
    pacsv.write_csv(good(SENTIMENT), path)
    path.write_text(path.read_text().replace("Z,", ","))
    return path


def _outside(folder: Path) -> Path:
    inside = folder / "landing" / "sentiment"
    inside.mkdir(parents=True)
    outside = _parquet(folder / "secret.parquet", good(SENTIMENT))
    (inside / "day.parquet").symlink_to(outside)
    return inside


def _in_wrong_day(folder: Path) -> Path:
    return _parquet(folder / "sentiment" / "session_date=2026-03-20.parquet", good(SENTIMENT))


def _csv_formula(folder: Path) -> Path:
    path = folder / "sentiment.csv"
    pacsv.write_csv(cell("instrument_id", "=1+1")(good(SENTIMENT)), path)
    return path


FILE_DEFECTS = (
    FileDefect("torn_at_half", _cut(0.5), "unreadable", "torn"),
    FileDefect("torn_at_last_byte", _cut(0.999), "unreadable", "torn"),
    FileDefect("empty_file", _content("sentiment.parquet", b""), "unreadable", "empty (0 bytes)"),
    FileDefect(
        "garbage",
        _content("sentiment.parquet", b"PAR1" + bytes(range(256)) * 8),
        "unreadable",
        "not a readable parquet",
    ),
    FileDefect("flipped_bytes", _flipped, "unreadable", "sentiment.parquet"),
    FileDefect("parquet_named_csv", _wrong_ending, "unreadable", "content is parquet"),
    FileDefect("csv_named_parquet", _csv_named_parquet, "unreadable", "not parquet"),
    FileDefect("compressed_csv", _zipped, "unreadable", "unpack"),
    FileDefect("text_bomb", _bomb, "unreadable", "once decoded"),
    FileDefect("too_many_columns", _wide, "unreadable", "2000 columns"),
    FileDefect("too_many_rows", _long, "unreadable", "21000000 rows"),
    FileDefect("broken_json", _content("sentiment.json", b'[{"instrument_id": '), "unreadable", "json"),
    FileDefect("json_of_numbers", _content("sentiment.json", b"[1, 2]"), "unreadable", "objects"),
    FileDefect("naive_csv_times", _naive_csv, "unreadable", "zone"),
    FileDefect("unknown_table", _content("weather.csv", b"a\n1\n"), "unknown_table", "no contract"),
    FileDefect("link_out_of_the_folder", _outside, "unsafe_path", "outside"),
    FileDefect("file_in_the_wrong_day", _in_wrong_day, "wrong_session", "60 of 60"),
    FileDefect("csv_formula_in_csv", _csv_formula, "bad_pattern", "=1+1"),
    FileDefect("missing_path", lambda folder: folder / "nowhere", "nothing_found", "does not exist"),
    FileDefect("folder_without_tables", lambda folder: folder, "nothing_found", "holds no"),
)
