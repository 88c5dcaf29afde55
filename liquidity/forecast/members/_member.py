"""What a forecasting member is: fitted on rows of the past, it tells quantiles of the change ahead.

A member is one file of this folder with one class whose ``name`` is the file's name; ``_registry.py`` finds it and the
shared tests run on it. Members see :class:`InputRows` only, which hold nothing later than their session.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["FittedMember", "InputRows", "Member"]


@dataclass(frozen=True, slots=True)
class InputRows:
    """What is known at the close of a session about one instrument, one row each.

    Attributes
    ----------
    names
        Names of the K inputs.
    values
        (R, K) float32; NaN where missing.
    base
        (R,) score of the session, points; never NaN.
    scale
        (R,) points, > 0: the instrument's typical absolute change over one session.
    recent
        (R, 22) scores of the last 22 sessions, oldest first, the session itself last; NaN where missing.
    session, instrument
        (R,) places in the panel's ``sessions`` and ``instrument_ids``.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    base: NDArray[np.float64]
    scale: NDArray[np.float64]
    recent: NDArray[np.float64]
    session: NDArray[np.int64]
    instrument: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.base)

    def take(self, rows: NDArray[Any]) -> "InputRows":
        """Some of the rows, by places or by a mask."""
        return InputRows(
            self.names,
            self.values[rows],
            self.base[rows],
            self.scale[rows],
            self.recent[rows],
            self.session[rows],
            self.instrument[rows],
        )


class FittedMember(Protocol):
    """A member after its training; predictions depend on its state and the row alone."""

    def quantiles(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5, 7) quantiles of the change in points by horizon and ``LEVELS``; ascending in the last axis, never NaN."""

    def drivers(self, rows: InputRows) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Names (G,) and contributions (R, 5, G) in points, which add up to the median change of ``quantiles``."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything the member needs, as plain arrays (no objects)."""


class Member(Protocol):
    """A way to forecast.

    Attributes
    ----------
    name
        Name of the file.
    kind
        ``baseline`` needs no training beyond the width of its band; a ``model`` has to beat every baseline to be served.
    """

    name: ClassVar[str]
    kind: ClassVar[Literal["baseline", "model"]]

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> FittedMember:
        """Learn from rows and (R, 5) changes ahead in points (NaN where not known); one thread; equal inputs, equal bits.

        Raises
        ------
        InsufficientDataError
            Fewer labelled rows than the member needs.
        """

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> FittedMember:
        """The fitted member again from ``state()``.

        Raises
        ------
        ContractError
            An array is missing, of another type or shape than the member writes.
        """
