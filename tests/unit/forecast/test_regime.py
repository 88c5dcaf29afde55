"""Regimes: planted states are found again, and nothing later is read."""

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.evidence import MARKET_CONDITIONS, MARKET_REGIME, REGIMES
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ContractError
from liquidity.forecast import regime
from liquidity.forecast._regime_filter import _recursion, fit_hidden_markov, recursion
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.regime import (
    HISTORY_DAYS,
    condition_rows,
    market_conditions,
    regime_path,
    regime_probabilities,
    regime_rows,
    with_regimes,
)

FIRST = np.datetime64("2024-01-01")
MOVE = np.array([[0.97, 0.03, 0.0], [0.03, 0.94, 0.03], [0.0, 0.05, 0.95]])


def planted(seed=0, sessions=560, names=30):
    """States and scores of a market whose level and dispersion follow a chain of three states."""
    rng = np.random.default_rng(seed)
    states = [0]
    for _ in range(sessions - 1):
        states.append(int(rng.choice(3, p=MOVE[states[-1]])))
    state = np.array(states)
    level = np.array([62.0, 48.0, 30.0])[state] + rng.normal(0.0, 2.5, sessions)
    away = np.array([7.0, 10.0, 14.0])[state][:, np.newaxis] * rng.normal(size=(sessions, names))
    return state, np.clip(level[:, np.newaxis] + away, 0.0, 100.0)


def panel_of(scores, origin="simulated"):
    n = scores.shape[1]
    ids = np.array([f"sim:C{place:03d}" for place in range(n)])
    days = FIRST + np.arange(len(scores))
    empty = np.full(n, "")
    group = MarketGroup("crypto_spot", "24/7", origin)
    return ScorePanel(group, "liquidity_score", days, ids, scores, {}, empty, empty)


@pytest.fixture(scope="module")
def market():
    state, scores = planted()
    return state, panel_of(scores)


@pytest.mark.feature("BX-FC-13")
@pytest.mark.parametrize("seed", [0, 1])
def test_planted_states_are_found_again(seed):
    state, scores = planted(seed)
    told = regime_probabilities(panel_of(scores))
    warm = np.isfinite(told[:, 0])
    warm[:250] = False
    assert warm.sum() == 310
    assert (told[warm].argmax(axis=1) == state[warm]).mean() > 0.9
    np.testing.assert_allclose(told[warm].sum(axis=1), 1.0)


@pytest.mark.feature("BX-FC-13")
def test_the_future_changes_nothing(market):
    _, panel = market
    whole = regime_path(market_conditions(panel.scores), panel.sessions)
    for end in (200, 333, 401):
        cut = panel.up_to(panel.sessions[end - 1])
        part = regime_path(market_conditions(cut.scores), cut.sessions)
        np.testing.assert_array_equal(part.probabilities, whole.probabilities[:end])
        np.testing.assert_array_equal(part.fitted_through, whole.fitted_through[:end])


@pytest.mark.feature("BX-FC-13")
def test_days_older_than_the_history_change_nothing():
    _, scores = planted(3, sessions=800, names=10)
    panel = panel_of(scores)
    last = slice(len(scores) - HISTORY_DAYS - 1, None)  # one more: the fall is measured from the session before
    whole = regime_path(market_conditions(scores), panel.sessions)
    part = regime_path(market_conditions(scores[last]), panel.sessions[last])
    np.testing.assert_array_equal(part.probabilities[-1], whole.probabilities[-1])


def test_parameters_come_from_earlier_months(market):
    _, panel = market
    path = regime_path(market_conditions(panel.scores), panel.sessions)
    told = ~np.isnat(path.fitted_through)
    month = panel.sessions.astype("datetime64[M]").astype("datetime64[D]")
    assert (path.fitted_through[told] == month[told] - 1).all()


def test_conditions_by_hand():
    scores = np.array([[10.0, 20.0, 30.0, 40.0, np.nan], [9.0, 21.0, 29.0, 40.0, 50.0], [np.nan] * 5])
    told = market_conditions(scores)
    assert told.members_count.tolist() == [4, 5, 0]
    assert told.median_score[:2].tolist() == [25.0, 29.0]
    assert np.isnan(told.median_score[2])
    assert told.dispersion_points[:2].tolist() == [15.0, 19.0]
    assert told.falling_frac[1] == 0.5
    assert np.isnan(told.falling_frac[[0, 2]]).all()


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (np.full((400, 6), 50.0), "does not vary"),
        (np.full((400, 6), np.nan), "0 scored sessions"),
        (np.random.default_rng(1).normal(50.0, 3.0, (400, 1)), "one state explains"),
        (np.random.default_rng(1).normal(50.0, 3.0, (60, 9)), "scored sessions before this month, 120 are needed"),
    ],
)
def test_no_state_is_told_with_a_reason(scores, words):
    panel = panel_of(scores)
    path = regime_path(market_conditions(scores), panel.sessions)
    assert words in path.reason[-1]
    assert np.isnan(path.probabilities[-1]).all()


