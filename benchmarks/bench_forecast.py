"""Forecasting members beside each other and beside scikit-learn, on equal rows in one process and one thread.

Run ``python -m benchmarks.bench_forecast``. Times are processor seconds, so that what else runs on the machine does not
count. Losses on the recorded coins come with ``PULSE_REAL_DATA``, on a generated market always. Packages that cannot share our environment stand in ``benchmarks/peers/forecast_run.py``.
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
from liquidity.forecast.members.blend import Blend
from liquidity.forecast.members.forest import MAX_LEAVES, MIN_LEAF_ROWS, TREES, Forest
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.training import TrainingSettings, train

ROUNDS: Final = 2
SEED: Final = 1
PEER_TREES: Final = 2
"""Trees that scikit-learn grows here; its seconds are told for as many as ours, each costs the same."""

_THREE: Final = [LEVELS.index(level) for level in (0.1, 0.5, 0.9)]


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
    """Some of the forest's trees in scikit-learn's own extremely randomised trees, means instead of quantiles."""

    def __init__(self, rows: InputRows, changes: np.ndarray) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        complete = np.isfinite(changes).all(axis=1)
        leaf = max(MIN_LEAF_ROWS, int(complete.sum()) // MAX_LEAVES)
        self.model = ExtraTreesRegressor(PEER_TREES, min_samples_leaf=leaf, n_jobs=1, random_state=SEED)
        self.model.fit(rows.values[complete], changes[complete])

    def predict(self, rows: InputRows) -> np.ndarray:
        """(R, 5) change, points."""
        return self.model.predict(rows.values)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds, and what the call gave."""
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def speed(*, quick: bool) -> list[Row]:
    """Fit and predict at the size of a large market."""
    names, sessions, taught, told = (1_000, 208, 10_000, 17) if quick else (10_000, 208, 100_000, 17)
    panel = generated_panel(names, sessions)
    prepare_s, (rows, changes) = timed(lambda: sample_rows(panel, taught, SEED))
    ahead = input_rows(panel, slice(sessions - told, sessions))
    few = Forest.fit(rows.take(np.arange(500)), changes[:500], SEED)
    few.drivers(rows.take(np.arange(10)))  # compiled code loads
    few.quantiles(rows.take(np.arange(10)))
    fit_s = told_s = float("inf")
    for _ in range(ROUNDS):
        seconds, forest = timed(lambda: Forest.fit(rows, changes, SEED))
        fit_s = min(fit_s, seconds)
        told_s = min(told_s, timed(lambda: forest.quantiles(ahead))[0])  # noqa: B023 - called at once
    drivers_s = timed(lambda: forest.drivers(ahead))[0]
    trees_s, trees = timed(lambda: ExtraTrees(rows, changes))
    trees_told_s = timed(lambda: trees.predict(ahead))[0]
    trees_s, trees_told_s = (seconds * TREES / PEER_TREES for seconds in (trees_s, trees_told_s))
    some = np.flatnonzero(np.isfinite(changes).all(axis=1))[: max(taught // 10, 1_000)]
    few_s = timed(lambda: Forest.fit(rows.take(some), changes[some], SEED))[0]
    boosting_s = timed(lambda: HistBoosting(rows.take(some), changes[some]))[0]
    blend_s, blend = timed(lambda: Blend.fit(rows, changes, SEED))
    blend_told_s = timed(lambda: blend.quantiles(ahead))[0]
    n, n_told = f"{names:,} series x {sessions}, {len(rows):,} rows", f"{len(ahead):,} rows"
    within = 1.5 if quick else 7.0
    return [
        Row("rows to learn from [processor s]", prepare_s, n, "reported", True),
        Row("forest, fit [processor s]", fit_s, n, f"< {within:g} s, >= 2 x", fit_s < within and trees_s >= 2.0 * fit_s, f"scikit-learn ExtraTrees, {TREES} trees from {PEER_TREES}", trees_s),
        Row("forest, predict [processor s]", told_s, n_told, "< 1.5 s, >= 1 x", told_s < 1.5 and trees_told_s >= told_s, "scikit-learn ExtraTrees, means only", trees_told_s),
        Row("forest, drivers [processor s]", drivers_s, n_told, "reported", True),
        Row("forest, fit on a tenth [processor s]", few_s, f"{len(some):,} rows", ">= 3.4 x", boosting_s >= 3.4 * few_s, "HistGradientBoosting x15", boosting_s),
        Row("blend, fit [processor s]", blend_s, n, "reported", True),
        Row("blend, predict [processor s]", blend_told_s, n_told, "reported", True),
    ]  # fmt: skip


def accuracy(panel: ScorePanel, starts: tuple[str, ...], what: str, every: int = 1) -> list[Row]:
    """Loss of the blend beside the other members and scikit-learn's boosting on equal rows.

    Its boosting and its line are the members ``boosting`` and ``ridge`` as they would be fitted alone.
    """
    blocks = list(blocks_of(panel, starts, every))
    blends = [Blend.fit(block.past, block.past_changes, SEED) for block in blocks]
    judged = np.concatenate([block.ahead_changes for block in blocks])
    n = f"{len(judged):,} rows, {what}"
    told = _told(blocks, blends)
    ours, rows = pinball(judged, told), []
    others = {
        name: [MEMBERS[name].fit(block.past, block.past_changes, SEED) for block in blocks]
        for name in ("persistence", "har_regression", "forest")
    } | {"ridge": [blend.line for blend in blends], "boosting": [blend.boosting for blend in blends]}
    for name, fits in others.items():
        theirs = pinball(judged, _told(blocks, fits))
        rows.append(Row("blend, pinball loss [points]", ours, n, "<= its", ours <= theirs, name, theirs))
    three = float(three_losses(judged, told[:, :, _THREE]).mean())
    peers = [HistBoosting(block.past, block.past_changes) for block in blocks]
    theirs = float(three_losses(judged, _told(blocks, peers)).mean())
    name = "blend, pinball loss of 10, 50, 90 % [points]"
    rows.append(Row(name, three, n, "<= its", three <= theirs, "HistGradientBoosting x15", theirs))
    return rows


def _told(blocks: list[Block], fits: list[Any]) -> np.ndarray:
    """Quantiles of every block's rows, each from its own fit."""
    return np.concatenate([fit.quantiles(block.ahead) for block, fit in zip(blocks, fits, strict=True)])


def daily(*, quick: bool) -> Row:
    """Forecast table of a large market from a trained forecaster, drivers in words included."""
    names = 10_000 if quick else 100_000
    cuts = EvaluationSettings(blocks=2, block_sessions=60, max_train_rows=5_000, max_held_out_rows=10_000)
    taught = generated_panel(300, 208)
    settings = TrainingSettings(evaluation=cuts, members=("blend", "persistence"))
    forecaster = train(taught, settings, None, taught.sessions[-1].item(), "benchmark").forecaster
    panel = generated_panel(names, 64)
    seconds, table = timed(lambda: forecaster.forecast(panel, panel.sessions[-1]))
    assert len(table) == names * len(HORIZONS)
    limit = 10.0 if quick else 60.0
    return Row(
        f"forecast of a day, served by {forecaster.card.member} [processor s]",
        seconds,
        f"{names:,} instruments",
        f"< {limit:g} s",
        seconds < limit,
    )


def run(quick: bool = False) -> list[Row]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        rows = [*speed(quick=quick), daily(quick=quick)]
        panel = generated_panel(40 if quick else 100, 200)
        starts = tuple(str(panel.sessions[place]) for place in ((160, 199) if quick else (140, 170, 199)))
        rows += accuracy(panel, starts, "generated")
        if os.environ.get("PULSE_REAL_DATA"):
            blocks, every = (BLOCKS[-2:], 10) if quick else (BLOCKS, 1)
            rows += accuracy(recorded_panel(), blocks, "recorded coins", every)
    return rows


def main() -> int:
    rows = run()
    for row in rows:
        print(f"{'met   ' if row.met else 'MISSED'} {row.text()}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
