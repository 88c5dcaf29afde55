"""Portfolios and scenarios in, tables of stress out: what the assets, the command line and reports call.

Read next: ``measures.py`` and ``reverse.py`` for the numbers, ``stress_tables.py`` for the rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from liquidity.domain.errors import ConfigError
from liquidity.impact.book_curves import SELL, Curve
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.policy import DEFAULT_POLICY, LiquidityPolicy
from liquidity.stress.cascade import BidBook, book_cascade
from liquidity.stress.engine import StressRules
from liquidity.stress.grid import WhatIfAxes, what_if_grid
from liquidity.stress.measures import CalmPortfolio, calm_portfolio, headroom, portfolio_stress_from
from liquidity.stress.replay import Crisis, crisis_moves, replay_vector
from liquidity.stress.reverse import breaking_points
from liquidity.stress.scenario import Scenario
from liquidity.stress.stress_tables import (
    cascade_row,
    cascade_table,
    grid_table,
    reverse_rows,
    reverse_table,
    stress_rows,
    stress_table,
)
from liquidity.stress.vector import StressVector, stress_vector

__all__ = ["cascades", "reverse_stress", "stress_grid", "stress_results"]

_BOOK_DENSITY_BAND: Final = 0.5
"""Beyond the visible bids as many units rest per unit of distance as in the outer half of what is visible."""


def stress_results(
    session: date,
    portfolios: Sequence[Holdings],
    surface: LiquiditySurface,
    scenarios: Iterable[Scenario],
    policy: LiquidityPolicy = DEFAULT_POLICY,
    *,
    panels: Mapping[str, tuple[Crisis, pd.DataFrame]] | None = None,
    correlations: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Rows of STRESS_RESULTS: every portfolio under every scenario, and through every recorded crisis.

    Parameters
    ----------
    panels
        Crisis name to the crisis and its rows of ``signal_panel`` (see :func:`~liquidity.stress.replay.crisis_moves`);
        crises through which nothing was recorded are left out.
    correlations
        Rows of the table ``correlation``; without them the daily risk is null.
    """
    parts = []
    told = list(scenarios)
    moves = {name: (crisis, crisis_moves(panel, crisis)) for name, (crisis, panel) in (panels or {}).items()}
    taken = {scenario.name for scenario in told} & set(moves)
    for held in portfolios:
        origin, start = held.joint_origin(surface.origin), calm_portfolio(held, surface, policy)
        pairs = None if correlations is None else _of_portfolio(correlations, held.portfolio_id, session)
        for scenario in told:
            found = portfolio_stress_from(start, stress_vector(scenario, held))
            parts.append(
                stress_rows(session, found, kind="scenario", severity=scenario.severity, origin=origin, pairs=pairs)
            )
        for name, (crisis, rows) in moves.items():
            if rows.empty:
                continue
            vector = replay_vector(rows, crisis, held)
            found = portfolio_stress_from(start, vector)
            part = stress_rows(session, found, kind="replay", severity=None, origin=origin, pairs=pairs)
            parts.append(part.assign(scenario=f"replay_{name}") if name in taken else part)
    return stress_table(parts)


def reverse_stress(
    session: date,
    portfolios: Sequence[Holdings],
    surface: LiquiditySurface,
    scenarios: Iterable[Scenario],
    policy: LiquidityPolicy = DEFAULT_POLICY,
    *,
    largest: float = 4.0,
    tolerance: float = 1e-3,
) -> pd.DataFrame:
    """Rows of REVERSE_STRESS: the smallest multiple of each scenario, up to ``largest``, that breaks each limit.

    ``tolerance`` is the width of the answer in multiples; a scenario is judgement, and a thousandth of it more than is known.
    """
    parts = []
    told = list(scenarios)
    for held in portfolios:
        origin, start = held.joint_origin(surface.origin), calm_portfolio(held, surface, policy)
        for scenario in told:
            full = stress_vector(scenario, held)

            def at(multiple: float, start: CalmPortfolio = start, full: StressVector = full) -> dict[str, float]:
                return headroom(portfolio_stress_from(start, full.scaled(multiple)), policy)

            points = breaking_points(at, largest=largest, tolerance=tolerance)
            parts.append(reverse_rows(session, held.portfolio_id, scenario.name, points, at(0.0), at(1.0), origin))
    return reverse_table(parts)


