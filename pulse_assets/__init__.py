"""Dagster code location: signals and order books -> features -> indices -> forecasts -> published pulse.

The files in flow order: ``signals.py``, ``crypto.py``, ``features.py``, ``indices.py``, ``forecasts.py``, ``publish.py``; then
``checks.py``, ``schedules.py``, ``forecast_sensors.py`` and ``definitions.py``, which collects them.
"""

__all__: list[str] = []
