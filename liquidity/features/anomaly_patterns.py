"""Rows whose features are unusual together, found without labels by an isolation forest.

``anomaly.py`` judges each feature alone. A spread, a depth and a turnover that are each only somewhat high may still be
a combination that its market never shows. An optional check: no score reads it. Read next:
``docs/methodology/anomaly_patterns.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.evidence import ANOMALY_PATTERNS
from liquidity.contracts.features import SCORED_FEATURES
from liquidity.domain.columns import day_numbers
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.origin import origins

__all__ = ["PATTERN_COLUMNS", "REFERENCE_DAYS", "PatternSettings", "normal_scores", "unusual_patterns"]

REFERENCE_DAYS: Final = 60
"""Calendar days before a session whose rows say what is usual."""

PATTERN_COLUMNS: Final = (
    "session_date",
    "instrument_id",
    "asset_class",
    *(f"{name}_own_rank_frac" for name in SCORED_FEATURES),
    "source",
)
"""Columns of ``liquidity_features`` that are read."""

_NAMED: Final = 3
_MIN_RANKS: Final = 3
_NORMAL_TABLE: Final = 4001


@dataclass(frozen=True, slots=True)
class PatternSettings:
    """How unusual is unusual.

    Parameters
    ----------
    expected_frac
        Share of the reference rows that the threshold lets pass as unusual, fraction 0-0.5.
    trees, rows_per_tree
        Size of the forest; 256 rows are enough for a tree (Liu, Ting and Zhou 2008).
    min_reference_rows
        Rows of the market below which nothing is judged.
    max_reference_rows
        Rows drawn from the reference where there are more.
    seed
        Of the forest and of that draw.
    """

    expected_frac: float = 0.01
    trees: int = 100
    rows_per_tree: int = 256
    min_reference_rows: int = 200
    max_reference_rows: int = 20_000
    seed: int = 11

    def __post_init__(self) -> None:
        """Refuse values that cannot be used."""
        if not 0.0 < self.expected_frac < 0.5:
            raise ConfigError(f"anomaly patterns: expected_frac is {self.expected_frac}, allowed (0, 0.5)")
        for name in ("trees", "rows_per_tree", "min_reference_rows", "max_reference_rows"):
            if getattr(self, name) < 1:
                raise ConfigError(f"anomaly patterns: {name} is {getattr(self, name)}, allowed from 1")


def unusual_patterns(
    features: pd.DataFrame,
    calendars: Mapping[str, str],
    sessions: Sequence[date],
    settings: PatternSettings | None = None,
) -> pd.DataFrame:
    """Judge the rows of each session by the rows of its market on the days before.

    Parameters
    ----------
    features
        ``liquidity_features`` rows with :data:`PATTERN_COLUMNS`, of the sessions and ``REFERENCE_DAYS`` days before each.
    calendars
        Calendar of each instrument.
    sessions
        Days to judge.

    Returns
    -------
    pd.DataFrame
        Rows of ``ANOMALY_PATTERNS``, sorted by the key; ``unusual`` is null with a reason where too little is known.

    Raises
    ------
    ContractError
        A column is missing or an instrument has no calendar.

    Notes
    -----
    Each feature enters as the normal score of its own-history rank, so that two instruments of different size compare; a
    missing rank enters as usual (0). Instruments of one asset class, calendar and origin are judged together, on earlier
    sessions only. The threshold is the score that ``expected_frac`` of the reference exceeds. Equal rows and seed give
    equal bits.

    References
    ----------
    Liu, Ting and Zhou (2008), Isolation Forest, ICDM, 413-422.
    """
    chosen = settings or PatternSettings()
    lacking = [name for name in PATTERN_COLUMNS if name not in features.columns]
    if lacking:
        raise ContractError(f"unusual_patterns: liquidity_features lacks {lacking}; pass PATTERN_COLUMNS")
    if features.empty:
        return _table([])
    names = features["instrument_id"].astype(str).to_numpy()
    strangers = sorted(set(names.tolist()) - set(calendars))
    if strangers:
        raise ContractError(
            f"unusual_patterns: {len(strangers)} instruments have no calendar, first {strangers[0]}; pass the calendar "
            "of every instrument from the table instruments"
        )
    days = day_numbers(features["session_date"])
    scores = normal_scores(
        np.column_stack(
            [features[f"{name}_own_rank_frac"].to_numpy(dtype=np.float64, na_value=np.nan) for name in SCORED_FEATURES]
        )
    )
    market = pd.MultiIndex.from_arrays(
        [features["asset_class"].astype(str), [calendars[name] for name in names], origins(features["source"])]
    )
    codes, groups = market.factorize(sort=True)
    pieces = []
    for session in sorted(set(sessions)):
        day = int(np.datetime64(session, "D").astype(np.int64))
        for code, group in enumerate(groups):
            today = np.flatnonzero((codes == code) & (days == day))
            if not len(today):
                continue
            before = np.flatnonzero((codes == code) & (days < day) & (days >= day - REFERENCE_DAYS))
            judged = _judged(scores[today], scores[before], chosen)
            pieces.append(
                {
                    "session_date": np.full(len(today), day).astype("datetime64[D]").astype("datetime64[s]"),
                    "instrument_id": names[today],
                    "asset_class": np.full(len(today), group[0], dtype=object),
                    "calendar": np.full(len(today), group[1], dtype=object),
                    "origin": np.full(len(today), group[2], dtype=object),
                    "source": features["source"].to_numpy(dtype=object)[today],
                }
                | judged
            )
    return _table(pieces)


def normal_scores(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard normal quantiles of ranks 0-1, clipped to +-3; NaN stays.

    Examples
    --------
    >>> normal_scores(np.array([0.0, 0.5, 0.975])).round(2).tolist()
    [-3.0, 0.0, 1.96]
    """
    from statistics import NormalDist

    normal = NormalDist()
    grid = np.linspace(-3.0, 3.0, _NORMAL_TABLE)
    heights = np.array([normal.cdf(value) for value in grid])
    return np.where(np.isnan(ranks), np.nan, np.interp(np.nan_to_num(ranks, nan=0.5), heights, grid))


