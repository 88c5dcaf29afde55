"""Was the value at risk right: counts, clustering and depth of its exceedances.

Read next: ``rolling_var.py``, which puts whole histories through these tests.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, chdtrc, xlogy

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, or_none

__all__ = [
    "AcerbiSzekely",
    "BaselZone",
    "Christoffersen",
    "Kupiec",
    "acerbi_szekely",
    "basel_zone",
    "christoffersen",
    "kupiec",
    "z2_critical",
]

_CHI2_1_95: Final = 3.8415
_MULTIPLIERS: Final = {5: (1.70, 3.40), 6: (1.76, 3.50), 7: (1.83, 3.65), 8: (1.88, 3.75), 9: (1.92, 3.85)}
_Z2_AT_250: Final = -0.70
_Z2_TAIL_N: Final = 250 * 0.025


@dataclass(frozen=True, slots=True)
class Kupiec:
    """Likelihood ratio of the number of exceedances, its p-value, and whether 5 % rejects; ``None`` without a session."""

    lr: float | None
    p_value: float | None
    reject_5pct: bool | None


@dataclass(frozen=True, slots=True)
class Christoffersen:
    """Transitions between sessions without (0) and with (1) exceedance, and the tests of independence and coverage."""

    n00: int
    n01: int
    n10: int
    n11: int
    lr_ind: float | None
    p_ind: float | None
    lr_cc: float | None
    p_cc: float | None


@dataclass(frozen=True, slots=True)
class AcerbiSzekely:
    """Depth of the exceedances against the expected shortfall: 0 is as foreseen, negative is too little foreseen."""

    z1: float | None
    z2: float | None
    hits: int


@dataclass(frozen=True, slots=True)
class BaselZone:
    """Traffic light of 250 sessions at 99 %, the multiplier on 1.5 (and on the older 3), and P(N <= exceptions)."""

    zone: Literal["green", "amber", "red"]
    multiplier: float
    legacy_multiplier: float
    cum_prob: float


def kupiec(T: int, x: int, p: float) -> Kupiec:
    """Test the share of exceedances: LR = -2 ln [(1-p)^(T-x) p^x / ((1-x/T)^(T-x) (x/T)^x)], chi-squared(1).

    Parameters
    ----------
    T, x
        Sessions, and those whose loss exceeded the value at risk.
    p
        Share expected, 1 - confidence.

    Raises
    ------
    ConfigError
        Exceedances outside 0 to ``T``, or ``p`` outside (0, 1).

    References
    ----------
    Kupiec (1995), Journal of Derivatives 3(2), 73-84.
    """
    if not 0.0 < p < 1.0 or not 0 <= x <= T:
        raise ConfigError(f"Kupiec test: {x} of {T} at {p}; allowed 0 <= x <= T and 0 < p < 1")
    if T == 0:
        return Kupiec(None, None, None)
    lr = max(0.0, 2.0 * (_log_likelihood(T - x, x, x / T) - _log_likelihood(T - x, x, p)))
    return Kupiec(lr, float(chdtrc(1, lr)), lr > _CHI2_1_95)


def christoffersen(hits: Sequence[int] | NDArray[np.bool_], p: float) -> Christoffersen:
    """Test whether exceedances come one by one, and together with their number (conditional coverage).

    Parameters
    ----------
    hits
        1 where the loss exceeded the value at risk, 0 elsewhere, in time order.
    p
        Share expected.

    Returns
    -------
    Christoffersen
        ``None`` with fewer than two sessions.

    References
    ----------
    Christoffersen (1998), International Economic Review 39, 841-862.
    """
    found = np.asarray(hits).astype(np.int64).reshape(-1)
    before, after = found[:-1], found[1:]
    n00, n01, n10, n11 = (int(((before == i) & (after == j)).sum()) for i in (0, 1) for j in (0, 1))
    if found.size < 2:
        return Christoffersen(n00, n01, n10, n11, None, None, None, None)
    one = _log_likelihood(n00 + n10, n01 + n11, (n01 + n11) / (n00 + n01 + n10 + n11))
    two = _log_likelihood(n00, n01, n01 / max(n00 + n01, 1)) + _log_likelihood(n10, n11, n11 / max(n10 + n11, 1))
    lr_ind = max(0.0, 2.0 * (two - one))
    unconditional = kupiec(found.size, int(found.sum()), p).lr
    lr_cc = lr_ind + (unconditional or 0.0)
    return Christoffersen(n00, n01, n10, n11, lr_ind, float(chdtrc(1, lr_ind)), lr_cc, float(chdtrc(2, lr_cc)))


def acerbi_szekely(pnl: Observations, var: Observations, es: Observations, alpha: float) -> AcerbiSzekely:
    """Test expected shortfall by the losses beyond value at risk.

    With I_t = 1 where X_t < -VaR_t: Z1 = mean over hits of X_t / ES_t, + 1; Z2 = sum of X_t I_t / (n alpha ES_t), + 1.

    Parameters
    ----------
    pnl
        Profit and loss, losses negative; sessions with anything missing are left out.
    var, es
        What was foreseen for each session, losses positive.
    alpha
        The tail, 1 - confidence.

    Returns
    -------
    AcerbiSzekely
        ``z1`` is ``None`` without a hit, ``z2`` without a session. See :func:`z2_critical`.

    References
    ----------
    Acerbi and Szekely (2014), "Backtesting expected shortfall", Risk, December.
    """
    if not 0.0 < alpha < 1.0:
        raise ConfigError(f"Acerbi-Szekely test: tail {alpha}, allowed between 0 and 1, both excluded")
    x, v, e = observed(pnl), observed(var), observed(es)
    if not x.size == v.size == e.size:
        raise ConfigError(f"Acerbi-Szekely test: {x.size} results, {v.size} VaR, {e.size} ES; they must be one length")
    whole = ~(np.isnan(x) | np.isnan(v) | np.isnan(e)) & (e > 0.0)
    x, v, e = x[whole], v[whole], e[whole]
    hit = x < -v
    hits = int(hit.sum())
    ratio = (x[hit] / e[hit]).sum()
    z1 = float(ratio) / hits + 1.0 if hits else None
    return AcerbiSzekely(z1, float(ratio) / (x.size * alpha) + 1.0 if x.size else None, hits)


def z2_critical(n: int, alpha: float) -> float:
    """Value of Z2 below which 5 % rejects: -0.70 for 250 sessions and a tail of 2.5 %, scaled by the root of tail points.

    The value is simulated for normal results (Student's t with 10 degrees: -0.71, with 3: -0.82); the scaling is that of
    the standard deviation of Z2.
    """
    return _Z2_AT_250 * math.sqrt(_Z2_TAIL_N / (n * alpha)) if n else math.nan


def basel_zone(exceptions: int) -> BaselZone:
    """Traffic light of the Basel framework for 250 sessions of a 99 % value at risk (MAR99).

    Raises
    ------
    ConfigError
        A count outside 0 to 250.
    """
    if not 0 <= exceptions <= 250:
        raise ConfigError(f"traffic light: {exceptions} exceptions of 250 sessions")
    cumulative = float(bdtr(exceptions, 250, 0.01))
    if exceptions < 5:
        return BaselZone("green", 1.5, 3.0, cumulative)
    if exceptions > 9:
        return BaselZone("red", 2.0, 4.0, cumulative)
    return BaselZone("amber", *_MULTIPLIERS[exceptions], cumulative)


def _log_likelihood(misses: int, hits: int, p: float) -> float:
    """Logarithm of (1-p)^misses p^hits, with 0 ln 0 = 0."""
    return float(or_none(float(xlogy(misses, 1.0 - p) + xlogy(hits, p))) or 0.0)
