"""Generated tapes: repeatable, never crossed, and with the planted things where the ground truth says."""

from dataclasses import fields
from datetime import date

import numpy as np
import pytest

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.domain.errors import ConfigError
from liquidity.simulation import crypto_recording
from liquidity.simulation.crypto_events import book_crises, crisis_of
from liquidity.simulation.crypto_market import BookConditions, TapeConfig, generate_day, tape_books
from liquidity.simulation.crypto_recording import TapeRows

DAY = date(2026, 7, 4)
CONFIG = TapeConfig(seed=11, coins=("BTC",), minutes=2, rows_per_message=15.0)


def conditions(**changes):
    return {"BTC": BookConditions(**changes)}


def block(made):
    return BookBlock(*(getattr(made.rows, name) for name in BookBlock.__slots__))


def messages(made, config=CONFIG):
    return Ladder(BookGrid(made.book.tick_size, made.book.lot_size)).apply(block(made), every="message")


@pytest.fixture(scope="module")
def day():
    return generate_day(CONFIG, DAY, conditions())


def days_with_losses(count):
    found = []
    for number in range(1, 29):
        found += [each for each in generate_day(CONFIG, date(2026, 7, number), conditions()) if each.losses]
        if len(found) >= count:
            return found
    raise AssertionError("no lost messages in four weeks")


def test_codes_are_those_of_the_engine():
    assert [field.name for field in fields(TapeRows)] == list(BookBlock.__slots__)
    assert (crypto_recording._DELTA, crypto_recording._SNAPSHOT, crypto_recording._INVALIDATE) == (
        DELTA,
        SNAPSHOT,
        INVALIDATE,
    )
    assert (crypto_recording._NO_ID, crypto_recording.NO_TIME) == (NO_ID, NO_TIME)


@pytest.mark.feature("BX-MK-04")
def test_equal_configurations_give_equal_tapes_and_days_do_not_depend_on_each_other(day):
    again = generate_day(CONFIG, DAY, conditions())
    for one, other in zip(day, again, strict=True):
        for field in fields(TapeRows):
            np.testing.assert_array_equal(getattr(one.rows, field.name), getattr(other.rows, field.name))
        np.testing.assert_array_equal(one.trades.size_lots, other.trades.size_lots)
        assert one.levels == other.levels
    other_seed = generate_day(TapeConfig(seed=12, coins=("BTC",), minutes=2, rows_per_message=15.0), DAY, conditions())
    assert not np.array_equal(day[1].best_bid_ticks[:50], other_seed[1].best_bid_ticks[:50])


def test_the_replayed_book_has_the_true_best_quotes_and_never_crosses(day):
    for made in day:
        told = messages(made)
        assert len(made.rows.side) > 10_000
        valid = told["reason"] == 0
        lost = int((made.rows.action == INVALIDATE).sum())
        assert (~valid).sum() == lost
        place = np.searchsorted(made.event_ns, told["event_ns"][valid])
        np.testing.assert_array_equal(told["best_bid_ticks"][valid], made.best_bid_ticks[place])
        np.testing.assert_array_equal(told["best_ask_ticks"][valid], made.best_ask_ticks[place])


@pytest.mark.feature("PL-OB-12")
def test_lost_messages_end_in_a_snapshot_of_the_true_book():
    for made in days_with_losses(2):
        [loss] = made.losses
        told = messages(made)
        times, invalid = told["at_ns"], told["reason"] != 0
        assert times[invalid].tolist() == [loss.from_ns]
        first_after = int(np.flatnonzero(times > loss.from_ns)[0])
        assert times[first_after] == loss.until_ns
        place = int(np.searchsorted(made.event_ns, told["event_ns"][first_after]))
        assert told["best_bid_ticks"][first_after] == made.best_bid_ticks[place]
        assert loss.messages_lost == 30


@pytest.mark.feature("PL-OB-15")
def test_the_second_venue_follows_the_first_by_the_planted_delay(day):
    follower, leader = day
    grid = np.arange(leader.event_ns[0] + 3 * 10**9, leader.event_ns[-1] - 10**9, 50_000_000)

    def returns(made, lag_ms=0):
        mid = made.best_bid_ticks + made.best_ask_ticks
        return np.diff(np.log(mid[np.searchsorted(made.event_ns, grid - lag_ms * 1_000_000, side="right") - 1]))

    lags = np.arange(0, 1001, 100)
    fit = [np.corrcoef(returns(follower), returns(leader, int(lag)))[0, 1] for lag in lags]
    assert abs(lags[int(np.argmax(fit))] - CONFIG.lag_ms) <= 100
    assert max(fit) > 0.3


def test_a_crisis_takes_depth_and_widens_the_spread():
    crises = book_crises(11, ("BTC",), date(2026, 6, 1), date(2026, 7, 31))
    hit = crisis_of(crises, "BTC", crises[0].first_day)
    assert hit == crises[0]
    assert crisis_of(crises, "ETH", crises[0].first_day) is None
    calm, bad = (generate_day(CONFIG, hit.first_day, conditions(), planted)[1] for planted in ((), crises))
    before, after = messages(calm), messages(bad)

    def median(told, name):
        return float(np.nanmedian(told[name]))

    depth = median(after, "bid_depth_10bps_quote") / median(before, "bid_depth_10bps_quote")
    assert 0.5 * hit.depth_factor < depth < 2.0 * hit.depth_factor
    spread = median(after, "quoted_spread_bps") / median(before, "quoted_spread_bps")
    assert 0.5 * hit.spread_factor < spread < 2.0 * hit.spread_factor


def test_crises_of_a_longer_run_begin_with_those_of_a_shorter_one():
    short = book_crises(3, ("BTC", "ETH"), date(2026, 1, 1), date(2026, 3, 1))
    long = book_crises(3, ("BTC", "ETH"), date(2026, 1, 1), date(2026, 6, 1))
    assert long[: len(short)] == short
    assert len(short) >= 2


def test_trades_are_in_order_of_receipt_with_rising_ids(day):
    for made in day:
        assert (np.diff(made.trades.received_ns) >= 0).all()
        assert (np.diff(made.trades.trade_id) == 1).all()
        assert (made.trades.size_lots >= 1).all()
        assert set(np.unique(made.trades.taker_sign).tolist()) == {-1, 1}


def test_books_are_the_follower_and_one_per_coin():
    assert [book.instrument_id for book in tape_books(TapeConfig())] == [
        "sim_b:BTCUSDT-PERP", "sim:BTCUSDT-PERP", "sim:ETHUSDT-PERP", "sim:SOLUSDT-PERP",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"minutes": 0}, {"coins": ()}, {"coins": ("DOGE",)}, {"coins": ("BTC", "BTC")}, {"lag_ms": -1.0}]
)
def test_dials_outside_their_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="allowed"):
        TapeConfig(**wrong)
