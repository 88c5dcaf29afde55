"""Collecting history: pages, resuming, what a venue does not offer, files that are somebody else's."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidity.domain.book_message import BookMessage
from liquidity.domain.errors import (
    ConfigError,
    ContractError,
    UnsupportedError,
    VenueRejectedError,
    VenueUnavailableError,
)
from liquidity.domain.market_data import Candle, FundingRate, Market, OpenInterest, PublicTrade
from liquidity_service.collect import collect, pages
from liquidity_service.collected_files import CollectedMarket, Period, periods
from resources.file_validation import validate_path
from resources.tapes import open_tape

DAY = timedelta(days=1)
BTC = Market(
    "binanceusdm", "BTC/USDT:USDT", "BTCUSDT", "linear", "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.001"), 1.0,
    0.001, 5.0, 125.0, None, None, True,
)  # fmt: skip
USD = Market(
    "binancecoinm", "BTC/USD:BTC", "BTCUSD_PERP", "inverse", "BTC", "USD", "BTC", Decimal("0.1"), Decimal("1"), 100.0,
    1.0, None, 125.0, None, None, True,
)  # fmt: skip


class History:
    """A venue with a lawful history since 2026-01-01, three items a page."""

    def __init__(self, market=BTC, page=3, fail_after=None) -> None:
        self.market, self.page, self.fail_after, self.calls = market, page, fail_after, []

    def _page(self, name, every, since, make):
        self.calls.append((name, since))
        if self.fail_after is not None and len(self.calls) > self.fail_after:
            raise VenueUnavailableError("503 after retries")
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        first = max(begin, begin + -(-(since - begin) // every) * every)
        moments = [first + every * number for number in range(self.page)]
        return [make(at) for at in moments if at < datetime(2026, 4, 1, tzinfo=UTC)]

    async def candles(self, symbol, timeframe, *, since, limit):
        every = DAY if timeframe == "1d" else timedelta(hours=1)
        return self._page("candles", every, since, lambda at: Candle(at, 10.0, 12.0, 9.0, 11.0, float(at.day)))

    async def funding_history(self, symbol, *, since, limit):
        def rate(at):
            hours = 8.0 if at.month == 1 else 4.0
            return FundingRate("binanceusdm", symbol, at, 0.0001, hours, None, None, None, None)

        return self._page("funding", timedelta(hours=8), since, rate)

    async def open_interest_history(self, symbol, timeframe, *, since, limit):
        make = lambda at: OpenInterest(symbol, "binanceusdm", 5.0, 50.0, at, None, 0.1)  # noqa: E731
        return self._page("oi", timedelta(hours=1), since, make)

    async def trades(self, symbol, *, since, limit):
        def trade(at):
            return PublicTrade("binanceusdm", symbol, f"t{at.timestamp():.0f}", at, 10.0, 2.0, -1)

        return self._page("trades", timedelta(minutes=30), since, trade)

    async def order_book(self, symbol, *, limit=None):
        return BookMessage(
            "snapshot", symbol, 1_774_000_000_000_000_000, None, [("99.9", "1")], [("100.1", "2")], last_id=7
        )


def gather(venue, kind, landing, start, end, timeframe="1d", market=None):
    steps = []
    told = asyncio.run(
        collect(
            venue,
            market or venue.market,
            kind,
            landing,
            start,
            end,
            timeframe,
            lambda done, of: steps.append((done, of)),
        )
    )
    return told, steps


def test_daily_bars_become_instruments_and_microstructure_that_pass_validation(tmp_path):
    told, steps = gather(History(), "ohlcv", tmp_path, date(2026, 1, 30), date(2026, 3, 2))
    assert told.complete
    assert told.rows == 32
    assert steps[0] == (0, 3)
    assert steps[-1] == (3, 3)
    for table in ("instruments", "microstructure"):
        names = sorted(path.name for path in (tmp_path / table).iterdir())
        assert names == [f"binanceusdm.BTCUSDT.2026-0{month}.parquet" for month in (1, 2, 3)]
    report = validate_path(tmp_path, None)
    assert report.passed, report.to_text()
    rows = pq.read_table(tmp_path / "microstructure").to_pylist()
    assert [row["session_date"] for row in rows] == [date(2026, 1, 30) + DAY * number for number in range(32)]
    assert rows[0]["turnover_ccy"] == pytest.approx(30 * 32 / 3)
    assert rows[0]["observed_at"] == datetime(2026, 1, 31, tzinfo=UTC)


def test_turnover_of_an_inverse_contract_counts_contracts(tmp_path):
    gather(History(USD), "ohlcv", tmp_path, date(2026, 1, 5), date(2026, 1, 5))
    (row,) = pq.read_table(tmp_path / "microstructure").to_pylist()
    assert row["turnover_ccy"] == 500.0


@pytest.mark.feature("PL-FU-01")
def test_open_interest_is_appended_idempotently(tmp_path):
    first, _ = gather(History(), "oi", tmp_path, date(2026, 1, 10), date(2026, 1, 12))
    again = History()
    second, _ = gather(again, "oi", tmp_path, date(2026, 1, 10), date(2026, 1, 12))
    assert (first.rows, second.rows, second.complete) == (72, 0, True)
    assert again.calls == []
    assert second.line() == "binanceusdm:BTCUSDT oi: complete already"
    longer = History()
    third, _ = gather(longer, "oi", tmp_path, date(2026, 1, 10), date(2026, 1, 14))
    assert third.rows == 48
    assert longer.calls[0][1] == datetime(2026, 1, 13, tzinfo=UTC)
    (path,) = (tmp_path / "crypto" / "open_interest").glob("*.parquet")
    rows = pq.read_table(path).to_pylist()
    assert [row["at"] for row in rows] == [datetime(2026, 1, 10, tzinfo=UTC) + timedelta(hours=n) for n in range(120)]
    assert {row["open_interest_base"] for row in rows} == {5.0}


@pytest.mark.feature("PL-FU-02")
def test_each_funding_rate_keeps_its_own_interval(tmp_path):
    told, _ = gather(History(), "funding", tmp_path, date(2026, 1, 31), date(2026, 2, 1))
    assert told.rows == 6
    rows = pq.read_table(tmp_path / "crypto" / "funding_rates").to_pylist()
    assert {(row["session_date"].month, row["interval_hours"]) for row in rows} == {(1, 8.0), (2, 4.0)}
    assert [row["annualised_frac"] for row in rows[::5]] == pytest.approx([0.0001 * 3 * 365, 0.0001 * 6 * 365])


def test_trades_get_a_file_a_day_and_bars_of_an_hour_one_a_month(tmp_path):
    told, _ = gather(History(), "trades", tmp_path, date(2026, 1, 31), date(2026, 2, 1))
    assert told.rows == 96
    names = sorted(path.name for path in (tmp_path / "crypto" / "venue_trades").glob("*.parquet"))
    assert names == ["binanceusdm.BTCUSDT.2026-01-31.parquet", "binanceusdm.BTCUSDT.2026-02-01.parquet"]
    row = pq.read_table(tmp_path / "crypto" / "venue_trades" / names[0]).to_pylist()[0]
    assert (row["notional_quote"], row["taker_sign"]) == (20.0, -1)
    told, _ = gather(History(), "ohlcv", tmp_path, date(2026, 1, 31), date(2026, 2, 1), timeframe="1h")
    assert told.rows == 48
    names = sorted(path.name for path in (tmp_path / "crypto" / "candles").glob("*.parquet"))
    assert names == ["binanceusdm.BTCUSDT.1h.2026-01.parquet", "binanceusdm.BTCUSDT.1h.2026-02.parquet"]


def test_a_collection_that_broke_off_goes_on_where_it_was(tmp_path):
    broken = History(fail_after=50)
    told, _ = gather(broken, "oi", tmp_path, date(2026, 1, 29), date(2026, 3, 3))
    assert not told.complete
    assert "stopped: 503 after retries; call again to go on" in told.line()
    assert told.rows == 72  # January is whole, February was lost with the failure
    assert not list(tmp_path.rglob("*.tmp"))
    resumed = History()
    told, _ = gather(resumed, "oi", tmp_path, date(2026, 1, 29), date(2026, 3, 3))
    assert told.complete
    assert resumed.calls[0][1] == datetime(2026, 2, 1, tzinfo=UTC)
    rows = pq.read_table(tmp_path / "crypto" / "open_interest").to_pylist()
    assert len({row["at"] for row in rows}) == len(rows) == 34 * 24


def test_what_the_venue_does_not_offer_is_said(tmp_path):
    venue = History()

    async def refused(symbol, *, since, limit):
        raise UnsupportedError("hyperliquid trades: only in the stream")

    venue.trades = refused
    told, _ = gather(venue, "trades", tmp_path, date(2026, 1, 1), date(2026, 1, 2))
    assert (told.rows, told.complete) == (0, False)
    assert (
        told.line()
        == "binanceusdm:BTCUSDT trades: nothing fetched; not offered: hyperliquid trades: only in the stream"
    )
    assert not list((tmp_path / "crypto").rglob("*.parquet"))


def test_files_of_others_and_changed_ones_are_refused(tmp_path):
    start, end = date(2026, 1, 1), date(2026, 1, 2)
    path = tmp_path / "crypto" / "open_interest" / "binanceusdm.BTCUSDT.2026-01.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    with pytest.raises(ContractError, match="was not written by `pulse collect`"):
        gather(History(), "oi", tmp_path, start, end)
    assert path.read_bytes() == b"mine"
    path.unlink()
    gather(History(), "oi", tmp_path, start, end)
    path.write_bytes(b"edited")
    with pytest.raises(ContractError, match="was changed since it was collected"):
        gather(History(), "oi", tmp_path, start, date(2026, 1, 3))
    path.unlink()
    told, _ = gather(History(), "oi", tmp_path, start, end)
    assert told.rows == 48


def test_a_month_without_rows_leaves_no_file_and_is_asked_for_again(tmp_path):
    told, _ = gather(History(), "oi", tmp_path, date(2026, 3, 31), date(2026, 5, 3))
    assert (told.rows, told.complete) == (24, False)
    assert told.line() == "binanceusdm:BTCUSDT oi: 24 rows fetched; the venue has nothing for 2026-04, 2026-05"
    (path,) = (tmp_path / "crypto" / "open_interest").glob("*.parquet")
    assert "2026-03" in path.name
    again = History()
    gather(again, "oi", tmp_path, date(2026, 3, 31), date(2026, 5, 3))
    assert [since.month for _, since in again.calls] == [4, 5]


@pytest.mark.parametrize("is_in_place", [True, False])
def test_killed_around_the_rename_the_next_call_knows_its_file(tmp_path, monkeypatch, is_in_place):
    gather(History(), "oi", tmp_path, date(2026, 1, 1), date(2026, 1, 2))
    remember, calls = CollectedMarket._remember, []

    def killed(self, name, entry):
        calls.append(entry)
        if len(calls) == 2 or not is_in_place:
            if not is_in_place:
                remember(self, name, entry)
            raise KeyboardInterrupt
        remember(self, name, entry)

    monkeypatch.setattr(CollectedMarket, "_remember", killed)
    with pytest.raises(KeyboardInterrupt):
        gather(History(), "oi", tmp_path, date(2026, 1, 1), date(2026, 1, 4))
    monkeypatch.undo()
    told, _ = gather(History(), "oi", tmp_path, date(2026, 1, 1), date(2026, 1, 4))
    assert told.complete
    assert told.rows == (0 if is_in_place else 48)
    rows = pq.read_table(tmp_path / "crypto" / "open_interest").to_pylist()
    assert len({row["at"] for row in rows}) == len(rows) == 96


def test_a_book_becomes_a_tape(tmp_path):
    told, _ = gather(History(), "book", tmp_path, date(2026, 1, 1), date(2026, 1, 1))
    assert (told.rows, told.complete) == (2, True)
    tape = open_tape(tmp_path / "tapes")
    (message,) = list(tape.messages())
    assert (message.kind, message.last_id) == ("snapshot", 7)


def test_a_market_is_collected_by_one_process_at_a_time(tmp_path):
    with (
        CollectedMarket.opened(tmp_path, "binanceusdm", "BTCUSDT"),
        pytest.raises(ConfigError, match="another process collects it now"),
        CollectedMarket.opened(tmp_path, "binanceusdm", "BTCUSDT"),
    ):
        pass


def test_a_torn_state_file_is_refused(tmp_path):
    path = tmp_path / "crypto" / ".collected" / "binanceusdm.BTCUSDT.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(ContractError, match="not readable as what `pulse collect` remembers"):
        gather(History(), "oi", tmp_path, date(2026, 1, 1), date(2026, 1, 1))


def test_an_earlier_beginning_fetches_the_month_anew(tmp_path):
    gather(History(), "oi", tmp_path, date(2026, 1, 10), date(2026, 1, 12))
    gather(History(), "oi", tmp_path, date(2026, 1, 8), date(2026, 1, 11))
    rows = pq.read_table(tmp_path / "crypto" / "open_interest").to_pylist()
    assert len({row["at"] for row in rows}) == len(rows) == 5 * 24


@given(st.dates(date(2019, 1, 1), date(2027, 1, 1)), st.integers(0, 400), st.sampled_from(("month", "day")))
def test_periods_cover_every_day_once(start, length, unit):
    found = periods(start, start + DAY * length, unit)
    days = [each.first + DAY * n for each in found for n in range((each.last - each.first).days + 1)]
    assert days == [start + DAY * n for n in range(length + 1)]
    assert len({each.name for each in found}) == len(found)


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(2, 9), st.integers(0, 30), st.integers(1, 40))
def test_pages_bring_every_item_of_the_range_once_in_order(offsets, size, first, length):
    """Several items may share a moment; a page shorter than their number cannot be told apart from the end of them."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    items = [(begin + timedelta(seconds=offset), number) for number, offset in enumerate(sorted(offsets))]
    crowded = max((sum(other[0] == item[0] for other in items) for item in items), default=0)
    size = max(size, crowded + 1)
    since, until = begin + timedelta(seconds=first), begin + timedelta(seconds=first + length)

    async def ask(at):
        return [item for item in items if item[0] >= at][:size]

    async def gathered():
        return [item async for page in pages(ask, lambda i: i[0], lambda i: i[1], since, until) for item in page]

    assert asyncio.run(gathered()) == [item for item in items if since <= item[0] < until]


