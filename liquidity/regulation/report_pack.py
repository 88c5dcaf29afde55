"""A report pack: one portfolio under one regime, as rows of tables and as a document, each number with its lineage.

Read next: ``sec22e4.py``, ``esma.py``, ``sebi.py``, ``frtb.py`` (the regimes), ``packs.py`` (all of them from the tables).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from liquidity.contracts.risk_regulation import REGULATORY_BUCKETS, REGULATORY_TESTS
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.regulation.thresholds import Threshold

__all__ = ["CASH_ID", "Finding", "ReportPack"]

CASH_ID: Final = "portfolio:cash"
"""``instrument_id`` of the row that is the portfolio's cash."""

_TITLES: Final = {
    "sec22e4": "SEC Rule 22e-4: liquidity classification",
    "esma": "ESMA liquidity stress test",
    "sebi": "SEBI/AMFI liquidity risk management",
    "frtb": "FRTB expected shortfall over liquidity horizons",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One number of a pack.

    Attributes
    ----------
    test
        Name, unique in the pack.
    value
        NaN where it cannot be said; ``reason`` tells why, or what the number hangs on.
    bound, side
        Largest or smallest allowed value; NaN and empty for a number that is only told.
    formula
        How it is made, in words short enough for a table.
    basis, source, dated
        Where the bound comes from.
    tables
        Tables that were read, with rows, filled in by the pack: the lineage.
    """

    test: str
    value: float
    unit: str
    bound: float
    side: Literal["most", "least", ""]
    formula: str
    basis: str
    source: str
    dated: date | None
    reason: str = ""
    tables: str = ""

    @classmethod
    def of(
        cls,
        test: str,
        value: float,
        threshold: Threshold,
        side: Literal["most", "least"],
        formula: str,
        *,
        unit: str | None = None,
        reason: str = "",
    ) -> "Finding":
        """A number that is held against a threshold."""
        return cls(
            test, value, unit or threshold.unit, threshold.value, side, formula,
            threshold.basis, threshold.source, threshold.dated, reason,
        )  # fmt: skip

    @classmethod
    def told(cls, test: str, value: float, unit: str, formula: str, source: str, *, reason: str = "") -> "Finding":
        """A number without a bound."""
        return cls(test, value, unit, float("nan"), "", formula, "told", source, None, reason)

    @property
    def passed(self) -> bool | None:
        """``None`` without a bound, or where the number cannot be said. The bound itself passes."""
        if not self.side or np.isnan(self.value):
            return None
        slack = 1e-12 * max(1.0, abs(self.bound))
        return bool(self.value <= self.bound + slack if self.side == "most" else self.value >= self.bound - slack)


@dataclass(frozen=True, slots=True)
class ReportPack:
    """Everything a regime asks of one portfolio on one session.

    Attributes
    ----------
    buckets
        Rows of REGULATORY_BUCKETS, one per position and one for the cash.
    findings
        Numbers and tests.
    tables
        Further tables of the document by title.
    origin
        recorded, simulated or mixed: what the portfolio's instruments are.
    """

    regime: str
    portfolio_id: str
    base_currency: str
    session_date: date
    origin: str
    buckets: pd.DataFrame
    findings: tuple[Finding, ...]
    tables: Mapping[str, pd.DataFrame]

    @classmethod
    def of(
        cls,
        regime: str,
        held: Holdings,
        surface: LiquiditySurface,
        session: date,
        rows: pd.DataFrame,
        findings: Sequence[Finding],
        tables: Mapping[str, pd.DataFrame] | None = None,
        *,
        read: Mapping[str, int] | None = None,
    ) -> "ReportPack":
        """Pack of one portfolio; ``read`` are further tables and their rows beside positions and surface."""
        origin = held.joint_origin(surface.origin)
        lineage = {"positions": len(held), "liquidity_surface": int((held.place >= 0).sum()), **(read or {})}
        told = "; ".join(f"{name}@{session.isoformat()}:{n}" for name, n in lineage.items())
        given = rows.assign(
            session_date=pd.Timestamp(session),
            portfolio_id=held.portfolio_id,
            regime=regime,
            origin=origin,
        )
        for column in REGULATORY_BUCKETS.columns:
            if column.name not in given:
                given[column.name] = None if column.dtype == "string" else np.nan
        return cls(
            regime=regime,
            portfolio_id=held.portfolio_id,
            base_currency=held.base_currency,
            session_date=session,
            origin=origin,
            buckets=given[list(REGULATORY_BUCKETS.column_names)],
            findings=tuple(replace(each, tables=each.tables or told) for each in findings),
            tables=dict(tables or {}),
        )

    @property
    def failed(self) -> tuple[str, ...]:
        """Tests that do not hold."""
        return tuple(each.test for each in self.findings if each.passed is False)

    def test_rows(self) -> pd.DataFrame:
        """Rows of REGULATORY_TESTS."""
        rows = [
            {
                "session_date": pd.Timestamp(self.session_date),
                "portfolio_id": self.portfolio_id,
                "regime": self.regime,
                "test": each.test,
                "value": each.value if np.isfinite(each.value) else np.nan,
                "unit": each.unit,
                "bound": each.bound,
                "side": each.side or "told",
                "passed": each.passed,
                "formula": each.formula,
                "basis": each.basis,
                "rule": each.source,
                "rule_date": None if each.dated is None else each.dated.isoformat(),
                "tables": each.tables,
                "reason": each.reason,
                "origin": self.origin,
            }
            for each in self.findings
        ]
        table = pd.DataFrame(rows, columns=list(REGULATORY_TESTS.column_names))
        return table.astype({"passed": "boolean", "value": "float64", "bound": "float64"})

    def as_json(self) -> str:
        """The whole pack as JSON text; missing numbers are null."""
        document = {
            "regime": self.regime,
            "title": _TITLES[self.regime],
            "portfolio_id": self.portfolio_id,
            "base_currency": self.base_currency,
            "session_date": self.session_date.isoformat(),
            "origin": self.origin,
            "failed": list(self.failed),
            "tests": _records(self.test_rows()),
            "tables": {title: _records(table) for title, table in self.tables.items()},
            "buckets": _records(self.buckets),
        }
        return json.dumps(document, allow_nan=False)

    def as_markdown(self) -> str:
        """The pack as a document: tests, tables, the least liquid positions, lineage."""
        head = [
            f"# {_TITLES[self.regime]}: {self.portfolio_id}, {self.session_date.isoformat()}",
            "",
            f"Base currency {self.base_currency}; instruments: {self.origin}.",
            "",
            "| test | value | bound | result | rule | as of |",
            "|---|--:|--:|---|---|---|",
        ]
        head += [
            f"| {each.test} | {_number(each.value)} {each.unit} | {_bound(each)} | {_verdict(each)} | {each.source} ({each.basis}) | {each.dated or ''} |"
            for each in self.findings
        ]
        for title, table in self.tables.items():
            head += ["", f"## {title}", "", *_markdown(table)]
        lineage = sorted({f"{each.test}: {each.formula}. Read: {each.tables}" for each in self.findings})
        return "\n".join([*head, "", "## Lineage", "", *(f"- {line}" for line in lineage), ""])


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    names = [str(name) for name in table.columns]
    columns = [[_plain(value) for value in table[name].tolist()] for name in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if value is pd.NA or value is pd.NaT:
        return None
    return value.isoformat()[:10] if isinstance(value, date) else value.item()


def _markdown(table: pd.DataFrame) -> list[str]:
    lines = [f"| {' | '.join(map(str, table.columns))} |", "|" + "---|" * len(table.columns)]
    return lines + [
        f"| {' | '.join(_number(value) if isinstance(value, float) else str(value) for value in row)} |"
        for row in table.itertuples(index=False)
    ]


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.4g}"


def _bound(finding: Finding) -> str:
    if not finding.side:
        return ""
    return f"{'at most' if finding.side == 'most' else 'at least'} {_number(finding.bound)}"


def _verdict(finding: Finding) -> str:
    if finding.passed is None:
        return finding.reason or ("told" if not finding.side else "unknown")
    return ("pass" if finding.passed else "FAIL") + (f" ({finding.reason})" if finding.reason else "")
