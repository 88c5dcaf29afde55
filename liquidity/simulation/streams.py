"""One random stream per seed, day and subject: what happens on a day never depends on how far the run goes."""

from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError

__all__ = ["SUBJECTS", "stream", "student_t"]

SUBJECTS: Final = (
    "universe", "events", "factors", "issues", "spreads", "trades", "dealers", "quotes", "auctions", "stories",
    "alternative", "crypto", "crises", "readings", "tone", "tapes", "tape_events", "derivatives", "portfolios",
)  # fmt: skip
"""Names of the streams. The place in the list is part of the seed: add at the end, never in between."""


def stream(seed: int, day: date, subject: str) -> np.random.Generator:
    """Open the generator of one subject on one day.

    Parameters
    ----------
    seed
        Seed of the market, 0 and above.
    day
        Day (or first day of a block) that the numbers belong to.
    subject
        One of :data:`SUBJECTS`; anything else raises :class:`ConfigError`.

    Examples
    --------
    >>> first, again = (stream(7, date(2026, 1, 5), "trades").random() for _ in range(2))
    >>> first == again
    True
    """
    if subject not in SUBJECTS:
        raise ConfigError(f"random stream {subject!r} is not known; allowed: {list(SUBJECTS)}")
    return np.random.Generator(np.random.PCG64DXSM((seed, day.toordinal(), SUBJECTS.index(subject))))


def student_t(rng: np.random.Generator, degrees: float, size: int | tuple[int, ...]) -> NDArray[np.float64]:
    """Student-t draws scaled to variance 1; ``degrees`` above 2."""
    draws: NDArray[np.float64] = rng.standard_t(degrees, size) * np.sqrt((degrees - 2.0) / degrees)
    return draws
