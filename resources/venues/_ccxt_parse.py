"""ccxt's dictionaries of markets, books, trades and candles to records. Pure; what lacks a needed field is refused.

Lists from a venue are taken whole or not at all, except the market list: there a market without usable steps is counted
and left out, because one odd listing must not hide the others.
Read next: ``_ccxt_derivatives.py``.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from liquidity.domain.book_message import BookMessage
from liquidity.domain.errors import VenueUnavailableError
from liquidity.domain.identifier import INSTRUMENT_ID_PATTERN
from liquidity.domain.market_data import (
    Candle,
    Market,
    MarketKind,
    PublicTrade,
)
from resources.venues.profile import VenueProfile

__all__ = [
    "Listing",
    "book",
    "candles",
    "finite",
    "listing",
    "moment",
    "ms",
    "not_negative",
    "optional_price",
    "positive",
    "trades",
]

_INSTRUMENT: Final = re.compile(INSTRUMENT_ID_PATTERN, re.ASCII)


@dataclass(frozen=True, slots=True)
class Listing:
    """Usable markets by venue symbol, and how many were left out by reason."""

    markets: dict[str, Market]
    refused: Counter[str]


def ms(at: datetime | None) -> int | None:
    """Milliseconds since 1970 UTC of an aware time."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError(f"since {at.isoformat()} has no time zone; give an aware time")
    return int(at.timestamp() * 1000)


def listing(rows: Mapping[str, Any], profile: VenueProfile) -> Listing:
    """Read a market list; of two markets with one venue symbol the kind that the profile names first stays."""
    markets: dict[str, Market] = {}
    refused: Counter[str] = Counter()
    for row in rows.values():
        kind = _kind(row)
        if kind not in profile.kinds:
            refused["another kind"] += 1
            continue
        market = _market(row, kind, profile)
        if isinstance(market, str):
            refused[market] += 1
            continue
        held = markets.get(market.venue_symbol)
        if held is None or profile.kinds.index(kind) < profile.kinds.index(held.kind):
            markets[market.venue_symbol] = market
        if held is not None:
            refused["symbol of another kind"] += 1
    if not markets:
        raise VenueUnavailableError(
            f"{profile.venue} markets: none usable of {len(rows)} listed ({dict(refused)}); the answer is no market list"
        )
    return Listing(markets, refused)


def candles(rows: Sequence[Any], market: Market, volume: Literal["amount", "base"]) -> tuple[Candle, ...]:
    """Read bars; a base volume is divided by the contract size, which has no answer for inverse markets."""
    if volume == "base" and market.kind == "inverse":
        raise VenueUnavailableError(
            f"{market.instrument_id} candles: volume comes in base units, which no exact rule turns into contracts; "
            "build bars from trades"
        )
    per_unit = market.contract_size if volume == "base" else 1.0
    bars = []
    for at_ms, opened, high, low, close, traded in rows:
        where = f"{market.instrument_id} candle {at_ms}"
        bars.append(
            Candle(
                at=moment(at_ms, where),
                open=positive(opened, where),
                high=positive(high, where),
                low=positive(low, where),
                close=positive(close, where),
                volume=not_negative(traded, where) / per_unit,
            )
        )
    _require_ascending([bar.at for bar in bars], f"{market.instrument_id} candles")
    return tuple(bars)


def book(row: Mapping[str, Any], market: Market, received_ns: int, *, numbered: bool) -> BookMessage:
    """Read a full book; ``numbered`` refuses one without an update id where the venue numbers its books.

    Prices come from ccxt as floats; their shortest decimal is the venue's own text up to trailing zeros.
    """
    where = f"{market.instrument_id} order_book"
    at_ms, nonce = row.get("timestamp"), row.get("nonce")
    bids = tuple((_decimal(level[0], where), _decimal(level[1], where)) for level in row["bids"])
    asks = tuple((_decimal(level[0], where), _decimal(level[1], where)) for level in row["asks"])
    if not bids and not asks:
        raise VenueUnavailableError(f"{where}: no level on either side")
    if numbered and nonce is None:
        raise VenueUnavailableError(f"{where}: the answer carries no update id")
    return BookMessage(
        kind="snapshot",
        venue_symbol=market.venue_symbol,
        received_ns=received_ns,
        event_ns=None if at_ms is None else int(at_ms) * 1_000_000,
        bids=bids,
        asks=asks,
        last_id=None if nonce is None else int(nonce),
    )


