"""The assets of stage 5 on generated tables: rows under their contracts, pictures that fit, nothing on closed days."""

import json
from datetime import date, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import (
    ANOMALY_PATTERNS,
    BONDX_SCORE,
    EARLY_WARNINGS,
    INDEX_FORECAST,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    MARKET_CONDITIONS,
    MARKET_REGIME,
    REPAYMENT_SUPPORT,
    SCORE_VALIDATION,
    WARNING_VALIDATION,
    WEIGHT_REVIEW,
)
from liquidity.contracts.conform import empty_table, frame_from_table, table_from_frame
from liquidity.contracts.example import example_table
from liquidity.contracts.validation import audit
from pulse_assets import validation
from resources.dagster_wiring import DAILY, FeedsResource

FIRST, SESSIONS, NAMES = date(2026, 1, 5), 150, 12
DAYS = [FIRST + timedelta(days=at) for at in range(SESSIONS)]
IDS = [f"sim:C{place:02d}USDT" for place in range(NAMES)]
QUICK = {"window_sessions": 120, "resamples": 60, "max_instruments": 50}
TRUTH = {
    "format": 1,
    "config": {},
    "start": "2026-01-05",
    "end": "2026-06-03",
    "layout": "month",
    "source": "simulated",
    "events": [
        {
            "kind": "market_crisis",
            "subject": "market",
            "first_day": "2026-03-31",
            "last_day": "2026-05-10",
            "ramp_days": 7,
            "hold_days": 10,
            "size": 0.8,
            "unit": "log spread",
        }
    ],
}


