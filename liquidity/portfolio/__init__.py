"""Positions and portfolios on the surface: assessment, sizing, ladders, limits, optimisation, leverage.

Read next: ``holdings.py`` (what a portfolio is), ``ladder.py`` (how long, at what cost).
"""
