"""Generated markets and portfolios with every kind of position, as tables and as arrays."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from liquidity.impact.book_curves import BookCurves, Curve
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.holdings_table import holdings

SESSION = date(2026, 3, 19)  # a Thursday
CLASSES = ("bond_corporate", "bond_sovereign", "equity", "crypto_spot", "crypto_perp")
RATES = {("EUR", "USD"): 1.25, ("INR", "USD"): 0.0125}


@dataclass(frozen=True)
class Case:
    """A surface, and the tables of one portfolio on it."""

    surface: LiquiditySurface
    positions: pd.DataFrame
    accounts: pd.DataFrame
    rates: pd.DataFrame

    def held(self, base: str = "USD") -> Holdings:
        """The portfolio in one base currency."""
        accounts = self.accounts.assign(base_currency=base)
        [found] = holdings(self.positions, accounts, self.rates, self.surface, SESSION)
        return found


def generated(seed: int, n: int, *, complete: bool = False) -> Case:
    """N instruments, each held; a few without volume, price or place unless ``complete``."""
    rng = np.random.default_rng(seed)
    names = [f"x:N{place:05d}" for place in range(n)]
    kinds = np.array(CLASSES, dtype=object)[rng.integers(0, len(CLASSES), n)]
    currency = np.array(["USD", "EUR", "INR"], dtype=object)[rng.integers(0, 3, n)]
    price = rng.uniform(0.5, 200.0, n)
    adv = rng.lognormal(14.0, 1.5, n)
    if not complete:
        adv = np.where(rng.uniform(size=n) < 0.1, rng.choice([0.0, np.nan], n), adv)
    booked = np.flatnonzero((kinds == "crypto_spot") | (kinds == "crypto_perp"))

    def curve() -> Curve:
        return Curve(np.cumsum(rng.uniform(1e4, 2e5, 5)), 0.5 + np.cumsum(rng.uniform(0.0, 8.0, 5)))

    surface = LiquiditySurface.of(
        names,
        spread_bps=rng.uniform(0.5, 150.0, n),
        adv_ccy=adv,
        volatility_daily_frac=rng.uniform(0.001, 0.06, n),
        price=price,
        asset_class=kinds,
        currency=currency,
        issuer_id=np.array([f"I{place % 3}" for place in range(n)], dtype=object),
        impact_scale_se=0.35,
        curves=BookCurves.of(n, {int(at): curve() for at in booked}, {int(at): curve() for at in booked}),
        session_date=SESSION,
    )
    kept = np.arange(n)
    money = rng.lognormal(13.0, 1.5, n) * rng.choice([1.0, 1.0, -1.0], n)
    positions = pd.DataFrame(
        {
            "session_date": pd.Timestamp(SESSION),
            "portfolio_id": "p",
            "instrument_id": [names[place] for place in kept],
            "account": "a",
            "quantity": money / price,
            "entry_price": price * rng.uniform(0.8, 1.2, n),
            "price": np.where(rng.uniform(size=n) < 0.5, np.nan, price * rng.uniform(0.99, 1.01, n)),
            "currency": currency,
            "margin_mode": None,
            "leverage": np.nan,
            "settlement_days": pd.array([pd.NA] * n, dtype="Int64"),
            "observed_at": pd.Timestamp(SESSION, tz="UTC") + pd.Timedelta(hours=12),
            "source": "t",
        }
    )
    if not complete and n > 2:
        positions.loc[0, "instrument_id"] = "x:GONE"
    accounts = pd.DataFrame(
        {
            "session_date": [pd.Timestamp(SESSION)],
            "portfolio_id": "p",
            "account": "a",
            "currency": "EUR",
            "kind": "fund",
            "base_currency": "USD",
            "cash": 1e5,
            "equity": np.nan,
            "units": np.nan,
            "observed_at": pd.Timestamp(SESSION, tz="UTC") + pd.Timedelta(hours=12),
            "source": "t",
        }
    )
    rates = pd.DataFrame(
        [(pd.Timestamp(SESSION), one, other, rate) for (one, other), rate in RATES.items()],
        columns=["session_date", "currency", "base_currency", "rate"],
    )
    return Case(surface, positions, accounts, rates)
