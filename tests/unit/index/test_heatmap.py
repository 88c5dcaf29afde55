"""Sector-rating cells and their members."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.pulse import PULSE_HEATMAP
from liquidity.domain.errors import ContractError
from liquidity.index.bondx_score import combine_scores
from liquidity.index.heatmap import member_weights, sector_heatmap
from liquidity.index.liquidity_index import score_liquidity
from liquidity.index.profiles import profiles_for
from liquidity.index.repayment_support import score_repayment
from liquidity.index.thresholds import PulseThresholds

MakeFeatures = Callable[..., pd.DataFrame]


@pytest.fixture
def tables(make_features: MakeFeatures) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    features = make_features(300, seed=3, missing_frac=0.2)
    features.loc[0, "amount_outstanding"] = np.nan
    profiles = profiles_for()
    liquidity = score_liquidity(features, profiles)
    liquidity.loc[5:9, "liquidity_score"] = np.nan
    return liquidity, combine_scores(liquidity, score_repayment(features, profiles), features, profiles), features


@pytest.mark.feature("BX-IX-10")
def test_a_cell_is_the_weighted_mean_of_its_members(tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    liquidity, bondx, features = tables
    cells = sector_heatmap(liquidity, bondx, features)
    assert list(cells.columns) == list(PULSE_HEATMAP.column_names)
    assert cells["members_count"].sum() == liquidity["liquidity_score"].notna().sum()
    sector, rating = features["sector"].fillna("UNKNOWN"), features["rating"].fillna("NR")
    for cell in cells.itertuples():
        inside = (sector == cell.sector) & (rating == cell.rating) & (features["asset_class"] == cell.asset_class)
        inside &= liquidity["liquidity_score"].notna()
        assert cell.members_count == inside.sum()
        assert cell.members == ",".join(sorted(features.loc[inside, "instrument_id"]))
        amount = features.loc[inside, "amount_outstanding"]
        weights = amount if amount.notna().all() else amount * 0 + 1
        if amount.isna().any():
            weights = pd.Series(1.0, index=amount.index)
        expected = np.average(liquidity.loc[inside, "liquidity_score"], weights=weights)
        assert cell.masked == (inside.sum() < 3)
        if cell.masked:
            assert np.isnan(cell.liquidity_score)
            assert np.isnan(cell.bondx_score)
        else:
            assert cell.liquidity_score == pytest.approx(expected)
            combined = bondx.loc[inside, "bondx_score"]
            known = combined.notna()
            assert cell.bondx_score == pytest.approx(np.average(combined[known], weights=weights[known]))


@pytest.mark.feature("BX-IX-10")
def test_a_larger_minimum_masks_more_cells(tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    few = sector_heatmap(*tables, PulseThresholds(heatmap_min_members=1))["masked"].sum()
    many = sector_heatmap(*tables, PulseThresholds(heatmap_min_members=12))["masked"].sum()
    assert few == 0
    assert many > 0


@pytest.mark.feature("BX-IX-11")
@pytest.mark.parametrize("by", [("sector", "rating"), ("sector",), ("rating",)])
def test_weights_sum_to_1_and_the_drill_down_lists_every_member_once(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], by: tuple[str, ...]
) -> None:
    liquidity, _, features = tables
    members = member_weights(liquidity, features, by)
    sums = members.groupby(["session_date", "asset_class", "origin", *by])["weight_frac"].sum()
    np.testing.assert_allclose(sums, 1.0)
    assert members["instrument_id"].is_unique
    assert set(members["instrument_id"]) == set(liquidity.loc[liquidity["liquidity_score"].notna(), "instrument_id"])


@pytest.mark.feature("BX-IX-10")
def test_recorded_and_simulated_members_make_cells_of_their_own(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    liquidity, bondx, features = tables
    recorded = np.arange(300) % 3 == 0
    mixed = liquidity.assign(source=np.where(recorded, "landing", "simulated"))
    cells = sector_heatmap(mixed, bondx, features)
    assert not cells.duplicated(list(PULSE_HEATMAP.key)).any()
    for origin, rows in (("recorded", recorded), ("simulated", ~recorded)):
        alone = sector_heatmap(*(table[rows].reset_index(drop=True) for table in (mixed, bondx, features)))
        assert set(alone["origin"]) == {origin}
        pd.testing.assert_frame_equal(cells[cells["origin"] == origin].reset_index(drop=True), alone)


def test_amounts_in_two_currencies_are_not_added(tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    liquidity, _, features = tables
    mixed = features.assign(currency=["INR", "USD"] * 150)
    members = member_weights(liquidity, mixed, ("rating",))
    members = members.merge(mixed[["instrument_id", "currency"]], on="instrument_id")
    cells = members.groupby(["asset_class", "rating"])
    two = cells["currency"].nunique() == 2
    assert two.any()
    assert (cells["weight_frac"].agg(lambda x: float(np.ptp(x)))[two] < 1e-15).all()
    with pytest.raises(ContractError, match="tenor"):
        member_weights(liquidity, features, ("tenor",))
