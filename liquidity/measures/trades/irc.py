"""Round-trip cost of a bond from trades of equal size within a day."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liquidity.domain.observation import observed_number

__all__ = ["ImputedRoundTrip", "irc"]


@dataclass(frozen=True, slots=True)
class ImputedRoundTrip:
    """``irc`` fraction of price; ``n_irt`` imputed round trips behind it."""

    irc: float | None
    n_irt: int


def irc(trades: Sequence[Sequence[float | None]], include_zero: bool) -> ImputedRoundTrip:
    """Imputed round-trip cost of one bond on one day.

    Trades of exactly equal volume belong together; a group of two or three is a dealer passing a position on, and costs
    (Pmax - Pmin) / Pmax. The day's cost is the mean over such groups; groups of one or more than three are ignored.

    Parameters
    ----------
    trades
        Rows ``[price, volume]``; rows with a missing or non-positive entry are left out.
    include_zero
        Whether a group traded at one price counts as a cost of 0 (otherwise it is left out).

    Returns
    -------
    ImputedRoundTrip
        Null without any round trip.

    References
    ----------
    Feldhutter (2012), Review of Financial Studies 25(4), 1155-1206.

    Examples
    --------
    >>> irc([[100.0, 5e4], [99.0, 5e4], [98.0, 7e3]], include_zero=False)
    ImputedRoundTrip(irc=0.01, n_irt=1)
    """
    by_volume: dict[float, list[float]] = defaultdict(list)
    for trade in trades:
        price, volume = observed_number(trade[0]), observed_number(trade[1])
        if price > 0.0 and volume > 0.0:
            by_volume[volume].append(price)
    costs = [(max(group) - min(group)) / max(group) for group in by_volume.values() if len(group) in (2, 3)]
    counted = [cost for cost in costs if cost > 0.0 or include_zero]
    return ImputedRoundTrip(float(np.mean(counted)) if counted else None, len(counted))
