from datetime import date, timedelta

import numpy as np
import pytest

from liquidity.simulation import MarketConfig
from liquidity.simulation.alternative import first_readings, next_readings, yearly_cycle


def test_each_kind_changes_on_its_own_days_only():
    config = MarketConfig(bonds=30, issuers=30)
    readings = first_readings(config, date(2026, 1, 1))
    for offset in range(1, 70):
        day = date(2026, 1, 1) + timedelta(days=offset)
        after = next_readings(config, readings, day, np.zeros(30))
        assert (after.traffic != readings.traffic).any()
        assert (after.utilities_day == day) == (day.weekday() == 4)
        assert (after.esg_day == day) == (day.day == 1)
        if day.weekday() != 4:
            assert (after.utilities == readings.utilities).all()
        readings = after
    assert ((readings.esg >= 0.0) & (readings.esg <= 100.0)).all()


def test_planted_weekday_effects_of_traffic_are_found_again():
    config = MarketConfig(bonds=300, issuers=300, traffic_yearly_amplitude_frac=0.0)
    readings = first_readings(config, date(2026, 1, 5))
    logs = np.empty((12, 7))
    for offset in range(84):
        day = date(2026, 1, 5) + timedelta(days=offset)
        readings = next_readings(config, readings, day, np.zeros(300))
        logs[offset // 7, offset % 7] = np.log(readings.traffic).mean()
    found = np.exp(logs.mean(axis=0) - logs.mean())
    planted = np.array(config.traffic_weekday_frac)
    assert found == pytest.approx(planted / np.exp(np.log(planted).mean()), abs=0.01)


def test_a_crisis_lowers_traffic_slowly_and_the_year_has_one_peak():
    config = MarketConfig(bonds=100, issuers=100)
    calm = hurt = first_readings(config, date(2026, 1, 5))
    for offset in range(10):
        day = date(2026, 1, 5) + timedelta(days=offset)
        calm = next_readings(config, calm, day, np.zeros(100))
        hurt = next_readings(config, hurt, day, np.ones(100))
    ratio = hurt.traffic / calm.traffic
    assert ratio == pytest.approx(np.full(100, np.exp(-0.008 * sum(0.995**k for k in range(10)))), rel=1e-4)
    cycle = [yearly_cycle(date(2026, 1, 1) + timedelta(days=k), 0.05) for k in range(365)]
    assert (max(cycle), min(cycle)) == pytest.approx((1.05, 0.95), abs=1e-4)
    assert cycle.index(max(cycle)) in range(180, 190)