def trades(rows: Sequence[Mapping[str, Any]], market: Market) -> tuple[PublicTrade, ...]:
    """Read public trades in ascending time; a repeated id is taken once."""
    found: dict[str, PublicTrade] = {}
    signs: dict[str, Literal[1, -1]] = {"buy": 1, "sell": -1}
    for row in rows:
        where = f"{market.instrument_id} trade {row.get('id')}"
        if row.get("id") is None:
            raise VenueUnavailableError(f"{where}: no trade id")
        found[str(row["id"])] = PublicTrade(
            venue=market.venue,
            venue_symbol=market.venue_symbol,
            trade_id=str(row["id"]),
            at=moment(row.get("timestamp"), where),
            price=positive(row.get("price"), where),
            amount=positive(row.get("amount"), where),
            taker_sign=signs.get(str(row.get("side"))),
        )
    return tuple(sorted(found.values(), key=lambda trade: trade.at))


def positive(value: Any, where: str) -> float:
    """Read a finite number above 0; :class:`VenueUnavailableError` otherwise."""
    number = finite(value, where)
    if number <= 0.0:
        raise VenueUnavailableError(f"{where}: {number}, allowed above 0")
    return number


def not_negative(value: Any, where: str) -> float:
    """Read a finite number of 0 or more; :class:`VenueUnavailableError` otherwise."""
    number = finite(value, where)
    if number < 0.0:
        raise VenueUnavailableError(f"{where}: {number}, allowed 0 and above")
    return number


def finite(value: Any, where: str) -> float:
    """Read a finite number; :class:`VenueUnavailableError` otherwise, ``None`` included."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise VenueUnavailableError(f"{where}: {value!r} is no finite number")
    return number


def optional_price(value: Any, where: str) -> float | None:
    """Read a price above 0, or the ``None`` of a venue that tells none."""
    return None if value is None else positive(value, where)


def moment(at_ms: Any, where: str) -> datetime:
    """Aware time of milliseconds since 1970 UTC; :class:`VenueUnavailableError` where it is no such number."""
    try:
        return datetime.fromtimestamp(int(at_ms) / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        failure = VenueUnavailableError(f"{where}: {at_ms!r} is no time in milliseconds")
    raise failure


def _decimal(value: Any, where: str) -> str:
    number = Decimal(repr(float(value)))
    if not number.is_finite() or number < 0:
        raise VenueUnavailableError(f"{where}: level with {value!r}, allowed finite and not negative")
    return format(number, "f")


def _require_ascending(times: Sequence[datetime], where: str) -> None:
    for before, after in itertools.pairwise(times):
        if after <= before:
            raise VenueUnavailableError(f"{where}: {after.isoformat()} after {before.isoformat()}; times must rise")


def _kind(row: Mapping[str, Any]) -> MarketKind | None:
    if row.get("option"):
        return None
    if row.get("spot"):
        return "spot"
    if row.get("linear"):
        return "linear"
    return "inverse" if row.get("inverse") else None


def _market(row: Mapping[str, Any], kind: MarketKind, profile: VenueProfile) -> Market | str:
    """Make the market, or the reason why the row is none."""
    venue_symbol = str(row[profile.symbol_field])
    if _INSTRUMENT.fullmatch(f"{profile.venue}:{venue_symbol}") is None:
        return "symbol that is no identifier"
    tick, lot = _price_step(row, profile), _step(row["precision"]["amount"])
    if tick is None or lot is None:
        return "no price or amount step"
    size = 1.0 if kind == "spot" or profile.units.amounts == "units" else row.get("contractSize")
    if size is None or not (math.isfinite(float(size)) and float(size) > 0.0):
        return "no contract size"
    limits = row["limits"]
    return Market(
        venue=profile.venue,
        symbol=str(row["symbol"]),
        venue_symbol=venue_symbol,
        kind=kind,
        base=str(row["base"]),
        quote=str(row["quote"]),
        settle=row.get("settle"),
        tick_size=tick,
        lot_size=lot,
        contract_size=float(size),
        min_amount=_limit(limits["amount"]["min"]),
        min_notional=_limit(limits["cost"]["min"]),
        max_leverage=_limit(limits["leverage"]["max"]),
        maker_fee_frac=row.get("maker"),
        taker_fee_frac=row.get("taker"),
        active=row.get("active") is not False,
    )


def _price_step(row: Mapping[str, Any], profile: VenueProfile) -> Decimal | None:
    if profile.units.price_step == "listed":
        return _step(row["precision"]["price"])
    decimals = row["info"].get("szDecimals")
    return None if decimals is None else Decimal(1).scaleb(int(decimals) - 6)


def _step(value: Any) -> Decimal | None:
    try:
        step = Decimal(str(value))
    except InvalidOperation:
        return None
    return step.normalize() if step.is_finite() and step > 0 else None


def _limit(value: Any) -> float | None:
    return None if value is None else float(value)
