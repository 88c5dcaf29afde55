"""Ranks within lines of a matrix, and intervals of sums over sessions from resampled blocks of neighbouring sessions.

Scores and outcomes persist for weeks, so sessions are no independent draws: blocks are few and long. Read next:
``score_validation.py``, which correlates the ranks.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["block_counts", "block_interval", "centred_ranks"]

_Matrix = NDArray[np.float64]


def centred_ranks(values: _Matrix, axis: int) -> _Matrix:
    """Mid-ranks along an axis, in (-0.5, 0.5) around their middle; 0 where a value is missing.

    Parameters
    ----------
    values
        (T, N), NaN where missing.
    axis
        0 ranks each column by itself, 1 each row.

    Examples
    --------
    >>> centred_ranks(np.array([[5.0, 1.0, 1.0, np.nan]]), axis=1).round(4).tolist()
    [[0.3333, -0.1667, -0.1667, 0.0]]
    """
    lines = values if axis == 1 else values.T
    order = np.argsort(lines, axis=1, kind="stable")
    ascending = np.take_along_axis(lines, order, axis=1)
    n = np.count_nonzero(np.isfinite(lines), axis=1)[:, np.newaxis]
    place = np.broadcast_to(np.arange(lines.shape[1]), lines.shape)
    opens = np.ones(lines.shape, dtype=np.bool_)
    opens[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
    closes = np.ones(lines.shape, dtype=np.bool_)
    closes[:, :-1] = opens[:, 1:]
    first = np.maximum.accumulate(np.where(opens, place, 0), axis=1)
    last = np.where(closes, place, lines.shape[1])[:, ::-1]
    last = np.minimum.accumulate(last, axis=1)[:, ::-1]
    ranks = (first + last + 1.0) / 2.0
    centred = np.where(place < n, (ranks - n / 2.0) / np.maximum(n, 1), 0.0)
    found = np.empty(lines.shape)
    np.put_along_axis(found, order, centred, axis=1)
    return found if axis == 1 else np.ascontiguousarray(found.T)


def block_counts(sessions: int, blocks: int, resamples: int, seed: int) -> _Matrix:
    """How often each session is drawn when so many blocks of neighbours are drawn, (resamples, sessions).

    Blocks may wrap around the end, so that every session is drawn equally often (Politis and Romano 1992).
    """
    rng = np.random.default_rng(seed)
    length = -(-sessions // blocks)
    starts = rng.integers(0, sessions, size=(resamples, -(-sessions // length)))
    drawn = (starts[:, :, np.newaxis] + np.arange(length)) % sessions
    drawn = drawn.reshape(resamples, -1)[:, :sessions]
    flat = (drawn + sessions * np.arange(resamples)[:, np.newaxis]).ravel()
    return np.bincount(flat, minlength=resamples * sessions).reshape(resamples, sessions).astype(np.float64)


def block_interval(value: float, resampled: _Matrix, blocks: int) -> tuple[float, float]:
    """95 % interval of a statistic from its resamples of ``blocks`` blocks.

    value +- t * sd * sqrt(K / (K - 1)), with t the 97.5 % quantile of Student's distribution with K - 1 degrees of
    freedom: the blocks are few, so a normal quantile, or the quantiles of the draws, would be too narrow.

    References
    ----------
    Kuensch (1989), Annals of Statistics 17(3), 1217-1241; Ibragimov and Mueller (2010), Journal of Business and
    Economic Statistics 28(4), 453-468, for Student's quantile over few blocks.
    """
    from scipy.special import stdtrit

    known = resampled[np.isfinite(resampled)]
    if len(known) < 2:
        return np.nan, np.nan
    half = float(stdtrit(blocks - 1, 0.975) * known.std(ddof=1) * np.sqrt(blocks / (blocks - 1)))
    return value - half, value + half
