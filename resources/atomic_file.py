"""Files that a reader sees whole or not at all: written beside their place, flushed to disk, renamed into it."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["flush", "replacing", "temporary_beside"]


def temporary_beside(target: Path) -> Path:
    """Name for the unfinished file, hidden and unique, in the folder of ``target``: a rename within a disk is atomic."""
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Hand out a path to write to, and put what was written in the place of ``target`` when the block ends well.

    After an error ``target`` is as it was and nothing is left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = temporary_beside(target)
    try:
        yield staged
        flush(staged)
        os.replace(staged, target)  # noqa: PTH105 - the call whose atomicity is meant
        flush(target.parent)
    finally:
        staged.unlink(missing_ok=True)
