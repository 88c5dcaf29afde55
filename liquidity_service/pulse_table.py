"""The pulse as a table in the terminal: what moved most, why, how sure, how old."""

from datetime import date
from typing import Any

import orjson
import pandas as pd
from rich.console import Console
from rich.table import Table

from liquidity.contracts import LIQUIDITY_PULSE
from liquidity.domain.errors import ContractError
from resources.lake import Lake
from resources.settings import Settings

__all__ = ["print_pulse", "pulse_rows"]

_MARKETS = (
    ("Simulated market", lambda frame: frame["source"] == "simulated"),
    ("Corporate bonds", lambda frame: (frame["asset_class"] == "bond_corporate") & (frame["source"] != "simulated")),
    ("Sovereign bonds", lambda frame: (frame["asset_class"] == "bond_sovereign") & (frame["source"] != "simulated")),
    ("Equities", lambda frame: (frame["asset_class"] == "equity") & (frame["source"] != "simulated")),
    ("Crypto", lambda frame: frame["asset_class"].str.startswith("crypto") & (frame["source"] != "simulated")),
)


def print_pulse(settings: Settings, *, session: date | None, rows: int) -> int:
    """Print one table per market, for ``session`` or the newest session of each market."""
    console = Console()
    lake = Lake(settings.lake_dir)
    days = lake.sessions(LIQUIDITY_PULSE)
    if session is not None:
        days = [day for day in days if day == session]
    if not days:
        raise ContractError(
            f"no pulse is published{'' if session is None else f' for {session}'}; `pulse tour` makes one"
        )
    printed = 0
    for title, belongs in _MARKETS:
        found = _newest_with_rows(lake, days, belongs)
        if found is None:
            continue
        day, frame = found
        console.print(_table(title, day, frame, rows))
        printed += 1
    return 0 if printed else 1


def _newest_with_rows(lake: Lake, days: list[date], belongs: Any) -> tuple[date, pd.DataFrame] | None:
    """The newest day of a market; days are read backwards a few at a time because markets end at different times."""
    block = 40
    for last in range(len(days), 0, -block):
        chunk = days[max(0, last - block) : last]
        frame = lake.read(LIQUIDITY_PULSE, chunk[0], chunk[-1]).to_pandas()
        frame = frame[belongs(frame)] if len(frame) else frame
        if len(frame):
            newest = frame["session_date"].max()
            return newest, frame[frame["session_date"] == newest]
    return None


def pulse_rows(frame: pd.DataFrame, rows: int) -> list[dict[str, Any]]:
    """The ``rows`` instruments that moved most, then the least liquid, as plain records of what the table shows."""
    order = frame.assign(_move=frame["change_points"].abs().fillna(-1.0)).sort_values(
        ["_move", "liquidity_score"], ascending=[False, True]
    )
    return [_record(row) for row in order.head(rows).to_dict("records")]


def _record(row: dict[str, Any]) -> dict[str, Any]:
    document = orjson.loads(row["document"])
    liquidity = document["scores"]["liquidity"]
    drivers = document.get("change", {}).get("drivers") or liquidity.get("drivers", [])
    named = [f"{d['feature']} {d['contribution']:+.1f}" for d in drivers[:3] if d.get("contribution") is not None]
    age_s = liquidity.get("oldest_input_age_s")
    return {
        "instrument": row["instrument_id"],
        "score": liquidity["score"],
        "sd": liquidity["uncertainty_sd"],
        "change": row["change_points"],
        "bondx": row["bondx_score"],
        "coverage": liquidity["coverage_frac"],
        "age_h": None if age_s is None else age_s / 3600.0,
        "method": liquidity["method"],
        "drivers": ", ".join(named) if named else liquidity.get("reason", ""),
    }


def _table(title: str, day: date, frame: pd.DataFrame, rows: int) -> Table:
    scored = int(frame["liquidity_score"].notna().sum())
    table = Table(
        title=f"{title}, session {day}: {scored} of {len(frame)} scored, median {frame['liquidity_score'].median():.1f}",
        title_justify="left",
    )
    for name, justify in (
        ("instrument", "left"),
        ("liquidity 0-100", "right"),
        ("change", "right"),
        ("bondx", "right"),
        ("coverage", "right"),
        ("oldest input, market h", "right"),
        ("method", "left"),
        ("moved by (points)", "left"),
    ):
        table.add_column(name, justify=justify, no_wrap=name == "instrument")  # type: ignore[arg-type]
    for record in pulse_rows(frame, rows):
        table.add_row(
            record["instrument"],
            "-" if _missing(record["score"]) else f"{record['score']:.1f} ±{record['sd']:.1f}",
            "-" if _missing(record["change"]) else f"{record['change']:+.1f}",
            "-" if _missing(record["bondx"]) else f"{record['bondx']:.1f}",
            f"{record['coverage']:.0%}",
            "-" if _missing(record["age_h"]) else f"{record['age_h']:.1f}",
            record["method"],
            record["drivers"],
        )
    return table


def _missing(value: float | None) -> bool:
    return value is None or value != value
