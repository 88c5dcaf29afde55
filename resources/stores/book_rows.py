"""Book messages as rows of ``order_book_deltas`` and back.

A row is one message with its levels, bids before asks, each in the order they came.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from liquidity.book.block import NO_TIME, BookBlock
from liquidity.domain.errors import ContractError
from resources.stores.binary_copy import HEADER, Batch, Ragged

__all__ = ["LEVEL_ROW", "block_of_rows", "message_batch", "ordinals"]

_BID: Final = 1
_ASK: Final = -1
_DAY_US: Final = 86_400 * 10**6
_DAY_NS: Final = _DAY_US * 1000

_LEVEL_FIELDS: Final = (
    ("at_us", ">i8"),
    ("event_us", ">i8"),
    ("action", ">i2"),
    ("message_no", ">i4"),
    ("first_id", ">i8"),
    ("last_id", ">i8"),
    ("previous_id", ">i8"),
    ("side", ">i2"),
    ("price_ticks", ">i8"),
    ("size_lots", ">i8"),
)
LEVEL_ROW: Final = np.dtype(
    [("fields", ">i2"), *(pair for name, kind in _LEVEL_FIELDS for pair in ((f"{name}_bytes", ">i4"), (name, kind)))]
)
"""One level in a binary COPY stream from the server, no field NULL."""


def message_batch(market_id: int, block: BookBlock, before: tuple[np.datetime64, int] | None = None) -> Batch:
    """Columns of ``order_book_deltas`` for whole messages of one market.

    Parameters
    ----------
    block
        Rows in stream order, the last of them ending its message.
    before
        Time (microseconds) and ``message_no`` of the stream's message before the block, None at its start: messages of
        one microsecond are told apart by their place in the stream.

    Raises
    ------
    ContractError
        The block is empty, or a message is cut or mixes actions or times.

    Notes
    -----
    ``at`` is when a message took effect: its received time (the venue's where nobody wrote that down), or that of the message before it where that is later. Deltas
    kept back until a snapshot came are older than it and follow it; a clock set back does not turn the order. Nanoseconds
    are rounded up to the next microsecond of the same UTC day, so that the messages up to an instant hold none from after.
    """
    rows = len(block)
    if not rows:
        raise ContractError("book messages: the block is empty; give at least one message")
    if not block.message_end[-1]:
        raise ContractError(f"book messages: the last of {rows} rows does not end its message; give whole messages")
    last = np.flatnonzero(block.message_end)
    first = np.concatenate(([0], last[:-1] + 1))
    message = np.repeat(np.arange(len(first)), last - first + 1)
    for name in ("received_ns", "action"):
        values = getattr(block, name)
        _refuse(values != values[first][message], f"{name} differs within a message")
    received = np.where(block.received_ns[first] == NO_TIME, block.event_ns[first], block.received_ns[first])
    at_us = np.minimum(-(-received // 1000), received // _DAY_NS * _DAY_US + _DAY_US - 1)
    at = at_us.astype("datetime64[us]")
    if before is not None:
        at = np.maximum(at, before[0])
    at = np.maximum.accumulate(at)
    number = ordinals(at)
    if before is not None:
        number += np.where(at == before[0], before[1] + 1, 0).astype(np.int32)
    event_ns = block.event_ns[first]
    event_at = np.where(event_ns == NO_TIME, np.datetime64("NaT", "ns"), event_ns.astype("datetime64[ns]"))
    batch: dict[str, NDArray[Any] | Ragged] = {
        "market_id": np.full(len(first), market_id, dtype=np.int32),
        "at": at,
        "message_no": number,
        "event_at": event_at,
        "action": block.action[first],
        "first_id": block.first_id[first],
        "last_id": block.last_id[first],
        "previous_id": block.previous_id[first],
    }
    for name, sign in (("bid", _BID), ("ask", _ASK)):
        mine = block.side == sign
        counts = np.bincount(message[mine], minlength=len(first)).astype(np.int64)
        batch[f"{name}_ticks"] = Ragged(block.price_ticks[mine], counts)
        batch[f"{name}_lots"] = Ragged(block.size_lots[mine], counts)
    return batch


def ordinals(times: NDArray[np.datetime64]) -> NDArray[np.int32]:
    """Place of each row among those of the same time, from 0; times must not fall.

    Examples
    --------
    >>> ordinals(np.array([5, 5, 5, 7, 9, 9], dtype="datetime64[us]")).tolist()
    [0, 1, 2, 0, 0, 1]
    """
    place = np.arange(len(times))
    is_first = np.concatenate(([True], times[1:] != times[:-1])) if len(times) else np.zeros(0, dtype=bool)
    return (place - np.maximum.accumulate(np.where(is_first, place, 0))).astype(np.int32)


def block_of_rows(stream: bytes) -> BookBlock:
    """Decode a binary COPY stream of :data:`LEVEL_ROW` into a block."""
    levels = np.frombuffer(
        stream, dtype=LEVEL_ROW, offset=len(HEADER), count=(len(stream) - len(HEADER) - 2) // LEVEL_ROW.itemsize
    )
    at_us, number = levels["at_us"].astype(np.int64), levels["message_no"].astype(np.int64)
    ends = np.ones(len(levels), dtype=np.bool_)
    ends[:-1] = (at_us[1:] != at_us[:-1]) | (number[1:] != number[:-1])
    event_us = levels["event_us"].astype(np.int64)
    return BookBlock(
        received_ns=at_us * 1000,
        event_ns=np.where(event_us == NO_TIME, NO_TIME, event_us * 1000),
        action=levels["action"].astype(np.int8),
        message_end=ends,
        side=levels["side"].astype(np.int8),
        **{
            name: levels[name].astype(np.int64)
            for name in ("price_ticks", "size_lots", "first_id", "last_id", "previous_id")
        },
    )


def _refuse(bad: NDArray[np.bool_], what: str) -> None:
    if bad.any():
        raise ContractError(
            f"book messages: {what} in {int(bad.sum())} of {len(bad)}, first at {int(np.argmax(bad))}; nothing was written"
        )
