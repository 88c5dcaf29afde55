"""``pulse forecast-report``: judge the forecasts on whole histories and write the page.

Histories and judged markets are kept in the data folder; a second run computes only what other data, settings or code ask for.
"""

import argparse
from pathlib import Path

from resources.atomic_file import replacing
from resources.settings import Settings

__all__ = ["add_report_command", "run"]


def add_report_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "forecast-report", help="judge the forecasts on whole recorded and simulated histories; write the page"
    )
    parser.add_argument("--quick", action="store_true", help="the last blocks of each history and smaller samples only")
    parser.add_argument("--out", type=Path, help="folder of the page (default: docs of the project)")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write ``forecast_report.md`` and its pictures; 0 when done."""
    from rich.console import Console

    from liquidity_service.forecast_report import gather_report
    from liquidity_service.forecast_report_page import report_page
    from liquidity_service.forecast_report_pictures import draw_pictures
    from liquidity_service.workspace import project_root

    console = Console()
    folder = options.out or project_root() / "docs"
    with console.status("judging the forecasts"):
        report = gather_report(settings, quick=options.quick)
    drawn = draw_pictures([each for _, each in report.evidence], folder)
    page = folder / "forecast_report.md"
    with replacing(page) as staged:
        staged.write_text(report_page(report, drawn), encoding="utf-8")
    console.print(
        f"{page}: {len(report.evidence)} scores of {len({each.group for _, each in report.evidence})} markets judged in "
        f"{report.seconds:.0f} s",
        highlight=False,
        soft_wrap=True,
    )
    return 0
