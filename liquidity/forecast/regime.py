"""The state of a market, calm, stressed or crisis, told from that session and earlier ones alone.

A hidden Markov model watches two numbers of each session: the median score and how far the scores lie apart. It is fitted
anew for each calendar month on the sessions before that month. Read next:
``_regime_filter.py`` (the model), ``docs/methodology/regimes.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.evidence import MARKET_CONDITIONS, MARKET_REGIME, REGIMES
from liquidity.domain.errors import ContractError
from liquidity.forecast.panel import MarketGroup, ScorePanel

__all__ = [
    "FIT_DAYS",
    "HISTORY_DAYS",
    "MIN_FIT_SESSIONS",
    "MarketConditions",
    "RegimePath",
    "condition_rows",
    "market_conditions",
    "regime_path",
    "regime_probabilities",
    "regime_rows",
    "with_regimes",
]

FIT_DAYS: Final = 699
"""Calendar days before a month's first day that its parameters are learned from."""

HISTORY_DAYS: Final = 730
"""Calendar days, the session included, that decide a session's state: the longest month and the days it learns from."""

MIN_FIT_SESSIONS: Final = 120
"""Sessions with a median score that a fit needs."""

_STATE_NUMBERS: Final[tuple[Literal[2, 3], ...]] = (2, 3)
_MIN_NAMES: Final = 4
_GROUP: Final = ("asset_class", "calendar", "origin")
_PROBABILITIES: Final = tuple(f"{name}_probability_frac" for name in REGIMES)


@dataclass(frozen=True, slots=True)
class MarketConditions:
    """What one session says of a market, arrays (T,); NaN where too few names are scored.

    ``median_score`` and ``dispersion_points`` (interquartile range) are points, ``falling_frac`` the share of the names
    scored in this and the previous session whose score fell.
    """

    members_count: NDArray[np.int64]
    median_score: NDArray[np.float64]
    dispersion_points: NDArray[np.float64]
    falling_frac: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RegimePath:
    """States of consecutive sessions.

    Attributes
    ----------
    probabilities
        (T, 3) in the order of ``REGIMES``; NaN where ``reason`` is not empty.
    fitted_through
        (T,) datetime64[D], last session that the parameters were learned from; NaT where there are none.
    reason
        (T,) why no state is told; empty text where one is.
    """

    probabilities: NDArray[np.float64]
    fitted_through: NDArray[np.datetime64]
    reason: NDArray[np.object_]


def market_conditions(scores: NDArray[np.float64]) -> MarketConditions:
    """Level, dispersion and breadth of each session.

    Parameters
    ----------
    scores
        (T, N) points, consecutive sessions of one market; NaN where there is no score.

    Examples
    --------
    >>> told = market_conditions(np.array([[50.0, 60.0, 70.0, 80.0], [40.0, 55.0, 65.0, 85.0]]))
    >>> told.median_score.tolist(), told.dispersion_points.tolist(), told.falling_frac.tolist()
    ([65.0, 60.0], [15.0, 18.75], [nan, 0.75])
    """
    members = np.count_nonzero(np.isfinite(scores), axis=1)
    median = np.full(len(scores), np.nan)
    dispersion = np.full(len(scores), np.nan)
    for session in np.flatnonzero(members):
        known = scores[session][np.isfinite(scores[session])]
        low, median[session], high = np.quantile(known, (0.25, 0.5, 0.75))
        if len(known) >= _MIN_NAMES:
            dispersion[session] = high - low
    change = np.diff(scores, axis=0)
    names = np.count_nonzero(np.isfinite(change), axis=1)
    falling = np.full(len(scores), np.nan)
    enough = names >= _MIN_NAMES
    falling[1:][enough] = np.count_nonzero(change < 0.0, axis=1)[enough] / names[enough]
    return MarketConditions(members, median, dispersion, falling)


