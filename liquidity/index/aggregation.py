"""From component scores to one score: weights, coverage, contributions, and the row that is stored.

Liquidity and repayment support are the same arithmetic over different features; this file is that arithmetic.
Read next: ``liquidity_index.py``, ``repayment_support.py``, ``drivers.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ContractError
from liquidity.features.scaling import component_parts
from liquidity.index.configuration import config_hash
from liquidity.index.profiles import FeatureWeight, WeightProfile
from liquidity.index.thresholds import PulseThresholds
from liquidity.index.uncertainty import band_80, component_sd, total_sd

__all__ = [
    "WeightedScores",
    "driver_texts",
    "json_numbers",
    "missing_reasons",
    "rows_of",
    "score_rows",
    "score_table",
    "weigh",
]

# Coverage is a sum of weights: 0.1 + 0.2 + 0.2 must count as 0.5.
_COVERAGE_SLACK = 1e-9
_GROUPS = ("micro", "alt", "auction", "sentiment")


@dataclass(frozen=True, slots=True)
class WeightedScores:
    """Scores of all rows with their parts; arrays of shape (rows,) or (rows, features).

    ``weight`` is normalised over what is there, ``contribution`` = weight * (component - 50) points, so that
    50 + sum of contributions = score. ``score`` is NaN below the smallest coverage; ``sd`` never is.
    """

    names: tuple[str, ...]
    component: NDArray[np.float64]
    weight: NDArray[np.float64]
    contribution: NDArray[np.float64]
    score: NDArray[np.float64]
    coverage: NDArray[np.float64]
    sd: NDArray[np.float64]
    oldest_age_s: NDArray[np.float64]


def weigh(
    features: pd.DataFrame, profile: WeightProfile, items: tuple[FeatureWeight, ...], thresholds: PulseThresholds
) -> WeightedScores:
    """Weigh the component scores of ``items`` by size of weight times freshness and quality of their inputs.

    effective weight = |w| * <group>_weight_frac where the component exists, else 0; coverage = sum effective / sum |w|;
    score = sum effective * component / sum effective.

    Parameters
    ----------
    features
        The whole cross-section, rows of ``liquidity_features``.
    items
        ``profile.liquidity`` or ``profile.repayment``.
    """
    parts = component_parts(features, profile, [item.feature for item in items])
    sizes = np.array([abs(item.weight) for item in items])
    trust = {group: _column(features, f"{group}_weight_frac") for group in {item.group for item in items}}
    shares = np.empty_like(parts.score)
    for j, item in enumerate(items):
        shares[:, j] = np.where(np.isnan(parts.score[:, j]), 0.0, np.nan_to_num(trust[item.group])) * sizes[j]
    shares /= sizes.sum()
    coverage = np.minimum(shares.sum(axis=1), 1.0)
    scored = coverage >= max(profile.min_coverage - _COVERAGE_SLACK, _COVERAGE_SLACK)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(scored[:, np.newaxis], shares / shares.sum(axis=1, keepdims=True), 0.0)
    contribution = np.where(weight > 0.0, weight * (np.nan_to_num(parts.score) - 50.0), 0.0)
    score = np.where(scored, np.clip(50.0 + contribution.sum(axis=1), 0.0, 100.0), np.nan)
    sds = component_sd(parts, np.nan_to_num(_column(features, "history_n")), profile.own_weight, thresholds)
    return WeightedScores(
        names=parts.names,
        component=parts.score,
        weight=weight,
        contribution=contribution,
        score=score,
        coverage=coverage,
        sd=total_sd(shares, sds, thresholds.rho, thresholds.prior_sd_points),
        oldest_age_s=_oldest(features, items, shares),
    )


def score_table(
    features: pd.DataFrame,
    profile: WeightProfile | Mapping[str, WeightProfile],
    side: Literal["liquidity", "repayment"],
    contract: TableContract,
    thresholds: PulseThresholds,
    instrument_ids: Sequence[str] | None,
) -> pd.DataFrame:
    """Score each row by the profile of its asset class; the contract's columns, one row for each feature row.

    Parameters
    ----------
    profile
        One profile, or one for each asset class. A row whose class no profile covers gets no score and says so.
    instrument_ids
        Rows to return; the peers remain the whole of ``features``, so the result equals that of a full run.
    """
    classes = features["asset_class"].to_numpy(dtype=object)
    chosen = np.ones(len(features), dtype=np.bool_) if instrument_ids is None else rows_of(features, instrument_ids)
    pieces: list[pd.DataFrame] = []
    places: list[NDArray[np.intp]] = []
    if isinstance(profile, WeightProfile):
        pairs = [(profile, profile.asset_classes)]
    else:
        by_profile: dict[WeightProfile, list[str]] = {}
        for name, one in profile.items():
            by_profile.setdefault(one, []).append(name)
        pairs = [(one, tuple(names)) for one, names in by_profile.items()]
    covered = np.zeros(len(features), dtype=np.bool_)
    for one, names in pairs:
        mine = np.isin(classes, list(names))
        covered |= mine
        if (mine & chosen).any():
            rows = features if mine.all() else features[mine]
            pieces.append(_one_profile(rows, one, side, contract, thresholds, chosen[mine]))
            places.append(np.flatnonzero(mine & chosen))
    left = chosen & ~covered
    if left.any():
        owner = pairs[0][0]
        reason = (
            f"profile {owner.name} does not cover this asset class"
            if len(pairs) == 1
            else "no profile covers this asset class"
        )
        pieces.append(score_rows(features[left], contract, owner, thresholds, reason=[reason] * int(left.sum())))
        places.append(np.flatnonzero(left))
    if not pieces:
        return score_rows(features[chosen], contract, pairs[0][0], thresholds, reason=[])
    return pieces[0] if len(pieces) == 1 else pd.concat(pieces).iloc[np.argsort(np.concatenate(places))]


def score_rows(
    features: pd.DataFrame,
    contract: TableContract,
    profile: WeightProfile,
    thresholds: PulseThresholds,
    *,
    reason: Sequence[str],
    score: NDArray[np.float64] | None = None,
    coverage: NDArray[np.float64] | None = None,
    sd: NDArray[np.float64] | None = None,
    drivers: Sequence[str] | None = None,
    oldest_age_s: NDArray[np.float64] | None = None,
    method: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Rows of a score table in the contract's column order; what is not given is missing."""
    n = len(features)
    empty = np.full(n, np.nan)
    score = empty if score is None else score
    spread = np.where(np.isnan(score), np.nan, empty if sd is None else sd)
    lower, upper = band_80(score, spread)
    score_column = contract.column_names[6]
    keys = ("session_date", "instrument_id", "asset_class", "issuer_id", "sector", "rating")
    if method is None:
        method = np.where(np.isnan(score), "insufficient_data", "observed").tolist()
    frame = features.loc[:, list(keys)].copy()
    frame[score_column] = score
    frame["method"] = pd.array(list(method), dtype="str")
    frame["reason"] = pd.array(list(reason), dtype="str")
    frame["coverage_frac"] = np.zeros(n) if coverage is None else coverage
    frame["uncertainty_sd"] = spread
    frame["lower_80"], frame["upper_80"] = lower, upper
    frame["drivers_json"] = pd.array(["[]"] * n if drivers is None else list(drivers), dtype="str")
    frame["oldest_input_age_s"] = empty if oldest_age_s is None else oldest_age_s
    frame["profile"] = pd.array([profile.name] * n, dtype="str")
    frame["config_hash"] = pd.array([config_hash(profile, thresholds)] * n, dtype="str")
    frame["source"] = features["source"]
    return frame[list(contract.column_names)]


