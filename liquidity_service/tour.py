"""The tour: from an empty folder to a printed pulse and the risk of portfolios, and nothing to do the second time.

The plan asks every feed and every order-book tape which sessions it has, takes the last ones of each, and runs the
pipeline over those days and the 90 days of signals before them; the books come first, because the panel reads them. Then the
forecasts are trained on all but the last ten days, and those days are forecast and judged; last comes the risk of the
portfolios on each market's newest sessions. What was done is remembered with a fingerprint of inputs, code and settings.
"""

import hashlib
import itertools
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from liquidity.domain.errors import ContractError
from liquidity.simulation import MarketConfig
from liquidity.simulation.crypto_market import TAPE_COINS, TapeConfig
from liquidity_service.books_table import print_books
from liquidity_service.portfolio_table import print_newest_portfolios
from liquidity_service.pulse_table import print_pulse
from liquidity_service.workspace import JOBS, brought_up, project_root
from resources.code_version import code_version, source_hash
from resources.crypto_sources import crypto_days
from resources.demo_portfolios import demo_portfolios_to_landing
from resources.feeds import Feed, open_feeds
from resources.feeds._simulated_files import simulate_to_landing
from resources.feeds._simulated_tapes import TapesReport, simulate_tapes_to_landing
from resources.feeds.landing import NAME as LANDING_FEED
from resources.feeds.tapes import NAME as TAPES_FEED
from resources.scenarios import scenario_folder
from resources.settings import Settings

__all__ = ["DayRange", "plan_ranges", "run_tour", "shares", "simulate_tapes", "simulation_config"]

LOOKBACK = timedelta(days=89)
_LONGEST_REST = timedelta(days=14)
# A run over more days than this is cut, so that the progress bar moves and a failure costs little.
_LONGEST_RUN = timedelta(days=200)
_WORKERS: Final = 2
_TAPE_DAYS: Final = 30
_TAPE_MINUTES: Final = 4
_BOOKS: Final = "crypto_books"
_COLLECTING: Final = "collect_signals"
_COMPUTING: Final = "features_to_pulse"
_TRAINING: Final = "train_forecasts"
_STATING: Final = "portfolio_statements"
_RISK: Final = "portfolio_risk"
# The tour's training is a small one: its history is short and nobody wants to wait. docs/tour.md says so.
_JUDGED_DAYS: Final = 10
# The landed markets together have a session every day; of 80 days the bonds keep about 46 before the judged ones, and the
# three blocks below need 44.
_TRAINED_SESSIONS: Final = 80
_SMALL_TRAINING: Final = {
    "blocks": 3,
    "block_sessions": 6,
    "embargo_sessions": 1,
    "min_train_sessions": 20,
    "min_sessions": 8,
    "max_train_rows": 20_000,
}
_DEFAULT_SESSIONS: Final = 30
# Risk is told for the newest sessions alone. Three days of the landed markets hold a session of the bonds on a Monday too.
_RISK_DAYS: Final = 3


@dataclass(frozen=True, slots=True)
class DayRange:
    """UTC days ``start`` to ``end``, both included."""

    start: date
    end: date


def plan_ranges(sessions_by_feed: Iterable[Sequence[date]], sessions: int) -> tuple[list[DayRange], list[DayRange]]:
    """Days to ingest and days to compute, so that the last ``sessions`` sessions of each feed are covered.

    Returns
    -------
    (ingest, compute)
        Disjoint, ascending ranges; each day to compute has the 89 days before it in ``ingest``.
    """
    compute = _merge(cluster for days in sessions_by_feed for cluster in _clusters(days[-sessions:]))
    ingest = _merge(DayRange(each.start - LOOKBACK, each.end) for each in compute)
    return ingest, compute


def _clusters(days: Sequence[date]) -> Iterable[DayRange]:
    """Runs of sessions without a gap of more than a fortnight: a source may hold single days years apart."""
    start = previous = None
    for day in days:
        if start is None or previous is None or day - previous > _LONGEST_REST:
            if start is not None and previous is not None:
                yield DayRange(start, previous)
            start = day
        previous = day
    if start is not None and previous is not None:
        yield DayRange(start, previous)


