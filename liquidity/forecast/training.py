"""Training as one pure step: judge every member on the past, choose who serves, fit it on all of it.

Nothing is stored here, so an interrupted training leaves nothing behind. Read next: ``evaluation.py`` (the judgement),
``champion.py`` (the rule), ``forecaster.py`` (the result).
"""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.contracts.forecast import FORECAST_EVALUATION, FORECAST_MODELS
from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.forecast.bands import Calibration
from liquidity.forecast.champion import Choice, Comparison, PromotionRule, choose, compare, row_pinball
from liquidity.forecast.drift import InputBins
from liquidity.forecast.evaluation import EvaluationSettings, HeldOut, held_out
from liquidity.forecast.evaluation_tables import evaluation_table, horizon_figures
from liquidity.forecast.fallback import session_place
from liquidity.forecast.forecaster import Forecaster
from liquidity.forecast.inputs import input_rows, sample_rows
from liquidity.forecast.members import MEMBERS
from liquidity.forecast.members._member import InputRows, Member
from liquidity.forecast.model_card import ModelCard
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.paths import joint_ranks, outcome_probabilities
from liquidity.forecast.score_panels import FEATURE_COLUMNS

__all__ = ["Training", "TrainingSettings", "train"]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a training is done.

    Attributes
    ----------
    evaluation
        How the past is cut, how many rows a fit sees, and the seed.
    rule
        When a challenger has won.
    members
        Names of the members that compete; all of the registry by default.
    """

    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    rule: PromotionRule = field(default_factory=PromotionRule)
    members: tuple[str, ...] = tuple(MEMBERS)


@dataclass(frozen=True, slots=True)
class Training:
    """What a training found.

    Attributes
    ----------
    decision
        One of ``DECISIONS``.
    forecaster
        Who serves from now on: a new one, the incumbent where it is kept, None without enough data. Only a new one needs
        to be stored (``decision`` is ``promoted`` or ``baseline_served``).
    models
        One row of ``FORECAST_MODELS``.
    evaluation
        Rows of ``FORECAST_EVALUATION``; empty without enough data.
    """

    decision: str
    forecaster: Forecaster | None
    models: pd.DataFrame
    evaluation: pd.DataFrame


def train(
    panel: ScorePanel,
    settings: TrainingSettings,
    incumbent: Forecaster | None,
    session: date,
    code_version: str,
) -> Training:
    """Train one score of one market at the close of a session.

    Parameters
    ----------
    panel
        Long history; what comes after ``session`` is not read.
    incumbent
        Who serves until now.
    session
        Day of the training; also the last session learned from.
    code_version
        Release or commit, for the card.

    Returns
    -------
    Training
        Equal inputs, settings and incumbent give equal bits. Too short a history is the decision
        ``insufficient_data``, not an exception: other markets go on.

    Raises
    ------
    ConfigError
        The session is not one of the panel's, or a member is unknown.

    Notes
    -----
    The best model of the walk-forward evaluation is *promoted* when it beats the best baseline and, where a model served
    until now, beats that one too on the sessions that came after the incumbent's own data. The incumbent is *kept* when
    the challenger does not beat it and it still beats the best baseline there (or has too few sessions to tell).
    Otherwise the best baseline is fitted anew and serves.
    """
    known = panel.up_to(panel.sessions[session_place(panel, np.datetime64(session, "D"))])
    unknown = sorted(set(settings.members) - set(MEMBERS))
    if unknown:
        raise ConfigError(f"training: member(s) {unknown} are not known; allowed: {list(MEMBERS)}")
    members = [MEMBERS[name] for name in settings.members]
    try:
        held = held_out(known, members, settings.evaluation)
        choice = choose(held, settings.rule)
    except InsufficientDataError as error:
        return Training(
            "insufficient_data",
            incumbent,
            _models_row(known, session, "insufficient_data", str(error), incumbent, incumbent),
            frame_from_table(empty_table(FORECAST_EVALUATION)),
        )
    evaluation = evaluation_table(held, session)
    decision, reason = _decide(known, held, choice, incumbent, settings.rule)
    if decision == "kept":
        return Training(
            decision,
            incumbent,
            _models_row(known, session, decision, reason, incumbent, incumbent),
            evaluation,
        )
    name = choice.member if decision == "promoted" else choice.best_baseline
    forecaster = _fit(known, held, MEMBERS[name], choice, reason, settings, session, code_version)
    return Training(
        decision,
        forecaster,
        _models_row(known, session, decision, reason, forecaster, incumbent),
        evaluation,
    )


def _decide(
    panel: ScorePanel, held: HeldOut, choice: Choice, incumbent: Forecaster | None, rule: PromotionRule
) -> tuple[str, str]:
    """Decision and its reason; see the notes of :func:`train`."""
    fresh = _fresh_losses(panel, held, incumbent) if incumbent is not None and incumbent.card.kind == "model" else None
    if incumbent is None or fresh is None:
        return ("promoted" if choice.kind == "model" else "baseline_served"), choice.reason
    losses, rows = fresh
    holder = f"the incumbent {incumbent.card.member} ({incumbent.model_id})"

    def against(name: str) -> tuple[Comparison, Comparison]:
        theirs = row_pinball(held.of(name).scores[rows], held.realised[rows])
        session = held.session[rows]
        return (
            compare(name, theirs, holder, losses, session, rule),
            compare(holder, losses, name, theirs, session, rule),
        )

    if choice.kind == "baseline":
        _, defended = against(choice.member)
        if defended.wins:
            return "kept", f"the incumbent still beats the best baseline on newer sessions: {defended.reason}"
        return "baseline_served", choice.reason
    challenged, _ = against(choice.member)
    if challenged.wins:
        return "promoted", f"{choice.member} beats the incumbent: {challenged.reason}; {choice.reason}"
    beaten, _ = against(choice.best_baseline)
    if beaten.wins:
        return "promoted", f"the incumbent loses against a baseline: {beaten.reason}; {choice.reason}"
    return "kept", f"{choice.member} does not beat the incumbent: {challenged.reason}"


def _fresh_losses(
    panel: ScorePanel, held: HeldOut, incumbent: Forecaster
) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """Losses of the incumbent on the judged rows after its own data, and which rows these are; None when it cannot speak."""
    trained = np.datetime64(incumbent.card.trained_on, "D")
    rows = held.judged & (held.sessions[held.session] > trained)
    losses = np.full(int(rows.sum()), np.nan)
    wanted = held.session[rows] * len(panel.instrument_ids) + held.instrument[rows]
    for session in np.unique(held.session[rows]):
        made = input_rows(panel, np.array([session]))
        if made.names != incumbent.card.inputs:
            return None
        place = np.searchsorted(wanted, made.session * len(panel.instrument_ids) + made.instrument)
        mine = place < len(wanted)
        mine[mine] = wanted[place[mine]] == (made.session * len(panel.instrument_ids) + made.instrument)[mine]
        losses[place[mine]] = row_pinball(incumbent.scores(made)[mine], held.realised[rows][place[mine]])
    return losses, rows


def _fit(
    panel: ScorePanel,
    held: HeldOut,
    member: type[Member],
    choice: Choice,
    reason: str,
    settings: TrainingSettings,
    session: date,
    code_version: str,
) -> Forecaster:
    """The chosen member, fitted on all that is known; its bands and joint ranks come from its held-out forecasts."""
    evaluation = settings.evaluation
    rows, changes = sample_rows(panel, evaluation.max_train_rows, evaluation.seed)
    fitted = member.fit(rows, changes, evaluation.seed)
    forecasts = held.of(member.name)
    calibration = Calibration.fit(
        forecasts.changes.astype(np.float64),
        held.known_by(len(held.sessions) - 1),
        held.scale,
        held.liquidity_group,
        held.session,
    )
    judged = held.judged
    ranks = joint_ranks(outcome_probabilities(forecasts.scores[judged].astype(np.float64), held.realised[judged]))
    card = ModelCard(
        asset_class=panel.group.asset_class,
        calendar=panel.group.calendar,
        origin=panel.group.origin,
        target=panel.target,
        member=member.name,
        kind=member.kind,
        trained_on=session.isoformat(),
        data_from=str(panel.sessions[0]),
        instruments_n=int(np.isfinite(panel.scores).any(axis=0).sum()),
        rows_n=len(rows),
        inputs=rows.names,
        seed=evaluation.seed,
        settings={**asdict(settings), "members": list(settings.members)},
        code_version=code_version,
        status=member.kind,
        reason=reason,
        best_baseline=choice.best_baseline,
        held_out=horizon_figures(held, member.name),
        left_out=dict(held.left_out),
    )
    return Forecaster(card, fitted, calibration, ranks, InputBins.fit(rows), _signals_known(rows))


def _signals_known(rows: InputRows) -> bool:
    """Whether more than half of the rows have at least one feature."""
    features = [rows.names.index(name) for name in FEATURE_COLUMNS if name in rows.names]
    return bool(features) and float((~np.isnan(rows.values[:, features])).any(axis=1).mean()) > 0.5


def _models_row(
    panel: ScorePanel, session: date, decision: str, reason: str, serving: Forecaster | None, before: Forecaster | None
) -> pd.DataFrame:
    """The row of ``FORECAST_MODELS``; figures of the data are those of the one who serves."""
    card = None if serving is None else serving.card
    row: dict[str, Any] = {
        "session_date": np.datetime64(session, "ms"),
        "asset_class": panel.group.asset_class,
        "calendar": panel.group.calendar,
        "origin": panel.group.origin,
        "target": panel.target,
        "decision": decision,
        "reason": reason,
        "member": None if card is None else card.member,
        "model_id": None if serving is None else serving.model_id,
        "incumbent_member": None if before is None else before.card.member,
        "incumbent_id": None if before is None else before.model_id,
        "data_from": np.datetime64("NaT" if card is None else card.data_from, "ms"),
        "data_through": np.datetime64("NaT" if card is None else card.trained_on, "ms"),
        "instruments_n": 0 if card is None else card.instruments_n,
        "rows_n": 0 if card is None else card.rows_n,
        "card_json": "{}" if card is None else card.to_json(),
    }
    frame = pd.DataFrame([row])
    texts = [column.name for column in FORECAST_MODELS.columns if column.dtype == "string"]
    return frame.astype(dict.fromkeys(texts, "str"))[list(FORECAST_MODELS.column_names)]
