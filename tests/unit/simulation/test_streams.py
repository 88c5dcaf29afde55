from datetime import date

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.simulation.streams import SUBJECTS, stream, student_t


def test_streams_differ_by_seed_day_and_subject_and_repeat():
    def draw(seed, day, subject):
        return float(stream(seed, day, subject).random())

    draws = {draw(seed, date(2026, 1, day), name) for seed in (1, 2) for day in (1, 2) for name in SUBJECTS}
    assert len(draws) == 4 * len(SUBJECTS)
    assert draw(1, date(2026, 1, 1), "trades") == draw(1, date(2026, 1, 1), "trades")


def test_an_unknown_subject_is_refused():
    with pytest.raises(ConfigError, match="weather"):
        stream(1, date(2026, 1, 1), "weather")


def test_student_draws_have_unit_variance():
    assert np.std(student_t(np.random.default_rng(0), 5.0, 200_000)) == pytest.approx(1.0, abs=0.02)
