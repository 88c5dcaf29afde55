"""From landed files to the published pulse, on real storage: what comes out, and that it is what was planted."""

import json
from datetime import date, timedelta

import jsonschema
import numpy as np
import pandas as pd
import pytest

from io_managers.json_publish import latest_path, pulse_path, read_pulse_json
from liquidity.contracts import (
    ALL_CONTRACTS,
    ANOMALY_PATTERNS,
    AUCTION_MM,
    BONDX_SCORE,
    EARLY_WARNINGS,
    FORECAST_EVALUATION,
    FORECAST_MODELS,
    INDEX_FORECAST,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    LIQUIDITY_PULSE,
    REPAYMENT_SUPPORT,
    SCORE_VALIDATION,
    SIGNAL_STATUS,
    WARNING_VALIDATION,
    WEIGHT_REVIEW,
)
from liquidity.contracts.validation import audit
from liquidity.index.pulse_document import PULSE_SCHEMA
from resources.code_version import code_version
from resources.feeds._simulated_files import read_truth

pytestmark = pytest.mark.slow

# The tables of order books, of trainings and of validation have jobs of their own: test_crypto_assets.py, test_forecasts.py.
ASKED_FOR = (
    FORECAST_MODELS,
    FORECAST_EVALUATION,
    SCORE_VALIDATION,
    WARNING_VALIDATION,
    WEIGHT_REVIEW,
    ANOMALY_PATTERNS,
)
PULSE_TABLES = [
    each for each in ALL_CONTRACTS if each.location == "pulse" and each.group != "crypto" and each not in ASKED_FOR
]
SCORES = {"liquidity": LIQUIDITY_INDEX, "repayment": REPAYMENT_SUPPORT, "bondx": BONDX_SCORE}


def days_between(first, last):
    return [first + timedelta(days=k) for k in range((last - first).days + 1)]


@pytest.mark.feature("BX-QA-02")
def test_every_table_has_every_day_and_keeps_its_contract(pipeline):
    for contract in PULSE_TABLES:
        first = pipeline.first_day if contract.group == "signals" or contract.name == "signal_panel" else None
        days = days_between(first or pipeline.first_scored, pipeline.last_day)
        assert pipeline.lake.sessions(contract) == days, contract.name
        rows = 0
        for day in days[-20:]:
            judged = audit(pipeline.lake.read(contract, day, day), contract, day)
            assert judged.violations == (), (contract.name, day)
            rows += judged.accepted.num_rows
        assert rows > 0 or contract.on_bad_row == "quarantine", contract.name
    assert not list(pipeline.lake.root.glob("quarantine/**/*.parquet"))
    assert not list(pipeline.lake.root.rglob("*.tmp"))


def test_checks_of_all_tables_ran_and_passed(pipeline):
    from pulse_assets.definitions import defs

    tables = {contract.asset_path for contract in PULSE_TABLES}
    checks = defs.get_repository_def().asset_graph.asset_check_keys
    keys = [key for key in checks if tuple(key.asset_key.path) in tables]
    assert len(keys) == len(PULSE_TABLES)
    latest = pipeline.instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    assert {record.status.value for record in latest.values()} == {"SUCCEEDED"}
    assert set(latest) == set(keys)


@pytest.mark.feature("BX-CT-05", "BX-QA-02")
def test_published_json_keeps_its_schema_and_adds_up(pipeline):
    validator = jsonschema.Draft202012Validator(PULSE_SCHEMA, format_checker=jsonschema.FormatChecker())
    scored = 0
    for day in days_between(pipeline.last_day - timedelta(days=15), pipeline.last_day):
        content = read_pulse_json(pulse_path(pipeline.lake.root / "published", day))
        assert [error.message for error in validator.iter_errors(content)] == []
        assert content["session_date"] == day.isoformat()
        assert content["published_at"] == pipeline.published_at.isoformat()
        assert content["code_version"] == code_version()
        table = pipeline.table(LIQUIDITY_PULSE, day)
        assert [json.loads(text) for text in table["document"]] == content["data"]
        tables = {name: pipeline.table(contract, day).set_index("instrument_id") for name, contract in SCORES.items()}
        for document in content["data"]:
            for name, contract in SCORES.items():
                part, stored = document[name], tables[name].loc[document["instrument_id"]]
                value = stored[next(column for column in contract.column_names if column.endswith("_score"))]
                assert part["score"] == (None if np.isnan(value) else value)
                if part["drivers"]:
                    total = part["base_points"] + sum(driver["contribution"] for driver in part["drivers"])
                    assert total == pytest.approx(part["score"], abs=1e-9)
                    scored += 1
                else:
                    assert part["method"] != "observed"
            if document["change"]["points"] is not None:
                parts = sum(driver["points"] for driver in document["change"]["drivers"])
                assert parts == pytest.approx(document["change"]["points"], abs=1e-9)
    assert scored > 500
    assert (
        latest_path(pipeline.lake.root / "published").read_bytes()
        == pulse_path(pipeline.lake.root / "published", pipeline.last_day).read_bytes()
    )


