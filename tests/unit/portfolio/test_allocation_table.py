"""Target and trades of whole portfolios: agreement with the reports' limits, and what is labelled instead of computed."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import REBALANCE_TRADES, TARGET_PORTFOLIO
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.scenarios import Scenarios
from liquidity.portfolio.allocation_model import Preferences
from liquidity.portfolio.allocation_table import AllocationChoices, allocation_rows
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.limits import check_limits
from liquidity.portfolio.policy import DEFAULT_POLICY

N = 24
SESSION = date(2026, 6, 1)
SCORES = np.full(N, 70.0)


def market() -> LiquiditySurface:
    return LiquiditySurface.of(
        [f"NSE:B{i:02d}" for i in range(N)],
        spread_bps=np.linspace(5.0, 120.0, N),
        adv_ccy=np.geomspace(5e8, 2e6, N),
        volatility_daily_frac=0.01,
        price=10.0,
        currency="INR",
    )


def portfolio(value_ccy: float = 2.8e7, **changes: object) -> Holdings:
    surface, quantity = market(), np.full(N, value_ccy / 10.0)
    texts = np.full(N, None, dtype=object)
    held = Holdings(
        "fund", "USD", 1e5, N * value_ccy * 0.01 + 1e5, surface.instrument_id, quantity, np.full(N, 10.0), np.full(N, 0.01),
        quantity * 10.0 * 0.01, np.arange(N), np.full(N, "equity", dtype=object), texts, texts, texts, np.ones(N, dtype=np.int64),
        np.zeros(N), np.full(N, "", dtype=object),
    )  # fmt: skip
    return replace(held, **changes)


def paths(sessions: int = 250) -> Scenarios:
    rng = np.random.default_rng(1)
    returns = rng.normal(0.0, 0.01, (sessions, 1)) + rng.normal(0.0, 0.01, (sessions, N))
    days = np.datetime64("2025-06-01") + np.arange(sessions)
    return Scenarios(days, returns, np.zeros(N), np.full(N, "", dtype=object))


def made(held: Holdings, choices: AllocationChoices | None = None, scenarios: Scenarios | None = None, scores=SCORES):
    return allocation_rows(
        held, market(), scenarios or paths(), scores, DEFAULT_POLICY, choices or AllocationChoices(), SESSION, "test"
    )


@pytest.mark.feature("AI-PF-03", "AI-PF-04")
def test_the_target_passes_the_reports_own_limits() -> None:
    held = portfolio()
    before = {check.limit: check for check in check_limits(held, market(), SCORES, DEFAULT_POLICY)}
    assert before["max_illiquid_frac"].passed is False
    assert before["min_daily_liquidatable_frac"].passed is False
    targets, _ = made(held)
    assert set(targets["outcome"]) == {"optimal"}
    value = targets["target_weight_frac"].to_numpy(dtype=float) * held.equity_base
    after = replace(held, quantity=value / 0.1, value_base=value)
    checks = {check.limit: check for check in check_limits(after, market(), SCORES, DEFAULT_POLICY)}
    for name in ("max_illiquid_frac", "min_daily_liquidatable_frac"):
        bound = checks[name].bound
        assert checks[name].value == pytest.approx(bound, abs=1e-6) or checks[name].passed
    assert checks["max_position_frac"].value <= checks["max_position_frac"].bound * 1.03


def test_rows_keep_their_contracts() -> None:
    for held in (portfolio(), portfolio(equity_base=-1.0)):
        for contract, rows in zip((TARGET_PORTFOLIO, REBALANCE_TRADES), made(held), strict=True):
            judged = audit(table_from_frame(rows, contract), contract, SESSION)
            assert not judged.violations
            assert judged.accepted.num_rows == len(rows)


@pytest.mark.feature("AI-PF-06", "AI-PF-08")
def test_trades_lead_from_the_holding_to_the_target() -> None:
    held = portfolio()
    targets, trades = made(held)
    moved = targets.set_index("instrument_id")
    after = held.value_base.copy()
    rows = [list(held.instrument_id).index(name) for name in trades["instrument_id"]]
    after[rows] += trades["value_base"].to_numpy(dtype=float)
    whole = (trades["reason"] == "").to_numpy()
    gap = (
        after[rows] - moved.loc[trades["instrument_id"], "target_weight_frac"].to_numpy(dtype=float) * held.equity_base
    )
    assert np.abs(gap[whole]).max() < 0.1 + 1e-6  # a share of 10 INR is 0.1 USD
    assert set(trades["side"]) == {"buy", "sell"}
    assert trades["needs_plan"].any()
    assert (trades.loc[trades["sessions"] > 1.0, "needs_plan"]).all()


@pytest.mark.feature("AP-PF-07")
def test_without_limits_to_mend_the_portfolio_stays_as_it_is() -> None:
    targets, trades = made(portfolio(1e4), AllocationChoices(preferences=Preferences(unwinding_share=0.0)))
    change = (targets["target_weight_frac"] - targets["current_weight_frac"]).abs()
    assert change.max() < 1e-4
    assert trades["value_base"].abs().sum() < 10.0
    assert (targets["band_lower_frac"] <= targets["current_weight_frac"] + 1e-6).all()
    assert (targets["band_upper_frac"] >= targets["current_weight_frac"] - 1e-6).all()


def test_a_view_moves_its_name() -> None:
    weights = []
    for view in (-2e-3, 0.0, 2e-3):
        targets, _ = made(portfolio(1e6), AllocationChoices(views={"NSE:B03": view}))
        weights.append(targets.set_index("instrument_id").loc["NSE:B03", "target_weight_frac"])
    assert all(a < b for a, b in pairwise(weights))
    with pytest.raises(ConfigError, match="NSE:XX"):
        made(portfolio(), AllocationChoices(views={"NSE:XX": 0.01}))


def test_limits_in_conflict_are_told_and_the_nearest_is_shown() -> None:
    targets, _ = made(portfolio(4e8))
    assert set(targets["outcome"]) == {"nearest"}
    assert "min_daily_liquidatable_frac" in targets["explanation"].iloc[0]
    assert targets["target_weight_frac"].notna().all()


@pytest.mark.parametrize(
    ("held", "scenarios", "told"),
    [
        (portfolio(equity_base=-5.0), None, "equity is -5 USD"),
        (portfolio(), paths(30), "30 scenarios"),
        (portfolio(place=np.full(N, -1)), None, "0 positions with a value"),
    ],
)
def test_what_cannot_be_optimised_is_labelled(held: Holdings, scenarios: Scenarios | None, told: str) -> None:
    targets, trades = made(held, scenarios=scenarios)
    assert set(targets["outcome"]) == {"not_optimised"}
    assert told in targets["explanation"].iloc[0]
    assert targets["target_weight_frac"].isna().all()
    assert not len(trades)


def test_unknown_prices_and_unknown_risk_keep_their_weight() -> None:
    held = portfolio()
    price, value, reason = held.price.copy(), held.value_base.copy(), held.reason.copy()
    price[2], value[2], reason[2] = np.nan, np.nan, "no_price"
    paths_of = paths()
    blind = replace(paths_of, reason=np.where(np.arange(N) == 5, "no_price_history", "").astype(object))
    targets, trades = made(replace(held, price=price, value_base=value, reason=reason), scenarios=blind)
    rows = targets.set_index("instrument_id")
    assert pd.isna(rows.loc["NSE:B02", "target_weight_frac"])
    assert rows.loc["NSE:B02", "reason"] == "no_price"
    assert rows.loc["NSE:B05", "target_weight_frac"] == rows.loc["NSE:B05", "current_weight_frac"]
    assert rows.loc["NSE:B05", "reason"] != ""
    assert not {"NSE:B02", "NSE:B05"} & set(trades["instrument_id"])


def test_names_below_the_score_count_as_illiquid_whole() -> None:
    scores = np.where(np.arange(N) < 6, 10.0, 70.0)
    targets, _ = made(portfolio(1e6), scores=scores)
    assert targets["illiquid"].sum() == 6
    held = targets.loc[targets["illiquid"].astype(bool), "target_weight_frac"].sum()
    assert held <= 0.20 * targets["target_weight_frac"].sum() + 1e-6
