"""The compiled part of the book generator: one pass over the messages of a tape, level by level.

Read first: ``crypto_market.py``, which draws what happens and gives this kernel its inputs.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from liquidity.domain.compiled import compiled

__all__ = ["book_kernel"]


def _book_rows(
    rng: Any,
    bid: Any,
    ask: Any,
    churn: Any,
    wall_from: Any,
    wall_until: Any,
    wall_side: Any,
    wall_tick: Any,
    wall_lots: Any,
    occupied: Any,
    mean_lots: Any,
    far_scale: float,
    far_sd: float,
    size_sd: float,
    delete_frac: float,
    row_message: Any,
    row_side: Any,
    row_tick: Any,
    row_lots: Any,
) -> int:
    """Rows of all messages; the rows of message 0 are the opening snapshot. -1 when the row arrays are full."""
    reach = occupied.size
    width = reach * 2 + int(bid.max() - bid.min()) + int((ask - bid).max()) + 8
    base = int(bid.min()) - reach - 2
    book = np.zeros((2, width), dtype=np.int64)
    stamp = np.full((2, width), -1, dtype=np.int64)
    room = row_message.size
    shift = 0.5 * size_sd * size_sd
    n = 0
    for message in range(bid.size):
        begin = n
        touch = (bid[message], ask[message])
        for side in range(2):  # 0 bid, 1 ask; distance grows away from the other side
            outward = -1 if side == 0 else 1
            now = touch[side]
            if message == 0:
                first, last = 0, reach - 1
            else:
                before = bid[message - 1] if side == 0 else ask[message - 1]
                moved = (now - before) * outward
                first, last = 0, -1
                if moved > 0:  # the market came through: these levels are gone
                    for step in range(moved):
                        place = before + outward * step - base
                        if book[side, place] > 0:
                            book[side, place] = 0
                            if n >= room:
                                return -1
                            row_message[n], row_side[n], row_tick[n], row_lots[n] = message, side, place + base, 0
                            stamp[side, place] = n
                            n += 1
                elif moved < 0:  # the market left: new levels fill the gap
                    last = min(-moved, reach) - 1
            for distance in range(first, last + 1):
                place = now + outward * distance - base
                if distance > 0 and rng.random() >= occupied[distance]:
                    continue
                lots = max(1, round(mean_lots[distance] * np.exp(size_sd * rng.standard_normal() - shift)))
                book[side, place] = lots
                if n >= room:
                    return -1
                row_message[n], row_side[n], row_tick[n], row_lots[n] = message, side, place + base, lots
                stamp[side, place] = n
                n += 1
            place = now - base
            if book[side, place] == 0:  # the best level always has an order
                lots = max(1, round(mean_lots[0] * np.exp(size_sd * rng.standard_normal() - shift)))
                book[side, place] = lots
                if stamp[side, place] >= begin:
                    row_lots[stamp[side, place]] = lots
                else:
                    if n >= room:
                        return -1
                    row_message[n], row_side[n], row_tick[n], row_lots[n] = message, side, now, lots
                    stamp[side, place] = n
                    n += 1
        for _ in range(churn[message] if message else 0):
            side = 0 if rng.random() < 0.5 else 1
            distance = int(far_scale * np.exp(far_sd * rng.standard_normal()))
            if distance >= reach:
                continue
            place = touch[side] + (-distance if side == 0 else distance) - base
            share = occupied[distance]
            if book[side, place] > 0:
                gone = distance > 0 and rng.random() < delete_frac
            elif rng.random() < delete_frac * share / max(1.0 - share, 1e-9):
                gone = False
            else:
                continue
            lots = 0 if gone else max(1, round(mean_lots[distance] * np.exp(size_sd * rng.standard_normal() - shift)))
            book[side, place] = lots
            if stamp[side, place] >= begin:
                row_lots[stamp[side, place]] = lots
            else:
                if n >= room:
                    return -1
                row_message[n], row_side[n], row_tick[n], row_lots[n] = message, side, place + base, lots
                stamp[side, place] = n
                n += 1
        for wall in range(wall_from.size):
            side = wall_side[wall]
            reached = wall_tick[wall] > touch[0] if side == 0 else wall_tick[wall] < touch[1]
            if reached or not wall_from[wall] <= message <= wall_until[wall]:
                continue
            place = wall_tick[wall] - base
            if place < 0 or place >= width:
                continue
            lots = wall_lots[wall]
            if message == wall_until[wall]:
                lots = max(1, round(mean_lots[min(abs(wall_tick[wall] - touch[side]), reach - 1)]))
            if book[side, place] == lots:
                continue
            book[side, place] = lots
            if stamp[side, place] >= begin:
                row_lots[stamp[side, place]] = lots
            else:
                if n >= room:
                    return -1
                row_message[n], row_side[n], row_tick[n], row_lots[n] = message, side, wall_tick[wall], lots
                stamp[side, place] = n
                n += 1
    return n


@lru_cache(maxsize=1)
def book_kernel() -> Callable[..., int]:
    """Give the compiled pass, one for the process."""
    return compiled(error_model="python")(_book_rows)  # type: ignore[no-any-return]
