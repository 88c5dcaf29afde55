"""Evidence of one market on disk, so that a report whose market, plan and code are unchanged need not judge it again.

A folder holds the tables as parquet and everything else as JSON, under a name with the hash of what the evidence rests
on. Read next: ``forecast_evidence.py``, which makes it, and ``forecast_report.py``, which asks for it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from liquidity.forecast.champion import Choice, Comparison
from liquidity.forecast.panel import MarketGroup
from liquidity_service.forecast_controls import FutureTest, LeakDetector
from liquidity_service.forecast_evidence import Fan, PanelEvidence, PanelPlan
from liquidity_service.kept_folder import digest_of, libraries, sources, whole_folder

__all__ = ["evidence_folder", "kept_evidence"]

_JUDGING: Final = ("contracts", "domain", "forecast", "backtest", "simulation", "index")
_ASKING: Final = ("forecast_evidence", "forecast_controls", "forecast_report", "kept_evidence", "kept_folder")
_TABLES: Final = ("evaluation", "against", "coverage", "rolling", "crises", "validation", "regimes")


def evidence_folder(data_dir: Path, history: str, asset_class: str, target: str, plan: PanelPlan) -> Path:
    """Name the folder of the evidence of one score: another history, plan, judging code or library is another folder.

    Parameters
    ----------
    history
        Name of the history's folder, which holds the hash of its inputs and code.
    """
    facts = [history, asset_class, target, repr(plan), libraries(), *sources("liquidity", *_JUDGING)]
    facts += sources("liquidity_service", *(f"{name}.py" for name in _ASKING))
    return data_dir / "evidence" / f"{history.split('-', maxsplit=1)[0]}-{asset_class}-{target}-{digest_of(facts)}"


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
    told = {each.name: getattr(evidence, each.name) for each in fields(evidence)}
    tables = {name: told.pop(name) for name in _TABLES}
    del told["plan"]  # part of the folder's name
    for name in ("group", "choice", "control", "future", "detector"):
        told[name] = asdict(told[name])
    told["fans"] = [asdict(fan) for fan in evidence.fans]
    told["left_out"] = dict(evidence.left_out)
    with whole_folder(folder) as staged:
        for name, table in tables.items():
            table.to_parquet(staged / f"{name}.parquet", compression="zstd", index=False)
        (staged / "evidence.json").write_text(json.dumps(told, default=_plain), encoding="utf-8")


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"evidence.json: {type(value).__name__} has no form in JSON")