@pytest.mark.feature("BX-CT-05")
def test_published_json_tells_the_forecasts_of_the_table(pipeline):
    table = pipeline.table(INDEX_FORECAST, pipeline.last_day).set_index(["instrument_id", "target", "horizon_sessions"])
    content = read_pulse_json(pulse_path(pipeline.lake.root / "published", pipeline.last_day))
    told = spoken = 0
    for document in content["data"]:
        for name, block in document["forecast"].items():
            score = document[name]["score"]
            assert block["base_score"] == score
            for horizon in block["horizons"]:
                row = table.loc[(document["instrument_id"], f"{name}_score", horizon["sessions"])]
                told += 1
                assert (block["status"], block["reason"] or "") == (row["status"], row["reason"])
                assert horizon["date"] == f"{row['target_date']:%Y-%m-%d}"
                assert horizon["drivers"] == json.loads(row["drivers_json"])
                if block["status"] == "insufficient_data":
                    assert horizon["score"] is None
                    assert block["reason"]
                else:
                    spoken += 1
                    ends = [
                        horizon[end]
                        for end in ("lower_95", "lower_80", "lower_50", "score", "upper_50", "upper_80", "upper_95")
                    ]
                    assert ends == sorted(ends)
                    assert horizon["score"] == row["forecast_score"]
    assert told == len(table)
    assert spoken > 100


@pytest.mark.feature("BX-DB-15")
def test_store_answers_what_the_tables_say(pipeline):
    table = pipeline.table(LIQUIDITY_PULSE, pipeline.last_day)
    for row in table.to_dict("records")[::5]:
        published = pipeline.store.what_was_published(row["instrument_id"], pipeline.last_day)
        assert published.document == row["document"]
        assert json.loads(row["document"])["config_hash"] in published.publication.config_hashes
        assert published.publication.published_at == pipeline.published_at
        assert published.publication.code_version == code_version()
        assert (pipeline.lake.root / published.publication.document_path).is_file()
    listed = set(pipeline.table(INSTRUMENTS, pipeline.last_day)["calendar"])
    assert set(pipeline.store.publication(pipeline.last_day).calendars) == listed
    newest = pipeline.store.newest_sessions()
    assert newest == {"24/7": pipeline.last_day, "XBOM": pipeline.last_day}
    before = pipeline.published_at - timedelta(microseconds=1)
    assert pipeline.store.what_was_published(table["instrument_id"].iloc[0], pipeline.last_day, before) is None


def test_bonds_rest_where_their_market_does(pipeline):
    holiday, sunday = date(2025, 8, 15), date(2025, 9, 14)
    for day in (holiday, sunday):
        assert set(pipeline.table(LIQUIDITY_INDEX, day)["asset_class"]) <= {"crypto_spot", "crypto_perp"}
        status = pipeline.table(SIGNAL_STATUS, day).set_index("adapter")["state"]
        assert status["auction_mm"] == "closed"
        assert status["microstructure"] == "active"
    session = pipeline.table(LIQUIDITY_INDEX, pipeline.last_day)
    assert session["asset_class"].str.startswith("bond").sum() == 24


