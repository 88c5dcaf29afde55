"""The forecast report: every score of every history judged walk-forward, written as one page with its pictures.

Histories come from ``score_history.py``, one market after another is judged in a process of its own
(``forecast_evidence.py``), the page is put together by ``forecast_report_page.py`` and ``forecast_report_pictures.py``.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing import get_context
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import InsufficientDataError
from liquidity.forecast.evaluation import EvaluationSettings
from liquidity.forecast.horizons import TARGETS
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.score_panels import score_panels
from liquidity_service.forecast_evidence import PanelEvidence, PanelPlan, panel_evidence, quick_plan
from liquidity_service.kept_evidence import evidence_folder, kept_evidence
from liquidity_service.score_history import HISTORIES, HistorySource, ScoreHistory, cached_history, history_folder
from resources.code_version import code_version
from resources.settings import Settings

__all__ = ["PLANS", "WORKERS", "Report", "gather_report", "panels_of", "scores_of"]

WORKERS: Final = 2
_ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_SCORE_TABLES: Final = dict(zip(TARGETS, ("liquidity_index", "repayment_support", "bondx_score"), strict=True))


def _plan(
    blocks: int,
    block_sessions: int,
    min_train: int,
    *fans: tuple[str, date],
    max_held_out_rows: int = 15_000,
    control_blocks: int = 2,
) -> PanelPlan:
    whole = EvaluationSettings(
        blocks=blocks,
        block_sessions=block_sessions,
        min_train_sessions=min_train,
        max_train_rows=6_000,
        max_held_out_rows=max_held_out_rows,
    )
    control = replace(whole, blocks=control_blocks, max_train_rows=3_000, max_held_out_rows=6_000)
    return PanelPlan(whole, control, fans)


PLANS: Final[Mapping[str, PanelPlan]] = {
    "crypto": _plan(
        6,
        480,
        180,
        ("binance:BTCUSDT", date(2022, 5, 7)),
        ("binance:BTCUSDT", date(2022, 11, 5)),
        ("binance:SOLUSDT", date(2025, 10, 9)),
        max_held_out_rows=36_000,
    ),
    "equities": _plan(
        6, 900, 250, ("XNYS:SPY", date(2008, 9, 12)), ("XNYS:SPY", date(2020, 2, 21)), max_held_out_rows=45_000
    ),
    "treasuries": _plan(8, 20, 60, control_blocks=8),
    "simulated": _plan(3, 130, 120),
}
"""How each history is cut: blocks wished for, sessions in each, sessions a block needs to learn from; and its fan charts."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found.

    Attributes
    ----------
    evidence
        By source and market, in the order of ``HISTORIES``.
    absent
        Sources and scores that could not be judged, and why.
    code
        Version of the code.
    seconds
        Wall time.
    """

    evidence: tuple[tuple[HistorySource, PanelEvidence], ...]
    absent: tuple[tuple[str, str], ...]
    code: str
    seconds: float


def gather_report(settings: Settings, *, quick: bool = False, sources: Sequence[HistorySource] = HISTORIES) -> Report:
    """Compute the histories that are not there yet and judge every score of every market of them.

    Without recorded data only the simulator is judged, and ``absent`` says so.
    """
    begun = time.perf_counter()
    absent: list[tuple[str, str]] = []
    wanted = [source for source in sources if not source.feed or settings.real_data is not None]
    absent += [(source.title, "no recorded data: set real_data") for source in sources if source not in wanted]
    with _one_thread_each(), ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(_prepare, source, settings) for source in wanted]:
            done.result()
        tasks = [
            (source, group, target)
            for source in wanted
            for group, target, why in scores_of(cached_history(source, settings))
            if not _left_out(absent, source, group, target, why)
        ]
        running = [pool.submit(_judge, source, settings, group, target, quick) for source, group, target in tasks]
        found = []
        for (source, group, target), done in zip(tasks, running, strict=True):
            try:
                found.append((source, done.result()))
            except InsufficientDataError as error:
                absent.append((f"{source.title}: {group} {target}", str(error)))
    return Report(tuple(found), tuple(absent), code_version(), time.perf_counter() - begun)


def panels_of(history: ScoreHistory, target: str) -> list[ScorePanel]:
    """Panels of one score of a history, one for each market."""
    instruments = history.instruments
    calendars = dict(zip(instruments["instrument_id"], instruments["calendar"], strict=True))
    return score_panels(getattr(history, _SCORE_TABLES[target]), history.liquidity_features, target, calendars)


def scores_of(history: ScoreHistory) -> Iterator[tuple[str, str, str]]:
    """Asset class, target and why it need not be judged (empty: it must), of every score of a history."""
    liquidity = history.liquidity_index
    for name in sorted(liquidity["asset_class"].unique()):
        for target in TARGETS:
            table = getattr(history, _SCORE_TABLES[target])
            score = table.loc[table["asset_class"] == name, target]
            if not score.notna().any():
                yield name, target, "it has no such score: nothing speaks of repayment"
            elif target == "bondx_score" and np.array_equal(score, _liquidity_of(liquidity, name), equal_nan=True):
                yield name, target, "it equals the liquidity score, number by number"
            else:
                yield name, target, ""


def _liquidity_of(liquidity: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return liquidity.loc[liquidity["asset_class"] == name, "liquidity_score"].to_numpy(dtype=np.float64)


def _left_out(absent: list[tuple[str, str]], source: HistorySource, group: str, target: str, why: str) -> bool:
    if why:
        absent.append((f"{source.title}: {group} {target}", why))
    return bool(why)


def _prepare(source: HistorySource, settings: Settings) -> None:
    cached_history(source, settings)


def _judge(source: HistorySource, settings: Settings, group: str, target: str, quick: bool) -> PanelEvidence:
    plan = quick_plan(PLANS[source.name]) if quick else PLANS[source.name]

    def judged() -> PanelEvidence:
        history = cached_history(source, settings)
        (panel,) = (each for each in panels_of(history, target) if each.group.asset_class == group)
        return panel_evidence(panel, history.liquidity_features, plan)

    folder = evidence_folder(settings.data_dir, history_folder(source, settings).name, group, target, plan)
    return kept_evidence(folder, plan, judged)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started inside use one thread each: their number is the number of cores."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
