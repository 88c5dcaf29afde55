"""All resources of a code location: those of ``resources/dagster_wiring.py`` and the IO manager on the same lake."""

from typing import Final

from io_managers.contract_parquet import ContractParquetIOManager
from resources.dagster_wiring import LAKE, RESOURCES

__all__ = ["IO_MANAGER", "LOCATION_RESOURCES"]

IO_MANAGER: Final = ContractParquetIOManager(lake_dir=LAKE.lake_dir)
LOCATION_RESOURCES: Final[dict[str, object]] = {**RESOURCES, "io_manager": IO_MANAGER}
