"""A market of twelve bonds and a fund that holds them all, in two currencies."""

import numpy as np
import pytest

from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings


@pytest.fixture
def market():
    rng = np.random.default_rng(3)
    n = 12
    on = LiquiditySurface.of(
        [f"N{i}" for i in range(n)], spread_bps=rng.uniform(2.0, 60.0, n), adv_ccy=rng.lognormal(14.0, 1.0, n),
        volatility_daily_frac=rng.uniform(0.002, 0.03, n), price=100.0, asset_class="bond_corporate",
    )  # fmt: skip
    quantity = rng.lognormal(9.0, 1.0, n)
    none = np.full(n, None, dtype=object)
    held = Holdings(
        "p", "USD", 1e5, float(quantity.sum() * 200.0 + 1e5), on.instrument_id, quantity, on.price, np.full(n, 2.0),
        quantity * 200.0, np.arange(n), on.asset_class, none, none, none, rng.integers(0, 3, n), np.zeros(n),
        np.full(n, "", dtype=object),
    )  # fmt: skip
    return held, on
