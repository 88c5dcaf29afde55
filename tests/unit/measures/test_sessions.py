"""The registry over a daily panel: windows, calendars, returns, reasons, and the table's promise."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from liquidity.contracts.features import LIQUIDITY_MEASURES
from liquidity.domain.errors import ContractError
from liquidity.domain.session import sessions_between
from liquidity.measures import MEASURES, measure_sessions
from liquidity.measures._sessions import close_returns
from liquidity.measures.amihud import amihud
from liquidity.measures.edge_spread import edge_spread
from liquidity.measures.roll import roll

LAST = date(2026, 10, 30)
NUMBERS = ("open", "high", "low", "close", "turnover_ccy", "time_since_last_trade_h", "amount_outstanding")


def rows(instrument: str, days: Iterable[date], calendar: str = "XNYS", seed: int = 0, **fixed: Any) -> pd.DataFrame:
    """Panel rows of one instrument with a bounce of about one percent."""
    days = list(days)
    rng = np.random.default_rng([seed, *instrument.encode()])
    n = len(days)
    value = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, n)))
    paid = value * (1 + 0.01 * rng.choice([-1, 1], (8, n)))
    frame = pd.DataFrame(
        {
            "session_date": pd.Series(days, dtype=object),
            "instrument_id": instrument,
            "calendar": calendar,
            "open": paid[0],
            "high": paid.max(axis=0),
            "low": paid.min(axis=0),
            "close": paid[-1],
            "turnover_ccy": rng.lognormal(13, 1, n),
            "trades_count": pd.array(rng.poisson(1.0, n), dtype="Int64"),
            "time_since_last_trade_h": rng.uniform(0, 6, n),
            "amount_outstanding": 1e9,
        }
    )
    for name, value_of_all in fixed.items():
        frame[name] = value_of_all
    return frame


def history(days: int = 90, last: date = LAST, calendar: str = "XNYS") -> list[date]:
    return sessions_between(calendar, last - timedelta(days=days - 1), last)


def value_of(table: pd.DataFrame, instrument: str, measure: str) -> pd.Series:
    found = table[(table["instrument_id"] == instrument) & (table["measure"] == measure)]
    assert len(found) == 1
    return found.iloc[0]


def test_the_table_keeps_its_contract() -> None:
    panel = pd.concat([rows(name, history(130), seed=k) for k, name in enumerate(["B", "A", "C"])])
    wanted = history(20)
    table = measure_sessions(panel, wanted)
    assert tuple(table.columns) == LIQUIDITY_MEASURES.column_names
    assert not table.duplicated(list(LIQUIDITY_MEASURES.key)).any()
    assert table.equals(table.sort_values(list(LIQUIDITY_MEASURES.key), ignore_index=True))
    assert len(table) == len(wanted) * 3 * len(MEASURES)
    assert ((table["reason"] == "") == table["value"].notna()).all()
    assert table["observations_n"].dtype == np.int64
    arrow = pa.Table.from_pandas(table, schema=LIQUIDITY_MEASURES.arrow_schema, preserve_index=False)
    assert arrow.num_rows == len(table)


def test_values_equal_the_plain_functions_on_the_window() -> None:
    days = history(90)
    panel = rows("X", days)
    table = measure_sessions(panel, [LAST])
    window = [position for position, day in enumerate(days) if day > LAST - timedelta(days=30)]
    recent = panel.iloc[window]
    returns = panel["close"].pct_change().iloc[window]
    assert value_of(table, "X", "amihud")["value"] == pytest.approx(
        amihud(returns.to_numpy(), recent["turnover_ccy"].to_numpy()).illiq
    )
    edge = edge_spread(*(recent[name].to_numpy() for name in ("open", "high", "low", "close")))
    assert edge.signed is not None
    assert value_of(table, "X", "edge_spread")["value"] == pytest.approx(1e4 * edge.signed)
    assert value_of(table, "X", "edge_spread")["observations_n"] == len(window) - 1
    bounce = roll(recent["close"].to_numpy()).signed
    found = value_of(table, "X", "roll")
    assert (
        found["value"] == pytest.approx(1e4 * bounce)
        if bounce and bounce > 0
        else found["reason"] == "signed estimate not positive"
    )


def test_a_return_reaches_over_a_gap_to_the_previous_observed_close() -> None:
    returns, previous = close_returns(np.array([[100.0, np.nan, 0.0, 121.0, 110.0]]), np.array([1, 2, 3, 6, 7]))
    np.testing.assert_allclose(returns, [[np.nan, np.nan, np.nan, 0.21, 110 / 121 - 1]])
    np.testing.assert_array_equal(previous, [[np.nan, np.nan, np.nan, 1, 6]])


def test_a_close_older_than_the_history_is_not_reached() -> None:
    days = history(40)
    panel = pd.concat([rows("X", [date(2026, 6, 1)]), rows("X", days)])  # more than 90 days before the last session
    early, alone = (measure_sessions(frame, history(12)) for frame in (panel, rows("X", days)))
    pd.testing.assert_frame_equal(early, alone)


def test_few_sessions_and_negative_estimates_have_their_reasons() -> None:
    days = history(90)
    few = rows("FEW", days)
    few.loc[few.index[:-6], list(NUMBERS)] = np.nan
    few.loc[few.index[:-6], "trades_count"] = pd.NA
    ramp = rows("RAMP", days)
    climb = 100 * np.exp(np.cumsum(np.linspace(0.001, 0.05, len(days))))
    for name in ("open", "high", "low", "close"):
        ramp[name] = climb
    table = measure_sessions(pd.concat([few, ramp]), [LAST])
    assert value_of(table, "FEW", "edge_spread")["reason"] == "fewer than 15 usable sessions"
    assert value_of(table, "FEW", "edge_spread")["observations_n"] == 5
    assert value_of(table, "FEW", "amihud")["reason"] == "fewer than 8 usable sessions"
    assert value_of(table, "FEW", "time_since_trade")["reason"] == ""
    assert value_of(table, "RAMP", "roll")["reason"] == "signed estimate not positive"
    assert np.isnan(value_of(table, "RAMP", "roll")["value"])


def test_measures_without_any_input_have_no_row() -> None:
    quoted_only = rows("Q", history(90))
    for name in ("open", "high", "low", "close", "turnover_ccy", "time_since_last_trade_h"):
        quoted_only[name] = np.nan
    quoted_only["trades_count"] = pd.array([pd.NA] * len(quoted_only), dtype="Int64")
    table = measure_sessions(quoted_only, [LAST])
    assert table["measure"].tolist() == ["turnover_velocity"]  # the amount outstanding is known, the turnover is not
    assert table["reason"].tolist() == ["fewer than 8 usable sessions"]


def test_weekends_do_not_break_pairs_where_the_market_is_closed_and_do_where_it_is_open() -> None:
    weekdays = history(90)
    panel = pd.concat(
        [
            rows("BOND", weekdays),
            rows("COIN", weekdays, calendar="24/7"),
            rows("FULL", history(90, calendar="24/7"), calendar="24/7"),
        ]
    )
    table = measure_sessions(panel, [LAST])
    sessions = sum(day > LAST - timedelta(days=30) for day in weekdays)
    assert value_of(table, "BOND", "edge_spread")["observations_n"] == sessions - 1
    assert value_of(table, "FULL", "edge_spread")["observations_n"] == 29
    assert value_of(table, "COIN", "edge_spread")["observations_n"] < sessions - 1


def test_a_closed_day_and_an_unlisted_instrument_give_no_rows() -> None:
    saturday = LAST + timedelta(days=1)
    gone = rows("GONE", [day for day in history(90) if day < LAST])
    panel = pd.concat([rows("BOND", [*history(90), saturday]), gone])
    assert measure_sessions(panel, [saturday]).empty
    assert set(measure_sessions(panel, [LAST])["instrument_id"]) == {"BOND"}


def test_one_instrument_alone_equals_the_same_in_a_crowd_in_any_row_order() -> None:
    crowd = pd.concat([rows(f"I{k:03d}", history(120), seed=k) for k in range(40)])
    together = measure_sessions(crowd.sample(frac=1.0, random_state=1), history(5))
    for name in ("I000", "I017", "I039"):
        alone = measure_sessions(crowd[crowd["instrument_id"] == name], history(5))
        pd.testing.assert_frame_equal(together[together["instrument_id"] == name].reset_index(drop=True), alone)


def test_many_sessions_at_once_equal_one_at_a_time() -> None:
    panel = pd.concat([rows("A", history(150)), rows("COIN", history(150, calendar="24/7"), calendar="24/7")])
    wanted = history(60, calendar="24/7")
    one_by_one = pd.concat([measure_sessions(panel, [day]) for day in wanted], ignore_index=True)
    pd.testing.assert_frame_equal(measure_sessions(panel, wanted), one_by_one)


@pytest.mark.parametrize("as_type", ["datetime64[s]", "datetime64[ns]", "arrow"])
def test_dates_and_texts_of_any_kind_are_read(as_type: str) -> None:
    panel = rows("A", history(90))
    expected = measure_sessions(panel, [LAST])
    if as_type == "arrow":
        panel["session_date"] = pd.array(panel["session_date"], dtype=pd.ArrowDtype(pa.date32()))
        panel["instrument_id"] = panel["instrument_id"].astype("category")
    else:
        panel["session_date"] = pd.to_datetime(panel["session_date"]).astype(as_type)
    pd.testing.assert_frame_equal(measure_sessions(panel, [LAST]), expected)


def test_nothing_asked_and_nothing_there_give_an_empty_table() -> None:
    panel = rows("A", history(90))
    for table in (
        measure_sessions(panel, []),
        measure_sessions(panel.iloc[:0], [LAST]),
        measure_sessions(panel, [date(2020, 1, 2)]),
    ):
        assert table.empty
        assert tuple(table.columns) == LIQUIDITY_MEASURES.column_names


def test_broken_panels_are_refused() -> None:
    panel = rows("A", history(30))
    with pytest.raises(ContractError, match="turnover_ccy"):
        measure_sessions(panel.drop(columns="turnover_ccy"), [LAST])
    with pytest.raises(ContractError, match="two rows on one day"):
        measure_sessions(pd.concat([panel, panel]), [LAST])
    with pytest.raises(ContractError, match="instrument_id"):
        measure_sessions(panel.assign(instrument_id=[None, *["A"] * (len(panel) - 1)]), [LAST])
    with pytest.raises(ContractError, match="session_date"):
        measure_sessions(panel.assign(session_date=[None, *history(30)[1:]]), [LAST])


def test_the_first_weeks_that_the_calendars_know_can_be_measured() -> None:
    early = sessions_between("XNYS", date(1998, 1, 2), date(1998, 2, 13))
    table = measure_sessions(rows("OLD", early), early[-1:])
    assert value_of(table, "OLD", "amihud")["observations_n"] > 8


def test_no_row_of_known_calendars_and_names_gives_no_measure() -> None:
    panel = rows("A", history(20)).astype({"instrument_id": "category", "calendar": "category"})
    for nothing in (panel.iloc[:0], panel[panel["session_date"] < LAST - timedelta(days=200)]):
        assert measure_sessions(nothing, [LAST]).empty
    assert measure_sessions(panel, [LAST + timedelta(days=400)]).empty
