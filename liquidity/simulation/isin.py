"""ISINs of the simulated bonds: valid check digit, country code ZZ, which ISO 3166 leaves to users and no issuer has."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError

__all__ = ["ISSUER_LIMIT", "SERIAL_LIMIT", "simulated_isins"]

ISSUER_LIMIT: Final = 36**4
SERIAL_LIMIT: Final = 36**5
_ALPHABET: Final = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)


def simulated_isins(issuer: NDArray[np.int64], serial: NDArray[np.int64]) -> NDArray[np.str_]:
    """ISINs ``ZZ`` + issuer (4 places, base 36) + serial (5 places, base 36) + check digit (ISO 6166, Luhn).

    Parameters
    ----------
    issuer, serial
        Shape (bonds,), ``0 <= issuer < 36**4`` and ``0 <= serial < 36**5``; a pair gives one ISIN.

    Returns
    -------
    NDArray[np.str_]
        Shape (bonds,), 12 characters; they sort as (issuer, serial) does.

    Raises
    ------
    ConfigError
        A number does not fit its places.

    Examples
    --------
    >>> simulated_isins(np.array([0, 35]), np.array([1, 36])).tolist()
    ['ZZ0000000016', 'ZZ000Z000100']
    """
    for name, numbers, limit in (("issuer", issuer, ISSUER_LIMIT), ("serial", serial, SERIAL_LIMIT)):
        if numbers.size and (numbers.min() < 0 or numbers.max() >= limit):
            raise ConfigError(f"simulated ISIN: {name} {numbers.min()}..{numbers.max()}; allowed: 0 to {limit - 1}")
    places = np.empty((issuer.size, 11), dtype=np.int64)
    places[:, :2] = 35
    for place in range(4):
        places[:, 5 - place] = issuer // 36**place % 36
    for place in range(5):
        places[:, 10 - place] = serial // 36**place % 36
    text = np.empty((issuer.size, 12), dtype=np.uint8)
    text[:, :11] = _ALPHABET[places]
    text[:, 11] = ord("0") + _check_digit(places)
    return text.view("S12").ravel().astype("U12")


def _check_digit(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Luhn digit of base-36 places: a letter counts as its two decimal digits, weights 2, 1, 2 from the right."""
    total = np.zeros(len(places), dtype=np.int64)
    weight_two = np.ones(len(places), dtype=bool)
    for value in places.T[::-1]:
        for digit, present in ((value % 10, np.ones(len(places), dtype=bool)), (value // 10, value >= 10)):
            twice = 2 * digit - 9 * (digit > 4)
            total += np.where(present, np.where(weight_two, twice, digit), 0)
            weight_two = np.where(present, ~weight_two, weight_two)
    return -total % 10
