"""The registry of members: one file, one member, found by itself.

A file ``<name>.py`` of this folder defines one class with ``name = "<name>"`` and what ``_member.py`` asks for. Discovery
imports every file in sorted order and refuses one that does not. Files that begin with ``_`` are machinery.
"""

import inspect
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Final

from liquidity.domain.errors import ConfigError
from liquidity.domain.registry import entry_modules
from liquidity.forecast.members._member import Member

__all__ = ["discover"]

_KINDS: Final = ("baseline", "model")
_FITS: Final = ("fit", "from_state")


def discover(package_name: str, paths: Iterable[str]) -> dict[str, type[Member]]:
    """Import every member file of a package.

    Parameters
    ----------
    package_name
        Dotted name of the package.
    paths
        Its ``__path__``.

    Returns
    -------
    dict[str, type[Member]]
        By name, sorted.

    Raises
    ------
    ConfigError
        A file without exactly one member, a member of another name or of no known kind, or one that lacks a method.
    """
    return {name: _member_of(name, module) for name, module in entry_modules(package_name, paths).items()}


def _member_of(name: str, module: ModuleType) -> type[Member]:
    where = module.__name__
    found: list[Any] = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__ and isinstance(getattr(each, "name", None), str)
    ]
    if len(found) != 1:
        raise ConfigError(
            f"{where}: found {len(found)} classes with a name, allowed is one; or begin the file with '_'"
        )
    member: type[Member] = found[0]
    if member.name != name:
        raise ConfigError(f"{where}: the member's name is {member.name!r}, allowed is the file's name {name!r}")
    if getattr(member, "kind", None) not in _KINDS:
        raise ConfigError(f"{where}: kind is {getattr(member, 'kind', None)!r}, allowed are {list(_KINDS)}")
    lacking = [method for method in _FITS if not callable(getattr(member, method, None))]
    if lacking:
        raise ConfigError(f"{where}: the member lacks {lacking}; see members/_member.py")
    return member
