"""What runs for a user: the command line now, long-running services beside it.

Read next: ``cli.py``.
"""

__all__: list[str] = []
