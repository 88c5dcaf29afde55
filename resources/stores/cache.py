"""Answers kept in the process: for a time, up to a number, computed once however many ask.

An entry is known by what is asked *and* by the materialisation the answer was made from. A new materialisation is a
new key, so nobody has to invalidate anything; the old answer ages out.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from liquidity.domain.errors import ConfigError

__all__ = ["CacheCounts", "ResultCache"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """How often the cache answered (hits), computed (misses) and dropped the least recently used (evictions)."""

    hits: int
    misses: int
    evictions: int


class ResultCache(Generic[Answer]):
    """Time-limited, least-recently-used cache with single flight.

    Parameters
    ----------
    ttl_s
        Age at which an answer is computed again [s], above 0.
    max_entries
        Answers kept, at least 1.
    monotonic
        Clock in seconds that never goes back.

    Examples
    --------
    >>> cache = ResultCache[int](ttl_s=60.0, max_entries=100)
    >>> [cache.get("heatmap", "run-1", lambda: 41), cache.get("heatmap", "run-1", lambda: 42)]
    [41, 41]
    >>> cache.get("heatmap", "run-2", lambda: 42)
    42
    """

    def __init__(self, ttl_s: float, max_entries: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        if not ttl_s > 0 or max_entries < 1:
            raise ConfigError(f"cache: ttl_s {ttl_s} s and max_entries {max_entries} must be above 0")
        self._ttl_s = ttl_s
        self._max_entries = max_entries
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, Answer]] = OrderedDict()
        self._flying: dict[Hashable, Future[Answer]] = {}
        self._hits = self._misses = self._evictions = 0

    def get(self, question: Hashable, materialisation: Hashable, compute: Callable[[], Answer]) -> Answer:
        """Answer ``question`` on ``materialisation``, computing it when no fresh answer is kept.

        While one thread computes, others that ask the same wait for its answer. An exception of ``compute`` goes to
        all of them and is not kept.
        """
        key = (question, materialisation)
        with self._lock:
            entry = self._kept.get(key)
            if entry is not None and self._monotonic() - entry[0] < self._ttl_s:
                self._kept.move_to_end(key)
                self._hits += 1
                return entry[1]
            flight = self._flying.get(key)
            mine = flight is None
            if flight is None:
                flight = self._flying[key] = Future()
                self._misses += 1
            else:
                self._hits += 1
        if not mine:
            return flight.result()
        try:
            answer = compute()
        except BaseException as error:
            with self._lock:
                del self._flying[key]
            flight.set_exception(error)
            raise
        with self._lock:
            del self._flying[key]
            self._kept[key] = (self._monotonic(), answer)
            self._kept.move_to_end(key)
            while len(self._kept) > self._max_entries:
                self._kept.popitem(last=False)
                self._evictions += 1
        flight.set_result(answer)
        return answer

    def counts(self) -> CacheCounts:
        """Return the counts since the cache was made."""
        with self._lock:
            return CacheCounts(self._hits, self._misses, self._evictions)
