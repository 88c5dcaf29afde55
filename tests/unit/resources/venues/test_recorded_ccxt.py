"""ccxt 4.5.64 through our clients on recorded payloads: unified numbers, routes and error classes stay as measured."""

import asyncio
import datetime as dt
import gzip
import ipaddress
import json
import runpy
import socket
import ssl
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from liquidity.domain.errors import (
    VenueAuthError,
    VenueClockError,
    VenueError,
    VenueRejectedError,
    VenueUnavailableError,
)
from resources.venues import RetryPolicy, VenueKeys, open_venue, venue_profile
from resources.venues._ccxt_client import build_client
from resources.venues._ccxt_errors import translated

DOUBLE = runpy.run_path(str(Path(__file__).parents[3] / "contract" / "venue_double.py"))
ONCE = RetryPolicy(attempts=1)
KEYS = VenueKeys(api_key="key-of-tests", secret="secret-of-tests")

pytestmark = [pytest.mark.real_data, pytest.mark.feature("ET-SG-02", "ET-SG-03", "PL-SG-01")]


def golden(real_data: Path, name: str) -> Any:
    path = real_data / "ccxt" / "golden" / name
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return json.loads(text)


def recorded(real_data: Path, name: str) -> Any:
    return json.loads((real_data / "ccxt" / name).read_text())


def tape(real_data: Path) -> list[Any]:
    lines = gzip.decompress((real_data / "ccxt/binanceusdm/ws/combined_20210722.jsonl.gz").read_bytes()).splitlines()
    return [line["msg"]["data"] for line in map(json.loads, lines) if line["dir"] == "in" and "data" in line["msg"]]


