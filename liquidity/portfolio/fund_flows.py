"""What holders redeem and subscribe: histories from the table of flows, and the flows of the demo funds.

Read next: ``redemption_at_risk.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.risk_regulation import ALL_INVESTORS, FUND_FLOWS
from liquidity.domain.errors import ConfigError
from liquidity.portfolio.demo import fund_units_frac

__all__ = ["FlowHistory", "FlowKind", "demo_fund_flows", "flow_histories"]

FlowKind = Literal["gross", "net"]

_SATURDAY: Final = 5
_TYPES: Final[Mapping[str, tuple[float, float, float, float]]] = {
    "institutional": (0.45, 0.70, 0.0004, 0.12),
    "distributor": (0.20, 0.20, 0.0010, 0.08),
    "retail": (0.35, 0.10, 0.0008, 0.0005),
}
"""Holders of a demo fund: share of units, share of the fund's net moves, daily gross churn, share of the largest holder."""


@dataclass(frozen=True, slots=True)
class FlowHistory:
    """Daily flows of one type of holders, ascending; arrays (D,).

    Attributes
    ----------
    days
        Sessions.
    redemption_base, subscription_base
        Gross money, at least 0.
    nav_base
        Net asset value of these holders before the day's flows.
    top_holder_frac
        Largest single share of the fund's net asset value on the newest day; NaN where unknown.
    """

    days: NDArray[np.datetime64]
    redemption_base: NDArray[np.float64]
    subscription_base: NDArray[np.float64]
    nav_base: NDArray[np.float64]
    top_holder_frac: float

    def outflow_frac(self, horizon_sessions: int, flow: FlowKind) -> NDArray[np.float64]:
        """Money that left over each window of so many sessions, over net asset value at its start.

        Returns
        -------
        NDArray
            (D - horizon + 1,), overlapping windows; empty when the history is shorter. NaN where the value is not above 0.
        """
        if horizon_sessions < 1:
            raise ConfigError(f"outflow: horizon {horizon_sessions} sessions, allowed 1 or more")
        if len(self.days) < horizon_sessions:
            return np.zeros(0)
        out = self.redemption_base - (self.subscription_base if flow == "net" else 0.0)
        total = np.convolve(out, np.ones(horizon_sessions), mode="valid")
        start = self.nav_base[: len(total)]
        share = np.full(len(total), np.nan)
        np.divide(total, start, out=share, where=start > 0.0)
        return share


def flow_histories(flows: pd.DataFrame, portfolio_id: str, session: date) -> dict[str, FlowHistory]:
    """Histories of one fund up to ``session``: ``all``, then each type of holders by name; empty without a row.

    A type that says nothing on a day on which others do had no flows; its net asset value is the last one known.
    """
    day = pd.Timestamp(session)
    own = flows[(flows["portfolio_id"] == portfolio_id) & (flows["session_date"] <= day)]
    if own.empty:
        return {}
    wide = {
        name: own.pivot_table(index="session_date", columns="investor_type", values=name, aggfunc="sum", observed=True)
        for name in ("redemptions_base", "subscriptions_base", "nav_base")
    }
    nav = wide["nav_base"].ffill().fillna(0.0)
    red, sub = wide["redemptions_base"].fillna(0.0), wide["subscriptions_base"].fillna(0.0)
    newest = own[own["session_date"] == own["session_date"].max()]
    top = newest.set_index("investor_type")["top_holder_frac"].astype("float64")
    days = nav.index.to_numpy(dtype="datetime64[D]")
    whole = FlowHistory(
        days, red.sum(axis=1).to_numpy(), sub.sum(axis=1).to_numpy(), nav.sum(axis=1).to_numpy(),
        float(top.max()) if top.notna().any() else float("nan"),
    )  # fmt: skip
    return {ALL_INVESTORS: whole} | {
        str(name): FlowHistory(
            days, red[name].to_numpy(), sub[name].to_numpy(), nav[name].to_numpy(), float(top.get(name, np.nan))
        )
        for name in sorted(nav.columns)
    }


def demo_fund_flows(positions: pd.DataFrame, accounts: pd.DataFrame, session: date, seed: int) -> pd.DataFrame:
    """Flows of the demo funds of one session: what turned the units of the weekday before into today's.

    Parameters
    ----------
    positions, accounts
        Rows of POSITIONS and ACCOUNTS of the demo portfolios of the session; only funds with units have flows.
    seed
        The seed of the demo portfolios; the net flows are exactly those of
        :func:`~liquidity.portfolio.demo.fund_units_frac`.

    Returns
    -------
    pd.DataFrame
        Rows of FUND_FLOWS, three types of holders for each fund; none on Saturdays and Sundays.
    """
    funds = accounts[(accounts["kind"] == "fund") & (accounts["units"] > 0.0)]
    if funds.empty or session.weekday() >= _SATURDAY:
        return pd.DataFrame(columns=list(FUND_FLOWS.column_names))
    before = session - timedelta(days=3 if session.weekday() == 0 else 1)
    net_frac = fund_units_frac(seed, session) / fund_units_frac(seed, before) - 1.0
    rows = []
    for fund in funds.to_dict("records"):
        held = positions[positions["portfolio_id"] == fund["portfolio_id"]]
        worth = float((held["quantity"] * held["price"].fillna(100.0)).sum()) + fund["cash"]
        nav = worth / (1.0 + net_frac)
        for name, (units, moves, churn, top) in _TYPES.items():
            net = net_frac * moves * nav
            both = churn * units * nav
            rows.append(
                {
                    "session_date": pd.Timestamp(session),
                    "portfolio_id": fund["portfolio_id"],
                    "investor_type": name,
                    "base_currency": fund["base_currency"],
                    "redemptions_base": both + max(-net, 0.0),
                    "subscriptions_base": both + max(net, 0.0),
                    "nav_base": units * nav,
                    "top_holder_frac": top,
                    "observed_at": fund["observed_at"],
                    "source": fund["source"],
                }
            )
    return pd.DataFrame(rows)[list(FUND_FLOWS.column_names)]
