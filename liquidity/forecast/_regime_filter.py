"""Hidden Markov model with Gaussian emissions: fitted by expectation-maximisation, filtered forward only.

The recursion over sessions is compiled; everything else is plain numpy. Imported on first use only (numba costs 0.6 s).
Read next: ``regime.py``, which says what is observed and when it is fitted.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numba
import numpy as np
from numpy.typing import NDArray

from liquidity.domain.compiled import compiled

__all__ = ["HiddenMarkov", "fit_hidden_markov", "log_likelihood_of_one_state", "recursion"]

_ITERATIONS: Final = 60
_TOLERANCE: Final = 0.05  # natural log of the likelihood, per iteration; criteria differ by several
# The priors weigh as much as so many sessions: a state that is hardly visited keeps a covariance and an exit.
_COVARIANCE_SESSIONS: Final = 10.0
_COVARIANCE_SCALE: Final = 0.25  # of the variance of the whole window
_STAY_SESSIONS: Final = 18.0
_LEAVE_SESSIONS: Final = 1.0
# Shares of the sessions, most liquid first, that each start of the expectation-maximisation gives to the states.
_STARTS: Final = {
    2: ((0.7, 0.3), (0.5, 0.5), (0.9, 0.1)),
    3: ((0.6, 0.3, 0.1), (1 / 3, 1 / 3, 1 / 3), (0.85, 0.1, 0.05)),
}

_F8 = numba.types.Array(numba.float64, 1, "C")
_F8_2 = numba.types.Array(numba.float64, 2, "C")
_SIGNATURE = numba.float64(_F8_2, _F8_2, _F8, _F8_2, _F8_2, _F8_2)

_Array = NDArray[np.float64]


def _recursion(density: Any, transition: Any, initial: Any, filtered: Any, smoothed: Any, moves: Any) -> float:
    sessions, states = density.shape
    total = 0.0
    for t in range(sessions):
        norm = 0.0
        for j in range(states):
            expected = 0.0
            if t == 0:
                expected = initial[j]
            else:
                for i in range(states):
                    expected += filtered[t - 1, i] * transition[i, j]
            filtered[t, j] = expected * density[t, j]
            norm += filtered[t, j]
        for j in range(states):
            filtered[t, j] /= norm
        total += np.log(norm)
    for i in range(states):
        for j in range(states):
            moves[i, j] = 0.0
    if sessions == 0:
        return total
    for j in range(states):
        smoothed[sessions - 1, j] = filtered[sessions - 1, j]
    for back in range(sessions - 1):
        t = sessions - 2 - back
        for i in range(states):
            smoothed[t, i] = 0.0
        for j in range(states):
            expected = 0.0
            for i in range(states):
                expected += filtered[t, i] * transition[i, j]
            if expected <= 0.0:
                continue
            ratio = smoothed[t + 1, j] / expected
            for i in range(states):
                moved = filtered[t, i] * transition[i, j] * ratio
                smoothed[t, i] += moved
                moves[i, j] += moved
    return total


recursion = compiled(_SIGNATURE, error_model="python")(_recursion)
"""Fill ``filtered`` (T, S), ``smoothed`` (T, S) and ``moves`` (S, S), return the log of the likelihood.

