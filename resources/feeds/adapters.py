"""The adapter kit: four signal adapters collect from all feeds at once and come back degraded rather than failed.

``collect_signals`` is the one door. Each adapter gathers one table from every feed that has it; a feed that raises
loses its own rows, a source whose rows break the contract loses its session, an adapter that raises or times out loses
its own table, and ``signal_status`` says so; ``collect`` also returns what was set aside and which feeds failed. The kit
then adds what every row needs: age in market time at the session's close, quality and its rules, and coverage against
the instruments of the session. A new adapter is one object with the members of :class:`Adapter`.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from threading import Thread
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.signals import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    MACRO_SERIES,
    MICROSTRUCTURE,
    SENTIMENT,
    SIGNAL_STATUS,
)
from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ConfigError, SourceUnavailableError
from liquidity.domain.instrument import ASSET_CLASSES, BOND_CLASSES
from liquidity.domain.session import is_session
from liquidity.features.quality import batch_quality
from resources.feeds._delivered_rows import answer_skew, empty_rows, merge_instruments, ready_rows
from resources.feeds._feed import Feed
from resources.feeds._recording import contract_rows
from resources.feeds._source_audit import SourceAudit, audit_sources

__all__ = [
    "ADAPTERS",
    "LISTED_MISSING_IDS",
    "LOOKBACK_DAYS",
    "MIN_COVERAGE_FRAC",
    "Adapter",
    "Collected",
    "Delivery",
    "SignalAdapter",
    "collect",
    "collect_signals",
]

MIN_COVERAGE_FRAC: Final = 0.90
"""Share of expected instruments below which an adapter's session is degraded."""
LISTED_MISSING_IDS: Final = 50
LOOKBACK_DAYS: Final = 14
"""How far back instruments are looked up to learn whether a day without any is a closed one."""
_LISTED_ONLY: Final = "instruments of feeds without signals"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an adapter brought: rows in delivered columns (and ``feed_rules``), and one sentence per feed that failed."""

    rows: pd.DataFrame
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collected:
    """Everything one collection brought.

    Parameters
    ----------
    tables
        What :func:`collect_signals` returns.
    set_aside
        Rows of refused sources: ``feed`` (the source), table, reason, identity, moment, detail.
    failures
        One sentence per feed that failed or source that was refused, by table; tables without any are absent.
    """

    tables: dict[str, pd.DataFrame]
    set_aside: pd.DataFrame
    failures: dict[str, tuple[str, ...]]


class Adapter(Protocol):
    """Gathers one signal table; it may raise, the kit answers."""

    @property
    def name(self) -> str:
        """Name in ``signal_status``."""
        ...

    @property
    def contract(self) -> TableContract:
        """The table it fills."""
        ...

    @property
    def asset_classes(self) -> tuple[str, ...]:
        """Classes whose instruments it is expected to cover."""
        ...

    def collect(self, feeds: Sequence[Feed], start: date, end: date) -> Delivery:
        """Rows of [start, end], both included; called once, in a thread of its own."""
        ...


@dataclass(frozen=True, slots=True)
class SignalAdapter:
    """The adapter of a table that feeds deliver ready made."""

    contract: TableContract
    asset_classes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.contract.name

    def collect(self, feeds: Sequence[Feed], start: date, end: date) -> Delivery:
        """Rows of every feed that has the table, in feed-name order."""
        return _gather(self.contract, feeds, start, end)


ADAPTERS: Final[tuple[Adapter, ...]] = (
    SignalAdapter(ALT_SIGNALS, ("bond_corporate",)),
    SignalAdapter(MICROSTRUCTURE, ASSET_CLASSES),
    SignalAdapter(AUCTION_MM, BOND_CLASSES),
    SignalAdapter(SENTIMENT, ("bond_corporate",)),
)
"""Alternative data, microstructure, auctions and market makers, sentiment."""


@dataclass(slots=True)
class _Outcome:
    """One job's end: a value, or the error that stopped it; neither while it still runs."""

    value: Any = None
    error: Exception | None = None
    seconds: float = 0.0
    done: bool = False


@dataclass(slots=True)
class _Finished:
    """An adapter's rows made ready, and what its status must say."""

    rows: pd.DataFrame
    seconds: float
    error: str = ""
    remarks: list[str] = field(default_factory=list)
    day_remarks: Mapping[pd.Timestamp, tuple[str, ...]] = field(default_factory=dict)
    audit: SourceAudit | None = None


