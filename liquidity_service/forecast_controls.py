"""Controls of the forecast report: what must not win, what must not change, and a leak that must be seen.

Shuffled labels leave nothing to foretell, a changed future must not move a bit of what was said before it, and tomorrow's
score put among today's inputs shows that the judgement would notice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from liquidity.forecast.champion import Choice, PromotionRule, choose, compare, row_pinball
from liquidity.forecast.evaluation import EvaluationSettings, held_out
from liquidity.forecast.inputs import input_rows, sample_rows
from liquidity.forecast.members import MEMBERS, Member
from liquidity.forecast.panel import ScorePanel

__all__ = ["FutureTest", "LeakDetector", "future_test", "leak_detector", "shuffled_control"]

_SHIFT_SESSIONS: Final = 7
_TESTED_SESSIONS: Final = 30
_LEAK_SIGNAL: Final = "uncertainty_sd"
_LEAK_MEMBER: Final = "ridge"


@dataclass(frozen=True, slots=True)
class FutureTest:
    """Numbers that a changed future must not move, and how many it moved.

    ``inputs_n`` and ``quantiles_n`` were compared bit by bit, for ``members_n`` members refitted on either panel.
    """

    inputs_n: int
    quantiles_n: int
    members_n: int
    moved_n: int


@dataclass(frozen=True, slots=True)
class LeakDetector:
    """Skill of a linear member against persistence at one session ahead, without and with tomorrow's score as an input."""

    member: str
    honest_skill_frac: float
    leaking_skill_frac: float


def shuffled_control(panel: ScorePanel, members: Sequence[type[Member]], settings: EvaluationSettings) -> Choice:
    """Who would be served when no input tells anything of the labels: it must be a baseline."""
    return choose(held_out(panel, members, settings, shuffle_seed=settings.seed), PromotionRule())


def future_test(panel: ScorePanel, settings: EvaluationSettings) -> FutureTest:
    """Forecast the same sessions from a panel and from one whose later sessions were shifted and mixed.

    The cut lies at three quarters of the history. After it every score and signal moves by seven sessions and to another
    instrument; up to it inputs, training rows and refitted members must give the same bits.
    """
    cut = 3 * len(panel.sessions) // 4
    other = _future_shifted(panel, cut)
    places = slice(max(cut - _TESTED_SESSIONS, 0), cut)
    through = panel.sessions[cut - 1]
    moved = inputs = quantiles = 0
    ours, theirs = input_rows(panel, places), input_rows(other, places)
    for name in ("values", "base", "scale", "recent"):
        moved += _differing(getattr(ours, name), getattr(theirs, name))
        inputs += getattr(ours, name).size
    learn = [sample_rows(each, settings.max_train_rows, settings.seed, through) for each in (panel, other)]
    fitted_n = 0
    for member in MEMBERS.values():
        said = [
            member.fit(rows, changes, settings.seed).quantiles(asked)
            for (rows, changes), asked in zip(learn, (ours, theirs), strict=True)
        ]
        moved += _differing(*said)
        quantiles += said[0].size
        fitted_n += 1
    return FutureTest(inputs, quantiles, fitted_n, moved)


def leak_detector(panel: ScorePanel, settings: EvaluationSettings) -> LeakDetector:
    """Judge the linear member twice: as it is, and with the next session's score in place of one signal."""
    tomorrow = np.full(panel.scores.shape, np.nan, dtype=np.float32)
    tomorrow[:-1] = panel.scores[1:]
    leaking = replace(panel, signals={**panel.signals, _LEAK_SIGNAL: tomorrow})
    members = [MEMBERS[_LEAK_MEMBER], MEMBERS["persistence"]]
    skills = []
    for each in (panel, leaking):
        held = held_out(each, members, settings)
        losses = [
            row_pinball(held.of(member.name).scores[held.judged][:, :1], held.realised[held.judged][:, :1])
            for member in members
        ]
        found = compare(
            members[0].name, losses[0], members[1].name, losses[1], held.session[held.judged], PromotionRule()
        )
        skills.append(float("nan") if found.skill_frac is None else found.skill_frac)
    return LeakDetector(_LEAK_MEMBER, *skills)


def _future_shifted(panel: ScorePanel, cut: int) -> ScorePanel:
    def mixed(values: np.ndarray) -> np.ndarray:
        later = np.roll(np.roll(values[cut:], _SHIFT_SESSIONS, axis=0), 1, axis=1)
        return np.concatenate([values[:cut], later])

    return replace(
        panel,
        scores=np.concatenate([panel.scores[:cut], 100.0 - mixed(panel.scores)[cut:]]),
        signals={name: mixed(values) for name, values in panel.signals.items()},
    )


def _differing(ours: np.ndarray, theirs: np.ndarray) -> int:
    """Values that are not the same bits; both missing is the same."""
    if ours.shape != theirs.shape:
        return max(ours.size, theirs.size)
    return int(np.count_nonzero(~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)))))
