"""From holdings and price histories to the scenarios that market risk is computed from.

Read next: ``liquidity/market_risk/market_risk_table.py``.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.columns import day_numbers
from liquidity.domain.errors import InsufficientDataError
from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.liquidity_adjusted import ExitCosts, exit_costs
from liquidity.market_risk.portfolio_scenarios import PortfolioScenarios
from liquidity.market_risk.price_history import NEVER_CLOSED, PriceHistory, returns_on_grid
from liquidity.market_risk.scenarios import Scenarios, complete_scenarios
from liquidity.portfolio.currency import Rates
from liquidity.portfolio.holdings import Holdings

__all__ = ["WINDOW_ALWAYS_OPEN", "WINDOW_SESSIONS", "rate_paths", "scenario_window", "scenarios_of_holdings"]

WINDOW_SESSIONS: Final = 250
WINDOW_ALWAYS_OPEN: Final = 365
"""Scenarios of a year: of markets with sessions, and of portfolios that only hold what never closes."""

_CARRIED_DAYS: Final = 5
_MIN_RATES_FRAC: Final = 0.5


def scenario_window(holdings: Holdings, history: PriceHistory) -> int:
    """Scenarios that the numbers of today are made of: a year of the portfolio's own sessions."""
    places = history.places(holdings.instrument_id)
    calendars = history.calendar[places[places >= 0]]
    return WINDOW_ALWAYS_OPEN if calendars.size and (calendars == NEVER_CLOSED).all() else WINDOW_SESSIONS


def scenarios_of_holdings(
    holdings: Holdings,
    surface: LiquiditySurface,
    history: PriceHistory,
    session: date,
    *,
    window: int,
    participation_frac: float,
    rates: Mapping[str, NDArray[np.float64]] | None = None,
    wide_spread_bps: NDArray[np.float64] | None = None,
) -> tuple[PortfolioScenarios, NDArray[np.float64]]:
    """Scenarios, values and exit costs of one portfolio; nothing after ``session`` is read.

    Parameters
    ----------
    history
        Prices of the held instruments and of the peers that lend to them.
    window
        Newest scenarios to keep.
    participation_frac
        Share of volume that a sale may take.
    rates
        By currency: (D,) base currency per unit on the history's days (:func:`rate_paths`). A currency without is held
        at its rate of today, and the numbers carry ``fx_risk_left_out``.
    wide_spread_bps
        (N,) spread of each instrument of the history that is rarely exceeded; NaN where unknown.

    Returns
    -------
    tuple
        The scenarios, and the holdings' own returns (S, P) with NaN where none, for the correlation.
    """
    upto = int(np.searchsorted(history.days, np.datetime64(session, "D"), side="right"))
    places = history.places(holdings.instrument_id)
    known = places >= 0
    currency = np.full(len(holdings), holdings.base_currency, dtype=object)
    on_surface = holdings.place >= 0
    currency[on_surface] = surface.currency[holdings.place[on_surface]]
    prices = history.prices[:upto].copy()
    foreign = sorted({str(each) for each in currency[known] if each != holdings.base_currency})
    moved = {} if rates is None else rates
    for name in foreign:
        if name in moved:
            prices[:, places[known & (currency == name)]] *= moved[name][:upto, None]
    cut = PriceHistory(
        history.days[:upto], history.instrument_id, history.asset_class, history.calendar, history.price_kind, prices
    )
    held = np.unique(places[known & np.isfinite(holdings.value_base)])
    if held.size and upto:
        grid = returns_on_grid(cut, held)
        scenarios = complete_scenarios(grid.days, grid.returns, history.asset_class, places, window=window)
        own = np.where(known, grid.returns[-window:, np.where(known, places, 0)], np.nan)
    else:
        nothing = np.full(len(holdings), "no_price_history", dtype=object)
        empty = np.empty((0, len(holdings)))
        scenarios = Scenarios(np.empty(0, dtype="datetime64[D]"), empty, np.zeros(len(holdings)), nothing)
        own = empty
    return (
        PortfolioScenarios(
            session_date=session,
            portfolio_id=holdings.portfolio_id,
            origin=holdings.joint_origin(surface.origin),
            instrument_id=holdings.instrument_id,
            value_base=holdings.value_base,
            equity_base=holdings.equity_base,
            scenarios=scenarios,
            costs=_costs(holdings, surface, participation_frac, places, wide_spread_bps),
            note="fx_risk_left_out" if any(name not in moved for name in foreign) else "",
        ),
        own,
    )


def rate_paths(
    fx: pd.DataFrame, days: NDArray[np.datetime64], currencies: list[str], base_currency: str
) -> dict[str, NDArray[np.float64]]:
    """Base currency per unit of each currency on each day, a rate carried forward five days at most.

    A currency known on fewer than half of the days is left out.

    Parameters
    ----------
    fx
        Rows of FX_RATES.
    days
        (D,) ascending.
    """
    numbers = days.astype("datetime64[D]").astype(np.int64)
    stated = day_numbers(fx["session_date"])
    by_day = {int(day): Rates.of(fx[stated == day]) for day in np.unique(stated)}
    found = {}
    for currency in currencies:
        path = np.full(numbers.size, np.nan)
        for row, day in enumerate(numbers):
            if int(day) in by_day:
                try:
                    path[row] = by_day[int(day)].convert(currency, base_currency)
                except InsufficientDataError:
                    continue
        carried = pd.Series(path).ffill(limit=_CARRIED_DAYS).to_numpy(dtype=np.float64)
        if numbers.size and np.isfinite(carried).mean() >= _MIN_RATES_FRAC:
            found[currency] = carried
    return found


def _costs(
    holdings: Holdings,
    surface: LiquiditySurface,
    participation_frac: float,
    places: NDArray[np.int64],
    wide_spread_bps: NDArray[np.float64] | None,
) -> ExitCosts | None:
    asked = np.flatnonzero(holdings.known)
    if not len(surface):
        return None
    wide = None
    if wide_spread_bps is not None:
        wide = np.where(places[asked] >= 0, wide_spread_bps[np.where(places[asked] >= 0, places[asked], 0)], np.nan)
    found = exit_costs(
        surface.take(holdings.place[asked]),
        holdings.side_sign[asked],
        np.abs(holdings.quantity * holdings.price)[asked],
        participation_frac=participation_frac,
        wide_spread_bps=wide,
    )

    def spread_out(values: NDArray[np.float64]) -> NDArray[np.float64]:
        whole = np.full(len(holdings), np.nan)
        whole[asked] = values
        return whole

    wider = np.zeros(len(holdings), dtype=bool)
    wider[asked] = found.wide_spread
    fx = holdings.fx[asked]
    return ExitCosts(
        spread_out(found.exogenous * fx), spread_out(found.endogenous * fx), spread_out(found.horizon_sessions), wider
    )
