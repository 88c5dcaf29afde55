"""Which code computed a number: package version and a hash of the computing sources, without asking git."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

__all__ = ["code_version", "source_hash"]


@cache
def code_version() -> str:
    """Version of the installed package and the first 12 hex digits of the hash of package ``liquidity``.

    ``0.1.0+3f9a0c1d2e4b``: the same sources give the same text on every machine; a changed formula changes it.
    """
    try:
        installed = version("liquidity-pulse")
    except PackageNotFoundError:  # run from a checkout that was never installed
        installed = "0"
    return f"{installed}+{source_hash(Path(str(files('liquidity'))))[:12]}"


def source_hash(folder: Path) -> str:
    """Hash the Python and TOML sources below ``folder``: names and bytes, in the order of their names."""
    digest = hashlib.sha256()
    sources = (path for pattern in ("*.py", "*.toml") for path in folder.rglob(pattern))
    for path in sorted(sources, key=lambda path: path.relative_to(folder).as_posix()):
        name, content = path.relative_to(folder).as_posix().encode("utf-8"), path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(b"%d:%d:" % (len(name), len(content)) + name + content)
    return digest.hexdigest()
