"""Coverage of the bands on simulated markets, walked forward: fitted on the past, judged on what came next.

Each market has 48 names over 760 sessions; a member that is 40 % too sure tells quantiles from the trailing typical
change. The figures of ``docs/methodology/forecast_bands.md`` are printed by ``pytest -s`` on this file.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from liquidity.forecast.adaptive import AdaptiveLevels
from liquidity.forecast.bands import LIQUIDITY_GROUPS, THIN_GROUP, Calibration
from liquidity.forecast.horizons import BANDS, HORIZONS

NAMES, SESSIONS, WARM_UP, FIRST, REFIT = 48, 760, 22, 250, 21
Z = np.array([-1.959964, -1.281552, -0.67449, 0.0, 0.67449, 1.281552, 1.959964])
THIN = np.arange(NAMES) % 4 == 3

MARKETS = {
    "steady": lambda: np.zeros(SESSIONS),
    "drifting": lambda: np.linspace(-0.6, 0.6, SESSIONS),
    "thin": lambda: np.zeros(SESSIONS),
    "crisis": lambda: 1.5 * ((np.arange(SESSIONS) >= 450) & (np.arange(SESSIONS) < 510)),
}
"""Log volatility by session."""


def scores_of(market: str) -> NDArray[np.float64]:
    """(T, N) points: mean-reverting, fat-tailed, with a common shock; in the thin market a quarter of the names moves rarely."""
    rng = np.random.default_rng(5)
    volatility = np.exp(MARKETS[market]())
    own_sd, memory, level = (
        np.exp(rng.normal(0.6, 0.5, NAMES)),
        rng.uniform(0.9, 0.99, NAMES),
        rng.uniform(15, 85, NAMES),
    )
    shocks = 0.5 * rng.standard_t(5, (SESSIONS, 1)) + 0.8 * rng.standard_t(4, (SESSIONS, NAMES))
    trades = (rng.random((SESSIONS, NAMES)) < 0.25) | ~THIN | (market != "thin")
    scores = np.empty((SESSIONS, NAMES))
    scores[0] = level
    for t in range(1, SESSIONS):
        moved = level + memory * (scores[t - 1] - level) + own_sd * volatility[t] * shocks[t]
        scores[t] = np.where(trades[t], np.clip(moved, 0, 100), scores[t - 1])
    return scores


def inside_bands(scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """(T, N, 5, 3) flags of the raw and of the calibrated bands, NaN before the first forecast and where not known; groups."""
    steps = np.abs(np.diff(scores, axis=0, prepend=scores[:1]))
    trailing = np.stack(
        [steps[max(t - WARM_UP + 1, 1) : t + 1].mean(axis=0) if t else steps[0] for t in range(SESSIONS)]
    )
    scale = np.maximum(0.7 * trailing + 0.3 * steps[1:WARM_UP].mean(), 0.05)
    quantiles = 0.75 * scale[..., None, None] * np.sqrt(HORIZONS)[:, None] * Z
    changes = np.full((SESSIONS, NAMES, 5), np.nan)
    for place, h in enumerate(HORIZONS):
        changes[:-h, :, place] = scores[h:] - scores[:-h]
    group = (scores.argsort(axis=1).argsort(axis=1) * 3 // NAMES).astype(np.int8)
    group[:, THIN] = THIN_GROUP
    outcome = scores[..., None] + changes

    def flags(bands: NDArray[np.float64], t: int | slice) -> NDArray[np.float64]:
        inside = [(bands[..., low] <= outcome[t]) & (outcome[t] <= bands[..., high]) for low, high in BANDS.values()]
        return np.where(np.isnan(outcome[t])[..., None], np.nan, np.stack(inside, axis=-1))

    raw = flags(scores[..., None, None] + quantiles, slice(None))
    calibrated = np.full(raw.shape, np.nan)
    levels = AdaptiveLevels.start()
    for now in range(FIRST, SESSIONS):
        if (now - FIRST) % REFIT == 0:
            past, known = slice(WARM_UP, now), changes[WARM_UP:now].copy()
            for place, h in enumerate(HORIZONS):
                known[len(known) - h + 1 :, :, place] = np.nan
            calibration = Calibration.fit(
                quantiles[past].reshape(-1, 5, 7),
                known.reshape(-1, 5),
                scale[past].ravel(),
                group[past].ravel(),
                np.repeat(np.arange(WARM_UP, now), NAMES),
            )
        arrived = np.full((5, 3, LIQUIDITY_GROUPS), np.nan)
        for place, h in enumerate(HORIZONS):
            if now - h >= FIRST:
                for name in range(LIQUIDITY_GROUPS):
                    arrived[place, :, name] = calibrated[now - h, group[now - h] == name, place].mean(axis=0)
        levels = levels.step(arrived)
        bands = calibration.apply(quantiles[now], scores[now], scale[now], group[now], levels.alphas)
        calibrated[now] = flags(bands, now)
    return raw, calibrated, group


@pytest.mark.slow
@pytest.mark.feature("BX-FC-04")
@pytest.mark.parametrize("market", MARKETS)
def test_held_out_coverage_is_as_promised_in_every_liquidity_group(market: str) -> None:
    """Within 2 points for the 80 and 95 % bands over more than 5,000 held-out points of each horizon and group.

    Thin names whose score stands still on most days get the bands of names that move, and may cover up to 4 points more.
    """
    raw, calibrated, group = inside_bands(scores_of(market))
    raw[:FIRST] = np.nan
    for percent, place in zip(BANDS, range(3), strict=True):
        before = 100 * np.nanmean(raw[..., place])
        by_group = 100 * np.array(
            [np.nanmean(calibrated[group == name][..., place], axis=0) for name in range(LIQUIDITY_GROUPS)]
        )
        print(
            f"{market:9s} {percent} % band: raw {before:.1f}, calibrated {by_group[:THIN_GROUP].min():.1f} to "
            f"{by_group[:THIN_GROUP].max():.1f} by tercile and horizon, group {THIN_GROUP} {by_group[THIN_GROUP].min():.1f} to "
            f"{by_group[THIN_GROUP].max():.1f}"
        )
        assert before < percent - 5
        if percent > 50:
            assert np.abs(by_group[:THIN_GROUP] - percent).max() < 2.0
            assert (by_group[THIN_GROUP] - percent).min() > -2.0
            assert (by_group[THIN_GROUP] - percent).max() < (4.0 if market == "thin" else 2.0)
    points = [np.isfinite(calibrated[group == name][:, 4, 0]).sum() for name in range(LIQUIDITY_GROUPS)]
    print(f"{market:9s} held-out points by group and horizon: {min(points)} or more")
    assert min(points) > 5_000
