"""Runs migrations on the connection that the package hands over, in its transaction."""

from alembic import context

import resources.stores.crypto_tables  # noqa: F401 - declares its tables in METADATA
from resources.stores.tables import METADATA

__all__: list[str] = []

if hasattr(context, "config"):  # absent when the file is imported outside a migration
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True
    )
    context.run_migrations()