def stress_grid(
    session: date,
    portfolios: Sequence[Holdings],
    surface: LiquiditySurface,
    axes: WhatIfAxes,
    policy: LiquidityPolicy = DEFAULT_POLICY,
) -> pd.DataFrame:
    """Rows of STRESS_GRID: every portfolio in every cell."""
    rules = StressRules(policy.participation_frac)
    return grid_table(
        session,
        [(held, what_if_grid(held, surface, axes, rules), held.joint_origin(surface.origin)) for held in portfolios],
    )


def cascades(
    session: date,
    levels: pd.DataFrame,
    surface: LiquiditySurface,
    first_falls_frac: Sequence[float],
    depth_haircuts_frac: Sequence[float],
) -> pd.DataFrame:
    """Rows of LIQUIDATION_CASCADE: forced sales of modelled longs into the visible bids of each perpetual.

    Parameters
    ----------
    levels
        Rows of ``liquidation_levels``; of each instrument its newest moment is taken, longs only.
    surface
        Gives price and bids; an instrument without a visible book is left out.
    first_falls_frac, depth_haircuts_frac
        Every combination is run.
    """
    if any(not 0.0 <= fall < 1.0 for fall in first_falls_frac):
        raise ConfigError(f"cascades: first falls {list(first_falls_frac)}, allowed 0 to below 1 (frac)")
    rows = []
    longs = levels[(levels["side"] == "long") & (pd.to_datetime(levels["session_date"]).dt.date == session)]
    for identifier, standing in longs.groupby("instrument_id", sort=True):
        place = int(surface.places(np.array([identifier], dtype=object))[0])
        curve = None if place < 0 else surface.curves.curve(SELL, place)
        if curve is None:
            continue
        newest = standing[standing["at"] == standing["at"].max()]
        at = newest["price_level"].to_numpy(dtype=np.float64)
        # The price that the levels were told from, not the surface's, which may be of another minute.
        price = float(at[0] / (1.0 + newest["distance_frac"].to_numpy(dtype=np.float64)[0]))
        units = newest["notional_quote"].to_numpy(dtype=np.float64) / at
        book = _bids(curve, price)
        for haircut in depth_haircuts_frac:
            for fall in first_falls_frac:
                found = book_cascade(price, fall, at, units, np.zeros(len(at), dtype=np.bool_), book.thinned(haircut))
                covered = float(newest["covered_frac"].iloc[0])
                origin = str(surface.origin[place])
                rows.append(cascade_row(session, str(identifier), price, fall, haircut, found, covered, origin))
    return cascade_table(rows)


def _of_portfolio(rows: pd.DataFrame, portfolio_id: str, session: date) -> pd.DataFrame:
    own = rows["portfolio_id"] == portfolio_id
    return rows[own & (pd.to_datetime(rows["session_date"]).dt.date == session)]


def _bids(curve: Curve, mid: float) -> BidBook:
    """Visible bids in units, and as much density beyond as in their outer half."""
    distance = np.minimum(curve.marginal_bps / 1e4, np.nextafter(1.0, 0.0))
    # The curve counts money at each bid's own price.
    units = np.diff(curve.size_ccy, prepend=0.0) / (mid * (1.0 - distance))
    outer = distance >= _BOOK_DENSITY_BAND * distance[-1]
    width = float(distance[-1]) * (1.0 - _BOOK_DENSITY_BAND)
    return BidBook(distance, units, float(units[outer].sum()) / width if width > 0.0 else 0.0)
