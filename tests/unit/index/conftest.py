"""A cross-section of features, made from a seed."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.features import LIQUIDITY_FEATURES, SCORED_FEATURES

UNIT_INTERVAL = ("mm_online_ratio", "zero_trade_share_frac", "spread_stability", "depth_stability")
SIGNED = ("sentiment_intensity", "buzz_volume")
GROUPS = ("micro", "alt", "auction", "sentiment")
SECTORS = np.array(["FINANCIAL", "UTILITIES", "INDUSTRIAL", "GOVERNMENT", None], dtype=object)
RATINGS = np.array(["AAA", "AA", "A", "BBB", "BB", None], dtype=object)


def _features(
    n: int, seed: int = 0, missing_frac: float = 0.0, trust: float | None = 1.0, day: dt.date = dt.date(2026, 3, 2)
) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    issuer = random.integers(0, max(n // 8, 1), n)
    sector, rating = SECTORS[issuer % 5], RATINGS[(issuer // 5) % 6]
    data: dict[str, object] = {
        "session_date": pd.Series([day] * n, dtype=object),
        "instrument_id": pd.array([f"XNSE:B{i:06d}" for i in range(n)], dtype="str"),
        "asset_class": pd.array(np.where(sector == "GOVERNMENT", "bond_sovereign", "bond_corporate"), dtype="str"),
        "issuer_id": pd.array([f"ISSUER{i}" for i in issuer], dtype="str"),
        "sector": pd.array(sector, dtype="str"),
        "rating": pd.array(rating, dtype="str"),
        "maturity_date": pd.Series(
            [day + dt.timedelta(days=int(x)) for x in random.integers(30, 4000, n)], dtype=object
        ),
        "issue_date": pd.Series([day - dt.timedelta(days=int(x)) for x in random.integers(1, 3000, n)], dtype=object),
        "amount_outstanding": np.round(random.lognormal(18, 1, n)),
        "currency": pd.array(["INR"] * n, dtype="str"),
        "history_n": np.full(n, 60),
        "spread_origin": pd.array(["quoted"] * n, dtype="str"),
        "anomaly_flags": pd.array([""] * n, dtype="str"),
        "volatility_daily_frac": random.random(n) * 0.01,
        "source": pd.array(["simulated"] * n, dtype="str"),
    }
    for name in SCORED_FEATURES:
        values = (
            random.random(n)
            if name in UNIT_INTERVAL
            else random.normal(0, 1, n)
            if name in SIGNED
            else random.lognormal(2, 1, n)
        )
        values[random.random(n) < missing_frac] = np.nan
        own = random.random(n)
        own[np.isnan(values)] = np.nan
        data[name], data[f"{name}_own_rank_frac"] = values, own
    for group in GROUPS:
        data[f"{group}_weight_frac"] = np.full(n, trust) if trust is not None else random.random(n)
        data[f"{group}_age_s"] = random.random(n) * 1e5
    return pd.DataFrame(data)[list(LIQUIDITY_FEATURES.column_names)]


@pytest.fixture
def make_features() -> Callable[..., pd.DataFrame]:
    """``make_features(n, seed, missing_frac, trust, day)``: rows of liquidity_features; trust None is random."""
    return _features
