"""What it takes to leave a position or to place an order: cost now and over days, time, score, warnings.

One :class:`Assessor` answers for a whole surface, calm and stressed; an order takes well under a millisecond once it
is made. The table of a whole portfolio comes from ``assessment_table.py`` by the same arithmetic; older names of these
calls are in ``legacy_names.py``. Read next: ``order_risk.py`` (score, horizon and holding time).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.impact.surface import LiquiditySurface, immediate_sessions
from liquidity.portfolio.liquidation import whole_sessions
from liquidity.portfolio.order_risk import holding_sessions, order_horizon, risk_score, tier_of_score
from liquidity.portfolio.policy import COST_HORIZONS_SESSIONS, DEFAULT_POLICY, LiquidityPolicy

__all__ = [
    "WARNING_CODES",
    "Assessment",
    "Assessor",
    "HorizonCost",
    "RiskWarning",
    "warnings_of",
]

Severity = Literal["info", "warning", "critical"]

WARNING_CODES: Final[Mapping[str, str]] = {
    "no_answer": "the surface has no cost for the instrument",
    "no_value": "no fresh price: the position has no value to assess",
    "no_volume": "no known volume: there is no time to liquidate",
    "plan_required": "the order is a larger share of daily volume than may go without an execution plan",
    "above_max_adv": "the size is a larger share of daily volume than should be held or ordered",
    "dear_now": "leaving now costs more than is acceptable",
    "wide_spread": "the spread is wider than is acceptable",
    "low_score": "the liquidity score is below the least",
    "no_score": "the instrument has no liquidity score",
    "slow_exit": "liquidation takes longer than is acceptable",
    "beyond_book": "the size reaches beyond the visible book; models speak for the rest",
    "stale_inputs": "the inputs of the cost are older than is acceptable",
    "modelled_inputs": "the cost rests on pooled or rule-based inputs, not on the instrument's own",
}
"""Codes of warnings and what they say."""

_OWN_METHODS: Final = ("book", "own_fills", "observed")


@dataclass(frozen=True, slots=True)
class RiskWarning:
    """A finding: its code, how grave, the number found and the limit it passed, both in ``unit``."""

    code: str
    severity: Severity
    number: float
    limit: float
    unit: str

    def __str__(self) -> str:
        """One line for people."""
        found = "" if np.isnan(self.number) else f": {self.number:.4g} {self.unit}"
        return f"{WARNING_CODES[self.code]}{found}" + ("" if np.isnan(self.limit) else f", limit {self.limit:g}")


@dataclass(frozen=True, slots=True)
class HorizonCost:
    """Cost of the whole order over one horizon, calm and stressed; NaN where there is no answer."""

    horizon_sessions: float
    cost_bps: float
    cost_ccy: float
    p95_bps: float
    stressed_bps: float
    stressed_ccy: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """Assessment of one position or order; money in the instrument's currency, costs positive for both sides.

    Attributes
    ----------
    instrument_id, session_date, urgency, side_sign
        What was asked; ``side_sign`` +1 buys, -1 sells (leaves a long position).
    position_size, position_value
        Absolute units and money.
    liquidity_score, liquidity_tier
        0-100, 100 is most liquid, and its word; NaN and "unknown" without a score.
    immediate_liquidation_cost, gradual_liquidation_cost
        Expected cost in bps of the whole size now, and over ``horizon_sessions``.
    horizon_sessions
        Time the urgency takes: its share of the market's volume until the size is done, its least time at least.
    liquidation_time_days
        ``horizon_sessions`` without the least time; NaN is never. ``cash_after_sessions`` rounds up and adds settlement.
    liquidity_risk_score
        0-100, 100 is worst: see :func:`~liquidity.portfolio.order_risk.risk_score`.
    order_adv_frac
        Size over average daily volume; in the older documents ``concentration_risk``.
    market_impact_risk
        Impact of leaving now beyond half the spread, fraction.
    max_position_size
        Units that are ``max_position_adv_frac`` of average daily volume.
    recommended_holding_period
        Sessions over which a round trip's cost is a quarter of the price's standard deviation; NaN above 250.
    costs
        Now and over 1, 3, 5 and 10 sessions.
    plan_required
        Whether the size needs an execution plan.
    method, age_sessions, coverage_frac, beyond_book
        What the cost rests on.
    risk_warnings
        Gravest first.
    """

    instrument_id: str
    session_date: date | None
    urgency: str
    side_sign: int
    position_size: float
    position_value: float
    liquidity_score: float
    liquidity_tier: str
    immediate_liquidation_cost: float
    gradual_liquidation_cost: float
    horizon_sessions: float
    liquidation_time_days: float
    cash_after_sessions: float
    liquidity_risk_score: float
    order_adv_frac: float
    market_impact_risk: float
    max_position_size: float
    recommended_holding_period: float
    costs: tuple[HorizonCost, ...]
    plan_required: bool | None
    method: str
    age_sessions: float
    coverage_frac: float
    beyond_book: bool
    risk_warnings: tuple[RiskWarning, ...]

    @property
    def concentration_risk(self) -> float:
        """The older documents' name of ``order_adv_frac``."""
        return self.order_adv_frac


