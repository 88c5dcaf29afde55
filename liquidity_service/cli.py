"""The command line: ``pulse tour | dev | run | simulate | record | book | validate | show | assess | portfolio | stress | ...``.

The larger commands keep their options and their work in a file each (``record_command.py``, ``book_commands.py``,
``risk_commands.py``, ``collect.py``, ``emulator/command.py``); heavy libraries are imported by the command that needs them.

Exit codes: 0 done, 1 the data or a run is at fault, 2 the call or the configuration is.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from liquidity.domain.errors import ConfigError, ContractError, LiquidityError
from liquidity_service import (
    book_commands,
    collect,
    record_command,
    report_command,
    risk_commands,
    risk_report_command,
)
from liquidity_service.arguments import day, moment
from liquidity_service.workspace import JOBS, run_dev, run_job
from resources.settings import Settings, load_settings, show_config

__all__ = ["main"]


def _parser(wanted: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pulse",
        description="Liquidity of bonds and crypto: checked signals, 0-100 indices, published pulse, portfolio risk.",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    tour = commands.add_parser(
        "tour", help="simulate, ingest, materialise the last sessions of everything, print the pulse"
    )
    tour.add_argument("--sessions", type=int, default=30, help="sessions of each market to compute (default 30)")
    tour.add_argument("--no-simulation", action="store_true", help="recorded data and the landing folder only")
    tour.add_argument("--again", action="store_true", help="run even where nothing changed")

    dev = commands.add_parser("dev", help="open the Dagster UI and daemon on the workspace")
    dev.add_argument("--port", type=int, default=3000)
    dev.add_argument("--host", default="127.0.0.1")
    dev.add_argument(
        "--small", action="store_true", help="one code server for all locations: less memory, no isolation"
    )

    run = commands.add_parser("run", help="run a job over a range of days as one Dagster run")
    run.add_argument("job", choices=JOBS)
    run.add_argument("--start", type=day, required=True)
    run.add_argument("--end", type=day, help="last day (default: the first)")

    simulate = commands.add_parser("simulate", help="write a seeded market into the landing folder")
    simulate.add_argument("--out", type=Path, help="landing folder (default: the workspace's)")
    simulate.add_argument("--start", type=day)
    simulate.add_argument("--end", type=day, help="last day (default: yesterday)")
    simulate.add_argument("--bonds", type=int)
    simulate.add_argument("--seed", type=int)
    simulate.add_argument("--layout", choices=("day", "month"), default="month")

    record_command.add_arguments(
        commands.add_parser("record", help="record order books and trades of a venue until stopped")
    )
    book_commands.add_arguments(
        commands.add_parser("book", help="check, replay, compare and store recorded order books")
    )
    collect.add_arguments(
        commands.add_parser("collect", help="gather real history of a venue over REST into the landing folder")
    )
    emulate = commands.add_parser("emulate", help="serve a recorded or made-up market in a venue's own protocol")
    if wanted == "emulate":  # its options come with a web server, which no other command loads
        from liquidity_service.emulator.command import add_arguments

        add_arguments(emulate)

    validate = commands.add_parser("validate", help="check files against the table contracts; 0 good, 1 not")
    validate.add_argument("path", type=Path)
    validate.add_argument("--table", dest="contract", help="table the file belongs to, where its name does not say")
    validate.add_argument("--json", action="store_true", help="machine-readable report")

    show = commands.add_parser("show", help="print the pulse of a session")
    show.add_argument("--date", type=day, help="session (default: the newest of each market)")
    show.add_argument("--rows", type=int, default=12)

    history = commands.add_parser("history", help="what was published for an instrument on a date, as of a time")
    history.add_argument("instrument")
    history.add_argument("--date", type=day, required=True)
    history.add_argument("--as-of", type=moment, help="moment to look back from (default: now)")

    retain = commands.add_parser("retain", help="remove market data older than retention.*_days from the database")
    retain.add_argument("--dry-run", action="store_true", help="list what would go; change nothing")

    risk_commands.add_risk_commands(commands)
    report_command.add_report_command(commands)
    risk_report_command.add_risk_report_command(commands)
    commands.add_parser("forget", help="drop superseded publications older than publication.retention_days")
    commands.add_parser("config", help="every setting, its value and where it comes from; secrets masked")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser(words[0] if words else "").parse_args(words)
    try:
        return _run(options, load_settings())
    except ConfigError as error:
        sys.stderr.write(f"pulse: {error}\n")
        return 2
    except LiquidityError as error:
        sys.stderr.write(f"pulse: {error}\n")
        return 1


def _run(options: argparse.Namespace, settings: Settings) -> int:
    match options.command:
        case "tour":
            from liquidity_service.tour import run_tour

            return run_tour(
                settings, sessions=options.sessions, simulation=not options.no_simulation, again=options.again
            )
        case "dev":
            return run_dev(settings, host=options.host, port=options.port, small=options.small)
        case "run":
            return run_job(settings, options.job, options.start, options.end or options.start)
        case "simulate":
            return _simulate(options, settings)
        case "record":
            return record_command.run(options, settings)
        case "book":
            return book_commands.run(options)
        case "collect":
            return collect.run(options, settings)
        case "emulate":
            from liquidity_service.emulator.command import run_emulator

            return run_emulator(options)
        case "validate":
            return _validate(options)
        case "show":
            from liquidity_service.pulse_table import print_pulse

            return print_pulse(settings, session=options.date, rows=options.rows)
        case command if command in risk_commands.COMMANDS:
            return risk_commands.run(options, settings)
        case "forecast-report":
            return report_command.run(options, settings)
        case "risk-report":
            return risk_report_command.run(options, settings)
        case "history":
            return _history(options, settings)
        case "retain":
            return _retain(settings, dry_run=options.dry_run)
        case "forget":
            return _forget(settings)
        case _:
            print(show_config(settings))
            return 0


def _simulate(options: argparse.Namespace, settings: Settings) -> int:
    from liquidity_service.tour import simulate_tapes, simulation_config
    from resources.demo_portfolios import demo_portfolios_to_landing
    from resources.feeds._simulated_files import simulate_to_landing

    config = simulation_config(settings, bonds=options.bonds, seed=options.seed)
    start = options.start or settings.simulate_start
    end = options.end or datetime.now(UTC).date() - timedelta(days=1)
    landing = options.out or settings.landing_dir
    print(simulate_to_landing(landing, config, start, end, options.layout))
    print(simulate_tapes(landing, config, start, end))
    print(demo_portfolios_to_landing(landing, start, end, config.seed))
    return 0


def _validate(options: argparse.Namespace) -> int:
    from liquidity.contracts import ALL_CONTRACTS
    from resources.file_validation import validate_path

    contract = None
    if options.contract:
        contract = next((c for c in ALL_CONTRACTS if c.name == options.contract), None)
        if contract is None:
            raise ConfigError(f"no table {options.contract!r}; there are {', '.join(c.name for c in ALL_CONTRACTS)}")
    report = validate_path(options.path, contract)
    print(report.to_json() if options.json else report.to_text())
    return 0 if report.passed else 1


def _history(options: argparse.Namespace, settings: Settings) -> int:
    from resources.workspace_database import open_pulse_store

    with open_pulse_store(settings) as store:
        published = store.what_was_published(options.instrument, options.date, options.as_of or datetime.now(UTC))
    if published is None:
        raise ContractError(
            f"nothing was published for {options.instrument} on {options.date} by then; `pulse show --date {options.date}` lists what there is"
        )
    print(published.text())
    return 0


def _retain(settings: Settings, *, dry_run: bool) -> int:
    from resources.stores.retention import apply_retention, removals_due
    from resources.workspace_database import open_market_data

    act = removals_due if dry_run else apply_retention
    with open_market_data(settings) as store:
        removals = act(store.engine, settings.retention.model_dump(), datetime.now(UTC))
    for removal in removals:
        print(f"{removal.table_name} {removal.day}: {removal.rows_count} rows, kept for {removal.kept_days} days")
    print(f"{len(removals)} days {'would be removed' if dry_run else 'removed'}; config/liquidity.yaml, retention")
    return 0


def _forget(settings: Settings) -> int:
    from resources.workspace_database import open_pulse_store

    days = settings.publication.retention_days
    if days is None:
        raise ConfigError(
            "publication.retention_days is null, so nothing may be forgotten; set it in config/liquidity.yaml"
        )
    with open_pulse_store(settings) as store:
        forgotten = store.forget_superseded(datetime.now(UTC) - timedelta(days=days))
    print(f"{forgotten} superseded publications older than {days} days forgotten; the newest of each session stays")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
