"""Trained states as bytes: plain arrays in, the same bytes out for the same arrays, no pickle either way.

The bytes are a numpy ``.npz`` archive that any numpy opens. Names may be nested by folders (``member/thresholds``,
``calibration/widths``); :func:`nested` and :func:`part` put a state under a folder and take it out again.
Read next: ``forecaster.py``, which stores itself this way.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError

__all__ = ["MAX_STATE_BYTES", "from_bytes", "nested", "part", "sha256_hex", "to_bytes"]

MAX_STATE_BYTES: Final = 2_000_000_000
"""Unpacked bytes of a state at most: far above a large forest, far below what would stop a small machine."""

_NAME: Final = re.compile(r"^[a-z0-9_]+(/[a-z0-9_]+)*$")
_KINDS: Final = "biufUM"  # numbers, text, dates: whatever numpy reads without running code
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first moment a zip archive can name
_ZLIB_LEVEL: Final = 1


def sha256_hex(data: bytes) -> str:
    """64 hex digits that name the bytes."""
    return hashlib.sha256(data).hexdigest()


def to_bytes(state: Mapping[str, NDArray[Any]]) -> bytes:
    """Pack arrays.

    Parameters
    ----------
    state
        Arrays by name; numbers, text or dates. The order of the mapping does not matter.

    Returns
    -------
    bytes
        Equal for equal arrays: names are sorted, and no time or machine is written.

    Raises
    ------
    ContractError
        A name is not made of ``a-z0-9_`` and ``/``, an array holds objects, or all is larger than
        :data:`MAX_STATE_BYTES`.
    """
    total = sum(int(values.nbytes) for values in state.values())
    if total > MAX_STATE_BYTES:
        raise ContractError(f"state: {total:,} bytes, allowed {MAX_STATE_BYTES:,}; train a smaller model")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=_ZLIB_LEVEL) as archive:
        for name in sorted(state):
            values = np.asarray(state[name])
            if not _NAME.match(name):
                raise ContractError(f"state: array name {name!r} is not made of a-z, 0-9, _ and /")
            _refuse_kind(name, values.dtype)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            content = io.BytesIO()
            npy.write_array(content, _plain(values), version=(1, 0), allow_pickle=False)
            archive.writestr(entry, content.getbuffer())
    return packed.getvalue()


def from_bytes(data: bytes, expected_sha256: str) -> dict[str, NDArray[Any]]:
    """Unpack what :func:`to_bytes` packed; nothing is read before the hash agrees.

    Parameters
    ----------
    data
        The stored bytes.
    expected_sha256
        64 hex digits, as written down when they were stored.

    Raises
    ------
    ContractError
        The hash differs, the bytes are no such archive, an array holds objects, an entry has another size than it
        says, or all is larger than :data:`MAX_STATE_BYTES`.
    """
    found = sha256_hex(data)
    if found != expected_sha256:
        raise ContractError(
            f"state: sha256 is {found}, expected {expected_sha256}; the file was changed or cut short: train again"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            total = sum(entry.file_size for entry in entries)
            if total > MAX_STATE_BYTES:
                raise ContractError(f"state: {total:,} bytes unpacked, allowed {MAX_STATE_BYTES:,}; train again")
            return {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in entries}
    except (zipfile.BadZipFile, ValueError, EOFError) as problem:
        raise ContractError(f"state: not an archive of plain arrays ({str(problem)[:120]}); train again") from problem


def nested(folder: str, state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A state with every name below a folder.

    Examples
    --------
    >>> list(nested("member", {"seed": np.array(3)}))
    ['member/seed']
    """
    return {f"{folder}/{name}": values for name, values in state.items()}


def part(state: Mapping[str, NDArray[Any]], folder: str) -> dict[str, NDArray[Any]]:
    """What stands below a folder, without the folder; the inverse of :func:`nested`.

    Examples
    --------
    >>> part({"member/seed": np.array(3), "card": np.array("{}")}, "member")
    {'seed': array(3)}
    """
    start = f"{folder}/"
    return {name.removeprefix(start): values for name, values in state.items() if name.startswith(start)}


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """In C order and little-endian, so that one state has one form; a scalar stays one."""
    return np.asarray(values, dtype=values.dtype.newbyteorder("<"), order="C")


def _refuse_kind(name: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in _KINDS:
        raise ContractError(f"state: {name} holds {dtype}, allowed are numbers, text and dates")


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    name = entry.filename.removesuffix(".npy")
    if not _NAME.match(name):
        raise ContractError(f"state: array name {name!r} is not made of a-z, 0-9, _ and /; train again")
    content = archive.read(entry)
    if content[:6] != b"\x93NUMPY" or content[6:8] != b"\x01\x00":
        raise ContractError(f"state: {name} is no numpy array of format 1.0; train again")
    stream = io.BytesIO(content)
    npy.read_magic(stream)
    shape, _, dtype = npy.read_array_header_1_0(stream)
    _refuse_kind(name, dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if len(content) - stream.tell() != size:
        raise ContractError(f"state: {name} has {len(content) - stream.tell()} bytes, its header says {size}")
    stream.seek(0)
    values: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
    return values
