"""Time our engine on a file of deltas: ``python -m benchmarks.peers.ours FILE CADENCE``; prints rows and seconds."""

import sys
import time

import numpy as np

from benchmarks.bench_book import parts
from benchmarks.book_tapes import BTCUSDT
from liquidity.book.block import BookBlock
from liquidity.book.ladder import Cadence, Ladder


def main() -> None:
    with np.load(sys.argv[1]) as columns:
        block = BookBlock(*(columns[name] for name in BookBlock.__slots__))
    cadence = sys.argv[2]
    every: Cadence = "update" if cadence == "update" else "message"
    ladder, pieces, best = Ladder(BTCUSDT), parts(block), float("inf")
    for _ in range(4):  # the first round warms up; the best of the others, as for the peers
        began = time.perf_counter()
        for piece in pieces:
            ladder.apply(piece, every)
        best = min(best, time.perf_counter() - began)
    print(len(block), best)


if __name__ == "__main__":
    main()
