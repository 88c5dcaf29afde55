"""One broken source must not take the others' day with it: delivered rows are judged source by source, before merging.

A table of outside data is refused as a whole where too many of its rows break the contract (``liquidity.contracts.
validation.refuses``). That rule is applied here to each source and session first: a source above the limit is set aside
as a whole, the others pass. Where no source of a session would be left, all rows stay, so that the audit at publication
refuses the table and what was published before stands. Single bad rows below the limit stay too: the lake sets each
aside with its own reason.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.table import TableContract
from liquidity.contracts.validation import findings, refuses
from resources.feeds._feed import delivered_columns
from resources.feeds._recording import SET_ASIDE_COLUMNS

__all__ = ["BROKEN_SOURCE", "SourceAudit", "audit_sources"]

BROKEN_SOURCE: Final = "broken_source"
"""Reason of every row of a refused source."""

_Place = tuple[pd.Timestamp, str]


@dataclass(frozen=True, slots=True)
class SourceAudit:
    """Rows that stay, rows of refused sources, and one sentence for each refusal by session.

    ``set_aside`` holds the columns of a feed's own set-aside rows and ``feed``, the refused source.
    """

    rows: pd.DataFrame
    set_aside: pd.DataFrame
    remarks: Mapping[pd.Timestamp, tuple[str, ...]] = field(default_factory=dict)


def audit_sources(rows: pd.DataFrame, contract: TableContract) -> SourceAudit:
    """Set aside every source that is broken in a session, as long as another source of that session stands.

    Parameters
    ----------
    rows
        Delivered rows of ``contract`` (without age and quality), from any number of sources and sessions.

    Raises
    ------
    ContractError
        A column has another type than the contract's.
    """
    nothing = pd.DataFrame(columns=["feed", *SET_ASIDE_COLUMNS], dtype="str")
    names = delivered_columns(contract)
    shape = replace(
        contract,
        columns=tuple(contract.column(name) for name in names),
        rules=tuple(rule for rule in contract.rules if rule.left in names and rule.right in names),
    )
    found = list(findings(table_from_frame(rows[list(names)], shape), shape)) if len(rows) else []
    if not found:
        return SourceAudit(rows, nothing)
    bad: NDArray[np.bool_] = np.logical_or.reduce([mask for _, _, mask in found])
    source = rows["source"].fillna("").to_numpy(dtype=object)
    session = rows["session_date"].to_numpy()
    tally = pd.DataFrame({"session_date": session, "source": source, "rows": 1, "bad": bad})
    counts = tally.groupby(["session_date", "source"], dropna=False).sum()
    broken = _broken(counts, contract)
    if not broken:
        return SourceAudit(rows, nothing)
    label: NDArray[np.object_] = np.full(len(rows), "", dtype=object)
    remarks: dict[pd.Timestamp, list[str]] = defaultdict(list)
    for day, name in broken:
        mine = (session == day.to_datetime64()) & (source == name)
        codes = Counter({f"{code}:{column}": int(mask[mine].sum()) for code, column, mask in found})
        told = ", ".join(f"{code} {count}" for code, count in codes.most_common(3) if count)
        label[mine] = f"{int(bad[mine].sum())} of {int(mine.sum())} rows of the source break the contract: {told}"
        remarks[day].append(f"source {name or '(unnamed)'} refused: {label[mine][0]}")
    out = label != ""
    gone = rows[out]
    identity = contract.key[1]
    aside = pd.DataFrame(
        {
            "feed": source[out],
            "table": contract.name,
            "reason": BROKEN_SOURCE,
            "identity": gone[identity].astype("str").to_numpy(),
            "moment": gone["session_date"].dt.strftime("%Y-%m-%d").to_numpy(),
            "detail": label[out],
        }
    ).astype("str")
    return SourceAudit(rows[~out].reset_index(drop=True), aside, {day: tuple(texts) for day, texts in remarks.items()})


def _broken(counts: pd.DataFrame, contract: TableContract) -> list[_Place]:
    """Sources to refuse, by session: those above the limit, then the worst until the rest is below it together."""
    broken: list[_Place] = []
    for _, of_day in counts.groupby(level=0):
        ranked = of_day.assign(share=of_day["bad"] / of_day["rows"]).sort_values("share", kind="stable")
        alone = [refuses(contract, int(bad), int(n)) for bad, n in zip(ranked["bad"], ranked["rows"], strict=True)]
        standing = ranked[~np.array(alone, dtype=bool)]
        refused = list(ranked.index[np.array(alone, dtype=bool)])
        while len(standing) and refuses(contract, int(standing["bad"].sum()), int(standing["rows"].sum())):
            refused.append(standing.index[-1])
            standing = standing.iloc[:-1]
        if len(standing):
            broken.extend(refused)
    return broken
