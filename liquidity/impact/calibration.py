"""How many times the predicted cost was paid: one scale, learned from own fills, with its standard error.

A model keeps its shape; its scale multiplies it. Read next: ``ensemble.py``, which weighs the models by what they got
wrong; ``calibrated_pools.py``, which does both for every asset class and venue.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed, observed_number, or_none
from liquidity.impact.members import ImpactMember

__all__ = [
    "ENOUGH_PARENTS",
    "HELD_AT_EDGE",
    "OWN_FILLS",
    "PARENT_COLUMNS",
    "SCALE_RANGE",
    "YFit",
    "calibrate_Y",
    "huber_scale",
    "member_costs",
    "pool_scale",
    "usable_parents",
]

ENOUGH_PARENTS: Final = 50
"""Orders from which a pool speaks for itself; below, its scale is shrunk with this many orders' worth of prior."""
SCALE_RANGE: Final = (0.2, 3.0)
"""A scale outside is taken for an error of data and held at the edge, with a label."""
OWN_FILLS: Final = "own fills"
"""Label of a scale that rests on the pool's own orders alone."""
HELD_AT_EDGE: Final = "held at the edge"
"""Label of a scale that was found outside ``SCALE_RANGE``."""
HUBER_TUNING: Final = 1.345
"""Residuals beyond this many robust standard deviations count less; 95 % efficient under normal errors."""
PARENT_COLUMNS: Final = (
    "size_ccy",
    "adv_ccy",
    "volatility_daily_frac",
    "horizon_sessions",
    "arrival_slippage_bps",
    "half_spread_bps",
    "asset_class",
    "venue",
    "session_date",
)
"""Columns of a table of executed parent orders; slippage is positive when it cost, for buys and sells."""


@dataclass(frozen=True, slots=True)
class YFit:
    """Prefactor of the square-root law and its heteroskedasticity-robust standard error."""

    Y: float | None
    se: float | None


def calibrate_Y(  # noqa: N802 - the prefactor's name in the literature
    Q: Observations,
    V: Observations,
    sigma: Observations,
    impact_bps: Observations,
    delta: float | None = 0.5,
    weights: Observations | None = None,
) -> YFit:
    """Least squares through the origin of observed impact on the square-root law.

    x = 1e4 sigma (|Q|/V)^delta, Y = sum(w x y) / sum(w x^2), se = sqrt(sum((w x e)^2)) / sum(w x^2) (HC0).

    Parameters
    ----------
    Q, V
        Orders and average daily volumes, same unit.
    sigma
        Daily volatilities, fraction.
    impact_bps
        Arrival slippage less half of the spread, bps; of the same kind (peak or average) as the wanted ``Y``.
    delta
        Exponent of the law.
    weights
        Non-negative; none: all 1. A row with a missing value is left out.

    Returns
    -------
    YFit
        Null without a usable row.

    References
    ----------
    White (1980), Econometrica 48(4), 817-838, for the standard error.

    Examples
    --------
    >>> calibrate_Y(Q=[100.0, 400.0], V=[1e4, 1e4], sigma=[0.01, 0.01], impact_bps=[10.0, 20.0])
    YFit(Y=1.0, se=0.0)
    """
    size, volume, volatility, found = np.abs(observed(Q)), observed(V), observed(sigma), observed(impact_bps)
    weight = np.ones(len(found)) if weights is None else observed(weights)
    usable = (volume > 0.0) & np.isfinite(size + volatility + found + weight)
    law = 1e4 * volatility[usable] * (size[usable] / volume[usable]) ** observed_number(delta)
    found, weight = found[usable], weight[usable]
    denominator = float(weight @ law**2)
    if not denominator > 0.0:
        return YFit(None, None)
    factor = float((weight * law) @ found) / denominator
    error = float(np.sqrt(np.sum((weight * law * (found - factor * law)) ** 2))) / denominator
    return YFit(or_none(factor), or_none(error))


