"""A kept folder is found again only while data, settings, code and libraries are the ones it was made with."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from liquidity.domain.errors import ConfigError
from liquidity_service import kept_evidence, kept_folder, score_history
from liquidity_service.forecast_report import PLANS
from liquidity_service.kept_evidence import evidence_folder
from liquidity_service.kept_folder import digest_of, file_facts, libraries, sources, whole_folder
from liquidity_service.score_history import HISTORIES, history_folder
from resources.feeds._recording import TableFeed
from resources.settings import load_settings

RECORDED, SIMULATED = HISTORIES[0], HISTORIES[-1]


def settings(folder: Path, **changed: object):
    return load_settings(
        data_dir=folder, lake_dir=folder / "lake", landing_dir=folder / "landing", real_data=None, **changed
    )


def test_facts_do_not_run_into_each_other():
    assert digest_of(["ab", "c"]) != digest_of(["a", "bc"]) != digest_of(["abc"])
    assert digest_of(["ab", "c"]) == digest_of(iter(["ab", "c"]))


def test_a_file_of_the_same_size_and_time_with_other_content_is_another(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"aaaa")
    os.utime(path, ns=(10**18, 10**18))
    first = file_facts(path)
    assert file_facts(path) == first
    path.write_bytes(b"bbbb")
    os.utime(path, ns=(10**18, 10**18))
    assert file_facts(path) != first


def test_a_copied_file_with_a_new_time_is_the_same(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"aaaa")
    first = file_facts(path)
    os.utime(path, ns=(10**18, 10**18))
    assert file_facts(path) == first


def test_sources_change_with_any_file_of_a_package(tmp_path, monkeypatch):
    (tmp_path / "packed" / "inner").mkdir(parents=True)
    (tmp_path / "packed" / "__init__.py").write_text("")
    inner, one = tmp_path / "packed" / "inner" / "deep.py", tmp_path / "packed" / "one.py"
    inner.write_text("A = 1")
    one.write_text("B = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    first = sources("packed", "inner", "one.py")
    inner.write_text("A = 2")
    second = sources("packed", "inner", "one.py")
    one.write_text("B = 2")
    third = sources("packed", "inner", "one.py")
    assert first[0] != second[0]
    assert first[1] == second[1] != third[1]


def test_every_computing_library_is_told():
    told = libraries()
    for name in ("numpy", "scikit-learn", "scipy", "pandas", "pyarrow", "numba"):
        assert f" {name}=" in told


def test_another_library_threshold_weight_or_code_is_another_history(tmp_path, monkeypatch):
    names = {history_folder(SIMULATED, settings(tmp_path)).name}
    assert {history_folder(SIMULATED, settings(tmp_path)).name} == names, "the same asked again"
    names.add(history_folder(SIMULATED, settings(tmp_path, early_warning={"fall_points": 17.5})).name)
    names.add(history_folder(SIMULATED, settings(tmp_path, weight_profile="bondx_v2")).name)
    with monkeypatch.context() as patch:
        patch.setattr(score_history, "libraries", lambda: "numpy=0")
        names.add(history_folder(SIMULATED, settings(tmp_path)).name)
    for package in ("contracts", "domain", "features", "index", "measures", "simulation", "feeds", "settings.py"):
        with monkeypatch.context() as patch:
            patch.setattr(
                score_history,
                "sources",
                lambda top, *names, changed=package: [f"{top}/{name} {name == changed}" for name in names],
            )
            names.add(history_folder(SIMULATED, settings(tmp_path)).name)
    assert len(names) == 4 + 8


def test_another_library_or_judging_code_is_other_evidence(tmp_path, monkeypatch):
    def folder() -> str:
        return evidence_folder(tmp_path, "crypto-1", "crypto_spot", "liquidity_score", PLANS["crypto"]).name

    names = {folder()}
    assert {folder()} == names
    with monkeypatch.context() as patch:
        patch.setattr(kept_evidence, "libraries", lambda: "scikit-learn=0")
        names.add(folder())
    for code in ("forecast", "backtest", "forecast_evidence.py", "forecast_report.py"):
        with monkeypatch.context() as patch:
            patch.setattr(
                kept_evidence,
                "sources",
                lambda top, *names, changed=code: [f"{top}/{name} {name == changed}" for name in names],
            )
            names.add(folder())
    assert len(names) == 2 + 4


def test_recorded_files_are_told_by_their_content(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"aaaa")
    feed = TableFeed(RECORDED.feed, (), (), lambda *_: None, (path,))
    monkeypatch.setattr(score_history, "open_feeds", lambda _: [feed])
    first = history_folder(RECORDED, settings(tmp_path))
    path.write_bytes(b"bbbb")
    assert history_folder(RECORDED, settings(tmp_path)) != first


def test_a_feed_that_names_no_files_is_never_kept(tmp_path, monkeypatch):
    class Elsewhere:
        name = RECORDED.feed

    monkeypatch.setattr(score_history, "open_feeds", lambda _: [Elsewhere()])
    with pytest.raises(ConfigError, match="which files it reads"):
        history_folder(RECORDED, settings(tmp_path))


_COMPUTE = """
import sys
from datetime import date
from liquidity.simulation import MarketConfig
from liquidity_service.score_history import SimulatedFeed, score_history
market = MarketConfig(bonds=2, issuers=2, crypto_coins=1, crypto_perps=1)
score_history(SimulatedFeed(market, date(2026, 1, 1), date(2026, 4, 3)))
print(*{".".join(name.split(".")[:2]) for name in sys.modules if name.startswith(("liquidity.", "resources."))})
"""


@pytest.mark.slow
def test_every_package_that_computes_a_history_is_in_its_name():
    """Seen from outside: what a process has loaded once it has computed one."""
    done = subprocess.run([sys.executable, "-c", _COMPUTE], capture_output=True, text=True, check=True)
    named = {f"liquidity.{name}" for name in score_history._COMPUTING}
    named |= {f"resources.{name.removesuffix('.py')}" for name in score_history._READING}
    assert set(done.stdout.split()) <= named | {"resources.code_version"}, "code_version computes no number"


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "kept" / "one"

    def half_written() -> None:
        with whole_folder(folder) as staged:
            (staged / "part").write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        half_written()
    assert not list((tmp_path / "kept").iterdir())
    with whole_folder(folder) as staged:
        pd.DataFrame({"a": [1]}).to_parquet(staged / "a.parquet")
        assert not folder.exists()
    assert [path.name for path in (tmp_path / "kept").rglob("*")] == ["one", "a.parquet"]
    with whole_folder(folder) as staged:  # another process was faster: its folder stays
        (staged / "b").write_text("late")
    assert not (folder / "b").exists()
    assert kept_folder.file_facts(folder / "a.parquet")