def regime_path(
    conditions: MarketConditions, sessions: NDArray[np.datetime64], asked: NDArray[np.bool_] | None = None
) -> RegimePath:
    """State of each session of one market, without look-ahead.

    Parameters
    ----------
    conditions
        Of ``sessions``, (T,) each.
    sessions
        (T,) datetime64[D], ascending; every session of the calendar between the first and the last.
    asked
        (T,) sessions to tell, all by default; a month without any is not fitted.

    Notes
    -----
    Level and dispersion are watched. The share of falling names is not: it says that a state ends, not which one it is,
    and as a third column it made every change of state a state of its own.

    For the sessions of one calendar month the parameters are learned from the sessions of the ``FIT_DAYS`` calendar
    days before its first day, and the filter runs from the first of these. So a session's state depends on the
    ``HISTORY_DAYS`` days up to it and on nothing else: dropping later sessions, or earlier ones than these, changes no
    bit. Of one, two and three states those with the least Bayesian information criterion (Schwarz 1978) are kept: a
    window without a crisis in it knows calm and stressed only, until the month after the first one.

    No state is told with fewer than ``MIN_FIT_SESSIONS`` scored sessions to learn from, where the median does not vary,
    and where one state is enough.
    """
    days = sessions.astype("datetime64[D]")
    observed = np.column_stack([conditions.median_score, conditions.dispersion_points])
    probabilities = np.full((len(days), len(REGIMES)), np.nan)
    fitted_through = np.full(len(days), np.datetime64("NaT"), dtype="datetime64[D]")
    reason = np.full(len(days), "not asked for", dtype=object)
    months = days.astype("datetime64[M]")
    for month in np.unique(months if asked is None else months[asked]):
        first = month.astype("datetime64[D]")
        begin, now, end = np.searchsorted(days, [first - FIT_DAYS, first, (month + 1).astype("datetime64[D]")])
        told, why = _month(observed[begin:now], observed[begin:end])
        reason[now:end] = why
        if told is not None:
            probabilities[now:end] = told[now - begin :]
            fitted_through[now:end] = days[now - 1]
    return RegimePath(probabilities, fitted_through, reason)


def regime_probabilities(panel: ScorePanel) -> NDArray[np.float64]:
    """Probabilities of calm, stressed and crisis in each session of a panel, (T, 3); NaN where no state is told.

    Row t reads the panel's scores up to session t alone, so it may be an input of a forecast made at its close.
    """
    return regime_path(market_conditions(panel.scores), panel.sessions).probabilities


def with_regimes(panel: ScorePanel, probabilities: NDArray[np.float64] | None = None) -> ScorePanel:
    """The panel with the probabilities of its market's states as three more signals, the same for every instrument.

    Parameters
    ----------
    probabilities
        (T, 3) of the panel's sessions, for example of ``MARKET_REGIME``, where the panel itself is too short to learn
        the states from; by default :func:`regime_probabilities`.

    Raises
    ------
    ContractError
        ``probabilities`` has another shape.
    """
    told = regime_probabilities(panel) if probabilities is None else probabilities
    if told.shape != (len(panel.sessions), len(REGIMES)):
        raise ContractError(
            f"with_regimes: probabilities of shape {told.shape} for {len(panel.sessions)} sessions; give one row of "
            f"{len(REGIMES)} for each session of the panel"
        )
    signals = {
        f"regime_{name}_frac": np.broadcast_to(told[:, [place]].astype(np.float32), panel.scores.shape)
        for place, name in enumerate(REGIMES)
    }
    return replace(panel, signals={**panel.signals, **signals})


def condition_rows(panels: Sequence[ScorePanel], sessions: Sequence[date]) -> pd.DataFrame:
    """``MARKET_CONDITIONS`` rows of the wanted sessions.

    Parameters
    ----------
    panels
        Liquidity scores of each market, at least one session more than is wanted: the fall is measured from it.
    sessions
        Days to tell; a market without a session on a day has no row for it.
    """
    pieces = []
    for panel in panels:
        told = market_conditions(panel.scores)
        wanted = np.isin(panel.sessions, np.array(sessions, dtype="datetime64[D]")) & (told.members_count > 0)
        pieces.append(
            _group_frame(panel.group, panel.sessions[wanted])
            | {
                "members_count": told.members_count[wanted],
                "median_score": told.median_score[wanted],
                "dispersion_points": told.dispersion_points[wanted],
                "falling_frac": told.falling_frac[wanted],
            }
        )
    return _table(pieces, MARKET_CONDITIONS.column_names)