def test_a_venue_that_ignores_the_time_is_refused():
    async def newest(at):
        return [datetime(2025, 1, 1, tzinfo=UTC)]

    async def gathered():
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        return [page async for page in pages(newest, lambda at: at, lambda at: at, begin, begin + DAY)]

    with pytest.raises(VenueRejectedError, match="ignores the time"):
        asyncio.run(gathered())


@pytest.mark.parametrize("symbol", ["../../x", "BTC/USD"])
def test_a_symbol_never_leads_out_of_the_folder(tmp_path, symbol):
    market = replace(BTC, venue_symbol=symbol)
    told, _ = gather(History(market), "oi", tmp_path / "landing", date(2026, 1, 1), date(2026, 1, 1))
    assert told.rows == 24
    assert len(list((tmp_path / "landing" / "crypto" / "open_interest").glob("*.parquet"))) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["landing"]


def test_days_the_venue_has_not_are_asked_for_again_though_the_month_has_a_file(tmp_path):
    gather(History(), "oi", tmp_path, date(2026, 3, 29), date(2026, 3, 30))
    mute = History(page=0)
    told, _ = gather(mute, "oi", tmp_path, date(2026, 3, 29), date(2026, 3, 31))
    assert (told.rows, told.complete) == (0, False)
    assert [since.day for _, since in mute.calls] == [31]
    told, _ = gather(History(), "oi", tmp_path, date(2026, 3, 29), date(2026, 3, 31))
    assert (told.rows, told.complete) == (24, True)


