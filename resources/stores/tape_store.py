"""A whole recording into the database: its books' messages and trades, those stored before left as they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from liquidity.domain.book_message import TradeMessage
from resources.stores.binary_copy import Batch
from resources.stores.crypto_tables import TRADES
from resources.stores.market_copy import CopyReceipt
from resources.stores.market_data import MarketDataStore, StoredMarket
from resources.tapes import Tape

__all__ = ["StoredTape", "store_tape"]

_TRADES_AT_ONCE: Final = 50_000


@dataclass(frozen=True, slots=True)
class StoredTape:
    """What was written of one book of a recording."""

    market: StoredMarket
    messages: CopyReceipt
    trades: CopyReceipt


def store_tape(store: MarketDataStore, tape: Tape) -> Iterator[StoredTape]:
    """Write every book of the tape, block by block; a tape cut short can be stored again from its start."""
    for (venue, symbol), grid in tape.books.items():
        market = store.register(venue, symbol, grid)
        messages = store.add_messages(market, tape.blocks(venue, symbol))
        trades, left = CopyReceipt(0, 0, 0, 0), iter(tape.trades(venue, symbol))
        while some := list(islice(left, _TRADES_AT_ONCE)):
            trades = trades + store.copy.ingest(TRADES, _trade_batch(market, some))
        yield StoredTape(market, messages, trades)


def _trade_batch(market: StoredMarket, trades: list[TradeMessage]) -> Batch:
    done_ns = [each.received_ns if each.event_ns is None else each.event_ns for each in trades]
    return {
        "market_id": np.full(len(trades), market.market_id, dtype=np.int32),
        "at": np.array(done_ns, dtype=np.int64).astype("datetime64[ns]"),
        "trade_id": np.array([each.trade_id for each in trades], dtype=str),
        "price": np.array([float(each.price) for each in trades]),
        "amount": np.array([float(each.amount) for each in trades]),
        "taker_sign": np.array([each.taker_sign or 0 for each in trades], dtype=np.int8),
    }
