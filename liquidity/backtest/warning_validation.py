"""Did the alarms ring? Early warnings and forecasts against the crises that the simulator planted.

Only the simulator knows when a crisis began, so lead times and false alarms are counted there. Read next:
``liquidity/simulation/events.py``, ``docs/methodology/score_validation.md``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.backtest.outcomes import places_of
from liquidity.contracts.evidence import WARNING_VALIDATION
from liquidity.domain.errors import ConfigError
from liquidity.domain.origin import SIMULATED
from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.panel import ScorePanel
from liquidity.simulation.events import PlantedEvent

__all__ = ["FORECAST_FALL_POINTS", "forecast_alarms", "raised_alarms", "validate_warnings"]

FORECAST_FALL_POINTS: Final = 5.0
"""A median forecast so many points below today's score, at any horizon, is an alarm: forecasts move less than scores."""

_CRISES: Final = ("issuer_crisis", "market_crisis")
_GRACE_SESSIONS: Final = 5
_YEAR_SESSIONS: Final = 250

_Mask = NDArray[np.bool_]


def validate_warnings(
    panel: ScorePanel,
    issuers: Mapping[str, str],
    events: Sequence[PlantedEvent],
    alarms: Mapping[str, _Mask],
    session: np.datetime64,
    window_sessions: int = 250,
) -> pd.DataFrame:
    """Lead time and false alarms of each kind of alarm in one simulated market.

    Parameters
    ----------
    panel
        Liquidity scores of the market.
    issuers
        Issuer of each instrument_id; instruments without one are hit by market crises only.
    events
        Ground truth of the simulator, outages included: an alarm during an outage is not false.
    alarms
        (T, N) by source (``ALARM_SOURCES``): true where an alarm begins. See :func:`raised_alarms`,
        :func:`forecast_alarms`.
    session
        Last session looked at.
    window_sessions
        Sessions looked at.

    Returns
    -------
    pd.DataFrame
        Rows of ``WARNING_VALIDATION``: one for each source and kind of crisis, and one for all kinds together.

    Raises
    ------
    ConfigError
        The panel is not the simulator's: recorded markets have no ground truth.

    Notes
    -----
    A *hit* is an instrument with a score in a session of the crisis; its first alarm from the crisis's first to its last
    session counts. *Lead* is measured to the session of full strength, *delay* from the first. An alarm is *false* when
    no planted event touches the instrument on that day or ended in the five sessions before. *Chance* is the share of
    the hits that the same number of alarms of each instrument would meet on random sessions: 1 - (1 - p)^L with p alarms
    per scored session and L sessions of the crisis.
    """
    if panel.group.origin != SIMULATED:
        raise ConfigError(f"warning validation: {panel.group.key} is recorded; only the simulator knows its crises")
    end = int(np.searchsorted(panel.sessions, session, side="right"))
    window = slice(max(end - window_sessions, 0), end)
    days, scored = panel.sessions[window], np.isfinite(panel.scores[window])
    owner = np.array([issuers.get(str(name), "") for name in panel.instrument_ids])
    rows: list[dict[str, Any]] = []
    if len(days) and scored.any():
        touched = _touched(days, owner, events, scored.shape)
        for source, alarm in alarms.items():
            here = alarm[window] & scored
            base = {
                "session_date": session.astype("datetime64[D]").item(),
                "asset_class": panel.group.asset_class,
                "calendar": panel.group.calendar,
                "origin": panel.group.origin,
                "alarm_source": source,
                "window_from": days[0].astype("datetime64[D]").item(),
            } | _false_alarms(here, scored, touched)
            for kind in (*_CRISES, "all"):
                counted = [event for event in events if event.kind in ((kind,) if kind != "all" else _CRISES)]
                rows.append(base | {"event_kind": kind} | _met(days, owner, counted, here, scored))
    return _table(rows)


def raised_alarms(warnings: pd.DataFrame, panel: ScorePanel) -> _Mask:
    """(T, N): true where ``EARLY_WARNINGS`` raised an alert."""
    alarms = np.zeros(panel.scores.shape, dtype=np.bool_)
    raised = warnings[(warnings["state"] == "raised").to_numpy(dtype=np.bool_)]
    if len(raised):
        row, column = places_of(raised, panel.sessions, panel.instrument_ids)
        here = (row >= 0) & (column >= 0)
        alarms[row[here], column[here]] = True
    return alarms


