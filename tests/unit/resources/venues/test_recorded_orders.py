"""Orders, fills, positions and signatures on recorded payloads and published vectors, through our own types."""

import asyncio
import gzip
import hashlib
import json
import runpy
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from liquidity.domain.errors import VenueUnavailableError
from liquidity.domain.order import Ack, OrderIntent
from resources.venues import RetryPolicy, VenueKeys, open_order_entry, venue_profile
from resources.venues._ccxt_client import build_client
from resources.venues._hyperliquid_orders import HyperliquidDialect

DOUBLE = runpy.run_path(str(Path(__file__).parents[3] / "contract" / "venue_double.py"))
KEYS = VenueKeys(wallet="0x" + "1" * 40, private_key="0x" + "01" * 32)
ONCE = RetryPolicy(attempts=1)
SYMBOLS = {"BTC/USDC:USDC": "BTC", "ETH/USDC:USDC": "ETH", "SOL/USDC:USDC": "SOL"}
FLOORED = {"0.00141": "0.0014", "0.0135": "0.0134"}
"""Amounts that the library rounds half up and we floor to the lot."""

pytestmark = [pytest.mark.real_data, pytest.mark.feature("ET-SG-02", "ET-SG-03")]


def recorded(real_data: Path, name: str) -> Any:
    path = real_data / "ccxt" / name
    return json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


def answered(real_data: Path, name: str) -> Any:
    return recorded(real_data, f"hyperliquid/rest/{name}.json")[0]["response"]


def at_hyperliquid(
    real_data: Path, answers: dict[str, Any], act: Callable[[Any, Any], Awaitable[None]], keys: VenueKeys = KEYS
) -> None:
    async def run() -> None:
        meta = answered(real_data, "get_info")
        context = DOUBLE["HYPERLIQUID"].answers["POST /hl/info metaAndAssetCtxs"][1][0]
        double = DOUBLE["VenueDouble"](
            {
                "POST /hl/info metaAndAssetCtxs": [meta, [context] * len(meta["universe"])],
                "POST /hl/info spotMeta": {"universe": [], "tokens": []},
                "POST /hl/info exchangeStatus": {"time": 1, "specialStatuses": None},
                **answers,
            }
        )
        async with (
            double.running(),
            open_order_entry("hyperliquid", base_url=double.url, keys=keys, retries=ONCE) as entry,
        ):
            entry._client.enableRateLimit, entry._client.timeout_on_exit = False, 0
            await act(entry, double)

    asyncio.run(run())


def intent_of(inputs: list[Any], number: int) -> OrderIntent:
    symbol, kind, side, amount, price, *more = inputs
    params = more[0] if more else {}
    trigger = params.get("triggerPrice")
    fields: dict[str, Any] = {}
    if trigger is not None:
        fields["trigger_price"] = Decimal(str(trigger))
    elif kind == "market":
        fields["reference_price"] = Decimal(str(price))
    if kind == "limit":
        fields["limit_price"] = Decimal(str(price))
    return OrderIntent(
        params.get("clientOrderId", f"0x{number:032x}"),
        SYMBOLS[symbol],
        1 if side == "buy" else -1,
        {"market": "stop", "limit": "stop_limit"}[kind] if trigger is not None else kind,
        Decimal(str(amount)),
        **fields,
    )


