"""The pulse as a table in the terminal: what moved most, why, how sure, how old."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import orjson
import pandas as pd
from rich.console import Console
from rich.table import Table

from liquidity.contracts import LIQUIDITY_PULSE
from liquidity.contracts.conform import frame_from_table
from liquidity.domain.errors import ContractError
from resources.lake import Lake
from resources.settings import Settings

__all__ = ["WIDE", "newest_by_source", "print_pulse", "pulse_rows"]

# Days are read backwards in blocks, because sources end at different times.
_BLOCK_DAYS: Final = 40
_SIMULATED: Final = "simulated"
_ROWS_OF_OTHERS: Final = 6
WIDE: Final = 120
"""Columns of a terminal from which on tables are shown whole."""


def print_pulse(settings: Settings, *, session: date | None, rows: int) -> int:
    """Print one table per source, for ``session`` or the newest session of each source on which something is scored."""
    console = Console()
    lake = Lake(settings.lake_dir)
    days = [day for day in lake.sessions(LIQUIDITY_PULSE) if session is None or day == session]
    newest = newest_by_source(lake, days)
    if not newest:
        raise ContractError(
            f"no pulse is published{'' if session is None else f' for {session}'}; `pulse tour` makes one"
        )
    for source, frame in sorted(newest.items(), key=lambda item: (item[0] != _SIMULATED, item[0])):
        day = frame["session_date"].iloc[0].date()
        scored = frame["liquidity_score"].notna()
        if scored.any():
            shown = rows if source == _SIMULATED else min(rows, _ROWS_OF_OTHERS)
            console.print(_table(source, day, frame, shown, console.width))
        if not scored.all():
            first = frame[~scored].iloc[0]
            reason = orjson.loads(first["document"])["liquidity"]["reason"]
            console.print(
                f"{source}, session {day}: {(~scored).sum()} of {len(frame)} without a score, for example "
                f"{first['instrument_id']}: {reason}\n",
                highlight=False,
            )
    return 0


def newest_by_source(lake: Lake, days: Sequence[date]) -> dict[str, pd.DataFrame]:
    """Rows of each source's newest session with a score, or of its newest session where none ever has one."""
    scored: dict[str, pd.DataFrame] = {}
    unscored: dict[str, pd.DataFrame] = {}
    for last in range(len(days), 0, -_BLOCK_DAYS):
        block = days[max(0, last - _BLOCK_DAYS) : last]
        frame = frame_from_table(lake.read(LIQUIDITY_PULSE, block[0], block[-1]))
        for (source, _), group in sorted(
            frame.groupby(["source", "session_date"]), key=lambda item: item[0][1], reverse=True
        ):
            found = scored if group["liquidity_score"].notna().any() else unscored
            found.setdefault(str(source), group)
    return {**unscored, **scored}


def pulse_rows(frame: pd.DataFrame, rows: int) -> list[dict[str, Any]]:
    """The ``rows`` scored instruments that moved most, then the least liquid, as plain records of what the table shows."""
    order = (
        frame[frame["liquidity_score"].notna()]
        .assign(_move=frame["change_points"].abs().fillna(-1.0))
        .sort_values(["_move", "liquidity_score"], ascending=[False, True])
    )
    return [_record(row) for row in order.head(rows).to_dict("records")]


def _record(row: dict[str, Any]) -> dict[str, Any]:
    document = orjson.loads(row["document"])
    liquidity, change = document["liquidity"], document["change"]
    moved = [
        f"{part['feature']} {part['points']:+.1f}" for part in change["drivers"][:3] if abs(part["points"]) >= 0.05
    ]
    made = [f"{part['feature']} {part['contribution']:+.1f}" for part in liquidity["drivers"][:3]]
    age_s = liquidity["oldest_input_age_s"]
    return {
        "instrument": row["instrument_id"],
        "score": liquidity["score"],
        "sd": liquidity["uncertainty_sd_points"],
        "change": row["change_points"],
        "bondx": row["bondx_score"],
        "coverage": liquidity["coverage_frac"],
        "age_h": None if age_s is None else age_s / 3600.0,
        "method": liquidity["method"],
        "ahead": _ahead(document.get("forecast", {}).get("liquidity")),
        "why": _why(moved, made, liquidity["reason"] or ""),
    }


def _ahead(forecast: dict[str, Any] | None) -> str:
    """Median of the furthest horizon and its 80 % band."""
    last = None if forecast is None else forecast["horizons"][-1]
    if last is None or last["score"] is None:
        return "-"
    return f"{last['score']:.0f} ({last['lower_80']:.0f}..{last['upper_80']:.0f})"


def _why(moved: list[str], made: list[str], reason: str) -> str:
    """What moved the score; else what it is made of; else, for an estimate, from whom and with which error."""
    if moved:
        return "moved by " + ", ".join(moved)
    if made:
        return "made of " + ", ".join(made)
    return reason[reason.index("estimated from") :] if "estimated from" in reason else reason


def _table(title: str, day: date, frame: pd.DataFrame, rows: int, width: int) -> Table:
    scored = int(frame["liquidity_score"].notna().sum())
    table = Table(
        title=f"{title}, session {day}: {scored} of {len(frame)} scored, median {frame['liquidity_score'].median():.1f}",
        title_justify="left",
        padding=(0, 0, 0, 1),
    )
    narrow = width < WIDE
    left = {"instrument", "method", "why (points)"}
    columns = [name for name in _CELLS if not (narrow and name in _ONLY_WIDE)]
    for name in columns:
        table.add_column(name, justify="left" if name in left else "right", no_wrap=name == "instrument")
    for record in pulse_rows(frame, rows):
        table.add_row(*(_CELLS[name](record) for name in columns))
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if _missing(value) else format(value, form)


_ONLY_WIDE: Final = frozenset({"bondx", "cover", "age h", "method"})

# Heading -> cell text.
_CELLS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "instrument": lambda record: record["instrument"],
    "liquidity": lambda record: "-" if _missing(record["score"]) else f"{record['score']:.1f} ±{record['sd']:.1f}",
    "change": lambda record: _number(record["change"], "+.1f"),
    "bondx": lambda record: _number(record["bondx"], ".1f"),
    "cover": lambda record: f"{record['coverage']:.0%}",
    "age h": lambda record: _number(record["age_h"], ".1f"),
    "method": lambda record: record["method"],
    "in 5 sessions": lambda record: record["ahead"],
    "why (points)": lambda record: record["why"],
}


def _missing(value: float | None) -> bool:
    return value is None or value != value