def crises(pipeline):
    events = read_truth(pipeline.landing)["events"]
    instruments = pipeline.table(INSTRUMENTS)[["instrument_id", "issuer_id"]].drop_duplicates()
    for event in events:
        first, last = date.fromisoformat(event["first_day"]), date.fromisoformat(event["last_day"])
        if event["kind"] == "issuer_crisis" and pipeline.first_scored + timedelta(days=7) <= first:
            yield first, min(last, pipeline.last_day), instruments[instruments["issuer_id"] == event["subject"]]


@pytest.mark.feature("BX-IX-12")
def test_each_planted_issuer_crisis_raises_one_alert_at_its_start(pipeline):
    found = list(crises(pipeline))
    assert len(found) == 2
    warnings = pipeline.table(EARLY_WARNINGS)
    index = pipeline.table(LIQUIDITY_INDEX)
    for first, last, bonds in found:
        names = set(bonds["instrument_id"])
        window = (warnings["session_date"] >= pd.Timestamp(first)) & (warnings["session_date"] <= pd.Timestamp(last))
        mine = warnings[window & warnings["instrument_id"].isin(names)]
        raised = mine[mine["state"] == "raised"]
        assert len(raised) >= 1
        assert raised["instrument_id"].is_unique
        assert (raised["session_date"] <= pd.Timestamp(first + timedelta(days=6))).all()
        assert (raised["change_points"] <= -20.0).all()
        # Those without an alert were not watched: only observed scores count.
        quiet = names - set(raised["instrument_id"])
        during = (index["session_date"] >= pd.Timestamp(first)) & (index["session_date"] <= pd.Timestamp(last))
        assert not len(quiet) or (index[during & index["instrument_id"].isin(quiet)]["method"] != "observed").any()
        assert set(mine["state"]) <= {"raised", "active", "cleared"}
        assert len(mine[mine["state"] == "active"]) >= 5


def test_planted_dealer_outage_shows_in_presence_and_index(pipeline):
    events = [event for event in read_truth(pipeline.landing)["events"] if event["kind"] == "dealer_outage"]
    assert [event["first_day"] for event in events if event["subject"] == "market"] == ["2025-08-26"]
    day, before = date(2025, 8, 26), date(2025, 8, 25)
    presence = pipeline.table(AUCTION_MM).groupby("session_date")["mm_online_ratio"].median()
    usual = presence.drop(pd.Timestamp(day)).median()
    assert presence[pd.Timestamp(day)] == pytest.approx(0.35 * usual, abs=0.06)
    assert presence.idxmin() == pd.Timestamp(day)
    for contract, column in ((LIQUIDITY_FEATURES, "mm_online_ratio"), (LIQUIDITY_INDEX, "liquidity_score")):
        table = pipeline.table(contract, before, day)
        bonds = table[table["instrument_id"].str.startswith("ZZ")]
        values = bonds.pivot_table(index="instrument_id", columns="session_date", values=column).dropna()
        fall = values[pd.Timestamp(before)] - values[pd.Timestamp(day)]
        assert fall.median() > (0.4 if column == "mm_online_ratio" else 3.0)


@pytest.mark.feature("BX-SG-05", "BX-IX-08")
def test_planted_silence_of_an_adapter_widens_the_scores(pipeline):
    silent, before = date(2025, 9, 9), date(2025, 9, 8)
    status = pipeline.table(SIGNAL_STATUS, silent).set_index("adapter")
    assert status["state"].to_dict() == {
        "alt_signals": "active",
        "auction_mm": "active",
        "microstructure": "missing",
        "sentiment": "active",
    }
    both = pipeline.table(LIQUIDITY_INDEX, before, silent)
    both = both[both["asset_class"].str.startswith("bond")]
    scored = both.dropna(subset=["liquidity_score"])
    wide = scored.pivot_table(index="instrument_id", columns="session_date", values="uncertainty_sd").dropna()
    assert len(wide) >= 20
    assert (wide[pd.Timestamp(silent)] > wide[pd.Timestamp(before)]).mean() > 0.9
    documents = pipeline.table(LIQUIDITY_PULSE, silent)
    missing = json.loads(documents["document"].iloc[0])["missing_signals"]
    assert any("adapter microstructure missing" in item["reason"] for item in missing)
