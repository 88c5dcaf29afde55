"""From what feeds deliver to rows of a signal table: clocks, duplicates, strangers, age in market time, quality.

The adapter kit calls ``answer_skew``, audits the sources, and then ``ready_rows``; instruments come first, by
``merge_instruments``. Read next: ``adapters.py``.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE
from liquidity.contracts.table import TableContract
from liquidity.domain.session import is_session, market_age_s, session_close, session_seconds
from liquidity.features.quality import CLOCK_SKEW_LIMIT_S, score_quality
from resources.feeds._feed import FEED_RULES, delivered_columns
from resources.feeds._listed_shares import TAPE_VENUES
from resources.feeds._recording import contract_rows

__all__ = ["answer_skew", "empty_rows", "merge_instruments", "ready_rows"]


def merge_instruments(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per session and instrument, from the first feed by name, and the keys on which feeds disagree.

    Parameters
    ----------
    rows
        Delivered instrument rows, feeds in name order. Rows of days on which the instrument's market is shut go.

    Returns
    -------
    tuple
        The merged instruments, and ``session_date, instrument_id`` of conflicts: asset class, currency, calendar, or
        two different issuers, sectors or ratings. A fact that only one feed knows is no conflict.
    """
    key = list(INSTRUMENTS.key)
    rows = rows[_open_mask(rows)].reset_index(drop=True)
    repeated = rows[rows.duplicated(key, keep=False)]
    facts = ["asset_class", "currency", "calendar", "issuer_id", "sector", "rating"]
    different = repeated.groupby(key)[facts].nunique().gt(1).any(axis=1) if len(repeated) else pd.Series(dtype="bool")
    conflicts = different[different].index.to_frame(index=False) if len(repeated) else repeated[key]
    merged = rows.drop_duplicates(key, keep="first").sort_values(key, ignore_index=True)
    return merged[list(INSTRUMENTS.column_names)], conflicts


def empty_rows(contract: TableContract) -> pd.DataFrame:
    """No row of ``contract``, in its columns."""
    rows = contract_rows(contract, {}, pd.RangeIndex(0))
    return rows.assign(
        age_market_s=pd.Series(dtype="float64"),
        quality_frac=pd.Series(dtype="float64"),
        quality_rules=pd.Series(dtype="str"),
    )[list(contract.column_names)]


def ready_rows(
    rows: pd.DataFrame, contract: TableContract, instruments: pd.DataFrame, conflicts: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """Delivered rows with age and quality, in contract order; and remarks on what was left out."""
    remarks: list[str] = []
    key = list(contract.key)
    again = rows.duplicated(key, keep=False)
    if again.any():
        kept = ~rows.duplicated(key, keep="first")
        rows = _add_rule(rows, again & kept, "duplicate_key")[kept]
        remarks.append(f"{int((~kept).sum())} rows delivered twice")
    known = instruments[["session_date", "instrument_id", "calendar"]]
    rows = rows.merge(known, on=["session_date", "instrument_id"], how="left")
    unknown = rows["calendar"].isna()
    if unknown.any():
        remarks.append(
            f"{int(unknown.sum())} rows left out: instrument not listed or its market shut, first {rows.loc[unknown, 'instrument_id'].iloc[0]}"
        )
        rows = rows[~unknown].reset_index(drop=True)
    if len(conflicts):
        marked = (
            rows[["session_date", "instrument_id"]].merge(conflicts, how="left", indicator=True)["_merge"] == "both"
        )
        rows = _add_rule(rows, marked, "instrument_conflict")
    counted_elsewhere = _counted_elsewhere(rows) if contract is MICROSTRUCTURE else None
    if counted_elsewhere is not None:
        rows = _add_rule(rows, counted_elsewhere, "turnover_counted_elsewhere")
    rows["age_market_s"], session_s = _ages(rows)
    scored = score_quality(rows, contract, session_s, rows[FEED_RULES])
    rows = rows.assign(quality_frac=scored["quality_frac"], quality_rules=scored["quality_rules"])
    if counted_elsewhere is not None:
        rows["turnover_ccy"] = rows["turnover_ccy"].mask(counted_elsewhere)
    return rows.sort_values(key, ignore_index=True)[list(contract.column_names)], remarks


def answer_skew(rows: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    """Delivered columns and rules; a source's clock that runs ahead by seconds is put right."""
    rows = rows.reset_index(drop=True)
    rules = rows[FEED_RULES].fillna("") if FEED_RULES in rows else pd.Series("", index=rows.index, dtype="str")
    rows = rows[list(delivered_columns(contract))].assign(**{FEED_RULES: rules})
    skew_s = (rows["observed_at"] - rows["known_at"]).dt.total_seconds()
    skewed = (skew_s > 0) & (skew_s <= CLOCK_SKEW_LIMIT_S)
    if skewed.any():
        rows = _add_rule(rows, skewed, "clock_skew")
        rows["known_at"] = rows["known_at"].mask(skewed, rows["observed_at"])
    return rows


def _add_rule(rows: pd.DataFrame, where: pd.Series, code: str) -> pd.DataFrame:
    if not where.any():
        return rows
    rules = rows[FEED_RULES].astype("str")
    longer = (rules + "," + code).where(rules != "", code)
    return rows.assign(**{FEED_RULES: rules.mask(where.to_numpy(), longer)})


def _counted_elsewhere(rows: pd.DataFrame) -> pd.Series | None:
    """Rows that show the one US tape after another did: their turnover would count twice; None when there is none."""
    tape = rows["venue"].isin(TAPE_VENUES)
    if not tape.any():
        return None
    rank = rows.loc[tape, "venue"].map({venue: number for number, venue in enumerate(TAPE_VENUES)})
    shown = rows.loc[tape, ["session_date", "instrument_id"]].assign(rank=rank).sort_values("rank", kind="stable")
    later = shown.index[shown.duplicated(["session_date", "instrument_id"])]
    return pd.Series(rows.index.isin(later), index=rows.index) if len(later) else None


def _ages(rows: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Market age at the session's close, and open seconds of a usual session, per row."""
    ages = np.full(len(rows), np.nan)
    session_s = np.full(len(rows), np.nan)
    calendars = rows["calendar"].to_numpy()
    for calendar in pd.unique(calendars):
        mine = calendars == calendar
        closes = session_close(str(calendar), rows.loc[mine, "session_date"].to_numpy())
        ages[mine] = market_age_s(rows.loc[mine, "observed_at"], closes, str(calendar))
        session_s[mine] = session_seconds(str(calendar))
    return ages, session_s


def _open_mask(rows: pd.DataFrame) -> NDArray[np.bool_]:
    opens = np.zeros(len(rows), dtype=bool)
    calendars = rows["calendar"].to_numpy()
    for calendar in pd.unique(calendars):
        mine = calendars == calendar
        opens[mine] = is_session(str(calendar), rows.loc[mine, "session_date"].to_numpy())
    return opens
