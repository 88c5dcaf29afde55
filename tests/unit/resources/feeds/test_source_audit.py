"""A broken source is refused alone; a table without any sound source stays whole for the audit to refuse."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.signals import INSTRUMENTS, MACRO_SERIES, MICROSTRUCTURE
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ContractError
from resources.feed_quarantine import read_set_aside, store_set_aside
from resources.feeds._feed import FEED_TABLES
from resources.feeds._recording import contract_rows
from resources.feeds._source_audit import BROKEN_SOURCE, audit_sources
from resources.feeds.adapters import collect
from resources.lake import Lake

DAYS = (date(2026, 3, 18), date(2026, 3, 19))


class Desk:
    """Bonds of one source; ``crossed`` of each day's quotes are crossed, and ``no_currency`` blanks instruments."""

    def __init__(self, name: str, size: int, crossed: int = 0, days: tuple[date, ...] = DAYS, broken: str = "") -> None:
        self.name, self.size, self.crossed, self.days, self.broken = name, size, crossed, days, broken
        self.asset_classes = ("bond_corporate",)
        self.tables = ("instruments", "microstructure")

    def sessions(self) -> list[date]:
        return list(self.days)

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        days = pd.to_datetime([day for day in self.days if start <= day <= end]).astype("datetime64[us]")
        ids = [f"{self.name.upper()}:B{number:03d}" for number in range(self.size)]
        grid = pd.MultiIndex.from_product([days, ids]).to_frame(index=False)
        key = {"session_date": grid[0], "instrument_id": grid[1]}
        if table == "instruments":
            currency = "?" if self.broken == table else "BRL"
            facts = {"asset_class": "bond_corporate", "currency": currency, "calendar": "BVMF", "source": self.name}
            return contract_rows(INSTRUMENTS, {**key, **facts})
        at = (grid[0] + pd.Timedelta(hours=20)).dt.tz_localize("UTC")
        bad = grid.groupby(0).cumcount().to_numpy() < self.crossed
        quotes = {"bid": np.where(bad, 105.0, 99.0), "ask": 101.0, "quoted_spread_bps": 200.0}
        return contract_rows(
            MICROSTRUCTURE,
            {**key, "venue": "desk", **quotes, "spread_method": "closing_quote", "observed_at": at, "known_at": at, "source": self.name},
        )  # fmt: skip


def judged(*desks: Desk) -> tuple[pd.DataFrame, pd.DataFrame, dict[pd.Timestamp, tuple[str, ...]]]:
    rows = pd.concat([desk.fetch("microstructure", *DAYS) for desk in desks], ignore_index=True)
    found = audit_sources(rows, MICROSTRUCTURE)
    return found.rows, found.set_aside, dict(found.remarks)


@pytest.mark.feature("BX-SG-05")
def test_a_source_above_the_limit_goes_and_the_others_stay() -> None:
    rows, aside, remarks = judged(Desk("good", 40), Desk("bad", 10, crossed=4))
    assert rows["source"].value_counts().to_dict() == {"good": 80}
    assert aside["feed"].tolist() == ["bad"] * 20
    assert set(aside["reason"]) == {BROKEN_SOURCE}
    assert aside[["table", "identity", "moment"]].iloc[0].tolist() == ["microstructure", "BAD:B000", "2026-03-18"]
    text = "4 of 10 rows of the source break the contract: crossed_quote:bid<=ask 4"
    assert set(aside["detail"]) == {text}
    assert remarks == {pd.Timestamp(day): (f"source bad refused: {text}",) for day in DAYS}


def test_only_the_session_in_which_a_source_is_broken_is_refused() -> None:
    rows, aside, remarks = judged(Desk("good", 40), Desk("bad", 10, 4, DAYS[1:]), Desk("bad", 10, 0, DAYS[:1]))
    assert len(rows) == 90
    assert set(aside["moment"]) == {"2026-03-19"}
    assert list(remarks) == [pd.Timestamp("2026-03-19")]


