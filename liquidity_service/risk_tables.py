"""What the risk commands read: tables of the lake by portfolio and session, and a refusal that names the nearest names.

Read next: ``risk_commands.py`` (the commands), ``portfolio_table.py``, ``stress_table.py``, ``assess_table.py`` (what they print).
"""

import difflib
from collections.abc import Iterable
from datetime import date
from typing import Final

import pandas as pd

from liquidity.contracts import LIQUIDITY_INDEX, LIQUIDITY_SURFACE, PORTFOLIO_LIQUIDITY, SURFACE_CURVES, TableContract
from liquidity.contracts.conform import frame_from_table
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.impact.surface import LiquiditySurface
from resources.lake import Lake

__all__ = ["day_rows", "nearest", "newest_of_portfolios", "score_of", "session_of_instrument", "surface_of"]

_MAKE_IT: Final = "`pulse run portfolio_risk --start DAY` makes it, `pulse tour` everything"
_SUGGESTED: Final = 4


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names are like ``name``: those that hold it, then those spelt alike; the first few otherwise."""
    names = sorted(set(known))
    folded = name.casefold()
    found = [each for each in names if folded in each.casefold()]
    by_fold = {each.casefold(): each for each in names}
    found += [by_fold[each] for each in difflib.get_close_matches(folded, list(by_fold), n=_SUGGESTED, cutoff=0.6)]
    near = list(dict.fromkeys(found))[:_SUGGESTED]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are {', '.join(names[:_SUGGESTED])}" + (f" and {len(names) - _SUGGESTED} more" if len(names) > _SUGGESTED else "")  # fmt: skip


def day_rows(lake: Lake, contract: TableContract, session: date) -> pd.DataFrame:
    """All rows of one session; none where the day is not published."""
    return frame_from_table(lake.read(contract, session, session))


def newest_of_portfolios(
    lake: Lake, session: date | None = None, portfolio: str | None = None
) -> dict[str, tuple[date, pd.Series]]:
    """Portfolio to its newest session, and its row of ``portfolio_liquidity``, by name.

    Parameters
    ----------
    session
        Only this one; None: the newest of each portfolio, since markets end on different days.
    portfolio
        Only this one.

    Raises
    ------
    ContractError
        Nothing is published.
    ConfigError
        The session or the portfolio is not there; the nearest are named.
    """
    days = lake.sessions(PORTFOLIO_LIQUIDITY)
    if not days:
        raise ContractError(f"no portfolio is measured: the lake has no {PORTFOLIO_LIQUIDITY.name}; {_MAKE_IT}")
    _published(session, days, PORTFOLIO_LIQUIDITY)
    rows = frame_from_table(lake.read(PORTFOLIO_LIQUIDITY, session or days[0], session or days[-1]))
    newest = rows.sort_values("session_date", kind="stable").groupby("portfolio_id").tail(1)
    found = {str(row["portfolio_id"]): (row["session_date"].date(), row) for _, row in newest.iterrows()}
    if not found:
        raise ContractError(f"no portfolio holds anything on {session or f'{days[0]} to {days[-1]}'}; {_MAKE_IT}")
    if portfolio is not None:
        if portfolio not in found:
            on = "" if session is None else f" on {session}"
            raise ConfigError(f"no portfolio {portfolio!r}{on}; {nearest(portfolio, found)}")
        return {portfolio: found[portfolio]}
    return dict(sorted(found.items()))


def session_of_instrument(lake: Lake, instrument: str, session: date | None) -> date:
    """Session whose surface answers for an instrument: the one asked for, or the newest that has it.

    Raises
    ------
    ContractError
        No surface is published.
    ConfigError
        The session has none, or no surface has the instrument; the nearest are named.
    """
    days = lake.sessions(LIQUIDITY_SURFACE)
    if not days:
        raise ContractError(f"no cost is known: the lake has no {LIQUIDITY_SURFACE.name}; {_MAKE_IT}")
    _published(session, days, LIQUIDITY_SURFACE)
    first, last = session or days[0], session or days[-1]
    held = lake.read(LIQUIDITY_SURFACE, first, last, ("session_date",), [instrument]).column("session_date").to_pylist()
    if held:
        return max(held)
    every = lake.read(LIQUIDITY_SURFACE, first, last, ("instrument_id",)).column("instrument_id").to_pylist()
    on = "no surface" if session is None else f"not the surface of {session}"
    raise ConfigError(f"instrument {instrument!r}: {on} has it; {nearest(instrument, every)}")


def surface_of(lake: Lake, session: date, instruments: Iterable[str] | None = None) -> LiquiditySurface:
    """The surface of one session, whole or of some instruments."""
    wanted = None if instruments is None else list(instruments)
    tables = (lake.read(each, session, session, None, wanted) for each in (LIQUIDITY_SURFACE, SURFACE_CURVES))
    rows, curves = (frame_from_table(table) for table in tables)
    return LiquiditySurface.from_tables(rows, curves)


def score_of(lake: Lake, session: date, instrument: str) -> float:
    """Published liquidity score 0-100 of the session; NaN where there is none."""
    table = lake.read(LIQUIDITY_INDEX, session, session, ("liquidity_score",), [instrument])
    scores = frame_from_table(table)["liquidity_score"]
    return float(scores.iloc[0]) if len(scores) else float("nan")


def _published(session: date | None, days: list[date], contract: TableContract) -> None:
    if session is not None and session not in days:
        near = sorted(sorted(days, key=lambda day: abs((day - session).days))[:3])
        raise ConfigError(
            f"{contract.name} has no session {session}; nearest are {', '.join(map(str, near))} ({len(days)} from {days[0]} to {days[-1]})"
        )
