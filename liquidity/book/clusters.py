"""Order clusters: neighbouring levels that are heavy together, merged by price.

There is no academic standard; the rule is this platform's (:class:`ClusterRule`). Sizes are base units
(``units.py``). Read next: ``walls.py`` (one heavy level).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from liquidity.book.snapshot import BookSnapshot
from liquidity.book.walls import SideLiteral, levels_in_band
from liquidity.domain.errors import ConfigError

__all__ = [
    "CLUSTER_RULE",
    "Cluster",
    "ClusterRule",
    "ClusterTracker",
    "TrackedCluster",
    "cluster_gap",
    "order_clusters",
]


@dataclass(frozen=True, slots=True)
class ClusterRule:
    """What counts as a cluster.

    Attributes
    ----------
    band_frac
        Only levels within this share of the mid, edge included.
    max_gap_ticks, max_gap_bps
        Neighbours at most so far apart belong together: in ticks where the tick is known, else in bps of the mid.
        Both at once would join a whole liquid book, where 2 bp hold a hundred ticks.
    multiple
        A cluster holds at least this many times the notional of the side's median group,
    min_side_frac
        and at least this share of the side's notional in the band: where most groups are lone dust orders, the median
        alone would call hundreds of groups clusters.
    min_levels
        Fewer levels are a wall at most.
    """

    band_frac: float = 0.02
    max_gap_ticks: float = 3.0
    max_gap_bps: float = 2.0
    multiple: float = 3.0
    min_side_frac: float = 0.02
    min_levels: int = 2

    def __post_init__(self) -> None:
        """Refuse a rule that cannot be applied."""
        positive = min(self.band_frac, self.max_gap_ticks, self.max_gap_bps, self.multiple, self.min_levels) > 0.0
        if not (positive and 0.0 <= self.min_side_frac < 1.0):
            raise ConfigError(f"ClusterRule: found {self}; numbers above 0, min_side_frac in [0, 1)")


CLUSTER_RULE: Final = ClusterRule()


@dataclass(frozen=True, slots=True)
class Cluster:
    """Neighbouring levels of one side.

    ``low`` and ``high`` are the outermost prices, ``size_base`` and ``notional_quote`` sums over ``levels`` levels,
    ``distance_bps`` >= 0 from the mid to the nearest level, ``median_multiple`` the notional over the median group's.
    """

    side: SideLiteral
    low: float
    high: float
    size_base: float
    notional_quote: float
    levels: int
    distance_bps: float
    median_multiple: float


@dataclass(frozen=True, slots=True)
class TrackedCluster:
    """A cluster with its history: snapshots that showed it over snapshots since it was first seen (0-1), and its age."""

    cluster: Cluster
    persistence_frac: float
    age_s: float


def cluster_gap(mid: float, tick_size: float | None, rule: ClusterRule = CLUSTER_RULE) -> float:
    """Largest price gap inside a group: whole ticks where the tick is known, else bps of the mid.

    Examples
    --------
    >>> cluster_gap(50_000.0, 0.5), cluster_gap(50_000.0, None)
    (1.5, 10.0)
    """
    return rule.max_gap_bps * mid / 1e4 if tick_size is None else rule.max_gap_ticks * tick_size


def order_clusters(
    book: BookSnapshot, *, tick_size: float | None, rule: ClusterRule = CLUSTER_RULE
) -> tuple[Cluster, ...]:
    """Groups of neighbouring levels that are heavy for their side.

    Heavy is max(``rule.multiple`` x median group, ``rule.min_side_frac`` x the side's notional in the band). A group is a longest run of levels, each within the gap of the next; a lone level is a group of its own and enters
    the median.

    Parameters
    ----------
    tick_size
        Price step in quote currency, or ``None`` for the gap in bps.

    Returns
    -------
    tuple of Cluster
        Bids then asks, nearest first. Empty when the book has no mid.

    Raises
    ------
    ConfigError
        ``tick_size`` is not above 0.

    Examples
    --------
    >>> bids = [[99.9, 50], [99.8, 50], [99.0, 10], [98.5, 10], [98.0, 10]]
    >>> found = order_clusters(BookSnapshot.from_levels(bids, [[100.1, 1]]), tick_size=0.1)
    >>> [(each.low, each.high, each.size_base, each.levels) for each in found]
    [(99.8, 99.9, 100.0, 2)]
    """
    if tick_size is not None and not 0.0 < tick_size < math.inf:
        raise ConfigError(f"order_clusters: tick_size {tick_size}, allowed (0, inf) in quote currency, or None")
    if math.isnan(book.mid):
        return ()
    return (*_clusters_of(book, "bid", tick_size, rule), *_clusters_of(book, "ask", tick_size, rule))


def _clusters_of(book: BookSnapshot, name: SideLiteral, tick_size: float | None, rule: ClusterRule) -> list[Cluster]:
    near, notional = levels_in_band(book, name, rule.band_frac)
    if len(near) == 0:
        return []
    # A gap of exactly three ticks belongs in; the guard is a relative 1e-9 of the gap, against rounding.
    gap = cluster_gap(book.mid, tick_size, rule) * (1.0 + 1e-9)
    starts = np.concatenate(([0], np.flatnonzero(np.abs(np.diff(near[:, 0])) > gap) + 1))
    ends = np.concatenate((starts[1:], [len(near)])) - 1
    worth, size = np.add.reduceat(notional, starts), np.add.reduceat(near[:, 1], starts)
    usual = float(np.median(worth))
    least = max(rule.multiple * usual, rule.min_side_frac * float(notional.sum()))
    heavy = np.flatnonzero((worth >= least) & (ends - starts + 1 >= rule.min_levels))
    found = []
    for group in heavy:
        first, last = float(near[starts[group], 0]), float(near[ends[group], 0])
        found.append(
            Cluster(
                side=name,
                low=min(first, last),
                high=max(first, last),
                size_base=float(size[group]),
                notional_quote=float(worth[group]),
                levels=int(ends[group] - starts[group] + 1),
                distance_bps=1e4 * abs(first - book.mid) / book.mid,
                median_multiple=float(worth[group]) / usual,
            )
        )
    return found


@dataclass(slots=True)
class _Track:
    cluster: Cluster
    first_snapshot: int
    first_ns: int
    seen: int
    last_snapshot: int


class ClusterTracker:
    """Follows clusters of one book; a cluster is the same one while its price range overlaps the last one seen.

    A cluster missing for ``forget_snapshots`` snapshots is forgotten.
    """

    def __init__(self, rule: ClusterRule = CLUSTER_RULE, *, forget_snapshots: int = 20) -> None:
        self.rule = rule
        self.forget_snapshots = forget_snapshots
        self._tracks: list[_Track] = []
        self._snapshots = 0

    def update(self, at_ns: int, book: BookSnapshot, *, tick_size: float | None) -> tuple[TrackedCluster, ...]:
        """Take the next snapshot and tell its clusters; a book without a mid counts as no snapshot."""
        if math.isnan(book.mid):
            return ()
        self._snapshots += 1
        shown = []
        for cluster in order_clusters(book, tick_size=tick_size, rule=self.rule):
            track = self._track_of(cluster, at_ns)
            snapshots = self._snapshots - track.first_snapshot + 1
            shown.append(TrackedCluster(cluster, track.seen / snapshots, (at_ns - track.first_ns) / 1e9))
        oldest = self._snapshots - self.forget_snapshots
        self._tracks = [track for track in self._tracks if track.last_snapshot > oldest]
        return tuple(shown)

    def _track_of(self, cluster: Cluster, at_ns: int) -> _Track:
        for track in self._tracks:
            known = track.cluster
            overlap = known.side == cluster.side and known.low <= cluster.high and cluster.low <= known.high
            # One track serves one cluster of a snapshot: when a cluster splits, its second part begins anew.
            if overlap and track.last_snapshot < self._snapshots:
                track.cluster, track.last_snapshot = cluster, self._snapshots
                track.seen += 1
                return track
        self._tracks.append(_Track(cluster, self._snapshots, at_ns, 1, self._snapshots))
        return self._tracks[-1]