def driver_texts(
    names: Sequence[str],
    component: NDArray[np.float64],
    weight: NDArray[np.float64],
    contribution: NDArray[np.float64],
) -> list[str]:
    """JSON list of the drivers of each row, largest contribution first, every feature that carries weight.

    The tables are of shape (rows, names): points 0-100, share of the weight, signed points.

    ``[{"feature", "score", "weight", "contribution"}, ...]``; numbers are rounded to 1e-10, so 50 + sum of
    contributions still meets the score within 1e-9. ``[]`` where there is no score.
    """
    order = np.argsort(-np.abs(contribution), axis=1, kind="stable")
    ordered = (np.take_along_axis(table, order, axis=1) for table in (component, weight, contribution))
    score, share_frac, points = (np.round(table, 10) for table in ordered)
    shown = share_frac > 0.0
    openings = np.array([f'{{"feature":{orjson.dumps(name).decode()},"score":' for name in names], dtype=object)
    items = [
        f'{opening}{one},"weight":{share},"contribution":{part}}}'
        for opening, one, share, part in zip(
            openings[order[shown]].tolist(),
            *map(json_numbers, (score[shown], share_frac[shown], points[shown])),
            strict=True,
        )
    ]
    ends = np.cumsum(shown.sum(axis=1))
    starts = ends - shown.sum(axis=1)
    return [f"[{','.join(items[start:end])}]" for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def json_numbers(values: NDArray[np.float64]) -> list[str]:
    """Each number as orjson writes it, all in one call; NaN is ``null``.

    Examples
    --------
    >>> json_numbers(np.array([80.0, 0.3, np.nan]))
    ['80.0', '0.3', 'null']
    """
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",") if values.size else []


