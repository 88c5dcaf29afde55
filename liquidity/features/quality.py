"""Signal quality: how much a delivered row can be trusted, by rules that multiply.

Each rule has a code, a factor (fraction 0-1) and a sentence in one table, :data:`QUALITY_RULES`. A row's
``quality_frac`` is the product of the factors of the rules that fired, its ``quality_rules`` their codes. Rules that a
feed knows by itself (an assumed day, an approximated turnover) arrive with the row; the others are found here, from
the rows of one session only, so that the past never changes. Read next: ``panel.py``, which weighs by quality.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ConfigError

__all__ = [
    "CLOCK_SKEW_LIMIT_S",
    "MAX_NULL_FRAC",
    "MIN_BATCH_QUALITY_FRAC",
    "PUBLICATION_SESSIONS",
    "QUALITY_RULES",
    "SPREAD_OUTLIER_RATIO",
    "USUALLY_FILLED_FRAC",
    "VERY_STALE_INTERVALS",
    "BatchQuality",
    "QualityRule",
    "batch_quality",
    "missing_cells",
    "score_quality",
]


@dataclass(frozen=True, slots=True)
class QualityRule:
    """One reason to trust a row less: its factor (fraction 0-1, 1 would change nothing) and what it says."""

    factor_frac: float
    meaning: str


QUALITY_RULES: Final[Mapping[str, QualityRule]] = {
    "clock_skew": QualityRule(
        0.9, "The source's clock ran ahead of ours by 5 s at most; known_at was moved to observed_at."
    ),
    "currency_assumed": QualityRule(0.9, "The source names no currency; the one of its country is taken."),
    "depth_unit_assumed": QualityRule(0.8, "The source does not say the unit of depth; face amount is taken."),
    "duplicate_key": QualityRule(0.9, "Two feeds delivered this row; the first by name is kept."),
    "few_snapshots": QualityRule(0.8, "One snapshot speaks for the whole session."),
    "instrument_conflict": QualityRule(
        0.9, "Feeds disagree on the instrument's static facts; the first by name is kept."
    ),
    "missing_optional": QualityRule(
        0.7, "A value is missing that this source fills for most instruments of the session."
    ),
    "outside_hours_snapshot": QualityRule(
        0.8, "Only a snapshot taken while the market was shut speaks for the session."
    ),
    "part_of_session": QualityRule(0.8, "Less than three quarters of the session was recorded."),
    "price_outlier": QualityRule(
        0.2, "Range or jump of the price is beyond what this market does; probably a misprint."
    ),
    "quality_good": QualityRule(0.85, "The delivering system graded the row 'good'."),
    "quality_moderate": QualityRule(0.7, "The delivering system graded the row 'moderate'."),
    "quality_poor": QualityRule(0.5, "The delivering system graded the row 'poor'."),
    "quality_unreliable": QualityRule(0.3, "The delivering system graded the row 'unreliable'."),
    "session_assumed": QualityRule(0.9, "The source does not name the day; the day of publication is taken."),
    "spread_outlier": QualityRule(0.5, "The spread is more than 20 times the median of its source and session."),
    "stale": QualityRule(
        0.8, "The newest fact is older than the table's usual interval of publication (PUBLICATION_SESSIONS)."
    ),
    "turnover_counted_elsewhere": QualityRule(
        1.0, "Another feed shows the same tape; turnover and trades are counted there."
    ),
    "turnover_approximate": QualityRule(0.98, "Turnover is volume at a typical price, not the sum of traded amounts."),
    "very_stale": QualityRule(0.6, "The newest fact is older than five such intervals (beside stale)."),
}
"""Every quality rule by code; the single place where factors are set."""

USUALLY_FILLED_FRAC: Final = 0.5
"""A column counts as usually filled when its source fills it in at least this share of the session's rows."""
PUBLICATION_SESSIONS: Final[Mapping[str, float]] = {
    "microstructure": 1.0,
    "sentiment": 1.0,
    "auction_mm": 10.0,
    "alt_signals": 21.0,
}
"""Sessions of open time between two publications of a table's facts: quotes and news daily, auctions fortnightly, alternative data monthly."""
VERY_STALE_INTERVALS: Final = 5.0
SPREAD_OUTLIER_RATIO: Final = 20.0
CLOCK_SKEW_LIMIT_S: Final = 5.0
"""Clocks differ by seconds; a fact from further in the future is wrong and is left to the contract to refuse."""
MIN_BATCH_QUALITY_FRAC: Final = 0.75
"""Mean quality below which a batch (one adapter, one session) is degraded."""
MAX_NULL_FRAC: Final = 0.05
"""Share of missing values in a usually filled column above which a batch is degraded."""

_PRESENCE_MEANS_NOTHING: Final = frozenset(
    {
        "auction_at",
        "auction_demand",
        "mm_inventory_band",
        "issuer_id",
        "last_trade_at",
        "spread_method",
        "sentiment_score",
    }
)


@dataclass(frozen=True, slots=True)
class BatchQuality:
    """Quality of the rows of one adapter and session.

    ``mean_frac`` is the mean of ``quality_frac`` and ``worst_null_frac`` the largest share of missing values among the
    usually filled columns (``worst_column``); both NaN without rows. ``passed`` compares them with
    :data:`MIN_BATCH_QUALITY_FRAC` and :data:`MAX_NULL_FRAC`.
    """

    mean_frac: float
    worst_null_frac: float
    worst_column: str
    passed: bool