def usdm_double(real_data: Path) -> Any:
    """REST answers made of the recorded market list, snapshots and tape."""
    events = tape(real_data)

    def trades(asked: dict[str, Any]) -> list[Any]:
        return [
            {name: event[name] for name in ("a", "p", "q", "f", "l", "T", "m")}
            for event in events
            if event["e"] == "aggTrade" and event["s"] == asked["symbol"]
        ]

    def klines(asked: dict[str, Any]) -> list[Any]:
        bars = {e["k"]["t"]: e["k"] for e in events if e["e"] == "kline" and e["s"] == asked["symbol"]}
        return [
            [bar[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")] + ["0"]
            for bar in bars.values()
        ]

    return DOUBLE["VenueDouble"](
        {
            "GET /bn/fapi/v1/exchangeInfo": recorded(real_data, "binanceusdm/rest/exchangeInfo.json"),
            "GET /bn/fapi/v1/depth": lambda asked: recorded(
                real_data, f"binanceusdm/rest/depth_{asked['symbol']}.json"
            )["body"],
            "GET /bn/fapi/v1/aggTrades": trades,
            "GET /bn/fapi/v1/klines": klines,
            "GET /bn/fapi/v1/time": lambda _: {"serverTime": int(dt.datetime.now(dt.UTC).timestamp() * 1000)},
        }
    )


def hyperliquid_double(real_data: Path) -> Any:
    def pair(name: str) -> Any:
        return recorded(real_data, f"hyperliquid/rest/{name}.json")

    meta = pair("get_info")[0]["response"]
    context = DOUBLE["HYPERLIQUID"].answers["POST /hl/info metaAndAssetCtxs"][1][0]
    return DOUBLE["VenueDouble"](
        {
            "POST /hl/info metaAndAssetCtxs": [meta, [context] * len(meta["universe"])],
            "POST /hl/info spotMeta": {"universe": [], "tokens": []},
            "POST /hl/info l2Book": pair("get_l2_snapshot")[1]["response"],
            "POST /hl/info candleSnapshot": pair("get_candles_snapshot")[1]["response"],
            "POST /hl/info fundingHistory": pair("get_funding_history_1684811870000")[1]["response"],
            "POST /hl/info exchangeStatus": {"time": 1, "specialStatuses": None},
        }
    )


def levels(side: Any) -> list[list[float]]:
    return [[float(price), float(size)] for price, size in side[:20]]


def test_binance_records_equal_the_golden_output(real_data: Path) -> None:
    expected = golden(real_data, "ccxt_4.5.64_binanceusdm.json.gz")
    listed = recorded(real_data, "binanceusdm/rest/exchangeInfo.json")["symbols"]

    async def run() -> None:
        double = usdm_double(real_data)
        async with double.running(), open_venue("binanceusdm", base_url=double.url, retries=ONCE) as venue:
            venue._client.enableRateLimit = False
            markets = await venue.markets()
            assert len(markets) + sum(venue.refused_markets.values()) == len(listed)
            for told in expected.values():
                info, symbol = told["market"], told["market"]["id"]
                market = markets[symbol]
                filters = {f["filterType"]: f for row in listed if row["symbol"] == symbol for f in row["filters"]}
                assert market.tick_size == Decimal(filters["PRICE_FILTER"]["tickSize"])
                assert float(market.tick_size) == info["precision"]["price"]
                assert float(market.lot_size) == info["precision"]["amount"]
                assert (market.min_amount, market.min_notional) == (
                    info["limits"]["amount"]["min"],
                    info["limits"]["cost"]["min"],
                )
                assert (market.maker_fee_frac, market.taker_fee_frac) == (info["maker"], info["taker"])
                book = await venue.order_book(symbol)
                assert (levels(book.bids), levels(book.asks)) == (
                    told["order_book_20"]["bids"],
                    told["order_book_20"]["asks"],
                )
                assert (book.last_id, book.event_ns) == (
                    told["order_book_20"]["nonce"],
                    told["order_book_20"]["timestamp"] * 1_000_000,
                )
                bars = await venue.candles(symbol, "1m")
                assert [
                    [int(bar.at.timestamp() * 1000), bar.open, bar.high, bar.low, bar.close, bar.volume] for bar in bars
                ] == told["ohlcv_1m"]
                signs = {"buy": 1, "sell": -1}
                assert [
                    (t.trade_id, round(t.at.timestamp() * 1000), t.taker_sign, t.price, t.amount)
                    for t in await venue.trades(symbol)
                ] == [(t["id"], t["timestamp"], signs[t["side"]], t["price"], t["amount"]) for t in told["trades"]]

    asyncio.run(run())


def test_hyperliquid_records_equal_the_golden_output(real_data: Path) -> None:
    expected = golden(real_data, "ccxt_4.5.64_hyperliquid.json.gz")

    async def run() -> None:
        double = hyperliquid_double(real_data)
        async with double.running(), open_venue("hyperliquid", base_url=double.url, retries=ONCE) as venue:
            venue._client.enableRateLimit = False
            book = await venue.order_book("BTC")
            told = expected["order_book"]
            assert (levels(book.bids), levels(book.asks), book.last_id) == (told["bids"], told["asks"], None)
            assert book.event_ns == told["timestamp"] * 1_000_000
            bars = await venue.candles("BTC", "1h", since=dt.datetime(2023, 5, 21, tzinfo=dt.UTC))
            assert [[int(b.at.timestamp() * 1000), b.open, b.high, b.low, b.close, b.volume] for b in bars] == expected[
                "ohlcv"
            ]
            paid = await venue.funding_history("BTC", since=dt.datetime(2023, 5, 12, tzinfo=dt.UTC))
            assert [(round(row.at.timestamp() * 1000), row.rate_frac) for row in paid] == [
                (row["timestamp"], row["fundingRate"]) for row in expected["funding_history"]
            ]
            assert {row.interval_hours for row in paid} == {8.0}, "the venue paid every 8 h then, every hour now"
            # A thousand and one recorded prices lie on the grid told for their market.
            grid = (await venue.markets())["DYDX"].tick_size
            assert all(Decimal(price) % grid == 0 for price, _ in (*book.bids, *book.asks))

    asyncio.run(run())


CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "load_markets": lambda venue: venue.markets(reload=True),
    "fetch_time": lambda venue: venue.clock(),
    "fetch_order_book": lambda venue: venue.order_book(SYMBOL[venue.venue]),
    "fetch_ohlcv": lambda venue: venue.candles(SYMBOL[venue.venue], "1m"),
    "fetch_trades": lambda venue: venue.trades(SYMBOL[venue.venue]),
    "fetch_funding_rate_history": lambda venue: venue.funding_history(SYMBOL[venue.venue]),
}
SYMBOL = {"binanceusdm": "SUSHIUSDT", "hyperliquid": "BTC"}


@pytest.mark.parametrize("name", ["binanceusdm", "hyperliquid"])
def test_each_call_uses_the_measured_endpoints_and_no_other(real_data: Path, name: str) -> None:
    measured = {
        row["method"]: {
            endpoint.replace("POST /info ", "POST /hl/info ").replace("GET /f", "GET /bn/f")
            for endpoint in row["endpoints"]
        }
        for row in golden(real_data, "endpoint_map.json")
        if row["exchange"] == name
    }

    async def run() -> None:
        double = usdm_double(real_data) if name == "binanceusdm" else hyperliquid_double(real_data)
        double.answers["GET /bn/fapi/v1/fundingRate"] = DOUBLE["BINANCE_USDM"].answers["GET /bn/fapi/v1/fundingRate"]
        async with double.running(), open_venue(name, base_url=double.url, retries=ONCE) as venue:
            venue._client.enableRateLimit = False
            await venue.markets()
            for method, call in CALLS.items():
                if method not in measured or (method == "fetch_trades" and name == "hyperliquid"):
                    continue
                before = len(double.routes)
                await call(venue)
                used = set(double.routes[before:])
                assert used, method
                assert used <= measured[method], method
        assert not [route for route in double.routes if "exchange " in route], "no account-changing action"

    asyncio.run(run())


class _OneHost:
    """Resolves every name to one loopback port (the shape of aiohttp's resolvers)."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[dict[str, Any]]:
        return [
            {"hostname": host, "host": "127.0.0.1", "port": self.port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        ]

    async def close(self) -> None:
        return None


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Server and client context of a self-signed certificate for some host names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback of tests")])
    now = dt.datetime.now(dt.UTC)
    hosts = [x509.DNSName(host) for host in names] + [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, secret)
    return server, ssl.create_default_context(cafile=str(pem))


@pytest.mark.feature("ET-SG-05")
@pytest.mark.parametrize("route", ["loopback_url", "real_host_url"])
def test_error_classes_of_order_refusals_are_those_measured(real_data: Path, tmp_path: Path, route: str) -> None:
    table = golden(real_data, "error_classes_binanceusdm.json")
    profile = venue_profile("binanceusdm")
    real = route == "real_host_url"
    prefix = "" if real else "/bn"

    async def run() -> dict[str, tuple[str, type[VenueError]]]:
        import aiohttp

        usdm = usdm_double(real_data)
        double = DOUBLE["VenueDouble"]({path.replace("/bn", prefix): answer for path, answer in usdm.answers.items()})
        answer: dict[str, Any] = {}
        from aiohttp import web

        double.answers[f"POST {prefix}/fapi/v1/order"] = lambda _: web.json_response(answer["body"], status=400)
        server, trust = certificate(tmp_path, "fapi.binance.com", "api.binance.com")
        async with double.running(**({"ssl_context": server} if real else {})):
            session = None
            if real:
                port = int(double.url.rpartition(":")[2])
                session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=_OneHost(port), ssl=trust))
            client = build_client(profile, base_url=None if real else double.url, keys=KEYS, session=session)
            client.enableRateLimit = False
            found = {}
            try:
                await client.load_markets()
                for code in table["binance_code_to_class"]:
                    answer["body"] = {"code": int(code), "msg": "refused by the test"}
                    client.options["hasAlreadyAuthenticatedSuccessfully"] = False
                    try:
                        await client.create_order("SUSHI/USDT:USDT", "limit", "buy", 10, 7.0)
                    except Exception as error:  # noqa: BLE001 - whatever ccxt raises is the subject
                        found[code] = (type(error).__name__, type(translated(error, "order", profile, KEYS.secrets)))
            finally:
                await client.close()
                if session is not None:
                    await session.close()
        return found

    found = asyncio.run(run())
    assert {code: name for code, (name, _) in found.items()} == {
        code: classes[route] for code, classes in table["binance_code_to_class"].items()
    }
    # What we make of them does not depend on the address: the venue's code decides.
    ours = {code: kind for code, (_, kind) in found.items()}
    assert ours["-2019"] is ours["-4164"] is ours["-2022"] is VenueRejectedError
    assert ours["-1008"] is ours["-2020"] is VenueUnavailableError
    assert ours["-1021"] is VenueClockError
    assert ours["-2015"] is VenueAuthError
    unlisted = {code for code in ours if code not in _listed(profile)}
    assert unlisted <= {"-2010", "-4046"}, "codes without a meaning in the profile"


def _listed(profile: Any) -> set[str]:
    errors = profile.errors.model_dump()
    return {code for name, codes in errors.items() if name != "field" for code in codes}
