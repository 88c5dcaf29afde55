"""Contributions to expected shortfall beside skfolio's, which moves each weight and measures again; ``run.py`` calls it.

Times are processor seconds of one portfolio. Ours gives value at risk, shortfall and both kinds of parts.
"""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.table import Row
from liquidity.market_risk.engine import batched_risk

__all__ = ["rows_beside"]

_PACKAGE: Final = ("skfolio", "1.12.2")
_HERE: Final = Path(__file__).resolve().parent
_SCENARIOS, _POSITIONS, _CONFIDENCE = 1_000, 1_000, 0.95
_REPEATS: Final = 20
_GOAL: Final = 1_000.0


def rows_beside(folder: Path, python_of: Callable[[str, str], Path]) -> list[Row]:
    """Compute with both and compare the numbers.

    Parameters
    ----------
    folder
        For the files that go out and come back.
    python_of
        Interpreter of a package's own environment, by its name and release.
    """
    random = np.random.default_rng(0)
    returns = random.standard_t(4, (_SCENARIOS, _POSITIONS)) * 0.02
    weights = random.dirichlet(np.ones(_POSITIONS))
    sent, got = folder / "risk.npz", folder / "risk_parts.npz"
    np.savez(sent, returns=returns, weights=weights, confidence=_CONFIDENCE)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(
        [str(python_of(*_PACKAGE)), str(_HERE / "risk_skfolio.py"), str(sent), str(got)], check=True, env=environment
    )
    answer = np.load(got)
    books = weights[None, :]
    found = batched_risk(returns, books, _CONFIDENCE)  # compiled before the clock runs
    np.testing.assert_allclose(found.es[0], float(answer["es"]), rtol=1e-8)
    np.testing.assert_allclose(found.es_parts[0], answer["parts"], rtol=1e-3, atol=1e-7)
    began = time.process_time()
    for _ in range(_REPEATS):
        batched_risk(returns, books, _CONFIDENCE)
    ours, theirs = (time.process_time() - began) / _REPEATS, float(answer["seconds"])
    size = f"{_POSITIONS:,} positions x {_SCENARIOS:,} scenarios, one portfolio"
    label = " ".join(_PACKAGE)
    return [
        Row(
            "contributions to expected shortfall",
            ours,
            size,
            f">= {_GOAL:,.0f} x",
            theirs >= _GOAL * ours,
            label,
            theirs,
        )
    ]
