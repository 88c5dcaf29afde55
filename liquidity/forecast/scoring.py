"""Yesterday's word against today's fact: each past forecast is judged on the session it was made for.

The same losses of a row serve here, in the walk-forward evaluation and in the accuracy table. Read next:
``accuracy.py`` adds the judged rows up, ``evaluation.py`` judges members before they may serve.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.forecast import FORECAST_SCORES
from liquidity.domain.columns import day_numbers
from liquidity.domain.errors import ContractError
from liquidity.domain.origin import origins
from liquidity.forecast.horizons import BANDS, MEDIAN, TARGETS
from liquidity.forecast.metrics import interval_losses, quantile_crps, quantile_pinball

__all__ = [
    "QUANTILE_COLUMNS",
    "RowLosses",
    "judge_forecasts",
    "realised_scores",
    "row_losses",
    "session_deciles",
]

QUANTILE_COLUMNS: Final = ("lower_95", "lower_80", "lower_50", "forecast_score", "upper_50", "upper_80", "upper_95")
"""Columns of ``INDEX_FORECAST`` that hold the quantiles, in the order of ``LEVELS``."""

_DECILES: Final = 10
_KEPT: Final = (
    "instrument_id",
    "asset_class",
    "sector",
    "calendar",
    "target",
    "horizon_sessions",
    "member",
    "status",
    "model_id",
    "liquidity_group",
    "base_score",
    "forecast_score",
)
_READ: Final = ("session_date", "target_date", "source")


@dataclass(frozen=True, slots=True)
class RowLosses:
    """Losses of each forecast, (R,) float64, points; NaN where the truth is not known.

    ``error_points`` is forecast - realised; ``inside_*`` is 1 within the band (ends included), else 0.
    """

    error_points: NDArray[np.float64]
    pinball_points: NDArray[np.float64]
    crps_points: NDArray[np.float64]
    interval_score_80_points: NDArray[np.float64]
    interval_score_95_points: NDArray[np.float64]
    inside_50: NDArray[np.float64]
    inside_80: NDArray[np.float64]
    inside_95: NDArray[np.float64]

    @classmethod
    def of_table(cls, scores: pd.DataFrame) -> "RowLosses":
        """The losses of rows of ``FORECAST_SCORES``."""
        return cls(*(_numbers(scores, field.name) for field in fields(cls)))

    def means(self, codes: NDArray[np.integer[Any]], slices_n: int) -> dict[str, NDArray[np.float64]]:
        """Mean losses of each slice, (slices_n,), under the names that the accuracy and evaluation tables use.

        Parameters
        ----------
        codes
            (R,) slice of each row; -1 belongs to none.

        Returns
        -------
        dict
            ``points_n`` and the means over the rows with a truth; NaN for a slice without one.
        """
        known = (codes >= 0) & ~np.isnan(self.error_points)
        of, n = codes[known], np.bincount(codes[known], minlength=slices_n)

        def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
            total = np.bincount(of, weights=values[known], minlength=slices_n)
            return np.asarray(np.divide(total, n, out=np.full(slices_n, np.nan), where=n > 0))

        return {
            "points_n": n.astype(np.float64),
            "mae_points": mean(np.abs(self.error_points)),
            "bias_points": mean(self.error_points),
            "pinball_points": mean(self.pinball_points),
            "crps_points": mean(self.crps_points),
            "interval_score_80_points": mean(self.interval_score_80_points),
            "interval_score_95_points": mean(self.interval_score_95_points),
            "coverage_50_frac": mean(self.inside_50),
            "coverage_80_frac": mean(self.inside_80),
            "coverage_95_frac": mean(self.inside_95),
        }


def row_losses(quantiles: NDArray[np.float64], realised: NDArray[np.float64]) -> RowLosses:
    """Every loss of each forecast.

    Parameters
    ----------
    quantiles
        (R, 7) future scores by ``LEVELS``, points.
    realised
        (R,) scores that came, points; NaN gives NaN losses.
    """
    unknown = np.isnan(realised)
    inside = {
        band: np.where(unknown, np.nan, (quantiles[:, low] <= realised) & (realised <= quantiles[:, high]))
        for band, (low, high) in BANDS.items()
    }
    interval = {
        band: interval_losses(realised, quantiles[:, BANDS[band][0]], quantiles[:, BANDS[band][1]], 1.0 - band / 100.0)
        for band in (80, 95)
    }
    return RowLosses(
        quantiles[:, MEDIAN] - realised,
        quantile_pinball(realised, quantiles),
        quantile_crps(realised, quantiles),
        interval[80],
        interval[95],
        inside[50],
        inside[80],
        inside[95],
    )


def session_deciles(base: NDArray[np.float64], session: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Decile of each score among those of its session, 0 is least liquid; equal scores share a decile.

    Examples
    --------
    >>> session_deciles(np.array([10.0, 50.0, 30.0, 7.0]), np.array([1, 1, 1, 2])).tolist()
    [0, 6, 3, 0]
    """
    _, of = np.unique(session, return_inverse=True)
    order = np.lexsort((base, of))
    ordered, group = base[order], of[order]
    start = np.searchsorted(group, group, side="left")
    size = np.searchsorted(group, group, side="right") - start
    first_of_value = np.arange(len(base))
    repeats = np.zeros(len(base), dtype=np.bool_)
    repeats[1:] = (group[1:] == group[:-1]) & (ordered[1:] == ordered[:-1])
    first_of_value = np.maximum.accumulate(np.where(repeats, 0, first_of_value))
    deciles = np.empty(len(base), dtype=np.int64)
    deciles[order] = (first_of_value - start) * _DECILES // np.maximum(size, 1)
    return deciles


