"""Input rows against plain scalar arithmetic on the same scores, and the sampling of training rows."""

from datetime import timedelta

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.domain.instrument import CALENDARS
from liquidity.domain.session import FIRST_DAY, LAST_DAY, sessions_between
from liquidity.forecast import _score_windows as windows
from liquidity.forecast.inputs import (
    LOOKBACK_SESSIONS,
    input_names,
    input_rows,
    labelled_changes,
    liquidity_group,
    sample_rows,
    sessions_ahead,
    stale_or_thin,
)
from liquidity.forecast.panel import MarketGroup, ScorePanel

FIRST = np.datetime64("2026-02-02")  # a Monday


def panel_of(scores: np.ndarray, calendar: str = "24/7", **signals: np.ndarray) -> ScorePanel:
    days, names = scores.shape
    sessions = np.concatenate(([FIRST], sessions_ahead(calendar, FIRST, days - 1)))
    ids = np.array([f"X:C{k:03d}" for k in range(names)])
    blank = np.full(names, "")
    return ScorePanel(
        MarketGroup("crypto_spot", calendar, "recorded"),
        "liquidity_score",
        sessions,
        ids,
        scores,
        signals,
        blank,
        blank,
    )


def random_scores(seed: int, days: int = 80, names: int = 7, missing: float = 0.15) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scores = np.clip(50.0 + np.cumsum(rng.normal(0.0, 2.0, (days, names)), axis=0), 0.0, 100.0)
    return np.where(rng.random(scores.shape) < missing, np.nan, scores)


def column(rows, name: str) -> np.ndarray:
    return rows.values[:, rows.names.index(name)]


