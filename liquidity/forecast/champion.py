"""Who may speak: a model serves only when its walk-forward losses say that it beats the best baseline.

The rule looks at one number per row, the pinball loss over all quantiles and horizons, on equal rows. Where no model wins
the best baseline serves and the reason carries the figures. Read next: ``training.py``, which applies it.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.forecast.diebold_mariano import diebold_mariano_of_sessions
from liquidity.forecast.evaluation import HeldOut, MemberForecasts
from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.metrics import quantile_pinball

__all__ = ["Choice", "Comparison", "PromotionRule", "choose", "compare", "row_pinball"]

_FURTHEST: Final = max(HORIZONS)


@dataclass(frozen=True, slots=True)
class PromotionRule:
    """When a challenger has won.

    Attributes
    ----------
    significance_frac
        Two-sided p-value of the Diebold-Mariano test, times the number of challengers, that counts as better.
    min_skill_frac
        Or this much less pinball loss than the holder.
    min_points, min_sessions
        Judged rows and sessions without which nothing is decided.
    """

    significance_frac: float = 0.10
    min_skill_frac: float = 0.02
    min_points: int = 250
    min_sessions: int = 40

    def __post_init__(self) -> None:
        """Refuse shares outside 0-1."""
        if not (0.0 < self.significance_frac < 1.0 and 0.0 <= self.min_skill_frac < 1.0):
            raise ConfigError(
                f"PromotionRule: significance {self.significance_frac}, skill {self.min_skill_frac}; allowed are fractions 0-1"
            )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One challenger against one holder on the same rows.

    Attributes
    ----------
    skill_frac
        1 - loss / loss of the holder; positive is better. None where the holder's loss is 0.
    dm_stat, dm_p_value
        Diebold-Mariano by session; below 0 the challenger is better. None without variance.
    wins
        By the rule.
    reason
        One sentence with the figures.
    """

    challenger: str
    holder: str
    skill_frac: float | None
    dm_stat: float | None
    dm_p_value: float | None
    points_n: int
    sessions_n: int
    wins: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The member that the walk-forward evaluation names.

    Attributes
    ----------
    member, kind
        Who should serve.
    best_baseline
        Baseline with the least loss.
    comparison
        Of the best model with it; None where no model was judged.
    reason
        Why, with the figures.
    """

    member: str
    kind: Literal["baseline", "model"]
    best_baseline: str
    comparison: Comparison | None
    reason: str


def row_pinball(scores: NDArray[Any], realised: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R,) pinball loss, the mean over the quantiles and the known horizons; NaN where no horizon is known.

    Parameters
    ----------
    scores
        (R, 5, 7) quantiles of the future score.
    realised
        (R, 5) scores that came; NaN where not known.
    """
    losses = quantile_pinball(realised, scores.astype(np.float64))
    known = ~np.isnan(losses)
    n = known.sum(axis=1)
    total = np.where(known, losses, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, n, out=np.full(len(losses), np.nan), where=n > 0))


def compare(
    challenger: str,
    challenger_loss: NDArray[np.float64],
    holder: str,
    holder_loss: NDArray[np.float64],
    session: NDArray[np.int64],
    rule: PromotionRule,
    challengers_n: int = 1,
) -> Comparison:
    """Whether a challenger wins.

    It does when, on at least ``rule.min_points`` rows of ``rule.min_sessions`` sessions, the Diebold-Mariano test says
    better at ``rule.significance_frac`` or the skill is above ``rule.min_skill_frac``.

    Parameters
    ----------
    challenger_loss, holder_loss
        (R,) losses on the same rows; rows with a NaN are left out.
    session
        (R,) session each forecast was made in.
    challengers_n
        Challengers among which this one is the best: the p-value is multiplied by it (Bonferroni), because the best of
        many looks better than it is.
    """
    known = ~(np.isnan(challenger_loss) | np.isnan(holder_loss))
    ours, theirs = challenger_loss[known], holder_loss[known]
    test = diebold_mariano_of_sessions(ours, theirs, session[known], _FURTHEST)
    if not len(ours):
        return Comparison(challenger, holder, None, None, None, 0, 0, False, f"{challenger}: no judged row")
    loss, reference = float(ours.mean()), float(theirs.mean())
    skill = 1.0 - loss / reference if reference > 0.0 else None
    enough = len(ours) >= rule.min_points and test.n_sessions >= rule.min_sessions
    significant = (
        test.stat is not None
        and test.p_value is not None
        and test.stat < 0.0
        and test.p_value * challengers_n < rule.significance_frac
    )
    skilled = skill is not None and skill > rule.min_skill_frac
    return Comparison(
        challenger,
        holder,
        skill,
        test.stat,
        test.p_value,
        len(ours),
        test.n_sessions,
        enough and (significant or skilled),
        _sentence(challenger, loss, holder, reference, skill, test.p_value, challengers_n, len(ours), test.n_sessions)
        + ("" if enough else f"; {rule.min_points} rows of {rule.min_sessions} sessions are needed to decide"),
    )


def choose(held: HeldOut, rule: PromotionRule) -> Choice:
    """The best model where it beats the best baseline, else that baseline.

    Raises
    ------
    InsufficientDataError
        No baseline could be judged: there is nothing to beat.
    """
    losses = {
        member.name: row_pinball(member.scores[held.judged], held.realised[held.judged]) for member in held.members
    }
    session = held.session[held.judged]
    baselines = _ordered(held.members, losses, "baseline")
    models = _ordered(held.members, losses, "model")
    if not baselines:
        raise InsufficientDataError(
            f"forecast of {held.group.key} {held.target}: no baseline was judged; {dict(held.left_out) or 'no row has a truth'}"
        )
    best = baselines[0]
    if not models:
        return Choice(best, "baseline", best, None, f"{best} serves: no model could be judged")
    found = compare(models[0], losses[models[0]], best, losses[best], session, rule, len(models))
    if found.wins:
        return Choice(models[0], "model", best, found, f"{models[0]} beats the best baseline: {found.reason}")
    return Choice(best, "baseline", best, found, f"no model beats the best baseline: {found.reason}")


def _ordered(members: tuple[MemberForecasts, ...], losses: dict[str, NDArray[np.float64]], kind: str) -> list[str]:
    """Names of a kind by mean loss, the least first; a tie goes to the first by name."""
    means = {
        member.name: float(losses[member.name][~np.isnan(losses[member.name])].mean())
        for member in members
        if member.kind == kind and not np.isnan(losses[member.name]).all()
    }
    return sorted(means, key=lambda name: (means[name], name))


def _sentence(
    challenger: str,
    loss: float,
    holder: str,
    reference: float,
    skill: float | None,
    p_value: float | None,
    challengers_n: int,
    points_n: int,
    sessions_n: int,
) -> str:
    skill_text = "not defined" if skill is None else f"{skill:+.1%}"
    p_text = "none" if p_value is None else f"{p_value:.3f}"
    of = "" if challengers_n == 1 else f" (best of {challengers_n})"
    return (
        f"pinball {loss:.3f} of {challenger}{of} against {reference:.3f} of {holder}, skill {skill_text}, "
        f"Diebold-Mariano p {p_text}, {points_n} rows of {sessions_n} sessions"
    )
