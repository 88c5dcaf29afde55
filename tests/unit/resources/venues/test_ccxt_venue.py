"""REST adapters: where requests go, what is repeated, what is refused, what is never told."""

import asyncio
import logging
import runpy
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from liquidity.domain.errors import (
    ConfigError,
    VenueAuthError,
    VenueClockError,
    VenueRateLimitedError,
    VenueUnavailableError,
)
from resources.venues import RetryPolicy, VenueKeys, open_venue, venue_ids, venue_profile
from resources.venues._ccxt_client import api_urls, build_client, require_loopback

DOUBLE = runpy.run_path(str(Path(__file__).parents[3] / "contract" / "venue_double.py"))
NOW_MS = DOUBLE["NOW_MS"]
KEYS = VenueKeys(api_key="key-of-tests-0123456789", secret="secret-of-tests-0123456789")
WALLET = VenueKeys(wallet="0x" + "1" * 40, private_key="0x" + "01" * 32)
QUICK = RetryPolicy(attempts=3, first_wait_s=0.01, longest_wait_s=1.0)
DEPTH, TIME, INFO = "GET /bn/fapi/v1/depth", "GET /bn/fapi/v1/time", "GET /bn/fapi/v1/exchangeInfo"
BRACKETS = "GET /bn/fapi/v1/leverageBracket"


def server_time(offset_ms: float = 0.0) -> Callable[[Any], Any]:
    return lambda _: {"serverTime": int(time.time() * 1000 + offset_ms)}


def against(check: Callable[[Any, Any], Awaitable[None]], name: str = "binanceusdm", **options: Any) -> Any:
    """Run ``check(venue, double)`` on a double of one venue; returns the double."""
    double = DOUBLE["VenueDouble"](dict(DOUBLE["CASES"][name].answers))
    double.answers[TIME] = server_time()

    async def run() -> None:
        settings = {"retries": QUICK} | options
        async with double.running(), open_venue(name, base_url=double.url, **settings) as venue:
            venue._client.enableRateLimit, venue._client.timeout_on_exit = False, 0
            await check(venue, double)

    asyncio.run(run())
    return double


def status(code: int, text: str = "busy", **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=code, text=text, headers=headers)


@pytest.mark.feature("ET-SG-05")
@pytest.mark.parametrize("code", [500, 502, 503, 504, 408, 520])
def test_server_errors_are_repeated_until_an_answer_comes(code: int) -> None:
    async def check(venue: Any, double: Any) -> None:
        double.failures[DEPTH] = [status(code)] * 2
        assert (await venue.order_book("BTCUSDT")).last_id == 77
        assert double.routes.count(DEPTH) == 3

    against(check)


@pytest.mark.feature("ET-SG-05")
def test_the_wait_a_venue_names_is_kept() -> None:
    async def check(venue: Any, double: Any) -> None:
        await venue.markets()
        double.failures[DEPTH] = [status(429, **{"Retry-After": "0.3"})]
        started = time.monotonic()
        await venue.order_book("BTCUSDT")
        assert time.monotonic() - started >= 0.3
        double.failures[DEPTH] = [status(418, **{"Retry-After": "120"})] * 3
        with pytest.raises(VenueRateLimitedError) as raised:
            await venue.order_book("BTCUSDT")
        assert raised.value.retry_after_s == 120.0
        assert double.routes.count(DEPTH) == 3

    against(check)


@pytest.mark.feature("ET-SG-05")
def test_a_late_answer_is_asked_for_again_and_a_dead_venue_is_told() -> None:
    async def check(venue: Any, double: Any) -> None:
        await venue.markets()
        venue._client.timeout = 100

        async def late(_: Any) -> Any:
            await asyncio.sleep(0.4)
            return {}

        double.answers[DEPTH] = late
        with pytest.raises(VenueUnavailableError, match="order_book: RequestTimeout"):
            await venue.order_book("BTCUSDT")
        assert double.routes.count(DEPTH) == 3

    against(check)


@pytest.mark.feature("ET-SG-05")
@pytest.mark.parametrize("body", ["<html>Attention required</html>", "null", "", "{", "[]", '"text"', "{}"])
@pytest.mark.parametrize("call", ["order_book", "funding", "open_interest", "mark_price"])
def test_garbage_with_status_200_is_no_answer(call: str, body: str) -> None:
    async def check(venue: Any, double: Any) -> None:
        await venue.markets()
        for route in list(double.answers):
            if route not in (INFO, TIME):
                double.answers[route] = lambda _: web.Response(text=body, content_type="application/json")
        with pytest.raises(VenueUnavailableError):
            await getattr(venue, call)("BTCUSDT")

    against(check, retries=RetryPolicy(attempts=1))


