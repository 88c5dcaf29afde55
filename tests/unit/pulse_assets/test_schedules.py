"""One run request per open day, the same each time; a reason on every other day."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from liquidity.contracts import CRYPTO_CONTRACTS
from pulse_assets.definitions import defs
from pulse_assets.schedules import JOBS, SCHEDULES

BY_NAME = {schedule.name: schedule for schedule in SCHEDULES}


def tick(name, moment):
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=moment, repository_def=defs.get_repository_def()
        )
        return BY_NAME[name].evaluate_tick(context)


def test_one_schedule_per_market_close():
    assert {name: schedule.cron_schedule for name, schedule in BY_NAME.items()} == {
        "after_close_xbom": "30 10 * * *",
        "after_close_bvmf": "30 21 * * *",
        "after_close_xnys": "45 21 * * *",
        "after_close_24_7": "20 0 * * *",
        "crypto_books_daily": "5 0 * * *",
    }
    assert {schedule.execution_timezone for schedule in SCHEDULES} == {"UTC"}
    assert {schedule.default_status for schedule in SCHEDULES} == {dg.DefaultScheduleStatus.STOPPED}
    jobs = {name: schedule.job_name for name, schedule in BY_NAME.items()}
    assert jobs.pop("crypto_books_daily") == "crypto_books"
    assert set(jobs.values()) == {"daily_pulse"}


@pytest.mark.parametrize(
    ("name", "moment", "day", "slug"),
    [
        ("after_close_xbom", datetime(2026, 3, 19, 10, 30, tzinfo=UTC), "2026-03-19", "xbom"),
        ("after_close_bvmf", datetime(2026, 3, 19, 21, 30, tzinfo=UTC), "2026-03-19", "bvmf"),
        ("after_close_xnys", datetime(2026, 3, 19, 21, 45, tzinfo=UTC), "2026-03-19", "xnys"),
        ("after_close_24_7", datetime(2026, 3, 22, 0, 20, tzinfo=UTC), "2026-03-21", "24_7"),
    ],
)
def test_an_open_day_is_requested_once(name, moment, day, slug):
    first, again = tick(name, moment), tick(name, moment)
    [request] = first.run_requests
    assert (request.partition_key, request.run_key) == (day, f"{slug}:{day}")
    assert request.tags["calendar"] == slug
    assert [each.run_key for each in again.run_requests] == [request.run_key]


@pytest.mark.parametrize(
    ("name", "moment", "calendar"),
    [
        ("after_close_xnys", datetime(2025, 11, 27, 21, 45, tzinfo=UTC), "XNYS"),  # Thanksgiving
        ("after_close_xbom", datetime(2025, 8, 15, 10, 30, tzinfo=UTC), "XBOM"),  # Independence Day
        ("after_close_bvmf", datetime(2026, 3, 21, 21, 30, tzinfo=UTC), "BVMF"),  # a Saturday
    ],
)
def test_a_closed_day_is_skipped_and_says_why(name, moment, calendar):
    result = tick(name, moment)
    assert result.run_requests == []
    assert result.skip_message == f"{moment.date()} is no session of {calendar}"


def test_crypto_on_the_first_of_january_asks_for_the_year_before():
    [request] = tick("after_close_24_7", datetime(2026, 1, 1, 0, 20, tzinfo=UTC)).run_requests
    assert request.partition_key == "2025-12-31"


def test_the_books_of_the_day_that_ended_are_asked_for_before_the_pulse():
    [request] = tick("crypto_books_daily", datetime(2026, 3, 1, 0, 5, tzinfo=UTC)).run_requests
    assert (request.partition_key, request.run_key) == ("2026-02-28", "crypto_books:2026-02-28")


def test_a_day_without_partition_is_skipped():
    result = tick("after_close_24_7", datetime(2035, 1, 2, 0, 20, tzinfo=UTC))
    assert result.run_requests == []
    assert result.skip_message == "2035-01-01 is outside the partitions"


def test_jobs_divide_the_pipeline_without_a_gap():
    selected = {
        job.name: {key.path[-1] for key in defs.resolve_job_def(job.name).asset_layer.selected_asset_keys}
        for job in JOBS
    }
    assert set(selected) == {"daily_pulse", "crypto_books", "collect_signals", "features_to_pulse", "rescore", "reforecast",
                             "train_forecasts", "validate_scores"}  # fmt: skip
    assert selected["crypto_books"] == {contract.name for contract in CRYPTO_CONTRACTS} | {"market_database"}
    assert selected["crypto_books"] & selected["daily_pulse"] == set()
    assert selected["collect_signals"] | selected["features_to_pulse"] == selected["daily_pulse"]
    assert selected["collect_signals"] & selected["features_to_pulse"] == set()
    assert selected["rescore"] < selected["features_to_pulse"]
    assert "liquidity_features" not in selected["rescore"]
    assert "signal_panel" in selected["collect_signals"]
    assert selected["reforecast"] < selected["rescore"]
    assert selected["train_forecasts"] == {"forecast_models", "forecast_evaluation"}
    apart = [selected[name] for name in ("daily_pulse", "crypto_books", "train_forecasts", "validate_scores")]
    assert sum(map(len, apart)) == len(set().union(*apart))
    assert set().union(*apart) == {
        key.path[-1] for key in defs.get_repository_def().asset_graph.materializable_asset_keys
    }
