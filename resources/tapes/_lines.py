"""Lines of recorded JSONL files, plain or gzip, read as far as they can be read."""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

from liquidity.domain.errors import SourceUnavailableError

__all__ = ["MAX_LINE_BYTES", "read_lines"]

MAX_LINE_BYTES: Final = 32 << 20
"""A longer line is skipped without being held in memory; the largest book messages of the venues have about 8 MB."""


def read_lines(path: Path, losses: Counter[str]) -> Iterator[bytes]:
    """Lines of ``path`` in order, without their newline; empty ones are left out.

    Parameters
    ----------
    losses
        Counts what could not be read: ``oversized_line``, ``truncated_file`` (the compressed stream broke off: what came
        before is kept), ``cut_line`` (the last line of a truncated file).

    Raises
    ------
    SourceUnavailableError
        The file is not there or may not be read.
    """
    try:
        file = cast("IO[bytes]", gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))  # noqa: SIM115 - below
    except OSError as error:
        raise SourceUnavailableError(
            f"{path}: cannot be read ({type(error).__name__}); check that it exists and may be read"
        ) from error
    with file:
        skipping = False
        try:
            while line := file.readline(MAX_LINE_BYTES):
                whole = line.endswith(b"\n")
                if skipping:
                    skipping = not whole
                elif not whole and len(line) == MAX_LINE_BYTES:
                    losses["oversized_line"] += 1
                    skipping = True
                elif line.strip():
                    yield line.rstrip(b"\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            losses["truncated_file"] += 1
            losses["cut_line"] += isinstance(error, EOFError)
        except IsADirectoryError as error:
            raise SourceUnavailableError(f"{path}: is a folder; name a file of it") from error
