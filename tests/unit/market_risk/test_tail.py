import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from liquidity.domain.errors import ConfigError
from liquidity.market_risk.filtered import ewma_variance_of_rows, ewma_vol, fhs_of_rows, fhs_var, garch11_filter
from liquidity.market_risk.parametric import (
    cornish_fisher,
    is_monotone,
    moment_degrees,
    moments_of_rows,
    var_parametric,
)
from liquidity.market_risk.tail import bootstrap_interval, es_of_rows, var_es_hist, var_of_rows

SAMPLES = arrays(np.float64, st.integers(1, 60), elements=st.floats(-0.5, 0.5, allow_subnormal=False))


@pytest.mark.feature("ET-MR-05")
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_a_normal_sample_gives_the_analytic_numbers_within_sampling_error(confidence: float) -> None:
    n = 200_000
    sample = np.random.default_rng(1).normal(0.0004, 0.02, n)
    known = var_parametric(0.0004, 0.02, confidence)
    assert known.var is not None
    assert known.es is not None
    a = 1.0 - confidence
    density = math.exp(-0.5 * ((known.var + 0.0004) / 0.02) ** 2) / math.sqrt(2 * math.pi) / 0.02
    error = math.sqrt(a * (1 - a) / n) / density  # standard error of a sample quantile
    historical = var_es_hist(sample, confidence)
    filtered = fhs_var(sample[-20_000:], 0.94, confidence)
    assert abs(historical.var_linear - known.var) < 4 * error
    assert historical.es == pytest.approx(known.es, rel=0.01)
    moments = moments_of_rows(sample[None, :])
    assert var_parametric(moments.mean[0], moments.sd[0], confidence).var == pytest.approx(known.var, rel=0.01)
    corrected = cornish_fisher(moments.mean[0], moments.sd[0], moments.skew[0], moments.ex_kurt[0], confidence)
    assert corrected.var == pytest.approx(known.var, rel=0.02)
    assert corrected.es == pytest.approx(known.es, rel=0.02)
    volatility = ewma_vol(sample[-20_000:], 0.94).next_vol
    assert filtered.var / volatility == pytest.approx(known.var / 0.02, rel=0.1)


@pytest.mark.feature("PL-MR-06")
@given(SAMPLES)
@settings(max_examples=60, deadline=None)
def test_higher_confidence_is_never_less_and_shortfall_never_below_value_at_risk(sample: np.ndarray) -> None:
    low, high = var_es_hist(sample, 0.95), var_es_hist(sample, 0.99)
    assert high.var_linear >= low.var_linear
    assert high.es >= low.es - 1e-12
    assert low.es >= -np.quantile(sample, 0.05, method="higher") - 1e-12
    assert -sample.max() - 1e-12 <= low.es <= -sample.min() + 1e-12


@given(SAMPLES, st.sampled_from([0.5, 0.9, 0.95, 0.99]), st.floats(-0.2, 0.2), st.floats(0.1, 10.0))
@settings(max_examples=60, deadline=None)
def test_both_numbers_move_with_cash_and_scale_with_size(sample, confidence, cash, scale) -> None:
    one, other = var_es_hist(sample, confidence), var_es_hist(scale * sample + cash, confidence)
    assert other.var_linear == pytest.approx(scale * one.var_linear - cash, abs=1e-9)
    assert other.es == pytest.approx(scale * one.es - cash, abs=1e-9)


@given(arrays(np.float64, (2, 40), elements=st.floats(-0.5, 0.5)), st.sampled_from([0.9, 0.95, 0.99]))
@settings(max_examples=60, deadline=None)
def test_expected_shortfall_of_a_sum_is_at_most_the_sum(pair: np.ndarray, confidence: float) -> None:
    both = var_es_hist(pair.sum(axis=0), confidence).es
    assert both <= sum(var_es_hist(each, confidence).es for each in pair) + 1e-9


def test_shortfall_is_the_mean_of_the_quantiles_beyond() -> None:
    sample = np.random.default_rng(3).normal(size=37)
    ordered = np.sort(sample)
    grid = (np.arange(200_000) + 0.5) / 200_000 * 0.1
    assert var_es_hist(sample, 0.9).es == pytest.approx(-ordered[np.floor(grid * 37).astype(int)].mean(), abs=1e-4)


def test_missing_returns_are_left_out_and_nothing_gives_nothing() -> None:
    assert var_es_hist([None, -0.02, float("nan"), 0.01], 0.9) == var_es_hist([-0.02, 0.01], 0.9)
    assert var_es_hist([], 0.95).es is None
    assert fhs_var([None], 0.94, 0.99).var is None
    assert fhs_var([0.0] * 30, 0.94, 0.99).var is None
    assert ewma_vol([]).next_vol is None
    assert garch11_filter([], 0.1, 0.1, 0.8).last_vol is None
    assert var_parametric(float("nan"), 0.02, 0.99).var is None
    assert bootstrap_interval([0.01] * 9, 0.95).var_low is None


