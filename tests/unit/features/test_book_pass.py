"""The pass over a tape: the grid is causal, sums add up, gaps are gaps; on generated tapes and on rows made by hand."""

from datetime import date
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, SNAPSHOT, BookBlock
from liquidity.book.book_features import INVALID_REASONS
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.crypto import BOOK_DAILY
from liquidity.contracts.crypto import INVALID_REASONS as CONTRACT_REASONS
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from liquidity.features.book_daily import daily_liquidity
from liquidity.features.book_pass import BookPass, ViewRules
from liquidity.features.book_tables import (
    BOOK_TABLES,
    BookName,
    SegmentFacts,
    TradeColumns,
    book_tables,
    gathered,
)
from liquidity.simulation.crypto_market import BookConditions, TapeConfig, generate_day

DAY = date(2026, 7, 4)
S = 10**9
NOON = 1_783_166_400 * S
FACTS = {"seg": SegmentFacts("0" * 64, None)}
NAME = BookName("sim", "BTCUSDT-PERP", "simulated")


def made_rows(*rows):
    """Rows of (second, action, side, ticks, lots); every row is a message of its own but for snapshots of one second."""
    at, action, side, ticks, lots = (np.array(column) for column in zip(*rows, strict=True))
    ends = np.append((np.diff(at) != 0) | (action[1:] != SNAPSHOT) | (action[:-1] != SNAPSHOT), True)
    ids = np.full(len(at), NO_ID)
    received = (NOON + at * S).astype(np.int64)
    return BookBlock(
        received, received - 5_000_000, action.astype(np.int8), ends, side.astype(np.int8), ticks, lots, ids, ids, ids
    )


FULL = [
    (0.5, SNAPSHOT, 1, 999, 5),
    (0.5, SNAPSHOT, 1, 998, 9),
    (0.5, SNAPSHOT, -1, 1001, 5),
    (0.5, SNAPSHOT, -1, 1002, 9),
]
GRID = BookGrid(Decimal("0.1"), Decimal("1"))


def run(*blocks, rules=None):
    seen = BookPass(GRID, rules or ViewRules())
    for each in blocks:
        seen.take("seg", each)
    return seen


def cut(rows, first, last):
    return BookBlock(*(getattr(rows, name)[first:last] for name in BookBlock.__slots__))


def test_reasons_of_the_contract_are_those_of_the_engine():
    assert INVALID_REASONS[1:] == CONTRACT_REASONS


