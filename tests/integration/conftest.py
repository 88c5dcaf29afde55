"""The whole pipeline on a small simulated market, materialised once for all tests of the session.

Tests read :class:`Pipeline` ``pipeline``; those that change something take ``own_pipeline``, a copy of its lake, landing
folder and database, which costs a fraction of a second.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
import pytest

from resources.dagster_wiring import ClockResource

if TYPE_CHECKING:
    from liquidity.contracts import TableContract
    from resources.lake import Lake
    from resources.stores.forecast_models import ForecastModels
    from resources.stores.pulse import PulseStore

FIRST_DAY = date(2025, 6, 2)
LAST_DAY = FIRST_DAY + timedelta(days=106)
FIRST_SCORED = FIRST_DAY + timedelta(days=64)
PUBLISHED_AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
# Planted by this seed: issuer crises from 2025-08-12 and 2025-09-09, all dealers away on 2025-08-26, and no
# microstructure on 2025-09-09.
SEED = 33


class StoppedClock(ClockResource):
    """A clock that shows one moment."""

    at: str

    def now(self) -> datetime:
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True)
class Pipeline:
    """A workspace: landing folder, lake, databases, and runs on them."""

    root: Path
    instance: dg.DagsterInstance
    pulse_url: str
    dagster_url: str
    first_day: date = FIRST_DAY
    last_day: date = LAST_DAY
    first_scored: date = FIRST_SCORED
    published_at: datetime = PUBLISHED_AT

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def lake(self) -> "Lake":
        from resources.lake import Lake

        return Lake(self.root / "lake")

    @property
    def store(self) -> "PulseStore":
        from resources.stores.pulse import PulseStore

        return PulseStore(self.pulse_url, self.lake.root)

    @property
    def models(self) -> "ForecastModels":
        from resources.stores.forecast_models import ForecastModels

        return ForecastModels(self.pulse_url, self.lake.root)

    def definitions(self, at: datetime, resources: Mapping[str, Any]) -> dg.Definitions:
        """The location's own definitions on this workspace, single resources replaced."""
        from io_managers.contract_parquet import ContractParquetIOManager
        from pulse_assets.definitions import defs
        from resources.dagster_wiring import (
            FeedsResource,
            ForecastModelsResource,
            LakeResource,
            PulseStoreResource,
        )

        lake = str(self.lake.root)
        return dg.Definitions(
            assets=defs.assets,
            asset_checks=defs.asset_checks,
            jobs=defs.jobs,
            schedules=defs.schedules,
            resources={
                "lake": LakeResource(lake_dir=lake),
                "feeds": FeedsResource(landing_dir=str(self.landing)),
                "store": PulseStoreResource(url=self.pulse_url, lake_dir=lake),
                "models": ForecastModelsResource(url=self.pulse_url, lake_dir=lake),
                "clock": StoppedClock(at=at.isoformat()),
                "io_manager": ContractParquetIOManager(lake_dir=lake),
                **resources,
            },
        )

    def run(
        self,
        job: str,
        start: date,
        end: date | None = None,
        *,
        at: datetime = PUBLISHED_AT,
        run_config: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materialise a job over days as one Dagster run."""
        from io_managers.run_days import run_range

        return run_range(
            self.instance,
            job,
            start.isoformat(),
            (end or start).isoformat(),
            definitions=self.definitions(at, resources or {}),
            run_config=run_config,
        )

    def table(self, contract: "TableContract", start: date | None = None, end: date | None = None) -> pd.DataFrame:
        """Rows of a table; of all days by default, of one where only ``start`` is given."""
        from liquidity.contracts.conform import frame_from_table

        first, last = start or self.first_day, end or start or self.last_day
        return frame_from_table(self.lake.read(contract, first, last))

    def hashes(self, *folders: str) -> dict[str, str]:
        """Hash of each file below the lake, or below some of its folders, by its path."""
        root = self.lake.root
        return {
            path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in folders or (".",)
            for path in sorted((root / folder).rglob("*"))
            if path.is_file()
        }


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Error of each failed step."""
    return {
        str(event.step_key): event.event_specific_data.error_display_string
        for event in result.all_events
        if event.is_step_failure
    }


@pytest.fixture(scope="session")
def dagster_instance(postgres_server, tmp_path_factory) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance of the project's configuration, its storage on PostgreSQL."""
    from resources.dagster_home import DAGSTER_URL_VARIABLE, prepare_dagster_home
    from resources.settings import load_settings

    home = prepare_dagster_home(load_settings(data_dir=tmp_path_factory.mktemp("instance")))
    with pytest.MonkeyPatch.context() as patch:  # of this moment only: other tests read the environment too
        patch.setenv(DAGSTER_URL_VARIABLE, postgres_server.dagster_url)
        instance = dg.DagsterInstance.from_config(str(home))
    with instance:
        yield instance


@pytest.fixture(scope="session")
def pipeline(postgres_server, dagster_instance, tmp_path_factory) -> Pipeline:
    """24 bonds of 7 issuers and 4 crypto pairs: 107 days collected in one run, the last 43 scored in another."""
    from liquidity.simulation import MarketConfig
    from resources.embedded_postgres import PULSE_DATABASE, clone_database
    from resources.feeds._simulated_files import simulate_to_landing

    root = tmp_path_factory.mktemp("pipeline")
    url = clone_database(postgres_server.url, PULSE_DATABASE, "pipeline")
    made = Pipeline(root, dagster_instance, url, postgres_server.dagster_url)
    config = replace(MarketConfig.sized(24, SEED), crypto_coins=3, crypto_perps=1)
    simulate_to_landing(made.landing, config, FIRST_DAY, LAST_DAY, "month")
    for job, first in (("collect_signals", FIRST_DAY), ("features_to_pulse", FIRST_SCORED)):
        result = made.run(job, first, LAST_DAY)
        assert result.success, failures(result)
    return made


@pytest.fixture
def copy_pipeline(pipeline, postgres_server, tmp_path) -> Iterator[Callable[[], Pipeline]]:
    """Makes copies of the pipeline that a test may change."""
    from resources.embedded_postgres import clone_database, drop_database

    names: list[str] = []

    def copy() -> Pipeline:
        name = f"test_{uuid.uuid4().hex[:16]}"
        # Files of lake and landing are replaced, never written into: links are copies that cost nothing.
        shutil.copytree(pipeline.root, tmp_path / name, copy_function=os.link)
        url = clone_database(postgres_server.url, "pipeline", name)
        names.append(name)
        return replace(pipeline, root=tmp_path / name, pulse_url=url)

    yield copy
    for name in names:
        drop_database(postgres_server.url, name)


@pytest.fixture
def own_pipeline(copy_pipeline) -> Pipeline:
    """A copy of the pipeline that a test may change."""
    return copy_pipeline()
