"""A made-up market that needs no recorded data: lawful books and ids from a seed, without end.

Books never cross, ids chain without a gap (``first_id = previous last_id + 1``), trades take from the best level, and the
same seed gives the same events. The figures mean nothing beyond that; do not calibrate on them.
"""

import heapq
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator.market import DepthEvent, Event, ListedMarket, TradeEvent

__all__ = ["GeneratedMarket", "funding_rate", "open_interest", "start_price"]

_START_PRICES = {"BTC": 60_000, "XBT": 60_000, "ETH": 3_000, "SOL": 150, "BNB": 600, "LTC": 80, "XRP": 1}


def start_price(base: str) -> Decimal:
    """Price of a coin in a dollar-like quote at the start of a generated market."""
    return Decimal(_START_PRICES.get(base.upper(), 10))


def funding_rate(seed: int, symbol: str, at_ms: int) -> str:
    """Made-up funding rate of one period as text, between -0.0002 and 0.0004; fixed by seed, symbol and time."""
    drawn = random.Random(f"funding:{seed}:{symbol}:{at_ms}").uniform(-0.0002, 0.0004)
    return f"{drawn:.8f}"


def open_interest(seed: int, symbol: str, at_ms: int) -> str:
    """Made-up open interest in lots of base coin (or contracts) as text; fixed by seed, symbol and minute."""
    level = random.Random(f"interest:{seed}:{symbol}").uniform(20_000, 80_000)
    drift = random.Random(f"interest:{seed}:{symbol}:{at_ms // 300_000}").uniform(0.97, 1.03)
    return f"{level * drift:.3f}"


@dataclass(frozen=True)
class GeneratedMarket:
    """Recipe of a generated market; the emulator asks it for events.

    Parameters
    ----------
    seed
        Decides everything that happens.
    symbols
        The venue's own symbols, for example ``BTCUSDT`` on Binance, ``BTC`` on Hyperliquid.
    start_ns
        Time of the first event, nanoseconds since 1970 UTC; ``None`` is now.
    step_ms
        Time between two changes of each book; the books of several symbols change evenly spread over it.
    levels
        Levels per side at the start.
    changes
        Largest number of levels changed in a step.
    trade_share
        Share of steps with a trade.
    move_share
        Share of steps in which the price moves by one tick.
    """

    seed: int = 1
    symbols: Sequence[str] = ()
    start_ns: int | None = None
    step_ms: int = 100
    levels: int = 200
    changes: int = 6
    trade_share: float = 0.4
    move_share: float = 0.3

    def __post_init__(self) -> None:
        if self.levels < 20 or self.step_ms < 1 or self.changes < 1:
            raise ConfigError(
                f"a generated market needs at least 20 levels, 1 ms and 1 change a step; found {self.levels} levels, "
                f"{self.step_ms} ms, {self.changes} changes"
            )

    def begin_ns(self) -> int:
        """Time of the first event."""
        return time.time_ns() if self.start_ns is None else self.start_ns

    def books(self, listings: Sequence[ListedMarket], begin_ns: int) -> "tuple[list[DepthEvent], Iterator[Event]]":
        """First books, and the endless events after them."""
        between_ns = self.step_ms * 1_000_000 // max(len(listings), 1)
        makers = [_Maker(self, listing, begin_ns + place * between_ns) for place, listing in enumerate(listings)]
        first = [maker.snapshot() for maker in makers]
        return first, heapq.merge(*(maker.events() for maker in makers), key=lambda event: event.at_ns)


