"""Order books from tapes to the published index, on the shared pipeline with three generated days added."""

from datetime import timedelta

import dagster as dg
import numpy as np
import orjson
import pandas as pd
import pyarrow.parquet as pq
import pytest

from liquidity.contracts import (
    BOOK_DAILY,
    BOOK_DELTAS,
    BOOK_FEATURES,
    BOOK_SNAPSHOTS,
    CRYPTO_CONTRACTS,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    LIQUIDITY_INDEX,
    LIQUIDITY_PULSE,
    MARKET_DEPTH,
    OPEN_INTEREST,
    SIGNAL_PANEL,
    VENUE_TRADES,
)
from liquidity.simulation import MarketConfig
from liquidity.simulation.crypto_market import TapeConfig
from resources.feeds._simulated_tapes import read_tapes_truth, simulate_tapes_to_landing

pytestmark = pytest.mark.slow

PERP, FOLLOWER = "sim:BTCUSDT-PERP", "sim_b:BTCUSDT-PERP"
BOOK_FOLDERS = tuple(f"pulse/{contract.name}" for contract in CRYPTO_CONTRACTS)


def add_tapes(pipeline, days=3):
    """Generate the newest days of the pipeline's market; returns the first of them."""
    market = MarketConfig(seed=33, bonds=24, issuers=7, crypto_coins=3, crypto_perps=1)
    first = pipeline.last_day - timedelta(days=days - 1)
    config = TapeConfig(seed=33, coins=("BTC",), minutes=3, rows_per_message=20.0)
    simulate_tapes_to_landing(pipeline.landing, config, market, pipeline.first_day, first, pipeline.last_day)
    return first


@pytest.fixture(scope="module")
def books_pipeline(pipeline, postgres_server, tmp_path_factory):
    """A copy of the pipeline with tapes, its crypto tables and the newest day's pulse; tests read it only."""
    import os
    import shutil
    from dataclasses import replace

    from resources.embedded_postgres import clone_database, drop_database

    root = tmp_path_factory.mktemp("books") / "copy"
    shutil.copytree(pipeline.root, root, copy_function=os.link)
    url = clone_database(postgres_server.url, "pipeline", "books_pipeline")
    made = replace(pipeline, root=root, pulse_url=url)
    first = add_tapes(made)
    for job, start in (("crypto_books", first), ("daily_pulse", made.last_day)):
        result = made.run(job, start, made.last_day)
        assert result.success, [e.event_specific_data for e in result.all_events if e.is_step_failure]
    yield made
    drop_database(postgres_server.url, "books_pipeline")


@pytest.mark.feature("PL-OB-10", "PL-OB-12", "PL-FU-01", "PL-FU-02")
def test_every_crypto_table_has_its_rows_and_passes_its_blocking_check(books_pipeline):
    day = books_pipeline.last_day
    rows = {contract.name: len(books_pipeline.table(contract, day)) for contract in CRYPTO_CONTRACTS}
    assert all(rows.values()), rows
    assert rows[BOOK_DELTAS.name] == rows[BOOK_DAILY.name] == 2
    # The last of the three minutes is told only where a message follows it.
    assert 2 * 2 <= rows[MARKET_DEPTH.name] <= 2 * 3
    assert rows[BOOK_SNAPSHOTS.name] == 2 * 50 * rows[MARKET_DEPTH.name]
    assert 2 * 175 <= rows[BOOK_FEATURES.name] <= 2 * 181
    assert rows[OPEN_INTEREST.name] == 24
    assert rows[FUNDING_RATES.name] == 3
    for contract in CRYPTO_CONTRACTS:
        check = dg.AssetCheckKey(dg.AssetKey(contract.asset_path), "contract")
        [record] = books_pipeline.instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
        assert record.event.asset_check_evaluation.passed, contract.name


