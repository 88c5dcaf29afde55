"""The order book compiled: rows in, figures out, one dense array of lots per side. ``ladder.py`` is its only caller.

Everything that lasts between calls is in ``state`` (places below) and in the four arrays of levels; a call loads it into
locals and stores it at the end, so a stream may be cut anywhere. Sums are of integers and wrap, so moved sums equal
sums made anew, bit for bit. ``reference.py`` says the same slowly. Imported on first use only (numba costs 0.6 s).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, NO_TIME, SNAPSHOT
from liquidity.book.book_features import MAX_LOTS, MAX_MID2, MAX_TICKS, NO_FLOW, NO_LEVEL
from liquidity.domain.compiled import compiled

__all__ = [
    "ASK_BASE", "ASK_FAR_N", "ASK_HI", "ASK_LO", "BEST_ASK", "BEST_BID", "BID_BASE", "BID_FAR_N", "BID_HI", "BID_LO",
    "BOOK_REASON", "DONE", "EDGES", "FAR_FULL", "FAR_USED", "IN_MESSAGE", "LAST_ID", "NEXT_INSTANT", "NO_ASK", "OUT_ROWS", "PENDING", "PLACES",
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
_HASH = np.uint64(11400714819323198485)  # 2**64 over the golden ratio, odd
_NEVER_BID, _NEVER_ASK = 2**62, -1  # edges that no level is inside of
NO_ASK = 2**62  # best ask of an empty side: above every price
_STALE = 2**62  # lots of a largest level that must be looked for
_TOO_MUCH = 2**62  # lots times twice the mid from which sums are not told
PLACES = 512  # rows whose sums wait for their floats: few enough to stay in the fastest cache

_I8 = numba.types.Array(numba.int64, 1, "C")
_I8_IN = numba.types.Array(numba.int64, 1, "C", readonly=True)
_I1_IN = numba.types.Array(numba.int8, 1, "C", readonly=True)
_B1_IN = numba.types.Array(numba.boolean, 1, "C", readonly=True)
_F8_IN = numba.types.Array(numba.float64, 1, "C", readonly=True)
_I1 = numba.types.Array(numba.int8, 1, "C")
_I8_OUT = numba.types.Array(numba.int64, 2, "C")
_F8_OUT = numba.types.Array(numba.float64, 2, "C")


# Nothing here allocates, so arrays need no reference counts; counting them cost half of the time.
_inner: Callable[[Any], Any] = numba.njit(nogil=True, error_model="numpy", _nrt=False)
_exactly: Callable[..., Any] = partial(compiled, counts_references=False)


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
    # Unsigned: a signed product that overflows is undefined, and the compiler does make use of that.
    slot = np.int64((np.uint64(key) * _HASH) >> np.uint64(20)) & mask
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


far_rehash = _exactly(numba.int64(_I8, _I8, _I8, _I8))(_far_rehash)
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


first_behind = _exactly(numba.int64(_I1_IN, _B1_IN, _I8_IN, _I8_IN, _I8))(_first_behind)
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


nearest_levels = _exactly(numba.int64(_I8, numba.int64, numba.int64, numba.int64, _I8))(_nearest_levels)
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


rows_of_floats = _exactly(
    numba.int64(
        _F8_IN, _F8_IN, numba.int64, numba.float64, numba.float64, numba.int64,
        _I1, numba.types.Array(numba.boolean, 1, "C"), _I1, _I8, _I8,
    )
)(_rows_of_floats)  # fmt: skip
"""Prices and sizes of one message, bids first, to its rows; the first level off the grid or its limits, -1 for none."""


@_inner
def _quiet_run(
    action: Any, side: Any, ticks: Any, lots: Any, first: Any, stop: Any, inverse: Any,
    state: Any, bid: Any, ask: Any, far_keys: Any, far_lots: Any, sums: Any, place: Any,
) -> Any:  # pragma: no cover - compiled  # fmt: skip
    """Take rows in while they leave the best quotes and the largest levels as they are; the first row that was not.

    Most rows are such. The sums after each go to ``sums`` from ``place`` on.
    """
    limit = np.uint64(_TOO_MUCH // state[SYNCED_MID2])
    bid_base, ask_base, best_bid, best_ask = state[BID_BASE], state[ASK_BASE], state[BEST_BID], state[BEST_ASK]
    bid_lo, ask_hi, far_used = state[BID_LO], state[ASK_HI], state[FAR_USED]
    bid_far_n, ask_far_n = state[BID_FAR_N], state[ASK_FAR_N]
    b10, b25, b50 = state[EDGES], state[EDGES + 1], state[EDGES + 2]
    a10, a25, a50 = state[EDGES + 3], state[EDGES + 4], state[EDGES + 5]
    bw10, bw25, bq50, bp50 = state[SUMS], state[SUMS + 1], state[SUMS + 2], state[SUMS + 3]
    aw10, aw25, aq50, ap50 = state[SUMS + 4], state[SUMS + 5], state[SUMS + 6], state[SUMS + 7]
    big_bid, big_bid_lots = state[LARGEST], state[LARGEST + 1]
    big_ask, big_ask_lots = state[LARGEST + 2], state[LARGEST + 3]
    bid_size, ask_size = np.uint64(bid.size), np.uint64(ask.size)
    i = first
    while i < stop:
        if action[i] != DELTA:
            break
        way, tick, new = side[i], ticks[i], lots[i]
        if np.uint64(new) > np.uint64(MAX_LOTS):
            break
        if way > 0:
            k = tick - bid_base
            if np.uint64(k) < bid_size:
                inside = tick >= b50
                change = new - bid[k]
                near = change if inside else 0
                if (
                    (tick >= best_bid)
                    | (inside & (new >= big_bid_lots))
                    | (tick == big_bid)
                    | (np.uint64(bq50 + near) >= limit)
                ):
                    break
                bid[k] = new
                bid_lo = min(bid_lo, k)
                moment = near * tick
                worth = near if inverse else moment
                bq50 += near
                bp50 += moment
                bw25 += worth if tick >= b25 else 0
                bw10 += worth if tick >= b10 else 0
            else:
                if (tick < 1) | (k >= 0) | (2 * far_used >= far_keys.size):
                    break
                old = _far_put(far_keys, far_lots, 2 * tick + 1, new)
                far_used += old == -1
                bid_far_n += (1 if new > 0 else 0) - (1 if old > 0 else 0)
        elif way < 0:
            k = tick - ask_base
            if np.uint64(k) < ask_size:
                inside = tick <= a50
                change = new - ask[k]
                near = change if inside else 0
                if (
                    (tick <= best_ask)
                    | (inside & (new >= big_ask_lots))
                    | (tick == big_ask)
                    | (np.uint64(aq50 + near) >= limit)
                ):
                    break
                ask[k] = new
                ask_hi = max(ask_hi, k)
                moment = near * tick
                worth = near if inverse else moment
                aq50 += near
                ap50 += moment
                aw25 += worth if tick <= a25 else 0
                aw10 += worth if tick <= a10 else 0
            else:
                if (k < 0) | (ask_size == 0) | (tick > MAX_TICKS) | (2 * far_used >= far_keys.size):
                    break
                old = _far_put(far_keys, far_lots, 2 * tick, new)
                far_used += old == -1
                ask_far_n += (1 if new > 0 else 0) - (1 if old > 0 else 0)
        else:
            break
        sums[0, place], sums[1, place], sums[2, place], sums[3, place] = bw10, bw25, bq50, bp50
        sums[4, place], sums[5, place], sums[6, place], sums[7, place] = aw10, aw25, aq50, ap50
        place += 1
        i += 1
    state[BID_LO], state[ASK_HI], state[FAR_USED] = bid_lo, ask_hi, far_used
    state[BID_FAR_N], state[ASK_FAR_N] = bid_far_n, ask_far_n
    state[SUMS], state[SUMS + 1], state[SUMS + 2], state[SUMS + 3] = bw10, bw25, bq50, bp50
    state[SUMS + 4], state[SUMS + 5], state[SUMS + 6], state[SUMS + 7] = aw10, aw25, aq50, ap50
    return i


@_inner
def _figures(
    out_i: Any, out_f: Any, sums: Any, first: Any, stop: Any, inverse: Any, tick_size: Any, unit: Any
) -> Any:  # pragma: no cover - compiled
    """Floats of the told rows ``first..stop`` from their integers: loops without branches, which vectorise."""
    rows = stop - first
    reason, bids, asks = out_i[2][first:stop], out_i[3][first:stop], out_i[4][first:stop]
    bid_lots, ask_lots = out_i[5][first:stop], out_i[6][first:stop]
    spread, middle = out_f[0][first:stop], out_f[1][first:stop]
    triangular, imbalance = out_f[8][first:stop], out_f[9][first:stop]
    for row in range(rows):
        wide = 2e4 * float(asks[row] - bids[row]) / float(bids[row] + asks[row])
        spread[row] = wide if reason[row] == _OK else np.nan
    for row in range(rows):
        bid_n, ask_n = float(bid_lots[row]), float(ask_lots[row])
        leaning = (
            (bid_n * float(asks[row]) + ask_n * float(bids[row])) / float(bid_lots[row] + ask_lots[row]) * tick_size
        )
        middle[row] = leaning if reason[row] == _OK else np.nan
    bq50, bp50, aq50, ap50 = sums[2], sums[3], sums[6], sums[7]
    bw50, aw50 = (bq50, aq50) if inverse else (bp50, ap50)
    worths = (sums[0], sums[1], bw50, sums[4], sums[5], aw50)
    for column in range(6):
        depth, worth = out_f[2 + column][first:stop], worths[column]
        for row in range(rows):
            depth[row] = float(worth[row]) * unit if reason[row] == _OK else np.nan
    for row in range(rows):
        # Sums of lots * (mid2 - 200 |2 tick - mid2|), from lots and lots*ticks.
        mid2 = bids[row] + asks[row]
        near_bid = 400 * bp50[row] - 199 * mid2 * bq50[row]
        near_ask = 201 * mid2 * aq50[row] - 400 * ap50[row]
        both = near_bid + near_ask
        share = float(near_bid - near_ask) / float(both)
        triangular[row] = share if (both > 0) & (reason[row] == _OK) else np.nan
    for row in range(rows):
        both = bw50[row] + aw50[row]
        share = float(bw50[row] - aw50[row]) / float(both)
        imbalance[row] = share if (both > 0) & (reason[row] == _OK) else np.nan


@_inner
def _any_rows(
    received: Any, event: Any, action: Any, end: Any, side: Any, ticks: Any, lots: Any, start: Any, stop: Any,
    mode: Any, every_ns: Any, inverse: Any, state: Any, bid: Any, ask: Any, far_keys: Any, far_lots: Any,
    sums: Any, place: Any, out_i: Any,
) -> Any:  # pragma: no cover - compiled  # fmt: skip
    """Take one row in, and those after it that :func:`_quiet_run` would leave; the next row and :data:`DONE` or why not."""
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
    rows = state[OUT_ROWS]
    i = start
    starting = state[STARTING] != 0
    while i < stop and place < PLACES:
        if mode == 0 and i > start and was_known != 0 and synced == best_bid + best_ask and action[i] == DELTA:
            break
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
            if mid2 > MAX_MID2:
                reason = np.int64(_TOO_LARGE)
            elif mid2 != synced:
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
            if reason == _OK and big_bid_lots == _STALE:
                big_bid, big_bid_lots = _largest_down(bid, bid_base, b50, best_bid)
            if reason == _OK and big_ask_lots == _STALE:
                big_ask, big_ask_lots = _largest_up(ask, ask_base, best_ask, a50)
            if reason == _OK:
                limit = np.uint64(_TOO_MUCH // mid2)
                if np.uint64(bq50) >= limit or np.uint64(aq50) >= limit:
                    too_much = -(-_TOO_MUCH // mid2)
                    if np.uint64(bq50) >= np.uint64(too_much) or np.uint64(aq50) >= np.uint64(too_much):
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
            out_i[0, rows], out_i[1, rows], out_i[2, rows], out_i[12, rows] = at_ns, event_ns, reason, updates_n
            if reason == _OK:
                out_i[3, rows], out_i[4, rows], out_i[5, rows], out_i[6, rows] = best_bid, best_ask, bid_lots, ask_lots
                out_i[7, rows] = big_bid if big_bid_lots > 0 else NO_LEVEL
                out_i[8, rows] = big_bid_lots if big_bid_lots > 0 else NO_LEVEL
                out_i[9, rows] = big_ask if big_ask_lots > 0 else NO_LEVEL
                out_i[10, rows] = big_ask_lots if big_ask_lots > 0 else NO_LEVEL
                out_i[11, rows] = flow if flow_known != 0 else NO_FLOW
                sums[0, place], sums[1, place], sums[2, place], sums[3, place] = bw10, bw25, bq50, bp50
                sums[4, place], sums[5, place], sums[6, place], sums[7, place] = aw10, aw25, aq50, ap50
            else:
                for column in range(3, 11):
                    out_i[column, rows] = NO_LEVEL
                out_i[11, rows] = NO_FLOW
                for column in range(8):
                    sums[column, place] = 0
            place += 1
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


@_inner
def _is_quiet(state: Any, mode: Any) -> Any:  # pragma: no cover - compiled
    """Whether :func:`_quiet_run` may start: every row is to be told, and the one before it was, from a book in order."""
    if mode != 0 or state[BOOK_REASON] != _OK or state[IN_SNAPSHOT] != 0:
        return False
    best_bid, best_ask = state[BEST_BID], state[BEST_ASK]
    limit = np.uint64(_TOO_MUCH // max(state[SYNCED_MID2], 1))
    return (
        np.uint64(state[SUMS + 2]) < limit
        and np.uint64(state[SUMS + 6]) < limit
        and state[QUOTE + 4] != 0
        and state[QUOTE] == best_bid
        and state[QUOTE + 1] == best_ask
        and state[SYNCED_MID2] == best_bid + best_ask
        and state[LARGEST + 1] != _STALE
        and state[LARGEST + 3] != _STALE
        and state[FLOW] == 0
        and state[FLOW_KNOWN] != 0
        and state[UPDATES_N] == 0
    )


@_inner
def _tell_run(received: Any, event: Any, first: Any, stop: Any, state: Any, out_i: Any) -> Any:  # pragma: no cover
    """Integers of the rows of a quiet run: times, and what stayed the same."""
    rows, place = stop - first, state[OUT_ROWS]
    at, told = received[first:stop], event[first:stop]
    at_ns, event_ns = out_i[0][place : place + rows], out_i[1][place : place + rows]
    for row in range(rows):
        at_ns[row] = told[row] if at[row] == NO_TIME else at[row]
    for row in range(rows):
        event_ns[row] = told[row]
    out_i[2][place : place + rows] = _OK
    for column in range(4):
        out_i[3 + column][place : place + rows] = state[QUOTE + column]
    for column in range(4):
        same = state[LARGEST + column]
        out_i[7 + column][place : place + rows] = same if state[LARGEST + column // 2 * 2 + 1] > 0 else NO_LEVEL
    out_i[11][place : place + rows] = 0
    out_i[12][place : place + rows] = 1


def _apply_rows(
    received: Any, event: Any, action: Any, end: Any, side: Any, ticks: Any, lots: Any, start: Any, stop: Any,
    mode: Any, every_ns: Any, inverse: Any, tick_size: Any, unit: Any,
    state: Any, bid: Any, ask: Any, far_keys: Any, far_lots: Any, sums: Any, out_i: Any, out_f: Any,
) -> Any:  # pragma: no cover - compiled  # fmt: skip
    status = np.int64(DONE)
    i, figured = start, state[OUT_ROWS]
    while i < stop:
        place = state[OUT_ROWS] - figured
        if place >= PLACES:
            _figures(out_i, out_f, sums, figured, state[OUT_ROWS], inverse, tick_size, unit)
            figured, place = state[OUT_ROWS], np.int64(0)
        if action[i] == DELTA and _is_quiet(state, mode):
            next_i = _quiet_run(
                action, side, ticks, lots, i, min(stop, i + PLACES - place), inverse,
                state, bid, ask, far_keys, far_lots, sums, place,
            )  # fmt: skip
            if next_i > i:
                _tell_run(received, event, i, next_i, state, out_i)
                state[OUT_ROWS] += next_i - i
                state[EVENT_NS], state[STARTING] = event[next_i - 1], end[next_i - 1]
                i, place = next_i, state[OUT_ROWS] - figured
                if i >= stop or place >= PLACES:
                    continue
        i, status = _any_rows(
            received, event, action, end, side, ticks, lots, i, stop, mode, every_ns, inverse,
            state, bid, ask, far_keys, far_lots, sums, place, out_i,
        )  # fmt: skip
        if status != DONE:
            break
    _figures(out_i, out_f, sums, figured, state[OUT_ROWS], inverse, tick_size, unit)
    return i, status


apply_rows = _exactly(
    numba.types.UniTuple(numba.int64, 2)(
        _I8_IN, _I8_IN, _I1_IN, _B1_IN, _I1_IN, _I8_IN, _I8_IN, numba.int64, numba.int64,
        numba.int64, numba.int64, numba.boolean, numba.float64, numba.float64,
        _I8, _I8, _I8, _I8, _I8, _I8_OUT, _I8_OUT, _F8_OUT,
    )
)(_apply_rows)  # fmt: skip
"""Take rows ``start..stop`` in and tell figures; the row it stopped at and why (:data:`DONE` or what it waits for)."""