def collect_signals(
    feeds: Sequence[Feed],
    start: date,
    end: date,
    *,
    timeout_s: float = 60.0,
    expected: Mapping[str, Collection[str]] | None = None,
    adapters: Sequence[Adapter] = ADAPTERS,
) -> dict[str, pd.DataFrame]:
    """Collect all signal tables of the sessions of [start, end], both included: the tables of :func:`collect`."""
    return collect(feeds, start, end, timeout_s=timeout_s, expected=expected, adapters=adapters).tables


def collect(
    feeds: Sequence[Feed],
    start: date,
    end: date,
    *,
    timeout_s: float = 60.0,
    expected: Mapping[str, Collection[str]] | None = None,
    adapters: Sequence[Adapter] = ADAPTERS,
) -> Collected:
    """Collect the sessions of [start, end], both included.

    Parameters
    ----------
    timeout_s
        Seconds all adapters together may take; what is not back by then is in state ``error``.
    expected
        Instruments each adapter (by name) must cover on each open session; by default those of the session whose
        asset class the adapter serves, without those that only feeds without any signal list: the liquidity of a
        symbol known from its order-book tape alone comes from the book tables.

    Returns
    -------
    Collected
        Tables ``instruments``, the four signals, ``macro_series`` and ``signal_status``, under their contracts, sorted
        by key. Sources that are broken as a whole are out (see ``_source_audit.py``); single bad rows are still in and
        are quarantined where the table is published.

    Raises
    ------
    ConfigError
        ``end`` before ``start``.
    SourceUnavailableError
        The instruments could not be read within ``timeout_s``: without them nothing can be judged.

    Notes
    -----
    Rows of instruments that no feed lists for the session, and rows of days on which the instrument's market is shut,
    are left out and counted in ``detail``. A row that two feeds deliver under one key is kept from the first by name.
    """
    if end < start:
        raise ConfigError(f"collect: end {end} is before start {start}; give an ascending range")
    ordered = sorted(feeds, key=lambda feed: feed.name)
    listing_only = [feed for feed in ordered if feed.tables == (INSTRUMENTS.name,)]
    signalling = [feed for feed in ordered if feed.tables != (INSTRUMENTS.name,)]
    jobs: dict[str, Callable[[], Delivery]] = {
        INSTRUMENTS.name: lambda: _gather(INSTRUMENTS, signalling, start, end),
        _LISTED_ONLY: lambda: _gather(INSTRUMENTS, listing_only, start, end),
        MACRO_SERIES.name: lambda: _gather(MACRO_SERIES, ordered, start, end),
    }
    for adapter in adapters:
        jobs[f"adapter {adapter.name}"] = _collecting(adapter, ordered, start, end)
    outcomes = _run(jobs, timeout_s)
    signalled = _require_instruments(outcomes[INSTRUMENTS.name], timeout_s)
    others = _require_instruments(outcomes[_LISTED_ONLY], timeout_s)
    listed = Delivery(
        pd.concat([part for part in (signalled.rows, others.rows) if len(part)] or [signalled.rows], ignore_index=True),
        (*signalled.failures, *others.failures),
    )
    listing = audit_sources(listed.rows, INSTRUMENTS)
    instruments, conflicts = merge_instruments(listing.rows)
    tables = {INSTRUMENTS.name: instruments}
    finished = {
        adapter.name: _finish(adapter, outcomes[f"adapter {adapter.name}"], instruments, conflicts, timeout_s)
        for adapter in adapters
    }
    for adapter in adapters:
        finished[adapter.name].remarks.extend(f"instruments: {failure}" for failure in listed.failures)
        tables[adapter.contract.name] = finished[adapter.name].rows
    tables[MACRO_SERIES.name], macro, macro_failures = _macro(outcomes[MACRO_SERIES.name], timeout_s)
    market = _Market(ordered, instruments, signalled.rows, start, end)
    tables[SIGNAL_STATUS.name] = _status(adapters, finished, listing, market, expected)
    audits = {INSTRUMENTS.name: listing, MACRO_SERIES.name: macro}
    audits |= {each.contract.name: done for each in adapters if (done := finished[each.name].audit) is not None}
    failed = {INSTRUMENTS.name: listed.failures, MACRO_SERIES.name: macro_failures}
    failed |= {each.contract.name: _failures(outcomes[f"adapter {each.name}"], timeout_s) for each in adapters}
    return Collected(
        tables,
        pd.concat([each.set_aside for each in audits.values()], ignore_index=True),
        {name: told for name, texts in failed.items() if (told := (*texts, *_refusals(audits.get(name))))},
    )


