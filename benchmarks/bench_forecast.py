"""Forecasting members beside each other and beside scikit-learn, on equal rows in one process and one thread.

Run ``python -m benchmarks.bench_forecast``. Losses on the recorded coins come with ``PULSE_REAL_DATA``, on a generated
market always. Packages that cannot share our environment stand in ``benchmarks/peers/forecast_run.py``.
"""

import os
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from benchmarks.forecast_rows import BLOCKS, Block, blocks_of, generated_panel, pinball, recorded_panel, three_losses
from benchmarks.table import Row
from liquidity.forecast.evaluation import EvaluationSettings
from liquidity.forecast.horizons import HORIZONS, LEVELS
from liquidity.forecast.inputs import input_rows, sample_rows
from liquidity.forecast.members import MEMBERS, InputRows
from liquidity.forecast.members.forest import MIN_LEAF_ROWS, TREES, Forest
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.training import TrainingSettings, train

ROUNDS: Final = 3
SEED: Final = 1
COMPETITORS: Final = ("persistence", "har_regression", "ridge", "boosting")


class HistBoosting:
    """Histogram gradient boosting as scikit-learn gives it: three quantile models for each horizon, default settings."""

    def __init__(self, rows: InputRows, changes: np.ndarray) -> None:
        from sklearn.ensemble import HistGradientBoostingRegressor

        self.used = np.flatnonzero(np.isfinite(rows.values).any(axis=0))
        self.models = [
            [
                HistGradientBoostingRegressor(loss="quantile", quantile=level, random_state=SEED).fit(
                    rows.values[:, self.used], changes[:, h]
                )
                for level in (0.1, 0.5, 0.9)
            ]
            for h in range(len(HORIZONS))
        ]

    def quantiles(self, rows: InputRows) -> np.ndarray:
        """(R, 5, 3)."""
        values = rows.values[:, self.used]
        return np.sort([[model.predict(values) for model in each] for each in self.models], axis=1).transpose(2, 0, 1)


