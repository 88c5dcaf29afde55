"""From quotes and trades of one session to the figures of a microstructure row.

Quotes may update one side only; the other side is carried forward. A spread of 0 or below (locked, crossed) or of
``SPREAD_LIMIT_BPS`` and more is left out of every average: the interval is neither tight nor wide, it is unusable.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resources.feeds._recording import refuse

__all__ = ["SPREAD_LIMIT_BPS", "TickSession", "carried_quotes", "clean_trades", "session_from_ticks", "vwap"]

SPREAD_LIMIT_BPS: Final = 50.0
"""Quoted spreads from here on (bps, excluded) are stub quotes of a liquid share, not prices."""


@dataclass(frozen=True, slots=True)
class TickSession:
    """One session's averages; spreads in bps of mid, NaN where nothing usable was seen.

    ``quoted_spread_bps`` is weighted by the seconds each quote stood, ``effective_spread_bps`` (twice the distance of
    a trade from the mid just before it) by traded size. ``unusable_frac`` is the share of quote time left out.
    """

    quoted_spread_bps: float
    effective_spread_bps: float
    unusable_frac: float
    bid: float
    ask: float
    vwap: float
    turnover_ccy: float
    trades_count: int


def vwap(prices: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    """Volume-weighted average price, sum(p q) / sum(q); NaN without volume.

    Examples
    --------
    >>> vwap(np.array([100.0, 101.0]), np.array([1.0, 3.0]))
    100.75
    """
    volume = float(sizes.sum())
    return float((prices * sizes).sum() / volume) if volume > 0 else float("nan")


def carried_quotes(quotes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two-sided quotes by carrying each side forward, and the updates set aside.

    Parameters
    ----------
    quotes
        One instrument and day, ascending: ``ts``, ``bid``, ``ask`` (0 = side not updated), ``bid_size``, ``ask_size``.

    Returns
    -------
    tuple
        ``ts, bid, ask`` (NaN until a side was first seen), and the refused updates: ``no_price`` when neither side is
        above 0, ``zero_size`` when the updated side has no size.
    """
    bid_up, ask_up = quotes["bid"] > 0, quotes["ask"] > 0
    zero = (bid_up & ~(quotes["bid_size"] > 0)) | (ask_up & ~(quotes["ask_size"] > 0))
    none = ~(bid_up | ask_up)
    aside = pd.concat(
        [
            refuse("microstructure", "no_price", quotes[none], "symbol", "ts"),
            refuse("microstructure", "zero_size", quotes[zero & ~none], "symbol", "ts"),
        ],
        ignore_index=True,
    )
    good = quotes[~(zero | none)]
    carried = pd.DataFrame(
        {
            "ts": good["ts"],
            "bid": good["bid"].where(good["bid"] > 0).ffill(),
            "ask": good["ask"].where(good["ask"] > 0).ffill(),
        }
    )
    return carried.reset_index(drop=True), aside


def clean_trades(trades: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trades with a price and a size above 0 and not flagged suspicious, and the others set aside."""
    bad_price = ~(trades["price"] > 0)
    bad_size = ~(trades["size"] > 0) & ~bad_price
    suspicious = (trades["susp"] != 0) & ~bad_price & ~bad_size
    aside = pd.concat(
        [
            refuse("microstructure", "no_price", trades[bad_price], "symbol", "ts"),
            refuse("microstructure", "zero_size", trades[bad_size], "symbol", "ts"),
            refuse("microstructure", "suspicious_trade", trades[suspicious], "symbol", "ts"),
        ],
        ignore_index=True,
    )
    return trades[~(bad_price | bad_size | suspicious)].reset_index(drop=True), aside


def session_from_ticks(
    quotes: pd.DataFrame,
    trades: pd.DataFrame,
    opens: pd.Timestamp,
    closes: pd.Timestamp,
    limit_bps: float = SPREAD_LIMIT_BPS,
) -> TickSession:
    """Average the quotes standing in [opens, closes) and the trades of [opens, closes).

    Parameters
    ----------
    quotes
        ``ts, bid, ask`` two-sided (see :func:`carried_quotes`), ascending; earlier ones set the state at the open.
    trades
        ``ts, price, size``, ascending. A trade is compared with the quote strictly before it (Lee and Ready 1991).
    limit_bps
        Wider quotes are stubs; infinite where wide ones are real.

    References
    ----------
    Huang and Stoll (1996), Journal of Financial Economics 41(3), 313-357 (time- and volume-weighted spreads).
    """
    start = quotes["ts"].mask(quotes["ts"] < opens, opens)
    until = quotes["ts"].shift(-1).fillna(closes)
    stop = until.mask(until > closes, closes)
    stood_s = (stop - start).dt.total_seconds().clip(lower=0.0).to_numpy()
    spread_bps = _spread_bps(quotes["bid"], quotes["ask"])
    usable = (spread_bps > 0) & (spread_bps < limit_bps) & (stood_s > 0)
    quoted = float(np.average(spread_bps[usable], weights=stood_s[usable])) if usable.any() else float("nan")
    last = quotes[(quotes["ts"] < closes).to_numpy() & usable].tail(1)
    inside = trades[(trades["ts"] >= opens) & (trades["ts"] < closes)]
    price = inside["price"].to_numpy(dtype="float64")
    size = inside["size"].to_numpy(dtype="float64")
    return TickSession(
        quoted_spread_bps=quoted,
        effective_spread_bps=_effective_bps(quotes, inside, limit_bps),
        unusable_frac=float(stood_s[~usable].sum() / stood_s.sum()) if stood_s.sum() > 0 else float("nan"),
        bid=float(last["bid"].iloc[0]) if len(last) else float("nan"),
        ask=float(last["ask"].iloc[0]) if len(last) else float("nan"),
        vwap=vwap(price, size),
        turnover_ccy=float((price * size).sum()),
        trades_count=len(inside),
    )


def _spread_bps(bid: pd.Series, ask: pd.Series) -> NDArray[np.float64]:
    spread: NDArray[np.float64] = (2e4 * (ask - bid) / (ask + bid)).to_numpy(dtype="float64")
    return spread


def _effective_bps(quotes: pd.DataFrame, trades: pd.DataFrame, limit_bps: float) -> float:
    before = pd.merge_asof(trades[["ts", "price", "size"]], quotes, on="ts", allow_exact_matches=False)
    mid = (before["bid"] + before["ask"]) / 2
    effective_bps = (2e4 * (before["price"] - mid).abs() / mid).to_numpy(dtype="float64")
    quoted_bps = _spread_bps(before["bid"], before["ask"])
    kept = (quoted_bps > 0) & (quoted_bps < limit_bps) & (effective_bps < limit_bps)
    if not kept.any():
        return float("nan")
    return float(np.average(effective_bps[kept], weights=before["size"].to_numpy(dtype="float64")[kept]))
