"""The one clock of an emulator: every client, stream and REST answer sees the market at the same moment."""

import asyncio
import math
import time

from liquidity.domain.errors import ConfigError

__all__ = ["MarketClock"]


class MarketClock:
    """Nanoseconds of market time since the tapes began, running ``speed`` times as fast as the wall clock.

    A clock stands until :meth:`start`. Speed 0 is a clock moved by hand with :meth:`advance`; :meth:`pause` stops a
    running one, and both can be moved on with :meth:`advance`. It belongs to one event loop.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not (math.isfinite(speed) and speed >= 0):
            raise ConfigError(f"speed of the market clock is {speed}; give a finite number of at least 0")
        self.speed = speed
        self._elapsed_ns = 0
        self._since: float | None = None
        self._moved = asyncio.Event()

    @property
    def running(self) -> bool:
        """Whether market time passes by itself."""
        return self._since is not None and self.speed > 0

    def elapsed_ns(self) -> int:
        """Market time that has passed, nanoseconds."""
        if self._since is None:
            return self._elapsed_ns
        return self._elapsed_ns + int((time.monotonic() - self._since) * self.speed * 1e9)

    def start(self) -> None:
        """Let market time pass; nothing where it already does."""
        if self._since is None:
            self._since = time.monotonic()
            self._wake()

    def pause(self) -> None:
        """Hold market time where it is."""
        self._elapsed_ns, self._since = self.elapsed_ns(), None
        self._wake()

    def advance(self, seconds: float) -> None:
        """Move market time on by ``seconds`` at once, running or not."""
        if seconds < 0:
            raise ConfigError(f"the market clock cannot go back ({seconds} s)")
        self._elapsed_ns += int(seconds * 1e9)
        self._wake()

    async def wait_until(self, elapsed_ns: int) -> None:
        """Return once ``elapsed_ns`` of market time have passed."""
        while (left_ns := elapsed_ns - self.elapsed_ns()) > 0:
            seconds = left_ns / 1e9 / self.speed if self.running else None
            moved = self._moved
            try:
                async with asyncio.timeout(seconds):
                    await moved.wait()
            except TimeoutError:
                continue

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
