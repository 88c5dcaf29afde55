"""Numbers of the index layer that are not weights, each with its unit, range and reason."""

from dataclasses import dataclass, fields

from liquidity.domain.errors import ConfigError

__all__ = ["PulseThresholds"]


@dataclass(frozen=True, slots=True)
class PulseThresholds:
    """When an alert starts and ends, when a pool is large enough, how errors combine.

    Parameters
    ----------
    rho
        Correlation of the errors of two components, fraction 0-1.
    prior_sd_points
        Standard deviation of a score of which nothing is known, points.
    natural_sd_points
        Standard deviation of a component that is scaled as it stands, points.
    unseen_view_sd_points
        Disagreement assumed between own history and peers where only one of them exists, points.
    pooled_issuer_min, pooled_sector_min
        Observed bonds a pool needs.
    heatmap_min_members
        Scored members below which a cell is withheld.
    warning_fall_points, warning_within_sessions
        A fall of at least so many points within so many sessions raises an alert.
    clear_within_points, clear_sessions
        So many sessions in a row within so many points of the level before the fall clear it.
    stable_sessions, stable_range_points
        So many sessions since the alert within so many points of each other clear it too: a new level.
    """

    rho: float = 0.3
    prior_sd_points: float = 25.0
    natural_sd_points: float = 2.0
    unseen_view_sd_points: float = 10.0
    pooled_issuer_min: int = 3
    pooled_sector_min: int = 5
    heatmap_min_members: int = 3
    warning_fall_points: float = 20.0
    warning_within_sessions: int = 3
    clear_within_points: float = 10.0
    clear_sessions: int = 2
    stable_sessions: int = 10
    stable_range_points: float = 10.0

    def __post_init__(self) -> None:
        """Refuse a value outside its range."""
        for item in fields(self):
            value = getattr(self, item.name)
            low, high = (1, 10_000) if item.type is int else (0.0, 1.0 if item.name == "rho" else 100.0)
            if not low <= value <= high:
                raise ConfigError(f"thresholds.{item.name}: {value!r} is outside [{low}, {high}]")
        if self.clear_within_points >= self.warning_fall_points:
            raise ConfigError(
                f"thresholds.clear_within_points: {self.clear_within_points} must be below warning_fall_points "
                f"{self.warning_fall_points}, or an alert would clear as it is raised"
            )
