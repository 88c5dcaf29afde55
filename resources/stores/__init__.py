"""What the platform remembers in PostgreSQL: publications and the configurations they were made with.

Read next: ``tables.py`` (the tables), ``pulse.py`` (the repository), ``migrations/`` (how the tables came to be).
"""

__all__: list[str] = []
