"""Score and feature tables as one matrix per market, so that a row of the past is a slice.

Texts become codes once and every column is scattered into its matrix in one go: no Python object is made per row.
Read next: ``inputs.py``, which turns a panel into the rows that members learn from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from liquidity.contracts.features import SCORED_FEATURES
from liquidity.contracts.pulse import SCORE_METHODS
from liquidity.domain.columns import NO_DAY, coded, day_numbers
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.instrument import CALENDARS, RATINGS, SECTORS
from liquidity.domain.origin import ORIGINS, is_simulated
from liquidity.domain.session import is_session, session_seconds
from liquidity.forecast.horizons import TARGETS
from liquidity.forecast.panel import MarketGroup, ScorePanel

__all__ = ["FEATURE_COLUMNS", "SCORE_COLUMNS", "SIGNALS", "score_panels"]

_KEY: Final = ("session_date", "instrument_id")
_FEATURE_SIGNALS: Final = (
    *(f"{name}_own_rank_frac" for name in SCORED_FEATURES),
    "volatility_daily_frac",
    *(f"{group}_weight_frac" for group in ("micro", "alt", "auction", "sentiment")),
)
_SCORE_SIGNALS: Final = ("coverage_frac", "uncertainty_sd")
_CODES: Final = {"method_code": SCORE_METHODS, "sector_code": SECTORS, "rating_order": RATINGS}
_CODED_COLUMN: Final = {"method_code": "method", "sector_code": "sector", "rating_order": "rating"}

SIGNALS: Final = (*_FEATURE_SIGNALS, *_SCORE_SIGNALS, "oldest_input_age_log_sessions", *_CODES)
"""Signals of every panel, in this order: the ranks, volatility and trust of ``liquidity_features``; coverage and
uncertainty of the score; log(1 + age of the oldest input in usual sessions); and places in ``SCORE_METHODS``,
``SECTORS`` and ``RATINGS`` as they were on the session, so that a later downgrade never enters an earlier row."""

SCORE_COLUMNS: Final = (
    *_KEY,
    "asset_class",
    "sector",
    "rating",
    "method",
    *_SCORE_SIGNALS,
    "oldest_input_age_s",
    "source",
)
"""Columns of a score table that :func:`score_panels` reads, beside the target."""

FEATURE_COLUMNS: Final = (*_KEY, *_FEATURE_SIGNALS)
"""Columns of ``liquidity_features`` that :func:`score_panels` reads."""

_Rows = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where rows of a table stand in a group's matrices.

    ``places`` are flat places, session major, one for each of ``rows``; None for either: all of them, in order.
    """

    shape: tuple[int, int]
    rows: _Rows | None
    places: _Rows | None

    @classmethod
    def of(cls, shape: tuple[int, int], rows: _Rows | None, sessions: _Rows, columns: _Rows) -> "_Grid":
        """Rows at (session, column); those outside, at a negative place, are left out."""
        kept = (sessions >= 0) & (columns >= 0)
        if not kept.all():
            rows, sessions, columns = (
                np.flatnonzero(kept) if rows is None else rows[kept],
                sessions[kept],
                columns[kept],
            )
        return cls(shape, rows, sessions * shape[1] + columns).in_order()

    def in_order(self) -> "_Grid":
        """The same, its places forgotten where the rows already fill the matrix in its own order."""
        size = self.shape[0] * self.shape[1]
        if self.places is None or self.places.size != size or not np.array_equal(self.places, np.arange(size)):
            return self
        return _Grid(self.shape, self.rows, None)

    def seen(self) -> NDArray[np.bool_]:
        """(T N,) places that have a row."""
        if self.places is None:
            return np.ones(self.shape[0] * self.shape[1], dtype=bool)
        found = np.zeros(self.shape[0] * self.shape[1], dtype=bool)
        found[self.places] = True
        return found

    def only(self, seen: NDArray[np.bool_]) -> "_Grid":
        """Without the rows at places that are not seen."""
        places = np.arange(seen.size) if self.places is None else self.places
        kept = seen[places]
        if kept.all():
            return self
        rows = np.flatnonzero(kept) if self.rows is None else self.rows[kept]
        return _Grid(self.shape, rows, places[kept]).in_order()

    def matrix(self, column: NDArray[Any], dtype: Any) -> NDArray[Any]:
        """(T, N) of a column of the table; NaN without a row. A column without values takes no memory."""
        values = column if self.rows is None else column[self.rows]
        if not values.size or (np.isnan(values[0]) and np.isnan(values).all()):
            return np.broadcast_to(np.array(np.nan, dtype=dtype), self.shape)
        if self.places is None:
            return values.astype(dtype).reshape(self.shape)
        filled = np.full(self.shape[0] * self.shape[1], np.nan, dtype=dtype)
        filled[self.places] = values
        return filled.reshape(self.shape)


