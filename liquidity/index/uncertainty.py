"""How far a score may be from the truth: standard deviation in points and the 80 % band.

Three sources add up. A percentile among n names is itself an estimate (sampling error); own history and peers may tell
different stories (disagreement); and weight that no fresh input carries is unknown (prior). The published number never
shrinks when an input is lost or ages: see :func:`total_sd` for why. Read next: ``docs/methodology/uncertainty.md``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.features.scaling import ComponentScores
from liquidity.index.thresholds import PulseThresholds

__all__ = ["BAND_80_Z", "Uncertainty", "band_80", "component_sd", "total_sd", "uncertainty"]

# 90 % quantile of the normal distribution: +- this many sd hold 80 %.
BAND_80_Z: Final = 1.2816


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Standard deviation of a weighted score, points; None when no component is known.

    ``sd`` is that of the known part, ``sd_total`` adds the missing weight in quadrature.
    """

    sd: float | None
    sd_total: float | None


def uncertainty(weights: Sequence[float], sds: Sequence[float | None], rho: float, prior_sd: float) -> Uncertainty:
    """Error of a weighted mean of correlated components, missing ones included.

    sd = sqrt(sum w_i^2 sd_i^2 + 2 sum_{i<j} w_i w_j rho sd_i sd_j), w = |weight| / sum |weight| over the known;
    sd_total = sqrt(sd^2 + (1 - coverage)^2 prior_sd^2).

    Parameters
    ----------
    weights
        Signed or not; only their size counts.
    sds
        Standard deviation of each component, points; None is missing.
    rho
        Common correlation of the errors, 0-1.
    prior_sd
        Standard deviation of what is not known, points.

    Examples
    --------
    >>> result = uncertainty([0.3, 0.2, 0.5], [5.0, None, 4.0], rho=0.5, prior_sd=25.0)
    >>> round(result.sd, 6), round(result.sd_total, 6)
    (3.801727, 6.281172)
    """
    if len(weights) != len(sds):
        raise ConfigError(f"uncertainty: {len(weights)} weights for {len(sds)} standard deviations; give one for each")
    total = sum(abs(weight) for weight in weights)
    known = [(abs(weight), sd) for weight, sd in zip(weights, sds, strict=True) if sd is not None and weight]
    mass = sum(weight for weight, _ in known)
    if not known or total == 0:
        return Uncertainty(None, None)
    errors = [weight / mass * sd for weight, sd in known]
    variance = sum(error * error for error in errors)
    for i, left in enumerate(errors):
        variance += sum(2.0 * rho * left * right for right in errors[i + 1 :])
    return Uncertainty(math.sqrt(variance), math.sqrt(variance + ((1.0 - mass / total) * prior_sd) ** 2))


def component_sd(
    parts: ComponentScores, history_n: NDArray[np.float64], own_weight: float, thresholds: PulseThresholds
) -> NDArray[np.float64]:
    """Estimate the standard deviation of each component score, points, never above the prior; NaN where the score is.

    Sampling error of a percentile p among n: 100 sqrt(p' (1 - p') / n) with p' = (n p + 1) / (n + 2), so that the best
    of ten is not taken for certain; own and peer parts combine by their squared shares. Disagreement: the standard
    error sqrt(w (1 - w)) |own - peer| of a mean of two readings, or the assumed one where only one reading exists. A
    component that is scaled as it stands carries ``natural_sd_points``.

    Parameters
    ----------
    history_n
        Shape (rows,): earlier sessions behind the own rank.
    own_weight
        Share of the own rank, fraction 0-1.

    References
    ----------
    Agresti and Coull (1998), The American Statistician 52(2), 119-126, for the shrunken proportion.
    """
    own_error = _percentile_error(parts.own, history_n[:, np.newaxis])
    peer_error = _percentile_error(parts.peer, parts.peers_n.astype(np.float64))
    spread = math.sqrt(own_weight * (1.0 - own_weight)) * np.abs(parts.own - parts.peer)
    both = np.hypot(np.hypot(own_weight * own_error, (1.0 - own_weight) * peer_error), spread)
    single = np.hypot(np.where(np.isnan(parts.own), peer_error, own_error), thresholds.unseen_view_sd_points)
    sd = np.where(np.isnan(both), single, both)
    sd[:, parts.natural] = thresholds.natural_sd_points
    sd = np.minimum(sd, thresholds.prior_sd_points)
    sd[np.isnan(parts.score)] = np.nan
    return sd


def total_sd(shares: NDArray[np.float64], sds: NDArray[np.float64], rho: float, prior_sd: float) -> NDArray[np.float64]:
    """Estimate the standard deviation of each row's score: known part as in :func:`uncertainty`, missing weight at the prior.

    sd_total = coverage * sd + (1 - coverage) * prior_sd, with sd of :func:`uncertainty` over the known components.

    Parameters
    ----------
    shares
        Shape (rows, components): weight that fresh inputs carry, as a share of the whole profile; rows sum to the
        coverage. 0 where missing.
    sds
        Same shape, points, each at most ``prior_sd``; NaN where missing.

    Notes
    -----
    The missing weight is added as if fully correlated with the rest: conservative, and monotone. Moving a sliver of
    weight from component k to "missing" changes sd_total by prior_sd - sd_k * corr(k, known part) per unit, which is
    never negative while sd_k <= prior_sd. Adding in quadrature, as ``sd_total`` of the scalar does, lacks this
    property: a very uncertain input could be "improved" by losing it.
    """
    errors = np.where(shares > 0.0, shares * np.nan_to_num(sds), 0.0)
    squares = np.einsum("ij,ij->i", errors, errors)
    known = np.sqrt((1.0 - rho) * squares + rho * errors.sum(axis=1) ** 2)
    missing = np.clip(1.0 - shares.sum(axis=1), 0.0, 1.0)
    return np.asarray(known + missing * prior_sd, dtype=np.float64)


def band_80(score: NDArray[np.float64], sd: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """80 % band, score -+ 1.2816 sd, cut to 0-100; NaN where either is.

    Examples
    --------
    >>> lower, upper = band_80(np.array([50.0, 95.0]), np.array([10.0, 10.0]))
    >>> lower.round(3).tolist(), upper.round(3).tolist()
    ([37.184, 82.184], [62.816, 100.0])
    """
    half = BAND_80_Z * sd
    return np.clip(score - half, 0.0, 100.0), np.clip(score + half, 0.0, 100.0)


def _percentile_error(score: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    count = np.where(n > 0, n, 1.0)
    shrunk = (count * score / 100.0 + 1.0) / (count + 2.0)
    return np.asarray(100.0 * np.sqrt(shrunk * (1.0 - shrunk) / count), dtype=np.float64)
