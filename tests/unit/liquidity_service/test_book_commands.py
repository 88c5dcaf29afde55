"""Replay, check and compare on generated recordings, and on every recorded file of the data folder."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from liquidity.book.book_features import MAX_TICKS
from liquidity.book.grid import BookGrid
from liquidity.book.reference import replay_reference
from liquidity_service.book_commands import every
from liquidity_service.cli import main
from resources.tapes import open_tape

START_NS = 1_774_000_000_000_000_000


def capture(path: Path, symbol="BTCUSDT", messages=200, lose=(), shift_ns=0, seed=1, base=10_000) -> Path:
    """A Binance capture of a random walk: a REST book, then one delta every 50 ms; ``lose`` names messages left out."""
    draw = np.random.default_rng(seed)
    mid = base + np.cumsum(draw.integers(-3, 4, messages + 1))
    lines, at, last = [], START_NS + shift_ns, 100

    def levels(side, ticks, size):
        return [[f"{Decimal(int(each)) / 10}", size] for each in ticks]

    def write(body, **more):
        lines.append(json.dumps({"recv_ns": at, "msg": body} | more))

    asks, bids = range(mid[0] + 1, mid[0] + 60), range(mid[0] - 60, mid[0])
    write({"lastUpdateId": last, "symbol": symbol, "bids": levels("b", bids, "1.5"), "asks": levels("a", asks, "2.5")})
    bids, asks = set(bids), set(asks)
    for number in range(1, messages + 1):
        at += 50_000_000
        new_bids, new_asks = set(range(mid[number] - 60, mid[number])), set(range(mid[number] + 1, mid[number] + 60))
        delta = {
            "e": "depthUpdate", "E": at // 1_000_000 + 1270, "T": 0, "s": symbol, "U": last + 1, "u": last + 3, "pu": last,
            "b": levels("b", bids - new_bids, "0") + levels("b", new_bids - bids, "1.5"),
            "a": levels("a", asks - new_asks, "0") + levels("a", new_asks - asks, "2.5"),
        }  # fmt: skip
        last, bids, asks = last + 3, new_bids, new_asks
        if number not in lose:
            write({"stream": f"{symbol.lower()}@depth", "data": delta})
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("update", "update"),
        ("message", "message"),
        ("100ms", 10**8),
        ("1s", 10**9),
        ("5m", 3 * 10**11),
        ("250us", 250_000),
    ],
)
def test_cadences_are_read(text, read):
    assert every(text) == read


@pytest.mark.parametrize("cadence", ["update", "message", "100ms"])
def test_replay_writes_what_the_reference_says(tmp_path, capsys, cadence):
    tape = capture(tmp_path / "one.jsonl.gz")
    out = tmp_path / "features.parquet"
    assert main(["book", "replay", str(tape), "--every", cadence, "--out", str(out)]) == 0
    rows = pq.read_table(out)
    opened = open_tape(tape)
    grid = opened.grid("binanceusdm", "BTCUSDT")
    expected = list(replay_reference(opened.blocks("binanceusdm", "BTCUSDT"), grid, every(cadence)))
    assert rows.num_rows == len(expected)
    assert set(rows["venue"].to_pylist()) == {"binanceusdm"}
    assert set(rows["venue_symbol"].to_pylist()) == {"BTCUSDT"}
    assert rows["at_ns"].to_pylist() == [each.at_ns for each in expected]
    spread = np.array([each.quoted_spread_bps for each in expected])
    np.testing.assert_allclose(rows["quoted_spread_bps"].to_numpy(), spread, rtol=1e-12)
    told = capsys.readouterr().out
    invalid = sum(not each.valid for each in expected)  # between two updates of one message a book may cross
    assert f"{len(expected):,} rows, {invalid / len(expected):.2%} invalid" in told
    assert invalid == 0 or cadence == "update"
    assert f"{len(expected):,} rows of 1 books in {out}" in told


@pytest.mark.feature("PL-OB-12")
def test_a_gap_on_the_tape_is_invalid_rows_and_a_failed_check(tmp_path, capsys):
    flawed, good = capture(tmp_path / "a.jsonl.gz", lose=range(100, 130)), capture(tmp_path / "b.jsonl.gz")
    out = tmp_path / "features.parquet"
    assert main(["book", "replay", str(flawed), "--every", "100ms", "--out", str(out)]) == 0
    rows = pq.read_table(out)
    valid = rows["valid"].to_numpy(zero_copy_only=False)
    lost_ns = START_NS + 130 * 50_000_000
    assert not valid[rows["at_ns"].to_numpy() >= lost_ns].any()
    assert np.isnan(rows["quoted_spread_bps"].to_numpy()[~valid]).all()
    assert "gap 1" in capsys.readouterr().out
    assert main(["book", "check", str(good)]) == 0
    assert f"{good}: good" in capsys.readouterr().out
    assert main(["book", "check", str(good), str(flawed)]) == 1
    told = capsys.readouterr().out
    assert f"{flawed}: FLAWED" in told
    assert "1 gap" in told


def test_several_books_are_one_row_set_and_a_symbol_can_be_chosen(tmp_path, capsys):
    one, two = capture(tmp_path / "a.jsonl.gz"), capture(tmp_path / "b.jsonl.gz", symbol="ETHUSDT", seed=2)
    out = tmp_path / "features.parquet"
    assert main(["book", "replay", str(one), str(two), "--out", str(out)]) == 0
    assert set(pq.read_table(out)["venue_symbol"].to_pylist()) == {"BTCUSDT", "ETHUSDT"}
    assert main(["book", "replay", str(one), str(two), "--symbol", "ETHUSDT", "--out", str(out)]) == 0
    assert set(pq.read_table(out)["venue_symbol"].to_pylist()) == {"ETHUSDT"}
    assert main(["book", "replay", str(one), "--symbol", "DOGE", "--out", str(out)]) == 2
    assert "no book DOGE on the tape; it carries binanceusdm:BTCUSDT" in capsys.readouterr().err


def test_a_replay_that_gives_nothing_leaves_the_file_that_was_there(tmp_path, capsys):
    tape = capture(tmp_path / "a.jsonl.gz", messages=1)
    out = tmp_path / "features.parquet"
    out.write_bytes(b"before")
    assert main(["book", "replay", str(tape), "--every", "60m", "--out", str(out)]) == 1
    assert "no row of figures came out of 1 books" in capsys.readouterr().err
    assert out.read_bytes() == b"before"


def test_what_is_no_tape_is_refused(tmp_path, capsys):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    assert main(["book", "check", str(path)]) == 2
    assert "no tape" in capsys.readouterr().err
    path = tmp_path / "torn.jsonl.gz"
    path.write_bytes(capture(tmp_path / "a.jsonl.gz").read_bytes()[:2000])
    assert main(["book", "check", str(path)]) == 1
    assert "truncated_file" in capsys.readouterr().out


def test_compare_finds_the_book_that_leads(tmp_path, capsys):
    leader = capture(tmp_path / "a.jsonl.gz", messages=1500)
    follower = capture(tmp_path / "b.jsonl.gz", symbol="FOLLOWS", messages=1500, shift_ns=200_000_000)
    assert main(["book", "compare", str(leader), str(follower), "--every", "50ms"]) == 0
    told = capsys.readouterr().out
    assert "binanceusdm:BTCUSDT leads by 200 ms; correlation 1.000 at that delay" in told
    assert "they cross at " in told
    assert main(["book", "compare", str(leader)]) == 2
    assert "compare needs two books" in capsys.readouterr().err


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.feature("PL-OB-12")
@pytest.mark.parametrize("folder", ["orderbook", "venue_captures"])
def test_every_recorded_file_is_good_and_replays_valid(real_data, tmp_path, capsys, folder):
    files = sorted((real_data / folder).glob("*.jsonl.gz")) + sorted((real_data / folder).glob("*.depth.parquet"))
    assert len(files) >= 6
    for path in files:
        assert main(["book", "check", str(path)]) == 0, capsys.readouterr().out
        out = tmp_path / "features.parquet"
        assert main(["book", "replay", str(path), "--every", "100ms", "--out", str(out)]) == 0
        rows = pq.read_table(out, columns=["venue_symbol", "valid"]).to_pandas()
        share = rows.groupby("venue_symbol", observed=True)["valid"].mean()
        tape = open_tape(path)
        for venue, symbol in tape.books:
            highest = max(int(block.price_ticks.max()) for block in tape.blocks(venue, symbol))
            if highest <= MAX_TICKS:  # the engine has no book where somebody offers beyond its range
                assert share[symbol] > 0.9, f"{path} {symbol}"


@pytest.mark.real_data
@pytest.mark.feature("PL-OB-12")
def test_the_damaged_recording_is_found_out(real_data, capsys):
    path = real_data / "bad_inputs" / "binance_usdm_alts_gap_dup_reorder.jsonl.gz"
    assert main(["book", "check", str(path)]) == 1
    told = capsys.readouterr().out
    assert "1 gap" in told
    assert "3 duplicates, 1 out of order" in told


def test_the_grid_of_a_capture_is_the_smallest_step_seen(tmp_path):
    tape = open_tape(capture(tmp_path / "a.jsonl.gz"))
    assert tape.books[("binanceusdm", "BTCUSDT")] == BookGrid(Decimal("0.1"), Decimal("0.1"), 1.0, "linear")
