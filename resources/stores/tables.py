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

__all__ = ["CONFIGURATIONS", "METADATA", "PUBLICATIONS"]

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
