"""Order books, trades and derivatives of crypto venues, and the record of what retention removed.

The big tables hold one native partition a UTC day, or are hypertables with compression where the database has the
TimescaleDB extension (``CREATE EXTENSION timescaledb`` before this step); queries are the same.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

__all__ = ["down_revision", "downgrade", "hypertable_statements", "revision", "upgrade"]

revision = "0002"
down_revision: str | None = "0001"

_BY_DAY = ("enhanced_order_book_snapshots", "order_book_deltas", "public_trades", "market_depth_analysis")
_KEYS_AFTER_TIME = {
    "order_book_deltas": ("message_no",),
    "public_trades": ("trade_id",),
    "market_depth_analysis": ("code_version",),
}
_COMPRESS_AFTER_DAYS = 7


def hypertable_statements(table: str) -> list[str]:
    """SQL that turns the empty table into a hypertable of daily chunks, kept by column and market after a week.

    For TimescaleDB 2.18 and later. The order within a market is that of the key, which a query for the newest row needs;
    the key is the only index, as without the extension.
    """
    order = ", ".join(f"{column} DESC" for column in ("at", *_KEYS_AFTER_TIME.get(table, ())))
    return [
        f"SELECT create_hypertable('{table}', by_range('at', INTERVAL '1 day'), create_default_indexes => FALSE)",
        f"ALTER TABLE {table} SET (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'market_id', "
        f"timescaledb.orderby = '{order}')",
        f"CALL add_columnstore_policy('{table}', after => INTERVAL '{_COMPRESS_AFTER_DAYS} days')",
    ]


def upgrade() -> None:
    """Create the tables."""
    timescale = op.get_bind().execute(sa.text("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")).first()
    by_day: dict[str, Any] = {} if timescale else {"postgresql_partition_by": "RANGE (at)"}
    _create_tables(by_day)
    if timescale:
        for table in _BY_DAY:
            for statement in hypertable_statements(table):
                op.execute(statement)
    else:  # a hypertable cannot refer to another
        op.create_foreign_key(
            "fk_market_depth_analysis_snapshot",
            "market_depth_analysis",
            "enhanced_order_book_snapshots",
            ["market_id", "at"],
            ["market_id", "at"],
        )
    op.execute(
        "CREATE TRIGGER never_changed BEFORE UPDATE ON retention_removals FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Remove them, newest first."""
    for table in (
        "retention_removals",
        "enhanced_funding_rates",
        "open_interest",
        "liquidation_levels",
        "liquidation_events",
        "market_depth_analysis",
        "public_trades",
        "order_book_deltas",
        "enhanced_order_book_snapshots",
        "crypto_markets",
    ):
        op.drop_table(table)


