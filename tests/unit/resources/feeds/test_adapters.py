"""The adapter kit: concurrency, degradation, ages, coverage, duplicates, closed days."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.signals import ALT_SIGNALS, AUCTION_MM, INSTRUMENTS, MICROSTRUCTURE, SENTIMENT, SIGNAL_STATUS
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError, ContractError
from resources.feeds import Feed
from resources.feeds._delivered_rows import merge_instruments
from resources.feeds._feed import FEED_TABLES
from resources.feeds._recording import contract_rows
from resources.feeds.adapters import ADAPTERS, Delivery, SignalAdapter, collect_signals

DAY = date(2026, 3, 19)
IDS = [f"BVMF:BOND_{number:02d}" for number in range(20)]
SIGNALS = ("alt_signals", "microstructure", "auction_mm", "sentiment")


@dataclass
class BondFeed:
    """Twenty bonds; every adapter has a row for each, observed an hour before the close of 21:00 UTC."""

    name: str = "bonds"
    tables: tuple[str, ...] = ("instruments", *SIGNALS)
    asset_classes: tuple[str, ...] = ("bond_corporate",)
    days: tuple[date, ...] = (DAY,)
    wait_s: float = 0.0
    fails: dict[str, Exception] = field(default_factory=dict)
    without: dict[str, set[str]] = field(default_factory=dict)
    calendar: str = "BVMF"
    observed: str = "20:00"

    def sessions(self) -> list[date]:
        return list(self.days)

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        if table in self.fails:
            raise self.fails[table]
        if table != "instruments":
            time.sleep(self.wait_s)
        ids = [name for name in IDS if name not in self.without.get(table, set())]
        days = [day for day in self.days if start <= day <= end]
        grid = pd.MultiIndex.from_product([pd.to_datetime(days).astype("datetime64[us]"), ids]).to_frame(index=False)
        at = pd.to_datetime(grid[0].dt.strftime(f"%Y-%m-%d {self.observed}")).dt.tz_localize("UTC")
        key = {"session_date": grid[0], "instrument_id": grid[1]}
        if table == "instruments":
            facts = {"asset_class": "bond_corporate", "issuer_id": "A", "currency": "BRL", "calendar": self.calendar}
            return contract_rows(INSTRUMENTS, {**key, **facts, "source": self.name})
        facts = {
            "microstructure": {
                "venue": "desk",
                "bid": 99.0,
                "ask": 101.0,
                "quoted_spread_bps": 200.0,
                "spread_method": "closing_quote",
            },
            "alt_signals": {"kind": "traffic", "issuer_id": "A", "value": 100.0, "unit": "index_100"},
            "auction_mm": {"mm_online_ratio": 0.75},
            "sentiment": {"sentiment_score": 0.1, "buzz_volume": 3.0, "topics": ""},
        }[table]
        return contract_rows(
            FEED_TABLES[table], {**key, **facts, "observed_at": at, "known_at": at, "source": self.name}
        )


def status_of(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return tables["signal_status"].set_index("adapter")


def test_whole_delivery_is_active_and_valid() -> None:
    got = collect_signals([BondFeed()], DAY, DAY)
    status = status_of(got)
    assert status["state"].tolist() == ["active"] * 4
    assert status["coverage_frac"].tolist() == [1.0] * 4
    assert status["quality_frac"].tolist() == [1.0] * 4
    assert (status["detail"] == "").all()
    for name, rows in got.items():
        contract = FEED_TABLES.get(name, SIGNAL_STATUS)
        assert audit(table_from_frame(rows, contract), contract, DAY).violations == ()
    assert np.allclose(got["microstructure"]["age_market_s"], 3600.0)
    assert set(got["microstructure"]["source"]) == {"bonds"}


@pytest.mark.feature("BX-SG-06")
def test_four_slow_adapters_run_at_once() -> None:
    begun = time.perf_counter()
    got = collect_signals([BondFeed(wait_s=2.0)], DAY, DAY)
    assert time.perf_counter() - begun < 7.0  # one after the other they need more than 8 s
    assert status_of(got)["state"].tolist() == ["active"] * 4
    assert (status_of(got)["collect_seconds"] >= 2.0).all()


@pytest.mark.feature("BX-SG-05")
@pytest.mark.parametrize("broken", SIGNALS)
def test_one_adapter_that_raises_leaves_the_others(broken: str) -> None:
    got = collect_signals([BondFeed(fails={broken: ConnectionError("vendor is down")})], DAY, DAY)
    status = status_of(got)
    assert status.loc[broken, "state"] == "error"
    assert status.loc[broken, "detail"] == "feed bonds: ConnectionError: vendor is down"
    assert status.loc[broken, ["rows_count", "missing_count", "coverage_frac"]].tolist() == [0, 20, 0.0]
    assert np.isnan(status.loc[broken, "quality_frac"])
    assert set(status.drop(index=broken)["state"]) == {"active"}
    assert got[broken].empty
    assert list(got[broken].columns) == list(FEED_TABLES[broken].column_names)


@dataclass(frozen=True)
class HangingAdapter:
    name: str = "sentiment"
    contract = SENTIMENT
    asset_classes: tuple[str, ...] = ("bond_corporate",)

    def collect(self, feeds: Sequence[Feed], start: date, end: date) -> Delivery:
        time.sleep(1.0)
        raise AssertionError("nobody waits for this")


@dataclass(frozen=True)
class RaisingAdapter(HangingAdapter):
    def collect(self, feeds: Sequence[Feed], start: date, end: date) -> Delivery:
        raise KeyError("no such story")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.feature("BX-SG-05")
def test_an_adapter_that_hangs_or_raises_is_in_error() -> None:
    three = [adapter for adapter in ADAPTERS if adapter.name != "sentiment"]
    late = status_of(collect_signals([BondFeed()], DAY, DAY, timeout_s=0.3, adapters=[*three, HangingAdapter()]))
    assert late.loc["sentiment", ["state", "detail"]].tolist() == ["error", "TimeoutError: not back within 0.3 s"]
    raised = status_of(collect_signals([BondFeed()], DAY, DAY, adapters=[*three, RaisingAdapter()]))
    assert raised.loc["sentiment", ["state", "detail"]].tolist() == ["error", "KeyError: 'no such story'"]
    assert set(late.drop(index="sentiment")["state"]) == set(raised.drop(index="sentiment")["state"]) == {"active"}


def test_one_feed_that_raises_leaves_the_others_rows() -> None:
    other = BondFeed(name="other", tables=("microstructure",), fails={"microstructure": OSError("disk")})
    status = status_of(collect_signals([other, BondFeed()], DAY, DAY))
    assert status.loc["microstructure", ["state", "rows_count"]].tolist() == ["degraded", 20]
    assert status.loc["microstructure", "detail"] == "feed other: OSError: disk"


@pytest.mark.feature("BX-SG-10")
def test_missing_auction_rows_are_listed() -> None:
    gone = {"BVMF:BOND_03", "BVMF:BOND_11", "BVMF:BOND_17"}
    status = status_of(collect_signals([BondFeed(without={"auction_mm": gone})], DAY, DAY))
    auction = status.loc["auction_mm"]
    assert auction["coverage_frac"] == pytest.approx(0.85)
    assert auction["missing_count"] == 3
    assert auction["missing_ids"] == "BVMF:BOND_03,BVMF:BOND_11,BVMF:BOND_17"
    assert auction["state"] == "degraded"
    assert status.loc["microstructure", "coverage_frac"] == 1.0


def test_expected_instruments_can_be_given() -> None:
    expected = {"auction_mm": ["BVMF:BOND_00", "BVMF:ELSEWHERE"]}
    status = status_of(collect_signals([BondFeed()], DAY, DAY, expected=expected))
    assert status.loc["auction_mm", ["coverage_frac", "missing_ids"]].tolist() == [0.5, "BVMF:ELSEWHERE"]


def test_a_weekend_is_closed_not_missing() -> None:
    got = collect_signals([BondFeed()], date(2026, 3, 21), date(2026, 3, 22))
    assert set(got["signal_status"]["state"]) == {"closed"}
    assert got["signal_status"]["coverage_frac"].isna().all()
    assert got["instruments"].empty
    quiet = collect_signals([BondFeed(tables=("instruments", "microstructure"))], DAY, DAY)
    assert status_of(quiet).loc["sentiment", ["state", "missing_count"]].tolist() == ["missing", 20]


@pytest.mark.feature("BX-SG-09")
def test_nights_and_weekends_do_not_age_bonds() -> None:
    friday_row = BondFeed(days=(date(2026, 3, 20),), observed="20:00")
    friday = collect_signals([friday_row], date(2026, 3, 20), date(2026, 3, 20))["microstructure"]
    assert np.allclose(friday["age_market_s"], 3600.0)
    crypto = BondFeed(calendar="24/7")
    always = collect_signals([crypto], DAY, DAY)["microstructure"]
    assert np.allclose(always["age_market_s"], 4 * 3600.0)


def test_a_row_of_two_feeds_is_kept_from_the_first_by_name() -> None:
    first, second = BondFeed(name="a_feed"), BondFeed(name="b_feed")
    got = collect_signals([second, first], DAY, DAY)
    assert set(got["microstructure"]["source"]) == {"a_feed"}
    assert set(got["microstructure"]["quality_rules"]) == {"duplicate_key"}
    assert "20 rows delivered twice" in status_of(got).loc["microstructure", "detail"]
    assert len(got["instruments"]) == 20


def test_conflicting_instruments_are_flagged() -> None:
    rows = BondFeed().fetch("instruments", DAY, DAY)
    merged, conflicts = merge_instruments(
        pd.concat([rows, rows.assign(currency="USD").iloc[:2], rows.assign(rating="AA").iloc[5:7]])
    )
    assert len(merged) == 20
    assert set(merged["currency"]) == {"BRL"}
    assert conflicts["instrument_id"].tolist() == IDS[:2]
    other = BondFeed(name="z", calendar="24/7", tables=("instruments",))
    got = collect_signals([BondFeed(), other], DAY, DAY)
    assert set(got["sentiment"]["quality_rules"]) == {"instrument_conflict"}


def test_unlisted_instruments_are_left_out_and_counted() -> None:
    got = collect_signals([BondFeed(without={"instruments": {IDS[0]}})], DAY, DAY)
    assert len(got["microstructure"]) == 19
    assert "1 rows left out: instrument not listed" in status_of(got).loc["microstructure", "detail"]


@dataclass
class SkewedFeed(BondFeed):
    ahead_s: float = 1.27

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        rows = super().fetch(table, start, end)
        if table == "microstructure":
            rows["known_at"] = rows["observed_at"] - pd.Timedelta(seconds=self.ahead_s)
        return rows


def test_clock_skew_of_seconds_is_answered_and_more_is_refused() -> None:
    rows = collect_signals([SkewedFeed()], DAY, DAY)["microstructure"]
    assert set(rows["quality_rules"]) == {"clock_skew"}
    assert (rows["known_at"] == rows["observed_at"]).all()
    later = collect_signals([SkewedFeed(ahead_s=60.0)], DAY, DAY)["microstructure"]
    with pytest.raises(ContractError, match="20 of 20 rows known_before_observed"):
        audit(table_from_frame(later, MICROSTRUCTURE), MICROSTRUCTURE, DAY)


def test_a_range_is_the_union_of_its_days() -> None:
    feed = BondFeed(days=(date(2026, 3, 18), DAY, date(2026, 3, 20)))
    whole = collect_signals([feed], date(2026, 3, 18), date(2026, 3, 20))
    for table in ("instruments", *SIGNALS):
        days = [collect_signals([feed], day, day)[table] for day in feed.days]
        pd.testing.assert_frame_equal(whole[table], pd.concat(days, ignore_index=True))


def test_a_backward_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="before start"):
        collect_signals([], DAY, date(2026, 3, 18))


def test_no_feed_gives_empty_tables() -> None:
    got = collect_signals([], DAY, DAY)
    assert [len(got[name]) for name in SIGNALS] == [0, 0, 0, 0]
    assert set(got["signal_status"]["state"]) == {"missing"}


def test_adapters_serve_their_contracts() -> None:
    assert {adapter.name: adapter.contract for adapter in ADAPTERS} == {
        "alt_signals": ALT_SIGNALS, "microstructure": MICROSTRUCTURE, "auction_mm": AUCTION_MM, "sentiment": SENTIMENT,
    }  # fmt: skip
    assert SignalAdapter(SENTIMENT, ()).name == "sentiment"


@pytest.mark.feature("PL-OB-12", "BX-SG-05")
def test_instruments_that_only_a_feed_without_signals_lists_are_listed_and_not_missing() -> None:
    class Tapes(BondFeed):
        def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
            rows = super().fetch(table, start, end)
            return rows.assign(instrument_id=["BVMF:TAPE_ONLY", *rows["instrument_id"][1:]], currency="USD")

    got = collect_signals([BondFeed(), Tapes(name="a_tape", tables=("instruments",))], DAY, DAY)
    status = status_of(got)
    assert status["state"].tolist() == ["active"] * 4
    assert status["missing_count"].tolist() == [0] * 4
    listed = got["instruments"].set_index("instrument_id")["currency"]
    assert len(listed) == 21
    assert listed["BVMF:TAPE_ONLY"] == "USD"
    assert set(listed.drop("BVMF:TAPE_ONLY")) == {"BRL"}  # the feed with signals keeps its facts, whatever its name

    alone = status_of(collect_signals([Tapes(name="a_tape", tables=("instruments",))], DAY, DAY))
    assert alone["state"].tolist() == ["missing"] * 4
    assert alone["missing_count"].tolist() == [0] * 4
    assert set(alone["detail"]) == {"no feed with signals lists an instrument for it"}
