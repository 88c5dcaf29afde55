"""What must hold for every index, whatever the numbers."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.contracts.features import SCORED_FEATURES
from liquidity.features.scaling import component_scores
from liquidity.index import (
    bondx_score,
    early_warnings,
    liquidity_index,
    score_liquidity,
    score_observed,
    score_repayment,
    weight_profile,
)
from liquidity.index.uncertainty import total_sd

V1 = weight_profile("bondx_v1")
LIQUIDITY = {item.feature: item.weight for item in V1.liquidity}
SCORE = st.floats(0, 100)


def cross_section(seed: int, n: int = 60) -> pd.DataFrame:
    """A class of ``n`` bonds with whole numbers, so that ties happen, and holes."""
    random = np.random.default_rng(seed)
    data: dict[str, object] = {
        "session_date": pd.Series([dt.date(2026, 3, 2)] * n, dtype=object),
        "instrument_id": [f"XNSE:B{i:03d}" for i in range(n)],
        "asset_class": ["bond_corporate"] * n,
        "issuer_id": [f"I{i // 6}" for i in range(n)],
        "sector": random.choice(["FINANCIAL", "UTILITIES"], n),
        "rating": random.choice(["AAA", "BB"], n),
        "currency": ["INR"] * n,
        "maturity_date": pd.Series([dt.date(2030, 1, 1)] * n, dtype=object),
        "issue_date": pd.Series([dt.date(2020, 1, 1)] * n, dtype=object),
        "amount_outstanding": random.integers(1, 9, n) * 1e8,
        "history_n": random.integers(0, 60, n),
        "source": ["simulated"] * n,
    }
    for name in SCORED_FEATURES:
        natural = name in ("mm_online_ratio", "zero_trade_share_frac", "spread_stability", "depth_stability")
        values = random.integers(0, 11, n) / 10.0 if natural else random.integers(0, 30, n).astype(float)
        values[random.random(n) < 0.2] = np.nan
        own = np.where(np.isnan(values) | (random.random(n) < 0.2), np.nan, random.random(n))
        data[name], data[f"{name}_own_rank_frac"] = values, own
    for group in ("micro", "alt", "auction", "sentiment"):
        data[f"{group}_weight_frac"] = np.where(random.random(n) < 0.1, 0.0, random.uniform(0.5, 1.0, n))
        data[f"{group}_age_s"] = random.random(n) * 1e5
    return pd.DataFrame(data)


@pytest.mark.feature("BX-IX-01", "BX-IX-03")
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, 59), which=st.integers(0, 11), up=st.floats(0.0, 1.0))
def test_monotone_in_each_input_in_the_stated_direction(seed: int, row: int, which: int, up: float) -> None:
    """Raising one value (and its own-history rank) never moves the score against the sign of the weight."""
    item = V1.scored_features[which]
    score = score_observed if item in V1.liquidity else score_repayment
    features = cross_section(seed)
    value = features.at[row, item.feature]
    own = features.at[row, f"{item.feature}_own_rank_frac"]
    raised = features.copy()
    top = 1.0 if item.scaling == "natural" else 60.0
    raised.at[row, item.feature] = value + up * (top - value)
    raised.at[row, f"{item.feature}_own_rank_frac"] = own + up * (1.0 - own)
    before, after = score(features, V1).iloc[row, 6], score(raised, V1).iloc[row, 6]
    assert np.isnan(before) == np.isnan(after)
    if not np.isnan(before):
        assert (after - before) * np.sign(item.weight) >= -1e-9


@pytest.mark.feature("BX-IX-15")
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    lost=st.sets(st.sampled_from(SCORED_FEATURES)),
    stale=st.sets(st.sampled_from(["micro", "alt", "auction", "sentiment"])),
)
def test_whatever_is_missing_or_stale_each_row_has_a_score_or_a_reason(
    seed: int, lost: set[str], stale: set[str]
) -> None:
    features = cross_section(seed)
    for name in lost:
        features[[name, f"{name}_own_rank_frac"]] = np.nan
    for group in stale:
        features[f"{group}_weight_frac"] = 0.0
    for table in (score_liquidity(features, V1), score_repayment(features, V1)):
        score = table.iloc[:, 6]
        missing = table["method"] == "insufficient_data"
        assert (score.isna() == missing).all()
        assert score[~missing].between(0, 100).all()
        assert table.loc[~missing, ["uncertainty_sd", "lower_80", "upper_80"]].notna().all().all()
        assert ((table["reason"] == "") == (table["method"] == "observed")).all()


@pytest.mark.feature("BX-IX-01")
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_components_stay_in_0_100_and_do_not_depend_on_row_order_or_scale(seed: int) -> None:
    features = cross_section(seed)
    scores = component_scores(features, V1)
    assert ((scores >= 0) & (scores <= 100) | scores.isna()).all().all()
    order = np.random.default_rng(seed).permutation(len(features))
    shuffled = component_scores(features.iloc[order], V1).sort_index()
    pd.testing.assert_frame_equal(shuffled, scores)
    stretched = component_scores(features.assign(spread_bps=np.exp(features["spread_bps"] / 7.0)), V1)
    pd.testing.assert_series_equal(
        stretched["spread_bps"], scores["spread_bps"]
    )  # a monotone transform changes no rank


@pytest.mark.feature("BX-IX-02", "BX-IX-15")
@settings(max_examples=150, deadline=None)
@given(scores=st.fixed_dictionaries({name: st.none() | SCORE for name in LIQUIDITY}))
def test_the_index_is_a_weighted_mean_of_what_is_there(scores: dict[str, float | None]) -> None:
    result = liquidity_index(scores, LIQUIDITY, 0.5)
    known = [s for s in scores.values() if s is not None]
    assert result.coverage == pytest.approx(sum(abs(LIQUIDITY[n]) for n, s in scores.items() if s is not None))
    if result.index is None:
        assert result.coverage < 0.5
    else:
        assert min(known) - 1e-9 <= result.index <= max(known) + 1e-9


@pytest.mark.feature("BX-IX-05")
@settings(max_examples=100, deadline=None)
@given(
    left=SCORE,
    right=SCORE,
    sector=st.sampled_from(["FINANCIAL", "UTILITIES", "INDUSTRIAL", "GOVERNMENT", "OTHER", None]),
)
def test_the_combined_score_lies_between_its_sides(left: float, right: float, sector: str | None) -> None:
    score = bondx_score(left, right, sector).score
    assert score is not None
    assert min(left, right) - 1e-9 <= score <= max(left, right) + 1e-9


@pytest.mark.feature("BX-IX-08")
@settings(max_examples=300, deadline=None)
@given(
    weights=st.lists(st.floats(0.01, 1.0), min_size=2, max_size=8),
    data=st.data(),
    rho=st.floats(0.0, 1.0),
    prior=st.floats(1.0, 40.0),
)
def test_taking_weight_away_never_narrows(weights: list[float], data: st.DataObject, rho: float, prior: float) -> None:
    """Any part of any component's weight may go missing, from any starting point."""
    n = len(weights)
    sds = np.array(data.draw(st.lists(st.floats(0.0, 1.0), min_size=n, max_size=n))) * prior
    trust = np.array(data.draw(st.lists(st.floats(0.0, 1.0), min_size=n, max_size=n)))
    kept = np.array(data.draw(st.lists(st.floats(0.0, 1.0) | st.just(0.0), min_size=n, max_size=n)))
    share = np.array(weights) / sum(weights)
    before = total_sd((share * trust)[np.newaxis], sds[np.newaxis], rho, prior)[0]
    after = total_sd((share * trust * kept)[np.newaxis], sds[np.newaxis], rho, prior)[0]
    assert after >= before - 1e-9
    assert 0.0 <= before <= prior + 1e-9


@pytest.mark.feature("BX-IX-12")
@settings(max_examples=40, deadline=None)
@given(series=st.lists(st.none() | st.integers(0, 100), min_size=2, max_size=40), cut=st.integers(1, 39))
def test_dropping_the_future_changes_no_alert(series: list[int | None], cut: int) -> None:
    days = [dt.date(2026, 1, 5) + dt.timedelta(days=i) for i in range(len(series))]
    table = pd.DataFrame(
        {
            "session_date": pd.Series(days, dtype=object),
            "instrument_id": "XNSE:A",
            "liquidity_score": np.array([np.nan if s is None else s for s in series], dtype=np.float64),
            "method": ["insufficient_data" if s is None else "observed" for s in series],
        }
    )
    past = days[: min(cut, len(days))]
    whole, partial = early_warnings(table, past), early_warnings(table.iloc[: len(past)], past)
    pd.testing.assert_frame_equal(whole, partial)
    states = whole.set_index("session_date")["state"]
    raised = [day for day, state in states.items() if state == "raised"]
    for first, second in itertools.pairwise(raised):  # never two alerts without a clearing between them
        assert "cleared" in states[first:second].tolist()
