"""Report packs of supervisors, each number with its rule, threshold, source and date.

Read next: ``thresholds.py``.
"""
