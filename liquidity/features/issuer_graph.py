"""How a shock to one issuer reaches its peers: a graph of shared parents and shared sectors.

Cross-issuer effects are stated, not learned: shares say how strongly a parent and a sector tie their members. Nothing in
the scores reads it; it answers "who else is near". Read next: ``docs/methodology/issuer_graph.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError

__all__ = ["IssuerGraph", "Propagation", "issuer_graph"]

_TOLERANCE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Propagation:
    """How far a shock travels.

    Parameters
    ----------
    parent_frac, sector_frac
        Share of an issuer's exposure that lies with the other issuers of its parent, of its sector, each spread evenly
        over them; fractions, together at most 1.
    pass_on_frac
        Share of a shock that one step passes on, fraction in [0, 1).
    steps
        Steps that are followed; each weighs ``pass_on_frac`` of the one before.
    """

    parent_frac: float = 0.6
    sector_frac: float = 0.2
    pass_on_frac: float = 0.5
    steps: int = 3

    def __post_init__(self) -> None:
        """Refuse shares that would create something out of nothing."""
        if min(self.parent_frac, self.sector_frac) < 0.0 or self.parent_frac + self.sector_frac > 1.0:
            raise ConfigError(
                f"issuer graph: parent_frac {self.parent_frac} and sector_frac {self.sector_frac} must be >= 0 and sum to at most 1"
            )
        if not 0.0 <= self.pass_on_frac < 1.0 or self.steps < 0:
            raise ConfigError(
                f"issuer graph: pass_on_frac {self.pass_on_frac} must lie in [0, 1) and steps {self.steps} be >= 0"
            )


@dataclass(frozen=True, slots=True)
class IssuerGraph:
    """Issuers and the groups that tie them.

    Attributes
    ----------
    issuer_ids
        (I,) ascending.
    parent, sector
        (I,) group number of each issuer, -1 where it belongs to none.
    """

    issuer_ids: tuple[str, ...]
    parent: NDArray[np.int64]
    sector: NDArray[np.int64]

    def weight(self, of: str, on: str, rule: Propagation | None = None) -> float:
        """Share of a shock to ``on`` that reaches ``of`` in one step before ``pass_on_frac``, 0-1.

        Raises
        ------
        ConfigError
            One of them is no issuer of the graph.
        """
        chosen = rule or Propagation()
        one, other = self._place(of), self._place(on)
        if one == other:
            return 0.0
        total = 0.0
        for groups, share in ((self.parent, chosen.parent_frac), (self.sector, chosen.sector_frac)):
            if groups[one] >= 0 and groups[one] == groups[other]:
                total += share / (np.count_nonzero(groups == groups[one]) - 1)
        return float(total)

    def propagate(self, shocks: Mapping[str, float], rule: Propagation | None = None) -> dict[str, float]:
        """Effect of shocks on every issuer, in the unit of the shocks.

        x = s + p W s + p^2 W^2 s + ... up to ``steps``, with W the weights and p = ``pass_on_frac``: the truncated Leontief
        series of Acemoglu, Carvalho, Ozdaglar and Tahbaz-Salehi (2012), Econometrica 80(5), 1977-2016.

        Parameters
        ----------
        shocks
            Size by issuer_id, for example points of a score; issuers that are not named are not hit themselves.

        Returns
        -------
        dict
            Issuers with an effect other than 0, in the order of ``issuer_ids``. A shocked issuer's own effect holds what
            comes back to it.

        Raises
        ------
        ConfigError
            A shocked issuer is not in the graph, or a shock is not finite.

        Examples
        --------
        >>> graph = issuer_graph({"A": "UTILITIES", "B": "UTILITIES", "C": "FINANCIAL"}, {"A": "P", "C": "P"})
        >>> graph.propagate({"A": -10.0}, Propagation(steps=1))
        {'A': -10.0, 'B': -1.0, 'C': -3.0}
        """
        chosen = rule or Propagation()
        step = np.zeros(len(self.issuer_ids))
        for name, size in shocks.items():
            if not np.isfinite(size):
                raise ConfigError(f"issuer graph: the shock to {name!r} is {size}; give a finite number")
            step[self._place(name)] = size
        total = step.copy()
        for _ in range(chosen.steps):
            step = chosen.pass_on_frac * (
                chosen.parent_frac * _mean_of_others(step, self.parent)
                + chosen.sector_frac * _mean_of_others(step, self.sector)
            )
            total += step
        return {
            name: float(value) for name, value in zip(self.issuer_ids, total, strict=True) if abs(value) > _TOLERANCE
        }

    def _place(self, issuer: str) -> int:
        place = int(np.searchsorted(self.issuer_ids, issuer))
        if place == len(self.issuer_ids) or self.issuer_ids[place] != issuer:
            raise ConfigError(
                f"issuer graph: {issuer!r} is none of its {len(self.issuer_ids)} issuers; build it from the session's table instruments"
            )
        return place


def issuer_graph(sector_of: Mapping[str, str | None], parent_of: Mapping[str, str | None] | None = None) -> IssuerGraph:
    """Tie issuers that share a parent or a sector.

    Parameters
    ----------
    sector_of
        Sector by issuer_id; all issuers of the graph are its keys. None where unknown: such an issuer has no sector peers.
    parent_of
        Parent by issuer_id, where known; a parent that is itself an issuer belongs to its own family.

    Notes
    -----
    Groups are kept, not edges: 30,000 issuers of four sectors would have a hundred million edges.
    """
    names = tuple(sorted(sector_of))
    parents = dict(parent_of or {})
    heads = {parent for name, parent in parents.items() if parent and name in sector_of}
    family = [parents.get(name) or (name if name in heads else None) for name in names]
    return IssuerGraph(names, _numbered(family), _numbered([sector_of[name] for name in names]))


def _numbered(labels: list[str | None]) -> NDArray[np.int64]:
    numbers = {label: place for place, label in enumerate(sorted({label for label in labels if label}))}
    return np.array([numbers[label] if label else -1 for label in labels], dtype=np.int64)


def _mean_of_others(values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean over the other members of each issuer's group; 0 where there are none."""
    inside = groups >= 0
    n = int(groups.max(initial=-1)) + 1
    total = np.bincount(groups[inside], weights=values[inside], minlength=n)
    members = np.bincount(groups[inside], minlength=n)
    means = np.zeros(len(values))
    others = members[groups[inside]] - 1
    sums = total[groups[inside]] - values[inside]
    means[inside] = np.divide(sums, others, out=np.zeros(len(others)), where=others > 0)
    return means
