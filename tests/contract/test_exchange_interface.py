"""One suite for every venue: what the exchange port promises, through ccxt's unmodified classes against loopback."""

import asyncio
import itertools
import math
import runpy
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from liquidity.domain.errors import IdentifierError, UnsupportedError, VenueAuthError
from liquidity.ports.exchange import ExchangeInterface
from resources.venues import RetryPolicy, VenueKeys, open_venue, venue_ids, venue_profile
from resources.venues.profile import CALLS

DOUBLE = runpy.run_path(str(Path(__file__).with_name("venue_double.py")))
CASES: dict[str, Any] = DOUBLE["CASES"]
NOW = datetime.fromtimestamp(DOUBLE["NOW_MS"] / 1000, UTC)
KEYS = VenueKeys(api_key="key-of-tests", secret="secret-of-tests")
ONCE = RetryPolicy(attempts=1)

Act = Callable[[ExchangeInterface, str], Awaitable[Any]]
ASK: dict[str, Act] = {
    "markets": lambda venue, symbol: venue.markets(),
    "candles": lambda venue, symbol: venue.candles(symbol, "1m"),
    "order_book": lambda venue, symbol: venue.order_book(symbol),
    "trades": lambda venue, symbol: venue.trades(symbol),
    "funding": lambda venue, symbol: venue.funding(symbol),
    "funding_history": lambda venue, symbol: venue.funding_history(symbol),
    "open_interest": lambda venue, symbol: venue.open_interest(symbol),
    "open_interest_history": lambda venue, symbol: venue.open_interest_history(symbol, "1h"),
    "mark_price": lambda venue, symbol: venue.mark_price(symbol),
    "liquidations": lambda venue, symbol: venue.liquidations(symbol),
    "leverage_tiers": lambda venue, symbol: venue.leverage_tiers(symbol),
    "server_time": lambda venue, symbol: venue.clock(),
}

pytestmark = [
    pytest.mark.feature("PL-SG-01", "PL-SG-03", "ET-SG-01", "ET-SG-02", "ET-SG-03"),
    pytest.mark.parametrize("name", list(CASES)),
]


def unhurried(venue: Any) -> None:
    """The double needs no rate limit, and no grace for TLS connections to end."""
    venue._client.enableRateLimit, venue._client.timeout_on_exit = False, 0


@cache
def answers_of(name: str) -> dict[str, Any]:
    """Answer of every offered call of one venue, from one instance."""
    case, profile = CASES[name], venue_profile(name)

    async def run() -> dict[str, Any]:
        double = DOUBLE["VenueDouble"](dict(case.answers) | _time_now(case.answers))
        keys = KEYS if profile.requests_need_keys else None
        async with double.running(), open_venue(name, base_url=double.url, keys=keys, retries=ONCE) as venue:
            unhurried(venue)
            calls = [call for call in CALLS if profile.calls.lacks(call) is None]
            return {call: await ASK[call](venue, case.symbol) for call in calls}

    return asyncio.run(run())


def ask(name: str, call: str) -> Any:
    """Answer of one call; skips where the venue does not offer it."""
    if venue_profile(name).calls.lacks(call) is not None:
        pytest.skip(f"{name} offers no {call}")
    return answers_of(name)[call]


def _time_now(answers: dict[str, Any]) -> dict[str, Any]:
    """The signed clock check needs a server time near ours."""
    route = "GET /bn/fapi/v1/time"
    return {route: lambda _: {"serverTime": int(datetime.now(UTC).timestamp() * 1000)}} if route in answers else {}


def test_every_call_answers_or_is_unsupported_before_anything_is_sent(name: str) -> None:
    case, profile = CASES[name], venue_profile(name)

    async def run() -> None:
        double = DOUBLE["VenueDouble"](dict(case.answers))
        async with double.running(), open_venue(name, base_url=double.url, retries=ONCE) as venue:
            unhurried(venue)
            assert isinstance(venue.venue, str)
            for call in CALLS:
                sent = len(double.routes)
                reason = profile.calls.lacks(call)
                if reason is not None:
                    with pytest.raises(UnsupportedError, match=name) as raised:
                        await ASK[call](venue, case.symbol)
                    assert reason in str(raised.value)
                    assert len(double.routes) == sent
                    assert not venue.capabilities.offers(call)
                elif call in profile.requests_need_keys:
                    with pytest.raises(VenueAuthError, match="read key"):
                        await ASK[call](venue, case.symbol)
                    assert len(double.routes) == sent
                else:
                    assert await ASK[call](venue, case.symbol) is not None
                    assert venue.capabilities.offers(call)
        for route, params in double.journal:  # a data instance holds no keys
            assert "signature" not in params, route
            assert not {"x-mbx-apikey", "ok-access-key", "api-key"} & {key.lower() for key in params["headers"]}
            assert not route.startswith("POST /hl/exchange")

    asyncio.run(run())


