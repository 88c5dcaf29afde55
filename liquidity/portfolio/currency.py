"""Exchange rates of one session: a conversion or an error, never a sum over currencies."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from liquidity.domain.errors import InsufficientDataError

__all__ = ["Rates"]


@dataclass(frozen=True, slots=True)
class Rates:
    """Units of the second currency for one of the first, by pair."""

    by_pair: Mapping[tuple[str, str], float]

    @classmethod
    def of(cls, fx: pd.DataFrame) -> "Rates":
        """Rates of the rows of FX_RATES of one session."""
        pairs = zip(fx["currency"], fx["base_currency"], strict=True)
        return cls(dict(zip(pairs, fx["rate"].astype("float64"), strict=True)))

    def convert(self, currency: str, base_currency: str) -> float:
        """Find the rate: 1 for one currency, as stated, the inverse of the opposite, or over one third currency.

        Raises
        ------
        InsufficientDataError
            None of these is there.

        Examples
        --------
        >>> rates = Rates({("INR", "USD"): 0.0125, ("USDT", "USD"): 1.0})
        >>> rates.convert("USD", "INR"), rates.convert("USDT", "INR")
        (80.0, 80.0)
        """
        direct = self._known(currency, base_currency)
        if direct is not None:
            return direct
        for third in sorted({each for pair in self.by_pair for each in pair}):
            first, second = self._known(currency, third), self._known(third, base_currency)
            if first is not None and second is not None:
                return first * second
        raise InsufficientDataError(
            f"no exchange rate from {currency} to {base_currency}; deliver one in fx_rates (there are "
            f"{', '.join(f'{a}/{b}' for a, b in sorted(self.by_pair)) or 'none'})"
        )

    def _known(self, currency: str, base_currency: str) -> float | None:
        if currency == base_currency:
            return 1.0
        stated = self.by_pair.get((currency, base_currency))
        if stated is not None:
            return stated
        opposite = self.by_pair.get((base_currency, currency))
        return None if opposite is None else 1.0 / opposite
