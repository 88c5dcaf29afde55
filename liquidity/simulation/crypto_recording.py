"""What a recorder would keep of a generated stream: accepted messages, an invalidation for lost ones, then a snapshot.

Read next: ``liquidity/book/block.py`` (the columns and their codes).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.simulation.crypto_events import PlantedLoss

__all__ = ["TapeRows", "as_recorded"]

# The codes of liquidity/book/block.py, which stands above this package; a test holds them equal.
_DELTA, _SNAPSHOT, _INVALIDATE = 0, 1, 2
_NO_ID = NO_TIME = -1
_LOST_DAYS_FRAC: Final = 0.25
_LOST_MESSAGES: Final = 30
_SNAPSHOT_AFTER: Final = 10  # messages that pass until it arrives


@dataclass(frozen=True, slots=True, eq=False)
class TapeRows:
    """Level changes in stream order, the columns of :class:`liquidity.book.block.BookBlock` under their names."""

    received_ns: NDArray[np.int64]
    event_ns: NDArray[np.int64]
    action: NDArray[np.int8]
    message_end: NDArray[np.bool_]
    side: NDArray[np.int8]
    price_ticks: NDArray[np.int64]
    size_lots: NDArray[np.int64]
    first_id: NDArray[np.int64]
    last_id: NDArray[np.int64]
    previous_id: NDArray[np.int64]


def as_recorded(
    instrument_id: str,
    event_ns: NDArray[np.int64],
    received_ns: NDArray[np.int64],
    message: NDArray[np.int64],
    side: NDArray[np.int8],
    ticks: NDArray[np.int64],
    lots: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[TapeRows, tuple[PlantedLoss, ...]]:
    """What a recorder keeps: the stream, and on one day in four an outage answered by an invalidation and a snapshot.

    Parameters
    ----------
    event_ns, received_ns
        Times of each message, ns since 1970 UTC.
    message, side, ticks, lots
        Level changes in stream order: place of their message, +1 bid or -1 ask, price in ticks, new size in lots.
    """
    messages = event_ns.size
    lost_day, place = rng.random() < _LOST_DAYS_FRAC, rng.random()
    if not lost_day or messages < 400:
        return _rows(event_ns, received_ns, message, side, ticks, lots, 0), ()
    lost = _LOST_MESSAGES
    first = int(messages * (0.3 + 0.4 * place))
    until = first + lost + _SNAPSHOT_AFTER
    cut = np.searchsorted(message, [first, until])
    before = _rows(event_ns, received_ns, message[: cut[0]], side[: cut[0]], ticks[: cut[0]], lots[: cut[0]], 0)
    state = slice(0, int(cut[1]))
    book_side, book_ticks, book_lots = _last_state(side[state], ticks[state], lots[state])
    gap = TapeRows(
        np.array([received_ns[first + lost]]), np.array([NO_TIME]), np.array([_INVALIDATE], np.int8), np.array([True]),
        np.zeros(1, np.int8), np.zeros(1, np.int64), np.zeros(1, np.int64), *(np.array([_NO_ID]) for _ in range(3)),
    )  # fmt: skip
    resumed = np.full(book_side.size, until - 1, dtype=np.int64)
    snapshot = _rows(event_ns, received_ns, resumed, book_side, book_ticks, book_lots, until - 1)
    rest = slice(int(cut[1]), None)
    after = _rows(event_ns, received_ns, message[rest], side[rest], ticks[rest], lots[rest], -1)
    loss = PlantedLoss(instrument_id, int(received_ns[first + lost]), int(received_ns[until - 1]), lost)
    return _joined(before, gap, snapshot, after), (loss,)


def _last_state(
    side: NDArray[np.int8], ticks: NDArray[np.int64], lots: NDArray[np.int64]
) -> tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.int64]]:
    """Levels that stand after these rows, bids then asks, best first."""
    order = np.lexsort((np.arange(ticks.size), ticks, side))
    last = np.append((np.diff(ticks[order]) != 0) | (np.diff(side[order]) != 0), True)
    kept = order[last]
    kept = kept[lots[kept] > 0]
    kept = kept[np.lexsort((-side[kept] * ticks[kept], -side[kept]))]
    return side[kept], ticks[kept], lots[kept]


def _rows(
    event_ns: NDArray[np.int64],
    received_ns: NDArray[np.int64],
    message: NDArray[np.int64],
    side: NDArray[np.int8],
    ticks: NDArray[np.int64],
    lots: NDArray[np.int64],
    snapshot: int,
) -> TapeRows:
    """Rows of accepted messages; those of message ``snapshot`` (if there) are a full book."""
    ends = np.append(np.diff(message) != 0, True) if message.size else np.zeros(0, dtype=np.bool_)
    full = message == snapshot
    last = message + 1_000
    return TapeRows(
        received_ns[message], event_ns[message], np.where(full, _SNAPSHOT, _DELTA).astype(np.int8), ends, side, ticks,
        lots, np.where(full, _NO_ID, last), last, np.where(full, _NO_ID, last - 1),
    )  # fmt: skip


def _joined(*parts: TapeRows) -> TapeRows:
    names = TapeRows.__slots__
    return TapeRows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
