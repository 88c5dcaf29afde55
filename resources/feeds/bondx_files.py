"""Files of a BondX installation: 260 invented issuers (CSV or JSON lines) and 30 invented bonds, as signals.

Nothing here is market data. The files name no day and no currency: the day is told by the setting
``landing_bondx_day``, without which the feed stays shut, and INR is taken with the rule ``currency_assumed``. Scores that the files bring along are never used, and times without
a zone (the next auction) are refused unless told that they are UTC.
"""

from datetime import date
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import ALT_SIGNALS, AUCTION_MM, INSTRUMENTS, MICROSTRUCTURE, SENTIMENT
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import Recording, closes_utc, contract_rows, open_recorded, refuse, split_sessions

__all__ = [
    "GIVEN_SCORES",
    "NAME",
    "SECTOR_OF",
    "letter_rating",
    "open_feed",
    "read_issuers",
    "recording_of",
]

NAME: Final = "bondx_files"
CALENDAR: Final = "XBOM"
CURRENCY: Final = "INR"
GIVEN_SCORES: Final = (
    "liquidity_index_0_100",
    "repayment_support_0_100",
    "bondx_score_0_100",
    "Liquidity_Score",
    "ESG_Score",
)
"""Columns of finished scores: made by another formula and clipped, so never read."""
SECTOR_OF: Final = {
    "Financials and Banking": "FINANCIAL",
    "Finance": "FINANCIAL",
    "Infrastructure, Power, Utilities": "UTILITIES",
    "Energy": "UTILITIES",
    "Energy Trading, Metals, Mining": "INDUSTRIAL",
    "Industrial, Manufacturing": "INDUSTRIAL",
    "Industrial": "INDUSTRIAL",
    "Technology, Software, Data": "INDUSTRIAL",
    "Technology": "INDUSTRIAL",
    "Consumer, Retail, E-commerce": "INDUSTRIAL",
    "Consumer Goods": "INDUSTRIAL",
    "Telecom, Media": "INDUSTRIAL",
    "Logistics, Transportation": "INDUSTRIAL",
    "Real Estate, Construction": "INDUSTRIAL",
    "Agriculture, Commodities": "INDUSTRIAL",
    "Healthcare, Pharma, Biotech": "INDUSTRIAL",
    "Healthcare": "INDUSTRIAL",
}
"""Our four sectors by that system's names; INDUSTRIAL is its own default. An unknown name becomes null."""
_ASSUMED: Final = "currency_assumed"


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the issuers (CSV, else JSON lines) and the bonds, landed (``<landing>/bondx``) or recorded.

    ``None`` when they are not there, or ``roots.bondx_day`` does not say which session they belong to.
    """
    if roots.bondx_day is None:
        return None
    folders = (roots.landing / "bondx", None if roots.recorded is None else roots.recorded / "source_systems")
    tables = ("instruments", "microstructure", "alt_signals", "auction_mm", "sentiment")
    options = (roots.bondx_day, roots.naive_times_utc)
    for folder, issuers in product(folders, ("bondx_issuers_260.csv", "bondx_issuers_260.jsonl")):
        feed = open_recorded(
            NAME, tables, ("bond_corporate",), _build, folder, (issuers, "bondx_bonds_30.csv"), options
        )
        if feed is not None:
            return feed
    return None


def read_issuers(path: Path) -> pd.DataFrame:
    """Read the issuers of either file, without the given scores; booleans and nulls of both spellings become the same."""
    raw = pd.read_json(path, lines=True, dtype=False) if path.suffix == ".jsonl" else pd.read_csv(path)
    rows = raw.drop(columns=[name for name in GIVEN_SCORES if name in raw.columns])
    for name in ("mm_available", "tokenized_eligible"):
        rows[name] = rows[name].astype("str").str.lower() == "true"
    for name in ("auction_next_time", "rfq_window"):
        rows[name] = rows[name].astype("str")
    return rows


def letter_rating(ratings: pd.Series) -> pd.Series:
    """Ratings without notches.

    Examples
    --------
    >>> letter_rating(pd.Series(["AA-", "BBB+", "AAA"])).tolist()
    ['AA', 'BBB', 'AAA']
    """
    return ratings.str.rstrip("+-")


def recording_of(issuers: pd.DataFrame, bonds: pd.DataFrame, session: date, *, naive_times_utc: bool) -> Recording:
    """Tables of the two files.

    Parameters
    ----------
    issuers, bonds
        Rows of the two files.
    session
        Day all rows belong to; on a day without a session in Mumbai all are set aside as ``closed_day``.

    Notes
    -----
    One instrument ``bondx:<issuer UUID>`` stands for each issuer (the file knows no bonds), one ``bondx:<Bond_ID>`` for
    each bond. ESG is how far the two published targets are met: 100 times the mean of actual over target renewable
    share and target over actual emission intensity, each cut at 1. The bond file's spread is in points of a price per
    100; ``Trading_Volume`` has no unit and is not used. Set aside: ``matured`` bonds, ``naive_time`` (auction times
    without a zone, unless told that they are UTC; the rest of the row stays).
    """
    day = pd.Timestamp(session)
    issuers, shut_issuers = split_sessions(
        issuers.assign(session_date=day, instrument_id="bondx:" + issuers["issuer_id"]),
        "instruments", CALENDAR, "issuer_id",
    )  # fmt: skip
    bonds, shut_bonds = split_sessions(bonds.assign(session_date=day), "instruments", CALENDAR, "Bond_ID")
    naive = (issuers["auction_next_time"].str.len() > 5) & ~issuers["auction_next_time"].str.contains(
        r"(?:Z|[+-]\d\d:\d\d)$"
    )
    aside = [shut_issuers, shut_bonds]
    if not naive_times_utc:
        aside.append(refuse("auction_mm", "naive_time", issuers[naive], "issuer_id", "auction_next_time"))
    bonds = bonds.assign(
        instrument_id="bondx:" + bonds["Bond_ID"],
        issued=pd.to_datetime(bonds["Issue_Date"]).astype("datetime64[us]"),
        matures=pd.to_datetime(bonds["Maturity_Date"]).astype("datetime64[us]"),
    )
    matured = bonds["matures"] <= day
    aside.append(refuse("instruments", "matured", bonds[matured], "Bond_ID", "Maturity_Date"))
    bonds = bonds[~matured].reset_index(drop=True)
    tables = {
        "instruments": pd.concat([_issuer_instruments(issuers), _bond_instruments(bonds)], ignore_index=True),
        "microstructure": pd.concat([_issuer_quotes(issuers), _bond_quotes(bonds)], ignore_index=True),
        "alt_signals": _alt(issuers),
        "auction_mm": _dealers(issuers),
        "sentiment": _sentiment(issuers),
    }
    for name in ("instruments", "microstructure"):
        tables[name] = tables[name].sort_values(["session_date", "instrument_id"], ignore_index=True)
    return Recording(tables, pd.concat(aside, ignore_index=True))


def _issuer_instruments(issuers: pd.DataFrame) -> pd.DataFrame:
    return contract_rows(
        INSTRUMENTS,
        {
            "session_date": issuers["session_date"], "instrument_id": issuers["instrument_id"], "asset_class": "bond_corporate",
            "issuer_id": issuers["issuer_id"], "sector": issuers["sector"].map(SECTOR_OF), "rating": letter_rating(issuers["rating"]),
            "currency": CURRENCY, "calendar": CALENDAR, "source": NAME,
        },
    )  # fmt: skip


def _bond_instruments(bonds: pd.DataFrame) -> pd.DataFrame:
    return contract_rows(
        INSTRUMENTS,
        {
            "session_date": bonds["session_date"], "instrument_id": bonds["instrument_id"], "asset_class": "bond_corporate",
            "issuer_id": bonds["Issuer_ID"], "sector": bonds["Sector"].map(SECTOR_OF), "rating": letter_rating(bonds["Credit_Rating"]),
            "currency": CURRENCY, "calendar": CALENDAR, "issue_date": bonds["issued"], "maturity_date": bonds["matures"],
            "source": NAME,
        },
    )  # fmt: skip


def _provenance(rows: pd.DataFrame) -> dict[str, object]:
    closes = closes_utc(CALENDAR, rows["session_date"])
    return {"observed_at": closes, "known_at": closes, "source": NAME}


def _issuer_quotes(issuers: pd.DataFrame) -> pd.DataFrame:
    facts = _provenance(issuers)
    closes = closes_utc(CALENDAR, issuers["session_date"])
    return contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": issuers["session_date"], "instrument_id": issuers["instrument_id"], "venue": "bondx",
            "quoted_spread_bps": issuers["liquidity_spread_bps"], "spread_method": "closing_quote",
            "depth_ccy": issuers["l2_depth_qty"],
            "last_trade_at": closes - pd.to_timedelta(issuers["time_since_last_trade_s"], unit="s"),
            **facts, "feed_rules": "currency_assumed,depth_unit_assumed",
        },
    )  # fmt: skip


def _bond_quotes(bonds: pd.DataFrame) -> pd.DataFrame:
    price = 100 * bonds["Market_Price"] / bonds["Face_Value"]
    half = bonds["Bid_Ask_Spread"] / 2
    return contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": bonds["session_date"], "instrument_id": bonds["instrument_id"], "venue": "bondx",
            "bid": price - half, "ask": price + half, "quoted_spread_bps": 1e4 * bonds["Bid_Ask_Spread"] / price,
            "spread_method": "closing_quote", "close": price,
            **_provenance(bonds), "feed_rules": _ASSUMED,
        },
    )  # fmt: skip


def _alt(issuers: pd.DataFrame) -> pd.DataFrame:
    renewable = np.minimum(1.0, issuers["esg_actual_renew_pct"] / issuers["esg_target_renew_pct"])
    emission = np.minimum(1.0, issuers["esg_target_emission_intensity"] / issuers["esg_actual_emission_intensity"])
    readings = {
        "traffic": (issuers["alt_traffic_index"], "index_100"),
        "utilities": (issuers["alt_utility_load"], "index_100"),
        "esg": (100 * (renewable + emission) / 2, "score_0_100"),
    }
    parts = [
        contract_rows(
            ALT_SIGNALS,
            {
                "session_date": issuers["session_date"], "instrument_id": issuers["instrument_id"], "kind": kind,
                "issuer_id": issuers["issuer_id"], "value": value, "unit": unit,
                **_provenance(issuers),
            },
        )
        for kind, (value, unit) in readings.items()
    ]  # fmt: skip
    return pd.concat(parts).sort_values(list(ALT_SIGNALS.key), ignore_index=True)


def _dealers(issuers: pd.DataFrame) -> pd.DataFrame:
    return contract_rows(
        AUCTION_MM,
        {
            "session_date": issuers["session_date"], "instrument_id": issuers["instrument_id"],
            "mm_online_ratio": issuers["mm_available"].astype("float64"),
            **_provenance(issuers), "feed_rules": "few_snapshots",
        },
    )  # fmt: skip


def _sentiment(issuers: pd.DataFrame) -> pd.DataFrame:
    return contract_rows(
        SENTIMENT,
        {
            "session_date": issuers["session_date"], "instrument_id": issuers["instrument_id"], "issuer_id": issuers["issuer_id"],
            "sentiment_score": issuers["sentiment_score"], "buzz_volume": issuers["buzz_volume"], "topics": "",
            **_provenance(issuers),
        },
    )  # fmt: skip


def _build(issuers: Path, bonds: Path, session: date, naive_times_utc: bool) -> Recording:
    return recording_of(read_issuers(issuers), pd.read_csv(bonds), session, naive_times_utc=naive_times_utc)
