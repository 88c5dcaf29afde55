"""Value at risk and expected shortfall from moments: normal, Student's t, and Cornish-Fisher inside its domain.

Read next: ``filtered.py``, which lets volatility move.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number, or_none
from liquidity.market_risk.tail import checked_confidence

__all__ = [
    "CornishFisher",
    "ParametricRisk",
    "SampleMoments",
    "cornish_fisher",
    "cornish_fisher_of",
    "is_monotone",
    "moment_degrees",
    "moments_of_rows",
    "normal_density",
    "normal_or_student",
    "var_parametric",
]

_MIN_DEGREES, _MAX_DEGREES = 4.1, 200.0


@dataclass(frozen=True, slots=True)
class ParametricRisk:
    """Value at risk and expected shortfall, losses positive, unit of ``mu`` and ``sigma``; ``None`` where a moment is missing."""

    var: float | None
    es: float | None


@dataclass(frozen=True, slots=True)
class CornishFisher:
    """Expansion of the loss quantile.

    Attributes
    ----------
    z_cf
        Corrected standard quantile of the loss.
    var, es
        Losses positive; ``es`` integrates the corrected quantile over the tail.
    monotone
        Whether the expansion is a quantile function at this skewness and kurtosis; where not, do not use it.
    """

    z_cf: float | None
    var: float | None
    es: float | None
    monotone: bool


@dataclass(frozen=True, slots=True)
class SampleMoments:
    """Moments of each row of a sample (M, W): mean, standard deviation (n - 1), skewness, excess kurtosis (both over n)."""

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    skew: NDArray[np.float64]
    ex_kurt: NDArray[np.float64]


def var_parametric(
    mu: float, sigma: float, confidence: float, h: float = 1.0, df: float | None = None
) -> ParametricRisk:
    """Value at risk and expected shortfall of a normal or variance-matched Student's t return.

    Normal: VaR = -mu h + z sigma sqrt(h), ES = -mu h + sigma sqrt(h) phi(z) / (1 - c). Student's t with ``df`` degrees of
    freedom is scaled by sqrt((df - 2) / df), so that its standard deviation is sigma.

    Parameters
    ----------
    mu, sigma
        Mean and standard deviation of one period.
    confidence
        c in (0, 1).
    h
        Periods, scaled as independent ones.
    df
        Degrees of freedom above 2; ``None`` is normal.

    Returns
    -------
    ParametricRisk
        ``None`` in both fields where a moment is missing.

    Raises
    ------
    ConfigError
        ``confidence``, ``h``, ``sigma`` or ``df`` outside its range.

    References
    ----------
    McNeil, Frey and Embrechts (2015), Quantitative Risk Management, section 2.3.
    """
    checked_confidence(confidence)
    mean, sd = observed_number(mu), observed_number(sigma)
    if sd < 0.0 or not h > 0.0:
        raise ConfigError(f"parametric risk: sigma {sigma}, h {h}; allowed sigma >= 0 and h > 0")
    if df is not None and not df > 2.0:
        raise ConfigError(f"parametric risk: {df} degrees of freedom have no variance; allowed above 2")
    var, es = normal_or_student(mean * h, sd * h**0.5, confidence, df)
    return ParametricRisk(or_none(float(var)), or_none(float(es)))


def normal_or_student(
    mean: ArrayLike, sd: ArrayLike, confidence: float, df: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Value at risk and expected shortfall of arrays of moments that broadcast; normal without ``df``."""
    mean, sd = np.asarray(mean, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    a = 1.0 - confidence
    if df is None:
        z = float(ndtri(confidence))
        return -mean + z * sd, -mean + sd * normal_density(z) / a
    degrees = np.asarray(df, dtype=np.float64)
    q = stdtrit(degrees, confidence)
    scale = np.sqrt((degrees - 2.0) / degrees)
    return -mean + sd * scale * q, -mean + sd * scale * _t_density(q, degrees) / a * (degrees + q * q) / (degrees - 1.0)


def moment_degrees(ex_kurt: ArrayLike) -> NDArray[np.float64]:
    """Degrees of freedom whose Student's t has this excess kurtosis: 4 + 6 / K, held within 4.1 and 200 (nearly normal)."""
    kurtosis = np.asarray(ex_kurt, dtype=np.float64)
    with np.errstate(divide="ignore"):
        degrees = np.where(kurtosis > 0.0, 4.0 + 6.0 / np.where(kurtosis > 0.0, kurtosis, 1.0), _MAX_DEGREES)
    return np.where(np.isnan(kurtosis), np.nan, np.clip(degrees, _MIN_DEGREES, _MAX_DEGREES))


def cornish_fisher(mu: float, sigma: float, skew: float, ex_kurt: float, confidence: float) -> CornishFisher:
    """Value at risk corrected for skewness and kurtosis.

    With z the normal quantile of the confidence, S and K skewness and excess kurtosis of RETURNS, the loss quantile is
    z_cf = z - (z^2 - 1) S / 6 + (z^3 - 3 z) K / 24 - (2 z^3 - 5 z) S^2 / 36 and VaR = -mu + z_cf sigma.

    Returns
    -------
    CornishFisher
        Also outside the domain, with ``monotone`` false: fall back to the historical number and say so. S and K are the
        parameters of the expansion, near those of the sample only while they are small.

    References
    ----------
    Zangari (1996), RiskMetrics Monitor Q2; Boudt, Peterson and Croux (2008) for the shortfall; Maillard (2012), "A user's
    guide to the Cornish Fisher expansion", for the domain.

    Examples
    --------
    >>> found = cornish_fisher(0.0003, 0.02, -0.8, 3.0, 0.95)
    >>> round(found.z_cf, 6), found.monotone
    (1.799696, True)
    """
    checked_confidence(confidence)
    mean, sd, s, k = (observed_number(value) for value in (mu, sigma, skew, ex_kurt))
    var, es = cornish_fisher_of(mean, sd, s, k, confidence)
    z_cf, _ = cornish_fisher_of(0.0, 1.0, s, k, confidence)
    return CornishFisher(or_none(float(z_cf)), or_none(float(var)), or_none(float(es)), bool(is_monotone(s, k)))


def cornish_fisher_of(
    mean: ArrayLike, sd: ArrayLike, skew: ArrayLike, ex_kurt: ArrayLike, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Value at risk and expected shortfall of arrays of moments, whether or not inside the domain."""
    mean, sd, s, k = (np.asarray(value, dtype=np.float64) for value in (mean, sd, skew, ex_kurt))
    z = float(ndtri(confidence))
    z_cf = z - (z**2 - 1.0) * s / 6.0 + (z**3 - 3.0 * z) * k / 24.0 - (2.0 * z**3 - 5.0 * z) * s**2 / 36.0
    # The integral of a Hermite polynomial He_n times the density beyond z is He_(n-1)(z) times the density at z.
    beyond = 1.0 - z * s / 6.0 + (z**2 - 1.0) * k / 24.0 - (2.0 * z**2 - 1.0) * s**2 / 36.0
    return -mean + z_cf * sd, -mean + sd * normal_density(z) / (1.0 - confidence) * beyond


def is_monotone(skew: ArrayLike, ex_kurt: ArrayLike) -> NDArray[np.bool_]:
    """Whether the expansion rises everywhere: A z^2 + B z + C >= 0 for all z, its derivative (Maillard 2012)."""
    s, k = np.asarray(skew, dtype=np.float64), np.asarray(ex_kurt, dtype=np.float64)
    a, b, c = k / 8.0 - s**2 / 6.0, s / 3.0, 1.0 - k / 8.0 + 5.0 * s**2 / 36.0
    inside: NDArray[np.bool_] = (a >= 0.0) & (c >= 0.0) & (b * b <= 4.0 * a * c)
    return inside


def moments_of_rows(rows: NDArray[np.float64]) -> SampleMoments:
    """Moments of each row of (M, W) complete samples, W >= 2; skewness and kurtosis are NaN where a row never moves."""
    mean = rows.mean(axis=-1)
    off = rows - mean[..., None]
    squares = off * off
    variance = squares.mean(axis=-1)
    n = rows.shape[-1]
    moving = variance > 1e-24 * np.maximum(np.abs(mean), 1e-12) ** 2
    safe = np.where(moving, variance, np.nan)
    skew = (squares * off).mean(axis=-1) / safe**1.5
    ex_kurt = (squares * squares).mean(axis=-1) / safe**2 - 3.0
    return SampleMoments(mean, np.sqrt(variance * n / (n - 1.0)), skew, ex_kurt)


def normal_density(z: float) -> float:
    """Standard normal density."""
    return float(np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi))


def _t_density(x: NDArray[np.float64], df: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import gammaln

    logarithm = (
        gammaln((df + 1.0) / 2.0)
        - gammaln(df / 2.0)
        - 0.5 * np.log(df * np.pi)
        - (df + 1.0) / 2.0 * np.log1p(x * x / df)
    )
    density: NDArray[np.float64] = np.exp(logarithm)
    return density