def test_a_window_without_a_crisis_knows_two_states():
    rng = np.random.default_rng(5)
    state = (np.arange(420) // 40) % 2
    scores = np.array([60.0, 45.0])[state][:, np.newaxis] + rng.normal(0.0, 4.0, (420, 20))
    told = regime_probabilities(panel_of(scores))[250:]
    assert (told[:, 2] == 0.0).all()
    assert (told.argmax(axis=1) == state[250:]).mean() > 0.9


def test_sessions_without_scores_keep_the_state(market):
    _, panel = market
    scores = panel.scores.copy()
    scores[300:303] = np.nan
    told = regime_probabilities(panel_of(scores))
    assert np.isfinite(told[300:303]).all()
    assert (told[300:303].argmax(axis=1) == told[299].argmax()).all()


def test_the_compiled_recursion_is_the_written_one():
    rng = np.random.default_rng(2)
    density, move, first = rng.random((50, 3)) + 0.01, np.full((3, 3), 1 / 3), np.full(3, 1 / 3)
    made, written = ([np.empty((50, 3)), np.empty((50, 3)), np.empty((3, 3))] for _ in range(2))
    assert recursion(density, move, first, *made) == pytest.approx(_recursion(density, move, first, *written))
    for one, other in zip(made, written, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    assert made[2].sum() == pytest.approx(49.0)


def test_equal_rows_give_equal_bits():
    rows = np.random.default_rng(9).normal(size=(150, 2))
    one, other = fit_hidden_markov(rows, 3), fit_hidden_markov(rows.copy(), 3)
    np.testing.assert_array_equal(one.means, other.means)
    assert (np.diff(one.means[:, 0]) <= 0.0).all()


def test_rows_of_both_tables_keep_their_contracts(market):
    _, panel = market
    days = [day.item() for day in panel.sessions]
    conditions = condition_rows([panel], days)
    assert len(conditions) == len(days)
    rows = regime_rows(conditions, days[-40:])
    for table, contract in ((conditions, MARKET_CONDITIONS), (rows, MARKET_REGIME)):
        judged = audit(table_from_frame(table, contract), contract)
        assert judged.rejected.num_rows == 0
    told = regime_probabilities(panel)[-40:]
    assert rows["regime"].tolist() == [REGIMES[place] for place in told.argmax(axis=1)]
    np.testing.assert_array_equal(rows["crisis_probability_frac"], told[:, 2])


def test_early_rows_say_why_and_an_empty_market_has_none():
    _, scores = planted(4, sessions=30)
    panel = panel_of(scores)
    days = [day.item() for day in panel.sessions]
    rows = regime_rows(condition_rows([panel], days), days[-1:])
    judged = audit(table_from_frame(rows, MARKET_REGIME), MARKET_REGIME)
    assert judged.rejected.num_rows == 0
    assert rows["regime"].isna().all()
    assert "120 are needed" in rows["reason"].iloc[0]
    nothing = regime_rows(condition_rows([], days), days)
    assert audit(table_from_frame(nothing, MARKET_REGIME), MARKET_REGIME).rows == 0


def test_a_missing_column_is_named():
    with pytest.raises(ContractError, match="market_conditions lacks"):
        regime_rows(pd.DataFrame({"session_date": []}), [])


def test_the_history_holds_the_longest_month():
    assert regime.HISTORY_DAYS == regime.FIT_DAYS + 31


def test_states_become_signals_of_every_instrument(market):
    _, panel = market
    told = regime_probabilities(panel)
    richer = with_regimes(panel, told)
    assert list(richer.signals) == ["regime_calm_frac", "regime_stressed_frac", "regime_crisis_frac"]
    crisis = richer.signals["regime_crisis_frac"]
    assert crisis.shape == panel.scores.shape
    np.testing.assert_array_equal(crisis[:, 0], told[:, 2].astype(np.float32))
    assert panel.signals == {}
    with pytest.raises(ContractError, match="one row of 3"):
        with_regimes(panel, told[:-1])