@pytest.mark.feature("PL-OB-16", "PL-OB-12")
def test_an_instant_shows_the_newest_message_before_it_and_a_lost_book_shows_nothing():
    seen = run(
        made_rows(
            *FULL,
            (1.5, DELTA, 1, 1000, 2),
            (2.5, INVALIDATE, 0, 0, 0),
            (4.5, SNAPSHOT, 1, 990, 1),
            (4.5, SNAPSHOT, -1, 992, 1),
            (6.5, DELTA, -1, 993, 4),
        )
    )
    bids = [row.figures.best_bid_ticks for row in seen.grid_rows]
    assert [(row.at_ns - NOON) // S for row in seen.grid_rows] == [1, 2, 3, 4, 5, 6]
    assert bids == [999, 1000, -1, -1, 990, 990]
    assert [row.figures.valid for row in seen.grid_rows] == [True, True, False, False, True, True]
    audited = seen.audits[("seg", NOON // (86_400 * S))]
    assert (audited.gaps_n, audited.snapshots_n, audited.rows_n, audited.messages_n) == (1, 2, 8, 5)
    frame = book_tables(NAME, seen, None, FACTS)["book_features"]
    assert frame["reason"].isna().tolist() == [True, True, False, False, True, True]
    assert frame.loc[2:3, ["best_bid", "quoted_spread_bps", "bid_ask_imbalance", "book_score"]].isna().all(axis=None)
    assert frame.loc[2:3, "reason"].tolist() == ["no_book", "no_book"]


def test_a_silent_recording_tells_nothing_and_a_later_one_begins_anew():
    later = made_rows(*[(at + 1000.0, *rest) for at, *rest in FULL], (1003.5, DELTA, 1, 1000, 2))
    seen = run(made_rows(*FULL, (3.5, DELTA, 1, 1000, 2)), later, rules=ViewRules(stale_s=5.0))
    assert [(row.at_ns - NOON) // S for row in seen.grid_rows] == [1, 2, 3, 1001, 1002, 1003]
    assert seen.grid_rows[3].figures.best_bid_ticks == 999


def test_a_day_says_the_same_whatever_was_recorded_after_it():
    day = made_rows(*FULL, (3.5, DELTA, 1, 1000, 2))
    later = made_rows(*[(at + 1000.0, *rest) for at, *rest in FULL])
    alone, followed = run(day), run(day, later)
    assert [row.at_ns for row in followed.grid_rows][: len(alone.grid_rows)] == [row.at_ns for row in alone.grid_rows]
    assert all((row.at_ns - NOON) // S > 1000 for row in followed.grid_rows[len(alone.grid_rows) :])


@pytest.mark.parametrize("cuts", [(), (3,), (5,)])
def test_a_silence_inside_a_file_is_told_like_one_between_files(cuts):
    told = [*FULL, (3.5, DELTA, 1, 1000, 2), (103.5, DELTA, 1, 1000, 3), (105.5, DELTA, 1, 1000, 4)]
    edges = [0, *cuts, len(told)]
    seen = run(*(made_rows(*told[first:last]) for first, last in pairwise(edges)))
    assert [(row.at_ns - NOON) // S for row in seen.grid_rows] == [1, 2, 3, 104, 105]


@pytest.fixture(scope="module")
def generated():
    config = TapeConfig(seed=11, coins=("BTC",), minutes=3, rows_per_message=15.0)
    return generate_day(config, DAY, {"BTC": BookConditions()})[1]


def generated_tables(made, until=None, step=131_072):
    whole = BookBlock(*(getattr(made.rows, name) for name in BookBlock.__slots__))
    end = len(whole) if until is None else int(np.searchsorted(whole.received_ns, until, side="right"))
    seen = BookPass(BookGrid(made.book.tick_size, made.book.lot_size, 1.0, "linear"), ViewRules())
    for first in range(0, end, step):
        seen.take("seg", cut(whole, first, min(first + step, end)))
    t = made.trades
    keep = t.received_ns <= (until or t.received_ns[-1])
    trades = TradeColumns(
        t.received_ns[keep], t.event_ns[keep], t.trade_id[keep].astype(str).astype(object),
        seen.grid.prices(t.price_ticks[keep]), seen.grid.sizes(t.size_lots[keep]), t.taker_sign[keep],
    )  # fmt: skip
    return seen, book_tables(NAME, seen, trades, FACTS)


def test_tables_keep_their_contracts_and_figures_equal_the_ladders(generated):
    seen, tables = generated_tables(generated)
    for contract in BOOK_TABLES:
        rows = table_from_frame(gathered(contract, [tables[contract.name]]), contract)
        assert audit(rows, contract, DAY).violations == ()
    ladder = Ladder(seen.grid)
    whole = BookBlock(*(getattr(generated.rows, name) for name in BookBlock.__slots__))
    told = ladder.apply(whole, every=S)
    figures = tables["book_features"].iloc[: len(told)]
    assert (figures["at"].to_numpy("datetime64[ns]").astype(np.int64) == told["at_ns"]).all()
    np.testing.assert_array_equal(figures["quoted_spread_bps"], told["quoted_spread_bps"])
    np.testing.assert_array_equal(figures["bid_depth_25bps_quote"], told["bid_depth_25bps_quote"])
    daily = daily_liquidity(
        *(tables[name] for name in ("book_features", "market_depth", "venue_trades", "book_deltas"))
    )
    assert audit(table_from_frame(daily, BOOK_DAILY), BOOK_DAILY, DAY).violations == ()


@pytest.mark.feature("PL-OB-07")
def test_a_shorter_tape_gives_the_same_rows_as_far_as_it_goes(generated):
    _, whole = generated_tables(generated)
    half = int(generated.event_ns[len(generated.event_ns) * 2 // 3])
    _, part = generated_tables(generated, until=half)
    for name in ("book_features", "market_depth", "book_snapshots", "venue_trades"):
        assert 0 < len(part[name]) < len(whole[name])
        pd.testing.assert_frame_equal(part[name], whole[name].iloc[: len(part[name])])
    assert part["book_features"]["toxicity"].between(-1.0, 1.0).any()


def test_the_size_of_blocks_does_not_matter(generated):
    _, whole = generated_tables(generated)
    _, small = generated_tables(generated, step=997)
    for name in ("book_features", "market_depth", "venue_trades"):
        pd.testing.assert_frame_equal(small[name], whole[name])


def test_rules_outside_their_range_are_refused():
    for wrong in ({"grid_s": 7}, {"levels": 0}, {"stale_s": 0.0}, {"wall_depth_frac": 1.0}):
        with pytest.raises(ConfigError, match="allowed"):
            ViewRules(**wrong)


@pytest.mark.feature("PL-OB-12")
def test_a_tape_that_tells_no_trade_has_no_turnover_instead_of_none():
    tables = book_tables(NAME, run(made_rows(*FULL, (3.5, DELTA, 1, 1000, 2))), None, FACTS)
    [day] = daily_liquidity(*(tables[name] for name in ("book_features", "market_depth", "venue_trades", "book_deltas"))).itertuples()  # fmt: skip
    assert pd.isna(day.turnover_quote)
    assert pd.isna(day.trades_count)
    assert day.quoted_spread_bps > 0.0