def test_own_scores_are_what_plain_arithmetic_says() -> None:
    scores = random_scores(1)
    rows = input_rows(panel_of(scores), slice(None))
    assert len(rows) == np.isfinite(scores).sum()
    for at in range(0, len(rows), 7):
        t, n = int(rows.session[at]), int(rows.instrument[at])
        past = scores[max(t - LOOKBACK_SESSIONS + 1, 0) : t + 1, n]
        today = past[-1]
        before = past[::-1]

        def ago(k: int, before: np.ndarray = before) -> float:
            return float(before[k]) if k < len(before) else np.nan

        weights = 0.3 * 0.7 ** np.arange(len(before))
        known = np.isfinite(before)
        expected = {
            "level_points": today,
            **{f"change_{k}_points": today - ago(k) for k in (1, 2, 3, 5, 10, 22)},
            "deviation_week_points": today - np.nanmean(past[-5:]),
            "deviation_month_points": today - np.nanmean(past[-22:]),
            "deviation_lookback_points": today - np.nanmean(past),
            "deviation_ewma_points": today - (weights[known] @ before[known]) / weights[known].sum(),
            "weekly_change_points": ago(6) - today,
            "month_low_points": np.nanmin(past[-22:]) - today,
            "month_high_points": np.nanmax(past[-22:]) - today,
            "month_sd_points": np.nanstd(past[-22:], ddof=1) if known[:22].sum() > 1 else np.nan,
            "sessions_since_score": next((k for k in range(1, len(before)) if known[k]), np.nan),
            "scores_n": known.sum(),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(
                column(rows, name)[at], value, rtol=1e-5, atol=1e-5, err_msg=f"{name} at {t}, {n}"
            )
        assert rows.base[at] == today
        recent = np.full(22, np.nan)
        recent[max(22 - len(past), 0) :] = past[-22:]
        np.testing.assert_array_equal(rows.recent[at], recent)


def test_the_cross_section_is_what_plain_arithmetic_says() -> None:
    scores = random_scores(2, days=30, names=15)
    rows = input_rows(panel_of(scores), slice(10, 30))
    for t in range(10, 30):
        mine = rows.session == t
        today = scores[t][np.isfinite(scores[t])]
        one, five = scores[t] - scores[t - 1], scores[t] - scores[t - 5]
        np.testing.assert_allclose(column(rows, "group_median_points")[mine], np.median(today), rtol=1e-6)
        np.testing.assert_allclose(column(rows, "group_change_1_points")[mine], np.nanmedian(one), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(
            column(rows, "group_falling_frac")[mine], (one[np.isfinite(one)] < 0).mean(), rtol=1e-6
        )
        own = five[rows.instrument[mine]] - np.nanmedian(five)
        np.testing.assert_allclose(column(rows, "relative_change_5_points")[mine], own, rtol=1e-4, atol=1e-4)
        rank = [((today < x).sum() + 0.5 * (today == x).sum()) / len(today) for x in rows.base[mine]]
        np.testing.assert_allclose(column(rows, "rank_frac")[mine], rank, rtol=1e-6)
        np.testing.assert_allclose(
            column(rows, "above_group_points")[mine], rows.base[mine] - np.median(today), atol=1e-4
        )


def test_scale_is_the_mean_absolute_change_shrunk_to_the_market() -> None:
    scores = np.full((40, 3), 50.0)
    scores[:, 1] += np.arange(40) % 2 * 4.0  # moves 4 points a session
    scores[:39, 2] = np.nan  # one score so far
    rows = input_rows(panel_of(scores), slice(39, 40))
    market = 4.0 / 2.0  # of the two that have changes
    assert rows.scale[0] == pytest.approx((5.0 * market + 0.0) / 27.0)
    assert rows.scale[1] == pytest.approx((5.0 * market + 22 * 4.0) / 27.0)
    assert rows.scale[2] == pytest.approx(market)


def test_a_constant_market_has_the_least_scale_and_a_new_one_a_wide_one() -> None:
    rows = input_rows(panel_of(np.full((40, 2), 50.0)), slice(None))
    assert (rows.scale[:2] == 5.0).all()  # nothing has moved yet, nothing is known
    assert (rows.scale[2:] == windows.MIN_SCALE_POINTS).all()


def test_the_calendar_is_known_ahead() -> None:
    panel = panel_of(np.full((38, 1), 50.0), "XNYS")
    rows = input_rows(panel, slice(None))
    friday_before_presidents_day = 9  # 2026-02-13; Monday the 16th is no session
    assert column(rows, "weekday")[friday_before_presidents_day] == 4.0
    assert column(rows, "days_to_next_session")[friday_before_presidents_day] == 4.0
    assert column(rows, "days_to_fifth_session")[friday_before_presidents_day] == 10.0
    ends = [str(day) for day in np.array(panel.sessions)[column(rows, "month_end") == 1.0]]
    assert ends == ["2026-02-27"]


def test_what_the_calendar_does_not_know_is_missing() -> None:
    panel = panel_of(np.full((4, 1), 50.0), "XNYS")
    last = ScorePanel(
        panel.group,
        panel.target,
        np.array(["2035-12-26", "2035-12-27", "2035-12-28", "2035-12-31"], dtype="datetime64[D]"),
        *(getattr(panel, name) for name in ("instrument_ids", "scores", "signals", "sectors", "ratings")),
    )
    rows = input_rows(last, slice(None))
    np.testing.assert_array_equal(column(rows, "days_to_next_session"), [1.0, 1.0, 3.0, np.nan])
    assert np.isnan(column(rows, "days_to_fifth_session")).all()
    np.testing.assert_array_equal(column(rows, "month_end"), [0.0, 0.0, 0.0, np.nan])


def test_how_long_a_score_has_stood_still() -> None:
    scores = np.full((50, 4), 40.0)
    scores[-1, 0] = 41.0  # changed today
    scores[:-4, 1] = 39.0  # changed three sessions ago
    scores[:-1, 3] = np.nan  # new
    rows = input_rows(panel_of(scores), slice(-1, None))
    np.testing.assert_array_equal(column(rows, "sessions_since_change"), [0.0, 3.0, LOOKBACK_SESSIONS - 1.0, np.nan])
    np.testing.assert_array_equal(column(rows, "sessions_since_score"), [1.0, 1.0, 1.0, np.nan])


def test_a_place_among_a_few_is_missing() -> None:
    scores = random_scores(10, names=4, missing=0.0)
    rows = input_rows(panel_of(scores), slice(-1, None))
    assert np.isnan(column(rows, "rank_frac")).all()
    assert np.isnan(column(rows, "group_change_1_points")).all()
    assert liquidity_group(rows).tolist() == [1, 1, 1, 1]
    assert (rows.scale > 0.1).all()


def test_sessions_ahead_ends_with_the_published_calendar() -> None:
    ahead = sessions_ahead("XNYS", np.datetime64("2035-12-28"), 5)
    assert ahead[0] == np.datetime64("2035-12-31")
    assert np.isnat(ahead[1:]).all()
    rows_panel = panel_of(np.full((3, 1), 50.0))
    with pytest.raises(ConfigError):
        sessions_ahead("MOON", rows_panel.sessions[0], 1)


def test_ninety_days_hold_the_look_back_in_every_calendar() -> None:
    """The daily run loads the session and the 89 days before it; no row may need more."""
    for calendar in CALENDARS:
        last = LAST_DAY
        for last in (LAST_DAY, LAST_DAY.replace(year=2025)):  # Mumbai's holidays are published yearly
            try:
                days = np.array(
                    sessions_between(calendar, FIRST_DAY + timedelta(days=3650), last), dtype="datetime64[D]"
                )
                break
            except ConfigError:
                continue
        start = np.searchsorted(days, days - np.timedelta64(89, "D"))
        held = np.arange(len(days)) - start + 1
        assert held[days > days[0] + 90].min() > LOOKBACK_SESSIONS, calendar


def test_signals_stand_as_they_are_with_their_five_session_change() -> None:
    scores = random_scores(3, days=20)
    rng = np.random.default_rng(0)
    rank, regime = (rng.random(scores.shape).astype(np.float32) for _ in range(2))
    panel = panel_of(scores, spread_bps_own_rank_frac=rank, regime=regime)
    assert input_names(panel)[-3:] == ("spread_bps_own_rank_frac", "regime", "spread_bps_own_rank_frac_change_5")
    rows = input_rows(panel, slice(None))
    at = (rows.session, rows.instrument)
    np.testing.assert_array_equal(column(rows, "regime"), regime[at])
    moved = np.where(rows.session >= 5, rank[at] - rank[np.maximum(rows.session - 5, 0), rows.instrument], np.nan)
    np.testing.assert_array_equal(column(rows, "spread_bps_own_rank_frac_change_5"), moved)


def test_rows_of_places_are_rows_of_slices() -> None:
    panel = panel_of(random_scores(4))
    whole = input_rows(panel, slice(60, 70))
    for places in (np.arange(60, 70), np.arange(-20, -10), np.array([69, *range(60, 69)])):
        rows = input_rows(panel, places)
        np.testing.assert_array_equal(rows.values, whole.values)
    with pytest.raises(ConfigError, match="80 sessions"):
        input_rows(panel, np.array([80]))
    assert len(input_rows(panel, slice(0, 0))) == 0


def test_changes_ahead_are_missing_where_tomorrow_is() -> None:
    scores = random_scores(5, days=12)
    panel = panel_of(scores)
    rows = input_rows(panel, slice(None))
    changes = labelled_changes(panel, rows)
    for at, (t, n) in enumerate(zip(rows.session, rows.instrument, strict=True)):
        expected = [scores[t + h, n] - scores[t, n] if t + h < 12 else np.nan for h in range(1, 6)]
        np.testing.assert_array_equal(changes[at], expected)


def test_sampled_rows_are_the_same_rows() -> None:
    panel = panel_of(random_scores(6))
    every = input_rows(panel, slice(None))
    rows, changes = sample_rows(panel, 100, seed=3)
    assert len(rows) == 100
    place = {cell: at for at, cell in enumerate(zip(every.session.tolist(), every.instrument.tolist(), strict=True))}
    at = [place[cell] for cell in zip(rows.session.tolist(), rows.instrument.tolist(), strict=True)]
    assert at == sorted(set(at))
    np.testing.assert_array_equal(rows.values, every.values[at])
    np.testing.assert_array_equal(changes, labelled_changes(panel, every)[at])
    assert np.isfinite(changes).any(axis=1).all()
    again, other = sample_rows(panel, 100, seed=3)[0], sample_rows(panel, 100, seed=4)[0]
    np.testing.assert_array_equal(again.values, rows.values)
    assert not np.array_equal(other.session * 1000 + other.instrument, rows.session * 1000 + rows.instrument)
    assert sessions_of(sample_rows(panel, 10_000, seed=0)[0]) == sessions_of(every) - 1  # the last has no label
    with pytest.raises(ConfigError, match="max_rows is 0"):
        sample_rows(panel, 0, seed=0)


def sessions_of(rows) -> int:
    return len(np.unique(rows.session))


def test_training_knows_no_label_after_its_session() -> None:
    panel = panel_of(random_scores(7))
    through = panel.sessions[50]
    rows, changes = sample_rows(panel, 10_000, seed=0, through=through)
    assert rows.session.max() == 49
    ahead = rows.session[:, np.newaxis] + np.arange(1, 6)
    assert np.isnan(changes[ahead > 50]).all()
    assert np.isfinite(changes[ahead <= 50]).any()
    rows, changes = sample_rows(panel, 10, seed=0, through=panel.sessions[0] - 5)
    assert (len(rows), changes.shape) == (0, (0, 5))


def test_stale_and_thin_rows_are_named() -> None:
    rng = np.random.default_rng(8)
    scores = rng.uniform(20.0, 80.0, (60, 6))
    scores[-12:, 1] = 40.0  # unchanged
    scores[:-5, 2] = np.nan  # few scores
    scores[-8:-1, 3] = np.nan  # a gap of more than a week
    method = np.zeros((60, 6), np.float32)
    method[-1, 4] = 2.0  # estimated from its sector
    rows = input_rows(panel_of(scores, method_code=method), slice(-1, None))
    assert stale_or_thin(rows).tolist() == [False, True, True, True, True, False]
    group = liquidity_group(rows)
    assert group.dtype == np.int8
    assert (group[1:5] == 3).all()
    trust = np.full((60, 6), 0.9, np.float32)
    trust[-1, 5] = 0.1
    old = input_rows(panel_of(scores, micro_weight_frac=trust), slice(-1, None))
    assert stale_or_thin(old)[5]
    assert not stale_or_thin(old)[0]


def test_terciles_are_those_of_the_session() -> None:
    rng = np.random.default_rng(9)
    rows = input_rows(panel_of(rng.uniform(0.0, 100.0, (40, 9))), slice(-2, None))
    for session in (38, 39):
        mine = rows.session == session
        order = np.argsort(rows.base[mine])
        assert liquidity_group(rows)[mine][order].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
