"""Value at risk and its relatives, each with its back-test.

Read next: ``returns.py`` (what comes in), ``var.py``.
"""
