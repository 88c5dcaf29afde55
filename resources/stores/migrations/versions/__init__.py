"""The steps, oldest first; alembic finds them by their ``revision``."""

__all__: list[str] = []
