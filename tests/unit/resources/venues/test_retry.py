"""Reads are repeated slower each time; what waiting does not cure is raised at once."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidity.domain.errors import (
    ConfigError,
    LiquidityError,
    UnsupportedError,
    VenueAuthError,
    VenueClockError,
    VenueRateLimitedError,
    VenueRejectedError,
    VenueUnavailableError,
)
from resources.venues.retry import RetryPolicy, read_with_retries

pytestmark = pytest.mark.feature("ET-SG-05")
POLICY = RetryPolicy(attempts=4, first_wait_s=1.0, longest_wait_s=3.0)


def ask(*outcomes: LiquidityError | str, policy: RetryPolicy = POLICY) -> tuple[str | LiquidityError, list[float], int]:
    """Answer or error, the waits, and how many outcomes were used."""
    left, waits = list(outcomes), []

    async def attempt() -> str:
        outcome = left.pop(0)
        if isinstance(outcome, LiquidityError):
            raise outcome
        return outcome

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def run() -> str | LiquidityError:
        try:
            return await read_with_retries(attempt, policy, draw=lambda: 0.5, sleep=sleep)
        except LiquidityError as error:
            return error

    return asyncio.run(run()), waits, len(outcomes) - len(left)


def test_the_answer_after_failures_is_returned_and_waits_double_up_to_the_longest() -> None:
    down = VenueUnavailableError("503")
    assert ask(down, down, down, "book") == ("book", [0.75, 1.5, 2.25], 4)


def test_the_last_error_is_raised_after_the_last_attempt() -> None:
    errors = [VenueUnavailableError(str(number)) for number in range(5)]
    assert ask(*errors) == (errors[3], [0.75, 1.5, 2.25], 4)


def test_a_named_wait_is_kept_and_a_too_long_one_is_the_callers() -> None:
    limited = VenueRateLimitedError("429", retry_after_s=2.5)
    assert ask(limited, "book") == ("book", [2.5], 2)
    banned = VenueRateLimitedError("418", retry_after_s=120.0)
    assert ask(banned, "book") == (banned, [], 1)
    assert ask(VenueRateLimitedError("429"), "book") == ("book", [0.75], 2)


@pytest.mark.parametrize(
    "error",
    [VenueAuthError("key"), VenueRejectedError("bad"), VenueClockError("clock"), UnsupportedError("no call")],
)
def test_what_waiting_does_not_cure_is_raised_at_once(error: LiquidityError) -> None:
    assert ask(error, "book") == (error, [], 1)


@given(st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_every_wait_is_within_the_upper_half_of_its_step(failures: int, draw: float) -> None:
    full = min(3.0, 2.0 ** (failures - 1))
    assert full / 2 <= POLICY.wait_s(failures, draw) <= full


@pytest.mark.parametrize("fields", [{"attempts": 0}, {"first_wait_s": 40.0}, {"first_wait_s": -1.0}])
def test_policies_that_cannot_be_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="retry policy"):
        RetryPolicy(**fields)  # type: ignore[arg-type]
