"""Our own recordings: whole or not there, readable alone, recovered after a crash."""

import os
import runpy
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, SNAPSHOT, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.rows import COLUMNS, concatenate
from liquidity.domain.book_message import TradeMessage
from liquidity.domain.errors import ConfigError, ContractError
from resources.tapes import Gap, SegmentWriter, open_tape, recover_segments, symbol_folder
from resources.tapes.segment_tape import SegmentTape

_LINES = runpy.run_path(str(Path(__file__).with_name("capture_lines.py")))
stream = _LINES["stream"]

GRID = BookGrid(Decimal("0.1"), Decimal("0.001"), 100.0, "inverse")
KEY = ("binanceusdm", "BTCUSDT")
DAY_NS = 86_400_000_000_000
MIDNIGHT_NS = 20_000 * DAY_NS


def message(at_ns: int, id_: int, *levels: tuple[int, int, int], action: int = DELTA) -> BookBlock:
    """One message; levels are side, ticks, lots."""
    rows = len(levels)
    ends = np.arange(rows) == rows - 1
    side, ticks, lots = (np.array(column) for column in zip(*levels, strict=True))
    same = {name: np.full(rows, value, dtype=np.int64) for name, value in (("at", at_ns), ("id", id_), ("none", NO_ID))}
    return BookBlock(
        same["at"], same["at"], np.full(rows, action, dtype=np.int8), ends, side.astype(np.int8), ticks.astype(np.int64),
        lots.astype(np.int64), same["none"], same["id"], same["none"],
    )  # fmt: skip


def around_midnight() -> list[BookBlock]:
    return [
        message(MIDNIGHT_NS - 2, 1, (1, 1000, 5), (1, 999, 4), (-1, 1010, 6), action=SNAPSHOT),
        message(MIDNIGHT_NS - 1, 2, (1, 1000, 0), (1, 998, 2)),
        message(MIDNIGHT_NS, 3, (-1, 1011, 9)),
        message(MIDNIGHT_NS + 1, 4, (1, 999, 1)),
    ]


def die(writer: SegmentWriter) -> None:
    """What the operating system does for a killed process: the files are closed as they are."""
    for part in (writer._book, *writer._sides.values()):
        if part is not None:
            part._file.close()


def equal(left: BookBlock, right: BookBlock) -> bool:
    return len(left) == len(right) and all((getattr(left, name) == getattr(right, name)).all() for name in COLUMNS)


def test_a_recording_is_read_back_row_for_row(tmp_path: Path, capture: Callable[..., Path]) -> None:
    tape = open_tape(capture(stream(60)))
    blocks = list(tape.blocks(*KEY, block_rows=16))
    with SegmentWriter(tmp_path / "lake", *KEY, tape.grid(*KEY), max_segment_rows=50, flush_rows=20) as writer:
        for block in blocks:
            writer.write(block)
        writer.write_trades(list(tape.trades(*KEY)))
        writer.write_gap(Gap(5, None, "silent"))
        writer.write_gap(Gap(7, 9, "gap", 30, 33))
    recorded = open_tape(tmp_path / "lake")
    assert recorded.books == tape.books
    assert len(list((tmp_path / "lake").rglob("*.book.parquet"))) > 2
    assert equal(concatenate(list(recorded.blocks(*KEY, block_rows=7))), concatenate(blocks))
    assert [entry.trade_id for entry in recorded.trades(*KEY)] == [entry.trade_id for entry in tape.trades(*KEY)]
    assert isinstance(recorded, SegmentTape)
    assert list(recorded.gaps(*KEY)) == [Gap(5, None, "silent"), Gap(7, 9, "gap", 30, 33)]
    assert sum(1 for _ in recorded.messages()) == 60 + 60  # one delta less than sent: the REST book held it


def test_each_day_begins_with_the_book_as_it_stands(tmp_path: Path) -> None:
    with SegmentWriter(tmp_path, *KEY, GRID) as writer:
        writer.write(concatenate(around_midnight()))
    folders = sorted(path.name for path in (tmp_path / "binanceusdm" / "BTCUSDT").iterdir())
    assert folders == ["2024-10-03", "2024-10-04"]
    assert equal(concatenate(list(open_tape(tmp_path).blocks(*KEY))), concatenate(around_midnight()))
    (alone,) = open_tape(tmp_path / "binanceusdm" / "BTCUSDT" / "2024-10-04").blocks(*KEY)
    opening = alone.action == SNAPSHOT
    levels = {(int(s), int(t)): int(q) for s, t, q in zip(alone.side, alone.price_ticks, alone.size_lots, strict=True)
              if opening[0]}  # fmt: skip
    assert levels == {(1, 998): 2, (1, 999): 1, (-1, 1010): 6, (-1, 1011): 9}
    assert opening.tolist() == [True, True, True, False, False]
    assert alone.received_ns[0] == MIDNIGHT_NS
    assert alone.last_id[0] == 2


