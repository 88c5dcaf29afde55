"""Forecasts without a trained state: no change, with bands as wide as recent changes were.

They serve a market before its first training and an instrument that a trained model should not speak of. What cannot be
told honestly is ``insufficient_data`` with the reason, never an empty band. Read next: ``forecaster.py``.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.forecast.conformal import conformal_rank
from liquidity.forecast.forecast_table import ForecastRows, forecast_table
from liquidity.forecast.horizons import BANDS, HORIZONS, LEVELS
from liquidity.forecast.inputs import LOOKBACK_SESSIONS, input_rows, liquidity_group, stale_or_thin
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.panel import ScorePanel

__all__ = [
    "MEMBER",
    "MIN_CHANGES",
    "MIN_LABELLED_SESSIONS",
    "RecentBands",
    "fallback_forecast",
    "places_of",
    "recent_bands",
    "session_place",
]

MEMBER: Final = "persistence"
"""Member named in rows of status ``fallback``."""

MIN_LABELLED_SESSIONS: Final = 20
"""Sessions with a known change over one session, below which no band is told: about one trading month."""

MIN_CHANGES: Final = 60
"""Changes needed at each horizon: the 95 % band then leaves out one or more."""


@dataclass(frozen=True, slots=True)
class RecentBands:
    """How far scores moved lately.

    Attributes
    ----------
    half_widths
        (5 horizons, 3 bands) in multiples of a row's scale, never narrower at a longer horizon.
    """

    half_widths: NDArray[np.float64]

    def scores(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5, 7) quantiles of the future score around no change, points 0-100.

        A stale or thin row is at least as wide as the median row of all given ones.
        """
        scale = rows.scale
        if len(rows):
            scale = np.where(stale_or_thin(rows), np.maximum(scale, float(np.median(scale))), scale)
        scores = np.repeat(rows.base[:, np.newaxis, np.newaxis], len(HORIZONS), axis=1)
        scores = np.repeat(scores, len(LEVELS), axis=2)
        for band, (low, high) in enumerate(BANDS.values()):
            width = scale[:, np.newaxis] * self.half_widths[:, band]
            scores[:, :, low] -= width
            scores[:, :, high] += width
        return _within_scale(scores)


def recent_bands(panel: ScorePanel, place: int, rows: InputRows) -> RecentBands | str:
    """Bands from the changes of the look-back that ends with a session, or why there are none.

    The half width of a band is the conformal quantile of |change| / scale over all instruments; scale is that of the
    instrument's row, or the mean absolute change of all over one session where it has no row.

    Parameters
    ----------
    place
        Place of the session; nothing after it is read.
    rows
        The session's rows.
    """
    scores = panel.scores[max(place + 1 - LOOKBACK_SESSIONS, 0) : place + 1]
    steps = np.abs(np.diff(scores, axis=0))
    known = np.isfinite(steps)
    sessions_n = int(known.any(axis=1).sum())
    if sessions_n < MIN_LABELLED_SESSIONS:
        return f"{sessions_n} of the last {LOOKBACK_SESSIONS} sessions have a known change; {MIN_LABELLED_SESSIONS} are needed"
    pooled = float(steps[known].mean())
    if pooled == 0.0:
        return RecentBands(np.zeros((len(HORIZONS), len(BANDS))))
    scale = np.full(scores.shape[1], pooled)
    scale[rows.instrument] = rows.scale
    half_widths = np.zeros((len(HORIZONS), len(BANDS)))
    for horizon in HORIZONS:
        multiples = np.abs(scores[horizon:] - scores[:-horizon]) / scale
        found = multiples[np.isfinite(multiples)]
        if found.size < MIN_CHANGES:
            return f"{found.size} known changes over {horizon} session(s); {MIN_CHANGES} are needed"
        ranks = [min(conformal_rank(found.size, 1.0 - percent / 100.0), found.size) - 1 for percent in BANDS]
        half_widths[horizon - 1] = np.partition(found, ranks)[ranks]
    return RecentBands(np.maximum.accumulate(half_widths, axis=0))


