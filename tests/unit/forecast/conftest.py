"""A small market whose scores return to their level and follow one signal, and a training on it."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest

from liquidity.domain.session import sessions_between
from liquidity.forecast.evaluation import EvaluationSettings, HeldOut, held_out
from liquidity.forecast.members import MEMBERS
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.score_panels import SIGNALS
from liquidity.forecast.training import Training, TrainingSettings, train

NAMES, SESSIONS = 12, 160
QUICK = ("ewma", "har_regression", "persistence", "ridge")
EVALUATION = EvaluationSettings(blocks=6, block_sessions=15, seed=7)

MakeMarket = Callable[..., ScorePanel]


def _market(
    names: int = NAMES,
    sessions: int = SESSIONS,
    seed: int = 0,
    driver_points: float = 4.0,
    calendar: str = "24/7",
    target: str = "liquidity_score",
) -> ScorePanel:
    """x_t = level + 0.8 (x_(t-1) - level) + driver_points d_(t-1) + noise of 2 points; d is a signal known on t - 1."""
    random = np.random.default_rng(seed)
    days = sessions_between(calendar, dt.date(2026, 1, 1), dt.date(2027, 6, 1))[:sessions]
    level = random.uniform(30.0, 70.0, names)
    driver = random.normal(0.0, 1.0, (sessions, names))
    scores = np.empty((sessions, names))
    scores[0] = level
    for t in range(1, sessions):
        noise = random.normal(0.0, 2.0, names)
        scores[t] = level + 0.8 * (scores[t - 1] - level) + driver_points * driver[t - 1] + noise
    signals = {name: np.full((sessions, names), np.nan, np.float32) for name in SIGNALS}
    signals["spread_bps_own_rank_frac"] = driver.astype(np.float32)
    signals["volatility_daily_frac"] = random.uniform(0.01, 0.03, (sessions, names)).astype(np.float32)
    signals["micro_weight_frac"] = np.ones((sessions, names), np.float32)
    signals["method_code"] = np.zeros((sessions, names), np.float32)
    return ScorePanel(
        MarketGroup("crypto_spot", calendar, "simulated"),
        target,
        np.array(days, dtype="datetime64[D]"),
        np.array([f"binance:C{place:03d}" for place in range(names)]),
        np.clip(scores, 0.0, 100.0),
        signals,
        np.array(["FINANCIAL", "UTILITIES", ""])[np.arange(names) % 3],
        np.full(names, ""),
    )


@pytest.fixture(scope="session")
def make_market() -> MakeMarket:
    return _market


@pytest.fixture(scope="session")
def market() -> ScorePanel:
    return _market()


@pytest.fixture(scope="session")
def settings() -> TrainingSettings:
    return TrainingSettings(evaluation=EVALUATION, members=("har_regression", "persistence", "ridge"))


@pytest.fixture(scope="session")
def held(market: ScorePanel) -> HeldOut:
    return held_out(market, [MEMBERS[name] for name in QUICK], EVALUATION)


@pytest.fixture(scope="session")
def training(market: ScorePanel, settings: TrainingSettings) -> Training:
    return train(market, settings, None, market.sessions[-1].item(), "v1")
