"""Scores for bonds without enough signals of their own, labelled by method and with the error of that method.

Most bonds do not trade on most days. Rather than a guess that looks like a measurement, such a bond gets the best of
three estimates, named in ``method``: the mean of its issuer's observed bonds, the mean of its sector (and rating), or a
rule from size, age and remaining tenor. How wrong each is gets measured every day by hiding bonds whose score is known
and estimating them the same way. Recorded and simulated bonds never estimate, nor measure the error of, one another.
Bonds only. Read next: ``docs/methodology/thin_bonds.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError
from liquidity.domain.instrument import BOND_CLASSES
from liquidity.domain.origin import ORIGINS, origins
from liquidity.features.scaling import peer_groups, peer_mid_ranks
from liquidity.index.profiles import WeightProfile
from liquidity.index.thresholds import PulseThresholds
from liquidity.index.uncertainty import band_80

__all__ = ["estimate_thin_bonds", "hidden_bond_errors"]

_ESTIMATES: Final = ("pooled_issuer", "pooled_sector", "rule_based")
# Shares of the rule: a large, young, short bond is the liquid one. Two of three facts must be known.
_RULE_SHARES: Final = (("size", 0.4), ("activity", 0.3), ("youth", 0.15), ("shortness", 0.15))
# Size, turnover of the session, age and tenor explain part of liquidity only, so the rule moves half-way from the middle.
_RULE_SLOPE: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Estimate:
    """One method's value for every row, how spread its pool is (points), and whom it rests on."""

    value: NDArray[np.float64]
    spread: NDArray[np.float64]
    members_n: NDArray[np.int64]
    basis: NDArray[np.object_]


def estimate_thin_bonds(
    scored: pd.DataFrame,
    features: pd.DataFrame,
    profile: WeightProfile | Mapping[str, WeightProfile],
    thresholds: PulseThresholds | None = None,
) -> pd.DataFrame:
    """Fill bonds below the coverage rule by the best method that applies; all other rows pass unchanged.

    Parameters
    ----------
    scored
        ``LIQUIDITY_INDEX`` rows of the whole session from own signals (observed or insufficient data).
    features
        The ``liquidity_features`` they come from, same rows in the same order.

    Returns
    -------
    pd.DataFrame
        ``scored`` with score, method, reason, uncertainty and band of estimated bonds set. Their ``uncertainty_sd`` is
        sqrt(max(error, spread)^2 + yardstick^2): the measured root mean square error of the method on hidden bonds of
        the asset class and origin, or the spread of the pool if that is larger, and the uncertainty of the observed
        scores it was measured against; the prior where nothing could be hidden; and never less than missing weight costs an observed
        score at the smallest coverage.
    """
    _require_aligned(scored, features)
    limits = thresholds or PulseThresholds()
    classes = scored["asset_class"].to_numpy(dtype=object)
    covered = _covered_classes(profile)
    thin = np.isin(classes, [name for name in BOND_CLASSES if name in covered])
    thin &= scored["liquidity_score"].isna().to_numpy()
    if not thin.any():
        return scored
    estimates = _estimates(scored, features, limits, hide=False)
    errors = (
        hidden_bond_errors(scored, features, limits).set_index(["asset_class", "origin", "method"]).to_dict("index")
    )
    origin = origins(features["source"])
    score = scored["liquidity_score"].to_numpy(dtype=np.float64, copy=True)
    sd = scored["uncertainty_sd"].to_numpy(dtype=np.float64, copy=True)
    method = scored["method"].to_numpy(dtype=object, copy=True)
    reason = scored["reason"].to_numpy(dtype=object, copy=True)
    waiting = thin.copy()
    for name in _ESTIMATES:
        estimate = estimates[name]
        here = waiting & ~np.isnan(estimate.value)
        for asset_class, kind in sorted({(str(a), str(b)) for a, b in zip(classes[here], origin[here], strict=True)}):
            rows = here & (classes == asset_class) & (origin == kind)
            error = errors[asset_class, kind, name]
            measured = np.fmax(float(error["rmse_points"]), estimate.spread[rows])
            total = np.hypot(measured, float(error["yardstick_sd_points"]))
            floor = (1.0 - _min_coverage(profile, asset_class)) * limits.prior_sd_points
            sd[rows] = np.where(np.isnan(error["rmse_points"]), limits.prior_sd_points, np.maximum(total, floor))
            measured_by = (
                f"error on {int(error['hidden_n'])} hidden bonds {error['rmse_points']:.1f} points"
                if error["hidden_n"]
                else "error not measurable"
            )
            reason[rows] = [
                f"{own}; estimated from {basis}; {measured_by}"
                for own, basis in zip(reason[rows], estimate.basis[rows], strict=True)
            ]
        score[here] = estimate.value[here]
        method[here] = name
        waiting &= ~here
    filled = scored.copy()
    filled["liquidity_score"], filled["uncertainty_sd"] = score, sd
    filled["method"], filled["reason"] = pd.array(method, dtype="str"), pd.array(reason, dtype="str")
    filled["lower_80"], filled["upper_80"] = band_80(score, sd)
    return filled


