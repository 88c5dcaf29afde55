"""The simulated market as landing files, in the same layout that recorded files are put down in.

``<landing>/<table>/simulated-YYYY-MM.parquet`` (or ``-YYYY-MM-DD``) and ``<landing>/simulated_truth.json``, which is
written last: it says how far the files are complete, so a run that was cut off is simply repeated from there.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from liquidity.domain.errors import ConfigError
from liquidity.simulation import (
    SIMULATED_CONTRACTS,
    GroundTruth,
    MarketConfig,
    SimulatedDay,
    ground_truth,
    simulate_market,
)
from liquidity.simulation.tables import fed_columns

__all__ = ["TRUTH_FILE", "Layout", "SimulationReport", "read_truth", "simulate_to_landing", "write_landing"]

Layout = Literal["day", "month"]
TRUTH_FILE: Final = "simulated_truth.json"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """What one run wrote.

    ``rows`` counts rows written per table; ``files`` the files written or replaced; ``first_day``..``last_day`` the
    days in them, None when everything was there already; ``events`` the planted events of the whole market.
    """

    rows: dict[str, int]
    files: int
    first_day: date | None
    last_day: date | None
    events: int
    truth: Path

    def __str__(self) -> str:
        """Two lines for the terminal."""
        if self.first_day is None:
            return f"simulated market: complete already, nothing written; ground truth with {self.events} events in {self.truth}"
        counts = ", ".join(f"{table} {rows:,}" for table, rows in self.rows.items())
        return (
            f"simulated market {self.first_day}..{self.last_day}: {self.files} files, rows {counts}\n"
            f"ground truth with {self.events} planted events in {self.truth}"
        )


def simulate_to_landing(
    landing: Path, config: MarketConfig, start: date, end: date, layout: Layout = "month"
) -> SimulationReport:
    """Bring the landing folder's simulated market up to ``end``.

    A later ``end`` writes only the missing days (layout ``day``) or the months that are not complete; the files are
    byte-equal to those of one run over the whole span. An ``end`` that is already there writes nothing.

    Parameters
    ----------
    landing
        Folder; made when absent.
    start
        First day of the market.
    end
        Last day, inclusive.

    Raises
    ------
    ConfigError
        The folder holds a market of another configuration, start or layout, or ``end`` is before ``start``.
    """
    if layout not in ("day", "month"):
        raise ConfigError(f"simulated landing files: layout {layout!r}; allowed: 'day', 'month'")
    truth_path = landing / TRUTH_FILE
    described = _describe(config, start, layout)
    emit_from, complete_until = start, None
    if truth_path.exists():
        stored = read_truth(landing)
        different = sorted(key for key in described if stored.get(key) != described[key])
        if different:
            raise ConfigError(
                f"{truth_path}: the folder holds another simulated market ({', '.join(different)} differ); "
                "choose another folder, or delete this file and the simulated-* files to start anew"
            )
        complete_until = date.fromisoformat(stored["end"])
        following = complete_until + timedelta(days=1)
        emit_from = following if layout == "day" else max(start, following.replace(day=1))
    planted = ground_truth(config, start, max(end, complete_until or end))
    if complete_until is not None and end <= complete_until:
        return SimulationReport(dict.fromkeys(SIMULATED_CONTRACTS, 0), 0, None, None, len(planted.events), truth_path)
    rows, files = write_landing(landing, simulate_market(config, start, end, emit_from=emit_from), layout)
    _replace_text(truth_path, _truth_text(described, planted))
    return SimulationReport(rows, files, emit_from, end, len(planted.events), truth_path)


def write_landing(landing: Path, days: Iterable[SimulatedDay], layout: Layout = "month") -> tuple[dict[str, int], int]:
    """Write each day's tables; returns the rows per table and the number of files.

    One row group per day and one open file per table: memory is that of one day. A file appears whole or not at all;
    a table without rows in the period has no file.
    """
    rows = dict.fromkeys(SIMULATED_CONTRACTS, 0)
    files = 0
    length = 10 if layout == "day" else 7
    for period, inside in groupby(days, key=lambda day: day.session_date.isoformat()[:length]):
        written = _write_period(landing, f"simulated-{period}.parquet", inside, rows)
        files += written
    return rows, files


def read_truth(landing: Path) -> dict[str, Any]:
    """Read the stored ground truth: ``config, start, end, layout, events`` and the weekday effects.

    Raises
    ------
    ConfigError
        The file is absent or not JSON of this format.
    """
    path = landing / TRUTH_FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no simulated market here; make one with `pulse simulate --out {landing}`") from None
    except ValueError as cause:
        raise ConfigError(f"{path}: not readable as JSON ({cause}); delete it and simulate again") from cause
    if not isinstance(stored, dict) or stored.get("format") != _FORMAT:
        raise ConfigError(f"{path}: not a ground truth of format {_FORMAT}; delete it and simulate again")
    return stored


def _write_period(landing: Path, name: str, days: Iterator[SimulatedDay], rows: dict[str, int]) -> int:
    writers: dict[str, tuple[pq.ParquetWriter, Path]] = {}
    try:
        for day in days:
            for table, frame in day.tables.items():
                if frame.empty:
                    continue
                if table not in writers:
                    folder = landing / table
                    folder.mkdir(parents=True, exist_ok=True)
                    unfinished = folder / f".{name}.part"
                    writers[table] = (pq.ParquetWriter(unfinished, _schema(table), compression="zstd"), unfinished)
                writers[table][0].write_table(pa.Table.from_pandas(frame, schema=_schema(table), preserve_index=False))
                rows[table] += len(frame)
    except BaseException:
        for writer, unfinished in writers.values():
            writer.close()
            unfinished.unlink(missing_ok=True)
        raise
    for table, (writer, unfinished) in writers.items():
        writer.close()
        _settle(unfinished, landing / table / name)
    return len(writers)


def _schema(table: str) -> pa.Schema:
    contract = SIMULATED_CONTRACTS[table]
    whole = contract.arrow_schema
    return pa.schema([whole.field(name) for name in fed_columns(contract)], metadata=whole.metadata)


def _describe(config: MarketConfig, start: date, layout: Layout) -> dict[str, Any]:
    values = asdict(config)
    plain = {
        field.name: list(value) if isinstance(value := values[field.name], tuple) else value for field in fields(config)
    }
    return {"format": _FORMAT, "config": plain, "start": start.isoformat(), "layout": layout}


def _truth_text(described: dict[str, Any], planted: GroundTruth) -> str:
    events = [
        {**asdict(event), "first_day": event.first_day.isoformat(), "last_day": event.last_day.isoformat()}
        for event in planted.events
    ]
    content = {
        **described,
        "source": "simulated",
        "end": planted.end.isoformat(),
        "events": events,
        "trading_weekday_frac": list(planted.trading_weekday_frac),
        "spread_weekday_frac": list(planted.spread_weekday_frac),
        "traffic_weekday_frac": list(planted.traffic_weekday_frac),
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _replace_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(text, encoding="utf-8")
    _settle(unfinished, path)


def _settle(unfinished: Path, final: Path) -> None:
    """Put a finished file in its place: on disk first, then under its name."""
    with unfinished.open("rb") as handle:
        os.fsync(handle.fileno())
    unfinished.replace(final)