class Assessor:
    """Answers about single instruments of one session; made once per surface.

    Parameters
    ----------
    surface
        Of the session.
    scores
        (N,) liquidity scores aligned with the surface; None: none is known.
    policy
        Urgencies, limits, stress.
    """

    def __init__(
        self,
        surface: LiquiditySurface,
        scores: NDArray[np.float64] | None = None,
        policy: LiquidityPolicy = DEFAULT_POLICY,
    ) -> None:
        self.surface, self.policy = surface, policy
        # Calm and stressed rows below each other: one order then takes one pass of the cost instead of two.
        self._both = surface.followed_by(surface.stressed(policy.stress))
        self._scores = np.full(len(surface), np.nan) if scores is None else scores
        self._row = {name: row for row, name in enumerate(surface.instrument_id)}

    def knows(self, instrument_id: str) -> bool:
        """Whether the surface has the instrument."""
        return instrument_id in self._row

    def row(self, instrument_id: str) -> int:
        """Row of the instrument on the surface; :class:`ConfigError` where it has none."""
        row = self._row.get(instrument_id)
        if row is None:
            raise ConfigError(
                f"{instrument_id}: the surface of {self.surface.session_date} has no such instrument; "
                "materialise liquidity_surface, or correct the name"
            )
        return row

    def score(self, instrument_id: str) -> float:
        """Liquidity score 0-100 of the instrument; NaN where unknown."""
        return float(self._scores[self.row(instrument_id)])

    def assess(
        self, instrument_id: str, side_sign: int, size: float, urgency: str = "medium", *, in_money: bool = False
    ) -> Assessment:
        """Assess one order, or one position by the order that closes it.

        Parameters
        ----------
        side_sign
            +1 buys, -1 sells.
        size
            Absolute units, or money in the instrument's currency with ``in_money``.
        urgency
            low, medium, high or critical.

        Raises
        ------
        ConfigError
            Another side or urgency, a size that is negative or not finite, or an instrument that the surface does not have.
        """
        if side_sign not in (-1, 1):
            raise ConfigError(f"assess {instrument_id}: side_sign {side_sign!r}, allowed +1 (buy) and -1 (sell)")
        if not (np.isfinite(size) and size >= 0.0):
            raise ConfigError(
                f"assess {instrument_id}: size {size!r}, allowed 0 or more; the side is told by side_sign"
            )
        terms = self.policy.terms(urgency)
        row = self.row(instrument_id)
        calm = self._both.take([row, len(self.surface) + row])
        price, adv = float(calm.price[0]), float(calm.adv_ccy[0])
        value = size if in_money else size * price
        units = size / price if in_money else size
        money = np.full(2, np.nan_to_num(value))
        days = float(calm.days_to_liquidate(money, terms.participation_frac)[0])
        days = days if np.isfinite(value) else float("nan")
        horizon = float(order_horizon(np.array([days]), terms.min_horizon_sessions)[0])
        now = float(immediate_sessions(calm.asset_class)[0])
        horizons = np.array(
            [[now, *COST_HORIZONS_SESSIONS, horizon if np.isfinite(horizon) else now]], dtype=np.float64
        )
        cost = calm.cost(side_sign, money[:, None], horizons)
        (bps, shocked_bps), p95 = cost.expected_bps, cost.at(0.95)[0]
        if not np.isfinite(value):
            bps, shocked_bps, p95 = bps * np.nan, shocked_bps * np.nan, p95 * np.nan
        share = value / adv if adv > 0.0 else float("nan")
        score = float(self._scores[row])
        sigma = float(calm.volatility_daily_frac[0])
        limits = self.policy.warnings
        gradual = float(bps[-1]) if np.isfinite(horizon) else float("nan")
        settles = self.policy.settlement_sessions.get(str(calm.asset_class[0]), 1)
        return Assessment(
            instrument_id=instrument_id,
            session_date=self.surface.session_date,
            urgency=urgency,
            side_sign=side_sign,
            position_size=float(units),
            position_value=float(value),
            liquidity_score=score,
            liquidity_tier=tier_of_score(score),
            immediate_liquidation_cost=float(bps[0]),
            gradual_liquidation_cost=gradual,
            horizon_sessions=horizon,
            liquidation_time_days=days,
            cash_after_sessions=float(whole_sessions(days)) + settles,
            liquidity_risk_score=float(risk_score(np.array([share]), bps[:1], np.array([score]))[0]),
            order_adv_frac=share,
            market_impact_risk=float(bps[0] - cost.half_spread_bps[0, 0]) / 1e4,
            max_position_size=limits.max_position_adv_frac * adv / price if adv > 0.0 else float("nan"),
            recommended_holding_period=float(
                holding_sessions(np.array([gradual]), np.array([sigma]), np.array([days]))[0]
            ),
            costs=tuple(
                HorizonCost(
                    float(horizons[0, place]),
                    float(bps[place]),
                    float(bps[place] * value / 1e4),
                    float(p95[place]),
                    float(shocked_bps[place]),
                    float(shocked_bps[place] * value / 1e4),
                )
                for place in range(1 + len(COST_HORIZONS_SESSIONS))
            ),
            plan_required=None if np.isnan(share) else share > limits.plan_required_above_adv_frac,
            method=str(calm.method[0]),
            age_sessions=float(calm.age_sessions[0]),
            coverage_frac=float(calm.coverage_frac[0]),
            beyond_book=bool(cost.beyond_book[0, 0]),
            risk_warnings=warnings_of(
                self.policy,
                share=share,
                cost_now_bps=float(bps[0]),
                spread_bps=float(calm.spread_bps[0]),
                score=score,
                days=days,
                age_sessions=float(calm.age_sessions[0]),
                method=str(calm.method[0]),
                beyond_book=bool(cost.beyond_book[0, 0]),
            ),
        )

    def assess_many(
        self, orders: Sequence[tuple[str, int, float]], urgency: str = "medium"
    ) -> "dict[str, Assessment | ConfigError]":
        """Assess several orders of (instrument, side, units); one that cannot be assessed gives its error, the others stand."""
        told: dict[str, Assessment | ConfigError] = {}
        for instrument_id, side_sign, size in orders:
            try:
                told[instrument_id] = self.assess(instrument_id, side_sign, size, urgency)
            except ConfigError as refused:
                told[instrument_id] = refused
        return told


