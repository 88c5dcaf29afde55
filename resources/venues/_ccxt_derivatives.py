"""ccxt's dictionaries of derivatives to records: funding, open interest, mark price, leverage tiers. Pure.

What units a venue uses is in its profile (:class:`~resources.venues.profile.Units`), never guessed from the size of a
number. Read next: ``_ccxt_parse.py`` (markets, books, trades, candles).
"""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from liquidity.domain.errors import VenueUnavailableError
from liquidity.domain.market_data import FundingRate, LeverageTier, Market, OpenInterest
from liquidity.ports.exchange import MarkPrice
from resources.venues._ccxt_parse import finite, moment, not_negative, optional_price, positive
from resources.venues.profile import Units

__all__ = [
    "funding",
    "funding_history",
    "interval_hours",
    "mark",
    "mark_price",
    "open_interest",
    "open_interest_history",
    "tiers",
]

_HOUR_MS: Final = 3_600_000
_UNIT_HOURS: Final = {"m": 1 / 60, "h": 1.0, "d": 24.0}
_LONGEST_INTERVAL_HOURS: Final = 24


def interval_hours(row: Mapping[str, Any]) -> float:
    """Hours of ccxt's ``interval`` (``8h``); :class:`VenueUnavailableError` where it is missing or no such text.

    Examples
    --------
    >>> interval_hours({"interval": "4h"})
    4.0
    """
    matched = re.fullmatch(r"(\d+)([mhd])", str(row.get("interval")))
    hours = float(matched[1]) * _UNIT_HOURS[matched[2]] if matched is not None else 0.0
    if not 0.0 < hours <= _LONGEST_INTERVAL_HOURS:
        raise VenueUnavailableError(
            f"{row.get('symbol')}: funding interval {row.get('interval')!r}, allowed up to 24 h"
        )
    return hours


def funding(
    row: Mapping[str, Any], market: Market, now: datetime, *, known_hours: float | None, estimate_of_next: bool
) -> FundingRate:
    """Read the current rate; ``known_hours`` of ``None`` takes the interval from the answer.

    Where the venue's rate is its running estimate of the coming payment it stands in both fields.
    """
    where = f"{market.instrument_id} funding"
    rate = finite(row.get("fundingRate"), where)
    upcoming = row.get("nextFundingRate")
    next_ms = row.get("fundingTimestamp") if estimate_of_next or upcoming is None else row.get("nextFundingTimestamp")
    next_rate = rate if estimate_of_next else (None if upcoming is None else finite(upcoming, where))
    return FundingRate(
        venue=market.venue,
        venue_symbol=market.venue_symbol,
        at=now if row.get("timestamp") is None else moment(row["timestamp"], where),
        rate_frac=rate,
        interval_hours=interval_hours(row) if known_hours is None else known_hours,
        mark_price=optional_price(row.get("markPrice"), where),
        index_price=optional_price(row.get("indexPrice"), where),
        next_rate_frac=next_rate,
        next_at=None if next_ms is None else moment(next_ms, where),
    )


def funding_history(
    rows: Sequence[Mapping[str, Any]], market: Market, *, fixed_hours: float | None
) -> tuple[FundingRate, ...]:
    """Read paid rates; without ``fixed_hours`` each interval is the shorter gap to its neighbours, in whole hours.

    The shorter gap, because a payment missing from the answer makes one gap longer and none shorter.
    """
    where = f"{market.instrument_id} funding_history"
    ordered = sorted(rows, key=lambda row: int(row["timestamp"]))
    gaps = [
        round((int(after["timestamp"]) - int(before["timestamp"])) / _HOUR_MS)
        for before, after in itertools.pairwise(ordered)
    ]
    paid = []
    for place, row in enumerate(ordered):
        near = [gap for gap in gaps[max(place - 1, 0) : place + 1] if gap > 0]
        hours = fixed_hours if fixed_hours is not None else float(min(near, default=0))
        if not 0.0 < hours <= _LONGEST_INTERVAL_HOURS:
            raise VenueUnavailableError(
                f"{where}: {row['timestamp']} lies {hours} h from its neighbours, allowed up to 24"
            )
        paid.append(
            FundingRate(
                venue=market.venue,
                venue_symbol=market.venue_symbol,
                at=moment(row["timestamp"], where),
                rate_frac=finite(row.get("fundingRate"), where),
                interval_hours=hours,
                mark_price=None,
                index_price=None,
                next_rate_frac=None,
                next_at=None,
            )
        )
    return tuple(paid)


