"""``pulse report``: the pack of a regime from the stored tests and buckets, as a table, as data or as a document."""

import sys
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd
from rich.console import Console
from rich.table import Table

from liquidity.contracts import REDEMPTION_COVERAGE, REDEMPTION_RISK, REGULATORY_BUCKETS, REGULATORY_TESTS
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.regulation.report_pack import Finding, ReportPack
from liquidity_service.portfolio_table import shown
from liquidity_service.risk_tables import day_rows, newest_of_portfolios
from resources.atomic_file import replacing
from resources.lake import Lake
from resources.settings import Settings

__all__ = ["stored_pack", "tell_report"]

_ENDINGS: Final = {".json": "json", ".md": "markdown"}
_OF_REGIME: Final = {
    "esma": ("Redemption coverage", REDEMPTION_COVERAGE),
    "sebi": ("Redemption at risk", REDEMPTION_RISK),
}


def tell_report(
    settings: Settings,
    regime: str,
    *,
    portfolio: str | None,
    session: date | None,
    form: str | None,
    out: Path | None,
) -> int:
    """Print or write the packs of a regime, of one portfolio or of each that has one; 0 when done.

    Parameters
    ----------
    form
        ``json``, ``markdown``, or None: a table; of a file what its ending says.

    Raises
    ------
    ConfigError
        An unknown portfolio or session, or a file whose ending is none of the forms.
    ContractError
        No pack of the regime is stored for what was asked.
    """
    if out is not None:
        ending = _ENDINGS.get(out.suffix.lower())
        if form is None and ending is None:
            raise ConfigError(f"--out {out}: the ending says the form; write .json or .md, or add --json or --markdown")
        form = form or ending
    lake = Lake(settings.lake_dir)
    packs = []
    for name, (day, row) in newest_of_portfolios(lake, session, portfolio).items():
        pack = stored_pack(lake, regime, name, day, str(row["base_currency"]))
        if pack is not None:
            packs.append(pack)
    if not packs:
        raise ContractError(
            f"no {regime} pack is stored for {portfolio or 'any portfolio'}: funds have all four, other portfolios frtb; "
            "`pulse run portfolio_risk --start DAY` makes them"
        )
    if form is None:
        console = Console()
        for pack in packs:
            console.print(_tests_table(pack))
        return 0
    if form == "json":
        told = [pack.as_json() for pack in packs]
        text = told[0] if len(told) == 1 else "[\n" + ",\n".join(told) + "\n]"
    else:
        text = "\n".join(pack.as_markdown() for pack in packs)
    if out is None:
        sys.stdout.write(text + "\n")
        return 0
    with replacing(out) as staged:
        staged.write_text(text + ("" if text.endswith("\n") else "\n"), encoding="utf-8")
    failed = sum(len(pack.failed) for pack in packs)
    names = ", ".join(pack.portfolio_id for pack in packs)
    sys.stdout.write(f"{out}: {regime} of {names}, {failed} tests fail\n")
    return 0


def stored_pack(lake: Lake, regime: str, portfolio: str, session: date, base_currency: str) -> ReportPack | None:
    """Pack of one portfolio as it was stored; None where the regime has none for it."""
    tests, buckets = (_of(day_rows(lake, each, session), regime, portfolio) for each in (REGULATORY_TESTS, REGULATORY_BUCKETS))  # fmt: skip
    if tests.empty:
        return None
    tables = {"Value by bucket": _by_bucket(buckets)}
    if regime in _OF_REGIME:
        title, contract = _OF_REGIME[regime]
        rows = day_rows(lake, contract, session)
        own = rows[rows["portfolio_id"] == portfolio].drop(columns=["session_date", "portfolio_id"])
        if len(own):
            tables[title] = own.reset_index(drop=True)
    return ReportPack(
        regime=regime,
        portfolio_id=portfolio,
        base_currency=base_currency,
        session_date=session,
        origin=str(tests["origin"].iloc[0]),
        buckets=buckets,
        findings=tuple(_finding(row) for row in tests.to_dict("records")),
        tables=tables,
    )


def _finding(row: dict[str, Any]) -> Finding:
    dated = row["rule_date"]
    return Finding(
        test=row["test"],
        value=float(row["value"]),
        unit=row["unit"],
        bound=float(row["bound"]),
        side="" if row["side"] == "told" else row["side"],
        formula=row["formula"],
        basis=row["basis"],
        source=row["rule"],
        dated=date.fromisoformat(dated) if isinstance(dated, str) else None,
        reason=row["reason"],
        tables=row["tables"],
    )


def _by_bucket(buckets: pd.DataFrame) -> pd.DataFrame:
    named = buckets.assign(bucket=buckets["bucket"].fillna("not classified"))
    grouped = named.groupby("bucket")
    return pd.DataFrame(
        {
            "bucket": list(grouped.groups),
            "rows": grouped.size().to_numpy(),
            "value_base": grouped["value_base"].sum().to_numpy(),
            "net_assets_frac": grouped["net_assets_frac"].sum().to_numpy(),
        }
    )


def _tests_table(pack: ReportPack) -> Table:
    judged = [each for each in pack.findings if each.side]
    table = Table(
        title=f"{pack.regime}: {pack.portfolio_id}, session {pack.session_date}, {pack.origin}; "
        f"{len(pack.failed)} of {len(judged)} tests fail, {sum(each.passed is None for each in judged)} cannot be said",
        title_justify="left",
        padding=(0, 0, 0, 1),
    )
    for name in ("number", "value", "bound", "unit", "result", "note"):
        table.add_column(name, justify="right" if name in ("value", "bound") else "left", no_wrap=name == "number")
    for each in pack.findings:
        bound = "" if not each.side else f"{'<=' if each.side == 'most' else '>='} {each.bound:g}"
        table.add_row(
            each.test,
            shown(each.value, ",.0f" if abs(each.value) >= 1e5 else ".4g"),
            bound,
            each.unit,
            _result(each),
            each.reason,
        )
    return table


def _result(finding: Finding) -> str:
    if not finding.side:
        return ""
    if finding.passed is None:
        return "[yellow]unknown[/yellow]"
    return "pass" if finding.passed else "[bold red]FAIL[/bold red]"


def _of(rows: pd.DataFrame, regime: str, portfolio: str) -> pd.DataFrame:
    return rows[(rows["regime"] == regime) & (rows["portfolio_id"] == portfolio)].reset_index(drop=True)