@pytest.mark.feature("PL-OB-04", "PL-OB-12", "PL-OB-16")
def test_what_was_planted_is_found_again(books_pipeline):
    truth = read_tapes_truth(books_pipeline.landing)
    deltas = books_pipeline.table(BOOK_DELTAS)
    features = books_pipeline.table(BOOK_FEATURES)
    losses = [loss for day in truth["days"].values() for loss in day["losses"]]
    assert deltas["gaps_count"].sum() == len(losses)
    for loss in losses:
        book = features[features["instrument_id"] == loss["instrument_id"]]
        at = book["at"].to_numpy("datetime64[ns]").astype(np.int64)
        lost = book[(at >= loss["from_ns"]) & (at < loss["until_ns"])]
        assert not lost["valid"].any()
        assert lost[["best_bid", "quoted_spread_bps", "book_score", "toxicity"]].isna().all(axis=None)
    walls = [level for day in truth["days"].values() for level in day["levels"] if level["kind"] == "wall"]
    assert walls
    for wall in walls:
        book = features[features["instrument_id"] == wall["instrument_id"]]
        at = book["at"].to_numpy("datetime64[ns]").astype(np.int64)
        [(begin, end)] = wall["shown_ns"]
        mid = (book["best_bid"] + book["best_ask"]) / 2.0
        near = (wall["price"] / mid - 1.0).abs() < 49e-4  # walls are looked for within 50 bps
        stood = book[(at >= begin + 5 * 10**9) & (at < end) & book["valid"] & near]
        assert (stood[f"{wall['side']}_walls_count"] >= 1).mean() > 0.9
    spoofs = [level for day in truth["days"].values() for level in day["levels"] if level["kind"] == "spoof"]
    assert not spoofs or features["flickers_count"].sum() > 0


@pytest.mark.feature("PL-OB-02", "PL-OB-03")
def test_the_day_equals_its_tables(books_pipeline):
    day = books_pipeline.last_day
    daily = books_pipeline.table(BOOK_DAILY, day).set_index("instrument_id").loc[PERP]
    features = books_pipeline.table(BOOK_FEATURES, day)
    seen = features[(features["instrument_id"] == PERP) & features["valid"]]
    trades = books_pipeline.table(VENUE_TRADES, day)
    trades = trades[trades["instrument_id"] == PERP]
    assert daily["quoted_spread_bps"] == pytest.approx(seen["quoted_spread_bps"].mean(), rel=1e-12)
    assert daily["bid_depth_10bps_quote"] == seen["bid_depth_10bps_quote"].median()
    assert daily["turnover_quote"] == pytest.approx((trades["price"] * trades["amount"]).sum(), rel=1e-9)
    assert daily["trades_count"] == len(trades)
    assert 0.0 <= daily["book_score"] <= 100.0
    drivers = orjson.loads(seen["drivers_json"].iloc[0])
    assert 50.0 + sum(each["points"] for each in drivers) == pytest.approx(seen["book_score"].iloc[0], abs=1e-5)


@pytest.mark.feature("BX-IX-09", "PL-OB-02")
def test_the_book_enters_the_panel_and_the_index_with_its_drivers(books_pipeline):
    day = books_pipeline.last_day
    daily = books_pipeline.table(BOOK_DAILY, day).set_index("instrument_id")
    panel = books_pipeline.table(SIGNAL_PANEL, day).set_index("instrument_id")
    for name in (PERP, FOLLOWER):
        assert panel.loc[name, "spread_bps"] == daily.loc[name, "quoted_spread_bps"]
        both = daily.loc[name, "bid_depth_10bps_quote"] + daily.loc[name, "ask_depth_10bps_quote"]
        assert panel.loc[name, "depth_density"] == pytest.approx(both / 20.0, rel=1e-12)
        assert panel.loc[name, "source"] == "simulated"
    # A few minutes of a day say nothing of the day's turnover; the delivered number of the other symbol stays.
    assert np.isnan(panel.loc[FOLLOWER, "turnover_ccy"])
    assert panel.loc[PERP, "turnover_ccy"] > 100 * daily.loc[PERP, "turnover_quote"]
    score = books_pipeline.table(LIQUIDITY_INDEX, day).set_index("instrument_id").loc[PERP]
    assert score["method"] == "observed"
    assert 0.0 <= score["liquidity_score"] <= 100.0
    assert score["uncertainty_sd"] > 0.0
    drivers = {each["feature"]: each["contribution"] for each in orjson.loads(score["drivers_json"])}
    assert {"spread_bps", "depth_density"} <= set(drivers)
    documents = books_pipeline.table(LIQUIDITY_PULSE, day).set_index("instrument_id")
    assert orjson.loads(documents.loc[PERP, "document"])["liquidity"]["score"] == pytest.approx(
        score["liquidity_score"]
    )


