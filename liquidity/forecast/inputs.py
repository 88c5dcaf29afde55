"""What is known at the close of a session about one instrument: the rows that members learn from and forecast with.

Every input of session t reads rows of the panel up to t and at most :data:`LOOKBACK_SESSIONS` of them, so ninety
calendar days of tables give the same rows as a long history. Read next: ``_score_windows.py`` (an instrument's own
scores), ``_cross_sections.py`` (all instruments of a session), ``members/``.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.session import is_session
from liquidity.forecast._cross_sections import CROSS_SECTION_INPUTS, cross_section_inputs
from liquidity.forecast._score_windows import LOOKBACK_SESSIONS, RECENT_SESSIONS, WINDOW_INPUTS, score_windows
from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.panel import ScorePanel

__all__ = [
    "CALENDAR_INPUTS",
    "LOOKBACK_SESSIONS",
    "RECENT_SESSIONS",
    "STALE_OR_THIN_GROUP",
    "input_names",
    "input_rows",
    "labelled_changes",
    "liquidity_group",
    "sample_rows",
    "sessions_ahead",
    "stale_or_thin",
]

CALENDAR_INPUTS: Final = ("weekday", "days_to_next_session", "days_to_fifth_session", "month_end")
"""Monday is 0; calendar days to T+1 and T+5; 1 when T+1 lies in another month. Facts of the published calendar."""

STALE_OR_THIN_GROUP: Final = 3
"""Liquidity group of the rows that :func:`stale_or_thin` names; 0-2 are the terciles, 0 least liquid."""

MIN_SCORES: Final = 10
MAX_UNCHANGED_SESSIONS: Final = 10
MAX_GAP_SESSIONS: Final = 5
MIN_MICRO_TRUST_FRAC: Final = 0.25

# Signals of which the change over five sessions is an input as well: the ones that move a score from day to day.
_MOVING: Final = (
    "spread_bps_own_rank_frac",
    "depth_density_own_rank_frac",
    "turnover_ccy_own_rank_frac",
    "amihud_per_m_own_rank_frac",
    "volatility_daily_frac",
    "coverage_frac",
)
_MOVING_SESSIONS: Final = 5
_BLOCK_ROWS: Final = 8_192  # a block's window and inputs stay in the processor's cache


def input_names(panel: ScorePanel) -> tuple[str, ...]:
    """Names of the inputs of a panel's rows: a function of the names of its signals alone.

    An instrument's own scores, its place among all of the session, the calendar, the signals as they are, and
    ``<signal>_change_5`` of those that move from day to day.
    """
    moving = tuple(f"{name}_change_{_MOVING_SESSIONS}" for name in _MOVING if name in panel.signals)
    return (*WINDOW_INPUTS, *CROSS_SECTION_INPUTS, *CALENDAR_INPUTS, *panel.signals, *moving)


def input_rows(panel: ScorePanel, sessions: slice | NDArray[Any]) -> InputRows:
    """One row for each instrument with a score in each of the sessions.

    Parameters
    ----------
    panel
        Scores and signals of one market.
    sessions
        Places in ``panel.sessions``: a slice or integers.

    Returns
    -------
    InputRows
        Sorted by session, then instrument. Nothing after a row's session is read, and nothing more than
        :data:`LOOKBACK_SESSIONS` before it. ``values`` is NaN where an input is missing, never 0.

    Raises
    ------
    ConfigError
        A place lies outside the panel.
    """
    try:
        places = np.unique(np.arange(len(panel.sessions))[sessions])
    except IndexError as error:
        raise ConfigError(
            f"input_rows: {error}; allowed are places of the panel's {len(panel.sessions)} sessions"
        ) from None
    which, instrument = np.nonzero(np.isfinite(panel.scores[places]))
    return _rows_at(panel, places[which], instrument)


def labelled_changes(panel: ScorePanel, rows: InputRows) -> NDArray[np.float64]:
    """Change of the score from a row's session to each horizon, points.

    Returns
    -------
    NDArray[np.float64]
        (R, 5); NaN where the session ahead has no score or lies beyond the panel.
    """
    last = len(panel.sessions) - 1
    ahead = rows.session[:, np.newaxis] + np.array(HORIZONS)
    found = panel.scores[np.minimum(ahead, last), rows.instrument[:, np.newaxis]]
    return np.where(ahead <= last, found - rows.base[:, np.newaxis], np.nan)


def sample_rows(
    panel: ScorePanel, max_rows: int, seed: int, through: np.datetime64 | None = None
) -> tuple[InputRows, NDArray[np.float64]]:
    """Rows to learn from, drawn evenly from all that had at least one label at a session's close.

    Parameters
    ----------
    panel
        Scores and signals of one market.
    max_rows
        Rows at most; all when there are no more.
    seed
        Of the draw: equal seeds give equal rows.
    through
        Last session known; labels of later sessions are NaN. The panel's last by default.

    Returns
    -------
    rows, changes
        The rows, sorted by session and instrument, and (R, 5) changes ahead in points. Only the drawn rows are made.

    Raises
    ------
    ConfigError
        ``max_rows`` is below 1.
    """
    if max_rows < 1:
        raise ConfigError(f"sample_rows: max_rows is {max_rows}, allowed 1 or more")
    known = panel if through is None else panel.up_to(through)
    there = np.isfinite(known.scores)
    labelled = np.zeros_like(there)
    for horizon in HORIZONS:
        labelled[:-horizon] |= there[horizon:]
    places = np.flatnonzero(labelled & there)
    if places.size > max_rows:
        random = np.random.default_rng(seed)
        places = places[np.sort(random.choice(places.size, max_rows, replace=False, shuffle=False))]
    session, instrument = np.divmod(places, max(there.shape[1], 1))
    rows = _rows_at(known, session, instrument)
    return rows, labelled_changes(known, rows)


def stale_or_thin(rows: InputRows) -> NDArray[np.bool_]:
    """Rows whose score says little of tomorrow: few scores, no variation, a gap, an estimate, or old quotes.

    True with fewer than 10 scores in the look-back; with a score unchanged for 10 sessions or more; when the score
    before lies more than 5 sessions back; when the score is not observed but estimated; or when the trust in the
    microstructure inputs is below 0.25 (two half-lives old). A missing signal names nobody.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (_column(rows, "scores_n") < MIN_SCORES)
            | (_column(rows, "sessions_since_change") >= MAX_UNCHANGED_SESSIONS)
            | (_column(rows, "sessions_since_score") > MAX_GAP_SESSIONS)
            | (_column(rows, "method_code") > 0.0)
            | (_column(rows, "micro_weight_frac") < MIN_MICRO_TRUST_FRAC)
        )


