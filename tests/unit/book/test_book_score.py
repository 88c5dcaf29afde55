"""The 0-100 book score: anchors, monotone, drivers that add up, coverage."""

import math

import numpy as np
import pytest

from liquidity.book.book_score import ANCHORS, MIN_COVERAGE, WEIGHTS, book_score, book_scores
from liquidity.domain.errors import ConfigError

USUAL = {"spread_bps": 2.0, "depth_quote": 5e5, "volume_24h_quote": 1e8, "half_life_s": 30.0}


@pytest.mark.feature("PL-OB-02")
def test_the_anchors_score_zero_and_a_hundred() -> None:
    worst = {name: anchors[0] for name, anchors in ANCHORS.items()}
    best = {name: anchors[1] for name, anchors in ANCHORS.items()}
    assert book_score(**worst).score == pytest.approx(0.0)
    assert book_score(**best).score == pytest.approx(100.0)
    assert book_score(spread_bps=0.0, depth_quote=1e12, volume_24h_quote=1e12, half_life_s=0.01).score == 100.0
    assert book_score(spread_bps=1e9, depth_quote=0.0, volume_24h_quote=0.0, half_life_s=1e9).score == 0.0


@pytest.mark.feature("PL-OB-02")
@pytest.mark.parametrize(
    ("name", "sign"), [("spread_bps", -1), ("depth_quote", 1), ("volume_24h_quote", 1), ("half_life_s", -1)]
)
def test_the_score_is_monotone_in_each_input(name: str, sign: int) -> None:
    low, high = sorted(ANCHORS[name])
    scores = [book_score(**{**USUAL, name: x}).score for x in np.geomspace(low / 10, high * 10, 60)]
    assert (np.diff(scores) * sign >= 0).all()
    assert (scores[-1] - scores[0]) * sign > 5


def test_by_hand() -> None:
    found = book_score(spread_bps=math.sqrt(10), depth_quote=1e6, volume_24h_quote=10**7.5)
    assert found.drivers["spread_bps"].score == pytest.approx(50.0)
    assert found.score == pytest.approx(50.0)
    tight = book_score(spread_bps=0.1, depth_quote=1e6, volume_24h_quote=10**7.5)
    assert tight.score == pytest.approx(50 + 0.4 / 0.9 * 50)


def test_drivers_add_up_and_weights_sum_to_one() -> None:
    found = book_score(**USUAL)
    assert found.score == pytest.approx(50 + sum(each.contribution for each in found.drivers.values()))
    assert sum(each.weight for each in found.drivers.values()) == pytest.approx(1.0)
    for driver in found.drivers.values():
        assert driver.contribution == pytest.approx(driver.weight * (driver.score - 50))
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_missing_inputs_leave_their_weight_to_the_others() -> None:
    found = book_score(spread_bps=2.0, depth_quote=5e5, volume_24h_quote=None)
    assert found.coverage_frac == pytest.approx(0.7)
    assert found.drivers["spread_bps"].weight == pytest.approx(4 / 7)
    assert set(found.drivers) == {"spread_bps", "depth_quote"}


def test_below_half_of_the_weight_there_is_no_score() -> None:
    few = book_score(spread_bps=2.0, depth_quote=None, volume_24h_quote=None)
    assert (few.score, few.reason) == (None, "coverage_below_minimum")
    assert few.coverage_frac < MIN_COVERAGE
    exact = book_score(spread_bps=2.0, depth_quote=None, volume_24h_quote=None, half_life_s=5.0)
    assert exact.score is not None
    for missing in (math.nan, -1.0, math.inf):
        assert book_score(spread_bps=missing, depth_quote=None, volume_24h_quote=1e9).score is None


def test_the_array_form_gives_the_same_numbers() -> None:
    rng = np.random.default_rng(1)
    columns = {
        "spread_bps": rng.lognormal(1, 2, 300),
        "depth_quote": rng.lognormal(12, 3, 300),
        "volume_24h_quote": rng.lognormal(18, 3, 300),
        "half_life_s": rng.lognormal(3, 2, 300),
    }
    for values in columns.values():
        values[rng.random(300) < 0.3] = np.nan
        values[rng.random(300) < 0.05] = 0.0
    many = book_scores(**columns)
    for row in range(300):
        one = book_score(**{name: float(values[row]) for name, values in columns.items()}).score
        assert many[row] == pytest.approx(one, abs=1e-9) if one is not None else np.isnan(many[row])


def test_wrong_weights_are_refused() -> None:
    for weights in ({"spread": 1.0}, {"spread_bps": -1.0}, {"spread_bps": 0.0}):
        with pytest.raises(ConfigError, match="weights"):
            book_score(**USUAL, weights=weights)
