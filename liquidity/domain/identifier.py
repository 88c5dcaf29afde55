r"""Instrument identifiers: an ISIN, or ``VENUE:LOCAL`` where no ISIN exists.

Bonds carry their ISIN (``INE094A08176``). What has no ISIN in its source carries the venue that names it:
``binance:BTCUSDT``, ``XNYS:IBM``, ``BVMF:LFT_20250301``. Only ASCII letters, digits and ``_ . / -`` may follow the
colon, so that an identifier is always a safe file name part, SQL value and spreadsheet cell.
"""

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from liquidity.domain.errors import IdentifierError

if TYPE_CHECKING:  # contracts import this file, and the execution location loads without pandas
    import pandas as pd

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
    if not _ISIN.fullmatch(text):
        return False
    digits = "".join(str(int(character, 36)) for character in text)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_isin_array(texts: "pd.Series | pa.Array") -> NDArray[np.bool_]:
    """Element-wise :func:`is_isin`, vectorised; a missing text is not an ISIN.

    Luhn doubles every second digit from the right after each letter became two digits, so what a character adds
    depends only on itself, on the parity of the places right of it and on whether its place allows it: one table
    look-up per character.
    """
    arrow = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string(), from_pandas=True)
    strings = pc.fill_null(arrow.combine_chunks() if isinstance(arrow, pa.ChunkedArray) else arrow, "")
    long_enough = pc.equal(pc.binary_length(strings), 12)
    result = np.asarray(long_enough.to_numpy(zero_copy_only=False), dtype=np.bool_).copy()
    if not result.any():
        return result
    fixed = strings if result.all() else strings.filter(long_enough)
    first = int(np.frombuffer(fixed.buffers()[1], dtype=np.int32)[fixed.offset])  # not 0 where the array is a slice
    characters = np.frombuffer(fixed.buffers()[2], dtype=np.uint8)[first : first + 12 * len(fixed)].reshape(-1, 12)
    total = np.zeros(len(fixed), dtype=np.uint16)
    odd = np.zeros(len(fixed), dtype=np.uint16)  # 256 where the character's last digit is doubled
    for place in range(11, -1, -1):
        character = np.ascontiguousarray(characters[:, place])
        total += _LUHN_SUM[_ALLOWED_AT[place]][odd + character]
        odd ^= np.where(character < _LETTER_A, np.uint16(256), np.uint16(0))
    result[result] = (total < _FORBIDDEN) & (total % 10 == 0)
    return result


_LETTERS, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_ALLOWED_AT = (_LETTERS, _LETTERS, *[_LETTERS + _DIGITS] * 9, _DIGITS)
_FORBIDDEN = 256  # above every sum of twelve allowed characters
_LETTER_A = ord("A")


def _luhn_table(allowed: str) -> NDArray[np.uint16]:
    """Tabulate what a character adds to the Luhn sum: entry ``character`` undoubled, ``256 + character`` doubled."""
    table = np.full(512, _FORBIDDEN, dtype=np.uint16)
    for character in allowed:
        for doubled in (0, 1):
            table[256 * doubled + ord(character)] = 0
            for place, digit in enumerate(reversed(str(int(character, 36)))):
                value = int(digit) * (2 if (place + doubled) % 2 else 1)
                table[256 * doubled + ord(character)] += value - 9 if value > 9 else value
    return table


_LUHN_SUM = {allowed: _luhn_table(allowed) for allowed in set(_ALLOWED_AT)}


def require_instrument_id(text: str) -> str:
    """Return ``text`` if it is a valid ISIN or an allowed ``VENUE:LOCAL``; raise :class:`IdentifierError` otherwise.

    ``..`` is refused wherever it stands, as the contract engine does: identifiers name files.

    Examples
    --------
    >>> require_instrument_id("binance:BTCUSDT")
    'binance:BTCUSDT'
    """
    if not _INSTRUMENT_ID.fullmatch(text) or ".." in text:
        raise IdentifierError(
            f"instrument_id {text[:60]!r}: neither an ISIN (12 capital letters and digits) nor VENUE:LOCAL without '..'; "
            "see docs/data_dictionary.md, column instrument_id"
        )
    if ":" not in text and not is_isin(text):
        raise IdentifierError(f"instrument_id {text!r}: ISIN check digit is wrong; correct it at the source")
    return text