@pytest.mark.feature("PL-FU-03", "PL-FU-04", "PL-CT-04")
def test_derivatives_reconcile(books_pipeline):
    day = books_pipeline.last_day
    interest = books_pipeline.table(OPEN_INTEREST).sort_values("at", ignore_index=True)
    base = interest["open_interest_base"]
    np.testing.assert_allclose(
        interest["change_1h_frac"][1:], base[1:].to_numpy() / base[:-1].to_numpy() - 1, atol=1e-9
    )
    np.testing.assert_allclose(
        interest["change_24h_frac"][24:], base[24:].to_numpy() / base[:-24].to_numpy() - 1, atol=1e-9
    )
    assert interest["change_24h_frac"][:21].isna().all()  # a reading within a tenth of the day stands for 24 h before
    landed = pq.read_table(books_pipeline.landing / "crypto" / "liquidation_events" / f"simulated-{day}.parquet")
    events = books_pipeline.table(LIQUIDATION_EVENTS, day)
    assert events["notional_quote"].sum() == pytest.approx(sum(landed.column("notional_quote").to_pylist()), rel=1e-12)
    levels = books_pipeline.table(LIQUIDATION_LEVELS, day)
    assert (levels["basis"] == "modelled").all()
    assert levels["covered_frac"].between(0.0, 1.0).all()
    assert (levels.loc[levels["side"] == "long", "distance_frac"] < 0.0).all()
    rates = books_pipeline.table(FUNDING_RATES, day)
    np.testing.assert_allclose(rates["annualised_frac"], rates["rate_frac"] * 1095.0, rtol=1e-12)
    assert rates["predicted_next_frac"].notna().all()


def test_numbers_and_pictures_show_in_the_ui(books_pipeline):
    pictures = {
        BOOK_FEATURES: ("spread_and_depth", "imbalance"),
        MARKET_DEPTH: ("depth_profile",),
        BOOK_SNAPSHOTS: ("depth_profile",),
        OPEN_INTEREST: ("open_interest_history",),
        FUNDING_RATES: ("funding_rates_history",),
        BOOK_DAILY: ("book_daily_history",),
    }
    for contract, names in pictures.items():
        event = books_pipeline.instance.get_latest_materialization_event(dg.AssetKey(contract.asset_path))
        metadata = event.asset_materialization.metadata
        for name in names:
            assert metadata[name].value.startswith("![](<data:image/svg+xml,"), (contract.name, name)
            assert len(metadata[name].value) < 1000
            assert metadata[f"{name}_axes"].value
        assert metadata["rows"].value == len(books_pipeline.table(contract, books_pipeline.last_day))


@pytest.mark.feature("BX-FE-01", "PL-OB-12")
def test_dropping_the_future_changes_nothing(own_pipeline, books_pipeline):
    first = add_tapes(own_pipeline)
    for folder in (own_pipeline.landing / "tapes").glob("*/*/*"):
        if folder.name > str(first):
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
    assert own_pipeline.run("crypto_books", first).success
    for contract in CRYPTO_CONTRACTS:
        pd.testing.assert_frame_equal(own_pipeline.table(contract, first), books_pipeline.table(contract, first))


@pytest.mark.feature("CD-CT-08")
def test_a_broken_tape_stops_its_run_and_leaves_what_was_published(own_pipeline):
    first = add_tapes(own_pipeline, days=2)
    assert own_pipeline.run("crypto_books", first).success
    before = own_pipeline.hashes(*BOOK_FOLDERS)
    assert before
    [segment] = (own_pipeline.landing / "tapes" / "sim" / "BTCUSDT-PERP" / str(own_pipeline.last_day)).glob(
        "*.book.parquet"
    )
    content = segment.read_bytes()
    segment.unlink()
    segment.write_bytes(content[: len(content) // 2])

    result = own_pipeline.run("crypto_books", own_pipeline.last_day)

    assert not result.success
    failed = {e.step_key: e.event_specific_data.error_display_string for e in result.all_events if e.is_step_failure}
    assert segment.name in failed["books"]
    assert (
        own_pipeline.hashes(*(folder for folder in BOOK_FOLDERS if "book" in folder or "venue" in folder)).items()
        <= before.items()
    )


def test_a_day_without_tapes_gives_empty_tables(own_pipeline):
    assert own_pipeline.run("crypto_books", own_pipeline.last_day).success
    assert all(len(own_pipeline.table(contract, own_pipeline.last_day)) == 0 for contract in CRYPTO_CONTRACTS)
