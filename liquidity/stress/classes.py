"""Which shocks an instrument receives: from asset class, rating and coin to one of seven stress classes.

Read next: ``scenario.py``, which holds numbers for each class.
"""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.portfolio.holdings import Holdings

__all__ = ["STABLECOINS", "STRESS_CLASSES", "coin_of", "stress_class", "stress_classes"]

STRESS_CLASSES: Final = ("gov_bond", "ig_bond", "hy_bond", "equity", "crypto_major", "crypto_alt", "stablecoin")
_INVESTMENT_GRADE: Final = frozenset({"AAA", "AA", "A", "BBB"})
_MAJORS: Final = frozenset({"BTC", "XBT", "WBTC", "ETH"})
STABLECOINS: Final = frozenset({"USDT", "USDC", "DAI", "BUSD", "TUSD", "FDUSD", "USDP", "USDE", "PYUSD", "XUSD"})
_QUOTE: Final = re.compile(r"(?:FDUSD|BUSD|TUSD|USDT|USDC|USD|DAI|EUR|GBP|BRL|TRY|JPY)$")


def coin_of(instrument_id: str) -> str:
    """Return the base coin of a venue symbol in upper case: what is traded, without quote currency and contract suffix.

    Examples
    --------
    >>> [coin_of(each) for each in ("binance:BTCUSDT", "okx:ETH-USDT-SWAP", "sim:SOL/USD", "binance:USDCUSDT", "dydx:BTC")]
    ['BTC', 'ETH', 'SOL', 'USDC', 'BTC']
    """
    local = instrument_id.rpartition(":")[2].upper()
    first = re.split(r"[-/_.]", local, maxsplit=1)[0]
    return _QUOTE.sub("", first) or first


def stress_class(asset_class: str | None, rating: str | None, instrument_id: str) -> tuple[str, str]:
    """Name the stress class of an instrument and say what was assumed to find it.

    Parameters
    ----------
    asset_class
        One of ``liquidity.domain.instrument.ASSET_CLASSES``; ``None`` where unknown.
    rating
        Letter rating; only corporate bonds are told apart by it.

    Returns
    -------
    tuple of str
        The class (empty where there is none: the position is then not shocked) and a note, empty where nothing was
        assumed. ``unrated_as_hy_bond``: a corporate bond without rating is treated as high yield.

    Examples
    --------
    >>> stress_class("bond_corporate", "A", "INE094A08176"), stress_class("bond_corporate", None, "INE094A08176")
    (('ig_bond', ''), ('hy_bond', 'unrated_as_hy_bond'))
    >>> stress_class("crypto_perp", None, "binance:BTCUSDT"), stress_class(None, None, "x:Y")
    (('crypto_major', ''), ('', 'asset_class_unknown'))
    """
    if asset_class == "bond_sovereign":
        return "gov_bond", ""
    if asset_class == "bond_corporate":
        if rating is None:
            return "hy_bond", "unrated_as_hy_bond"
        return ("ig_bond" if rating in _INVESTMENT_GRADE else "hy_bond"), ""
    if asset_class == "equity":
        return "equity", ""
    if asset_class in ("crypto_spot", "crypto_perp"):
        coin = coin_of(instrument_id)
        if coin in STABLECOINS:
            return "stablecoin", ""
        return ("crypto_major" if coin in _MAJORS else "crypto_alt"), ""
    return "", "asset_class_unknown"


def stress_classes(holdings: Holdings) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return stress class and note of each position, (P,) object arrays; see :func:`stress_class`."""
    found = [
        stress_class(kind, rating, identifier)
        for kind, rating, identifier in zip(
            _texts(holdings.asset_class), _texts(holdings.rating), holdings.instrument_id, strict=True
        )
    ]
    classes, notes = np.empty(len(found), dtype=object), np.empty(len(found), dtype=object)
    classes[:], notes[:] = [each[0] for each in found], [each[1] for each in found]
    return classes, notes


def _texts(values: NDArray[np.object_]) -> list[str | None]:
    """Texts or None; a table may mark a missing text as NaN or NA."""
    return [value if isinstance(value, str) else None for value in values]
