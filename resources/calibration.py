"""Does the simulated market look like the recorded ones? One row per stylised fact, measured on both in the same way.

Recorded values are computed from the recorded files at each call. The tolerance of a fact is declared beside it; for
statistics of short series it is the range that the recorded series itself shows over windows of the same length.
Read next: ``stylised_facts.py`` (the facts themselves), ``docs/methodology/simulator.md``, whose table
:func:`write_report` generates.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.domain.errors import InsufficientDataError, SourceUnavailableError
from liquidity.simulation import MarketConfig, SimulatedDay, simulate_market
from resources.stylised_facts import RECORDED_FILES, Fact, stylised_facts

__all__ = [
    "CALIBRATION_END",
    "CALIBRATION_START",
    "calibration_days",
    "calibration_report",
    "markdown_table",
    "write_report",
]

CALIBRATION_START: Final = date(2022, 1, 1)
CALIBRATION_END: Final = date(2025, 12, 31)
_BEGIN: Final = "<!-- generated: calibration table -->"
_END: Final = "<!-- end of generated table -->"


def calibration_days(seed: int = 7) -> Iterator[SimulatedDay]:
    """Simulate the market that the report is about: all defaults, four years."""
    return simulate_market(MarketConfig(seed=seed), CALIBRATION_START, CALIBRATION_END)


def calibration_report(recorded: Path, days: Iterable[SimulatedDay]) -> pd.DataFrame:
    """Compare the simulated days with the recorded files, fact by fact.

    Parameters
    ----------
    recorded
        Folder of recorded data with ``bonds/``, ``macro/``, ``alt/`` and ``ohlcv/``.
    days
        Consecutive simulated days, read once; at least two years, for yearly cycles and monthly credit spreads.

    Returns
    -------
    pd.DataFrame
        Columns ``fact, unit, recorded, simulated, lowest, highest, inside, source``; one row per fact.

    Raises
    ------
    SourceUnavailableError
        A recorded file is absent.
    InsufficientDataError
        Fewer than two simulated years.
    """
    for name in RECORDED_FILES:
        if not (recorded / name).is_file():
            raise SourceUnavailableError(
                f"calibration: recorded file {recorded / name} is absent; name the folder that holds {name}"
            )
    facts = stylised_facts(recorded, days)
    return pd.DataFrame(
        {
            "fact": [fact.name for fact in facts],
            "unit": [fact.unit for fact in facts],
            "recorded": [fact.recorded for fact in facts],
            "simulated": [fact.simulated for fact in facts],
            "lowest": [fact.lowest for fact in facts],
            "highest": [fact.highest for fact in facts],
            "inside": [fact.inside for fact in facts],
            "source": [fact.source for fact in facts],
        }
    )


def markdown_table(report: pd.DataFrame) -> str:
    """Lay the report out as a Markdown table, four significant digits."""
    lines = [
        "| fact | unit | recorded | simulated | allowed | inside | recorded in |",
        "|---|---|---:|---:|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.unit} | {_shown(row.recorded)} | {row.simulated:.4g} | {row.lowest:.4g} to {row.highest:.4g} "
        f"| {'yes' if row.inside else '**no**'} | {row.source} |"
        for row in _facts(report)
    ]
    return "\n".join(lines)


def _facts(report: pd.DataFrame) -> list[Fact]:
    columns = [
        report[name].tolist() for name in ("fact", "unit", "recorded", "simulated", "lowest", "highest", "source")
    ]
    return [Fact(*values) for values in zip(*columns, strict=True)]


def _shown(recorded: float) -> str:
    return "not recorded" if np.isnan(recorded) else f"{recorded:.4g}"


def write_report(page: Path, recorded: Path) -> pd.DataFrame:
    """Put a freshly computed table between the page's two generated-table marks; returns the report.

    Raises
    ------
    InsufficientDataError
        The page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise InsufficientDataError(f"{page}: no lines {_BEGIN!r} and {_END!r} to write the calibration table between")
    report = calibration_report(recorded, calibration_days())
    page.write_text(f"{before}{_BEGIN}\n{markdown_table(report)}\n{_END}{after}", encoding="utf-8")
    return report
