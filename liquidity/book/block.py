"""Level changes as columns: what readers and the synchroniser hand to the book engine, and what tapes store.

One row is one price level of one message; a message of several levels is several rows in a row, the last of them
marked. Prices are whole ticks and sizes whole lots (``grid.py``), so that sums never drift.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["DELTA", "INVALIDATE", "NO_ID", "NO_TIME", "SNAPSHOT", "BookBlock"]

DELTA: Final = 0
"""The level now has this size; 0 removes it."""
SNAPSHOT: Final = 1
"""Part of a full book; the first row of a snapshot message empties the book before it."""
INVALIDATE: Final = 2
"""No level: from here on the book is unknown, until the next snapshot."""

NO_TIME: Final = -1
NO_ID: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class BookBlock:
    """Rows of one book in stream order; all arrays have the same length.

    Attributes
    ----------
    received_ns, event_ns
        int64 nanoseconds since 1970 UTC, our clock and the venue's; :data:`NO_TIME` where not told.
    action
        int8: :data:`DELTA`, :data:`SNAPSHOT` or :data:`INVALIDATE`.
    message_end
        bool: the last row of its message; figures are told at these rows only.
    side
        int8: +1 bid, -1 ask, 0 for a row without a level (an empty message, an invalidation).
    price_ticks, size_lots
        int64, whole ticks and lots.
    first_id, last_id, previous_id
        int64 update ids of the row's message; :data:`NO_ID` where the venue has none.
    """

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

    def __len__(self) -> int:
        """Rows."""
        return len(self.action)
