"""Generated markets are lawful: never crossed, ids without a gap, the same for the same seed."""

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator.binance_words import list_market
from liquidity_service.emulator.generated import GeneratedMarket, funding_rate, open_interest
from liquidity_service.emulator.market import DepthEvent, Market, TradeEvent

BEGIN = 1_700_000_000_000_000_000


def market(seed, **options):
    recipe = GeneratedMarket(seed=seed, symbols=("BTCUSDT", "XRPUSDT"), start_ns=BEGIN, **options)
    listings = [list_market("binanceusdm", symbol) for symbol in recipe.symbols]
    first, events = recipe.books(listings, BEGIN)
    return Market(listings, events, start_ns=BEGIN, first_books=first, seed=seed)


@pytest.mark.feature("PL-SG-02")
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), move=st.floats(0, 1), changes=st.integers(1, 30))
def test_books_are_lawful(seed, move, changes):
    made = market(seed, move_share=move, changes=changes, levels=30)
    last = {symbol: book.last_id for symbol, book in made.books.items()}
    ticks = {symbol: listing.tick_size for symbol, listing in made.listings.items()}
    for _ in range(400):
        event = made.step()
        book = made.books[event.symbol]
        (bid, bid_size), (ask, ask_size) = book.best("bids"), book.best("asks")
        if isinstance(event, DepthEvent):
            assert event.previous_id == last[event.symbol] == event.first_id - 1 < event.last_id == book.last_id
            last[event.symbol] = event.last_id
            assert 0 < bid < ask == bid + ticks[event.symbol]
            assert bid_size > 0
            assert ask_size > 0


@pytest.mark.feature("PL-SG-02")
def test_the_same_seed_gives_the_same_market():
    first, again, other = (list(islice(market(seed)._events, 300)) for seed in (4, 4, 5))
    assert first == again != other
    assert any(isinstance(event, TradeEvent) for event in first)
    assert [event.at_ns for event in first] == sorted(event.at_ns for event in first)


def test_candles_sum_the_trades():
    made = market(1)
    trades = [event for event in made.due(BEGIN + 400 * 10**9) if isinstance(event, TradeEvent)]
    mine = [event for event in trades if event.symbol == "BTCUSDT"]
    rows = made.candle_rows("BTCUSDT", 60_000)
    five = made.candle_rows("BTCUSDT", 300_000)
    assert sum(row.trades_n for row in rows) == sum(row.trades_n for row in five) == len(mine)
    assert rows[0].open == five[0].open == mine[0].price
    assert rows[-1].close == five[-1].close == mine[-1].price
    assert sum(float(row.volume) for row in rows) == pytest.approx(sum(float(event.amount) for event in mine))


def test_made_up_figures_are_fixed_by_seed_symbol_and_time():
    assert funding_rate(1, "BTCUSDT", 0) == funding_rate(1, "BTCUSDT", 0) != funding_rate(1, "BTCUSDT", 28_800_000)
    assert -0.0002 <= float(funding_rate(3, "X", 1)) <= 0.0004
    assert (
        open_interest(1, "BTCUSDT", 0) == open_interest(1, "BTCUSDT", 299_999) != open_interest(1, "BTCUSDT", 300_000)
    )


def test_a_market_of_a_few_levels_is_refused():
    with pytest.raises(ConfigError, match="20 levels"):
        GeneratedMarket(levels=3)
