"""One WebSocket of a client: an outgoing queue that keeps order, and the faults that meet its messages."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from liquidity_service.emulator.faults import FaultPlan
from liquidity_service.emulator.journal import Journal

__all__ = ["Connection"]

QUEUE_LIMIT = 200_000
_CLOSE, _RESET, _SLOW = "close", "reset", "slow"


class Connection:
    """Messages of streams go through :meth:`publish` and meet faults; answers go through :meth:`answer` and do not.

    ``state`` is the venue's own note on this socket (its subscriptions).
    """

    def __init__(self, number: int, path: str, plan: FaultPlan, journal: Journal) -> None:
        self.number = number
        self.path = path
        self.state: dict[str, Any] = {}
        self.closed = False
        self._plan = plan
        self._journal = journal
        self._queue: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
        self._held: dict[str, str] = {}
        self._silent = False

    def publish(self, stream: str, body: Any) -> None:
        """Send a message of a stream, unless a fault has it otherwise."""
        if self.closed or self._silent:
            return
        text = orjson.dumps(body).decode()
        fault = self._plan.for_message(self.number, stream)
        kind = fault.kind if fault is not None else ""
        if kind == "drop":
            return
        if kind == "silence":
            self._silent = True
            return
        if kind == "cut":
            assert fault is not None
            self.close(reset=fault.how == _RESET)
            return
        if kind == "reorder" and stream not in self._held:
            self._held[stream] = text
            return
        self._put(text, fault.delay_s if fault is not None and kind == "delay" else 0.0)
        if kind == "duplicate":
            self._put(text)
        if (held := self._held.pop(stream, None)) is not None:
            self._put(held)

    def answer(self, body: Any) -> None:
        """Send the venue's answer to a message of the client."""
        if not self.closed:
            self._put(body if isinstance(body, str) else orjson.dumps(body).decode())

    def close(self, *, reset: bool = False) -> None:
        """Close the socket after what is queued: with code 1001, or by a TCP reset."""
        if not self.closed:
            self.closed = True
            self._queue.put_nowait((-1.0, _RESET if reset else _CLOSE))

    def _put(self, text: str, delay_s: float = 0.0) -> None:
        if self._queue.qsize() >= QUEUE_LIMIT:
            self.closed = True
            self._queue = asyncio.Queue()
            self._queue.put_nowait((-1.0, _SLOW))
            return
        self._queue.put_nowait((delay_s, text))

    async def serve(
        self, request: web.Request, on_message: Callable[["Connection", Any], None]
    ) -> web.WebSocketResponse:
        """Talk to the client until either side ends it; ``on_message`` gets parsed JSON, or text that is none."""
        socket = web.WebSocketResponse(autoping=True, max_msg_size=4 * 1024 * 1024)
        await socket.prepare(request)
        writer = asyncio.create_task(self._write(request, socket))
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                try:
                    body = orjson.loads(message.data)
                except orjson.JSONDecodeError:
                    body = message.data
                self._journal.add("WS", self.path, body if isinstance(body, dict) else {"text": body})
                on_message(self, body)
        finally:
            self.closed = True
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    async def _write(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        while True:
            delay_s, text = await self._queue.get()
            if delay_s < 0:
                await self._end(request, socket, text)
                return
            if delay_s:
                await asyncio.sleep(delay_s)
            try:
                await socket.send_str(text)
            except (ConnectionError, RuntimeError):  # the client left while we wrote
                self.closed = True
                return

    @staticmethod
    async def _end(request: web.Request, socket: web.WebSocketResponse, how: str) -> None:
        if how == _RESET:
            if request.transport is not None:
                request.transport.abort()
            return
        code = WSCloseCode.GOING_AWAY if how == _CLOSE else WSCloseCode.POLICY_VIOLATION
        await socket.close(code=code, message=b"slow client" if how == _SLOW else b"")
