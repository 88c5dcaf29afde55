"""Addresses that the three Binance venues share: ``/bn/ws``, ``/bn/stream`` and ``/bn/futures/data``.

On the real hosts they differ by host name; here the symbol decides. A venue that is not served answers ``exchangeInfo``
with an empty list, so that ccxt's ``binance`` class, which loads all three, works.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from liquidity_service.emulator import binance_words as words
from liquidity_service.emulator.binance import Binance
from liquidity_service.emulator.connections import Connection
from liquidity_service.emulator.venue import Shared, Venue

__all__ = ["gateway_routes"]

_LISTS = {"binance": "/bn/api/v3", "binanceusdm": "/bn/fapi/v1", "binancecoinm": "/bn/dapi/v1"}


def gateway_routes(venues: Mapping[str, Venue], shared: Shared) -> list[web.RouteDef]:
    """Routes that need to know all Binance venues of the emulator; none where it has no Binance venue."""
    served = [venue for venue in venues.values() if isinstance(venue, Binance)]
    if not served:
        return []

    def owner(symbol: str) -> Binance:
        return next((venue for venue in served if symbol.upper() in venue.market.books), served[0])

    async def socket(request: web.Request) -> web.WebSocketResponse:
        connection = shared.connection(request)
        listed = request.query.get("streams") or request.match_info.get("names", "")
        first = owner(listed.partition("@")[0])
        first.opened(connection, request)

        def on_message(connection: Connection, message: Any) -> None:
            names = message.get("params") or [""] if isinstance(message, dict) else [""]
            owner(str(names[0]).partition("@")[0]).on_message(connection, message)

        try:
            return await connection.serve(request, on_message)
        finally:
            for venue in served:
                venue.subscribers.drop(connection)

    async def interest(request: web.Request) -> web.Response:
        symbol = request.query.get("symbol") or request.query.get("pair", "") + "_PERP"
        venue = owner(symbol)
        return await venue.answering(venue.answers.open_interest_history)(request)

    def unlisted(venue_id: str) -> web.RouteDef:
        async def empty(request: web.Request) -> web.Response:
            return web.json_response(words.exchange_info(venue_id, (), shared.now_ms()))

        return web.get(f"{_LISTS[venue_id]}/exchangeInfo", empty)

    shared_paths = [form for path in ("/bn/ws", "/bn/stream") for form in (path, path + "/{names:.*}")]
    return [
        *(web.get(path, venue.socket) for venue in served for path in venue.socket_paths()),
        *(web.get(path, socket) for path in shared_paths),
        web.get("/bn/futures/data/openInterestHist", interest),
        *(unlisted(venue_id) for venue_id in _LISTS if venue_id not in venues),
    ]
