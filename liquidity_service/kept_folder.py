"""Computed tables kept on disk in folders that appear whole or not at all, named by everything they rest on.

A name holds a hash, so what was computed from other data, settings, code or library releases lies under another name and
a stale folder is never read. ``score_history.py`` and ``kept_evidence.py`` keep their tables this way.
"""

import hashlib
import platform
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Final

from resources.code_version import source_hash

__all__ = ["digest_of", "file_facts", "libraries", "sources", "whole_folder"]

_LIBRARIES: Final = (
    "bidask",
    "exchange-calendars",
    "llvmlite",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "tzdata",
)


def digest_of(facts: Iterable[str]) -> str:
    """First 16 hex digits of the sha256 over the facts, each with its length, so that no two lists run into one."""
    digest = hashlib.sha256()
    for fact in facts:
        content = fact.encode()
        digest.update(b"%d:" % len(content) + content)
    return digest.hexdigest()[:16]


def libraries() -> str:
    """Releases of Python, of the machine's architecture and of every library whose numbers reach a table."""
    return " ".join(
        [platform.python_version(), platform.machine(), *(f"{name}={version(name)}" for name in _LIBRARIES)]
    )


def sources(package: str, *names: str) -> list[str]:
    """Hash of each subpackage, or text of each module ``<name>.py``, of a top package."""
    folder = Path(str(files(package)))
    return [
        f"{package}/{name} "
        + ((folder / name).read_text(encoding="utf-8") if name.endswith(".py") else source_hash(folder / name))
        for name in names
    ]


def file_facts(path: Path) -> str:
    """Path and sha256 of the content; a file is hashed again when its time, size or place on the disk changed."""
    status = path.stat()
    return f"{path} {_content_hash(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)}"


@lru_cache(maxsize=256)
def _content_hash(path: Path, *_: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write into that becomes ``folder`` when the block ends well, and nothing when it fails."""
    staged = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    staged.mkdir(parents=True)
    try:
        yield staged
        if not folder.is_dir():  # another process may have been faster
            staged.rename(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
