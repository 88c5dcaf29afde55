"""Liquidation events are told once and add up to the tape."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from liquidity.derivatives import distinct_events, totals
from liquidity.domain.market_data import LiquidationEvent

AT = datetime(2026, 3, 1, tzinfo=UTC)


def event(number: int, *, venue: str = "okx", side: str = "long", notional: float = 100.0) -> LiquidationEvent:
    return LiquidationEvent(venue, "BTC-USDT-SWAP", str(number), AT, side, 50_000.0, notional / 50_000.0, notional)


@pytest.mark.feature("PL-FU-04")
def test_an_event_is_told_once_by_its_venue_id() -> None:
    tape = [event(1), event(2), event(1), event(3), event(2)]
    found = distinct_events(tape)
    assert [each.event_id for each in found.events] == ["1", "2", "3"]
    assert (found.duplicates_n, found.conflicts) == (2, ())
    same_object = event(9)
    assert len(distinct_events([same_object, same_object]).events) == 1
    assert len(distinct_events([event(1), event(1, venue="bybit")]).events) == 2


@pytest.mark.feature("PL-FU-04")
def test_stored_events_are_not_told_again() -> None:
    found = distinct_events([event(1), event(2)], known=[event(1)])
    assert [each.event_id for each in found.events] == ["2"]
    assert found.duplicates_n == 1


def test_another_telling_of_a_known_id_is_kept_for_a_person() -> None:
    changed = replace(event(1), amount=9.0)
    found = distinct_events([event(1), changed])
    assert found.events == (event(1),)
    assert found.conflicts == (changed,)


@pytest.mark.feature("PL-FU-04")
def test_totals_reconcile_to_the_tape_in_any_order() -> None:
    rng = np.random.default_rng(1)
    tape = [
        event(k, side="long" if k % 3 else "short", notional=float(value))
        for k, value in enumerate(rng.lognormal(8, 3, 500))
    ]
    repeated = [tape[k] for k in rng.integers(0, 500, 300)]
    mixed = [(tape + repeated)[k] for k in rng.permutation(800)]
    found = totals(distinct_events(mixed).events)
    assert found == totals(tape)
    assert found.events_n == 500
    assert found.total_quote == pytest.approx(math.fsum(each.notional_quote for each in tape), rel=1e-12)


def test_a_reported_total_is_compared_and_never_forced() -> None:
    found = totals([event(1, notional=60.0), event(2, side="short", notional=30.0)])
    assert (found.long_quote, found.short_quote) == (60.0, 30.0)
    assert found.difference_frac(100.0) == pytest.approx(0.1)
    assert found.difference_frac(80.0) == pytest.approx(-0.125)
    assert found.difference_frac(0.0) is None
    assert totals([]).total_quote == 0.0