def open_interest(row: Mapping[str, Any], market: Market, units: Units, price: float, now: datetime) -> OpenInterest:
    """Bring a reading to base units and quote currency; ``price`` is the mark price in quote currency.

    linear: base = contracts * contract_size, value = base * price. inverse: value = contracts * contract_size,
    base = value / price.
    """
    where = f"{market.instrument_id} open_interest"
    field = units.open_interest_inverse if market.kind == "inverse" else units.open_interest_linear
    name = "openInterestAmount" if field.startswith("amount") else "openInterestValue"
    told = not_negative(row.get(name), where)
    if field == "value_quote":
        value, base = told, told / price
    elif field == "amount_contracts":
        value = market.notional_quote(told, price)
        base = value / price
    else:
        value, base = told * price, told
    at_ms = row.get("timestamp")
    return OpenInterest(
        symbol=market.venue_symbol,
        exchange=market.venue,
        open_interest=base,
        open_interest_value=value,
        timestamp=now if at_ms is None else moment(at_ms, where),
        change_24h_frac=None,
        change_1h_frac=None,
    )


def open_interest_history(rows: Sequence[Mapping[str, Any]], market: Market) -> tuple[OpenInterest, ...]:
    """Read past readings that tell amount and value; the other side of an inverse market's value is base units."""
    where = f"{market.instrument_id} open_interest_history"
    told: dict[int, tuple[float, float]] = {}
    for row in rows:
        amount = not_negative(row.get("openInterestAmount"), where)
        value = not_negative(row.get("openInterestValue"), where)
        base, quote = (
            (value, amount * market.contract_size)
            if market.kind == "inverse"
            else (amount * market.contract_size, value)
        )
        told[int(row["timestamp"])] = (base, quote)

    def change(at_ms: int, hours: int) -> float | None:
        before = told.get(at_ms - hours * _HOUR_MS)
        return told[at_ms][1] / before[1] - 1.0 if before is not None and before[1] > 0.0 else None

    return tuple(
        OpenInterest(
            symbol=market.venue_symbol,
            exchange=market.venue,
            open_interest=base,
            open_interest_value=quote,
            timestamp=moment(at_ms, where),
            change_24h_frac=change(at_ms, 24),
            change_1h_frac=change(at_ms, 1),
        )
        for at_ms, (base, quote) in sorted(told.items())
    )


def mark(row: Mapping[str, Any], where: str) -> float:
    """Mark price of a ticker or funding answer."""
    return positive(row.get("markPrice"), f"{where}: mark price")


def mark_price(row: Mapping[str, Any], market: Market) -> MarkPrice:
    """Read a ticker or funding answer as a mark price."""
    where = f"{market.instrument_id} mark_price"
    at_ms = row.get("timestamp")
    return MarkPrice(
        venue=market.venue,
        venue_symbol=market.venue_symbol,
        at=None if at_ms is None else moment(at_ms, where),
        mark_price=mark(row, where),
        index_price=optional_price(row.get("indexPrice"), where),
    )


def tiers(rows: Sequence[Mapping[str, Any]], market: Market) -> tuple[LeverageTier, ...]:
    """Read brackets; the last one may be open upwards. ``cum`` of Binance is the maintenance amount."""
    where = f"{market.instrument_id} leverage_tiers"
    found = [
        LeverageTier(
            floor_quote=not_negative(row.get("minNotional") or 0.0, where),
            cap_quote=math.inf if row.get("maxNotional") is None else positive(row["maxNotional"], where),
            maintenance_frac=not_negative(row.get("maintenanceMarginRate"), where),
            max_leverage=positive(row.get("maxLeverage"), where),
            maintenance_amount_quote=_maintenance_amount(row.get("info")),
        )
        for row in rows
    ]
    if not found:
        raise VenueUnavailableError(f"{where}: the answer lists no bracket")
    return tuple(sorted(found, key=lambda tier: tier.floor_quote))


def _maintenance_amount(info: Any) -> float | None:
    told = info.get("cum") if isinstance(info, Mapping) else None
    return None if told is None else float(told)
