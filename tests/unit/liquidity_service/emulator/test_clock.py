"""One clock: stands until started, can be moved by hand, never goes back."""

import asyncio
import time

import pytest

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator.clock import MarketClock


def test_a_clock_of_speed_zero_moves_by_hand():
    async def scenario():
        clock = MarketClock(0)
        clock.start()
        waiting = asyncio.create_task(clock.wait_until(2_000_000_000))
        clock.advance(1.5)
        await asyncio.sleep(0.02)
        assert not waiting.done()
        clock.advance(0.5)
        await asyncio.wait_for(waiting, 1)
        assert clock.elapsed_ns() == 2_000_000_000

    asyncio.run(scenario())


def test_speed_pause_and_resume():
    async def scenario():
        clock = MarketClock(100)
        assert not clock.running
        began = time.monotonic()
        waiting = asyncio.create_task(clock.wait_until(5_000_000_000))
        await asyncio.sleep(0.01)
        clock.start()
        await asyncio.wait_for(waiting, 2)
        assert 0.05 <= time.monotonic() - began < 1
        clock.pause()
        held = clock.elapsed_ns()
        await asyncio.sleep(0.02)
        assert clock.elapsed_ns() == held >= 5_000_000_000
        clock.start()
        await asyncio.sleep(0.02)
        assert clock.elapsed_ns() > held

    asyncio.run(scenario())


@pytest.mark.parametrize("speed", [-1, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ConfigError, match="speed"):
        MarketClock(speed)


def test_time_does_not_go_back():
    with pytest.raises(ConfigError, match="go back"):
        MarketClock().advance(-1)
