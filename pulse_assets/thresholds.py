"""The thresholds of this deployment, read from the settings once; scores and warnings must use the same."""

from typing import Final

from liquidity.index.thresholds import PulseThresholds
from resources.settings import current_settings

__all__ = ["THRESHOLDS"]

_WARNING = current_settings().early_warning

THRESHOLDS: Final = PulseThresholds(
    warning_fall_points=_WARNING.fall_points,
    warning_within_sessions=_WARNING.within_sessions,
    clear_within_points=_WARNING.clear_within_points,
)
