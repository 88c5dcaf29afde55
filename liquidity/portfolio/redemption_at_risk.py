"""Redemption at risk: what holders take out over a horizon that is rarely exceeded, and whether such numbers were right.

The quantile is historical, with the estimators of market risk; a loss there is an outflow here. Read next:
``redemption_coverage.py`` (can it be paid), ``liability_tables.py``.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.market_risk.tail import bootstrap_interval, checked_confidence, var_es_hist
from liquidity.market_risk.var_tests import kupiec
from liquidity.portfolio.fund_flows import FlowHistory, FlowKind

__all__ = ["MIN_WINDOWS", "RedemptionAtRisk", "redemption_at_risk"]

MIN_WINDOWS: Final = 60
"""Fewest windows for a number, and fewest earlier ones for a forecast of the back-test."""

_SIGNIFICANCE: Final = 0.05
_MIN_TESTED: Final = 20


@dataclass(frozen=True, slots=True)
class RedemptionAtRisk:
    """Outflow of one type of holders over one horizon at one level, fractions of net asset value; NaN where unknown.

    Attributes
    ----------
    at_risk_frac, low_frac, high_frac
        Historical quantile of the outflow and its 90 % block-bootstrap interval; a negative quantile is an inflow.
    conditional_frac
        Mean outflow beyond it.
    observations
        Overlapping windows behind it.
    tested, exceptions, kupiec_p
        Windows without overlap that were forecast from the earlier ones alone, how many lay above, and the p-value that
        their share is right; NaN without test.
    backtest
        ``pass``, ``fail`` (5 % reject), ``untested`` (fewer than 20 windows).
    reason
        ``no_flows`` or ``short_history``; empty where there is a number.
    """

    horizon_sessions: int
    flow: FlowKind
    confidence: float
    at_risk_frac: float
    low_frac: float
    high_frac: float
    conditional_frac: float
    observations: int
    tested: int
    exceptions: int
    kupiec_p: float
    backtest: Literal["pass", "fail", "untested"]
    reason: str


def redemption_at_risk(
    history: FlowHistory | None, horizon_sessions: int, confidence: float, flow: FlowKind = "gross", *, seed: int = 0
) -> RedemptionAtRisk:
    """Measure redemption at risk and test it out of sample.

    Parameters
    ----------
    history
        Daily flows; ``None``: none were reported.
    horizon_sessions
        Sessions over which outflows are added up, at least 1.
    confidence
        In (0, 1).
    seed
        Of the bootstrap.

    Notes
    -----
    The back-test walks forward by whole horizons: the forecast of a window is the quantile of all windows that ended before
    it began. With h sessions the sample of n days holds only n / h independent windows; the interval says how little that
    may be.
    """
    checked_confidence(confidence)
    if horizon_sessions < 1:
        raise ConfigError(f"redemption at risk: horizon {horizon_sessions} sessions, allowed 1 or more")
    outflow = np.zeros(0) if history is None else history.outflow_frac(horizon_sessions, flow)
    known = outflow[np.isfinite(outflow)]
    tested, exceptions, p_value = _walk_forward(known, horizon_sessions, confidence)
    nan = float("nan")
    if len(known) < MIN_WINDOWS:
        reason = "no_flows" if history is None else "short_history"
        return RedemptionAtRisk(
            horizon_sessions, flow, confidence, nan, nan, nan, nan, len(known), 0, 0, nan, "untested", reason
        )
    found = var_es_hist(-known, confidence)
    drawn = bootstrap_interval(-known, confidence, seed=seed)
    verdict: Literal["pass", "fail", "untested"] = "untested"
    if tested >= _MIN_TESTED:
        verdict = "pass" if p_value >= _SIGNIFICANCE else "fail"
    return RedemptionAtRisk(
        horizon_sessions,
        flow,
        confidence,
        _number(found.var_linear),
        _number(drawn.var_low),
        _number(drawn.var_high),
        _number(found.es),
        len(known),
        tested,
        exceptions,
        p_value,
        verdict,
        "",
    )


def _walk_forward(outflow: NDArray[np.float64], horizon: int, confidence: float) -> tuple[int, int, float]:
    """Windows forecast from earlier ones, exceptions, Kupiec's p-value."""
    # The window that starts at t may only know windows that ended before t: starts up to t - horizon.
    starts = np.arange(MIN_WINDOWS + horizon - 1, len(outflow), horizon)
    hits = sum(bool(outflow[t] > np.quantile(outflow[: t - horizon + 1], confidence)) for t in starts)
    if not len(starts):
        return 0, 0, float("nan")
    return len(starts), hits, _number(kupiec(len(starts), hits, 1.0 - confidence).p_value)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
