"""The liquidity of each book and day, from the stored tables of ``book_tables.py`` and nothing else.

Read next: ``book_signals.py`` (how a day's liquidity enters the index).
"""

from typing import Any

import numpy as np
import pandas as pd

from liquidity.book.recovery import recovery
from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.contracts.crypto import BOOK_DAILY

__all__ = ["daily_liquidity"]


def daily_liquidity(
    features: pd.DataFrame, depth: pd.DataFrame, trades: pd.DataFrame, segments: pd.DataFrame
) -> pd.DataFrame:
    """Liquidity of each book and session, from the stored tables.

    Parameters
    ----------
    features, depth, trades, segments
        Rows of ``book_features``, ``market_depth``, ``venue_trades`` and ``book_deltas``, any sessions, any order.

    Returns
    -------
    pd.DataFrame
        Columns of ``book_daily``; one row per book and session with at least one row of figures. A book without one
        valid instant has null figures and ``valid_frac`` 0.
    """
    key = ["session_date", "instrument_id"]
    others = [dict(tuple(table.groupby(key))) for table in (depth, trades, segments)]
    rows = []
    for pair, seen in features.sort_values("at", kind="stable").groupby(key):
        minutes, traded, audited = (each.get(pair) for each in others)
        rows.append(_day_row(seen, minutes, traded, audited))
    if not rows:
        return frame_from_table(empty_table(BOOK_DAILY))
    frame = pd.DataFrame(rows)
    for count in ("levels_count", "trades_count"):
        frame[count] = frame[count].astype("Int64")
    frame["last_trade_at"] = pd.to_datetime(frame["last_trade_at"], utc=True)
    return frame.sort_values(list(BOOK_DAILY.key), ignore_index=True)[list(BOOK_DAILY.column_names)]


def _day_row(
    seen: pd.DataFrame, minutes: pd.DataFrame | None, traded: pd.DataFrame | None, audited: pd.DataFrame | None
) -> dict[str, Any]:
    first, valid = seen.iloc[0], seen[seen["valid"]]
    steps = seen["at"].diff().dt.total_seconds()
    step_s = float(steps.min()) if len(seen) > 1 else 1.0
    newest = valid.iloc[-1] if len(valid) else None
    row: dict[str, Any] = {
        **{name: first[name] for name in ("session_date", "instrument_id", "venue", "source")},
        "recorded_s": step_s * len(seen),
        "valid_frac": len(valid) / len(seen),
        "observed_at": seen["at"].iloc[-1] if newest is None else newest["at"],
        "bid": np.nan if newest is None else newest["best_bid"],
        "ask": np.nan if newest is None else newest["best_ask"],
        "quoted_spread_bps": valid["quoted_spread_bps"].mean(),
        "toxicity": valid["toxicity"].mean(),
        "book_score": valid["book_score"].mean(),
        "gaps_count": 0.0 if audited is None else float(audited["gaps_count"].sum()),
        "resiliency_half_life_s": _half_life(seen, step_s),
        "xlm_100k_bps": np.nan if minutes is None else minutes["xlm_100k_bps"].median(),
        "levels_count": None if minutes is None else round(float(minutes["levels_count"].median())),
        **_trade_facts(traded),
    }
    for band in (10, 25, 50):
        for side in ("bid", "ask"):
            name = f"{side}_depth_{band}bps_quote"
            row[name] = valid[name].median()
    return row


def _half_life(seen: pd.DataFrame, step_s: float) -> float:
    both = (seen["bid_depth_10bps_quote"] + seen["ask_depth_10bps_quote"]).to_numpy(dtype=np.float64)
    # The series must be equally spaced: where the grid pauses, a missing value parts the pieces.
    pause = np.flatnonzero(seen["at"].diff().dt.total_seconds().to_numpy() > 1.5 * step_s)
    told = recovery(np.insert(both, pause, np.nan), step_s=step_s).half_life_s
    return np.nan if told is None else told


def _trade_facts(traded: pd.DataFrame | None) -> dict[str, Any]:
    if traded is None or not len(traded):
        # A tape without trades may be one whose recorder did not listen to them: that is no proof of an idle market.
        facts = dict.fromkeys(
            ("open", "high", "low", "close", "vwap", "effective_spread_bps", "turnover_quote"), np.nan
        )
        return {**facts, "trades_count": None, "last_trade_at": pd.NaT}
    ordered = traded.sort_values("received_at", kind="stable")
    price, worth = ordered["price"], ordered["notional_quote"]
    base = float((worth / price).sum())
    paid = ordered["effective_spread_bps"]
    weight = worth.where(paid.notna(), 0.0)
    return {
        "open": price.iloc[0],
        "high": price.max(),
        "low": price.min(),
        "close": price.iloc[-1],
        "vwap": float(worth.sum()) / base,
        "turnover_quote": float(worth.sum()),
        "trades_count": len(ordered),
        "last_trade_at": ordered["received_at"].iloc[-1],
        "effective_spread_bps": float((paid.fillna(0.0) * weight).sum() / weight.sum())
        if weight.sum() > 0.0
        else np.nan,
    }
