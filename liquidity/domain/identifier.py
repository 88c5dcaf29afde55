r"""Instrument identifiers: an ISIN, or ``VENUE:LOCAL`` where no ISIN exists.

Bonds carry their ISIN (``INE094A08176``). What has no ISIN in its source carries the venue that names it:
``binance:BTCUSDT``, ``XNYS:IBM``, ``BVMF:LFT_20250301``. Only ASCII letters, digits and ``_ . / -`` may follow the
colon, so that an identifier is always a safe file name part, SQL value and spreadsheet cell.
"""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import IdentifierError

__all__ = ["INSTRUMENT_ID_PATTERN", "ISIN_PATTERN", "is_isin", "is_isin_array", "require_instrument_id"]

ISIN_PATTERN = r"[A-Z]{2}[A-Z0-9]{9}[0-9]"
INSTRUMENT_ID_PATTERN = rf"^(?:{ISIN_PATTERN}|[A-Za-z][A-Za-z0-9_]{{1,19}}:[A-Za-z0-9][A-Za-z0-9_./-]{{0,39}})$"
_ISIN = re.compile(rf"^{ISIN_PATTERN}$", re.ASCII)
_INSTRUMENT_ID = re.compile(INSTRUMENT_ID_PATTERN, re.ASCII)


def is_isin(text: str) -> bool:
    """Whether ``text`` is an ISIN with a right check digit (ISO 6166: letters to numbers, then Luhn).

    Examples
    --------
    >>> is_isin("US0378331005"), is_isin("US0378331006"), is_isin("us0378331005")
    (True, False, False)
    """
    if not _ISIN.match(text):
        return False
    digits = "".join(str(int(character, 36)) for character in text)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_isin_array(texts: pd.Series) -> NDArray[np.bool_]:
    """Element-wise :func:`is_isin`, vectorised; a missing text is not an ISIN.

    The letter-to-two-digits expansion is done by a running weight: a letter holds two Luhn places, a digit one.
    """
    strings = texts.astype("string").fillna("")
    shaped = strings.str.fullmatch(ISIN_PATTERN).to_numpy(dtype=bool, na_value=False)
    result = np.zeros(len(strings), dtype=bool)
    if not shaped.any():
        return result
    fixed = np.frombuffer("".join(strings[shaped]).encode("ascii"), dtype=np.uint8).reshape(-1, 12)
    value = np.where(fixed >= 65, fixed - 55, fixed - 48).astype(np.int64)
    letter = value >= 10
    total = np.zeros(len(fixed), dtype=np.int64)
    doubled = np.zeros(len(fixed), dtype=bool)  # whether the next Luhn place is a doubled one
    for column in range(11, -1, -1):
        low, high = value[:, column] % 10, value[:, column] // 10
        twice_low, twice_high = _luhn_double(low), _luhn_double(high)
        total += np.where(doubled, twice_low, low)
        total += np.where(letter[:, column], np.where(doubled, high, twice_high), 0)
        doubled = np.where(letter[:, column], doubled, ~doubled)
    result[shaped] = total % 10 == 0
    return result


def _luhn_double(digit: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(digit > 4, 2 * digit - 9, 2 * digit)


def require_instrument_id(text: str) -> str:
    """Return ``text`` if it is a valid ISIN or an allowed ``VENUE:LOCAL``; raise :class:`IdentifierError` otherwise.

    Examples
    --------
    >>> require_instrument_id("binance:BTCUSDT")
    'binance:BTCUSDT'
    """
    if not _INSTRUMENT_ID.match(text):
        raise IdentifierError(
            f"instrument_id {text[:60]!r}: neither an ISIN (12 capital letters and digits) nor VENUE:LOCAL; "
            "see docs/data_dictionary.md, column instrument_id"
        )
    if ":" not in text and not is_isin(text):
        raise IdentifierError(f"instrument_id {text!r}: ISIN check digit is wrong; correct it at the source")
    return text
