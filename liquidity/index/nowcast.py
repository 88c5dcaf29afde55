"""The pulse of one instrument the moment something about it is learnt, without waiting for the day's run.

The newest panel row goes through the same functions as the day's tables: features from the instrument's own 90 days,
scores within today's cross-section, one document. The result is what the batch would publish from the same rows.
Read next: ``pulse_engine.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from liquidity.contracts.features import LIQUIDITY_FEATURES
from liquidity.domain.errors import ContractError
from liquidity.features.blocks import feature_tables
from liquidity.index.bondx_score import combine_scores
from liquidity.index.liquidity_index import score_liquidity
from liquidity.index.profiles import WeightProfile
from liquidity.index.pulse_document import PulseMeta, pulse_documents
from liquidity.index.pulse_engine import ScoreTables
from liquidity.index.repayment_support import score_repayment
from liquidity.index.thresholds import PulseThresholds

__all__ = ["Nowcast", "nowcast", "nowcast_document"]


@dataclass(frozen=True, slots=True)
class Nowcast:
    """One instrument anew, within today's cross-section.

    Parameters
    ----------
    features
        ``LIQUIDITY_FEATURES`` rows of the session, the instrument's own renewed: the peers of the next nowcast.
    row
        The instrument's row of them, alone.
    scores
        Score tables of the instrument, one row each.
    """

    features: pd.DataFrame
    row: pd.DataFrame
    scores: ScoreTables


def nowcast(
    panel_history: pd.DataFrame,
    peers_features: pd.DataFrame,
    profiles: Mapping[str, WeightProfile],
    thresholds: PulseThresholds | None = None,
) -> Nowcast:
    """Score one instrument again from its newest panel row.

    Parameters
    ----------
    panel_history
        ``signal_panel`` rows of one instrument (columns ``PANEL_INPUTS``): the session and the 90 days up to it.
    peers_features
        ``LIQUIDITY_FEATURES`` of the session as last known, sorted by the key; the instrument's own row is replaced,
        or added where it had none.
    profiles
        Profile of each asset class.

    Returns
    -------
    Nowcast
        The instrument's features and scores as the whole session gives them when it is computed anew.

    Raises
    ------
    ContractError
        ``panel_history`` is empty or of several instruments, or ``peers_features`` are of another session.
    """
    names = panel_history["instrument_id"].unique().tolist()
    if len(names) != 1:
        raise ContractError(f"nowcast: panel rows of {len(names)} instruments; pass the history of exactly one")
    moment = panel_history["session_date"].max()
    session: date = pd.Timestamp(moment).date()
    others = peers_features["session_date"].unique().tolist()
    if len(others) and [pd.Timestamp(day).date() for day in others] != [session]:
        raise ContractError(f"nowcast: the newest panel row is of {session}, the peers' features of {others}")
    renewed = feature_tables([panel_history], [session]).features
    kept = peers_features[(peers_features["instrument_id"] != names[0]).to_numpy(dtype=np.bool_)]
    place = int(np.count_nonzero((kept["instrument_id"] < names[0]).to_numpy(dtype=np.bool_)))
    parts = [part for part in (kept.iloc[:place], renewed, kept.iloc[place:]) if len(part)]
    features = pd.concat(parts, ignore_index=True)[list(LIQUIDITY_FEATURES.column_names)]
    mine = features.iloc[[place]].reset_index(drop=True)
    wanted = [str(names[0])]
    liquidity = score_liquidity(features, profiles, thresholds, instrument_ids=wanted).reset_index(drop=True)
    repayment = score_repayment(features, profiles, thresholds, instrument_ids=wanted).reset_index(drop=True)
    bondx = combine_scores(liquidity, repayment, mine, profiles, thresholds)
    return Nowcast(features, mine, ScoreTables(liquidity, repayment, bondx))


def nowcast_document(
    now: Nowcast, previous: pd.DataFrame | None, warnings: pd.DataFrame, status: pd.DataFrame, meta: PulseMeta
) -> pd.DataFrame:
    """Make the instrument's ``LIQUIDITY_PULSE`` row, with its document.

    Parameters
    ----------
    previous
        ``LIQUIDITY_INDEX`` rows of the previous session, the instrument's or all; None where there is none.
    warnings, status, meta
        As for :func:`~liquidity.index.pulse_document.pulse_documents`.
    """
    scores, name = now.scores, now.row["instrument_id"].iloc[0]
    own = None if previous is None else previous[(previous["instrument_id"] == name).to_numpy(dtype=np.bool_)]
    return pulse_documents(
        scores.liquidity, scores.repayment, scores.bondx, now.row, own, warnings, status, meta, peers=now.features
    )
