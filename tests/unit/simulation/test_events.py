from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from liquidity.domain.errors import ConfigError
from liquidity.simulation import MarketConfig, ground_truth
from liquidity.simulation.events import PlantedEvent, issuer_intensity, market_intensity

START = date(2026, 1, 1)


def test_each_block_has_its_declared_events_and_the_year_its_crisis():
    truth = ground_truth(MarketConfig(), START, START + timedelta(days=359))
    counts = Counter(event.kind for event in truth.events)
    assert counts == {"issuer_crisis": 12, "dealer_outage": 6, "adapter_outage": 6, "market_crisis": 1}
    assert [event.subject for event in truth.of_kind("market_crisis")] == ["market"]


def test_a_later_end_only_adds_events():
    config = MarketConfig()
    long = ground_truth(config, START, START + timedelta(days=700)).events
    for days in (0, 10, 59, 60, 61, 200, 365):
        end = START + timedelta(days=days)
        assert ground_truth(config, START, end).events == tuple(event for event in long if event.first_day <= end)


def test_other_seeds_plant_other_events_and_the_start_is_quiet():
    one, two = (ground_truth(MarketConfig(seed=seed), START, START + timedelta(days=120)).events for seed in (1, 2))
    assert one != two
    assert min(event.first_day for event in (*one, *two)) >= START + timedelta(days=12)


def test_an_issuer_crisis_is_at_full_strength_on_its_third_day():
    crisis = PlantedEvent("issuer_crisis", "SIM00001", date(2026, 3, 3), date(2026, 3, 31), 3, 8, 1.4, "log spread")
    rise = [crisis.intensity_frac(date(2026, 3, day)) for day in (2, 3, 4, 5, 12)]
    assert rise == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0, 1.0])
    strength = [crisis.intensity_frac(date(2026, 3, 5) + timedelta(days=k)) for k in range(28)]
    assert strength == sorted(strength, reverse=True)
    assert crisis.intensity_frac(date(2026, 4, 1)) == 0.0


def test_overlapping_crises_do_not_add_up():
    crisis = PlantedEvent("issuer_crisis", "SIM00001", date(2026, 3, 3), date(2026, 3, 31), 3, 8, 1.4, "log spread")
    both = (crisis, replace(crisis, size=1.0), replace(crisis, kind="market_crisis", subject="market"))
    assert issuer_intensity(both, date(2026, 3, 6), 3).tolist() == [0.0, 1.0, 0.0]
    assert market_intensity(both, date(2026, 3, 3)) == pytest.approx(1 / 3)
    assert market_intensity((), date(2026, 3, 3)) == 0.0


def test_an_end_before_the_start_is_refused():
    with pytest.raises(ConfigError, match="before start"):
        ground_truth(MarketConfig(), START, START - timedelta(days=1))