def test_wires_equal_those_of_the_librarys_own_suite_but_for_floored_amounts(real_data: Path) -> None:
    entries = recorded(real_data, "ccxt_static/hyperliquid_createOrder.json")["entries"]
    assert len(entries) == 8

    async def act(entry: Any, double: Any) -> None:
        for number, known in enumerate(entries):
            outcome = await entry.submit(intent_of(known["input"], number))
            assert isinstance(outcome, Ack)
        sent = [asked["action"]["orders"] for route, asked in double.journal if route == "POST /hl/exchange order"]
        assert len(sent) == len(entries)
        for (wire,), known in zip(sent, entries, strict=True):
            expected = dict(known["order"])
            expected["s"] = FLOORED.get(expected["s"], expected["s"])
            cloid = wire.pop("c")
            assert cloid == expected.pop("c", cloid)
            assert wire == expected

    created = {"status": "ok", "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 77}}]}}}
    at_hyperliquid(real_data, {"POST /hl/exchange order": created}, act)


def test_hyperliquid_signatures_equal_the_published_vectors_on_both_networks(real_data: Path) -> None:
    vectors = recorded(real_data, "signing/vectors.json")["hyperliquid"]
    known = next(vector for vector in vectors["vectors"] if vector["name"] == "order_with_cloid")
    keys = VenueKeys(wallet="0x" + "1" * 40, private_key=vectors["private_key"])

    async def act(entry: Any, double: Any) -> None:
        intent = OrderIntent(
            known["action"]["orders"][0]["c"], "ETH", 1, "limit", Decimal(100), limit_price=Decimal(100)
        )
        await entry.submit(intent)
        ((action, signature),) = [
            (asked["action"], asked["signature"])
            for route, asked in double.journal
            if route == "POST /hl/exchange order"
        ]
        assert action == known["action"]
        assert set(signature) == {"r", "s", "v"}
        # The library writes a time of today; the vectors are for number 0.
        entry._client.int_to_base16 = lambda number: format(number, "011x")
        for vector in vectors["vectors"]:
            for network in ("mainnet", "testnet"):
                entry._client.options["sandboxMode"] = network == "testnet"
                made = entry._client.sign_l1_action(vector["action"], vector["nonce"])
                assert [int(made["r"], 16), int(made["s"], 16), made["v"]] == [
                    *(int(text, 16) for text in vector[network][:2]),
                    vector[network][2],
                ]

    created = {"status": "ok", "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 77}}]}}}
    at_hyperliquid(real_data, {"POST /hl/exchange order": created}, act, keys)


def test_the_binance_signature_equals_the_published_example(real_data: Path) -> None:
    known = recorded(real_data, "signing/vectors.json")["binance_hmac"]

    async def run() -> None:
        keys = VenueKeys(api_key="key-of-tests", secret=known["secret"])
        client = build_client(venue_profile("binanceusdm"), base_url="http://127.0.0.1:1", keys=keys)
        try:
            made = client.hmac(known["query"].encode(), client.secret.encode(), hashlib.sha256)
            assert made == known["signature"]
            asked = client.sign("order", "fapiPrivate", "POST", {"symbol": "LTCUSDT", "side": "BUY"})
            query, _, signature = asked["body"].rpartition("&signature=")
            assert signature == client.hmac(query.encode(), client.secret.encode(), hashlib.sha256)
            assert "recvWindow=5000" in query
        finally:
            await client.close()

    asyncio.run(run())


def test_recorded_positions_and_money_equal_the_golden_output(real_data: Path) -> None:
    golden = recorded(real_data, "golden/ccxt_4.5.64_hyperliquid.json.gz")

    async def act(entry: Any, _: Any) -> None:
        told = {position.venue_symbol: position for position in await entry.positions()}
        assert len(told) == len(golden["positions"])
        for row in golden["positions"]:
            position = told[row["symbol"].partition("/")[0]]
            sign = 1 if row["side"] == "long" else -1
            assert float(position.amount) == sign * row["contracts"]
            assert float(position.entry_price) == row["entryPrice"]
            assert float(position.unrealised_profit) == row["unrealizedPnl"]
            liquidation = position.liquidation_price
            assert (None if liquidation is None else float(liquidation)) == row["liquidationPrice"]
        (money,) = await entry.balances()
        assert (money.currency, float(money.equity), float(money.free)) == (
            "USDC",
            golden["balance"]["total"]["USDC"],
            golden["balance"]["free"]["USDC"],
        )

    at_hyperliquid(real_data, {"POST /hl/info clearinghouseState": answered(real_data, "get_user_state")}, act)


def test_recorded_fills_equal_the_golden_output_and_one_without_an_id_is_refused(real_data: Path) -> None:
    golden = recorded(real_data, "golden/ccxt_4.5.64_hyperliquid.json.gz")["my_trades"]
    rows = answered(real_data, "get_user_fills")
    since = datetime.fromtimestamp(min(row["time"] for row in rows) / 1000, UTC)
    named = [row | {"tid": number} for number, row in enumerate(rows)]

    async def act(entry: Any, _: Any) -> None:
        coins = {row["coin"] for row in rows}
        fills = [fill for coin in sorted(coins) for fill in await entry.fills(since, coin)]

        def figures(at_ms: int, symbol: str, order: str, side: str, price: float, amount: float, fee: float) -> Any:
            return at_ms, symbol, order, side, price, amount, fee

        ours = sorted(
            figures(
                round(fill.at.timestamp() * 1000),
                fill.venue_symbol,
                fill.venue_order_id,
                "buy" if fill.side_sign > 0 else "sell",
                float(fill.price),
                float(fill.amount),
                float(fill.fee),
            )
            for fill in fills
        )
        theirs = sorted(
            figures(
                row["timestamp"],
                row["symbol"].partition("/")[0],
                row["order"],
                row["side"],
                row["price"],
                row["amount"],
                row["fee"]["cost"],
            )
            for row in golden
        )
        assert len(ours) == len(rows) == 500
        assert theirs
        assert not Counter(theirs) - Counter(ours)

    async def unnamed(entry: Any, _: Any) -> None:
        with pytest.raises(VenueUnavailableError, match="no tid"):
            await entry.fills(since, rows[0]["coin"])

    at_hyperliquid(real_data, {"POST /hl/info userFillsByTime": named}, act)
    at_hyperliquid(real_data, {"POST /hl/info userFillsByTime": rows}, unnamed)


def test_recorded_orders_are_read_with_their_triggers_and_ends(real_data: Path) -> None:
    async def act(entry: Any, _: Any) -> None:
        markets = await entry.markets()
        orders = await entry.open_orders("INJ")
        listed = answered(real_data, "get_frontend_open_orders")
        assert {order.venue_order_id for order in orders} == {str(row["oid"]) for row in listed}
        triggers = {str(row["oid"]): row for row in listed if row["isTrigger"]}
        for order in orders:
            row = triggers.get(order.venue_order_id)
            assert order.status == ("open" if row is None else "untriggered")
            assert order.trigger_price == (None if row is None else Decimal(row["triggerPx"]))
        dialect = HyperliquidDialect(venue_profile("hyperliquid"))
        ended = [dialect.order_state(row, markets["BTC"]) for row in answered(real_data, "historical_orders")]
        assert {order.status for order in ended} <= {"rejected", "canceled", "filled"}
        assert all(not order.live and order.filled_amount == 0 for order in ended if order.status == "rejected")

    at_hyperliquid(
        real_data, {"POST /hl/info frontendOpenOrders": answered(real_data, "get_frontend_open_orders")}, act
    )
