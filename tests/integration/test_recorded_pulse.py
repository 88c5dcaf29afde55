"""Known days of the recorded markets, from the files to the index: what fell must be seen to fall.

Everything is computed in memory: collect, panel, measures, features, scores. Numbers were counted here once and are
kept to 1e-6; a change of weights changes them on purpose.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.features.assemble import liquidity_features
from liquidity.features.panel import build_signal_panel
from liquidity.index.profiles import profiles_for
from liquidity.index.pulse_engine import ScoreTables, score_sessions
from liquidity.measures import measure_sessions
from resources.feeds import Feed, FeedRoots, open_feeds
from resources.feeds.adapters import collect

pytestmark = pytest.mark.real_data

HISTORY_DAYS = 90


@dataclass(frozen=True)
class Run:
    """Signals, features and scores of some sessions."""

    signals: dict[str, pd.DataFrame]
    features: pd.DataFrame
    scores: ScoreTables

    def medians(self, name: str) -> dict[str, float]:
        """Median over the instruments of each session: of a feature, or of ``liquidity_score``."""
        table = self.scores.liquidity if name == "liquidity_score" else self.features
        found = table.groupby("session_date")[name].median()
        return {day.date().isoformat(): float(value) for day, value in found.items()}

    def on(self, day: str) -> pd.DataFrame:
        """Scores of one session by instrument."""
        table = self.scores.liquidity
        return table[table["session_date"] == day].set_index("instrument_id")


@pytest.fixture(scope="module")
def feeds(real_data: Path) -> dict[str, Feed]:
    return {feed.name: feed for feed in open_feeds(FeedRoots(real_data, Path("/nonexistent")))}


def run(feed: Feed, *sessions: date) -> Run:
    first = min(sessions) - timedelta(days=HISTORY_DAYS - 1)
    signals = collect([feed], first, max(sessions)).tables
    panel = build_signal_panel(
        *(signals[name] for name in ("instruments", "microstructure", "alt_signals", "auction_mm", "sentiment"))
    )
    features = liquidity_features(panel, measure_sessions(panel, sessions), sessions)
    return Run(signals, features, score_sessions(features, profiles_for()))


@pytest.fixture(scope="module")
def treasuries(feeds: dict[str, Feed]) -> Run:
    return run(feeds["br_treasuries"], date(2026, 3, 18), date(2026, 3, 19), date(2026, 3, 24), date(2026, 8, 21))


@pytest.mark.feature("BX-SG-03", "BX-IX-01")
def test_the_dealer_outage_of_2026_03_19_is_a_fall_of_presence_and_of_the_index(treasuries: Run) -> None:
    presence, index = treasuries.medians("mm_online_ratio"), treasuries.medians("liquidity_score")
    assert presence["2026-03-18"] == presence["2026-03-24"] == 1.0
    assert presence["2026-03-19"] == pytest.approx(0.6244005641748942, abs=1e-6)
    assert index["2026-03-18"] == pytest.approx(87.88179367905525, abs=1e-6)
    assert index["2026-03-19"] == pytest.approx(56.39505240388428, abs=1e-6)
    assert index["2026-03-24"] == pytest.approx(88.50178777349942, abs=1e-6)
    before, during = treasuries.on("2026-03-18")["liquidity_score"], treasuries.on("2026-03-19")["liquidity_score"]
    fall = (before - during).sort_values()
    assert len(fall) == 32
    # The floating-rate bond's dealer stayed: it falls least, by its wider spread alone.
    assert fall.index[0] == "BVMF:LFT_20310301"
    assert fall.iloc[0] < 15 < 25 < fall.iloc[1]
    assert set(treasuries.on("2026-03-19")["method"]) == {"observed"}


def test_presence_is_unknown_where_no_pair_of_lists_was_seen_in_market_hours(treasuries: Run) -> None:
    """From the middle of May 2026 the lists were recorded before the open only: no presence, no score, a reason."""
    rows = treasuries.signals["auction_mm"]
    august = rows[rows["session_date"] >= "2026-08-01"]
    assert set(august["quality_rules"]) == {"outside_hours_snapshot"}
    assert august["mm_online_ratio"].isna().all()
    last = treasuries.on("2026-08-21")
    assert set(last["method"]) == {"insufficient_data"}
    assert last["liquidity_score"].isna().all()
    assert last["reason"].str.startswith("coverage 0.10 below 0.50; missing: mm_online_ratio").all()


@pytest.mark.feature("BX-IX-01")
def test_crypto_is_less_liquid_after_the_crash_of_2025_10_10(feeds: dict[str, Feed]) -> None:
    days = [date(2025, 10, day) for day in (*range(3, 11), *range(12, 19))]
    pairs = run(feeds["crypto_daily"], *days)
    index, turnover, impact = (
        pairs.medians(name) for name in ("liquidity_score", "turnover_ccy_own_rank_frac", "amihud_per_m_own_rank_frac")
    )
    # On the day itself record turnover hides what spreads and impact lose: whole weeks are compared.
    assert turnover["2025-10-10"] > 0.9
    assert impact["2025-10-10"] > impact["2025-10-09"] + 0.1
    before = np.mean([index[f"2025-10-{day:02d}"] for day in range(3, 10)])
    after = np.mean([index[f"2025-10-{day:02d}"] for day in range(12, 19)])
    assert before == pytest.approx(58.97631768831943, abs=1e-6)
    assert after == pytest.approx(52.15034878708635, abs=1e-6)
    assert before - after > 5


def test_pairs_that_ended_are_alive_for_ten_sessions_and_unscored(feeds: dict[str, Feed]) -> None:
    pairs = run(feeds["crypto_daily"], date(2026, 3, 1), date(2026, 3, 3))
    whole, last = pairs.on("2026-03-01"), pairs.on("2026-03-03")
    assert whole["liquidity_score"].notna().sum() == len(whole) == 39
    assert (len(last), int(last["liquidity_score"].notna().sum())) == (39, 14)
    gone = last[last["liquidity_score"].isna()]
    assert set(gone["method"]) == {"insufficient_data"}
    assert (gone["coverage_frac"] < 0.5).all()
    traded = pairs.signals["microstructure"]
    assert set(traded.loc[traded["session_date"] == "2026-03-03", "instrument_id"]) == set(last.index) - set(gone.index)


@pytest.mark.feature("BX-IX-01")
def test_us_equities_are_less_liquid_in_march_than_in_january_2020(feeds: dict[str, Feed]) -> None:
    calm, crisis = range(13, 18), range(16, 21)
    shares = run(
        feeds["us_equities_daily"],
        *(date(2020, 1, day) for day in calm),
        *(date(2020, 3, day) for day in crisis),
    )
    index, spread = shares.medians("liquidity_score"), shares.medians("spread_bps")
    assert [index["2020-01-15"], index["2020-03-18"]] == pytest.approx([65.50213675213675, 50.89453860640302], abs=1e-6)
    assert [spread["2020-01-15"], spread["2020-03-18"]] == pytest.approx(
        [37.2382572020518, 367.54777711623456], abs=1e-6
    )
    assert max(index[f"2020-03-{day}"] for day in crisis) < min(index[f"2020-01-{day}"] for day in calm) - 5


@pytest.mark.feature("BX-IX-13")
def test_bonds_of_one_day_of_trades_are_labelled_as_estimates(feeds: dict[str, Feed]) -> None:
    bonds = run(feeds["nse_corporate_bonds"], date(2025, 8, 20))
    assert set(bonds.signals["microstructure"]["quality_rules"]) == {"session_assumed"}
    table = bonds.on("2025-08-20")
    assert len(table) == 101
    assert set(table["method"]) == {"rule_based", "insufficient_data"}  # never observed: there is no quote and no past
    estimated = table["method"] == "rule_based"
    assert (table["liquidity_score"].notna() == estimated).all()
    assert (table.loc[estimated, "uncertainty_sd"] == 25.0).all()  # the prior: no known bond could be hidden
    assert table.loc[estimated, "reason"].str.endswith("error not measurable").all()
    assert (table["coverage_frac"] == 0.0).all()
    assert (table["drivers_json"] == "[]").all()