def huber_scale(
    predicted_bps: NDArray[np.float64], observed_bps: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Robust slope through the origin of what was observed on what was predicted, and its standard error.

    Huber's M-estimator by iterated weighted least squares; residuals are scaled by their median absolute deviation from
    zero, after division by the square root of the weight's inverse.

    Parameters
    ----------
    predicted_bps, observed_bps, weights
        (n,) finite; weights above 0, the inverse of each observation's variance up to a factor.

    Returns
    -------
    tuple[float, float]
        Slope and standard error (sandwich); NaN both without a prediction above 0, the error NaN with one row.

    References
    ----------
    Huber (1964), Annals of Mathematical Statistics 35(1), 73-101.
    """
    root = np.sqrt(weights / weights.mean()) if len(weights) else weights
    x, y = root * predicted_bps, root * observed_bps
    power = float(x @ x)
    if not power > 0.0:
        return float("nan"), float("nan")
    slope = float(x @ y) / power
    for _ in range(100):
        residual = y - slope * x
        spread = float(np.median(np.abs(residual))) / 0.6744897501960817
        if spread == 0.0:
            break
        trust = HUBER_TUNING * spread / np.maximum(np.abs(residual), HUBER_TUNING * spread)
        following = float((trust * x) @ y) / float((trust * x) @ x)
        if abs(following - slope) <= 1e-12 * max(1.0, abs(slope)):
            slope = following
            break
        slope = following
    residual = y - slope * x
    spread = float(np.median(np.abs(residual))) / 0.6744897501960817
    bounded = np.clip(residual, -HUBER_TUNING * spread, HUBER_TUNING * spread)
    inner = np.abs(residual) <= HUBER_TUNING * spread
    steepness = float((inner * x) @ x)
    if len(x) < 2 or not steepness > 0.0:
        return slope, float("nan")
    return slope, float(np.sqrt(np.sum((x * bounded) ** 2))) / steepness


def usable_parents(parents: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table of parents from which a scale can be learned, with ``impact_bps`` and ``weight``.

    ``impact_bps`` is the arrival slippage less half of the spread; ``weight`` is 1 / (sigma^2 T), the inverse variance of
    the price while the order was worked. A row with a missing number, no volume, no volatility or no size is left out.

    Raises
    ------
    ContractError
        A column of ``PARENT_COLUMNS`` is absent.
    """
    absent = [name for name in PARENT_COLUMNS if name not in parents.columns]
    if absent:
        raise ContractError(
            f"parents: columns {absent} are absent; a table of parent orders has {list(PARENT_COLUMNS)}"
        )
    numbers = parents[list(PARENT_COLUMNS[:6])].astype("float64")
    good = np.isfinite(numbers.to_numpy()).all(axis=1) & (
        numbers[["size_ccy", "adv_ccy", "volatility_daily_frac", "horizon_sessions"]].to_numpy() > 0.0
    ).all(axis=1)
    kept: pd.DataFrame = parents.loc[good].copy()
    kept["impact_bps"] = kept["arrival_slippage_bps"].astype("float64") - kept["half_spread_bps"].astype("float64")
    kept["weight"] = 1.0 / (kept["volatility_daily_frac"] ** 2 * kept["horizon_sessions"]).astype("float64")
    kept.index = pd.RangeIndex(len(kept))
    return kept


def member_costs(parents: pd.DataFrame, members: tuple[ImpactMember, ...]) -> NDArray[np.float64]:
    """(M, n) costs of the parents by each member under its prior, bps."""
    size = (parents["size_ccy"] / parents["adv_ccy"]).to_numpy(dtype=np.float64)
    volatility = parents["volatility_daily_frac"].to_numpy(dtype=np.float64)
    horizon = parents["horizon_sessions"].to_numpy(dtype=np.float64)
    return np.array([member.average_cost_bps(size, volatility, horizon) for member in members])


def pool_scale(found: float, n: int, wider: float, shrunk_label: str) -> tuple[float, str]:
    """Scale to use of a pool of ``n`` orders, and how it came about.

    With fewer than ``ENOUGH_PARENTS`` orders (n found + 50 wider) / (n + 50), ``wider`` being the scale of the pool around
    it; then held within ``SCALE_RANGE``. Without an estimate (NaN) it is the wider one.

    Examples
    --------
    >>> pool_scale(found=2.0, n=50, wider=1.0, shrunk_label="shrunk to prior")
    (2.0, 'own fills')
    >>> pool_scale(found=1.5, n=25, wider=0.9, shrunk_label="shrunk to asset class")
    (1.1, 'shrunk to asset class')
    """
    scale, label = found, OWN_FILLS
    if np.isnan(found):
        scale, label = wider, shrunk_label
    elif n < ENOUGH_PARENTS:
        scale, label = (n * found + ENOUGH_PARENTS * wider) / (n + ENOUGH_PARENTS), shrunk_label
    held = float(np.clip(scale, *SCALE_RANGE))
    return held, label if held == scale else HELD_AT_EDGE
