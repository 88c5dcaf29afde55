"""The bounded queue of the recorder: order, back-pressure, counted drops."""

import asyncio
import time

import pytest

from liquidity.ports.market_stream import ReceivedMessage
from liquidity_service.recording_inbox import Inbox, Loss


def some(first, count):
    return [ReceivedMessage(number, {"n": number}) for number in range(first, first + count)]


def inbox(max_messages=10, patience_s=0.05) -> Inbox:
    return Inbox(max_messages, patience_s, time.monotonic)


def test_items_come_out_in_order_and_in_parts():
    async def story():
        box = inbox()
        await box.put(some(0, 3))
        await box.put_now(Loss("A", "silent"))
        await box.put(some(3, 2))
        first = await box.take(2, 0.01)
        rest = await box.take(100, 0.01)
        assert [item.received_ns for item in first] == [0, 1]
        assert rest[1] == Loss("A", "silent")
        assert [item.received_ns for item in (rest[0], *rest[2:])] == [2, 3, 4]
        assert await box.take(1, 0.01) == []

    asyncio.run(story())


@pytest.mark.feature("PL-OB-13")
def test_a_full_inbox_holds_the_reader_back_and_loses_nothing():
    async def story():
        box = inbox(max_messages=10, patience_s=5.0)
        taken, longest = [], 0

        async def reader():
            dropped = [await box.put(some(100 * batch, 100)) for batch in range(5)]
            await box.close()
            return dropped

        reading = asyncio.create_task(reader())
        while items := await box.take(3, 1.0):
            taken += [item.received_ns for item in items]
            longest = max(longest, len(box))
            await asyncio.sleep(0)
        assert await reading == [0] * 5
        assert taken == list(range(500))
        assert longest <= 10

    asyncio.run(story())


@pytest.mark.feature("PL-OB-13")
def test_what_does_not_fit_in_time_is_dropped_and_counted_once():
    async def story():
        box = inbox(max_messages=10, patience_s=0.02)
        assert await box.put(some(0, 25)) == 15
        assert await box.put(some(25, 5)) == 5
        assert len(box) == 11
        items = await box.take(100, 0.01)
        assert [item.received_ns for item in items[:-1]] == list(range(10))
        assert items[-1] == Loss(None, "dropped", 20)

    asyncio.run(story())


def test_the_time_reached_is_that_of_the_oldest_item():
    async def story():
        seconds = [5.0]
        box = Inbox(10, 0.01, lambda: seconds[0])
        assert box.reached_s == 5.0
        await box.put(some(0, 1))
        seconds[0] = 9.0
        await box.put(some(1, 1))
        assert box.reached_s == 5.0
        await box.take(1, 0.01)
        assert box.reached_s == 9.0

    asyncio.run(story())


def test_a_closed_inbox_gives_what_waits_and_then_nothing_at_once():
    async def story():
        box = inbox()
        await box.put(some(0, 1))
        await box.close()
        assert len(await box.take(5, 60.0)) == 1
        assert await box.take(5, 60.0) == []

    asyncio.run(story())
