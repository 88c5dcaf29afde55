"""Buckets follow the rule's days, days follow the surface, percentages are of net assets."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.regulation.report_pack import CASH_ID
from liquidity.regulation.sec22e4 import sec_22e4, sec_pack
from liquidity.regulation.thresholds import thresholds
from tests.unit.regulation.conftest import SESSION

INF = float("inf")


@pytest.mark.feature("BX-RM-04")
@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        ((3, 5, 1), "highly_liquid"),
        ((3.5, 4, 1), "moderately_liquid"),
        ((4, 7, 5), "moderately_liquid"),
        ((6, 8, 7), "less_liquid"),
        ((6, 8, 7.5), "illiquid"),
        ((INF, INF, INF), "illiquid"),
        ((INF, INF, 6), "less_liquid"),
        ((0, 0, 0), "highly_liquid"),
        ((None, 4, 2), None),
        ((2, None, 2), None),
    ],
)
def test_edges_of_the_buckets(days, bucket):
    assert sec_22e4(*days).bucket == bucket


def test_negative_days_are_refused():
    with pytest.raises(ConfigError, match="SEC buckets"):
        sec_22e4(-1, 2, 1)


@pytest.fixture
def pack(held, surface):
    return sec_pack(held, surface, SESSION, thresholds(), 0.2)


def rows_of(pack):
    return pack.buckets.set_index("instrument_id")


@pytest.mark.feature("BX-RM-04")
def test_days_are_recomputed_from_the_surface(pack, held, surface):
    rows = rows_of(pack)
    for row, name in enumerate(held.instrument_id[:5]):
        size = 0.10 * abs(held.quantity[row] * held.price[row])
        least = np.ceil(size / (0.2 * surface.adv_ccy[row]) - 1e-9)
        alone = surface.take([row])
        days = next(n for n in range(1, 21) if n >= least and alone.cost(-1, [size], float(n)).impact_bps[0] <= 100.0)
        assert rows.loc[name, "sell_sessions"] == days
        assert rows.loc[name, "cash_sessions"] == days + held.settlement_days[row]
        assert rows.loc[name, "cost_bps"] == pytest.approx(alone.cost(-1, [size], float(days)).impact_bps[0])
    assert rows.loc["sim:STUCK", "bucket"] == "illiquid"
    assert rows["bucket"].isna().tolist() == [name == "sim:NOPRICE" for name in rows.index]
    assert rows.loc[CASH_ID, "bucket"] == "highly_liquid"


@pytest.mark.feature("BX-RM-04")
def test_shares_are_of_net_assets_and_add_up(pack, held):
    rows = rows_of(pack)
    assert rows["net_assets_frac"].sum() == pytest.approx(1.0)
    found = {each.test: each for each in pack.findings}
    assert found["illiquid_frac"].value == pytest.approx(
        rows.loc[rows["bucket"] == "illiquid", "value_base"].sum() / held.equity_base
    )
    assert found["illiquid_frac"].passed is True
    assert found["unclassified_count"].value == 1.0
    shares = [found[f"{name}_frac"].value for name in ("highly_liquid", "moderately_liquid", "less_liquid", "illiquid")]
    assert sum(shares) == pytest.approx(1.0)  # fmt: skip


def test_a_breach_names_the_rule_and_its_day(held, surface):
    owed = replace(held, equity_base=6e6)
    found = {each.test: each for each in sec_pack(owed, surface, SESSION, thresholds(), 0.2).findings}
    assert found["illiquid_frac"].passed is False
    assert found["illiquid_frac"].source.startswith("17 CFR 270.22e-4(b)(1)(iv)")
    assert found["illiquid_frac"].dated == date(2018, 12, 1)
    gone = sec_pack(replace(held, equity_base=-1.0), surface, SESSION, thresholds(), 0.2)
    assert {each.passed for each in gone.findings if each.side} == {None}


@pytest.mark.feature("BX-RM-04", "AI-ST-02")
def test_no_bucket_gets_better_under_stress_or_for_a_larger_trade(held, surface, pack):
    from liquidity.portfolio.policy import DEFAULT_POLICY
    from liquidity.regulation.sec22e4 import SEC_BUCKETS

    def ranks(other):
        return [SEC_BUCKETS.index(name) for name in rows_of(other)["bucket"].dropna()]

    calm = ranks(pack)
    harsh = ranks(sec_pack(held, surface.stressed(DEFAULT_POLICY.stress), SESSION, thresholds(), 0.2))
    large = ranks(sec_pack(held, surface, SESSION, thresholds(), 0.2, redeemed_week_frac=0.6))
    assert all(after >= before for before, after in zip(calm, harsh, strict=True))
    assert all(after >= before for before, after in zip(calm, large, strict=True))
    assert large != calm


def test_weekends_count_as_calendar_days(held, surface):
    thursday, monday = (
        rows_of(sec_pack(held, surface, day, thresholds({"sec_anticipated_trade_frac": 0.5}), 0.2))
        for day in (SESSION, date(2026, 3, 16))
    )
    # A sale on the next session that settles two sessions later ends on Tuesday after a Thursday: five days, three business days.
    assert thursday.loc["sim:CORP", "cash_sessions"] == monday.loc["sim:CORP", "cash_sessions"]
    assert thursday["bucket"].tolist() == monday["bucket"].tolist()
