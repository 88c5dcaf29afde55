"""``pulse risk-report``: judge value at risk and the impact models on recorded histories; write the page."""

import argparse
from pathlib import Path

from resources.atomic_file import replacing
from resources.settings import Settings

__all__ = ["add_risk_report_command", "run"]


def add_risk_report_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "risk-report", help="judge value at risk and cost models on recorded histories; write the page"
    )
    parser.add_argument("--out", type=Path, help="folder of the page (default: docs of the project)")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write ``risk_report.md`` and its picture; 0 when done."""
    from rich.console import Console

    from liquidity_service.risk_report import gather_risk_report
    from liquidity_service.risk_report_page import risk_report_page
    from liquidity_service.risk_report_pictures import draw_risk_picture
    from liquidity_service.workspace import project_root

    console = Console()
    folder = options.out or project_root() / "docs"
    with console.status("judging the models"):
        report = gather_risk_report(settings)
    drawn = draw_risk_picture(report, folder)
    page = folder / "risk_report.md"
    with replacing(page) as staged:
        staged.write_text(risk_report_page(report, drawn=drawn), encoding="utf-8")
    console.print(
        f"{page}: {len(report.markets)} markets judged in {report.seconds:.0f} s", highlight=False, soft_wrap=True
    )
    return 0
