"""Adapters in plain Python: settings, clock, database, lake, feeds, stores.

Only ``dagster_wiring.py`` imports Dagster. Read next: ``settings.py`` (what can be set), ``embedded_postgres.py``
(where the database comes from), ``stores/`` (what is remembered).
"""

__all__: list[str] = []
