"""News and social stories on each issuer: how many in a session, in what tone, on which topics."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["TOPICS", "DayStories", "next_tone", "tell_stories"]

TOPICS: Final = ("default", "downgrade", "earnings", "guidance", "liquidity", "refinancing")
"""In alphabetical order, so that joined names are sorted."""
_CALM_CHANCE: Final = np.array([0.002, 0.01, 0.20, 0.12, 0.05, 0.10])  # that one story is on the topic
_CRISIS_CHANCE: Final = np.array([0.25, 0.35, 0.15, 0.15, 0.50, 0.35])
_PERSISTENCE: Final = 0.9
_TONE_SD: Final = 0.15
_STORY_SD: Final = 0.35
_USUAL_TONE: Final = 0.08
_CRISIS_FALL: Final = 0.8
_CRISIS_BUZZ: Final = 8.0
_WEEKDAY: Final = (1.05, 1.05, 1.0, 1.0, 0.95, 0.6, 0.6)
_TOPIC_TEXT: Final = np.array(
    [",".join(name for place, name in enumerate(TOPICS) if mask >> place & 1) for mask in range(2 ** len(TOPICS))],
    dtype=object,
)


@dataclass(frozen=True, slots=True)
class DayStories:
    """Stories of one session, shape (subjects,), each story counted once.

    ``score`` is the mean tone in [-1, 1], NaN without a story; ``topics`` sorted and comma-separated, empty without;
    ``latest_frac`` the place of the latest story in the day so far, 0-1, 1 without a story.
    """

    count: NDArray[np.int64]
    score: NDArray[np.float64]
    topics: NDArray[np.object_]
    latest_frac: NDArray[np.float64]


def next_tone(tone: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Give the subjects' underlying tone one session later: persistent around 0, -1..1 scale."""
    fresh = _TONE_SD * np.sqrt(1.0 - _PERSISTENCE**2)
    after: NDArray[np.float64] = _PERSISTENCE * tone + fresh * rng.standard_normal(tone.size)
    return after


def tell_stories(
    stories_a_day: NDArray[np.float64],
    tone: NDArray[np.float64],
    crisis: NDArray[np.float64],
    day: date,
    rng: np.random.Generator,
) -> DayStories:
    """Stories on each subject; a crisis (strength 0-1) brings up to nine times as many, darker ones.

    The tone of a story is normal around the subject's; the mean over n stories has 1/sqrt(n) of its deviation.
    """
    count = rng.poisson(stories_a_day * _WEEKDAY[day.weekday()] * (1.0 + _CRISIS_BUZZ * crisis))
    told = count > 0
    mean = _USUAL_TONE + tone - _CRISIS_FALL * crisis
    score = np.clip(mean + _STORY_SD / np.sqrt(np.maximum(count, 1)) * rng.standard_normal(count.size), -1.0, 1.0)
    mask = np.zeros(count.size, dtype=np.int64)
    for place in range(len(TOPICS)):
        chance = _CALM_CHANCE[place] + (_CRISIS_CHANCE[place] - _CALM_CHANCE[place]) * crisis
        mask |= (rng.random(count.size) < 1.0 - (1.0 - chance) ** count).astype(np.int64) << place
    latest = rng.random(count.size) ** (1.0 / np.maximum(count, 1))
    return DayStories(
        count=count.astype(np.int64),
        score=np.where(told, np.round(score, 4), np.nan),
        topics=_TOPIC_TEXT[np.where(told, mask, 0)],
        latest_frac=np.where(told, latest, 1.0),
    )
