"""Bands that hold what they promise: conformal correction of a member's quantiles, learned from its own past misses.

A member's raw quantiles cover too little out of sample. The correction is conformalised quantile regression whose misses
are measured in widths of the band itself, so that quiet names stay narrow and restless ones wide; it is learned for each
horizon, band and liquidity group from the most recent sessions. Read next: ``adaptive.py`` moves the levels when coverage
drifts; ``docs/methodology/forecast_bands.md`` has the measured coverage.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError, InsufficientDataError
from liquidity.forecast.conformal import conformal_rank
from liquidity.forecast.horizons import BANDS, HORIZONS, LEVELS, MEDIAN

__all__ = ["LIQUIDITY_GROUPS", "MIN_ROWS", "NOMINAL_ALPHAS", "THIN_GROUP", "Calibration"]

LIQUIDITY_GROUPS: Final = 4
"""Terciles of the base score within a session (0 least liquid) and, as the last, stale or thin names."""

THIN_GROUP: Final = 3

MIN_ROWS: Final = 40
"""Labelled rows of a horizon below which no 95 % band can be calibrated: its rank would exceed the sample."""

NOMINAL_ALPHAS: Final = tuple(1.0 - percent / 100.0 for percent in BANDS)
"""Probability outside each band, in the order of ``BANDS``."""

# Sessions that teach the correction, and what a group needs among them to have its own.
_RECENT_SESSIONS: Final = 250
_GROUP_ROWS: Final = 200
_GROUP_SESSIONS: Final = 40
# More rows than this move no quantile by a tenth of a point; the sort is what costs.
_MAX_ROWS: Final = 200_000
# Share of the typical change that is added to a band's width as its unit, so that a band of no width can still grow.
_SCALE_SHARE: Final = 0.25
# Corrections are kept at these coverages: steps of a quarter point.
_GRID: Final = 400
_GOLDEN: Final = 0.6180339887498949

_LOWER = [low for low, _ in BANDS.values()]
_UPPER = [high for _, high in BANDS.values()]
_SHAPE = (len(HORIZONS), len(BANDS), LIQUIDITY_GROUPS, _GRID + 1)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Corrections of one member's quantiles.

    Attributes
    ----------
    corrections
        (5 horizons, 3 bands, 4 liquidity groups, 401 coverages 0, 0.0025 .. 1) in widths of the band, ascending in the last
        axis; negative shrinks, infinite means that the sample cannot bound that coverage.
    rows
        (5, 4) labelled rows that taught each; 0 where a group borrowed from the others.
    """

    corrections: NDArray[np.float64]
    rows: NDArray[np.int64]

    @classmethod
    def fit(
        cls,
        quantiles: NDArray[np.float64],
        changes: NDArray[np.float64],
        scale: NDArray[np.float64],
        liquidity_group: NDArray[np.int8],
        session: NDArray[Any],
    ) -> "Calibration":
        """Learn from forecasts whose outcome is known.

        Parameters
        ----------
        quantiles
            (R, 5, 7) of the change ahead, points, as the member told them.
        changes
            (R, 5) what happened, points; NaN where not known yet.
        scale
            (R,) typical absolute change over one session, points, > 0.
        liquidity_group
            (R,) 0 to 3.
        session
            (R,) session each forecast was made in, anything that sorts by time; the 250 most recent ones teach.

        Notes
        -----
        A group with fewer than 200 rows or 40 sessions takes the correction of all rows. Stale and thin names take the
        widest of all groups, their own among them: at equal levels, a name that loses its inputs never gets a narrower
        band. Above 200,000 rows an evenly spread part teaches.

        Raises
        ------
        ConfigError
            Shapes that do not fit, quantiles that cross or a scale of 0.
        InsufficientDataError
            Fewer than 40 labelled rows at a horizon.
        """
        _check(quantiles, scale, liquidity_group)
        if changes.shape != quantiles.shape[:2] or len(session) != len(quantiles):
            raise ConfigError(
                f"Calibration.fit: found changes of shape {changes.shape} and {len(session)} sessions; "
                f"allowed are ({len(quantiles)}, {len(HORIZONS)}) and {len(quantiles)}"
            )
        kept = _recent(session, ~np.isnan(changes))
        lower, upper, unit = _raw_bands(quantiles[kept], scale[kept])
        changes, group, (_, time) = changes[kept], liquidity_group[kept], np.unique(session[kept], return_inverse=True)
        corrections = np.empty(_SHAPE)
        rows = np.zeros(_SHAPE[0:3:2], dtype=np.int64)
        for horizon in range(len(HORIZONS)):
            known = ~np.isnan(changes[:, horizon])
            if known.sum() < MIN_ROWS:
                raise InsufficientDataError(
                    f"Calibration.fit: found {known.sum()} judged forecasts {HORIZONS[horizon]} sessions ahead; "
                    f"at least {MIN_ROWS} are needed; wait for more sessions or use a longer history"
                )
            change = changes[known, horizon, np.newaxis]
            misses = np.maximum(lower[known, horizon] - change, change - upper[known, horizon]) / unit[known, horizon]
            pooled = _quantile_function(misses)
            for place in range(LIQUIDITY_GROUPS):
                members = group[known] == place
                if members.sum() >= _GROUP_ROWS and len(np.unique(time[known][members])) >= _GROUP_SESSIONS:
                    rows[horizon, place] = members.sum()
                    corrections[horizon, :, place] = _quantile_function(misses[members])
                else:
                    corrections[horizon, :, place] = pooled
            corrections[horizon, :, THIN_GROUP] = corrections[horizon].max(axis=1)
        return cls(corrections, rows)

    def apply(
        self,
        quantiles: NDArray[np.float64],
        base: NDArray[np.float64],
        scale: NDArray[np.float64],
        liquidity_group: NDArray[np.int8],
        alphas: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Turn quantiles of the change into calibrated quantiles of the score.

        Parameters
        ----------
        quantiles
            (R, 5, 7) of the change ahead, points.
        base
            (R,) score today, points 0-100.
        scale, liquidity_group
            As in :meth:`fit`.
        alphas
            (5, 3, 4) probability outside by horizon, band and liquidity group, clipped to 0-1 here; the nominal ones where
            absent. A level of 0 gives the whole scale.

        Returns
        -------
        NDArray[np.float64]
            (R, 5, 7) points 0-100, ascending by level; the median is the member's own, and no band is narrower at a longer
            horizon than at a shorter one.

        Raises
        ------
        ConfigError
            Shapes that do not fit, quantiles that cross or a scale of 0.
        """
        _check(quantiles, scale, liquidity_group)
        if alphas is None:
            alphas = np.broadcast_to(np.array(NOMINAL_ALPHAS)[:, np.newaxis], _SHAPE[:3])
        if alphas.shape != _SHAPE[:3]:
            raise ConfigError(f"Calibration.apply: found alphas of shape {alphas.shape}; allowed is {_SHAPE[:3]}")
        lower, upper, unit = _raw_bands(quantiles, scale)
        # (5, 3, 4) to (R, 5, 3)
        correction = np.moveaxis(self._at(1.0 - np.clip(alphas, 0.0, 1.0))[:, :, liquidity_group], 2, 0) * unit
        today = base[:, np.newaxis]
        median = np.clip(quantiles[:, :, MEDIAN] + today, 0.0, 100.0)
        lower = np.clip(lower - correction + today[..., np.newaxis], 0.0, 100.0)
        upper = np.clip(upper + correction + today[..., np.newaxis], 0.0, 100.0)
        _shape_bands(lower, median, upper, 0.0, 100.0)
        scores = np.empty(quantiles.shape)
        scores[:, :, MEDIAN] = median
        scores[:, :, _LOWER] = lower
        scores[:, :, _UPPER] = upper
        return scores

    def state(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for storage."""
        return {"corrections": self.corrections, "rows": self.rows}

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> "Calibration":
        """The calibration again from :meth:`state`.

        Raises
        ------
        ContractError
            An array is missing or of another type or shape.
        """
        for name, shape, kind in (("corrections", _SHAPE, np.float64), ("rows", _SHAPE[0:3:2], np.int64)):
            found = state.get(name)
            if found is None or found.shape != shape or found.dtype != kind:
                what = "nothing" if found is None else f"{found.dtype} of shape {found.shape}"
                raise ContractError(
                    f"Calibration.from_state: {name}: found {what}, allowed is {np.dtype(kind)} of shape {shape}; "
                    "the state was written by another version: train again"
                )
        return cls(state["corrections"], state["rows"])

    def _at(self, coverage: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corrections (5, 3, 4) at coverages of that shape, linear between the kept ones."""
        place = coverage * _GRID
        below = np.floor(place).astype(np.int64)
        part = place - below
        exact = part < 1e-9
        above = np.minimum(below + 1, _GRID)
        left = np.take_along_axis(self.corrections, below[..., np.newaxis], axis=-1)[..., 0]
        right = np.take_along_axis(self.corrections, above[..., np.newaxis], axis=-1)[..., 0]
        # Between a finite correction and infinity lies infinity; the subtraction below must not meet it.
        unbounded = np.isinf(right) & ~exact
        slope = np.where(np.isinf(right), 0.0, right) - np.where(np.isinf(right), 0.0, left)
        return np.where(unbounded, np.inf, np.where(exact, left, left + part * slope))


def _check(quantiles: NDArray[np.float64], scale: NDArray[np.float64], group: NDArray[np.int8]) -> None:
    rows = len(quantiles)
    if quantiles.shape != (rows, len(HORIZONS), len(LEVELS)) or scale.shape != (rows,) or group.shape != (rows,):
        raise ConfigError(
            f"Calibration: found quantiles {quantiles.shape}, scale {scale.shape}, liquidity_group {group.shape}; "
            f"allowed are (R, {len(HORIZONS)}, {len(LEVELS)}), (R,) and (R,)"
        )
    if not np.all(np.diff(quantiles, axis=-1) >= 0.0):
        raise ConfigError("Calibration: found quantiles that cross or are NaN; sort them by level in the member")
    if not np.all(scale > 0.0):
        raise ConfigError("Calibration: found a scale that is not > 0 points; every row needs a typical change")
    if rows and not (group.min() >= 0 and group.max() < LIQUIDITY_GROUPS):
        raise ConfigError(
            f"Calibration: found liquidity groups {group.min()} to {group.max()}; allowed are 0 to {LIQUIDITY_GROUPS - 1}"
        )


def _recent(session: NDArray[Any], labelled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Places of the rows of the most recent sessions with a label (R, 5), thinned evenly when there are very many."""
    places: NDArray[np.int64] = np.flatnonzero(labelled.any(axis=1)).astype(np.int64)
    if len(places) == 0:
        return places
    first = np.unique(session[places])[-_RECENT_SESSIONS:][0]
    places = places[session[places] >= first]
    if len(places) > _MAX_ROWS:
        # Multiples of the golden ratio spread evenly without falling into step with the instruments of a session.
        places = places[np.arange(len(places)) * _GOLDEN % 1.0 < _MAX_ROWS / len(places)]
    return places


def _raw_bands(
    quantiles: NDArray[np.float64], scale: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Ends of the member's bands (R, 5, 3), never narrower at a longer horizon, and the unit of a miss (R, 5, 3) > 0."""
    lower, upper = quantiles[:, :, _LOWER], quantiles[:, :, _UPPER]
    _shape_bands(lower, quantiles[:, :, MEDIAN], upper, -np.inf, np.inf)
    growth = _SCALE_SHARE * np.sqrt(HORIZONS)
    return lower, upper, upper - lower + (scale[:, np.newaxis] * growth)[..., np.newaxis]


def _shape_bands(
    lower: NDArray[np.float64], median: NDArray[np.float64], upper: NDArray[np.float64], floor: float, ceiling: float
) -> None:
    """Widen bands (R, 5, 3) in place: around the median, each around the one inside it, none narrower than one session before.

    What a band lacks in width is added half on each side, and where the band around it or the scale ends on the other
    side. Widths come from inside to outside, places from outside to inside: a wider band before stays a wider one after.
    """
    for horizon in range(len(HORIZONS)):
        inner_low = inner_high = median[:, horizon]
        for band in range(len(BANDS)):
            inner_low = lower[:, horizon, band] = np.minimum(lower[:, horizon, band], inner_low)
            inner_high = upper[:, horizon, band] = np.maximum(upper[:, horizon, band], inner_high)
        if not horizon:
            continue
        outer_low, outer_high = np.full(len(median), floor), np.full(len(median), ceiling)
        for band in reversed(range(len(BANDS))):
            low, high = lower[:, horizon, band], upper[:, horizon, band]
            lack = np.maximum(upper[:, horizon - 1, band] - lower[:, horizon - 1, band] - (high - low), 0.0)
            down = np.minimum(np.maximum(0.5 * lack, lack - (outer_high - high)), low - outer_low)
            outer_low = lower[:, horizon, band] = np.maximum(low - down, outer_low)
            outer_high = upper[:, horizon, band] = np.minimum(high + (lack - down), outer_high)


def _quantile_function(misses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Conformal quantiles (3, 401) of misses (n, 3) at the kept coverages; the smallest miss stands for coverage 0."""
    n = len(misses)
    ranks = np.array([conformal_rank(n, 1.0 - place / _GRID) for place in range(_GRID + 1)])
    ordered = np.append(np.sort(misses, axis=0), np.full((1, len(BANDS)), np.inf), axis=0)
    corrections: NDArray[np.float64] = ordered[np.clip(ranks, 1, n + 1) - 1].T
    return corrections
