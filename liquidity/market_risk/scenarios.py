"""Complete scenarios from incomplete histories: what an instrument never saw is lent by its peers, and told.

Read next: ``market_risk_table.py``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MIN_OWN_RETURNS", "Scenarios", "complete_scenarios"]

MIN_OWN_RETURNS: Final = 20
"""Fewest own returns of an instrument inside the scenarios; below it, it is left out with a reason."""

_MIN_BETA_RETURNS: Final = 60
_MAX_BETA: Final = 3.0
_MIN_PEERS: Final = 3


@dataclass(frozen=True, slots=True)
class Scenarios:
    """Complete returns (S, P) of the instruments that can be revalued.

    Attributes
    ----------
    days
        (S,) day of each scenario, ascending.
    returns
        (S, P); a column of zeros for an instrument that is left out.
    proxied_frac
        (P,) share of the scenarios lent by peers, 0 to 1.
    reason
        (P,) why an instrument is left out; empty where it is not.
    """

    days: NDArray[np.datetime64]
    returns: NDArray[np.float64]
    proxied_frac: NDArray[np.float64]
    reason: NDArray[np.object_]

    @property
    def included(self) -> NDArray[np.bool_]:
        """(P,) whether the instrument is revalued."""
        found: NDArray[np.bool_] = self.reason == ""
        return found


def complete_scenarios(
    days: NDArray[np.datetime64],
    returns: NDArray[np.float64],
    groups: NDArray[np.object_],
    places: NDArray[np.int64],
    *,
    window: int,
) -> Scenarios:
    """Take the last ``window`` scenarios of the held instruments and fill their gaps.

    A missing return is beta times the mean return of the others of its group in that session (at least three): beta from the own
    returns where there are 60, held within 0 and 3, else 1. A session in which some gap has no peers is left out.

    Parameters
    ----------
    days, returns
        (S,) and (S, N) of the whole market, NaN for missing.
    groups
        (N,) group of each instrument, such as its asset class.
    places
        (P,) columns of the held instruments; -1: no price history.
    window
        Newest scenarios to keep.

    Returns
    -------
    Scenarios
        An instrument without column, or with fewer than 20 own returns in the window, has a reason.
    """
    low = max(0, len(returns) - window)
    days, market = days[low:], returns[low:]
    held = np.where(places >= 0, places, 0)
    own = market[:, held] if market.shape[1] else np.full((len(market), places.size), np.nan)
    seen = np.isfinite(own) & (places >= 0)
    reason = np.full(places.size, "", dtype=object)
    counts = seen.sum(axis=0)
    reason[counts < MIN_OWN_RETURNS] = "short_history"
    reason[places < 0] = "no_price_history"
    filled = np.where(seen, own, np.nan)
    for name in sorted({str(each) for each in groups[held[reason == ""]]}):
        peers = market[:, groups.astype(str) == name]
        shown = np.isfinite(peers)
        number, total = shown.sum(axis=1), np.where(shown, peers, 0.0).sum(axis=1)
        for column in np.flatnonzero((groups[held].astype(str) == name) & (reason == "")):
            gaps = ~seen[:, column]
            if gaps.any():
                others = number - ~gaps
                mean = np.where(
                    others >= _MIN_PEERS,
                    (total - np.where(gaps, 0.0, filled[:, column])) / np.maximum(others, 1),
                    np.nan,
                )
                filled[gaps, column] = _beta(filled[:, column], mean) * mean[gaps]
    usable = reason == ""
    whole = np.isfinite(filled[:, usable]).all(axis=1)
    chosen = filled[whole]
    chosen[:, ~usable] = 0.0
    lent = (~seen[whole]).mean(axis=0) if whole.any() else np.zeros(places.size)
    return Scenarios(days[whole], chosen, np.where(usable, lent, 0.0), reason)


def _beta(own: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    both = np.isfinite(own) & np.isfinite(mean)
    if both.sum() < _MIN_BETA_RETURNS:
        return 1.0
    x = mean[both] - mean[both].mean()
    square = float(x @ x)
    return float(np.clip(x @ own[both] / square, 0.0, _MAX_BETA)) if square > 0.0 else 1.0