def _merge(ranges: Iterable[DayRange]) -> list[DayRange]:
    merged: list[DayRange] = []
    for each in sorted(ranges, key=lambda r: r.start):
        if merged and each.start <= merged[-1].end + timedelta(days=1):
            merged[-1] = DayRange(merged[-1].start, max(merged[-1].end, each.end))
        else:
            merged.append(each)
    return merged


def _cut(whole: DayRange) -> list[DayRange]:
    pieces, start = [], whole.start
    while start <= whole.end:
        end = min(start + _LONGEST_RUN, whole.end)
        pieces.append(DayRange(start, end))
        start = end + timedelta(days=1)
    return pieces


def simulation_config(settings: Settings, *, bonds: int | None = None, seed: int | None = None) -> MarketConfig:
    """The simulated market of the settings, with single values replaced where given."""
    return MarketConfig.sized(
        settings.simulate_bonds if bonds is None else bonds, settings.simulate_seed if seed is None else seed
    )


def simulate_tapes(landing: Path, market: MarketConfig, start: date, end: date) -> TapesReport:
    """Generate the tapes of the market's last thirty days: a few minutes a day of its perpetuals."""
    config = TapeConfig(seed=market.seed, coins=TAPE_COINS[: market.crypto_perps], minutes=_TAPE_MINUTES)
    first = max(start, end - timedelta(days=_TAPE_DAYS - 1))
    return simulate_tapes_to_landing(landing, config, market, start, first, end)


def run_tour(settings: Settings, *, sessions: int, simulation: bool, again: bool) -> int:
    """Bring up, simulate, ingest, materialise and print; 0 when all went well."""
    console = Console()
    root = project_root()
    if simulation:
        end = datetime.now(UTC).date() - timedelta(days=1)
        market, start = simulation_config(settings), settings.simulate_start
        with console.status("simulating the market"):
            report = simulate_to_landing(settings.landing_dir, market, start, end, "month")
            tapes = simulate_tapes(settings.landing_dir, market, start, end)
            held = demo_portfolios_to_landing(settings.landing_dir, start, end, market.seed)
        console.print(f"{report}\n{tapes}\n{held}", highlight=False, soft_wrap=True)
    feeds = open_feeds(settings.feed_roots)
    books = crypto_days(settings.feed_roots)
    steps = _plan(feeds, sessions, books)
    done = _Done.load(settings.data_dir / "tour.json", _fingerprint(settings))
    waiting = [step for step in steps if again or step not in done.steps]
    console.print(_market_lines(feeds, sessions, books), highlight=False)
    if waiting:
        with console.status("starting the database"):
            workspace = brought_up(settings)
        with workspace as child_environment:
            if not _materialise(waiting, done, child_environment, root, console):
                return 1
    else:
        console.print("Nothing changed since the last tour; this is what it made.\n")
    print_pulse(settings, session=None, rows=12)
    print_books(settings)
    print_newest_portfolios(settings)
    console.print("\nOpen the Dagster UI on it with [bold]make dev[/bold], then http://127.0.0.1:3000")
    return 0


