"""Open interest in one unit, its changes, and whether the venue still updates it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import MarketKind, OpenInterest
from liquidity.domain.observation import Observations, observed, observed_number, or_none

__all__ = [
    "LOOKBACKS_S",
    "TOLERANCE_FRAC",
    "OpenInterestChanges",
    "OpenInterestReading",
    "is_stale",
    "open_interest_changes",
    "open_interest_reading",
    "open_interest_record",
]

LOOKBACKS_S: Final = (3_600, 86_400)
TOLERANCE_FRAC: Final = 0.1
"""A reading stands for the instant asked when it lies within this share of the lookback: 6 minutes of an hour."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OpenInterestReading:
    """One reading in base units and quote currency; a part that needs an unknown mark price is null with a ``reason``."""

    base: float | None
    quote: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, eq=False)
class OpenInterestChanges:
    """``change_frac`` of shape ``(readings, lookbacks)``: change over each lookback as a fraction, NaN where unknown."""

    change_frac: NDArray[np.float64]
    lookbacks_s: tuple[float, ...]


def open_interest_reading(
    amount: float | None,
    unit: Literal["contracts", "base", "quote"],
    *,
    kind: MarketKind,
    contract_size: float,
    mark_price: float | None,
) -> OpenInterestReading:
    """Turn a venue's number into base units and quote currency.

    Parameters
    ----------
    amount, unit
        What the venue told: contracts, base coins, or value in quote currency.
    kind, contract_size
        As in :class:`~liquidity.domain.market_data.Market`; used for ``contracts`` only.
    mark_price
        Quote currency, above 0.

    Returns
    -------
    OpenInterestReading
        Null with ``no_reading`` for a missing or negative amount, and with ``no_mark_price`` for the part that needs
        one.

    Raises
    ------
    ConfigError
        A contract size that is not above 0.

    Examples
    --------
    >>> open_interest_reading(5_000, "contracts", kind="inverse", contract_size=100.0, mark_price=50_000.0)
    OpenInterestReading(base=10.0, quote=500000.0, reason=None)
    """
    if not 0.0 < contract_size < math.inf:
        raise ConfigError(f"open_interest_reading: contract_size {contract_size}, allowed (0, inf)")
    told, mark = observed_number(amount), observed_number(mark_price)
    if not told >= 0.0:
        return OpenInterestReading(None, None, "no_reading")
    reason = None if mark > 0.0 else "no_mark_price"
    mark = mark if mark > 0.0 else math.nan
    if unit == "contracts":
        told, unit = told * contract_size, "quote" if kind == "inverse" else "base"
    if unit == "quote":
        return OpenInterestReading(or_none(told / mark), told, reason)
    return OpenInterestReading(told, or_none(told * mark), reason)


def open_interest_changes(
    at_ns: NDArray[np.int64],
    open_interest: Observations,
    *,
    lookbacks_s: Sequence[float] = LOOKBACKS_S,
    tolerance_frac: float = TOLERANCE_FRAC,
) -> OpenInterestChanges:
    """Change of each reading against the one an hour and a day before.

    The earlier reading is the one nearest to t - lookback, because venues stamp with jitter; it must lie within
    ``tolerance_frac`` of the lookback.

    Parameters
    ----------
    at_ns, open_interest
        Readings in one unit, strictly ascending in nanoseconds since 1970 UTC. A missing one is left out. Changes of
        base units do not move with the price.

    Returns
    -------
    OpenInterestChanges
        x_t / x_{t - lookback} - 1; NaN without a reading then, as for every row of a history that is too short, and
        after a reading of 0.

    Raises
    ------
    ContractError
        Times that do not ascend or are not one per reading.
    ConfigError
        A lookback not above 0, or a tolerance outside [0, 1).

    Examples
    --------
    >>> hours = np.arange(3) * 3600 * 10**9
    >>> open_interest_changes(hours, [100.0, 110.0, 99.0], lookbacks_s=[3600]).change_frac.round(9).T.tolist()
    [[nan, 0.1, -0.1]]
    """
    times, values = np.asarray(at_ns, dtype=np.int64), observed(open_interest)
    if not all(0.0 < back < math.inf for back in lookbacks_s) or not 0.0 <= tolerance_frac < 1.0:
        raise ConfigError(
            f"open_interest_changes: lookbacks_s {list(lookbacks_s)}, allowed above 0; tolerance_frac {tolerance_frac}, "
            "allowed [0, 1)"
        )
    if len(times) != len(values) or (np.diff(times) <= 0).any():
        raise ContractError(
            f"open_interest_changes: {len(times)} times for {len(values)} readings, strictly ascending; drop repeated polls"
        )
    values[~(values >= 0.0)] = np.nan
    known = np.flatnonzero(~np.isnan(values))
    changes = np.full((len(values), len(lookbacks_s)), np.nan)
    for column, back in enumerate(lookbacks_s):
        if len(known):
            then = times - round(back * 1e9)
            after = np.minimum(np.searchsorted(times[known], then), len(known) - 1)
            before = np.maximum(after - 1, 0)
            later_is_nearer = np.abs(times[known][after] - then) < np.abs(times[known][before] - then)
            place = known[np.where(later_is_nearer, after, before)]
            near = np.abs(times[place] - then) <= tolerance_frac * back * 1e9
            earlier = np.where(near & (values[place] > 0.0), values[place], np.nan)
            changes[:, column] = values / earlier - 1.0
    return OpenInterestChanges(changes, tuple(float(back) for back in lookbacks_s))


