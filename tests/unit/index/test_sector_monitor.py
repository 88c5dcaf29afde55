"""Sector monitoring on small tables whose answers are worked out by hand."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.contracts import SECTOR_LIQUIDITY
from liquidity.index.sector_monitor import sector_monitor

DAY = date(2026, 11, 20)


def index_rows(rows):
    return pd.DataFrame(
        rows, columns=["session_date", "instrument_id", "asset_class", "sector", "liquidity_score", "source"]
    )


def bondx_rows(index, score=55.0):
    return index[["session_date", "instrument_id"]].assign(bondx_score=score)


def feature_rows(index, amounts=None, currency="INR"):
    amount = [np.nan if amounts is None else amounts.get(name, np.nan) for name in index["instrument_id"]]
    return index[["session_date", "instrument_id"]].assign(amount_outstanding=amount, currency=currency)


def monitor(index, amounts=None, currency="INR", sessions=(DAY,)):
    today = index[index["session_date"].isin(list(sessions))]
    return sector_monitor(index, bondx_rows(today), feature_rows(today, amounts, currency), list(sessions))


def test_weighted_by_amount_where_all_members_have_one():
    index = index_rows(
        [
            (DAY, "A1:X", "bond_corporate", "FINANCIAL", 40.0, "nse"),
            (DAY, "A1:Y", "bond_corporate", "FINANCIAL", 80.0, "landing"),
        ]
    )
    [row] = monitor(index, {"A1:X": 3e9, "A1:Y": 1e9}).to_dict("records")
    assert (row["liquidity_score"], row["weighting"], row["members_count"], row["origin"]) == (
        50.0,
        "amount_outstanding",
        2,
        "recorded",
    )
    assert row["worst_decile_score"] == pytest.approx(44.0)
    assert row["bondx_score"] == 55.0
    assert list(monitor(index).columns) == list(SECTOR_LIQUIDITY.column_names)


@pytest.mark.parametrize("amounts", [None, {"A1:X": 3e9}, {"A1:X": 3e9, "A1:Y": 0.0}])
def test_equal_weights_where_an_amount_is_missing(amounts):
    index = index_rows(
        [
            (DAY, "A1:X", "bond_corporate", "FINANCIAL", 40.0, "nse"),
            (DAY, "A1:Y", "bond_corporate", "FINANCIAL", 80.0, "nse"),
        ]
    )
    [row] = monitor(index, amounts).to_dict("records")
    assert (row["liquidity_score"], row["weighting"]) == (60.0, "equal")


def test_amounts_in_several_currencies_are_not_added():
    index = index_rows(
        [(DAY, "A1:X", "equity", "FINANCIAL", 40.0, "nse"), (DAY, "A1:Y", "equity", "FINANCIAL", 80.0, "nse")]
    )
    [row] = monitor(index, {"A1:X": 3e9, "A1:Y": 1e9}, currency=["INR", "USD"]).to_dict("records")
    assert row["weighting"] == "equal"


def test_missing_scores_are_counted_not_averaged():
    index = index_rows([(DAY, "A1:X", "equity", None, 40.0, "nse"), (DAY, "A1:Y", "equity", None, None, "nse")])
    [row] = monitor(index).to_dict("records")
    assert (row["sector"], row["liquidity_score"], row["members_count"], row["unscored_count"]) == (
        "UNKNOWN",
        40.0,
        1,
        1,
    )
    [none] = monitor(index[index["instrument_id"] == "A1:Y"]).to_dict("records")
    assert pd.isna(none["liquidity_score"])
    assert pd.isna(none["worst_decile_score"])
    assert none["members_count"] == 0


def test_change_counts_sessions_of_the_asset_class_and_common_names():
    days = [DAY - timedelta(days=back) for back in (8, 7, 4, 3, 2, 1, 0)]  # a weekend between
    rows = [(day, "A1:X", "equity", "FINANCIAL", 50.0 + place, "nse") for place, day in enumerate(days)]
    rows += [(DAY, "A1:NEW", "equity", "FINANCIAL", 0.0, "nse")]  # a newcomer may not move the change
    rows += [(DAY - timedelta(days=back), "binance:BTC", "crypto_spot", None, 90.0 - back, "b") for back in range(9)]
    table = monitor(index_rows(rows)).set_index("asset_class")
    assert table.loc["equity", "reference_date"] == days[1]
    assert table.loc["equity", "change_points"] == pytest.approx(5.0)
    assert table.loc["equity", "common_count"] == 1
    assert table.loc["crypto_spot", "reference_date"] == DAY - timedelta(days=5)
    assert table.loc["crypto_spot", "change_points"] == pytest.approx(5.0)


def test_recorded_and_simulated_names_are_summarised_and_dated_apart():
    rows = [(DAY - timedelta(days=back), "A1:X", "equity", "FINANCIAL", 60.0 - back, "nse") for back in range(0, 14, 2)]
    rows += [(DAY - timedelta(days=back), "A1:Y", "equity", "FINANCIAL", 20.0 + back, "simulated") for back in range(7)]
    table = monitor(index_rows(rows)).set_index("origin")
    assert table["liquidity_score"].to_dict() == {"recorded": 60.0, "simulated": 20.0}
    assert table["reference_date"].to_dict() == {
        "recorded": DAY - timedelta(days=10),
        "simulated": DAY - timedelta(days=5),
    }
    assert table["change_points"].to_dict() == {"recorded": 10.0, "simulated": -5.0}


def test_short_history_has_no_change():
    index = index_rows([(DAY - timedelta(days=back), "A1:X", "equity", "FINANCIAL", 50.0, "nse") for back in range(5)])
    [row] = monitor(index).to_dict("records")
    assert pd.isna(row["change_points"])
    assert pd.isna(row["reference_date"])
    assert row["common_count"] == 0


def test_no_rows_give_an_empty_table():
    index = index_rows([])
    assert len(monitor(index)) == 0
    assert list(monitor(index).columns) == list(SECTOR_LIQUIDITY.column_names)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=7, max_size=7),
    st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=7, max_size=7),
)
def test_days_after_a_session_change_nothing_of_it(first, second):
    days = [DAY - timedelta(days=back) for back in range(6, -1, -1)]
    rows = [
        (day, name, "equity", "FINANCIAL", score, "nse")
        for name, scores in (("A1:X", first), ("A1:Y", second))
        for day, score in zip(days, scores, strict=True)
    ]
    index = index_rows(rows)
    index["liquidity_score"] = index["liquidity_score"].astype("float64")
    whole = monitor(index, sessions=tuple(days))
    past = monitor(index[index["session_date"] <= days[5]], sessions=(days[5],))
    same = whole[whole["session_date"] == days[5]].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, past, check_dtype=False)
    shown = whole["liquidity_score"].dropna().astype(float)
    assert shown.between(0, 100).all()
