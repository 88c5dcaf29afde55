"""The judgement of ids: one delta, and a whole block of messages, compiled from the same function.

Kept in one file, because the cache of compiled code looks at this file alone to know whether it is stale.
"""

from typing import Final

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from liquidity.book.block import NO_ID
from liquidity.domain.compiled import compiled

__all__ = ["APPLY", "COUNTED", "DUPLICATE", "GAP", "OLD", "OUT_OF_ORDER", "verdict", "walk"]

APPLY: Final = 0
"""The message continues the book."""
OLD: Final = 1
"""The snapshot already holds the message: it is dropped, the book stays right."""
DUPLICATE: Final = 2
"""The message lies inside an unbroken chain, so it was applied before: it is dropped, the book stays right."""
GAP: Final = 3
"""Messages are missing before this one: the book is unknown."""
OUT_OF_ORDER: Final = 4
"""The message is older than one that was applied, on a venue where that cannot be harmless: the book is unknown."""

COUNTED: Final = (
    "applied", "snapshots", "buffered", "buffered_dropped", "before_snapshot", "buffer_overflow", "stale_snapshot",
    "old_snapshot", "old", "duplicate", "gap", "out_of_order",
)  # fmt: skip
"""Names of the counters that :func:`walk` fills, in order; they are those of the synchroniser."""
_APPLIED, _SNAPSHOTS, _BUFFERED, _BUFFERED_DROPPED, _BEFORE, _OVERFLOW = 0, 1, 2, 3, 4, 5
_STALE, _OLD_SNAPSHOT, _OLD_N, _DUPLICATE_N, _GAP_N, _OUT_OF_ORDER_N = 6, 7, 8, 9, 10, 11


@register_jitable  # type: ignore[untyped-decorator]  # numba tells no types
def verdict(chain: int, fresh: bool, last: int, first_id: int, last_id: int, previous_id: int) -> int:
    """What to do with a delta, given the book's state.

    Parameters
    ----------
    chain
        A :class:`Chain` value.
    fresh
        No delta was applied since the snapshot.
    last
        Id of the snapshot, or of the delta applied last; :data:`~liquidity.book.block.NO_ID` where none was told.
    first_id, last_id, previous_id
        Ids of the delta; ``NO_ID`` where the venue sends none.

    Returns
    -------
    int
        :data:`APPLY`, :data:`OLD`, :data:`DUPLICATE`, :data:`GAP` or :data:`OUT_OF_ORDER`. A delta without the ids its
        chain needs is a gap: unknown is not right.

    Notes
    -----
    Plain integers and comparisons only: numba compiles this function as it stands.
    """
    if chain == 0:  # UNNUMBERED
        return APPLY
    if last_id == NO_ID or last == NO_ID:
        return GAP
    if chain == 1:  # RANGE
        if last_id <= last:
            return OLD if fresh else DUPLICATE
        if first_id == NO_ID or first_id > last_id:
            return GAP
        if fresh:
            return APPLY if first_id <= last + 1 else GAP
        return APPLY if first_id == last + 1 else GAP
    if chain == 2:  # RANGE_AND_PREVIOUS
        if fresh:
            if last_id < last:
                return OLD
        elif last_id <= last:
            return DUPLICATE
        if first_id > last_id:
            return GAP
        return APPLY if previous_id == last or (fresh and first_id != NO_ID and first_id <= last) else GAP
    if chain == 3:  # PREVIOUS
        if previous_id == last:
            return APPLY
        if last_id <= last:
            return OLD if fresh else DUPLICATE
        return GAP
    if chain == 4:  # CONTIGUOUS
        if last_id <= last:
            return OLD if fresh else DUPLICATE
        return APPLY if last_id == last + 1 else GAP
    return APPLY if last_id >= last else OUT_OF_ORDER  # NON_DECREASING


def _walk(
    chain: int,
    from_request: bool,
    max_buffered: int,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    previous: NDArray[np.int64],
    full: NDArray[np.bool_],
    begin: int,
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Synchronise a run of messages; the same steps as ``Synchroniser.push``, message by message.

    Parameters
    ----------
    first, last, previous, full
        Ids of each message, and whether it is a snapshot. Those before ``begin`` are the buffer of the run before.
    state
        In and out: live (0/1), fresh (0/1), id applied last, first buffered message, messages buffered.
    counts
        Added to, by :data:`COUNTED`.
    out
        Filled with the steps: ``i`` applies message i, ``-1 - i`` invalidates at message i. Its length must be the
        number of messages and snapshots, plus one.

    Returns
    -------
    int
        Steps filled.
    """
    live, fresh, applied, held_from, held_n = state[0] == 1, state[1] == 1, state[2], state[3], state[4]
    steps = 0
    for i in range(begin, len(last)):
        if full[i]:
            if from_request:
                if live and last[i] < applied:
                    counts[_OLD_SNAPSHOT] += 1
                    continue
                stale = False
                if held_n > 0:
                    for k in range(held_from, i):
                        if full[k]:
                            continue
                        found = verdict(chain, True, last[i], first[k], last[k], previous[k])
                        if found != OLD:
                            stale = found != APPLY
                            break
                if stale:
                    counts[_STALE] += 1
                    continue
            counts[_SNAPSHOTS] += 1
            live, fresh, applied = True, True, last[i]
            out[steps] = i
            steps += 1
            replay_from, replay_to = (held_from, i) if held_n > 0 else (i, i)
            held_n = 0
        else:
            if not live:
                if not from_request:
                    counts[_BEFORE] += 1
                    continue
                counts[_BUFFERED] += 1
                if held_n == 0:
                    held_from = i
                held_n += 1
                if held_n > max_buffered:
                    counts[_OVERFLOW] += 1
                    held_n -= 1
                    held_from += 1
                    while full[held_from]:
                        held_from += 1
                continue
            replay_from, replay_to = i, i + 1
        for k in range(replay_from, replay_to):
            if full[k]:
                continue
            again = k < i
            if not live:  # lost inside the buffer: the rest waits for the next snapshot
                held_n += 1
                continue
            found = verdict(chain, fresh, applied, first[k], last[k], previous[k])
            if found == APPLY:
                counts[_APPLIED] += 1
                applied, fresh = last[k], False
                out[steps] = k
                steps += 1
            elif found == OLD:
                counts[_BUFFERED_DROPPED if again else _OLD_N] += 1
            elif found == DUPLICATE:
                counts[_DUPLICATE_N] += 1
            else:
                counts[_OUT_OF_ORDER_N if found == OUT_OF_ORDER else _GAP_N] += 1
                live, fresh, applied = False, True, NO_ID
                out[steps] = -1 - k
                steps += 1
                if from_request:
                    held_from, held_n = k, 1
                    if not again:
                        counts[_BUFFERED] += 1
                else:
                    counts[_BEFORE] += 1
    state[0], state[1], state[2], state[3], state[4] = live, fresh, applied, held_from, held_n
    return steps


walk = compiled()(_walk)
