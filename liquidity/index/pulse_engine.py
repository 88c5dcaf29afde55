"""The pulse engine: all scores of many sessions, each session scored from its own cross-section.

Peers are ranked within one session, so sessions never mix. Read next: ``liquidity_index.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from liquidity.contracts.pulse import BONDX_SCORE, LIQUIDITY_INDEX, REPAYMENT_SUPPORT
from liquidity.index.bondx_score import combine_scores
from liquidity.index.configuration import read_configuration
from liquidity.index.liquidity_index import score_liquidity
from liquidity.index.profiles import WeightProfile
from liquidity.index.pulse_document import PulseMeta, pulse_documents
from liquidity.index.repayment_support import score_repayment
from liquidity.index.thresholds import PulseThresholds

__all__ = ["ScoreTables", "document_sessions", "previous_scores", "score_sessions"]


@dataclass(frozen=True, slots=True)
class ScoreTables:
    """The three score tables of one run, rows in the order of the features."""

    liquidity: pd.DataFrame
    repayment: pd.DataFrame
    bondx: pd.DataFrame


def score_sessions(
    features: pd.DataFrame, profiles: Mapping[str, WeightProfile], thresholds: PulseThresholds | None = None
) -> ScoreTables:
    """Score every instrument of every session in ``features``.

    Parameters
    ----------
    features
        ``LIQUIDITY_FEATURES`` rows of any number of sessions, each complete.
    profiles
        Profile of each asset class (``profiles_for()``).

    Returns
    -------
    ScoreTables
        Tables of the three contracts; without rows where ``features`` has none.
    """
    tables = []
    for _, day in features.groupby("session_date", sort=True):
        liquidity = score_liquidity(day, profiles, thresholds)
        repayment = score_repayment(day, profiles, thresholds)
        tables.append((liquidity, repayment, combine_scores(liquidity, repayment, day, profiles, thresholds)))
    if not tables:
        return ScoreTables(
            *(pd.DataFrame(columns=list(c.column_names)) for c in (LIQUIDITY_INDEX, REPAYMENT_SUPPORT, BONDX_SCORE))
        )
    return ScoreTables(*(pd.concat(parts, ignore_index=True) for parts in zip(*tables, strict=True)))


def previous_scores(history: pd.DataFrame, session: date) -> pd.DataFrame | None:
    """The newest ``LIQUIDITY_INDEX`` row of each instrument before ``session``; ``None`` where there is none.

    Instruments of different markets rest on different days, so the day may differ from row to row.
    """
    earlier = np.flatnonzero(history["session_date"] < pd.Timestamp(session))
    if not len(earlier):
        return None
    # Rows are chosen before they are copied: the texts of a week of scores are long.
    by_day = earlier[np.argsort(history["session_date"].to_numpy()[earlier], kind="stable")]
    replaced = history["instrument_id"].iloc[by_day].duplicated(keep="last").to_numpy()
    return history.iloc[by_day[~replaced]]


def document_sessions(
    scores: ScoreTables,
    features: pd.DataFrame,
    warnings: pd.DataFrame,
    status: pd.DataFrame,
    sessions: Sequence[date],
    configurations: Mapping[str, str],
    code_version: str,
    forecasts: pd.DataFrame | None = None,
) -> dict[date, pd.DataFrame]:
    """``LIQUIDITY_PULSE`` rows of each session that has any.

    Parameters
    ----------
    scores
        Score tables; ``scores.liquidity`` also holds the days before, which the change is measured from.
    configurations
        Configuration document of each ``config_hash`` in ``scores.liquidity``.
    forecasts
        ``INDEX_FORECAST`` rows of the sessions; None where none were made.
    """
    documents: dict[date, pd.DataFrame] = {}
    for session in sessions:
        liquidity, repayment, bondx, day = (
            _of(table, session) for table in (scores.liquidity, scores.repayment, scores.bondx, features)
        )
        if not len(liquidity):
            continue
        previous = previous_scores(scores.liquidity, session)
        hash_of_class = liquidity.drop_duplicates("asset_class").set_index("asset_class")["config_hash"]
        profiles = {str(name): read_configuration(configurations[text])[0] for name, text in hash_of_class.items()}
        documents[session] = pulse_documents(
            liquidity,
            repayment,
            bondx,
            day,
            previous,
            _of(warnings, session),
            _of(status, session),
            PulseMeta(profiles, code_version),
            forecasts=None if forecasts is None else _of(forecasts, session),
        )
    return documents


def _of(table: pd.DataFrame, session: date) -> pd.DataFrame:
    mine = table["session_date"] == pd.Timestamp(session)
    return (table if mine.all() else table[mine]).reset_index(drop=True)  # a run of one day copies nothing