def _judged(
    today: NDArray[np.float64], before: NDArray[np.float64], settings: PatternSettings
) -> dict[str, NDArray[Any]]:
    n = len(today)
    known = np.count_nonzero(np.isfinite(today), axis=1)
    reference = before[np.count_nonzero(np.isfinite(before), axis=1) >= _MIN_RANKS]
    isolation, unusual = np.full(n, np.nan), np.full(n, None, dtype=object)
    threshold = np.nan
    reason = np.where(known >= _MIN_RANKS, "", f"fewer than {_MIN_RANKS} features have a rank").astype(object)
    named = np.full(n, "", dtype=object)
    if len(reference) < settings.min_reference_rows:
        reason[:] = (
            f"{len(reference)} rows of the market in the {REFERENCE_DAYS} days before, {settings.min_reference_rows} needed"
        )
    else:
        usual, of_today = _isolation(reference, today, settings)
        threshold = float(np.quantile(usual, 1.0 - settings.expected_frac))
        judged = reason == ""
        isolation[judged] = of_today[judged]
        unusual[judged] = of_today[judged] > threshold
        named[judged] = _strongest(today[judged])
    return {
        "isolation_frac": isolation,
        "threshold_frac": np.where(np.isfinite(isolation), threshold, np.nan),
        "unusual": unusual,
        "features": named,
        "reason": reason,
    }


def _isolation(
    reference: NDArray[np.float64], today: NDArray[np.float64], settings: PatternSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Isolation scores of the reference rows and of today's."""
    from sklearn.ensemble import IsolationForest

    rng = np.random.default_rng(settings.seed)
    if len(reference) > settings.max_reference_rows:
        reference = reference[np.sort(rng.choice(len(reference), settings.max_reference_rows, replace=False))]
    forest = IsolationForest(
        n_estimators=settings.trees,
        max_samples=min(settings.rows_per_tree, len(reference)),
        random_state=settings.seed,
        n_jobs=1,
    ).fit(np.nan_to_num(reference, nan=0.0))
    usual, told = (-forest.score_samples(np.nan_to_num(rows, nan=0.0)) for rows in (reference, today))
    return usual, told


def _strongest(rows: NDArray[np.float64]) -> list[str]:
    """Features farthest from usual, strongest first; those at their usual value are not named."""
    distance = np.abs(np.nan_to_num(rows, nan=0.0))
    order = np.argsort(-distance, axis=1, kind="stable")[:, :_NAMED]
    return [
        ",".join(SCORED_FEATURES[place] for place in places if distance[row, place] > 0.0)
        for row, places in enumerate(order.tolist())
    ]


def _table(pieces: list[dict[str, Any]]) -> pd.DataFrame:
    columns = list(ANOMALY_PATTERNS.column_names)
    if not pieces:
        return pd.DataFrame(columns=columns)
    table = pd.concat([pd.DataFrame(piece) for piece in pieces], ignore_index=True)[columns]
    table["unusual"] = table["unusual"].astype("boolean")
    for name in ("features", "reason", "instrument_id", "asset_class", "calendar", "origin", "source"):
        table[name] = table[name].astype("str")
    return table.sort_values(["session_date", "instrument_id"], ignore_index=True)
