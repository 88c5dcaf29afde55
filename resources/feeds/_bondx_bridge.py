"""The four input tables of a BondX Liquidity Pulse installation, in its column names, as our signal tables.

Its tables are time series keyed by ISIN (microstructure, auction and market maker) or by issuer (alternative data,
sentiment); ours hold one row per instrument and session. Rows of a session are those of its UTC day. What cannot be
bridged is set aside with a reason.
"""

import json
from typing import Any, Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import ALT_SIGNALS, AUCTION_MM, MICROSTRUCTURE, SENTIMENT
from liquidity.contracts.table import Column, TableContract
from resources.feeds._recording import contract_rows, refuse

__all__ = ["BONDX_TABLES", "GRADES", "bridge"]

SOURCE: Final = "bondx"
GRADES: Final = {
    "excellent": "", "good": "quality_good", "moderate": "quality_moderate", "poor": "quality_poor", "unreliable": "quality_unreliable",
}  # fmt: skip
"""Quality rule of each grade of that system."""
_UNITS: Final = {"index": "index_100", "index_100": "index_100", "score": "score_0_100", "score_0_100": "score_0_100"}


def _column(name: str, dtype: Any, *, nullable: bool = True) -> Column:
    return Column(name, dtype, "as in the source system", "Column of the source system.", nullable=nullable)


def _layout(name: str, *columns: Column) -> TableContract:
    time = _column("timestamp", "timestamp", nullable=False)
    return TableContract(name, "pulse", "signals", "One reading of a BondX installation.", (), (time, *columns))


BONDX_TABLES: Final = {
    "alt_signals": _layout(
        "bondx_alt_signals", _column("issuer_id", "string"), _column("asset_id", "string"), _column("source_id", "string", nullable=False),
        _column("value", "float64", nullable=False), _column("unit", "string", nullable=False), _column("quality", "string", nullable=False),
        _column("freshness_s", "float64", nullable=False), _column("metadata", "string"),
    ),
    "microstructure": _layout(
        "bondx_microstructure", _column("isin", "string", nullable=False), _column("bid", "float64"), _column("ask", "float64"),
        _column("l2_depth_qty", "float64"), _column("l2_levels", "int64"), _column("trades_count", "int64"), _column("vwap", "float64"),
        _column("volume_face", "float64"), _column("time_since_last_trade_s", "float64"),
    ),
    "auction_mm": _layout(
        "bondx_auction_mm", _column("isin", "string", nullable=False), _column("auction_demand_index", "float64"), _column("mm_online", "bool"),
        _column("mm_spread_bps", "float64"), _column("quotes_last_24h", "int64"), _column("mm_inventory_band", "string"),
    ),
    "sentiment": _layout(
        "bondx_sentiment", _column("issuer_id", "string", nullable=False), _column("sentiment_score", "float64", nullable=False),
        _column("buzz_volume", "float64"), _column("topics", "string"), _column("quality", "string", nullable=False), _column("metadata", "string"),
    ),
}  # fmt: skip
"""Layouts of the four files by our table name; types as that system's models declare them, maps as JSON text."""


