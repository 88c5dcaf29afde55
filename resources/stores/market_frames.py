"""Rows of the lake's crypto tables as batches of the database's: the same facts in the database's columns and units.

Levels of a minute become one row of whole ticks and lots; figures of that minute stand beside it. Read next:
``market_days.py``, which writes them.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Table

from liquidity.domain.errors import ContractError
from resources.stores.binary_copy import Batch, Ragged
from resources.stores.crypto_tables import (
    BOOK_SNAPSHOTS,
    DEPTH_ANALYSIS,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    OPEN_INTEREST,
)
from resources.stores.market_data import StoredMarket

__all__ = ["DERIVATIVE_TABLES", "Markets", "book_batches", "derivative_batch", "trade_batch"]

Markets = Mapping[str, StoredMarket]
"""Markets by instrument id."""
DERIVATIVE_TABLES: Final[Mapping[str, Table]] = {
    table.name: table for table in (OPEN_INTEREST, LIQUIDATION_EVENTS, LIQUIDATION_LEVELS)
} | {"funding_rates": FUNDING_RATES}
"""Tables of the database by the lake's names."""
_FIGURES: Final = {
    "bid_ask_imbalance": "bid_ask_imbalance",
    "liquidity_score": "book_score",
    "order_flow_toxicity": "toxicity",
    "depth_pressure": "depth_pressure",
}
_ANALYSIS: Final = {
    **_FIGURES,
    "quoted_spread_bps": "quoted_spread_bps",
    "weighted_mid": "weighted_mid",
    "weighted_imbalance": "triangular_imbalance",
    **{f"{side}_depth_quote_{bps}bps": f"{side}_depth_{bps}bps_quote" for bps in (10, 25, 50) for side in ("bid", "ask")},
    **{f"{side}_depth_quote_{bps}bps": f"{side}_depth_{label}_quote" for bps, label in ((100, "1pct"), (200, "2pct"), (500, "5pct"), (1000, "10pct")) for side in ("bid", "ask")},
    **{f"{side}_cost_{size}_bps": f"{side}_cost_{size}_bps" for size in ("10k", "100k", "1m") for side in ("buy", "sell")},
    "xlm_100k_bps": "xlm_100k_bps",
    "slope": "slope",
}  # fmt: skip
"""Columns of the database and what they are called in ``book_features`` or ``market_depth``."""


def trade_batch(rows: pd.DataFrame, markets: Markets) -> Batch:
    """Rows of ``venue_trades`` as ``public_trades``."""
    return {
        "market_id": _ids(rows, markets),
        "at": _times(rows["traded_at"]),
        "trade_id": _texts(rows["trade_id"]),
        "price": _numbers(rows["price"]),
        "amount": _numbers(rows["amount"]),
        "taker_sign": rows["taker_sign"].fillna(0).to_numpy(dtype=np.int64),
    }


def book_batches(
    levels: pd.DataFrame, features: pd.DataFrame, depth: pd.DataFrame, markets: Markets, code_version: str
) -> tuple[Batch, Batch]:
    """Rows of ``book_snapshots`` as analysed books, and one analysis for each of them.

    Parameters
    ----------
    features, depth
        Rows of ``book_features`` and ``market_depth``; those of other instants are left out, and a figure without a row
        is null.
    code_version
        Of the code that computed them.

    Raises
    ------
    ContractError
        A level is off its market's grid, or the market has none.
    """
    levels = levels.sort_values(["instrument_id", "at", "side", "level"], ignore_index=True)
    place = levels.groupby(["instrument_id", "at"], sort=True).ngroup().to_numpy()
    books = levels.drop_duplicates(["instrument_id", "at"])[["instrument_id", "at"]].reset_index(drop=True)
    rows, size = len(books), levels["size"].to_numpy(dtype=np.float64)
    ticks, lots = _steps(levels, markets)
    snapshots: dict[str, NDArray[Any] | Ragged] = {"market_id": _ids(books, markets), "at": _times(books["at"])}
    best: dict[str, NDArray[np.int64]] = {}
    for side in ("bid", "ask"):
        mine = (levels["side"] == side).to_numpy()
        counts = np.bincount(place[mine], minlength=rows).astype(np.int64)
        snapshots[f"{side}_ticks"] = Ragged(ticks[mine], counts)
        snapshots[f"{side}_lots"] = Ragged(lots[mine], counts)
        snapshots[f"total_{side}_volume"] = np.bincount(place[mine], weights=size[mine], minlength=rows)
        best[side] = np.full(rows, -1, dtype=np.int64)
        best[side][place[mine][::-1]] = ticks[mine][::-1]  # the first of each book is written last
    snapshots["depth_levels"] = np.maximum(*(np.asarray(snapshots[f"{side}_ticks"].counts) for side in ("bid", "ask")))  # type: ignore[union-attr]
    snapshots["spread"] = _spread(books, best, markets)

    key = ["instrument_id", "at"]
    figures = books.merge(features, how="left", on=key, validate="one_to_one")
    figures = figures.merge(depth, how="left", on=key, validate="one_to_one", suffixes=("", "_of_depth"))
    snapshots |= {name: _numbers(figures[column]) for name, column in _FIGURES.items()}
    analyses: dict[str, NDArray[Any] | Ragged] = {
        "market_id": snapshots["market_id"],
        "at": snapshots["at"],
        "code_version": np.full(rows, code_version),
        **{name: _numbers(figures[column]) for name, column in _ANALYSIS.items()},
    }
    assert set(snapshots) == set(BOOK_SNAPSHOTS.columns.keys())
    assert set(analyses) == set(DEPTH_ANALYSIS.columns.keys())
    return snapshots, analyses


