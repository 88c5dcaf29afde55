"""Trained forecast models: states in the lake, and in PostgreSQL which of them was put in service when.

::

    <lake>/models/<model_id>/state.npz    the arrays, named by the first 16 hex digits of their sha256
    <lake>/models/<model_id>/card.json    the model card, for people

A state is on disk, whole, before a row names it, so that a training killed in between leaves nothing that could serve;
the same training again finds its folder and adds the row. A state is read back only if its bytes are the promoted ones.

Two times matter. A model serves sessions after ``data_through``, the last one it learned from; and it was known from
``promoted_at`` on. A forecast of an old session therefore asks for the model of that session, as of then.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, create_engine, select, text, true
from sqlalchemy.pool import NullPool

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.forecast.panel import MarketGroup
from resources.atomic_file import flush
from resources.stores.migrations import upgrade
from resources.stores.tables import FORECAST_PROMOTIONS
from resources.stores.transaction import transaction, utc

__all__ = ["MODELS_FOLDER", "ForecastModels", "Promotion", "TrainedState", "champion_of"]

MODELS_FOLDER: Final = "models"
_STATE: Final = "state.npz"
_CARD: Final = "card.json"
_PROMOTING: Final = 7_203_120  # name of a database lock: any number of ours


@dataclass(frozen=True, slots=True)
class TrainedState:
    """What a training hands over.

    Attributes
    ----------
    group, target
        Whom it serves.
    state
        Serialised forecaster.
    card
        Model card, JSON.
    data_from, data_through
        First and last session learned from.
    """

    group: MarketGroup
    target: str
    member: str
    state: bytes
    card: str
    data_from: date
    data_through: date


@dataclass(frozen=True, slots=True)
class Promotion:
    """One model put in service; the fields are those of table ``forecast_promotions``."""

    promotion_id: int
    asset_class: str
    calendar: str
    origin: str
    target: str
    member: str
    model_id: str
    state_sha256: str
    data_from: date
    data_through: date
    promoted_at: datetime
    code_version: str
    run_id: str
    card: str

    @property
    def group(self) -> MarketGroup:
        """The market that it serves."""
        return MarketGroup(self.asset_class, self.calendar, self.origin)


class ForecastModels:
    """Models of one lake.

    Parameters
    ----------
    url
        Address of the platform's database, migrated to head.
    lake_dir
        Folder of the lake.
    on_stage
        Called with the name of each stage of a promotion (``staged``, ``stored``, ``recorded``); tests interrupt it there.
    """

    def __init__(self, url: str, lake_dir: Path, *, on_stage: Callable[[str], None] | None = None) -> None:
        self._url = url
        self._engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        self._folder = lake_dir / MODELS_FOLDER
        self._on_stage = on_stage or _no_stage

    def migrate(self) -> None:
        """Bring the database's tables up to this release."""
        upgrade(self._url)

    def promote(self, trained: TrainedState, *, code_version: str, run_id: str, promoted_at: datetime) -> Promotion:
        """Store a state and put it in service; repeating the newest promotion of the same window records nothing.

        Parameters
        ----------
        promoted_at
            Aware time from which it may serve.

        Raises
        ------
        ConfigError
            ``promoted_at`` is naive, or the data window is empty.
        SourceUnavailableError
            The database does not answer or has not been migrated.
        """
        moment = utc(promoted_at, "promoted_at")
        if trained.data_from > trained.data_through:
            raise ConfigError(
                f"model of {trained.group.key} {trained.target}: data from {trained.data_from} to {trained.data_through}; give an ascending window"
            )
        sha256 = hashlib.sha256(trained.state).hexdigest()
        self._store(sha256, trained)
        self._on_stage("stored")
        with transaction(self._engine) as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:promoting)"), {"promoting": _PROMOTING})
            newest = _newest(connection, trained)
            if newest is not None and (newest.state_sha256, newest.code_version) == (sha256, code_version):
                return newest
            row = connection.execute(
                FORECAST_PROMOTIONS.insert()
                .values(
                    asset_class=trained.group.asset_class,
                    calendar=trained.group.calendar,
                    origin=trained.group.origin,
                    target=trained.target,
                    member=trained.member,
                    model_id=sha256[:16],
                    state_sha256=sha256,
                    data_from=trained.data_from,
                    data_through=trained.data_through,
                    promoted_at=moment,
                    code_version=code_version,
                    run_id=run_id,
                    card=trained.card,
                )
                .returning(*FORECAST_PROMOTIONS.c)
            ).one()
            self._on_stage("recorded")
        return _promotion(row)

    def champion(
        self, group: MarketGroup, target: str, session: date, as_of: datetime | None = None
    ) -> Promotion | None:
        """Model that serves ``session`` as was known at ``as_of`` (aware; None: now); see :func:`champion_of`."""
        return champion_of(self.promotions(as_of), group, target, session)

    def promotions(self, as_of: datetime | None = None) -> list[Promotion]:
        """Every promotion until ``as_of`` (aware; None: now), oldest first."""
        statement = select(FORECAST_PROMOTIONS).where(_known(as_of)).order_by(FORECAST_PROMOTIONS.c.promotion_id)
        with transaction(self._engine) as connection:
            return [_promotion(row) for row in connection.execute(statement)]

    def state(self, promotion: Promotion) -> bytes:
        """Bytes of a promoted state.

        Raises
        ------
        ContractError
            The file is gone, or is not the one that was promoted.
        """
        path = self._folder / promotion.model_id / _STATE
        told = path.relative_to(self._folder.parent).as_posix()  # the reason is published: no folder of this machine
        try:
            state = path.read_bytes()
        except FileNotFoundError:
            raise ContractError(
                f"forecast model {promotion.model_id}: {told} is gone; restore it from a backup of the lake, or run train_forecasts"
            ) from None
        found = hashlib.sha256(state).hexdigest()
        if found != promotion.state_sha256:
            raise ContractError(
                f"forecast model {promotion.model_id}: sha256 of {told} is {found}, promoted was {promotion.state_sha256}; "
                "restore it from a backup of the lake, or run train_forecasts"
            )
        return state

    def _store(self, sha256: str, trained: TrainedState) -> None:
        """Put the folder in place with one rename; a folder that holds the same state already is left as it is."""
        target = self._folder / sha256[:16]
        if _holds(target, sha256):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        staged = self._folder / f".{target.name}.{uuid.uuid4().hex}.tmp"
        try:
            staged.mkdir()
            for name, content in ((_STATE, trained.state), (_CARD, trained.card.encode("utf-8"))):
                (staged / name).write_bytes(content)
                flush(staged / name)
            flush(staged)
            self._on_stage("staged")
            if target.exists() and not _holds(target, sha256):
                shutil.rmtree(target)  # damaged
            try:
                os.rename(staged, target)  # noqa: PTH104 - the call whose atomicity is meant
            except OSError:
                if not _holds(target, sha256):  # else another process put the same state there first
                    raise
            flush(self._folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def champion_of(promotions: Iterable[Promotion], group: MarketGroup, target: str, session: date) -> Promotion | None:
    """Of the models that learned from sessions before ``session`` only, the one that learned the longest; None without any.

    Of those with one window it is the one promoted last.
    """
    able = (each for each in promotions if (each.group, each.target) == (group, target) and each.data_through < session)
    return max(able, key=lambda each: (each.data_through, each.promoted_at, each.promotion_id), default=None)


def _holds(folder: Path, sha256: str) -> bool:
    path = folder / _STATE
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _known(as_of: datetime | None) -> ColumnElement[bool]:
    return true() if as_of is None else FORECAST_PROMOTIONS.c.promoted_at <= utc(as_of, "as_of")


def _newest(connection: Connection, trained: TrainedState) -> Promotion | None:
    """Last promotion of the same market, score and window."""
    columns = FORECAST_PROMOTIONS.c
    same = and_(
        columns.asset_class == trained.group.asset_class,
        columns.calendar == trained.group.calendar,
        columns.origin == trained.group.origin,
        columns.target == trained.target,
        columns.data_through == trained.data_through,
    )
    newest_first = (columns.promoted_at.desc(), columns.promotion_id.desc())
    row = connection.execute(select(FORECAST_PROMOTIONS).where(same).order_by(*newest_first).limit(1)).first()
    return None if row is None else _promotion(row)


def _promotion(row: Row[Any]) -> Promotion:
    values = dict(row._mapping)
    values["promoted_at"] = values["promoted_at"].astimezone(UTC)
    return Promotion(**values)


def _no_stage(_: str) -> None:
    """Do nothing at a stage."""
