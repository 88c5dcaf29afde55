"""The allocation of large portfolios, and of every name of a fund on the liquidity surface.

Run ``python -m benchmarks.bench_optimizer``. Times are processor seconds, one thread. Packages that cannot share our
environment stand in ``benchmarks/peers/optimizer_run.py``.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.optimizer_problem import problem
from benchmarks.table import Row
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.allocation_model import AllocationLimits, Preferences, RiskModel
from liquidity.portfolio.optimizer import objective, optimize, optimize_on_surface
from liquidity.portfolio.risk_parity import risk_parity


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds, and what the call gave."""
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def surface(n: int) -> LiquiditySurface:
    """Names from tight and deep to wide and thin."""
    return LiquiditySurface.of(
        [f"I{i}" for i in range(n)],
        spread_bps=np.linspace(2.0, 80.0, n),
        adv_ccy=np.geomspace(1e9, 1e6, n),
        volatility_daily_frac=np.linspace(0.01, 0.03, n),
        price=10.0,
    )


def slsqp(n: int) -> tuple[float, float, float]:
    """Processor seconds of ours and of scipy's SLSQP on a small problem, and how much higher its objective ends."""
    from scipy.optimize import minimize

    asked = problem(n, 5)
    inputs, wishes = asked.inputs, asked.preferences
    limits = replace(asked.limits, max_weight=0.2)
    ours_s, ours = timed(lambda: optimize(inputs, limits, wishes))
    room = inputs.illiquid - 0.2
    theirs_s, theirs = timed(
        lambda: minimize(
            lambda w: 1e3 * objective(inputs, wishes, w),
            inputs.current_weight,
            method="SLSQP",
            bounds=[(0.0, 0.2)] * n,
            constraints=[
                {"type": "ineq", "fun": lambda w: -room @ w},
                {"type": "ineq", "fun": lambda w: 1.0 - w.sum()},
            ],
            options={"maxiter": 500, "ftol": 1e-10},
        )
    )
    return ours_s, theirs_s, 1e4 * (objective(inputs, wishes, np.maximum(theirs.x, 0.0)) - ours.objective)


def run(quick: bool = False) -> list[Row]:
    """Every row of the table."""
    n = 400 if quick else 2_000
    optimize(problem(50, 5).inputs)  # the solver's library loads before the clock runs
    asked = problem(n, 20)
    factor_s, _ = timed(lambda: optimize(asked.inputs, asked.limits, asked.preferences))
    rng = np.random.default_rng(1)
    sample = rng.normal(0.0, 0.01, (250, 20)) @ rng.normal(0.0, 0.3, (20, n)) + rng.normal(0.0, 0.01, (250, n))
    whole_s, whole = timed(lambda: RiskModel.from_returns(sample))
    shrunk = replace(asked.inputs, risk=whole)
    sample_s, _ = timed(lambda: optimize(shrunk, asked.limits, asked.preferences))
    few = replace(asked.inputs, risk=RiskModel.from_returns(sample, factors=60))
    limits = AllocationLimits(max_weight=0.02, min_daily_liquidatable_frac=0.5)
    thin = replace(few, daily_capacity_frac=0.2 * surface(n).adv_ccy / 5e9)
    surface_s, (found, _) = timed(
        lambda: optimize_on_surface(thin, surface(n), np.full(n, 5e9), limits, Preferences(5.0, 20.0, 1.0))
    )
    told_s, told = timed(lambda: optimize(thin, replace(limits, max_weight=0.8 / n, max_cash_frac=0.0)))
    parity_s, _ = timed(lambda: risk_parity(np.cov(sample[:, :500], rowvar=False) + 1e-5 * np.eye(min(n, 500))))
    small = 60 if quick else 120
    ours_s, slsqp_s, above = slsqp(small)
    size = f"{n:,} names"
    return [
        Row("allocation, factor risk [processor s]", factor_s, f"{size}, 20 factors", "< 5 s", factor_s < 5.0),
        Row("shrunk covariance as factors [processor s]", whole_s, f"{size}, 250 sessions", "reported", True),
        Row("allocation, shrunk covariance [processor s]", sample_s, f"{size}, 250 factors", "reported", True),
        Row(
            "allocation on the surface, unwinding cost, all limits [processor s]",
            surface_s,
            f"{size}, 60 factors, {found.iterations} steps of the last pass",
            "< 5 s",
            surface_s < 5.0,
        ),
        Row(
            "contradiction explained, nearest portfolio [processor s]",
            told_s,
            f"{size}; {' and '.join(told.infeasibility.conflict) if told.infeasibility else 'no conflict'}",
            "reported",
            told.infeasibility is not None,
        ),
        Row("risk parity [processor s]", parity_s, f"{min(n, 500)} names", "reported", True),
        Row(
            "allocation [processor s]",
            ours_s,
            f"{small} names; its objective ends {above:.3f} bps higher",
            ">= 1 x",
            slsqp_s >= ours_s,
            "scipy SLSQP",
            slsqp_s,
        ),
    ]


if __name__ == "__main__":
    for row in run():
        print(f"{'met   ' if row.met else 'MISSED'} {row.text()}")
