"""The wall clock as a port: pure code receives the time, it never reads it."""

from datetime import datetime
from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Tells the present moment."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC; never goes backwards by more than the machine's clock does."""
        ...
