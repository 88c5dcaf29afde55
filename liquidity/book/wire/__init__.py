"""The venues' own JSON, one file per protocol: how its messages become book and trade messages, and its sequence rule.

To add a venue write ``wire/<name>.py`` with these names; it is found by itself and the shared tests run on it::

    VENUES = {"venue_id": SequenceRule(...)}   one entry per market that speaks the protocol
    decoder(venue)                             a new :class:`Decode` for one connection
    recognise(message)                         venue id, or None where the message is of another protocol
    units_of(venue, venue_symbol)              kind and contract size that the symbol tells, or None
    grids_in(message)                          steps and units by symbol, of the venue's market list; may be absent

A file that starts with an underscore is no venue. Read next: ``binance.py``.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any, Final, Protocol

from liquidity.book.grid import BookGrid
from liquidity.book.sequence import SequenceRule
from liquidity.book.wire._read import MAX_PRICE, MAX_SIZE, is_plausible
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import MarketKind

__all__ = [
    "MAX_PRICE",
    "MAX_SIZE",
    "Decode",
    "decoder",
    "grids_in",
    "is_plausible",
    "recognise",
    "rule_of",
    "units_of",
    "venues",
]


class Decode(Protocol):
    """Decoder of one connection: state it needs (ids of levels, numbers of messages) lives and dies with it.

    A message that carries neither book nor trades (acknowledgements, tickers, heartbeats) gives an empty sequence. A
    message that claims to be one and cannot be read raises :class:`ContractError`; the caller counts it and goes on.
    REST books without a symbol of their own need it put into ``symbol`` first.
    """

    def __call__(self, message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
        """Read one message, parsed JSON, that reached us at ``received_ns``."""
        ...


@cache
def _modules() -> dict[str, ModuleType]:
    """Protocol module by venue id."""
    found: dict[str, ModuleType] = {}
    for entry in pkgutil.iter_modules(__path__):
        if entry.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{entry.name}")
        for venue in module.VENUES:
            if venue in found:
                raise ConfigError(f"venue {venue}: read by {found[venue].__name__} and {module.__name__}; keep one")
            found[venue] = module
    return found


def _module(venue: str) -> ModuleType:
    found = _modules().get(venue)
    if found is None:
        raise ConfigError(f"venue {venue!r}: no wire protocol known, allowed {', '.join(venues())}")
    return found


def venues() -> tuple[str, ...]:
    """Venue ids whose book streams can be read, sorted."""
    return tuple(sorted(_modules()))


def rule_of(venue: str) -> SequenceRule:
    """Sequence rule of a venue; :class:`ConfigError` for an unknown one."""
    rule: SequenceRule = _module(venue).VENUES[venue]
    return rule


def decoder(venue: str) -> Decode:
    """Make a decoder for one connection to ``venue``; :class:`ConfigError` for an unknown one.

    Content that no decoder foresaw (a list where an object belongs, text where a number belongs, an id that is no
    integer) raises :class:`ContractError` like any other unreadable message. Prices and sizes of levels remain text: the
    synchroniser judges them, because it knows what their loss means for the book.
    """
    decode: Decode = _module(venue).decoder(venue)

    def checked(message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
        try:
            return tuple(map(_typed, decode(message, received_ns)))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
            shown = str(sorted(message, key=str)[:8])[:120] if isinstance(message, dict) else type(message).__name__
            raise ContractError(
                f"{venue} message {shown}: {type(error).__name__}: {error}; compare with the venue's current protocol"
            ) from error

    return checked


def _typed(message: BookMessage | TradeMessage) -> BookMessage | TradeMessage:
    """Refuse fields of another type than they are declared with; the decoders copy them from the wire as they stand."""
    if not isinstance(message.venue_symbol, str):
        raise TypeError(f"symbol is {type(message.venue_symbol).__name__}, not text")
    if isinstance(message, TradeMessage):
        price, amount = float(message.price), float(message.amount)
        if not (
            isinstance(message.price, str) and isinstance(message.amount, str) and isinstance(message.trade_id, str)
        ):
            raise TypeError("price, amount or id of a trade is no text")
        if not (0.0 < price < MAX_PRICE and 0.0 < amount < MAX_SIZE):
            raise ValueError(f"trade of {message.amount[:20]} at {message.price[:20]}")
        return message if is_plausible(message.event_ns) else replace(message, event_ns=None)
    for side in (message.bids, message.asks):
        if not isinstance(side, (list, tuple)) or not set(map(type, side)) <= _LEVEL_TYPES:
            raise TypeError("levels are no list of lists")
    for id_ in (message.first_id, message.last_id, message.previous_id, message.checksum):
        if id_ is not None and (type(id_) is not int or not -_BEYOND <= id_ < _BEYOND):
            raise TypeError(f"id or checksum {str(id_)[:40]}")
    ids = message.level_ids
    if ids is not None and not all(type(id_) is int and 0 <= id_ < _BEYOND for id_ in ids):
        raise TypeError("id of a level is no integer")
    return message


_LEVEL_TYPES: Final = frozenset((list, tuple))
_BEYOND: Final = 1 << 63


def recognise(message: Any) -> str | None:
    """Tell the venue whose protocol a message is written in; ``None`` where no book protocol is recognised."""
    for module in dict.fromkeys(_modules().values()):
        tell: Callable[[Any], str | None] = module.recognise
        try:
            found = tell(message)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError):
            continue
        if found is not None:
            return found
    return None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Kind and contract size of a market as its name tells; ``None`` where only a market list can.

    Examples
    --------
    >>> units_of("binancecoinm", "BTCUSD_PERP"), units_of("binance", "BTCUSDT"), units_of("bitmex", "ETHUSD")
    (('inverse', 100.0), ('spot', 1.0), None)
    """
    units: tuple[MarketKind, float] | None = _module(venue).units_of(venue, venue_symbol)
    return units


def grids_in(venue: str, message: Any) -> dict[str, BookGrid]:
    """Steps and units by venue symbol where ``message`` is the venue's market list; empty where it is not."""
    read: Callable[[Any], dict[str, BookGrid]] | None = getattr(_module(venue), "grids_in", None)
    if read is None:
        return {}
    try:
        return read(message)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        raise ContractError(
            f"{venue} market list: {type(error).__name__}: {error}; compare with its protocol"
        ) from error