def _plan(
    feeds: Sequence[Feed], sessions: int, books: Mapping[str, Sequence[date]] | None = None
) -> list[dict[str, Any]]:
    """Steps in order; ``books`` are the days of each order book's tapes and of recorded derivatives (``recorded ...``)."""
    books = books or {}
    # The feed of tapes lists all books together: each book's own last days are asked for instead.
    scored: list[Sequence[date]] = [
        feed.sessions()[-_sessions_of(feed.name, sessions) :]
        for feed in feeds
        if "instruments" in feed.tables and feed.name != TAPES_FEED
    ]
    scored += [days[-sessions:] for name, days in books.items() if ":" in name]
    if not any(scored):
        raise ContractError("no feed has a session: simulate a market, fill the landing folder or set PULSE_REAL_DATA")
    ingest, compute = plan_ranges(scored, max(map(len, scored)))
    replayed = _merge(cluster for days in books.values() for cluster in _clusters(days[-sessions:]))
    before, judged = _judged(compute, sessions)
    steps = [_step(_BOOKS, piece) for whole in replayed for piece in _cut(whole)]
    steps += [_step(_COLLECTING, piece) for whole in ingest for piece in _cut(whole)]
    steps += [_step(_COMPUTING, piece) for whole in before for piece in _cut(whole)]
    if judged is not None:
        trained = judged.start - timedelta(days=1)
        config = {"ops": {"forecast_training": {"config": _SMALL_TRAINING}}}
        steps += [{**_step(_TRAINING, DayRange(trained, trained)), "config": config}, _step(_COMPUTING, judged)]
    # Exchange rates and redemptions of the past are learned from: the landed portfolios are stated for all days read.
    landed = [feed.sessions()[-_sessions_of(feed.name, sessions) :] for feed in feeds if feed.name == LANDING_FEED]
    stated, _ = plan_ranges(landed, max(map(len, landed), default=0))
    steps += [_step(_STATING, piece) for whole in stated for piece in _cut(whole)]
    newest = _merge(
        each
        for feed in feeds
        if "instruments" in feed.tables and feed.name != TAPES_FEED
        for each in _clusters(feed.sessions()[-_risk_days(feed.name, sessions) :])
    )
    return [*steps, *(_step(_RISK, days) for days in newest)]


def _risk_days(feed: str, sessions: int) -> int:
    """Sessions of a feed whose portfolios are measured: of landed markets the last three, of recorded ones the last."""
    return min(_RISK_DAYS, sessions) if feed == LANDING_FEED else 1


def _sessions_of(feed: str, sessions: int) -> int:
    """Sessions to compute of a feed: landed markets, the simulated one, get what a training needs unless fewer are asked for."""
    return max(sessions, _TRAINED_SESSIONS) if feed == LANDING_FEED and sessions >= _DEFAULT_SESSIONS else sessions


def _judged(compute: Sequence[DayRange], sessions: int) -> tuple[list[DayRange], DayRange | None]:
    """The ranges to compute before a training, and the days after it; None where the newest range is too short to learn from."""
    newest = compute[-1]
    trained = newest.end - timedelta(days=_JUDGED_DAYS)
    if sessions < _DEFAULT_SESSIONS or (trained - newest.start).days < _DEFAULT_SESSIONS:
        return list(compute), None
    return [*compute[:-1], DayRange(newest.start, trained)], DayRange(trained + timedelta(days=1), newest.end)


def _step(job: str, days: DayRange) -> dict[str, Any]:
    return {"job": job, "start": days.start.isoformat(), "end": days.end.isoformat()}


def _market_lines(feeds: Sequence[Feed], sessions: int, books: Mapping[str, Sequence[date]]) -> str:
    markets = {feed.name: feed.sessions() for feed in feeds if "instruments" in feed.tables and feed.name != TAPES_FEED}
    lines = []
    for name, days in (*markets.items(), *((f"tape {name}", days) for name, days in books.items() if ":" in name)):
        asked = _sessions_of(name, sessions)
        if days:
            lines.append(f"  {name:<32} {len(days[-asked:]):>3} sessions {days[-asked:][0]} .. {days[-1]}")
    return "Markets and the sessions computed of each:\n" + "\n".join(lines)


