"""Publications and the configurations they were made with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0001"
down_revision: str | None = None

# A publication is a fact about the past: it may be forgotten by the retention rule, never changed.
_REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed; publish again instead', TG_TABLE_NAME;
END
$$
"""


def upgrade() -> None:
    """Create both tables and the guard against changes."""
    op.create_table(
        "configurations",
        sa.Column("config_hash", sa.Text(), primary_key=True, comment="First 16 hex digits of the sha256 of document."),
        sa.Column(
            "document",
            sa.Text(),
            nullable=False,
            comment="Canonical JSON of profile and thresholds, byte for byte as hashed.",
        ),
        sa.Column(
            "first_seen_at", sa.DateTime(timezone=True), nullable=False, comment="When it was first published with."
        ),
        sa.CheckConstraint("config_hash ~ '^[0-9a-f]{16}$'", name="ck_configurations_hash_form"),
        comment="Configurations that publications were made with, so that a hash can be resolved years later.",
    )
    op.create_table(
        "publications",
        sa.Column("publication_id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("session_date", sa.Date(), nullable=False, comment="Session that the pulse describes."),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="From when readers saw it; rises with publication_id within a session.",
        ),
        sa.Column(
            "config_hashes",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Configurations of its rows (one for each weight profile), sorted; see configurations.",
        ),
        sa.Column("profiles", postgresql.ARRAY(sa.Text()), nullable=False, comment="Weight profiles, sorted."),
        sa.Column(
            "code_version", sa.Text(), nullable=False, comment="Package version and hash of the computing sources."
        ),
        sa.Column("run_id", sa.Text(), nullable=False, comment="Run that published."),
        sa.Column("rows_count", sa.Integer(), nullable=False, comment="Instruments in it."),
        sa.Column(
            "calendars",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Trading calendars of those instruments, sorted.",
        ),
        sa.Column(
            "content_sha256",
            sa.Text(),
            nullable=False,
            comment="Hash of instruments and documents, in order; names the archive.",
        ),
        sa.Column("archive_path", sa.Text(), nullable=False, comment="Archive of the documents, relative to the lake."),
        sa.Column("archive_sha256", sa.Text(), nullable=False, comment="Hash of the archive file."),
        sa.Column(
            "document_path",
            sa.Text(),
            nullable=False,
            comment="liquidity_pulse.json as published, relative to the lake; empty when none was written.",
        ),
        sa.Column(
            "table_shas",
            postgresql.JSONB(),
            nullable=False,
            comment="sha256 of each table the pulse was made from, by name.",
        ),
        sa.CheckConstraint("rows_count >= 0", name="ck_publications_rows_not_negative"),
        sa.CheckConstraint(
            "content_sha256 ~ '^[0-9a-f]{64}$' and archive_sha256 ~ '^[0-9a-f]{64}$'", name="ck_publications_sha_form"
        ),
        comment="What was published, when, under which configuration and code. Rows are never changed.",
    )
    op.create_index("ix_publications_session_date_published_at", "publications", ["session_date", "published_at"])
    op.execute(_REFUSE)
    for table in ("configurations", "publications"):
        op.execute(
            f"CREATE TRIGGER never_changed BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Remove both tables."""
    op.drop_table("publications")
    op.drop_table("configurations")
    op.execute("DROP FUNCTION refuse_change()")
