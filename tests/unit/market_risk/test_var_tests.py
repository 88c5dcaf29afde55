import numpy as np
import pytest
from scipy.stats import binom

from liquidity.domain.errors import ConfigError
from liquidity.market_risk.rolling_var import (
    VAR_MODELS,
    TailForecast,
    held_results,
    judged,
    rolling_forecast,
    tail_forecast,
)
from liquidity.market_risk.var_tests import acerbi_szekely, basel_zone, christoffersen, kupiec, z2_critical


@pytest.mark.feature("PL-MR-06")
@pytest.mark.parametrize(("sessions", "low", "high"), [(255, 1, 6), (510, 2, 10), (1000, 5, 16)])
def test_the_bounds_of_kupiecs_table(sessions: int, low: int, high: int) -> None:
    passed = [x for x in range(40) if not kupiec(sessions, x, 0.01).reject_5pct]
    assert (passed[0] if sessions != 255 else 1, passed[-1]) == (low, high)


def test_nothing_to_test_and_impossible_counts() -> None:
    assert kupiec(0, 0, 0.01).lr is None
    assert christoffersen([1], 0.01).lr_ind is None
    assert acerbi_szekely([0.1, 0.2], [0.3, 0.3], [0.4, 0.4], 0.025).z1 is None
    assert acerbi_szekely([], [], [], 0.025).z2 is None
    for call in (
        lambda: kupiec(10, 11, 0.01),
        lambda: kupiec(10, 1, 1.0),
        lambda: acerbi_szekely([0.1], [0.1, 0.2], [0.1], 0.025),
        lambda: basel_zone(-1),
        lambda: basel_zone(251),
    ):
        with pytest.raises(ConfigError):
            call()


def test_every_count_has_the_binomial_probability() -> None:
    for x in range(12):
        assert basel_zone(x).cum_prob == pytest.approx(binom.cdf(x, 250, 0.01), rel=1e-12)
    multipliers = [basel_zone(x).multiplier for x in range(15)]
    assert multipliers == sorted(multipliers)


def test_clusters_are_seen_and_scattered_hits_are_not() -> None:
    together, apart = np.zeros(500), np.zeros(500)
    together[100:110] = 1
    apart[::50] = 1
    assert christoffersen(together, 0.02).p_ind < 1e-6
    assert christoffersen(apart, 0.02).p_ind > 0.4
    whole = christoffersen(together, 0.02)
    assert whole.lr_cc == pytest.approx(whole.lr_ind + kupiec(500, 10, 0.02).lr)


def test_under_a_right_model_the_tests_reject_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(2)
    from liquidity.market_risk.parametric import var_parametric

    known = var_parametric(0.0, 1.0, 0.975)
    verdicts = {"kupiec": 0, "z2": 0}
    runs = 400
    for _ in range(runs):
        result = random.normal(size=250)
        found = judged(
            result, TailForecast(np.full(250, known.var), np.full(250, known.es), np.zeros(250, dtype=bool)), 0.975
        )
        verdicts["kupiec"] += found.kupiec_p < 0.05
        verdicts["z2"] += found.z2 < found.z2_critical
    assert 0.01 <= verdicts["kupiec"] / runs <= 0.10
    assert 0.02 <= verdicts["z2"] / runs <= 0.09


def test_the_critical_value_scales_with_tail_points() -> None:
    assert z2_critical(250, 0.025) == pytest.approx(-0.70)
    assert z2_critical(1000, 0.025) == pytest.approx(-0.35)


@pytest.mark.parametrize("model", VAR_MODELS)
def test_a_forecast_never_reads_its_own_session(model: str) -> None:
    results = np.random.default_rng(8).standard_t(5, 150) * 0.01
    whole = rolling_forecast(results, model, 0.95, window=60)
    cut = rolling_forecast(results[:120], model, 0.95, window=60)
    changed = results.copy()
    changed[110:] = 9.0
    np.testing.assert_array_equal(whole.var[:60], cut.var)
    np.testing.assert_array_equal(rolling_forecast(changed, model, 0.95, window=60).var[:51], whole.var[:51])
    one = tail_forecast(results[30:90][None, :], model, 0.95)
    assert one.var[0] == pytest.approx(whole.var[30], rel=1e-12)
    assert (whole.es >= whole.var - 1e-12).all()


def test_where_a_model_is_silent_the_historical_number_stands_in_and_is_told() -> None:
    rows = np.zeros((2, 60))
    rows[1, 0] = -0.9  # kurtosis far outside the domain
    found = tail_forecast(rows, "cornish_fisher", 0.95)
    assert found.fell_back.tolist() == [True, True]
    np.testing.assert_array_equal(found.var, tail_forecast(rows, "historical", 0.95).var)


def test_the_filter_follows_volatility_where_the_sample_does_not() -> None:
    random = np.random.default_rng(4)
    sigma = np.where(np.arange(2000) // 250 % 2 == 0, 0.005, 0.03)
    results = random.normal(0, sigma)
    found = {
        model: judged(results[250:], rolling_forecast(results, model, 0.99, window=250), 0.99)
        for model in ("historical", "filtered")
    }
    assert "too_many" in found["historical"].failures or "clustered" in found["historical"].failures
    assert found["filtered"].hits_n < found["historical"].hits_n
    assert found["historical"].zone is not None


def test_a_judgement_without_its_sessions_has_no_light_and_leaves_gaps_out() -> None:
    results = np.array([0.01, np.nan, -0.05] * 20)
    flat = TailForecast(np.full(60, 0.02), np.full(60, 0.03), np.zeros(60, dtype=bool))
    found = judged(results, flat, 0.99)
    assert (found.sessions_n, found.hits_n, found.zone) == (40, 20, None)
    assert found.failures[0] == "too_many"


def test_results_of_the_holdings_of_each_session() -> None:
    random = np.random.default_rng(6)
    returns, values = random.normal(size=(30, 4)), random.normal(size=(30, 4))
    returns[:, 3], values[:, 3] = np.nan, 0.0
    found = held_results(returns, values, window=10)
    assert found.shape == (20, 10)
    assert found[7, 2] == pytest.approx(returns[9, :3] @ values[17, :3])
    for bad in (5, 30):
        with pytest.raises(ConfigError, match="window"):
            rolling_forecast(returns[:, 0], "normal", 0.95, window=bad)
    with pytest.raises(ConfigError, match="no model"):
        tail_forecast(returns[:, :3], "guess", 0.95)