def warnings_of(
    policy: LiquidityPolicy,
    *,
    share: float,
    cost_now_bps: float,
    spread_bps: float,
    score: float,
    days: float,
    age_sessions: float,
    method: str,
    beyond_book: bool,
    valued: bool = True,
) -> tuple[RiskWarning, ...]:
    """Warnings of one assessment, gravest first. A number that equals its limit is no warning.

    Without a value (``valued`` False) nothing is known of cost and volume: the missing price is told, not they.
    """
    limits, nan = policy.warnings, float("nan")
    found: list[RiskWarning] = []
    if not valued:
        found.append(RiskWarning("no_value", "critical", nan, nan, ""))
    elif np.isnan(cost_now_bps):
        found.append(RiskWarning("no_answer", "critical", nan, nan, ""))
    if valued and np.isnan(share):
        found.append(RiskWarning("no_volume", "critical", nan, nan, ""))
    elif share > limits.max_adv_frac:
        found.append(RiskWarning("above_max_adv", "critical", share, limits.max_adv_frac, "of ADV"))
    if share > limits.plan_required_above_adv_frac:
        found.append(RiskWarning("plan_required", "warning", share, limits.plan_required_above_adv_frac, "of ADV"))
    if cost_now_bps > limits.critical_cost_now_bps:
        found.append(RiskWarning("dear_now", "critical", cost_now_bps, limits.critical_cost_now_bps, "bps"))
    elif cost_now_bps > limits.max_cost_now_bps:
        found.append(RiskWarning("dear_now", "warning", cost_now_bps, limits.max_cost_now_bps, "bps"))
    if spread_bps > limits.max_spread_bps:
        found.append(RiskWarning("wide_spread", "warning", spread_bps, limits.max_spread_bps, "bps"))
    if np.isnan(score):
        found.append(RiskWarning("no_score", "info", nan, nan, ""))
    elif score < limits.min_score:
        found.append(RiskWarning("low_score", "warning", score, limits.min_score, "points"))
    if days > limits.max_liquidation_sessions:
        found.append(RiskWarning("slow_exit", "warning", days, limits.max_liquidation_sessions, "sessions"))
    if beyond_book:
        found.append(RiskWarning("beyond_book", "info", nan, nan, ""))
    if age_sessions > limits.max_age_sessions:
        found.append(RiskWarning("stale_inputs", "warning", age_sessions, limits.max_age_sessions, "sessions"))
    if method not in (*_OWN_METHODS, "none"):
        found.append(RiskWarning("modelled_inputs", "info", nan, nan, ""))
    order = {"critical": 0, "warning": 1, "info": 2}
    return tuple(sorted(found, key=lambda each: order[each.severity]))
