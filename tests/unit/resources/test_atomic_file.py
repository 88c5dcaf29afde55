"""A file is the old one or the new one, and nothing is left beside it."""

from pathlib import Path

import pytest

from resources.atomic_file import replacing, temporary_beside


def test_the_target_changes_only_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "table.txt"
    with replacing(target) as staged:
        staged.write_text("old")
        assert not target.exists()
    assert target.read_text() == "old"


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "table.txt"
    target.write_text("old")

    def interrupted() -> None:
        with replacing(target) as staged:
            staged.write_text("half of the n")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        interrupted()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.txt"]


def test_unfinished_files_are_hidden_and_unique() -> None:
    first, second = temporary_beside(Path("/x/a.parquet")), temporary_beside(Path("/x/a.parquet"))
    assert first != second
    assert first.parent == Path("/x")
    assert first.name.startswith(".a.parquet.")
    assert first.suffix == ".tmp"
