"""The past decides, through the whole pipeline: what is delivered after a day changes nothing that the day says."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd
import pytest

from liquidity.contracts import ALL_CONTRACTS, INSTRUMENTS, SIGNAL_STATUS
from liquidity.contracts.conform import frame_from_table, table_from_frame
from liquidity.features.assemble import liquidity_features
from liquidity.features.panel import build_signal_panel
from liquidity.features.rolling import rolling_statistics
from liquidity.index.configuration import run_configurations
from liquidity.index.early_warning import early_warnings
from liquidity.index.heatmap import sector_heatmap
from liquidity.index.profiles import profiles_for
from liquidity.index.pulse_engine import ScoreTables, document_sessions, score_sessions
from liquidity.index.thresholds import PulseThresholds
from liquidity.measures import MEASURES, measure_sessions
from liquidity.simulation import SIMULATED_CONTRACTS, MarketConfig, simulate_market
from resources.feeds.adapters import collect_signals

FIRST = date(2025, 6, 2)
LAST = FIRST + timedelta(days=112)
# First weeks; the day all dealers are away; the eve and the start of an issuer crisis; a Sunday, when only coins trade.
CUTS = [date(2025, 6, 20), date(2025, 8, 26), date(2025, 9, 8), date(2025, 9, 10), date(2025, 9, 14)]
SCORED_DAYS = 6
CONTRACTS = {contract.name: contract for contract in ALL_CONTRACTS}


@dataclass(frozen=True)
class Delivered:
    """A feed that has delivered everything up to a day."""

    tables_by_name: dict
    until: date
    name: str = "simulated"
    asset_classes: tuple = ("bond_corporate", "bond_sovereign", "crypto_spot", "crypto_perp")
    tables: tuple = tuple(SIMULATED_CONTRACTS)

    def sessions(self):
        return sorted({stamp.date() for stamp in self.tables_by_name[INSTRUMENTS.name]["session_date"]})

    def fetch(self, table, start, end):
        rows = self.tables_by_name[table]
        inside = (rows["session_date"] >= pd.Timestamp(start)) & (
            rows["session_date"] <= pd.Timestamp(min(end, self.until))
        )
        return rows[inside].reset_index(drop=True)


@pytest.fixture(scope="module")
def market():
    config = replace(MarketConfig.sized(24, 33), crypto_coins=3, crypto_perps=1)
    days = [day.tables for day in simulate_market(config, FIRST, LAST)]
    whole = {}
    for name in SIMULATED_CONTRACTS:
        rows = pd.concat([tables[name] for tables in days if len(tables[name])], ignore_index=True)
        whole[name] = rows.assign(session_date=pd.to_datetime(rows["session_date"]).astype("datetime64[us]"))
    return whole


def stored(table, name):
    """The table as the next step reads it."""
    return frame_from_table(table_from_frame(table, CONTRACTS[name]))


def answers(market, until, session):
    """Every table of the last sessions to one, computed by somebody to whom everything up to ``until`` was delivered."""
    signals = collect_signals([Delivered(market, until)], FIRST, until)
    tables = {name: stored(table, name) for name, table in signals.items()}
    panel = tables["signal_panel"] = stored(
        build_signal_panel(
            *(tables[name] for name in ("instruments", "microstructure", "alt_signals", "auction_mm", "sentiment"))
        ),
        "signal_panel",
    )
    sessions = [session - timedelta(days=k) for k in range(SCORED_DAYS)][::-1]
    tables["rolling_statistics"] = stored(rolling_statistics(panel, sessions), "rolling_statistics")
    tables["liquidity_measures"] = stored(measure_sessions(panel, sessions), "liquidity_measures")
    features = stored(liquidity_features(panel, tables["liquidity_measures"], sessions), "liquidity_features")
    thresholds, profiles = PulseThresholds(), profiles_for()
    scores = score_sessions(features, profiles, thresholds)
    scores = ScoreTables(
        stored(scores.liquidity, "liquidity_index"),
        stored(scores.repayment, "repayment_support"),
        stored(scores.bondx, "bondx_score"),
    )
    warnings = stored(early_warnings(scores.liquidity, sessions, thresholds), "early_warnings")
    documents = document_sessions(
        scores, features, warnings, tables[SIGNAL_STATUS.name], sessions, run_configurations(profiles, thresholds), "x"
    )
    tables[SIGNAL_STATUS.name] = tables[SIGNAL_STATUS.name].drop(columns="collect_seconds")
    return tables | {
        "liquidity_features": features,
        "liquidity_index": scores.liquidity,
        "repayment_support": scores.repayment,
        "bondx_score": scores.bondx,
        "pulse_heatmap": stored(sector_heatmap(scores.liquidity, scores.bondx, features, thresholds), "pulse_heatmap"),
        "early_warnings": warnings,
        "liquidity_pulse": documents[session],
    }


@pytest.fixture(scope="module")
def hindsight(market):
    """The same sessions, computed at the end of the market."""
    return {cut: answers(market, LAST, cut) for cut in CUTS}


@pytest.mark.slow
@pytest.mark.feature("BX-FE-01", "BX-FE-02")
@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_dropping_the_future_changes_no_table_of_the_day(market, hindsight, cut):
    known_then = answers(market, cut, cut)
    assert set(known_then) == set(hindsight[cut])
    for name, then in known_then.items():
        later = hindsight[cut][name]
        mine = later[later["session_date"] <= pd.Timestamp(cut)].reset_index(drop=True)
        # Counts without a gap are read as integers, so the type of a column may tell of other days; its values may not.
        pd.testing.assert_frame_equal(mine, then.reset_index(drop=True), check_exact=True, check_dtype=False, obj=name)
        assert (then["session_date"] <= pd.Timestamp(cut)).all(), name
    assert set(known_then["liquidity_measures"]["measure"]) == {measure.name for measure in MEASURES}
    assert known_then["liquidity_index"]["liquidity_score"].notna().sum() > 0
    assert len(known_then["liquidity_pulse"]) == (4 if cut.weekday() == 6 else 28)


@pytest.mark.slow
def test_there_is_a_future_to_drop(hindsight):
    for cut in CUTS:
        assert hindsight[cut]["signal_panel"]["session_date"].max() == pd.Timestamp(LAST)
    # Of order books: test_crypto_assets.py; of forecasts: test_forecasts.py; of regimes: tests/unit/forecast/test_regime.py.
    elsewhere = ("crypto", "forecasts", "validation")
    daily = {each.name for each in ALL_CONTRACTS if each.location == "pulse" and each.group not in elsewhere}
    assert set(hindsight[CUTS[-1]]) == daily
    assert any(len(hindsight[cut]["early_warnings"]) for cut in CUTS)
