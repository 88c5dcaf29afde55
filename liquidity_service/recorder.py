"""The recorder: a venue's stream to segments on disk, for as long as it is let run.

::

    stream --reader--> Inbox (bounded) --writer thread--> Recording (synchronisers, segments)
                                             |
                          Watch: silent book, missing snapshot -> stream.resubscribe, stream.snapshot

The reader never waits for the disk unless the inbox is full; the disk is never touched by the event loop. Read next:
``recording.py`` (what is stored, and every gap), ``recording_inbox.py`` (back-pressure), ``recording_watch.py`` (timers).
"""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from liquidity.domain.errors import SourceUnavailableError, VenueRejectedError
from liquidity.ports.market_stream import MarketStream
from liquidity_service.recording import Recording
from liquidity_service.recording_inbox import Inbox, Loss
from liquidity_service.recording_watch import Request, Watch, backoff_s

__all__ = ["Recorder", "RecorderLimits", "stopping_on_signals"]

_T = TypeVar("_T")
_BATCH: Final = 2_000
_TICK_S: Final = 0.25
_REQUEST_S: Final = 30.0
_CLOCK_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class RecorderLimits:
    """How much may wait, and how long.

    Attributes
    ----------
    max_messages
        Messages between socket and disk; at the bound the reader stops reading.
    patience_s
        How long the reader waits for the disk before messages are dropped (and counted as a gap).
    stale_s
        A book without a message for this long is silent: it is invalidated and subscribed anew.
    report_s
        Time between two progress lines and two writings of the status file.
    """

    max_messages: int = 50_000
    patience_s: float = 5.0
    stale_s: float = 30.0
    report_s: float = 10.0


class Recorder:
    """Runs one stream into one :class:`~liquidity_service.recording.Recording`.

    Parameters
    ----------
    stream
        Open stream; the caller closes it.
    recording
        Where accepted messages go; closed by :meth:`run`.
    report
        Called with one line of progress every ``limits.report_s``.
    """

    def __init__(
        self, stream: MarketStream, recording: Recording, limits: RecorderLimits, report: Callable[[str], None]
    ) -> None:
        self._stream = stream
        self._recording = recording
        self._limits = limits
        self._report = report
        self._inbox = Inbox(limits.max_messages, limits.patience_s, time.monotonic)
        self._watch = Watch(recording.venue_symbols, time.monotonic(), limits.stale_s)
        # One thread: what is stored keeps its order, also when the event loop gives up waiting for it.
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="record")

    async def run(self, stop: asyncio.Event) -> None:
        """Record until ``stop`` is set, then store what was received, close every segment and return.

        Whatever ends it, the segments are closed with what reached them. An error of the disk, or a refusal of the
        venue that waiting does not cure, ends it and is raised.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read(stop))
                background = {tasks.create_task(self._ask_time()), tasks.create_task(self._tell_progress())}
                await self._store(tasks, background)
                await reading
                for task in tuple(background):
                    task.cancel()
        except BaseExceptionGroup as group:
            raise _first_of(group) from None
        finally:
            await self._on_disk(self._recording.close)
            self._disk.shutdown()

    async def _on_disk(self, work: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work, *arguments)

    async def _read(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            try:
                messages = await self._stream.messages(_TICK_S)
            except SourceUnavailableError as error:
                self._report(f"{self._stream.venue}: {error}")
                await self._inbox.put_now(Loss(None, "disconnected"))
                await _wait(stop, backoff_s(failures, self._watch.jitter))
                failures += 1
                continue
            failures = 0
            dropped = await self._inbox.put(messages)
            if dropped:
                self._report(f"{self._stream.venue}: the disk is too slow, {dropped} messages dropped")
        await self._inbox.close()

    async def _store(self, tasks: asyncio.TaskGroup, background: set[asyncio.Task[None]]) -> None:
        while True:
            items = await self._inbox.take(_BATCH, _TICK_S)
            if items:
                heard = await self._on_disk(self._recording.store, items)
                for venue_symbol in heard:
                    self._watch.heard(venue_symbol, self._inbox.reached_s)
            elif self._inbox.is_closed:
                return
            else:
                await self._on_disk(self._recording.settle)
            if not self._inbox.is_closed:
                for request in self._watch.due(self._recording.needs_snapshot(), self._inbox.reached_s):
                    task = tasks.create_task(self._answer(request))
                    background.add(task)
                    task.add_done_callback(background.discard)

    async def _answer(self, request: Request) -> None:
        venue_symbol = request.venue_symbol
        try:
            async with asyncio.timeout(_REQUEST_S):
                if request.kind == "silent":
                    await self._inbox.put_now(Loss(venue_symbol, "silent"))
                    await self._renew(venue_symbol)
                    return
                snapshot = await self._stream.snapshot(venue_symbol)
                if snapshot is not None:
                    await self._inbox.put_now(snapshot)
                elif not self._watch.is_subscribing(venue_symbol, time.monotonic()):
                    await self._renew(venue_symbol)
        except (SourceUnavailableError, VenueRejectedError, TimeoutError) as error:
            self._report(f"{self._stream.venue} {venue_symbol}: {request.kind} request failed: {error or 'no answer'}")
            self._recording.request_failed()
        finally:
            self._watch.answered(venue_symbol, time.monotonic())

    async def _renew(self, venue_symbol: str) -> None:
        await self._stream.resubscribe(venue_symbol)
        self._watch.subscribed(venue_symbol, time.monotonic())

    async def _ask_time(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_REQUEST_S):
                    self._recording.server_clock_offset_ms = await self._stream.clock_offset_ms()
            except (SourceUnavailableError, TimeoutError):
                self._recording.server_clock_offset_ms = None
            await asyncio.sleep(_CLOCK_S)

    async def _tell_progress(self) -> None:
        while True:
            await asyncio.sleep(self._limits.report_s)
            self._report(self._recording.progress_line(len(self._inbox)))
            await self._on_disk(self._recording.write_status)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not past the order to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first


@contextmanager
def stopping_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set ``stop`` on SIGINT or SIGTERM, once: a second signal has its usual, immediate effect."""
    loop = asyncio.get_running_loop()

    def order(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, order, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
