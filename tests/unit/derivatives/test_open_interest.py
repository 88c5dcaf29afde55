"""Open interest: one unit, changes from history, stale feeds."""

import math
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from liquidity.derivatives import (
    OpenInterestReading,
    is_stale,
    open_interest_changes,
    open_interest_reading,
    open_interest_record,
)
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import OpenInterest

HOUR = 3_600 * 10**9
START = datetime(2026, 3, 1, tzinfo=UTC)


def history(hours: int, seed: int = 1) -> tuple[list[datetime], np.ndarray]:
    at = [START + timedelta(hours=k) for k in range(hours)]
    return at, 1_000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, hours)))


@pytest.mark.feature("PL-FU-01")
@pytest.mark.parametrize(
    ("amount", "unit", "kind", "size"),
    [
        (1_000.0, "contracts", "linear", 0.01),
        (5_000.0, "contracts", "inverse", 100.0),
        (10.0, "base", "linear", 0.01),
        (500_000.0, "quote", "inverse", 100.0),
    ],
)
def test_every_unit_comes_to_the_same_coins_and_value(amount: float, unit: str, kind: str, size: float) -> None:
    read = open_interest_reading(amount, unit, kind=kind, contract_size=size, mark_price=50_000.0)
    assert read == OpenInterestReading(10.0, 500_000.0, None)


@pytest.mark.feature("PL-CT-04")
def test_the_missing_value_is_amount_times_mark_times_contract_size() -> None:
    read = open_interest_reading(123.0, "contracts", kind="linear", contract_size=0.1, mark_price=2_000.0)
    assert read.quote == pytest.approx(123.0 * 0.1 * 2_000.0)
    blind = open_interest_reading(123.0, "contracts", kind="linear", contract_size=0.1, mark_price=None)
    assert blind == OpenInterestReading(pytest.approx(12.3), None, "no_mark_price")
    for missing in (None, math.nan, -1.0):
        nothing = open_interest_reading(missing, "base", kind="linear", contract_size=1.0, mark_price=1.0)
        assert nothing == OpenInterestReading(None, None, "no_reading")
    with pytest.raises(ConfigError, match="contract_size"):
        open_interest_reading(1.0, "base", kind="linear", contract_size=0.0, mark_price=1.0)


@pytest.mark.feature("PL-CT-04")
def test_changes_equal_the_history_to_a_billionth() -> None:
    at, base = history(60)
    times = np.array([int(moment.timestamp()) for moment in at], dtype=np.int64) * 10**9
    changes = open_interest_changes(times, base).change_frac
    assert np.abs(changes[1:, 0] - (base[1:] / base[:-1] - 1)).max() < 1e-9
    assert np.abs(changes[24:, 1] - (base[24:] / base[:-24] - 1)).max() < 1e-9
    assert np.isnan(changes[0]).all()
    assert np.isnan(changes[:21, 1]).all()


@pytest.mark.feature("PL-CT-04")
def test_the_record_has_seven_fields_and_its_changes() -> None:
    at, base = history(30)
    record, reasons = open_interest_record(
        symbol="BTC/USDT:USDT", exchange="okx", at=at, open_interest_base=base, open_interest_quote=base * 5e4
    )
    assert len(fields(OpenInterest)) == 7
    assert record.change_1h_frac == pytest.approx(base[-1] / base[-2] - 1, abs=1e-9)
    assert record.change_24h_frac == pytest.approx(base[-1] / base[-25] - 1, abs=1e-9)
    assert (record.timestamp, reasons) == (at[-1], {})


@pytest.mark.feature("PL-CT-04")
@pytest.mark.parametrize(
    ("rows", "hour", "day"),
    [
        ([29], "one_reading", "one_reading"),
        ([28, 29], None, "history_too_short"),
        ([5, 20, 29], "no_reading_then", None),
        ([0, 1, 28, 29], None, "no_reading_then"),
    ],
)
def test_a_change_that_cannot_be_told_has_a_reason(rows: list[int], hour: str | None, day: str | None) -> None:
    at, base = history(30)
    record, reasons = open_interest_record(
        symbol="S",
        exchange="e",
        at=[at[k] for k in rows],
        open_interest_base=base[rows],
        open_interest_quote=base[rows],
    )
    assert (reasons.get("change_1h_frac"), reasons.get("change_24h_frac")) == (hour, day)
    assert (record.change_1h_frac is None, record.change_24h_frac is None) == (hour is not None, day is not None)


def test_jitter_of_a_stamp_does_not_take_the_reading_before() -> None:
    times = np.array([0, HOUR + 467_000_000, 2 * HOUR + 1_000_000], dtype=np.int64)
    assert open_interest_changes(times, [1.0, 2.0, 3.0], lookbacks_s=[3_600]).change_frac[2, 0] == pytest.approx(0.5)


def test_gaps_zeros_and_missing_readings() -> None:
    times = np.arange(4, dtype=np.int64) * HOUR
    assert np.isnan(open_interest_changes(times, [0.0, 1.0, None, 2.0], lookbacks_s=[3_600]).change_frac).all()
    assert open_interest_changes(times[:0], []).change_frac.shape == (0, 2)
    _, reasons = open_interest_record(
        symbol="S",
        exchange="e",
        at=[START, START + timedelta(hours=1)],
        open_interest_base=[0.0, 1.0],
        open_interest_quote=[0.0, 1.0],
    )
    assert reasons["change_1h_frac"] == "was_zero"


def test_bad_histories_are_refused() -> None:
    with pytest.raises(ContractError, match="ascending"):
        open_interest_changes(np.array([1, 1]), [1.0, 2.0])
    with pytest.raises(ConfigError, match="lookbacks_s"):
        open_interest_changes(np.array([1, 2]), [1.0, 2.0], lookbacks_s=[0])
    with pytest.raises(ContractError, match="newest reading"):
        open_interest_record(symbol="S", exchange="e", at=[], open_interest_base=[], open_interest_quote=[])
    with pytest.raises(ContractError, match="newest reading"):
        open_interest_record(symbol="S", exchange="e", at=[START], open_interest_base=[1.0], open_interest_quote=[None])


@pytest.mark.feature("PL-FU-05")
def test_a_feed_that_stands_still_for_k_polls_is_stale() -> None:
    live = [10.0, 11.0, 12.0, 12.0, 12.0, 12.0]
    assert [is_stale(live[:n], polls=3) for n in range(1, 7)] == [False] * 5 + [True]
    assert not is_stale([12.0, 12.0, 12.0, 12.000001], polls=3)
    assert is_stale([12.0, None, None, 12.0], polls=3)
    assert is_stale([None] * 4, polls=3)
    assert not is_stale([], polls=3)
    with pytest.raises(ConfigError, match="polls"):
        is_stale(live, polls=0)