def derivative_batch(name: str, rows: pd.DataFrame, markets: Markets) -> Batch:
    """Rows of one of :data:`DERIVATIVE_TABLES`, by the lake's name of it.

    The coming payment of funding is due one interval after the payment; the size of modelled positions is their value at
    the level's price.
    """
    batch: dict[str, NDArray[Any]] = {"market_id": _ids(rows, markets), "at": _times(rows["at"])}
    if name == OPEN_INTEREST.name:
        return batch | {
            "open_interest": _numbers(rows["open_interest_base"]),
            "open_interest_value": _numbers(rows["open_interest_quote"]),
            "change_24h_frac": _numbers(rows["change_24h_frac"]),
            "change_1h_frac": _numbers(rows["change_1h_frac"]),
        }
    if name == LIQUIDATION_EVENTS.name:
        return batch | {
            "event_id": _texts(rows["event_id"]),
            "side": _texts(rows["side"]),
            **{column: _numbers(rows[column]) for column in ("price", "amount", "notional_quote")},
        }
    if name == LIQUIDATION_LEVELS.name:
        return batch | {
            "side": _texts(rows["side"]),
            "price_level": _numbers(rows["price_level"]),
            "quantity": _numbers(rows["notional_quote"]) / _numbers(rows["price_level"]),
            "risk_score": _numbers(rows["risk_score"]),
            "distance_from_price_frac": _numbers(rows["distance_frac"]),
        }
    hours, coming = _numbers(rows["interval_hours"]), _numbers(rows["predicted_next_frac"])
    due = batch["at"] + (hours * 3.6e9).round().astype("timedelta64[us]")
    return batch | {
        "rate_frac": _numbers(rows["rate_frac"]),
        "interval_hours": hours,
        "mark_price": _numbers(rows["mark_price"]),
        "index_price": np.full(len(rows), np.nan),  # no source tells it
        "next_rate_frac": coming,
        "next_at": np.where(np.isnan(coming), np.datetime64("NaT", "us"), due),
    }


def _ids(rows: pd.DataFrame, markets: Markets) -> NDArray[np.int32]:
    absent = sorted(set(rows["instrument_id"]).difference(markets))
    if absent:
        raise ContractError(f"market database: no market for {absent[:5]} ({len(absent)} in all); register them first")
    named = {name: market.market_id for name, market in markets.items()}
    ids: NDArray[np.int32] = rows["instrument_id"].map(named).to_numpy().astype(np.int32)
    return ids


def _steps(levels: pd.DataFrame, markets: Markets) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ticks, lots = np.empty(len(levels), dtype=np.int64), np.empty(len(levels), dtype=np.int64)
    for name, rows in levels.groupby("instrument_id"):
        grid = markets[str(name)].steps()
        here = rows.index.to_numpy()
        ticks[here] = grid.ticks(rows["price"].to_numpy(dtype=np.float64))
        lots[here] = grid.lots(rows["size"].to_numpy(dtype=np.float64))
    return ticks, lots


def _spread(books: pd.DataFrame, best: Mapping[str, NDArray[np.int64]], markets: Markets) -> NDArray[np.float64]:
    spread = np.full(len(books), np.nan)
    known = (best["bid"] >= 0) & (best["ask"] >= 0)
    for name, rows in books.groupby("instrument_id"):
        here = rows.index.to_numpy()[known[rows.index.to_numpy()]]
        spread[here] = markets[str(name)].steps().prices(best["ask"][here] - best["bid"][here])
    return spread


def _numbers(column: "pd.Series[Any]") -> NDArray[np.float64]:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _times(column: "pd.Series[Any]") -> NDArray[np.datetime64]:
    times: NDArray[np.datetime64] = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return times


def _texts(column: "pd.Series[Any]") -> NDArray[Any]:
    return np.array(column.tolist(), dtype=str)