def _gather(contract: TableContract, feeds: Sequence[Feed], start: date, end: date) -> Delivery:
    parts: list[pd.DataFrame] = []
    failures: list[str] = []
    for feed in feeds:
        if contract.name not in feed.tables:
            continue
        try:
            rows = feed.fetch(contract.name, start, end)
        except Exception as error:  # noqa: BLE001 - whatever one feed raises must not take the others down
            failures.append(f"feed {feed.name}: {_say(error)}")
            continue
        if len(rows):
            parts.append(rows)
    rows = pd.concat(parts, ignore_index=True) if parts else contract_rows(contract, {}, pd.RangeIndex(0))
    return Delivery(rows, tuple(failures))


def _collecting(adapter: Adapter, feeds: Sequence[Feed], start: date, end: date) -> Callable[[], Delivery]:
    return lambda: adapter.collect(feeds, start, end)


def _run(jobs: Mapping[str, Callable[[], Delivery]], timeout_s: float) -> dict[str, _Outcome]:
    """Run all jobs at once; threads that hang are left behind as daemons, their outcome stays undone."""
    outcomes = {name: _Outcome() for name in jobs}
    threads = [
        Thread(target=_work, args=(job, outcomes[name]), name=f"collect {name}", daemon=True)
        for name, job in jobs.items()
    ]
    deadline = time.perf_counter() + timeout_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.perf_counter()))
    return {name: outcome if outcome.done else _Outcome(seconds=timeout_s) for name, outcome in outcomes.items()}


def _work(job: Callable[[], Delivery], outcome: _Outcome) -> None:
    begun = time.perf_counter()
    try:
        outcome.value = job()
    except Exception as error:  # noqa: BLE001 - an adapter may raise anything; its class and message go to signal_status
        outcome.error = error
    outcome.seconds = time.perf_counter() - begun
    outcome.done = True


