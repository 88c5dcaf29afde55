"""Risk of many what-ifs at once beside the matrix product it needs, a loop, and pandas; one process, alternating rounds.

Run ``python -m benchmarks.bench_risk``; the goal is at most twice the time of the product alone. The libraries that
compute contributions by finite differences are timed by ``python -m benchmarks.peers.run risk``.
"""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.table import Row
from liquidity.market_risk.contributions import historical_components
from liquidity.market_risk.engine import batched_risk

ROUNDS = 7
CONFIDENCES = (0.95, 0.99)


def best(*calls: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Smallest time of each call over alternating rounds, seconds."""
    times = [float("inf")] * len(calls)
    for _ in range(rounds):
        for i, call in enumerate(calls):
            start = time.perf_counter()
            call()
            times[i] = min(times[i], time.perf_counter() - start)
    return times


def loop(returns: np.ndarray, values: np.ndarray, costs: np.ndarray, confidence: float) -> list[float]:
    """The same numbers one what-if at a time."""
    return [
        historical_components(returns, each, confidence).var + cost.sum()
        for each, cost in zip(values, costs, strict=True)
    ]


def pandas_plain(returns: pd.DataFrame, values: np.ndarray, confidence: float) -> float:
    """One what-if as it is commonly written."""
    profit = (returns * values).sum(axis=1)
    var = profit.quantile(1.0 - confidence)
    return float(returns[profit <= var].mul(values).mean().sum())


def run(quick: bool = False) -> list[Row]:
    """Rows of the table; ``quick`` with a tenth of the positions."""
    scenarios, positions, what_ifs = 1_000, 10_000 // (10 if quick else 1), 40
    random = np.random.default_rng(0)
    rows = []
    for dtype in (np.float64, np.float32):
        returns = (random.standard_t(4, (scenarios, positions)) * 0.02).astype(dtype)
        values = (random.normal(size=(what_ifs, positions)) * 1e5).astype(dtype)
        costs = (np.abs(values) * 1e-3).astype(dtype)
        size = f"{positions:,} x {scenarios:,} x {what_ifs}, {np.dtype(dtype).name}"
        for confidence in CONFIDENCES:
            batched_risk(returns, values, confidence, costs)  # compiled before the clock starts
            ours, product = best(
                lambda r=returns, v=values, c=costs, level=confidence: batched_risk(r, v, level, c),
                lambda r=returns, v=values: v @ r.T,
            )
            name = f"VaR, ES, parts and LVaR at {confidence:.0%} (PL-MR-06)"
            rows.append(Row(name, ours, size, "<= 2 x", ours <= 2.0 * product, "one BLAS product", product))
    returns, values = returns.astype(np.float64), values.astype(np.float64)
    costs = costs.astype(np.float64)
    ours, slow = best(
        lambda: batched_risk(returns, values, 0.99, costs), lambda: loop(returns, values, costs, 0.99), rounds=2
    )
    rows.append(Row("the same, 99 %", ours, size.replace("float32", "float64"), ">= 2 x", slow >= 2.0 * ours, "one what-if at a time", slow))  # fmt: skip
    frame = pd.DataFrame(returns)
    _, one = best(lambda: None, lambda: pandas_plain(frame, values[0], 0.99), rounds=2)
    whole = one * what_ifs
    rows.append(Row("the same, 99 %", ours, "one what-if timed, times 40", "reported", True, "pandas", whole))
    return rows


def main() -> int:
    rows = run()
    for row in rows:
        print(f"{'met   ' if row.met else 'MISSED'} {row.text()}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
