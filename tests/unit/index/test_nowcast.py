"""The fast path: one instrument anew equals the whole session anew, and takes less than a second."""

import json
import time
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import EARLY_WARNINGS
from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.domain.errors import ContractError
from liquidity.features.blocks import feature_tables
from liquidity.features.panel import build_signal_panel
from liquidity.index import profiles_for
from liquidity.index.nowcast import nowcast, nowcast_document
from liquidity.index.pulse_document import PulseMeta, pulse_documents
from liquidity.index.pulse_engine import score_sessions
from liquidity.simulation import MarketConfig, simulate_market
from resources.feeds.adapters import collect_signals

SESSION = date(2026, 3, 19)
TABLES = ("instruments", "microstructure", "alt_signals", "auction_mm", "sentiment")
SCORES = ("liquidity", "repayment", "bondx")


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
def market():
    """60 bonds and 13 crypto pairs: 45 days of panels, the last day's signals, and its features as the batch made them."""
    panels, tables = [], {}
    for day in simulate_market(MarketConfig.sized(60), SESSION - timedelta(days=44), SESSION):
        tables = collect_signals([OneDay(day)], day.session_date, day.session_date)
        panels.append(build_signal_panel(*(tables[name] for name in TABLES)))
    panel = pd.concat(panels, ignore_index=True)
    features = feature_tables([panel], [SESSION]).features
    return SimpleNamespace(panel=panel, signals=tables, features=features, profiles=dict(profiles_for()))


def requoted(market, name, spread_bps):
    """The panel with another spread of one instrument today, made from its signals, and its own rows of it."""
    signals = {table: rows[rows["instrument_id"] == name] for table, rows in market.signals.items() if table in TABLES}
    signals["microstructure"] = signals["microstructure"].assign(quoted_spread_bps=spread_bps)
    newest = build_signal_panel(*(signals[table] for table in TABLES))
    today = market.panel["session_date"] == pd.Timestamp(SESSION)
    mine = market.panel["instrument_id"] == name
    panel = pd.concat([market.panel[~(today & mine)], newest]).sort_values(
        ["session_date", "instrument_id"], ignore_index=True
    )
    return panel, panel[panel["instrument_id"] == name].reset_index(drop=True)


@pytest.mark.feature("BX-SG-07")
@pytest.mark.parametrize(("place", "spread_bps"), [(0, 12.0), (17, 400.0), (59, 80.0), (-1, 3.0)])
def test_one_instrument_anew_equals_the_whole_session_anew(market, place, spread_bps):
    name = market.features["instrument_id"].iloc[place]
    panel, own = requoted(market, name, spread_bps)
    whole_features = feature_tables([panel], [SESSION]).features
    whole = score_sessions(whole_features, market.profiles)

    now = nowcast(own, market.features, market.profiles)

    pd.testing.assert_frame_equal(now.features, whole_features)
    at = np.flatnonzero(whole_features["instrument_id"] == name)
    for table in SCORES:
        expected = getattr(whole, table).iloc[at].reset_index(drop=True)
        pd.testing.assert_frame_equal(getattr(now.scores, table).reset_index(drop=True), expected)
    status, warnings = market.signals["signal_status"], frame_from_table(empty_table(EARLY_WARNINGS))
    meta = PulseMeta(market.profiles, "test")
    batch = pulse_documents(whole.liquidity, whole.repayment, whole.bondx, whole_features, None, warnings, status, meta)
    document = nowcast_document(now, None, warnings, status, meta)
    assert json.loads(document["document"].iloc[0]) == json.loads(batch["document"].iloc[int(at[0])])


def test_a_new_instrument_takes_its_place_among_its_peers(market):
    name = market.features["instrument_id"].iloc[5]
    _, own = requoted(market, name, 25.0)
    others = market.features[market.features["instrument_id"] != name].reset_index(drop=True)
    now = nowcast(own, others, market.profiles)
    assert now.features["instrument_id"].tolist() == market.features["instrument_id"].tolist()
    assert now.row["spread_bps"].tolist() == [25.0]


def test_two_instruments_or_another_session_are_refused(market):
    with pytest.raises(ContractError, match="exactly one"):
        nowcast(market.panel, market.features, market.profiles)
    name = market.features["instrument_id"].iloc[0]
    _, own = requoted(market, name, 25.0)
    with pytest.raises(ContractError, match="the newest panel row is of"):
        nowcast(own[own["session_date"] < pd.Timestamp(SESSION)], market.features, market.profiles)


@pytest.mark.feature("BX-SG-07")
def test_a_quote_becomes_a_document_in_less_than_a_second(market):
    status, warnings = market.signals["signal_status"], frame_from_table(empty_table(EARLY_WARNINGS))
    names = market.features["instrument_id"].tolist()
    features, seconds = market.features, []
    for event in range(30):
        name = names[event % len(names)]
        _, history = requoted(market, name, 10.0 + event)
        arrived = time.perf_counter()
        now = nowcast(history, features, market.profiles)
        document = nowcast_document(now, None, warnings, status, PulseMeta(market.profiles, "test"))["document"].iloc[0]
        seconds.append(time.perf_counter() - arrived)
        features = now.features
        assert json.loads(document)["instrument_id"] == name
    assert np.quantile(seconds, 0.95) < 1.0
