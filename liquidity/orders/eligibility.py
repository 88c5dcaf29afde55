"""Whether an instrument's liquidity allows orders that add risk; unknown means deny.

This is a filter on published scores, not a gate: exits are always allowed, and passing here sends no order.
"""

import math

import numpy as np
import pandas as pd

from liquidity.contracts.execution import ORDER_ELIGIBILITY
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.origin import SIMULATED

__all__ = ["order_eligibility"]


def order_eligibility(
    index_rows: pd.DataFrame, min_liquidity_score: float = 30.0, allow_simulated: bool = False
) -> pd.DataFrame:
    """Decide for each row of the liquidity index whether risk may be added, and why not.

    Parameters
    ----------
    index_rows
        ``LIQUIDITY_INDEX`` rows; ``session_date``, ``instrument_id``, ``asset_class``, ``liquidity_score``,
        ``method`` and ``source`` are read.
    min_liquidity_score
        Smallest score allowed, points 0-100, inclusive. A value above 0 up to 1 is refused: it is on the 0-1 scale.
    allow_simulated
        Let rows of the simulator pass (rehearsals only).

    Returns
    -------
    pd.DataFrame
        Columns of ``ORDER_ELIGIBILITY``, rows and index of the input. ``reasons`` holds every reason code that
        applies: ``score_missing`` (no score, one outside 0-100, or a method that yields none), ``score_below_minimum``,
        ``simulated`` (the source is the simulator or not stated).

    Raises
    ------
    ConfigError
        ``min_liquidity_score`` is not on the 0-100 scale.
    ContractError
        A column is missing, or an instrument occurs twice in a session.
    """
    if not math.isfinite(min_liquidity_score) or not 0.0 <= min_liquidity_score <= 100.0:
        raise ConfigError(f"min_liquidity_score: {min_liquidity_score!r} is outside [0, 100] points")
    if 0.0 < min_liquidity_score <= 1.0:
        raise ConfigError(
            f"min_liquidity_score: {min_liquidity_score!r} looks like the 0-1 scale; scores are 0-100, "
            f"did you mean {100.0 * min_liquidity_score:g}?"
        )
    needed = ("session_date", "instrument_id", "asset_class", "liquidity_score", "method", "source")
    lacking = [name for name in needed if name not in index_rows.columns]
    if lacking:
        raise ContractError(f"order_eligibility: liquidity_index lacks {lacking}; without them nothing can be decided")
    repeated = index_rows.duplicated(["session_date", "instrument_id"])
    if repeated.any():
        first = index_rows.loc[repeated, "instrument_id"].iloc[0]
        raise ContractError(
            f"order_eligibility: {int(repeated.sum())} repeated keys in liquidity_index, first: {first}"
        )

    score = index_rows["liquidity_score"].to_numpy(dtype=np.float64, na_value=np.nan)
    scored_method = index_rows["method"].notna() & (index_rows["method"] != "insufficient_data")
    with np.errstate(invalid="ignore"):
        valid = (score >= 0.0) & (score <= 100.0) & scored_method.to_numpy(dtype=np.bool_)
        below = valid & (score < min_liquidity_score)
    source = index_rows["source"]
    simulated = (source.isna() | (source == SIMULATED)).to_numpy(dtype=np.bool_) & (
        not allow_simulated or source.isna().to_numpy()
    )
    codes = {"score_below_minimum": below, "score_missing": ~valid, "simulated": simulated}
    reasons = [
        ",".join(name for name, hit in zip(codes, row, strict=True) if hit) for row in zip(*codes.values(), strict=True)
    ]
    decided = index_rows[["session_date", "instrument_id", "asset_class"]].copy()
    decided["liquidity_score"] = np.where((score >= 0.0) & (score <= 100.0), score, np.nan)
    decided["method"] = index_rows["method"].fillna("insufficient_data")
    decided["min_liquidity_score"] = float(min_liquidity_score)
    decided["eligible"] = ~(below | ~valid | simulated)
    decided["reasons"] = pd.array(reasons, dtype="str")
    decided["source"] = source
    return decided[list(ORDER_ELIGIBILITY.column_names)]
