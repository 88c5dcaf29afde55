"""The adapters as Dagster resources, and what all three code locations must agree on.

The only file here that imports Dagster. Addresses that hold passwords come by environment variable (``EnvVar``), so
that the UI shows the variable's name, and stay out of ``repr``. Read next: ``dagster_home.py`` (who sets the
variables), ``io_managers/wiring.py`` (the same with the IO manager).
"""

import warnings
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dagster as dg
from pydantic import Field

from liquidity.domain.errors import ConfigError
from resources.clock import SystemClock
from resources.code_version import code_version
from resources.settings import Settings, current_settings

if TYPE_CHECKING:  # what pandas, parquet or the database need is loaded where it is used
    from resources.feeds import Feed, FeedRoots
    from resources.lake import Lake
    from resources.stores.forecast_models import ForecastModels
    from resources.stores.pulse import PulseStore

__all__ = [
    "CLOCK",
    "DAILY",
    "FEEDS",
    "FOLLOW",
    "FORECAST_MODELS_STORE",
    "LAKE",
    "PULSE_STORE",
    "RESOURCES",
    "ClockResource",
    "FeedsResource",
    "ForecastModelsResource",
    "LakeResource",
    "PulseStoreResource",
    "code_version",
]

# Single-run backfills and checks by partition are marked beta and preview; each code server would say so many times.
for _stage in (dg.BetaWarning, dg.PreviewWarning):
    warnings.filterwarnings("ignore", category=_stage)

DAILY: Final = dg.DailyPartitionsDefinition(start_date="1998-01-01", timezone="UTC", end_offset=1)
"""The one partition of every table: UTC calendar days, because crypto trades on all of them; today included, because
a bond session is published at its own close."""


FOLLOW: Final = (
    dg.AutomationCondition.eager()
    .replace("in_latest_time_window", dg.AutomationCondition.in_latest_time_window(lookback_delta=timedelta(days=3)))
    .replace("handled", dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated())
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
)
"""Follow upstream tables of other locations once their contract checks passed, for the last three days only: markets
that never close publish a day after it ended, and a backfill of old days must not start a flood of runs. Days that
were published before the sensor first looked count as new, so that a workspace filled by hand is followed too."""


class LakeResource(dg.ConfigurableResource["LakeResource"]):
    """The lake of contract tables."""

    lake_dir: str = Field(description="Folder of the lake.")

    def lake(self) -> "Lake":
        """Open the lake."""
        from resources.lake import Lake

        return Lake(Path(self.lake_dir))

    def open(self) -> "Lake":
        """Open the lake; the name that contract checks use."""
        return self.lake()


class FeedsResource(dg.ConfigurableResource["FeedsResource"]):
    """The feeds whose files are there."""

    landing_dir: str = Field(description="Folder where delivered files are picked up.")
    real_data: str | None = Field(default=None, description="Folder of recorded market data; null runs without it.")
    naive_times_utc: bool = Field(default=False, description="Whether times without a zone in landed files are UTC.")
    bondx_day: str | None = Field(default=None, description="Session of the BondX files, YYYY-MM-DD; null leaves them.")
    nse_day: str | None = Field(
        default=None, description="Session of a landed NSE download without a day in its name, YYYY-MM-DD."
    )

    def roots(self) -> "FeedRoots":
        """Folders that feeds and tapes are read from."""
        from resources.feeds import FeedRoots

        return FeedRoots(
            recorded=Path(self.real_data) if self.real_data else None,
            landing=Path(self.landing_dir),
            naive_times_utc=self.naive_times_utc,
            bondx_day=date.fromisoformat(self.bondx_day) if self.bondx_day else None,
            nse_day=date.fromisoformat(self.nse_day) if self.nse_day else None,
        )

    def feeds(self, only: Sequence[str] = ()) -> "list[Feed]":
        """Open the feeds, or those named in ``only``; :class:`ConfigError` names one that is not there."""
        from resources.feeds import open_feeds

        opened = open_feeds(self.roots())
        names = [feed.name for feed in opened]
        absent = sorted(set(only) - set(names))
        if absent:
            raise ConfigError(
                f"feeds {absent} are not open; open are {names}: name those, or provide the files of the others"
            )
        return [feed for feed in opened if not only or feed.name in only]


class PulseStoreResource(dg.ConfigurableResource["PulseStoreResource"]):
    """Publications: PostgreSQL for the facts, the lake for the documents."""

    url: str = Field(repr=False, description="Address of the platform's database.")
    lake_dir: str = Field(description="Folder of the lake.")

    def store(self) -> "PulseStore":
        """Open the publications."""
        from resources.stores.pulse import PulseStore

        return PulseStore(self.url, Path(self.lake_dir))


class ForecastModelsResource(dg.ConfigurableResource["ForecastModelsResource"]):
    """Trained forecast models: PostgreSQL for who serves when, the lake for the states."""

    url: str = Field(repr=False, description="Address of the platform's database.")
    lake_dir: str = Field(description="Folder of the lake.")

    def store(self) -> "ForecastModels":
        """Open the models."""
        from resources.stores.forecast_models import ForecastModels

        return ForecastModels(self.url, Path(self.lake_dir))


class ClockResource(dg.ConfigurableResource["ClockResource"]):
    """The machine's clock; a :class:`liquidity.ports.clock.Clock`."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return SystemClock().now()


def _feeds(settings: Settings) -> FeedsResource:
    return FeedsResource(
        landing_dir=str(settings.landing_dir),
        real_data=str(settings.real_data) if settings.real_data else None,
        naive_times_utc=settings.landing_naive_times_utc,
        bondx_day=settings.landing_bondx_day.isoformat() if settings.landing_bondx_day else None,
        nse_day=settings.landing_nse_day.isoformat() if settings.landing_nse_day else None,
    )


# One object each for all locations of a process: Dagster refuses to merge definitions whose equal keys hold two objects.
LAKE: Final = LakeResource(lake_dir=str(current_settings().lake_dir))
FEEDS: Final = _feeds(current_settings())
PULSE_STORE: Final = PulseStoreResource(url=dg.EnvVar("PULSE_DATABASE_URL"), lake_dir=str(current_settings().lake_dir))
FORECAST_MODELS_STORE: Final = ForecastModelsResource(
    url=dg.EnvVar("PULSE_DATABASE_URL"), lake_dir=str(current_settings().lake_dir)
)
CLOCK: Final = ClockResource()
RESOURCES: Final[dict[str, object]] = {
    "lake": LAKE,
    "feeds": FEEDS,
    "store": PULSE_STORE,
    "models": FORECAST_MODELS_STORE,
    "clock": CLOCK,
}