def test_markets_carry_exact_steps_and_units(name: str) -> None:
    case = CASES[name]
    market = ask(name, "markets")[case.symbol]
    assert (market.venue, market.venue_symbol, market.kind) == (name, case.symbol, case.kind)
    assert (market.tick_size, market.lot_size) == (Decimal(case.tick), Decimal(case.lot))
    assert market.contract_size == case.contract_size
    assert market.instrument_id == f"{name}:{case.symbol}"


def test_an_unknown_symbol_is_refused_by_name(name: str) -> None:
    case = CASES[name]

    async def run() -> None:
        double = DOUBLE["VenueDouble"](dict(case.answers))
        async with double.running(), open_venue(name, base_url=double.url, retries=ONCE) as venue:
            unhurried(venue)
            for symbol in ("NOSUCH", "../../etc", ""):
                with pytest.raises(IdentifierError, match="venue_symbol"):
                    await venue.order_book(symbol)

    asyncio.run(run())


def test_a_book_is_a_snapshot_with_exact_levels_best_first(name: str) -> None:
    book = ask(name, "order_book")
    assert book.kind == "snapshot"
    assert book.venue_symbol == CASES[name].symbol
    bids, asks = ([Decimal(price) for price, _ in side] for side in (book.bids, book.asks))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] == Decimal("60000.1")
    assert asks[0] == Decimal("60000.2")
    if venue_profile(name).stream.book_snapshot == "rest":
        assert book.last_id in (77, 78, 79)


def test_candles_rise_in_time(name: str) -> None:
    bars = ask(name, "candles")
    assert [bar.at for bar in bars] == sorted({bar.at for bar in bars})
    assert len(bars) == 3
    assert bars[0].at == NOW
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    expected = {"okx": 1250.0, "binancecoinm": 125.0}.get(name, 12.5)
    assert [bar.volume for bar in bars] == pytest.approx([expected] * 3)


def test_trades_rise_in_time_with_ids_of_their_own(name: str) -> None:
    found = ask(name, "trades")
    assert len({trade.trade_id for trade in found}) == len(found) == 3
    assert [trade.at for trade in found] == sorted(trade.at for trade in found)
    assert all(trade.taker_sign in (1, -1) and trade.amount > 0 for trade in found)


def test_funding_has_the_venues_own_interval(name: str) -> None:
    rate, history = ask(name, "funding"), ask(name, "funding_history")
    hours = CASES[name].funding_hours
    assert rate.interval_hours == hours
    assert math.isfinite(rate.rate_frac)
    assert rate.next_at is not None
    assert rate.annualised_frac == pytest.approx(rate.rate_frac * 8760 / hours)
    assert [row.interval_hours for row in history] == [hours] * 4
    assert [row.at for row in history] == sorted(row.at for row in history)
    if venue_profile(name).funding.estimate_of_next:
        assert rate.next_rate_frac == rate.rate_frac


def test_open_interest_is_base_units_and_quote_value(name: str) -> None:
    reading = ask(name, "open_interest")
    assert (reading.open_interest, reading.open_interest_value) == pytest.approx(CASES[name].open_interest)
    assert reading.change_1h_frac is None


def test_open_interest_history_tells_its_changes(name: str) -> None:
    rows = ask(name, "open_interest_history")
    assert rows[0].change_1h_frac is None
    first, second = rows[0].open_interest_value, rows[1].open_interest_value
    assert rows[1].change_1h_frac == pytest.approx(second / first - 1)
    assert all(row.change_24h_frac is None for row in rows)


def test_mark_price_is_positive(name: str) -> None:
    assert ask(name, "mark_price").mark_price == 60_000.0


def test_tiers_rise_and_join(name: str) -> None:
    tiers = ask(name, "leverage_tiers")
    assert [tier.floor_quote for tier in tiers] == sorted(tier.floor_quote for tier in tiers)
    assert all(before.cap_quote == after.floor_quote for before, after in itertools.pairwise(tiers))
    assert all(0 < tier.maintenance_frac < 1 for tier in tiers)


def test_every_profile_but_the_unproven_is_in_this_suite(name: str) -> None:
    assert set(venue_ids()) - set(CASES) == {"deribit"}
    assert name in venue_ids()