def fallback_forecast(
    panel: ScorePanel, session: np.datetime64, reason: str, instrument_ids: NDArray[np.str_] | None = None
) -> pd.DataFrame:
    """Forecast a session without a trained state.

    Parameters
    ----------
    panel
        Up to the session or longer; what comes after is not read.
    reason
        Why no trained state serves, for the rows.
    instrument_ids
        Rows wanted; every instrument of the panel by default.

    Returns
    -------
    pd.DataFrame
        Rows of ``INDEX_FORECAST``: status ``fallback``, or ``insufficient_data`` where the instrument has no score or
        the market too short a history.

    Raises
    ------
    ConfigError
        The session is not one of the panel's.
    """
    place = session_place(panel, session)
    wanted = places_of(panel, instrument_ids)
    rows = input_rows(panel, np.array([place]))
    at = np.full(len(panel.instrument_ids), -1)
    at[rows.instrument] = np.arange(len(rows))
    groups = np.full(len(panel.instrument_ids), np.nan)
    groups[rows.instrument] = liquidity_group(rows)
    row = at[wanted]
    spoken = row >= 0
    bands = recent_bands(panel, place, rows)
    scores = np.full((len(wanted), len(HORIZONS), len(LEVELS)), np.nan)
    if isinstance(bands, RecentBands):
        scores[spoken] = bands.scores(rows)[row[spoken]]
        texts = np.where(spoken, reason, f"no score on {session}")
    else:
        texts = np.where(spoken, bands, f"no score on {session}")
        spoken = np.zeros(len(wanted), dtype=np.bool_)
    return forecast_table(
        panel,
        session,
        ForecastRows(
            wanted,
            np.where(row >= 0, rows.base[row], np.nan) if len(rows) else np.full(len(wanted), np.nan),
            scores,
            np.where(spoken, "fallback", "insufficient_data").tolist(),
            [MEMBER if told else None for told in spoken.tolist()],
            texts.tolist(),
            [None] * len(wanted),
            np.where(spoken, groups[wanted], np.nan),
            pa.repeat(pa.scalar("[]", pa.large_string()), len(wanted) * len(HORIZONS)),
        ),
    )


def session_place(panel: ScorePanel, session: np.datetime64) -> int:
    """Place of a session in the panel; raises :class:`ConfigError` where it is none of its sessions."""
    place = int(np.searchsorted(panel.sessions, session))
    if place == len(panel.sessions) or panel.sessions[place] != session:
        span = f"{panel.sessions[0]}..{panel.sessions[-1]}" if len(panel.sessions) else "none"
        raise ConfigError(
            f"forecast of {panel.group.key}: {session} is none of the panel's {len(panel.sessions)} sessions ({span}); "
            f"forecast on a session of calendar {panel.group.calendar}"
        )
    return place


def places_of(panel: ScorePanel, instrument_ids: NDArray[Any] | None) -> NDArray[np.int64]:
    """Places of instruments in the panel, ascending; all of them by default.

    Raises
    ------
    ConfigError
        An instrument is not in the panel.
    """
    if instrument_ids is None:
        return np.arange(len(panel.instrument_ids))
    wanted = np.unique(np.asarray(instrument_ids, dtype=np.str_))
    places = np.searchsorted(panel.instrument_ids, wanted)
    known = places < len(panel.instrument_ids)
    known[known] = panel.instrument_ids[places[known]] == wanted[known]
    if not known.all():
        raise ConfigError(
            f"forecast of {panel.group.key}: {int((~known).sum())} instrument(s) are not in the panel, first: {wanted[~known][0]}"
        )
    return places.astype(np.int64)


def _within_scale(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shift bands that leave 0-100 back into it by their ends, so that none gets narrower with the horizon."""
    for low, high in BANDS.values():
        below = np.maximum(-scores[:, :, low], 0.0)
        above = np.maximum(scores[:, :, high] - 100.0, 0.0)
        scores[:, :, high] = np.minimum(scores[:, :, high] + below, 100.0)
        scores[:, :, low] = np.maximum(scores[:, :, low] - above, 0.0)
    return np.clip(scores, 0.0, 100.0)
