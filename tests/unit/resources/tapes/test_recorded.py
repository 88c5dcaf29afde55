"""Recorded parquet sets give the rows that the raw capture of the same stream gives."""

import runpy
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liquidity.book.rows import COLUMNS, concatenate
from liquidity.domain.errors import ConfigError, ContractError
from resources.tapes import open_tape

_LINES = runpy.run_path(str(Path(__file__).with_name("capture_lines.py")))
stream = _LINES["stream"]
Line = dict[str, Any]

KEY = ("binanceusdm", "BTCUSDT")


def write_set(folder: Path, lines: list[Line]) -> Path:
    """Store the lines of a capture as a recorded set."""
    deltas, levels, trades = [], [], []
    for line in lines:
        body = line["msg"].get("data", line["msg"])
        if body.get("e") == "depthUpdate":
            ids = {"recv_ns": line["recv_ns"], "event_ms": body["E"], "U": body["U"], "u": body["u"], "pu": body["pu"]}
            for side, name in (("b", "b"), ("a", "a")):
                deltas += [{**ids, "side": side, "price": float(p), "qty": float(q)} for p, q in body[name]]
        elif "lastUpdateId" in body:
            ids = {"recv_ns": line["recv_ns"], "event_ms": None, "last_update_id": body["lastUpdateId"]}
            for side, name in (("b", "bids"), ("a", "asks")):
                levels += [{**ids, "side": side, "price": float(p), "qty": float(q)} for p, q in body[name]]
        else:
            trades.append({"recv_ns": line["recv_ns"], "trade_ms": body["T"], "trade_id": body["t"], "price": float(body["p"]),
                           "qty": float(body["q"]), "buyer_is_maker": body["m"]})  # fmt: skip
    stem = folder / "binance_usdm_btcusdt"
    numbers = [("recv_ns", pa.int64()), ("event_ms", pa.int64())]
    level = [("side", pa.large_string()), ("price", pa.float64()), ("qty", pa.float64())]
    ids = [("U", pa.int64()), ("u", pa.int64()), ("pu", pa.int64())]
    pq.write_table(pa.Table.from_pylist(deltas, pa.schema([*numbers, *ids, *level])), f"{stem}.depth.parquet")
    book = pa.schema([*numbers, ("last_update_id", pa.int64()), *level])
    pq.write_table(pa.Table.from_pylist(levels, book), f"{stem}.snapshot.parquet")
    pq.write_table(pa.Table.from_pylist(trades), f"{stem}.trades.parquet")
    return stem


@pytest.mark.parametrize("block_rows", [3, 7, 1000])
@pytest.mark.parametrize("fault", ["none", "lost", "repeated", "swapped"])
@pytest.mark.feature("PL-OB-12")
def test_the_columns_give_what_the_messages_give(
    tmp_path: Path, capture: Callable[..., Path], block_rows: int, fault: str
) -> None:
    lines = stream(12)
    if fault == "lost":
        del lines[14]
    elif fault == "repeated":
        lines.insert(15, {**lines[14], "recv_ns": lines[14]["recv_ns"] + 1})
    elif fault == "swapped":
        lines[14]["msg"], lines[16]["msg"] = lines[16]["msg"], lines[14]["msg"]
    raw, columns = open_tape(capture(lines)), open_tape(write_set(tmp_path, lines))
    assert columns.books == raw.books
    left = concatenate(list(columns.blocks(*KEY, block_rows=block_rows)))
    right = concatenate(list(raw.blocks(*KEY)))
    assert len(left) == len(right)
    for name in COLUMNS:
        assert (getattr(left, name) == getattr(right, name)).all(), name
    assert columns.counts == raw.counts
    came = [[head for part in tape.checked() for head in part.heads] for tape in (columns, raw)]
    assert came[0] == came[1]
    assert [trade.trade_id for trade in columns.trades(*KEY)] == [trade.trade_id for trade in raw.trades(*KEY)]
    assert [message.received_ns for message in columns.messages()] == [
        message.received_ns for message in raw.messages()
    ]


def test_any_file_of_the_set_names_it(tmp_path: Path) -> None:
    stem = write_set(tmp_path, stream(4))
    for name in (stem, stem.with_name(stem.name + ".trades.parquet"), stem.with_name(stem.name + ".depth.parquet")):
        assert set(open_tape(name).books) == {KEY}
    assert open_tape(stem).grid(*KEY).lot_size == Decimal("0.001")


def test_a_foreign_name_or_file_is_refused(tmp_path: Path) -> None:
    stem = write_set(tmp_path, stream(4))
    for part in ("depth", "snapshot", "trades"):
        (tmp_path / f"{stem.name}.{part}.parquet").rename(tmp_path / f"mystery.{part}.parquet")
    with pytest.raises(ConfigError, match="tells no venue"):
        open_tape(tmp_path / "mystery")
    assert set(open_tape(tmp_path / "mystery", venue="binanceusdm").books) == {("binanceusdm", "MYSTERY")}
    (tmp_path / "mystery.depth.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(ContractError, match="cannot be read as parquet"):
        _ = open_tape(tmp_path / "mystery", venue="binanceusdm").books
    pq.write_table(pa.table({"price": [1.0]}), tmp_path / "mystery.depth.parquet")
    with pytest.raises(ContractError, match="columns qty missing"):
        _ = open_tape(tmp_path / "mystery", venue="binanceusdm").books
