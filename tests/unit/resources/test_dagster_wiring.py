"""Resources that all locations share: one object each, secrets out of sight, the code's version."""

import dagster as dg
import pytest

from io_managers.wiring import LOCATION_RESOURCES
from liquidity.domain.errors import ConfigError
from resources.clock import FixedClock
from resources.code_version import code_version, source_hash
from resources.dagster_wiring import DAILY, ClockResource, FeedsResource, LakeResource, PulseStoreResource

CANARY = "canary-7f3a9c"


def test_partitions_are_utc_days_from_1998():
    assert DAILY.get_first_partition_key() == "1998-01-01"
    assert DAILY.timezone == "UTC"


@pytest.mark.feature("BX-CF-05")
def test_address_of_the_store_is_shown_by_nobody(tmp_path):
    resource = PulseStoreResource(url=f"postgresql+psycopg2://u:{CANARY}@h/d", lake_dir=str(tmp_path))
    assert CANARY not in repr(resource)
    assert CANARY not in str(resource)
    assert CANARY not in repr(resource.store())
    assert LOCATION_RESOURCES["store"].url == dg.EnvVar("PULSE_DATABASE_URL")


def test_every_location_resource_is_there_once():
    assert sorted(LOCATION_RESOURCES) == ["clock", "feeds", "io_manager", "lake", "models", "store"]
    assert LOCATION_RESOURCES["io_manager"].lake_dir == LOCATION_RESOURCES["lake"].lake_dir


def test_lake_and_feeds_open_where_they_are_told(tmp_path):
    assert LakeResource(lake_dir=str(tmp_path)).lake().root == tmp_path
    feeds = FeedsResource(landing_dir=str(tmp_path / "landing"))
    assert [feed.name for feed in feeds.feeds(only=[])] == [feed.name for feed in feeds.feeds()]
    with pytest.raises(ConfigError, match=r"\['no_such_feed'\] are not open"):
        feeds.feeds(only=["no_such_feed"])


def test_clock_is_aware():
    assert ClockResource().now().utcoffset().total_seconds() == 0
    from datetime import datetime

    with pytest.raises(ConfigError, match="without a time zone"):
        FixedClock(datetime(2026, 1, 1)).now()  # noqa: DTZ001


def test_code_version_changes_with_the_sources_only(tmp_path):
    assert code_version() == code_version()
    assert len(code_version().partition("+")[2]) == 12
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    first = source_hash(tmp_path)
    (tmp_path / "a.pyc").write_bytes(b"compiled")
    (tmp_path / "notes.md").write_text("text")
    assert source_hash(tmp_path) == first
    (tmp_path / "a.py").write_bytes(b"x = 1\r\n")
    assert source_hash(tmp_path) == first  # line ends of another system
    (tmp_path / "a.py").write_bytes(b"x = 2\n")
    second = source_hash(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, second, source_hash(tmp_path)}) == 3
