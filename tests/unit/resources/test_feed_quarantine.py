"""Rows that feeds set aside are kept: once, whole, and counted by reason."""

from datetime import date
from pathlib import Path

import pandas as pd

from resources.feed_quarantine import QUARANTINE_FOLDER, read_set_aside, store_set_aside
from resources.feeds._recording import SET_ASIDE_COLUMNS, refuse

ROWS = pd.DataFrame({"id": ["A", "B", "C"], "day": ["2026-03-18"] * 3, "bid": [1.5, 2.5, 3.5]})


class Source:
    """A feed that set three rows aside."""

    tables, asset_classes = ("microstructure",), ()

    def __init__(self, name: str, aside: pd.DataFrame) -> None:
        self.name, self._aside = name, aside

    def sessions(self) -> list[date]:
        return []

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        raise NotImplementedError(table)

    def set_aside(self) -> pd.DataFrame:
        return self._aside


class Torn(Source):
    def set_aside(self) -> pd.DataFrame:
        raise OSError("disk")


class Silent:
    """A feed that never sets anything aside and has no such method."""

    name, tables, asset_classes = "silent", (), ()


def aside(rows: pd.DataFrame = ROWS) -> pd.DataFrame:
    return pd.concat(
        [
            refuse("microstructure", "crossed_quote", rows.iloc[:2], "id", "day", "bid"),
            refuse("instruments", "matured", rows.iloc[2:], "id", "day"),
        ]
    )


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_rows_are_kept_and_counted_by_reason(tmp_path: Path) -> None:
    feeds = [Source("desk", aside()), Source("clean", aside().iloc[:0]), Silent()]
    counts = store_set_aside(tmp_path, feeds)
    assert counts[["feed", "table", "reason", "rows"]].values.tolist() == [
        ["desk", "instruments", "matured", 1],
        ["desk", "microstructure", "crossed_quote", 2],
    ]
    assert counts["file"].unique().tolist() == files(tmp_path)
    assert files(tmp_path)[0].startswith(f"{QUARANTINE_FOLDER}/desk/")
    kept = read_set_aside(tmp_path, "desk")
    assert list(kept.columns) == list(SET_ASIDE_COLUMNS)
    assert set(map(tuple, kept.values.tolist())) == {
        ("microstructure", "crossed_quote", "A", "2026-03-18", "1.5"),
        ("microstructure", "crossed_quote", "B", "2026-03-18", "2.5"),
        ("instruments", "matured", "C", "2026-03-18", ""),
    }


def test_the_same_rows_in_any_order_write_nothing_new_and_others_a_file_of_their_own(tmp_path: Path) -> None:
    store_set_aside(tmp_path, [Source("desk", aside())])
    [first] = files(tmp_path)
    written = (tmp_path / first).stat().st_mtime_ns
    store_set_aside(tmp_path, [Source("desk", aside().iloc[::-1])])
    assert files(tmp_path) == [first]
    assert (tmp_path / first).stat().st_mtime_ns == written
    store_set_aside(tmp_path, [Source("desk", aside(ROWS.assign(id=["A", "B", "D"])))])
    assert len(files(tmp_path)) == 2
    assert len(read_set_aside(tmp_path, "desk")) == 4  # each row once


def test_rows_of_a_refused_source_join_those_of_the_feed_of_its_name(tmp_path: Path) -> None:
    refused = refuse("sentiment", "broken_source", ROWS, "id", "day").assign(feed=["desk", "../../etc", "../../etc"])
    counts = store_set_aside(tmp_path, [Source("desk", aside())], refused)
    assert counts.groupby("feed")["rows"].sum().to_dict() == {"../../etc": 2, "desk": 4}
    assert {path.split("/")[2] for path in files(tmp_path)} == {"desk", "______etc"}
    assert not (tmp_path.parent / "etc").exists()


def test_a_list_that_cannot_be_read_is_one_row_with_the_error(tmp_path: Path) -> None:
    counts = store_set_aside(tmp_path, [Torn("torn", aside())])
    assert counts[["feed", "reason", "rows"]].values.tolist() == [["torn", "unreadable", 1]]
    assert read_set_aside(tmp_path, "torn")["detail"].tolist() == ["OSError: disk"]


def test_nothing_set_aside_writes_nothing(tmp_path: Path) -> None:
    assert store_set_aside(tmp_path, [Silent()]).empty
    assert files(tmp_path) == []
    assert read_set_aside(tmp_path, "silent").empty
