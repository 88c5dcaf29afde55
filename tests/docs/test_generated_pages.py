"""Generated pages are the ones the code would write; every feature a test names exists."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["dictionary", "registries", "settings", "schema", "contracts"])
def test_page_in_the_repository_is_current(build: ModuleType, name: str) -> None:
    file, page = build.PAGES[name]
    assert (ROOT / "docs" / file).read_text(encoding="utf-8") == page(), f"run `make docs`: docs/{file} is not current"


def test_tests_name_only_features_that_exist(build: ModuleType) -> None:
    known = {row["id"] for row in build.features()}
    assert set(build.named_features()) <= known


def test_status_lists_every_feature_with_its_tests(build: ModuleType) -> None:
    page = (ROOT / "docs" / "status.md").read_text(encoding="utf-8")
    for row in build.features():
        assert f"| {row['id']} |" in page
    for feature, tests in build.named_features().items():
        line = next(line for line in page.splitlines() if line.startswith(f"| {feature} |"))
        for test in tests:
            assert f"`{test}`" in line, f"run `make test docs`: {feature} does not list {test}"


def test_schema_is_valid_json_schema(build: ModuleType) -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(json.loads(build.schema_page()))