@pytest.mark.parametrize("confidence", [95, 0.0, 1.0, -0.1, float("nan")])
def test_a_level_outside_its_range_is_refused(confidence: float) -> None:
    for call in (
        lambda: var_es_hist([0.1], confidence),
        lambda: var_parametric(0.0, 0.1, confidence),
        lambda: fhs_var([0.1], 0.94, confidence),
        lambda: cornish_fisher(0, 0.1, 0, 0, confidence),
    ):
        with pytest.raises(ConfigError, match="confidence"):
            call()


def test_parameters_without_meaning_are_refused() -> None:
    with pytest.raises(ConfigError, match="degrees"):
        var_parametric(0.0, 0.02, 0.99, df=2.0)
    with pytest.raises(ConfigError, match="sigma"):
        var_parametric(0.0, -0.02, 0.99)
    with pytest.raises(ConfigError, match="decay"):
        ewma_vol([0.1], 1.0)
    with pytest.raises(ConfigError, match="alpha"):
        garch11_filter([0.1], 0.1, 0.3, 0.7)


@given(st.floats(-1.5, 1.5), st.floats(0.0, 10.0))
@settings(max_examples=80, deadline=None)
def test_the_domain_of_cornish_fisher_is_where_its_quantile_rises(skew: float, ex_kurt: float) -> None:
    z = np.linspace(-12, 12, 4001)
    slope = 1 + z * skew / 3 + (z**2 - 1) * ex_kurt / 8 - (6 * z**2 - 5) * skew**2 / 36
    if slope.min() < -1e-9:
        assert not is_monotone(skew, ex_kurt)
    elif is_monotone(skew, ex_kurt):
        assert slope.min() >= -1e-9


def test_cornish_fisher_leaves_its_domain_and_says_so() -> None:
    assert cornish_fisher(0, 0.02, 0, 0, 0.99).monotone
    assert not cornish_fisher(0, 0.02, -1.5, 1.0, 0.99).monotone
    assert not cornish_fisher(0, 0.02, 0.0, 12.0, 0.99).monotone


def test_shortfall_of_cornish_fisher_is_the_mean_of_its_quantiles() -> None:
    levels = 1.0 - (np.arange(4000) + 0.5) / 4000 * 0.05
    quantiles = [cornish_fisher(0.001, 0.02, -0.4, 1.5, level).var for level in levels]
    assert cornish_fisher(0.001, 0.02, -0.4, 1.5, 0.95).es == pytest.approx(np.mean(quantiles), rel=1e-3)


def test_degrees_of_freedom_reproduce_the_kurtosis() -> None:
    assert moment_degrees(6.0 / (8.0 - 4.0)) == pytest.approx(8.0)
    assert moment_degrees(-1.0) == 200.0
    assert np.isnan(moment_degrees(np.nan))


def test_rows_equal_one_by_one() -> None:
    rows = np.random.default_rng(5).standard_t(4, (7, 90)) * 0.01
    var, es = fhs_of_rows(rows, 0.99)
    for row, v, e in zip(rows, var, es, strict=True):
        assert (v, e) == pytest.approx((fhs_var(row, 0.94, 0.99).var, fhs_var(row, 0.94, 0.99).es), rel=1e-12)
    assert var_of_rows(rows, 0.95)[3] == var_es_hist(rows[3], 0.95).var_linear
    assert es_of_rows(rows, 0.95)[3] == pytest.approx(var_es_hist(rows[3], 0.95).es)
    broken = rows.copy()
    broken[2, 5] = np.nan
    assert np.isnan(es_of_rows(broken, 0.95)[2])
    assert np.isnan(var_of_rows(broken, 0.95)[2])
    assert ewma_variance_of_rows(rows, 0.94).shape == (7, 91)


def test_the_bootstrap_holds_the_number_and_repeats_its_bits() -> None:
    sample = np.random.default_rng(7).normal(0, 0.01, 250)
    one, again = (bootstrap_interval(sample, 0.95, seed=4) for _ in range(2))
    assert one == again
    assert one != bootstrap_interval(sample, 0.95, seed=5)
    found = var_es_hist(sample, 0.95)
    assert one.var_low < found.var_linear < one.var_high
    assert one.es_low < found.es < one.es_high


@pytest.mark.feature("PL-MR-06")
def test_the_bootstrap_interval_covers_the_true_number_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(11)
    true = var_parametric(0.0, 0.01, 0.95).var
    covered = [
        found.var_low <= true <= found.var_high
        for found in (bootstrap_interval(random.normal(0, 0.01, 250), 0.95, draws=200, seed=i) for i in range(150))
    ]
    assert 0.78 <= np.mean(covered) <= 0.97
