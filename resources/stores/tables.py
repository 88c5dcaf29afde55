"""The platform's tables. Their history is in ``migrations/versions``; a test holds both against each other."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

__all__ = ["CONFIGURATIONS", "FORECAST_PROMOTIONS", "METADATA", "PUBLICATIONS"]

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

CONFIGURATIONS: Final = Table(
    "configurations",
    METADATA,
    Column("config_hash", Text, primary_key=True, comment="First 16 hex digits of the sha256 of document."),
    Column(
        "document", Text, nullable=False, comment="Canonical JSON of profile and thresholds, byte for byte as hashed."
    ),
    Column("first_seen_at", DateTime(timezone=True), nullable=False, comment="When it was first published with."),
    CheckConstraint("config_hash ~ '^[0-9a-f]{16}$'", name="hash_form"),
    comment="Configurations that publications were made with, so that a hash can be resolved years later.",
)

PUBLICATIONS: Final = Table(
    "publications",
    METADATA,
    Column("publication_id", BigInteger, Identity(always=True), primary_key=True),
    Column("session_date", Date, nullable=False, comment="Session that the pulse describes."),
    Column(
        "published_at",
        DateTime(timezone=True),
        nullable=False,
        comment="From when readers saw it; rises with publication_id within a session.",
    ),
    Column(
        "config_hashes",
        ARRAY(Text),
        nullable=False,
        comment="Configurations of its rows (one for each weight profile), sorted; see configurations.",
    ),
    Column("profiles", ARRAY(Text), nullable=False, comment="Weight profiles, sorted."),
    Column("code_version", Text, nullable=False, comment="Package version and hash of the computing sources."),
    Column("run_id", Text, nullable=False, comment="Run that published."),
    Column("rows_count", Integer, nullable=False, comment="Instruments in it."),
    Column("calendars", ARRAY(Text), nullable=False, comment="Trading calendars of those instruments, sorted."),
    Column(
        "content_sha256",
        Text,
        nullable=False,
        comment="Hash of instruments and documents, in order; names the archive.",
    ),
    Column("archive_path", Text, nullable=False, comment="Archive of the documents, relative to the lake."),
    Column("archive_sha256", Text, nullable=False, comment="Hash of the archive file."),
    Column(
        "document_path",
        Text,
        nullable=False,
        comment="liquidity_pulse.json as published, relative to the lake; empty when none was written.",
    ),
    Column("table_shas", JSONB, nullable=False, comment="sha256 of each table the pulse was made from, by name."),
    CheckConstraint("rows_count >= 0", name="rows_not_negative"),
    CheckConstraint("content_sha256 ~ '^[0-9a-f]{64}$' and archive_sha256 ~ '^[0-9a-f]{64}$'", name="sha_form"),
    Index(None, "session_date", "published_at"),
    comment="What was published, when, under which configuration and code. Rows are never changed.",
)

FORECAST_PROMOTIONS: Final = Table(
    "forecast_promotions",
    METADATA,
    Column("promotion_id", BigInteger, Identity(always=True), primary_key=True),
    Column("asset_class", Text, nullable=False, comment="With calendar and origin: the market that the model serves."),
    Column("calendar", Text, nullable=False, comment="Trading calendar that counts its sessions."),
    Column("origin", Text, nullable=False, comment="Recorded or simulated."),
    Column("target", Text, nullable=False, comment="Score that it forecasts."),
    Column("member", Text, nullable=False, comment="Member whose state it is."),
    Column("model_id", Text, nullable=False, comment="First 16 hex digits of state_sha256; names its folder."),
    Column("state_sha256", Text, nullable=False, comment="Hash of the stored state; another file is refused."),
    Column("data_from", Date, nullable=False, comment="First session it learned from."),
    Column("data_through", Date, nullable=False, comment="Last session it learned from; it serves later ones."),
    Column("promoted_at", DateTime(timezone=True), nullable=False, comment="From when it may serve."),
    Column("code_version", Text, nullable=False, comment="Package version and hash of the computing sources."),
    Column("run_id", Text, nullable=False, comment="Run that trained it."),
    Column("card", Text, nullable=False, comment="Model card, JSON as written beside the state."),
    CheckConstraint(
        "state_sha256 ~ '^[0-9a-f]{64}$' and model_id = substr(state_sha256, 1, 16)",
        name="id_of_state",
    ),
    CheckConstraint("data_from <= data_through", name="window_ascends"),
    Index(None, "target", "data_through"),
    comment="Which stored model was put in service when. Rows are never changed.",
)
