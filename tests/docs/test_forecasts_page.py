"""The page of the forecasts says the numbers that the code uses."""

from pathlib import Path

import pytest

from liquidity.contracts.forecast import DECISIONS, FORECAST_STATUS
from liquidity.forecast import fallback, forecaster
from liquidity.forecast.champion import PromotionRule
from liquidity.forecast.drift import DriftSettings
from liquidity.forecast.evaluation import EvaluationSettings
from liquidity.forecast.forecast_table import DRIVERS_SHOWN
from liquidity.forecast.inputs import LOOKBACK_SESSIONS, RECENT_SESSIONS

PAGE = " ".join(
    (Path(__file__).resolve().parents[2] / "docs" / "methodology" / "forecasts.md").read_text(encoding="utf-8").split()
)
CUT, RULE, DRIFT = EvaluationSettings(), PromotionRule(), DriftSettings()


@pytest.mark.parametrize(
    "sentence",
    [
        f"blocks ({CUT.blocks} of {CUT.block_sessions} sessions unless set otherwise)",
        f"known {CUT.embargo_sessions} sessions before the block began",
        f"At most {CUT.max_train_rows:,} rows teach",
        f"A block needs {CUT.min_train_sessions} sessions and {CUT.min_train_rows} rows",
        f"more than {CUT.max_held_out_rows:,} held-out rows",
        f"at least {RULE.min_points} rows of at least {RULE.min_sessions} sessions",
        f"(number of models compared) < {RULE.significance_frac:.2f}",
        f"more than {RULE.min_skill_frac:.0%}".replace("%", " %") + " lower",
        f"fewer than {forecaster.MIN_SCORES} scores in {RECENT_SESSIONS} sessions",
        f"back after more than {forecaster.MAX_GAP_SESSIONS} sessions",
        f"fewer than {fallback.MIN_LABELLED_SESSIONS} sessions with a known change, or {fallback.MIN_CHANGES} changes at a "
        f"horizon, in the last {LOOKBACK_SESSIONS} sessions",
        f"the last one is {DRIFT.max_age_sessions} sessions old, and, from {DRIFT.min_age_sessions} sessions after it",
        f"above {DRIFT.max_error_ratio} times that of the evaluation (on {DRIFT.min_points} judged",
        f"index above {DRIFT.max_shift}",
    ],
)
def test_numbers_are_those_of_the_code(sentence: str) -> None:
    assert sentence in PAGE


def test_every_status_and_decision_is_explained() -> None:
    assert DRIVERS_SHOWN == 5
    assert "names the five inputs" in PAGE
    for word in (*FORECAST_STATUS, *DECISIONS):
        assert f"`{word}`" in PAGE
