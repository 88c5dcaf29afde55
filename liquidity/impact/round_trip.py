"""Round trips on recorded markets: what buying and selling back really cost.

Three kinds of round trip. *Runs*: takers of a tape who traded one way until others turned it round, each a stand-in for a
parent order; a run and the next one the other way are a trip. *Windows*: the net taker flow of so many seconds, paired the
same way. *Walks*: a market order of a given size on a recorded book,
and one the other way some seconds later. Read next: ``round_trip_judgement.py``, which holds predictions against them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import InsufficientDataError
from liquidity.impact.book_curves import Curve

__all__ = [
    "QuotePath",
    "TakerTrades",
    "run_round_trips",
    "walk_bps",
    "walk_round_trips",
    "window_round_trips",
]


@dataclass(frozen=True, slots=True)
class QuotePath:
    """Best quotes over time, ascending; each stands until the next.

    Attributes
    ----------
    at_ns
        (n,) int64 UTC.
    mid, half_spread_bps
        (n,) usable quotes only.
    """

    at_ns: NDArray[np.int64]
    mid: NDArray[np.float64]
    half_spread_bps: NDArray[np.float64]

    def before(self, at_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of the quote standing strictly before each time; -1 where there was none."""
        return np.searchsorted(self.at_ns, at_ns, side="left") - 1


@dataclass(frozen=True, slots=True)
class TakerTrades:
    """Trades of one market, ascending; each array (n,).

    Attributes
    ----------
    at_ns
        int64 UTC.
    price, size_ccy
        Quote currency.
    sign
        +1 the taker bought, -1 sold; 0 unknown, which ends a run.
    """

    at_ns: NDArray[np.int64]
    price: NDArray[np.float64]
    size_ccy: NDArray[np.float64]
    sign: NDArray[np.float64]


def run_round_trips(
    trades: TakerTrades, quotes: QuotePath, longest_pause_s: float, after_s: Sequence[float]
) -> pd.DataFrame:
    """Cut a tape into runs of one taker side, and pair each with the next one the other way.

    A run ends when the side turns or nothing is traded for ``longest_pause_s``. Its size is all that was traded.

    Parameters
    ----------
    after_s
        Seconds after the last trade at which the mid is looked at again.

    Returns
    -------
    pd.DataFrame
        Two rows per trip, the legs: ``trip``, ``started_ns``, ``side_sign``, ``size_ccy``, ``duration_s``, ``trades``,
        ``arrival_slippage_bps`` (volume-weighted price against the mid strictly before the first trade) and
        ``half_spread_bps``, positive when they cost; and ``moved_<s>s_bps``, the mid's move in the order's direction from
        before it to so many seconds after it, NaN where the quotes do not reach.

    Notes
    -----
    A run is seen only as long as it lasts: it is longer where the price gave way little, so the cost of large runs is
    understated against that of an order which had to be finished.
    """
    _refuse_empty(trades)
    pause = np.diff(trades.at_ns) > longest_pause_s * 1e9
    first = np.flatnonzero(np.append(True, pause | (np.diff(trades.sign) != 0.0)))
    size = np.add.reduceat(trades.size_ccy, first)
    return _legs(trades, quotes, first, trades.sign[first], size, after_s)


def window_round_trips(
    trades: TakerTrades, quotes: QuotePath, window_s: float, after_s: Sequence[float]
) -> pd.DataFrame:
    """Take the net taker flow of each window of time for a parent order, and pair neighbours of opposite side.

    The order's side is that of the net flow, its size the net value, its price the volume-weighted one of the trades of
    that side. Sizes reach further than those of runs. Columns as of ``run_round_trips``.

    Notes
    -----
    The side is known only when the window is over, and flow follows price as well as the reverse: what is measured is the
    cost of trading with the crowd, an upper bound for one who does not.
    """
    _refuse_empty(trades)
    window = (trades.at_ns - trades.at_ns[0]) // int(window_s * 1e9)
    first = np.flatnonzero(np.append(True, np.diff(window) > 0))
    net = np.add.reduceat(trades.sign * trades.size_ccy, first)
    return _legs(trades, quotes, first, np.sign(net), np.abs(net), after_s)


def _refuse_empty(trades: TakerTrades) -> None:
    if len(trades.at_ns) == 0:
        raise InsufficientDataError("round trips: no trade on the tape")


