"""Sector monitoring: where each sector's liquidity stands, how its worst names fare, how it moved in five sessions."""

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.risk import SECTOR_LIQUIDITY
from liquidity.domain.origin import origins

__all__ = ["LOOKBACK_SESSIONS", "UNKNOWN_SECTOR", "sector_monitor"]

LOOKBACK_SESSIONS = 5
"""Sessions between a session and the one it is compared with."""

UNKNOWN_SECTOR = "UNKNOWN"
_CELL = ["session_date", "asset_class", "origin", "sector"]


def sector_monitor(
    index_history: pd.DataFrame, bondx: pd.DataFrame, features: pd.DataFrame, sessions: list[date]
) -> pd.DataFrame:
    """Summarise liquidity by asset class, origin (recorded or simulated) and sector.

    Parameters
    ----------
    index_history
        ``liquidity_index`` rows of ``sessions`` and of the days before them (15 calendar days hold five sessions of
        every calendar but around the longest holidays): ``session_date``, ``instrument_id``, ``asset_class``,
        ``sector``, ``liquidity_score``, ``source`` (which says the origin). Any order.
    bondx
        ``bondx_score`` rows of ``sessions``: ``session_date``, ``instrument_id``, ``bondx_score``.
    features
        ``liquidity_features`` rows of ``sessions``: ``session_date``, ``instrument_id``, ``amount_outstanding``,
        ``currency``.
    sessions
        Days to summarise.

    Returns
    -------
    pd.DataFrame
        Columns of contract ``sector_liquidity``, sorted by its key; one row for each sector that has an instrument
        on a day of ``sessions``.

    Notes
    -----
    The reference session is the fifth earlier day on which the asset class has any row of the origin: closed days do
    not count.
    The change compares the names that have a score on both days, with the same weights on both, so that names that
    come and go do not move it. Members are weighted by amount outstanding where all scored members of the sector
    have one in one currency, else equally. A missing score is left out and counted in ``unscored_count``, never 0.
    """
    scored = index_history[
        ["session_date", "instrument_id", "asset_class", "sector", "liquidity_score", "source"]
    ].copy()
    scored["session_date"] = _days(scored["session_date"])
    scored["sector"] = scored["sector"].astype("object").where(scored["sector"].notna(), UNKNOWN_SECTOR)
    scored["origin"] = origins(scored["source"])
    references = _reference_sessions(scored)

    today = scored[scored["session_date"].isin(pd.Series(sessions, dtype="object").map(_day))]
    if today.empty:
        return _table([])
    today = _joined(today, bondx, ["bondx_score"])
    today = _joined(today, features, ["amount_outstanding", "currency"])
    today["reference_date"] = [
        references.get(place)
        for place in zip(today["asset_class"], today["origin"], today["session_date"], strict=True)
    ]
    earlier = scored[["session_date", "instrument_id", "liquidity_score"]].rename(
        columns={"session_date": "reference_date", "liquidity_score": "reference_score"}
    )
    earlier["reference_date"] = earlier["reference_date"].astype("object")
    today = today.merge(earlier, on=["reference_date", "instrument_id"], how="left")
    rows = [
        {**dict(zip(_CELL, cell, strict=True)), **_cell(members)} for cell, members in today.groupby(_CELL, sort=True)
    ]
    return _table(rows)


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Rows as the contract's columns; numbers are float64 and int64 even where all of them are missing."""
    numbers = {column.name: column.dtype for column in SECTOR_LIQUIDITY.columns if column.dtype in ("float64", "int64")}
    return pd.DataFrame(rows, columns=list(SECTOR_LIQUIDITY.column_names)).astype(numbers)


def _cell(members: pd.DataFrame) -> dict[str, object]:
    score = _numbers(members["liquidity_score"])
    has_score = np.isfinite(score)
    amount, currencies = _numbers(members["amount_outstanding"])[has_score], members["currency"][has_score]
    by_amount = bool(has_score.any() and (amount > 0).all() and currencies.notna().all() and currencies.nunique() == 1)
    weight = np.zeros(len(members))
    weight[has_score] = amount if by_amount else 1.0

    change = score - _numbers(members["reference_score"])
    common = np.isfinite(change)
    return {
        "members_count": int(has_score.sum()),
        "unscored_count": int((~has_score).sum()),
        "liquidity_score": _mean(score, weight),
        "bondx_score": _mean(_numbers(members["bondx_score"]), weight),
        "weighting": "amount_outstanding" if by_amount else "equal",
        "worst_decile_score": float(np.quantile(score[has_score], 0.1)) if has_score.any() else None,
        "reference_date": members["reference_date"].iloc[0],
        "common_count": int(common.sum()),
        "change_points": _mean(change, weight),
    }


def _mean(values: NDArray[np.float64], weight: NDArray[np.float64]) -> float | None:
    """Weighted mean over finite values of weight above 0; None without any."""
    used = np.isfinite(values) & (weight > 0)
    if not used.any():
        return None
    # The rounding of a mean may leave the range of what it averages by one part in 1e16; scores end at 0 and 100.
    mean = float(np.average(values[used], weights=weight[used]))
    return min(max(mean, float(values[used].min())), float(values[used].max()))


def _reference_sessions(scored: pd.DataFrame) -> dict[tuple[str, str, date], date | None]:
    references: dict[tuple[str, str, date], date | None] = {}
    for (kind, origin), days in scored.groupby(["asset_class", "origin"])["session_date"]:
        ordered = sorted(days.unique())
        for place, day in enumerate(ordered):
            earlier = ordered[place - LOOKBACK_SESSIONS] if place >= LOOKBACK_SESSIONS else None
            references[str(kind), str(origin), day] = earlier
    return references


def _joined(left: pd.DataFrame, right: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    added = right[["session_date", "instrument_id", *columns]].copy()
    added["session_date"] = _days(added["session_date"])
    return left.merge(added, on=["session_date", "instrument_id"], how="left", validate="one_to_one")


def _numbers(values: pd.Series) -> NDArray[np.float64]:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _days(values: pd.Series) -> pd.Series:
    return values.map({value: _day(value) for value in values.unique()}).astype("object")


def _day(value: object) -> date:
    return pd.Timestamp(value).date()  # type: ignore[arg-type]
