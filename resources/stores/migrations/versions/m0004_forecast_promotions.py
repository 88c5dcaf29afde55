"""Which forecast model was put in service when."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0004"
down_revision: str | None = "0003"

_TABLE = "forecast_promotions"
_TEXTS = {
    "asset_class": "With calendar and origin: the market that the model serves.",
    "calendar": "Trading calendar that counts its sessions.",
    "origin": "Recorded or simulated.",
    "target": "Score that it forecasts.",
    "member": "Member whose state it is.",
    "model_id": "First 16 hex digits of state_sha256; names its folder.",
    "state_sha256": "Hash of the stored state; another file is refused.",
}


def upgrade() -> None:
    """Create the table and its guard against changes."""
    op.create_table(
        _TABLE,
        sa.Column("promotion_id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False, comment=meaning) for name, meaning in _TEXTS.items()),
        sa.Column("data_from", sa.Date(), nullable=False, comment="First session it learned from."),
        sa.Column(
            "data_through",
            sa.Date(),
            nullable=False,
            comment="Last session it learned from; it serves later ones.",
        ),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=False, comment="From when it may serve."),
        sa.Column(
            "code_version", sa.Text(), nullable=False, comment="Package version and hash of the computing sources."
        ),
        sa.Column("run_id", sa.Text(), nullable=False, comment="Run that trained it."),
        sa.Column("card", sa.Text(), nullable=False, comment="Model card, JSON as written beside the state."),
        sa.CheckConstraint(
            "state_sha256 ~ '^[0-9a-f]{64}$' and model_id = substr(state_sha256, 1, 16)",
            name=op.f(f"ck_{_TABLE}_id_of_state"),
        ),
        sa.CheckConstraint("data_from <= data_through", name=op.f(f"ck_{_TABLE}_window_ascends")),
        comment="Which stored model was put in service when. Rows are never changed.",
    )
    op.create_index(f"ix_{_TABLE}_target_data_through", _TABLE, ["target", "data_through"])
    op.execute(f"CREATE TRIGGER never_changed BEFORE UPDATE ON {_TABLE} FOR EACH ROW EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    """Remove the table; the stored states stay in the lake."""
    op.drop_table(_TABLE)
