"""When to train again: the last training is old, bands stopped covering, errors grew, or the inputs look different.

Reasons are sentences for people; a sensor starts the training when there is one. Read next: ``training.py``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.columns import day_numbers
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.session import sessions_between
from liquidity.forecast.members._member import InputRows

__all__ = ["SHIFT_INPUTS", "DriftSettings", "InputBins", "InputShift", "needs_training"]

SHIFT_INPUTS: Final = (
    "level_points",
    "month_sd_points",
    "scale_points",
    "volatility_daily_frac",
    "coverage_frac",
    "micro_weight_frac",
)
"""Inputs whose distribution is watched: what kind of market it is, not which day of the week."""

_BINS: Final = 10
_MIN_ROWS: Final = 500
_LEAST_SHARE: Final = 1e-4  # an empty bin would make the index infinite
_MARKET: Final = ["asset_class", "calendar", "origin", "target"]


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """What counts as too old or too different.

    Attributes
    ----------
    max_age_sessions
        Sessions since the last training of a market, whatever it decided.
    min_age_sessions
        No other reason counts before; a training needs new labels to find anything new.
    max_error_ratio
        Mean absolute error of the window over that of the walk-forward evaluation, same horizon.
    min_points
        Judged forecasts below which coverage and error say nothing.
    max_shift
        Population stability index of an input; 0.25 is the usual mark of a different population.
    """

    max_age_sessions: int = 20
    min_age_sessions: int = 5
    max_error_ratio: float = 1.25
    min_points: int = 250
    max_shift: float = 0.25

    def __post_init__(self) -> None:
        """Refuse an order of ages that never or always trains."""
        if not 1 <= self.min_age_sessions <= self.max_age_sessions:
            raise ConfigError(
                f"DriftSettings: min_age_sessions {self.min_age_sessions}, max_age_sessions {self.max_age_sessions}; "
                "allowed 1 <= min <= max"
            )


@dataclass(frozen=True, slots=True)
class InputShift:
    """The watched input that moved most, and its population stability index (0: same distribution)."""

    input: str
    index: float


@dataclass(frozen=True, slots=True, eq=False)
class InputBins:
    """Distribution of the watched inputs in training.

    Attributes
    ----------
    names
        Watched inputs that the rows have.
    edges
        (K, 9) inner deciles.
    shares
        (K, 11) share of rows in each bin, the last of missing values.
    """

    names: tuple[str, ...]
    edges: NDArray[np.float64]
    shares: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: InputRows) -> "InputBins":
        """Deciles of the rows learned from; an input that is always missing has edges at 0."""
        names = tuple(name for name in SHIFT_INPUTS if name in rows.names)
        edges = np.zeros((len(names), _BINS - 1))
        for place, name in enumerate(names):
            values = _input(rows, name)
            known = values[~np.isnan(values)]
            if known.size:
                edges[place] = np.quantile(known, np.arange(1, _BINS) / _BINS)
        return cls(names, edges, _shares(rows, names, edges))

    def shift(self, rows: InputRows) -> InputShift | None:
        """Population stability index of the rows against training, of the input where it is largest.

        None with fewer than 500 rows, of which the index of equal distributions is no longer near 0.

        sum over bins of (p - q) ln(p / q), p and q the shares now and in training, not below 1e-4.

        References
        ----------
        Siddiqi (2006), Credit Risk Scorecards, chapter 9.
        """
        if len(rows) < _MIN_ROWS or not self.names:
            return None
        now = np.maximum(_shares(rows, self.names, self.edges), _LEAST_SHARE)
        then = np.maximum(self.shares, _LEAST_SHARE)
        index = ((now - then) * np.log(now / then)).sum(axis=1)
        largest = int(np.argmax(index))
        return InputShift(self.names[largest], float(index[largest]))

    def state(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for storage."""
        return {"names": np.array(self.names, dtype=np.str_), "edges": self.edges, "shares": self.shares}

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> "InputBins":
        """The bins again; raises :class:`ContractError` when an array is missing or of another shape."""
        lacking = [name for name in ("names", "edges", "shares") if name not in state]
        if lacking:
            raise ContractError(f"input bins: the stored state lacks {lacking}; train again")
        names, edges, shares = state["names"], state["edges"], state["shares"]
        if names.dtype.kind != "U" or edges.shape != (len(names), _BINS - 1) or shares.shape != (len(names), _BINS + 1):
            raise ContractError(
                f"input bins: names {names.dtype}, edges {edges.shape}, shares {shares.shape}; allowed are texts, "
                f"({len(names)}, {_BINS - 1}) and ({len(names)}, {_BINS + 1}); train again"
            )
        return cls(tuple(names.tolist()), edges, shares)


