"""What may follow a low score: wide spreads, days without a trade, exits that fail, costs above their estimate.

Every outcome is worse when it is higher, and stands beside its own last value, the benchmark that a score has to beat.
Read next: ``score_validation.py``.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from liquidity.contracts.evidence import VALIDATED_OUTCOMES
from liquidity.domain.columns import coded, day_numbers
from liquidity.domain.errors import ContractError
from liquidity.forecast.horizons import HORIZONS

__all__ = [
    "FACT_COLUMNS",
    "PARTICIPATION_FRAC",
    "POSITION_ADV_FRAC",
    "MarketFacts",
    "Outcome",
    "market_facts",
    "outcomes",
    "places_of",
]

FACT_COLUMNS: Final = ("spread_bps", "turnover_ccy", "volatility_daily_frac")
"""Columns of ``liquidity_features`` that outcomes are made of, beside the key."""

POSITION_ADV_FRAC: Final = 0.10
"""Position that has to be sold, over the average daily volume: the largest that the limits allow."""

PARTICIPATION_FRAC: Final = 0.20
"""Share of each session's turnover that the seller may be."""

_ADV_SESSIONS: Final = 20
_MIN_ADV_SESSIONS: Final = 10
_USUAL_SESSIONS: Final = 60
_MIN_USUAL_SESSIONS: Final = 20
_BPS: Final = 1e4

_Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """Spread (bps, full), turnover (instrument currency) and daily volatility (fraction), each (T, N), NaN where unknown."""

    spread_bps: _Matrix
    turnover_ccy: _Matrix
    volatility_daily_frac: _Matrix


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome of every session and instrument.

    Attributes
    ----------
    ahead
        (5, T, N): what happened by 1..5 sessions after session t; NaN where it is not known.
    latest
        (5, T, N): the same outcome's last value at the close of session t, for the same horizon.
    """

    name: str
    ahead: _Matrix
    latest: _Matrix


def market_facts(
    features: pd.DataFrame, sessions: NDArray[np.datetime64], instrument_ids: NDArray[np.str_]
) -> MarketFacts:
    """Lay rows of ``liquidity_features`` out as sessions by instruments.

    Parameters
    ----------
    features
        ``session_date``, ``instrument_id`` and :data:`FACT_COLUMNS`, any order; other days and names are left out.
    sessions
        (T,) datetime64[D], ascending.
    instrument_ids
        (N,) ascending.

    Raises
    ------
    ContractError
        A column is missing.
    """
    lacking = [name for name in ("session_date", "instrument_id", *FACT_COLUMNS) if name not in features.columns]
    if lacking:
        raise ContractError(f"market_facts: liquidity_features lacks {lacking}; pass the columns {FACT_COLUMNS}")
    shape = (len(sessions), len(instrument_ids))
    matrices = {name: np.full(shape, np.nan) for name in FACT_COLUMNS}
    if len(features) and all(shape):
        row, column = places_of(features, sessions, instrument_ids)
        here = (row >= 0) & (column >= 0)
        for name, matrix in matrices.items():
            matrix[row[here], column[here]] = features[name].to_numpy(dtype=np.float64, na_value=np.nan)[here]
    return MarketFacts(**matrices)


def places_of(
    frame: pd.DataFrame, sessions: NDArray[np.datetime64], instrument_ids: NDArray[np.str_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place of each row's session and instrument, -1 where it is not among them."""
    days = day_numbers(frame["session_date"])
    wanted = sessions.astype("datetime64[D]").astype(np.int64)
    row = np.clip(np.searchsorted(wanted, days), 0, len(wanted) - 1)
    row = np.where(wanted[row] == days, row, -1)
    codes, names = coded(frame["instrument_id"])
    known = pc.fill_null(pc.index_in(names, value_set=_texts(instrument_ids, names)), -1)
    column = known.to_numpy(zero_copy_only=False).astype(np.int64)
    return row, np.append(column, -1)[codes]


def outcomes(facts: MarketFacts) -> tuple[Outcome, ...]:
    """All outcomes, in the order of ``VALIDATED_OUTCOMES``.

    Notes
    -----
    - ``spread_bps``: full spread of session t+h. An estimated spread averages a month of prices, so its own last value
      shares most of that month; only the comparison with it is fair.
    - ``spread_ratio``: that spread over the median of the instrument's own spreads of the 60 sessions to t (20 known).
    - ``zero_trade_day``: 1 when nothing traded in session t+h, 0 when something did; unknown turnover is unknown.
    - ``failed_exit``: 1 when a position of ``POSITION_ADV_FRAC`` of the average daily volume of the 20 sessions to t (10
      known) is not sold after h sessions at ``PARTICIPATION_FRAC`` of their turnover.
    - ``cost_overrun_bps``: cost of selling that position in session t+h minus its estimate at t. Cost is half the spread
      plus daily volatility times the square root of the share of the volume traded (square-root law with factor 1,
      Almgren, Thum, Hauptmann and Li 2005, Risk 18(7)); the estimate takes the average volume for the session's.
      Unknown where nothing trades: that is a failed exit.
    """
    adv = _trailing_mean(facts.turnover_ccy, _ADV_SESSIONS, _MIN_ADV_SESSIONS)
    adv = np.where(adv > 0.0, adv, np.nan)
    made = {
        "spread_bps": _level(facts.spread_bps),
        "spread_ratio": _spread_ratio(facts.spread_bps),
        "zero_trade_day": _level(_idle(facts.turnover_ccy)),
        "failed_exit": _failed_exit(facts.turnover_ccy, adv),
        "cost_overrun_bps": _cost_overrun(facts, adv),
    }
    return tuple(Outcome(name, *made[name]) for name in VALIDATED_OUTCOMES)


