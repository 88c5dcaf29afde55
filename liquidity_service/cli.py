"""The command line: ``pulse tour | dev | run | simulate | validate | show | history | forget | config``.

Exit codes: 0 done, 1 the data or a run is at fault, 2 the call or the configuration is.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from liquidity.domain.errors import ConfigError, ContractError, LiquidityError
from liquidity_service.workspace import JOBS, run_dev, run_job
from resources.settings import Settings, load_settings, show_config

__all__ = ["main"]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as YYYY-MM-DD") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write it as 2026-11-20T18:00:00+00:00") from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone; write it as {text}+00:00")
    return moment


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pulse", description="Liquidity of bonds and crypto: checked signals, 0-100 indices, published pulse."
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
    run.add_argument("--start", type=_day, required=True)
    run.add_argument("--end", type=_day, help="last day (default: the first)")

    simulate = commands.add_parser("simulate", help="write a seeded market into the landing folder")
    simulate.add_argument("--out", type=Path, help="landing folder (default: the workspace's)")
    simulate.add_argument("--start", type=_day)
    simulate.add_argument("--end", type=_day, help="last day (default: yesterday)")
    simulate.add_argument("--bonds", type=int)
    simulate.add_argument("--seed", type=int)
    simulate.add_argument("--layout", choices=("day", "month"), default="month")

    validate = commands.add_parser("validate", help="check files against the table contracts; 0 good, 1 not")
    validate.add_argument("path", type=Path)
    validate.add_argument("--table", dest="contract", help="table the file belongs to, where its name does not say")
    validate.add_argument("--json", action="store_true", help="machine-readable report")

    show = commands.add_parser("show", help="print the pulse of a session")
    show.add_argument("--date", type=_day, help="session (default: the newest of each market)")
    show.add_argument("--rows", type=int, default=12)

    history = commands.add_parser("history", help="what was published for an instrument on a date, as of a time")
    history.add_argument("instrument")
    history.add_argument("--date", type=_day, required=True)
    history.add_argument("--as-of", type=_moment, help="moment to look back from (default: now)")

    commands.add_parser("forget", help="drop superseded publications older than publication.retention_days")
    commands.add_parser("config", help="every setting, its value and where it comes from; secrets masked")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    options = _parser().parse_args(arguments)
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
        case "validate":
            return _validate(options)
        case "show":
            from liquidity_service.pulse_table import print_pulse

            return print_pulse(settings, session=options.date, rows=options.rows)
        case "history":
            return _history(options, settings)
        case "forget":
            return _forget(settings)
        case _:
            print(show_config(settings))
            return 0


def _simulate(options: argparse.Namespace, settings: Settings) -> int:
    from liquidity_service.tour import simulation_config
    from resources.feeds._simulated_files import simulate_to_landing

    config = simulation_config(settings, bonds=options.bonds, seed=options.seed)
    end = options.end or datetime.now(UTC).date() - timedelta(days=1)
    landing = options.out or settings.landing_dir
    report = simulate_to_landing(landing, config, options.start or settings.simulate_start, end, options.layout)
    print(report)
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
