"""The report on a tape: made faults, and the recorded ones."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from resources.tapes import check_tape
from resources.tapes.check import BookReport

_LINES = runpy.run_path(str(Path(__file__).with_name("capture_lines.py")))
depth, rest_book, stream = (_LINES[name] for name in ("depth", "rest_book", "stream"))

Capture = Callable[..., Path]


def only(report_of: Path) -> BookReport:
    (book,) = check_tape(report_of).books
    return book


def test_a_sound_tape(capture: Capture) -> None:
    book = only(capture(stream(50)))
    assert book.is_sound
    assert (book.deltas_n, book.snapshots_n, book.buffered_n, book.snapshot_after_ms) == (50, 1, 3, 200.000001)
    assert book.clock is not None
    assert round(book.clock.median_ms) == -1270
    assert "no gap; 0 duplicates" in book.text()
    assert "snapshot 200 ms after the first delta: 3 buffered" in book.text()


@pytest.mark.feature("PL-OB-12")
def test_losses_repeats_and_swaps_are_told_apart(capture: Capture) -> None:
    numbers = [*range(1, 20), *range(25, 40), 39, 39, 41, 40, *range(42, 60)]
    lines = [depth(number) for number in numbers]
    lines.insert(4, rest_book(3))
    book = only(capture(lines))
    assert not book.is_sound
    assert [(gap.after_id, gap.before_id) for gap in book.lost] == [(190, 240)]
    assert book.lost_estimate_n == 5
    assert (book.duplicates_n, book.out_of_order_n) == (2, 1)
    assert "1 gap (after 190..240, about 5 messages)" in book.text()
    assert "book lost: gap 1" in book.text()


def test_crossed_books_and_missing_snapshots_are_not_sound(capture: Capture) -> None:
    crossed = depth(4)
    crossed["msg"]["data"]["b"] = [["102.5", "1"]]
    report = check_tape(capture([*stream(3), crossed, *[depth(number) for number in range(5, 8)]]))
    assert report.books[0].crossed_n > 0
    assert not report.is_sound
    assert not check_tape(capture([depth(1), depth(2)])).is_sound


def test_what_could_not_be_read_is_told(capture: Capture) -> None:
    report = check_tape(capture([*stream(5), b"{torn"]))
    assert report.losses == {"not_json": 1}
    assert not report.is_sound
    assert report.text().endswith("not read: not_json 1")


@pytest.mark.real_data
@pytest.mark.feature("PL-OB-12")
def test_the_capture_with_made_faults(real_data: Path) -> None:
    report = check_tape(real_data / "bad_inputs" / "binance_usdm_alts_gap_dup_reorder.jsonl.gz")
    books = {book.venue_symbol: book for book in report.books}
    sushi = books.pop("SUSHIUSDT")
    assert (len(sushi.lost), sushi.duplicates_n, sushi.out_of_order_n) == (1, 3, 1)  # two swapped: one came late
    assert sushi.lost_estimate_n == pytest.approx(30, abs=2)
    assert sushi.counts["gap"] == 1
    assert [book.is_sound for book in books.values()] == [True, True]


@pytest.mark.real_data
@pytest.mark.slow
def test_the_recorded_captures_are_sound_and_their_flaws_are_shown(real_data: Path) -> None:
    reports = {path.name.split(".")[0]: check_tape(path) for path in (real_data / "venue_captures").iterdir()}
    assert all(report.is_sound for report in reports.values())
    assert sum(len(report.books) for report in reports.values()) == 43
    assert sum(book.old_levels_n for book in reports["dydx_v3_2021-10-28"].books) == 34
    assert sum(book.checksums_n for book in reports["okx_2022-05-13"].books) == 290


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("stem", "buffered"),
    [("binance_usdm_btcusdt", 6), ("binance_spot_btcusdt", 3), ("binance_coinm_btcusd_perp", 25)],
)
def test_the_recorders_clock_was_behind_and_the_snapshot_late(real_data: Path, stem: str, buffered: int) -> None:
    raw, columns = (only(real_data / "orderbook" / f"{stem}{end}") for end in (".raw.jsonl.gz", ".depth.parquet"))
    for book in (raw, columns):
        assert book.is_sound
        assert book.clock is not None
        assert book.clock.median_ms == pytest.approx(-1271, abs=2)
        assert -1280 < book.clock.lowest_ms < book.clock.highest_ms < -1180
        assert book.buffered_n == buffered
        assert book.snapshot_after_ms is not None
        assert 260 < book.snapshot_after_ms < 440
    assert (raw.deltas_n, raw.rows_n, raw.clock) == (columns.deltas_n, columns.rows_n, columns.clock)