class ExtraTrees:
    """The forest's settings in scikit-learn's own extremely randomised trees, means instead of quantiles."""

    def __init__(self, rows: InputRows, changes: np.ndarray) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        complete = np.isfinite(changes).all(axis=1)
        leaf = max(MIN_LEAF_ROWS, int(complete.sum()) // 6_000)
        self.model = ExtraTreesRegressor(TREES, min_samples_leaf=leaf, n_jobs=1, random_state=SEED)
        self.model.fit(rows.values[complete], (changes / rows.scale[:, np.newaxis])[complete])

    def predict(self, rows: InputRows) -> np.ndarray:
        """(R, 5) change over scale."""
        return self.model.predict(rows.values)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds, and what the call gave."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def speed(*, quick: bool) -> list[Row]:
    """Fit and predict at the size of a large market."""
    names, sessions, taught, told = (1_000, 208, 10_000, 17) if quick else (10_000, 208, 100_000, 17)
    panel = generated_panel(names, sessions)
    prepare_s, (rows, changes) = timed(lambda: sample_rows(panel, taught, SEED))
    ahead = input_rows(panel, slice(sessions - told, sessions))
    Forest.fit(rows.take(np.arange(500)), changes[:500], SEED).quantiles(
        rows.take(np.arange(10))
    )  # compiled code loads
    fit_s = told_s = float("inf")
    for _ in range(ROUNDS):
        seconds, forest = timed(lambda: Forest.fit(rows, changes, SEED))
        fit_s = min(fit_s, seconds)
        told_s = min(told_s, timed(lambda: forest.quantiles(ahead))[0])  # noqa: B023 - called at once
    trees_s, trees = timed(lambda: ExtraTrees(rows, changes))
    trees_told_s = timed(lambda: trees.predict(ahead))[0]
    some = np.flatnonzero(np.isfinite(changes).all(axis=1))[: max(len(changes) // 10, 1_000)]
    few_s = timed(lambda: Forest.fit(rows.take(some), changes[some], SEED))[0]
    boosting_s = timed(lambda: HistBoosting(rows.take(some), changes[some]))[0]
    drivers_s = timed(lambda: forest.drivers(ahead))[0]
    n = f"{names:,} series x {sessions}, {len(rows):,} rows"
    within = 7.0 if not quick else 1.5
    return [
        Row("rows to learn from", prepare_s, n, "reported", True),
        Row("forest, fit, one thread", fit_s, n, f"< {within:g} s, >= 2 x", fit_s < within and trees_s >= 2.0 * fit_s, "scikit-learn ExtraTrees", trees_s),
        Row("forest, predict", told_s, f"{len(ahead):,} rows", "< 1.5 s, >= 1 x", told_s < 1.5 and trees_told_s >= told_s, "scikit-learn ExtraTrees, means only", trees_told_s),
        Row("forest, fit on a tenth", few_s, f"{len(some):,} rows", ">= 3.4 x", boosting_s >= 3.4 * few_s, "HistGradientBoosting x15", boosting_s),
        Row("forest, drivers", drivers_s, f"{len(ahead):,} rows", "reported", True),
    ]  # fmt: skip


def accuracy(panel: ScorePanel, starts: tuple[str, ...], what: str) -> list[Row]:
    """Loss of the forest beside the other members on equal rows."""
    blocks = list(blocks_of(panel, starts))
    forest = mean_loss(blocks, lambda block: Forest.fit(block.past, block.past_changes, SEED))
    n = f"{sum(len(block.ahead) for block in blocks):,} rows, {what}"
    rows = []
    for name in COMPETITORS:
        other = mean_loss(blocks, lambda block, name=name: MEMBERS[name].fit(block.past, block.past_changes, SEED))
        rows.append(Row("forest, pinball loss [points]", forest, n, "<= its", forest <= other, name, other))
    three = [LEVELS.index(level) for level in (0.1, 0.5, 0.9)]
    ours, theirs = [], []
    for block in blocks:
        told = Forest.fit(block.past, block.past_changes, SEED).quantiles(block.ahead)[:, :, three]
        ours.append(three_losses(block.ahead_changes, told))
        theirs.append(
            three_losses(block.ahead_changes, HistBoosting(block.past, block.past_changes).quantiles(block.ahead))
        )
    mine, other = float(np.concatenate(ours).mean()), float(np.concatenate(theirs).mean())
    rows.append(
        Row(
            "forest, pinball loss of 10, 50, 90 % [points]",
            mine,
            n,
            "<= its",
            mine <= other,
            "HistGradientBoosting x15",
            other,
        )
    )
    return rows


def mean_loss(blocks: list[Block], fit: Callable[[Block], Any]) -> float:
    """Mean over the rows of all blocks."""
    losses = [pinball(block.ahead_changes, fit(block).quantiles(block.ahead)) for block in blocks]
    return float(np.average(losses, weights=[len(block.ahead) for block in blocks]))


def daily(*, quick: bool) -> Row:
    """Forecast table of a large market from a trained forecaster, drivers in words included."""
    names = 10_000 if quick else 100_000
    cuts = EvaluationSettings(blocks=2, block_sessions=20, max_train_rows=20_000, max_held_out_rows=10_000)
    taught = generated_panel(300, 160)
    settings = TrainingSettings(evaluation=cuts, members=("forest", "persistence"))
    forecaster = train(taught, settings, None, taught.sessions[-1].item(), "benchmark").forecaster
    panel = generated_panel(names, 64)
    seconds, table = timed(lambda: forecaster.forecast(panel, panel.sessions[-1]))
    assert len(table) == names * len(HORIZONS)
    limit = 60.0 if not quick else 10.0
    return Row(
        f"forecast of a day, served by {forecaster.card.member}",
        seconds,
        f"{names:,} instruments",
        f"< {limit:g} s",
        seconds < limit,
    )


def run(quick: bool = False) -> list[Row]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        rows = [*speed(quick=quick), daily(quick=quick)]
        panel = generated_panel(200 if quick else 400, 200)
        starts = tuple(str(panel.sessions[place]) for place in (140, 170, 199))
        rows += accuracy(panel, starts, "generated")
        if os.environ.get("PULSE_REAL_DATA"):
            rows += accuracy(recorded_panel(), BLOCKS[-3:] if quick else BLOCKS, "recorded coins")
    return rows


def main() -> int:
    rows = run()
    for row in rows:
        print(f"{'met   ' if row.met else 'MISSED'} {row.text()}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
