"""Which days the tour ingests and computes, and what it remembers having done."""

import json
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ContractError
from liquidity.domain.session import sessions_between
from liquidity.forecast.horizons import HORIZONS
from liquidity_service.tour import (
    LOOKBACK,
    DayRange,
    _clusters,
    _cut,
    _Done,
    _fingerprint,
    _merge,
    _plan,
    plan_ranges,
    run_tour,
    shares,
    simulation_config,
)
from resources.settings import load_settings

EPOCH = date(2010, 1, 4)
offsets = st.sets(st.integers(0, 4000), max_size=60)
feeds = st.lists(offsets.map(lambda numbers: [EPOCH + timedelta(days=n) for n in sorted(numbers)]), max_size=4)


def days_of(ranges):
    return [each.start + timedelta(days=k) for each in ranges for k in range((each.end - each.start).days + 1)]


@settings(max_examples=150, deadline=None)
@given(feeds, st.integers(1, 40))
def test_the_last_sessions_of_each_feed_are_covered_with_their_past(sessions_by_feed, sessions):
    ingest, compute = plan_ranges(sessions_by_feed, sessions)
    for ranges in (ingest, compute):
        days = days_of(ranges)
        assert days == sorted(set(days))  # ascending and disjoint
        assert all(later.start > earlier.end + timedelta(days=1) for earlier, later in pairwise(ranges))
    ingested, computed = set(days_of(ingest)), set(days_of(compute))
    for days in sessions_by_feed:
        assert set(days[-sessions:]) <= computed
    for each in compute:
        assert each.start - LOOKBACK in ingested
        assert {each.start - timedelta(days=k) for k in range(90)} <= ingested
    wanted = {day for days in sessions_by_feed for day in days[-sessions:]}
    # Nothing far from a wanted session is computed.
    assert all(min(abs((day - one).days) for one in wanted) <= 7 for day in computed)


@settings(max_examples=100, deadline=None)
@given(offsets)
def test_clusters_part_at_long_rests_only(numbers):
    days = [EPOCH + timedelta(days=n) for n in sorted(numbers)]
    clusters = list(_clusters(days))
    assert all(each.start in days and each.end in days for each in clusters)
    assert set(days) <= set(days_of(clusters))
    assert all((later.start - earlier.end).days > 14 for earlier, later in pairwise(clusters))
    gaps = [(b - a).days for a, b in pairwise(days)]
    assert len(clusters) == (1 + sum(gap > 14 for gap in gaps) if days else 0)


ranges = st.tuples(st.integers(0, 3000), st.integers(0, 900)).map(
    lambda pair: DayRange(EPOCH + timedelta(days=pair[0]), EPOCH + timedelta(days=sum(pair)))
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ranges, max_size=8))
def test_merging_keeps_every_day_once(given_ranges):
    assert days_of(_merge(given_ranges)) == sorted(set(days_of(given_ranges)))


@settings(max_examples=50, deadline=None)
@given(ranges)
def test_cutting_keeps_every_day_in_pieces_of_bounded_length(whole):
    pieces = _cut(whole)
    assert days_of(pieces) == days_of([whole])
    assert all((piece.end - piece.start).days <= 200 for piece in pieces)


class Markets:
    """A feed that only tells its days."""

    def __init__(self, name, days, tables=("instruments",)):
        self.name, self._days, self.tables = name, days, tables

    def sessions(self):
        return self._days


def test_plan_ingests_before_it_computes_and_ignores_feeds_without_instruments():
    market = Markets("a", [date(2026, 3, 18), date(2026, 3, 19)])
    macro = Markets("b", [date(1999, 1, 4)], ("macro_series",))
    assert _plan([market, macro], 1) == [
        {"job": "collect_signals", "start": "2025-12-20", "end": "2026-03-19"},
        {"job": "features_to_pulse", "start": "2026-03-19", "end": "2026-03-19"},
        {"job": "portfolio_risk", "start": "2026-03-19", "end": "2026-03-19"},
    ]


def test_portfolios_are_stated_for_all_days_read_and_measured_on_the_newest():
    landed = [date(2026, 3, 1) + timedelta(days=k) for k in range(19)]
    recorded = [date(2021, 3, 30), date(2021, 3, 31)]
    plan = _plan([Markets("landing", landed), Markets("us", recorded)], 5)
    steps = [(step["job"], step["start"], step["end"]) for step in plan if step["job"].startswith("portfolio")]
    assert steps == [
        ("portfolio_statements", "2025-12-16", "2026-03-19"),
        ("portfolio_risk", "2021-03-31", "2021-03-31"),
        ("portfolio_risk", "2026-03-17", "2026-03-19"),
    ]
    computed = [step for step in plan if step["job"] == "features_to_pulse"]
    assert all(any(each["start"] <= start and end <= each["end"] for each in computed) for job, start, end in steps[1:])


