"""Which delta may follow which, chain by chain."""

import pytest

from liquidity.book.block import NO_ID
from liquidity.book.chain_audit import ChainAudit
from liquidity.book.sequence import APPLY, DUPLICATE, GAP, OLD, OUT_OF_ORDER, Chain, verdict

pytestmark = pytest.mark.feature("PL-OB-12")

# chain, fresh, last, (first, last, previous) -> verdict
CASES = [
    # Binance spot: lastUpdateId 160; the book is right from the first message that holds 161
    (Chain.RANGE, True, 160, (150, 160, NO_ID), OLD),
    (Chain.RANGE, True, 160, (158, 161, NO_ID), APPLY),
    (Chain.RANGE, True, 160, (161, 165, NO_ID), APPLY),
    (Chain.RANGE, True, 160, (162, 165, NO_ID), GAP),
    (Chain.RANGE, False, 165, (166, 166, NO_ID), APPLY),
    (Chain.RANGE, False, 165, (161, 165, NO_ID), DUPLICATE),
    (Chain.RANGE, False, 165, (150, 158, NO_ID), DUPLICATE),
    (Chain.RANGE, False, 165, (165, 170, NO_ID), GAP),
    (Chain.RANGE, False, 165, (168, 170, NO_ID), GAP),
    (Chain.RANGE, False, 165, (170, 168, NO_ID), GAP),
    (Chain.RANGE, False, 165, (NO_ID, 168, NO_ID), GAP),
    # Binance futures: ids jump, pu chains them
    (Chain.RANGE_AND_PREVIOUS, True, 160, (150, 159, 149), OLD),
    (Chain.RANGE_AND_PREVIOUS, True, 160, (150, 160, 149), APPLY),
    (Chain.RANGE_AND_PREVIOUS, True, 160, (155, 170, 149), APPLY),
    (Chain.RANGE_AND_PREVIOUS, True, 160, (165, 170, 160), APPLY),
    (Chain.RANGE_AND_PREVIOUS, True, 160, (165, 170, 162), GAP),
    (Chain.RANGE_AND_PREVIOUS, False, 170, (180, 190, 170), APPLY),
    (Chain.RANGE_AND_PREVIOUS, False, 170, (155, 170, 149), DUPLICATE),
    (Chain.RANGE_AND_PREVIOUS, False, 170, (180, 190, 175), GAP),
    (Chain.RANGE_AND_PREVIOUS, False, 170, (171, 190, NO_ID), GAP),
    # OKX, Deribit: the id before, from the snapshot on; a heartbeat repeats it, maintenance restarts it lower
    (Chain.PREVIOUS, True, 10, (NO_ID, 15, 10), APPLY),
    (Chain.PREVIOUS, True, 10, (NO_ID, 9, 7), OLD),
    (Chain.PREVIOUS, False, 15, (NO_ID, 15, 15), APPLY),
    (Chain.PREVIOUS, False, 15, (NO_ID, 3, 15), APPLY),
    (Chain.PREVIOUS, False, 15, (NO_ID, 12, 10), DUPLICATE),
    (Chain.PREVIOUS, False, 15, (NO_ID, 20, 17), GAP),
    (Chain.PREVIOUS, False, 15, (NO_ID, 20, NO_ID), GAP),
    # Bybit v5: one by one
    (Chain.CONTIGUOUS, True, 7, (8, 8, NO_ID), APPLY),
    (Chain.CONTIGUOUS, False, 8, (8, 8, NO_ID), DUPLICATE),
    (Chain.CONTIGUOUS, False, 8, (10, 10, NO_ID), GAP),
    # Bybit before v5: a wider series
    (Chain.NON_DECREASING, False, 8, (NO_ID, 8, NO_ID), APPLY),
    (Chain.NON_DECREASING, False, 8, (NO_ID, 99, NO_ID), APPLY),
    (Chain.NON_DECREASING, False, 8, (NO_ID, 7, NO_ID), OUT_OF_ORDER),
    # nothing numbered: nothing to check; numbered by rule and not in fact: unknown
    (Chain.UNNUMBERED, False, NO_ID, (NO_ID, NO_ID, NO_ID), APPLY),
    (Chain.RANGE, False, 8, (NO_ID, NO_ID, NO_ID), GAP),
    (Chain.CONTIGUOUS, True, NO_ID, (9, 9, NO_ID), GAP),
]


@pytest.mark.parametrize(("chain", "fresh", "last", "ids", "expected"), CASES)
def test_the_verdict_of_each_chain(
    chain: Chain, fresh: bool, last: int, ids: tuple[int, int, int], expected: int
) -> None:
    assert verdict(chain, fresh, last, *ids) == expected


def test_the_audit_tells_a_lost_stretch_from_repeats_and_neighbours_that_changed_places() -> None:
    audit = ChainAudit(Chain.RANGE_AND_PREVIOUS)
    messages = [(1, 5, 0), (6, 9, 5), (6, 9, 5), (20, 22, 15), (30, 33, 25), (23, 25, 22), (34, 36, 33)]
    for place, ids in enumerate(messages):
        audit.add(*ids, received_ns=place)
    assert audit.duplicates_n == 1
    assert audit.out_of_order_n == 1
    assert [(gap.after_id, gap.before_id, gap.from_ns, gap.to_ns) for gap in audit.lost] == [(9, 15, 1, 3)]


def test_the_audit_of_an_older_wire_shape_uses_its_own_chain() -> None:
    audit = ChainAudit(Chain.CONTIGUOUS, Chain.NON_DECREASING)
    for place, last in enumerate([5, 9, 9, 7, 12]):
        audit.add(NO_ID, last, NO_ID, received_ns=place)
    assert (audit.lost, audit.out_of_order_n, audit.duplicates_n) == ([], 1, 0)
