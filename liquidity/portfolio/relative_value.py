"""Names that cost more to trade than their liquidity score explains, and the sectors where that is no accident.

Within one asset class and origin the logarithm of the spread is regressed on the score; what is left is the residual. The
spread is one of the score's own inputs, so the slope is no discovery: the residual says where the spread alone disagrees
with all the rest that is known of a name. Read next: ``optimizer.py``.
"""

from typing import Final

import numpy as np
import pandas as pd

__all__ = ["MIN_NAMES", "MIN_SECTOR_NAMES", "relative_value"]

MIN_NAMES: Final = 20
"""Names with score and spread below which no line is fitted."""
MIN_SECTOR_NAMES: Final = 5
"""Names of a sector below which its mean residual is not told."""
_MARKET: Final = ["session_date", "asset_class", "origin"]


def relative_value(scores: pd.DataFrame) -> pd.DataFrame:
    """Residual of every name, and of its sector.

    Parameters
    ----------
    scores
        ``session_date``, ``instrument_id``, ``asset_class``, ``origin``, ``sector`` (null where unknown),
        ``liquidity_score`` (points 0-100), ``spread_bps``; one row for each instrument and session.

    Returns
    -------
    pd.DataFrame
        The rows with ``fit_names``, ``expected_spread_bps`` (the line at the name's score), ``residual_bps`` (spread less
        that; positive: dearer to trade than its score says), ``residual_z`` (in standard deviations of the logarithms),
        ``sector_residual_frac`` (mean logarithm of spread over expected spread in the sector), ``sector_names``,
        ``sector_t`` (that mean over its standard error) and ``reason``. Null where a market has fewer than ``MIN_NAMES``
        names, a name lacks score or spread, or a sector has fewer than ``MIN_SECTOR_NAMES``.
    """
    told = scores.reset_index(drop=True).copy()
    told["sector"] = told["sector"].fillna("UNKNOWN")
    for name in ("expected_spread_bps", "residual_bps", "residual_z", "sector_residual_frac", "sector_t"):
        told[name] = np.nan
    told["fit_names"], told["sector_names"], told["reason"] = 0, 0, ""
    able = told["liquidity_score"].notna() & (told["spread_bps"] > 0.0)
    told.loc[~able, "reason"] = "no score or no spread above 0"
    for places in told.groupby(_MARKET, sort=True).groups.values():
        rows = places[able.loc[places].to_numpy()]
        told.loc[places, "fit_names"] = len(rows)
        score = told.loc[rows, "liquidity_score"].to_numpy(dtype=np.float64)
        if len(rows) < MIN_NAMES or np.ptp(score) == 0.0:
            told.loc[rows, "reason"] = (
                f"{len(rows)} names with score and spread; needs {MIN_NAMES} with different scores"
            )
            continue
        spread = told.loc[rows, "spread_bps"].to_numpy(dtype=np.float64)
        design = np.column_stack([np.ones(len(rows)), score - score.mean()])
        line, *_ = np.linalg.lstsq(design, np.log(spread), rcond=None)
        residual = np.log(spread) - design @ line
        deviation = float(np.sqrt((residual**2).sum() / (len(rows) - 2)))
        expected = np.exp(design @ line)
        told.loc[rows, "expected_spread_bps"] = expected
        told.loc[rows, "residual_bps"] = spread - expected
        told.loc[rows, "residual_z"] = residual / deviation if deviation > 0.0 else np.nan
        by_sector = pd.Series(residual, index=rows).groupby(told.loc[rows, "sector"])
        counted = by_sector.transform("size").to_numpy()
        mean = by_sector.transform("mean").to_numpy()
        error = by_sector.transform("std").to_numpy() / np.sqrt(counted)
        enough = counted >= MIN_SECTOR_NAMES
        told.loc[rows, "sector_names"] = counted
        told.loc[rows[enough], "sector_residual_frac"] = mean[enough]
        certain = enough & (error > 0.0)
        told.loc[rows[certain], "sector_t"] = mean[certain] / error[certain]
    return told
