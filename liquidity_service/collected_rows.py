"""What a venue answered over REST, as rows of the table contracts that read the landing folder.

One function per kind of data; each gives an Arrow table in the contract's own types. Read next: ``collect.py``.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import pyarrow as pa

from liquidity.contracts import FUNDING_RATES, INSTRUMENTS, MICROSTRUCTURE, OPEN_INTEREST, VENUE_TRADES
from liquidity.contracts.table import TableContract
from liquidity.domain.market_data import Candle, FundingRate, Market, OpenInterest, PublicTrade

__all__ = [
    "CANDLE_SCHEMA",
    "SOURCE",
    "candle_rows",
    "daily_rows",
    "funding_rows",
    "instrument_rows",
    "microstructure_rows",
    "open_interest_rows",
    "trade_rows",
]

SOURCE: Final = "collected"
"""Value of ``source`` in every row: fetched from the venue's own REST interface by ``pulse collect``."""

CANDLE_SCHEMA: Final = pa.schema(
    [
        ("session_date", pa.date32()),
        ("instrument_id", pa.string()),
        ("venue", pa.string()),
        ("timeframe", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("open", pa.float64()),
        ("high", pa.float64()),
        ("low", pa.float64()),
        ("close", pa.float64()),
        ("volume", pa.float64()),
        ("turnover_quote", pa.float64()),
        ("source", pa.string()),
    ]
)
"""Bars shorter than a day; ``at`` is their beginning, ``volume`` in amount units, turnover as in the daily rows."""


def microstructure_rows(market: Market, candles: Sequence[Candle]) -> pa.Table:
    """Daily bars as what the market showed of the session.

    Notes
    -----
    ``turnover_ccy`` is the volume at the typical price (high + low + close) / 3: venues tell the volume in amount
    units. An inverse contract's is exact. A day without volume is kept with turnover 0 and no last trade.
    """
    rows = []
    for candle in candles:
        closed_at = _midnight(candle.at.date() + timedelta(days=1))
        rows.append(
            {
                **_key(market, candle.at),
                "open": candle.open,
                "high": candle.high,
                "low": candle.low,
                "close": candle.close,
                "adj_factor": 1.0,
                "turnover_ccy": _turnover(market, candle),
                "last_trade_at": closed_at if candle.volume > 0.0 else None,
                "observed_at": closed_at,
                "known_at": closed_at,
            }
        )
    return _table(MICROSTRUCTURE, rows)


def daily_rows(market: Market, candles: Sequence[Candle]) -> tuple[pa.Table, pa.Table]:
    """Daily bars as rows of ``instruments`` and of ``microstructure``."""
    return instrument_rows(market, [candle.at.date() for candle in candles]), microstructure_rows(market, candles)


def instrument_rows(market: Market, days: Sequence[date]) -> pa.Table:
    """The market as an instrument on each of ``days``."""
    facts = {
        "instrument_id": market.instrument_id,
        "asset_class": "crypto_spot" if market.kind == "spot" else "crypto_perp",
        "currency": market.quote,
        "calendar": "24/7",
        "source": SOURCE,
    }
    return _table(INSTRUMENTS, [{"session_date": day, **facts} for day in days])


def candle_rows(market: Market, timeframe: str, candles: Sequence[Candle]) -> pa.Table:
    """Bars shorter than a day, in :data:`CANDLE_SCHEMA`."""
    rows = [
        {
            **_key(market, candle.at),
            "timeframe": timeframe,
            "at": candle.at,
            "open": candle.open,
            "high": candle.high,
            "low": candle.low,
            "close": candle.close,
            "volume": candle.volume,
            "turnover_quote": _turnover(market, candle),
        }
        for candle in candles
    ]
    return pa.Table.from_pylist(rows, CANDLE_SCHEMA)


def trade_rows(market: Market, trades: Sequence[PublicTrade], received_at: datetime) -> pa.Table:
    """Public trades; ``received_at`` is when we asked for them."""
    return _table(
        VENUE_TRADES,
        [
            {
                **_key(market, trade.at),
                "trade_id": trade.trade_id,
                "traded_at": trade.at,
                "received_at": received_at,
                "price": trade.price,
                "amount": trade.amount,
                "notional_quote": market.notional_quote(trade.amount, trade.price),
                "taker_sign": trade.taker_sign,
            }
            for trade in trades
        ],
    )


def funding_rows(market: Market, rates: Sequence[FundingRate]) -> pa.Table:
    """Paid rates, each with its own interval; the forecast is the pipeline's to make and stays null."""
    return _table(
        FUNDING_RATES,
        [
            {
                **_key(market, rate.at),
                "at": rate.at,
                "rate_frac": rate.rate_frac,
                "interval_hours": rate.interval_hours,
                "annualised_frac": rate.annualised_frac,
                "mark_price": rate.mark_price,
            }
            for rate in rates
        ],
    )


def open_interest_rows(market: Market, readings: Sequence[OpenInterest]) -> pa.Table:
    """Readings in base units and quote currency, with the changes the readings before them allow."""
    return _table(
        OPEN_INTEREST,
        [
            {
                **_key(market, reading.timestamp),
                "at": reading.timestamp,
                "open_interest_base": reading.open_interest,
                "open_interest_quote": reading.open_interest_value,
                "change_1h_frac": reading.change_1h_frac,
                "change_24h_frac": reading.change_24h_frac,
            }
            for reading in readings
        ],
    )


def _key(market: Market, at: datetime) -> dict[str, Any]:
    return {
        "session_date": at.astimezone(UTC).date(),
        "instrument_id": market.instrument_id,
        "venue": market.venue,
        "source": SOURCE,
    }


def _turnover(market: Market, candle: Candle) -> float:
    return market.notional_quote(candle.volume, (candle.high + candle.low + candle.close) / 3.0)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _table(contract: TableContract, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows in the contract's types, without the columns that the platform itself adds."""
    from resources.feeds._feed import COLLECTED_COLUMNS

    fields = [field for field in contract.arrow_schema if field.name not in COLLECTED_COLUMNS]
    return pa.Table.from_pylist(list(rows), pa.schema(fields))
