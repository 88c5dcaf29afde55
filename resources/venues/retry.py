"""Asking a venue again: for reads only, slower each time, never in step with other askers.

Orders never pass through here: after an order whose answer was lost nothing is known, and asking again may buy twice.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from liquidity.domain.errors import ConfigError, VenueRateLimitedError, VenueUnavailableError

__all__ = ["RetryPolicy", "read_with_retries"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how slowly a read is repeated.

    Attributes
    ----------
    attempts
        Requests in all, the first included.
    first_wait_s, longest_wait_s
        The wait doubles from the first up to the longest; half of it is drawn at random.
    """

    attempts: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse a policy that never asks or waits backwards."""
        if self.attempts < 1 or not 0.0 <= self.first_wait_s <= self.longest_wait_s:
            raise ConfigError(
                f"retry policy: attempts {self.attempts} (allowed from 1), waits {self.first_wait_s} to "
                f"{self.longest_wait_s} s (allowed from 0, rising)"
            )

    def wait_s(self, failures: int, draw: float) -> float:
        """Seconds to wait after ``failures`` failures; ``draw`` in [0, 1) moves it within the upper half.

        Examples
        --------
        >>> [RetryPolicy(first_wait_s=1.0).wait_s(n, 0.0) for n in (1, 2, 3, 10)]
        [0.5, 1.0, 2.0, 15.0]
        """
        full = min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(failures - 1, 30))
        return full * (0.5 + 0.5 * draw)


async def read_with_retries(
    attempt: Callable[[], Awaitable[_T]],
    policy: RetryPolicy,
    *,
    draw: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> _T:
    """Await ``attempt`` until it answers; the last :class:`VenueUnavailableError` is raised when none did.

    A venue that names a wait is not asked before it is over; a wait longer than ``longest_wait_s`` is the caller's to
    make, so the error is raised at once. Every other error is final.
    """
    for failures in range(1, policy.attempts + 1):
        try:
            return await attempt()
        except VenueUnavailableError as error:
            wait_s = policy.wait_s(failures, draw())
            if isinstance(error, VenueRateLimitedError) and error.retry_after_s is not None:
                if error.retry_after_s > policy.longest_wait_s:
                    raise
                wait_s = max(wait_s, error.retry_after_s)
            if failures == policy.attempts:
                raise
        await sleep(wait_s)
    raise AssertionError("unreachable: the last attempt returns or raises")