def score_panels(
    scores: pd.DataFrame, features: pd.DataFrame | None, target: str, calendars: Mapping[str, str]
) -> list[ScorePanel]:
    """One panel for each asset class, calendar and origin of a score table.

    Parameters
    ----------
    scores
        Rows of the score table of ``target`` in any order: :data:`SCORE_COLUMNS` and the target, points 0-100.
    features
        Rows of ``liquidity_features`` with :data:`FEATURE_COLUMNS`; those without a row in ``scores`` are ignored.
        Without them their signals are missing.
    target
        One of ``TARGETS``.
    calendars
        Calendar of each instrument, by ``instrument_id``.

    Returns
    -------
    list[ScorePanel]
        Sorted by group, with the signals :data:`SIGNALS`. Sessions run from the group's first to its last row, every
        session of the calendar, with or without rows. An instrument of two origins stands in two panels. A row dated on
        a day on which the market is shut belongs to no session and is left out; score tables have none by rule.

    Raises
    ------
    ConfigError
        ``target`` is none, or a day lies outside the days that the calendar knows.
    ContractError
        A column is missing, a key is null or repeated, or an instrument has no known calendar.
    """
    if target not in TARGETS:
        raise ConfigError(f"score_panels: target {target!r} is not forecast; allowed: {list(TARGETS)}")
    _refuse_missing(scores, (*SCORE_COLUMNS, target), "scores")
    if features is not None:
        _refuse_missing(features, FEATURE_COLUMNS, "features")
    if scores.empty:
        return []
    days, codes, instruments = _keys(scores, "scores")
    calendar_of = _calendar_codes(instruments, calendars)
    classes, class_names = coded(scores["asset_class"])
    groups = (classes * len(CALENDARS) + calendar_of[codes]) * len(ORIGINS) + is_simulated(scores["source"])
    groups = groups.astype(np.int16)
    del classes
    columns = _score_columns(scores, target)
    beside = None
    if features is not None and not features.empty:
        same = features["instrument_id"].equals(scores["instrument_id"])  # usual, and cheaper to ask than to code again
        beside = (
            _Beside(features, day_numbers(features["session_date"]), codes)
            if same
            else _Beside.of(features, instruments)
        )
    panels = []
    found = np.flatnonzero(np.bincount(groups))
    for group in found.tolist():
        rows = None if len(found) == 1 else np.flatnonzero(groups == group)
        place, simulated = divmod(group, len(ORIGINS))
        class_code, calendar_code = divmod(place, len(CALENDARS))
        market = MarketGroup(class_names[class_code].as_py(), CALENDARS[calendar_code], ORIGINS[simulated])
        panel = _panel(market, target, days, codes, rows, instruments, columns, beside)
        if panel is not None:
            panels.append(panel)
    return sorted(panels, key=lambda panel: panel.group)


@dataclass(frozen=True, slots=True)
class _Beside:
    """The feature table, its instruments coded as those of the scores (-1: not scored)."""

    frame: pd.DataFrame
    days: _Rows
    codes: _Rows

    @classmethod
    def of(cls, features: pd.DataFrame, instruments: Any) -> "_Beside":
        days, codes, names = _keys(features, "features")
        known = pc.fill_null(pc.index_in(names, value_set=instruments), -1).to_numpy(zero_copy_only=False)
        return cls(features, days, known.astype(np.int64)[codes])