def _legs(
    trades: TakerTrades,
    quotes: QuotePath,
    first: NDArray[np.int64],
    side: NDArray[np.float64],
    size_ccy: NDArray[np.float64],
    after_s: Sequence[float],
) -> pd.DataFrame:
    """Orders made of the trades of ``side`` in the groups that begin at ``first``, paired to trips."""
    last = np.append(first[1:], len(trades.at_ns)) - 1
    own = trades.sign == np.repeat(side, last - first + 1)
    value = np.add.reduceat(np.where(own, trades.size_ccy, 0.0), first)
    units = np.add.reduceat(np.where(own, trades.size_ccy / trades.price, 0.0), first)
    start, end = trades.at_ns[first], trades.at_ns[last]
    quote = quotes.before(start)
    arrival = np.where(quote >= 0, quotes.mid[quote], np.nan)
    traded = np.where(units > 0.0, value / np.where(units > 0.0, units, 1.0), np.nan)
    legs = {
        "started_ns": start,
        "side_sign": side,
        "size_ccy": size_ccy,
        "duration_s": (end - start) / 1e9,
        "trades": last - first + 1,
        "arrival_slippage_bps": 1e4 * side * (traded - arrival) / arrival,
        "half_spread_bps": np.where(quote >= 0, quotes.half_spread_bps[quote], np.nan),
    }
    for seconds in after_s:
        later_ns = end + int(seconds * 1e9)
        later = np.where(later_ns <= quotes.at_ns[-1], quotes.mid[quotes.before(later_ns)], np.nan)
        legs[f"moved_{seconds:g}s_bps"] = 1e4 * side * (later - arrival) / arrival
    frame = pd.DataFrame(legs)
    usable = np.isfinite(frame["arrival_slippage_bps"].to_numpy()) & (side != 0.0)
    return _paired(frame, side, usable)


def _paired(runs: pd.DataFrame, sign: NDArray[np.float64], usable: NDArray[np.bool_]) -> pd.DataFrame:
    """Neighbours of opposite side, none used twice."""
    taken: list[int] = []
    place = 0
    while place + 1 < len(runs):
        if usable[place] and usable[place + 1] and sign[place] == -sign[place + 1]:
            taken += [place, place + 1]
            place += 2
        else:
            place += 1
    legs = runs.iloc[taken].reset_index(drop=True)
    legs.insert(0, "trip", np.arange(len(legs)) // 2)
    return legs


def walk_bps(curve: Curve, size_ccy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average distance from mid of a market order of each size, bps, half of the spread included.

    NaN beyond the visible book and for a size not above 0.
    """
    total = np.interp(size_ccy, np.append(0.0, curve.size_ccy), np.append(0.0, curve.total))
    visible = (size_ccy > 0.0) & (size_ccy <= curve.size_ccy[-1])
    return np.where(visible, total / np.where(visible, size_ccy, 1.0), np.nan)


def walk_round_trips(
    at_ns: NDArray[np.int64],
    asks: Sequence[Curve | None],
    bids: Sequence[Curve | None],
    size_ccy: NDArray[np.float64],
    delay: int,
    hold: int,
) -> pd.DataFrame:
    """Buy by market order on a recorded book and sell later, for every size and every moment.

    Parameters
    ----------
    at_ns, asks, bids
        (n,) moments, equally spaced, and their books as curves; ``None`` where the book is unknown.
    size_ccy
        (K,) order sizes.
    delay, hold
        Moments between decision and purchase, and between purchase and sale; the next trip starts when one ends.

    Returns
    -------
    pd.DataFrame
        Two legs per trip: ``trip``, ``started_ns`` (of the decision), ``side_sign``, ``size_ccy``, ``duration_s`` (0),
        ``arrival_slippage_bps`` (the walk against the mid of its moment), and what was known at the decision:
        ``half_spread_bps`` and ``book_bps`` (the walk of that book). A size beyond a book is left out.
    """
    smallest = np.array([1e-9])
    parts: list[pd.DataFrame] = []
    for decided in range(0, len(at_ns) - delay - hold, delay + hold):
        bought, sold = decided + delay, decided + delay + hold
        books = asks[decided], bids[decided], asks[bought], bids[sold]
        if any(book is None for book in books):
            continue
        known_ask, known_bid, paid_ask, paid_bid = (book for book in books if book is not None)
        for sign, known, paid in ((1.0, known_ask, paid_ask), (-1.0, known_bid, paid_bid)):
            parts.append(
                pd.DataFrame(
                    {
                        "place": decided,
                        "started_ns": at_ns[decided],
                        "side_sign": sign,
                        "size_ccy": size_ccy,
                        "duration_s": 0.0,
                        "arrival_slippage_bps": walk_bps(paid, size_ccy),
                        "half_spread_bps": walk_bps(known, np.minimum(smallest, known.size_ccy[0]))[0],
                        "book_bps": walk_bps(known, size_ccy),
                    }
                )
            )
    if not parts:
        raise InsufficientDataError("round trips: no moment with two known books")
    legs = pd.concat(parts, ignore_index=True)
    legs.insert(0, "trip", legs.groupby(["place", "size_ccy"], sort=True).ngroup())
    whole = legs[["arrival_slippage_bps", "book_bps"]].notna().all(axis=1).groupby(legs["trip"]).transform("all")
    return legs[whole].drop(columns="place").sort_values(["started_ns", "trip"], kind="stable").reset_index(drop=True)
