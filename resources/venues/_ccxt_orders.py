"""Orders and account of one venue through ccxt: sent once, judged by the venue's own words, read back.

What makes an outcome certain is the parsed answer, not the exception: an id, or a refusal whose code the profile lists as
final. Everything else is :class:`~liquidity.domain.order.Unknown`. Rounding is done here, before the library is called.
Read next: ``_order_dialect.py``, ``positions.py``, ``docs/methodology/venues.md``.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from liquidity.domain.errors import (
    ConfigError,
    LiquidityError,
    UnsupportedError,
    VenueAuthError,
    VenueRejectedError,
    VenueUnavailableError,
)
from liquidity.domain.market_data import Market
from liquidity.domain.order import (
    AccountTerms,
    Ack,
    Balance,
    Fill,
    OrderIntent,
    OrderOutcome,
    OrderState,
    Reject,
    Unknown,
    VenuePosition,
    unique_fills,
)
from liquidity.ports.exchange import ClockReading
from liquidity.ports.order_entry import OrderFacts
from resources.venues import _ccxt_parse as parse
from resources.venues._binance_orders import BinanceDialect
from resources.venues._ccxt_client import ANSWER, ROUND_TRIP, VenueKeys
from resources.venues._ccxt_errors import redacted
from resources.venues._ccxt_venue import CcxtVenue
from resources.venues._hyperliquid_orders import HyperliquidDialect
from resources.venues._order_dialect import OrderDialect
from resources.venues._order_outcome import created_outcome, failed_outcome
from resources.venues._order_pricing import contract_base, priced_order
from resources.venues.profile import Orders, VenueProfile
from resources.venues.retry import RetryPolicy

__all__ = ["CcxtOrderEntry"]

_DIALECTS: Final[dict[str, Callable[[VenueProfile], OrderDialect]]] = {
    "binance": BinanceDialect,
    "hyperliquid": HyperliquidDialect,
}
_NO_ANSWER: Final = (0, 0)


class CcxtOrderEntry(CcxtVenue):
    """:class:`~liquidity.ports.order_entry.OrderEntry` of one account, and the market data of its venue.

    They are one instance because the venue counts one rate: share it within the process. It belongs to the event loop
    that first uses it and must be closed there (``async with``).

    Parameters
    ----------
    profile
        What is known of the venue; it must have ``[orders]`` and ``[client_id]``.
    base_url
        Address of a loopback emulator.
    keys
        Keys of the account, from the environment or a secret store.
    retries
        Repeats of reads; what changes the account is never repeated.

    Raises
    ------
    UnsupportedError
        Nothing here speaks this venue's orders.
    VenueAuthError
        A key that the venue needs is missing.
    """

    def __init__(
        self, profile: VenueProfile, *, base_url: str, keys: VenueKeys, retries: RetryPolicy | None = None
    ) -> None:
        made = _DIALECTS.get(profile.quirks or "")
        if made is None or profile.orders is None or profile.client_id is None or "linear" not in profile.kinds:
            raise UnsupportedError(f"{profile.venue}: orders are not offered; its profile has no [orders]")
        super().__init__(profile, base_url=base_url, keys=keys, retries=retries)
        self._orders: Orders = profile.orders
        self._dialect: OrderDialect = made(profile)
        self._sent: set[str] = set()
        self._one_way = False
        self._secrets = keys.secrets
        missing = [
            name
            for name, needed in self._client.requiredCredentials.items()
            if needed and not getattr(self._client, name)
        ]
        if missing:
            raise VenueAuthError(f"{profile.venue}: orders need {', '.join(sorted(missing))} in VenueKeys")
        # Its own rounding is not ours (half up here, to the nearest there), and figures arrive rounded.
        self._client.amount_to_precision = self._client.price_to_precision = _as_given

    @property
    def facts(self) -> OrderFacts:
        """Expiry, terms and the bound of market orders, from the profile."""
        rules = self._orders
        return OrderFacts(
            self.profile.request_expiry_ms, rules.terms, rules.conditional_terms, rules.market_slippage_frac
        )

    async def submit(self, intent: OrderIntent) -> OrderOutcome:
        """Check, round, send once, judge the answer, read the order back."""
        market, symbol = await self._market(intent.venue_symbol, "markets")
        self._require_form(intent.client_id, market)
        order = priced_order(intent, market, self._orders)
        await self._require_one_way()
        await self._keep_clock("submit")
        if self._closed:
            raise VenueUnavailableError(f"{self.venue} submit: this connection is closed; open a new one")
        if intent.client_id in self._sent:
            raise ConfigError(
                f"{market.instrument_id}: order id {intent.client_id} was sent already; look it up, never send it again"
            )
        # From here on the order may exist, whatever happens, a cancelled task included.
        self._sent.add(intent.client_id)
        kind, price, params = self._dialect.request(order)
        side = "buy" if intent.side_sign > 0 else "sell"
        ANSWER.set(None)
        ROUND_TRIP.set(_NO_ANSWER)
        created, cause = None, "the library returned nothing"
        try:
            created = await self._client.create_order(symbol, kind, side, order.amount, price, params)
        except Exception as error:  # noqa: BLE001 - no class of exception tells whether the order exists
            cause = f"{type(error).__name__}: {redacted(str(error), self._secrets)}"
        answer = ANSWER.get()
        # Without a sending time the request may have waited for the rate limiter until this moment.
        expires_at = self._expiry(ROUND_TRIP.get()[0] or time.time_ns())
        if created is not None:
            outcome = created_outcome(created, intent.client_id, self._dialect, expires_at)
        else:
            outcome = failed_outcome(answer, cause, self._dialect, self.profile.errors, expires_at)
        if isinstance(outcome, Reject):
            return Reject(outcome.code, redacted(outcome.reason, self._secrets))
        if isinstance(outcome, Unknown):
            refused = None if answer is None else self._dialect.refused(answer.body)
            if refused is not None and refused.code in self.profile.errors.clock:
                self._clock_set_s = None
            return outcome
        try:
            return Ack(outcome.venue_order_id, await self.lookup(intent.client_id, intent.venue_symbol))
        except LiquidityError:
            return outcome

    async def lookup(self, client_id: str, venue_symbol: str) -> OrderState | None:
        """Ask every route that may know the id; a conditional order that has fired is followed to the order it became."""
        market, symbol = await self._market(venue_symbol, "markets")
        self._require_form(client_id, market)
        for params in self._dialect.lookups(client_id):
            row = await self._found(None, symbol, params)
            if row is None:
                continue
            fired = self._dialect.fired_as(row)
            if fired is None:
                return self._state(row, market)
            became = await self._found(fired.venue_order_id, symbol, {})
            if became is None:
                raise VenueUnavailableError(
                    f"{market.instrument_id}: order {client_id} fired as {fired.venue_order_id}, which the venue does not "
                    "know yet; ask again"
                )
            return replace(self._state(became, market), client_id=client_id, trigger_price=fired.trigger_price)
        return None

    async def cancel(self, client_id: str, venue_symbol: str) -> OrderState | None:
        """Read, cancel what is live, read again."""
        _, symbol = await self._market(venue_symbol, "markets")
        before = await self.lookup(client_id, venue_symbol)
        if before is None or not before.live:
            return before
        apart = self._orders.conditional_apart and before.status in ("untriggered", "triggered")
        params = {"trigger": True} if apart else {}
        failure = await self._write("cancel", lambda ccxt: ccxt.cancel_order(before.venue_order_id, symbol, params))
        after = await self.lookup(client_id, venue_symbol)
        if failure is not None and after is not None and after.live:
            raise failure
        return after

    async def cancel_all(self, venue_symbol: str) -> tuple[OrderState, ...]:
        """Cancel a symbol's orders in as few requests as the venue takes, then read what is left."""
        _, symbol = await self._market(venue_symbol, "markets")
        failures: list[LiquidityError | None]
        if self._orders.cancel_all == "venue":
            failures = [await self._write("cancel_all", lambda ccxt: ccxt.cancel_all_orders(symbol))]
            if self._orders.conditional_apart:
                failures.append(
                    await self._write("cancel_all", lambda ccxt: ccxt.cancel_all_orders(symbol, {"trigger": True}))
                )
        else:
            numbers = [order.venue_order_id for order in await self.open_orders(venue_symbol)]
            if not numbers:
                return ()
            failures = [await self._write("cancel_all", lambda ccxt: ccxt.cancel_orders(numbers, symbol))]
        left = await self.open_orders(venue_symbol)
        failure = next((one for one in failures if one is not None), None)
        if left and failure is not None:
            raise failure
        return left

    async def open_orders(self, venue_symbol: str | None = None) -> tuple[OrderState, ...]:
        """Plain and conditional orders that may still be filled, oldest first."""
        await self._listing("markets")
        symbol = None if venue_symbol is None else (await self._market(venue_symbol, "markets"))[1]
        kinds: list[dict[str, Any]] = [{}, {"trigger": True}] if self._orders.conditional_apart else [{}]

        async def read(params: dict[str, Any]) -> list[Any]:
            return list(await self._ask("open_orders", lambda ccxt: ccxt.fetch_open_orders(symbol, params=params)))

        rows = [row["info"] for params in kinds for row in await read(params)]
        states = [self._state(row, await self._market_of(row)) for row in rows]
        return tuple(sorted(states, key=lambda state: (state.updated_at, state.venue_order_id)))

    async def fills(self, since: datetime, venue_symbol: str) -> tuple[Fill, ...]:
        """Read page by page from ``since`` to now; a repeated trade id is taken once."""
        market, symbol = await self._market(venue_symbol, "markets")
        rules, start_ms = self._orders, parse.ms(since)
        assert start_ms is not None
        # A venue that answers for all symbols at once must be asked so, or a full page cannot be told from a last one.
        asked = None if rules.fill_window_days is None else symbol
        window_ms = None if rules.fill_window_days is None else rules.fill_window_days * 86_400_000
        rows: list[Any] = []

        async def read(first_ms: int) -> list[Any]:
            page = await self._ask("fills", lambda ccxt: ccxt.fetch_my_trades(asked, first_ms, rules.fill_page))
            return [row["info"] for row in page]

        while True:
            first_ms, end_ms = start_ms, int(time.time() * 1000)
            page = await read(first_ms)
            rows += page
            if len(page) >= rules.fill_page:
                start_ms = max(self._dialect.fill_ms(row) for row in page)
                if start_ms <= first_ms:
                    raise VenueUnavailableError(
                        f"{market.instrument_id} fills: more than {rules.fill_page} at {first_ms} ms; the venue pages by "
                        "time and cannot tell the rest"
                    )
            elif window_ms is None or first_ms + window_ms >= end_ms:
                break
            else:
                start_ms = first_ms + window_ms
        found = [self._dialect.fill(row, market) for row in rows if self._dialect.symbol_of(row) == venue_symbol]
        return unique_fills([replace(fill, amount=fill.amount * contract_base(market)) for fill in found])

    async def positions(self) -> tuple[VenuePosition, ...]:
        """Open positions, by symbol."""
        await self._listing("markets")
        rows = await self._ask("positions", lambda ccxt: ccxt.fetch_positions())
        held: list[VenuePosition] = []
        for row in rows:
            market = await self._market_of(row["info"])
            position = self._dialect.position(row["info"], market)
            if position is not None:
                held.append(replace(position, amount=position.amount * contract_base(market)))
        return tuple(sorted(held, key=lambda position: position.venue_symbol))

    async def balances(self) -> tuple[Balance, ...]:
        """Money of the derivatives account, by currency."""
        body = await self._ask("balances", lambda ccxt: ccxt.fetch_balance({"type": "swap"}))
        return self._dialect.balances(body["info"])

    async def account_terms(self, venue_symbol: str) -> AccountTerms:
        """Leverage and modes of a symbol now."""
        market, symbol = await self._market(venue_symbol, "markets")
        return await self._ask("account_terms", lambda ccxt: self._dialect.account_terms(ccxt, symbol, market))

    async def set_leverage(self, venue_symbol: str, leverage: int) -> AccountTerms:
        """Read the terms, ask once for the leverage, read them again; a difference is an error."""
        market, symbol = await self._market(venue_symbol, "markets")
        if leverage < 1 or (market.max_leverage is not None and leverage > market.max_leverage):
            raise ConfigError(
                f"{market.instrument_id}: leverage {leverage}, allowed 1 to {market.max_leverage or 'the venue limit'}"
            )
        before = await self.account_terms(venue_symbol)
        failure = await self._write(
            "set_leverage", lambda ccxt: self._dialect.set_leverage(ccxt, symbol, leverage, before)
        )
        if failure is not None:
            raise failure
        after = await self.account_terms(venue_symbol)
        if after.leverage != leverage or after.margin_mode != before.margin_mode:
            raise VenueRejectedError(
                f"{market.instrument_id}: asked for leverage {leverage} and margin mode {before.margin_mode}, the venue "
                f"keeps {after.leverage} and {after.margin_mode}"
            )
        return after

    async def clock_offset(self) -> ClockReading:
        """The venue's clock beside ours."""
        return await self.clock()

    def _expiry(self, sent_ns: int) -> datetime | None:
        """When the request just sent can no longer be accepted, by the venue's clock."""
        if self.profile.request_expiry_ms is None:
            return None
        ahead_ms = float(self._client.options.get("timeDifference") or 0)
        moment_ms = sent_ns / 1e6 - ahead_ms + self.profile.request_expiry_ms
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)

    async def _found(self, number: str | None, symbol: str, params: dict[str, Any]) -> Any | None:
        """The venue's row of an order; ``None`` when it says that there is none."""
        ANSWER.set(None)
        try:
            return (await self._ask("lookup", lambda ccxt: ccxt.fetch_order(number, symbol, dict(params))))["info"]
        except VenueRejectedError:
            answer = ANSWER.get()
            if answer is None or not self._dialect.missing(answer.body):
                raise
        return None

    async def _write(self, call: str, request: Callable[[Any], Awaitable[Any]]) -> LiquidityError | None:
        """Send what changes the account, once; the failure is returned, because only a read tells what it did."""
        await self._keep_clock(call)
        try:
            await self._once(call, request)
        except LiquidityError as failure:
            return failure
        return None

    async def _require_one_way(self) -> None:
        if not self._one_way:
            if await self._ask("position_mode", self._dialect.hedged):
                raise ConfigError(
                    f"{self.venue}: the account is in hedge mode, orders here are for one-way mode; change the account's "
                    "position mode while it is flat"
                )
            self._one_way = True

    def _require_form(self, client_id: str, market: Market) -> None:
        form = self.profile.client_id
        assert form is not None  # __init__
        if not form.accepts(client_id):
            raise ConfigError(
                f"{market.instrument_id}: order id {client_id!r} is none of the venue's form {form.pattern!r} with at most "
                f"{form.max_length} characters; make ids with client_ids.client_id"
            )

    def _state(self, row: Any, market: Market) -> OrderState:
        """Read an order, in base units."""
        state, size = self._dialect.order_state(row, market), contract_base(market)
        return replace(state, amount=state.amount * size, filled_amount=state.filled_amount * size)

    async def _market_of(self, row: Any) -> Market:
        return (await self._market(self._dialect.symbol_of(row), "markets"))[0]


def _as_given(symbol: str, figure: Any) -> str:
    """Stand for the library's rounding: every figure it gets from here is the text to send."""
    if not isinstance(figure, str):
        raise TypeError(f"{symbol}: {figure!r} is no text; orders are rounded before the library is called")
    return figure
