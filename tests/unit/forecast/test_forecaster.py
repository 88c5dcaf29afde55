"""A trained forecaster: what it says, that it says it again, and what it refuses."""

import datetime as dt
from dataclasses import replace

import numpy as np
import orjson
import pandas as pd
import pytest

from liquidity.contracts import INDEX_FORECAST
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError, ContractError, InsufficientDataError
from liquidity.forecast import forecaster as module
from liquidity.forecast.forecaster import Forecaster
from liquidity.forecast.inputs import input_rows
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.score_panels import FEATURE_COLUMNS
from liquidity.forecast.scoring import QUANTILE_COLUMNS
from liquidity.forecast.training import Training

LAST = np.datetime64("2026-06-09")


@pytest.fixture(scope="module")
def forecaster(training: Training) -> Forecaster:
    assert training.forecaster is not None
    return training.forecaster


@pytest.fixture(scope="module")
def forecasts(forecaster: Forecaster, market: ScorePanel) -> pd.DataFrame:
    return forecaster.forecast(market, LAST)


def changed(panel: ScorePanel, name: str, values: np.ndarray) -> ScorePanel:
    """The panel with the scores of one instrument replaced."""
    scores = panel.scores.copy()
    scores[:, panel.instrument_ids.tolist().index(name)] = values
    return replace(panel, scores=scores)


def of(forecasts: pd.DataFrame, name: str) -> pd.DataFrame:
    return forecasts[forecasts["instrument_id"] == name]


@pytest.mark.feature("BX-FC-01")
def test_five_horizons_for_every_instrument_within_bounds(forecasts: pd.DataFrame, market: ScorePanel) -> None:
    day = LAST.item()
    assert audit(table_from_frame(forecasts, INDEX_FORECAST), INDEX_FORECAST, day).violations == ()
    assert len(forecasts) == 12 * 5
    assert forecasts["horizon_sessions"].tolist() == [1, 2, 3, 4, 5] * 12
    told = forecasts[list(QUANTILE_COLUMNS)].to_numpy()
    assert np.isfinite(told).all()
    assert told.min() >= 0.0
    assert told.max() <= 100.0
    assert set(forecasts["status"]) == {"model"}
    assert set(forecasts["reason"]) == {""}
    assert of(forecasts, "binance:C002")["sector"].isna().all()
    expected = [day + dt.timedelta(days=ahead) for ahead in range(1, 6)]
    assert of(forecasts, "binance:C000")["target_date"].dt.date.tolist() == expected


@pytest.mark.feature("BX-FC-01")
def test_horizons_are_sessions_of_the_instruments_calendar(make_market, settings) -> None:
    from liquidity.forecast.fallback import fallback_forecast

    panel = make_market(sessions=80, calendar="XNYS")
    before_holiday = np.datetime64("2026-04-02")  # the next day is Good Friday
    said = fallback_forecast(panel, before_holiday, "not trained")
    days = of(said, "binance:C000")["target_date"].dt.date.tolist()
    assert days == [dt.date(2026, 4, day) for day in (6, 7, 8, 9, 10)]


@pytest.mark.feature("BX-FC-04")
def test_bands_never_narrow_with_the_horizon(forecasts: pd.DataFrame) -> None:
    for band in (50, 80, 95):
        width = (forecasts[f"upper_{band}"] - forecasts[f"lower_{band}"]).to_numpy().reshape(-1, 5)
        assert (np.diff(width, axis=1) >= -1e-9).all()


def test_drivers_add_up_to_the_change(forecasts: pd.DataFrame) -> None:
    change = (forecasts["forecast_score"] - forecasts["base_score"]).to_numpy()
    total = [sum(item["points"] for item in orjson.loads(text)) for text in forecasts["drivers_json"]]
    assert np.allclose(total, change, atol=1e-6)
    first = orjson.loads(forecasts["drivers_json"].iloc[0])
    assert [item["input"] for item in first][-1] == "other"
    sizes = [abs(item["points"]) for item in first[:-1]]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.feature("BX-FC-07")
