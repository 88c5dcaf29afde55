"""Tables become one matrix per market: every row in its cell, nothing mixed, bad tables refused."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.features import LIQUIDITY_FEATURES
from liquidity.contracts.pulse import BONDX_SCORE, LIQUIDITY_INDEX, REPAYMENT_SUPPORT
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.instrument import RATINGS, SECTORS
from liquidity.domain.session import sessions_between
from liquidity.forecast.panel import MarketGroup
from liquidity.forecast.score_panels import FEATURE_COLUMNS, SCORE_COLUMNS, SIGNALS, score_panels

TARGET = "liquidity_score"


def score_rows(ids: list[str], days: list[date], **facts: object) -> pd.DataFrame:
    """A complete score table whose score is 10 x place of the instrument + place of the day."""
    rows = [
        {"session_date": day, "instrument_id": name, TARGET: 10.0 * k + t}
        for t, day in enumerate(days)
        for k, name in enumerate(ids)
    ]
    plain = {
        "asset_class": "equity",
        "sector": "UTILITIES",
        "rating": "A",
        "method": "observed",
        "coverage_frac": 0.9,
        "uncertainty_sd": 4.0,
        "oldest_input_age_s": 23400.0,
        "source": "us_equities_daily",
    }
    return pd.DataFrame(rows).assign(**(plain | facts))


def feature_rows(scores: pd.DataFrame) -> pd.DataFrame:
    """Feature rows beside the scores; every feature tells day and instrument."""
    frame = scores[["session_date", "instrument_id"]].copy()
    for place, name in enumerate(FEATURE_COLUMNS[2:]):
        frame[name] = scores[TARGET] / 1000.0 + place
    return frame


DAYS = sessions_between("XNYS", date(2026, 11, 16), date(2026, 11, 30))  # Thanksgiving is the 26th
IDS = ["US0000000001", "US0000000002", "US0000000003"]
CALENDARS = dict.fromkeys(IDS, "XNYS")


def test_the_columns_it_asks_for_exist() -> None:
    for contract in (LIQUIDITY_INDEX, REPAYMENT_SUPPORT, BONDX_SCORE):
        assert set(SCORE_COLUMNS) <= set(contract.column_names)
    assert set(FEATURE_COLUMNS) <= set(LIQUIDITY_FEATURES.column_names)


@pytest.mark.feature("BX-FC-01")
@pytest.mark.parametrize("shuffled", [False, True])
def test_every_row_stands_in_its_cell(shuffled: bool) -> None:
    scores = score_rows(IDS, DAYS)
    features = feature_rows(scores)
    if shuffled:
        scores, features = scores.sample(frac=1.0, random_state=1), features.sample(frac=1.0, random_state=2)
    (panel,) = score_panels(scores, features, TARGET, CALENDARS)
    assert panel.group == MarketGroup("equity", "XNYS", "recorded")
    assert panel.sessions.astype(object).tolist() == DAYS
    assert panel.instrument_ids.tolist() == IDS
    expected = np.arange(3) * 10.0 + np.arange(len(DAYS))[:, np.newaxis]
    np.testing.assert_array_equal(panel.scores, expected)
    assert tuple(panel.signals) == SIGNALS
    for place, name in enumerate(FEATURE_COLUMNS[2:]):
        np.testing.assert_array_equal(panel.signals[name], (expected / 1000.0 + place).astype(np.float32))
    np.testing.assert_allclose(panel.signals["oldest_input_age_log_sessions"], np.log(2.0), rtol=1e-6)
    assert panel.sectors.tolist() == ["UTILITIES"] * 3
    assert panel.ratings.tolist() == ["A"] * 3


def test_sessions_without_rows_are_there_and_missing() -> None:
    scores = score_rows(IDS, [DAYS[0], DAYS[-1]])
    (panel,) = score_panels(scores.drop(index=0), feature_rows(scores), TARGET, CALENDARS)
    assert panel.sessions.astype(object).tolist() == DAYS
    assert np.isnan(panel.scores[0, 0])
    assert np.isnan(panel.scores[1:-1]).all()
    # The feature row of a cell without a score row is not taken.
    assert np.isnan(panel.signals["volatility_daily_frac"][0, 0])
    assert np.isfinite(panel.signals["volatility_daily_frac"][0, 1])


def test_a_null_score_keeps_its_signals() -> None:
    scores = score_rows(IDS, DAYS).assign(method="insufficient_data")
    scores[TARGET] = np.nan
    (panel,) = score_panels(scores, None, TARGET, CALENDARS)
    assert np.isnan(panel.scores).all()
    assert (panel.signals["method_code"] == 4.0).all()
    assert np.isnan(panel.signals["volatility_daily_frac"]).all()
    assert tuple(panel.signals) == SIGNALS


def test_markets_are_never_mixed() -> None:
    coins = ["KRAKEN:BTC-USD", "KRAKEN:ETH-USD"]
    coin_days = sessions_between("24/7", DAYS[0], DAYS[-1])
    tables = [
        score_rows(IDS, DAYS),
        score_rows(IDS[:1], DAYS[2:], source="simulated"),
        score_rows(coins, coin_days, asset_class="crypto_spot", sector=None, rating=None),
    ]
    # The same instrument and day in two origins is no repetition.
    calendars = CALENDARS | dict.fromkeys(coins, "24/7")
    panels = score_panels(pd.concat(tables, ignore_index=True), None, TARGET, calendars)
    assert [panel.group.key for panel in panels] == [
        "crypto_spot.24-7.recorded",
        "equity.XNYS.recorded",
        "equity.XNYS.simulated",
    ]
    assert [panel.scores.shape for panel in panels] == [(15, 2), (10, 3), (8, 1)]
    assert panels[0].sectors.tolist() == ["", ""]
    np.testing.assert_array_equal(panels[2].scores[:, 0], np.arange(8.0))


def test_a_later_downgrade_stays_out_of_earlier_rows() -> None:
    scores = score_rows(IDS, DAYS)
    scores.loc[scores["session_date"] >= DAYS[5], "rating"] = "CCC"
    (panel,) = score_panels(scores, None, TARGET, CALENDARS)
    assert panel.ratings.tolist() == ["CCC"] * 3
    assert (panel.signals["rating_order"][:5] == RATINGS.index("A")).all()
    assert (panel.signals["rating_order"][5:] == RATINGS.index("CCC")).all()
    assert (panel.signals["sector_code"] == SECTORS.index("UTILITIES")).all()


def test_a_day_on_which_the_market_is_shut_is_left_out() -> None:
    scores = score_rows(IDS, [*DAYS, date(2026, 11, 28)])
    (panel,) = score_panels(scores, feature_rows(scores), TARGET, CALENDARS)
    assert panel.sessions.astype(object).tolist() == DAYS
    assert score_panels(score_rows(IDS, [date(2026, 11, 28)]), None, TARGET, CALENDARS) == []


def test_no_rows_no_panels() -> None:
    scores = score_rows(IDS, DAYS)
    assert score_panels(scores.iloc[:0], feature_rows(scores), TARGET, CALENDARS) == []
    (panel,) = score_panels(scores, feature_rows(scores).iloc[:0], TARGET, CALENDARS)
    assert np.isnan(panel.signals["micro_weight_frac"]).all()


def test_bad_tables_are_refused() -> None:
    scores = score_rows(IDS, DAYS)
    with pytest.raises(ConfigError, match="allowed: \\['liquidity_score'"):
        score_panels(scores, None, "price", CALENDARS)
    with pytest.raises(ContractError, match=r"lacks \['method', 'source'\]"):
        score_panels(scores.drop(columns=["method", "source"]), None, TARGET, CALENDARS)
    with pytest.raises(ContractError, match="features lacks"):
        score_panels(scores, scores, TARGET, CALENDARS)
    with pytest.raises(ContractError, match="3 row\\(s\\) of liquidity_score repeat"):
        score_panels(pd.concat([scores, scores.tail(3)]), None, TARGET, CALENDARS)
    with pytest.raises(ContractError, match="1 instrument\\(s\\) have no known calendar; first: US0000000003"):
        score_panels(scores, None, TARGET, dict.fromkeys(IDS[:2], "XNYS"))
    with pytest.raises(ContractError, match="null"):
        score_panels(scores.assign(instrument_id=None), None, TARGET, CALENDARS)
