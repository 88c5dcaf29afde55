"""Forecasts without a trained state: honest width, named reasons, or nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import INDEX_FORECAST
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from liquidity.forecast.fallback import fallback_forecast, recent_bands
from liquidity.forecast.inputs import input_rows
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.scoring import QUANTILE_COLUMNS

LAST = np.datetime64("2026-06-09")


def walk(make_market, names: int = 40, sessions: int = 120, seed: int = 2) -> ScorePanel:
    """A market of random walks, each with its own size of steps."""
    random = np.random.default_rng(seed)
    panel = make_market(names=names, sessions=sessions)
    steps = random.normal(0.0, 1.0, (sessions, names)) * np.linspace(0.3, 1.5, names)
    return replace(panel, scores=np.clip(50.0 + np.cumsum(steps, axis=0), 0.0, 100.0))


def test_it_says_no_change_and_why(market: ScorePanel) -> None:
    said = fallback_forecast(market, LAST, "not trained yet")
    assert audit(table_from_frame(said, INDEX_FORECAST), INDEX_FORECAST, LAST.item()).violations == ()
    assert set(said["status"]) == {"fallback"}
    assert set(said["member"]) == {"persistence"}
    assert set(said["reason"]) == {"not trained yet"}
    assert np.array_equal(said["forecast_score"], said["base_score"])
    assert said["model_id"].isna().all()


def test_bands_cover_a_random_walk(make_market) -> None:
    panel = walk(make_market)
    inside = {80: [], 95: []}
    for place in range(60, 115):
        rows = input_rows(panel, np.array([place]))
        told = recent_bands(panel, place, rows).scores(rows)
        truth = panel.scores[place + 5, rows.instrument]
        for band, (low, high) in {80: (1, 5), 95: (0, 6)}.items():
            inside[band].append((told[:, 4, low] <= truth) & (truth <= told[:, 4, high]))
    assert np.mean(inside[80]) == pytest.approx(0.80, abs=0.06)
    assert np.mean(inside[95]) == pytest.approx(0.95, abs=0.04)


def test_what_comes_later_is_not_read(market: ScorePanel) -> None:
    day = market.sessions[100]
    other = replace(market, scores=np.where(np.arange(160)[:, np.newaxis] > 100, 1.0, market.scores))
    pd.testing.assert_frame_equal(
        fallback_forecast(market, day, "why"), fallback_forecast(other, day, "why"), check_exact=True
    )


def test_restless_names_have_wider_bands(make_market) -> None:
    said = fallback_forecast(walk(make_market), np.datetime64("2026-04-30"), "why")
    width = (said["upper_80"] - said["lower_80"]).to_numpy().reshape(40, 5)
    assert width[-5:].mean() > 2.0 * width[:5].mean()
    assert (np.diff(width, axis=1) >= -1e-9).all()


def test_bands_at_the_edge_of_the_scale_keep_their_order(make_market) -> None:
    panel = walk(make_market)
    scores = panel.scores.copy()
    scores[-1, :20], scores[-1, 20:] = 0.4, 99.7
    said = fallback_forecast(replace(panel, scores=scores), panel.sessions[-1], "why")
    told = said[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(told, axis=1) >= 0.0).all()
    assert told.min() >= 0.0
    assert told.max() <= 100.0
    width = (told[:, 6] - told[:, 0]).reshape(40, 5)
    assert (np.diff(width, axis=1) >= -1e-9).all()


@pytest.mark.parametrize(
    ("sessions", "names", "reason"),
    [
        (15, 12, "14 of the last 44 sessions have a known change; 20 are needed"),
        (30, 2, "58 known changes over 1 session(s); 60 are needed"),
    ],
)
def test_too_short_a_history_is_said(make_market, sessions: int, names: int, reason: str) -> None:
    panel = make_market(sessions=sessions, names=names)
    said = fallback_forecast(panel, panel.sessions[-1], "not trained yet")
    assert set(said["status"]) == {"insufficient_data"}
    assert set(said["reason"]) == {reason}
    assert said[["member", *QUANTILE_COLUMNS]].isna().all(axis=None)
    assert audit(table_from_frame(said, INDEX_FORECAST), INDEX_FORECAST, panel.sessions[-1].item()).violations == ()


def test_a_market_that_never_moved_has_no_width(make_market) -> None:
    panel = make_market(sessions=60)
    said = fallback_forecast(replace(panel, scores=np.full((60, 12), 40.0)), panel.sessions[-1], "why")
    assert (said[list(QUANTILE_COLUMNS)] == 40.0).all(axis=None)


def test_a_market_without_any_score_says_so(market: ScorePanel) -> None:
    said = fallback_forecast(replace(market, scores=np.full_like(market.scores, np.nan)), LAST, "why")
    assert set(said["status"]) == {"insufficient_data"}
    assert set(said["reason"]) == {"no score on 2026-06-09"}


def test_a_day_that_is_no_session_is_refused(make_market) -> None:
    panel = make_market(sessions=40, calendar="XNYS")
    with pytest.raises(ConfigError, match="2026-01-03 is none of the panel's 40 sessions"):
        fallback_forecast(panel, np.datetime64("2026-01-03"), "why")