def open_interest_record(
    *,
    symbol: str,
    exchange: str,
    at: Sequence[datetime],
    open_interest_base: Observations,
    open_interest_quote: Observations,
) -> tuple[OpenInterest, Mapping[str, str]]:
    """The seven-field record of the newest reading, and a reason for each change that is null.

    Parameters
    ----------
    at
        Aware, strictly ascending; the last reading is the record's.
    open_interest_base, open_interest_quote
        Base units (the changes are theirs) and quote currency.

    Returns
    -------
    tuple
        Reasons: ``one_reading`` for a history of one row, ``history_too_short`` when it does not reach back,
        ``no_reading_then`` for a gap, ``was_zero``.

    Raises
    ------
    ContractError
        An empty history, a newest reading without both numbers, or times out of order.

    Examples
    --------
    >>> record, reasons = open_interest_record(symbol="BTC/USDT:USDT", exchange="okx", at=[datetime(2026, 1, 2, tzinfo=UTC)],
    ...                                        open_interest_base=[10.0], open_interest_quote=[500_000.0])
    >>> record.change_1h_frac, reasons["change_1h_frac"]
    (None, 'one_reading')
    """
    base, quote = observed(open_interest_base), observed(open_interest_quote)
    if not (0 < len(at) == len(base) == len(quote) and base[-1] >= 0.0 and quote[-1] >= 0.0):
        raise ContractError(
            f"open_interest_record {exchange} {symbol}: {len(at)} times, {len(base)} base and {len(quote)} quote readings; "
            "needs one of each per time and a newest reading >= 0; use the mark price for the missing part"
        )
    times = np.array([(moment - _EPOCH) // timedelta(microseconds=1) * 1_000 for moment in at], dtype=np.int64)
    changes = open_interest_changes(times, base).change_frac[-1]
    reasons = {}
    for name, change, back in zip(("change_1h_frac", "change_24h_frac"), changes, LOOKBACKS_S, strict=True):
        if np.isnan(change):
            reasons[name] = _why_unknown(times, base, back)
    hour, day = (or_none(float(change)) for change in changes)
    record = OpenInterest(
        symbol=symbol,
        exchange=exchange,
        open_interest=float(base[-1]),
        open_interest_value=float(quote[-1]),
        timestamp=at[-1],
        change_24h_frac=day,
        change_1h_frac=hour,
    )
    return record, reasons


def _why_unknown(times: NDArray[np.int64], values: NDArray[np.float64], back_s: float) -> str:
    known = times[~np.isnan(values)]
    if len(known) < 2:
        return "one_reading"
    then = times[-1] - back_s * 1e9
    if known[0] > then + TOLERANCE_FRAC * back_s * 1e9:
        return "history_too_short"
    near = np.abs(known - then) <= TOLERANCE_FRAC * back_s * 1e9
    return "was_zero" if near.any() else "no_reading_then"


def is_stale(open_interest: Observations, polls: int) -> bool:
    """Whether the newest ``polls`` polls brought nothing new: the last ``polls`` + 1 readings are equal.

    A live market trades, so an open interest that stands still to the last digit is a feed that stands still. A
    missing reading is nothing new either.

    Raises
    ------
    ConfigError
        ``polls`` below 1.

    Examples
    --------
    >>> is_stale([10.0, 11.0, 11.0, 11.0], polls=2), is_stale([10.0, 11.0, 11.0, 11.0], polls=3)
    (True, False)
    """
    if polls < 1:
        raise ConfigError(f"is_stale: {polls} polls, allowed from 1")
    values = observed(open_interest)[-(polls + 1) :]
    known = values[~np.isnan(values)]
    return len(values) == polls + 1 and bool((known == known[:1]).all())
