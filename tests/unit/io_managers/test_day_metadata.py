"""Each day of a run says its own numbers, days without rows and the newest day included."""

from datetime import date

import dagster as dg
import pandas as pd

from io_managers.day_metadata import report_days
from liquidity.contracts import LIQUIDITY_INDEX, SENTIMENT
from pulse_assets.summaries import driver_summary, history_picture, score_column
from resources.dagster_wiring import DAILY


def _run(rows: pd.DataFrame, first: str, last: str) -> dict[str, dict[str, object]]:
    @dg.asset(key=["pulse", "sentiment"], partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
    def sentiment(context: dg.AssetExecutionContext) -> None:
        report_days(context, SENTIMENT, rows, lambda day: {"rows": len(day), "share": len(day) / 3}, {"picture": "all"})

    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    result = (
        dg.materialize([sentiment], tags=tags) if first != last else dg.materialize([sentiment], partition_key=first)
    )
    return {
        str(event.partition): {name: value.value for name, value in event.metadata.items()}
        for event in result.asset_materializations_for_node("pulse__sentiment")
    }


def test_each_day_of_a_run_over_many_days_says_its_own_numbers() -> None:
    days = pd.to_datetime(["2026-03-02", "2026-03-02", "2026-03-04"])
    said = _run(pd.DataFrame({"session_date": days}), "2026-03-02", "2026-03-04")
    assert said == {
        "2026-03-02": {"rows": 2, "share": 0.666667},
        "2026-03-03": {"rows": 0, "share": 0.0},
        "2026-03-04": {"rows": 1, "share": 0.333333, "picture": "all"},
    }


def test_one_day_says_the_numbers_and_the_picture() -> None:
    said = _run(pd.DataFrame({"session_date": [date(2026, 3, 2)]}), "2026-03-02", "2026-03-02")
    assert said == {"2026-03-02": {"rows": 1, "share": 0.333333, "picture": "all"}}


def test_the_picture_of_a_history_names_its_days_and_needs_two_of_them() -> None:
    score = score_column(LIQUIDITY_INDEX)
    days = pd.date_range("2026-01-01", periods=25).repeat(3)
    scores = pd.DataFrame({"session_date": days, score: [20.0, 50.0, 80.0] * 25})
    picture = history_picture(scores, score)
    assert "2026-01-06 to 2026-01-25" in str(picture["history_axes"])
    assert len(picture["history_10_50_90"].value) < 1_000
    assert history_picture(scores.head(3), score) == {}


def test_drivers_are_averaged_over_the_scores_that_have_them() -> None:
    drivers = '[{"feature":"spread_bps","score":40,"weight":0.5,"contribution":%s}]'
    summary = driver_summary(pd.DataFrame({"drivers_json": [drivers % -4.0, drivers % 2.0, "[]"]}))
    assert "| spread_bps | -1.00 | -4.00 | +2.00 | 2 |" in summary["drivers"].value
    assert len(summary["drivers_picture"].value) < 1_000
    assert driver_summary(pd.DataFrame({"drivers_json": ["[]"]})) == {}
