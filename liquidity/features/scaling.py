"""From feature values to component scores: 0-100 each, 100 is more liquid, or better.

A component score blends two ranks of one value: its place in the instrument's own last 90 days, which
``liquidity_features`` already holds, and its place among the peers of the same day, which is computed here. A ratio
that means the same for every instrument (a dealer present all day is 1) is not ranked but scaled as it stands. Both
read one session of ``liquidity_features`` and nothing else, so a score of an old session recomputes exactly.

The scalar judge of a rank is ``liquidity.features.percentile.percentile_score``. Read next:
``liquidity.index.profiles`` (which features, which weights), ``liquidity.index.aggregation`` (what becomes
of the components).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.origin import is_simulated

__all__ = [
    "ComponentScores",
    "ScaledFeature",
    "ScalingProfile",
    "Transform",
    "component_parts",
    "component_scores",
    "peer_groups",
    "peer_mid_ranks",
]

Transform = Literal["none", "unit", "signed_unit"]

_GROUP_COLUMNS: Final = ("session_date", "asset_class", "currency")


class ScaledFeature(Protocol):
    """What scaling must know of one weighted feature: its column, its direction and how it is scaled."""

    @property
    def feature(self) -> str:
        """Column of ``liquidity_features``."""

    @property
    def weight(self) -> float:
        """Signed weight; below 0 a high value is bad."""

    @property
    def scaling(self) -> Literal["rank", "natural"]:
        """``rank``: place among own history and peers; ``natural``: the value itself."""

    @property
    def transform(self) -> Transform:
        """How a natural value reaches 0-1; ``none`` for ranks, which no monotone transform changes."""


class ScalingProfile(Protocol):
    """What scaling must know of a weight profile."""

    @property
    def scored_features(self) -> tuple[ScaledFeature, ...]:
        """Every feature of the profile, each once."""

    @property
    def own_weight(self) -> float:
        """Share of the own-history rank, fraction 0-1; the peers have the rest."""

    @property
    def min_peers(self) -> int:
        """Names with a value that a peer group needs, the instrument itself included."""


@dataclass(frozen=True, slots=True)
class ComponentScores:
    """Component scores and the two views they come from, arrays of shape (rows, features).

    Parameters
    ----------
    names
        Feature of each column.
    score
        0-100, 100 is more liquid or better; NaN where neither view exists.
    own, peer
        The two views on the same scale; NaN where a view is missing and for natural scaling.
    peers_n
        Names the value was compared with, itself left out; 0 without a peer view.
    natural
        Shape (features,): columns scaled as they stand.
    """

    names: tuple[str, ...]
    score: NDArray[np.float64]
    own: NDArray[np.float64]
    peer: NDArray[np.float64]
    peers_n: NDArray[np.int64]
    natural: NDArray[np.bool_]


def peer_groups(features: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Group codes of each row, finest first: (sector, rating), (sector), whole class.

    A class is one session, asset class, currency and origin: depth and turnover in rupees are not ranked against
    dollars, nor recorded instruments against simulated ones (``source`` is ``simulated``). -1 where the row lacks the
    sector (or the rating) that the level needs.
    """
    missing = [name for name in (*_GROUP_COLUMNS, "source", "sector", "rating") if name not in features.columns]
    if missing:
        raise ContractError(f"liquidity_features lacks {missing}; peer groups need them; see docs/data_dictionary.md")
    whole = is_simulated(features["source"]).astype(np.int64)
    for name in _GROUP_COLUMNS:
        codes, labels = pd.factorize(features[name])
        whole = whole * (len(labels) + 1) + codes + 1
    whole = _compact(whole)
    by_sector = _refine(whole, features["sector"])
    return _refine(by_sector, features["rating"]), by_sector, whole


