"""Portfolio optimisers that cannot share our environment, beside ours on the same problem.

The same objective and limits for each; all three end in the same solver, so the ratio is what lies around it. Times are
processor seconds of one optimisation from arrays to weights. Objectives are computed by us from everybody's weights, in
bps of equity. ``run.py`` calls :func:`rows_beside`.
"""

import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.optimizer_problem import Problem, problem
from benchmarks.table import Row
from liquidity.portfolio.optimizer import objective, optimize

__all__ = ["PACKAGES", "rows_beside"]

PACKAGES: Final = {
    "cvxportfolio": ("1.5.1", "optimizer_cvxportfolio.py", True, 500),
    "skfolio": ("1.12.2", "optimizer_skfolio.py", False, 1_000),
}
"""Release, script, whether the package takes costs that grow with the 3/2 power, and names of the problem: with 2,000
cvxportfolio was ended for want of memory on a machine of 24 GB."""
_MOST_BYTES: Final = 8 * 2**30
_HERE: Final = Path(__file__).resolve().parent
_FACTORS: Final = 20
_ROUNDS: Final = 2


def rows_beside(folder: Path, python_of: Callable[[str, str], Path]) -> list[Row]:
    """Solve with all.

    Parameters
    ----------
    folder
        For the files that go out and come back.
    python_of
        Interpreter of a package's own environment, by its name and release.
    """
    rows = []
    for package, (release, script, impact, names) in PACKAGES.items():
        asked = problem(names, _FACTORS, impact=impact)
        sent, got = folder / f"{package}_problem.npz", folder / f"{package}_weights.npz"
        np.savez(sent, **asked.arrays())
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [str(python_of(package, release)), str(_HERE / script), str(sent), str(got)]
        subprocess.run(command, check=True, env=environment, preexec_fn=_bound_memory)
        answer, label = np.load(got), f"{package} {release}"
        optimize(problem(50, 5, impact=impact).inputs)  # the solver's library loads before the clock runs
        seconds = float("inf")
        for _ in range(_ROUNDS):
            began = time.process_time()
            ours = optimize(asked.inputs, asked.limits, asked.preferences)
            seconds = min(seconds, time.process_time() - began)
        theirs = float(answer["seconds"])
        what = f"{names:,} names, {_FACTORS} factors, {'3/2-power' if impact else 'linear'} costs"
        rows.append(
            Row("allocation [processor s]", seconds, what, ">= 1 x, < 5 s", seconds <= min(theirs, 5.0), label, theirs)
        )
        value, other = 1e4 * ours.objective, 1e4 * objective(asked.inputs, asked.preferences, answer["weights"])
        rows.append(
            Row(
                "allocation, objective reached [bps a session]",
                value,
                f"{what}; its worst breach {_breach(asked, answer['weights']):.0e}",
                "<= its + 1e-4",
                value <= other + 1e-4,
                label,
                other,
            )
        )
    return rows


def _bound_memory() -> None:
    """End a peer that takes too much instead of the machine."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))


def _breach(asked: Problem, weights: np.ndarray) -> float:
    """Largest breach of a limit by a peer's weights: what makes an objective look better than it is."""
    illiquid = weights[asked.inputs.illiquid].sum() - float(asked.arrays()["max_illiquid"]) * weights.sum()
    over = weights.max() - float(asked.arrays()["max_weight"])
    return float(max(illiquid, over, -weights.min(), weights.sum() - 1.0, 0.0))