def test_stored_bytes_give_identical_forecasts(
    forecaster: Forecaster, forecasts: pd.DataFrame, market: ScorePanel
) -> None:
    again = Forecaster.from_bytes(forecaster.to_bytes(), forecaster.sha256)
    pd.testing.assert_frame_equal(again.forecast(market, LAST), forecasts, check_exact=True)
    assert again.to_bytes() == forecaster.to_bytes()
    assert again.model_id == forecaster.sha256[:16]
    assert again.card == forecaster.card


@pytest.mark.feature("BX-FC-07")
@pytest.mark.parametrize(("place", "what"), [(10, "first bytes"), (-200, "last bytes")])
def test_changed_bytes_are_refused(forecaster: Forecaster, place: int, what: str) -> None:
    data = bytearray(forecaster.to_bytes())
    data[place] ^= 1
    with pytest.raises(ContractError, match="sha256"):
        Forecaster.from_bytes(bytes(data), forecaster.sha256)


def test_states_of_another_make_are_refused(forecaster: Forecaster) -> None:
    from liquidity.forecast.state_bytes import from_bytes, sha256_hex, to_bytes

    state = from_bytes(forecaster.to_bytes(), forecaster.sha256)
    for broken, match in (
        ({name: values for name, values in state.items() if name != "ranks"}, "lack"),
        ({**state, "card": np.array("{}")}, "model card"),
        ({name: values for name, values in state.items() if not name.startswith("bins/")}, "input bins"),
        ({name: values for name, values in state.items() if not name.startswith("calibration/")}, "Calibration"),
        ({**state, "card": np.array(str(state["card"]).replace('"member":"ridge"', '"member":"oracle"'))}, "oracle"),
    ):
        data = to_bytes(broken)
        with pytest.raises(ContractError, match=match):
            Forecaster.from_bytes(data, sha256_hex(data))


def test_yesterdays_forecast_can_be_made_again(forecaster: Forecaster, market: ScorePanel) -> None:
    """Neither what came later nor how long the history is changes a bit of it."""
    yesterday = market.sessions[-6]
    then = forecaster.forecast(market.up_to(yesterday), yesterday)
    pd.testing.assert_frame_equal(forecaster.forecast(market, yesterday), then, check_exact=True)
    start = len(market.sessions) - 6 - 60
    short = ScorePanel(
        market.group,
        market.target,
        market.sessions[start:],
        market.instrument_ids,
        market.scores[start:],
        {name: values[start:] for name, values in market.signals.items()},
        market.sectors,
        market.ratings,
    )
    pd.testing.assert_frame_equal(forecaster.forecast(short, yesterday), then, check_exact=True)


def test_only_the_wanted_instruments_are_told_the_same(
    forecaster: Forecaster, market: ScorePanel, forecasts: pd.DataFrame
) -> None:
    some = forecaster.forecast(market, LAST, instrument_ids=np.array(["binance:C007", "binance:C001"]))
    expected = forecasts[forecasts["instrument_id"].isin(["binance:C001", "binance:C007"])]
    pd.testing.assert_frame_equal(some, expected.reset_index(drop=True), check_exact=True)
    with pytest.raises(ConfigError, match=r"not in the panel, first: binance:C999"):
        forecaster.forecast(market, LAST, instrument_ids=np.array(["binance:C999"]))


def test_levels_move_the_bands(forecaster: Forecaster, market: ScorePanel, forecasts: pd.DataFrame) -> None:
    wide = forecaster.forecast(market, LAST, np.full((5, 3, 4), 0.02))
    before = forecasts["upper_50"] - forecasts["lower_50"]
    assert (wide["upper_50"] - wide["lower_50"] > before).all()
    assert np.array_equal(wide["forecast_score"], forecasts["forecast_score"])


def test_paths_have_the_bands_of_the_forecast(
    forecaster: Forecaster, market: ScorePanel, forecasts: pd.DataFrame
) -> None:
    paths = forecaster.paths(market, LAST, "binance:C003", 2_000, seed=3)
    assert paths.shape == (2_000, 5)
    rows = of(forecasts, "binance:C003")
    assert np.allclose(np.quantile(paths, 0.9, axis=0), rows["upper_80"], atol=0.2)
    assert np.allclose(np.median(paths, axis=0), rows["forecast_score"], atol=0.2)
    assert np.array_equal(paths, forecaster.paths(market, LAST, "binance:C003", 2_000, seed=3))
    steps = np.corrcoef(paths.T)
    assert steps[3, 4] > 0.5  # scores of neighbouring sessions hang together
    silent = changed(market, "binance:C003", np.full(160, np.nan))
    with pytest.raises(InsufficientDataError, match="no score on"):
        forecaster.paths(silent, LAST, "binance:C003", 10, seed=3)