def test_single_bad_rows_stay_for_the_lake_to_set_aside() -> None:
    rows, aside, _ = judged(Desk("good", 40, crossed=2), Desk("small", 5, crossed=2))
    assert (len(rows), len(aside)) == (90, 0)


def test_sources_that_pass_alone_and_fail_together_lose_the_worst() -> None:
    rows, aside, _ = judged(Desk("aa", 8, crossed=2), Desk("bb", 12, crossed=2), Desk("cc", 18))
    assert set(aside["feed"]) == {"aa"}  # 4 of 38 rows are above 10 %; 2 of 8 is the larger share
    assert len(rows) == 60
    alone = judged(Desk("bb", 12, crossed=1), Desk("cc", 20))
    assert len(alone[1]) == 0


@pytest.mark.feature("CD-CT-08")
def test_where_every_source_is_broken_the_whole_table_is_refused_as_before(tmp_path: Path) -> None:
    desks = [Desk("one", 10, crossed=5), Desk("two", 10, crossed=10)]
    got = collect(desks, DAYS[1], DAYS[1])
    assert len(got.tables["microstructure"]) == 20
    assert got.set_aside.empty
    lake = Lake(tmp_path)
    with pytest.raises(ContractError, match=r"15 of 20 rows break the contract.*source itself is broken"):
        lake.publish(MICROSTRUCTURE, DAYS[1], got.tables["microstructure"])
    assert not lake.has(MICROSTRUCTURE, DAYS[1])


@pytest.mark.feature("BX-SG-05")
def test_a_broken_source_degrades_its_adapter_and_the_rest_is_published(tmp_path: Path) -> None:
    desks = [Desk("bad", 10, crossed=10), Desk("good", 40)]
    got = collect(desks, DAYS[1], DAYS[1])
    status = got.tables["signal_status"].set_index("adapter").loc["microstructure"]
    assert (status["state"], status["rows_count"], status["missing_count"]) == ("degraded", 40, 10)
    assert "source bad refused: 10 of 10 rows of the source break the contract" in status["detail"]
    assert got.failures == {
        "microstructure": (
            "2026-03-19: source bad refused: 10 of 10 rows of the source break the contract: crossed_quote:bid<=ask 10",
        )
    }
    for name in ("instruments", "microstructure"):
        contract = FEED_TABLES[name]
        assert audit(table_from_frame(got.tables[name], contract), contract, DAYS[1]).violations == ()
    counts = store_set_aside(tmp_path, desks, got.set_aside)
    assert counts[["feed", "table", "reason", "rows"]].values.tolist() == [["bad", "microstructure", BROKEN_SOURCE, 10]]
    assert len(read_set_aside(tmp_path, "bad")) == 10


def test_broken_instruments_of_one_source_leave_the_others() -> None:
    got = collect([Desk("bad", 10, broken="instruments"), Desk("good", 40)], DAYS[1], DAYS[1])
    assert set(got.tables["instruments"]["source"]) == {"good"}
    assert set(got.tables["microstructure"]["source"]) == {"good"}
    status = got.tables["signal_status"].set_index("adapter")
    assert "instruments: source bad refused: 10 of 10 rows" in status.loc["microstructure", "detail"]
    assert "10 rows left out" in status.loc["microstructure", "detail"]


class Series:
    """A macroeconomic feed that fails."""

    name, tables, asset_classes = "series", ("macro_series",), ()

    def sessions(self) -> list[date]:
        return list(DAYS)

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        raise ConnectionError("statistics office is down")


def test_a_failed_macro_feed_is_told_and_costs_nobody_else() -> None:
    got = collect([Desk("good", 4), Series()], DAYS[1], DAYS[1])
    assert got.failures == {"macro_series": ("feed series: ConnectionError: statistics office is down",)}
    assert got.tables["macro_series"].empty
    assert list(got.tables["macro_series"].columns) == list(MACRO_SERIES.column_names)
    assert len(got.tables["microstructure"]) == 4
