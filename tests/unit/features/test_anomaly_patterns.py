"""Anomaly patterns: planted combinations are found, usual rows are not, and later rows say nothing."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.evidence import ANOMALY_PATTERNS
from liquidity.contracts.features import SCORED_FEATURES
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.features.anomaly_patterns import PatternSettings, normal_scores, unusual_patterns

LAST = date(2026, 6, 30)
NAMES = [f"sim:C{place:03d}" for place in range(60)]
CALENDARS = dict.fromkeys(NAMES, "24/7")
PLANTED = 6
QUICK = PatternSettings(expected_frac=0.05, trees=60)


def market(seed=0, sessions=12):
    """Correlated ranks of usual days; on the last one, six names have five moderately high ranks at once."""
    rng = np.random.default_rng(seed)
    days = [date.fromordinal(LAST.toordinal() - back) for back in range(sessions)][::-1]
    common = rng.normal(size=(sessions * len(NAMES), 1))
    ranks = pd.DataFrame(rng.normal(size=(sessions * len(NAMES), len(SCORED_FEATURES))) + 0.5 * common).rank(pct=True)
    ranks = 0.05 + 0.9 * ranks.to_numpy()
    hit = np.arange(len(ranks) - len(NAMES), len(ranks) - len(NAMES) + PLANTED)
    ranks[np.ix_(hit, range(0, 10, 2))] = 0.97
    ranks[np.ix_(hit, range(1, 10, 2))] = 0.03
    frame = pd.DataFrame(ranks, columns=[f"{name}_own_rank_frac" for name in SCORED_FEATURES])
    frame["session_date"] = pd.to_datetime(np.repeat(days, len(NAMES)))
    frame["instrument_id"] = NAMES * sessions
    frame["asset_class"], frame["source"] = "crypto_spot", "simulated"
    return frame


@pytest.mark.feature("BX-FC-12")
def test_planted_patterns_are_found_with_precision_and_recall():
    told = unusual_patterns(market(), CALENDARS, [LAST], QUICK)
    assert audit(table_from_frame(told, ANOMALY_PATTERNS), ANOMALY_PATTERNS).rejected.num_rows == 0
    unusual = told["unusual"].to_numpy(dtype=bool)
    planted = np.isin(told["instrument_id"], NAMES[:PLANTED])
    recall, precision = unusual[planted].mean(), planted[unusual].mean()
    assert recall == 1.0
    assert precision >= 0.6
    assert told.loc[planted, "features"].str.count(",").eq(2).all()


@pytest.mark.feature("BX-FC-12")
def test_each_value_of_a_planted_row_is_usual_alone():
    frame = market()
    last = frame[frame["session_date"] == pd.Timestamp(LAST)].iloc[:PLANTED]
    reference = frame[frame["session_date"] < pd.Timestamp(LAST)]
    for name in SCORED_FEATURES:
        column = f"{name}_own_rank_frac"
        assert last[column].between(reference[column].min() - 0.03, reference[column].max() + 0.03).all()


@pytest.mark.feature("BX-FC-12")
def test_a_usual_day_shows_about_the_expected_share():
    frame = market()
    frame = frame[~((frame["session_date"] == pd.Timestamp(LAST)) & frame["instrument_id"].isin(NAMES[:PLANTED]))]
    told = unusual_patterns(frame, CALENDARS, [LAST], QUICK)
    assert told["unusual"].mean() < 0.2


def test_later_rows_and_their_order_change_nothing():
    frame = market()
    before = date.fromordinal(LAST.toordinal() - 1)
    whole = unusual_patterns(frame, CALENDARS, [before], QUICK)
    cut = frame[frame["session_date"] <= pd.Timestamp(before)]
    pd.testing.assert_frame_equal(whole, unusual_patterns(cut, CALENDARS, [before], QUICK))


def test_too_little_is_not_judged():
    frame = market(sessions=3)
    frame.loc[frame.index[-1], [name for name in frame if name.endswith("_own_rank_frac")]] = np.nan
    few = unusual_patterns(frame, CALENDARS, [LAST], QUICK)
    assert few["unusual"].isna().all()
    assert few["reason"].str.contains("120 rows of the market in the 60 days before, 200 needed").all()
    enough = unusual_patterns(frame, CALENDARS, [LAST], PatternSettings(trees=10, min_reference_rows=100))
    assert enough["unusual"].isna().sum() == 1
    assert enough.loc[enough["unusual"].isna(), "reason"].item() == "fewer than 3 features have a rank"
    for table in (few, enough, unusual_patterns(frame.iloc[:0], CALENDARS, [LAST])):
        assert audit(table_from_frame(table, ANOMALY_PATTERNS), ANOMALY_PATTERNS).rejected.num_rows == 0


def test_bad_input_is_named():
    with pytest.raises(ContractError, match="have no calendar, first sim:C000"):
        unusual_patterns(market(sessions=2), {}, [LAST])
    with pytest.raises(ContractError, match="lacks"):
        unusual_patterns(pd.DataFrame({"session_date": []}), {}, [LAST])
    with pytest.raises(ConfigError, match=r"expected_frac is 0\.7"):
        PatternSettings(expected_frac=0.7)


def test_normal_scores_are_the_quantiles():
    from scipy.special import ndtri

    ranks = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(normal_scores(ranks), ndtri(ranks), atol=2e-4)
    assert np.isnan(normal_scores(np.array([np.nan]))).all()