def test_a_book_that_was_unknown_at_midnight_opens_with_nothing(tmp_path: Path) -> None:
    lost = message(MIDNIGHT_NS - 1, NO_ID, (0, 0, 0), action=INVALIDATE)
    with SegmentWriter(tmp_path, *KEY, GRID) as writer:
        for block in (around_midnight()[0], lost, message(MIDNIGHT_NS, 9, (1, 10, 1), action=SNAPSHOT)):
            writer.write(block)
    (alone,) = open_tape(tmp_path / "binanceusdm" / "BTCUSDT" / "2024-10-04").blocks(*KEY)
    assert alone.last_id.tolist() == [9]


def test_while_the_recorder_was_down_the_book_is_unknown(tmp_path: Path) -> None:
    for start in (0, 10):
        with SegmentWriter(tmp_path, *KEY, GRID) as writer:
            writer.write(message(MIDNIGHT_NS + start, 1 + start, (1, 1000, 5), action=SNAPSHOT))
    tape = open_tape(tmp_path)
    both = concatenate(list(tape.blocks(*KEY)))
    assert both.action.tolist() == [SNAPSHOT, INVALIDATE, SNAPSHOT]
    assert both.received_ns.tolist() == [MIDNIGHT_NS, MIDNIGHT_NS, MIDNIGHT_NS + 10]
    assert tape.counts[KEY]["recording_gap"] == 1


def test_after_a_crash_what_reached_the_disk_is_recovered_and_nothing_torn_is_seen(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, *KEY, GRID)
    blocks = around_midnight()[:2]
    writer.write(blocks[0])
    writer.write_trades([TradeMessage("BTCUSDT", MIDNIGHT_NS - 1, None, "7", "100.5", "3", 0)])
    writer.flush()
    writer.write(blocks[1])  # held in memory when the process dies
    die(writer)
    assert list(tmp_path.rglob("*.parquet")) == []  # nobody sees an unfinished segment
    (part,) = tmp_path.rglob("*.book.part")
    with part.open("ab") as file:
        file.write(b"\xff\xff\xff\xff\x40\x01")  # and a batch was cut half way
    torn = part.with_name("5.gaps.part")
    torn.write_bytes(b"")
    after = SegmentWriter(tmp_path, *KEY, GRID)
    after.close()
    tape = open_tape(tmp_path)
    assert equal(concatenate(list(tape.blocks(*KEY))), blocks[0])
    assert [entry.trade_id for entry in tape.trades(*KEY)] == ["7"]
    assert list(tmp_path.rglob("*.part")) == []
    assert [path.name for path in tmp_path.rglob("*.torn")] == ["5.gaps.part.torn"]
    assert recover_segments(tmp_path) == []


def test_every_cut_of_an_unfinished_file_ends_in_whole_rows_or_none(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "a", *KEY, GRID)
    for block in around_midnight()[:2]:
        writer.write(block)
        writer.flush()
    die(writer)
    (part,) = (tmp_path / "a").rglob("*.book.part")
    content = part.read_bytes()
    seen = set()
    for length in [*range(0, len(content), 97), len(content)]:
        folder = tmp_path / f"cut{length}"
        folder.mkdir()
        (folder / part.name).write_bytes(content[:length])
        (result,) = recover_segments(folder)
        seen.add(pq.read_metadata(result).num_rows if result.suffix == ".parquet" else 0)
    assert seen == {0, 3, 5}


def test_closing_twice_or_writing_nothing_leaves_nothing_behind(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, *KEY, GRID)
    writer.write(concatenate(()))
    writer.close()
    writer.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("symbol", "folder"),
    [
        ("BTC-USDT", "BTC-USDT"), ("ETH/CHF", "ETH%2FCHF"), ("../../x", "%2E.%2F..%2Fx"), ("..", "%2E."), (".", "%2E"),
        ("a\\b", "a%5Cb"), ("a\0b", "a%00b"), ("é", "%C3%A9"), ("%2E", "%252E"),
    ],
)  # fmt: skip
def test_a_symbols_folder_is_one_harmless_part(tmp_path: Path, symbol: str, folder: str) -> None:
    assert symbol_folder(symbol) == folder
    inside = Path(os.path.normpath(tmp_path / folder))
    assert inside.parent == tmp_path
    inside.mkdir()


def test_a_symbol_that_cannot_be_a_folder_is_refused() -> None:
    for symbol in ("", "x" * 200):
        with pytest.raises(ConfigError, match="allowed 1 to 120"):
            symbol_folder(symbol)


def test_a_foreign_parquet_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "5.book.parquet").write_bytes(b"nothing")
    with pytest.raises(ContractError, match="no segment of ours"):
        open_tape(tmp_path)