def test_periods_are_named():
    assert periods(date(2026, 2, 28), date(2026, 3, 1), "day") == [
        Period("2026-02-28", date(2026, 2, 28), date(2026, 2, 28)),
        Period("2026-03-01", date(2026, 3, 1), date(2026, 3, 1)),
    ]


@pytest.mark.slow
@pytest.mark.feature("PL-FU-01", "PL-FU-02")
@pytest.mark.parametrize(
    ("venue", "symbol", "interval_hours", "not_offered"),
    [("binanceusdm", "BTCUSDT", 8.0, ()), ("hyperliquid", "BTC", 1.0, ("trades", "oi"))],
)
def test_history_of_an_emulated_venue_is_collected_and_validates(tmp_path, venue, symbol, interval_hours, not_offered):
    from liquidity_service.emulator.generated import GeneratedMarket
    from liquidity_service.emulator.server import Emulator
    from resources.venues import open_venue

    end = datetime.now(UTC).date() - DAY
    start = end - DAY * 2
    told = {}

    async def story():
        async with (
            Emulator(venue, GeneratedMarket(seed=5, symbols=(symbol,), levels=20)) as emulator,
            open_venue(venue, base_url=emulator.url) as exchange,
        ):
            market = (await exchange.markets())[symbol]
            for kind in ("funding", "oi", "trades", "book"):
                told[kind] = await collect(exchange, market, kind, tmp_path, start, end, "1d", lambda done, of: None)

    asyncio.run(story())
    assert told["funding"].complete
    rows = pq.read_table(tmp_path / "crypto" / "funding_rates").to_pylist()
    assert len(rows) == told["funding"].rows == 3 * 24 / interval_hours
    assert {row["interval_hours"] for row in rows} == {interval_hours}
    assert told["book"].rows >= 40
    assert tuple(kind for kind in ("trades", "oi") if "not offered" in told[kind].note) == not_offered
    assert validate_path(tmp_path / "crypto", None).passed
