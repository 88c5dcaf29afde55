"""Timers of the recorder: silence, missing snapshots, waiting between tries."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidity_service.recording_watch import Request, Watch, backoff_s

WHOLE = {"A": False, "B": False}


def watch(symbols=("A", "B"), stale_s=10.0) -> Watch:
    return Watch(symbols, now_s=0.0, stale_s=stale_s, jitter=random.Random(4))


@pytest.mark.feature("PL-OB-13")
def test_a_silent_book_is_found_while_the_other_talks():
    timers = watch()
    for second in range(1, 10):
        timers.heard("A", second)
        assert timers.due(WHOLE, second) == []
    timers.heard("A", 10.0)
    assert timers.due(WHOLE, 10.0) == [Request("B", "silent")]
    assert timers.due(WHOLE, 11.0) == []  # handed out, not answered
    timers.subscribed("B", 11.0)
    timers.answered("B", 11.0)
    timers.heard("A", 20.0)
    assert timers.due(WHOLE, 20.0) == []
    assert timers.due(WHOLE, 21.0) == [Request("B", "silent")]


def test_a_renewal_that_failed_is_tried_again():
    timers = watch(("A",))
    assert timers.due({"A": False}, 10.0) == [Request("A", "silent")]
    timers.answered("A", 10.0)
    assert timers.due({"A": False}, 10.4) == []
    assert timers.due({"A": False}, 11.0) == [Request("A", "silent")]


def test_a_snapshot_is_asked_for_after_the_first_delta_or_two_seconds():
    timers = watch()
    timers.heard("A", 0.1)
    missing = {"A": True, "B": True}
    assert timers.due(missing, 0.1) == [Request("A", "snapshot")]
    assert timers.due(missing, 1.9) == []
    assert timers.due(missing, 2.0) == [Request("B", "snapshot")]


def test_a_book_that_stays_unknown_is_asked_for_ever_more_rarely_and_a_whole_one_starts_anew():
    timers = watch(("A",), stale_s=1e9)
    timers.heard("A", 0.0)
    asked, now = [], 0.0
    while now < 200.0:
        if timers.due({"A": True}, now):
            asked.append(now)
            timers.answered("A", now)
        now += 0.05
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert 0.5 <= pauses[0] <= 1.05
    assert all(15.0 <= pause <= 30.1 for pause in pauses[5:])
    assert timers.due({"A": False}, now + 40) == []
    assert timers.due({"A": True}, now + 40) == [Request("A", "snapshot")]
    timers.answered("A", now + 40)
    assert timers.due({"A": True}, now + 41.1) == [Request("A", "snapshot")]


@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_a_wait_lies_in_the_upper_half_of_its_bound(attempt, seed):
    bound = min(30.0, 2.0 ** min(attempt, 10))
    assert bound / 2 <= backoff_s(attempt, random.Random(seed)) <= bound
