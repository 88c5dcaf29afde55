"""Signed order-flow toxicity: how one-sided the flow is, and towards which side.

toxicity = VPIN x sign(net signed volume of the window), -1 (all selling) to +1 (all buying). Two inputs can tell it,
and the result says which one did: ``trades`` with the venue's taker side, or ``book_flow``, the events of the best
quotes, where no trades are known. Sensitive to its bucket size: a monitor. Read next: ``flow.py`` (VPIN by bulk
classification, order-flow imbalance).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.book.flow import ofi
from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, observed_number

__all__ = [
    "BUCKETS",
    "Toxicity",
    "ToxicityPath",
    "book_toxicity",
    "order_flow_toxicity",
    "toxicity_path",
    "trade_toxicity",
]

BUCKETS: Final = 50
"""Newest equal-volume buckets that enter, and the customary number of buckets in a day's volume."""


@dataclass(frozen=True, slots=True)
class Toxicity:
    """Signed toxicity and its parts.

    ``vpin`` is 0-1; ``net_frac`` -1..+1 is net signed volume over volume of the window. All null with a ``reason``
    when the flow is too short to tell.
    """

    toxicity: float | None
    vpin: float | None
    net_frac: float | None
    buckets_n: int
    method: Literal["trades", "book_flow"]
    reason: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ToxicityPath:
    """Toxicity at the end of each full bucket (``at_ns`` of the trade that filled it), NaN until the window is full."""

    at_ns: NDArray[np.int64]
    toxicity: NDArray[np.float64]


def trade_toxicity(
    amount: Observations, taker_sign: Observations, *, bucket_volume: float, window: int = BUCKETS
) -> Toxicity:
    """Toxicity from trades whose taker side is known.

    Trades fill buckets of ``bucket_volume`` in order, one that crosses an edge is split. VPIN is the mean of
    |buys - sells| / V over the newest ``window`` full buckets, classified by the taker side.

    Parameters
    ----------
    amount
        Size of each trade, oldest first; a trade without a size above 0 is left out.
    taker_sign
        +1 buyer, -1 seller; a trade with another sign or none is left out.
    bucket_volume
        In the unit of ``amount``, above 0; one fiftieth of the daily volume is customary.

    Returns
    -------
    Toxicity
        Null with reason ``fewer_than_window_buckets`` until the window is full.

    References
    ----------
    Easley, Lopez de Prado and O'Hara (2012), Review of Financial Studies 25(5), 1457-1493; the sign is this
    platform's.

    Examples
    --------
    >>> trade_toxicity([2.0, 2.0], [1, 1], bucket_volume=1.0, window=4).toxicity
    1.0
    """
    _, net = _signed_buckets(amount, taker_sign, bucket_volume)
    return _judged(net, _checked_window(window), "trades")


def book_toxicity(quotes: Sequence[Sequence[float | None]], *, buckets: int = BUCKETS) -> Toxicity:
    """Toxicity from the best quotes alone, for books without a trade stream.

    The events of :func:`~liquidity.book.flow.ofi` take the place of signed trades, and the given history is cut into
    ``buckets`` of equal absolute flow. Orders added and taken away count as much as trades here: it says less than
    :func:`trade_toxicity` and is labelled ``book_flow``.

    Parameters
    ----------
    quotes
        Rows ``[bid, bid_size, ask, ask_size]``, ascending in time; at least ``buckets`` events that are not 0.
    """
    count = _checked_window(buckets)
    events = observed(ofi(quotes).events)
    flow = events[~np.isnan(events) & (events != 0.0)]
    if len(flow) < count:
        return Toxicity(None, None, None, 0, "book_flow", "fewer_than_window_events")
    size = np.abs(flow)
    # Exactly `count` buckets: a hair under the share, so that rounding of the total cannot lose the last one.
    _, net = _signed_buckets(size, np.sign(flow), float(size.sum()) / count * (1.0 - 1e-12))
    return _judged(net, count, "book_flow")


def order_flow_toxicity(
    *,
    trades: tuple[Observations, Observations] | None,
    quotes: Sequence[Sequence[float | None]] | None,
    bucket_volume: float | None,
    window: int = BUCKETS,
) -> Toxicity | None:
    """Toxicity from trades where there is a trade stream, else from quotes; ``None`` where there is neither.

    Parameters
    ----------
    trades
        ``(amount, taker_sign)``; with it ``bucket_volume`` must be given. A stream that is too short to fill the
        window is told as such and is not replaced by quotes.

    Raises
    ------
    ConfigError
        Trades without a bucket volume.
    """
    if trades is not None:
        if bucket_volume is None:
            raise ConfigError(
                "order_flow_toxicity: trades without bucket_volume; give one fiftieth of the daily volume"
            )
        return trade_toxicity(*trades, bucket_volume=bucket_volume, window=window)
    return book_toxicity(quotes, buckets=window) if quotes is not None else None


def toxicity_path(
    at_ns: NDArray[np.int64],
    amount: Observations,
    taker_sign: Observations,
    *,
    bucket_volume: float,
    window: int = BUCKETS,
) -> ToxicityPath:
    """Toxicity of a whole trade tape; the value of an instant is the last one at or before it.

    The last value equals :func:`trade_toxicity` of the same trades. ``at_ns`` ascends and has a time per trade.
    """
    filled_by, net = _signed_buckets(amount, taker_sign, bucket_volume)
    width = _checked_window(window)
    values = np.full(len(net), np.nan)
    if len(net) >= width:
        windows = np.lib.stride_tricks.sliding_window_view(net, width)
        values[width - 1 :] = np.abs(windows).mean(axis=1) * np.sign(windows.sum(axis=1))
    return ToxicityPath(np.asarray(at_ns, dtype=np.int64)[filled_by], values)


def _checked_window(window: int) -> int:
    if window < 1:
        raise ConfigError(f"toxicity: window of {window} buckets, allowed from 1; {BUCKETS} is customary")
    return window


def _signed_buckets(
    amount: Observations, taker_sign: Observations, bucket_volume: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Trade that filled each full bucket, and the bucket's net share of buying (-1..+1)."""
    volume = observed_number(bucket_volume)
    if not volume > 0.0:
        raise ConfigError(f"toxicity: bucket_volume {bucket_volume}, allowed (0, inf) in the unit of the trades")
    size, sign = observed(amount), observed(taker_sign)
    places = np.flatnonzero((size > 0.0) & (np.abs(sign) == 1.0))
    total = np.concatenate(([0.0], np.cumsum(size[places])))
    signed = np.concatenate(([0.0], np.cumsum(size[places] * sign[places])))
    # Signed volume is linear in volume inside a trade, so a split trade is an interpolation.
    full = math.floor(total[-1] / volume * (1.0 + 1e-12))
    edges = np.minimum(volume * np.arange(full + 1), total[-1])
    net = np.diff(np.interp(edges, total, signed)) / volume
    filled_by = places[np.searchsorted(total[1:], edges[1:] * (1.0 - 1e-12))] if full else places[:0]
    return filled_by.astype(np.int64), np.clip(net, -1.0, 1.0)


def _judged(net: NDArray[np.float64], window: int, method: Literal["trades", "book_flow"]) -> Toxicity:
    if len(net) < window:
        return Toxicity(None, None, None, len(net), method, "fewer_than_window_buckets")
    newest = net[-window:]
    share = float(np.abs(newest).mean())
    balance = float(newest.mean())
    return Toxicity(share * float(np.sign(balance)), share, balance, window, method, None)