@pytest.mark.feature("ET-SG-05")
def test_orders_are_sent_once_whatever_comes_back() -> None:
    """The library's own repetition stays off: a market order whose answer was lost would be bought twice."""

    async def check(venue: Any, double: Any) -> None:
        import ccxt

        order = "POST /bn/fapi/v1/order"
        for reply in (status(503), status(200, "<html>"), status(400, '{"code":-1007,"msg":"unknown"}')):
            before = double.routes.count(order)
            double.failures[order] = [reply]
            with pytest.raises(ccxt.OperationFailed):
                await venue._client.create_order("BTC/USDT:USDT", "market", "buy", 1)
            assert double.routes.count(order) == before + 1
        for options in (venue._client.options, *(o for o in venue._client.options.values() if isinstance(o, dict))):
            assert not options.get("maxRetriesOnFailure")

    against(check, keys=KEYS)


@pytest.mark.feature("ET-SG-02")
def test_a_keyed_instance_loads_markets_without_wallet_requests_and_sets_its_clock() -> None:
    async def check(venue: Any, double: Any) -> None:
        double.answers[TIME] = server_time(offset_ms=-8_000)
        await venue.leverage_tiers("BTCUSDT")
        assert set(double.routes) == {INFO, TIME, BRACKETS}
        signed = next(params for route, params in double.journal if route == BRACKETS)
        assert abs(int(signed["timestamp"]) - (time.time() * 1000 - 8_000)) < 2_000
        assert signed["recvWindow"] == "5000"

    against(check, keys=KEYS)


@pytest.mark.feature("ET-SG-05")
def test_the_clock_is_refreshed_hourly_and_after_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(venue: Any, double: Any) -> None:
        await venue.leverage_tiers("BTCUSDT")
        asked = double.routes.count(TIME)
        await venue.leverage_tiers("BTCUSDT")
        assert double.routes.count(TIME) == asked
        double.failures[BRACKETS] = [status(400, '{"code":-1021,"msg":"Timestamp outside of the recvWindow"}')]
        await venue.leverage_tiers("BTCUSDT")
        assert double.routes.count(TIME) == asked + 1
        venue._clock_set_s -= 3601
        await venue.leverage_tiers("BTCUSDT")
        assert double.routes.count(TIME) == asked + 2
        double.failures[BRACKETS] = [status(400, '{"code":-1021,"msg":"x"}')] * 2
        with pytest.raises(VenueClockError):
            await venue.leverage_tiers("BTCUSDT")

    against(check, keys=KEYS)


@pytest.mark.feature("PL-SG-01")
def test_the_clock_reading_leaves_out_the_rate_limiters_wait() -> None:
    async def check(venue: Any, double: Any) -> None:
        venue._client.enableRateLimit = True
        double.answers[TIME] = server_time(offset_ms=5_000)
        for _ in range(3):
            reading = await venue.clock()
        assert abs(reading.offset_ms - 5_000) < 200
        assert reading.round_trip_ms < 400

    against(check)


@pytest.mark.feature("ET-SG-03")
def test_hyperliquid_with_keys_sends_no_account_changing_action() -> None:
    async def check(venue: Any, double: Any) -> None:
        await venue.markets()
        await venue.open_interest("BTC")
        assert not [route for route in double.routes if route.startswith("POST /hl/exchange")]

    against(check, "hyperliquid", keys=WALLET)


@pytest.mark.feature("PL-SG-01")
def test_no_secret_is_logged_raised_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def check(venue: Any, double: Any) -> None:
        double.failures[BRACKETS] = [status(500)] * 3
        with pytest.raises(VenueUnavailableError) as raised:
            await venue.leverage_tiers("BTCUSDT")
        shown = f"{raised.value} {raised.value!r} {venue!r} {KEYS!r}"
        assert raised.value.__context__ is None
        assert raised.value.__cause__ is None
        for secret in (*KEYS.secrets, "signature=" + "0"):
            assert secret not in shown
        assert "signature=*" in shown

    with caplog.at_level(logging.DEBUG):
        against(check, keys=KEYS)
    assert logging.getLogger("ccxt.base.exchange").level == logging.INFO
    assert not [r for r in caplog.records if any(s in r.getMessage() for s in (*KEYS.secrets, "signature="))]