def _say(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _require_instruments(outcome: _Outcome, timeout_s: float) -> Delivery:
    if outcome.error is not None:
        raise outcome.error
    if not outcome.done:
        raise SourceUnavailableError(
            f"instruments were not read within {timeout_s:g} s; check the feeds' folders or allow more time"
        )
    delivery: Delivery = outcome.value
    return delivery


def _macro(outcome: _Outcome, timeout_s: float) -> tuple[pd.DataFrame, SourceAudit, tuple[str, ...]]:
    """Rows of the series, their audit, and who failed; a day without series is a poorer day, not a lost one."""
    failures = _failures(outcome, timeout_s)
    delivered = outcome.value.rows if outcome.value is not None else contract_rows(MACRO_SERIES, {}, pd.RangeIndex(0))
    judged = audit_sources(delivered, MACRO_SERIES)
    key = list(MACRO_SERIES.key)
    rows = judged.rows.drop_duplicates(key).sort_values(key, ignore_index=True)[list(MACRO_SERIES.column_names)]
    return rows, judged, failures


def _failures(outcome: _Outcome, timeout_s: float) -> tuple[str, ...]:
    if outcome.error is not None:
        return (_say(outcome.error),)
    if not outcome.done:
        return (f"TimeoutError: not back within {timeout_s:g} s",)
    delivery: Delivery = outcome.value
    return delivery.failures


def _refusals(judged: SourceAudit | None) -> tuple[str, ...]:
    if judged is None:
        return ()
    return tuple(f"{day.date()}: {text}" for day, texts in judged.remarks.items() for text in texts)


def _finish(
    adapter: Adapter, outcome: _Outcome, instruments: pd.DataFrame, conflicts: pd.DataFrame, timeout_s: float
) -> _Finished:
    nothing = empty_rows(adapter.contract)
    if not outcome.done or outcome.error is not None:
        return _Finished(nothing, outcome.seconds, _failures(outcome, timeout_s)[0])
    delivery: Delivery = outcome.value
    if delivery.failures and delivery.rows.empty:
        return _Finished(nothing, outcome.seconds, "; ".join(delivery.failures))
    try:
        judged = audit_sources(answer_skew(delivery.rows, adapter.contract), adapter.contract)
        rows, remarks = ready_rows(judged.rows, adapter.contract, instruments, conflicts)
    except Exception as error:  # noqa: BLE001 - rows that cannot be made ready cost this adapter, not the others
        return _Finished(nothing, outcome.seconds, _say(error))
    return _Finished(
        rows, outcome.seconds, remarks=[*delivery.failures, *remarks], day_remarks=judged.remarks, audit=judged
    )


class _Market:
    """Which instruments each session lists, and whether a day without any is a closed one."""

    def __init__(
        self, feeds: Sequence[Feed], instruments: pd.DataFrame, signalled: pd.DataFrame, start: date, end: date
    ) -> None:
        self.days = pd.date_range(start, end, freq="D", unit="us")
        key = list(INSTRUMENTS.key)
        wanted = instruments[pd.MultiIndex.from_frame(instruments[key]).isin(pd.MultiIndex.from_frame(signalled[key]))]
        self._listed = dict(tuple(wanted.groupby("session_date")))
        self._instruments = instruments
        self._feeds = feeds
        self._earlier: pd.DataFrame | None = None

    def expected(self, day: pd.Timestamp, classes: tuple[str, ...]) -> NDArray[np.object_]:
        """Find the identifiers of the classes that feeds with signals list that day, sorted."""
        rows = self._listed.get(day)
        if rows is None:
            return np.array([], dtype=object)
        return np.array(sorted(set(rows.loc[rows["asset_class"].isin(classes), "instrument_id"])), dtype=object)

    def closed(self, day: pd.Timestamp, classes: tuple[str, ...]) -> bool:
        """Whether every calendar of the classes' instruments is shut that day; False when none is known."""
        calendars = self._calendars(self._instruments, classes)
        if not calendars:
            if self._earlier is None:
                first = self.days[0].date()
                since = (self.days[0] - pd.Timedelta(days=LOOKBACK_DAYS)).date()
                self._earlier = _gather(INSTRUMENTS, self._feeds, since, first).rows
            calendars = self._calendars(self._earlier, classes)
        return bool(calendars) and not any(is_session(calendar, [day.date()])[0] for calendar in calendars)

    @staticmethod
    def _calendars(instruments: pd.DataFrame, classes: tuple[str, ...]) -> list[str]:
        return sorted(instruments.loc[instruments["asset_class"].isin(classes), "calendar"].unique())


def _status(
    adapters: Sequence[Adapter],
    finished: Mapping[str, _Finished],
    listing: SourceAudit,
    market: _Market,
    expected: Mapping[str, Collection[str]] | None,
) -> pd.DataFrame:
    lines: list[dict[str, Any]] = []
    for adapter in adapters:
        done = finished[adapter.name]
        by_day = dict(tuple(done.rows.groupby("session_date")))
        for day in market.days:
            wanted = market.expected(day, adapter.asset_classes)
            if expected is not None and adapter.name in expected and len(wanted):
                wanted = np.unique(np.array(sorted(expected[adapter.name]), dtype=object))
            rows = by_day.get(day, done.rows.iloc[:0])
            told = [*(f"instruments: {text}" for text in listing.remarks.get(day, ())), *done.day_remarks.get(day, ())]
            lines.append(_line(adapter, done, day, rows, wanted, market, [*done.remarks, *told]))
    columns = list(SIGNAL_STATUS.column_names)
    status = pd.DataFrame(lines, columns=columns)
    for name in ("adapter", "state", "missing_ids", "detail"):
        status[name] = status[name].astype("str")
    status["session_date"] = status["session_date"].astype("datetime64[us]")
    return status.sort_values(list(SIGNAL_STATUS.key), ignore_index=True)


def _line(
    adapter: Adapter,
    done: _Finished,
    day: pd.Timestamp,
    rows: pd.DataFrame,
    wanted: NDArray[np.object_],
    market: _Market,
    remarks: list[str],
) -> dict[str, Any]:
    delivered = set(rows["instrument_id"])  # hashed: np.isin compares texts pairwise
    missing = [name for name in wanted if name not in delivered]
    quality = batch_quality(rows, adapter.contract)
    coverage = 1.0 - len(missing) / len(wanted) if len(wanted) else np.nan
    state, why = "active", []
    if done.error:
        state, why = "error", [done.error]
    elif rows.empty and not len(wanted) and market.closed(day, adapter.asset_classes):
        state, why, coverage = "closed", ["no market of its asset classes opens"], np.nan
    elif rows.empty:
        reason = "no row delivered" if len(wanted) else "no feed with signals lists an instrument for it"
        state, why = "missing", [reason, *remarks]
    else:
        if coverage < MIN_COVERAGE_FRAC:
            why.append(f"coverage {coverage:.3f} is below {MIN_COVERAGE_FRAC:g}")
        if not quality.passed:
            why.append(
                f"quality {quality.mean_frac:.3f}, largest share of nulls {quality.worst_null_frac:.3f}"
                + (f" in {quality.worst_column}" if quality.worst_column else "")
            )
        why += remarks
        state = "degraded" if why else "active"
    return {
        "session_date": day,
        "adapter": adapter.name,
        "state": state,
        "rows_count": len(rows),
        "coverage_frac": coverage,
        "missing_count": len(missing),
        "missing_ids": ",".join(missing[:LISTED_MISSING_IDS]),
        "quality_frac": quality.mean_frac,
        "collect_seconds": round(done.seconds, 3),
        "detail": "; ".join(why),
    }
