"""The scores of one market as a matrix: sessions down, instruments across.

Only instruments that share asset class, calendar and origin stand in one panel: they share sessions, they may teach one
model, and the recorded world never learns from the simulator. Read next: ``inputs.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MarketGroup", "ScorePanel"]


@dataclass(frozen=True, slots=True, order=True)
class MarketGroup:
    """Instruments that one model may serve."""

    asset_class: str
    calendar: str
    origin: str

    @property
    def key(self) -> str:
        """One word for files and logs: ``crypto_spot.24-7.recorded``."""
        return f"{self.asset_class}.{self.calendar.replace('/', '-')}.{self.origin}"


@dataclass(frozen=True, slots=True)
class ScorePanel:
    """One score of one group over consecutive sessions.

    Attributes
    ----------
    target
        One of ``TARGETS``.
    sessions
        (T,) datetime64[D], every session of the calendar from the first to the last day, ascending.
    instrument_ids
        (N,) ascending.
    scores
        (T, N) float64, points 0-100; NaN where there is no score.
    signals
        (T, N) float32 each, known at the session's close; NaN where missing.
    sectors, ratings
        (N,) as of the last session that has the instrument; empty text where unknown.
    """

    group: MarketGroup
    target: str
    sessions: NDArray[np.datetime64]
    instrument_ids: NDArray[np.str_]
    scores: NDArray[np.float64]
    signals: Mapping[str, NDArray[np.float32]]
    sectors: NDArray[np.str_]
    ratings: NDArray[np.str_]

    def up_to(self, session: np.datetime64) -> "ScorePanel":
        """The same panel as it was known at the close of ``session``."""
        end = int(np.searchsorted(self.sessions, session, side="right"))
        return ScorePanel(
            self.group,
            self.target,
            self.sessions[:end],
            self.instrument_ids,
            self.scores[:end],
            {name: values[:end] for name, values in self.signals.items()},
            self.sectors,
            self.ratings,
        )
