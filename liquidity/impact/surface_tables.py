"""The surface as rows of ``liquidity_surface`` and ``surface_curves``, and back.

Read next: ``surface.py``; ``surface_inputs.py``, where the rows come from.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.risk_surface import LIQUIDITY_SURFACE, SURFACE_CURVES, WEIGHTED_MODELS
from liquidity.domain.errors import ContractError
from liquidity.impact.book_curves import BUY, SELL, BookCurves, Curve
from liquidity.impact.members import BLENDED_MEMBERS
from liquidity.impact.surface import LiquiditySurface

__all__ = ["surface_from_tables", "tables_of_surface"]

_TEXTS: Final = (
    "instrument_id",
    "asset_class",
    "currency",
    "sector",
    "rating",
    "issuer_id",
    "spread_basis",
    "adv_basis",
    "volatility_basis",
    "method",
    "reason",
    "origin",
    "source",
)
_NUMBERS: Final = (
    "price",
    "spread_bps",
    "spread_sd_bps",
    "adv_ccy",
    "volatility_daily_frac",
    "depth_ccy_per_bp",
    "age_sessions",
    "coverage_frac",
    "impact_scale",
    "impact_scale_se",
)
_COUNTS: Final = ("adv_known_n", "adv_traded_n", "calibration_n")
_WEIGHTS: Final = tuple(f"weight_{member.name}_frac" for member in BLENDED_MEMBERS)
_SIDES: Final = (("buy", BUY), ("sell", SELL))

if tuple(member.name for member in BLENDED_MEMBERS) != WEIGHTED_MODELS:  # a member without a column would be lost
    raise ContractError(
        f"liquidity_surface has weights of {WEIGHTED_MODELS}, the blend has {[m.name for m in BLENDED_MEMBERS]}; align them"
    )


def surface_from_tables(surface_rows: pd.DataFrame, curve_rows: pd.DataFrame | None) -> LiquiditySurface:
    """Make the surface of one session.

    Parameters
    ----------
    surface_rows
        Rows of ``liquidity_surface`` of one session, any order; their order is kept.
    curve_rows
        Rows of ``surface_curves`` of the same session; instruments without a row above are left out.

    Raises
    ------
    ContractError
        More than one session, a repeated instrument, or a missing column.
    """
    missing = [name for name in LIQUIDITY_SURFACE.column_names if name not in surface_rows.columns]
    if missing:
        raise ContractError(f"liquidity_surface: columns {missing} are missing; read the whole table")
    days = surface_rows["session_date"].unique()
    if len(days) > 1:
        raise ContractError(f"liquidity_surface: {len(days)} sessions in one surface; choose the rows of one")
    if surface_rows["instrument_id"].duplicated().any():
        raise ContractError("liquidity_surface: an instrument occurs twice in one session; rematerialise the day")
    arrays: dict[str, Any] = {
        **{name: _objects(surface_rows[name]) for name in _TEXTS},
        **{name: surface_rows[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in _NUMBERS},
        **{name: surface_rows[name].to_numpy(dtype=np.int64) for name in _COUNTS},
    }
    weight = surface_rows[list(_WEIGHTS)].to_numpy(dtype=np.float64)
    return LiquiditySurface(
        **arrays,
        session_date=pd.Timestamp(days[0]).date() if len(days) else None,
        weight=np.ascontiguousarray(weight),
        curves=_curves(arrays["instrument_id"], curve_rows),
    )


def tables_of_surface(surface: LiquiditySurface) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of ``liquidity_surface`` and of ``surface_curves``, each in the order of its key."""
    if surface.session_date is None:
        raise ContractError("liquidity surface without a session: it has no place in a table; name session_date")
    day = pd.Timestamp(surface.session_date)
    columns: dict[str, Any] = {
        **{name: getattr(surface, name) for name in (*_TEXTS, *_NUMBERS, *_COUNTS)},
        **dict(zip(_WEIGHTS, surface.weight.T, strict=True)),
        "adv_qty": surface.adv_qty,
        "session_date": day,
    }
    rows = pd.DataFrame(columns)[list(LIQUIDITY_SURFACE.column_names)]
    for name in ("sector", "rating", "issuer_id"):
        rows[name] = rows[name].astype("str").where(rows[name].notna())
    steps = [
        _steps(surface, curve, place, side) for side, row in _SIDES for place, curve in _having(surface.curves, row)
    ]
    empty = pd.DataFrame(columns=list(SURFACE_CURVES.column_names))
    curves = pd.concat(steps, ignore_index=True).assign(session_date=day) if steps else empty
    return (
        rows.sort_values("instrument_id", ignore_index=True),
        curves[list(SURFACE_CURVES.column_names)].sort_values(["instrument_id", "side", "step"], ignore_index=True),
    )


def _having(curves: BookCurves, side: int) -> list[tuple[int, Curve]]:
    places = np.flatnonzero(curves.start[side, 1:] > curves.start[side, :-1])
    return [(int(place), curve) for place in places if (curve := curves.curve(side, int(place))) is not None]


def _steps(surface: LiquiditySurface, curve: Curve, place: int, side: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "instrument_id": surface.instrument_id[place],
            "side": side,
            "step": np.arange(1, len(curve.size_ccy) + 1, dtype=np.int64),
            "size_ccy": curve.size_ccy,
            "cost_bps": curve.total / curve.size_ccy,
            "marginal_bps": curve.marginal_bps,
            "origin": surface.origin[place],
            "source": surface.source[place],
        }
    )


def _curves(instrument_id: NDArray[np.object_], rows: pd.DataFrame | None) -> BookCurves:
    sides: tuple[dict[int, Curve], dict[int, Curve]] = ({}, {})
    if rows is not None and len(rows):
        place_of = {name: place for place, name in enumerate(instrument_id)}
        for (name, side), steps in rows.sort_values("step", kind="stable").groupby(["instrument_id", "side"]):
            place = place_of.get(name)
            if place is not None:
                sides[BUY if side == "buy" else SELL][place] = Curve(
                    steps["size_ccy"].to_numpy(dtype=np.float64),
                    steps["marginal_bps"].to_numpy(dtype=np.float64),
                )
    return BookCurves.of(len(instrument_id), *sides)


def _objects(values: pd.Series) -> NDArray[np.object_]:
    known = values.astype(object)
    return np.array(known.where(values.notna(), None).to_numpy(), dtype=np.object_)
