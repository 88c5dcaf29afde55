"""Each past forecast is judged on its day, by hand-made numbers and by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidity.contracts import FORECAST_SCORES
from liquidity.contracts.conform import frame_from_table, table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ContractError
from liquidity.forecast.fallback import fallback_forecast
from liquidity.forecast.horizons import LEVELS
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.scoring import QUANTILE_COLUMNS, judge_forecasts, realised_scores, row_losses, session_deciles

DAY = np.datetime64("2026-06-05").item()


def truth_of(market: ScorePanel, missing: str | None = None) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "session_date": np.full(12, np.datetime64(DAY, "ms")),
            "instrument_id": market.instrument_ids,
            "liquidity_score": market.scores[155],
        }
    )
    if missing is not None:
        table.loc[table["instrument_id"] == missing, "liquidity_score"] = np.nan
    return realised_scores({"liquidity_score": table}, DAY)


@pytest.fixture(scope="module")
def said(make_market) -> pd.DataFrame:
    panel = make_market()
    panel.scores[152, 4] = np.nan
    rows = [fallback_forecast(panel, panel.sessions[place], "not trained") for place in range(150, 155)]
    return pd.concat(rows, ignore_index=True)


@pytest.mark.feature("BX-FC-05")
def test_each_horizon_is_judged_when_its_day_arrives(said: pd.DataFrame, market: ScorePanel) -> None:
    judged = judge_forecasts(said, truth_of(market), DAY)
    assert audit(table_from_frame(judged, FORECAST_SCORES), FORECAST_SCORES, DAY).violations == ()
    assert len(judged) == 12 * 5 - 1  # one instrument had no score, so nothing was said of it
    made = judged.set_index(["instrument_id", "horizon_sessions"])["made_on"].dt.date
    assert made["binance:C000", 1] == np.datetime64("2026-06-04").item()
    assert made["binance:C000", 5] == np.datetime64("2026-05-31").item()
    assert ("binance:C004", 3) not in made.index
    assert set(judged["reason"]) == {""}


@pytest.mark.feature("BX-FC-05", "BX-MN-04")
def test_the_losses_are_those_of_a_hand_calculation(said: pd.DataFrame, market: ScorePanel) -> None:
    judged = judge_forecasts(said, truth_of(market), DAY).set_index(["instrument_id", "horizon_sessions"])
    row = judged.loc[("binance:C007", 2)]
    forecast = said[(said["instrument_id"] == "binance:C007") & (said["horizon_sessions"] == 2)]
    forecast = forecast[forecast["target_date"].dt.date == DAY].iloc[0]
    truth = float(market.scores[155, 7])
    told = [float(forecast[name]) for name in QUANTILE_COLUMNS]
    assert row["realised_score"] == truth
    assert row["error_points"] == pytest.approx(told[3] - truth)
    assert row["persistence_abs_error_points"] == pytest.approx(abs(float(forecast["base_score"]) - truth))
    pinball = np.mean([max(tau * (truth - q), (tau - 1.0) * (truth - q)) for tau, q in zip(LEVELS, told, strict=True)])
    assert row["pinball_points"] == pytest.approx(pinball)
    width, low, high = told[5] - told[1], told[1], told[5]
    score = width + 2.0 / 0.2 * (max(low - truth, 0.0) + max(truth - high, 0.0))
    assert row["interval_score_80_points"] == pytest.approx(score)
    assert row["inside_80"] == (low <= truth <= high)
    assert row["inside_95"] == (told[0] <= truth <= told[6])


def test_a_forecast_without_a_fact_keeps_its_row_and_says_why(said: pd.DataFrame, market: ScorePanel) -> None:
    judged = judge_forecasts(said, truth_of(market, missing="binance:C002"), DAY)
    assert audit(table_from_frame(judged, FORECAST_SCORES), FORECAST_SCORES, DAY).violations == ()
    rows = judged[judged["instrument_id"] == "binance:C002"]
    assert len(rows) == 5
    assert set(rows["reason"]) == {"no score on 2026-06-05"}
    columns = ["realised_score", "error_points", "pinball_points", "crps_points", "inside_50", "inside_95"]
    assert rows[columns].isna().all(axis=None)
    assert judged[judged["instrument_id"] != "binance:C002"][columns].notna().all(axis=None)
    nobody = judge_forecasts(said, realised_scores({}, DAY), DAY)
    assert nobody["realised_score"].isna().all()


def test_judged_rows_survive_the_table(said: pd.DataFrame, market: ScorePanel) -> None:
    judged = judge_forecasts(said, truth_of(market, missing="binance:C002"), DAY)
    read = frame_from_table(table_from_frame(judged, FORECAST_SCORES))
    assert read["pinball_points"].equals(judged["pinball_points"])
    assert read["made_on"].tolist() == judged["made_on"].tolist()


def test_deciles_stand_in_the_cross_section_of_the_day_of_making(said: pd.DataFrame, market: ScorePanel) -> None:
    judged = judge_forecasts(said, truth_of(market), DAY)
    first = judged[judged["horizon_sessions"] == 1].sort_values("base_score")
    assert first["liquidity_decile"].tolist() == [place * 10 // 12 for place in range(12)]


def test_other_days_and_silence_are_left_out(said: pd.DataFrame, market: ScorePanel) -> None:
    assert judge_forecasts(said.iloc[:0], truth_of(market), DAY).empty
    only_later = said[said["target_date"].dt.date > DAY]
    assert judge_forecasts(only_later, truth_of(market), DAY).empty


def test_two_facts_of_one_instrument_are_refused(said: pd.DataFrame, market: ScorePanel) -> None:
    twice = pd.concat([truth_of(market), truth_of(market)])
    with pytest.raises(ContractError, match="two realised scores of binance:C000"):
        judge_forecasts(said, twice, DAY)
    with pytest.raises(ContractError, match="lower_80"):
        judge_forecasts(said.drop(columns="lower_80"), truth_of(market), DAY)
    with pytest.raises(ContractError, match="'price'"):
        realised_scores({"price": pd.DataFrame()}, DAY)


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=40), st.integers(1, 3))
def test_deciles_are_monotone_and_shared_by_equal_scores(base: list[float], sessions: int) -> None:
    scores = np.array(base)
    session = np.arange(len(base)) % sessions
    found = session_deciles(scores, session)
    for one in range(sessions):
        mine = session == one
        if not mine.any():
            continue
        order = np.argsort(scores[mine], kind="stable")
        ordered = found[mine][order]
        assert (np.diff(ordered) >= 0).all()
        assert ordered[0] == 0
        assert ordered[-1] <= 9
        for value in np.unique(scores[mine]):
            assert len(set(found[mine][scores[mine] == value].tolist())) == 1


def test_means_of_a_slice_leave_out_what_has_no_truth() -> None:
    quantiles = np.tile(np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]), (4, 1))
    losses = row_losses(quantiles, np.array([4.0, 6.5, np.nan, 0.0]))
    means = losses.means(np.array([0, 0, 0, -1]), 2)
    assert means["points_n"].tolist() == [2.0, 0.0]
    assert means["mae_points"][0] == pytest.approx(1.25)
    assert means["bias_points"][0] == pytest.approx(-1.25)
    assert means["coverage_80_frac"][0] == 0.5
    assert means["coverage_95_frac"][0] == 1.0
    assert np.isnan(means["mae_points"][1])
