"""What was published for an instrument, when, and under which configuration and code.

PostgreSQL holds the facts of each publication, the lake its documents (``pulse_archive.py``). Rows are only added.
Two times matter: ``session_date``, the day a pulse speaks of, and ``published_at``, from when readers saw it.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Connection, Row, create_engine, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.pool import NullPool

from liquidity.domain.errors import ConfigError
from resources.stores.migrations import upgrade
from resources.stores.pulse_archive import read_document, write_archive
from resources.stores.tables import CONFIGURATIONS, PUBLICATIONS
from resources.stores.transaction import transaction, utc

__all__ = ["Publication", "PublishReceipt", "PublishedPulse", "PulseStore", "configuration_hash"]

# Names of database locks: any numbers of ours.
_PUBLISHING: Final = 7_203_118
_FORGETTING: Final = 7_203_119


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication as it was recorded; the fields are those of table ``publications``."""

    publication_id: int
    session_date: date
    published_at: datetime
    config_hashes: tuple[str, ...]
    profiles: tuple[str, ...]
    code_version: str
    run_id: str
    rows_count: int
    calendars: tuple[str, ...]
    content_sha256: str
    archive_path: str
    archive_sha256: str
    document_path: str
    table_shas: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PublishReceipt:
    """Outcome of :meth:`PulseStore.publish`: the publication, and whether it is new."""

    publication: Publication
    created: bool


@dataclass(frozen=True, slots=True)
class PublishedPulse:
    """What readers were told of one instrument.

    ``document`` is the JSON text byte for byte; ``configurations`` holds the canonical JSON behind each hash of
    ``publication.config_hashes``.
    """

    publication: Publication
    instrument_id: str
    liquidity_score: float | None
    repayment_score: float | None
    bondx_score: float | None
    document: str
    configurations: Mapping[str, str]

    def text(self) -> str:
        """Render it for people: when, under which configuration and code, and the document, indented."""
        facts = self.publication
        return "\n".join(
            (
                f"{self.instrument_id}, session {facts.session_date}",
                f"published at    {facts.published_at.isoformat()} as publication {facts.publication_id} by run {facts.run_id}",
                f"configuration   {', '.join(facts.config_hashes)} (profiles {', '.join(facts.profiles)})",
                f"code            {facts.code_version}",
                f"content sha256  {facts.content_sha256}",
                json.dumps(json.loads(self.document), indent=2, ensure_ascii=False),
            )
        )


def configuration_hash(document: str) -> str:
    """First 16 hex digits of the sha256 of a configuration's canonical JSON.

    Examples
    --------
    >>> configuration_hash("{}")
    '44136fa355b3678a'
    """
    return hashlib.sha256(document.encode("utf-8")).hexdigest()[:16]