``density`` (T, S) is the likelihood of each session in each state up to a factor per session, ``transition`` (S, S) has
rows that sum to 1, ``initial`` (S,) holds before the first session. Forward: Hamilton (1989), Econometrica 57(2),
357-384. Backward: Kim (1994), Journal of Econometrics 60, 1-22.
"""


@dataclass(frozen=True, slots=True)
class HiddenMarkov:
    """Parameters of the model, states by their mean of the first observed column, highest first.

    Attributes
    ----------
    means, covariances
        (S, D) and (S, D, D), in the unit of the observations.
    transition
        (S, S), row i is where the market goes from state i in one session.
    initial
        (S,) before the first session of the window.
    log_likelihood
        Natural log, of the window it was fitted on.
    """

    means: _Array
    covariances: _Array
    transition: _Array
    initial: _Array
    log_likelihood: float

    def filtered(self, observed: _Array) -> _Array:
        """Probability of each state given the sessions so far, (T, S); row t reads rows 0..t alone.

        A row with a missing value says nothing: the state moves on by the transition.
        """
        density, _ = _densities(observed, self.means, self.covariances)
        filtered, smoothed = np.empty_like(density), np.empty_like(density)
        recursion(density, self.transition, self.initial, filtered, smoothed, np.empty_like(self.transition))
        return filtered


def fit_hidden_markov(observed: _Array, states: Literal[2, 3]) -> HiddenMarkov:
    """Fit so many states by expectation-maximisation from three fixed starts; the likeliest end wins.

    Parameters
    ----------
    observed
        (T, D) with a standard deviation of about 1 in each column; the first column orders the states. Rows with NaN
        carry no evidence. No random numbers: equal rows give equal bits.

    Notes
    -----
    Maximum a posteriori with weak priors: covariances towards a quarter of the window's, worth 10 sessions, and
    transitions towards staying nine times in ten, worth 20 sessions.

    References
    ----------
    Baum, Petrie, Soules and Weiss (1970), Annals of Mathematical Statistics 41(1), 164-171. Hamilton (1989).
    """
    fits = [_climb(observed, _first_weights(observed, shares)) for shares in _STARTS[states]]
    return _ordered(max(fits, key=lambda fit: fit.log_likelihood))


def log_likelihood_of_one_state(observed: _Array) -> float:
    """Natural log of the likelihood when one Gaussian explains all complete rows of ``observed``."""
    rows = observed[np.isfinite(observed).all(axis=1)]
    weights = np.ones((len(rows), 1))
    means, covariances = _emissions(rows, weights)
    _, peak = _densities(rows, means, covariances)
    return float(peak.sum())


def _first_weights(observed: _Array, shares: tuple[float, ...]) -> _Array:
    """One state for each session by the five-session mean of the first column, most liquid sessions first."""
    level = observed[:, 0]
    known = np.isfinite(level)
    padded = np.concatenate([np.zeros(1), np.cumsum(np.where(known, level, 0.0))])
    counted = np.concatenate([np.zeros(1), np.cumsum(known)])
    places = np.arange(1, len(level) + 1)
    begin = np.maximum(places - 5, 0)
    n = counted[places] - counted[begin]
    recent = np.divide(padded[places] - padded[begin], n, out=np.zeros(len(level)), where=n > 0)
    rank = np.empty(len(level))
    rank[np.argsort(-recent, kind="stable")] = (np.arange(len(level)) + 0.5) / len(level)
    state = np.searchsorted(np.cumsum(shares)[:-1], rank)
    return np.eye(len(shares))[state]


def _climb(observed: _Array, smoothed: _Array) -> HiddenMarkov:
    """Expectation-maximisation from a first guess of the states' weights (T, S)."""
    complete = np.isfinite(observed).all(axis=1)
    states = smoothed.shape[1]
    moves = smoothed[:-1].T @ smoothed[1:]
    filtered, smoothed = np.empty_like(smoothed), smoothed.copy()
    best = -np.inf
    for _ in range(_ITERATIONS):
        means, covariances = _emissions(observed[complete], smoothed[complete])
        prior = np.where(np.eye(states) > 0.0, _STAY_SESSIONS, _LEAVE_SESSIONS)
        transition = moves + prior
        transition /= transition.sum(axis=1, keepdims=True)
        initial = (smoothed[0] + 1.0) / (states + 1.0)
        density, peak = _densities(observed, means, covariances)
        reached = float(recursion(density, transition, initial, filtered, smoothed, moves) + peak.sum())
        if reached - best < _TOLERANCE:
            break
        best = reached
    return HiddenMarkov(means, covariances, transition, initial, reached)


def _emissions(rows: _Array, weights: _Array) -> tuple[_Array, _Array]:
    """Means (S, D) and covariances (S, D, D) of complete rows under the weights (R, S) of the states."""
    columns = rows.shape[1]
    total = weights.sum(axis=0)
    usual = rows.mean(axis=0)
    means = (weights.T @ rows + usual) / (total + 1.0)[:, np.newaxis]
    floor = _COVARIANCE_SCALE * np.diag(np.maximum(rows.var(axis=0), 1e-9))
    covariances = np.empty((len(total), columns, columns))
    for state, mean in enumerate(means):
        away = rows - mean
        scatter = (away * weights[:, state, np.newaxis]).T @ away
        covariances[state] = (scatter + _COVARIANCE_SESSIONS * floor) / (total[state] + _COVARIANCE_SESSIONS)
    return means, covariances


def _densities(observed: _Array, means: _Array, covariances: _Array) -> tuple[_Array, _Array]:
    """Density of each row in each state over the row's largest, (T, S), and the log of that largest, (T,)."""
    logs = np.zeros((len(observed), len(means)))
    complete = np.isfinite(observed).all(axis=1)
    rows = observed[complete]
    for state, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
        factor = np.linalg.cholesky(covariance)
        away = np.linalg.solve(factor, (rows - mean).T)
        log_volume = np.log(np.diag(factor)).sum() + 0.5 * len(mean) * np.log(2.0 * np.pi)
        logs[complete, state] = -0.5 * (away**2).sum(axis=0) - log_volume
    peak = logs.max(axis=1)
    # No smaller than this: a session far from every state must not divide by a sum of zeros.
    return np.exp(np.maximum(logs - peak[:, np.newaxis], -600.0)), peak


def _ordered(fit: HiddenMarkov) -> HiddenMarkov:
    order = np.argsort(-fit.means[:, 0], kind="stable")
    return HiddenMarkov(
        fit.means[order],
        fit.covariances[order],
        np.ascontiguousarray(fit.transition[np.ix_(order, order)]),
        np.ascontiguousarray(fit.initial[order]),
        fit.log_likelihood,
    )
