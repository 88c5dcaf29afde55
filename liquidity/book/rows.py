"""Accepted messages as columns: the bridge from the message path (``synchroniser.py``) to blocks (``block.py``)."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.synchroniser import Accepted
from liquidity.domain.errors import ContractError

__all__ = ["COLUMNS", "BlockBuilder", "concatenate"]

COLUMNS: Final[dict[str, type[np.generic]]] = {
    "received_ns": np.int64,
    "event_ns": np.int64,
    "action": np.int8,
    "message_end": np.bool_,
    "side": np.int8,
    "price_ticks": np.int64,
    "size_lots": np.int64,
    "first_id": np.int64,
    "last_id": np.int64,
    "previous_id": np.int64,
}
"""Columns of a :class:`~liquidity.book.block.BookBlock` and their types, in order."""


class BlockBuilder:
    """Collects accepted steps of one book and gives them out as blocks.

    Parameters
    ----------
    grid
        The market's steps.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from liquidity.book.synchroniser import Synchroniser
    >>> from liquidity.domain.book_message import BookMessage
    >>> builder = BlockBuilder(BookGrid(Decimal("0.5"), Decimal("1")))
    >>> full = BookMessage("snapshot", "BTCUSDT", 3, None, [("100.0", "1")], [("101.0", "2")], last_id=7)
    >>> builder.add(Synchroniser("binance", "BTCUSDT").push(full)[0])
    >>> block = builder.take()
    >>> block.price_ticks.tolist(), block.size_lots.tolist(), block.message_end.tolist()
    ([200, 202], [1, 2], [False, True])
    """

    def __init__(self, grid: BookGrid) -> None:
        self._grid = grid
        self._runs: list[tuple[int, ...]] = []
        self._sides: list[NDArray[np.int8]] = []
        self._ticks: list[NDArray[np.int64]] = []
        self._lots: list[NDArray[np.int64]] = []
        self._rows_n = 0

    def __len__(self) -> int:
        """Rows collected and not yet taken."""
        return self._rows_n

    def add(self, step: Accepted) -> None:
        """Append one step.

        Raises
        ------
        ContractError
            A price or size off the grid; nothing of the step was appended. The caller then tells the synchroniser
            (``invalidate("off_grid", ...)``) and adds the invalidation instead.
        """
        message = step.message
        if message is None:
            self._append((step.received_ns, NO_TIME, INVALIDATE, NO_ID, NO_ID, NO_ID), *_NO_LEVEL)
            return
        action = SNAPSHOT if message.kind == "snapshot" else DELTA
        ids = (NO_ID if id_ is None else id_ for id_ in (message.first_id, message.last_id, message.previous_id))
        event_ns = NO_TIME if message.event_ns is None else message.event_ns
        head = (message.received_ns, event_ns, action, *ids)
        if len(step.prices) == 0:  # a heartbeat: its ids still belong to the chain
            self._append(head, *_NO_LEVEL)
            return
        ticks, lots = self._grid.ticks(step.prices), self._grid.lots(step.sizes)
        if int(ticks.min()) < 1:
            raise ContractError(
                f"book rows: price {step.prices.min()} is no multiple of {self._grid.tick_size}; check the market's steps"
            )
        side = np.ones(len(ticks), dtype=np.int8)
        side[len(message.bids) :] = -1
        self._append(head, side, ticks, lots)

    def take(self) -> BookBlock:
        """Give out what was collected, possibly nothing, and start anew."""
        if not self._runs:
            return concatenate(())
        lengths = np.array([len(ticks) for ticks in self._ticks])
        heads = np.repeat(np.array(self._runs, dtype=np.int64), lengths, axis=0)
        message_end = np.zeros(self._rows_n, dtype=np.bool_)
        message_end[np.cumsum(lengths) - 1] = True
        block = BookBlock(
            received_ns=heads[:, 0].copy(),
            event_ns=heads[:, 1].copy(),
            action=heads[:, 2].astype(np.int8),
            message_end=message_end,
            side=np.concatenate(self._sides),
            price_ticks=np.concatenate(self._ticks),
            size_lots=np.concatenate(self._lots),
            first_id=heads[:, 3].copy(),
            last_id=heads[:, 4].copy(),
            previous_id=heads[:, 5].copy(),
        )
        self._runs, self._sides, self._ticks, self._lots, self._rows_n = [], [], [], [], 0
        return block

    def _append(
        self, head: tuple[int, ...], side: NDArray[np.int8], ticks: NDArray[np.int64], lots: NDArray[np.int64]
    ) -> None:
        self._runs.append(head)
        self._sides.append(side)
        self._ticks.append(ticks)
        self._lots.append(lots)
        self._rows_n += len(ticks)


_NO_LEVEL = (np.zeros(1, dtype=np.int8), np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))


def concatenate(blocks: Sequence[BookBlock]) -> BookBlock:
    """Join blocks of one book in order; no blocks give an empty one."""
    if len(blocks) == 1:
        return blocks[0]
    columns = {
        name: np.concatenate([getattr(block, name) for block in blocks]) if blocks else np.empty(0, dtype=kind)
        for name, kind in COLUMNS.items()
    }
    return BookBlock(**columns)
