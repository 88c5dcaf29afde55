"""Contract units of a book: amounts as the venue counts them, turned into base units once, before anything is measured.

An inverse contract is worth a fixed amount of quote currency, so that price times amount is no notional; in base units
it is one for every market. Read next: ``analysis.py``.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import MarketKind

__all__ = ["in_base_units"]


def in_base_units(book: BookSnapshot, contract_size: float, kind: MarketKind) -> BookSnapshot:
    """Turn the amounts of a book into base units.

    Parameters
    ----------
    contract_size, kind
        As in :class:`~liquidity.domain.market_data.Market`: base units in one amount unit (spot, linear), or quote
        units in one contract (inverse).

    Returns
    -------
    BookSnapshot
        Linear: amount x contract_size. Inverse: amount x contract_size / price, so that price x size is the fixed
        quote value of the contracts. The same object where amounts are base units already.

    Raises
    ------
    ContractError
        ``contract_size`` is not a finite number above 0.

    Examples
    --------
    >>> contracts = BookSnapshot.from_levels([[50_000.0, 5]], [[50_100.0, 2]])
    >>> in_base_units(contracts, contract_size=100.0, kind="inverse").bids.tolist()
    [[50000.0, 0.01]]
    """
    if not (math.isfinite(contract_size) and contract_size > 0.0):
        raise ContractError(
            f"in_base_units: contract_size {contract_size}, allowed (0, inf); take it from the venue's market list"
        )
    if kind != "inverse" and contract_size == 1.0:
        return book
    bids, asks = (_scaled(side, contract_size, inverse=kind == "inverse") for side in (book.bids, book.asks))
    return BookSnapshot(bids, asks)


def _scaled(side: NDArray[np.float64], contract_size: float, *, inverse: bool) -> NDArray[np.float64]:
    scaled = side.copy()
    scaled[:, 1] *= contract_size
    if inverse:
        scaled[:, 1] /= side[:, 0]
    return scaled