class _Maker:
    """Book and trades of one generated instrument, in ticks and lots."""

    def __init__(self, recipe: GeneratedMarket, listing: ListedMarket, begin_ns: int) -> None:
        self.recipe = recipe
        self.listing = listing
        self.at_ns = begin_ns
        self.draw = random.Random(f"{recipe.seed}:{listing.symbol}")
        self.bid = int(start_price(listing.base) / listing.tick_size)  # best bid; best ask is one tick above
        self.last_id = 1_000_000
        self.trade_id = 5_000_000
        count = recipe.levels
        self.bids = {self.bid - step: self._size() for step in range(count)}
        self.asks = {self.bid + 1 + step: self._size() for step in range(count)}

    def snapshot(self) -> DepthEvent:
        """The whole book as it stands."""
        return DepthEvent(
            self.at_ns,
            self.listing.symbol,
            self.at_ns // 1_000_000,
            [self._level(tick, lots) for tick, lots in sorted(self.bids.items(), reverse=True)],
            [self._level(tick, lots) for tick, lots in sorted(self.asks.items())],
            last_id=self.last_id,
            snapshot=True,
        )

    def events(self) -> Iterator[Event]:
        """Trades and the changes they and others make, step by step."""
        while True:
            self.at_ns += self.recipe.step_ms * 1_000_000
            changed_bids: dict[int, int] = {}
            changed_asks: dict[int, int] = {}
            if self.draw.random() < self.recipe.trade_share:
                yield self._trade(changed_bids, changed_asks)
            if self.draw.random() < self.recipe.move_share:
                self._move(changed_bids, changed_asks)
            for _ in range(self.draw.randint(1, self.recipe.changes)):
                self._change(changed_bids, changed_asks)
            previous = self.last_id
            self.last_id += self.draw.randint(1, 5)
            yield DepthEvent(
                self.at_ns,
                self.listing.symbol,
                self.at_ns // 1_000_000,
                [self._level(tick, lots) for tick, lots in changed_bids.items()],
                [self._level(tick, lots) for tick, lots in changed_asks.items()],
                first_id=previous + 1,
                last_id=self.last_id,
                previous_id=previous,
            )

    def _trade(self, changed_bids: dict[int, int], changed_asks: dict[int, int]) -> TradeEvent:
        sold = self.draw.random() < 0.5
        book, changed, tick = (self.bids, changed_bids, self.bid) if sold else (self.asks, changed_asks, self.bid + 1)
        lots = self.draw.randint(1, max(1, book[tick] // 2))
        self._set(book, changed, tick, max(1, book[tick] - lots))
        self.trade_id += 1
        price, amount = self._level(tick, lots)
        at_ms = self.at_ns // 1_000_000
        return TradeEvent(self.at_ns, self.listing.symbol, at_ms, self.trade_id, price, amount, sold)

    def _move(self, changed_bids: dict[int, int], changed_asks: dict[int, int]) -> None:
        """One tick up or down; the book keeps its width at both far ends."""
        span = self.recipe.levels
        if self.draw.random() < 0.5 or self.bid <= 2 * span:
            self.bid += 1
            self._set(self.asks, changed_asks, self.bid, 0)
            far_bid, far_ask = (self.bid - span, 0), (self.bid + span, self._size())
        else:
            self._set(self.bids, changed_bids, self.bid, 0)
            self.bid -= 1
            far_bid, far_ask = (self.bid - span + 1, self._size()), (self.bid + span + 1, 0)
        self._set(self.bids, changed_bids, *far_bid)
        self._set(self.asks, changed_asks, *far_ask)
        for book, changed, tick in ((self.bids, changed_bids, self.bid), (self.asks, changed_asks, self.bid + 1)):
            if tick not in book:
                self._set(book, changed, tick, self._size())

    def _change(self, changed_bids: dict[int, int], changed_asks: dict[int, int]) -> None:
        away = min(int(self.draw.expovariate(0.1)), self.recipe.levels - 1)
        lots = 0 if away > 1 and self.draw.random() < 0.25 else self._size()
        if self.draw.random() < 0.5:
            self._set(self.bids, changed_bids, self.bid - away, lots)
        else:
            self._set(self.asks, changed_asks, self.bid + 1 + away, lots)

    @staticmethod
    def _set(book: dict[int, int], changed: dict[int, int], tick: int, lots: int) -> None:
        if lots:
            book[tick] = lots
        else:
            book.pop(tick, None)
        changed[tick] = lots

    def _size(self) -> int:
        return 1 + int(self.draw.lognormvariate(6, 1))

    def _level(self, tick: int, lots: int) -> list[str]:
        return [str(tick * self.listing.tick_size), str(lots * self.listing.lot_size)]
