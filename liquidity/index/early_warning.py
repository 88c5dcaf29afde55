"""Early warning: one alert for one deterioration, raised by a fast fall, cleared with hysteresis.

The state of a session follows from the last 90 calendar days of scores alone, so nothing is stored between runs and an
old session recomputes exactly. Read next: ``docs/methodology/early_warning.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from liquidity.contracts.pulse import EARLY_WARNINGS
from liquidity.domain.columns import coded, text_column
from liquidity.domain.errors import ContractError
from liquidity.index.thresholds import PulseThresholds

__all__ = ["HISTORY_DAYS", "early_warnings"]

# Calendar days of scores that decide a session, the session included.
HISTORY_DAYS: Final = 90
_SLACK: Final = 1e-9
_QUIET, _RAISED, _ACTIVE, _CLEARED = 0, 1, 2, 3


def early_warnings(
    index_history: pd.DataFrame, sessions: Sequence[date], thresholds: PulseThresholds | None = None
) -> pd.DataFrame:
    """Alerts that are raised, active or cleared in each of ``sessions``.

    Parameters
    ----------
    index_history
        ``LIQUIDITY_INDEX`` rows (``session_date``, ``instrument_id``, ``liquidity_score``, ``method``); those of
        (session - 90 days, session] decide a session, nothing after it is read. Texts may be categorical.
    sessions
        Days to report.
    thresholds
        Size and speed of the fall, and when an alert ends.

    Returns
    -------
    pd.DataFrame
        Columns of ``EARLY_WARNINGS``, one row for each instrument and session under an alert, sorted by the key.

    Notes
    -----
    *Raised* when the score is ``warning_fall_points`` or more below the highest of the ``warning_within_sessions``
    scored sessions before it. That highest session is the reference. A further fall raises nothing. *Cleared* when the
    score has been within ``clear_within_points`` of the reference, or above, for ``clear_sessions`` in a row; or when
    ``stable_sessions`` scores since the alert lie within ``stable_range_points``: the market has settled, lower. After
    clearing, only scores from that session on can be the reference of a new alert. Only observed scores count: a change
    of method is not a change of the market. A session without an observed score keeps the alert and its last change. An
    alert still open after 90 days has lost its reference and ends.
    """
    limits = thresholds or PulseThresholds()
    needed = ("session_date", "instrument_id", "liquidity_score", "method")
    lacking = [name for name in needed if name not in index_history.columns]
    if lacking:
        raise ContractError(f"early_warnings: liquidity_index lacks {lacking}")
    day_codes, day_labels = pd.factorize(index_history["session_date"])  # millions of rows, few days
    days = np.array(pd.to_datetime(day_labels), dtype="datetime64[D]")
    codes, names = coded(index_history["instrument_id"])
    score = index_history["liquidity_score"].to_numpy(dtype=np.float64, na_value=np.nan)
    score = np.where((index_history["method"] == "observed").to_numpy(dtype=np.bool_), score, np.nan)
    pieces = []
    for session in sorted(set(sessions)):
        end = np.datetime64(session, "D")
        inside = (days <= end) & (days > end - np.timedelta64(HISTORY_DAYS, "D"))
        present = np.unique(codes[(days == end)[day_codes]])
        if not len(present):
            continue
        calendar = np.unique(days[inside])
        place = np.full(len(names), -1)
        place[present] = np.arange(len(present))
        rows = np.flatnonzero(inside[day_codes] & (place[codes] >= 0))
        matrix = np.full((len(calendar), len(present)), np.nan)
        matrix[np.searchsorted(calendar, days)[day_codes[rows]], place[codes[rows]]] = score[rows]
        pieces.append(_report(matrix, calendar, names.take(pa.array(present)), session, limits))
    if not pieces:
        return _empty()
    return pd.concat(pieces, ignore_index=True)


@dataclass(slots=True)
class _Watch:
    """State of all instruments between two sessions; arrays of shape (instruments,) or (slots, instruments)."""

    limits: PulseThresholds
    width: int
    state: NDArray[np.int8] = field(init=False)
    reference: NDArray[np.float64] = field(init=False)
    reference_at: NDArray[np.int64] = field(init=False)
    raised_at: NDArray[np.int64] = field(init=False)
    recovered_n: NDArray[np.int64] = field(init=False)
    since_n: NDArray[np.int64] = field(init=False)
    last: NDArray[np.float64] = field(init=False)
    recent: NDArray[np.float64] = field(init=False)
    recent_at: NDArray[np.int64] = field(init=False)
    settled: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        n = self.width
        self.state = np.zeros(n, dtype=np.int8)
        self.reference, self.last = np.full(n, np.nan), np.full(n, np.nan)
        self.reference_at, self.raised_at = np.full(n, -1), np.full(n, -1)
        self.recovered_n, self.since_n = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self.recent = np.full((self.limits.warning_within_sessions, n), np.nan)
        self.recent_at = np.full((self.limits.warning_within_sessions, n), -1)
        self.settled = np.full((self.limits.stable_sessions, n), np.nan)

    def step(self, at: int, score: NDArray[np.float64]) -> None:
        """Take in the scores of one session; NaN leaves an instrument as it is."""
        limits, scored = self.limits, ~np.isnan(score)
        self.state[self.state == _RAISED] = _ACTIVE
        self.state[self.state == _CLEARED] = _QUIET
        under = scored & (self.state == _ACTIVE)

        known = ~np.isnan(self.recent)
        filled = np.where(known, self.recent, -np.inf)
        slot = filled.argmax(axis=0)  # newest slot first, so a tie takes the latest session
        columns = np.arange(self.width)
        highest = filled[slot, columns]
        raised = scored & (self.state == _QUIET) & (highest - score >= limits.warning_fall_points - _SLACK)
        self.state[raised] = _RAISED
        self.reference[raised] = highest[raised]
        self.reference_at[raised] = self.recent_at[slot, columns][raised]
        self.raised_at[raised] = at
        self.recovered_n[raised] = self.since_n[raised] = 0
        self.settled[:, raised] = np.nan

        near = score >= self.reference - limits.clear_within_points - _SLACK
        self.recovered_n = np.where(under, np.where(near, self.recovered_n + 1, 0), self.recovered_n)
        follow = under | raised
        self.settled[1:, follow] = self.settled[:-1, follow]
        self.settled[0, follow] = score[follow]
        self.since_n[under] += 1
        # Unlike fmax, plain max and min keep NaN: the buffer must be full.
        flat = self.settled.max(axis=0) - self.settled.min(axis=0) <= limits.stable_range_points + _SLACK
        stable = flat & (self.since_n >= limits.stable_sessions)
        cleared = under & ((self.recovered_n >= limits.clear_sessions) | stable)
        self.state[cleared] = _CLEARED
        self.recent[:, cleared] = np.nan

        self.recent[1:, scored] = self.recent[:-1, scored]
        self.recent_at[1:, scored] = self.recent_at[:-1, scored]
        self.recent[0, scored], self.recent_at[0, scored] = score[scored], at
        self.last[scored] = score[scored]


def _report(
    matrix: NDArray[np.float64],
    calendar: NDArray[np.datetime64],
    names: Any,
    session: date,
    limits: PulseThresholds,
) -> pd.DataFrame:
    watch = _Watch(limits, matrix.shape[1])
    for at, score in enumerate(matrix):
        watch.step(at, score)
    alert = watch.state != _QUIET
    labels = np.array(["", "raised", "active", "cleared"], dtype=object)
    dates = calendar.astype("datetime64[D]").astype(object)
    frame = pd.DataFrame(
        {
            "session_date": pd.Series([session] * int(alert.sum()), dtype=object),
            "instrument_id": text_column(names, np.flatnonzero(alert)),
            "state": pd.array(labels[watch.state[alert]], dtype="str"),
            "raised_on": pd.Series(dates[watch.raised_at[alert]], dtype=object),
            "liquidity_score": matrix[-1][alert],
            "change_points": (watch.last - watch.reference)[alert],
            "reference_date": pd.Series(dates[watch.reference_at[alert]], dtype=object),
        }
    )
    return frame[list(EARLY_WARNINGS.column_names)]


def _empty() -> pd.DataFrame:
    texts, numbers = ("instrument_id", "state"), ("liquidity_score", "change_points")
    columns = {
        name: pd.Series([], dtype="str" if name in texts else "float64" if name in numbers else object)
        for name in EARLY_WARNINGS.column_names
    }
    return pd.DataFrame(columns)
