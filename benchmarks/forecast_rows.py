"""Rows that every forecasting benchmark learns from and is judged on: a generated market, and the recorded coins."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from liquidity.domain.session import is_session
from liquidity.forecast.horizons import HORIZONS, LEVELS
from liquidity.forecast.inputs import input_rows, labelled_changes
from liquidity.forecast.members import InputRows
from liquidity.forecast.metrics import quantile_pinball
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.score_panels import SIGNALS, score_panels
from liquidity_service.score_history import HISTORIES, cached_history
from resources.settings import load_settings

__all__ = ["BLOCKS", "Block", "blocks_of", "generated_panel", "pinball", "recorded_panel", "three_losses"]

BLOCKS: Final = ("2025-01-01", "2025-07-01", "2026-01-01", "2026-03-01")
"""Each day begins a block that is judged by what was learned before it; settings were chosen on earlier years."""


class Block(NamedTuple):
    """One cut of a history: rows and changes (R, 5) to learn from, and those to be judged on."""

    past: InputRows
    past_changes: np.ndarray
    ahead: InputRows
    ahead_changes: np.ndarray


def generated_panel(names: int, sessions: int, seed: int = 0) -> ScorePanel:
    """A market whose scores return to their level, follow one signal, and move more when volatility is high."""
    random = np.random.default_rng(seed)
    days = np.arange("2024-01-01", "2026-12-31", dtype="datetime64[D]")
    days = days[is_session("XNYS", days)][:sessions]
    shape = (sessions, names)
    signals = {name: np.broadcast_to(np.float32(np.nan), shape) for name in SIGNALS}
    for name in (
        "turnover_ccy_own_rank_frac",
        "depth_density_own_rank_frac",
        "amihud_per_m_own_rank_frac",
        "coverage_frac",
    ):
        signals[name] = random.random(shape, dtype=np.float32)
    driver = random.standard_normal(shape, dtype=np.float32)
    volatility = np.exp(random.normal(-4.0, 0.4, shape)).astype(np.float32)
    signals |= {
        "spread_bps_own_rank_frac": driver,
        "volatility_daily_frac": volatility,
        "micro_weight_frac": np.ones(shape, np.float32),
        "method_code": np.zeros(shape, np.float32),
        "sector_code": np.broadcast_to((np.arange(names) % 4).astype(np.float32), shape),
    }
    level = random.uniform(20.0, 80.0, names)
    scores = np.empty(shape)
    scores[0] = level
    for t in range(1, sessions):
        noise = random.normal(0.0, 2.0, names) * volatility[t - 1] * 55.0
        scores[t] = np.clip(level + 0.85 * (scores[t - 1] - level) + 2.0 * driver[t - 1] + noise, 0.0, 100.0)
    return ScorePanel(
        MarketGroup("bond_corporate", "XNYS", "simulated"),
        "liquidity_score",
        days,
        np.array([f"XNYS:B{k:06d}" for k in range(names)]),
        scores,
        signals,
        np.array(["FINANCIAL", "UTILITIES", "INDUSTRIAL", "GOVERNMENT"])[np.arange(names) % 4],
        np.full(names, "A"),
    )


def recorded_panel() -> ScorePanel:
    """Liquidity scores of the recorded coins; computed on first use (minutes) and kept with the temporary files."""
    (source,) = (each for each in HISTORIES if each.name == "crypto")
    folder = Path(tempfile.gettempdir()) / "liquidity_pulse_benchmarks"
    history = cached_history(source, load_settings(data_dir=folder))
    calendars = dict(zip(history.instruments["instrument_id"], history.instruments["calendar"], strict=True))
    panels = score_panels(history.liquidity_index, history.liquidity_features, "liquidity_score", calendars)
    return max(panels, key=lambda panel: np.count_nonzero(np.isfinite(panel.scores)))


def blocks_of(panel: ScorePanel, starts: tuple[str, ...], every: int = 1) -> Iterator[Block]:
    """Each block's rows with all five labels, and every row whose labels were known when it began, or one in so many."""
    rows = input_rows(panel, slice(None))
    changes = labelled_changes(panel, rows)
    complete = np.isfinite(changes).all(axis=1)
    edges = np.searchsorted(panel.sessions, np.array(starts, "datetime64[D]"))
    for start, stop in itertools.pairwise(edges):
        past = np.flatnonzero(complete & (rows.session < start - max(HORIZONS)))[::every]
        ahead = np.flatnonzero(complete & (rows.session >= start) & (rows.session < stop))
        if len(past) and len(ahead):
            yield Block(rows.take(past), changes[past], rows.take(ahead), changes[ahead])


def pinball(changes: np.ndarray, quantiles: np.ndarray) -> float:
    """Mean pinball loss over rows, horizons and the seven levels, points."""
    losses = [quantile_pinball(changes[:, h], quantiles[:, h]) for h in range(len(HORIZONS))]
    assert quantiles.shape[2] == len(LEVELS)
    return float(np.mean(losses))


def three_losses(changes: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """(R, 5) mean pinball loss of the 10, 50 and 90 % quantiles (R, 5, 3), points."""
    above = changes[:, :, np.newaxis] - quantiles
    levels = np.array([0.1, 0.5, 0.9])
    return np.maximum(levels * above, (levels - 1.0) * above).mean(axis=2)
