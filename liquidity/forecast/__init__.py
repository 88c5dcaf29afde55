"""Forecasts of the scores one to five sessions ahead: inputs known at the time, members, bands, judgement.

Order of reading: ``horizons`` and ``panel`` (the words) -> ``score_panels`` -> ``inputs`` -> ``members`` (one file each).
"""

__all__: list[str] = []
