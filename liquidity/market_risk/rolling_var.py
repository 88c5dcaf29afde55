"""Every model forecasts a history session by session from the past alone, and is judged.

Read next: ``market_risk_table.py``, where a portfolio's numbers come from the same models.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.market_risk.filtered import fhs_of_rows
from liquidity.market_risk.parametric import (
    cornish_fisher_of,
    is_monotone,
    moment_degrees,
    moments_of_rows,
    normal_or_student,
)
from liquidity.market_risk.tail import checked_confidence, es_of_rows, var_of_rows
from liquidity.market_risk.var_tests import acerbi_szekely, basel_zone, christoffersen, kupiec, z2_critical

__all__ = [
    "VAR_MODELS",
    "Judgement",
    "TailForecast",
    "equal_parts",
    "held_results",
    "judged",
    "rolling_forecast",
    "tail_forecast",
]

_ZONE_SESSIONS: Final = 250
_REJECT_P: Final = 0.05


@dataclass(frozen=True, slots=True)
class TailForecast:
    """Value at risk and expected shortfall (M,), losses positive, and where the model fell back to the historical numbers."""

    var: NDArray[np.float64]
    es: NDArray[np.float64]
    fell_back: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How the forecasts of one model did.

    Attributes
    ----------
    sessions_n, hits_n, expected_n
        Judged sessions, exceedances, and their number if the model were right.
    kupiec_p, independence_p, coverage_p
        p-values of the number of exceedances, of their independence, and of both; ``None`` without enough sessions.
    z1, z2, z2_critical
        Acerbi and Szekely: depth of the exceedances; 5 % rejects where ``z2`` is below ``z2_critical``.
    zone, zone_hits_n
        Traffic light of the last 250 sessions, for 99 % only.
    fell_back_frac
        Share of sessions in which the model could not speak and the historical number stood in.
    """

    sessions_n: int
    hits_n: int
    expected_n: float
    kupiec_p: float | None
    independence_p: float | None
    coverage_p: float | None
    z1: float | None
    z2: float | None
    z2_critical: float | None
    zone: str | None
    zone_hits_n: int | None
    fell_back_frac: float

    @property
    def failures(self) -> tuple[str, ...]:
        """What 5 % rejects: ``too_many`` or ``too_few`` exceedances, ``clustered``, ``too_deep``; empty where nothing."""
        found = []
        if self.kupiec_p is not None and self.kupiec_p < _REJECT_P:
            found.append("too_many" if self.hits_n > self.expected_n else "too_few")
        if self.independence_p is not None and self.independence_p < _REJECT_P:
            found.append("clustered")
        if self.z2 is not None and self.z2_critical is not None and self.z2 < self.z2_critical:
            found.append("too_deep")
        return tuple(found)


Rows = NDArray[np.float64]


def _historical(rows: Rows, confidence: float) -> tuple[Rows, Rows]:
    return var_of_rows(rows, confidence), es_of_rows(rows, confidence)


def _normal(rows: Rows, confidence: float) -> tuple[Rows, Rows]:
    moments = moments_of_rows(rows)
    return normal_or_student(moments.mean, moments.sd, confidence)


def _student(rows: Rows, confidence: float) -> tuple[Rows, Rows]:
    moments = moments_of_rows(rows)
    return normal_or_student(moments.mean, moments.sd, confidence, moment_degrees(moments.ex_kurt))


def _cornish_fisher(rows: Rows, confidence: float) -> tuple[Rows, Rows]:
    moments = moments_of_rows(rows)
    var, es = cornish_fisher_of(moments.mean, moments.sd, moments.skew, moments.ex_kurt, confidence)
    inside = is_monotone(moments.skew, moments.ex_kurt)
    return np.where(inside, var, np.nan), np.where(inside, es, np.nan)


def _filtered(rows: Rows, confidence: float) -> tuple[Rows, Rows]:
    return fhs_of_rows(rows, confidence)


VAR_MODELS: Final[Mapping[str, Callable[[Rows, float], tuple[Rows, Rows]]]] = {
    "historical": _historical,
    "normal": _normal,
    "student": _student,
    "cornish_fisher": _cornish_fisher,
    "filtered": _filtered,
}
"""Model by name: samples (M, W) and a confidence give value at risk and expected shortfall (M,); NaN: it cannot say.

historical: the sample itself; normal: its mean and standard deviation; student: the same with the tail of its kurtosis;
cornish_fisher: with skewness and kurtosis, inside the domain; filtered: historical in units of EWMA volatility.
"""


