"""Stored states: the same bytes for the same arrays, and nothing read that is not ours."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from liquidity.domain.errors import ContractError
from liquidity.forecast import state_bytes
from liquidity.forecast.state_bytes import from_bytes, nested, part, sha256_hex, to_bytes

pytestmark = pytest.mark.feature("BX-FC-07")

STATE = {
    "member/split": np.array([2, -1, -1], np.int32),
    "member/names": np.array(["level", "naïve"]),
    "calibration/widths": np.array([[1.5, np.nan], [np.inf, -0.0]]),
    "trained_on": np.array("2026-03-02", "datetime64[D]"),
    "empty": np.zeros((0, 7), np.float32),
    "flags": np.array([True, False]),
}


def archive(entries: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for name, content in entries.items():
            made.writestr(name, content)
    return packed.getvalue()


def npy(values: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    content = io.BytesIO()
    np.save(content, values, allow_pickle=allow_pickle)
    return content.getvalue()


def test_arrays_come_back_as_they_were() -> None:
    data = to_bytes(STATE)
    back = from_bytes(data, sha256_hex(data))
    assert set(back) == set(STATE)
    for name, values in STATE.items():
        assert back[name].dtype == values.dtype
        assert back[name].shape == values.shape
        assert back[name].tobytes() == values.tobytes()


def test_bytes_depend_on_the_arrays_alone() -> None:
    turned = dict(reversed(list(STATE.items())))
    turned["calibration/widths"] = np.asfortranarray(STATE["calibration/widths"])
    assert to_bytes(turned) == to_bytes(STATE)
    assert to_bytes({**STATE, "flags": np.array([True, True])}) != to_bytes(STATE)


def test_numpy_reads_them_without_us() -> None:
    with np.load(io.BytesIO(to_bytes(STATE)), allow_pickle=False) as found:
        assert found["member/split"].tolist() == [2, -1, -1]


@given(
    hnp.arrays(st.sampled_from([np.float64, np.int16, np.uint8, np.bool_]), hnp.array_shapes(min_dims=0, min_side=0))
)
@settings(max_examples=40, deadline=None)
def test_any_plain_array_survives(values: np.ndarray) -> None:
    data = to_bytes({"values": values})
    back = from_bytes(data, sha256_hex(data))["values"]
    assert (back.dtype, back.shape, back.tobytes()) == (values.dtype, values.shape, values.tobytes())


def test_a_changed_byte_is_refused_before_anything_is_read() -> None:
    data = to_bytes(STATE)
    broken = data[:100] + bytes([data[100] ^ 1]) + data[101:]
    with pytest.raises(ContractError, match="changed or cut short"):
        from_bytes(broken, sha256_hex(data))
    with pytest.raises(ContractError, match="changed or cut short"):
        from_bytes(data[:-1], sha256_hex(data))


def test_objects_are_neither_written_nor_read() -> None:
    with pytest.raises(ContractError, match="holds object"):
        to_bytes({"payload": np.array([{}], dtype=object)})
    data = archive({"payload.npy": npy(np.array([print], dtype=object), allow_pickle=True)})
    with pytest.raises(ContractError, match="holds object"):
        from_bytes(data, sha256_hex(data))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not an archive"),
        (b"no archive at all", "not an archive"),
        (archive({"a.npy": b"\x80\x04K\x01."}), "no numpy array"),
        (archive({"../a.npy": npy(np.ones(1))}), "name '../a' is not made of"),
        (archive({"a.npy": npy(np.ones(4))[:-8]}), "24 bytes, its header says 32"),
        (archive({"a.npy": npy(np.ones(4)) + b"more"}), "36 bytes, its header says 32"),
        (archive({"a.npy": b"\x93NUMPY\x01\x00\x10\x00{'shape': (1, 2"}), "not an archive"),
    ],
)
def test_what_is_not_ours_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        from_bytes(data, sha256_hex(data))


def test_too_large_is_refused_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    data = to_bytes({"zeros": np.zeros(10_000)})
    monkeypatch.setattr(state_bytes, "MAX_STATE_BYTES", 50_000)
    with pytest.raises(ContractError, match=r"allowed 50,000"):
        to_bytes({"zeros": np.zeros(10_000)})
    with pytest.raises(ContractError, match=r"unpacked, allowed 50,000"):
        from_bytes(data, sha256_hex(data))


def test_a_name_that_is_no_name_is_refused() -> None:
    with pytest.raises(ContractError, match="'Member' is not made of"):
        to_bytes({"Member": np.ones(1)})


def test_parts_are_nested_and_taken_out() -> None:
    whole = {**nested("member", {"split": np.ones(2)}), **nested("member_2", {"split": np.zeros(1)})}
    assert list(part(whole, "member")) == ["split"]
    assert part(whole, "member")["split"].tolist() == [1.0, 1.0]
    assert part(whole, "bands") == {}
