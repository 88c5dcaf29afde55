"""The blend of every pool of instruments, learned from own fills: weights of the models, scale, error and label.

Read next: ``surface.py``, whose rows carry them.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.impact.calibration import huber_scale, member_costs, pool_scale, usable_parents
from liquidity.impact.ensemble import BlendedImpact, learned_weights
from liquidity.impact.members import BLENDED_MEMBERS, prior_weights

__all__ = ["PRIOR_LABEL", "ImpactCalibration", "PoolArrays"]

PRIOR_LABEL: Final = "prior"
"""Label of a pool without own fills."""
_WHOLE_CLASS: Final = ""


@dataclass(frozen=True, slots=True)
class PoolArrays:
    """What N instruments take from their pools.

    Attributes
    ----------
    weight
        (N, M) over ``BLENDED_MEMBERS``.
    scale, scale_se
        (N,) how many times the blend is paid, and the standard error of what was found; NaN under the prior.
    n
        (N,) orders behind it.
    label
        (N,) object: "prior", "own fills", "shrunk to prior", "shrunk to asset class" or "held at the edge".
    """

    weight: NDArray[np.float64]
    scale: NDArray[np.float64]
    scale_se: NDArray[np.float64]
    n: NDArray[np.int64]
    label: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class ImpactCalibration:
    """What own fills say of every pool they reach; any other pool has the prior.

    Attributes
    ----------
    pools
        One row per pool, an asset class (``venue`` "") or a venue of it: ``asset_class``, ``venue``, ``n``,
        ``n_out_of_sample`` (orders that were predicted before they were learned from), ``scale_found`` and ``scale_se``
        (before shrinkage), ``scale`` (to use), ``label``.
    members
        One row per pool and blended member: ``asset_class``, ``venue``, ``member``, ``weight``, ``rmse_bps`` (out of
        sample; NaN without), ``scale_found`` and ``scale_se`` of the member alone, for comparison.
    """

    pools: pd.DataFrame
    members: pd.DataFrame

    @classmethod
    def prior(cls) -> "ImpactCalibration":
        """What holds before any own fill."""
        return cls(pd.DataFrame(columns=_POOL_COLUMNS), pd.DataFrame(columns=_MEMBER_COLUMNS))

    @classmethod
    def from_parents(cls, parents: pd.DataFrame) -> "ImpactCalibration":
        """Learn from executed parent orders; an empty table gives the prior.

        For every pool the weights are those of ``ensemble.learned_weights``, and the scale is the robust slope of what was
        paid on the blend (``calibration.huber_scale``), shrunk and held as ``calibration.pool_scale`` says: an asset class
        to 1, a venue to its asset class.

        Parameters
        ----------
        parents
            ``calibration.PARENT_COLUMNS``, one row per executed parent order, in any order.

        Raises
        ------
        ContractError
            A column is absent.
        """
        pools: list[dict[str, Hashable]] = []
        members: list[dict[str, Hashable]] = []
        for asset_class, of_class in usable_parents(parents).groupby("asset_class", sort=True):
            wider = _learn(pools, members, of_class, (asset_class, _WHOLE_CLASS), 1.0, "shrunk to prior")
            for venue, of_venue in of_class.groupby("venue", sort=True):
                _learn(pools, members, of_venue, (asset_class, venue), wider, "shrunk to asset class")
        return cls(pd.DataFrame(pools, columns=_POOL_COLUMNS), pd.DataFrame(members, columns=_MEMBER_COLUMNS))

    def arrays(self, asset_class: NDArray[np.object_], venue: NDArray[np.object_] | None = None) -> PoolArrays:
        """Look up N instruments: the venue's own pool, else that of the asset class, else the prior.

        Parameters
        ----------
        asset_class, venue
            (N,) identifiers; a venue of None or "" asks for the whole asset class.
        """
        n = len(asset_class)
        venues = np.full(n, _WHOLE_CLASS, dtype=object) if venue is None else venue
        out = PoolArrays(
            np.tile(prior_weights(), (n, 1)),
            np.ones(n),
            np.full(n, np.nan),
            np.zeros(n, dtype=np.int64),
            np.full(n, PRIOR_LABEL, dtype=object),
        )
        # classes stand before their venues, so a venue's own pool overwrites that of its class
        for row in self.pools.to_dict("records"):
            taken = asset_class == row["asset_class"]
            if row["venue"] != _WHOLE_CLASS:
                taken &= venues == row["venue"]
            out.weight[taken] = self._weights(row["asset_class"], row["venue"])
            out.scale[taken], out.scale_se[taken] = row["scale"], row["scale_se"]
            out.n[taken], out.label[taken] = row["n"], row["label"]
        return out

    def blend(self, asset_class: str, venue: str = _WHOLE_CLASS) -> BlendedImpact:
        """Blend of one pool, as ``arrays`` finds it."""
        found = self.arrays(np.array([asset_class], dtype=object), np.array([venue], dtype=object))
        return BlendedImpact(found.weight[0], float(found.scale[0]))

    def _weights(self, asset_class: Hashable, venue: Hashable) -> NDArray[np.float64]:
        rows = self.members[(self.members["asset_class"] == asset_class) & (self.members["venue"] == venue)]
        return rows["weight"].to_numpy(dtype=np.float64)


_POOL_COLUMNS: Final = ["asset_class", "venue", "n", "n_out_of_sample", "scale_found", "scale_se", "scale", "label"]
_MEMBER_COLUMNS: Final = ["asset_class", "venue", "member", "weight", "rmse_bps", "scale_found", "scale_se"]


def _learn(
    pools: list[dict[str, Hashable]],
    members: list[dict[str, Hashable]],
    parents: pd.DataFrame,
    key: tuple[Hashable, Hashable],
    wider: float,
    shrunk_label: str,
) -> float:
    """Add the rows of one pool; returns its scale."""
    costs = member_costs(parents, BLENDED_MEMBERS)
    paid = parents["impact_bps"].to_numpy(dtype=np.float64)
    inverse_variance = parents["weight"].to_numpy(dtype=np.float64)
    weights, rmse_bps, n_out = learned_weights(parents)
    named = {"asset_class": key[0], "venue": key[1]}
    for place, member in enumerate(BLENDED_MEMBERS):
        found, error = huber_scale(costs[place], paid, inverse_variance)
        members.append(
            named
            | {"member": member.name, "weight": float(weights[place]), "rmse_bps": float(rmse_bps[place])}
            | {"scale_found": found, "scale_se": error}
        )
    found, error = huber_scale(weights @ costs, paid, inverse_variance)
    scale, label = pool_scale(found, len(parents), wider, shrunk_label)
    pools.append(
        named
        | {"n": len(parents), "n_out_of_sample": n_out, "scale_found": found}
        | {"scale_se": error, "scale": scale, "label": label}
    )
    return scale
