"""Feeds: everything that brings instruments and signals in, one file each, found by folder.

``open_feeds(settings)`` opens those whose files are there. A new feed is one file with ``NAME`` and ``open_feed``; a
file without either is a part that feeds share. Read next: ``_feed.py`` (the protocol), ``adapters.py`` (collection).
"""

import importlib
import pkgutil
from types import ModuleType

from liquidity.domain.errors import ConfigError
from resources.feeds._feed import Feed, FeedRoots, HasFeedRoots

__all__ = ["Feed", "FeedRoots", "feed_modules", "feed_names", "feed_of_module", "open_feeds"]


def open_feeds(settings: HasFeedRoots) -> list[Feed]:
    """Open every feed of this folder whose files are there, by name order.

    Parameters
    ----------
    settings
        Anything with ``feed_roots``; a :class:`FeedRoots` is one.

    Raises
    ------
    ConfigError
        A feed file's ``NAME`` differs from its file name, or it has only one of ``NAME`` and ``open_feed``.
    """
    opened = (feed_of_module(module, settings.feed_roots) for module in feed_modules())
    return [feed for feed in opened if feed is not None]


def feed_modules() -> list[ModuleType]:
    """Feed files of this folder, imported, by name order; files starting with ``_`` and parts are left out."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return [module for module in modules if hasattr(module, "NAME") or hasattr(module, "open_feed")]


def feed_names() -> tuple[str, ...]:
    """Names of all feeds of this folder, ascending, whether or not their files are there."""
    return tuple(str(module.NAME) for module in feed_modules())


def feed_of_module(module: ModuleType, roots: FeedRoots) -> Feed | None:
    """Open the feed of one module; ``None`` when its files are not there."""
    expected = module.__name__.rpartition(".")[2]
    name = getattr(module, "NAME", None)
    if name != expected or not callable(getattr(module, "open_feed", None)):
        raise ConfigError(
            f"feed file {expected}.py: NAME is {name!r}; it must be {expected!r}, beside a function open_feed(roots)"
        )
    feed: Feed | None = module.open_feed(roots)
    if feed is not None and feed.name != expected:
        raise ConfigError(f"feed file {expected}.py opened a feed called {feed.name!r}; both names must agree")
    return feed
