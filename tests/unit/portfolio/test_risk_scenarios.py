from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.price_history import PriceHistory
from liquidity.market_risk.wide_spread import wide_spread_bps
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.risk_scenarios import rate_paths, scenario_window, scenarios_of_holdings

D = 120
DAYS = np.datetime64("2026-01-01") + np.arange(D)
SESSION = date(2026, 4, 15)


def history(calendar: str = "24/7") -> PriceHistory:
    random = np.random.default_rng(2)
    prices = 100.0 * np.cumprod(1 + random.normal(0, 0.02, (D, 3)), axis=0)
    names = np.array(["XNYS:AA", "XNYS:BB", "XNYS:CC"], dtype=object)
    texts = [np.full(3, value, dtype=object) for value in ("equity", calendar, "close")]
    return PriceHistory(DAYS, names, *texts, prices)


def surface() -> LiquiditySurface:
    return LiquiditySurface.of(
        ["XNYS:AA", "XNYS:BB"],
        spread_bps=10.0,
        adv_ccy=1e6,
        volatility_daily_frac=0.02,
        price=100.0,
        currency=["USD", "EUR"],
    )


def holding(ids: list[str], quantity: list[float], fx: list[float]) -> Holdings:
    n = len(ids)
    place = surface().places(np.array(ids, dtype=object))
    price = np.where(place >= 0, 100.0, np.nan)
    nothing = np.full(n, None, dtype=object)
    return Holdings(
        portfolio_id="fund",
        base_currency="USD",
        cash_base=0.0,
        equity_base=1e5,
        instrument_id=np.array(ids, dtype=object),
        quantity=np.array(quantity),
        price=price,
        fx=np.array(fx),
        value_base=np.array(quantity) * price * np.array(fx),
        place=place,
        asset_class=nothing,
        sector=nothing,
        rating=nothing,
        issuer_id=nothing,
        settlement_days=np.ones(n, dtype=np.int64),
        price_age_sessions=np.zeros(n),
        reason=np.full(n, "", dtype=object),
    )


def made(held: Holdings, past: PriceHistory, **others):
    return scenarios_of_holdings(held, surface(), past, SESSION, window=60, participation_frac=0.2, **others)


def test_returns_are_those_of_the_price_in_the_base_currency() -> None:
    held, past = holding(["XNYS:AA", "XNYS:BB"], [10.0, -20.0], [1.0, 1.2]), history()
    rate = 1.2 * np.cumprod(1 + np.random.default_rng(3).normal(0, 0.01, D))
    found, own = made(held, past, rates={"EUR": rate})
    upto = int(np.flatnonzero(np.datetime64(SESSION) == DAYS)[0]) + 1
    base = past.prices[:, :2] * np.column_stack([np.ones(D), rate])
    np.testing.assert_allclose(found.scenarios.returns, (base[1:] / base[:-1] - 1)[upto - 61 : upto - 1])
    np.testing.assert_array_equal(own, found.scenarios.returns)
    assert found.note == ""
    left_out, _ = made(held, past)
    assert left_out.note == "fx_risk_left_out"
    np.testing.assert_allclose(left_out.results, left_out.scenarios.returns @ [1000.0, -2400.0])


def test_nothing_after_the_session_is_read() -> None:
    held, past = holding(["XNYS:AA"], [10.0], [1.0]), history()
    later = past.prices.copy()
    later[np.datetime64(SESSION) < DAYS] *= 9.0
    changed = PriceHistory(past.days, past.instrument_id, past.asset_class, past.calendar, past.price_kind, later)
    np.testing.assert_array_equal(made(held, past)[0].results, made(held, changed)[0].results)


def test_costs_are_the_surface_at_the_size_in_the_base_currency() -> None:
    held = holding(["XNYS:AA", "XNYS:BB", "XNYS:ZZ"], [100.0, -8000.0, 5.0], [1.0, 1.2, 1.0])
    found, _ = made(held, history(), wide_spread_bps=np.array([30.0, np.nan, np.nan]))
    size = np.array([1e4, 8e5])
    horizon = np.maximum(surface().days_to_liquidate(size, 0.2), 1.0)
    cost = surface().cost(np.array([-1.0, 1.0]), size, horizon)
    np.testing.assert_allclose(found.costs.endogenous[:2], cost.impact_bps * 1e-4 * size * [1.0, 1.2])
    np.testing.assert_allclose(found.costs.exogenous[:2], [1e4 * 15e-4, 8e5 * 5e-4 * 1.2])
    assert np.isnan(found.costs.exogenous[2])
    assert found.scenarios.reason[2] == "no_price_history"
    assert found.costs.horizon_sessions[:2].tolist() == [1.0, 4.0]


def test_a_portfolio_without_prices_has_reasons_and_no_scenario() -> None:
    found, own = made(holding(["XNYS:ZZ"], [1.0], [1.0]), history())
    assert found.results.size == 0
    assert own.shape == (0, 1)
    assert found.origin == "mixed"
    assert found.scenarios.reason.tolist() == ["no_price_history"]


def test_a_year_is_that_of_the_markets_held() -> None:
    held = holding(["XNYS:AA"], [1.0], [1.0])
    assert scenario_window(held, history("24/7")) == 365
    assert scenario_window(held, history("XNYS")) == 250


def test_rates_are_carried_for_five_days_and_left_out_where_rare() -> None:
    rows = pd.DataFrame(
        {
            "session_date": [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-03"), pd.Timestamp("2026-01-01")],
            "currency": ["EUR", "EUR", "JPY"],
            "base_currency": "USD",
            "rate": [1.1, 1.2, 0.01],
        }
    )
    found = rate_paths(rows, DAYS[:10], ["EUR", "JPY", "GBP"], "USD")
    np.testing.assert_allclose(found["EUR"][:8], [1.1, 1.1, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2])
    assert np.isnan(found["EUR"][8:]).all()
    assert found["JPY"][5] == 0.01
    assert "GBP" not in found
    assert "JPY" not in rate_paths(rows, DAYS[:20], ["JPY"], "USD")
    assert rate_paths(rows.iloc[:0], DAYS, ["EUR"], "USD") == {}


def test_the_wide_spread_is_a_quantile_of_its_own_history() -> None:
    spreads = np.column_stack([np.arange(300.0), np.full(300, np.nan), np.full(300, np.nan)])
    spreads[-59:, 1] = 5.0
    spreads[-60:, 2] = 7.0
    found = wide_spread_bps(spreads)
    assert found[0] == pytest.approx(np.quantile(np.arange(50.0, 300.0), 0.99))
    assert np.isnan(found[1])
    assert found[2] == 7.0