def liquidity_group(rows: InputRows) -> NDArray[np.int8]:
    """Tercile of a row's score among the session's (0 least liquid, 2 most), or 3 where it is stale or thin.

    A session with fewer than five scores has no terciles: its rows are of group 1.
    """
    rank = _column(rows, "rank_frac")
    tercile = np.clip(np.floor(3.0 * np.where(np.isnan(rank), 0.5, rank)), 0.0, 2.0).astype(np.int8)
    return np.where(stale_or_thin(rows), np.int8(STALE_OR_THIN_GROUP), tercile)


def sessions_ahead(calendar: str, session: np.datetime64, count: int) -> NDArray[np.datetime64]:
    """The next sessions of a calendar after a day.

    Returns
    -------
    NDArray[np.datetime64]
        (count,) days, ascending; NaT from where the published calendar ends.

    Raises
    ------
    ConfigError
        The calendar is unknown, or ``session`` itself lies outside the days it knows.

    Examples
    --------
    >>> sessions_ahead("XNYS", np.datetime64("2026-11-25"), 2).tolist()  # Thanksgiving is no session
    [datetime.date(2026, 11, 27), datetime.date(2026, 11, 30)]
    """
    is_session(calendar, [session])  # refuses an unknown calendar or day
    ahead = np.full(count, np.datetime64("NaT", "D"))
    found, day = 0, np.asarray(session, dtype="datetime64[D]")
    while found < count:
        day = day + np.timedelta64(1, "D")
        try:
            opens = bool(is_session(calendar, day))
        except ConfigError:  # beyond the last published day
            break
        if opens:
            ahead[found] = day
            found += 1
    return ahead


def _rows_at(panel: ScorePanel, session: NDArray[np.int64], instrument: NDArray[np.int64]) -> InputRows:
    """Rows of the cells (session, instrument), sorted by session; each has a score."""
    names = input_names(panel)
    size = len(session)
    values = np.empty((size, len(names)), dtype=np.float32)
    base, scale = np.empty(size), np.empty(size)
    recent = np.empty((size, RECENT_SESSIONS))
    crossed = cross_section_inputs(panel.scores, session, instrument)
    calendar = _calendar_inputs(panel)
    week = 7 if panel.group.calendar == "24/7" else 5
    for start in range(0, size, _BLOCK_ROWS):
        block = slice(start, min(start + _BLOCK_ROWS, size))
        at, of = session[block], instrument[block]
        own = score_windows(panel.scores, at, of, crossed.typical_change[block], week)
        base[block], scale[block], recent[block] = own.base, own.scale, own.recent
        change_1, change_5 = own.inputs["change_1_points"], own.inputs["change_5_points"]
        column = 0
        for value in (*own.inputs.values(), *crossed.of_block(block, change_1, change_5), *calendar[:, at]):
            values[block, column] = value
            column += 1
        earlier = np.maximum(at - _MOVING_SESSIONS, 0)
        for signal in panel.signals.values():
            values[block, column] = signal[at, of]
            column += 1
        for name in _MOVING:
            if name in panel.signals:
                signal = panel.signals[name]
                moved = signal[at, of] - signal[earlier, of]
                values[block, column] = np.where(at >= _MOVING_SESSIONS, moved, np.float32(np.nan))
                column += 1
    return InputRows(names, values, base, scale, recent, session.astype(np.int64), instrument.astype(np.int64))


def _calendar_inputs(panel: ScorePanel) -> NDArray[np.float64]:
    """(4, T) of :data:`CALENDAR_INPUTS`; NaN where the published calendar ends."""
    sessions = panel.sessions.astype("datetime64[D]")
    if not sessions.size:
        return np.zeros((len(CALENDAR_INPUTS), 0))
    furthest = max(HORIZONS)
    every = np.concatenate((sessions, sessions_ahead(panel.group.calendar, sessions[-1], furthest)))
    following, fifth = every[1 : sessions.size + 1], every[furthest:]
    other_month = (following.astype("datetime64[M]") != sessions.astype("datetime64[M]")).astype(np.float64)
    return np.stack(
        (
            (sessions.astype(np.int64) + 3) % 7.0,  # 1970-01-01 was a Thursday
            _days_between(sessions, following),
            _days_between(sessions, fifth),
            np.where(np.isnat(following), np.nan, other_month),
        )
    )


def _days_between(start: NDArray[np.datetime64], stop: NDArray[np.datetime64]) -> NDArray[np.float64]:
    return np.where(np.isnat(stop), np.nan, (stop - start).astype(np.float64))


def _column(rows: InputRows, name: str) -> NDArray[np.float32]:
    """One input; all missing where the rows do not have it."""
    if name in rows.names:
        return rows.values[:, rows.names.index(name)]
    return np.full(len(rows), np.nan, dtype=np.float32)