def _level(values: _Matrix) -> tuple[_Matrix, _Matrix]:
    return np.stack([_shifted(values, -h) for h in HORIZONS]), np.stack([values] * len(HORIZONS))


def _spread_ratio(spread: _Matrix) -> tuple[_Matrix, _Matrix]:
    usual = _trailing_median(spread, _USUAL_SESSIONS, _MIN_USUAL_SESSIONS)
    usual = np.where(usual > 0.0, usual, np.nan)
    latest = spread / usual
    return np.stack([_shifted(spread, -h) / usual for h in HORIZONS]), np.stack([latest] * len(HORIZONS))


def _idle(turnover: _Matrix) -> _Matrix:
    return np.where(np.isfinite(turnover), (turnover == 0.0).astype(np.float64), np.nan)


def _failed_exit(turnover: _Matrix, adv: _Matrix) -> tuple[_Matrix, _Matrix]:
    position = POSITION_ADV_FRAC * adv
    ahead, latest = np.empty((len(HORIZONS), *turnover.shape)), np.empty((len(HORIZONS), *turnover.shape))
    sold, traded = np.zeros_like(turnover), np.zeros_like(turnover)
    for place, h in enumerate(HORIZONS):
        sold = sold + PARTICIPATION_FRAC * _shifted(turnover, -h)
        traded = traded + PARTICIPATION_FRAC * _shifted(turnover, h - 1)
        ahead[place] = _below(sold, position)
        latest[place] = _below(traded, _shifted(position, h))
    return ahead, latest


def _cost_overrun(facts: MarketFacts, adv: _Matrix) -> tuple[_Matrix, _Matrix]:
    half, risk = facts.spread_bps / 2.0, facts.volatility_daily_frac * _BPS
    estimate = half + risk * np.sqrt(POSITION_ADV_FRAC)
    traded = np.where(facts.turnover_ccy > 0.0, facts.turnover_ccy, np.nan)
    ahead, latest = np.empty((len(HORIZONS), *adv.shape)), np.empty((len(HORIZONS), *adv.shape))
    for place, h in enumerate(HORIZONS):
        later = _shifted(half, -h) + _shifted(risk, -h) * np.sqrt(POSITION_ADV_FRAC * adv / _shifted(traded, -h))
        ahead[place] = later - estimate
        latest[place] = half + risk * np.sqrt(POSITION_ADV_FRAC * _shifted(adv, h) / traded) - _shifted(estimate, h)
    return ahead, latest


def _below(amount: _Matrix, needed: _Matrix) -> _Matrix:
    known = np.isfinite(amount) & np.isfinite(needed)
    return np.where(known, (np.where(known, amount, 0.0) < np.where(known, needed, 0.0)).astype(np.float64), np.nan)


def _shifted(values: _Matrix, sessions: int) -> _Matrix:
    """Value of so many sessions ago (below 0: to come) in each row; NaN beyond either end."""
    moved = np.full_like(values, np.nan)
    if abs(sessions) >= len(values):
        return moved
    if sessions > 0:
        moved[sessions:] = values[:-sessions]
    elif sessions < 0:
        moved[:sessions] = values[-sessions:]
    else:
        moved[:] = values
    return moved


def _trailing_mean(values: _Matrix, window: int, least: int) -> _Matrix:
    """Mean of the known values of (t - window, t]; NaN with fewer than ``least`` of them."""
    known = np.isfinite(values)
    zero = np.zeros((1, values.shape[1]))
    total = np.concatenate([zero, np.cumsum(np.where(known, values, 0.0), axis=0)])
    counted = np.concatenate([zero, np.cumsum(known, axis=0)])
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - window, 0)
    n = counted[ends] - counted[begins]
    mean: _Matrix = np.divide(total[ends] - total[begins], n, out=np.full(values.shape, np.nan), where=n >= least)
    return mean


def _trailing_median(values: _Matrix, window: int, least: int) -> _Matrix:
    """Median of the known values of (t - window, t]; NaN with fewer than ``least`` of them."""
    middle = np.full(values.shape, np.nan)
    for at in range(len(values)):
        past = np.sort(values[max(at + 1 - window, 0) : at + 1], axis=0)  # NaN goes last
        n = np.count_nonzero(np.isfinite(past), axis=0)
        enough = np.flatnonzero(n >= least)
        middle[at, enough] = (past[(n[enough] - 1) // 2, enough] + past[n[enough] // 2, enough]) / 2.0
    return middle


def _texts(ids: NDArray[np.str_], like: Any) -> Any:
    return pa.array(ids.tolist(), like.type)
