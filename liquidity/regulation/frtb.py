"""FRTB: expected shortfall over liquidity horizons, and what the internal models approach asks of data and back-tests.

Scenarios are those of market risk. Risk factors are told apart by position: each has the liquidity horizon of its class,
so a bond's rate and credit risk move together at the longer one. Read next: ``packs.py``.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.liquidity_adjusted import frtb_es
from liquidity.market_risk.portfolio_scenarios import PortfolioScenarios
from liquidity.market_risk.tail import es_of_rows
from liquidity.portfolio.holdings import Holdings
from liquidity.regulation.report_pack import Finding, ReportPack
from liquidity.regulation.thresholds import Thresholds
from liquidity.stress.classes import STRESS_CLASSES, stress_classes

__all__ = ["HORIZONS_DAYS", "HORIZON_OF_CLASS", "frtb_pack", "horizon_shortfalls", "window_returns"]

HORIZONS_DAYS: Final = (10, 20, 40, 60, 120)
"""Liquidity horizons of MAR33.4."""

HORIZON_OF_CLASS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "gov_bond": 20,
        "ig_bond": 40,
        "hy_bond": 60,
        "equity": 20,
        "crypto_major": 60,
        "crypto_alt": 120,
        "stablecoin": 60,
    }
)
"""Liquidity horizon by class. Bonds follow the credit spread horizons of MAR33.12 (sovereign investment grade 20, corporate
investment grade 40, high yield 60), equities the small-cap price (20); coins are in no table of the rule: judgement of
2026-11-21."""

_LEAST_WINDOWS: Final = 40
_RULE: Final = "Basel MAR33"


def window_returns(returns: NDArray[np.float64], sessions: int) -> NDArray[np.float64]:
    """Compound returns of overlapping windows: (S, P) to (S - sessions + 1, P); empty when the history is shorter."""
    if sessions < 1:
        raise ConfigError(f"windows of {sessions} sessions, allowed 1 or more")
    if len(returns) < sessions:
        return np.zeros((0, returns.shape[1]))
    # Sums of logarithms; a total loss stays one.
    path = np.vstack([np.zeros(returns.shape[1]), np.cumsum(np.log1p(np.maximum(returns, -1.0 + 1e-12)), axis=0)])
    compound: NDArray[np.float64] = np.expm1(path[sessions:] - path[:-sessions])
    return compound


def horizon_shortfalls(
    returns: NDArray[np.float64], money: NDArray[np.float64], horizon_days: NDArray[np.int64], confidence: float
) -> list[float]:
    """Expected shortfall with all positions moving, then only those with a liquidity horizon of at least 20, 40, 60, 120.

    Parameters
    ----------
    returns
        (W, P) over the base horizon.
    money
        (P,) signed value.
    horizon_days
        (P,) liquidity horizon of each position.

    Returns
    -------
    list of float
        Five numbers, a loss positive; a subset that only gains counts as 0, for it adds no risk at its horizon.
    """
    masks = np.stack([horizon_days >= horizon for horizon in HORIZONS_DAYS])
    results = (masks * money) @ returns.T
    return [max(float(each), 0.0) + 0.0 for each in es_of_rows(results, confidence)]


def frtb_pack(
    held: Holdings,
    surface: LiquiditySurface,
    session: date,
    limits: Thresholds,
    scenarios: PortfolioScenarios | None,
    own_prices: NDArray[np.int64] | None = None,
    backtest: pd.DataFrame | None = None,
    *,
    horizon_of_class: Mapping[str, int] = HORIZON_OF_CLASS,
) -> ReportPack:
    """Report the liquidity-horizon expected shortfall of one portfolio.

    Parameters
    ----------
    scenarios
        Daily scenarios of the holdings; ``None``: no price history.
    own_prices
        (P,) own price moves of each position inside the scenarios, for the modellability of risk factors.
    backtest
        Rows of VAR_BACKTEST of the portfolio.
    horizon_of_class
        Liquidity horizon in days, one of 10, 20, 40, 60, 120, for each stress class.

    Notes
    -----
    The base horizon is covered by overlapping windows of daily scenarios, not scaled from one day. The sample is the last
    year: no search for the stressed year and no reduced set of factors is made, so the number is the current ES of MAR33.5
    and not yet the stressed capital measure.
    """
    wrong = sorted(name for name in STRESS_CLASSES if horizon_of_class.get(name) not in HORIZONS_DAYS)
    if wrong:
        raise ConfigError(f"FRTB horizons: {wrong} have none of {list(HORIZONS_DAYS)} days")
    classes, notes = stress_classes(held)
    days = np.array([horizon_of_class.get(str(name), HORIZONS_DAYS[-1]) for name in classes], dtype=np.int64)
    notes = np.where(classes == "", "unknown_class_at_longest_horizon", notes).astype(object)
    base, level = round(limits.value("frtb_base_sessions")), limits.value("frtb_confidence")
    nan = float("nan")
    shortfalls, total, reason = [nan] * len(HORIZONS_DAYS), nan, "no_price_history"
    windows = np.zeros((0, len(held)))
    if scenarios is not None:
        windows = window_returns(scenarios.scenarios.returns, base)
        reason = "" if len(windows) >= _LEAST_WINDOWS else "too_few_scenarios"
        if not reason:
            shortfalls = horizon_shortfalls(windows, scenarios.money, days, level)
            total = frtb_es(shortfalls, float(base)) or 0.0
    gross = float(np.nansum(np.abs(held.value_base)))
    least = limits.value("frtb_min_prices")
    modellable = nan
    if own_prices is not None and gross > 0.0:
        modellable = float(np.nansum(np.abs(held.value_base)[own_prices >= least]) / gross)
    rule = limits["frtb_confidence"]
    findings = [
        Finding.told("es_liquidity_horizon_base", total, held.base_currency, f"root of the sum of squared steps over liquidity horizons, ES {level:g}, base {base} sessions", f"{_RULE}.4", reason=reason),
        *(
            Finding.told(f"es_horizon_{horizon}_base", value, held.base_currency, f"ES {level:g} with positions of a horizon of at least {horizon} days moving", rule.source, reason=reason)
            for horizon, value in zip(HORIZONS_DAYS, shortfalls, strict=True)
        ),
        Finding.told("es_over_gross_frac", total / gross if gross > 0.0 else nan, "frac of gross value", "liquidity-horizon ES / gross value", f"{_RULE}.4", reason=reason),
        Finding.told("scenario_windows", float(len(windows)), "windows", f"overlapping windows of {base} sessions", f"{_RULE}.4"),
        Finding.told("covered_frac", scenarios.covered_frac if scenarios is not None else nan, "frac of gross value", "value that the scenarios revalue", _RULE, reason="" if scenarios is not None else reason),
        Finding.told("enough_prices_frac", modellable, "frac of gross value", f"value of positions with at least {least:g} own prices in the year (daily closes and quotes stand for real prices)", limits["frtb_min_prices"].source, reason="" if np.isfinite(modellable) else reason),
        _exceptions(limits, backtest),
    ]  # fmt: skip
    rows = pd.DataFrame(
        {
            "instrument_id": held.instrument_id,
            "bucket": [str(name) or None for name in classes],
            "value_base": held.value_base,
            "net_assets_frac": held.value_base / (held.equity_base if held.equity_base > 0.0 else nan),
            "liquidity_horizon_days": days.astype(np.float64),
            "reason": [",".join(each for each in (said, note or "") if each) for said, note in zip(held.reason, notes, strict=True)],
        }
    )  # fmt: skip
    steps = pd.DataFrame(
        {
            "liquidity horizon, days": HORIZONS_DAYS,
            "positions": [int((days == horizon).sum()) for horizon in HORIZONS_DAYS],
            "gross value": [float(np.nansum(np.abs(held.value_base)[days == horizon])) for horizon in HORIZONS_DAYS],
            "ES of this and longer ones": shortfalls,
        }
    )
    read = {"signal_panel": 0 if scenarios is None else len(scenarios.scenarios.days)}
    if backtest is not None:
        read["var_backtest"] = len(backtest)
    return ReportPack.of("frtb", held, surface, session, rows, findings, {"Liquidity horizons": steps}, read=read)


def _exceptions(limits: Thresholds, backtest: pd.DataFrame | None) -> Finding:
    """Exceptions of the historical 99 % value at risk in the last 250 sessions."""
    bound = limits["frtb_max_exceptions_99"]
    formula = "exceptions of the historical 99 % value at risk in the last 250 sessions"
    reason = "no_backtest"
    if backtest is not None and len(backtest):
        own = backtest[(backtest["model"] == "historical") & (backtest["confidence"].astype(str) == "0.99")]
        zone = own["zone_hits_n"].dropna()
        if len(zone):
            found, judged = float(zone.iloc[0]), int(own.loc[zone.index[0], "sessions_n"])
            return Finding.of("exceptions_99", found, bound, "most", formula, reason=f"{judged} sessions judged")
        reason = "fewer_than_250_sessions" if len(own) else reason
    return Finding.of("exceptions_99", float("nan"), bound, "most", formula, reason=reason)
