"""Decoded book messages put aside on disk, so that a capture is read once although its grid is known only at its end."""

import marshal
from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Final, Self

from liquidity.domain.book_message import BookMessage
from resources.tapes.tape import Unread

__all__ = ["Spool"]

_LEVELS_AT_ONCE: Final = 16_384
_FIELDS: Final = BookMessage.__slots__


class Spool:
    """Messages in, then the same messages out; memory holds some 16,000 levels, or one message where that is longer."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - closed by this class's own context
        self._held: list[tuple[Any, ...]] = []
        self._levels_n = 0

    def __enter__(self) -> Self:
        """Use as a context: the file is gone at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the file."""
        self._file.close()

    def add_unread(self, unread: Unread) -> None:
        """Keep the place of a message that could not be read."""
        self._held.append((unread.received_ns,))

    def add(self, message: BookMessage) -> None:
        """Put one message aside."""
        self._held.append(tuple(getattr(message, name) for name in _FIELDS))
        self._levels_n += 1 + len(message.bids) + len(message.asks)
        if self._levels_n >= _LEVELS_AT_ONCE:
            self._write()

    def messages(self) -> Iterator[BookMessage | Unread]:
        """All messages, and the places of unread ones, in the order in which they came; nothing may be added after."""
        self._write()
        self._file.seek(0)
        while head := self._file.read(8):
            for values in marshal.loads(self._file.read(int.from_bytes(head))):
                yield BookMessage(*values) if len(values) > 1 else Unread(*values)

    def _write(self) -> None:
        data = marshal.dumps(self._held)
        self._file.write(len(data).to_bytes(8) + data)
        self._held, self._levels_n = [], 0
