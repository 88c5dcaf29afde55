"""Depth density: quote currency resting per basis point near the mid."""

from dataclasses import dataclass

from liquidity.book.depth import depth_bps
from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import ConfigError

__all__ = ["DepthDensity", "depth_density"]


@dataclass(frozen=True, slots=True)
class DepthDensity:
    """Depth within the band divided by its half width, quote currency per bp; ``total`` is both sides together."""

    bid_quote_per_bp: float | None
    ask_quote_per_bp: float | None
    total_quote_per_bp: float | None


def depth_density(book: BookSnapshot, bps: float) -> DepthDensity:
    """Depth within ``bps`` of the mid per basis point.

    Returns
    -------
    DepthDensity
        0 where the band holds no level; all null when the book has no mid. A visible book that ends inside the band
        gives a lower bound: choose ``bps`` no wider than the book.

    Raises
    ------
    ConfigError
        ``bps`` is not above 0.

    Examples
    --------
    >>> depth_density(BookSnapshot.from_levels([[99.9, 10]], [[100.1, 20]]), 10).total_quote_per_bp
    300.1
    """
    if not bps > 0.0:
        raise ConfigError(f"depth_density: {bps} bps, allowed (0, inf)")
    depth = depth_bps(book, bps)
    if depth.bid_quote is None or depth.ask_quote is None:
        return DepthDensity(None, None, None)
    return DepthDensity(depth.bid_quote / bps, depth.ask_quote / bps, (depth.bid_quote + depth.ask_quote) / bps)
