"""Small captures made here: a Binance USD-M stream with a REST book in its middle."""

from typing import Any

BEGAN_NS = 1_723_161_255_030_314_667
BEHIND_NS = 1_270_000_000  # our clock is behind the venue's, as in the recorded tapes

Line = dict[str, Any]


def depth(number: int, *, symbol: str = "BTCUSDT", levels: int = 2) -> Line:
    """The ``number``-th delta (from 1), 100 ms after the one before: ids 10 * number - 9 to 10 * number."""
    received = BEGAN_NS + number * 100_000_000
    bids = [[f"{100 - place}.5", f"{number}.00{place + 1}"] for place in range(levels)]
    data = {
        "e": "depthUpdate", "E": (received + BEHIND_NS) // 1_000_000, "s": symbol, "U": 10 * number - 9, "u": 10 * number,
        "pu": 10 * number - 10, "b": bids, "a": [[f"{101 + number % 3}.00", "2.000"]],
    }  # fmt: skip
    return {"recv_ns": received, "msg": {"stream": f"{symbol.lower()}@depth", "data": data}}


def rest_book(number: int, **changes: Any) -> Line:
    """A REST book that holds the first ``number`` deltas and arrives just after the next one."""
    body = {"lastUpdateId": 10 * number, "bids": [["99.50", "1.000"]], "asks": [["101.00", "2.000"]], **changes}
    return {"recv_ns": BEGAN_NS + (number + 1) * 100_000_000 + 1, "msg": body}


def trade(number: int, *, symbol: str = "BTCUSDT") -> Line:
    """A trade 1 ns after the ``number``-th delta."""
    at = BEGAN_NS + number * 100_000_000 + 1
    data = {
        "e": "trade",
        "E": 1,
        "s": symbol,
        "t": number,
        "p": "100.50",
        "q": "0.004",
        "T": 1_723_161_255_000,
        "m": number % 2 == 0,
    }
    return {"recv_ns": at, "msg": {"stream": "x", "data": data}}


def stream(count: int, *, book_after: int = 2) -> list[Line]:
    """Deltas 1 to ``count`` and their trades, with the REST book in its place."""
    lines: list[Line] = []
    for number in range(1, count + 1):
        lines.append(depth(number))
        if number == book_after + 1:
            lines.append(rest_book(book_after))
        lines.append(trade(number))
    return lines
