"""Calibrated bands: shape, fallbacks, and the slow clear twin; coverage on whole markets is in ``test_band_coverage.py``."""

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError, InsufficientDataError
from liquidity.forecast.bands import MIN_ROWS, NOMINAL_ALPHAS, THIN_GROUP, Calibration
from liquidity.forecast.conformal import conformal_rank
from liquidity.forecast.horizons import BANDS, HORIZONS, LEVELS, MEDIAN

Z = np.array([-1.959964, -1.281552, -0.67449, 0.0, 0.67449, 1.281552, 1.959964])
ROOT = np.sqrt(HORIZONS)


def told(scale: NDArray[np.float64], too_narrow: float = 0.6) -> NDArray[np.float64]:
    """(R, 5, 7) quantiles of a member that takes changes for normal and itself for surer than it is."""
    return too_narrow * scale[:, None, None] * ROOT[None, :, None] * Z


class Rows:
    """Forecasts of one market: what was told, what happened."""

    def __init__(self, seed: int, sessions: int, instruments: int) -> None:
        rng = np.random.default_rng(seed)
        scale = np.exp(rng.normal(0.5, 0.5, instruments))
        shocks = rng.standard_t(4, (sessions + 5, instruments)) * scale
        walk = np.cumsum(shocks, axis=0)
        self.session = np.repeat(np.arange(sessions), instruments)
        self.scale = np.tile(scale, sessions)
        self.base = rng.uniform(10, 90, sessions * instruments)
        self.group = (np.tile(np.arange(instruments), sessions) % 4).astype(np.int8)
        ahead = [(walk[h : sessions + h] - walk[:sessions]).ravel() for h in HORIZONS]
        self.changes = np.clip(np.stack(ahead, axis=1) + self.base[:, None], 0, 100) - self.base[:, None]
        self.quantiles = told(self.scale)

    def fit(self, **changed: NDArray[np.float64]) -> Calibration:
        arguments = {
            "quantiles": self.quantiles,
            "changes": self.changes,
            "scale": self.scale,
            "liquidity_group": self.group,
            "session": self.session,
        }
        return Calibration.fit(**(arguments | changed))

    def apply(self, calibration: Calibration, alphas: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        return calibration.apply(self.quantiles, self.base, self.scale, self.group, alphas)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return Rows(seed=1, sessions=120, instruments=16)


@pytest.fixture(scope="module")
def calibration(rows: Rows) -> Calibration:
    return rows.fit()


def width(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([scores[..., high] - scores[..., low] for low, high in BANDS.values()], axis=-1)


def slow_bands(lower, median, upper, floor, ceiling):
    """One row, by hand: order, nest, then from the outermost band inwards never narrower than one session before."""
    low, high = lower.copy(), upper.copy()
    for h in range(5):
        for b in range(3):
            inner_low, inner_high = (median[h], median[h]) if b == 0 else (low[h, b - 1], high[h, b - 1])
            low[h, b], high[h, b] = min(low[h, b], inner_low), max(high[h, b], inner_high)
        for b in (2, 1, 0):
            least, most = (floor, ceiling) if b == 2 else (low[h, b + 1], high[h, b + 1])
            lack = (high[h - 1, b] - low[h - 1, b]) - (high[h, b] - low[h, b]) if h else 0.0
            if lack > 0:
                room_down, room_up = low[h, b] - least, most - high[h, b]
                down = lack / 2
                if room_up < lack / 2:
                    down = lack - room_up
                down = min(down, room_down)
                low[h, b], high[h, b] = low[h, b] - down, high[h, b] + lack - down
    return low, high


def slow_calibrated(rows: Rows, place: int) -> NDArray[np.float64]:
    """Calibrated quantiles of one row from the definition: rank of the misses of its horizon and group."""
    ends = np.array(list(BANDS.values()))

    @functools.cache
    def raw(i):
        q = rows.quantiles[i]
        low, high = slow_bands(q[:, ends[:, 0]], q[:, MEDIAN], q[:, ends[:, 1]], -np.inf, np.inf)
        return low, high, high - low + 0.25 * rows.scale[i] * ROOT[:, None]

    def correction_of(group, h, b):
        misses = []
        for i in np.flatnonzero(rows.group == group):
            low, high, unit = raw(i)
            y = rows.changes[i, h]
            misses.append(max(low[h, b] - y, y - high[h, b]) / unit[h, b])
        return sorted(misses)[conformal_rank(len(misses), NOMINAL_ALPHAS[b]) - 1]

    low, high, unit = (values.copy() for values in raw(place))
    teachers = range(4) if rows.group[place] == THIN_GROUP else [rows.group[place]]
    for h in range(5):
        for b in range(3):
            correction = max(correction_of(group, h, b) for group in teachers) * unit[h, b]
            low[h, b], high[h, b] = low[h, b] - correction, high[h, b] + correction
    base = rows.base[place]
    median = np.clip(rows.quantiles[place][:, MEDIAN] + base, 0, 100)
    low, high = slow_bands(np.clip(low + base, 0, 100), median, np.clip(high + base, 0, 100), 0.0, 100.0)
    out = np.empty((5, 7))
    out[:, MEDIAN], out[:, ends[:, 0]], out[:, ends[:, 1]] = median, low, high
    return out


def test_the_fast_way_equals_the_definition() -> None:
    small = Rows(seed=7, sessions=60, instruments=16)
    small.quantiles = np.sort(np.random.default_rng(3).normal(0, 3, small.quantiles.shape), axis=-1)
    fast = small.apply(small.fit())
    for place in (5, 333, 959):
        assert fast[place] == pytest.approx(slow_calibrated(small, place), abs=1e-9)


@pytest.mark.feature("BX-FC-04")
def test_the_raw_bands_cover_too_little_and_the_calibrated_ones_do_not() -> None:
    past, future = Rows(seed=11, sessions=120, instruments=32), Rows(seed=11, sessions=240, instruments=32)
    later = future.session >= 125
    scores = future.apply(past.fit())[later]
    outcome = (future.base[:, None] + future.changes)[later]
    raw = (future.base[:, None, None] + future.quantiles)[later]
    for percent, (low, high) in BANDS.items():
        before = ((raw[..., low] <= outcome) & (outcome <= raw[..., high])).mean()
        after = ((scores[..., low] <= outcome) & (outcome <= scores[..., high])).mean()
        assert before < percent / 100 - 0.05
        assert after == pytest.approx(percent / 100, abs=0.02)


def test_what_comes_out_is_a_forecast_table(rows: Rows, calibration: Calibration) -> None:
    scores = rows.apply(calibration)
    assert scores.min() >= 0.0
    assert scores.max() <= 100.0
    assert np.diff(scores, axis=-1).min() >= 0.0
    assert np.diff(width(scores), axis=1).min() >= -1e-9
    assert np.array_equal(scores[..., MEDIAN], np.clip(rows.base[:, None] + rows.quantiles[..., MEDIAN], 0, 100))


def test_restless_names_get_wide_bands_and_quiet_ones_narrow(rows: Rows, calibration: Calibration) -> None:
    names = np.argsort(rows.scale)
    wide, narrow = names[-50:], names[:50]
    middle = np.full(100, 50.0)
    both = np.concatenate([wide, narrow])
    scores = calibration.apply(rows.quantiles[both], middle, rows.scale[both], np.zeros(100, np.int8))
    assert width(scores)[:50, 0, 1].min() > 2.0 * width(scores)[50:, 0, 1].max()


def test_a_lower_level_is_a_wider_band_and_zero_is_the_whole_scale(rows: Rows, calibration: Calibration) -> None:
    alphas = np.tile(np.array(NOMINAL_ALPHAS)[:, None], (5, 1, 4))
    nominal, lower = rows.apply(calibration, alphas), rows.apply(calibration, 0.7 * alphas)
    assert np.array_equal(nominal, rows.apply(calibration))
    assert np.all(width(lower) >= width(nominal))
    nothing_known = rows.apply(calibration, np.minimum(alphas, 0.0) - 0.2)
    assert np.all(nothing_known[..., 0] == 0.0)
    assert np.all(nothing_known[..., 6] == 100.0)
    assert np.array_equal(nothing_known[..., MEDIAN], nominal[..., MEDIAN])
    assert np.all(width(rows.apply(calibration, alphas + 2.0)) <= width(nominal) + 1e-9)


def test_a_band_of_no_width_grows_when_the_series_moves(rows: Rows) -> None:
    flat = np.zeros(rows.quantiles.shape)
    calibration = rows.fit(quantiles=flat)
    scores = calibration.apply(flat, rows.base, rows.scale, rows.group)
    assert width(scores).min() > 0.0


def test_a_series_that_never_moves_keeps_a_band_of_no_width(rows: Rows) -> None:
    still = np.zeros(rows.quantiles.shape)
    calibration = rows.fit(quantiles=still, changes=np.zeros(rows.changes.shape))
    scores = calibration.apply(still, rows.base, rows.scale, rows.group)
    assert np.array_equal(scores, np.broadcast_to(rows.base[:, None, None], scores.shape))


def test_thin_names_whose_scores_jump_get_wider_bands_than_others(rows: Rows) -> None:
    jumpy = rows.changes * np.where(rows.group == THIN_GROUP, 2.0, 1.0)[:, None]
    calibration = rows.fit(changes=jumpy)
    same = np.full(len(rows.base), 50.0)
    thin = calibration.apply(rows.quantiles, same, rows.scale, np.full(len(same), THIN_GROUP, np.int8))
    for name in range(THIN_GROUP):
        other = calibration.apply(rows.quantiles, same, rows.scale, np.full(len(same), name, np.int8))
        assert np.all(width(thin) > width(other))


@pytest.mark.parametrize("calm", [1.0, 0.3])
def test_a_name_that_turns_stale_or_thin_never_gets_a_narrower_band(rows: Rows, calm: float) -> None:
    """Even where the stale and thin names of the past hardly moved."""
    calibration = rows.fit(changes=rows.changes * np.where(rows.group == THIN_GROUP, calm, 1.0)[:, None])
    thin = calibration.apply(rows.quantiles, rows.base, rows.scale, np.full(len(rows.base), THIN_GROUP, np.int8))
    for name in range(THIN_GROUP):
        known = calibration.apply(rows.quantiles, rows.base, rows.scale, np.full(len(rows.base), name, np.int8))
        assert np.all(width(thin) >= width(known) - 1e-9)


def test_a_small_group_borrows_and_thin_names_borrow_the_widest(rows: Rows) -> None:
    without = np.where(rows.group == THIN_GROUP, 0, rows.group).astype(np.int8)
    calibration = rows.fit(liquidity_group=without)
    assert calibration.rows[:, THIN_GROUP].tolist() == [0] * 5
    others = calibration.corrections[:, :, :THIN_GROUP]
    assert np.all(calibration.corrections[:, :, THIN_GROUP] >= others.max(axis=2))
    few_sessions = rows.fit(session=rows.session // 4)
    assert few_sessions.rows.sum() == 0
    assert np.array_equal(few_sessions.corrections[:, :, 0], few_sessions.corrections[:, :, 1])


def test_only_recent_sessions_teach() -> None:
    long = Rows(seed=2, sessions=400, instruments=8)
    forgotten = long.changes.copy()
    forgotten[long.session < 150] *= 50.0
    assert np.array_equal(long.fit().corrections, long.fit(changes=forgotten).corrections)
    remembered = long.changes.copy()
    remembered[long.session >= 150] *= 2.0
    assert not np.array_equal(long.fit().corrections, long.fit(changes=remembered).corrections)


def test_labels_that_are_not_known_do_not_teach(rows: Rows, calibration: Calibration) -> None:
    more = {
        "quantiles": np.concatenate([rows.quantiles, rows.quantiles[:50]]),
        "changes": np.concatenate([rows.changes, np.full((50, 5), np.nan)]),
        "scale": np.concatenate([rows.scale, rows.scale[:50]]),
        "liquidity_group": np.concatenate([rows.group, rows.group[:50]]),
        "session": np.concatenate([rows.session, np.full(50, 10_000)]),
    }
    assert np.array_equal(Calibration.fit(**more).corrections, calibration.corrections)


def test_the_order_of_the_rows_does_not_matter(rows: Rows, calibration: Calibration) -> None:
    order = np.random.default_rng(1).permutation(len(rows.base))
    shuffled = Calibration.fit(
        rows.quantiles[order], rows.changes[order], rows.scale[order], rows.group[order], rows.session[order]
    )
    assert np.array_equal(shuffled.corrections, calibration.corrections)


def test_very_many_rows_are_thinned_evenly(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liquidity.forecast.bands._MAX_ROWS", 1000)
    thinned = rows.fit()
    assert 950 <= thinned.rows.sum(axis=1)[0] <= 1050
    assert np.ptp(thinned.rows[0]) < 60


def test_the_state_comes_back_to_the_bit(rows: Rows, calibration: Calibration) -> None:
    again = Calibration.from_state(calibration.state())
    assert np.array_equal(rows.apply(again), rows.apply(calibration))


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"corrections": np.zeros((5, 3, 4, 401))},
        {"corrections": np.zeros((5, 3, 4, 400)), "rows": np.zeros((5, 4), np.int64)},
        {"corrections": np.zeros((5, 3, 4, 401), np.float32), "rows": np.zeros((5, 4), np.int64)},
    ],
)
def test_a_state_of_another_shape_is_refused(state: dict[str, NDArray[np.float64]]) -> None:
    with pytest.raises(ContractError, match="train again"):
        Calibration.from_state(state)


def test_too_few_judged_forecasts_are_refused(rows: Rows) -> None:
    changes = rows.changes.copy()
    changes[MIN_ROWS - 1 :, 4] = np.nan
    with pytest.raises(InsufficientDataError, match="39 judged forecasts 5 sessions ahead"):
        rows.fit(changes=changes)
    with pytest.raises(InsufficientDataError, match="0 judged forecasts"):
        rows.fit(changes=np.full(changes.shape, np.nan))


def test_inputs_that_cannot_be_used_are_refused(rows: Rows, calibration: Calibration) -> None:
    crossed = rows.quantiles[..., ::-1]
    with pytest.raises(ConfigError, match="cross"):
        rows.fit(quantiles=crossed)
    with pytest.raises(ConfigError, match="cross or are NaN"):
        rows.fit(quantiles=np.where(rows.quantiles > 5, np.nan, rows.quantiles))
    with pytest.raises(ConfigError, match="scale"):
        rows.fit(scale=np.zeros(len(rows.scale)))
    with pytest.raises(ConfigError, match="liquidity groups"):
        rows.fit(liquidity_group=(rows.group + 1).astype(np.int8))
    with pytest.raises(ConfigError, match="changes of shape"):
        rows.fit(changes=rows.changes[:, :4])
    with pytest.raises(ConfigError, match="alphas of shape"):
        rows.apply(calibration, np.zeros((5, 3)))
    with pytest.raises(ConfigError, match="found quantiles"):
        calibration.apply(rows.quantiles, rows.base, rows.scale[1:], rows.group)


def test_no_rows_give_no_bands(calibration: Calibration) -> None:
    nothing = calibration.apply(np.empty((0, 5, len(LEVELS))), np.empty(0), np.empty(0), np.empty(0, np.int8))
    assert nothing.shape == (0, 5, 7)
