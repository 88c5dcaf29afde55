"""What changed since yesterday, feature by feature, adding up."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ContractError
from liquidity.index.bondx_score import combine_scores
from liquidity.index.drivers import drivers_change, top_movers
from liquidity.index.liquidity_index import score_liquidity
from liquidity.index.profiles import profiles_for
from liquidity.index.repayment_support import score_repayment

MakeFeatures = Callable[..., pd.DataFrame]
FRIDAY = dt.date(2026, 2, 27)


def all_scores(features: pd.DataFrame) -> list[pd.DataFrame]:
    profiles = profiles_for()
    liquidity, repayment = score_liquidity(features, profiles), score_repayment(features, profiles)
    return [liquidity, repayment, combine_scores(liquidity, repayment, features, profiles)]


@pytest.mark.feature("BX-IX-09")
def test_changes_add_up_with_features_and_methods_that_come_and_go(make_features: MakeFeatures) -> None:
    today = all_scores(make_features(500, seed=1, missing_frac=0.2))
    yesterday = all_scores(make_features(500, seed=2, missing_frac=0.2, day=FRIDAY))
    states: set[str] = set()
    for new, old in zip(today, yesterday, strict=True):
        score = new.columns[6]
        changes = drivers_change(new, old)
        states |= set(changes["state"])
        expected = (new.set_index("instrument_id")[score] - old.set_index("instrument_id")[score]).dropna()
        sums = changes.groupby("instrument_id")["change_points"].sum()
        assert set(sums.index) <= set(expected.index)
        assert (expected - sums.reindex(expected.index).fillna(0.0)).abs().max() < 1e-9
        both = changes[changes["state"] == "both"]
        np.testing.assert_allclose(both["contribution_today"] - both["contribution_yesterday"], both["change_points"])
        appeared = changes[changes["state"] == "appeared"]
        assert appeared["contribution_yesterday"].isna().all()
        np.testing.assert_allclose(appeared["change_points"], appeared["contribution_today"])
    assert states == {"both", "appeared", "disappeared", "method_change"}


@pytest.mark.feature("BX-IX-09")
def test_movers_are_sorted_and_name_their_main_feature(make_features: MakeFeatures) -> None:
    today = score_liquidity(make_features(200, seed=1), profiles_for())
    before = make_features(200, seed=1, day=FRIDAY)
    before.loc[17, ["mm_online_ratio"]] = 1.0
    fallen = make_features(200, seed=1)
    fallen.loc[17, "mm_online_ratio"] = 0.0
    movers = top_movers(score_liquidity(fallen, profiles_for()), score_liquidity(before, profiles_for()), n=3)
    assert movers["instrument_id"][0] == "XNSE:B000017"
    assert movers["main_feature"][0] == "mm_online_ratio"
    assert movers["change_points"][0] == pytest.approx(-40.0)  # a sovereign: dealer presence weighs 0.4
    assert movers["main_feature_points"][0] == pytest.approx(-40.0)
    assert top_movers(today, today.iloc[:0]).empty


def test_only_one_session_of_the_same_table_can_be_compared(make_features: MakeFeatures) -> None:
    liquidity, repayment, _ = all_scores(make_features(20))
    with pytest.raises(ContractError, match="yesterday does not"):
        drivers_change(liquidity, repayment)
    with pytest.raises(ContractError, match="occurs twice"):
        drivers_change(liquidity, pd.concat([liquidity, liquidity]))
    with pytest.raises(ContractError, match="expected one of"):
        drivers_change(liquidity[["instrument_id"]], liquidity)
