"""What was published, asked later: on a real PostgreSQL and real archive files."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from liquidity.contracts import LIQUIDITY_PULSE
from liquidity.domain.errors import ConfigError, ContractError, SourceUnavailableError
from resources.stores.pulse import PulseStore, configuration_hash

SESSION = date(2026, 11, 19)
T0 = datetime(2026, 11, 19, 22, 0, tzinfo=UTC)
CONFIGURATION = '{"profile":"bondx_v1","weights":{"spread_bps":0.3}}'


def pulse_rows(scores, session=SESSION):
    """LIQUIDITY_PULSE rows from instrument -> liquidity score."""
    n = len(scores)
    documents = [json.dumps({"instrument_id": name, "liquidity_score": score}) for name, score in scores.items()]
    return pa.table(
        {
            "session_date": pa.array([session] * n, pa.date32()),
            "instrument_id": pa.array(list(scores), pa.string()),
            "asset_class": pa.array(["bond_corporate"] * n, pa.string()),
            "sector": pa.array([None] * n, pa.string()),
            "rating": pa.array([None] * n, pa.string()),
            "liquidity_score": pa.array(list(scores.values()), pa.float64()),
            "repayment_score": pa.array([None] * n, pa.float64()),
            "bondx_score": pa.array([None] * n, pa.float64()),
            "change_points": pa.array([None] * n, pa.float64()),
            "document": pa.array(documents, pa.string()),
            "source": pa.array(["simulated"] * n, pa.string()),
        },
        schema=LIQUIDITY_PULSE.arrow_schema,
    )


def publish(
    store,
    scores,
    *,
    at=T0,
    configuration=CONFIGURATION,
    code="0.1.0+a",
    run="run-1",
    session=SESSION,
    calendars=("XBOM",),
):
    return store.publish(
        session,
        pulse_rows(scores, session),
        profiles=["bondx_v1"],
        configurations={configuration_hash(configuration): configuration},
        code_version=code,
        run_id=run,
        published_at=at,
        calendars=calendars,
        table_shas={"liquidity_index": "ab" * 32},
    )


@pytest.fixture
def store(postgres_url, tmp_path):
    return PulseStore(postgres_url, tmp_path)


@pytest.mark.feature("BX-DB-15")
def test_history_answers_what_was_published_then(store):
    publish(store, {"INE094A08176": 61.5, "binance:BTCUSDT": 90.0}, at=T0, run="run-1")
    publish(
        store, {"INE094A08176": 58.25, "binance:BTCUSDT": 90.0}, at=T0 + timedelta(hours=3), run="run-2", code="0.1.0+b"
    )

    assert store.what_was_published("INE094A08176", SESSION, T0 - timedelta(seconds=1)) is None
    first = store.what_was_published("INE094A08176", SESSION, T0)
    between = store.what_was_published("INE094A08176", SESSION, T0 + timedelta(hours=2, minutes=59))
    now = store.what_was_published("INE094A08176", SESSION)

    assert first == between
    assert (first.liquidity_score, first.publication.run_id, first.publication.code_version) == (
        61.5,
        "run-1",
        "0.1.0+a",
    )
    assert (now.liquidity_score, now.publication.run_id, now.publication.code_version) == (58.25, "run-2", "0.1.0+b")
    assert first.document == '{"instrument_id": "INE094A08176", "liquidity_score": 61.5}'
    assert first.configurations == {configuration_hash(CONFIGURATION): CONFIGURATION}
    assert store.configurations([configuration_hash(CONFIGURATION)]) == {
        configuration_hash(CONFIGURATION): CONFIGURATION
    }
    assert '"liquidity_score": 61.5' in first.text()
    assert first.publication.published_at == T0
    assert first.publication.table_shas == {"liquidity_index": "ab" * 32}
    assert store.what_was_published("INE094A08176", date(2026, 11, 18)) is None
    assert store.what_was_published("INE001A01036", SESSION) is None


@pytest.mark.feature("BX-DB-15")
def test_same_content_configuration_and_code_is_one_publication(store):
    first = publish(store, {"A1:X": 50.0, "B1:X": 60.0}, run="run-1")
    again = publish(
        store, {"B1:X": 60.0, "A1:X": 50.0}, run="run-2", at=T0 + timedelta(hours=1)
    )  # rows in another order
    assert (first.created, again.created) == (True, False)
    assert again.publication == first.publication
    assert len(store.history(SESSION)) == 1


@pytest.mark.parametrize(
    "other",
    [{"code": "0.1.0+b"}, {"configuration": CONFIGURATION.replace("0.3", "0.4")}],
    ids=["code", "configuration"],
)
def test_same_content_under_other_code_or_configuration_is_published_again(store, tmp_path, other):
    publish(store, {"A1:X": 50.0})
    assert publish(store, {"A1:X": 50.0}, at=T0 + timedelta(hours=1), **other).created
    assert len(store.history(SESSION)) == 2
    assert len(list(tmp_path.rglob("*.parquet"))) == 1  # one archive, two publications


def test_configurations_can_be_recorded_before_anything_is_published(store):
    known = {configuration_hash(CONFIGURATION): CONFIGURATION, configuration_hash("{}"): "{}"}
    store.record_configurations(known, T0)
    store.record_configurations(known, T0 + timedelta(days=1))
    assert store.configurations(list(known)) == known
    assert store.configurations([]) == {}
    with pytest.raises(ConfigError, match="0000000000000000: nothing was recorded"):
        store.configurations(["0" * 16, *known])
    with pytest.raises(ConfigError, match="is not the hash"):
        store.record_configurations({"0" * 16: "{}"}, T0)


def test_return_to_an_earlier_content_is_a_publication(store):
    for hour, score in enumerate((50.0, 40.0, 50.0)):
        assert publish(store, {"A1:X": score}, at=T0 + timedelta(hours=hour)).created
    assert store.what_was_published("A1:X", SESSION).liquidity_score == 50.0
    assert store.what_was_published("A1:X", SESSION, T0 + timedelta(hours=1)).liquidity_score == 40.0


def test_clock_set_back_keeps_the_order_of_publications(store):
    publish(store, {"A1:X": 50.0}, at=T0)
    late = publish(store, {"A1:X": 40.0}, at=T0 - timedelta(minutes=5))
    assert late.publication.published_at == T0 + timedelta(microseconds=1)
    assert store.what_was_published("A1:X", SESSION).liquidity_score == 40.0


def test_concurrent_publishers_of_the_same_make_one_publication(store):
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda n: publish(store, {"A1:X": 50.0}, run=f"run-{n}"), range(8)))
    assert sum(receipt.created for receipt in receipts) == 1
    assert len({receipt.publication.publication_id for receipt in receipts}) == 1


def test_swapped_or_lost_archive_is_refused(store, tmp_path):
    publish(store, {"A1:X": 50.0})
    publish(store, {"A1:X": 10.0}, session=date(2026, 11, 18))
    [path] = (tmp_path / "publications" / "session_date=2026-11-19").glob("*.parquet")
    [other] = (tmp_path / "publications" / "session_date=2026-11-18").glob("*.parquet")
    path.write_bytes(other.read_bytes())
    with pytest.raises(ContractError, match="sha256"):
        store.what_was_published("A1:X", SESSION)
    path.unlink()
    with pytest.raises(ContractError, match="gone"):
        store.what_was_published("A1:X", SESSION)


def test_forgetting_keeps_the_newest_of_each_session(store, tmp_path):
    for hour, score in enumerate((50.0, 40.0, 30.0)):
        publish(store, {"A1:X": score}, at=T0 + timedelta(hours=hour))
    publish(store, {"A1:X": 20.0}, session=date(2026, 11, 18))
    assert store.forget_superseded(T0 + timedelta(hours=1)) == 1  # only the first is older and replaced
    assert [row.published_at for row in store.history(SESSION)] == [T0 + timedelta(hours=1), T0 + timedelta(hours=2)]
    assert len(list(tmp_path.rglob("*.parquet"))) == 3
    assert store.forget_superseded(T0 + timedelta(days=999)) == 1
    assert store.what_was_published("A1:X", SESSION).liquidity_score == 30.0
    assert store.what_was_published("A1:X", date(2026, 11, 18)).liquidity_score == 20.0


def test_newest_session_of_each_calendar(store):
    publish(store, {"A1:X": 1.0}, session=date(2026, 11, 18), calendars=("XNYS", "24/7"))
    publish(store, {"A1:X": 1.0}, session=date(2026, 11, 19), calendars=("24/7",))
    assert store.newest_sessions() == {"24/7": date(2026, 11, 19), "XNYS": date(2026, 11, 18)}


def test_empty_session_can_be_published(store):
    assert publish(store, {}).publication.rows_count == 0
    assert store.what_was_published("A1:X", SESSION) is None


def test_content_hash_tells_apart_what_concatenation_would_not(store):
    one = replace(publish(store, {"A1:XY": 1.0, "A1:Z": 2.0}).publication)
    two = publish(store, {"A1:X": 1.0, "A1:YZ": 2.0}, at=T0 + timedelta(hours=1)).publication
    assert one.content_sha256 != two.content_sha256


def test_refusals(store, postgres_url, tmp_path, empty_postgres_url):
    rows = pulse_rows({"A1:X": 1.0})
    facts = {"profiles": ["p"], "code_version": "c", "run_id": "r", "published_at": T0}
    with pytest.raises(ConfigError, match="is not the hash"):
        store.publish(SESSION, rows, configurations={"0" * 16: CONFIGURATION}, **facts)
    good = {"configurations": {configuration_hash(CONFIGURATION): CONFIGURATION}, **facts}
    with pytest.raises(ConfigError, match="no time zone"):
        store.publish(SESSION, rows, **{**good, "published_at": datetime(2026, 11, 19)})  # noqa: DTZ001
    with pytest.raises(ContractError, match="2 rows for 1 instruments"):
        store.publish(SESSION, pa.concat_tables([rows, rows]), **good)
    with pytest.raises(ContractError, match="'document'"):
        store.publish(SESSION, rows.drop_columns(["document"]), **good)
    with pytest.raises(ConfigError, match="no time zone"):
        store.what_was_published("A1:X", SESSION, datetime(2026, 11, 19))  # noqa: DTZ001
    with pytest.raises(SourceUnavailableError, match="not been migrated"):
        PulseStore(empty_postgres_url, tmp_path).publication(SESSION)
    with pytest.raises(SourceUnavailableError, match="does not answer"):
        PulseStore("postgresql+psycopg2://postgres:@/pulse?host=/nowhere", tmp_path).publication(SESSION)


@pytest.mark.slow
def test_hundred_thousand_names_are_published_in_seconds_and_read_in_milliseconds(store):
    n = 100_000
    rng = np.random.default_rng(7)
    noise = [f'"contribution":{value:.12f}' for value in rng.normal(size=4096)]
    documents = [
        f'{{"instrument_id":"A1:{i:06d}","drivers":[{",".join(noise[(i * 7 + k) % 4096] for k in range(15))}]}}'
        for i in range(n)
    ]
    table = pa.table(
        {
            "instrument_id": [f"A1:{i:06d}" for i in range(n)],
            "liquidity_score": rng.uniform(0, 100, n),
            "repayment_score": rng.uniform(0, 100, n),
            "bondx_score": rng.uniform(0, 100, n),
            "document": documents,
        }
    )
    start = time.perf_counter()
    store.publish(
        SESSION,
        table,
        profiles=["bondx_v1"],
        configurations={configuration_hash(CONFIGURATION): CONFIGURATION},
        code_version="0.1.0+a",
        run_id="r",
        published_at=T0,
    )
    published_s = time.perf_counter() - start
    store.what_was_published("A1:050000", SESSION)  # the first read checks the archive's hash
    start = time.perf_counter()
    found = store.what_was_published("A1:077777", SESSION)
    read_s = time.perf_counter() - start
    assert found.document == documents[77_777]
    print(f"published in {published_s:.2f} s, read in {read_s * 1000:.1f} ms")
    assert published_s < 10.0  # 1-2 s on an idle machine; the bound allows for a busy one
    assert read_s < 0.5
