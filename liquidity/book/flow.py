"""Pressure in the flow of quotes and trades: order-flow imbalance and VPIN.

VPIN is sensitive to its bucket size and its use as a forecast is disputed (Andersen and Bondarenko 2014): a monitor.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from liquidity.domain.observation import Observations, observed, observed_number, or_none

__all__ = ["OrderFlowImbalance", "Vpin", "ofi", "vpin"]


@dataclass(frozen=True, slots=True)
class OrderFlowImbalance:
    """Signed size of each change of the best quotes, and their sum; base units, positive is buying pressure."""

    events: tuple[float | None, ...]
    ofi: float | None


@dataclass(frozen=True, slots=True)
class Vpin:
    """Estimated share of buys per bucket (0-1), and the mean absolute imbalance of the newest buckets (0-1)."""

    buy_fraction: tuple[float | None, ...]
    vpin: float | None


def ofi(quotes: Sequence[Sequence[float | None]]) -> OrderFlowImbalance:
    """Order-flow imbalance of consecutive best quotes.

    e_n = 1[Pb_n >= Pb_{n-1}] qb_n - 1[Pb_n <= Pb_{n-1}] qb_{n-1} - 1[Pa_n <= Pa_{n-1}] qa_n
    + 1[Pa_n >= Pa_{n-1}] qa_{n-1}.

    Parameters
    ----------
    quotes
        Rows ``[bid, bid_size, ask, ask_size]``, ascending in time.

    Returns
    -------
    OrderFlowImbalance
        One event per row after the first; an event next to a quote with a missing entry is null and left out of the
        sum. Without any known event the sum is null.

    References
    ----------
    Cont, Kukanov and Stoikov (2014), Journal of Financial Econometrics 12(1), 47-88, eq. (2)-(4).

    Examples
    --------
    >>> ofi([[100.0, 10, 100.1, 20], [100.0, 15, 100.1, 20]])
    OrderFlowImbalance(events=(5.0,), ofi=5.0)
    """
    table = np.array([list(quote[:4]) for quote in quotes], dtype=np.float64).reshape(-1, 4)
    table[~np.isfinite(table).all(axis=1)] = np.nan
    bid, bid_size, ask, ask_size = table.T
    events = (
        (bid[1:] >= bid[:-1]) * bid_size[1:]
        - (bid[1:] <= bid[:-1]) * bid_size[:-1]
        - (ask[1:] <= ask[:-1]) * ask_size[1:]
        + (ask[1:] >= ask[:-1]) * ask_size[:-1]
    )
    known = events[~np.isnan(events)]
    return OrderFlowImbalance(tuple(map(or_none, events)), float(known.sum()) if len(known) else None)


def vpin(dp: Observations, bucket_volume: float, window: int) -> Vpin:
    """Volume-synchronised probability of informed trading on equal-volume buckets.

    The buy share of a bucket is Phi(dP / sigma), sigma the sample standard deviation (ddof 1) of the given changes;
    VPIN is sum |buy - sell| / (n V) over the newest ``window`` buckets.

    Parameters
    ----------
    dp
        Price change over each bucket, oldest first; a bucket without a change is null and left out.
    bucket_volume
        Volume V of every bucket, base units, above 0; one fiftieth of the daily volume is customary.
    window
        Buckets averaged; VPIN is null until so many are there.

    Returns
    -------
    Vpin
        Shares and VPIN in 0-1. With fewer than two changes, or equal ones, sigma says nothing and all is null.

    References
    ----------
    Easley, Lopez de Prado and O'Hara (2012), Review of Financial Studies 25(5), 1457-1493.

    Examples
    --------
    >>> round(vpin([1.0, -1.0, 1.0, -1.0], bucket_volume=1000, window=4).vpin, 6)
    0.613524
    """
    changes = observed(dp)
    known = changes[~np.isnan(changes)]
    sigma = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    if sigma == 0.0:
        return Vpin((None,) * len(changes), None)
    share = np.asarray(ndtr(changes / sigma), dtype=np.float64)
    newest = share[-window:] if 1 <= window <= len(share) else share[:0]
    newest = newest[~np.isnan(newest)]
    usable = len(newest) > 0 and observed_number(bucket_volume) > 0.0
    return Vpin(tuple(map(or_none, share)), float(np.abs(2.0 * newest - 1.0).mean()) if usable else None)
