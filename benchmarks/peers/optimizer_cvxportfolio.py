"""Solve the problem of FILE with cvxportfolio, answer into FILE: weights and processor seconds of the best of two rounds."""

import sys
import time

import cvxportfolio as cvx
import numpy as np
import pandas as pd


def main() -> None:
    given = np.load(sys.argv[1])
    n = len(given["current"])
    names = [f"I{i}" for i in range(n)]
    assets = [*names, "cash"]
    series = {
        name: pd.Series(given[name], names) for name in ("expected_return", "linear", "impact", "specific_variance")
    }
    factors = pd.DataFrame(given["loadings"], columns=names)
    limited = pd.Series(given["illiquid"].astype(float) - float(given["max_illiquid"]), names)
    value = 1e6
    holdings = pd.Series([*(value * given["current"]), value * (1.0 - given["current"].sum())], assets)
    volume = pd.Series(value, names)
    best = float("inf")
    for _ in range(2):
        costs = cvx.TransactionCost(
            a=series["linear"], b=1.0 if given["impact"].any() else None, volume_hat=volume, sigma=series["impact"]
        )
        objective = (
            cvx.ReturnsForecast(r_hat=series["expected_return"])
            - float(given["risk_aversion"]) / 2.0 * cvx.FactorModelCovariance(F=factors, d=series["specific_variance"])
            - costs
        )
        limits = [
            cvx.LongOnly(),
            cvx.MaxWeights(float(given["max_weight"])),
            cvx.LeverageLimit(1.0),
            cvx.FactorMaxLimit(limited, 0.0),
        ]
        began = time.process_time()
        policy = cvx.SinglePeriodOptimization(objective, limits, include_cash_return=False, solver="CLARABEL")
        trades, _, _ = policy.execute(h=holdings, market_data=None, t=pd.Timestamp("2026-01-05"))
        best = min(best, time.process_time() - began)
    weights = (holdings + trades)[names].to_numpy() / value
    np.savez(sys.argv[2], weights=weights, seconds=best)


if __name__ == "__main__":
    main()
