"""Files as their publishers offer them for download: found in a landed folder, unpacked, read as text.

A file that cannot be read is set aside by name and reason (``unreadable_file``), and the others go on. Archives hold one
file each; what they unpack to is bounded, so that a small file cannot fill the memory.
"""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.domain.errors import ContractError
from resources.feeds._recording import refuse

__all__ = ["UNPACKED_LIMIT_BYTES", "csv_cells", "downloaded", "numbers", "read_each", "text_of"]

UNPACKED_LIMIT_BYTES: Final = 1 << 30
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError)


def downloaded(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """Files with these endings in the folder and the folders in it, by name order.

    Names (of files and folders) that start with ``.`` or ``_`` or end in ``.tmp`` are being written and left out.

    Raises
    ------
    ContractError
        A file leads outside the folder (a link).
    """
    if not folder.is_dir():
        return []
    base, found = folder.resolve(), []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if hidden or not path.is_file() or not path.name.lower().endswith(endings):
            continue
        if base not in path.resolve().parents:
            raise ContractError(f"{path}: leads outside the landing folder; put the file itself there, not a link")
        found.append(path)
    return found


def text_of(path: Path, limit_bytes: int = UNPACKED_LIMIT_BYTES) -> str:
    """Text of a plain, ``.gz`` or ``.zip`` file (UTF-8, with or without its mark).

    Raises
    ------
    ContractError
        Torn, encrypted, not text, larger than ``limit_bytes`` when unpacked, or an archive of more or less than one file.
    """
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                members = [member for member in archive.infolist() if not member.is_dir()]
                if len(members) != 1:
                    raise ContractError(f"{path.name}: the archive holds {len(members)} files, allowed 1")
                with archive.open(members[0]) as file:
                    raw = file.read(limit_bytes + 1)
        elif path.suffix.lower() == ".gz":
            with gzip.open(path) as file:
                raw = file.read(limit_bytes + 1)
        else:
            with path.open("rb") as plain:
                raw = plain.read(limit_bytes + 1)
    except _BROKEN as error:
        raise ContractError(
            f"{path.name}: cannot be unpacked ({type(error).__name__}: {error}); fetch it again"
        ) from error
    if len(raw) > limit_bytes:
        raise ContractError(f"{path.name}: more than {limit_bytes:,} bytes unpacked; split the file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContractError(
            f"{path.name}: no UTF-8 text ({error.reason} at byte {error.start}); fetch it again"
        ) from error


def csv_cells(path: Path, *, separator: str = ",", header: int | None = 0) -> pd.DataFrame:
    """Cells of a CSV file as text, empty ones as ``""``; :class:`ContractError` where its lines have differing cells."""
    try:
        return pd.read_csv(
            io.StringIO(text_of(path)),
            sep=separator,
            header=header,
            dtype="str",
            keep_default_na=False,
            index_col=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise ContractError(f"{path.name}: no CSV table ({error}); fetch it again") from error


def numbers(cells: pd.Series) -> pd.Series:
    """Cells as finite floats, NaN where they are none."""
    values = pd.to_numeric(cells.str.strip(), errors="coerce").astype("float64")
    return values.where(values.abs() < float("inf"))


def read_each(
    paths: Sequence[Path], table: str, read: Callable[[Path], tuple[pd.DataFrame, list[pd.DataFrame]]]
) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Good rows and set-aside rows of every file; a file that raises :class:`ContractError` is set aside as a whole."""
    good, aside = [], []
    for path in paths:
        try:
            rows, refused = read(path)
        except ContractError as error:
            file = pd.DataFrame({"file": [path.name], "moment": [""], "detail": [str(error)]})
            aside.append(refuse(table, "unreadable_file", file, "file", "moment", "detail"))
            continue
        good.append(rows)
        aside.extend(part for part in refused if len(part))
    return good, aside