class PulseStore:
    """Publications of one lake.

    Parameters
    ----------
    url
        Address of the platform's database, migrated to head (``resources.stores.migrations.upgrade``).
    lake_dir
        Folder of the lake; archives lie in its ``publications`` folder.
    """

    def __init__(self, url: str, lake_dir: Path) -> None:
        self._url = url
        self._engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        self._lake_dir = lake_dir

    def migrate(self) -> None:
        """Bring the database's tables up to this release."""
        upgrade(self._url)

    def publish(
        self,
        session_date: date,
        table: pa.Table,
        *,
        configurations: Mapping[str, str],
        profiles: Sequence[str],
        code_version: str,
        run_id: str,
        published_at: datetime,
        calendars: Sequence[str] = (),
        table_shas: Mapping[str, str] | None = None,
        document_path: str = "",
    ) -> PublishReceipt:
        """Record one publication; the repeating the session's newest (content, configuration, code) records nothing.

        Parameters
        ----------
        table
            ``liquidity_pulse`` rows of the session.
        configurations
            Canonical JSON of each profile and its thresholds by its hash, as the rows name it.
        profiles
            Names of the weight profiles.
        published_at
            Aware time from which readers see it. When it is not after the session's newest publication (a clock set
            back), the recorded time is one microsecond after that one.
        calendars
            Trading calendars of the instruments.
        table_shas
            sha256 of each table the pulse was made from.
        document_path
            ``liquidity_pulse.json`` relative to the lake; empty when none was written.

        Raises
        ------
        ConfigError
            ``published_at`` is naive, or a hash is not its configuration's.
        ContractError
            The table is not a pulse of distinct instruments.
        SourceUnavailableError
            The database does not answer or has not been migrated.
        """
        moment = utc(published_at, "published_at")
        _require_hashes(configurations)
        hashes = tuple(sorted(configurations))
        with self._transaction() as connection:
            # One publisher of a session at a time: the newest is then still the newest when we insert. Forgetting
            # waits, so that no archive vanishes between being found and being named.
            connection.execute(text("SELECT pg_advisory_xact_lock_shared(:forgetting)"), {"forgetting": _FORGETTING})
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:space, :day)"),
                {"space": _PUBLISHING, "day": session_date.toordinal()},
            )
            archive = write_archive(self._lake_dir, session_date, table)
            newest = self._newest(connection, session_date, None)
            if newest is not None and (newest.content_sha256, newest.config_hashes, newest.code_version) == (
                archive.content_sha256,
                hashes,
                code_version,
            ):
                return PublishReceipt(newest, created=False)
            if newest is not None:
                moment = max(moment, newest.published_at + timedelta(microseconds=1))
            _keep_configurations(connection, configurations, moment)
            connection.execute(
                PUBLICATIONS.insert().values(
                    session_date=session_date,
                    published_at=moment,
                    config_hashes=hashes,
                    profiles=sorted(set(profiles)),
                    code_version=code_version,
                    run_id=run_id,
                    rows_count=archive.rows_count,
                    calendars=sorted(set(calendars)),
                    content_sha256=archive.content_sha256,
                    archive_path=archive.path,
                    archive_sha256=archive.file_sha256,
                    document_path=document_path,
                    table_shas=dict(table_shas or {}),
                )
            )
            created = self._newest(connection, session_date, None)
        assert created is not None  # inserted above, in the same transaction
        return PublishReceipt(created, created=True)

    def what_was_published(
        self, instrument_id: str, session_date: date, as_of: datetime | None = None
    ) -> PublishedPulse | None:
        """Pulse of one instrument and session as readers saw it at ``as_of`` (aware; None: now).

        None when nothing had been published for the session by then, or the publication did not hold the instrument.
        """
        with self._transaction() as connection:
            publication = self._newest(connection, session_date, as_of)
            if publication is None:
                return None
            configurations = _configurations(connection, publication.config_hashes)
        row = read_document(self._lake_dir / publication.archive_path, instrument_id, publication.archive_sha256)
        if row is None:
            return None
        return PublishedPulse(publication=publication, configurations=configurations, **row)

    def publication(self, session_date: date, as_of: datetime | None = None) -> Publication | None:
        """Newest publication of the session at ``as_of`` (aware; None: now); None when there was none."""
        with self._transaction() as connection:
            return self._newest(connection, session_date, as_of)

    def history(self, session_date: date) -> list[Publication]:
        """Every publication of the session, oldest first."""
        statement = select(PUBLICATIONS).where(PUBLICATIONS.c.session_date == session_date)
        with self._transaction() as connection:
            rows = connection.execute(statement.order_by(PUBLICATIONS.c.published_at, PUBLICATIONS.c.publication_id))
            return [_publication(row) for row in rows]

    def record_configurations(self, configurations: Mapping[str, str], seen_at: datetime) -> None:
        """Keep configurations by their hash, so that rows scored with them can be explained; known ones stay as they are.

        Parameters
        ----------
        configurations
            Canonical JSON by hash.
        seen_at
            Aware time of first use.

        Raises
        ------
        ConfigError
            A hash is not its configuration's, or ``seen_at`` is naive.
        """
        _require_hashes(configurations)
        with self._transaction() as connection:
            _keep_configurations(connection, configurations, utc(seen_at, "seen_at"))

    def configurations(self, config_hashes: Collection[str]) -> dict[str, str]:
        """Canonical JSON behind each hash; :class:`ConfigError` names those that were never recorded."""
        with self._transaction() as connection:
            return _configurations(connection, config_hashes)

    def newest_sessions(self) -> dict[str, date]:
        """Newest published session of each trading calendar that was ever published."""
        statement = text(
            "SELECT calendar, max(session_date) FROM publications, unnest(calendars) AS calendar GROUP BY calendar ORDER BY calendar"
        )
        with self._transaction() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def forget_superseded(self, published_before: datetime) -> int:
        """Forget publications of before ``published_before`` that a later one of their session replaced.

        The newest of each session stays, whatever its age. Archives that no publication names any more are removed.
        Returns how many publications were forgotten.
        """
        later = PUBLICATIONS.alias("later")
        replaced = (
            select(later.c.publication_id)
            .where(
                later.c.session_date == PUBLICATIONS.c.session_date, later.c.published_at > PUBLICATIONS.c.published_at
            )
            .exists()
        )
        with self._transaction() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:forgetting)"), {"forgetting": _FORGETTING})
            gone = (
                connection.execute(
                    delete(PUBLICATIONS)
                    .where(PUBLICATIONS.c.published_at < published_before, replaced)
                    .returning(PUBLICATIONS.c.archive_path)
                )
                .scalars()
                .all()
            )
            kept = set(
                connection.execute(
                    select(PUBLICATIONS.c.archive_path).where(PUBLICATIONS.c.archive_path.in_(gone))
                ).scalars()
            )
            for path in set(gone) - kept:
                (self._lake_dir / path).unlink(missing_ok=True)
        return len(gone)

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self._engine)

    def _newest(self, connection: Connection, session_date: date, as_of: datetime | None) -> Publication | None:
        statement = select(PUBLICATIONS).where(PUBLICATIONS.c.session_date == session_date)
        if as_of is not None:
            statement = statement.where(PUBLICATIONS.c.published_at <= utc(as_of, "as_of"))
        newest_first = statement.order_by(PUBLICATIONS.c.published_at.desc(), PUBLICATIONS.c.publication_id.desc())
        row = connection.execute(newest_first.limit(1)).first()
        return None if row is None else _publication(row)


