"""Modelled liquidation levels: where positions opened lately would be closed by force, had they a usual mix of leverage.

Venues do not disclose positions. An increase of open interest is taken as positions opened at that bar's close, long and
short alike, spread over :data:`LEVERAGE_MIX`; their prices follow from the venue's isolated formula. Everything here is
an estimate: results are labelled ``modelled`` and say which share of the open interest they stand for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.derivatives.liquidation_price import isolated_liquidation
from liquidity.derivatives.margin_tiers import tier_of
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import LeverageTier, LiquidationLevel, MarketKind
from liquidity.domain.observation import Observations, observed

__all__ = ["LEVERAGE_MIX", "LevelModel", "LeverageShare", "ModelledLevels", "liquidation_levels"]


@dataclass(frozen=True, slots=True)
class LeverageShare:
    """Share of newly opened positions that use one leverage."""

    leverage: float
    share_frac: float


LEVERAGE_MIX: Final = (
    LeverageShare(3.0, 0.15),
    LeverageShare(5.0, 0.20),
    LeverageShare(10.0, 0.30),
    LeverageShare(25.0, 0.20),
    LeverageShare(50.0, 0.15),
)


@dataclass(frozen=True, slots=True)
class LevelModel:
    """Assumptions.

    Attributes
    ----------
    mix
        Leverages and shares. What the venue's bracket does not allow leaves its share to the others.
    position_quote
        Size of the position whose bracket is used, quote currency.
    bucket_frac
        Levels closer than this share of the price are one.
    max_distance_frac
        Levels further away are left out; the risk score falls from 100 at the market to 0 there.
    medium_cover_frac
        Confidence is ``medium`` from this share of open interest covered on both sides, else ``low``; an assumed mix
        never earns more.
    """

    mix: tuple[LeverageShare, ...] = LEVERAGE_MIX
    position_quote: float = 10_000.0
    bucket_frac: float = 0.0025
    max_distance_frac: float = 0.5
    medium_cover_frac: float = 0.25

    def __post_init__(self) -> None:
        """Refuse assumptions that are none."""
        shares = [each.share_frac for each in self.mix]
        sound = all(share > 0.0 for share in shares) and math.isclose(sum(shares), 1.0, rel_tol=1e-9)
        positive = min(self.position_quote, self.bucket_frac, self.max_distance_frac) > 0.0
        if not (sound and positive and all(each.leverage > 1.0 for each in self.mix)):
            raise ConfigError(
                f"LevelModel: found {self}; leverages above 1, shares above 0 that sum to 1, sizes above 0"
            )


@dataclass(frozen=True, slots=True)
class ModelledLevels:
    """Levels, nearest first, and how far to trust them.

    ``long_covered_frac`` and ``short_covered_frac`` are the modelled positions still open over the open interest, on
    each side (0-1); null with a ``reason`` when nothing could be modelled.
    """

    levels: tuple[LiquidationLevel, ...]
    method: Literal["modelled"]
    confidence: Literal["low", "medium"]
    long_covered_frac: float | None
    short_covered_frac: float | None
    reason: str | None


def liquidation_levels(
    open_interest_base: Observations,
    high: Observations,
    low: Observations,
    close: Observations,
    tiers: Sequence[LeverageTier],
    *,
    symbol: str,
    exchange: str,
    timestamp: datetime,
    kind: MarketKind = "linear",
    contract_size: float = 1.0,
    model: LevelModel | None = None,
) -> ModelledLevels:
    """Model the levels that stand at the end of a history of open interest and prices.

    Bar by bar: positions whose price lies within the bar's range are gone; a fall of open interest beyond them closes
    the rest evenly, those from before the history included; a rise opens new ones at the close.

    Parameters
    ----------
    open_interest_base
        Base units at the end of each bar, oldest first. Where it is missing, the bar's range still counts and the
        change is taken over the gap.
    high, low, close
        Prices of the bars, quote currency; a bar without prices is left out.
    tiers
        The venue's brackets, in quote currency (linear) or base coin (inverse).
    timestamp
        Aware, UTC: the end of the last bar, put on each level.

    Returns
    -------
    ModelledLevels
        Quantities in base units. Reasons: ``fewer_than_two_readings`` (a change needs two), ``no_open_interest``,
        ``no_leverage_allowed``.

    Raises
    ------
    ContractError
        Columns of different length, or a naive timestamp.

    Examples
    --------
    >>> from datetime import UTC
    >>> tiers = [LeverageTier(0.0, 1e9, 0.005, 125.0)]
    >>> flat = [100.0] * 3
    >>> found = liquidation_levels([50.0, 60.0, 60.0], flat, flat, flat, tiers, symbol="BTC/USDT:USDT", exchange="okx",
    ...                            timestamp=datetime(2026, 1, 2, tzinfo=UTC), model=LevelModel(mix=(LeverageShare(10.0, 1.0),)))
    >>> [(each.side, round(each.price_level, 2), each.quantity) for each in found.levels], round(found.long_covered_frac, 3)
    ([('short', 109.45, 10.0), ('long', 90.45, 10.0)], 0.167)
    """
    rule = model or LevelModel()
    interest, highs, lows, closes = map(observed, (open_interest_base, high, low, close))
    if not len(interest) == len(highs) == len(lows) == len(closes):
        raise ContractError(
            f"liquidation_levels {exchange} {symbol}: {len(interest)} readings, {len(highs)} highs, {len(lows)} lows, "
            f"{len(closes)} closes; give one of each per bar"
        )
    if timestamp.tzinfo is None:
        raise ContractError(f"liquidation_levels {exchange} {symbol}: naive timestamp {timestamp}; give UTC")
    interest[~(interest >= 0.0)] = np.nan
    priced = (lows > 0.0) & (highs >= lows) & (closes > 0.0)
    interest, highs, lows, closes = interest[priced], highs[priced], lows[priced], closes[priced]
    readings = interest[~np.isnan(interest)]
    if len(readings) < 2:
        return _nothing("fewer_than_two_readings")
    if readings[-1] == 0.0:
        return _nothing("no_open_interest")
    price = float(closes[-1])
    long_factor, short_factor, share = _price_factors(price, tiers, kind, contract_size, rule)
    if len(share) == 0:
        return _nothing("no_leverage_allowed")
    long_at, short_at = np.outer(closes, long_factor), np.outer(closes, short_factor)
    longs, shorts = _open_positions(interest, highs, lows, long_at, short_at, share)
    found = [
        *_levels(long_at, longs, "long", price, symbol, exchange, timestamp, rule),
        *_levels(short_at, shorts, "short", price, symbol, exchange, timestamp, rule),
    ]
    covered = [min(float(side.sum() / readings[-1]), 1.0) for side in (longs, shorts)]
    return ModelledLevels(
        levels=tuple(sorted(found, key=lambda each: abs(each.distance_from_price_frac))),
        method="modelled",
        confidence="medium" if min(covered) >= rule.medium_cover_frac else "low",
        long_covered_frac=covered[0],
        short_covered_frac=covered[1],
        reason=None,
    )


def _nothing(reason: str) -> ModelledLevels:
    return ModelledLevels((), "modelled", "low", None, None, reason)


def _price_factors(
    price: float, tiers: Sequence[LeverageTier], kind: MarketKind, contract_size: float, rule: LevelModel
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Liquidation price over entry for longs and shorts, and share, of each leverage that the bracket allows."""
    # For a fixed value in quote currency the ratio to the entry does not depend on the entry (inside one bracket of an
    # inverse market too), so one price per leverage serves all bars.
    qty = rule.position_quote / contract_size / (1.0 if kind == "inverse" else price)
    tier = tier_of(tiers, rule.position_quote / price if kind == "inverse" else rule.position_quote)
    rows = []
    for each in rule.mix:
        if tier is None or each.leverage > tier.max_leverage or each.leverage * tier.maintenance_frac >= 1.0:
            continue
        pair = [
            isolated_liquidation(side, qty, price, each.leverage, tiers, kind=kind, contract_size=contract_size).price
            for side in (1, -1)
        ]
        rows.append([math.nan if at is None else at / price for at in pair] + [each.share_frac])
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2] / table[:, 2].sum() if len(table) else table[:, 2]