def test_forecasts_are_trained_before_the_last_ten_days_which_then_judge_them():
    days = [date(2026, 6, 1) + timedelta(days=k) for k in range(172)]
    plan = _plan([Markets("landing", days)], 30)
    assert [step["job"] for step in plan] == [
        "collect_signals",
        "features_to_pulse",
        "train_forecasts",
        "features_to_pulse",
        "portfolio_statements",
        "portfolio_risk",
    ]
    before, trained, after = plan[1:4]
    assert (before["start"], before["end"]) == ("2026-09-01", "2026-11-09")  # eighty days, less ten
    assert (trained["start"], trained["end"]) == ("2026-11-09", "2026-11-09")
    assert (after["start"], after["end"]) == ("2026-11-10", "2026-11-19")
    config = trained["config"]["ops"]["forecast_training"]["config"]
    blocks = config["blocks"] * config["block_sessions"]
    needed = config["min_train_sessions"] + HORIZONS[-1] + config["embargo_sessions"] + blocks
    # Bonds rest at weekends and on holidays, so the days of a market are not its sessions.
    bonds = sessions_between("XBOM", date.fromisoformat(before["start"]), date.fromisoformat(before["end"]))
    assert len(bonds) >= needed
    assert (config["blocks"] - 1) * config["block_sessions"] >= config[
        "min_sessions"
    ]  # the first block calibrates only


def test_a_market_too_short_to_learn_from_is_not_trained():
    days = [date(2026, 6, 1) + timedelta(days=k) for k in range(172)]
    assert "train_forecasts" not in {step["job"] for step in _plan([Markets("landing", days)], 29)}
    assert "train_forecasts" not in {step["job"] for step in _plan([Markets("landing", days[-35:])], 30)}


def test_nothing_to_do_is_said_and_not_done(tmp_path):
    with pytest.raises(ContractError, match="no feed has a session: simulate a market"):
        _plan([Markets("a", [])], 30)
    settings = load_settings(data_dir=tmp_path / "data", real_data=None)
    with pytest.raises(ContractError, match="no feed has a session"):
        run_tour(settings, sessions=30, simulation=False, again=False)


def test_done_steps_are_remembered_for_the_same_inputs_only(tmp_path):
    path = tmp_path / "tour.json"
    first, second = ({"job": "j", "start": day, "end": day} for day in ("2026-03-18", "2026-03-19"))
    done = _Done.load(path, "one")
    assert done.steps == []
    done.add(first)
    done.add(second)
    assert _Done.load(path, "one").steps == [first, second]
    assert _Done.load(path, "other").steps == []
    assert json.loads(path.read_text())["fingerprint"] == "one"
    assert [each.name for each in tmp_path.iterdir()] == ["tour.json"]


def test_fingerprint_follows_the_input_files(tmp_path):
    settings = load_settings(data_dir=tmp_path, real_data=tmp_path / "recorded")
    empty = _fingerprint(settings)
    assert _fingerprint(settings) == empty
    (tmp_path / "landing" / "sentiment").mkdir(parents=True)
    (tmp_path / "landing" / "sentiment" / "day.csv").write_text("a\n")
    one = _fingerprint(settings)
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recorded" / "bars.parquet").write_bytes(b"x")
    assert len({empty, one, _fingerprint(settings)}) == 3
    assert _fingerprint(load_settings(data_dir=tmp_path, lake_dir=tmp_path / "other")) not in (empty, one)


def test_simulated_market_is_that_of_the_settings_unless_told_otherwise():
    settings = load_settings(simulate_bonds=40, simulate_seed=3)
    assert (simulation_config(settings).bonds, simulation_config(settings).seed) == (40, 3)
    changed = simulation_config(settings, bonds=7, seed=0)
    assert (changed.bonds, changed.seed, changed.issuers) == (7, 0, 2)


def _step(job: str, start: str, end: str) -> dict[str, str]:
    return {"job": job, "start": start, "end": end}


def test_ranges_that_early_warnings_look_across_stay_in_order_on_one_worker() -> None:
    steps = [
        _step("features_to_pulse", "2018-04-04", "2018-04-06"),
        _step("features_to_pulse", "2025-08-20", "2025-08-20"),
        _step("features_to_pulse", "2026-01-01", "2026-01-01"),
        _step("features_to_pulse", "2026-02-02", "2026-03-03"),
        _step("features_to_pulse", "2026-07-02", "2026-08-21"),
    ]
    dealt = shares(steps, 2)
    assert sorted(step["start"] for share in dealt for step in share) == [step["start"] for step in steps]
    together = next(share for share in dealt if steps[2] in share)
    assert together[together.index(steps[2]) + 1] is steps[3]


def test_ingestion_is_dealt_out_evenly_and_no_worker_is_idle() -> None:
    steps = [_step("collect_signals", f"2026-0{month}-01", f"2026-0{month}-20") for month in range(1, 8)]
    assert [len(share) for share in shares(steps, 2)] == [4, 3]
    assert len(shares(steps[:1], 2)) == 1