def realised_scores(tables: Mapping[str, pd.DataFrame], session: date) -> pd.DataFrame:
    """Scores of one session, one row for each instrument and target.

    Parameters
    ----------
    tables
        Rows of the score tables by target; other sessions are ignored.

    Returns
    -------
    pd.DataFrame
        ``instrument_id``, ``target``, ``realised_score`` (points; NaN where the session has no score).

    Raises
    ------
    ContractError
        A key is no target, or a column is missing.
    """
    pieces = []
    for target, table in tables.items():
        if target not in TARGETS or not {"session_date", "instrument_id", target} <= set(table.columns):
            raise ContractError(
                f"realised_scores: {target!r} with columns {list(table.columns)[:12]}; give session_date, instrument_id "
                f"and the score under one of {list(TARGETS)}"
            )
        rows = table[day_numbers(table["session_date"]) == _day(session)]
        pieces.append(
            pd.DataFrame(
                {
                    "instrument_id": rows["instrument_id"].astype("str"),
                    "target": target,
                    "realised_score": _numbers(rows, target),
                }
            )
        )
    if not pieces:
        return pd.DataFrame({"instrument_id": [], "target": [], "realised_score": []})
    return pd.concat(pieces, ignore_index=True)


def judge_forecasts(forecasts: pd.DataFrame, realised: pd.DataFrame, session: date) -> pd.DataFrame:
    """Judge every forecast that was made for ``session``.

    Parameters
    ----------
    forecasts
        Rows of ``INDEX_FORECAST`` of earlier sessions, whole sessions, any order; those for another day or without a
        forecast are left out.
    realised
        :func:`realised_scores` of ``session``.

    Returns
    -------
    pd.DataFrame
        Rows of ``FORECAST_SCORES``, sorted by its key. A forecast whose instrument has no score today keeps its row,
        with null losses and the reason.

    Raises
    ------
    ContractError
        A column is missing, or an instrument has two realised scores of one target.

    Notes
    -----
    ``liquidity_decile`` is taken among all forecasts of the same market, score, horizon and day of making, as known
    then.
    """
    missing = [name for name in (*_KEPT, *QUANTILE_COLUMNS, *_READ) if name not in forecasts.columns]
    if missing:
        raise ContractError(
            f"judge_forecasts: column(s) {missing} of index_forecast missing; see docs/data_dictionary.md"
        )
    due = day_numbers(forecasts["target_date"]) == _day(session)
    spoken = due & forecasts["forecast_score"].notna().to_numpy()
    rows = forecasts[spoken]
    origin = origins(rows["source"])
    market = pd.MultiIndex.from_arrays(
        [rows[name] for name in ("asset_class", "calendar", "target", "horizon_sessions", "session_date")] + [origin]
    )
    truth = _truth(rows, realised)
    quantiles = np.column_stack([_numbers(rows, name) for name in QUANTILE_COLUMNS])
    losses = row_losses(quantiles, truth)
    base = _numbers(rows, "base_score")
    frame = rows.loc[:, list(_KEPT)].copy()
    frame["session_date"] = np.full(len(rows), np.datetime64(session, "D")).astype("datetime64[ms]")
    frame["made_on"] = rows["session_date"]
    frame["origin"] = pd.Series(origin, index=frame.index).astype("str")
    frame["liquidity_decile"] = session_deciles(base, market.factorize()[0].astype(np.int64))
    frame["realised_score"] = truth
    frame["persistence_abs_error_points"] = np.abs(base - truth)
    for field in fields(RowLosses):
        values = getattr(losses, field.name)
        frame[field.name] = (
            pd.Series(values, index=frame.index).astype("boolean") if field.name.startswith("inside_") else values
        )
    frame["reason"] = pd.Series(np.where(np.isnan(truth), f"no score on {session}", ""), index=frame.index).astype(
        "str"
    )
    judged: pd.DataFrame = frame[list(FORECAST_SCORES.column_names)]
    return judged.sort_values(list(FORECAST_SCORES.key), ignore_index=True)


def _truth(rows: pd.DataFrame, realised: pd.DataFrame) -> NDArray[np.float64]:
    """Realised score of each row; NaN where there is none."""
    keys = ["instrument_id", "target"]
    if realised.duplicated(keys).any():
        first = realised[realised.duplicated(keys)].iloc[0]
        raise ContractError(
            f"judge_forecasts: two realised scores of {first['instrument_id']} {first['target']}; give one session's scores"
        )
    found = rows[keys].merge(realised[[*keys, "realised_score"]], on=keys, how="left")
    return _numbers(found, "realised_score")


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return np.asarray(frame[name].to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _day(session: date) -> int:
    return int(np.datetime64(session, "D").astype(np.int64))
