"""Stress scenarios from files: one TOML document each, named like its file.

The project's own lie in ``config/scenarios`` beside the configuration file in use. Read next:
``liquidity/stress/scenario.py``, which says what a document may hold.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from liquidity.domain.errors import ConfigError
from liquidity.stress.scenario import Scenario, scenario_from
from resources.settings import PROJECT_ROOT, config_file

__all__ = ["chosen_scenarios", "load_scenario", "load_scenarios", "scenario_folder"]


def scenario_folder() -> Path:
    """Folder ``scenarios`` beside the configuration file in use where there is one, else the project's."""
    used = config_file()
    beside = None if used is None else used.parent / "scenarios"
    return beside if beside is not None and beside.is_dir() else PROJECT_ROOT / "config" / "scenarios"


def load_scenario(path: Path) -> Scenario:
    """Read one file.

    Raises
    ------
    ConfigError
        The file cannot be read or is not TOML, holds what a scenario may not hold, or has another name than its file.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigError(f"scenario {path.name}: {problem}; see docs/methodology/stress.md for an example") from None
    scenario = scenario_from(document, path.name)
    if scenario.name != path.stem:
        raise ConfigError(f"{path.name}: name is {scenario.name!r}, must be the file's, {path.stem!r}")
    return scenario


def load_scenarios(folder: Path | None = None) -> dict[str, Scenario]:
    """Read every ``*.toml`` of a folder, by name; default :func:`scenario_folder`.

    Raises
    ------
    ConfigError
        The folder holds no scenario, or one that :func:`load_scenario` refuses.
    """
    folder = folder or scenario_folder()
    scenarios = {path.stem: load_scenario(path) for path in sorted(folder.glob("*.toml"))}
    if not scenarios:
        raise ConfigError(f"{folder} holds no scenario; put at least one *.toml there")
    return scenarios


def chosen_scenarios(names: Sequence[str]) -> list[Scenario]:
    """Scenarios by name, all of them where none is named; :class:`ConfigError` names those that have no file."""
    known = load_scenarios()
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ConfigError(f"scenarios {unknown} have no file; there are {', '.join(known)}")
    return [known[name] for name in names or known]
