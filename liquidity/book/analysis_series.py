"""The figures of ``analysis.py`` for many books at once: one row per book, the same numbers.

For replays on a time grid, where one call per book would cost a hundred times as much. Walls and clusters live from
snapshot to snapshot and have trackers; what is here are columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.book.book_score import DEPTH_BPS, book_scores
from liquidity.book.depth import _EDGE_GUARD_FRAC
from liquidity.book.depth_bands import BANDS_FRAC, NOTIONALS_QUOTE
from liquidity.book.pressure import TAU_BPS
from liquidity.domain.errors import ContractError

__all__ = ["LiquiditySeries", "analyse_series"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LiquiditySeries:
    """Columns of shape ``(books,)``; NaN wherever :func:`~liquidity.book.analysis.analyse` has no figure.

    ``bid_bands_quote`` and ``ask_bands_quote`` have shape ``(books, bands)``; ``buy_cost_bps`` and ``sell_cost_bps``
    shape ``(books, notionals)``, NaN where the book cannot fill the notional. ``depth_pressure`` is that of each book
    against the row before; ``distance_weighted_imbalance`` needs both sides here.
    """

    mid: _Floats
    weighted_mid: _Floats
    spread_bps: _Floats
    bid_volume_base: _Floats
    ask_volume_base: _Floats
    bid_ask_imbalance: _Floats
    distance_weighted_imbalance: _Floats
    bid_depth_quote: _Floats
    ask_depth_quote: _Floats
    depth_density_quote_per_bp: _Floats
    liquidity_score: _Floats
    bid_liquidity_score: _Floats
    ask_liquidity_score: _Floats
    depth_pressure: _Floats
    bid_bands_quote: _Floats
    ask_bands_quote: _Floats
    buy_cost_bps: _Floats
    sell_cost_bps: _Floats


def analyse_series(
    bids: _Floats,
    asks: _Floats,
    *,
    volume_24h_quote: _Floats | float,
    half_life_s: _Floats | float = np.nan,
    bands_frac: Sequence[float] = BANDS_FRAC,
    notionals_quote: Sequence[float] = NOTIONALS_QUOTE,
) -> LiquiditySeries:
    """Liquidity of many books.

    Parameters
    ----------
    bids, asks
        Shape ``(books, levels, 2)``: price and size in base units, best first, NaN after the last level. A book that
        is not valid is all NaN. Contracts become base units as in :func:`~liquidity.book.units.in_base_units`.
    volume_24h_quote, half_life_s
        One number, or one per book; NaN where not known.

    Raises
    ------
    ContractError
        Arrays of another shape.

    Examples
    --------
    >>> bids = np.array([[[99.0, 3.0]], [[99.0, np.nan]]])
    >>> asks = np.array([[[101.0, 1.0]], [[101.0, 1.0]]])
    >>> series = analyse_series(bids, asks, volume_24h_quote=1e9)
    >>> series.mid.tolist(), series.bid_ask_imbalance.tolist()
    ([100.0, nan], [0.5, -1.0])
    """
    if bids.ndim != 3 or asks.ndim != 3 or len(bids) != len(asks) or bids.shape[2] != 2 or asks.shape[2] != 2:
        raise ContractError(
            f"analyse_series: bids {bids.shape}, asks {asks.shape}; both must be (books, levels, 2) of as many books"
        )
    bid, ask = _Side(bids), _Side(asks)
    best_bid, best_ask = bid.best_price, ask.best_price
    crossed = best_bid > best_ask
    mid = np.where(crossed, np.nan, (best_bid + best_ask) / 2)
    total_volume = bid.volume + ask.volume
    share = np.where(np.isnan(mid), np.nan, bid.best_size / _above_zero(bid.best_size + ask.best_size))
    bid_weight, ask_weight = bid.fading(mid, None), ask.fading(mid, None)
    weighted = [(weight * side.size).sum(axis=1) for weight, side in ((bid_weight, bid), (ask_weight, ask))]
    bid_depth, ask_depth = (side.within(mid, DEPTH_BPS / 1e4) for side in (bid, ask))
    spread_bps = 1e4 * (best_ask - best_bid) / mid
    bid_score, ask_score, score = (
        np.where(
            np.isnan(mid),
            np.nan,
            book_scores(
                spread_bps=spread_bps,
                depth_quote=depth,
                volume_24h_quote=np.asarray(volume_24h_quote, dtype=np.float64),
                half_life_s=np.asarray(half_life_s, dtype=np.float64),
            ),
        )
        for depth in (2.0 * bid_depth, 2.0 * ask_depth, bid_depth + ask_depth)
    )
    held = [(weight * side.quote).sum(axis=1) for weight, side in ((bid_weight, bid), (ask_weight, ask))]
    return LiquiditySeries(
        mid=mid,
        weighted_mid=share * best_ask + (1.0 - share) * best_bid,
        spread_bps=spread_bps,
        bid_volume_base=bid.volume,
        ask_volume_base=ask.volume,
        bid_ask_imbalance=np.where(crossed, np.nan, (bid.volume - ask.volume) / _above_zero(total_volume)),
        distance_weighted_imbalance=(weighted[0] - weighted[1]) / _above_zero(weighted[0] + weighted[1]),
        bid_depth_quote=bid_depth,
        ask_depth_quote=ask_depth,
        depth_density_quote_per_bp=(bid_depth + ask_depth) / DEPTH_BPS,
        liquidity_score=score,
        bid_liquidity_score=bid_score,
        ask_liquidity_score=ask_score,
        depth_pressure=_pressure(bid, ask, mid, held[0], held[1]),
        bid_bands_quote=_columns([bid.within(mid, width) for width in bands_frac], len(mid)),
        ask_bands_quote=_columns([ask.within(mid, width) for width in bands_frac], len(mid)),
        buy_cost_bps=_columns([ask.cost_bps(mid, notional, 1.0) for notional in notionals_quote], len(mid)),
        sell_cost_bps=_columns([bid.cost_bps(mid, notional, -1.0) for notional in notionals_quote], len(mid)),
    )


def _columns(columns: list[_Floats], rows: int) -> _Floats:
    return np.stack(columns, axis=1) if columns else np.empty((rows, 0))


def _above_zero(values: _Floats) -> _Floats:
    return np.where(values > 0.0, values, np.nan)


class _Side:
    """One side of all books, with running sums; a level without a price and size above 0 holds nothing."""

    def __init__(self, levels: _Floats) -> None:
        rows = len(levels)
        # One more, empty, column: it keeps look-ups of the first missing level inside and lets a side have no level.
        table = np.concatenate((levels, np.full((rows, 1, 2), np.nan)), axis=1)
        offered = (table > 0.0).all(axis=2) & np.isfinite(table).all(axis=2)
        self.price = np.where(offered, table[:, :, 0], np.nan)
        self.size = np.where(offered, table[:, :, 1], 0.0)
        self.quote = np.where(offered, table[:, :, 0] * table[:, :, 1], 0.0)
        self.summed_base, self.summed_quote = np.cumsum(self.size, axis=1), np.cumsum(self.quote, axis=1)
        self.volume = self.summed_base[:, -1]
        self.best_price = self.price[:, 0]
        self.best_size = self.size[:, 0]
        self._rows = np.arange(rows)

    def within(self, mid: _Floats, band_frac: float) -> _Floats:
        limit = mid * (band_frac * 1e4) / 1e4 + mid * _EDGE_GUARD_FRAC
        near = (np.abs(self.price - mid[:, None]) <= limit[:, None]).sum(axis=1)
        held = np.where(near > 0, self.summed_quote[self._rows, near - 1], 0.0)
        return np.where(np.isnan(mid), np.nan, held)

    def cost_bps(self, mid: _Floats, notional: float, sign: float) -> _Floats:
        full = (self.summed_quote < notional).sum(axis=1)
        reached = full < self.summed_quote.shape[1]
        last = np.where(reached, full, 0)
        before_quote = np.where(full > 0, self.summed_quote[self._rows, last - 1], 0.0)
        before_base = np.where(full > 0, self.summed_base[self._rows, last - 1], 0.0)
        base = before_base + (notional - before_quote) / self.price[self._rows, last]
        cost = 1e4 * sign * (notional / base - mid) / mid
        return np.where(reached, np.maximum(cost, 0.0), np.nan)

    def fading(self, mid: _Floats, sign: float | None) -> _Floats:
        """Weight exp(-d / tau); with a sign, a price beyond the reference counts as at it."""
        away = self.price - mid[:, None]
        distance = np.abs(away) if sign is None else np.maximum(sign * away, 0.0)
        return np.nan_to_num(np.exp(-1e4 / TAU_BPS * distance / mid[:, None]), nan=0.0)


def _pressure(bid: _Side, ask: _Side, mid: _Floats, bid_held: _Floats, ask_held: _Floats) -> _Floats:
    """Each row against the one before, distances from the earlier mid."""
    reference = np.concatenate(([np.nan], mid[:-1])) if len(mid) else mid
    now = [(side.fading(reference, sign) * side.quote).sum(axis=1) for side, sign in ((bid, -1.0), (ask, 1.0))]
    before = [np.concatenate(([np.nan], held[:-1])) if len(held) else held for held in (bid_held, ask_held)]
    moved = (now[0] - before[0]) - (now[1] - before[1])
    pressure = np.clip(moved / _above_zero(now[0] + now[1] + before[0] + before[1]), -1.0, 1.0)
    return np.where(np.isnan(mid) | np.isnan(reference), np.nan, pressure)
