"""Whole blocks: nothing is copied where nothing is wrong, and millions of rows a second."""

import numpy as np
import pytest

from liquidity.book.block import DELTA, INVALIDATE, SNAPSHOT, BookBlock
from liquidity.book.block_sequence import BlockSequence
from liquidity.domain.errors import ConfigError


def rows(messages_n: int, levels_n: int, *, snapshot: bool = False, first: int = 1) -> BookBlock:
    """Binance spot messages of equal length, ids one by one; a snapshot before them where asked."""
    rows_n = messages_n * levels_n
    ids = np.repeat(np.arange(first, first + messages_n), levels_n).astype(np.int64)
    ends = np.zeros(rows_n, dtype=np.bool_)
    ends[levels_n - 1 :: levels_n] = True
    action = np.full(rows_n, DELTA, dtype=np.int8)
    if snapshot:
        action[:levels_n] = SNAPSHOT
    side = np.ones(rows_n, dtype=np.int8)
    return BookBlock(ids, ids, action, ends, side, ids, ids, ids, ids, np.full(rows_n, -1, dtype=np.int64))


def test_an_unbroken_block_is_given_back_itself() -> None:
    check = BlockSequence("binance")
    first, second = rows(5, 3, snapshot=True), rows(4, 3, first=6)
    assert check.push(first) is first
    assert check.push(second) is second
    assert check.counts == {"snapshots": 1, "applied": 8}


@pytest.mark.feature("PL-OB-12")
def test_a_missing_message_becomes_one_row_that_invalidates() -> None:
    check = BlockSequence("binance")
    check.push(rows(5, 3, snapshot=True))
    checked = check.push(rows(4, 3, first=9))
    assert checked.action.tolist() == [INVALIDATE]
    assert checked.side.tolist() == [0]
    assert checked.received_ns.tolist() == [9]
    assert check.counts["gap"] == 1
    assert check.needs_snapshot
    assert len(check.push(rows(4, 3, first=13))) == 0


def test_venues_whose_levels_carry_ids_are_refused() -> None:
    for venue in ("dydx_v3", "bitmex", "hyperliquid"):
        with pytest.raises(ConfigError, match="Synchroniser"):
            BlockSequence(venue)


def test_a_long_chain_is_applied_whole() -> None:
    check = BlockSequence("binance")
    for number in range(20):
        check.push(rows(2_000, 50, snapshot=number == 0, first=1 + 2_000 * number))
    assert check.counts["applied"] == 39_999