def test_a_panel_of_another_market_or_shape_is_refused(forecaster: Forecaster, market: ScorePanel) -> None:
    with pytest.raises(ContractError, match="serves"):
        forecaster.forecast(replace(market, target="bondx_score"), LAST)
    with pytest.raises(ContractError, match="serves"):
        forecaster.forecast(replace(market, group=MarketGroup("equity", "24/7", "simulated")), LAST)
    fewer = {name: values for name, values in market.signals.items() if name != "volatility_daily_frac"}
    with pytest.raises(ContractError, match="volatility_daily_frac"):
        forecaster.forecast(replace(market, signals=fewer), LAST)
    with pytest.raises(ConfigError, match="none of the panel's 160 sessions"):
        forecaster.forecast(market, np.datetime64("2027-01-01"))


def test_inputs_that_moved_are_seen(forecaster: Forecaster, make_market) -> None:
    usual, other = make_market(names=40, seed=1), make_market(names=40, seed=1)
    other.signals["volatility_daily_frac"][:] *= 3.0
    calm, moved = forecaster.input_shift(usual, LAST), forecaster.input_shift(other, LAST)
    assert calm is not None
    assert moved is not None
    assert moved.input == "volatility_daily_frac"
    assert moved.index > 1.0 > calm.index
    fewer = {name: values for name, values in usual.signals.items() if name != "volatility_daily_frac"}
    with pytest.raises(ContractError, match="volatility_daily_frac"):
        forecaster.input_shift(replace(usual, signals=fewer), LAST)


