import numpy as np
import pandas as pd
import pytest

from liquidity.portfolio.relative_value import MIN_NAMES, relative_value


def market(n: int = 60, asset_class: str = "corporate_bond") -> pd.DataFrame:
    rng = np.random.default_rng(1)
    score = rng.uniform(10.0, 90.0, n)
    return pd.DataFrame(
        {
            "session_date": pd.Timestamp("2026-06-01"),
            "instrument_id": [f"B{i}" for i in range(n)],
            "asset_class": asset_class,
            "origin": "recorded",
            "sector": np.where(np.arange(n) % 3 == 0, "FIN", "UTIL"),
            "liquidity_score": score,
            "spread_bps": np.exp(5.0 - 0.03 * score + rng.normal(0.0, 0.05, n)),
        }
    )


@pytest.mark.feature("BX-PF-09")
def test_a_planted_name_and_a_planted_sector_stand_out() -> None:
    rows = market()
    rows.loc[7, "spread_bps"] *= 2.0
    rows.loc[rows["sector"] == "FIN", "spread_bps"] *= 1.2
    told = relative_value(rows)
    assert told["residual_z"].idxmax() == 7
    assert told.loc[7, "residual_bps"] == pytest.approx(told.loc[7, "spread_bps"] - told.loc[7, "expected_spread_bps"])
    sector = told.groupby("sector")["sector_residual_frac"].first()
    assert sector["FIN"] - sector["UTIL"] == pytest.approx(np.log(1.2), abs=0.06)
    assert told.loc[told["sector"] == "FIN", "sector_t"].iloc[0] > 5.0
    assert told["sector_names"].tolist() == told.groupby("sector")["sector"].transform("size").tolist()


def test_residuals_are_those_of_least_squares() -> None:
    told = relative_value(market())
    slope, level = np.polyfit(told["liquidity_score"], np.log(told["spread_bps"]), 1)
    np.testing.assert_allclose(np.log(told["expected_spread_bps"]), level + slope * told["liquidity_score"])
    residual = np.log(told["spread_bps"] / told["expected_spread_bps"])
    np.testing.assert_allclose(told["residual_z"], residual / np.sqrt((residual**2).sum() / (len(told) - 2)))


def test_markets_are_fitted_apart_and_small_ones_not_at_all() -> None:
    few = market(MIN_NAMES - 1, "government_bond")
    both = relative_value(pd.concat([market(), few], ignore_index=True))
    alone = relative_value(market())
    np.testing.assert_array_equal(both["residual_bps"][:60], alone["residual_bps"])
    assert both["residual_bps"][60:].isna().all()
    assert both["reason"][60:].str.contains(f"{MIN_NAMES - 1} names").all()


def test_missing_inputs_are_missing_and_small_sectors_untold() -> None:
    rows = market()
    rows.loc[0, "liquidity_score"] = np.nan
    rows.loc[1, "spread_bps"] = 0.0
    rows["sector"] = rows["sector"].astype(object)
    rows.loc[2:4, "sector"] = None
    told = relative_value(rows)
    assert told["residual_bps"][:2].isna().all()
    assert (told["reason"][:2] != "").all()
    assert (told.loc[2:4, "sector"] == "UNKNOWN").all()
    assert told.loc[2:4, "sector_residual_frac"].isna().all()
    assert told.loc[2:4, "residual_bps"].notna().all()
    assert len(relative_value(rows.iloc[:0])) == 0
