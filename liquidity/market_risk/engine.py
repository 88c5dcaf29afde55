"""Risk of many portfolios, or of many what-ifs of one, at once: one matrix product, then partial sorts.

Read next: ``market_risk_table.py``.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError
from liquidity.market_risk.tail import checked_confidence

__all__ = ["BatchedRisk", "batched_risk"]

_CACHE_CELLS = 256


@dataclass(frozen=True, slots=True)
class BatchedRisk:
    """Risk of K portfolios of the same P instruments, money, losses positive.

    Attributes
    ----------
    var, es
        (K,) historical.
    var_parts, es_parts
        (K, P) sum to ``var`` and ``es`` over positions; the former is an estimate from the scenarios around the quantile.
    exit_cost, lvar, les
        (K,) cost of leaving, and value at risk and expected shortfall with it; ``None`` without costs.
    """

    var: NDArray[np.floating]
    es: NDArray[np.floating]
    var_parts: NDArray[np.floating]
    es_parts: NDArray[np.floating]
    exit_cost: NDArray[np.floating] | None
    lvar: NDArray[np.floating] | None
    les: NDArray[np.floating] | None


def batched_risk(
    returns: NDArray[np.floating],
    values: NDArray[np.floating],
    confidence: float,
    exit_cost: NDArray[np.floating] | None = None,
) -> BatchedRisk:
    """Value at risk, expected shortfall, their parts and their liquidity-adjusted sums.

    The same numbers as ``var_es_hist`` and ``historical_components`` on each row: results = values @ returns.T, a
    partial sort of each row, and sums over the scenarios of its tail alone.

    Parameters
    ----------
    returns
        (S, P) scenarios, complete; float32 halves the time at about six digits.
    values
        (K, P) signed money, dtype of ``returns``.
    confidence
        In (0, 1).
    exit_cost
        (K, P) money it costs to leave each position, from the surface at its size; ``None``: none asked.

    Raises
    ------
    ContractError
        Shapes that do not fit.
    """
    from liquidity.market_risk._tail_kernel import tail_sums

    alpha = 1.0 - checked_confidence(confidence)
    if returns.ndim != 2 or values.ndim != 2 or returns.shape[1] != values.shape[1] or not len(returns):
        raise ContractError(f"batched risk: returns {returns.shape} and values {values.shape}; give (S, P) and (K, P)")
    if exit_cost is not None and exit_cost.shape != values.shape:
        raise ContractError(f"batched risk: exit costs {exit_cost.shape}, values {values.shape}; give one per value")
    results = values @ returns.T
    n = len(returns)
    place, tail = alpha * (n - 1), n * alpha
    below, whole = math.floor(place), min(math.floor(tail), n - 1)
    beside = max(2, n // 100)
    middle = round(place)
    first, last = max(0, middle - beside), min(n - 1, middle + beside)
    deepest = min(n - 1, max(last, whole, below + 1))
    worst = np.argpartition(results, deepest, axis=1)[:, : deepest + 1]
    lowest = np.take_along_axis(results, worst, axis=1)
    order = np.argsort(lowest, axis=1, kind="stable")
    worst, lowest = np.take_along_axis(worst, order, axis=1), np.take_along_axis(lowest, order, axis=1)
    above = min(below + 1, deepest)
    var = -(lowest[:, below] + (place - below) * (lowest[:, above] - lowest[:, below]))
    weights = np.full(whole + 1, 1.0 / tail, dtype=results.dtype)
    weights[whole] = (tail - whole) / tail
    es = -(lowest[:, : whole + 1] @ weights)
    near = np.full(last - first + 1, 1.0 / (last - first + 1), dtype=results.dtype)
    around = -(lowest[:, first : last + 1] @ near)
    scenarios, money = np.ascontiguousarray(returns), np.ascontiguousarray(values)
    es_parts, var_parts = tail_sums(scenarios, money, worst, (weights, near), (0, first), _CACHE_CELLS)
    with np.errstate(divide="ignore", invalid="ignore"):
        var_parts *= np.where(around != 0.0, var / around, np.nan)[:, None]
    if exit_cost is None:
        return BatchedRisk(var, es, var_parts, es_parts, None, None, None)
    cost = exit_cost.sum(axis=1)
    return BatchedRisk(var, es, var_parts, es_parts, cost, var + cost, es + cost)
