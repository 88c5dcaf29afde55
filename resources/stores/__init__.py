"""What the platform remembers in PostgreSQL: publications and their configurations, and market data of crypto venues.

Read next: ``tables.py`` and ``crypto_tables.py`` (the tables), ``pulse.py`` and ``market_data.py`` (the repositories),
``market_copy.py`` (bulk writing), ``retention.py``, ``migrations/`` (how the tables came to be).
"""

__all__: list[str] = []