def missing_reasons(
    weighted: WeightedScores, profile: WeightProfile, told: NDArray[np.bool_], trusted: NDArray[np.bool_]
) -> list[str]:
    """Why each row has no score: its coverage and what is absent, not comparable or stale; empty where it has one.

    ``told`` and ``trusted`` are (rows, features): the feature has a value, it carries weight. A value without a component
    score is not comparable: short history and few peers.
    """
    reasons = np.full(len(weighted.score), "", dtype=object)
    names = np.array(weighted.names, dtype=object)
    for i in np.flatnonzero(np.isnan(weighted.score)):
        exists = ~np.isnan(weighted.component[i])
        found = {
            "missing": names[~exists & ~told[i]],
            "not comparable, short history and few peers": names[~exists & told[i]],
            "stale": names[exists & ~trusted[i]],
        }
        lacking = "".join(f"; {word}: {', '.join(those)}" for word, those in found.items() if len(those))
        reasons[i] = f"coverage {weighted.coverage[i]:.2f} below {profile.min_coverage:.2f}{lacking}"
    return list(reasons)


def rows_of(frame: pd.DataFrame, instrument_ids: Sequence[str]) -> NDArray[np.bool_]:
    """Rows of the named instruments; raises :class:`ContractError` when one is not there."""
    ids = frame["instrument_id"]
    unknown = sorted(set(instrument_ids) - set(ids))
    if unknown:
        raise ContractError(
            f"liquidity_features: {len(unknown)} of {len(instrument_ids)} asked instruments have no row, first: {unknown[0]!r}"
        )
    return np.asarray(ids.isin(list(instrument_ids)), dtype=np.bool_)


def _one_profile(
    features: pd.DataFrame,
    profile: WeightProfile,
    side: Literal["liquidity", "repayment"],
    contract: TableContract,
    thresholds: PulseThresholds,
    chosen: NDArray[np.bool_],
) -> pd.DataFrame:
    items = profile.liquidity if side == "liquidity" else profile.repayment
    rows = features if chosen.all() else features[chosen]
    if not items:
        reason = f"profile {profile.name} has no {side} weights"
        return score_rows(rows, contract, profile, thresholds, reason=[reason] * len(rows))
    weighted = weigh(features, profile, items, thresholds)
    trust = {group: _column(features, f"{group}_weight_frac") > 0.0 for group in {item.group for item in items}}
    trusted = np.column_stack([trust[item.group] for item in items])
    told = np.column_stack([~np.isnan(_column(features, item.feature)) for item in items])
    at = np.flatnonzero(chosen)
    subset = WeightedScores(
        weighted.names,
        *(
            values[at]
            for values in (
                weighted.component,
                weighted.weight,
                weighted.contribution,
                weighted.score,
                weighted.coverage,
                weighted.sd,
                weighted.oldest_age_s,
            )
        ),
    )
    return score_rows(
        rows,
        contract,
        profile,
        thresholds,
        reason=missing_reasons(subset, profile, told[at], trusted[at]),
        score=subset.score,
        coverage=subset.coverage,
        sd=subset.sd,
        drivers=driver_texts(subset.names, subset.component, subset.weight, subset.contribution),
        oldest_age_s=subset.oldest_age_s,
    )


def _oldest(
    features: pd.DataFrame, items: tuple[FeatureWeight, ...], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    oldest = np.full(len(features), -1.0)
    for group in _GROUPS:
        columns = [j for j, item in enumerate(items) if item.group == group]
        if columns:
            used = (shares[:, columns] > 0.0).any(axis=1)
            oldest = np.fmax(oldest, np.where(used, _column(features, f"{group}_age_s"), np.nan))
    return np.where(oldest < 0.0, np.nan, oldest)


def _column(features: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in features.columns:
        raise ContractError(f"liquidity_features has no column {name!r}; see docs/data_dictionary.md")
    return features[name].to_numpy(dtype=np.float64, na_value=np.nan)
