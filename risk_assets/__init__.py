"""Code location of risk monitoring: reads what the pulse location publishes.

Read next: ``upstream.py`` (what is borrowed), ``sector_liquidity.py`` (the first table), ``definitions.py``.
"""

__all__: list[str] = []
