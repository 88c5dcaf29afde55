"""Walk-forward judgement: every member forecasts blocks of sessions it has not seen, all on the same rows.

A block's members learn from labels known before the block (purged and embargoed), and their bands are calibrated on
earlier blocks only; the first block (more in a tiny market) therefore calibrates and is not judged. Read next: ``evaluation_tables.py`` turns the
result into rows, ``champion.py`` decides by it who is served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.forecast.held_out_bands import calibrated_scores, first_judged
from liquidity.forecast.horizons import HORIZONS, LEVELS
from liquidity.forecast.inputs import input_rows, labelled_changes, liquidity_group, sample_rows
from liquidity.forecast.members._member import InputRows, Member
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.scoring import session_deciles
from liquidity.forecast.walk_forward import Split, walk_forward

__all__ = ["EvaluationSettings", "HeldOut", "MemberForecasts", "held_out", "shuffled"]

_FURTHEST: Final = max(HORIZONS)
_ROWS_AT_ONCE: Final = 200_000


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How the past is cut.

    Attributes
    ----------
    blocks, block_sessions
        Test blocks wished for and sessions in each; blocks without enough past are left out.
    embargo_sessions
        Sessions between the last label that is learned from and the block.
    min_train_sessions, min_train_rows
        Sessions, and rows labelled at the furthest horizon, that a block needs to learn from; a market that began with
        few scores is judged from where it has enough.
    max_train_rows
        Rows a fit sees at most, drawn evenly.
    max_held_out_rows
        Rows judged at most; above it some instruments, drawn once, stand for all.
    seed
        Of every draw and fit.
    """

    blocks: int = 8
    block_sessions: int = 15
    embargo_sessions: int = 5
    min_train_sessions: int = 60
    min_train_rows: int = 250
    max_train_rows: int = 100_000
    max_held_out_rows: int = 60_000
    seed: int = 20_040_209

    def __post_init__(self) -> None:
        """Refuse counts that judge nothing."""
        for name, least in (
            ("blocks", 2),
            ("block_sessions", 1),
            ("embargo_sessions", 0),
            ("min_train_sessions", 1),
            ("max_train_rows", 1),
            ("max_held_out_rows", 1),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"EvaluationSettings.{name} is {getattr(self, name)}, allowed {least} or more")


