"""What the UI says of a table: right counts, and no crash on nothing."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import (
    BONDX_SCORE,
    EARLY_WARNINGS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    LIQUIDITY_PULSE,
    MACRO_SERIES,
    MICROSTRUCTURE,
    PULSE_HEATMAP,
    REPAYMENT_SUPPORT,
    SIGNAL_PANEL,
    SIGNAL_STATUS,
)
from liquidity.contracts.conform import empty_table, frame_from_table
from pulse_assets.summaries import (
    coverage_summary,
    feature_summary,
    heatmap_summary,
    pulse_summary,
    score_summary,
    signal_summary,
    warning_summary,
)

OLD, NEW = pd.Timestamp(2026, 3, 18), pd.Timestamp(2026, 3, 19)


def empty(contract):
    return frame_from_table(empty_table(contract))


def rows_of(metadata):
    return [dict(record.data) for record in metadata.records]


def test_nothing_is_summed_up_without_a_crash():
    status = empty(SIGNAL_STATUS)
    assert {"rows": 0, "instruments": 0}.items() <= signal_summary(empty(MICROSTRUCTURE), status).items()
    assert signal_summary(empty(MACRO_SERIES), status)["rows"] == 0
    assert coverage_summary(empty(SIGNAL_PANEL)) == {"instruments": 0}
    assert feature_summary(empty(LIQUIDITY_FEATURES)) == {"instruments": 0}
    for contract in (LIQUIDITY_INDEX, REPAYMENT_SUPPORT, BONDX_SCORE):
        assert score_summary(empty(contract), contract) == {"instruments": 0}
    assert heatmap_summary(empty(PULSE_HEATMAP)) == {"cells": 0}
    assert warning_summary(empty(EARLY_WARNINGS), empty(LIQUIDITY_INDEX)) == {"alerts": 0}
    assert pulse_summary(empty(LIQUIDITY_PULSE)) == {"documents": 0}


def test_signals_report_rows_age_quality_and_adapters():
    table = pd.DataFrame(
        {
            "session_date": [NEW, NEW],
            "instrument_id": ["A", "A"],
            "age_market_s": [7200.0, 1800.0],
            "quality_frac": [1.0, 0.5],
        }
    )
    status = pd.DataFrame(
        {
            "session_date": [OLD, NEW],
            "adapter": ["sentiment", "sentiment"],
            "state": ["active", "missing"],
            "rows_count": [3, 0],
            "coverage_frac": [1.0, np.nan],
            "missing_count": [0, 3],
            "detail": ["", "no row delivered"],
        }
    )
    summary = signal_summary(table, status)
    assert {name: summary[name] for name in ("rows", "instruments", "mean_quality_frac", "oldest_age_h")} == {
        "rows": 2,
        "instruments": 1,
        "mean_quality_frac": 0.75,
        "oldest_age_h": 2.0,
    }
    assert rows_of(summary["adapters"]) == [
        {
            "adapter": "sentiment",
            "state": "missing",
            "rows_count": "0",
            "coverage_frac": "-",
            "missing_count": "3",
            "detail": "no row delivered",
        }
    ]


def scores(values, session=NEW, method="observed"):
    count = len(values)
    return pd.DataFrame(
        {
            "session_date": [session] * count,
            "instrument_id": [f"I{k}" for k in range(count)],
            "asset_class": "bond_corporate",
            "liquidity_score": values,
            "uncertainty_sd": [2.0 if value == value else np.nan for value in values],
            "coverage_frac": 0.5,
            "method": method,
            "config_hash": "0" * 16,
            "profile": "bondx_v1",
            "drivers_json": '[{"feature":"spread_bps","score":10.0,"weight":1.0,"contribution":-40.0}]',
        }
    )


def test_scores_speak_of_the_newest_session_and_picture_the_history():
    table = pd.concat([scores([90.0, 80.0], OLD), scores([10.0, np.nan, 30.0])])
    summary = score_summary(table, LIQUIDITY_INDEX)
    assert (summary["instruments"], summary["scored"], summary["mean_points"]) == (3, 2, 20.0)
    assert summary["mean_uncertainty_points"] == 2.0
    assert [row["instrument_id"] for row in rows_of(summary["lowest"])] == ["I0", "I2"]
    assert summary["history_10_50_90"].value.startswith("![](<data:image/svg+xml,")
    assert (summary["config_hash"], summary["profile"]) == ("0" * 16, "bondx_v1")


def test_one_session_without_any_score_has_no_mean_and_no_picture():
    summary = score_summary(scores([np.nan], method="insufficient_data"), LIQUIDITY_INDEX)
    assert (summary["instruments"], summary["scored"]) == (1, 0)
    assert summary["mean_points"].value is None
    assert rows_of(summary["lowest"]) == []
    assert "history_10_50_90" not in summary


def test_tables_are_cut_to_what_fits():
    features = pd.DataFrame(
        {
            "session_date": [NEW] * 40,
            "instrument_id": [f"I{k}" for k in range(40)],
            "history_n": [9, 10] * 20,
            "anomaly_flags": ["spread_bps"] * 30 + [""] * 10,
        }
    )
    summary = feature_summary(features)
    assert (summary["instruments"], summary["anomalies"], summary["with_history_frac"]) == (40, 30, 0.5)
    assert len(rows_of(summary["anomalous"])) == 15


def test_coverage_is_the_share_of_instruments_with_the_signal():
    signals = ("spread_bps", "depth_density", "turnover_ccy", "mm_online_ratio", "auction_demand", "traffic_index",
               "sentiment_signed")  # fmt: skip
    panel = pd.DataFrame({"session_date": [NEW] * 4, "instrument_id": list("ABCD"), "asset_class": "bond_corporate"})
    panel = panel.assign(**dict.fromkeys(signals, np.nan)).assign(spread_bps=[1.0, 2.0, 3.0, np.nan])
    summary = coverage_summary(panel)
    assert summary["instruments"] == 4
    assert summary["signal_coverage_frac"] == pytest.approx(3 / 28)
    assert rows_of(summary["coverage_by_class"])[0]["spread_bps"] == "0.75"


def test_heatmap_counts_masked_cells_and_draws_the_others():
    cells = pd.DataFrame(
        {
            "session_date": [NEW, NEW, OLD],
            "asset_class": "bond_corporate",
            "origin": "simulated",
            "sector": ["FINANCIAL", "UTILITIES", "FINANCIAL"],
            "rating": ["AAA", "NR", "AAA"],
            "liquidity_score": [80.0, np.nan, 1.0],
            "bondx_score": [70.0, np.nan, 1.0],
            "members_count": [5, 1, 5],
            "masked": [False, True, False],
        }
    )
    summary = heatmap_summary(cells)
    assert (summary["cells"], summary["masked_cells"]) == (2, 1)
    assert rows_of(summary["cells_table"]) == [
        {
            "asset_class": "bond_corporate",
            "origin": "simulated",
            "sector": "FINANCIAL",
            "rating": "AAA",
            "liquidity_score": "80.00",
            "bondx_score": "70.00",
            "members_count": "5",
        }
    ]
    assert summary["heatmap_simulated"].value.startswith("![](<data:image/svg+xml,")


def test_warnings_count_those_of_the_newest_session():
    warnings = pd.DataFrame(
        {
            "session_date": [OLD, NEW, NEW],
            "instrument_id": ["A", "A", "B"],
            "state": ["raised", "active", "raised"],
            "raised_on": [date(2026, 3, 18)] * 3,
            "liquidity_score": [10.0, 11.0, 12.0],
            "change_points": [-30.0, -29.0, -28.0],
        }
    )
    history = pd.concat([scores([90.0, 80.0], OLD), scores([10.0, 30.0])])
    summary = warning_summary(warnings, history)
    assert (summary["alerts"], summary["raised"]) == (2, 1)
    assert [row["state"] for row in rows_of(summary["names"])] == ["raised", "active"]
    assert "index_history_10_50_90" in summary


def test_movers_are_ordered_by_size_of_their_move():
    documents = pd.DataFrame(
        {
            "session_date": [NEW] * 3,
            "instrument_id": list("ABC"),
            "liquidity_score": [1.0, np.nan, 3.0],
            "change_points": [5.0, np.nan, -9.0],
            "bondx_score": [1.0, np.nan, 3.0],
            "source": "simulated",
        }
    )
    summary = pulse_summary(documents)
    assert (summary["documents"], summary["scored"]) == (3, 2)
    assert [row["instrument_id"] for row in rows_of(summary["movers"])] == ["C", "A"]
