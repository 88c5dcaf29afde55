"""SEC Rule 22e-4: four liquidity buckets at the reasonably anticipated trade size, and the tests that stand on them.

Times come from the liquidity surface: the smallest whole number of sessions in which the trade stays within the
participation and within the value-impact limit, then settlement. Read next: ``report_pack.py``.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.ladder import on_surface
from liquidity.portfolio.liquidation import saleable_frac
from liquidity.regulation.report_pack import CASH_ID, Finding, ReportPack
from liquidity.regulation.thresholds import Thresholds

__all__ = ["SEC_BUCKETS", "SecBucket", "sec_22e4", "sec_buckets", "sec_pack"]

SEC_BUCKETS: Final = ("highly_liquid", "moderately_liquid", "less_liquid", "illiquid")
"""From most to least liquid."""

_HIGHLY_BUSINESS_DAYS: Final = 3.0
_CALENDAR_DAYS: Final = 7.0
_ALWAYS_OPEN: Final = ("crypto_spot", "crypto_perp")
_LONGEST_SESSIONS: Final = 20
_RULE: Final = "17 CFR 270.22e-4"


@dataclass(frozen=True, slots=True)
class SecBucket:
    """Bucket of one investment; ``None`` where an estimate is missing."""

    bucket: str | None


def sec_22e4(
    cash_business_days: float | None, cash_calendar_days: float | None, sell_calendar_days: float | None
) -> SecBucket:
    """Classify one investment from the fund's estimates.

    Parameters
    ----------
    cash_business_days, cash_calendar_days
        Days until it is sold and settled without significantly changing its value; infinite is never.
    sell_calendar_days
        Calendar days until it is sold.

    Raises
    ------
    ConfigError
        A negative number of days.

    References
    ----------
    17 CFR 270.22e-4(a)(6), (8), (10), (12).

    Examples
    --------
    >>> sec_22e4(8, 12, 6).bucket
    'less_liquid'
    """
    days = [
        value if value is not None and value == float("inf") else observed_number(value)
        for value in (cash_business_days, cash_calendar_days, sell_calendar_days)
    ]
    return SecBucket(sec_buckets(*(np.array([each]) for each in days))[0])


def sec_buckets(
    cash_business_days: NDArray[np.float64],
    cash_calendar_days: NDArray[np.float64],
    sell_calendar_days: NDArray[np.float64],
) -> NDArray[np.object_]:
    """Bucket of each investment, (P,) object array; ``None`` where an estimate is NaN. See :func:`sec_22e4`."""
    given = np.stack([cash_business_days, cash_calendar_days, sell_calendar_days])
    if (given < 0.0).any():
        raise ConfigError(f"SEC buckets: {given[given < 0.0][0]:g} days, allowed 0 or more; infinite is never")
    bucket = np.select(
        [cash_business_days <= _HIGHLY_BUSINESS_DAYS, cash_calendar_days <= _CALENDAR_DAYS, sell_calendar_days <= _CALENDAR_DAYS],
        SEC_BUCKETS[:3],
        SEC_BUCKETS[3],
    ).astype(object)  # fmt: skip
    bucket[np.isnan(given).any(axis=0)] = None
    return bucket


def sec_pack(
    held: Holdings,
    surface: LiquiditySurface,
    session: date,
    limits: Thresholds,
    participation: float,
    *,
    redeemed_week_frac: float = float("nan"),
) -> ReportPack:
    """Classify a fund and hold it against the rule's limits.

    Parameters
    ----------
    participation
        Share of volume at which the fund sells, above 0 to 1.
    redeemed_week_frac
        Redemption at risk over a week (share of net assets); where it is above the setting
        ``sec_anticipated_trade_frac``, that share of each position is the anticipated trade. NaN: not known.

    Notes
    -----
    Without value impact means: the trade stays within the participation, and its expected impact beyond half of the
    spread within ``sec_value_impact_bps``. What never qualifies, or has no volume, is illiquid; what has no value is
    unclassified and in no number. Shorts and perpetuals are liabilities or derivatives and are not classified. Percentages are of
    net assets.
    """
    trade_frac = max(limits.value("sec_anticipated_trade_frac"), np.nan_to_num(redeemed_week_frac))
    trade_frac = min(trade_frac, 1.0)
    sessions, impact = _sale_sessions(held, surface, trade_frac, participation, limits.value("sec_value_impact_bps"))
    crypto = np.isin(held.asset_class, _ALWAYS_OPEN)
    settled = sessions + held.settlement_days
    business, calendar = _days_after(settled, session, crypto)
    _, sold = _days_after(sessions, session, crypto)
    asset = (held.quantity > 0.0) & (held.asset_class != "crypto_perp") & np.isfinite(held.value_base)
    bucket = sec_buckets(business, calendar, sold)
    bucket[~asset] = None
    net = held.equity_base if held.equity_base > 0.0 else float("nan")
    rows = pd.DataFrame(
        {
            "instrument_id": held.instrument_id,
            "bucket": bucket,
            "value_base": held.value_base,
            "net_assets_frac": held.value_base / net,
            "considered_frac": np.where(asset, trade_frac, np.nan),
            "sell_sessions": np.where(np.isfinite(sessions), sessions, np.nan),
            "cash_sessions": np.where(np.isfinite(settled), settled, np.nan),
            "cost_bps": impact,
            "reason": [_reason(held, row, asset[row]) for row in range(len(held))],
        }
    )
    cash = {"instrument_id": CASH_ID, "bucket": SEC_BUCKETS[0], "value_base": held.cash_base, "net_assets_frac": held.cash_base / net, "considered_frac": 1.0, "sell_sessions": 0.0, "cash_sessions": 0.0, "cost_bps": 0.0, "reason": ""}  # fmt: skip
    rows = pd.concat([rows, pd.DataFrame([cash])], ignore_index=True)
    share = rows.groupby("bucket")["value_base"].sum() / net
    no_net = "" if np.isfinite(net) else f"equity is {held.equity_base:.6g}: no net assets to measure by"
    left_out = int((~np.isfinite(held.value_base)).sum())
    noted = f"{left_out} positions without value are in no number" if left_out else ""
    findings = [
        Finding.of("illiquid_frac", float(share.get("illiquid", 0.0)) if not no_net else float("nan"), limits["sec_max_illiquid_frac"], "most", "sum of illiquid values / net assets", reason=no_net or noted),
        Finding.of("highly_liquid_frac", float(share.get("highly_liquid", 0.0)) if not no_net else float("nan"), limits["sec_min_highly_liquid_frac"], "least", "sum of highly liquid values and cash / net assets", reason=no_net or noted),
        *(
            Finding.told(f"{name}_frac", float(share.get(name, 0.0)) if not no_net else float("nan"), "frac 0-1", f"sum of {name} values / net assets", _RULE, reason=no_net)
            for name in ("moderately_liquid", "less_liquid")
        ),
        Finding.told("anticipated_trade_frac", trade_frac, "frac 0-1", "max(setting, redemption at risk of a week)", f"{_RULE}(b)(1)(ii)(B)"),
        Finding.told("unclassified_count", float(left_out), "positions", "positions without value", _RULE),
    ]  # fmt: skip
    summary = pd.DataFrame(
        {
            "bucket": SEC_BUCKETS,
            "value_base": [float(rows.loc[rows["bucket"] == name, "value_base"].sum()) for name in SEC_BUCKETS],
            "net_assets_frac": [float(share.get(name, 0.0)) for name in SEC_BUCKETS],
            "positions": [int((rows["bucket"] == name).sum()) for name in SEC_BUCKETS],
        }
    )
    return ReportPack.of("sec22e4", held, surface, session, rows, findings, {"Buckets": summary})


def _sale_sessions(
    held: Holdings, surface: LiquiditySurface, trade_frac: float, participation: float, most_bps: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(P,) fewest whole sessions within participation and impact, infinite for never; and impact then."""
    sessions, impact = np.full(len(held), np.inf), np.full(len(held), np.nan)
    known = np.flatnonzero(held.known)
    if not len(known):
        return sessions, impact
    size = np.abs(held.quantity * held.price)[known] * trade_frac
    steps = np.arange(1.0, _LONGEST_SESSIONS + 1.0)
    adv = on_surface(surface.adv_ccy, held)[known]
    in_time = saleable_frac(size, adv, participation, steps) >= 1.0 - 1e-12
    cost = surface.take(held.place[known]).cost(held.side_sign[known], size[:, None], steps[None, :]).impact_bps
    able = in_time & (cost <= most_bps)
    first = able.argmax(axis=1)
    found = able.any(axis=1)
    sessions[known] = np.where(found, steps[first], np.inf)
    impact[known] = np.where(found, cost[np.arange(len(known)), first], cost[:, -1])
    return sessions, impact


def _days_after(
    sessions: NDArray[np.float64], session: date, always_open: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Business and calendar days after ``session`` that so many sessions take; weekdays, for what never closes days."""
    there = np.isfinite(sessions)
    whole = np.where(there, sessions, 0.0).astype(np.int64)
    today = np.datetime64(session, "D")
    by_weekday = np.busday_offset(today, whole, roll="backward")
    by_day = today + whole.astype("timedelta64[D]")
    end = np.where(always_open, by_day, by_weekday)
    calendar = (end - today).astype(np.float64)
    business = np.where(always_open, np.busday_count(today, end), whole).astype(np.float64)
    return np.where(there, business, np.inf), np.where(there, calendar, np.inf)


def _reason(held: Holdings, row: int, asset: bool) -> str:
    if held.reason[row]:
        return str(held.reason[row])
    return "" if asset else "not_an_asset"
