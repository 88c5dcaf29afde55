"""The forecasts of a day, in the order in which a day knows things: judge what fell due, then forecast.

Sessions follow one another: what one session said is judged in the next, whether both are made in one run or in two, so
days made one by one equal the days of one run. Read next: ``forecaster.py``, ``scoring.py``, ``track_record.py``.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from liquidity.contracts.conform import empty_table, frame_from_table, table_from_frame
from liquidity.contracts.forecast import FORECAST_ACCURACY, FORECAST_SCORES, INDEX_FORECAST
from liquidity.contracts.table import TableContract
from liquidity.domain.columns import coded, day_numbers
from liquidity.domain.errors import LiquidityError
from liquidity.domain.origin import origins
from liquidity.forecast.accuracy import accuracy_table
from liquidity.forecast.drift import InputShift
from liquidity.forecast.fallback import fallback_forecast
from liquidity.forecast.forecaster import Forecaster
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.score_panels import score_panels
from liquidity.forecast.scoring import judge_forecasts, realised_scores
from liquidity.forecast.track_record import levels_from, rolling_accuracy

__all__ = [
    "FEATURE_DAYS",
    "JUDGED_COLUMNS",
    "LONGEST_WAIT_DAYS",
    "SCORE_DAYS",
    "DailyForecasts",
    "calendars_of",
    "forecast_sessions",
]

SCORE_DAYS: Final = 90
"""Calendar days of scores that a forecast reads, its own included; the inputs read forty-four sessions."""

FEATURE_DAYS: Final = 21
"""Calendar days of features; the inputs read five sessions before their own, the shift of the inputs ``SHIFT_DAYS``."""

LONGEST_WAIT_DAYS: Final = 21
"""Calendar days in which five sessions of any calendar come round."""

JUDGED_COLUMNS: Final = tuple(name for name in INDEX_FORECAST.column_names if name not in ("drivers_json", "rating"))
"""Columns of ``INDEX_FORECAST`` that judging needs."""


@dataclass(frozen=True, slots=True)
class DailyForecasts:
    """Rows of ``INDEX_FORECAST``, ``FORECAST_SCORES`` and ``FORECAST_ACCURACY``."""

    forecasts: pd.DataFrame
    judged: pd.DataFrame
    accuracy: pd.DataFrame

    def tables(self) -> dict[str, pa.Table]:
        """The same as contract tables, by name: what a large market says of one score in little memory."""
        return {
            contract.name: table_from_frame(rows, contract)
            for contract, rows in (
                (INDEX_FORECAST, self.forecasts),
                (FORECAST_SCORES, self.judged),
                (FORECAST_ACCURACY, self.accuracy),
            )
        }


def forecast_sessions(
    target: str,
    scores: pd.DataFrame,
    features: pd.DataFrame,
    calendars: Mapping[str, str],
    sessions: Sequence[date],
    serving: Callable[[MarketGroup, str, date], Forecaster | str],
    said: Callable[[date], pd.DataFrame],
    track_record: pd.DataFrame,
    window_sessions: int,
) -> DailyForecasts:
    """Judge and forecast one score on every session in turn.

    Parameters
    ----------
    target
        One of ``TARGETS``.
    scores
        Rows of its table, of the sessions and ``SCORE_DAYS`` - 1 days before: ``SCORE_COLUMNS`` and the target.
    features
        ``LIQUIDITY_FEATURES`` rows with ``FEATURE_COLUMNS``, of the sessions and ``FEATURE_DAYS`` - 1 days before.
    calendars
        Calendar of each instrument.
    sessions
        UTC days, ascending.
    serving
        Forecaster of a market and score on a session, or the reason why there is none.
    said
        ``INDEX_FORECAST`` rows (``JUDGED_COLUMNS``) of the target, made before the first of ``sessions`` for a session.
    track_record
        ``FORECAST_ACCURACY`` rows of the target, one session each (``window_sessions`` 1), of the ``SCORE_DAYS`` days
        before.
    window_sessions
        Sessions of the long window of the accuracy.

    Notes
    -----
    A forecaster that cannot speak for its market is replaced by the fallback, whose rows tell why; one market never
    stops another.
    """
    made: list[pd.DataFrame] = []
    waiting: dict[date, list[pd.DataFrame]] = defaultdict(list)  # made in this run, by the day they are for
    judged: list[pd.DataFrame] = []
    accuracy: list[pd.DataFrame] = []
    record = track_record
    for place, session in enumerate(sessions):
        due = pd.concat([said(session), *waiting.pop(session, ())], ignore_index=True)
        facts = judge_forecasts(due, realised_scores({target: scores}, session), session)
        facts = facts.astype({"liquidity_group": "Int64"})  # a table read back without a group in some row has floats
        alone = accuracy_table(facts, session, 1)
        record = pd.concat([record, alone], ignore_index=True)
        judged.append(facts)
        shifts: dict[MarketGroup, InputShift] = {}
        recent, today = _of(scores, session, SCORE_DAYS), _of(scores, session, 1)
        for panel in score_panels(recent, _of(features, session, FEATURE_DAYS), target, calendars):
            listed = _listed(panel, today)
            if len(listed):
                told, shift = _forecast(panel, session, listed, serving, record)
                made.append(told)
                if shift is not None:
                    shifts[panel.group] = shift
                for day in sessions[place + 1 :]:  # what is for a day after the run is read from the lake then
                    waiting[day].append(told.loc[told["target_date"] == pd.Timestamp(day), list(JUDGED_COLUMNS)])
        accuracy += [_with_shifts(alone, shifts), rolling_accuracy(record, session, window_sessions)]
    return DailyForecasts(
        _table(made, INDEX_FORECAST), _table(judged, FORECAST_SCORES), _table(accuracy, FORECAST_ACCURACY)
    )


def calendars_of(instruments: pd.DataFrame) -> dict[str, str]:
    """Calendar of each instrument in rows of ``INSTRUMENTS`` (``instrument_id``, ``calendar``); the last row says it."""
    instrument, names = coded(instruments["instrument_id"])
    calendar, calendars = coded(instruments["calendar"])
    last = np.zeros(len(names), dtype=np.int64)
    np.maximum.at(last, instrument, np.arange(len(instrument)))
    return dict(zip(names.to_pylist(), calendars.take(pa.array(calendar[last])).to_pylist(), strict=True))


def _forecast(
    panel: ScorePanel,
    session: date,
    listed: NDArray[np.str_],
    serving: Callable[[MarketGroup, str, date], Forecaster | str],
    record: pd.DataFrame,
) -> tuple[pd.DataFrame, InputShift | None]:
    """Forecasts of a market, and how far its inputs moved since the training of the model that made them."""
    day = np.datetime64(session, "D")
    forecaster = serving(panel.group, panel.target, session)
    if isinstance(forecaster, str):
        return fallback_forecast(panel, day, forecaster, listed), None
    since = date.fromisoformat(forecaster.card.trained_on)
    levels = levels_from(record, panel.group, panel.target, since)
    try:
        return forecaster.forecast(panel, day, levels, listed), forecaster.input_shift(panel, day)
    except LiquidityError as error:
        return fallback_forecast(panel, day, f"the model cannot speak: {error}", listed), None


def _with_shifts(alone: pd.DataFrame, shifts: Mapping[MarketGroup, InputShift]) -> pd.DataFrame:
    """One-session accuracy with the shift of its market's inputs, in the rows that are not cut."""
    table = alone.copy()
    for group, shift in shifts.items():
        mine = (table["slice"] == "all") & (table["asset_class"] == group.asset_class)
        mine &= (table["calendar"] == group.calendar) & (table["origin"] == group.origin)
        table.loc[mine, "input_shift_psi"] = shift.index
        table.loc[mine, "shifted_input"] = shift.input
    return table


def _listed(panel: ScorePanel, today: pd.DataFrame) -> NDArray[np.str_]:
    """Instruments of the panel that the session lists, with a score or without."""
    mine = (today["asset_class"] == panel.group.asset_class).to_numpy(dtype=np.bool_)
    mine = mine & (origins(today["source"]) == panel.group.origin)
    names = today.loc[mine, "instrument_id"].to_numpy(dtype=np.str_)
    return panel.instrument_ids[np.isin(panel.instrument_ids, names)]


def _of(table: pd.DataFrame, session: date, days: int) -> pd.DataFrame:
    """Rows of the ``days`` calendar days that end with ``session``."""
    number = day_numbers(table["session_date"])
    last = int(np.datetime64(session, "D").astype(np.int64))
    mine = (number > last - days) & (number <= last)
    return table if mine.all() else table[mine]  # a run of one day copies nothing


def _table(parts: Sequence[pd.DataFrame], contract: TableContract) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    if not filled:
        return frame_from_table(empty_table(contract))
    whole = filled[0] if len(filled) == 1 else pd.concat(filled, ignore_index=True)
    return whole[list(contract.column_names)]
