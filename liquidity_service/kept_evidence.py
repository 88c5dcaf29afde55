"""Evidence of one market on disk, so that a report whose market, plan and code are unchanged need not judge it again.

A folder holds the tables as parquet and everything else as JSON, under a name with the hash of what the evidence rests
on. Read next: ``forecast_evidence.py``, which makes it, and ``forecast_report.py``, which asks for it.
"""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from liquidity.forecast.champion import Choice, Comparison
from liquidity.forecast.panel import MarketGroup
from liquidity_service import forecast_controls, forecast_evidence
from liquidity_service.forecast_controls import FutureTest, LeakDetector
from liquidity_service.forecast_evidence import Fan, PanelEvidence, PanelPlan
from resources.code_version import source_hash

__all__ = ["evidence_folder", "kept_evidence"]

_JUDGING: Final = ("forecast", "backtest")
_TABLES: Final = ("evaluation", "against", "coverage", "rolling", "crises", "validation", "regimes")


def evidence_folder(data_dir: Path, history: str, asset_class: str, target: str, plan: PanelPlan) -> Path:
    """Name the folder of the evidence of one score: another history, plan or judging code is another folder.

    Parameters
    ----------
    history
        Name of the history's folder, which holds the hash of its inputs and code.
    """
    listed = [history, asset_class, target, repr(plan)]
    listed += [source_hash(Path(str(files("liquidity"))) / name) for name in _JUDGING]
    listed += [
        Path(module.__file__).read_text(encoding="utf-8")
        for module in (forecast_evidence, forecast_controls)
        if module.__file__
    ]
    digest = hashlib.sha256("\n".join(listed).encode()).hexdigest()[:16]
    return data_dir / "evidence" / f"{history.split('-', maxsplit=1)[0]}-{asset_class}-{target}-{digest}"


def kept_evidence(folder: Path, plan: PanelPlan, judge: Callable[[], PanelEvidence]) -> PanelEvidence:
    """Read the evidence in ``folder``, or judge and keep it; the folder appears whole or not at all."""
    if not folder.is_dir():
        _store(judge(), folder)
    told = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in _TABLES}
    return PanelEvidence(
        **tables,
        plan=plan,
        group=MarketGroup(**told["group"]),
        first=date.fromisoformat(told["first"]),
        last=date.fromisoformat(told["last"]),
        choice=_choice(told["choice"]),
        control=_choice(told["control"]),
        future=FutureTest(**told["future"]),
        detector=LeakDetector(**told["detector"]),
        fans=tuple(_fan(each) for each in told["fans"]),
        **{name: told[name] for name in ("target", "sessions_n", "instruments_n", "left_out", "seconds")},
    )


def _choice(told: dict[str, Any]) -> Choice:
    comparison = told.pop("comparison")
    return Choice(comparison=None if comparison is None else Comparison(**comparison), **told)


def _fan(told: dict[str, Any]) -> Fan:
    arrays = {name: np.array(told.pop(name), dtype=np.float64) for name in ("past", "quantiles", "came")}
    return Fan(session=date.fromisoformat(told.pop("session")), **told, **arrays)


def _store(evidence: PanelEvidence, folder: Path) -> None:
    """Write into a folder of its own and rename it into place."""
    told = {each.name: getattr(evidence, each.name) for each in fields(evidence)}
    tables = {name: told.pop(name) for name in _TABLES}
    del told["plan"]  # part of the folder's name
    for name in ("group", "choice", "control", "future", "detector"):
        told[name] = asdict(told[name])
    told["fans"] = [asdict(fan) for fan in evidence.fans]
    told["left_out"] = dict(evidence.left_out)
    staged = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    staged.mkdir(parents=True)
    try:
        for name, table in tables.items():
            table.to_parquet(staged / f"{name}.parquet", compression="zstd", index=False)
        (staged / "evidence.json").write_text(json.dumps(told, default=_plain), encoding="utf-8")
        if not folder.is_dir():  # another process may have been faster
            staged.rename(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"evidence.json: {type(value).__name__} has no form in JSON")
