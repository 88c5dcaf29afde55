"""Price and size steps of markets without a market list, from the decimals in which their levels are written."""

import re
from collections import Counter
from decimal import Decimal
from typing import Final

from liquidity.book.grid import BookGrid
from liquidity.book.wire import units_of
from liquidity.domain.book_message import BookMessage

__all__ = ["MAX_DECIMALS", "Steps", "decimals_of"]

MAX_DECIMALS: Final = 12
_RARE: Final = 1_000
_PRICE_DIGITS, _SIZE_DIGITS = 10, 15
_PLAIN = re.compile(r"[0-9]+(?:\.([0-9]+))?", re.ASCII)


class Steps:
    """Steps of one market, message by message.

    Notes
    -----
    The step is the power of ten in which all levels can be written, with two guards against a single absurd price, which
    would otherwise put every honest one off the grid or make the grid too fine to hold: price decimals needed by fewer
    than one level in 1,000 do not count, and neither do decimals with which the typical price needs more than 10 digits
    (a size 15).
    """

    def __init__(self) -> None:
        self._decimals: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
        self._digits: tuple[Counter[int], Counter[int]] = (Counter(), Counter())

    def add(self, message: BookMessage) -> None:
        """Take the levels of a message; text that is no number is the synchroniser's to refuse."""
        for side in (message.bids, message.asks):
            for number, level in enumerate(side):
                for place in (0, 1):
                    try:
                        text = level[place]
                        decimals = decimals_of(text)
                    except (ArithmeticError, ValueError, TypeError, IndexError, KeyError):
                        continue
                    self._decimals[place][min(decimals, MAX_DECIMALS + 1)] += 1
                    if number == 0 and decimals <= MAX_DECIMALS:
                        self._digits[place][Decimal(text).adjusted() + 1] += 1

    def join(self, other: "Steps") -> None:
        """Take what another scan of the same market saw."""
        for mine, theirs in zip((*self._decimals, *self._digits), (*other._decimals, *other._digits), strict=True):
            mine.update(theirs)

    def grid(self, venue: str, venue_symbol: str) -> BookGrid:
        """Steps seen, with the units that the market's name tells."""
        kind, contract_size = units_of(venue, venue_symbol) or ("spot", 1.0)
        seen_n = self._decimals[0].total()
        price = self._fewest(0, -(-seen_n // _RARE), _PRICE_DIGITS)
        size = self._fewest(1, 1, _SIZE_DIGITS)
        return BookGrid(Decimal(1).scaleb(-price), Decimal(1).scaleb(-size), contract_size, kind)

    def _fewest(self, place: int, at_least_n: int, digits: int) -> int:
        usual = max(self._digits[place].items(), key=lambda entry: (entry[1], entry[0]), default=(0, 0))[0]
        most = max(0, min(MAX_DECIMALS, digits - usual))
        needing_n = 0
        for decimals in sorted(self._decimals[place], reverse=True):
            needing_n += self._decimals[place][decimals]
            if decimals <= most and needing_n >= at_least_n:
                return decimals
        return 0


def decimals_of(number: str) -> int:
    """Decimals that a number in text needs; trailing zeros need none. No number raises ``ArithmeticError``.

    Examples
    --------
    >>> decimals_of("61737.63000000"), decimals_of("1.814e-05"), decimals_of("500")
    (2, 8, 0)
    """
    plain = _PLAIN.fullmatch(number)
    if plain is not None:
        return len((plain.group(1) or "").rstrip("0"))
    exponent = Decimal(number).normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise ArithmeticError(f"{number} is no finite number")
    return max(0, -exponent)
