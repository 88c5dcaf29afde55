"""Forecasts as rows of their table: one row for each instrument and horizon, made column by column.

Read next: ``forecaster.py`` and ``fallback.py``, which fill it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from liquidity.contracts.forecast import INDEX_FORECAST
from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.inputs import sessions_ahead
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.scoring import QUANTILE_COLUMNS

__all__ = ["DRIVERS_SHOWN", "ForecastRows", "driver_texts", "forecast_table"]

DRIVERS_SHOWN: Final = 5
"""Inputs named in ``drivers_json``, the largest; the rest and the cut to 0-100 stand under ``other``."""

_DECIMALS: Final = 6
_OTHER: Final = "other"
_EACH: Final = len(HORIZONS)


@dataclass(frozen=True, slots=True)
class ForecastRows:
    """What is said of N instruments of one session.

    Attributes
    ----------
    instrument
        (N,) places in the panel's ``instrument_ids``, ascending.
    base
        (N,) score of the session, points; NaN where there is none.
    scores
        (N, 5, 7) quantiles of the future score, points; NaN where there is no forecast.
    status, member, reason
        (N,) texts; member None where nobody speaks.
    model_id
        (N,) id of the stored state, or None.
    liquidity_group
        (N,) group of the bands; NaN where there is no forecast.
    drivers_json
        (N * 5,) texts, horizons of one instrument side by side.
    """

    instrument: NDArray[np.int64]
    base: NDArray[np.float64]
    scores: NDArray[np.float64]
    status: Sequence[str]
    member: Sequence[str | None]
    reason: Sequence[str]
    model_id: Sequence[str | None]
    liquidity_group: NDArray[np.float64]
    drivers_json: Any


def forecast_table(panel: ScorePanel, session: np.datetime64, rows: ForecastRows) -> pd.DataFrame:
    """Rows of ``INDEX_FORECAST``, sorted by its key; ``source`` is the origin of the panel's market."""
    n = len(rows.instrument)
    days = sessions_ahead(panel.group.calendar, session, _EACH).astype("datetime64[ms]")
    each = np.repeat(np.arange(n), _EACH)
    flat = rows.scores.reshape(n * _EACH, len(QUANTILE_COLUMNS))
    columns: dict[str, Any] = {
        "session_date": np.full(n * _EACH, session.astype("datetime64[ms]")),
        "instrument_id": _texts(panel.instrument_ids[rows.instrument], each),
        "asset_class": _constant(panel.group.asset_class, n),
        "sector": _texts(_null_if_empty(panel.sectors[rows.instrument]), each),
        "rating": _texts(_null_if_empty(panel.ratings[rows.instrument]), each),
        "calendar": _constant(panel.group.calendar, n),
        "target": _constant(panel.target, n),
        "horizon_sessions": np.tile(np.array(HORIZONS, dtype=np.int64), n),
        "target_date": np.tile(days, n),
        "base_score": rows.base[each],
        **{name: flat[:, place] for place, name in enumerate(QUANTILE_COLUMNS)},
        "status": _texts(rows.status, each),
        "member": _texts(rows.member, each),
        "reason": _texts(rows.reason, each),
        "model_id": _texts(rows.model_id, each),
        "liquidity_group": rows.liquidity_group[each],
        "drivers_json": _series(rows.drivers_json),
        "source": _constant(panel.group.origin, n),
    }
    return pd.DataFrame({name: columns[name] for name in INDEX_FORECAST.column_names})


def driver_texts(names: Sequence[str], contributions: NDArray[np.float64], change: NDArray[np.float64]) -> Any:
    """JSON lists of ``{"input", "points"}`` whose points add up to the change, as an Arrow array.

    Parameters
    ----------
    names
        (G,) inputs.
    contributions
        (M, G) points.
    change
        (M,) what they have to add up to, points.

    Returns
    -------
    pyarrow.LargeStringArray
        (M,) texts: the five largest inputs by size, largest first, then ``other`` with what they leave. Numbers are
        rounded to 1e-6 and parts that round to 0 are left out; the sum meets the change within 5e-7.

    Examples
    --------
    >>> driver_texts(["level", "weekday"], np.array([[-2.0, 0.5], [0.0, 0.0]]), np.array([-1.25, 0.0])).to_pylist()
    ['[{"input":"level","points":-2},{"input":"weekday","points":0.5},{"input":"other","points":0.25}]', '[]']
    """
    shown = min(DRIVERS_SHOWN, len(names))
    largest = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :shown]
    points = np.round(np.take_along_axis(contributions, largest, axis=1), _DECIMALS)
    rest = np.round(change - points.sum(axis=1), _DECIMALS)
    heads = pa.array([f',{{"input":"{name}","points":' for name in (*names, _OTHER)], pa.large_string())
    items = [_item(heads, largest[:, place], points[:, place]) for place in range(shown)]
    items.append(_item(heads, np.full(len(change), len(names)), rest))
    inner = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*items, _text("")), start=1)
    return pc.binary_join_element_wise(_text("["), inner, _text("]"), _text(""))


def _item(heads: Any, which: NDArray[np.int64], points: NDArray[np.float64]) -> Any:
    """``,{"input":...,"points":...}`` of each row; empty where the points are 0."""
    numbers = pa.array(points, mask=points == 0.0).cast(pa.large_string())
    text = pc.binary_join_element_wise(heads.take(pa.array(which)), numbers, _text("}"), _text(""))
    # Filled here, because joining with null_handling="skip" loses rows in which all are null (Arrow 26).
    return pc.fill_null(text, "")


def _text(value: str) -> Any:
    return pa.scalar(value, pa.large_string())


def _null_if_empty(values: NDArray[np.str_]) -> list[str | None]:
    return [value or None for value in values.tolist()]


def _texts(values: Any, each: NDArray[np.int64]) -> "pd.Series[str]":
    return _series(pa.array(values, pa.large_string()).take(pa.array(each)))


def _constant(value: str, n: int) -> "pd.Series[str]":
    return _series(pa.repeat(_text(value), n * _EACH))


def _series(values: Any) -> "pd.Series[str]":
    series: pd.Series[str] = pd.Series(values.to_pandas()).astype("str")
    return series
