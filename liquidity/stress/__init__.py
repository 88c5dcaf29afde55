"""Scenarios, what they do to positions and portfolios, and the smallest shock that breaks a limit.

Read next: ``scenario.py``, ``engine.py``.
"""
