"""Where the project is, and what a workspace needs before anything runs on it."""

import pytest

from liquidity.domain.errors import ConfigError
from liquidity_service import workspace
from resources.settings import PROJECT_ROOT, load_settings


def test_the_project_is_found_from_its_folder_and_from_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(PROJECT_ROOT)
    assert workspace.project_root() == PROJECT_ROOT
    monkeypatch.chdir(tmp_path)
    assert (workspace.project_root() / "workspace.yaml").is_file()


def test_outside_a_checkout_it_says_so(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workspace, "__file__", str(tmp_path / "a" / "b" / "workspace.py"))
    with pytest.raises(ConfigError, match=r"no workspace\.yaml here; run pulse from the project's folder"):
        workspace.project_root()


@pytest.mark.slow
def test_bringing_up_makes_folders_and_a_migrated_database(postgres_url, empty_postgres_url, tmp_path):
    settings = load_settings(
        data_dir=tmp_path / "data", database_url=postgres_url, dagster_database_url=empty_postgres_url
    )
    with workspace.brought_up(settings) as environment:
        assert environment["DAGSTER_HOME"] == str(tmp_path / "data" / "dagster_home")
        assert environment["PULSE_DATABASE_URL"] == postgres_url
        assert {path.name for path in (tmp_path / "data").iterdir()} == {"lake", "landing", "dagster_home"}
        assert (tmp_path / "data" / "dagster_home" / "dagster.yaml").is_file()
