"""``pulse assess | portfolio | stress | report``: liquidity risk from the published tables.

Every number is a stored one, or the liquidity surface's answer for the order that is asked about. Exit codes: 0 told, 1 the
lake has not what it takes or has no answer, 2 an unknown instrument, portfolio, session or scenario. A broken limit or a
failed test is an answer: it is printed, and the exit code stays 0.
"""

import argparse
import sys
from pathlib import Path

from liquidity.contracts.risk_regulation import REGIMES
from liquidity_service.arguments import above_zero, day
from resources.settings import Settings

__all__ = ["COMMANDS", "add_risk_commands", "run"]

COMMANDS = ("assess", "portfolio", "stress", "report")
_URGENCIES = ("low", "medium", "high", "critical")


def add_risk_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the four commands and their options."""
    assess = commands.add_parser("assess", help="cost, time and warnings of one order or position")
    assess.add_argument("instrument", metavar="INSTRUMENT")
    assess.add_argument("size", type=above_zero, metavar="SIZE", help="units of the price; with --money an amount")
    assess.add_argument("--side", choices=("sell", "buy"), default="sell", help="default sell: leaving a position")
    assess.add_argument("--money", action="store_true", help="SIZE is money in the instrument's currency")
    assess.add_argument("--urgency", choices=_URGENCIES, default="medium")
    assess.add_argument("--session", type=day, help="session of the surface (default: the newest with the instrument)")
    assess.add_argument("--json", action="store_true", help="machine-readable")

    portfolio = commands.add_parser("portfolio", help="liquidity, limits and risk of the portfolios")
    portfolio.add_argument(
        "portfolio", nargs="?", metavar="P", help="one portfolio in full (default: all in one table)"
    )
    portfolio.add_argument("--session", type=day, help="default: the newest of each portfolio")
    portfolio.add_argument("--rows", type=int, default=8, help="worst names shown (default 8)")

    stress = commands.add_parser("stress", help="portfolios before and after each scenario, and what breaks first")
    stress.add_argument("--portfolio", metavar="P", help="default: every portfolio")
    stress.add_argument("--scenario", metavar="S", help="one scenario, position by position")
    stress.add_argument("--grid", action="store_true", help="the what-if grid")
    stress.add_argument("--session", type=day, help="default: the newest of each portfolio")

    report = commands.add_parser("report", help="report pack of a regime from the stored tests and buckets")
    report.add_argument("regime", choices=REGIMES)
    report.add_argument("--portfolio", metavar="P", help="default: every portfolio that has the pack")
    report.add_argument("--session", type=day, help="default: the newest of each portfolio")
    form = report.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the whole pack as data")
    form.add_argument("--markdown", action="store_true", help="the whole pack as a document")
    report.add_argument(
        "--out", type=Path, metavar="FILE", help="write there instead, as FILE's ending (.json, .md) says"
    )


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run one of :data:`COMMANDS`."""
    match options.command:
        case "assess":
            return _assess(options, settings)
        case "portfolio":
            from liquidity_service.portfolio_table import print_portfolio, print_portfolios

            if options.portfolio is None:
                return print_portfolios(settings, session=options.session)
            return print_portfolio(settings, options.portfolio, session=options.session, rows=options.rows)
        case "stress":
            from liquidity_service.stress_table import print_stress

            return print_stress(
                settings,
                portfolio=options.portfolio,
                scenario=options.scenario,
                grid=options.grid,
                session=options.session,
            )
        case _:
            from liquidity_service.report_packs import tell_report

            form = "json" if options.json else "markdown" if options.markdown else None
            return tell_report(
                settings,
                options.regime,
                portfolio=options.portfolio,
                session=options.session,
                form=form,
                out=options.out,
            )


def _assess(options: argparse.Namespace, settings: Settings) -> int:
    from rich.console import Console

    from liquidity_service.assess_table import assess_order, print_assessment

    order = assess_order(
        settings,
        options.instrument,
        options.size,
        buys=options.side == "buy",
        urgency=options.urgency,
        session=options.session,
        in_money=options.money,
    )
    if options.json:
        sys.stdout.write(order.as_json() + "\n")
    else:
        print_assessment(Console(), order)
    return 1 if order.reason else 0
