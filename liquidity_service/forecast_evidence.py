"""What the forecasts of one market are worth on its whole history: losses, wins, coverage, crises and controls.

``panel_evidence`` runs the walk-forward evaluation that a training runs, over far more of the past, and cuts the same
held-out forecasts in every way the report shows. Read next: ``forecast_controls.py``, ``forecast_report.py``.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.backtest.score_validation import ValidationSettings, validate_scores
from liquidity.forecast.champion import Choice, PromotionRule, choose
from liquidity.forecast.coverage import coverage_of, rolling_coverage
from liquidity.forecast.diebold_mariano import diebold_mariano_of_sessions
from liquidity.forecast.evaluation import EvaluationSettings, HeldOut, held_out
from liquidity.forecast.evaluation_tables import evaluation_table
from liquidity.forecast.horizons import BANDS, HORIZONS, MEDIAN
from liquidity.forecast.members import MEMBERS
from liquidity.forecast.metrics import quantile_pinball
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.regime import market_conditions, regime_path
from liquidity.forecast.scoring import row_losses
from liquidity_service.forecast_controls import FutureTest, LeakDetector, future_test, leak_detector, shuffled_control

__all__ = ["CRISES", "Crisis", "Fan", "PanelEvidence", "PanelPlan", "panel_evidence", "quick_plan"]

ROLLING_SESSIONS: Final = 250
_FAN_PAST: Final = 40


@dataclass(frozen=True, slots=True)
class Crisis:
    """A stretch of days that the report looks at on its own."""

    name: str
    asset_class: str
    start: date
    end: date


CRISES: Final = (
    Crisis("LUNA", "crypto_spot", date(2022, 5, 5), date(2022, 6, 18)),
    Crisis("FTX", "crypto_spot", date(2022, 11, 6), date(2022, 12, 5)),
    Crisis("10 October 2025", "crypto_spot", date(2025, 10, 10), date(2025, 11, 9)),
    Crisis("2008", "equity", date(2008, 9, 15), date(2009, 3, 31)),
    Crisis("March 2020", "equity", date(2020, 2, 20), date(2020, 4, 30)),
)
"""Days of the recorded histories; a forecast belongs to a crisis when the session it was made for does."""


@dataclass(frozen=True, slots=True)
class PanelPlan:
    """How one market is judged.

    Attributes
    ----------
    evaluation
        Blocks over the whole history.
    control
        Blocks of the negative control, a part of them.
    fans
        Instrument and session of each fan chart wished for.
    """

    evaluation: EvaluationSettings
    control: EvaluationSettings
    fans: tuple[tuple[str, date], ...] = ()


@dataclass(frozen=True, slots=True)
class Fan:
    """One forecast with what came before and after, points.

    ``past`` (40,) ends with the session of the forecast; ``quantiles`` (5, 7); ``came`` (5,).
    """

    instrument_id: str
    session: date
    member: str
    past: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    came: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PanelEvidence:
    """Everything the report tells of one score of one market.

    Attributes
    ----------
    plan
        How it was judged.
    group, target, sessions_n, instruments_n, first, last
        What was judged; ``first`` and ``last`` are sessions that judged forecasts were made in.
    evaluation
        Rows of ``FORECAST_EVALUATION`` over all judged blocks.
    against
        ``member, baseline, horizon_sessions, skill_frac, dm_stat, dm_p_value``: every model against every baseline.
    choice
        Who would be served, and why.
    coverage
        ``horizon_sessions`` (0 is all), ``band, points_n, coverage_frac, low_frac, high_frac, alarm`` of the served member.
    rolling
        ``session, horizon_sessions, band, coverage_frac, low_frac, high_frac`` over the last 250 sessions.
    crises
        ``crisis, member, points_n, mae_points, pinball_points, coverage_80_frac, coverage_95_frac, bias_points``.
    control
        Choice on shuffled labels.
    future, detector
        Leak tests; ``detector`` shows that a leak would be seen.
    validation
        Rows of ``SCORE_VALIDATION``.
    regimes
        ``session, median_score, regime`` (``""`` where none is told).
    fans
        Forecasts to draw.
    left_out
        Members that could not learn, and why.
    seconds
        Time of the processor for all this.
    """

    plan: PanelPlan
    group: MarketGroup
    target: str
    sessions_n: int
    instruments_n: int
    first: date
    last: date
    evaluation: pd.DataFrame
    against: pd.DataFrame
    choice: Choice
    coverage: pd.DataFrame
    rolling: pd.DataFrame
    crises: pd.DataFrame
    control: Choice
    future: FutureTest
    detector: LeakDetector
    validation: pd.DataFrame
    regimes: pd.DataFrame
    fans: tuple[Fan, ...]
    left_out: Mapping[str, str]
    seconds: float


def panel_evidence(panel: ScorePanel, features: pd.DataFrame, plan: PanelPlan) -> PanelEvidence:
    """Judge every member on the panel's history.

    Parameters
    ----------
    features
        ``liquidity_features`` rows of the panel's days, for the outcomes that scores are compared with.

    Raises
    ------
    InsufficientDataError
        The panel is too short for two blocks of the plan.
    """
    begun = time.process_time()
    members = list(MEMBERS.values())
    held = held_out(panel, members, plan.evaluation)
    choice = choose(held, PromotionRule())
    last = held.sessions[-1]
    made = held.sessions[held.session[held.judged]]
    served = held.of(choice.member).scores
    regimes = regime_path(market_conditions(panel.scores), panel.sessions)
    return PanelEvidence(
        plan,
        held.group,
        held.target,
        len(np.unique(made)),
        len(np.unique(held.instrument[held.judged])),
        made[0].item(),
        made[-1].item(),
        evaluation_table(held, last.item()),
        _against(held),
        choice,
        _coverage(held, served),
        _rolling(held, served),
        _crises(held, choice),
        shuffled_control(panel, members, plan.control),
        future_test(panel, plan.control),
        leak_detector(panel, plan.control),
        validate_scores(
            [panel],
            features,
            last,
            _medians(held, served),
            ValidationSettings(window_sessions=max(len(panel.sessions), 10)),
        ),
        pd.DataFrame(
            {
                "session": panel.sessions,
                "median_score": market_conditions(panel.scores).median_score,
                "regime": _regime_names(regimes.probabilities),
            }
        ),
        tuple(fan for name, day in plan.fans if (fan := _fan(panel, held, choice.member, name, day)) is not None),
        held.left_out,
        time.process_time() - begun,
    )


def quick_plan(plan: PanelPlan) -> PanelPlan:
    """The same with the last few blocks only and smaller samples."""
    few = replace(plan.evaluation, blocks=min(plan.evaluation.blocks, 3), max_train_rows=3_000, max_held_out_rows=6_000)
    return PanelPlan(few, replace(few, blocks=2), plan.fans)


def _against(held: HeldOut) -> pd.DataFrame:
    """Pinball loss of every model beside every baseline, by horizon, on the judged rows."""
    session = held.session[held.judged]
    losses = {
        member.name: quantile_pinball(held.realised[held.judged], member.scores[held.judged].astype(np.float64))
        for member in held.members
    }
    kinds = {member.name: member.kind for member in held.members}
    rows = []
    for model in (name for name, kind in kinds.items() if kind == "model"):
        for baseline in (name for name, kind in kinds.items() if kind == "baseline"):
            for place, horizon in enumerate(HORIZONS):
                ours, theirs = losses[model][:, place], losses[baseline][:, place]
                known = ~(np.isnan(ours) | np.isnan(theirs))
                reference = float(theirs[known].mean()) if known.any() else 0.0
                test = diebold_mariano_of_sessions(ours, theirs, session, horizon)
                rows.append(
                    {
                        "member": model,
                        "baseline": baseline,
                        "horizon_sessions": horizon,
                        "skill_frac": 1.0 - float(ours[known].mean()) / reference if reference > 0.0 else np.nan,
                        "dm_stat": test.stat,
                        "dm_p_value": test.p_value,
                    }
                )
    return pd.DataFrame(rows)


def _coverage(held: HeldOut, scores: NDArray[np.float32]) -> pd.DataFrame:
    rows = []
    for band, (low, high) in BANDS.items():
        inside_all, known_all = 0, 0
        for place, horizon in enumerate(HORIZONS):
            made_for, inside = _inside(held, scores, place, low, high)
            found = coverage_of(made_for, inside, band / 100.0, horizon)
            if found is None:
                continue
            inside_all, known_all = inside_all + int(inside.sum()), known_all + len(inside)
            rows.append((horizon, band, found.n, found.coverage_frac, found.low_frac, found.high_frac, found.alarm))
        if known_all:
            rows.append((0, band, known_all, inside_all / known_all, np.nan, np.nan, False))
    names = ["horizon_sessions", "band", "points_n", "coverage_frac", "low_frac", "high_frac", "alarm"]
    return pd.DataFrame(rows, columns=names)


def _rolling(held: HeldOut, scores: NDArray[np.float32]) -> pd.DataFrame:
    pieces = []
    for band in (80, 95):
        for horizon in (HORIZONS[0], HORIZONS[-1]):
            made_for, inside = _inside(held, scores, HORIZONS.index(horizon), *BANDS[band])
            told = rolling_coverage(made_for, inside, band / 100.0, horizon, ROLLING_SESSIONS)[ROLLING_SESSIONS - 1 :]
            pieces.append(
                pd.DataFrame(
                    [
                        (held.sessions[min(each.through, len(held.sessions) - 1)], horizon, band, each.coverage_frac, each.low_frac, each.high_frac)
                        for each in told
                    ],
                    columns=["session", "horizon_sessions", "band", "coverage_frac", "low_frac", "high_frac"],
                )
            )  # fmt: skip
    return pd.concat(pieces, ignore_index=True)


def _inside(
    held: HeldOut, scores: NDArray[np.float32], place: int, low: int, high: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Session each judged forecast was made for, and whether the truth lies in the band."""
    judged = held.judged & ~np.isnan(held.realised[:, place])
    truth, said = held.realised[judged, place], scores[judged, place]
    return held.session[judged] + HORIZONS[place], (said[:, low] <= truth) & (truth <= said[:, high])