def hidden_bond_errors(
    scored: pd.DataFrame, features: pd.DataFrame, thresholds: PulseThresholds | None = None
) -> pd.DataFrame:
    """Error of each estimate, measured by hiding every observed bond in turn on the same day.

    Returns
    -------
    pd.DataFrame
        One row for each bond class, origin that occurs, and method: ``asset_class``, ``origin``, ``method``,
        ``hidden_n`` (observed bonds the method could estimate without looking at them), ``mae_points``,
        ``rmse_points``, ``bias_points`` (estimate minus observed), ``naive_rmse_points`` (the class mean as estimate,
        on the same bonds) and ``yardstick_sd_points`` (root mean square uncertainty of the observed scores
        themselves). NaN where ``hidden_n`` is 0.
    """
    _require_aligned(scored, features)
    limits = thresholds or PulseThresholds()
    observed = _observed(scored)
    truth, sd = (
        scored["liquidity_score"].to_numpy(dtype=np.float64),
        scored["uncertainty_sd"].to_numpy(dtype=np.float64),
    )
    classes = scored["asset_class"].to_numpy(dtype=object)
    estimates = _estimates(scored, features, limits, hide=True)
    naive = _pool(peer_groups(features)[2], truth, observed, 2, hide=True).value
    origin = origins(features["source"])
    present = [kind for kind in ORIGINS if (origin == kind).any()]
    rows: list[dict[str, object]] = []
    for asset_class, kind, name in product(BOND_CLASSES, present, _ESTIMATES):
        known = observed & (classes == asset_class) & (origin == kind) & ~np.isnan(estimates[name].value)
        error = estimates[name].value[known] - truth[known]
        n = len(error)
        rows.append(
            {
                "asset_class": asset_class,
                "origin": kind,
                "method": name,
                "hidden_n": n,
                "mae_points": float(np.abs(error).mean()) if n else np.nan,
                "rmse_points": _rms(error),
                "bias_points": float(error.mean()) if n else np.nan,
                "naive_rmse_points": _rms((naive - truth)[known]),
                "yardstick_sd_points": _rms(sd[known]),
            }
        )
    return pd.DataFrame(rows)


def _estimates(
    scored: pd.DataFrame, features: pd.DataFrame, limits: PulseThresholds, *, hide: bool
) -> dict[str, _Estimate]:
    """All three estimates of every row; with ``hide`` an observed row is left out of its own pool."""
    observed = _observed(scored)
    truth = scored["liquidity_score"].to_numpy(dtype=np.float64)
    sector_rating, sector, whole = peer_groups(features)
    issuer_codes, issuers = pd.factorize(features["issuer_id"])
    issuer = np.where(issuer_codes < 0, -1, whole * (len(issuers) + 1) + issuer_codes)
    issuer = np.where(issuer < 0, -1, pd.factorize(issuer)[0])
    by_issuer = _named(
        _pool(issuer, truth, observed, limits.pooled_issuer_min, hide=hide), "observed bonds of the issuer"
    )
    by_rating = _named(
        _pool(sector_rating, truth, observed, limits.pooled_sector_min, hide=hide),
        "observed bonds of sector and rating",
    )
    by_sector = _named(
        _pool(sector, truth, observed, limits.pooled_sector_min, hide=hide), "observed bonds of the sector"
    )
    finer = ~np.isnan(by_rating.value)
    pooled_sector = _Estimate(
        np.where(finer, by_rating.value, by_sector.value),
        np.where(finer, by_rating.spread, by_sector.spread),
        np.where(finer, by_rating.members_n, by_sector.members_n),
        np.where(finer, by_rating.basis, by_sector.basis),
    )
    centre = _pool(whole, truth, observed, limits.pooled_sector_min, hide=hide).value
    return {
        "pooled_issuer": by_issuer,
        "pooled_sector": pooled_sector,
        "rule_based": _rule(features, whole, np.where(np.isnan(centre), 50.0, centre)),
    }


