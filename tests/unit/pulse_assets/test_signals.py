"""What collection tells in the UI: rows set aside by reason, and feeds that failed."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from io_managers.contract_parquet import ContractParquetIOManager
from pulse_assets.signals import signals
from resources.dagster_wiring import FeedsResource, LakeResource
from resources.feed_quarantine import read_set_aside

DAY = date(2026, 3, 19)


@pytest.mark.feature("BX-SG-05")
def test_set_aside_rows_and_failed_feeds_are_in_the_metadata(tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    (landing / "nse").mkdir(parents=True)
    (landing / "nse" / "bonds.csv").write_text("its day is told nowhere\n")
    (landing / "macro_series").mkdir()
    (landing / "macro_series" / "2026-03-19.parquet").write_bytes(b"PAR1 torn")
    result = dg.materialize(
        [signals],
        partition_key=DAY.isoformat(),
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=str(lake)),
            "lake": LakeResource(lake_dir=str(lake)),
            "feeds": FeedsResource(landing_dir=str(landing)),
        },
    )
    assert result.success
    metadata = {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert metadata["microstructure"]["set_aside_rows"].value == 1
    assert (
        "| nse_corporate_bonds | microstructure | session_unknown | 1 |"
        in metadata["microstructure"]["set_aside"].value
    )
    assert "set_aside_rows" not in metadata["sentiment"]
    assert metadata["macro_series"]["failures_count"].value == 1
    assert "feed landing: ContractError" in metadata["macro_series"]["failures"].value
    assert metadata["sentiment"]["failures_count"].value == 0
    kept = read_set_aside(lake, "nse_corporate_bonds")
    assert kept[["reason", "identity"]].values.tolist() == [["session_unknown", "bonds.csv"]]