def _create_tables(by_day: dict[str, Any]) -> None:
    op.create_table(
        "crypto_markets",
        sa.Column("market_id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False, comment="Venue id, as in instrument ids."),
        sa.Column("venue_symbol", sa.Text(), nullable=False, comment="The venue's own name of the market."),
        sa.Column("kind", sa.Text(), nullable=False, comment="spot, linear or inverse."),
        sa.Column("tick_size", sa.Numeric(), nullable=False, comment="Price of one tick [quote currency]."),
        sa.Column("lot_size", sa.Numeric(), nullable=False, comment="Size of one lot [amount unit of the market]."),
        sa.Column(
            "contract_size",
            sa.Float(),
            nullable=False,
            comment="Base units in one contract; quote units where inverse.",
        ),
        sa.CheckConstraint("kind IN ('spot', 'linear', 'inverse')", name="kind_known"),
        sa.CheckConstraint(
            "tick_size > 0 AND lot_size > 0 AND contract_size > 0 AND contract_size < 'Infinity'::double precision",
            name="steps_positive",
        ),
        sa.PrimaryKeyConstraint("market_id", name="pk_crypto_markets"),
        sa.UniqueConstraint(
            "venue",
            "venue_symbol",
            "kind",
            "tick_size",
            "lot_size",
            "contract_size",
            name="uq_crypto_markets_venue_symbol_grid",
        ),
        comment="Markets by the grid of their prices and sizes; a changed grid is a new row.",
    )
    op.create_table(
        "enhanced_order_book_snapshots",
        sa.Column(
            "market_id", sa.Integer(), autoincrement=False, nullable=False, comment="Market; see crypto_markets."
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Instant of which it is the state (our clock); with market_id the snapshot's id.",
        ),
        sa.Column(
            "bid_ticks", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="Prices, best first [ticks]."
        ),
        sa.Column(
            "bid_lots", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="Sizes of those levels [lots]."
        ),
        sa.Column(
            "ask_ticks", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="Prices, best first [ticks]."
        ),
        sa.Column(
            "ask_lots", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="Sizes of those levels [lots]."
        ),
        sa.Column(
            "depth_levels",
            sa.Integer(),
            nullable=False,
            comment="Levels of the deeper side that the snapshot was cut at.",
        ),
        sa.Column(
            "spread",
            sa.Float(),
            nullable=True,
            comment="Best ask minus best bid [quote currency]; null where a side is empty.",
        ),
        sa.Column("total_bid_volume", sa.Float(), nullable=False, comment="Sum of bid sizes [amount unit]."),
        sa.Column("total_ask_volume", sa.Float(), nullable=False, comment="Sum of ask sizes [amount unit]."),
        sa.Column("bid_ask_imbalance", sa.Float(), nullable=True, comment="-1 (asks only) to +1 (bids only)."),
        sa.Column("liquidity_score", sa.Float(), nullable=True, comment="0-100, 100 is most liquid."),
        sa.Column("order_flow_toxicity", sa.Float(), nullable=True, comment="-1 to +1."),
        sa.Column("depth_pressure", sa.Float(), nullable=True, comment="-1 to +1."),
        sa.CheckConstraint(
            "cardinality(bid_ticks) = cardinality(bid_lots) AND cardinality(ask_ticks) = cardinality(ask_lots)",
            name="levels_paired",
        ),
        sa.PrimaryKeyConstraint("market_id", "at", name="pk_enhanced_order_book_snapshots"),
        comment="Analysed order books at one instant.",
        **by_day,
    )
    op.create_table(
        "order_book_deltas",
        sa.Column(
            "market_id", sa.Integer(), autoincrement=False, nullable=False, comment="Market; see crypto_markets."
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it took effect: received (our clock), not before the message before it.",
        ),
        sa.Column(
            "message_no",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Place among the market's messages of this microsecond, from 0.",
        ),
        sa.Column(
            "event_at", sa.DateTime(timezone=True), nullable=True, comment="When it happened (the venue's clock)."
        ),
        sa.Column(
            "action", sa.SmallInteger(), nullable=False, comment="0 delta, 1 whole book, 2 book unknown from here on."
        ),
        sa.Column("first_id", sa.BigInteger(), nullable=True, comment="First update id of the message."),
        sa.Column("last_id", sa.BigInteger(), nullable=True, comment="Last update id of the message."),
        sa.Column(
            "previous_id", sa.BigInteger(), nullable=True, comment="Last id of the message before, as the venue says."
        ),
        sa.Column(
            "bid_ticks", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="Prices, best first [ticks]."
        ),
        sa.Column(
            "bid_lots", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="Sizes of those levels [lots]."
        ),
        sa.Column(
            "ask_ticks", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="Prices, best first [ticks]."
        ),
        sa.Column(
            "ask_lots", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="Sizes of those levels [lots]."
        ),
        sa.CheckConstraint("action BETWEEN 0 AND 2", name="action_known"),
        sa.PrimaryKeyConstraint("market_id", "at", "message_no", name="pk_order_book_deltas"),
        comment="Messages of order-book streams, one row each; size 0 removes a level.",
        **by_day,
    )
    op.create_table(
        "public_trades",
        sa.Column(
            "market_id", sa.Integer(), autoincrement=False, nullable=False, comment="Market; see crypto_markets."
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="When it was done (the venue's clock)."),
        sa.Column("trade_id", sa.Text(), nullable=False, comment="The venue's id."),
        sa.Column("price", sa.Float(), nullable=False, comment="Price [quote currency]."),
        sa.Column("amount", sa.Float(), nullable=False, comment="Size [amount unit]."),
        sa.Column(
            "taker_sign", sa.SmallInteger(), nullable=True, comment="+1 the buyer took, -1 the seller; null unknown."
        ),
        sa.PrimaryKeyConstraint("market_id", "at", "trade_id", name="pk_public_trades"),
        comment="Trades of the public tape.",
        **by_day,
    )
    op.create_table(
        "market_depth_analysis",
        sa.Column(
            "market_id", sa.Integer(), autoincrement=False, nullable=False, comment="Market; see crypto_markets."
        ),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, comment="Instant of the snapshot it was made from."
        ),
        sa.Column(
            "code_version", sa.Text(), nullable=False, comment="Package version and hash of the computing sources."
        ),
        sa.Column("quoted_spread_bps", sa.Float(), nullable=True, comment="Full spread over mid [bps]."),
        sa.Column(
            "weighted_mid",
            sa.Float(),
            nullable=True,
            comment="Mid weighted by the sizes of the opposite side [quote currency].",
        ),
        sa.Column(
            "bid_depth_quote_10bps",
            sa.Float(),
            nullable=True,
            comment="bid value within 10 bps of mid [quote currency].",
        ),
        sa.Column(
            "ask_depth_quote_10bps",
            sa.Float(),
            nullable=True,
            comment="ask value within 10 bps of mid [quote currency].",
        ),
        sa.Column(
            "bid_depth_quote_25bps",
            sa.Float(),
            nullable=True,
            comment="bid value within 25 bps of mid [quote currency].",
        ),
        sa.Column(
            "ask_depth_quote_25bps",
            sa.Float(),
            nullable=True,
            comment="ask value within 25 bps of mid [quote currency].",
        ),
        sa.Column(
            "bid_depth_quote_50bps",
            sa.Float(),
            nullable=True,
            comment="bid value within 50 bps of mid [quote currency].",
        ),
        sa.Column(
            "ask_depth_quote_50bps",
            sa.Float(),
            nullable=True,
            comment="ask value within 50 bps of mid [quote currency].",
        ),
        sa.Column("bid_ask_imbalance", sa.Float(), nullable=True, comment="Within 50 bps of mid, -1 to +1."),
        sa.Column(
            "weighted_imbalance",
            sa.Float(),
            nullable=True,
            comment="The same with weights that fall with distance, -1 to +1.",
        ),
        sa.Column("liquidity_score", sa.Float(), nullable=True, comment="0-100, 100 is most liquid."),
        sa.Column("order_flow_toxicity", sa.Float(), nullable=True, comment="-1 to +1."),
        sa.Column("depth_pressure", sa.Float(), nullable=True, comment="-1 to +1."),
        sa.PrimaryKeyConstraint("market_id", "at", "code_version", name="pk_market_depth_analysis"),
        comment="What was computed from a snapshot, by the code that did it.",
        **by_day,
    )
    op.create_table(
        "liquidation_events",
        sa.Column(
            "market_id", sa.Integer(), autoincrement=False, nullable=False, comment="Market; see crypto_markets."
        ),
        sa.Column("event_id", sa.Text(), nullable=False, comment="The venue's id, or one made from its fields."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="When it happened (the venue's clock)."),
        sa.Column("side", sa.Text(), nullable=False, comment="Side of the position that was closed: long or short."),
        sa.Column("price", sa.Float(), nullable=False, comment="Price [quote currency]."),
        sa.Column("amount", sa.Float(), nullable=False, comment="Size [amount unit]."),
        sa.Column("notional_quote", sa.Float(), nullable=False, comment="Value [quote currency]."),
        sa.CheckConstraint("side IN ('long', 'short')", name="side_known"),
        sa.ForeignKeyConstraint(["market_id"], ["crypto_markets.market_id"], name="fk_liquidation_events_market_id"),
        sa.PrimaryKeyConstraint("market_id", "event_id", name="pk_liquidation_events"),
        comment="Forced orders that venues reported; a later report of the same event replaces the earlier.",
    )
    op.create_index("ix_liquidation_events_market_id_at", "liquidation_events", ["market_id", "at"], unique=False)
    op.create_table(
        "liquidation_levels",
        sa.Column(
            "market_id", sa.Integer(), autoincrement=False, nullable=False, comment="Market; see crypto_markets."
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="Instant of the model's inputs."),
        sa.Column("side", sa.Text(), nullable=False, comment="Side of the positions: long or short."),
        sa.Column(
            "price_level", sa.Float(), nullable=False, comment="Price at which they are liquidated [quote currency]."
        ),
        sa.Column("quantity", sa.Float(), nullable=False, comment="Modelled size [base units]."),
        sa.Column("risk_score", sa.Float(), nullable=False, comment="0-100, 100 is at the market."),
        sa.Column("distance_from_price_frac", sa.Float(), nullable=False, comment="(level - price) / price."),
        sa.CheckConstraint("side IN ('long', 'short')", name="side_known"),
        sa.ForeignKeyConstraint(["market_id"], ["crypto_markets.market_id"], name="fk_liquidation_levels_market_id"),
        sa.PrimaryKeyConstraint("market_id", "at", "side", "price_level", name="pk_liquidation_levels"),
        comment="Prices at which positions are modelled (not reported) to be liquidated.",
    )
    op.create_table(
        "open_interest",
        sa.Column(
            "market_id", sa.Integer(), autoincrement=False, nullable=False, comment="Market; see crypto_markets."
        ),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, comment="When it was measured (the venue's clock)."
        ),
        sa.Column("open_interest", sa.Float(), nullable=False, comment="Contracts outstanding [base units]."),
        sa.Column("open_interest_value", sa.Float(), nullable=False, comment="Their value [quote currency]."),
        sa.Column(
            "change_24h_frac",
            sa.Float(),
            nullable=True,
            comment="Change of the value in 24 hours [frac]; null without a reading then.",
        ),
        sa.Column(
            "change_1h_frac",
            sa.Float(),
            nullable=True,
            comment="Change of the value in 1 hour [frac]; null without a reading then.",
        ),
        sa.ForeignKeyConstraint(["market_id"], ["crypto_markets.market_id"], name="fk_open_interest_market_id"),
        sa.PrimaryKeyConstraint("market_id", "at", name="pk_open_interest"),
        comment="Contracts outstanding, as venues report them.",
    )
    op.create_table(
        "enhanced_funding_rates",
        sa.Column(
            "market_id", sa.Integer(), autoincrement=False, nullable=False, comment="Market; see crypto_markets."
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="When it is paid (the venue's clock)."),
        sa.Column(
            "rate_frac",
            sa.Float(),
            nullable=False,
            comment="Share of notional that longs pay shorts for one interval [frac].",
        ),
        sa.Column("interval_hours", sa.Float(), nullable=False, comment="Length of the interval [hours]."),
        sa.Column("mark_price", sa.Float(), nullable=True, comment="Mark price [quote currency]."),
        sa.Column("index_price", sa.Float(), nullable=True, comment="Index price [quote currency]."),
        sa.Column(
            "next_rate_frac", sa.Float(), nullable=True, comment="The venue's estimate of the coming payment [frac]."
        ),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True, comment="When that one is due."),
        sa.CheckConstraint("interval_hours > 0", name="interval_positive"),
        sa.ForeignKeyConstraint(
            ["market_id"], ["crypto_markets.market_id"], name="fk_enhanced_funding_rates_market_id"
        ),
        sa.PrimaryKeyConstraint("market_id", "at", name="pk_enhanced_funding_rates"),
        comment="Funding of perpetuals; a later report of the same payment replaces the earlier.",
    )
    op.create_table(
        "retention_removals",
        sa.Column("removal_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False, comment="When the rows were removed."),
        sa.Column("table_name", sa.Text(), nullable=False, comment="Table they lay in."),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC day of the rows."),
        sa.Column("rows_count", sa.BigInteger(), nullable=False, comment="How many they were."),
        sa.Column("kept_days", sa.Integer(), nullable=False, comment="Policy that was in force [days]."),
        sa.PrimaryKeyConstraint("removal_id", name="pk_retention_removals"),
        comment="What the retention rule removed. Rows are never changed.",
    )