def tail_forecast(rows: Rows, model: str, confidence: float) -> TailForecast:
    """Forecast the session after each row of (M, W) complete results, newest last.

    Where a model cannot speak (Cornish-Fisher outside its domain, a row that never moves), the historical number stands
    in and ``fell_back`` says so.
    """
    if model not in VAR_MODELS:
        raise ConfigError(f"value at risk: no model {model!r}; there are {', '.join(VAR_MODELS)}")
    var, es = VAR_MODELS[model](rows, checked_confidence(confidence))
    silent = ~(np.isfinite(var) & np.isfinite(es))
    if silent.any():
        var, es = np.array(var), np.array(es)
        var[silent], es[silent] = var_of_rows(rows[silent], confidence), es_of_rows(rows[silent], confidence)
    return TailForecast(var, es, silent)


def rolling_forecast(results: NDArray[np.float64], model: str, confidence: float, *, window: int) -> TailForecast:
    """Forecast each session of a series from the ``window`` sessions before it; the first ``window`` have no forecast.

    Returns
    -------
    TailForecast
        Arrays (T - window,), for ``results[window:]``; nothing of a session or after it is read.
    """
    if window < 10 or len(results) <= window:
        raise ConfigError(
            f"rolling value at risk: window {window} of {len(results)} results; allowed from 10 to one fewer"
        )
    rows = np.lib.stride_tricks.sliding_window_view(results, window)[:-1]
    return tail_forecast(rows, model, confidence)


def held_results(returns: NDArray[np.float64], values: NDArray[np.float64], *, window: int) -> NDArray[np.float64]:
    """Results (T - window, window) that the holdings of each session would have had in the sessions before it.

    Parameters
    ----------
    returns
        (T, N), complete for every instrument that is held: a missing return counts as 0 for a value of 0 only.
    values
        (T, N) money at the start of each session.
    """
    found = np.empty((len(returns) - window, window))
    for row in range(len(found)):
        held = np.flatnonzero(values[row + window])
        found[row] = returns[row : row + window, held] @ values[row + window, held]
    return found


def judged(results: NDArray[np.float64], forecast: TailForecast, confidence: float) -> Judgement:
    """Hold forecasts (M,) against the results (M,) of the same sessions; sessions with anything missing are left out."""
    alpha = 1.0 - checked_confidence(confidence)
    whole = np.isfinite(results) & np.isfinite(forecast.var) & np.isfinite(forecast.es)
    result, var, es = results[whole], forecast.var[whole], forecast.es[whole]
    hits = result < -var
    n, count = int(hits.size), int(hits.sum())
    dependence = christoffersen(hits, alpha)
    depth = acerbi_szekely(result, var, es, alpha)
    lit = n >= _ZONE_SESSIONS and abs(confidence - 0.99) < 1e-9
    recent = int(hits[-_ZONE_SESSIONS:].sum()) if lit else None
    return Judgement(
        sessions_n=n,
        hits_n=count,
        expected_n=n * alpha,
        kupiec_p=kupiec(n, count, alpha).p_value,
        independence_p=dependence.p_ind,
        coverage_p=dependence.p_cc,
        z1=depth.z1,
        z2=depth.z2,
        z2_critical=z2_critical(n, alpha) if n else None,
        zone=basel_zone(recent).zone if recent is not None else None,
        zone_hits_n=recent,
        fell_back_frac=float(forecast.fell_back[whole].mean()) if n else 0.0,
    )


def equal_parts(returns: NDArray[np.float64], *, window: int, max_gap_frac: float = 0.02) -> NDArray[np.float64]:
    """Values (T, N) of a book of 1 that holds equal parts of what has a full history, chosen anew each session.

    An instrument is held in a session when it has a return in it and at least 1 - ``max_gap_frac`` of the ``window``
    sessions before (a gap counts as no move): a listing enters after that, a delisting leaves. (That a return exists in the session itself is not
    known before it; a halted instrument could not be traded.)
    """
    seen = np.isfinite(returns)
    total = np.vstack([np.zeros((1, returns.shape[1]), dtype=np.int64), np.cumsum(seen, axis=0)])
    values = np.zeros(returns.shape)
    full = total[window:-1] - total[: -window - 1] >= (1.0 - max_gap_frac) * window
    held = full & seen[window:]
    values[window:] = held / np.maximum(held.sum(axis=1, keepdims=True), 1)
    return values
