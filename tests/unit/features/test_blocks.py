"""Any cut of the market into blocks of instruments gives the same feature tables."""

from datetime import date, timedelta

import pandas as pd
import pytest

from liquidity.contracts import SIGNAL_PANEL
from liquidity.contracts.conform import frame_from_table, table_from_frame
from liquidity.features.assemble import liquidity_features
from liquidity.features.blocks import PANEL_INPUTS, PAST_INPUTS, feature_tables
from liquidity.features.panel import build_signal_panel
from liquidity.features.rolling import rolling_statistics
from liquidity.measures import measure_sessions
from liquidity.simulation import MarketConfig, simulate_market
from resources.feeds.adapters import collect_signals
from resources.lake import History, Lake

LAST = date(2026, 3, 19)
FIRST = LAST - timedelta(days=59)
TABLES = ("instruments", "microstructure", "alt_signals", "auction_mm", "sentiment")


class OneDay:
    """A feed over one simulated day."""

    name = "simulated"

    def __init__(self, day):
        self.day, self.tables, self.asset_classes = day, tuple(day.tables), ("bond_corporate", "crypto_spot")

    def sessions(self):
        return [self.day.session_date]

    def fetch(self, table, start, end):
        rows = self.day.tables[table]
        return rows if start <= self.day.session_date <= end else rows.iloc[:0]


@pytest.fixture(scope="module")
def panel():
    days = []
    for day in simulate_market(MarketConfig.sized(30), FIRST, LAST):
        tables = collect_signals([OneDay(day)], day.session_date, day.session_date)
        days.append(build_signal_panel(*(tables[name] for name in TABLES)))
    return pd.concat(days, ignore_index=True)


def cut(panel, instruments_n):
    names = sorted(panel["instrument_id"].unique())
    for first in range(0, len(names), instruments_n):
        yield panel[panel["instrument_id"].isin(names[first : first + instruments_n])].reset_index(drop=True)


@pytest.mark.feature("BX-FE-01")
@pytest.mark.parametrize("instruments_n", [1, 7, 1000])
@pytest.mark.parametrize("sessions", [[LAST], [LAST - timedelta(days=1), LAST]])
def test_blocks_of_any_size_give_the_tables_of_the_whole_panel(panel, instruments_n, sessions):
    made = feature_tables(cut(panel, instruments_n), sessions)
    measures = measure_sessions(panel, sessions)
    pd.testing.assert_frame_equal(made.rolling, rolling_statistics(panel, sessions), check_exact=True)
    pd.testing.assert_frame_equal(made.measures, measures, check_exact=True)
    pd.testing.assert_frame_equal(made.features, liquidity_features(panel, measures, sessions), check_exact=True)


def test_no_block_gives_empty_tables():
    made = feature_tables([], [LAST])
    assert (len(made.rolling), len(made.measures), len(made.features)) == (0, 0, 0)


def test_a_history_read_in_blocks_from_the_lake_gives_the_same_tables(panel, tmp_path):
    lake = Lake(tmp_path)
    for moment, rows in panel.groupby("session_date"):
        lake.publish(SIGNAL_PANEL, moment.date(), rows)
    history = History(lake, SIGNAL_PANEL, FIRST, LAST, PANEL_INPUTS)
    blocks = list(history.blocks([LAST], instruments_n=9))
    today = panel[panel["session_date"] == pd.Timestamp(LAST)]
    names = [sorted(set(block.column("instrument_id").to_pylist())) for block in blocks]
    assert [name for each in names for name in each] == sorted(today["instrument_id"])
    assert [len(each) for each in names[:-1]] == [9] * (len(names) - 1)
    assert blocks[0].column_names == list(PANEL_INPUTS)
    made = feature_tables(map(frame_from_table, blocks), [LAST])
    expected = feature_tables([panel], [LAST])
    pd.testing.assert_frame_equal(made.rolling, expected.rolling)
    pd.testing.assert_frame_equal(made.features, expected.features)
    assert table_from_frame(panel, SIGNAL_PANEL).num_rows == len(panel)


@pytest.mark.parametrize("sessions", [[LAST], [LAST - timedelta(days=1), LAST]])
def test_less_of_the_past_than_of_the_sessions_gives_the_same_tables(panel, tmp_path, sessions, monkeypatch):
    monkeypatch.setattr("liquidity.features.blocks._SHARED_ROWS", 1)  # on two threads, as a large market is
    lake = Lake(tmp_path)
    for moment, rows in panel.groupby("session_date"):
        lake.publish(SIGNAL_PANEL, moment.date(), rows)
    frames = list(History(lake, SIGNAL_PANEL, FIRST, LAST, PANEL_INPUTS).frames(sessions, PAST_INPUTS, instruments_n=9))
    past = frames[0]["session_date"] < pd.Timestamp(sessions[0])
    assert past.any()
    assert list(frames[0].columns) == list(PANEL_INPUTS)
    assert frames[0].loc[past, "issuer_id"].isna().all()
    assert frames[0].loc[~past, "asset_class"].notna().all()
    made, expected = feature_tables(frames, sessions), feature_tables([panel], sessions)
    for name in ("rolling", "measures", "features"):
        pd.testing.assert_frame_equal(getattr(made, name), getattr(expected, name), check_exact=True)


def test_a_day_without_rows_gives_no_block(tmp_path):
    history = History(Lake(tmp_path), SIGNAL_PANEL, FIRST, LAST, PANEL_INPUTS)
    assert list(history.blocks([LAST])) == []
    assert list(history.frames([LAST], PAST_INPUTS)) == []


def test_with_previous_reads_each_instruments_newest_row_before_the_sessions(panel, tmp_path):
    lake, names = Lake(tmp_path), sorted(panel["instrument_id"].unique())
    resting = names[3]
    for moment, rows in panel.groupby("session_date"):
        day = moment.date()
        kept = rows[rows["instrument_id"] != resting] if LAST - timedelta(days=9) < day < LAST else rows
        lake.publish(SIGNAL_PANEL, day, kept)
    columns = ("session_date", "instrument_id", "close")
    table = History(lake, SIGNAL_PANEL, LAST - timedelta(days=20), LAST, columns).with_previous([LAST]).to_pandas()
    earlier = table[table["session_date"] < LAST]
    assert set(table.loc[table["session_date"] == LAST, "instrument_id"]) == set(
        panel.loc[panel["session_date"] == pd.Timestamp(LAST), "instrument_id"]
    )
    assert not earlier["instrument_id"].duplicated().any()
    assert set(earlier["instrument_id"]) <= set(table.loc[table["session_date"] == LAST, "instrument_id"])
    (newest,) = earlier.loc[earlier["instrument_id"] == resting, "session_date"]
    assert newest <= LAST - timedelta(days=9)
    assert table["session_date"].is_monotonic_increasing
