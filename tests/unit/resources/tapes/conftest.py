"""Writes small captures."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Line = dict[str, Any]


@pytest.fixture
def capture(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines as a capture and returns its path."""

    def write(lines: list[Line | bytes], name: str = "capture.jsonl.gz") -> Path:
        raw = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        path = tmp_path / name
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return write
