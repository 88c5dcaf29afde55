"""One score of all markets trained on one day: each market by itself, so that a poor one holds nobody up.

Read next: ``training.py``, which trains one market.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pandas as pd

from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.contracts.forecast import FORECAST_EVALUATION, FORECAST_MODELS
from liquidity.forecast.forecaster import Forecaster
from liquidity.forecast.panel import MarketGroup
from liquidity.forecast.score_panels import score_panels
from liquidity.forecast.training import TrainingSettings, train

__all__ = ["TrainingRound", "train_markets"]

_LONGEST_REST: Final = timedelta(days=14)
_STORED: Final = ("promoted", "baseline_served")


@dataclass(frozen=True, slots=True)
class TrainingRound:
    """Forecasters to be put in service, and rows of ``FORECAST_MODELS`` and ``FORECAST_EVALUATION``."""

    new: tuple[Forecaster, ...]
    models: pd.DataFrame
    evaluation: pd.DataFrame

    @classmethod
    def joined(cls, rounds: Sequence["TrainingRound"]) -> "TrainingRound":
        """All rounds as one."""
        tables = []
        for contract, parts in (
            (FORECAST_MODELS, [each.models for each in rounds]),
            (FORECAST_EVALUATION, [each.evaluation for each in rounds]),
        ):
            filled = [part for part in parts if len(part)]
            tables.append(pd.concat(filled, ignore_index=True) if filled else frame_from_table(empty_table(contract)))
        return cls(tuple(new for each in rounds for new in each.new), *tables)


def train_markets(
    scores: pd.DataFrame,
    features: pd.DataFrame,
    calendars: Mapping[str, str],
    target: str,
    day: date,
    settings: TrainingSettings,
    serving: Callable[[MarketGroup, str, date], Forecaster | str],
    code_version: str,
) -> TrainingRound:
    """Train one score of every market that had a session in the fortnight before ``day``, at its newest session.

    Parameters
    ----------
    scores, features, calendars, target
        As :func:`~liquidity.forecast.score_panels.score_panels` reads them, up to ``day``.
    serving
        Who serves a market and score on a session: the incumbent, or why there is none.
    """
    rounds = []
    for panel in score_panels(scores, features, target, calendars):
        session: date = panel.sessions[-1].astype(object)
        if day - session > _LONGEST_REST:
            continue
        incumbent = serving(panel.group, target, session)
        training = train(panel, settings, None if isinstance(incumbent, str) else incumbent, session, code_version)
        new = (training.forecaster,) if training.forecaster and training.decision in _STORED else ()
        rounds.append(TrainingRound(new, _on(training.models, day), _on(training.evaluation, day)))
    return TrainingRound.joined(rounds)


def _on(rows: pd.DataFrame, day: date) -> pd.DataFrame:
    """The rows under the day of the training, which for a market at rest comes after its session."""
    return rows.assign(
        session_date=pd.Series([pd.Timestamp(day)] * len(rows), index=rows.index, dtype="datetime64[ms]")
    )
