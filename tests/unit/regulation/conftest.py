"""A small fund: bonds of each kind, a share, a coin, one that never trades, one without a price."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings

SESSION = date(2026, 3, 19)  # a Thursday
NAMES = [f"sim:{name}" for name in ("GOV", "CORP", "JUNK", "SHARE", "COIN", "STUCK", "NOPRICE")]


@pytest.fixture
def surface():
    return LiquiditySurface.of(
        NAMES,
        spread_bps=[4.0, 20.0, 80.0, 6.0, 3.0, 100.0, 10.0],
        adv_ccy=[5e8, 2e7, 1e6, 1e8, 1e9, 0.0, 1e7],
        volatility_daily_frac=[0.003, 0.004, 0.008, 0.02, 0.04, 0.01, 0.01],
        price=[100.0, 100.0, 100.0, 50.0, 10.0, 100.0, np.nan],
        asset_class=["bond_sovereign", "bond_corporate", "bond_corporate", "equity", "crypto_spot", "bond_corporate", "equity"],
        rating=["AAA", "AA", "BB", None, None, None, None],
        origin="simulated",
    )  # fmt: skip


@pytest.fixture
def held(surface):
    money = np.array([3e7, 2e7, 4e6, 1e7, 5e6, 1e6, np.nan])
    quantity = np.where(np.isfinite(money), money / surface.price, 1000.0)
    reason = np.array(["", "", "", "", "", "no_volume", "no_price"], dtype=object)
    value = quantity * surface.price
    none = np.full(7, None, dtype=object)
    return Holdings(
        "fund", "USD", 3e6, 3e6 + float(np.nansum(value)), np.array(NAMES, dtype=object), quantity, surface.price,
        np.ones(7), value, np.arange(7), surface.asset_class, none, surface.rating, none,
        np.array([1, 2, 2, 1, 0, 2, 1]), np.zeros(7), reason,
    )  # fmt: skip


@pytest.fixture(scope="session")
def flows():
    """Two types of holders over 400 weekdays."""
    rng = np.random.default_rng(5)
    days = pd.bdate_range(end=SESSION, periods=400)
    parts = []
    for name, nav, top in (("retail", 3e7, 0.001), ("institutional", 4e7, 0.15)):
        out = nav * 0.004 * rng.lognormal(0.0, 0.7, 400)
        parts.append(
            pd.DataFrame(
                {
                    "session_date": days, "portfolio_id": "fund", "investor_type": name, "base_currency": "USD",
                    "redemptions_base": out, "subscriptions_base": nav * 0.004 * rng.lognormal(0.0, 0.5, 400),
                    "nav_base": nav, "top_holder_frac": top,
                    "observed_at": days.tz_localize("UTC") + pd.Timedelta(hours=20), "source": "simulated",
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)
