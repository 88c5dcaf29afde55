"""What venues report, in one vocabulary: markets, trades, order-book levels, funding, open interest, liquidations.

Prices and amounts are floats in the market's own units; ``contract_size`` turns contracts into base units (linear) or
quote units (inverse). Times are aware and UTC. Missing is ``None``, never 0.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from liquidity.domain.errors import ContractError

__all__ = [
    "BookLevel",
    "Candle",
    "FundingRate",
    "LeverageTier",
    "LiquidationEvent",
    "LiquidationLevel",
    "Market",
    "MarketKind",
    "OpenInterest",
    "OrderBookDelta",
    "OrderBookSnapshot",
    "PublicTrade",
]

MarketKind = Literal["spot", "linear", "inverse"]
BookLevel = tuple[float, float]
"""Price in quote currency, size in the market's amount unit (contracts where the market trades contracts)."""


@dataclass(frozen=True, slots=True)
class Market:
    """One tradable symbol of one venue, with the steps its orders must keep.

    Attributes
    ----------
    symbol, venue_symbol
        Unified symbol (``BTC/USDT:USDT``) and the venue's own (``BTCUSDT``).
    tick_size, lot_size
        Price and amount steps, exact.
    contract_size
        Base units in one contract (spot and linear; 1 where amounts are base units), or quote units (inverse: 100
        for a contract of 100 USD).
    min_amount, min_notional
        Smallest order in amount units and in quote currency; ``None`` where the venue sets none.
    """

    venue: str
    symbol: str
    venue_symbol: str
    kind: MarketKind
    base: str
    quote: str
    settle: str | None
    tick_size: Decimal
    lot_size: Decimal
    contract_size: float
    min_amount: float | None
    min_notional: float | None
    max_leverage: float | None
    maker_fee_frac: float | None
    taker_fee_frac: float | None
    active: bool

    @property
    def instrument_id(self) -> str:
        """``VENUE:LOCAL`` name of this platform, for example ``binanceusdm:BTCUSDT``."""
        return f"{self.venue}:{self.venue_symbol}"

    def notional_quote(self, amount: float, price: float) -> float:
        """Value in quote currency of ``amount`` at ``price``: an inverse contract is worth a fixed amount of quote.

        Examples
        --------
        >>> usd = Market("binancecoinm", "BTC/USD:BTC", "BTCUSD_PERP", "inverse", "BTC", "USD", "BTC", Decimal("0.1"),
        ...              Decimal("1"), 100.0, 1.0, None, 125.0, None, None, True)
        >>> usd.notional_quote(3.0, 60_000.0)
        300.0
        """
        if self.kind == "inverse":
            return amount * self.contract_size
        return amount * self.contract_size * price


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar of trades that began at ``at``; ``volume`` in amount units."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """One trade of the tape. ``taker_sign`` is +1 when the buyer took liquidity, -1 when the seller did."""

    venue: str
    venue_symbol: str
    trade_id: str
    at: datetime
    price: float
    amount: float
    taker_sign: Literal[1, -1] | None


@dataclass(frozen=True, slots=True)
class OrderBookSnapshot:
    """An analysed order book at one moment: the thirteen fields of the source system's record, on this platform's scales.

    The constructor refuses levels that are unsorted, repeated, not positive or not finite. ``spread`` is in quote
    currency. ``liquidity_score`` is 0-100 (the source's 0-1 is read by the legacy loader only); imbalance, toxicity and
    pressure are -1..+1; a figure that cannot be told is ``None``.
    """

    symbol: str
    timestamp: datetime
    exchange: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    spread: float | None
    total_bid_volume: float
    total_ask_volume: float
    depth_levels: int
    bid_ask_imbalance: float | None
    liquidity_score: float | None
    order_flow_toxicity: float | None
    depth_pressure: float | None

    def __post_init__(self) -> None:
        """Refuse a book that is no book."""
        _require_side(self.bids, "bids", self.exchange, self.symbol, descending=True)
        _require_side(self.asks, "asks", self.exchange, self.symbol, descending=False)


@dataclass(frozen=True, slots=True)
class OrderBookDelta:
    """New sizes of some levels; size 0 removes the level. ``first_id`` to ``last_id`` are the venue's update ids."""

    symbol: str
    exchange: str
    timestamp: datetime
    first_id: int
    last_id: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


@dataclass(frozen=True, slots=True)
class FundingRate:
    """What holders of a perpetual pay each other.

    Attributes
    ----------
    rate_frac
        Share of notional paid by longs to shorts for one ``interval_hours`` (negative: shorts pay).
    next_rate_frac, next_at
        The venue's estimate for the coming payment and its time.
    """

    venue: str
    venue_symbol: str
    at: datetime
    rate_frac: float
    interval_hours: float
    mark_price: float | None
    index_price: float | None
    next_rate_frac: float | None
    next_at: datetime | None

    @property
    def annualised_frac(self) -> float:
        """Simple yearly rate: payments of this interval over 365 days."""
        return self.rate_frac * 365 * 24 / self.interval_hours


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """Contracts outstanding: the seven fields of the source system's record.

    ``open_interest`` is in base units (``None`` where the source tells the value alone), ``open_interest_value`` in quote
    currency; changes are fractions of the value 1 h and 24 h before, ``None`` without a reading then.
    """

    symbol: str
    exchange: str
    open_interest: float | None
    open_interest_value: float
    timestamp: datetime
    change_24h_frac: float | None
    change_1h_frac: float | None


@dataclass(frozen=True, slots=True)
class LiquidationEvent:
    """A forced order that the venue reported. ``side`` is the side of the position that was closed."""

    venue: str
    venue_symbol: str
    event_id: str
    at: datetime
    side: Literal["long", "short"]
    price: float
    amount: float
    notional_quote: float


@dataclass(frozen=True, slots=True)
class LiquidationLevel:
    """A price at which positions are modelled to be liquidated: the eight fields of the source system's record.

    ``distance_from_price_frac`` is (level - price) / price: negative for longs below the market, positive for shorts.
    ``risk_score`` is 0-100, 100 = at the market.
    """

    symbol: str
    exchange: str
    price_level: float
    side: Literal["long", "short"]
    quantity: float
    timestamp: datetime
    risk_score: float
    distance_from_price_frac: float


@dataclass(frozen=True, slots=True)
class LeverageTier:
    """One maintenance-margin bracket: notionals in (floor, cap] in quote currency; ``cap`` may be infinite."""

    floor_quote: float
    cap_quote: float
    maintenance_frac: float
    max_leverage: float
    maintenance_amount_quote: float | None = None


def _require_side(levels: tuple[BookLevel, ...], name: str, exchange: str, symbol: str, *, descending: bool) -> None:
    previous: float | None = None
    for place, (price, size) in enumerate(levels):
        where = f"{exchange} {symbol} {name}[{place}]"
        if not (math.isfinite(price) and math.isfinite(size) and price > 0.0 and size > 0.0):
            raise ContractError(f"{where}: price {price}, size {size}; both must be finite and above 0")
        if previous is not None and (price >= previous if descending else price <= previous):
            order = "fall" if descending else "rise"
            raise ContractError(f"{where}: price {price} after {previous}; prices must strictly {order}, best first")
        previous = price
