"""A small market whose illiquidity persists, with scores that know it early, late or not at all."""

import numpy as np
import pandas as pd

from liquidity.forecast.panel import MarketGroup, ScorePanel

FIRST = np.datetime64("2026-01-05")
SESSIONS, NAMES = 160, 24


def ids(n=NAMES):
    return np.array([f"sim:C{place:03d}" for place in range(n)])


def panel_of(scores, target="liquidity_score", origin="simulated"):
    n = scores.shape[1]
    group = MarketGroup("crypto_spot", "24/7", origin)
    empty = np.full(n, "")
    return ScorePanel(group, target, FIRST + np.arange(len(scores)), ids(n), np.clip(scores, 0, 100), {}, empty, empty)


def illiquidity(seed=0, sessions=SESSIONS, names=NAMES):
    """(T, N) persistent state of each name, higher is worse."""
    rng = np.random.default_rng(seed)
    state = np.zeros((sessions, names))
    for at in range(1, sessions):
        state[at] = 0.85 * state[at - 1] + rng.normal(0.0, 1.0, names)
    return state


def features_of(state, seed=1):
    """Feature rows that follow the state, with idle days where it is worst."""
    rng = np.random.default_rng(seed)
    sessions, names = state.shape
    turnover = 1e6 * np.exp(-0.4 * state + rng.normal(0.0, 0.4, state.shape))
    turnover[state > 2.5] = 0.0
    return pd.DataFrame(
        {
            "session_date": np.repeat(FIRST + np.arange(sessions), names).astype("datetime64[s]"),
            "instrument_id": np.tile(ids(names), sessions),
            "spread_bps": (20.0 * np.exp(0.3 * state + rng.normal(0.0, 0.2, state.shape))).ravel(),
            "turnover_ccy": turnover.ravel(),
            "volatility_daily_frac": np.full(state.size, 0.02),
        }
    )
