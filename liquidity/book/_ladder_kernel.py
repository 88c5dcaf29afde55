"""The order book compiled: rows in, figures out, one dense array of lots per side. ``ladder.py`` is its only caller.

Everything that lasts between calls is in ``state`` (places below) and in the four arrays of levels; a call loads it into
locals and stores it at the end, so a stream may be cut anywhere. Sums are of integers and wrap, so moved sums equal
sums made anew, bit for bit. ``reference.py`` says the same slowly. Imported on first use only (numba costs 0.6 s).
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, NO_TIME, SNAPSHOT
from liquidity.book.book_features import MAX_LOTS, MAX_TICKS, NO_FLOW, NO_LEVEL

__all__ = [
    "ASK_BASE", "ASK_FAR_N", "ASK_HI", "ASK_LO", "BEST_ASK", "BEST_BID", "BID_BASE", "BID_FAR_N", "BID_HI", "BID_LO",
    "BOOK_REASON", "DONE", "EDGES", "FAR_FULL", "FAR_USED", "IN_MESSAGE", "LAST_ID", "NEXT_INSTANT", "NO_ASK", "OUT_ROWS", "PENDING",
    "REBASE_ASK", "REBASE_BID", "REFUSED_N", "STARTING", "STATE_SIZE", "SYNCED_MID2", "apply_rows", "far_rehash", "first_behind",
    "nearest_levels", "rows_of_floats",
]  # fmt: skip

# Places in ``state``.
BOOK_REASON, IN_SNAPSHOT, IN_MESSAGE, BID_BASE, ASK_BASE, BEST_BID, BEST_ASK = 0, 1, 2, 3, 4, 5, 6
BID_LO, BID_HI, ASK_LO, ASK_HI = 7, 8, 9, 10  # first and last index ever filled since the last clearing
SYNCED_MID2 = 11  # best bid + best ask for which the edges and sums below hold; -1 for none
EDGES = 12  # bid edges of 10, 25, 50 bps, then ask edges: lowest bid and highest ask tick inside
SUMS = 18  # per side: worth within 10 and 25 bps, lots and lots*ticks within 50 bps
LARGEST = 26  # bid ticks and lots, ask ticks and lots; lots _STALE: look again
QUOTE = 30  # best quotes at the last event: bid, ask, bid lots, ask lots, known
FLOW, FLOW_KNOWN, UPDATES_N, NEXT_INSTANT, EVENT_NS = 35, 36, 37, 38, 39
FAR_USED, BID_FAR_N, ASK_FAR_N, REFUSED_N = 40, 41, 42, 43
OUT_ROWS, PENDING, LAST_ID, STARTING = 44, 45, 46, 47
STATE_SIZE = 48

# Why a call came back.
DONE, REBASE_BID, REBASE_ASK, FAR_FULL = 0, 1, 2, 3

_OK, _NO_BOOK, _CROSSED, _ONE_SIDED, _REFUSED, _TOO_LARGE = 0, 1, 2, 3, 4, 5
OFF_GRID = 1e-6  # of a step, as in grid.py
_HASH = np.int64(-7046029254386353131)  # 2**64 over the golden ratio, odd
_NEVER_BID, _NEVER_ASK = 2**62, -1  # edges that no level is inside of
NO_ASK = 2**62  # best ask of an empty side: above every price
_STALE = 2**62  # lots of a largest level that must be looked for

_I8 = numba.types.Array(numba.int64, 1, "C")
_I8_IN = numba.types.Array(numba.int64, 1, "C", readonly=True)
_I1_IN = numba.types.Array(numba.int8, 1, "C", readonly=True)
_B1_IN = numba.types.Array(numba.boolean, 1, "C", readonly=True)
_F8_IN = numba.types.Array(numba.float64, 1, "C", readonly=True)
_I1 = numba.types.Array(numba.int8, 1, "C")
_I8_OUT = numba.types.Array(numba.int64, 2, "C")
_F8_OUT = numba.types.Array(numba.float64, 2, "C")


_inner: Callable[[Any], Any] = numba.njit(nogil=True, error_model="numpy")


def _njit(*signature: Any) -> Any:
    """Compile for one exact signature; where no cache folder can be written, compile anew in each process."""

    def compiled(function: Any) -> Any:
        try:
            return numba.njit(*signature, nogil=True, cache=True, error_model="numpy")(function)
        except RuntimeError as problem:
            if "cannot cache" not in str(problem):
                raise
            return numba.njit(*signature, nogil=True, error_model="numpy")(function)

    return compiled


@_inner
def _sums(levels: Any, base: Any, low: Any, high: Any) -> Any:  # pragma: no cover - compiled
    """Lots and lots*ticks of the ticks low..high."""
    first, stop = max(low - base, 0), min(high - base + 1, levels.size)
    lots, moment = 0, 0
    if first < stop:
        near = levels[first:stop]
        for k in range(near.size):
            lots += near[k]
            moment += near[k] * k
        moment += lots * (base + first)
    return lots, moment


@_inner
def _largest_down(levels: Any, base: Any, low: Any, high: Any) -> Any:  # pragma: no cover - compiled
    """Largest level of low..high, the highest tick among equals: chunk maxima first, they vectorise."""
    first, stop = max(low - base, 0), min(high - base + 1, levels.size)
    most, at = 0, -1
    while stop > first:
        begin = max(first, stop - 64)
        near = levels[begin:stop]
        top = 0
        for k in range(near.size):
            top = max(top, near[k])
        if top > most:
            most, at = top, begin
        stop = begin
    if at < 0:
        return -1, 0
    k = min(at + 63, min(high - base + 1, levels.size) - 1)
    while levels[k] != most:
        k -= 1
    return base + k, most


@_inner
def _largest_up(levels: Any, base: Any, low: Any, high: Any) -> Any:  # pragma: no cover - compiled
    """Largest level of low..high, the lowest tick among equals."""
    first, stop = max(low - base, 0), min(high - base + 1, levels.size)
    most, at = 0, -1
    while first < stop:
        end = min(stop, first + 64)
        near = levels[first:end]
        top = 0
        for k in range(near.size):
            top = max(top, near[k])
        if top > most:
            most, at = top, first
        first = end
    if at < 0:
        return -1, 0
    k = at
    while levels[k] != most:
        k += 1
    return base + k, most


@_inner
def _far_put(keys: Any, values: Any, key: Any, lots: Any) -> Any:  # pragma: no cover - compiled
    """Store a far level; old lots (-1: the key is new and was stored, -2: new and 0, nothing to store)."""
    mask = keys.size - 1
    slot = ((key * _HASH) >> 20) & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            old = values[slot]
            values[slot] = lots
            return old
        slot = (slot + 1) & mask
    if lots == 0:
        return np.int64(-2)
    keys[slot] = key
    values[slot] = lots
    return np.int64(-1)


def _far_rehash(keys: Any, values: Any, new_keys: Any, new_values: Any) -> Any:  # pragma: no cover - compiled
    count = 0
    for k in range(keys.size):
        if keys[k] != 0 and values[k] != 0:
            _far_put(new_keys, new_values, keys[k], values[k])
            count += 1
    return count


far_rehash = _njit(numba.int64(_I8, _I8, _I8, _I8))(_far_rehash)
"""Copy the levels of a far table into an empty one; how many there are."""


def _first_behind(action: Any, end: Any, last_id: Any, previous_id: Any, state: Any) -> Any:  # pragma: no cover
    newest = state[LAST_ID]
    inside = state[IN_MESSAGE]
    for i in range(action.size):
        if inside == 0:
            told = last_id[i]
            if action[i] == DELTA and told != NO_ID and told < newest and previous_id[i] != newest:
                return i
            newest = told
            if action[i] == INVALIDATE:
                newest = NO_ID
        inside = 0 if end[i] or action[i] == INVALIDATE else 1
    state[LAST_ID] = newest
    state[IN_MESSAGE] = inside
    return -1


first_behind = _njit(numba.int64(_I1_IN, _B1_IN, _I8_IN, _I8_IN, _I8))(_first_behind)
"""First row whose message falls behind the newest id, -1 for none; only then ``state`` moves on."""


def _nearest_levels(levels: Any, first: Any, stop: Any, step: Any, out: Any) -> Any:  # pragma: no cover - compiled
    count = 0
    k = first
    while k != stop and count < out.size:
        if levels[k] != 0:
            out[count] = k
            count += 1
        k += step
    return count


nearest_levels = _njit(numba.int64(_I8, numba.int64, numba.int64, numba.int64, _I8))(_nearest_levels)
"""Indices of the filled levels from ``first`` towards ``stop`` (left out), at most ``out.size``; how many."""


def _rows_of_floats(
    prices: Any, sizes: Any, bids_n: Any, tick: Any, lot: Any, action_code: Any,
    action: Any, end: Any, side: Any, ticks: Any, lots: Any,
) -> Any:  # pragma: no cover - compiled  # fmt: skip
    rows = prices.size
    for i in range(rows):
        price, size = prices[i] / tick, sizes[i] / lot
        whole_price, whole_size = np.rint(price), np.rint(size)
        if not (
            abs(price - whole_price) <= OFF_GRID * max(1.0, abs(price) * 1e-9)
            and abs(size - whole_size) <= OFF_GRID * max(1.0, abs(size) * 1e-9)
            and 1.0 <= whole_price <= MAX_TICKS
            and 0.0 <= whole_size <= MAX_LOTS
        ):
            return i
        action[i] = action_code
        end[i] = i == rows - 1
        side[i] = 1 if i < bids_n else -1
        ticks[i] = np.int64(whole_price)
        lots[i] = np.int64(whole_size)
    return -1


rows_of_floats = _njit(
    numba.int64(
        _F8_IN, _F8_IN, numba.int64, numba.float64, numba.float64, numba.int64,
        _I1, numba.types.Array(numba.boolean, 1, "C"), _I1, _I8, _I8,
    )
)(_rows_of_floats)  # fmt: skip
"""Prices and sizes of one message, bids first, to its rows; the first level off the grid or its limits, -1 for none."""


def _apply_rows(
    received: Any, event: Any, action: Any, end: Any, side: Any, ticks: Any, lots: Any, start: Any, stop: Any,
    mode: Any, every_ns: Any, inverse: Any, tick_size: Any, unit: Any,
    state: Any, bid: Any, ask: Any, far_keys: Any, far_lots: Any, out_i: Any, out_f: Any,
) -> Any:  # pragma: no cover - compiled  # fmt: skip
    book = state[BOOK_REASON]
    in_snapshot = state[IN_SNAPSHOT]
    bid_base, ask_base = state[BID_BASE], state[ASK_BASE]
    bid_size, ask_size = np.int64(bid.size), np.int64(ask.size)
    best_bid, best_ask = state[BEST_BID], state[BEST_ASK]
    bid_lo, bid_hi, ask_lo, ask_hi = state[BID_LO], state[BID_HI], state[ASK_LO], state[ASK_HI]
    synced = state[SYNCED_MID2]
    b10, b25, b50 = state[EDGES], state[EDGES + 1], state[EDGES + 2]
    a10, a25, a50 = state[EDGES + 3], state[EDGES + 4], state[EDGES + 5]
    bw10, bw25, bq50, bp50 = state[SUMS], state[SUMS + 1], state[SUMS + 2], state[SUMS + 3]
    aw10, aw25, aq50, ap50 = state[SUMS + 4], state[SUMS + 5], state[SUMS + 6], state[SUMS + 7]
    big_bid, big_bid_lots = state[LARGEST], state[LARGEST + 1]
    big_ask, big_ask_lots = state[LARGEST + 2], state[LARGEST + 3]
    was_bid, was_ask, was_bid_lots, was_ask_lots = state[QUOTE], state[QUOTE + 1], state[QUOTE + 2], state[QUOTE + 3]
    was_known = state[QUOTE + 4]
    flow, flow_known, updates_n = state[FLOW], state[FLOW_KNOWN], state[UPDATES_N]
    next_instant, event_ns = state[NEXT_INSTANT], state[EVENT_NS]
    far_used, bid_far_n, ask_far_n = state[FAR_USED], state[BID_FAR_N], state[ASK_FAR_N]
    refused_n = state[REFUSED_N]
    pending = np.int64(-1)
    status = DONE
    rows = 0
    i = start
    starting = state[STARTING] != 0
    while i < stop:
        at_ns = np.int64(0)
        tell = False
        quiet = False  # an instant of the grid, no row is taken
        if mode == 2 and starting:
            clock = received[i]
            if clock == NO_TIME:
                clock = event[i]
            if next_instant < 0:
                next_instant = -(-clock // every_ns) * every_ns
            if clock > next_instant:
                at_ns, tell, quiet = next_instant, True, True
        ends = True
        taken = 0
        act = action[i]
        if not quiet:
            ends = end[i]
            if act != DELTA:
                if act == INVALIDATE or in_snapshot == 0:
                    if bid_hi >= bid_lo:
                        bid[bid_lo : bid_hi + 1] = 0
                    if ask_hi >= ask_lo:
                        ask[ask_lo : ask_hi + 1] = 0
                    if far_used > 0:
                        far_keys[:] = 0
                    bid_lo, ask_lo, bid_hi, ask_hi = bid_size, ask_size, np.int64(-1), np.int64(-1)
                    best_bid, best_ask = np.int64(NO_LEVEL), np.int64(NO_ASK)
                    far_used, bid_far_n, ask_far_n = np.int64(0), np.int64(0), np.int64(0)
                    synced = np.int64(-1)
                    b10, b25, b50 = np.int64(_NEVER_BID), np.int64(_NEVER_BID), np.int64(_NEVER_BID)
                    a10, a25, a50 = np.int64(_NEVER_ASK), np.int64(_NEVER_ASK), np.int64(_NEVER_ASK)
                    book = np.int64(_OK)
                    in_snapshot = np.int64(1)
                if act == INVALIDATE:
                    ends = True
                    book = np.int64(_NO_BOOK)
            way = side[i]
            if way != 0 and book == _OK and act != INVALIDATE:
                taken = 1
                tick, new = ticks[i], lots[i]
                if way > 0:
                    k = tick - bid_base
                    if 0 <= k < bid_size and 0 <= new <= MAX_LOTS:
                        change = new - bid[k]
                        bid[k] = new
                        bid_lo, bid_hi = min(bid_lo, k), max(bid_hi, k)
                        best_bid = max(best_bid, tick if new > 0 else np.int64(NO_LEVEL))
                        if (tick == best_bid) & (new == 0):
                            k -= 1
                            while k >= bid_lo and bid[k] == 0:
                                k -= 1
                            best_bid = k + bid_base if k >= bid_lo else np.int64(NO_LEVEL)
                        near = change if tick >= b50 else 0
                        moment = near * tick
                        worth = near if inverse else moment
                        bq50 += near
                        bp50 += moment
                        bw25 += worth if tick >= b25 else 0
                        bw10 += worth if tick >= b10 else 0
                        if (new >= big_bid_lots) & (tick >= b50):
                            if (new > big_bid_lots) | (tick > big_bid):
                                big_bid, big_bid_lots = tick, new
                        elif tick == big_bid:
                            big_bid_lots = np.int64(_STALE)
                    elif 1 <= tick <= MAX_TICKS and 0 <= new <= MAX_LOTS:
                        if tick >= bid_base + bid_size:
                            if new > 0:
                                status, pending = REBASE_BID, tick
                                break
                        else:
                            if 2 * far_used >= far_keys.size:
                                status = FAR_FULL
                                break
                            old = _far_put(far_keys, far_lots, 2 * tick + 1, new)
                            far_used += old == -1
                            bid_far_n += (1 if new > 0 else 0) - (1 if old > 0 else 0)
                    else:
                        book = np.int64(_REFUSED)
                else:
                    k = tick - ask_base
                    if 0 <= k < ask_size and 0 <= new <= MAX_LOTS:
                        change = new - ask[k]
                        ask[k] = new
                        ask_lo, ask_hi = min(ask_lo, k), max(ask_hi, k)
                        best_ask = min(best_ask, tick if new > 0 else np.int64(NO_ASK))
                        if (tick == best_ask) & (new == 0):
                            k += 1
                            while k <= ask_hi and ask[k] == 0:
                                k += 1
                            best_ask = k + ask_base if k <= ask_hi else np.int64(NO_ASK)
                        near = change if tick <= a50 else 0
                        moment = near * tick
                        worth = near if inverse else moment
                        aq50 += near
                        ap50 += moment
                        aw25 += worth if tick <= a25 else 0
                        aw10 += worth if tick <= a10 else 0
                        if (new >= big_ask_lots) & (tick <= a50):
                            if (new > big_ask_lots) | (tick < big_ask):
                                big_ask, big_ask_lots = tick, new
                        elif tick == big_ask:
                            big_ask_lots = np.int64(_STALE)
                    elif 1 <= tick <= MAX_TICKS and 0 <= new <= MAX_LOTS:
                        if tick < ask_base or ask_size == 0:
                            if new > 0:
                                status, pending = REBASE_ASK, tick
                                break
                        else:
                            if 2 * far_used >= far_keys.size:
                                status = FAR_FULL
                                break
                            old = _far_put(far_keys, far_lots, 2 * tick, new)
                            far_used += old == -1
                            ask_far_n += (1 if new > 0 else 0) - (1 if old > 0 else 0)
                    else:
                        book = np.int64(_REFUSED)
                if book == _REFUSED:
                    taken = 0
                    refused_n += 1
                    if bid_hi >= bid_lo:
                        bid[bid_lo : bid_hi + 1] = 0
                    if ask_hi >= ask_lo:
                        ask[ask_lo : ask_hi + 1] = 0
                    if far_used > 0:
                        far_keys[:] = 0
                    bid_lo, ask_lo, bid_hi, ask_hi = bid_size, ask_size, np.int64(-1), np.int64(-1)
                    best_bid, best_ask = np.int64(NO_LEVEL), np.int64(NO_ASK)
                    far_used, bid_far_n, ask_far_n = np.int64(0), np.int64(0), np.int64(0)
                    synced = np.int64(-1)
                    b10, b25, b50 = np.int64(_NEVER_BID), np.int64(_NEVER_BID), np.int64(_NEVER_BID)
                    a10, a25, a50 = np.int64(_NEVER_ASK), np.int64(_NEVER_ASK), np.int64(_NEVER_ASK)
            tell = (mode == 0 and (ends or act != SNAPSHOT)) or (mode == 1 and ends)

        marks = tell or ends
        reason = book
        bid_lots, ask_lots = np.int64(NO_LEVEL), np.int64(NO_LEVEL)
        if marks and book == _OK:
            # Far orders are the best ones left: the dense arrays go there first, then the row is done again.
            if best_bid == NO_LEVEL and bid_far_n > 0:
                status = REBASE_BID
                break
            if best_ask == NO_ASK and ask_far_n > 0:
                status = REBASE_ASK
                break
            if best_bid == NO_LEVEL or best_ask == NO_ASK:
                reason = np.int64(_ONE_SIDED)
            elif best_bid > best_ask:
                reason = np.int64(_CROSSED)
            else:
                bid_lots, ask_lots = bid[best_bid - bid_base], ask[best_ask - ask_base]
        if tell and reason == _OK:
            mid2 = best_bid + best_ask
            if mid2 != synced:
                w10, w25, w50 = mid2 // 1000, mid2 // 400, mid2 // 200  # floor(mid2 bps / 1e4)
                n10, n25, n50 = (mid2 - w10 + 1) >> 1, (mid2 - w25 + 1) >> 1, (mid2 - w50 + 1) >> 1
                m10, m25, m50 = (mid2 + w10) >> 1, (mid2 + w25) >> 1, (mid2 + w50) >> 1
                if n50 < bid_base:
                    status = REBASE_BID
                    break
                if m50 >= ask_base + ask_size:
                    status = REBASE_ASK
                    break
                if synced < 0 or abs(mid2 - synced) > w50:
                    q, p = _sums(bid, bid_base, n10, best_bid)
                    bw10 = q if inverse else p
                    q, p = _sums(bid, bid_base, n25, best_bid)
                    bw25 = q if inverse else p
                    bq50, bp50 = _sums(bid, bid_base, n50, best_bid)
                    q, p = _sums(ask, ask_base, best_ask, m10)
                    aw10 = q if inverse else p
                    q, p = _sums(ask, ask_base, best_ask, m25)
                    aw25 = q if inverse else p
                    aq50, ap50 = _sums(ask, ask_base, best_ask, m50)
                    big_bid_lots, big_ask_lots = np.int64(_STALE), np.int64(_STALE)
                elif mid2 > synced:
                    q, p = _sums(bid, bid_base, b10, n10 - 1)
                    bw10 -= q if inverse else p
                    q, p = _sums(bid, bid_base, b25, n25 - 1)
                    bw25 -= q if inverse else p
                    q, p = _sums(bid, bid_base, b50, n50 - 1)
                    bq50 -= q
                    bp50 -= p
                    if big_bid < n50:
                        big_bid_lots = np.int64(_STALE)
                    q, p = _sums(ask, ask_base, a10 + 1, m10)
                    aw10 += q if inverse else p
                    q, p = _sums(ask, ask_base, a25 + 1, m25)
                    aw25 += q if inverse else p
                    q, p = _sums(ask, ask_base, a50 + 1, m50)
                    aq50 += q
                    ap50 += p
                    if q > big_ask_lots:
                        t, q = _largest_up(ask, ask_base, a50 + 1, m50)
                        if q > big_ask_lots:
                            big_ask, big_ask_lots = t, q
                else:
                    q, p = _sums(bid, bid_base, n10, b10 - 1)
                    bw10 += q if inverse else p
                    q, p = _sums(bid, bid_base, n25, b25 - 1)
                    bw25 += q if inverse else p
                    q, p = _sums(bid, bid_base, n50, b50 - 1)
                    bq50 += q
                    bp50 += p
                    if q > big_bid_lots:
                        t, q = _largest_down(bid, bid_base, n50, b50 - 1)
                        if q > big_bid_lots:
                            big_bid, big_bid_lots = t, q
                    q, p = _sums(ask, ask_base, m10 + 1, a10)
                    aw10 -= q if inverse else p
                    q, p = _sums(ask, ask_base, m25 + 1, a25)
                    aw25 -= q if inverse else p
                    q, p = _sums(ask, ask_base, m50 + 1, a50)
                    aq50 -= q
                    ap50 -= p
                    if big_ask > m50:
                        big_ask_lots = np.int64(_STALE)
                b10, b25, b50, a10, a25, a50, synced = n10, n25, n50, m10, m25, m50, mid2
            if big_bid_lots == _STALE:
                big_bid, big_bid_lots = _largest_down(bid, bid_base, b50, best_bid)
            if big_ask_lots == _STALE:
                big_ask, big_ask_lots = _largest_up(ask, ask_base, best_ask, a50)
            if float(mid2) * float(max(bq50, aq50)) > 4.5e18 and (
                bq50 >= -(-(2**62) // mid2) or aq50 >= -(-(2**62) // mid2)
            ):
                reason = np.int64(_TOO_LARGE)

        # Nothing below comes back to this row: counts and flags may move on.
        if not quiet:
            event_ns = event[i] if marks else event_ns
            updates_n += taken
        if marks and not quiet:
            if ends:
                in_snapshot = np.int64(0)
            if bid_lots > 0:
                if was_known != 0:
                    flow += (
                        (bid_lots if best_bid >= was_bid else 0)
                        - (was_bid_lots if best_bid <= was_bid else 0)
                        - (ask_lots if best_ask <= was_ask else 0)
                        + (was_ask_lots if best_ask >= was_ask else 0)
                    )
                else:
                    flow_known = np.int64(0)
                was_bid, was_ask, was_bid_lots, was_ask_lots = best_bid, best_ask, bid_lots, ask_lots
                was_known = np.int64(1)
            else:
                was_known, flow_known = np.int64(0), np.int64(0)
        if tell:
            if quiet:
                next_instant += every_ns
            else:
                at_ns = received[i]
                if at_ns == NO_TIME:
                    at_ns = event_ns
            integers, floats = out_i[rows], out_f[rows]
            integers[0] = at_ns
            integers[1] = event_ns
            integers[2] = reason
            integers[12] = updates_n
            if reason == _OK:
                mid2 = best_bid + best_ask
                integers[3] = best_bid
                integers[4] = best_ask
                integers[5] = bid_lots
                integers[6] = ask_lots
                integers[7] = big_bid if big_bid_lots > 0 else NO_LEVEL
                integers[8] = big_bid_lots if big_bid_lots > 0 else NO_LEVEL
                integers[9] = big_ask if big_ask_lots > 0 else NO_LEVEL
                integers[10] = big_ask_lots if big_ask_lots > 0 else NO_LEVEL
                integers[11] = flow if flow_known != 0 else NO_FLOW
                floats[0] = 2e4 * float(best_ask - best_bid) / float(mid2)
                floats[1] = (
                    (float(bid_lots) * float(best_ask) + float(ask_lots) * float(best_bid))
                    / float(bid_lots + ask_lots)
                    * tick_size
                )
                bw50 = bq50 if inverse else bp50
                aw50 = aq50 if inverse else ap50
                floats[2] = float(bw10) * unit
                floats[3] = float(bw25) * unit
                floats[4] = float(bw50) * unit
                floats[5] = float(aw10) * unit
                floats[6] = float(aw25) * unit
                floats[7] = float(aw50) * unit
                # Sums of lots * (mid2 - 200 |2 tick - mid2|), from lots and lots*ticks.
                near_bid = 400 * bp50 - 199 * mid2 * bq50
                near_ask = 201 * mid2 * aq50 - 400 * ap50
                both = near_bid + near_ask
                floats[8] = float(near_bid - near_ask) / float(both) if both > 0 else np.nan
                both = bw50 + aw50
                floats[9] = float(bw50 - aw50) / float(both) if both > 0 else np.nan
            else:
                for column in range(3, 11):
                    integers[column] = NO_LEVEL
                integers[11] = NO_FLOW
                for column in range(10):
                    floats[column] = np.nan
            rows += 1
            flow, flow_known, updates_n = np.int64(0), np.int64(1), np.int64(0)
        if not quiet:
            starting = ends
            i += 1

    state[BOOK_REASON] = book
    state[IN_SNAPSHOT] = in_snapshot
    state[BEST_BID], state[BEST_ASK] = best_bid, best_ask
    state[BID_LO], state[BID_HI], state[ASK_LO], state[ASK_HI] = bid_lo, bid_hi, ask_lo, ask_hi
    state[SYNCED_MID2] = synced
    state[EDGES], state[EDGES + 1], state[EDGES + 2] = b10, b25, b50
    state[EDGES + 3], state[EDGES + 4], state[EDGES + 5] = a10, a25, a50
    state[SUMS], state[SUMS + 1], state[SUMS + 2], state[SUMS + 3] = bw10, bw25, bq50, bp50
    state[SUMS + 4], state[SUMS + 5], state[SUMS + 6], state[SUMS + 7] = aw10, aw25, aq50, ap50
    state[LARGEST], state[LARGEST + 1] = big_bid, big_bid_lots
    state[LARGEST + 2], state[LARGEST + 3] = big_ask, big_ask_lots
    state[QUOTE], state[QUOTE + 1], state[QUOTE + 2], state[QUOTE + 3] = was_bid, was_ask, was_bid_lots, was_ask_lots
    state[QUOTE + 4] = was_known
    state[FLOW], state[FLOW_KNOWN], state[UPDATES_N] = flow, flow_known, updates_n
    state[NEXT_INSTANT], state[EVENT_NS] = next_instant, event_ns
    state[FAR_USED], state[BID_FAR_N], state[ASK_FAR_N] = far_used, bid_far_n, ask_far_n
    state[REFUSED_N] = refused_n
    state[PENDING], state[OUT_ROWS], state[STARTING] = pending, rows, starting
    return i, status


apply_rows = _njit(
    numba.types.UniTuple(numba.int64, 2)(
        _I8_IN, _I8_IN, _I1_IN, _B1_IN, _I1_IN, _I8_IN, _I8_IN, numba.int64, numba.int64,
        numba.int64, numba.int64, numba.boolean, numba.float64, numba.float64,
        _I8, _I8, _I8, _I8, _I8, _I8_OUT, _F8_OUT,
    )
)(_apply_rows)  # fmt: skip
"""Take rows ``start..stop`` in and tell figures; the row it stopped at and why (:data:`DONE` or what it waits for)."""