def test_a_large_market_is_looked_at_in_every_second_name(
    forecaster: Forecaster, make_market, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = make_market(names=80, seed=1)
    panel.signals["volatility_daily_frac"][:, 1::2] *= 3.0
    seen = forecaster.input_shift(panel, LAST)
    monkeypatch.setattr(module, "_SHIFT_ROWS", 600)  # 80 names on 21 days are 1,680 rows
    assert seen.input == "volatility_daily_frac"
    assert forecaster.input_shift(panel, LAST).index < seen.index  # those that moved are left out


# Bad input: a named fallback or "insufficient data", never NaN in a forecast, never an exception that stops the rest.


def one_bad(
    forecaster: Forecaster, panel: ScorePanel, forecasts: pd.DataFrame, name: str = "binance:C005"
) -> pd.DataFrame:
    """Rows of the bad instrument, after a check that the table is whole and the others are still told by the model."""
    said = forecaster.forecast(panel, LAST)
    assert audit(table_from_frame(said, INDEX_FORECAST), INDEX_FORECAST, LAST.item()).violations == ()
    others = said[said["instrument_id"] != name]
    assert set(others["status"]) == {"model"}
    assert others[list(QUANTILE_COLUMNS)].notna().all(axis=None)
    return of(said, name)


def test_bad_input_too_short_a_history(forecaster: Forecaster, market: ScorePanel, forecasts: pd.DataFrame) -> None:
    short = np.where(np.arange(160) >= 158, 50.0, np.nan)
    rows = one_bad(forecaster, changed(market, "binance:C005", short), forecasts)
    assert set(rows["status"]) == {"fallback"}
    assert set(rows["member"]) == {"persistence"}
    assert set(rows["reason"]) == {"2 score(s) in the last 22 sessions, 5 needed"}
    assert (rows["forecast_score"] == 50.0).all()
    assert rows["model_id"].isna().all()
    assert (rows["upper_80"] - rows["lower_80"] > 1.0).all()


def test_bad_input_a_new_instrument(forecaster: Forecaster, market: ScorePanel, forecasts: pd.DataFrame) -> None:
    rows = one_bad(forecaster, changed(market, "binance:C005", np.where(np.arange(160) == 159, 3.0, np.nan)), forecasts)
    assert set(rows["reason"]) == {"1 score(s) in the last 22 sessions, 5 needed"}
    assert (rows["lower_95"] >= 0.0).all()
    width = (rows["upper_80"] - rows["lower_80"]).to_numpy()
    assert (np.diff(width) >= 0.0).all()


def test_bad_input_all_null_features(forecaster: Forecaster, market: ScorePanel, forecasts: pd.DataFrame) -> None:
    place = market.instrument_ids.tolist().index("binance:C005")
    signals = {}
    for name, values in market.signals.items():
        signals[name] = np.array(values)
        if name in FEATURE_COLUMNS:
            signals[name][:, place] = np.nan
    rows = one_bad(forecaster, replace(market, signals=signals), forecasts)
    assert set(rows["status"]) == {"fallback"}
    assert set(rows["reason"]) == {"no feature is known"}
    nothing = {name: np.full((160, 12), np.nan, np.float32) for name in market.signals}
    everyone = forecaster.forecast(replace(market, signals=nothing), LAST)
    assert set(everyone["status"]) == {"fallback"}
    assert everyone[list(QUANTILE_COLUMNS)].notna().all(axis=None)


def test_bad_input_a_gap_of_weeks(forecaster: Forecaster, market: ScorePanel, forecasts: pd.DataFrame) -> None:
    scores = market.scores[:, 5].copy()
    scores[145:159] = np.nan
    rows = one_bad(forecaster, changed(market, "binance:C005", scores), forecasts)
    assert set(rows["status"]) == {"fallback"}
    assert set(rows["reason"]) == {"back after 14 sessions without a score, allowed 10"}


def test_bad_input_a_constant_series(forecaster: Forecaster, market: ScorePanel, forecasts: pd.DataFrame) -> None:
    rows = one_bad(forecaster, changed(market, "binance:C005", np.full(160, 44.0)), forecasts)
    assert set(rows["status"]) == {"model"}
    assert set(rows["liquidity_group"]) == {3}
    assert rows[list(QUANTILE_COLUMNS)].notna().all(axis=None)


def test_bad_input_no_score_today(forecaster: Forecaster, market: ScorePanel, forecasts: pd.DataFrame) -> None:
    scores = market.scores[:, 5].copy()
    scores[159] = np.nan
    rows = one_bad(forecaster, changed(market, "binance:C005", scores), forecasts)
    assert set(rows["status"]) == {"insufficient_data"}
    assert set(rows["reason"]) == {"no score on 2026-06-09"}
    assert rows[["base_score", "member", "liquidity_group", *QUANTILE_COLUMNS]].isna().all(axis=None)
    assert set(rows["drivers_json"]) == {"[]"}


def test_bad_input_a_universe_that_changes(forecaster: Forecaster, make_market, market: ScorePanel) -> None:
    """Half of the names are gone and others stand in their place; ids and places differ from training."""
    other = make_market(names=20, seed=9)
    renamed = replace(other, instrument_ids=np.array([f"binance:D{place:03d}" for place in range(20)]))
    said = forecaster.forecast(renamed, LAST)
    assert set(said["status"]) == {"model"}
    assert said[list(QUANTILE_COLUMNS)].notna().all(axis=None)
    nobody = replace(market, scores=np.full_like(market.scores, np.nan))
    assert set(forecaster.forecast(nobody, LAST)["status"]) == {"insufficient_data"}


def test_bad_input_both_a_new_market_and_a_new_instrument(forecaster: Forecaster, market: ScorePanel) -> None:
    scores = np.full_like(market.scores, np.nan)
    scores[-3:] = market.scores[-3:]
    said = forecaster.forecast(replace(market, scores=scores), LAST)
    assert set(said["status"]) == {"insufficient_data"}
    (reason,) = set(said["reason"])
    assert reason == (
        "3 score(s) in the last 22 sessions, 5 needed; 2 of the last 44 sessions have a known change; 20 are needed"
    )
    assert said["base_score"].notna().all()


def test_rows_of_one_instrument_do_not_depend_on_the_block_it_stands_in(
    forecaster: Forecaster, market: ScorePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liquidity.forecast import forecaster as module

    whole = forecaster.forecast(market, LAST)
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 5)
    pd.testing.assert_frame_equal(forecaster.forecast(market, LAST), whole, check_exact=False, rtol=1e-12)
    assert len(input_rows(market, np.array([159]))) == 12