def rows_of(contract, **columns):
    """One row of each name on each day: example values, then what the test sets."""
    template = frame_from_table(example_table(contract, FIRST, 1, np.random.default_rng(0), null_frac=0.0))
    frame = template.iloc[np.zeros(SESSIONS * NAMES, dtype=int)].reset_index(drop=True)
    frame["session_date"] = pd.to_datetime(np.repeat(DAYS, NAMES)).astype("datetime64[s]")
    frame["instrument_id"] = np.tile(IDS, SESSIONS)
    frame["source"] = "simulated"
    for name, values in ({"asset_class": "crypto_spot"} | columns).items():
        if name in frame:
            frame[name] = values
    return frame


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(8)
    state = np.zeros((SESSIONS, NAMES))
    for at in range(1, SESSIONS):
        state[at] = 0.9 * state[at - 1] + rng.normal(0.0, 1.0, NAMES)
    state += np.where(np.arange(SESSIONS) >= 86, 2.0, 0.0)[:, np.newaxis]
    score = np.clip(60.0 - 6.0 * state, 0.0, 100.0).ravel()
    ranks = {
        name: rng.random(state.size) for name in LIQUIDITY_FEATURES.column_names if name.endswith("_own_rank_frac")
    }
    return {
        "index": rows_of(LIQUIDITY_INDEX, liquidity_score=score, method="observed"),
        "repayment": rows_of(REPAYMENT_SUPPORT, repayment_score=np.nan, method="insufficient_data"),
        "bondx": rows_of(BONDX_SCORE, bondx_score=score, method="observed"),
        "features": rows_of(
            LIQUIDITY_FEATURES,
            spread_bps=(10.0 * np.exp(0.3 * state)).ravel(),
            turnover_ccy=(1e6 * np.exp(-0.3 * state)).ravel(),
            volatility_daily_frac=0.03,
            **ranks,
        ),
        "instruments": rows_of(INSTRUMENTS, calendar="24/7"),
        "warnings": rows_of(EARLY_WARNINGS, state=np.where(np.arange(state.size) // NAMES == 87, "raised", "active")),
        "forecasts": frame_from_table(empty_table(INDEX_FORECAST)),
    }


class Frames(dg.IOManager):
    """Gives the tables of a test and keeps what the asset returned."""

    def __init__(self, given):
        self.given, self.made = given, None

    def load_input(self, context):
        return self.given[context.asset_key.path[-1]]

    def handle_output(self, context, obj):
        self.made = obj


def run(asset, day, given, config=None, landing="."):
    """The table that an asset makes of the given ones for one day, and what it told the UI."""
    frames = Frames({contract.name: table for contract, table in given.items()})
    specs = [dg.AssetSpec(["pulse", name], partitions_def=DAILY) for name in frames.given]
    result = dg.materialize(
        [asset, *specs],
        selection=[asset],
        partition_key=day.isoformat(),
        resources={"io_manager": frames, "feeds": FeedsResource(landing_dir=str(landing))},
        run_config={"ops": {asset.op.name: {"config": config}}} if config else None,
    )
    (event,) = result.get_asset_materialization_events()
    return frames.made, event.materialization.metadata


def kept(table, contract):
    assert audit(table_from_frame(table, contract), contract).rejected.num_rows == 0
    return table


def test_conditions_then_regime(tables):
    pieces = []
    for day in (DAYS[-2], DAYS[-1]):
        two = tables["index"]["session_date"].isin(pd.to_datetime([day - timedelta(1), day]))
        given = {LIQUIDITY_INDEX: tables["index"][two], INSTRUMENTS: tables["instruments"]}
        piece, told = run(validation.market_conditions, day, given)
        assert len(kept(piece, MARKET_CONDITIONS)) == 1
        assert piece["members_count"].item() == NAMES
        assert 0.0 <= piece["falling_frac"].item() <= 1.0
        assert told["markets"].value == 1
        pieces.append(piece)
    regime, told = run(validation.market_regime, DAYS[-1], {MARKET_CONDITIONS: pd.concat(pieces)})
    assert kept(regime, MARKET_REGIME)["regime"].isna().all()
    assert "120 are needed" in regime["reason"].item()
    assert "regime_axes" not in told


def test_a_told_regime_has_its_picture():
    level = np.repeat([65.0, 40.0] * 5, 30)
    days = [DAYS[0] - timedelta(days=len(level) - 1 - at) for at in range(len(level))]
    rng = np.random.default_rng(1)
    conditions = pd.DataFrame(
        {
            "session_date": pd.to_datetime(days),
            "asset_class": "crypto_spot",
            "calendar": "24/7",
            "origin": "simulated",
            "members_count": 12,
            "median_score": level + rng.normal(0.0, 2.0, len(level)),
            "dispersion_points": 10.0 + rng.normal(0.0, 1.0, len(level)),
            "falling_frac": 0.5,
        }
    )
    regime, told = run(validation.market_regime, days[-1], {MARKET_CONDITIONS: conditions})
    assert kept(regime, MARKET_REGIME)["regime"].item() == "stressed"
    assert told["crisis_probability_crypto_spot_simulated"].value == 0.0
    assert "data:image/svg+xml" in told["regime_crypto_spot_simulated"].md_str


@pytest.mark.feature("BX-BT-05")
def test_scores_are_validated(tables):
    given = {
        LIQUIDITY_INDEX: tables["index"],
        REPAYMENT_SUPPORT: tables["repayment"],
        BONDX_SCORE: tables["bondx"],
        LIQUIDITY_FEATURES: tables["features"],
        INDEX_FORECAST: tables["forecasts"],
        INSTRUMENTS: tables["instruments"],
    }
    table, told = run(validation.score_validation, DAYS[-1], given, QUICK)
    rows = kept(table, SCORE_VALIDATION).set_index(["predictor", "outcome", "view", "horizon_sessions"])
    assert rows.loc[("liquidity_score", "spread_bps", "over_time", 1), "rank_correlation"] < -0.5
    assert rows.loc[("repayment_score", "spread_bps", "over_time", 1), "verdict"] == "insufficient_data"
    assert "data:image/svg+xml" in told["deciles_crypto_spot_simulated_spread_bps"].md_str


def test_warnings_are_validated_where_a_truth_is_landed(tables, tmp_path):
    given = {
        LIQUIDITY_INDEX: tables["index"],
        EARLY_WARNINGS: tables["warnings"],
        INDEX_FORECAST: tables["forecasts"],
        INSTRUMENTS: tables["instruments"],
    }
    without, _ = run(validation.warning_validation, DAYS[-1], given, QUICK, tmp_path)
    assert (kept(without, WARNING_VALIDATION)["hits_n"] == 0).all()
    (tmp_path / "simulated_truth.json").write_text(json.dumps(TRUTH), encoding="utf-8")
    table, told = run(validation.warning_validation, DAYS[-1], given, QUICK, tmp_path)
    (row,) = kept(table, WARNING_VALIDATION).query("event_kind == 'market_crisis'").to_dict("records")
    assert (row["hits_n"], row["alarmed_frac"], row["delay_sessions_median"]) == (NAMES, 1.0, 2.0)
    assert row["lead_sessions_median"] == 4.0
    assert told["comparisons"].value == 3


@pytest.mark.feature("BX-FC-11")
def test_weights_are_reviewed(tables):
    given = {
        LIQUIDITY_INDEX: tables["index"],
        LIQUIDITY_FEATURES: tables["features"],
        INSTRUMENTS: tables["instruments"],
    }
    table, told = run(validation.weight_review, DAYS[-1], given, QUICK)
    assert set(kept(table, WEIGHT_REVIEW)["profile"]) == {"traded_v1"}
    assert told["weights"].value == len(table)


@pytest.mark.feature("BX-FC-12")
def test_patterns_are_judged(tables):
    given = {LIQUIDITY_FEATURES: tables["features"], INSTRUMENTS: tables["instruments"]}
    table, told = run(validation.anomaly_patterns, DAYS[-1], given)
    assert kept(table, ANOMALY_PATTERNS)["unusual"].notna().all()
    assert told["judged"].value == NAMES


def test_a_closed_day_has_no_rows(tables):
    later = DAYS[-1] + timedelta(days=1)
    scores = {LIQUIDITY_INDEX: tables["index"].iloc[:0], INSTRUMENTS: tables["instruments"].iloc[:0]}
    features = {LIQUIDITY_FEATURES: tables["features"].iloc[:0]}
    conditions = {MARKET_CONDITIONS: frame_from_table(empty_table(MARKET_CONDITIONS))}
    for asset, given, contract in (
        (validation.market_conditions, scores, MARKET_CONDITIONS),
        (validation.market_regime, conditions, MARKET_REGIME),
        (validation.weight_review, scores | features, WEIGHT_REVIEW),
        (validation.anomaly_patterns, features | {INSTRUMENTS: scores[INSTRUMENTS]}, ANOMALY_PATTERNS),
    ):
        table, _ = run(asset, later, given)
        assert kept(table, contract).empty
