"""Tables of leverage: numbers of a small book by hand, and each gap labelled while the others are computed."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import LEVERAGE_RISK, MARGIN_USE
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.derivatives import isolated_liquidation
from liquidity.domain.market_data import LeverageTier
from liquidity.impact.shock import Shock
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.leverage import LeveragePolicy
from liquidity.portfolio.leverage_market import LeverageMarket
from liquidity.portfolio.leverage_rows import LEVERAGE_REASONS
from liquidity.portfolio.leverage_table import LeverageTables, leverage_tables
from liquidity.portfolio.margin_account import CloseRules, MarginTable

DAY = date(2026, 6, 30)
STAMP = pd.Timestamp(DAY)
IDS = ["ven:BTC", "ven:ETH", "ven:SOL"]
TIERS = (LeverageTier(0.0, 1e6, 0.01, 50.0), LeverageTier(1e6, 1e8, 0.02, 20.0))
TABLE = MarginTable(TIERS, "demo", DAY, CloseRules(100_000.0, 0.2, 30.0, 2.0 / 3.0))


def market(ids=IDS, tables=IDS, sigma=(0.03, 0.04, 0.05), price=(60_000.0, 3_000.0, 150.0), **others):
    surface = LiquiditySurface.of(
        ids,
        spread_bps=2.0,
        adv_ccy=1e9,
        volatility_daily_frac=list(sigma),
        price=list(price),
        asset_class="crypto_perp",
        currency="USDT",
        depth_ccy_per_bp=1e6,
    )
    facts = {
        "true_range": dict.fromkeys(ids, 10.0),
        "normal_depth_ccy_per_bp": dict.fromkeys(ids, 1e6),
        "funding_rate": dict.fromkeys(ids, (0.0001, 8.0)),
        "correlation": {(one, other): 0.7 for place, one in enumerate(ids) for other in ids[place + 1 :]},
    }
    return LeverageMarket(surface, dict.fromkeys(tables, TABLE), **{**facts, **others})


def held(**changes):
    rows = {
        "session_date": STAMP,
        "portfolio_id": "book",
        "instrument_id": IDS,
        "account": "margin",
        "quantity": [10.0, -100.0, 4_000.0],
        "entry_price": [58_000.0, 3_100.0, 155.0],
        "price": [60_000.0, 3_000.0, 150.0],
        "currency": "USDT",
        "margin_mode": ["cross", "cross", "isolated"],
        "leverage": [5.0, 5.0, 10.0],
        "observed_at": pd.Timestamp("2026-07-01", tz="UTC"),
        "source": "test",
    }
    return pd.DataFrame({**rows, **changes})


def money(equity=300_000.0, cash=272_000.0, **changes):
    return pd.DataFrame(
        {
            "session_date": STAMP,
            "portfolio_id": "book",
            "account": "margin",
            "currency": "USDT",
            "cash": [cash],
            "equity": [equity],
            **changes,
        }
    )


def told(positions=None, accounts=None, facts=None, **options):
    tables = leverage_tables(
        held() if positions is None else positions,
        money() if accounts is None else accounts,
        facts or market(),
        DAY,
        **options,
    )
    for contract, rows in tables.with_contracts():
        assert not audit(table_from_frame(rows, contract), contract, DAY).violations
    return tables


@pytest.mark.feature("PL-FU-03", "PL-LV-05", "PL-MR-12")
def test_numbers_of_a_small_book():
    tables = told()
    btc, eth, sol = (row for _, row in tables.risk.iterrows())
    use = tables.use.iloc[0]
    own = 4_000.0 * 155.0 / 10.0 + 4_000.0 * (150.0 - 155.0)
    assert sol["liquidation_price"] == isolated_liquidation(1, 4_000.0, 155.0, 10.0, TIERS).price
    assert sol["leverage_effective"] == pytest.approx(600_000.0 / own)
    assert use["cross_equity_ccy"] == pytest.approx(300_000.0 - own)
    assert btc["leverage_effective"] == eth["leverage_effective"] == pytest.approx(900_000.0 / (300_000.0 - own))
    moved = 10.0 * (btc["liquidation_price"] - 60_000.0) + (300_000.0 - own)
    assert moved == pytest.approx(0.01 * 10.0 * btc["liquidation_price"] + eth["maintenance_ccy"])
    assert btc["distance_frac"] == pytest.approx(1.0 - btc["liquidation_price"] / 60_000.0)
    assert btc["distance_sigmas"] == pytest.approx(btc["distance_frac"] / 0.03)
    assert eth["liquidation_price"] > 3_000.0
    assert use["initial_ccy"] == pytest.approx(900_000.0 / 5.0 + 600_000.0 / 10.0)
    assert use["use_frac"] == pytest.approx(240_000.0 / 300_000.0)
    assert use["available_ccy"] == pytest.approx(60_000.0)
    assert use["level"] == "warn"
    assert use["adl_instrument_id"] == "ven:BTC"
    assert btc["funding_day_ccy"] == pytest.approx(600_000.0 * 0.0003)
    assert eth["funding_day_ccy"] == pytest.approx(-300_000.0 * 0.0003)
    assert (tables.risk["reason"] == "").all()
    assert use["reason"] == ""
    assert tables.risk["liquidation_risk_score"].between(0.0, 100.0).all()
    assert sol["liquidation_risk_score"] == tables.risk["liquidation_risk_score"].max()


@pytest.mark.feature("PL-LV-01", "PL-LV-02")
def test_recommended_leverage_falls_with_volatility_depth_and_size():
    calm = told().risk["leverage_recommended"]
    wild = told(facts=market(sigma=(0.06, 0.08, 0.10))).risk["leverage_recommended"]
    base = market()
    thin = LeverageMarket(
        base.surface.stressed(Shock(depth_haircut_frac=0.5)),
        base.tables,
        base.true_range,
        base.normal_depth_ccy_per_bp,
        base.funding_rate,
        base.correlation,
    )
    halved = told(facts=thin).risk["leverage_recommended"]
    assert (wild < calm).all()
    assert (halved < calm * 0.5**0.5 + 1e-9).all()
    assert (told(policy=LeveragePolicy(distance_sigmas=6.0)).risk["leverage_recommended"] < calm).all()


@pytest.mark.feature("PL-MR-12")
@pytest.mark.parametrize(
    ("equity", "level"), [(900_000.0, "ok"), (310_000.0, "warn"), (290_000.0, "alert"), (-5.0, "liquidation")]
)
def test_level_of_an_account(equity, level):
    tables = told(accounts=money(equity=equity))
    assert tables.use.iloc[0]["level"] == level
    if equity < 0.0:
        cross = tables.risk[tables.risk["margin_mode"] == "cross"]
        assert cross["reason"].str.contains("negative_equity").all()
        assert (cross["liquidation_risk_score"] == 100.0).all()
        assert "negative_equity" in tables.use.iloc[0]["reason"]
        sol = tables.risk[tables.risk["instrument_id"] == "ven:SOL"].iloc[0]
        assert sol["reason"] == ""
        assert np.isfinite(sol["liquidation_price"])


def test_equity_follows_from_cash_and_profit_where_none_is_stated():
    profit = 10.0 * 2_000.0 + 100.0 * 100.0 - 4_000.0 * 5.0
    assert told(accounts=money(equity=np.nan)).use.iloc[0]["equity_ccy"] == pytest.approx(272_000.0 + profit)


@pytest.mark.parametrize(
    ("changes", "facts", "code", "others"),
    [
        ({}, market(tables=["ven:BTC", "ven:SOL"]), "unknown_margin_table", "account_incomplete"),
        ({"price": [60_000.0, np.nan, 150.0]}, market(price=(6e4, np.nan, 150.0)), "no_mark", "account_incomplete"),
        ({"leverage": [5.0, np.nan, 10.0]}, market(), "no_leverage", ""),
        ({"leverage": [5.0, 0.0, 10.0]}, market(), "no_leverage", ""),
        ({"margin_mode": ["cross", None, "isolated"]}, market(), "no_margin_mode", ""),
        ({}, market(sigma=(0.03, np.nan, 0.05)), "no_volatility", ""),
        ({}, market(true_range={"ven:BTC": 1.0, "ven:SOL": 1.0}), "no_true_range", ""),
        ({}, market(funding_rate={"ven:BTC": (1e-4, 8.0), "ven:SOL": (1e-4, 8.0)}), "no_funding_rate", ""),
        ({}, market(normal_depth_ccy_per_bp={"ven:BTC": 1e6, "ven:SOL": 1e6}), "no_depth", ""),
    ],
)
def test_a_gap_is_labelled_and_the_others_are_computed(changes, facts, code, others):
    risk = told(held(**changes), facts=facts).risk.set_index("instrument_id")
    assert code in risk.loc["ven:ETH", "reason"].split(",")
    assert risk.loc["ven:BTC", "reason"] == others
    assert risk.loc["ven:SOL", "reason"] == ""
    assert np.isfinite(risk.loc["ven:SOL", "liquidation_price"])
    assert np.isfinite(risk.loc["ven:BTC", "liquidation_price"]) == (others == "")
    assert set(",".join(risk["reason"]).split(",")) - {""} <= set(LEVERAGE_REASONS)


def test_an_isolated_gap_spoils_the_pool_whose_equity_is_the_rest():
    tables = told(held(entry_price=[58_000.0, 3_100.0, np.nan]))
    assert "no_entry_price" in tables.risk.iloc[2]["reason"]
    assert tables.risk.iloc[:2]["liquidation_price"].isna().all()
    assert (tables.risk.iloc[:2]["reason"] == "account_incomplete").all()
    assert tables.use.iloc[0]["level"] == "unknown" or "account_incomplete" in tables.use.iloc[0]["reason"]


def test_no_account_other_currency_unknown_instrument_and_no_correlation():
    lone = told(accounts=money(currency="USDC"))
    assert lone.risk["reason"].tolist()[:2] == ["no_account", "no_account"]
    assert lone.use.iloc[0]["level"] == "unknown"
    far = told(held(instrument_id=["ven:BTC", "other:NEW", "ven:SOL"]))
    assert "unknown_margin_table" in far.risk.set_index("instrument_id").loc["other:NEW", "reason"]
    blind = told(facts=market(correlation={}))
    assert blind.use.iloc[0]["reason"] == "no_correlation"
    assert np.isnan(blind.use.iloc[0]["adverse_sigmas"])
    assert np.isfinite(blind.risk["liquidation_price"]).all()


def test_a_mark_of_an_earlier_day_gives_way_to_the_market():
    old = held(observed_at=pd.Timestamp("2026-06-28", tz="UTC"))
    risk = told(old, facts=market(price=(59_000.0, 3_000.0, 150.0))).risk.set_index("instrument_id")
    assert risk.loc["ven:BTC", "mark"] == 59_000.0


def test_paid_in_full_is_left_out_and_nothing_held_gives_empty_tables():
    spot = held(margin_mode=None, leverage=np.nan)
    base = market()
    cash = LeverageMarket(
        LiquiditySurface.of(IDS, spread_bps=1.0, adv_ccy=1e9, volatility_daily_frac=0.03), base.tables
    )
    for tables in (told(spot, facts=cash), told(held().iloc[:0]), LeverageTables.joined([])):
        assert len(tables.risk) == len(tables.use) == 0
        assert list(tables.risk.columns) == list(LEVERAGE_RISK.column_names)
        assert list(tables.use.columns) == list(MARGIN_USE.column_names)


def test_facts_of_the_market_come_from_tables():
    days = pd.date_range("2026-06-10", periods=20)
    panel = pd.DataFrame({"session_date": days, "instrument_id": "ven:BTC", "high": 102.0, "low": 99.0, "close": 100.0})
    depth = pd.DataFrame({"session_date": days, "instrument_id": "ven:BTC", "depth_ccy_per_bp": np.arange(20.0)})
    at = pd.to_datetime(["2026-06-30 00:00", "2026-06-30 08:00"], utc=True)
    rates = pd.DataFrame(
        {
            "instrument_id": ["ven:BTC"] * 2,
            "at": at,
            "rate_frac": [0.0001, 0.0002],
            "predicted_next_frac": [np.nan, np.nan],
            "interval_hours": [8.0, 4.0],
        }
    )
    pairs = pd.DataFrame({"instrument_id": ["ven:BTC"], "other_id": ["ven:ETH"], "correlation": [0.5]})
    facts = LeverageMarket.of(
        market().surface,
        {},
        panel=panel,
        surface_history=depth,
        funding_rows=rates,
        correlations=pairs,
    )
    assert facts.true_range == {"ven:BTC": 3.0}
    assert facts.normal_depth_ccy_per_bp == {"ven:BTC": 9.5}
    assert facts.funding_day_ccy("ven:BTC", 2.0, 100.0) == pytest.approx(200.0 * 0.0002 * 6)
    assert facts.funding_day_ccy("ven:BTC", -2.0, 100.0) == pytest.approx(-200.0 * 0.0002 * 6)
    assert np.isnan(facts.funding_day_ccy("ven:ETH", 2.0, 100.0))
    covariance = facts.covariance(["ven:ETH", "ven:BTC"], np.array([0.02, 0.03]))
    assert covariance == pytest.approx(np.array([[4e-4, 3e-4], [3e-4, 9e-4]]))
    assert facts.covariance(["ven:ETH", "ven:SOL"], np.array([0.02, 0.03])) is None
