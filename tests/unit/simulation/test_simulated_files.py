import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.simulation import SIMULATED_CONTRACTS, MarketConfig, fed_columns, simulate_market
from resources.feeds._simulated_files import read_truth, simulate_to_landing, write_landing

START = date(2026, 1, 1)
CONFIG = MarketConfig(bonds=20, issuers=6, crypto_coins=2, crypto_perps=1)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.feature("BX-MK-04")
def test_all_tables_appear_with_rows_as_reported(tmp_path):
    report = simulate_to_landing(tmp_path, CONFIG, START, date(2026, 2, 10))
    assert set(report.rows) == set(SIMULATED_CONTRACTS)
    for name, contract in SIMULATED_CONTRACTS.items():
        files = sorted((tmp_path / name).glob("*.parquet"))
        assert [path.name for path in files] == ["simulated-2026-01.parquet", "simulated-2026-02.parquet"]
        tables = [pq.read_table(path) for path in files]
        assert sum(table.num_rows for table in tables) == report.rows[name]
        for table in tables:
            assert tuple(table.column_names) == fed_columns(contract)
            assert [table.schema.field(column).type for column in table.column_names] == [
                contract.column(column).arrow_type for column in table.column_names
            ]
            assert table["source"].unique().to_pylist() == ["simulated"]
    assert (report.first_day, report.last_day, report.files) == (START, date(2026, 2, 10), 12)
    assert "planted events" in str(report)


@pytest.mark.feature("BX-MK-04")
@pytest.mark.parametrize("layout", ["day", "month"])
def test_a_second_run_is_byte_equal_and_an_appended_run_equals_one_run(tmp_path, layout):
    once, stepwise = tmp_path / "once", tmp_path / "stepwise"
    simulate_to_landing(once, CONFIG, START, date(2026, 2, 12), layout)
    for end in (date(2026, 1, 20), date(2026, 1, 31), date(2026, 2, 3), date(2026, 2, 12)):
        simulate_to_landing(stepwise, CONFIG, START, end, layout)
    assert contents(once) == contents(stepwise)
    again = simulate_to_landing(once, CONFIG, START, date(2026, 2, 12), layout)
    earlier = simulate_to_landing(once, CONFIG, START, date(2026, 1, 5), layout)
    assert (again.files, again.first_day, earlier.files) == (0, None, 0)
    assert contents(once) == contents(stepwise)


def test_only_missing_periods_are_written(tmp_path):
    simulate_to_landing(tmp_path, CONFIG, START, date(2026, 1, 20), "day")
    report = simulate_to_landing(tmp_path, CONFIG, START, date(2026, 1, 22), "day")
    assert (report.first_day, report.last_day) == (date(2026, 1, 21), date(2026, 1, 22))
    assert report.files <= 12
    other = tmp_path / "months"
    simulate_to_landing(other, CONFIG, START, date(2026, 1, 20), "month")
    assert simulate_to_landing(other, CONFIG, START, date(2026, 2, 2), "month").first_day == START


def test_another_market_is_not_mixed_in(tmp_path):
    simulate_to_landing(tmp_path, CONFIG, START, date(2026, 1, 5))
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match=r"another simulated market \(config differ\)"):
        simulate_to_landing(tmp_path, MarketConfig(seed=8, bonds=20, issuers=6), START, date(2026, 1, 9))
    with pytest.raises(ConfigError, match=r"\(layout, start differ\)"):
        simulate_to_landing(tmp_path, CONFIG, date(2026, 1, 2), date(2026, 1, 9), "day")
    with pytest.raises(ConfigError, match="layout 'week'"):
        simulate_to_landing(tmp_path, CONFIG, START, date(2026, 1, 9), "week")
    assert contents(tmp_path) == before


def test_the_truth_tells_the_events_and_effects(tmp_path):
    simulate_to_landing(tmp_path, CONFIG, START, date(2026, 3, 31))
    truth = read_truth(tmp_path)
    assert (truth["source"], truth["start"], truth["end"]) == ("simulated", "2026-01-01", "2026-03-31")
    assert truth["trading_weekday_frac"] == list(CONFIG.trading_weekday_frac)
    assert {event["kind"] for event in truth["events"]} >= {"issuer_crisis", "dealer_outage", "adapter_outage"}
    assert all(
        date.fromisoformat(event["first_day"]) <= date.fromisoformat(event["last_day"]) for event in truth["events"]
    )


def test_a_run_cut_off_leaves_no_half_file_and_is_repeated(tmp_path):
    def cut_off():
        for day in simulate_market(CONFIG, START, date(2026, 1, 31)):
            if day.session_date.day == 20:
                raise KeyboardInterrupt
            yield day

    with pytest.raises(KeyboardInterrupt):
        write_landing(tmp_path, cut_off(), "month")
    assert contents(tmp_path) == {}
    report = simulate_to_landing(tmp_path, CONFIG, START, date(2026, 1, 31))
    assert report.first_day == START


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"format": 99})])
def test_an_unreadable_truth_is_refused(tmp_path, text):
    (tmp_path / "simulated_truth.json").write_text(text)
    with pytest.raises(ConfigError, match=r"simulated_truth\.json"):
        simulate_to_landing(tmp_path, CONFIG, START, date(2026, 1, 5))


def test_a_folder_without_market_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match="pulse simulate"):
        read_truth(tmp_path)
