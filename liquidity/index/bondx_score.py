"""The combined score: liquidity and repayment support weighted by sector, adjusted by rating, 0-100, 100 best.

Read next: ``docs/methodology/bondx_score.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.pulse import BONDX_SCORE, SCORE_METHODS
from liquidity.domain.errors import ContractError
from liquidity.index.aggregation import driver_texts, json_numbers, score_rows
from liquidity.index.profiles import WeightProfile, weight_profile
from liquidity.index.thresholds import PulseThresholds
from liquidity.index.uncertainty import total_sd

__all__ = ["BondXValue", "bondx_score", "combine_scores"]


@dataclass(frozen=True, slots=True)
class BondXValue:
    """Combined score in points 0-100 (None when both sides are) and the weight of the sides that are there."""

    score: float | None
    coverage: float


def bondx_score(
    liquidity: float | None, repayment: float | None, sector: str | None, profile: WeightProfile | None = None
) -> BondXValue:
    """Sector-weighted mean of both scores: the judge of :func:`combine_scores` without rating adjustment.

    (wl L + wr R) / (wl + wr) over the sides that are there, hence always between the two.

    Parameters
    ----------
    liquidity, repayment
        Points 0-100; None is missing and the other stands alone.
    sector
        An unknown sector takes the profile's default (0.5 / 0.5 in ``bondx_v1``, which is used when none is given).

    Examples
    --------
    >>> bondx_score(80.0, 50.0, "FINANCIAL")
    BondXValue(score=71.0, coverage=1.0)
    >>> bondx_score(None, 50.0, "UTILITIES")
    BondXValue(score=50.0, coverage=0.6)
    """
    weights = (profile or weight_profile("bondx_v1")).sector_weight(sector)
    sides = [(weights.liquidity, liquidity), (weights.repayment, repayment)]
    known = [(weight, score) for weight, score in sides if score is not None and weight > 0]
    mass = sum(weight for weight, _ in known)
    if not known:
        return BondXValue(None, 0.0)
    return BondXValue(sum(weight * score for weight, score in known) / mass, mass)


def combine_scores(
    liquidity: pd.DataFrame,
    repayment: pd.DataFrame,
    features: pd.DataFrame,
    profile: WeightProfile | Mapping[str, WeightProfile],
    thresholds: PulseThresholds | None = None,
) -> pd.DataFrame:
    """Combine both scores of each row of ``liquidity``.

    Parameters
    ----------
    liquidity, repayment
        ``LIQUIDITY_INDEX`` and ``REPAYMENT_SUPPORT`` rows of the same instruments, any order.
    features
        The ``liquidity_features`` behind them; only their keys are checked: nothing is scored without its features.
    profile
        One profile, or one for each asset class.

    Returns
    -------
    pd.DataFrame
        Columns of ``BONDX_SCORE``, rows and index of ``liquidity``. ``method`` is the weaker of the sides used;
        ``coverage_frac`` adds the sides' coverage by their weight, 0 for a missing side; ``reason`` also flags a
        sector that the profile does not know. Drivers are the two sides and, where it is not 0, ``rating_tilt``
        (component score null).

    Notes
    -----
    The rating adjustment is added after the mean and cut at 0 and 100; with all points 0, as shipped, the score lies
    between its two sides.
    """
    limits = thresholds or PulseThresholds()
    support = _match(repayment, liquidity, "repayment_support")
    _match(features, liquidity, "liquidity_features")
    classes = liquidity["asset_class"].to_numpy(dtype=object)
    if isinstance(profile, WeightProfile):
        groups = [(profile, np.ones(len(liquidity), dtype=np.bool_))]
    else:
        by_profile: dict[WeightProfile, list[str]] = {}
        for name, one in profile.items():
            by_profile.setdefault(one, []).append(name)
        groups = [(one, np.isin(classes, names)) for one, names in by_profile.items()]
    pieces = [_combine(liquidity[rows], support[rows], one, limits) for one, rows in groups if rows.any()]
    if not pieces:
        return score_rows(liquidity, BONDX_SCORE, weight_profile("bondx_v1"), limits, reason=[])
    places = np.concatenate([np.flatnonzero(rows) for _, rows in groups])
    if len(places) != len(liquidity):
        raise ContractError(
            f"bondx_score: no profile for the asset classes of {len(liquidity) - len(places)} rows; use profiles_for()"
        )
    return pieces[0] if len(pieces) == 1 else pd.concat(pieces).iloc[np.argsort(places)]


def _combine(
    liquidity: pd.DataFrame, repayment: pd.DataFrame, profile: WeightProfile, limits: PulseThresholds
) -> pd.DataFrame:
    sides = np.column_stack([_points(liquidity, "liquidity_score"), _points(repayment, "repayment_score")])
    side_coverage = np.column_stack([_points(liquidity, "coverage_frac"), _points(repayment, "coverage_frac")])
    side_sd = np.column_stack([_points(liquidity, "uncertainty_sd"), _points(repayment, "uncertainty_sd")])
    sectors = liquidity["sector"].to_numpy(dtype=object)
    codes, labels = pd.factorize(liquidity["sector"])
    table = [profile.sector_weight(str(label)) for label in labels] + [profile.default_sector_weight]
    weights = np.array([[weight.liquidity, weight.repayment] for weight in table])[codes]
    known_sectors = {weight.sector for weight in profile.sector_weights}

    shares = np.where(np.isnan(sides), 0.0, weights)
    mass = shares.sum(axis=1)
    there = mass > 0.0
    weight = shares / np.where(there, mass, 1.0)[:, np.newaxis]
    contribution = np.where(weight > 0.0, weight * (np.nan_to_num(sides) - 50.0), 0.0)
    plain = np.where(there, np.clip(50.0 + contribution.sum(axis=1), 0.0, 100.0), np.nan)
    tilts = {tilt.rating: tilt.points for tilt in profile.rating_tilt_points}
    wished = np.array(
        [tilts.get(rating, 0.0) for rating in liquidity["rating"].to_numpy(dtype=object)], dtype=np.float64
    )
    score = np.clip(plain + wished, 0.0, 100.0)
    tilt = np.where(there, score - plain, 0.0)
    sd = total_sd(
        shares, np.minimum(np.nan_to_num(side_sd), limits.prior_sd_points), limits.rho, limits.prior_sd_points
    )

    rank = {name: i for i, name in enumerate(SCORE_METHODS)}
    ranks = np.column_stack(
        [[rank[name] for name in frame["method"].to_numpy(dtype=object)] for frame in (liquidity, repayment)]
    ).reshape(-1, 2)
    worst = np.where(shares > 0.0, ranks, 0).max(axis=1) if len(ranks) else np.zeros(0, dtype=np.int64)
    method = np.array(SCORE_METHODS, dtype=object)[np.where(there, worst, len(SCORE_METHODS) - 1)]
    flagged = np.array([bool(known_sectors) and sector not in known_sectors for sector in sectors], dtype=np.bool_)
    reason = _reasons(liquidity, repayment, weights, shares, method, flagged, profile)
    ages = np.column_stack([_points(liquidity, "oldest_input_age_s"), _points(repayment, "oldest_input_age_s")])
    ages = np.where((shares > 0.0) & ~np.isnan(ages), ages, -1.0).max(axis=1, initial=-1.0)
    return score_rows(
        liquidity,
        BONDX_SCORE,
        profile,
        limits,
        reason=reason,
        score=score,
        coverage=np.minimum((shares * side_coverage).sum(axis=1), 1.0),
        sd=sd,
        drivers=_drivers(sides, weight, contribution, tilt, method == "observed"),
        oldest_age_s=np.where(ages < 0.0, np.nan, ages),
        method=method.tolist(),
    )


def _reasons(
    liquidity: pd.DataFrame,
    repayment: pd.DataFrame,
    weights: NDArray[np.float64],
    shares: NDArray[np.float64],
    method: NDArray[np.object_],
    flagged: NDArray[np.bool_],
    profile: WeightProfile,
) -> list[str]:
    texts = np.full(len(method), "", dtype=object)
    plain = (method == "observed") & ~flagged & ~((weights > 0.0) & (shares == 0.0)).any(axis=1)
    default = profile.default_sector_weight
    sides = [
        (name, frame["method"].to_numpy(dtype=object), frame["reason"].to_numpy(dtype=object))
        for name, frame in (("liquidity", liquidity), ("repayment", repayment))
    ]
    for i in np.flatnonzero(~plain).tolist():
        parts = []
        if flagged[i]:
            parts.append(f"sector unknown: default weights {default.liquidity:g}/{default.repayment:g}")
        for j, (name, methods, reasons) in enumerate(sides):
            if weights[i, j] > 0.0 and (shares[i, j] == 0.0 or methods[i] != "observed"):
                parts.append(f"{name}: {reasons[i]}")
        texts[i] = "; ".join(parts)
    return list(texts)


def _drivers(
    sides: NDArray[np.float64],
    weight: NDArray[np.float64],
    contribution: NDArray[np.float64],
    tilt: NDArray[np.float64],
    observed: NDArray[np.bool_],
) -> list[str]:
    rows = np.flatnonzero(observed)
    points = np.round(contribution[rows], 10)
    texts = np.full(len(observed), "[]", dtype=object)
    texts[rows] = driver_texts(("liquidity_score", "repayment_score"), sides[rows], weight[rows], points)
    tilts = np.round(tilt, 10)
    tilted = rows[tilts[rows] != 0.0]
    for row, extra in zip(tilted.tolist(), json_numbers(tilts[tilted]), strict=True):
        item = f'{{"feature":"rating_tilt","score":null,"weight":0.0,"contribution":{extra}}}'
        texts[row] = f"{texts[row][:-1]},{item}]" if len(texts[row]) > len("[]") else f"[{item}]"
    return list(texts.tolist())


def _match(frame: pd.DataFrame, like: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of ``frame`` in the order of ``like``; every row of ``like`` must be there exactly once."""
    keys: Sequence[str] = ("session_date", "instrument_id")
    if len(frame) == len(like) and all(bool((frame[key].array == like[key].array).all()) for key in keys):
        return frame.set_axis(like.index)
    index = pd.MultiIndex.from_frame(frame[list(keys)].astype(object))
    if not index.is_unique:
        raise ContractError(
            f"{name}: an instrument occurs twice in one session; its key is session_date, instrument_id"
        )
    places = index.get_indexer(pd.MultiIndex.from_frame(like[list(keys)].astype(object)))
    if (places < 0).any():
        lost = like.iloc[int(np.flatnonzero(places < 0)[0])]
        raise ContractError(
            f"{name}: {int((places < 0).sum())} of {len(like)} scored instruments have no row, first: "
            f"{lost['instrument_id']} on {lost['session_date']}; materialise it for the same session"
        )
    return frame.iloc[places].set_axis(like.index)


def _points(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