@pytest.mark.feature("PL-SG-01")
@pytest.mark.parametrize("name", venue_ids())
@pytest.mark.parametrize("streaming", [False, True])
def test_every_address_moves_to_the_emulator(name: str, streaming: bool) -> None:
    async def run() -> None:
        client = build_client(venue_profile(name), streaming=streaming, base_url="http://127.0.0.1:8700")
        try:
            urls = api_urls(client)
            assert urls
            require_loopback(urls)
            assert all(
                url.split("://")[1].startswith("127.0.0.1:8700" + venue_profile(name).emulator_path) for url in urls
            )
            assert any(url.startswith("ws://") for url in urls) == streaming
            assert not {"test", "demo"} & set(client.urls)
        finally:
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "url", ["http://example.com:80", "127.0.0.1:8700", "ftp://127.0.0.1", "http://127.0.0.1.example.com"]
)
def test_a_base_url_that_is_not_loopback_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        open_venue("binanceusdm", base_url=url)


@pytest.mark.feature("PL-SG-01")
def test_markets_are_asked_once_and_a_failed_list_is_asked_again() -> None:
    async def check(venue: Any, double: Any) -> None:
        double.failures[INFO] = [status(503)] * 3
        with pytest.raises(VenueUnavailableError):
            await venue.markets()
        await venue.order_book("BTCUSDT")
        await venue.candles("BTCUSDT", "1m", limit=5000)
        await venue.markets()
        assert double.routes.count(INFO) == 4
        assert next(p["limit"] for r, p in double.journal if "klines" in r) == "1000"
        await venue.markets(reload=True)
        assert double.routes.count(INFO) == 5

    against(check)


@pytest.mark.feature("PL-SG-01")
def test_odd_listings_are_counted_and_the_others_stay() -> None:
    async def check(venue: Any, double: Any) -> None:
        good = double.answers[INFO]["symbols"][0]
        odd = [
            good | {"symbol": "../../x", "baseAsset": "ODD"},
            good
            | {
                "symbol": "NOSTEP",
                "baseAsset": "NOSTEP",
                "filters": [],
                "pricePrecision": None,
                "quantityPrecision": None,
            },
        ]
        double.answers[INFO] = {**double.answers[INFO], "symbols": [good, *odd]}
        assert set(await venue.markets()) == {"BTCUSDT"}
        assert venue.refused_markets == {"symbol that is no identifier": 1, "no price or amount step": 1}

    against(check)


@pytest.mark.parametrize(
    "levels",
    [
        {"bids": [["60000", "-1"]], "asks": []},
        {"bids": [["NaN", "1"]], "asks": []},
        {"bids": [["1e999", "1"]], "asks": []},
        {"bids": [], "asks": []},
        {"asks": [["1", "1"]]},
    ],
)
def test_a_book_that_cannot_be_is_refused(levels: dict[str, Any]) -> None:
    async def check(venue: Any, double: Any) -> None:
        double.answers[DEPTH] = {"lastUpdateId": 1, "E": NOW_MS, "T": NOW_MS} | levels
        if "bids" not in levels:
            assert (await venue.order_book("BTCUSDT")).bids == ()
            return
        with pytest.raises(VenueUnavailableError):
            await venue.order_book("BTCUSDT")

    against(check, retries=RetryPolicy(attempts=1))


def test_a_book_without_its_update_id_is_refused() -> None:
    async def check(venue: Any, double: Any) -> None:
        double.answers[DEPTH] = {"bids": [["1", "1"]], "asks": []}
        with pytest.raises(VenueUnavailableError, match="update id"):
            await venue.order_book("BTCUSDT")

    against(check)


@pytest.mark.feature("PL-FU-02")
@pytest.mark.parametrize(("hours", "dropped"), [(1, None), (4, 2), (8, 1), (8, None)])
def test_intervals_of_paid_rates_survive_a_missing_payment(hours: int, dropped: int | None) -> None:
    async def check(venue: Any, double: Any) -> None:
        rows = [
            {"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingTime": NOW_MS + i * hours * 3_600_000 + i % 3}
            for i in range(5)
            if i != dropped
        ]
        double.answers["GET /bn/fapi/v1/fundingRate"] = rows
        found = await venue.funding_history("BTCUSDT")
        assert [row.interval_hours for row in found][1:] == [hours] * (len(rows) - 1)

    against(check)


def test_a_closed_venue_says_so_and_closes_twice() -> None:
    async def check(venue: Any, double: Any) -> None:
        await venue.close()
        await venue.close()
        with pytest.raises(VenueUnavailableError, match="closed"):
            await venue.markets()

    against(check)


def test_signed_calls_without_a_key_are_refused_before_anything_is_sent() -> None:
    async def check(venue: Any, double: Any) -> None:
        with pytest.raises(VenueAuthError, match="read key"):
            await venue.leverage_tiers("BTCUSDT")
        assert double.routes == []

    against(check)
