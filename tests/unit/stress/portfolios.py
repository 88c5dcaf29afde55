"""A small fund and a small crypto book on one surface, with every kind of position."""

import numpy as np

from liquidity.impact.book_curves import BookCurves, Curve
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings

NAMES = (
    "sim:GOV",
    "sim:IG",
    "sim:HY",
    "sim:UNRATED",
    "XNYS:EQ",
    "binance:BTCUSDT",
    "binance:SOLUSDT-PERP",
    "binance:USDCUSDT",
)
CLASSES = (
    "bond_sovereign",
    "bond_corporate",
    "bond_corporate",
    "bond_corporate",
    "equity",
    "crypto_spot",
    "crypto_perp",
    "crypto_spot",
)
RATINGS = ("AAA", "A", "BB", None, None, None, None, None)


def objects(values):
    out = np.empty(len(values), dtype=object)
    out[:] = list(values)
    return out


def make_surface(*, books=True):
    n = len(NAMES)
    step = Curve(np.array([1e6, 5e6, 2e7]), np.array([0.5, 3.0, 12.0]))
    curves = BookCurves.of(n, {5: step, 6: step}, {5: step, 6: step}) if books else None
    return LiquiditySurface.of(
        NAMES,
        spread_bps=[2.0, 20.0, 60.0, 90.0, 3.0, 1.0, 4.0, 0.5],
        adv_ccy=[5e8, 2e7, 5e6, 2e6, 1e8, 2e9, 3e8, 1e9],
        volatility_daily_frac=[0.004, 0.004, 0.007, 0.008, 0.015, 0.03, 0.05, 0.001],
        price=np.full(n, 100.0),
        asset_class=objects(CLASSES),
        rating=objects(RATINGS),
        curves=curves,
    )


def make_holdings(quantity=None, *, cash=1e6, fx=1.0, unknown=False):
    names = [*NAMES, "sim:GONE"] if unknown else list(NAMES)
    quantity = np.array([2e5, 8e4, 4e4, 2e4, 1e5, 3e4, 5e4, 1e4] if quantity is None else quantity, dtype=np.float64)
    if unknown:
        quantity = np.append(quantity, 10.0)
    n = len(names)
    price = np.full(n, 100.0)
    if unknown:
        price[-1] = np.nan
    value = quantity * price * fx
    return Holdings(
        portfolio_id="demo",
        base_currency="USD",
        cash_base=cash,
        equity_base=cash + float(np.nansum(value)),
        instrument_id=objects(names),
        quantity=quantity,
        price=price,
        fx=np.full(n, fx),
        value_base=value,
        place=np.array([*range(len(NAMES)), *([-1] if unknown else [])], dtype=np.int64),
        asset_class=objects([*CLASSES, *([None] if unknown else [])]),
        sector=objects([None] * n),
        rating=objects([*RATINGS, *([None] if unknown else [])]),
        issuer_id=objects([None] * n),
        settlement_days=np.ones(n, dtype=np.int64),
        price_age_sessions=np.zeros(n),
        reason=objects(["" for _ in NAMES] + (["instrument_unknown"] if unknown else [])),
    )
