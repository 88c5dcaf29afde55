"""Forecasting packages that cannot share our environment, beside the blend on equal rows.

Rows go out and quantiles come back as ``.npz`` files. Losses are those of the 10, 50 and 90 % quantiles, times are processor
seconds; on the recorded coins when ``PULSE_REAL_DATA`` names the data folder, on a generated market otherwise. ``run.py``
calls :func:`rows_beside`.
"""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.forecast_rows import BLOCKS, Block, blocks_of, generated_panel, recorded_panel, three_losses
from benchmarks.table import Row
from liquidity.forecast.horizons import LEVELS
from liquidity.forecast.members.blend import Blend
from liquidity.forecast.panel import ScorePanel

__all__ = ["PACKAGES", "rows_beside"]

PACKAGES: Final = {
    "lightgbm": ("4.6.0", "forecast_lightgbm.py"),
    "catboost": ("1.2.10", "forecast_catboost.py"),
    "statsforecast": ("2.0.3", "forecast_statsforecast.py"),
}
_HERE: Final = Path(__file__).resolve().parent
_LEVELS: Final = (0.1, 0.5, 0.9)
_PLACES: Final = [LEVELS.index(level) for level in _LEVELS]
_SERIES: Final = 300  # origins of the models that are fitted for each series
_HISTORY_SESSIONS: Final = 250


def rows_beside(folder: Path, python_of: Callable[[str, str], Path]) -> list[Row]:
    """Fit all on the same blocks.

    Parameters
    ----------
    folder
        For the files that go out and come back.
    python_of
        Interpreter of a package's own environment, by its name and release.
    """
    if os.environ.get("PULSE_REAL_DATA"):
        panel, starts, what = recorded_panel(), BLOCKS, "recorded coins"
    else:
        panel, what = generated_panel(200, 200), "generated"
        starts = tuple(str(panel.sessions[place]) for place in (140, 170, 199))
    blocks = list(blocks_of(panel, starts))
    judged = np.concatenate([block.ahead_changes for block in blocks])
    places, series = _origins(panel, blocks)
    sent = folder / "rows.npz"
    arrays = {}
    for i, block in enumerate(blocks):
        arrays |= {f"past_{i}": block.past.values, f"changes_{i}": block.past_changes, f"ahead_{i}": block.ahead.values}
    np.savez(sent, blocks=len(blocks), levels=np.array(_LEVELS), series=series, **arrays)

    fit_s, parts = 0.0, []
    # Compiled code loads before the clock runs.
    first = blocks[0].past.take(np.arange(500))
    Blend.fit(first, blocks[0].past_changes[:500], 1).quantiles(first)
    for block in blocks:
        began = time.process_time()
        fitted = Blend.fit(block.past, block.past_changes, 1)
        fit_s += time.process_time() - began
        parts.append(fitted.quantiles(block.ahead)[:, :, _PLACES])
    losses = three_losses(judged, np.concatenate(parts))
    ours, on_series = float(losses.mean()), float(losses[places].mean())
    n, few = f"{len(judged):,} rows, {what}", f"{len(places)} origins, {what}"
    past = f"{sum(len(block.past) for block in blocks):,} rows to learn from"
    rows = []
    for package, (release, script) in PACKAGES.items():
        got = folder / f"{package}.npz"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [str(python_of(package, release)), str(_HERE / script), str(sent), str(got)]
        subprocess.run(command, check=True, env=environment)
        answer, label = np.load(got), f"{package} {release}"
        if package == "statsforecast":
            for name in ("autoets", "theta"):
                loss = float(three_losses(judged[places], answer[f"told_{name}"]).mean())
                rows.append(_loss_row(on_series, loss, few, f"{label} {name}"))
                seconds = float(answer[f"seconds_{name}"])
                rows.append(Row(f"{name}, fit and predict [processor s]", seconds, few, "reported", True))
            continue
        told = np.concatenate([answer[f"told_{i}"] for i in range(len(blocks))])
        rows.append(_loss_row(ours, float(three_losses(judged, told).mean()), n, label))
        seconds = float(answer["seconds"])
        rows.append(Row("blend, fit [processor s]", fit_s, past, ">= 1 x", seconds >= fit_s, label, seconds))
    return rows


def _loss_row(ours: float, theirs: float, n: str, label: str) -> Row:
    return Row("blend, pinball loss of 10, 50, 90 % [points]", ours, n, "<= its", ours <= theirs, label, theirs)


def _origins(panel: ScorePanel, blocks: list[Block]) -> tuple[np.ndarray, np.ndarray]:
    """Places among the judged rows, and (S, 250) scores up to each; NaN before the first score."""
    session = np.concatenate([block.ahead.session for block in blocks])
    instrument = np.concatenate([block.ahead.instrument for block in blocks])
    there = np.isfinite(panel.scores)
    history = np.array([there[: t + 1, i].sum() for t, i in zip(session, instrument, strict=True)])
    able = np.flatnonzero(history >= 60)
    places = np.sort(np.random.default_rng(1).choice(able, min(_SERIES, len(able)), replace=False))
    series = np.full((len(places), _HISTORY_SESSIONS), np.nan)
    for row, place in enumerate(places):
        known = panel.scores[max(session[place] - _HISTORY_SESSIONS + 1, 0) : session[place] + 1, instrument[place]]
        series[row, _HISTORY_SESSIONS - len(known) :] = known
    return places, series
