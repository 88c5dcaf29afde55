"""One transaction on the platform's database, its failures in the platform's own words."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from liquidity.domain.errors import ConfigError, SourceUnavailableError

__all__ = ["transaction", "utc"]


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open a transaction: committed when the block ends well, else taken back.

    Raises
    ------
    SourceUnavailableError
        The database does not answer or has not been migrated.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise SourceUnavailableError(
            f"the platform's database does not answer ({type(error.orig).__name__}); see that it runs and PULSE_DATABASE_URL is right"
        ) from error
    except ProgrammingError as error:
        if "does not exist" in str(error.orig):
            raise SourceUnavailableError(
                "the platform's database has not been migrated; `pulse dev` and `pulse tour` do it"
            ) from error
        raise


def utc(moment: datetime, name: str) -> datetime:
    """The same moment in UTC; :class:`ConfigError` when it is naive."""
    if moment.tzinfo is None:
        raise ConfigError(f"{name} {moment.isoformat()} has no time zone; give an aware time")
    return moment.astimezone(UTC)