def forecast_alarms(forecasts: pd.DataFrame, panel: ScorePanel, fall_points: float = FORECAST_FALL_POINTS) -> _Mask:
    """(T, N): true where a forecast begins to see a fall of ``fall_points`` at any horizon.

    Parameters
    ----------
    forecasts
        ``INDEX_FORECAST`` rows; those of the panel's target count, by the session they were made on.

    Notes
    -----
    An alarm that was on in the session before does not begin again.
    """
    falls = np.zeros(panel.scores.shape, dtype=np.bool_)
    of_target = forecasts[(forecasts["target"] == panel.target).to_numpy(dtype=np.bool_)]
    if len(of_target):
        row, column = places_of(of_target, panel.sessions, panel.instrument_ids)
        told = of_target["forecast_score"].to_numpy(dtype=np.float64, na_value=np.nan)
        base = of_target["base_score"].to_numpy(dtype=np.float64, na_value=np.nan)
        inside = np.isin(of_target["horizon_sessions"].to_numpy(dtype=np.int64), HORIZONS)
        here = (row >= 0) & (column >= 0) & inside & (base - told >= fall_points)
        falls[row[here], column[here]] = True
    begins = falls.copy()
    begins[1:] &= ~falls[:-1]
    return begins


def _span(event: PlantedEvent, days: NDArray[np.datetime64]) -> tuple[int, int, int]:
    """Places of the first session of an event, of its full strength, and after its last."""
    first, last = np.datetime64(event.first_day, "D"), np.datetime64(event.last_day, "D")
    full = first + max(event.ramp_days - 1, 0)
    begin, peak = np.searchsorted(days, [first, full], side="left")
    return int(begin), int(peak), int(np.searchsorted(days, last, side="right"))


def _subjects(event: PlantedEvent, owner: NDArray[np.str_]) -> _Mask:
    """Instruments that an event touches: those of the issuer, else all (crises of the market, outages)."""
    everyone: _Mask = np.ones(len(owner), dtype=np.bool_)
    return np.asarray(owner == event.subject, dtype=np.bool_) if event.kind == "issuer_crisis" else everyone


def _touched(
    days: NDArray[np.datetime64], owner: NDArray[np.str_], events: Sequence[PlantedEvent], shape: tuple[int, ...]
) -> _Mask:
    touched = np.zeros(shape, dtype=np.bool_)
    for event in events:
        begin, _, end = _span(event, days)
        if end > 0:
            touched[begin : end + _GRACE_SESSIONS, _subjects(event, owner)] = True
    return touched


def _false_alarms(alarm: _Mask, scored: _Mask, touched: _Mask) -> dict[str, Any]:
    rung, false = int(alarm.sum()), int((alarm & ~touched).sum())
    quiet = int((scored & ~touched).sum())
    return {
        "alarms_n": rung,
        "false_alarms_n": false,
        "false_alarm_frac": false / rung if rung else None,
        "false_alarms_per_year": false / quiet * _YEAR_SESSIONS if quiet else None,
    }


def _met(
    days: NDArray[np.datetime64],
    owner: NDArray[np.str_],
    events: Sequence[PlantedEvent],
    alarm: _Mask,
    scored: _Mask,
) -> dict[str, Any]:
    """Hits, alarmed hits, and how early, of some crises."""
    rate = alarm.sum(axis=0) / np.maximum(scored.sum(axis=0), 1)
    leads: list[int] = []
    delays: list[int] = []
    hit_events = hits = 0
    chance = 0.0
    for event in events:
        begin, peak, end = _span(event, days)
        within = slice(begin, end)
        hit = _subjects(event, owner) & scored[within].any(axis=0)
        if begin == 0 or end <= begin or not hit.any():  # begun before the window: its first alarm may be too
            continue
        hit_events += 1
        hits += int(hit.sum())
        chance += float((1.0 - (1.0 - rate[hit]) ** scored[within][:, hit].sum(axis=0)).sum())
        rung = alarm[within] & hit
        first = np.argmax(rung, axis=0)[rung.any(axis=0)]
        leads += (peak - begin - first).tolist()
        delays += first.tolist()
    reasons = ["no crisis of the kind began in the window"] if not hits else []
    if hits and not leads:
        reasons.append("no crisis was alarmed")
    return {
        "events_n": hit_events,
        "hits_n": hits,
        "alarmed_n": len(leads),
        "alarmed_frac": len(leads) / hits if hits else None,
        "chance_alarmed_frac": chance / hits if hits else None,
        "lead_sessions_median": float(np.median(leads)) if leads else None,
        "before_peak_frac": sum(lead > 0 for lead in leads) / hits if hits else None,
        "delay_sessions_median": float(np.median(delays)) if delays else None,
        "reason": "; ".join(reasons),
    }


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(WARNING_VALIDATION.column_names))
    for name in ("session_date", "window_from"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[s]")
    numbers = {c.name: c.dtype for c in WARNING_VALIDATION.columns if c.dtype in ("float64", "int64")}
    return table.astype(numbers).sort_values(list(WARNING_VALIDATION.key), ignore_index=True)
