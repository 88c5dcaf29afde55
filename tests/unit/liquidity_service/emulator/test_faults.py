"""The fault plan decides by counts and seed, and reads its own words."""

import pytest

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator.faults import FaultPlan, RouteFault, StreamFault, parse_fault


def kinds(plan, stream, count, connection=1):
    return [fault.kind if (fault := plan.for_message(connection, stream)) else "" for _ in range(count)]


@pytest.mark.feature("ET-SG-04")
def test_messages_are_counted_on_each_connection():
    plan = FaultPlan([StreamFault("drop", "*@depth*", first=3, last=4)])
    assert kinds(plan, "a@depth@100ms", 5) == ["", "", "drop", "drop", ""]
    assert kinds(plan, "a@trade", 4) == [""] * 4
    assert kinds(plan, "a@depth@100ms", 3, connection=2) == ["", "", "drop"]


def test_times_limits_the_connections_a_cut_meets():
    plan = FaultPlan([StreamFault("cut", first=2, times=2)])
    assert [kinds(plan, "x", 2, connection=c)[1] for c in (1, 2, 3)] == ["cut", "cut", ""]


def test_shares_are_drawn_from_the_seed():
    fault = StreamFault("drop", last=0, probability=0.3)
    first, again, other = (kinds(FaultPlan([fault], seed=seed), "x", 500) for seed in (1, 1, 2))
    assert first == again != other
    assert 100 < first.count("drop") < 200


def test_requests_are_counted_by_route():
    plan = FaultPlan([RouteFault("status", "GET */depth", first=2, times=2)])
    met = [[f.status for f in plan.for_request("GET /bn/fapi/v1/depth")] for _ in range(4)]
    assert met == [[], [503], [503], []]
    assert plan.for_request("POST /bn/fapi/v1/order") == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cut stream=*@depth* message=50 times=5", StreamFault("cut", "*@depth*", first=50, times=5)),
        ("drop messages=100-129", StreamFault("drop", first=100, last=129)),
        ("delay stream=x delay=0.5", StreamFault("delay", "x", delay_s=0.5)),
        ("cut how=reset", StreamFault("cut", how="reset")),
        (
            "status route=POST*/order status=500 phase=after times=0",
            RouteFault("status", "POST*/order", "after", times=0, status=500),
        ),
        ("drop route=*/order", RouteFault("drop", "*/order")),
        ("limit retry_after=7", RouteFault("limit", retry_after_s=7)),
    ],
)
def test_written_faults(text, fault):
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("explode", "none of"),
        ("cut stream", "KIND name=value"),
        ("cut when=now", "'when' is none of"),
        ("drop messages=a-9", "must be a number"),
        ("cut how=softly", "close, reset"),
        ("silence route=*", "none of delay, drop, status"),
    ],
)
def test_a_wrong_fault_is_refused(text, said):
    with pytest.raises(ConfigError, match=said):
        parse_fault(text)
