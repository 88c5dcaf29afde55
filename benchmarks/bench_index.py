"""Index of a large cross-section: our grouped ranks against pandas, in one process, alternating.

Run ``python -m benchmarks.bench_index``; the ratio is the time of pandas over ours.
"""

import datetime as dt
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.table import Row
from liquidity.contracts.features import SCORED_FEATURES
from liquidity.features.scaling import component_scores, peer_mid_ranks
from liquidity.index import combine_scores, profiles_for, score_liquidity, score_repayment, weight_profile

ROUNDS = 5


def matrix(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.lognormal(2.0, 1.0, (rows, columns))
    values[random.random((rows, columns)) < 0.05] = np.nan
    return np.asfortranarray(values)


def ours(values: np.ndarray, codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    ranks = np.empty_like(values)
    for j in range(values.shape[1]):
        ranks[:, j], _ = peer_mid_ranks(values[:, j], codes)
    there = ~np.isnan(ranks)
    return 100.0 * (np.nan_to_num(ranks, copy=False) @ weights) / (there @ weights)


def pandas_plain(frame: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    ranks = frame.rank(method="average")
    fraction = (ranks - 1.0) / (frame.notna().sum() - 1.0)
    return 100.0 * ((fraction * weights).sum(axis=1) / (fraction.notna() * weights).sum(axis=1)).to_numpy()


def pandas_grouped(frame: pd.DataFrame, codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    grouped = frame.groupby(codes)
    fraction = (grouped.rank(method="average") - 1.0) / (grouped.transform("count") - 1.0)
    return 100.0 * ((fraction * weights).sum(axis=1) / (fraction.notna() * weights).sum(axis=1)).to_numpy()


def best(*calls: Callable[[], object]) -> list[float]:
    """Smallest time of each call over alternating rounds, seconds."""
    times = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for i, call in enumerate(calls):
            start = time.perf_counter()
            call()
            times[i] = min(times[i], time.perf_counter() - start)
    return times


def features(n: int) -> pd.DataFrame:
    random = np.random.default_rng(1)
    issuer = random.integers(0, n // 8, n)
    sector = np.array(["FINANCIAL", "UTILITIES", "INDUSTRIAL", "GOVERNMENT"])[issuer % 4]
    day = dt.date(2026, 3, 2)
    data: dict[str, object] = {
        "session_date": pd.Series([day] * n, dtype=object),
        "instrument_id": [f"XNSE:B{i:06d}" for i in range(n)],
        "asset_class": np.where(sector == "GOVERNMENT", "bond_sovereign", "bond_corporate"),
        "issuer_id": [f"I{i}" for i in issuer],
        "sector": sector,
        "rating": np.array(["AAA", "AA", "A", "BBB", "BB"])[(issuer // 4) % 5],
        "currency": "INR",
        "maturity_date": pd.Series([day + dt.timedelta(days=900)] * n, dtype=object),
        "issue_date": pd.Series([day - dt.timedelta(days=900)] * n, dtype=object),
        "amount_outstanding": random.lognormal(18.0, 1.0, n),
        "history_n": 60,
        "source": "simulated",
    }
    for name in SCORED_FEATURES:
        values = random.random(n)
        values[random.random(n) < 0.1] = np.nan
        data[name], data[f"{name}_own_rank_frac"] = values, np.where(np.isnan(values), np.nan, random.random(n))
    for group in ("micro", "alt", "auction", "sentiment"):
        data[f"{group}_weight_frac"], data[f"{group}_age_s"] = 0.9, 3600.0
    return pd.DataFrame(data)


def run(quick: bool = False) -> list[Row]:
    """Rows of the table; ``quick`` with a tenth of the bonds."""
    rows, columns = 100_000 // (10 if quick else 1), 20
    values = matrix(rows, columns)
    frame = pd.DataFrame(values)
    weights = np.linspace(1.0, 2.0, columns)
    one, many = np.zeros(rows, dtype=np.int64), np.random.default_rng(2).integers(0, 96, rows)
    np.testing.assert_allclose(ours(values, one, weights), pandas_plain(frame, weights), rtol=1e-9)
    np.testing.assert_allclose(ours(values, many, weights), pandas_grouped(frame, many, weights), rtol=1e-9)
    plain = best(lambda: ours(values, one, weights), lambda: pandas_plain(frame, weights))
    grouped = best(lambda: ours(values, many, weights), lambda: pandas_grouped(frame, many, weights))
    n = f"{rows:,} x {columns}"
    table, profiles = features(rows), profiles_for()
    liquidity, repayment = score_liquidity(table, profiles), score_repayment(table, profiles)
    steps = {
        "component scores, 12 features": lambda: component_scores(table, weight_profile("bondx_v1")),
        "liquidity index with drivers": lambda: score_liquidity(table, profiles),
        "repayment support with drivers": lambda: score_repayment(table, profiles),
        "combined score": lambda: combine_scores(liquidity, repayment, table, profiles),
    }
    return [
        Row("index, one group of peers", plain[0], n, ">= 1.7 x", plain[1] >= 1.7 * plain[0], "pandas rank", plain[1]),
        Row("index, 96 groups of sector and rating", grouped[0], n, ">= 1.7 x", grouped[1] >= 1.7 * grouped[0], "pandas groupby.rank", grouped[1]),
        *(Row(name, seconds, f"{rows:,} bonds", "reported", True) for name, seconds in zip(steps, best(*steps.values()), strict=True)),
    ]  # fmt: skip


def main() -> int:
    rows = run()
    for row in rows:
        print(f"{'met   ' if row.met else 'MISSED'} {row.text()}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