def regime_rows(conditions: pd.DataFrame, sessions: Sequence[date]) -> pd.DataFrame:
    """``MARKET_REGIME`` rows of the wanted sessions.

    Parameters
    ----------
    conditions
        ``MARKET_CONDITIONS`` rows of the wanted sessions and of ``HISTORY_DAYS`` days before each.
    sessions
        Days to tell.

    Raises
    ------
    ContractError
        A column of ``MARKET_CONDITIONS`` is missing.
    """
    lacking = [name for name in MARKET_CONDITIONS.column_names if name not in conditions.columns]
    if lacking:
        raise ContractError(f"regime_rows: market_conditions lacks {lacking}; pass the columns of the contract")
    asked = np.array(sessions, dtype="datetime64[D]")
    pieces = []
    for key, rows in conditions.groupby(list(_GROUP), sort=True):
        days = np.array(pd.to_datetime(rows["session_date"]), dtype="datetime64[D]")
        order = np.argsort(days, kind="stable")
        days, numbers = (
            days[order],
            {
                name: rows[name].to_numpy(dtype=np.float64, na_value=np.nan)[order]
                for name in ("median_score", "dispersion_points", "falling_frac")
            },
        )
        members = rows["members_count"].to_numpy(dtype=np.int64)[order]
        wanted = np.isin(days, asked)
        path = regime_path(MarketConditions(members, **numbers), days, wanted)
        best = np.where(path.reason == "", np.argmax(np.nan_to_num(path.probabilities), axis=1), -1)
        pieces.append(
            _group_frame(MarketGroup(*(str(part) for part in key)), days[wanted])
            | {"members_count": members[wanted]}
            | {name: values[wanted] for name, values in numbers.items()}
            | {"regime": pd.array(np.array([*REGIMES, None], dtype=object)[best[wanted]], dtype="str")}
            | {name: path.probabilities[wanted, at] for at, name in enumerate(_PROBABILITIES)}
            | {
                "fitted_through": path.fitted_through[wanted].astype("datetime64[s]"),
                "reason": pd.array(path.reason[wanted], dtype="str"),
            }
        )
    return _table(pieces, MARKET_REGIME.column_names)


def _month(learned: NDArray[np.float64], told: NDArray[np.float64]) -> tuple[NDArray[np.float64] | None, str]:
    """Filtered states of ``told`` with parameters of ``learned``, its first rows; or why there are none."""
    known = np.isfinite(learned).sum(axis=0).tolist()
    scored = known[0]
    if scored < MIN_FIT_SESSIONS:
        return None, f"{scored} scored sessions before this month, {MIN_FIT_SESSIONS} are needed"
    used = [
        column
        for column in range(learned.shape[1])
        if known[column] >= max(MIN_FIT_SESSIONS, scored // 2) and np.nanstd(learned[:, column]) > 1e-9
    ]
    if 0 not in used:
        return None, "the median score does not vary"
    from liquidity.forecast._regime_filter import fit_hidden_markov, log_likelihood_of_one_state

    centre, scale = np.nanmean(learned[:, used], axis=0), np.nanstd(learned[:, used], axis=0)
    standard = (learned[:, used] - centre) / scale
    rows = np.count_nonzero(np.isfinite(standard).all(axis=1))
    best, chosen = -2.0 * log_likelihood_of_one_state(standard) + _parameters(1, len(used)) * np.log(rows), None
    for states in _STATE_NUMBERS:
        model = fit_hidden_markov(standard, states)
        criterion = -2.0 * model.log_likelihood + _parameters(states, len(used)) * np.log(rows)
        if criterion < best:
            best, chosen = criterion, model
    if chosen is None:
        return None, "one state explains the last two years as well as several"
    probabilities = np.zeros((len(told), len(REGIMES)))
    probabilities[:, : len(chosen.means)] = chosen.filtered((told[:, used] - centre) / scale)
    return probabilities, ""


def _parameters(states: int, columns: int) -> int:
    """Free parameters of the model: Gaussians, transitions, and the state before the first session."""
    return states * (columns + columns * (columns + 1) // 2) + states * (states - 1) + states - 1


def _group_frame(group: MarketGroup, days: NDArray[np.datetime64]) -> dict[str, object]:
    return {"session_date": days.astype("datetime64[s]")} | {
        name: np.full(len(days), getattr(group, name), dtype=object) for name in _GROUP
    }


def _table(pieces: Sequence[Mapping[str, object]], columns: tuple[str, ...]) -> pd.DataFrame:
    frames = [pd.DataFrame(piece) for piece in pieces]
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return pd.DataFrame(columns=list(columns)) if not frames else frames[0][list(columns)]
    table = pd.concat(filled, ignore_index=True)[list(columns)]
    return table.sort_values(["session_date", *_GROUP], ignore_index=True)
