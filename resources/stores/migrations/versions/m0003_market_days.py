"""Markets known by name alone, readings that tell the value only, and the whole depth analysis of a snapshot.

Venues that are only heard of through funding, open interest or liquidations have no grid until a tape of theirs comes.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0003"
down_revision: str | None = "0002"

_STEPS: dict[str, Any] = {
    "kind": sa.Text(),
    "tick_size": sa.Numeric(),
    "lot_size": sa.Numeric(),
    "contract_size": sa.Float(),
}
_GRID = "uq_crypto_markets_venue_symbol_grid"
_DEPTH = {
    **{f"{side}_depth_quote_{bps}bps": f"{side} value within {bps} bps of mid [quote currency]." for bps in (100, 200, 500, 1000) for side in ("bid", "ask")},
    **{f"{side}_cost_{size}_bps": f"Cost over mid to {side} {size} of quote currency at once [bps]." for size in ("10k", "100k", "1m") for side in ("buy", "sell")},
    "xlm_100k_bps": "Round trip of 100k of quote currency [bps].",
    "slope": "Slope of the book (Naes and Skjeltorp); high is depth close to mid.",
}  # fmt: skip
_COMMENTS = {
    ("open_interest", "open_interest"): (
        "Contracts outstanding [base units].",
        "Contracts outstanding [base units]; null where the source tells the value only.",
    ),
    ("open_interest", "change_24h_frac"): (
        "Change of the value in 24 hours [frac]; null without a reading then.",
        "Change in 24 hours of the base amount where told, else of the value [frac]; null without a reading then.",
    ),
    ("open_interest", "change_1h_frac"): (
        "Change of the value in 1 hour [frac]; null without a reading then.",
        "The same over 1 hour [frac].",
    ),
    ("enhanced_funding_rates", "next_rate_frac"): (
        "The venue's estimate of the coming payment [frac].",
        "Estimate of the coming payment [frac]: the venue's, else from the payments of 24 hours.",
    ),
    ("crypto_markets", "tick_size"): (
        "Price of one tick [quote currency].",
        "Price of one tick [quote currency]; null, as all steps, where only the name is known.",
    ),
}


def upgrade() -> None:
    """Allow what may be missing, add the figures."""
    for name, kind in _STEPS.items():
        op.alter_column("crypto_markets", name, existing_type=kind, nullable=True)
    _replace_grid_key(nulls_not_distinct=True)
    op.create_check_constraint(
        "steps_together", "crypto_markets", "num_nulls(kind, tick_size, lot_size, contract_size) IN (0, 4)"
    )
    op.alter_column("open_interest", "open_interest", existing_type=sa.Float(), nullable=True)
    for name, meaning in _DEPTH.items():
        op.add_column("market_depth_analysis", sa.Column(name, sa.Float(), nullable=True, comment=meaning))
    _comment(1)


def downgrade() -> None:
    """Take it back; rows that the older tables cannot hold are removed."""
    _comment(0)
    for name in _DEPTH:
        op.drop_column("market_depth_analysis", name)
    op.execute("DELETE FROM open_interest WHERE open_interest IS NULL")
    for table in (
        "open_interest",
        "enhanced_funding_rates",
        "liquidation_events",
        "liquidation_levels",
        "public_trades",
    ):
        op.execute(f"DELETE FROM {table} WHERE market_id IN (SELECT market_id FROM crypto_markets WHERE kind IS NULL)")
    op.execute("DELETE FROM crypto_markets WHERE kind IS NULL")
    op.alter_column("open_interest", "open_interest", existing_type=sa.Float(), nullable=False)
    op.drop_constraint(op.f("ck_crypto_markets_steps_together"), "crypto_markets")
    _replace_grid_key(nulls_not_distinct=False)
    for name, kind in _STEPS.items():
        op.alter_column("crypto_markets", name, existing_type=kind, nullable=False)


def _replace_grid_key(*, nulls_not_distinct: bool) -> None:
    op.drop_constraint(_GRID, "crypto_markets")
    op.create_unique_constraint(
        _GRID,
        "crypto_markets",
        ["venue", "venue_symbol", *_STEPS],
        postgresql_nulls_not_distinct=nulls_not_distinct,
    )


def _comment(place: int) -> None:
    for (table, column), texts in _COMMENTS.items():
        quoted = texts[place].replace("'", "''")
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'")