def _require_hashes(configurations: Mapping[str, str]) -> None:
    for config_hash, document in configurations.items():
        if configuration_hash(document) != config_hash:
            raise ConfigError(
                f"config_hash {config_hash} is not the hash of its configuration ({configuration_hash(document)}); "
                "give the JSON that was hashed"
            )


def _keep_configurations(connection: Connection, configurations: Mapping[str, str], seen_at: datetime) -> None:
    rows = [
        {"config_hash": config_hash, "document": document, "first_seen_at": seen_at}
        for config_hash, document in sorted(configurations.items())
    ]
    if rows:
        connection.execute(insert(CONFIGURATIONS).on_conflict_do_nothing(), rows)


def _configurations(connection: Connection, config_hashes: Collection[str]) -> dict[str, str]:
    statement = select(CONFIGURATIONS.c.config_hash, CONFIGURATIONS.c.document).where(
        CONFIGURATIONS.c.config_hash.in_(sorted(config_hashes))
    )
    found = {row.config_hash: row.document for row in connection.execute(statement)}
    unknown = sorted(set(config_hashes) - set(found))
    if unknown:
        raise ConfigError(f"config_hash {', '.join(unknown)}: nothing was recorded with it; score the session again")
    return found


def _publication(row: Row[Any]) -> Publication:
    values = dict(row._mapping)
    values["published_at"] = values["published_at"].astimezone(UTC)
    values |= {name: tuple(values[name]) for name in ("calendars", "config_hashes", "profiles")}
    return Publication(**values)
