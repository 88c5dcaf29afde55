"""Everything a book says about liquidity, by one call, and the record that is stored of it.

Every figure is finite, or ``None`` with a reason code in ``reasons``. Sizes are base units (``units.py``). Read next:
the file of the figure in question; ``book_score.py`` for the score.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from liquidity.book.book_score import DEPTH_BPS, BookScore, book_score
from liquidity.book.clusters import Cluster, order_clusters
from liquidity.book.density import depth_density
from liquidity.book.depth import depth_bps, lob_slope_ns
from liquidity.book.depth_bands import BANDS_FRAC, NOTIONALS_QUOTE, MarketDepthAnalysis, market_depth, why_no_mid
from liquidity.book.imbalance import decay_imbalance, weighted_mid
from liquidity.book.pressure import TAU_BPS, depth_pressure
from liquidity.book.snapshot import BookSnapshot
from liquidity.book.spreads import quoted_spread
from liquidity.book.sweep import xlm
from liquidity.book.toxicity import Toxicity
from liquidity.book.walls import HeavyLevel, heavy_levels
from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import OrderBookSnapshot

__all__ = ["LiquidityAnalysis", "analyse", "book_liquidity_score", "order_book_snapshot"]

_IMBALANCE_LEVELS: Final = 1_000_000  # all visible levels; the weights fade by themselves


@dataclass(frozen=True, slots=True)
class LiquidityAnalysis:
    """Liquidity of one book at one moment.

    Attributes
    ----------
    spread_quote, spread_bps
        Quoted spread in price and in bps of the mid.
    bid_volume_base, ask_volume_base
        All visible sizes of each side.
    bid_ask_imbalance
        (bids - asks) / (bids + asks) of these volumes, -1..+1.
    distance_weighted_imbalance
        The same with weights that fade with distance, -1..+1.
    bid_depth_quote, ask_depth_quote
        Notional within :data:`~liquidity.book.book_score.DEPTH_BPS` of the mid.
    depth_density_quote_per_bp
        Both sides' notional in that band per bp.
    slope
        Naes-Skjeltorp slope; null where it is not defined.
    xlm_bps
        Round trip of each of ``NOTIONALS_QUOTE``, null where the book cannot fill it.
    liquidity_score, bid_liquidity_score, ask_liquidity_score
        0-100; those of a side use twice the side's depth in place of the depth.
    order_flow_toxicity, depth_pressure
        -1..+1; they need a history and are null without one.
    depth
        Bands and cost to trade.
    score
        The score with its drivers and coverage.
    heavy_levels, clusters
        Of this moment; whether they last is told by the trackers of ``walls.py`` and ``clusters.py``.
    reasons
        Reason code of every figure that is null.
    """

    mid: float | None
    weighted_mid: float | None
    spread_quote: float | None
    spread_bps: float | None
    bid_volume_base: float
    ask_volume_base: float
    bid_ask_imbalance: float | None
    distance_weighted_imbalance: float | None
    bid_depth_quote: float | None
    ask_depth_quote: float | None
    depth_density_quote_per_bp: float | None
    slope: float | None
    xlm_bps: tuple[float | None, ...]
    liquidity_score: float | None
    bid_liquidity_score: float | None
    ask_liquidity_score: float | None
    order_flow_toxicity: float | None
    depth_pressure: float | None
    toxicity: Toxicity | None
    depth: MarketDepthAnalysis
    score: BookScore
    heavy_levels: tuple[HeavyLevel, ...]
    clusters: tuple[Cluster, ...]
    reasons: Mapping[str, str]


def book_liquidity_score(
    book: BookSnapshot, *, volume_24h_quote: float | None, half_life_s: float | None = None
) -> BookScore:
    """Score of a book from its spread and depth, the volume and the half-life where known.

    Examples
    --------
    >>> book = BookSnapshot.from_levels([[99.99, 5000]], [[100.01, 5000]])
    >>> round(book_liquidity_score(book, volume_24h_quote=1e9).score, 2)
    59.61
    """
    depth = depth_bps(book, DEPTH_BPS)
    both = None if depth.bid_quote is None or depth.ask_quote is None else depth.bid_quote + depth.ask_quote
    return _score(book, both, volume_24h_quote, half_life_s)


def _score(book: BookSnapshot, depth: float | None, volume: float | None, half_life_s: float | None) -> BookScore:
    spread = None if math.isnan(book.mid) else 1e4 * float(book.asks[0, 0] - book.bids[0, 0]) / book.mid
    if spread is None:
        # Volume and resiliency alone would score a book that cannot be traded.
        return BookScore(None, 0.0, {}, why_no_mid(book))
    return book_score(spread_bps=spread, depth_quote=depth, volume_24h_quote=volume, half_life_s=half_life_s)


def analyse(
    book: BookSnapshot,
    *,
    volume_24h_quote: float | None = None,
    half_life_s: float | None = None,
    tick_size: float | None = None,
    previous: BookSnapshot | None = None,
    toxicity: Toxicity | None = None,
    bands_frac: Sequence[float] = BANDS_FRAC,
    notionals_quote: Sequence[float] = NOTIONALS_QUOTE,
) -> LiquidityAnalysis:
    """All figures of one book.

    Parameters
    ----------
    book
        Sizes in base units.
    volume_24h_quote, half_life_s
        Of the market, where known: they enter the score, and the volume the floor of heavy levels.
    tick_size
        Price step; without it neighbouring levels are told by bps.
    previous
        An earlier book, for the depth pressure.
    toxicity
        Of the flow up to this book (:func:`~liquidity.book.toxicity.order_flow_toxicity`).

    Returns
    -------
    LiquidityAnalysis
        For a crossed or one-sided book the figures that need a mid are null with ``crossed_book``, ``no_bids``,
        ``no_asks`` or ``empty_book``.

    Examples
    --------
    >>> seen = analyse(BookSnapshot.from_levels([[99.0, 3]], [[101.0, 1]]))
    >>> seen.bid_ask_imbalance, seen.reasons["depth_pressure"], seen.liquidity_score is None
    (0.5, 'no_previous_book', False)
    """
    no_mid = why_no_mid(book)
    spread = quoted_spread(*_best(book))
    top = weighted_mid(*_best(book), *_best_sizes(book))
    depth = depth_bps(book, DEPTH_BPS)
    pressure = None if previous is None else depth_pressure(previous, book)
    bid_volume, ask_volume = float(book.bids[:, 1].sum()), float(book.asks[:, 1].sum())
    total = bid_volume + ask_volume
    both = None if depth.bid_quote is None or depth.ask_quote is None else depth.bid_quote + depth.ask_quote
    score = _score(book, both, volume_24h_quote, half_life_s)
    bid_score, ask_score = (
        _score(book, None if side is None else 2.0 * side, volume_24h_quote, half_life_s)
        for side in (depth.bid_quote, depth.ask_quote)
    )
    round_trips = tuple(xlm(book, notional).xlm_bps for notional in notionals_quote)
    figures: dict[str, float | None] = {
        "mid": None if no_mid else book.mid,
        "weighted_mid": top.weighted_mid,
        "spread_quote": spread.absolute,
        "spread_bps": spread.bps,
        "bid_ask_imbalance": (bid_volume - ask_volume) / total if total > 0.0 and not book.crossed else None,
        "distance_weighted_imbalance": decay_imbalance(book, _IMBALANCE_LEVELS, TAU_BPS).imbalance,
        "bid_depth_quote": depth.bid_quote,
        "ask_depth_quote": depth.ask_quote,
        "depth_density_quote_per_bp": depth_density(book, DEPTH_BPS).total_quote_per_bp,
        "slope": lob_slope_ns(book).slope,
        "liquidity_score": score.score,
        "bid_liquidity_score": bid_score.score,
        "ask_liquidity_score": ask_score.score,
        "order_flow_toxicity": None if toxicity is None else toxicity.toxicity,
        "depth_pressure": None if pressure is None else pressure.pressure,
    }
    causes = {
        "liquidity_score": score.reason,
        "bid_liquidity_score": bid_score.reason,
        "ask_liquidity_score": ask_score.reason,
        "order_flow_toxicity": "no_flow" if toxicity is None else toxicity.reason,
        "depth_pressure": "no_previous_book" if pressure is None else pressure.reason,
        "slope": no_mid or "first_level_below_one_unit",
        "distance_weighted_imbalance": no_mid or "all_levels_far_from_mid",
    }
    reasons = {name: causes.get(name) or no_mid or "unknown" for name, value in figures.items() if value is None}
    if None in round_trips:
        reasons["xlm_bps"] = no_mid or "beyond_visible_book"
    return LiquidityAnalysis(
        **figures,
        bid_volume_base=bid_volume,
        ask_volume_base=ask_volume,
        xlm_bps=round_trips,
        toxicity=toxicity,
        depth=market_depth(book, bands_frac=bands_frac, notionals_quote=notionals_quote),
        score=score,
        heavy_levels=heavy_levels(book, volume_24h_quote=volume_24h_quote),
        clusters=order_clusters(book, tick_size=tick_size),
        reasons=reasons,
    )


def _best(book: BookSnapshot) -> tuple[float | None, float | None]:
    bid, ask = (float(side[0, 0]) if len(side) else None for side in (book.bids, book.asks))
    return bid, ask


def _best_sizes(book: BookSnapshot) -> tuple[float | None, float | None]:
    bid, ask = (float(side[0, 1]) if len(side) else None for side in (book.bids, book.asks))
    return bid, ask


def order_book_snapshot(
    book: BookSnapshot, analysis: LiquidityAnalysis, *, symbol: str, exchange: str, timestamp: datetime
) -> OrderBookSnapshot:
    """The thirteen-field record of an analysed book.

    Parameters
    ----------
    book
        The book that ``analysis`` was made of.
    timestamp
        Aware, UTC.

    Returns
    -------
    OrderBookSnapshot
        ``total_*_volume`` and ``bid_ask_imbalance`` are those of the levels it carries; ``depth_levels`` is the number
        of levels of the longer side.

    Raises
    ------
    ContractError
        A naive timestamp, an analysis of another book, or levels that are no book (repeated prices).

    Examples
    --------
    >>> from datetime import UTC
    >>> book = BookSnapshot.from_levels([[99.0, 3]], [[101.0, 1]])
    >>> record = order_book_snapshot(book, analyse(book), symbol="BTC/USDT", exchange="binance",
    ...                              timestamp=datetime(2026, 1, 2, tzinfo=UTC))
    >>> record.spread, record.total_bid_volume, record.depth_levels
    (2.0, 3.0, 1)
    """
    if timestamp.tzinfo is None:
        raise ContractError(f"order_book_snapshot {exchange} {symbol}: naive timestamp {timestamp}; give UTC")
    totals = float(book.bids[:, 1].sum()), float(book.asks[:, 1].sum())
    if totals != (analysis.bid_volume_base, analysis.ask_volume_base):
        raise ContractError(
            f"order_book_snapshot {exchange} {symbol}: the analysis holds volumes "
            f"{(analysis.bid_volume_base, analysis.ask_volume_base)}, the book {totals}; pass the book it was made of"
        )
    bids, asks = (tuple((price, size) for price, size in side.tolist()) for side in (book.bids, book.asks))
    return OrderBookSnapshot(
        symbol=symbol,
        timestamp=timestamp,
        exchange=exchange,
        bids=bids,
        asks=asks,
        spread=analysis.spread_quote,
        total_bid_volume=totals[0],
        total_ask_volume=totals[1],
        depth_levels=max(len(bids), len(asks)),
        bid_ask_imbalance=analysis.bid_ask_imbalance,
        liquidity_score=analysis.liquidity_score,
        order_flow_toxicity=analysis.order_flow_toxicity,
        depth_pressure=analysis.depth_pressure,
    )
