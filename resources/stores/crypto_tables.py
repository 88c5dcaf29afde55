"""Tables of order books, trades and derivatives as venues report them.

Every row names its market by ``market_id``: one venue, one symbol, one grid of prices and sizes. A venue that changes
its tick gets a new ``market_id``, so old rows keep their meaning. Prices and sizes of books are whole ticks and lots,
as in ``liquidity/book/block.py``: what is read back is what was written, to the bit. Times are kept to the microsecond.
A market heard of by name alone has no grid; it gets one with its first tape.

The tables of :data:`BY_DAY` hold one partition for each UTC day (``market_partitions.py``); their ``market_id`` is
checked once for each batch by whoever writes it, not by the database for each row. The columns that an order
needs at its decision (leverage, margin, funding and open interest at entry) belong to the table of fills, not to these.
Read next: ``market_copy.py`` (bulk writing), ``market_data.py`` (reading), ``retention.py``.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY

from resources.stores.tables import METADATA

__all__ = [
    "BOOK_DELTAS",
    "BOOK_SNAPSHOTS",
    "BY_DAY",
    "DEPTH_ANALYSIS",
    "FUNDING_RATES",
    "LIQUIDATION_EVENTS",
    "LIQUIDATION_LEVELS",
    "MARKETS",
    "OPEN_INTEREST",
    "RETENTION_REMOVALS",
    "TRADES",
]

_INFINITY: Final = "'Infinity'::double precision"


def _market(*, key: bool = True) -> Column[int]:
    return Column(
        "market_id",
        Integer,
        *([ForeignKey("crypto_markets.market_id")] if key else []),
        primary_key=True,
        autoincrement=False,
        comment="Market; see crypto_markets.",
    )


def _at(meaning: str) -> Column[object]:
    return Column("at", DateTime(timezone=True), primary_key=True, comment=meaning)


def _figure(name: str, meaning: str, *, nullable: bool = True) -> Column[float]:
    return Column(name, Float, nullable=nullable, comment=meaning)


def _levels(side: str) -> list[Column[object]]:
    return [
        Column(f"{side}_ticks", ARRAY(BigInteger), nullable=False, comment="Prices, best first [ticks]."),
        Column(f"{side}_lots", ARRAY(BigInteger), nullable=False, comment="Sizes of those levels [lots]."),
    ]


MARKETS: Final = Table(
    "crypto_markets",
    METADATA,
    Column("market_id", Integer, Identity(always=True), primary_key=True),
    Column("venue", Text, nullable=False, comment="Venue id, as in instrument ids."),
    Column("venue_symbol", Text, nullable=False, comment="The venue's own name of the market."),
    Column("kind", Text, comment="spot, linear or inverse."),
    Column(
        "tick_size",
        Numeric,
        comment="Price of one tick [quote currency]; null, as all steps, where only the name is known.",
    ),
    Column("lot_size", Numeric, comment="Size of one lot [amount unit of the market]."),
    Column("contract_size", Float, comment="Base units in one contract; quote units where inverse."),
    CheckConstraint("kind IN ('spot', 'linear', 'inverse')", name="kind_known"),
    CheckConstraint(
        f"tick_size > 0 AND lot_size > 0 AND contract_size > 0 AND contract_size < {_INFINITY}", name="steps_positive"
    ),
    CheckConstraint("num_nulls(kind, tick_size, lot_size, contract_size) IN (0, 4)", name="steps_together"),
    UniqueConstraint(
        "venue",
        "venue_symbol",
        "kind",
        "tick_size",
        "lot_size",
        "contract_size",
        name="uq_crypto_markets_venue_symbol_grid",
        postgresql_nulls_not_distinct=True,
    ),
    comment="Markets by the grid of their prices and sizes; a changed grid is a new row.",
)

BOOK_SNAPSHOTS: Final = Table(
    "enhanced_order_book_snapshots",
    METADATA,
    _market(key=False),
    _at("Instant of which it is the state (our clock); with market_id the snapshot's id."),
    *_levels("bid"),
    *_levels("ask"),
    Column("depth_levels", Integer, nullable=False, comment="Levels of the deeper side that the snapshot was cut at."),
    _figure("spread", "Best ask minus best bid [quote currency]; null where a side is empty."),
    _figure("total_bid_volume", "Sum of bid sizes [amount unit].", nullable=False),
    _figure("total_ask_volume", "Sum of ask sizes [amount unit].", nullable=False),
    _figure("bid_ask_imbalance", "-1 (asks only) to +1 (bids only)."),
    _figure("liquidity_score", "0-100, 100 is most liquid."),
    _figure("order_flow_toxicity", "-1 to +1."),
    _figure("depth_pressure", "-1 to +1."),
    CheckConstraint(
        "cardinality(bid_ticks) = cardinality(bid_lots) AND cardinality(ask_ticks) = cardinality(ask_lots)",
        name="levels_paired",
    ),
    postgresql_partition_by="RANGE (at)",
    comment="Analysed order books at one instant.",
)

BOOK_DELTAS: Final = Table(
    "order_book_deltas",
    METADATA,
    _market(key=False),
    _at("When it took effect: received (our clock), not before the message before it."),
    Column(
        "message_no",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="Place among the market's messages of this microsecond, from 0.",
    ),
    Column("event_at", DateTime(timezone=True), comment="When it happened (the venue's clock)."),
    Column("action", SmallInteger, nullable=False, comment="0 delta, 1 whole book, 2 book unknown from here on."),
    Column("first_id", BigInteger, comment="First update id of the message.", info={"null": -1}),
    Column("last_id", BigInteger, comment="Last update id of the message.", info={"null": -1}),
    Column("previous_id", BigInteger, comment="Last id of the message before, as the venue says.", info={"null": -1}),
    *_levels("bid"),
    *_levels("ask"),
    CheckConstraint("action BETWEEN 0 AND 2", name="action_known"),
    postgresql_partition_by="RANGE (at)",
    comment="Messages of order-book streams, one row each; size 0 removes a level.",
)

TRADES: Final = Table(
    "public_trades",
    METADATA,
    _market(key=False),
    _at("When it was done (the venue's clock)."),
    Column("trade_id", Text, primary_key=True, comment="The venue's id."),
    _figure("price", "Price [quote currency].", nullable=False),
    _figure("amount", "Size [amount unit].", nullable=False),
    Column("taker_sign", SmallInteger, comment="+1 the buyer took, -1 the seller; null unknown.", info={"null": 0}),
    postgresql_partition_by="RANGE (at)",
    comment="Trades of the public tape.",
)

DEPTH_ANALYSIS: Final = Table(
    "market_depth_analysis",
    METADATA,
    _market(key=False),
    _at("Instant of the snapshot it was made from."),
    Column("code_version", Text, primary_key=True, comment="Package version and hash of the computing sources."),
    _figure("quoted_spread_bps", "Full spread over mid [bps]."),
    _figure("weighted_mid", "Mid weighted by the sizes of the opposite side [quote currency]."),
    *(
        _figure(f"{side}_depth_quote_{bps}bps", f"{side} value within {bps} bps of mid [quote currency].")
        for bps in (10, 25, 50)
        for side in ("bid", "ask")
    ),
    _figure("bid_ask_imbalance", "Within 50 bps of mid, -1 to +1."),
    _figure("weighted_imbalance", "The same with weights that fall with distance, -1 to +1."),
    _figure("liquidity_score", "0-100, 100 is most liquid."),
    _figure("order_flow_toxicity", "-1 to +1."),
    _figure("depth_pressure", "-1 to +1."),
    *(
        _figure(f"{side}_depth_quote_{bps}bps", f"{side} value within {bps} bps of mid [quote currency].")
        for bps in (100, 200, 500, 1000)
        for side in ("bid", "ask")
    ),
    *(
        _figure(f"{side}_cost_{size}_bps", f"Cost over mid to {side} {size} of quote currency at once [bps].")
        for size in ("10k", "100k", "1m")
        for side in ("buy", "sell")
    ),
    _figure("xlm_100k_bps", "Round trip of 100k of quote currency [bps]."),
    _figure("slope", "Slope of the book (Naes and Skjeltorp); high is depth close to mid."),
    ForeignKeyConstraint(
        ["market_id", "at"],
        ["enhanced_order_book_snapshots.market_id", "enhanced_order_book_snapshots.at"],
        name="fk_market_depth_analysis_snapshot",
    ),
    postgresql_partition_by="RANGE (at)",
    comment="What was computed from a snapshot, by the code that did it.",
)

LIQUIDATION_EVENTS: Final = Table(
    "liquidation_events",
    METADATA,
    _market(),
    Column("event_id", Text, primary_key=True, comment="The venue's id, or one made from its fields."),
    Column("at", DateTime(timezone=True), nullable=False, comment="When it happened (the venue's clock)."),
    Column("side", Text, nullable=False, comment="Side of the position that was closed: long or short."),
    _figure("price", "Price [quote currency].", nullable=False),
    _figure("amount", "Size [amount unit].", nullable=False),
    _figure("notional_quote", "Value [quote currency].", nullable=False),
    CheckConstraint("side IN ('long', 'short')", name="side_known"),
    Index(None, "market_id", "at"),
    comment="Forced orders that venues reported; a later report of the same event replaces the earlier.",
)

LIQUIDATION_LEVELS: Final = Table(
    "liquidation_levels",
    METADATA,
    _market(),
    _at("Instant of the model's inputs."),
    Column("side", Text, primary_key=True, comment="Side of the positions: long or short."),
    Column("price_level", Float, primary_key=True, comment="Price at which they are liquidated [quote currency]."),
    _figure("quantity", "Modelled size [base units].", nullable=False),
    _figure("risk_score", "0-100, 100 is at the market.", nullable=False),
    _figure("distance_from_price_frac", "(level - price) / price.", nullable=False),
    CheckConstraint("side IN ('long', 'short')", name="side_known"),
    comment="Prices at which positions are modelled (not reported) to be liquidated.",
)

OPEN_INTEREST: Final = Table(
    "open_interest",
    METADATA,
    _market(),
    _at("When it was measured (the venue's clock)."),
    _figure("open_interest", "Contracts outstanding [base units]; null where the source tells the value only."),
    _figure("open_interest_value", "Their value [quote currency].", nullable=False),
    _figure(
        "change_24h_frac",
        "Change in 24 hours of the base amount where told, else of the value [frac]; null without a reading then.",
    ),
    _figure("change_1h_frac", "The same over 1 hour [frac]."),
    comment="Contracts outstanding, as venues report them.",
)

FUNDING_RATES: Final = Table(
    "enhanced_funding_rates",
    METADATA,
    _market(),
    _at("When it is paid (the venue's clock)."),
    _figure("rate_frac", "Share of notional that longs pay shorts for one interval [frac].", nullable=False),
    _figure("interval_hours", "Length of the interval [hours].", nullable=False),
    _figure("mark_price", "Mark price [quote currency]."),
    _figure("index_price", "Index price [quote currency]."),
    _figure(
        "next_rate_frac", "Estimate of the coming payment [frac]: the venue's, else from the payments of 24 hours."
    ),
    Column("next_at", DateTime(timezone=True), comment="When that one is due."),
    CheckConstraint("interval_hours > 0", name="interval_positive"),
    comment="Funding of perpetuals; a later report of the same payment replaces the earlier.",
)

RETENTION_REMOVALS: Final = Table(
    "retention_removals",
    METADATA,
    Column("removal_id", BigInteger, Identity(always=True), primary_key=True),
    Column("removed_at", DateTime(timezone=True), nullable=False, comment="When the rows were removed."),
    Column("table_name", Text, nullable=False, comment="Table they lay in."),
    Column("day", Date, nullable=False, comment="UTC day of the rows."),
    Column("rows_count", BigInteger, nullable=False, comment="How many they were."),
    Column("kept_days", Integer, nullable=False, comment="Policy that was in force [days]."),
    comment="What the retention rule removed. Rows are never changed.",
)

BY_DAY: Final = (BOOK_SNAPSHOTS, BOOK_DELTAS, TRADES, DEPTH_ANALYSIS)
"""Tables with one partition a UTC day, each after those it refers to."""