def _materialise(
    steps: list[dict[str, Any]], done: "_Done", child_environment: dict[str, str], root: Path, console: Console
) -> bool:
    """Run the steps: all books, all ingestion, all computation, the training, what it is judged by, and risk.

    Neighbours with one job are shared between worker processes; the next job waits for all of them.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("starting", total=len(steps))
        for _, neighbours in itertools.groupby(steps, key=lambda step: step["job"]):
            mine = list(neighbours)
            messages: queue.Queue[dict[str, Any]] = queue.Queue()
            workers = [
                threading.Thread(
                    target=_work,
                    args=(number, share, done.path.parent, child_environment, root, messages),
                )
                for number, share in enumerate(shares(mine, _WORKERS))
            ]
            for worker in workers:
                worker.start()
            ended, failed = 0, False
            while ended < len(workers):
                message = messages.get()
                match message["event"]:
                    case "begin":
                        progress.update(bar, description=f"{message['job']} {message['start']} .. {message['end']}")
                    case "end" if message["success"]:
                        progress.advance(bar)
                        done.add(message["step"])
                    case "end":
                        for failure in message["failed"]:
                            console.print(
                                f"[bold red]{failure['step']} failed[/bold red]\n{failure['error']}", highlight=False
                            )
                    case "exit":
                        ended += 1
                        if message["code"] != 0:
                            failed = True
                            console.print(
                                f"The pipeline stopped (exit code {message['code']}); its log is {message['log']}. What was published stays as it was."
                            )
            if failed:
                return False
    return True


def shares(steps: Sequence[Mapping[str, Any]], workers: int) -> list[list[Mapping[str, Any]]]:
    """Deal steps out to workers: those less than 90 days apart stay together, in order.

    Early warnings look back over 90 days of scores, and liquidation levels over 30 days of open interest, so a range
    must find the ranges before it finished. Ingestion looks at single days and is dealt out freely.
    """
    groups: list[list[Mapping[str, Any]]] = []
    for step in steps:
        near = groups and date.fromisoformat(step["start"]) - date.fromisoformat(groups[-1][-1]["end"]) <= LOOKBACK
        if near and step["job"] != _COLLECTING:
            groups[-1].append(step)
        else:
            groups.append([step])
    dealt = [[step for group in groups[number::workers] for step in group] for number in range(workers)]
    return [share for share in dealt if share]


def _work(
    number: int,
    steps: Sequence[Mapping[str, Any]],
    folder: Path,
    child_environment: dict[str, str],
    root: Path,
    messages: "queue.Queue[dict[str, Any]]",
) -> None:
    """Run steps in a process of their own and pass on what it says."""
    plan, log = folder / f"tour_plan_{number}.json", folder / f"tour_{number}.log"
    plan.write_text(json.dumps(steps), encoding="utf-8")
    command = [sys.executable, "-m", f"{JOBS[steps[0]['job']]}.run_days", str(plan)]
    code = -1
    try:
        with (
            log.open("w", encoding="utf-8") as log_file,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log_file, env=child_environment, cwd=root, text=True
            ) as process,
        ):
            for line in process.stdout or ():
                if line.startswith('{"event"'):
                    message = json.loads(line)
                    messages.put({**message, "step": steps[message["number"]]})
        code = process.returncode
    finally:
        messages.put({"event": "exit", "code": code, "log": str(log)})


@dataclass(slots=True)
class _Done:
    """The steps that already ran for this fingerprint."""

    path: Path
    fingerprint: str
    steps: list[dict[str, Any]]

    @classmethod
    def load(cls, path: Path, fingerprint: str) -> "_Done":
        stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return cls(path, fingerprint, stored["steps"] if stored.get("fingerprint") == fingerprint else [])

    def add(self, step: dict[str, Any]) -> None:
        self.steps.append(step)
        staged = self.path.with_suffix(".tmp")
        staged.write_text(
            json.dumps({"fingerprint": self.fingerprint, "steps": self.steps}, indent=1), encoding="utf-8"
        )
        staged.replace(self.path)


def _fingerprint(settings: Settings) -> str:
    """Hash of what a result depends on: input files by name, size and time, code, scenarios, settings (secrets masked)."""
    roots = settings.feed_roots
    listed = [code_version(), source_hash(scenario_folder()), settings.model_dump_json()]
    for folder in (roots.recorded, roots.landing):
        if folder is not None and folder.is_dir():
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    status = path.stat()
                    listed.append(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()
