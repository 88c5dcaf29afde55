"""Which weights would the evidence move? A report beside the profile in force; nobody applies it.

A profile is a published promise, so weights change by a new profile under a new name, decided by people who read this.
Read next: ``liquidity/index/profiles.py``, ``docs/methodology/score_validation.md``.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.backtest.outcomes import market_facts, outcomes, places_of
from liquidity.backtest.rank_bootstrap import block_counts, block_interval, centred_ranks
from liquidity.backtest.score_validation import ValidationSettings
from liquidity.contracts.evidence import WEIGHT_REVIEW
from liquidity.forecast.panel import ScorePanel
from liquidity.index.profiles import WeightProfile

__all__ = ["HALF_LIFE_SESSIONS", "REVIEWED_OUTCOMES", "review_weights"]

REVIEWED_OUTCOMES: Final = ("zero_trade_day", "failed_exit", "spread_ratio")
"""Outcomes that a liquidity weight answers for, one session ahead; costs above their estimate judge the estimate too."""

HALF_LIFE_SESSIONS: Final = 60
"""Evidence of so many sessions ago counts half."""

_LEAST_PER_NAME: Final = 30
_MOVES: Final = 0.02  # share of weight below which a difference is no finding

_Matrix = NDArray[np.float64]


def review_weights(
    panel: ScorePanel,
    features: pd.DataFrame,
    profile: WeightProfile,
    session: np.datetime64,
    settings: ValidationSettings | None = None,
) -> pd.DataFrame:
    """Compare each weight of a profile's liquidity score with what its feature said about later outcomes.

    Parameters
    ----------
    panel
        Liquidity scores of one market; only its sessions and instruments are used.
    features
        ``liquidity_features`` rows: key, ``outcomes.FACT_COLUMNS``, and ``<feature>_own_rank_frac`` of the profile.
    profile
        Weights in force.
    session
        Last session whose outcomes are known.

    Returns
    -------
    pd.DataFrame
        Rows of ``WEIGHT_REVIEW``, one for each weighted feature.

    Notes
    -----
    Of each feature the rank in the instrument's own history, turned so that high is liquid by the sign of its weight, is
    correlated with the outcomes of the next session, both as ranks within the instrument; a good feature is below 0. The
    correlation is kept as a running sum that each session adds to when its outcome is known, older ones halving every
    ``HALF_LIFE_SESSIONS``. ``evidence_share_frac`` is half the share of today and half the feature's part in
    the correlations below 0 whose interval holds no 0; the weight of features that nothing can be said of stays theirs.
    Intervals as in ``score_validation``.
    """
    chosen = settings or ValidationSettings()
    seen = panel.up_to(session)
    if not len(seen.sessions) or not len(seen.instrument_ids):
        return _table([])
    window = slice(max(len(seen.sessions) - chosen.window_sessions, 0), None)
    facts = market_facts(features, seen.sessions, seen.instrument_ids)
    followed = [one.ahead[0][window] for one in outcomes(facts) if one.name in REVIEWED_OUTCOMES]
    weights = {item.feature: item.weight for item in profile.liquidity}
    readings = _readings(features, seen, weights)
    days = seen.sessions[window]
    draws = block_counts(len(days), chosen.blocks, chosen.resamples, chosen.seed)
    age = np.arange(len(days))[::-1]
    decay = 0.5 ** (age / HALF_LIFE_SESSIONS)
    draws = draws * decay
    found = {name: _evidence(values[window], followed, decay, draws, chosen) for name, values in readings.items()}
    gains = {name: max(-value[1], 0.0) if value[3] < 0.0 else 0.0 for name, value in found.items()}
    total_gain, total_weight = sum(gains.values()), sum(abs(weight) for weight in weights.values())
    judged = sum(abs(weights[name]) for name, value in found.items() if np.isfinite(value[1])) / total_weight
    rows = []
    for name, (sessions, middle, low, high) in found.items():
        share = abs(weights[name]) / total_weight
        target = 0.5 * share + 0.5 * judged * gains[name] / total_gain if total_gain > 0.0 else None
        known = bool(np.isfinite(middle))
        rows.append(
            {
                "session_date": session.astype("datetime64[D]").item(),
                "asset_class": panel.group.asset_class,
                "calendar": panel.group.calendar,
                "origin": panel.group.origin,
                "profile": profile.name,
                "feature": name,
                "window_from": days[0].astype("datetime64[D]").item(),
                "sessions_n": sessions,
                "weight_share_frac": share,
                "evidence_share_frac": target if known else None,
                "rank_correlation": middle if known else None,
                "rank_correlation_low": low if known else None,
                "rank_correlation_high": high if known else None,
            }
            | _finding(share, target, sessions, middle, low, high, chosen.min_sessions)
        )
    return _table(rows)


def _readings(features: pd.DataFrame, panel: ScorePanel, weights: dict[str, float]) -> dict[str, _Matrix]:
    """(T, N) own-history rank of each weighted feature, high is liquid."""
    row, column = places_of(features, panel.sessions, panel.instrument_ids)
    here = (row >= 0) & (column >= 0)
    readings = {}
    for name, weight in weights.items():
        matrix = np.full(panel.scores.shape, np.nan)
        rank = features[f"{name}_own_rank_frac"].to_numpy(dtype=np.float64, na_value=np.nan)
        matrix[row[here], column[here]] = rank[here] if weight > 0.0 else 1.0 - rank[here]
        readings[name] = matrix
    return readings


def _evidence(
    reading: _Matrix, followed: list[_Matrix], decay: _Matrix, draws: _Matrix, settings: ValidationSettings
) -> tuple[int, float, float, float]:
    """Sessions with a pair, and mean rank correlation with its interval over the outcomes that vary."""
    middles, intervals, sessions = [], [], 0
    for outcome in followed:
        paired = np.isfinite(reading) & np.isfinite(outcome)
        paired &= np.count_nonzero(paired, axis=0) >= _LEAST_PER_NAME
        with_pair = int(np.count_nonzero(paired.any(axis=1)))
        sessions = max(sessions, with_pair)
        x, y = (centred_ranks(np.where(paired, each, np.nan), axis=0) for each in (reading, outcome))
        sums = np.column_stack([(a * b).sum(axis=1) for a, b in ((x, x), (y, y), (x, y))])
        point, drawn = decay @ sums, draws @ sums
        if with_pair < settings.min_sessions or point[0] * point[1] <= 0.0:
            continue
        middles.append(point[2] / np.sqrt(point[0] * point[1]))
        scale = np.sqrt(drawn[:, 0] * drawn[:, 1])
        intervals.append(np.divide(drawn[:, 2], scale, out=np.zeros(len(scale)), where=scale > 0.0))
    if not middles:
        return sessions, np.nan, np.nan, np.nan
    middle = float(np.mean(middles))
    low, high = block_interval(middle, np.mean(intervals, axis=0), settings.blocks)
    return sessions, middle, max(low, -1.0), min(high, 1.0)


def _finding(
    share: float, target: float | None, sessions: int, middle: float, low: float, high: float, least: int
) -> dict[str, str]:
    if not np.isfinite(middle):
        return {
            "finding": "insufficient_data",
            "reason": f"{sessions} sessions with the feature and an outcome that varies, {least} needed",
        }
    figures = f"rank correlation {middle:+.3f} [{low:+.3f}, {high:+.3f}]"
    if target is None:
        return {"finding": "keep", "reason": f"{figures}; no feature of the profile has evidence"}
    told = f"{figures}; share {share:.3f}, evidence {target:.3f}"
    if abs(target - share) < _MOVES:
        return {"finding": "keep", "reason": told}
    return {"finding": "raise" if target > share else "lower", "reason": told}


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(WEIGHT_REVIEW.column_names))
    for name in ("session_date", "window_from"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[s]")
    numbers = {c.name: c.dtype for c in WEIGHT_REVIEW.columns if c.dtype in ("float64", "int64")}
    return table.astype(numbers).sort_values(list(WEIGHT_REVIEW.key), ignore_index=True)
