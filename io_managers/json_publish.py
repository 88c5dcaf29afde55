"""``liquidity_pulse.json``: the pulse of a session as one file, for everybody who reads files.

::

    <folder>/session_date=2026-11-20/liquidity_pulse.json   one per session, replaced as a whole
    <folder>/latest/liquidity_pulse.json                    the newest session's file

The file is one JSON object: the header's keys, ``session_date`` and ``data``, one document a line in the order of
``instrument_id``. Its schema is ``PULSE_SCHEMA`` of ``liquidity/index/pulse_document.py``; tests validate against it, here
only what cannot be repaired later is refused.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import orjson

from liquidity.domain.errors import ContractError
from resources.atomic_file import replacing

__all__ = ["FILE_NAME", "JsonReceipt", "latest_path", "pulse_path", "read_pulse_json", "write_pulse_json"]

FILE_NAME: Final = "liquidity_pulse.json"
_PREFIX: Final = "session_date="
_OWN_KEYS: Final = frozenset({"session_date", "data"})
_WRITTEN_AT_ONCE_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class JsonReceipt:
    """What was written: the session's file, its sha256, its size [bytes], documents in it, and whether it is the latest."""

    path: Path
    sha256: str
    size_bytes: int
    items_count: int
    is_latest: bool


def pulse_path(folder: Path, session_date: date) -> Path:
    """File of one session; it need not exist."""
    return folder / f"{_PREFIX}{session_date.isoformat()}" / FILE_NAME


def latest_path(folder: Path) -> Path:
    """File of the newest session; it need not exist."""
    return folder / "latest" / FILE_NAME


def write_pulse_json(
    folder: Path, session_date: date, documents: Iterable[str | bytes], header: Mapping[str, Any]
) -> JsonReceipt:
    """Write the documents of a session, whole or not at all; ``latest`` follows when no later session is there.

    Parameters
    ----------
    folder
        Folder of the published files, usually ``<lake>/published``.
    documents
        JSON objects with ``instrument_id``, ascending and distinct, and ``as_of`` equal to the session where they
        have one. Read once, never held together.
    header
        Keys at the top of the file: ``schema_version``, ``published_at``, ``config_hash``, ``code_version``.

    Raises
    ------
    ContractError
        A document is no JSON object, names no instrument, another session, or breaks the order; or the header uses a
        key of the file's own. The previous file stays as it was.
    """
    clash = sorted(_OWN_KEYS & set(header))
    if clash:
        raise ContractError(
            f"{FILE_NAME} of {session_date}: header keys {clash} belong to the file itself; rename them"
        )
    path = pulse_path(folder, session_date)
    with replacing(path) as staged:
        sha256, count = _write(staged, session_date, documents, header)
        size = staged.stat().st_size
    return JsonReceipt(path, sha256, size, count, is_latest=_refresh_latest(folder) == session_date)


def read_pulse_json(path: Path) -> dict[str, Any]:
    """Read a published file.

    Raises
    ------
    ContractError
        The file is missing, not JSON, or not a pulse file.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise ContractError(f"{path}: no such file; nothing was published for that session") from None
    except orjson.JSONDecodeError as error:
        raise ContractError(f"{path}: not JSON ({error}); publish the session again") from error
    if not isinstance(content, dict) or not isinstance(content.get("data"), list):
        raise ContractError(f"{path}: no object with a list 'data'; publish the session again")
    return content


def _write(
    path: Path, session_date: date, documents: Iterable[str | bytes], header: Mapping[str, Any]
) -> tuple[str, int]:
    """Stream the file; return its hash and the number of documents."""
    count, previous = 0, ""
    head = orjson.dumps({**header, "session_date": session_date.isoformat()})
    with _HashedFile(path) as file:
        file.put(head[:-1] + b',"data":[')
        for document in documents:
            encoded = document.encode("utf-8") if isinstance(document, str) else document
            previous = _checked(encoded, session_date, previous, count)
            file.put(b",\n" if count else b"\n", encoded)
            count += 1
        file.put(b"\n]}\n")
    return file.digest.hexdigest(), count


class _HashedFile:
    """A file that a thread hashes and writes some megabytes of, outside the interpreter's lock, while the next are made."""

    def __init__(self, path: Path) -> None:
        self.digest = hashlib.sha256()
        self._file = path.open("wb", buffering=0)
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._written: Future[None] | None = None

    def __enter__(self) -> "_HashedFile":
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        try:
            if failure is None:
                self._hand_over()
                self._wait()
        finally:
            self._thread.shutdown()
            self._file.close()

    def put(self, *pieces: bytes) -> None:
        """Append pieces; an error of an earlier one (a full disk) may come up here."""
        self._pieces += pieces
        self._size_bytes += sum(map(len, pieces))
        if self._size_bytes >= _WRITTEN_AT_ONCE_BYTES:
            self._hand_over()

    def _hand_over(self) -> None:
        self._wait()  # two pieces at most are in memory
        whole = b"".join(self._pieces)
        self._pieces, self._size_bytes = [], 0
        self._written = self._thread.submit(self._write, whole)

    def _wait(self) -> None:
        if self._written is not None:
            self._written.result()

    def _write(self, whole: bytes) -> None:
        self.digest.update(whole)
        rest = memoryview(whole)
        while rest:  # an unbuffered write may take a part only
            rest = rest[self._file.write(rest) :]


def _checked(document: bytes, session_date: date, previous: str, place: int) -> str:
    """Instrument of one document, after the checks that cannot wait."""
    where = f"{FILE_NAME} of {session_date}, document {place}"
    try:
        content = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise ContractError(f"{where}: not JSON ({error}); make it with liquidity.index.pulse_document") from error
    instrument = content.get("instrument_id") if isinstance(content, dict) else None
    if not isinstance(instrument, str) or not instrument:
        raise ContractError(
            f"{where}: no object with a text 'instrument_id'; make it with liquidity.index.pulse_document"
        )
    if content.get("as_of", session_date.isoformat()) != session_date.isoformat():
        raise ContractError(
            f"{where} ({instrument}): as_of is {content['as_of']!r}, allowed {session_date.isoformat()!r}"
        )
    if instrument <= previous:
        raise ContractError(f"{where}: {instrument} after {previous}; sort by instrument_id, one document each")
    return instrument


def _refresh_latest(folder: Path) -> date:
    """Let ``latest`` show the newest session's file; looks again afterwards, because others publish too."""
    while True:
        newest = _newest(folder)
        target = latest_path(folder)
        with replacing(target) as staged:
            _same_file(pulse_path(folder, newest), staged)
        if _newest(folder) == newest:
            return newest


def _newest(folder: Path) -> date:
    days = []
    for child in folder.glob(f"{_PREFIX}*"):
        with suppress(ValueError):  # a folder of somebody else
            day = date.fromisoformat(child.name.removeprefix(_PREFIX))
            if (child / FILE_NAME).is_file():
                days.append(day)
    return max(days)


def _same_file(source: Path, target: Path) -> None:
    """Link where the disk can, copy where it cannot; published files are replaced, never written into."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
