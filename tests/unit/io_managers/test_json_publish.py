"""liquidity_pulse.json: whole, ordered, atomic, latest only when newest."""

import errno
import hashlib
import json
from datetime import date

import jsonschema
import pytest

from io_managers import json_publish
from io_managers.json_publish import latest_path, pulse_path, read_pulse_json, write_pulse_json
from liquidity.domain.errors import ContractError
from liquidity.index.pulse_document import PULSE_SCHEMA, SCHEMA_VERSION

DAY = date(2026, 11, 19)


def documents(*names, day=DAY, score=50.0):
    return [json.dumps({"instrument_id": name, "as_of": day.isoformat(), "liquidity_score": score}) for name in names]


@pytest.mark.feature("BX-CT-05")
def test_written_documents_are_read_back_unchanged(tmp_path):
    written = documents("A1:X", "INE094A08176")
    receipt = write_pulse_json(tmp_path, DAY, iter(written), {"schema_version": 1, "note": "é"})
    content = read_pulse_json(receipt.path)
    assert [json.dumps(item) for item in content["data"]] == written
    assert (content["schema_version"], content["note"], content["session_date"]) == (1, "é", "2026-11-19")
    assert receipt.path == pulse_path(tmp_path, DAY)
    assert receipt.sha256 == hashlib.sha256(receipt.path.read_bytes()).hexdigest()
    assert receipt.size_bytes == receipt.path.stat().st_size
    assert (receipt.items_count, receipt.is_latest) == (2, True)


def test_bytes_and_text_give_the_same_file(tmp_path):
    texts = documents("A1:X", "A1:Y")
    one = write_pulse_json(tmp_path / "a", DAY, texts, {"v": 1})
    two = write_pulse_json(tmp_path / "b", DAY, [text.encode() for text in texts], {"v": 1})
    assert one.sha256 == two.sha256


def test_a_file_of_many_pieces_is_hashed_and_written_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(json_publish, "_WRITTEN_AT_ONCE_BYTES", 1_000)
    written = documents(*(f"A1:{number:05}" for number in range(500)))
    receipt = write_pulse_json(tmp_path, DAY, iter(written), {"v": 1})
    assert [json.dumps(item) for item in read_pulse_json(receipt.path)["data"]] == written
    assert receipt.sha256 == hashlib.sha256(receipt.path.read_bytes()).hexdigest()
    assert receipt.size_bytes > 10_000


def test_a_full_disk_is_told_and_leaves_the_previous_file(tmp_path, monkeypatch):
    receipt = write_pulse_json(tmp_path, DAY, documents("A1:X"), {})
    before = receipt.path.read_bytes()

    def full(self, whole):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(json_publish._HashedFile, "_write", full)
    with pytest.raises(OSError, match="No space"):
        write_pulse_json(tmp_path, DAY, documents("A1:X", "A1:Y"), {})
    assert receipt.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["liquidity_pulse.json"] * 2


def test_empty_session_and_empty_header(tmp_path):
    receipt = write_pulse_json(tmp_path, DAY, [], {})
    assert read_pulse_json(receipt.path) == {"session_date": "2026-11-19", "data": []}


@pytest.mark.feature("BX-CT-05")
def test_header_and_frame_satisfy_the_schema(tmp_path):
    header = {
        "schema_version": SCHEMA_VERSION,
        "published_at": "2026-11-19T22:00:00+00:00",
        "config_hash": "0" * 16,
        "code_version": "0.1.0+a",
    }
    receipt = write_pulse_json(tmp_path, DAY, [], header)
    validator = jsonschema.Draft202012Validator(PULSE_SCHEMA)
    assert list(validator.iter_errors(read_pulse_json(receipt.path))) == []
    receipt = write_pulse_json(tmp_path, DAY, documents("A1:X"), header)
    assert {error.absolute_path[0] for error in validator.iter_errors(read_pulse_json(receipt.path))} == {
        "data"
    }  # a toy document


def test_latest_follows_the_newest_session_only(tmp_path):
    older, newer = date(2026, 11, 18), date(2026, 11, 20)
    assert write_pulse_json(tmp_path, DAY, documents("A1:X"), {}).is_latest
    assert not write_pulse_json(tmp_path, older, documents("A1:X", day=older), {}).is_latest
    assert read_pulse_json(latest_path(tmp_path))["session_date"] == "2026-11-19"
    assert write_pulse_json(tmp_path, newer, documents("A1:X", day=newer), {}).is_latest
    assert read_pulse_json(latest_path(tmp_path))["session_date"] == "2026-11-20"
    write_pulse_json(tmp_path, newer, documents("A1:X", day=newer, score=10.0), {})
    assert read_pulse_json(latest_path(tmp_path))["data"][0]["liquidity_score"] == 10.0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["{"], "document 1: not JSON"),
        (["[1]"], "no object with a text 'instrument_id'"),
        (['{"instrument_id":7}'], "no object with a text 'instrument_id'"),
        (['{"instrument_id":"A1:W"}'], "A1:W after A1:X"),
        (['{"instrument_id":"A1:X"}'], "A1:X after A1:X"),
        (['{"instrument_id":"A1:Y","as_of":"2026-11-18"}'], "as_of is '2026-11-18'"),
        (['{"instrument_id":"A1:Y","score":NaN}'], "not JSON"),
    ],
)
def test_bad_document_leaves_the_previous_file(tmp_path, bad, message):
    receipt = write_pulse_json(tmp_path, DAY, documents("A1:X"), {})
    before = receipt.path.read_bytes()
    with pytest.raises(ContractError, match=message):
        write_pulse_json(tmp_path, DAY, documents("A1:X") + bad, {})
    assert receipt.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["liquidity_pulse.json"] * 2


def test_header_may_not_replace_the_documents(tmp_path):
    with pytest.raises(ContractError, match="data"):
        write_pulse_json(tmp_path, DAY, [], {"data": []})


def test_unreadable_files_are_named(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(ContractError, match="no such file"):
        read_pulse_json(path)
    for text, message in (("{", "not JSON"), ("[]", "no object"), ('{"data":1}', "no object")):
        path.write_text(text)
        with pytest.raises(ContractError, match=message):
            read_pulse_json(path)
