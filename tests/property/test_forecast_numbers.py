"""What must hold for every forecast, whatever the numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from liquidity.forecast.adaptive import AdaptiveLevels
from liquidity.forecast.bands import NOMINAL_ALPHAS, Calibration
from liquidity.forecast.baselines import baselines
from liquidity.forecast.conformal import aci, conformal_quantile, conformal_rank
from liquidity.forecast.coverage import coverage_of, coverage_range, effective_n
from liquidity.forecast.diebold_mariano import diebold_mariano_of_sessions
from liquidity.forecast.har import har_features
from liquidity.forecast.horizons import BANDS, MEDIAN
from liquidity.forecast.metrics import crps_ensemble, interval_score, pinball, quantile_crps, quantile_pinball
from liquidity.forecast.paths import joint_ranks, quantile_function, score_paths
from liquidity.forecast.walk_forward import walk_forward

POINTS = st.floats(0, 100)
SERIES = st.lists(st.one_of(POINTS, st.none()), max_size=40)
SEEDS = st.integers(0, 2**32 - 1)


def market(seed: int, rows: int = 60) -> dict[str, np.ndarray]:
    """Quantiles of the change with ties, widths of 0 and scores at the ends of the scale."""
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.normal(0, rng.choice([0.0, 1.0, 20.0], (rows, 1, 1)), (rows, 5, 7)).round(1), axis=-1)
    return {
        "quantiles": quantiles,
        "scale": rng.choice([1e-3, 0.5, 5.0], rows),
        "liquidity_group": rng.integers(0, 4, rows).astype(np.int8),
        "base": rng.choice([0.0, 3.0, 50.0, 100.0], rows),
        "changes": rng.normal(0, 3, (rows, 5)).round(1),
    }


def fitted(rows: dict[str, np.ndarray]) -> Calibration:
    known = {name: rows[name] for name in ("quantiles", "changes", "scale", "liquidity_group")}
    return Calibration.fit(**known, session=np.arange(len(rows["base"])))


def applied(calibration: Calibration, rows: dict[str, np.ndarray], alphas: np.ndarray | None = None) -> np.ndarray:
    return calibration.apply(rows["quantiles"], rows["base"], rows["scale"], rows["liquidity_group"], alphas)


@pytest.mark.feature("BX-FC-01", "BX-FC-04")
@settings(max_examples=60, deadline=None)
@given(SEEDS, arrays(np.float64, (5, 3, 4), elements=st.floats(-0.5, 1.5)))
def test_bands_stay_on_the_scale_in_order_and_never_narrow_with_the_horizon(seed: int, alphas: np.ndarray) -> None:
    rows = market(seed)
    scores = applied(fitted(rows), rows, alphas)
    assert np.isfinite(scores).all()
    assert scores.min() >= 0.0
    assert scores.max() <= 100.0
    assert np.diff(scores, axis=-1).min() >= 0.0
    assert np.array_equal(scores[..., MEDIAN], np.clip(rows["quantiles"][..., MEDIAN] + rows["base"][:, None], 0, 100))
    for low, high in BANDS.values():
        assert np.diff(scores[..., high] - scores[..., low], axis=1).min() >= -1e-9


@pytest.mark.feature("BX-FC-04")
@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@example(0, 0.9375, 1.0)
def test_a_lower_level_never_makes_a_band_narrower(seed: int, one: float, other: float) -> None:
    rows = market(seed)
    calibration = fitted(rows)
    low, high = (applied(calibration, rows, np.full((5, 3, 4), level)) for level in sorted((one, other)))
    for lower, upper in BANDS.values():
        assert np.all(low[..., upper] - low[..., lower] >= high[..., upper] - high[..., lower] - 1e-9)


@pytest.mark.feature("BX-FC-04")
@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_the_calibration_covers_its_own_sample(seed: int) -> None:
    """Before any widening for the horizon: at least the promised share of the rows that taught is inside."""
    rows = market(seed)
    rows["base"] = np.full(60, 50.0)
    rows["liquidity_group"] = np.zeros(60, np.int8)
    outcome = rows["base"][:, None] + np.clip(rows["changes"], -50, 50)
    scores = applied(fitted(rows), rows)
    for alpha, (low, high) in zip(NOMINAL_ALPHAS, BANDS.values(), strict=True):
        inside = (scores[..., low] - 1e-9 <= outcome) & (outcome <= scores[..., high] + 1e-9)
        assert inside.mean(axis=0).min() >= 1.0 - alpha - 1e-9


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_one_row_alone_gets_the_same_band_as_among_others(seed: int) -> None:
    rows = market(seed)
    calibration = fitted(rows)
    together = applied(calibration, rows)
    alone = applied(calibration, {name: values[17:18] for name, values in rows.items()})
    assert np.array_equal(together[17:18], alone)


@pytest.mark.feature("BX-FC-05")
@settings(max_examples=100, deadline=None)
@given(POINTS, arrays(np.float64, 7, elements=POINTS))
def test_no_loss_is_negative_and_truth_costs_nothing(y: float, values: np.ndarray) -> None:
    q = np.sort(values)
    for loss in (quantile_pinball, quantile_crps):
        assert loss(np.array([y]), q[np.newaxis])[0] >= 0.0
        assert loss(np.array([y]), np.full((1, 7), y))[0] == 0.0
    assert crps_ensemble(y, values) >= -1e-9
    assert crps_ensemble(y, [y] * 3) == 0.0


@pytest.mark.feature("BX-FC-05")
@settings(max_examples=100, deadline=None)
@given(POINTS, arrays(np.float64, 7, elements=POINTS), st.floats(-50, 50), st.floats(0.1, 10))
def test_losses_move_with_the_unit_and_not_with_the_origin(
    y: float, values: np.ndarray, shift: float, unit: float
) -> None:
    q = np.sort(values)[np.newaxis]
    for loss in (quantile_pinball, quantile_crps):
        here, there = loss(np.array([y]), q)[0], loss(np.array([unit * y + shift]), unit * q + shift)[0]
        assert there == pytest.approx(unit * here, rel=1e-6, abs=1e-6)


@pytest.mark.feature("BX-FC-05")
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(POINTS, POINTS), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_pinball_of_a_level_mirrors(pairs: list[tuple[float, float]], tau: float) -> None:
    y, q = zip(*pairs, strict=True)
    mirrored = pinball([-value for value in y], [-value for value in q], 1.0 - tau)
    assert pinball(y, q, tau) == pytest.approx(mirrored, rel=1e-9, abs=1e-9)


@pytest.mark.feature("BX-FC-05")
@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(POINTS, POINTS, POINTS), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_an_interval_never_costs_less_than_its_width(rows: list[tuple[float, float, float]], alpha: float) -> None:
    y, first, second = (np.array(column) for column in zip(*rows, strict=True))
    result = interval_score(y, np.minimum(first, second), np.maximum(first, second), alpha)
    assert result.score >= result.width - 1e-9
    assert 0.0 <= result.coverage <= 1.0


@pytest.mark.feature("BX-FC-04")
@settings(max_examples=100, deadline=None)
@given(st.lists(POINTS, min_size=1, max_size=60), st.floats(0, 1))
def test_the_conformal_quantile_leaves_enough_below(scores: list[float], alpha: float) -> None:
    values = np.array(scores)
    assert (values <= conformal_quantile(values, alpha)).sum() >= min(conformal_rank(len(values), alpha), len(values))


@pytest.mark.feature("BX-FC-04")
@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), max_size=60), st.floats(0.001, 0.999), st.floats(0.0, 0.5))
def test_levels_add_up_to_what_was_missed(errors: list[bool], alpha: float, gamma: float) -> None:
    path = aci(alpha, gamma, [float(error) for error in errors])
    if errors:
        assert path[-1] == pytest.approx(alpha + gamma * (alpha * len(errors) - sum(errors)), abs=1e-9)


@pytest.mark.feature("BX-FC-04")
@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (5, 3, 4), elements=st.floats(0, 1)), arrays(np.float64, (5, 3, 4), elements=st.floats(0, 1)))
def test_more_outside_never_raises_a_level(one: np.ndarray, other: np.ndarray) -> None:
    start = AdaptiveLevels.start()
    fewer, more = start.step(np.maximum(one, other)), start.step(np.minimum(one, other))
    assert np.all(more.alphas <= fewer.alphas)


@pytest.mark.feature("BX-FC-05", "BX-MN-04")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=200), st.integers(1, 5))
def test_coverage_knows_its_own_bounds(rows: list[tuple[int, bool]], horizon: int) -> None:
    session, inside = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    result = coverage_of(session, inside, 0.8, horizon)
    assert 0.0 <= result.low_frac <= 0.8 <= result.high_frac <= 1.0
    assert 1.0 <= result.effective_n <= result.n == len(rows)
    assert result.alarm == (not result.low_frac <= inside.mean() <= result.high_frac)


@pytest.mark.feature("BX-FC-05")
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.floats(0.01, 0.99))
def test_the_range_holds_the_promise(n: int, nominal: float) -> None:
    low, high = coverage_range(n, nominal)
    assert 0.0 <= low <= nominal <= high <= 1.0 or n < 10
    assert low <= high


@pytest.mark.feature("BX-FC-05")
@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(2, 9))
def test_copies_of_every_name_are_worth_nothing(seed: int, copies: int) -> None:
    rng = np.random.default_rng(seed)
    judged = rng.integers(1, 20, 60)
    inside = rng.binomial(judged, 0.8).astype(np.float64)
    one = effective_n(inside, judged, 0.8, 1)
    many = effective_n(inside * copies, judged * copies, 0.8, 1)
    assert one <= many * (1 + 1e-9)
    assert many <= max(one, judged.sum() * 3.0)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_swapping_two_forecasts_turns_the_sign(seed: int, h: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, session = rng.random(80), rng.random(80), rng.integers(0, 25, 80)
    one, other = diebold_mariano_of_sessions(a, b, session, h), diebold_mariano_of_sessions(b, a, session, h)
    if one.stat is None:
        assert other.stat is None
    else:
        assert other.stat == pytest.approx(-one.stat, rel=1e-9)
        assert 0.0 <= one.p_value <= 1.0


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 400),
    st.integers(1, 5),
    st.integers(0, 8),
    st.integers(1, 60),
    st.integers(0, 10),
    st.integers(0, 50),
)
def test_no_training_label_reaches_a_test_block(
    n: int, h: int, splits: int, test: int, embargo: int, least: int
) -> None:
    cuts = walk_forward(n, h, splits, test, embargo, least)
    for cut in cuts:
        assert cut.train_end >= least
        assert cut.train_end + h + embargo == cut.test_start < cut.test_end <= n
    assert all(one.test_end == other.test_start for one, other in itertools.pairwise(cuts))
    assert not cuts or cuts[-1].test_end == n


@settings(max_examples=100, deadline=None)
@given(SERIES, st.integers(1, 9), st.floats(0.01, 1.0))
def test_simple_forecasts_are_missing_or_finite_and_shift_with_the_series(series: list, m: int, a: float) -> None:
    here = baselines(series, m, a)
    there = baselines([None if value is None else value + 7.0 for value in series], m, a)
    for name in ("persistence", "seasonal_naive", "ewma", "drift"):
        path, moved = getattr(here, name), getattr(there, name)
        assert (path is None) == (moved is None)
        if path is not None:
            assert len(path) == 5
            assert np.array(moved) == pytest.approx(np.array(path) + 7.0, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(SERIES, SERIES)
def test_har_levels_read_the_last_22_values_only(old: list, recent: list) -> None:
    if len(recent) >= 22:
        assert har_features(old + recent) == har_features(recent)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (5, 7), elements=POINTS), SEEDS, st.integers(1, 60))
def test_scenarios_hold_each_value_of_the_day_once(values: np.ndarray, seed: int, n: int) -> None:
    quantiles = np.sort(values, axis=1)
    ranks = joint_ranks(np.random.default_rng(seed).random((25, 5)))
    paths = score_paths(quantiles, ranks, n, seed)
    for day in range(5):
        assert np.array_equal(np.sort(paths[:, day]), quantile_function(quantiles[day], (np.arange(n) + 0.5) / n))
    assert paths.min() >= 0.0
    assert paths.max() <= 100.0
