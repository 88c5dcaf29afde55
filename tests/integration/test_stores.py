"""The result cache: time limit, single flight, new materialisations."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from liquidity.domain.errors import ConfigError
from resources.stores.cache import CacheCounts, ResultCache


class Seconds:
    """A clock that tests turn."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.feature("BX-IX-16")
def test_hit_within_ttl_miss_after():
    clock, calls = Seconds(), []
    cache = ResultCache(ttl_s=60.0, max_entries=10, monotonic=clock)

    def ask():
        return cache.get("heatmap", "run-1", lambda: calls.append(clock.now) or len(calls))

    assert ask() == 1
    clock.now = 59.999
    assert ask() == 1
    clock.now = 60.0
    assert ask() == 2
    assert cache.counts() == CacheCounts(hits=1, misses=2, evictions=0)


@pytest.mark.feature("BX-IX-16")
def test_new_materialisation_is_computed_at_once():
    cache = ResultCache(ttl_s=60.0, max_entries=10)
    assert cache.get("heatmap", "run-1", lambda: "old") == "old"
    assert cache.get("heatmap", "run-2", lambda: "new") == "new"
    assert cache.get("heatmap", "run-1", lambda: "other") == "old"


def test_least_recently_used_goes_first():
    cache = ResultCache(ttl_s=60.0, max_entries=2)
    for name in ("a", "b", "a", "c"):
        cache.get(name, 1, lambda name=name: name)
    assert cache.get("a", 1, lambda: "again") == "a"
    assert cache.get("b", 1, lambda: "again") == "again"
    assert cache.counts().evictions == 2


def test_many_threads_compute_once():
    cache = ResultCache(ttl_s=60.0, max_entries=10)
    gate, calls = threading.Event(), []

    def compute():
        gate.wait(5)
        calls.append(1)
        return 42

    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(cache.get, "q", 1, compute) for _ in range(16)]
        gate.set()
        assert [answer.result(5) for answer in asked] == [42] * 16
    assert len(calls) == 1


def test_failure_reaches_the_caller_and_is_not_kept():
    cache = ResultCache(ttl_s=60.0, max_entries=10)

    def fail():
        raise ValueError("no table")

    with pytest.raises(ValueError, match="no table"):
        cache.get("q", 1, fail)
    assert cache.get("q", 1, lambda: 42) == 42


def test_useless_sizes_are_refused():
    for ttl_s, entries in ((0.0, 1), (float("nan"), 1), (1.0, 0)):
        with pytest.raises(ConfigError):
            ResultCache(ttl_s=ttl_s, max_entries=entries)
