"""Predicted against realised cost of round trips: learned from the earlier half of a recording, judged on the later.

Read first: ``round_trip.py``, which cuts the trips.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError, InsufficientDataError
from liquidity.impact.calibrated_pools import ImpactCalibration
from liquidity.impact.calibration import huber_scale, member_costs, pool_scale, usable_parents
from liquidity.impact.ensemble import BlendedImpact
from liquidity.impact.fixed_cost import FIXED_COST_PRIOR
from liquidity.impact.members import BLENDED_MEMBERS
from liquidity.impact.slippage import ImpactReport, impact_report

__all__ = ["BLEND", "BOOK", "cost_by_size", "earlier_half", "judge_round_trips"]

BLEND: Final = "blend"
"""The calibrated blend, as the surface uses it."""
BOOK: Final = "book"
"""The visible book when the trip was decided."""
_BLEND_PRIOR: Final = "blend before calibration"
_SPREAD_ONLY: Final = "half spread only"


def earlier_half(legs: pd.DataFrame) -> NDArray[np.bool_]:
    """(n,) legs of the trips that started in the earlier half of the time covered; a trip is never cut."""
    started = legs.groupby("trip")["started_ns"].transform("min").to_numpy(dtype=np.int64)
    middle = started.min() + (started.max() - started.min()) // 2
    earlier: NDArray[np.bool_] = started <= middle
    return earlier


def judge_round_trips(legs: pd.DataFrame, calibrated: ImpactCalibration | None = None) -> pd.DataFrame:
    """Hold every model's prediction of the later half against what was paid; only the earlier half was learned from.

    Parameters
    ----------
    legs
        ``calibration.PARENT_COLUMNS`` with ``trip`` and ``started_ns``; one asset class and venue. With ``book_bps`` the
        book is judged too.
    calibrated
        Calibration to judge; ``None`` learns one from the earlier half.

    Returns
    -------
    pd.DataFrame
        One row per model: ``model``, ``scale`` (learned; NaN where there is none), ``fit_n`` (orders learned from), and of
        the later half's trips ``n``, ``mean_predicted_bps``, ``mean_realised_bps``, ``slope`` with ``slope_low`` and
        ``slope_high`` (95 %; trips of one moment count once), ``bias_bps``, ``rmse_bps``, ``beats_fixed_t`` and
        ``beats_spread_t`` (t-value over trips of the mean fall in squared error against the fixed cost, and against half of
        the spread alone; above 2 is better) and ``verdict``. ``best_before`` marks the single member with the least
        squared error in the earlier half, which is what could have been chosen.
    """
    pools = legs[["asset_class", "venue"]].drop_duplicates()
    if len(pools) != 1:
        raise ContractError(f"round trips: {len(pools)} pools of asset class and venue in one table, allowed 1")
    asset_class, venue = pools.iloc[0]
    whole = legs.groupby("trip")["trip"].transform("size") == 2
    kept = usable_parents(legs[whole])
    kept = kept[kept.groupby("trip")["trip"].transform("size") == 2].reset_index(drop=True)
    if kept.empty:
        raise InsufficientDataError("round trips: no trip with two usable legs")
    early = earlier_half(kept)
    fit, test = kept[early], kept[~early]
    learned = calibrated or ImpactCalibration.from_parents(fit)
    blend = learned.blend(str(asset_class), str(venue))
    costs, paid = member_costs(test, BLENDED_MEMBERS), fit["impact_bps"].to_numpy(dtype=np.float64)
    fitted, weight = member_costs(fit, BLENDED_MEMBERS), fit["weight"].to_numpy(dtype=np.float64)
    half_spread = test["half_spread_bps"].to_numpy(dtype=np.float64)
    predictions: dict[str, NDArray[np.float64]] = {
        "fixed": np.full(len(test), FIXED_COST_PRIOR.cost_bps),
        _SPREAD_ONLY: half_spread,
    }
    scales: dict[str, float] = {}
    errors: dict[str, float] = {}
    for place, member in enumerate(BLENDED_MEMBERS):
        found = huber_scale(fitted[place], paid, weight)[0]
        scales[member.name] = pool_scale(found, len(fit), 1.0, "shrunk to prior")[0]
        errors[member.name] = float(np.mean((paid - scales[member.name] * fitted[place]) ** 2))
        predictions[member.name] = half_spread + scales[member.name] * costs[place]
    prior = BlendedImpact.prior()
    predictions[_BLEND_PRIOR] = half_spread + prior.weights @ costs
    predictions[BLEND] = half_spread + blend.scale * (blend.weights @ costs)
    scales[BLEND] = blend.scale
    if "book_bps" in test:
        predictions[BOOK] = test["book_bps"].to_numpy(dtype=np.float64)
    best = min(errors, key=errors.__getitem__)
    realised = _per_trip(test, test["arrival_slippage_bps"].to_numpy(dtype=np.float64))
    baselines = {
        short: (realised - _per_trip(test, predictions[name])) ** 2
        for short, name in (("fixed", "fixed"), ("spread", _SPREAD_ONLY))
    }
    moment = test.groupby("trip", sort=True)["started_ns"].min().to_numpy(dtype=np.int64)
    rows = []
    for name, predicted in predictions.items():
        asked = _per_trip(test, predicted)
        report = impact_report(asked, realised, clusters=moment)
        squared = (realised - asked) ** 2
        rows.append(
            {"model": name, "scale": scales.get(name, np.nan), "fit_n": len(fit), "n": report.n}
            | {"mean_predicted_bps": float(np.mean(asked)), "mean_realised_bps": float(np.mean(realised))}
            | _numbers(report)
            | {f"beats_{short}_t": _t_value(other - squared) for short, other in baselines.items()}
            | {"best_before": name == best, "verdict": report.finding}
        )
    return pd.DataFrame(rows)


def cost_by_size(legs: pd.DataFrame, calibrated: ImpactCalibration, buckets: int = 6) -> pd.DataFrame:
    """Mean realised and predicted cost of one leg by size, over all given legs.

    Returns
    -------
    pd.DataFrame
        One row per bucket of equally many legs: ``legs``, ``size_adv_frac`` (mean), ``half_spread_bps``, ``realised_bps``
        with ``realised_se_bps``, ``predicted_bps`` (of the blend), and the means of every ``moved_..._bps`` and of
        ``book_bps`` where there are.
    """
    kept = usable_parents(legs)
    blend = calibrated.blend(str(kept["asset_class"].iloc[0]), str(kept["venue"].iloc[0]))
    size = (kept["size_ccy"] / kept["adv_ccy"]).to_numpy(dtype=np.float64)
    kept["size_adv_frac"] = size
    kept["realised_bps"] = kept["arrival_slippage_bps"]
    kept["predicted_bps"] = kept["half_spread_bps"].to_numpy(dtype=np.float64) + blend.scale * (
        blend.weights @ member_costs(kept, BLENDED_MEMBERS)
    )
    moved = [name for name in kept.columns if name.startswith("moved_") or name == BOOK + "_bps"]
    bucket = pd.qcut(pd.Series(size), buckets, labels=False, duplicates="drop")
    groups = kept.groupby(bucket.to_numpy())
    shown = groups[["size_adv_frac", "half_spread_bps", "realised_bps", "predicted_bps", *moved]].mean()
    shown.insert(3, "realised_se_bps", groups["realised_bps"].sem())
    shown.insert(0, "legs", groups.size())
    return shown.reset_index(drop=True)


def _per_trip(legs: pd.DataFrame, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(trips,) sum over the two legs, in the order of their identifiers."""
    sums = pd.Series(values).groupby(legs["trip"].to_numpy(), sort=True).sum(min_count=2)
    return np.asarray(sums, dtype=np.float64)


def _t_value(gained: NDArray[np.float64]) -> float:
    spread = float(gained.std(ddof=1)) if len(gained) > 1 else 0.0
    return float(gained.mean()) / spread * float(np.sqrt(len(gained))) if spread > 0.0 else float("nan")


def _numbers(report: ImpactReport) -> dict[str, float]:
    names = ("slope", "slope_low", "slope_high", "bias_bps", "rmse_bps")
    return {name: np.nan if getattr(report, name) is None else getattr(report, name) for name in names}
