"""Whatever the scores look like, a forecast is whole: every row there, bounded, ordered, or empty with a reason."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liquidity.contracts import INDEX_FORECAST
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.forecast.fallback import fallback_forecast
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.scoring import QUANTILE_COLUMNS
from liquidity.forecast.training import Training

SHAPES = ("usual", "constant", "zero", "full", "steps", "missing", "gap", "new", "sparse", "lone")


def shaped(panel: ScorePanel, shapes: list[str], seed: int) -> ScorePanel:
    """The market with the scores of each instrument bent into a shape."""
    random = np.random.default_rng(seed)
    scores = panel.scores.copy()
    last = len(scores)
    for place, shape in enumerate(shapes):
        column = scores[:, place]
        if shape in ("constant", "zero", "full"):
            column[:] = {"constant": 37.5, "zero": 0.0, "full": 100.0}[shape]
        elif shape == "steps":
            column[:] = np.where(np.arange(last) % 2, 0.0, 100.0)
        elif shape == "missing":
            column[:] = np.nan
        elif shape == "gap":
            column[last - 25 : last - 1] = np.nan
        elif shape == "new":
            column[: last - random.integers(1, 8)] = np.nan
        elif shape == "sparse":
            column[random.random(last) < 0.8] = np.nan
        elif shape == "lone":
            column[: last - 1] = np.nan
    return replace(panel, scores=scores)


@pytest.mark.feature("BX-FC-01")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(SHAPES), min_size=12, max_size=12), st.integers(0, 1_000), st.booleans())
def test_every_row_is_whole(
    market: ScorePanel, training: Training, shapes: list[str], seed: int, trained: bool
) -> None:
    panel, day = shaped(market, shapes, seed), market.sessions[-1]
    said = training.forecaster.forecast(panel, day) if trained else fallback_forecast(panel, day, "not trained")
    assert audit(table_from_frame(said, INDEX_FORECAST), INDEX_FORECAST, day.item()).violations == ()
    assert len(said) == 60
    told = said[list(QUANTILE_COLUMNS)].to_numpy()
    silent = (said["status"] == "insufficient_data").to_numpy()
    assert np.isnan(told[silent]).all()
    assert (said["reason"].to_numpy()[silent] != "").all()
    assert np.isfinite(told[~silent]).all()
    assert ((told[~silent] >= 0.0) & (told[~silent] <= 100.0)).all()
    assert (np.diff(told[~silent], axis=1) >= 0.0).all()
    for low, high in ((0, 6), (1, 5), (2, 4)):
        width = (told[:, high] - told[:, low]).reshape(12, 5)
        assert (np.diff(width[~np.isnan(width[:, 0])], axis=1) >= -1e-9).all()
