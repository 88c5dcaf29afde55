from datetime import date

import numpy as np

from liquidity.simulation.stories import TOPICS, tell_stories

MONDAY = date(2026, 1, 5)


def test_a_subject_without_a_story_has_no_tone_and_no_topic():
    told = tell_stories(np.zeros(50), np.zeros(50), np.zeros(50), MONDAY, np.random.default_rng(0))
    assert told.count.sum() == 0
    assert np.isnan(told.score).all()
    assert set(told.topics) == {""}
    assert (told.latest_frac == 1.0).all()


def test_a_crisis_brings_more_and_darker_stories_on_its_topics():
    calm, crisis = (
        tell_stories(np.full(4000, 2.0), np.zeros(4000), np.full(4000, strength), MONDAY, np.random.default_rng(1))
        for strength in (0.0, 1.0)
    )
    assert crisis.count.mean() / calm.count.mean() > 8.0
    assert np.nanmean(calm.score) > 0.0 > -0.6 > np.nanmean(crisis.score)
    assert np.mean(["liquidity" in text for text in crisis.topics]) > 0.95
    assert np.mean(["default" in text for text in calm.topics]) < 0.02


def test_tones_stay_in_range_and_topics_are_sorted_known_names():
    rng = np.random.default_rng(2)
    told = tell_stories(np.full(3000, 1.0), 2.0 * rng.standard_normal(3000), rng.random(3000), MONDAY, rng)
    seen = told.score[~np.isnan(told.score)]
    assert seen.min() >= -1.0
    assert seen.max() <= 1.0
    for text in set(told.topics) - {""}:
        names = text.split(",")
        assert names == sorted(set(names))
        assert set(names) <= set(TOPICS)
