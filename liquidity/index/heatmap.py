"""Sector-rating cells: mean scores, and the members with their weights for the drill-down.

Recorded and simulated instruments (``origin``) make cells of their own.

Read next: ``docs/methodology/liquidity_index.md``, section on aggregation.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from liquidity.contracts.pulse import PULSE_HEATMAP
from liquidity.domain.errors import ContractError
from liquidity.domain.origin import origins
from liquidity.index.thresholds import PulseThresholds

__all__ = ["member_weights", "sector_heatmap"]

_MEMBERS_SHOWN = 200
_CELL = ("session_date", "asset_class", "origin")


def member_weights(
    liquidity: pd.DataFrame, features: pd.DataFrame, by: Sequence[str] = ("sector", "rating")
) -> pd.DataFrame:
    """Members of each cell with their weight; weights of a cell sum to 1.

    Weighted by amount outstanding where all members of the cell have a positive one in one currency, else equally.

    Parameters
    ----------
    liquidity
        ``LIQUIDITY_INDEX`` rows; those without a score are not members. ``source`` says the origin.
    features
        ``liquidity_features`` of the same session, for amount and currency.
    by
        ``("sector", "rating")``, ``("sector",)`` or ``("rating",)``.

    Returns
    -------
    pd.DataFrame
        ``session_date``, ``asset_class``, ``origin``, the ``by`` columns (UNKNOWN and NR for null), ``instrument_id``,
        ``weight_frac``, ``liquidity_score``.
    """
    unknown = sorted(set(by) - {"sector", "rating"})
    if unknown or not by:
        raise ContractError(f"member_weights: cells are made by sector and rating, not {unknown or 'nothing'}")
    keys = ["session_date", "instrument_id"]
    names = [*keys, "asset_class", "sector", "rating", "liquidity_score", "source"]
    members = liquidity.loc[liquidity["liquidity_score"].notna(), names].merge(
        features[[*keys, "amount_outstanding", "currency"]], on=keys, how="left", validate="one_to_one"
    )
    members["sector"], members["rating"] = members["sector"].fillna("UNKNOWN"), members["rating"].fillna("NR")
    members["origin"] = pd.array(origins(members["source"]), dtype="str")
    cell = [*_CELL, *by]
    grouped = members.groupby(cell, sort=True, observed=True)
    amount = members["amount_outstanding"].where(members["amount_outstanding"] > 0)
    complete = grouped["amount_outstanding"].transform("size") == amount.groupby(
        [members[name] for name in cell]
    ).transform("count")
    one_currency = grouped["currency"].transform("nunique") == 1
    members["weight_frac"] = np.where(complete & one_currency, amount, 1.0)
    members["weight_frac"] /= grouped["weight_frac"].transform("sum")
    ordered = members.sort_values([*cell, "instrument_id"], ignore_index=True)
    return ordered[[*cell, "instrument_id", "weight_frac", "liquidity_score"]]


def sector_heatmap(
    liquidity: pd.DataFrame, bondx: pd.DataFrame, features: pd.DataFrame, thresholds: PulseThresholds | None = None
) -> pd.DataFrame:
    """One cell for each asset class, origin, sector and rating: weighted mean scores and member count.

    A cell with fewer than ``heatmap_min_members`` scored members keeps its count and members but withholds the values.
    The combined score is the mean over members that have one, their weights renormalised.

    Returns
    -------
    pd.DataFrame
        Columns of ``PULSE_HEATMAP``, sorted by its key.
    """
    limits = thresholds or PulseThresholds()
    members = member_weights(liquidity, features)
    keys = ["session_date", "instrument_id"]
    members = members.merge(bondx[[*keys, "bondx_score"]], on=keys, how="left", validate="one_to_one")
    members["weighted"] = members["weight_frac"] * members["liquidity_score"]
    members["bondx_weight"] = members["weight_frac"].where(members["bondx_score"].notna(), 0.0)
    members["bondx_weighted"] = members["bondx_weight"] * members["bondx_score"].fillna(0.0)
    cell = [*_CELL, "sector", "rating"]
    grouped = members.groupby(cell, sort=True, observed=True)
    table = grouped[["weighted", "bondx_weight", "bondx_weighted"]].sum().reset_index()
    sizes = grouped.size().to_numpy(dtype=np.int64)
    masked = sizes < limits.heatmap_min_members
    weight = table["bondx_weight"].to_numpy(dtype=np.float64)
    combined = table["bondx_weighted"].to_numpy(dtype=np.float64) / np.where(weight > 0.0, weight, np.nan)
    shown = [",".join(names.iloc[:_MEMBERS_SHOWN]) for _, names in grouped["instrument_id"]]
    cells = pd.DataFrame(
        {
            **{name: table[name] for name in cell},
            "liquidity_score": np.where(
                masked, np.nan, np.clip(table["weighted"].to_numpy(dtype=np.float64), 0.0, 100.0)
            ),
            "bondx_score": np.where(masked, np.nan, np.clip(combined, 0.0, 100.0)),
            "members_count": sizes,
            "masked": masked,
            "members": pd.array(shown, dtype="str"),
        }
    )
    return cells[list(PULSE_HEATMAP.column_names)]