def bridge(table: str, readings: pd.DataFrame, issuer_map: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Our rows of one BondX table, and the readings set aside.

    Parameters
    ----------
    readings
        Columns of ``BONDX_TABLES[table]``, times in UTC.
    issuer_map
        ``issuer_id, isin``: that system has none, so whoever lands its files provides it.

    Returns
    -------
    tuple
        Rows in delivered columns, and set-aside readings: ``unmapped_issuer``, ``crossed_quote``, ``not_allowed`` (a
        source, unit or grade that has no counterpart here).
    """
    rows = readings.sort_values("timestamp", kind="stable", ignore_index=True)
    rows["session_date"] = (
        rows["timestamp"].dt.tz_convert("UTC").dt.tz_localize(None).dt.normalize().astype("datetime64[us]")
    )
    return {"alt_signals": _alt, "microstructure": _micro, "auction_mm": _auction, "sentiment": _sentiment}[table](
        rows, issuer_map
    )


def _spread_over(rows: pd.DataFrame, issuer_map: pd.DataFrame, table: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    known = rows["issuer_id"].isin(issuer_map["issuer_id"])
    aside = refuse(table, "unmapped_issuer", rows[~known], "issuer_id", "timestamp")
    spread = rows[known].merge(issuer_map[["issuer_id", "isin"]], on="issuer_id")
    return spread.sort_values("timestamp", kind="stable", ignore_index=True), aside


def _last(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    return rows.drop_duplicates(key, keep="last")


def _alt(rows: pd.DataFrame, issuer_map: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    kind = rows["source_id"].where(rows["source_id"].isin(["traffic", "utilities", "esg"]))
    allowed = kind.notna() & rows["unit"].isin(_UNITS) & rows["quality"].isin(GRADES)
    refused = refuse("alt_signals", "not_allowed", rows[~allowed], "source_id", "timestamp", "unit")
    good, aside = _spread_over(rows[allowed].assign(kind=kind[allowed]), issuer_map, "alt_signals")
    good = _last(good, ["session_date", "isin", "kind"])
    frame = contract_rows(
        ALT_SIGNALS,
        {
            "session_date": good["session_date"], "instrument_id": good["isin"], "kind": good["kind"], "issuer_id": good["issuer_id"],
            "value": good["value"], "unit": good["unit"].map(_UNITS),
            "observed_at": good["timestamp"] - pd.to_timedelta(good["freshness_s"], unit="s"),
            "known_at": good["timestamp"], "source": SOURCE, "feed_rules": good["quality"].map(GRADES),
        },
    )  # fmt: skip
    return frame, pd.concat([refused, aside], ignore_index=True)


def _micro(rows: pd.DataFrame, issuer_map: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    del issuer_map
    crossed = rows["bid"] > rows["ask"]
    aside = refuse("microstructure", "crossed_quote", rows[crossed], "isin", "timestamp", "bid")
    good = rows[~crossed].copy()
    good["spread"] = 2e4 * (good["ask"] - good["bid"]) / (good["ask"] + good["bid"])
    key = ["session_date", "isin"]
    last = _last(good, key).set_index(key)
    spread = good.groupby(key)["spread"].median().reindex(last.index)
    mid = (last["bid"] + last["ask"]) / 2
    has_depth = last["l2_depth_qty"].notna()
    facts = last.reset_index()
    frame = contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": facts["session_date"], "instrument_id": facts["isin"], "venue": SOURCE,
            "bid": facts["bid"], "ask": facts["ask"], "quoted_spread_bps": spread.to_numpy(),
            "spread_method": ["snapshot_median" if known else None for known in spread.notna()],
            "depth_ccy": (last["l2_depth_qty"] * mid / 100).to_numpy(), "l2_levels": facts["l2_levels"],
            "vwap": facts["vwap"], "trades_count": facts["trades_count"],
            "turnover_ccy": facts["volume_face"] * facts["vwap"] / 100,
            "last_trade_at": facts["timestamp"] - pd.to_timedelta(facts["time_since_last_trade_s"], unit="s"),
            "observed_at": facts["timestamp"], "known_at": facts["timestamp"], "source": SOURCE,
            "feed_rules": np.where(has_depth, "depth_unit_assumed", ""),
        },
    )  # fmt: skip
    return frame, aside


def _auction(rows: pd.DataFrame, issuer_map: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    del issuer_map
    key = ["session_date", "isin"]
    rows = rows.assign(online=rows["mm_online"].astype("Float64").astype("float64"))
    grouped = rows.groupby(key)
    last = _last(rows, key).set_index(key)
    facts = last.reset_index()
    frame = contract_rows(
        AUCTION_MM,
        {
            "session_date": facts["session_date"], "instrument_id": facts["isin"],
            "auction_demand": facts["auction_demand_index"],
            "mm_online_ratio": grouped["online"].mean().reindex(last.index).to_numpy(),
            "mm_spread_bps": grouped["mm_spread_bps"].median().reindex(last.index).to_numpy(),
            "quotes_count": facts["quotes_last_24h"], "mm_inventory_band": facts["mm_inventory_band"].str.lower(),
            "observed_at": facts["timestamp"], "known_at": facts["timestamp"], "source": SOURCE,
        },
    )  # fmt: skip
    return frame, refuse("auction_mm", "", rows.iloc[:0], "isin", "timestamp")


def _sentiment(rows: pd.DataFrame, issuer_map: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    graded = rows["quality"].isin(GRADES)
    refused = refuse("sentiment", "not_allowed", rows[~graded], "issuer_id", "timestamp", "quality")
    good, aside = _spread_over(rows[graded], issuer_map, "sentiment")
    facts = (
        good.assign(rule=good["quality"].map(GRADES))
        .groupby(["session_date", "isin"])
        .agg(
            issuer_id=("issuer_id", "first"), score=("sentiment_score", "mean"), buzz=("buzz_volume", "sum"),
            topics=("topics", _topics), rule=("rule", _joined), at=("timestamp", "last"),
        )
        .reset_index()
    )  # fmt: skip
    frame = contract_rows(
        SENTIMENT,
        {
            "session_date": facts["session_date"], "instrument_id": facts["isin"], "issuer_id": facts["issuer_id"],
            "sentiment_score": facts["score"], "buzz_volume": facts["buzz"], "topics": facts["topics"],
            "observed_at": facts["at"], "known_at": facts["at"], "source": SOURCE, "feed_rules": facts["rule"],
        },
    )  # fmt: skip
    return frame, pd.concat([refused, aside], ignore_index=True)


def _topics(texts: pd.Series) -> str:
    return ",".join(sorted({str(name) for text in texts.dropna() for name in json.loads(text)}))


def _joined(rules: pd.Series) -> str:
    return ",".join(sorted(set(rules) - {""}))