def _panel(
    market: MarketGroup,
    target: str,
    days: _Rows,
    codes: _Rows,
    rows: _Rows | None,
    instruments: Any,
    columns: Mapping[str, NDArray[Any]],
    beside: _Beside | None,
) -> ScorePanel | None:
    every = slice(None) if rows is None else rows
    first, last = int(days[every].min()), int(days[every].max())
    calendar_days = np.arange(first, last + 1).astype("datetime64[D]")
    is_open = is_session(market.calendar, calendar_days)
    sessions = calendar_days[is_open]
    if not sessions.size:
        return None
    session_of_day = np.where(is_open, np.cumsum(is_open) - 1, -1)
    used = np.zeros(len(instruments), dtype=bool)
    used[codes[every]] = True
    column_of = np.where(used, np.cumsum(used) - 1, -1)
    shape = (sessions.size, int(np.count_nonzero(used)))
    grid = _Grid.of(shape, rows, session_of_day[days[every] - first], column_of[codes[every]])
    seen = grid.seen()
    if grid.places is not None and np.count_nonzero(seen) != grid.places.size:
        raise ContractError(
            f"score_panels: {grid.places.size - np.count_nonzero(seen)} row(s) of {target} repeat an instrument and "
            f"session in {market.key}; the key is {_KEY}"
        )
    signals = _feature_signals(shape, beside, seen, first, session_of_day, column_of)
    signals |= {name: grid.matrix(columns[name], np.float32) for name in (*_SCORE_SIGNALS, *_CODES)}
    age_sessions = columns["oldest_input_age_s"] / session_seconds(market.calendar)
    signals["oldest_input_age_log_sessions"] = grid.matrix(np.log1p(age_sessions), np.float32)
    newest = shape[0] - 1 - np.argmax(seen.reshape(shape)[::-1], axis=0)
    return ScorePanel(
        market,
        target,
        sessions,
        np.array(instruments.filter(pa.array(used)).to_pylist(), dtype=np.str_),
        np.asarray(grid.matrix(columns[target], np.float64)),
        {name: signals[name] for name in SIGNALS},
        _texts(signals["sector_code"], newest, SECTORS),
        _texts(signals["rating_order"], newest, RATINGS),
    )


def _feature_signals(
    shape: tuple[int, int],
    beside: _Beside | None,
    seen: NDArray[np.bool_],
    first: int,
    session_of_day: _Rows,
    column_of: _Rows,
) -> dict[str, NDArray[np.float32]]:
    if beside is None:
        absent = np.broadcast_to(np.float32(np.nan), shape)
        return dict.fromkeys(_FEATURE_SIGNALS, absent)
    since = beside.days - first
    inside = (since >= 0) & (since < session_of_day.size)
    session = np.where(inside, session_of_day[np.clip(since, 0, session_of_day.size - 1)], -1)
    grid = _Grid.of(shape, None, session, np.where(beside.codes >= 0, column_of[beside.codes], -1)).only(seen)
    return {name: grid.matrix(_numbers(beside.frame, name), np.float32) for name in _FEATURE_SIGNALS}


def _score_columns(scores: pd.DataFrame, target: str) -> dict[str, NDArray[Any]]:
    numbers = (target, *_SCORE_SIGNALS, "oldest_input_age_s")
    columns: dict[str, NDArray[Any]] = {name: _numbers(scores, name) for name in numbers}
    for name, words in _CODES.items():
        codes, values = coded(scores[_CODED_COLUMN[name]])
        known = [float(words.index(word)) if word in words else np.nan for word in values.to_pylist()]
        columns[name] = np.array([*known, np.nan], dtype=np.float32)[codes]  # the last one answers code -1: null
    return columns


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.floating[Any]]:
    """A column as it lies in the frame, if it can be had so: it is only looked at."""
    column = frame[name]
    return (
        column.to_numpy()
        if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f"
        else column.to_numpy(dtype=np.float64, na_value=np.nan)
    )


def _texts(codes: NDArray[np.float32], newest: NDArray[np.intp], words: tuple[str, ...]) -> NDArray[np.str_]:
    of_newest = codes[newest, np.arange(codes.shape[1])]
    place = np.where(np.isnan(of_newest), -1.0, of_newest).astype(np.int64)
    return np.array([*words, ""], dtype=np.str_)[place]


def _keys(frame: pd.DataFrame, table: str) -> tuple[_Rows, _Rows, Any]:
    days = day_numbers(frame["session_date"])
    codes, instruments = coded(frame["instrument_id"])
    if codes.min() < 0 or days.min() == NO_DAY:
        raise ContractError(f"score_panels: {table} has a null in {_KEY}; check the table against its contract")
    return days.astype(np.int32), codes.astype(np.int32), instruments  # a large market has millions of rows


def _calendar_codes(instruments: Any, calendars: Mapping[str, str]) -> _Rows:
    place = {calendar: code for code, calendar in enumerate(CALENDARS)}
    names = instruments.to_pylist()
    codes = np.array([place.get(calendars.get(name, ""), -1) for name in names], dtype=np.int64)
    unknown = np.flatnonzero(codes < 0)
    if unknown.size:
        name = names[int(unknown[0])]
        raise ContractError(
            f"score_panels: {unknown.size} instrument(s) have no known calendar; first: {name}, found "
            f"{calendars.get(name)!r}, allowed {list(CALENDARS)}; give the calendars of the table instruments"
        )
    return codes


def _refuse_missing(frame: pd.DataFrame, needed: tuple[str, ...], table: str) -> None:
    lacking = [name for name in needed if name not in frame.columns]
    if lacking:
        raise ContractError(f"score_panels: {table} lacks {lacking}; found {list(frame.columns)}")