def peer_mid_ranks(
    values: NDArray[np.float64], codes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mid-rank of each value among the other values of its group, fraction 0-1.

    (#less + 0.5 * #equal) / (n - 1), the value itself not counted, so that the single best is exactly 1 and the
    single worst exactly 0.

    Parameters
    ----------
    values
        Shape (rows,); NaN is missing and neither ranked nor counted.
    codes
        Group of each row; -1 belongs to none.

    Returns
    -------
    ranks, others_n
        Rank and number of other names; NaN and 0 where there is no value, no group or nobody else.

    Examples
    --------
    >>> ranks, others = peer_mid_ranks(np.array([3.0, 1.0, 2.0, 2.0]), np.zeros(4, dtype=np.int64))
    >>> ranks.tolist(), others.tolist()
    ([1.0, 0.0, 0.5, 0.5], [3, 3, 3, 3])
    """
    order, ordered = _ascending(values)
    ranks = np.full(len(values), np.nan)
    others = np.zeros(len(values), dtype=np.int64)
    _rank_level(order, ordered, _small(codes), None, ranks, others)
    return ranks, others


def component_parts(
    features: pd.DataFrame, profile: ScalingProfile, names: Sequence[str] | None = None
) -> ComponentScores:
    """Component scores with the views behind them, for ``names`` or every feature of the profile.

    Parameters
    ----------
    features
        Rows of ``liquidity_features``: the whole cross-section, because peers are ranked within it.
    profile
        Features, directions, scaling, own-history share and smallest peer group.

    Notes
    -----
    The peer group is the finest of (sector, rating), (sector), class that has ``min_peers`` names with a value. When
    only one view exists it stands alone; without any the component is NaN. A rank does not change under logarithms,
    so none is taken; a value beyond the rest of its group ranks 0 or 1 however far out it lies, so nothing is clipped.
    """
    weights = {item.feature: item for item in profile.scored_features}
    chosen = tuple(weights) if names is None else tuple(names)
    unknown = [name for name in chosen if name not in weights]
    if unknown:
        raise ConfigError(f"component scores of {unknown}: not in the profile, which has {list(weights)}")
    shape = (len(features), len(chosen))
    own, peer, score = (
        np.full(shape, np.nan, order="F"),
        np.full(shape, np.nan, order="F"),
        np.full(shape, np.nan, order="F"),
    )
    others = np.zeros(shape, dtype=np.int64, order="F")
    natural = np.array([weights[name].scaling == "natural" for name in chosen], dtype=np.bool_)
    levels: tuple[tuple[NDArray[np.signedinteger], int], ...] | None = None
    for j, name in enumerate(chosen):
        item = weights[name]
        values = _floats(features, name)
        if natural[j]:
            score[:, j] = _natural_score(values, item)
            continue
        if levels is None:
            levels = tuple((_small(codes), int(codes.max(initial=-1)) + 1) for codes in peer_groups(features))
        _rank_among_peers(values, levels, profile.min_peers, peer[:, j], others[:, j])
        own[:, j] = np.where(np.isnan(values), np.nan, _floats(features, f"{name}_own_rank_frac"))
        for view in (own, peer):
            view[:, j] = 100.0 * (view[:, j] if item.weight > 0 else 1.0 - view[:, j])
        blend = profile.own_weight * own[:, j] + (1.0 - profile.own_weight) * peer[:, j]
        score[:, j] = np.where(np.isnan(peer[:, j]), own[:, j], np.where(np.isnan(own[:, j]), peer[:, j], blend))
    return ComponentScores(chosen, score, own, peer, others, natural)


def component_scores(features: pd.DataFrame, profile: ScalingProfile) -> pd.DataFrame:
    """Score 0-100 of every feature of the profile, 100 more liquid or better; NaN where it cannot be scored.

    Index and row order of ``features``; one column per feature of the profile. See :func:`component_parts`.
    """
    parts = component_parts(features, profile)
    return pd.DataFrame(parts.score, index=features.index, columns=list(parts.names))


def _natural_score(values: NDArray[np.float64], item: ScaledFeature) -> NDArray[np.float64]:
    fraction = (values + 1.0) / 2.0 if item.transform == "signed_unit" else values
    known = fraction[~np.isnan(fraction)]
    if known.size and (known.min() < 0.0 or known.max() > 1.0):
        worst = known[np.argmax(np.abs(known - 0.5))]
        raise ContractError(
            f"liquidity_features.{item.feature}: natural scaling ({item.transform}) needs 0-1 after the transform, "
            f"found {worst:g}; give it scaling 'rank' in the profile or correct the feature"
        )
    return 100.0 * (fraction if item.weight > 0 else 1.0 - fraction)


def _rank_among_peers(
    values: NDArray[np.float64],
    levels: tuple[tuple[NDArray[np.signedinteger], int], ...],
    min_peers: int,
    ranks: NDArray[np.float64],
    others: NDArray[np.int64],
) -> None:
    order, ordered = _ascending(values)
    waiting = np.zeros(len(values), dtype=np.bool_)
    waiting[order] = True
    for codes, size in levels:
        if not waiting.any():
            return
        valid_codes = codes[order]
        large = np.zeros(size + 1, dtype=np.bool_)  # the last one answers for code -1
        large[:size] = np.bincount(valid_codes[valid_codes >= 0], minlength=size) >= max(min_peers, 2)
        here = waiting & large[codes]
        if here.any():
            needed = np.zeros(size + 1, dtype=np.bool_)
            needed[codes[here]] = True
            if here.sum() == len(order):
                _rank_level(order, ordered, codes, None, ranks, others)
                return
            level_ranks = np.full(len(values), np.nan)
            level_others = np.zeros(len(values), dtype=np.int64)
            _rank_level(order, ordered, codes, needed, level_ranks, level_others)
            ranks[here], others[here] = level_ranks[here], level_others[here]
            waiting &= ~here


def _rank_level(
    order: NDArray[np.intp],
    ordered: NDArray[np.float64],
    codes: NDArray[np.signedinteger],
    needed: NDArray[np.bool_] | None,
    ranks: NDArray[np.float64],
    others: NDArray[np.int64],
) -> None:
    """Write ranks of the rows of the needed groups; ``order`` sorts all values, so one small-integer sort groups them."""
    group = codes[order]
    if needed is not None or group.min(initial=0) < 0:
        keep = group >= 0 if needed is None else needed[group]
        order, ordered, group = order[keep], ordered[keep], group[keep]
    if not len(order):
        return
    counts = np.bincount(group)
    if len(counts) > 1:
        by_group = np.argsort(group, kind="stable")  # radix sort for 16-bit codes
        order, ordered = order[by_group], ordered[by_group]
    starts = np.cumsum(counts) - counts
    position = np.arange(len(order), dtype=np.float64)
    tied = ordered[1:] == ordered[:-1]
    borders = starts[(starts > 0) & (starts < len(order))]
    tied[borders - 1] = False
    if tied.any():  # a run of equal values shares the middle of its places
        run_start = np.concatenate([[0], np.flatnonzero(~tied) + 1])
        run_n = np.diff(run_start, append=len(order))
        position = np.repeat(run_start + (run_n - 1) / 2.0, run_n)
    rest = np.where(counts > 1, counts - 1.0, np.nan)  # a name alone has nobody to be ranked against
    position -= np.repeat(starts, counts)
    position /= np.repeat(rest, counts)
    ranks[order] = position
    others[order] = np.repeat(np.maximum(counts - 1, 0), counts)


def _ascending(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    known = np.flatnonzero(~np.isnan(values))  # numpy's vectorised sort gives up on NaN: five times slower with it
    there = values[known]
    order = np.argsort(there)
    return known[order], there[order]


def _floats(features: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in features.columns:
        raise ContractError(f"liquidity_features has no column {name!r}; see docs/data_dictionary.md")
    values = features[name].to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(values).any():
        raise ContractError(f"liquidity_features.{name}: infinite values; missing is null; see docs/data_dictionary.md")
    return values


def _refine(codes: NDArray[np.int64], labels: pd.Series) -> NDArray[np.int64]:
    label_codes, names = pd.factorize(labels)
    finer = codes * (len(names) + 1) + label_codes
    return _compact(np.where((codes < 0) | (label_codes < 0), -1, finer))


def _compact(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Codes 0, 1, ... without holes; -1 stays -1."""
    known = codes >= 0
    compact = np.full(len(codes), -1, dtype=np.int64)
    compact[known] = pd.factorize(codes[known])[0]
    return compact


def _small(codes: NDArray[np.int64]) -> NDArray[np.signedinteger]:
    """16-bit codes where they fit: numpy sorts those by radix."""
    return codes.astype(np.int16) if codes.max(initial=-1) < np.iinfo(np.int16).max else codes