@dataclass(frozen=True, slots=True)
class MemberForecasts:
    """What one member said of the held-out rows.

    Attributes
    ----------
    changes
        (R, 5, 7) float32, quantiles of the change in points before calibration.
    scores
        (R, 5, 7) float32, calibrated quantiles of the future score, points 0-100; NaN in the blocks that only calibrate.
    """

    name: str
    kind: str
    changes: NDArray[np.float32]
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Forecasts of every member on the same rows, with the truth.

    Attributes
    ----------
    sessions, instrument_ids, sectors
        Of the panel: (T,), (N,), (N,).
    session, instrument
        (R,) places in them; rows are sorted by session, then instrument.
    base, scale
        (R,) points.
    liquidity_group, decile
        (R,) group of the bands, and decile of ``base`` among all scores of its session.
    realised
        (R, 5) scores that came, points; NaN where there is none.
    judged
        (R,) False in the first blocks, which only calibrate.
    naive_mae_points
        Mean absolute change over one session before the first judged block, points: the scale of MASE.
    members
        In the order given.
    left_out
        Members that could not learn from some block, and why.
    """

    group: MarketGroup
    target: str
    sessions: NDArray[np.datetime64]
    instrument_ids: NDArray[np.str_]
    sectors: NDArray[np.str_]
    session: NDArray[np.int64]
    instrument: NDArray[np.int64]
    base: NDArray[np.float64]
    scale: NDArray[np.float64]
    liquidity_group: NDArray[np.int8]
    decile: NDArray[np.int64]
    realised: NDArray[np.float64]
    judged: NDArray[np.bool_]
    naive_mae_points: float
    members: tuple[MemberForecasts, ...]
    left_out: Mapping[str, str]

    def of(self, name: str) -> MemberForecasts:
        """The forecasts of one member; raises :class:`ConfigError` when it was not judged."""
        for member in self.members:
            if member.name == name:
                return member
        raise ConfigError(f"held_out: no member {name!r}; judged were {[member.name for member in self.members]}")

    def known_by(self, session_place: int) -> NDArray[np.float64]:
        """(R, 5) changes ahead as known at the close of a session; NaN where the label came later."""
        ahead = self.session[:, np.newaxis] + np.array(HORIZONS)
        return np.where(ahead <= session_place, self.realised - self.base[:, np.newaxis], np.nan)


def held_out(
    panel: ScorePanel,
    members: Sequence[type[Member]],
    settings: EvaluationSettings,
    *,
    shuffle_seed: int | None = None,
) -> HeldOut:
    """Let every member forecast the last blocks of a panel, each from its own past.

    Parameters
    ----------
    members
        Classes of the registry; at least one baseline for a judgement.
    shuffle_seed
        Negative control: labels are :func:`shuffled` in training and test alike, so that no input tells anything.

    Raises
    ------
    InsufficientDataError
        The panel is too short for two blocks, or no member could learn.
    """
    splits = _splits(panel, settings)
    chosen = _chosen(panel, splits, settings)
    tests = [_test_rows(panel, split, chosen) for split in splits]
    total = sum(len(rows) for rows, _, _ in tests)
    if not total:
        raise InsufficientDataError(
            f"forecast of {panel.group.key} {panel.target}: no score in the sessions held out; nothing to judge"
        )
    rng = None if shuffle_seed is None else np.random.default_rng(shuffle_seed)
    labels = [_labels(panel, rows, rng) for rows, _, _ in tests]
    edges = np.concatenate(([0], np.cumsum([len(rows) for rows, _, _ in tests])))
    quantiles = {member.name: np.empty((total, len(HORIZONS), len(LEVELS)), np.float32) for member in members}
    left_out: dict[str, str] = {}
    for place, (split, (rows, _, _)) in enumerate(zip(splits, tests, strict=True)):
        known = panel.up_to(panel.sessions[split.test_start - settings.embargo_sessions - 1])
        train, changes = sample_rows(known, settings.max_train_rows, settings.seed + place)
        if rng is not None:
            changes = shuffled(changes, train, rng)
        for member in members:
            if member.name in left_out:
                continue
            try:
                fitted = member.fit(train, changes, settings.seed)
            except InsufficientDataError as error:
                left_out[member.name] = f"block from {panel.sessions[split.test_start]}: {error}"
                continue
            quantiles[member.name][edges[place] : edges[place + 1]] = fitted.quantiles(rows)
    kept = [member for member in members if member.name not in left_out]
    if not kept:
        raise InsufficientDataError(
            f"forecast of {panel.group.key} {panel.target}: no member could learn; {'; '.join(left_out.values())}"
        )
    changes = np.concatenate(labels)
    result = HeldOut(
        panel.group,
        panel.target,
        panel.sessions,
        panel.instrument_ids,
        panel.sectors,
        np.concatenate([rows.session for rows, _, _ in tests]),
        np.concatenate([rows.instrument for rows, _, _ in tests]),
        np.concatenate([rows.base for rows, _, _ in tests]),
        np.concatenate([rows.scale for rows, _, _ in tests]),
        np.concatenate([groups for _, groups, _ in tests]),
        np.concatenate([deciles for _, _, deciles in tests]),
        changes + np.concatenate([rows.base for rows, _, _ in tests])[:, np.newaxis],
        np.zeros(total, dtype=np.bool_),
        _naive_mae(panel, splits[1].test_start),
        (),
        left_out,
    )
    first = first_judged(result, splits, edges)
    result = replace(result, judged=np.arange(total) >= edges[first])
    told = tuple(
        MemberForecasts(member.name, member.kind, raw, calibrated_scores(result, raw, splits, edges, first))
        for member in kept
        for raw in (quantiles[member.name],)
    )
    return replace(result, members=told)


def shuffled(changes: NDArray[np.float64], rows: InputRows, rng: np.random.Generator) -> NDArray[np.float64]:
    """Labels that no input can foretell: changes in multiples of the row's scale, dealt out anew.

    Each horizon's known labels are permuted on their own, then multiplied by the scale of the row they fall to and cut to
    scores within 0-100, as every forecast is. What is left to know is how far scores of a scale move: the baselines know
    it, so whoever still wins does so by chance or by a fault of the judgement.

    Parameters
    ----------
    changes
        (R, 5) changes ahead, points; NaN stays where it is.
    """
    dealt = np.full_like(changes, np.nan)
    for column in range(changes.shape[1]):
        known = np.flatnonzero(~np.isnan(changes[:, column]))
        multiples = changes[known, column] / rows.scale[known]
        future = rows.base[known] + rng.permutation(multiples) * rows.scale[known]
        dealt[known, column] = np.clip(future, 0.0, 100.0) - rows.base[known]
    return dealt


def _splits(panel: ScorePanel, settings: EvaluationSettings) -> tuple[Split, ...]:
    """Blocks with enough to learn from, oldest first; at least two."""
    splits = walk_forward(
        len(panel.sessions),
        _FURTHEST,
        settings.blocks,
        settings.block_sessions,
        settings.embargo_sessions,
        settings.min_train_sessions,
    )
    there = np.isfinite(panel.scores)
    labelled = np.cumsum((there[:-_FURTHEST] & there[_FURTHEST:]).sum(axis=1))
    usable = tuple(
        split
        for split in splits
        if labelled[split.test_start - settings.embargo_sessions - 1 - _FURTHEST] >= settings.min_train_rows
    )
    if len(usable) < 2:
        needed = settings.min_train_sessions + _FURTHEST + settings.embargo_sessions + 2 * settings.block_sessions
        raise InsufficientDataError(
            f"forecast of {panel.group.key} {panel.target}: {len(panel.sessions)} sessions with {labelled[-1] if labelled.size else 0} "
            f"rows labelled at T+{_FURTHEST}; two held-out blocks of {settings.block_sessions} sessions need {needed} sessions and "
            f"{settings.min_train_rows} such rows before the first; run it on a longer history"
        )
    return usable


def _labels(panel: ScorePanel, rows: InputRows, rng: np.random.Generator | None) -> NDArray[np.float64]:
    changes = labelled_changes(panel, rows)
    return changes if rng is None else shuffled(changes, rows, rng)


def _chosen(panel: ScorePanel, splits: Sequence[Split], settings: EvaluationSettings) -> NDArray[np.bool_]:
    """Instruments that are judged: all, or as many drawn ones as the limit of rows allows."""
    per_instrument = np.isfinite(panel.scores[splits[0].test_start :]).sum(axis=0)
    chosen = np.ones(len(per_instrument), dtype=np.bool_)
    if per_instrument.sum() > settings.max_held_out_rows:
        order = np.random.default_rng(settings.seed).permutation(len(per_instrument))
        fits = np.cumsum(per_instrument[order]) <= settings.max_held_out_rows
        fits[0] = True
        chosen[order[~fits]] = False
    return chosen


def _test_rows(
    panel: ScorePanel, split: Split, chosen: NDArray[np.bool_]
) -> tuple[InputRows, NDArray[np.int8], NDArray[np.int64]]:
    """Rows of a block with their liquidity group and decile; both are taken among all instruments."""
    at_once = max(1, _ROWS_AT_ONCE // max(len(panel.instrument_ids), 1))
    pieces = []
    for start in range(split.test_start, split.test_end, at_once):
        rows = input_rows(panel, slice(start, min(start + at_once, split.test_end)))
        judged = chosen[rows.instrument]
        pieces.append(
            (rows.take(judged), liquidity_group(rows)[judged], session_deciles(rows.base, rows.session)[judged])
        )
    return (
        InputRows(
            pieces[0][0].names,
            *(
                np.concatenate([getattr(rows, field) for rows, _, _ in pieces])
                for field in ("values", "base", "scale", "recent", "session", "instrument")
            ),
        ),
        np.concatenate([groups for _, groups, _ in pieces]),
        np.concatenate([deciles for _, _, deciles in pieces]),
    )


def _naive_mae(panel: ScorePanel, before: int) -> float:
    steps = np.abs(np.diff(panel.scores[:before], axis=0))
    known = steps[np.isfinite(steps)]
    return float(known.mean()) if known.size else float("nan")