def _pool(
    codes: NDArray[np.int64], truth: NDArray[np.float64], observed: NDArray[np.bool_], minimum: int, *, hide: bool
) -> _Estimate:
    """Mean and spread of the observed scores of each row's group, its own left out when hiding."""
    member = observed & (codes >= 0)
    size = int(codes.max(initial=-1)) + 1
    shifted = np.where(member, truth - 50.0, 0.0)  # around the middle: sums of squares stay exact enough
    row = np.where(codes < 0, 0, codes)

    def gathered(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(codes[member], weights=values[member], minlength=max(size, 1))
        return np.asarray(sums[row] - (np.where(member, values, 0.0) if hide else 0.0), dtype=np.float64)

    count, total, squares = gathered(np.ones(len(codes))), gathered(shifted), gathered(shifted * shifted)
    enough = (codes >= 0) & (count >= minimum)
    safe = np.where(enough, count, 1.0)
    mean = total / safe
    variance = np.maximum(squares / safe - mean * mean, 0.0) * safe / np.maximum(safe - 1.0, 1.0)
    return _Estimate(
        np.where(enough, np.clip(50.0 + mean, 0.0, 100.0), np.nan),
        np.where(enough, np.sqrt(variance), np.nan),
        np.where(enough, count, 0.0).astype(np.int64),
        np.full(len(codes), "", dtype=object),
    )


def _named(estimate: _Estimate, whom: str) -> _Estimate:
    texts = {int(n): f"{n} {whom}" for n in np.unique(estimate.members_n)}
    basis = np.array([texts[n] for n in estimate.members_n.tolist()], dtype=object)
    return _Estimate(estimate.value, estimate.spread, estimate.members_n, basis)


def _rule(features: pd.DataFrame, whole: NDArray[np.int64], centre: NDArray[np.float64]) -> _Estimate:
    """Half-way from the class mean (50 where none is observed) towards the rank of size, turnover, youth and shortness."""
    session = pd.to_datetime(features["session_date"])

    def days(name: str) -> NDArray[np.float64]:
        delta = pd.to_datetime(features[name]) - session
        return np.asarray(delta.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan) / 86_400.0)

    tenor, youth = days("maturity_date"), days("issue_date")
    facts = {
        "size": features["amount_outstanding"].to_numpy(dtype=np.float64, na_value=np.nan),
        "activity": features["turnover_ccy"].to_numpy(dtype=np.float64, na_value=np.nan),
        "youth": youth,
        "shortness": np.where(tenor >= 0.0, -tenor, np.nan),
    }
    mass, points, known = np.zeros(len(features)), np.zeros(len(features)), np.zeros(len(features), dtype=np.int64)
    for name, share in _RULE_SHARES:
        rank, _ = peer_mid_ranks(facts[name], whole)
        there = ~np.isnan(rank)
        mass += share * there
        points += share * np.where(there, rank, 0.0)
        known += there
    enough = known >= 2
    rank_points = 100.0 * points / np.where(enough, mass, 1.0)
    value = np.where(enough, np.clip(centre + _RULE_SLOPE * (rank_points - 50.0), 0.0, 100.0), np.nan)
    basis = np.full(len(features), "size, turnover, age and remaining tenor, as far as known", dtype=object)
    return _Estimate(value, np.full(len(features), np.nan), known, basis)


def _observed(scored: pd.DataFrame) -> NDArray[np.bool_]:
    bond = scored["asset_class"].isin(list(BOND_CLASSES))
    return np.asarray(bond & (scored["method"] == "observed") & scored["liquidity_score"].notna(), dtype=np.bool_)


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values * values))) if len(values) else float("nan")


def _covered_classes(profile: WeightProfile | Mapping[str, WeightProfile]) -> tuple[str, ...]:
    return profile.asset_classes if isinstance(profile, WeightProfile) else tuple(profile)


def _min_coverage(profile: WeightProfile | Mapping[str, WeightProfile], asset_class: str) -> float:
    return profile.min_coverage if isinstance(profile, WeightProfile) else profile[asset_class].min_coverage


def _require_aligned(scored: pd.DataFrame, features: pd.DataFrame) -> None:
    same = len(scored) == len(features) and all(
        bool((scored[name].array == features[name].array).all()) for name in ("instrument_id", "session_date")
    )
    if not same:
        raise ContractError(
            f"thin bonds: {len(scored)} scored rows do not match {len(features)} feature rows key by key; "
            "pass the features the scores were made from, in the same order"
        )
