"""Time nautilus_trader's L2 book on a file of deltas: ``python nautilus_book.py FILE CADENCE``; prints rows and seconds.

Its deltas are made before the clock starts, the book is its own compiled one, and depth within 10, 25 and 50 bps comes
from its compiled ``get_quantity_for_price``. Largest levels and the distance-weighted imbalance, which would need a
Python loop over its levels, are left out: it is given less to do than our engine.
"""

import sys
import time

import numpy as np
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import BookAction, BookType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity

MOST_ROWS = 60_000
MARKET = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")


def messages(columns):
    """Lists of deltas, one list per message."""
    told, one = [], []
    rows = min(MOST_ROWS, len(columns["side"]))
    for row in range(rows):
        size = int(columns["size_lots"][row])
        order = BookOrder(
            OrderSide.BUY if columns["side"][row] > 0 else OrderSide.SELL,
            Price(int(columns["price_ticks"][row]) / 10, 1),
            Quantity(size / 1000, 3),
            0,
        )
        at = int(columns["received_ns"][row])
        action = BookAction.UPDATE if size else BookAction.DELETE
        one.append(OrderBookDelta(MARKET, action, order, 0, row, at, at))
        if columns["message_end"][row]:
            told.append(one)
            one = []
    return told


def features(book):
    """The figures of the book now."""
    bid, ask = book.best_bid_price(), book.best_ask_price()
    if bid is None or ask is None:
        return None
    low, high = bid.as_double(), ask.as_double()
    bid_size, ask_size = book.best_bid_size().as_double(), book.best_ask_size().as_double()
    mid = (low + high) / 2
    share = bid_size / (bid_size + ask_size)
    depth = [
        book.get_quantity_for_price(Price(mid * (1 + way * bps / 1e4), 1), side)
        for side, way in ((OrderSide.SELL, -1), (OrderSide.BUY, 1))
        for bps in (10, 25, 50)
    ]
    imbalance = (depth[2] - depth[5]) / (depth[2] + depth[5])
    return 1e4 * (high - low) / mid, share * high + (1 - share) * low, depth, imbalance


def main():
    with np.load(sys.argv[1]) as columns:
        told = messages({name: columns[name] for name in columns.files})
    best = float("inf")
    if sys.argv[2] == "message":
        batches = [OrderBookDeltas(MARKET, deltas) for deltas in told]
        for _ in range(3):
            book = OrderBook(MARKET, BookType.L2_MBP)
            began = time.perf_counter()
            for batch in batches:
                book.apply_deltas(batch)
                features(book)
            best = min(best, time.perf_counter() - began)
    else:
        for _ in range(2):
            book = OrderBook(MARKET, BookType.L2_MBP)
            snapshot, changes = told[0], [delta for deltas in told[1:] for delta in deltas]
            began = time.perf_counter()
            for delta in snapshot:
                book.apply_delta(delta)
            for delta in changes:
                book.apply_delta(delta)
                features(book)
            best = min(best, time.perf_counter() - began)
    print(sum(map(len, told)), best)


if __name__ == "__main__":
    main()
