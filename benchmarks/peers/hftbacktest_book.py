"""Time hftbacktest's L2 depth on a file of deltas: ``python hftbacktest_book.py FILE CADENCE``; prints rows and seconds.

Its vector depth over a region of interest (the documented fast one), no orders, features in a numba loop that elapses
from message to message and scans its levels within 50 bps of the mid. Only the cadence "message" has a meaning there.
"""

import sys
import time

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit

TICK, LOT = 0.1, 0.001


def events(columns):
    """Its own event records; each message gets a nanosecond of its own so that it can be reached by elapsing."""
    rows = len(columns["side"])
    told = np.zeros(rows, event_dtype)
    number = np.concatenate(([0], np.cumsum(columns["message_end"][:-1]))).astype(np.int64)
    side = np.where(columns["side"] > 0, BUY_EVENT, SELL_EVENT)
    told["ev"] = DEPTH_EVENT | EXCH_EVENT | LOCAL_EVENT | side
    told["exch_ts"] = told["local_ts"] = 1_000 + number * 10
    told["px"] = columns["price_ticks"] / 10
    told["qty"] = columns["size_lots"] / 1000
    return told, int(number[-1]) + 1


@njit
def replay(hbt, messages, out):
    for number in range(messages):
        if hbt.elapse(10) != 0:
            break
        depth = hbt.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        mid2 = bid + ask
        edge = mid2 // 200
        low, high = (mid2 - edge + 1) // 2, (mid2 + edge) // 2
        n10, n25 = (mid2 - mid2 // 1000 + 1) // 2, (mid2 - mid2 // 400 + 1) // 2
        m10, m25 = (mid2 + mid2 // 1000) // 2, (mid2 + mid2 // 400) // 2
        b10 = b25 = b50 = a10 = a25 = a50 = weighted_bid = weighted_ask = largest_bid = largest_ask = 0.0
        for tick in range(bid, low - 1, -1):
            size = depth.bid_qty_at_tick(tick)
            if size > 0.0:
                worth = size * tick
                b50 += worth
                if tick >= n25:
                    b25 += worth
                if tick >= n10:
                    b10 += worth
                weighted_bid += size * (mid2 - 200 * (mid2 - 2 * tick))
                largest_bid = max(largest_bid, size)
        for tick in range(ask, high + 1):
            size = depth.ask_qty_at_tick(tick)
            if size > 0.0:
                worth = size * tick
                a50 += worth
                if tick <= m25:
                    a25 += worth
                if tick <= m10:
                    a10 += worth
                weighted_ask += size * (mid2 - 200 * (2 * tick - mid2))
                largest_ask = max(largest_ask, size)
        bid_size, ask_size = depth.bid_qty_at_tick(bid), depth.ask_qty_at_tick(ask)
        out[0, number] = 2e4 * (ask - bid) / mid2
        out[1, number] = (bid_size * ask + ask_size * bid) / (bid_size + ask_size) * 0.1
        out[2, number], out[3, number], out[4, number] = b10, b25, b50
        out[5, number], out[6, number], out[7, number] = a10, a25, a50
        out[8, number] = (weighted_bid - weighted_ask) / (weighted_bid + weighted_ask)
        out[9, number] = (b50 - a50) / (b50 + a50)
        out[10, number], out[11, number] = largest_bid, largest_ask


def main():
    with np.load(sys.argv[1]) as file:
        columns = {name: file[name] for name in file.files}
    told, messages = events(columns)
    near = columns["price_ticks"][0] / 10
    out = np.zeros((12, messages))
    best = float("inf")
    for _ in range(4):  # the first one compiles
        asset = (
            BacktestAsset()
            .data(told)
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.0, 0.0)
            .tick_size(TICK)
            .lot_size(LOT)
            .roi_lb(round(near * 0.8))
            .roi_ub(round(near * 1.2))
        )
        hbt = ROIVectorMarketDepthBacktest([asset])
        hbt.elapse(995)  # to just before the first message
        began = time.perf_counter()
        replay(hbt, messages, out)
        best = min(best, time.perf_counter() - began)
        hbt.close()
    print(len(told), best)


if __name__ == "__main__":
    main()