def _crises(held: HeldOut, choice: Choice) -> pd.DataFrame:
    rows = []
    ahead = held.session[:, np.newaxis] + np.array(HORIZONS)
    day = held.sessions[np.minimum(ahead, len(held.sessions) - 1)]
    wanted = () if held.group.origin != "recorded" else CRISES
    for crisis in (each for each in wanted if each.asset_class == held.group.asset_class):
        within = (
            held.judged[:, np.newaxis]
            & (ahead < len(held.sessions))
            & (day >= np.datetime64(crisis.start))
            & (day <= np.datetime64(crisis.end))
            & ~np.isnan(held.realised)
        )
        if not within.any():
            continue
        for name in dict.fromkeys((choice.member, choice.best_baseline, "persistence")):
            losses = row_losses(held.of(name).scores[within].astype(np.float64), held.realised[within])
            means = losses.means(np.zeros(int(within.sum()), dtype=np.int64), 1)
            rows.append(
                {"crisis": crisis.name, "member": name} | {key: float(value[0]) for key, value in means.items()}
            )
    return pd.DataFrame(rows)


def _medians(held: HeldOut, scores: NDArray[np.float32]) -> pd.DataFrame:
    """The served medians in the columns that the validation reads."""
    session, instrument = held.session[held.judged], held.instrument[held.judged]
    n = len(session)
    return pd.DataFrame(
        {
            "session_date": np.repeat(held.sessions[session].astype("datetime64[s]"), len(HORIZONS)),
            "instrument_id": np.repeat(held.instrument_ids[instrument], len(HORIZONS)),
            "target": held.target,
            "horizon_sessions": np.tile(np.array(HORIZONS), n),
            "forecast_score": scores[held.judged][:, :, MEDIAN].ravel().astype(np.float64),
        }
    )


def _regime_names(probabilities: NDArray[np.float64]) -> list[str]:
    from liquidity.contracts.evidence import REGIMES

    told = np.isfinite(probabilities).all(axis=1)
    best = np.where(told, np.nan_to_num(probabilities).argmax(axis=1), -1)
    return ["" if place < 0 else REGIMES[place] for place in best]


def _fan(panel: ScorePanel, held: HeldOut, member: str, name: str, day: date) -> Fan | None:
    """The forecast of an instrument in a session; ``None`` where it was not judged."""
    session, instrument = (
        np.searchsorted(panel.sessions, np.datetime64(day)),
        np.flatnonzero(held.instrument_ids == name),
    )
    found = np.flatnonzero(held.judged & (held.session == session) & np.isin(held.instrument, instrument))
    if not len(found):
        return None
    row = int(found[0])
    past = panel.scores[max(int(session) + 1 - _FAN_PAST, 0) : int(session) + 1, int(held.instrument[row])]
    return Fan(name, day, member, past, held.of(member).scores[row].astype(np.float64), held.realised[row])
