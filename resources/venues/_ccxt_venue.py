"""Market data of one venue through ccxt's unmodified REST class: the only reader of its dictionaries.

Numbers are brought to this platform's units by the venue's profile; what cannot be told is refused or ``None``, never 0.
Read next: ``_ccxt_parse.py`` and ``_ccxt_derivatives.py`` (dictionaries to records), ``profile.py``, ``streaming.py``.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from liquidity.domain.book_message import BookMessage
from liquidity.domain.errors import (
    IdentifierError,
    LiquidityError,
    UnsupportedError,
    VenueAuthError,
    VenueClockError,
    VenueUnavailableError,
)
from liquidity.domain.market_data import (
    Candle,
    FundingRate,
    LeverageTier,
    LiquidationEvent,
    Market,
    OpenInterest,
    PublicTrade,
)
from liquidity.ports.exchange import Capabilities, ClockReading, MarkPrice
from resources.venues import _ccxt_derivatives as derivatives
from resources.venues import _ccxt_parse as parse
from resources.venues._ccxt_client import VenueKeys, build_client, clock_offset
from resources.venues._ccxt_errors import RETRY_AFTER_S, translated
from resources.venues.profile import Call, VenueProfile
from resources.venues.retry import RetryPolicy, read_with_retries

__all__ = ["CcxtVenue"]

_T = TypeVar("_T")
_CLOCK_REFRESH_S: Final = 3600.0


class CcxtVenue:
    """:class:`~liquidity.ports.exchange.ExchangeInterface` of one venue and at most one account.

    One instance has one rate limiter, so share it: two would ask at twice the venue's pace. It belongs to the event loop
    that first uses it and must be closed there (``async with``).

    Parameters
    ----------
    profile
        What is known of the venue.
    base_url
        Address of a loopback emulator; ``None`` for the venue itself.
    keys
        Keys of the account; market data needs none, except the calls in ``profile.requests_need_keys``.
    session
        An aiohttp session of the caller, who closes it.
    retries
        Repeats of reads.
    """

    def __init__(
        self,
        profile: VenueProfile,
        *,
        base_url: str | None = None,
        keys: VenueKeys | None = None,
        session: Any = None,
        retries: RetryPolicy | None = None,
    ) -> None:
        self.profile = profile
        self._keys = keys
        self._retries = retries or RetryPolicy()
        self._client = build_client(profile, base_url=base_url, keys=keys, session=session)
        self._listed: parse.Listing | None = None
        self._intervals: dict[str, float] | None = None
        self._clock_set_s: float | None = None
        self._closed = False

    @property
    def venue(self) -> str:
        """Venue id."""
        return self.profile.venue

    @property
    def capabilities(self) -> Capabilities:
        """Calls by name, channels as ``stream.<channel>``."""
        calls, channels = self.profile.calls, self.profile.channels
        return Capabilities(
            proven=frozenset([*calls.proven, *(f"stream.{name}" for name in channels.proven)]),
            claimed=frozenset([*calls.claimed, *(f"stream.{name}" for name in channels.claimed)]),
            unsupported={**calls.unsupported, **{f"stream.{name}": why for name, why in channels.unsupported.items()}},
        )

    @property
    def refused_markets(self) -> dict[str, int]:
        """Listed markets that were left out, counted by reason; empty before :meth:`markets`."""
        return dict(self._listed.refused) if self._listed is not None else {}

    async def markets(self, *, reload: bool = False) -> dict[str, Market]:
        """Every usable market by venue symbol; see :attr:`refused_markets` for those left out."""
        return dict((await self._listing("markets", reload=reload)).markets)

    async def candles(
        self, venue_symbol: str, timeframe: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[Candle]:
        """Bars in ascending time, at most ``profile.candle_limit``."""
        market, symbol = await self._market(venue_symbol, "candles")
        count = _page(limit, self.profile.candle_limit)
        rows = await self._ask("candles", lambda ccxt: ccxt.fetch_ohlcv(symbol, timeframe, parse.ms(since), count))
        return parse.candles(rows, market, self.profile.units.candle_volume)

    async def order_book(self, venue_symbol: str, *, limit: int | None = None) -> BookMessage:
        """Full book; without ``limit`` as deep as one request goes."""
        market, symbol = await self._market(venue_symbol, "order_book")
        depth = _page(limit, self.profile.book_limit) if self.profile.book_limit is not None else limit
        book = await self._ask("order_book", lambda ccxt: ccxt.fetch_order_book(symbol, depth))
        return parse.book(book, market, time.time_ns(), numbered=self.profile.stream.book_snapshot == "rest")

    async def trades(
        self, venue_symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[PublicTrade]:
        """Trades of the market in ascending time, at most ``profile.trade_limit``."""
        market, symbol = await self._market(venue_symbol, "trades")
        count = _page(limit, self.profile.trade_limit)
        rows = await self._ask("trades", lambda ccxt: ccxt.fetch_trades(symbol, parse.ms(since), count))
        return parse.trades(rows, market)

    async def funding(self, venue_symbol: str) -> FundingRate:
        """Current rate; the interval is found as the profile's ``funding`` says."""
        market, symbol = await self._market(venue_symbol, "funding")
        row = await self._ask("funding", lambda ccxt: ccxt.fetch_funding_rate(symbol))
        return derivatives.funding(
            row,
            market,
            _now(),
            known_hours=await self._interval_hours(symbol),
            estimate_of_next=self.profile.funding.estimate_of_next,
        )

    async def funding_history(
        self, venue_symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[FundingRate]:
        """Paid rates; intervals are the spacing of the payments, or the profile's where rates are quoted for a fixed one."""
        market, symbol = await self._market(venue_symbol, "funding_history")
        rows = await self._ask(
            "funding_history", lambda ccxt: ccxt.fetch_funding_rate_history(symbol, parse.ms(since), limit)
        )
        fixed = self.profile.funding.fixed_hours if self.profile.funding.interval == "fixed" else None
        if fixed is None and len(rows) == 1:
            fixed = (await self.funding(venue_symbol)).interval_hours
        return derivatives.funding_history(rows, market, fixed_hours=fixed)

    async def open_interest(self, venue_symbol: str) -> OpenInterest:
        """Open interest now, valued at the mark price asked for beside it."""
        market, symbol = await self._market(venue_symbol, "open_interest")
        row = await self._ask("open_interest", lambda ccxt: ccxt.fetch_open_interest(symbol))
        price = await self._price(symbol)
        return derivatives.open_interest(row, market, self.profile.units, price, _now())

    async def open_interest_history(
        self, venue_symbol: str, timeframe: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[OpenInterest]:
        """Past readings with their changes over 1 h and 24 h where the earlier reading came too."""
        market, symbol = await self._market(venue_symbol, "open_interest_history")
        rows = await self._ask(
            "open_interest_history",
            lambda ccxt: ccxt.fetch_open_interest_history(symbol, timeframe, parse.ms(since), limit),
        )
        return derivatives.open_interest_history(rows, market)

    async def mark_price(self, venue_symbol: str) -> MarkPrice:
        """Mark price from its own endpoint, or from the funding answer where the venue puts it there."""
        market, symbol = await self._market(venue_symbol, "mark_price")
        return derivatives.mark_price(await self._mark_row(symbol), market)

    async def liquidations(
        self, venue_symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[LiquidationEvent]:
        """No venue of ``profiles/`` reports price, side and amount of forced orders over REST: always unsupported."""
        self._require("liquidations")
        raise UnsupportedError(f"{self.venue} liquidations: no adapter reads them over REST; use the stream")

    async def leverage_tiers(self, venue_symbol: str) -> Sequence[LeverageTier]:
        """Brackets in quote currency, smallest first."""
        market, symbol = await self._market(venue_symbol, "leverage_tiers")
        if market.kind == "inverse":
            raise UnsupportedError(
                f"{market.instrument_id} leverage_tiers: brackets of inverse markets are in base units"
            )
        return derivatives.tiers(
            await self._ask("leverage_tiers", lambda ccxt: ccxt.fetch_market_leverage_tiers(symbol)), market
        )

    async def clock(self) -> ClockReading:
        """One reading; the offset is against the middle of the round trip."""
        self._require("server_time")
        theirs_ms = await self._ask("server_time", lambda ccxt: ccxt.fetch_time())
        offset_ms, round_trip_ms = clock_offset(theirs_ms, self.venue)
        return ClockReading(_now(), offset_ms, round_trip_ms)

    async def close(self) -> None:
        """Close the session; safe to call twice."""
        if not self._closed:
            self._closed = True
            await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _require(self, call: Call) -> None:
        reason = self.profile.calls.lacks(call)
        if reason is not None:
            raise UnsupportedError(f"{self.venue} {call}: {reason}")
        if call in self.profile.requests_need_keys and self._keys is None:
            raise VenueAuthError(
                f"{self.venue} {call}: the venue answers signed requests only; open it with a read key"
            )

    async def _listing(self, call: Call, *, reload: bool = False) -> parse.Listing:
        self._require(call)
        if self._listed is None or reload:
            rows = await self._ask("markets", lambda ccxt: ccxt.load_markets(reload))
            self._listed = parse.listing(rows, self.profile)
        return self._listed

    async def _market(self, venue_symbol: str, call: Call) -> tuple[Market, str]:
        listing = await self._listing(call)
        market = listing.markets.get(venue_symbol)
        if market is None:
            raise IdentifierError(
                f"{self.venue} {call}: symbol {venue_symbol[:40]!r} is not among its {len(listing.markets)} markets; "
                "write the venue's own symbol, as in Market.venue_symbol"
            )
        return market, market.symbol

    async def _interval_hours(self, symbol: str) -> float | None:
        """Hours between payments where the rate's own answer does not tell them; ``None`` where it does."""
        rule = self.profile.funding
        if rule.interval == "reported":
            return None
        if rule.interval == "listed":
            if self._intervals is None:
                rows = await self._ask("funding", lambda ccxt: ccxt.fetch_funding_intervals())
                self._intervals = {name: derivatives.interval_hours(row) for name, row in rows.items()}
            if symbol in self._intervals:
                return self._intervals[symbol]
        return rule.fixed_hours

    async def _mark_row(self, symbol: str) -> Any:
        if self._client.has.get("fetchMarkPrice"):
            return await self._ask("mark_price", lambda ccxt: ccxt.fetch_mark_price(symbol))
        return await self._ask("mark_price", lambda ccxt: ccxt.fetch_funding_rate(symbol))

    async def _price(self, symbol: str) -> float:
        """Price that values open interest: the mark, or the last trade where the venue marks nothing."""
        if self.profile.calls.lacks("mark_price") is None:
            return derivatives.mark(await self._mark_row(symbol), f"{self.venue} {symbol}")
        ticker = await self._ask("open_interest", lambda ccxt: ccxt.fetch_ticker(symbol))
        return parse.positive(ticker.get("last"), f"{self.venue} {symbol}: last price")

    async def _ask(self, call: str, request: Callable[[Any], Awaitable[_T]]) -> _T:
        """Send one read through ccxt and repeat it by the policy; a refused clock is set and the read asked once more."""
        if self._closed:
            raise VenueUnavailableError(f"{self.venue} {call}: this connection is closed; open a new one")
        await self._keep_clock(call)
        try:
            return await read_with_retries(lambda: self._once(call, request), self._retries)
        except VenueClockError:
            if self._keys is None:
                raise
        self._clock_set_s = None
        await self._keep_clock(call)
        return await read_with_retries(lambda: self._once(call, request), self._retries)

    async def _once(self, call: str, request: Callable[[Any], Awaitable[_T]]) -> _T:
        RETRY_AFTER_S.set(None)
        failure: LiquidityError
        try:
            return await request(self._client)
        except Exception as error:  # noqa: BLE001 - ccxt's parsers raise anything on a strange answer
            failure = translated(error, call, self.profile, self._keys.secrets if self._keys is not None else ())
        # Outside of the block: the original, whose text may hold a signature, must not hang on it as context.
        raise failure

    async def _keep_clock(self, call: str) -> None:
        """Measure the venue's clock at first use of keys, hourly, and after a refusal; ccxt itself measures it once."""
        if self._keys is None:
            return
        now_s = time.monotonic()
        if self._clock_set_s is None or now_s - self._clock_set_s > _CLOCK_REFRESH_S:
            await read_with_retries(lambda: self._once(call, lambda ccxt: ccxt.load_time_difference()), self._retries)
            self._clock_set_s = now_s


def _page(limit: int | None, most: int) -> int:
    return most if limit is None else min(limit, most)


def _now() -> datetime:
    return datetime.now(UTC)
