"""Dealer presence and auction demand from raw observations."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError

__all__ = ["auction_demand", "online_ratio", "snapshot_weights_s"]


def online_ratio(online: NDArray[np.bool_], weights_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of observed open time with a two-way quote.

    Parameters
    ----------
    online
        (instruments, snapshots): whether both sides were quoted.
    weights_s
        (snapshots,): seconds each snapshot stood. All zero (one snapshot at the very close) weighs them equally.

    Returns
    -------
    NDArray[np.float64]
        (instruments,), 0-1; NaN without a snapshot.

    Examples
    --------
    >>> minutes = np.full(360, 60.0)  # 270 of 360 session minutes online
    >>> online_ratio((np.arange(360) < 270)[None, :], minutes).tolist()
    [0.75]
    """
    if online.shape[1] == 0:
        return np.full(online.shape[0], np.nan)
    weights = weights_s if weights_s.sum() > 0 else np.ones_like(weights_s)
    ratio: NDArray[np.float64] = online.astype(np.float64) @ weights / weights.sum()
    return ratio


def snapshot_weights_s(times: pd.Series, closes: pd.Timestamp) -> NDArray[np.float64]:
    """Seconds each snapshot stood: until the next one, the last until the close. The time before the first is unseen.

    Parameters
    ----------
    times
        Ascending, all at or before ``closes``.

    Examples
    --------
    >>> at = pd.Series(pd.to_datetime(["2026-03-19T13:00Z", "2026-03-19T15:00Z"]))
    >>> snapshot_weights_s(at, pd.Timestamp("2026-03-19T21:00Z")).tolist()
    [7200.0, 21600.0]
    """
    until = times.shift(-1).fillna(closes)
    return np.asarray((until - times).dt.total_seconds().clip(lower=0.0), dtype=np.float64)


def auction_demand(amount_bid: float, amount_offered: float) -> float:
    """Amount bid over amount offered; raises :class:`ContractError` when nothing was offered or a bid is negative.

    Examples
    --------
    >>> auction_demand(500.0, 200.0)
    2.5
    """
    if not (amount_offered > 0 and amount_bid >= 0):
        raise ContractError(
            f"auction: bid {amount_bid} for {amount_offered} offered; the offer must be above 0 and the bid 0 or more"
        )
    return amount_bid / amount_offered