def _open_positions(
    interest: NDArray[np.float64],
    highs: NDArray[np.float64],
    lows: NDArray[np.float64],
    long_at: NDArray[np.float64],
    short_at: NDArray[np.float64],
    share: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Base units still open of each bar's positions at each leverage, long and short."""
    longs, shorts = np.zeros(long_at.shape), np.zeros(long_at.shape)
    before = math.nan
    for bar in range(len(interest)):
        gone = []
        for held, hit in ((longs, long_at[:bar] >= lows[bar]), (shorts, short_at[:bar] <= highs[bar])):
            gone.append(float(held[:bar][hit].sum()))
            held[:bar][hit] = 0.0
        now = float(interest[bar])
        if math.isnan(now):
            continue
        if now > before:
            longs[bar] = shorts[bar] = (now - before) * share
        elif now < before:
            for held, liquidated in zip((longs, shorts), gone, strict=True):
                left = before - liquidated
                held[:bar] *= min(now / left, 1.0) if left > 0.0 else 0.0
        before = now
    return longs, shorts


def _levels(
    at: NDArray[np.float64],
    held: NDArray[np.float64],
    side: Literal["long", "short"],
    price: float,
    symbol: str,
    exchange: str,
    timestamp: datetime,
    rule: LevelModel,
) -> list[LiquidationLevel]:
    open_now = (held > 0.0) & (np.abs(at / price - 1.0) <= rule.max_distance_frac)
    prices, sizes = at[open_now], held[open_now]
    bucket, place = np.unique(np.floor(prices / (price * rule.bucket_frac)), return_inverse=True)
    quantity = np.bincount(place, weights=sizes, minlength=len(bucket))
    # The level of a bucket is the size-weighted mean, so that a lone position keeps its own price.
    level = np.bincount(place, weights=sizes * prices, minlength=len(bucket)) / quantity
    found = []
    for at_price, size in zip(level.tolist(), quantity.tolist(), strict=True):
        distance = at_price / price - 1.0
        found.append(
            LiquidationLevel(
                symbol=symbol,
                exchange=exchange,
                price_level=at_price,
                side=side,
                quantity=size,
                timestamp=timestamp,
                risk_score=100.0 * (1.0 - min(abs(distance) / rule.max_distance_frac, 1.0)),
                distance_from_price_frac=distance,
            )
        )
    return found