def needs_training(
    models: pd.DataFrame,
    accuracy: pd.DataFrame,
    session: date,
    settings: DriftSettings | None = None,
) -> str | None:
    """Why the forecasts should be trained again, or None.

    Parameters
    ----------
    models
        Rows of ``FORECAST_MODELS`` up to the session, any order; the newest of each market and score counts.
    accuracy
        Rows of ``FORECAST_ACCURACY``; those of the session count: the longest window for coverage and error, the session
        alone (``window_sessions`` 1) for the shift of the inputs.
    session
        Day that asks.

    Returns
    -------
    str or None
        One sentence for each market and reason, joined by "; ".
    """
    settings = settings or DriftSettings()
    today = np.datetime64(session, "D").astype(np.int64)
    known = models[day_numbers(models["session_date"]) <= today]
    if known.empty:
        return "no training has been recorded yet"
    newest = known.sort_values("session_date", kind="stable").drop_duplicates(_MARKET, keep="last")
    now = accuracy[(day_numbers(accuracy["session_date"]) == today) & (accuracy["slice"] == "all").to_numpy()]
    reasons = []
    newest = newest.sort_values(_MARKET)
    trained = day_numbers(newest["session_date"]).astype("datetime64[D]").tolist()
    for since, model in zip(trained, newest.to_dict("records"), strict=True):
        market = (str(model["asset_class"]), str(model["calendar"]), str(model["origin"]), str(model["target"]))
        age = len(sessions_between(market[1], since, session)) - 1
        where = " ".join(market)
        if age >= settings.max_age_sessions:
            reasons.append(f"{where}: last training {age} sessions ago, allowed {settings.max_age_sessions}")
        if age < settings.min_age_sessions:
            continue
        rows = now[(now[_MARKET].astype("str") == list(market)).all(axis=1).to_numpy()]
        reasons += [f"{where}: {found}" for found in _accuracy_reasons(rows, str(model["card_json"]), settings)]
        alone = rows[(rows["window_sessions"] == 1).to_numpy() & rows["input_shift_psi"].notna().to_numpy()]
        for row in alone.head(1).to_dict("records"):  # the same at every horizon
            if row["input_shift_psi"] > settings.max_shift:
                reasons.append(
                    f"{where}: input {row['shifted_input']} has a population stability index of "
                    f"{row['input_shift_psi']:.2f}, allowed {settings.max_shift}"
                )
    return "; ".join(reasons) or None


def _accuracy_reasons(rows: pd.DataFrame, card_json: str, settings: DriftSettings) -> Sequence[str]:
    held_out = json.loads(card_json).get("held_out", {}).get("mae_points", [])
    found = []
    longest = rows[rows["window_sessions"] == rows["window_sessions"].max()]
    for row in longest.sort_values("horizon_sessions").to_dict("records"):
        if row["points_n"] < settings.min_points:
            continue
        horizon = int(row["horizon_sessions"])
        if row["coverage_alarm"]:
            found.append(
                f"T+{horizon} bands cover {row['coverage_80_frac']:.1%} (80 %) and {row['coverage_95_frac']:.1%} (95 %), outside their range"
            )
        before = held_out[horizon - 1] if len(held_out) >= horizon else None
        if before and row["mae_points"] > settings.max_error_ratio * before:
            found.append(
                f"T+{horizon} mean absolute error {row['mae_points']:.2f} points, {before:.2f} in the evaluation, allowed {settings.max_error_ratio} times"
            )
    return found


def _shares(rows: InputRows, names: Sequence[str], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.empty((len(names), _BINS + 1))
    for place, name in enumerate(names):
        values = _input(rows, name)
        bins = np.where(np.isnan(values), _BINS, np.searchsorted(edges[place], values, side="right"))
        shares[place] = np.bincount(bins, minlength=_BINS + 1) / max(len(values), 1)
    return shares


def _input(rows: InputRows, name: str) -> NDArray[np.float64]:
    return rows.values[:, rows.names.index(name)].astype(np.float64)