def missing_cells(rows: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    """Which optional values are missing although the source usually fills them in that session.

    Parameters
    ----------
    rows
        Rows of the contract with ``session_date`` and ``source``; columns may be absent.

    Returns
    -------
    pd.DataFrame
        Boolean, index of ``rows``, one column per optional column that matters. Columns whose absence is information
        (no auction was held, no story was told) are left out. A session of a source with one row has nothing to
        compare with: nothing is missing.
    """
    optional = [
        column.name
        for column in contract.columns
        if column.nullable and column.name in rows.columns and column.name not in _PRESENCE_MEANS_NOTHING
    ]
    if not optional or rows.empty:
        return pd.DataFrame(index=rows.index)
    null = rows[optional].isna()
    null = null.loc[:, null.any()]  # what is always filled needs no look
    if null.empty:
        return null
    batch = rows.groupby(["session_date", "source"], sort=False).ngroup().to_numpy()
    size = np.bincount(batch)
    missing = {}
    for name in null.columns:
        empty = null[name].to_numpy()
        filled_frac = 1.0 - np.bincount(batch, weights=empty) / size
        missing[name] = empty & (filled_frac >= USUALLY_FILLED_FRAC)[batch]
    return pd.DataFrame(missing, index=rows.index)


def score_quality(
    rows: pd.DataFrame, contract: TableContract, session_s: NDArray[np.float64], feed_rules: pd.Series | None = None
) -> pd.DataFrame:
    """Quality and its reasons for every row.

    Parameters
    ----------
    rows
        Rows of ``contract`` with ``age_market_s`` and ``source``.
    session_s
        Open seconds of a usual session of each row's calendar, length of ``rows``.
    feed_rules
        Codes that already apply to each row, comma-separated, empty for none; index of ``rows``.

    Returns
    -------
    pd.DataFrame
        ``quality_frac`` (0-1, product of factors) and ``quality_rules`` (codes, sorted, comma-separated); index of ``rows``.

    Raises
    ------
    ConfigError
        A feed rule is not in :data:`QUALITY_RULES`.

    Examples
    --------
    >>> from liquidity.contracts.signals import SENTIMENT
    >>> rows = pd.DataFrame({"session_date": pd.to_datetime(["2026-03-02"]), "source": ["news"], "age_market_s": [30000.0]})
    >>> score_quality(rows, SENTIMENT, np.array([25200.0]), pd.Series(["quality_poor"])).values.tolist()
    [[0.4, 'quality_poor,stale']]
    """
    codes = sorted(QUALITY_RULES)
    fired = _feed_rules_fired(feed_rules, codes, len(rows))
    place = {code: number for number, code in enumerate(codes)}
    age_s = rows["age_market_s"].to_numpy(dtype="float64")
    usual_s = PUBLICATION_SESSIONS.get(contract.name, 1.0) * session_s
    fired[:, place["stale"]] |= age_s > usual_s
    fired[:, place["very_stale"]] |= age_s > VERY_STALE_INTERVALS * usual_s
    missing = missing_cells(rows, contract)
    if not missing.empty:
        fired[:, place["missing_optional"]] |= missing.to_numpy().any(axis=1)
    for name in ("quoted_spread_bps", "mm_spread_bps"):
        if name in rows.columns:
            median = rows[name].groupby([rows["session_date"], rows["source"]]).transform("median")
            fired[:, place["spread_outlier"]] |= (rows[name] > SPREAD_OUTLIER_RATIO * median).to_numpy(dtype=bool)
    bits = fired @ (1 << np.arange(len(codes), dtype=np.int64))
    patterns, inverse = np.unique(bits, return_inverse=True)
    chosen = [[code for code in codes if int(pattern) >> place[code] & 1] for pattern in patterns]
    factors = np.array(
        [np.prod([QUALITY_RULES[code].factor_frac for code in some]) for some in chosen], dtype=np.float64
    )
    names = np.array([",".join(some) for some in chosen], dtype=object)
    return pd.DataFrame(
        {"quality_frac": factors[inverse], "quality_rules": pd.Series(names[inverse], dtype="str").array},
        index=rows.index,
    )


def _feed_rules_fired(feed_rules: pd.Series | None, codes: list[str], rows_n: int) -> NDArray[np.bool_]:
    fired = np.zeros((rows_n, len(codes)), dtype=bool)
    if feed_rules is None:
        return fired
    which, texts = pd.factorize(feed_rules.fillna(""))
    for number, text in enumerate(texts):
        some = [code for code in str(text).split(",") if code]
        unknown = sorted(set(some) - set(codes))
        if unknown:
            raise ConfigError(f"quality rule {unknown} is not known; allowed: {codes}")
        for code in some:
            fired[which == number, codes.index(code)] = True
    return fired


def batch_quality(rows: pd.DataFrame, contract: TableContract) -> BatchQuality:
    """Judge the rows of one adapter and session, scored by :func:`score_quality`.

    A batch fails when its rows are poor on average, or when a column that its sources usually fill has holes: a tenth
    of one column missing is an outage at the source even where each row alone still looks fair.
    """
    if rows.empty:
        return BatchQuality(float("nan"), float("nan"), "", passed=False)
    missing = missing_cells(rows, contract)
    shares = missing.mean() if not missing.empty else pd.Series(dtype="float64")
    worst = float(shares.max()) if len(shares) else 0.0
    mean = float(rows["quality_frac"].mean())
    return BatchQuality(
        mean_frac=mean,
        worst_null_frac=worst,
        worst_column=str(shares.idxmax()) if worst > 0 else "",
        passed=mean >= MIN_BATCH_QUALITY_FRAC and worst <= MAX_NULL_FRAC,
    )
