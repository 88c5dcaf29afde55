"""Levered positions of one account in one currency as arrays: marks, margins, equity behind each, liquidation prices.

Read first: ``margin_account.py``. Read next: ``leverage_rows.py`` (what is told of each).
"""

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.portfolio.adl import adl_score
from liquidity.portfolio.leverage import LeveragePolicy
from liquidity.portfolio.leverage_market import LeverageMarket
from liquidity.portfolio.liquidation_risk import isolated_price
from liquidity.portfolio.margin_account import MarginAccount

__all__ = ["MarginPool"]


class MarginPool:
    """Levered positions of one account in one currency, and the equity that stands behind them.

    Parameters
    ----------
    rows
        Rows of POSITIONS, by instrument.
    stated
        Equity (NaN where not told) and cash of the account in the currency; ``None`` where there is no such row.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        stated: tuple[float, float] | None,
        market: LeverageMarket,
        session: date,
        policy: LeveragePolicy,
    ) -> None:
        self.rows, self.market, self.policy = rows, market, policy
        self.ids = [str(name) for name in rows["instrument_id"]]
        surface = market.surface
        place = surface.places(rows["instrument_id"].to_numpy(dtype=object))
        self.known = place >= 0
        self.place = place
        self.quantity, self.entry, leverage = (
            rows[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("quantity", "entry_price", "leverage")
        )
        self.leverage = np.where(leverage > 0.0, leverage, np.nan)
        self.side = np.sign(self.quantity)
        self.mark = self._marks(session)
        self.sigma = self.fact(surface.volatility_daily_frac)
        self.tables = [market.tables.get(name) for name in self.ids]
        mode = rows["margin_mode"].to_numpy(dtype=object)
        self.isolated = np.array([each == "isolated" for each in mode], dtype=np.bool_)
        self.cross = np.array([each == "cross" for each in mode], dtype=np.bool_)
        self.notional = np.abs(self.quantity) * self.mark
        self.pnl = self.quantity * (self.mark - self.entry)
        self.initial = self.notional / self.leverage
        self.maintenance = np.array(
            [
                np.nan if table is None else float(table.maintenance(n))
                for table, n in zip(self.tables, self.notional, strict=True)
            ]
        )
        self.own_equity = np.where(self.isolated, np.abs(self.quantity) * self.entry / self.leverage + self.pnl, np.nan)
        self.stated = stated
        self.equity = self._equity()
        self.cross_equity = self.equity - float(self.own_equity[self.isolated].sum())
        self.shared = self._shared()
        self.covariance = None
        if self.shared is not None:
            ids = [name for name, one in zip(self.ids, self.cross, strict=True) if one]
            self.covariance = market.covariance(ids, self.sigma[self.cross])

    def _marks(self, session: date) -> NDArray[np.float64]:
        mark = self.rows["price"].to_numpy(dtype=np.float64, na_value=np.nan)
        stated = self.rows["observed_at"].dt.tz_convert(None).to_numpy(dtype="datetime64[s]")
        of_session = stated > np.datetime64(session, "s")  # a statement carried forward has the mark of its own day
        market = self.fact(self.market.surface.price)
        return np.where(np.isfinite(mark) & (of_session | np.isnan(market)), mark, market)

    def fact(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(P,) a fact of the surface (N,) by position; NaN where the surface does not know it."""
        out = np.full(len(self.ids), np.nan)
        out[self.known] = values[self.place[self.known]]
        return out

    def _equity(self) -> float:
        if self.stated is None:
            return np.nan
        equity, cash = self.stated
        return float(equity) if pd.notna(equity) else float(cash) + float(self.pnl.sum())

    def _shared(self) -> MarginAccount | None:
        """The cross positions as one account; ``None`` where there is none, or one that cannot be told."""
        tables = tuple(table for table, one in zip(self.tables, self.cross, strict=True) if one and table is not None)
        whole = len(tables) == self.cross.sum() and bool(np.isfinite(self.mark[self.cross]).all())
        if not (self.cross.any() and whole and np.isfinite(self.cross_equity)):
            return None
        return MarginAccount(self.cross_equity, self.quantity[self.cross], self.mark[self.cross], tables)

    def liquidation_prices(self) -> NDArray[np.float64]:
        """(P,) modelled prices; NaN where none liquidates or an input is missing."""
        found = np.full(len(self.ids), np.nan)
        if self.shared is not None:
            found[self.cross] = self.shared.liquidation_prices()
        for at in np.flatnonzero(self.isolated):
            table = self.tables[at]
            if table is not None and np.isfinite(self.own_equity[at]):
                found[at] = isolated_price(
                    int(self.side[at]), self.quantity[at], self.entry[at], self.leverage[at], table
                )
        return found

    def priceable(self) -> NDArray[np.bool_]:
        """(P,) whether all that a liquidation price hangs on is known."""
        brackets = np.array([table is not None for table in self.tables], dtype=np.bool_)
        alone = self.isolated & brackets & np.isfinite(self.own_equity)
        told: NDArray[np.bool_] = alone | (self.cross & (self.shared is not None))
        return told

    def equity_behind(self) -> NDArray[np.float64]:
        """(P,) equity that a loss of the position eats first."""
        return np.where(self.cross, self.cross_equity, self.own_equity)

    def effective_leverage(self) -> NDArray[np.float64]:
        """(P,) notional over equity: of the position alone (isolated), of the whole cross account."""
        behind = self.equity_behind()
        gross = np.where(self.cross, float(self.notional[self.cross].sum()), self.notional)
        return gross / np.where(behind > 0.0, behind, np.nan)

    def funding(self) -> NDArray[np.float64]:
        """(P,) funding paid in a day; NaN where the mark or the rate is unknown."""
        each = zip(self.ids, self.quantity, self.mark, strict=True)
        return np.array([self.market.funding_day_ccy(name, float(units), float(mark)) for name, units, mark in each])

    def adl_scores(self) -> NDArray[np.float64]:
        """(P,) rank for auto-deleveraging; NaN without entry price or equity."""
        return adl_score(self.side * (self.mark / self.entry - 1.0), self.effective_leverage())
