"""Forced sales that trigger the next: a liquidation cascade on a straight line of impact, and one that walks a book.

:func:`cascade` is the textbook form on one impact number. :func:`book_cascade` sells into resting bids: quantity is
conserved, levels and bids that were seen are told apart from modelled ones, and the result does not depend on the order in
which levels are listed. Read next: ``cascade_calibration.py``, which holds it against 10 October 2025.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError, ContractError

__all__ = ["BidBook", "BookCascade", "Cascade", "book_cascade", "cascade"]


@dataclass(frozen=True, slots=True)
class Cascade:
    """End of a cascade: price, which longs were liquidated (ascending), rounds with a liquidation, notional sold."""

    final_price: float | None
    liquidated: tuple[int, ...] | None
    rounds: int | None
    notional: float | None


def cascade(
    P0: float | None,
    shock: float | None,
    positions: Sequence[Sequence[float]],
    impact_per_musd: float | None,
) -> Cascade:
    """Liquidate longs round by round, each round moving the price in proportion to what it sells.

    P = P0 (1 - shock); each round liquidates every remaining long with liquidation price >= P for N = P * sum of quantities,
    then P = max(0, P (1 - impact_per_musd N / 1e6)); it ends with the first round that liquidates nothing.

    Parameters
    ----------
    P0
        Price before, above 0.
    shock
        First fall, fraction of the price, at most 1.
    positions
        Pairs of liquidation price and quantity (units, at least 0).
    impact_per_musd
        Fall of the price as a fraction per million sold, at least 0.

    Returns
    -------
    Cascade
        Null where an input is missing.

    Raises
    ------
    ConfigError
        A number outside its range.

    Examples
    --------
    >>> cascade(100.0, 0.05, [[96, 20_000], [94, 30_000]], 0.02)
    Cascade(final_price=86.37872073999999, liquidated=(0, 1), rounds=2, notional=4641700.0)
    """
    levels = np.array(
        [[np.nan if value is None else value for value in pair] for pair in positions], dtype=np.float64
    ).reshape(-1, 2)
    if P0 is None or shock is None or impact_per_musd is None or np.isnan(levels).any():
        return Cascade(None, None, None, None)
    if not (P0 > 0.0 and shock <= 1.0 and impact_per_musd >= 0.0 and (levels[:, 1] >= 0.0).all()):
        raise ConfigError(
            f"cascade: P0 {P0}, shock {shock}, impact {impact_per_musd}; P0 above 0, shock at most 1, impact and quantities "
            "at least 0"
        )
    price, standing, rounds, notional = P0 * (1.0 - shock), np.ones(len(levels), dtype=np.bool_), 0, 0.0
    while (hit := standing & (levels[:, 0] >= price)).any():
        sold = float(price * levels[hit, 1].sum())
        standing &= ~hit
        rounds, notional = rounds + 1, notional + sold
        price = max(0.0, price * (1.0 - impact_per_musd * sold / 1e6))
    return Cascade(float(price), tuple(np.flatnonzero(~standing).tolist()), rounds, notional)


@dataclass(frozen=True, slots=True)
class BidBook:
    """Resting bids below a mid price, best first.

    Attributes
    ----------
    distance_frac
        (L,) distance of each bid below mid, fraction of mid, ascending, 0 to below 1.
    quantity
        (L,) units resting there, at least 0.
    beyond_per_frac
        Units per unit of distance that are assumed beyond the last visible bid; 0: nothing, the price falls to 0.
    """

    distance_frac: NDArray[np.float64]
    quantity: NDArray[np.float64]
    beyond_per_frac: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a book that is none."""
        sound = len(self.distance_frac) == len(self.quantity) and np.isfinite(self.quantity).all()
        if not (
            sound
            and (self.quantity >= 0.0).all()
            and (np.diff(self.distance_frac) >= 0.0).all()
            and ((self.distance_frac >= 0.0) & (self.distance_frac < 1.0)).all()
            and self.beyond_per_frac >= 0.0
        ):
            raise ContractError(
                "bid book: distances must ascend within [0, 1), quantities and the density beyond be 0 or more"
            )

    def thinned(self, depth_haircut_frac: float) -> "BidBook":
        """Return the book with that share (0-1) of every bid gone, the assumed ones included."""
        if not 0.0 <= depth_haircut_frac <= 1.0:
            raise ConfigError(f"bid book: depth haircut {depth_haircut_frac}, allowed 0 to 1 (frac)")
        left = 1.0 - depth_haircut_frac
        return BidBook(self.distance_frac, self.quantity * left, self.beyond_per_frac * left)

    def walk(self, quantity: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sell into the book from the top.

        Returns
        -------
        tuple of arrays
            Distance of the last fill (fraction of mid, 1: nothing left to sell to), and the part of the quantity that the
            visible bids took (units).
        """
        wanted = np.asarray(quantity, dtype=np.float64)
        total = np.cumsum(self.quantity)
        visible = float(total[-1]) if len(total) else 0.0
        edge = float(self.distance_frac[-1]) if len(total) else 0.0
        step = np.searchsorted(total, wanted, side="left")
        inside = wanted <= visible
        distance = np.zeros(wanted.shape)
        if len(total):
            distance = self.distance_frac[np.minimum(step, len(total) - 1)]
        rest = np.maximum(wanted - visible, 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            further = np.where(rest > 0.0, edge + rest / self.beyond_per_frac, edge)
        distance = np.where(inside, distance, np.minimum(further, 1.0))
        return np.where(wanted > 0.0, distance, 0.0), np.minimum(wanted, visible)


@dataclass(frozen=True, slots=True)
class BookCascade:
    """End of a cascade on a book.

    Attributes
    ----------
    start_price, final_price, low_price
        After the first fall; after the last forced sale; the lowest that was traded (equals ``final_price``: nothing here
        lets the price recover).
    rounds
        Rounds that liquidated something.
    liquidated
        (N,) whether each level was reached.
    quantity, notional
        Forcibly sold: units, and money received for them.
    observed_level_frac
        Share of the quantity that came from levels that were seen; the rest from modelled ones. NaN when nothing was sold.
    visible_fill_frac
        Share that visible bids took; the rest fell on the assumed density beyond. NaN when nothing was sold.
    unfilled_quantity
        Units that found no bid at any price.
    price_by_round, quantity_by_round
        (rounds,) price after each round and units sold in it.
    """

    start_price: float
    final_price: float
    rounds: int
    liquidated: NDArray[np.bool_]
    quantity: float
    notional: float
    observed_level_frac: float
    visible_fill_frac: float
    unfilled_quantity: float
    price_by_round: NDArray[np.float64]
    quantity_by_round: NDArray[np.float64]

    @property
    def low_price(self) -> float:
        """Lowest price traded."""
        return self.final_price

    @property
    def fall_frac(self) -> float:
        """Fall caused by the forced sales alone, fraction of the price after the first fall."""
        return 1.0 - self.final_price / self.start_price if self.start_price > 0.0 else 0.0


def book_cascade(
    price: float,
    shock_frac: float,
    level_price: ArrayLike,
    level_quantity: ArrayLike,
    level_observed: ArrayLike,
    book: BidBook,
) -> BookCascade:
    """Sell liquidated longs into a book until no further level is reached.

    The price first falls by ``shock_frac`` and the bids follow it (their distances are from the new mid). In each round all
    levels at or above the price are sold; the price is then where the last bid was taken. Bids that were taken do not come
    back, so the price after a round depends on the total sold alone; it only falls, the set of levels reached only grows,
    and the loop ends after at most as many rounds as there are levels.

    Parameters
    ----------
    price
        Before the first fall, above 0.
    shock_frac
        First fall, 0 to below 1.
    level_price, level_quantity
        (N,) where longs are liquidated and how many units, at least 0.
    level_observed
        (N,) whether the level was seen (own positions, published ones) or modelled.

    Raises
    ------
    ConfigError
        A price or fall outside its range.
    ContractError
        Columns of different length, or a missing or negative quantity.
    """
    levels = np.asarray(level_price, dtype=np.float64)
    units = np.asarray(level_quantity, dtype=np.float64)
    seen = np.asarray(level_observed, dtype=np.bool_)
    if not (price > 0.0 and 0.0 <= shock_frac < 1.0):
        raise ConfigError(f"book_cascade: price {price} and first fall {shock_frac}; price above 0, fall in [0, 1)")
    if not (levels.shape == units.shape == seen.shape and np.isfinite(levels).all() and (units >= 0.0).all()):
        raise ContractError(
            "book_cascade: level price, quantity and mark must be of one length, quantities known and >= 0"
        )
    start = now = price * (1.0 - shock_frac)
    reached = np.zeros(len(levels), dtype=np.bool_)
    sold, prices, sizes = 0.0, [], []
    while (hit := ~reached & (levels >= now)).any():
        reached |= hit
        before, sold = sold, float(units[reached].sum())
        distance, _ = book.walk(sold)
        now = start * (1.0 - float(distance))
        prices.append(now)
        sizes.append(sold - before)
    filled, visible, money = _receipts(book, sold, start)
    return BookCascade(
        start_price=start,
        final_price=now,
        rounds=len(prices),
        liquidated=reached,
        quantity=sold,
        notional=money,
        observed_level_frac=float(units[reached & seen].sum()) / sold if sold > 0.0 else float("nan"),
        visible_fill_frac=visible / sold if sold > 0.0 else float("nan"),
        unfilled_quantity=sold - filled,
        price_by_round=np.array(prices),
        quantity_by_round=np.array(sizes),
    )


def _receipts(book: BidBook, sold: float, mid: float) -> tuple[float, float, float]:
    """Units filled, units filled by visible bids, money received, for one sale from the top of the book."""
    visible = np.minimum(np.cumsum(book.quantity), sold)
    taken = np.diff(visible, prepend=0.0)
    money = float((taken * (1.0 - book.distance_frac)).sum()) * mid
    by_visible = min(float(taken.sum()), sold)
    edge = float(book.distance_frac[-1]) if len(book.distance_frac) else 0.0
    beyond = min(sold - by_visible, book.beyond_per_frac * (1.0 - edge))
    if beyond > 0.0:
        money += beyond * mid * (1.0 - edge - 0.5 * beyond / book.beyond_per_frac)
    return min(by_visible + beyond, sold), by_visible, money
