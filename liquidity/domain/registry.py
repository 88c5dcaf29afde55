"""A folder as a registry: one file, one entry, found by itself. What an entry must be, each registry says itself."""

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType

__all__ = ["entry_modules"]


def entry_modules(package_name: str, paths: Iterable[str]) -> dict[str, ModuleType]:
    """Import every file of a package that may hold an entry.

    Parameters
    ----------
    package_name
        Dotted name of the package.
    paths
        Its ``__path__``.

    Returns
    -------
    dict[str, ModuleType]
        By file name, sorted. Files that begin with ``_`` are machinery and, like subfolders, are left out.
    """
    names = sorted(
        found.name for found in pkgutil.iter_modules(paths) if not found.ispkg and not found.name.startswith("_")
    )
    return {name: importlib.import_module(f"{package_name}.{name}") for name in names}
