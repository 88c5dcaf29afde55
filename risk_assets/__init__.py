"""Code location of risk monitoring: reads what the pulse location publishes.

The files in flow order: ``upstream.py`` (what is borrowed), ``sector_liquidity.py``, ``positions.py``, ``surface.py``,
``portfolio_liquidity.py`` and what is derived from these; then ``definitions.py``, which collects them.
"""

__all__: list[str] = []
