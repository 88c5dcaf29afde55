"""What the market tells about levered positions: volatility's reach, normal depth, funding, correlation, brackets.

Read next: ``leverage_rows.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.derivatives.funding import funding, payments_per_year
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.liquidation_risk import average_true_range
from liquidity.portfolio.margin_account import MarginTable

__all__ = ["LeverageMarket"]

_HOURS_PER_DAY = 24.0


@dataclass(frozen=True, slots=True, eq=False)
class LeverageMarket:
    """Facts of one session by instrument; what is missing is missing there, and its numbers are null.

    Attributes
    ----------
    surface
        Calm surface of the session.
    tables
        Margin tables.
    true_range
        Average true range in units of the price.
    normal_depth_ccy_per_bp
        Median of the surface's depth over its sessions.
    funding_rate
        Newest rate (fraction a payment) and hours between payments.
    correlation
        Correlation of daily returns by pair of identifiers in alphabetical order.
    """

    surface: LiquiditySurface
    tables: Mapping[str, MarginTable]
    true_range: Mapping[str, float] = field(default_factory=dict)
    normal_depth_ccy_per_bp: Mapping[str, float] = field(default_factory=dict)
    funding_rate: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    correlation: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        surface: LiquiditySurface,
        tables: Mapping[str, MarginTable],
        *,
        panel: pd.DataFrame,
        surface_history: pd.DataFrame,
        funding_rows: pd.DataFrame,
        correlations: pd.DataFrame,
    ) -> "LeverageMarket":
        """Read the facts from tables; each holds the history up to the session and nothing later.

        Parameters
        ----------
        panel
            ``session_date, instrument_id, high, low, close`` of SIGNAL_PANEL.
        surface_history
            ``session_date, instrument_id, depth_ccy_per_bp`` of LIQUIDITY_SURFACE.
        funding_rows
            Rows of FUNDING_RATES.
        correlations
            Rows of CORRELATION of the session; of a pair told for several portfolios the first counts.
        """
        depth = surface_history.groupby("instrument_id")["depth_ccy_per_bp"].median().dropna()
        newest = funding_rows.sort_values("at").drop_duplicates("instrument_id", keep="last")
        rate = newest["predicted_next_frac"].fillna(newest["rate_frac"])
        pairs = correlations.drop_duplicates(["instrument_id", "other_id"])
        return cls(
            surface,
            tables,
            _true_ranges(panel),
            {str(name): float(value) for name, value in depth.items()},
            {
                str(name): (float(paid), float(hours))
                for name, paid, hours in zip(newest["instrument_id"], rate, newest["interval_hours"], strict=True)
            },
            {
                (min(one, other), max(one, other)): float(value)
                for one, other, value in zip(
                    pairs["instrument_id"], pairs["other_id"], pairs["correlation"], strict=True
                )
            },
        )

    def funding_day_ccy(self, instrument_id: str, quantity: float, mark: float) -> float:
        """Funding that the holder pays in a day at the newest rate; NaN where none is known."""
        rate, hours = self.funding_rate.get(instrument_id, (np.nan, np.nan))
        if not hours > 0.0:
            return np.nan
        once = funding(1 if quantity > 0.0 else -1, abs(quantity), mark, rate, payments_per_year(hours)).payment
        return np.nan if once is None else once * _HOURS_PER_DAY / hours

    def covariance(self, ids: Sequence[str], sigma: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """(P, P) covariance of daily returns; ``None`` where a correlation or a volatility is missing."""
        n = len(ids)
        matrix = np.eye(n)
        for row in range(n):
            for column in range(row):
                pair = (min(ids[row], ids[column]), max(ids[row], ids[column]))
                matrix[row, column] = matrix[column, row] = self.correlation.get(pair, np.nan)
        covariance: NDArray[np.float64] = matrix * np.outer(sigma, sigma)
        return covariance if np.isfinite(covariance).all() else None


def _true_ranges(panel: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, rows in panel.sort_values("session_date").groupby("instrument_id"):
        high, low, close = (rows[column].to_numpy(dtype=np.float64)[:, None] for column in ("high", "low", "close"))
        reach = float(average_true_range(high, low, close)[0])
        if np.isfinite(reach):
            found[str(name)] = reach
    return found
