"""The risk numbers of one portfolio as rows of MARKET_RISK, RISK_CONTRIBUTIONS and CORRELATION.

``MEASURES`` lists every measure with formula and unit. Read next: ``backtest_table.py`` (were they right).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.risk_market import CORRELATION, MARKET_RISK, RISK_CONTRIBUTIONS
from liquidity.domain.errors import InsufficientDataError
from liquidity.market_risk.contributions import historical_components, incremental_var
from liquidity.market_risk.covariance import Correlation, correlation_matrix, cov_shrink, effective_bets
from liquidity.market_risk.drawdown import HighWater, drawdown
from liquidity.market_risk.filtered import ewma_vol
from liquidity.market_risk.portfolio_scenarios import MIN_SCENARIOS, PortfolioScenarios, level_name
from liquidity.market_risk.rolling_var import VAR_MODELS, tail_forecast
from liquidity.market_risk.tail import bootstrap_interval, es_of_rows, var_of_rows

__all__ = [
    "CONFIDENCES",
    "CONTRIBUTION_CONFIDENCES",
    "MEASURES",
    "Measure",
    "contribution_rows",
    "correlation_of",
    "correlation_rows",
    "risk_rows",
]

CONFIDENCES: Final = (0.95, 0.975, 0.99, 0.995)
"""Levels of every value at risk and expected shortfall."""

CONTRIBUTION_CONFIDENCES: Final = (0.95, 0.99)
_LARGEST: Final = 50
_LARGEST_BETS: Final = 300
_NOT_MONEY: Final = ("frac", "number")


@dataclass(frozen=True, slots=True)
class Measure:
    """Name, unit and formula of one measure; ``per_level``: one number for each confidence."""

    name: str
    unit: str
    formula: str
    per_level: bool = False


MEASURES: Final = (
    Measure("var_historical", "base_currency", "minus the 1 - c quantile of the results, linear interpolation", True),
    Measure("es_historical", "base_currency", "mean of the worst 1 - c of the results", True),
    Measure("var_normal", "base_currency", "z(c) times their standard deviation less their mean", True),
    Measure("es_normal", "base_currency", "phi(z) / (1 - c) times the standard deviation less the mean", True),
    Measure("var_student", "base_currency", "the same with Student's t of variance sigma^2 and 4 + 6 / excess kurtosis degrees", True),
    Measure("es_student", "base_currency", "mean beyond it", True),
    Measure("var_cornish_fisher", "base_currency", "normal quantile corrected for skewness and kurtosis, inside the domain; historical elsewhere", True),
    Measure("es_cornish_fisher", "base_currency", "mean of that quantile over the tail", True),
    Measure("var_filtered", "base_currency", "quantile of results over their EWMA volatility, times tomorrow's volatility", True),
    Measure("es_filtered", "base_currency", "mean of that tail", True),
    Measure("var_undiversified", "base_currency", "sum of the historical values at risk of each position alone", True),
    Measure("lvar", "base_currency", "historical value at risk with each result times sqrt((N+1)(2N+1)/(6N)) of its sessions to liquidate N, plus the cost of leaving", True),
    Measure("les", "base_currency", "expected shortfall of the same, plus the cost of leaving", True),
    Measure("exit_cost_exogenous", "base_currency", "half of the wide spread (99 % quantile of its history, at least today's) times value"),
    Measure("exit_cost_endogenous", "base_currency", "impact on the surface at the position's size and liquidation horizon"),
    Measure("worst_result", "base_currency", "largest loss of any scenario"),
    Measure("gross_value", "base_currency", "sum of absolute values"),
    Measure("leverage", "number", "gross value over equity"),
    Measure("volatility_daily", "frac", "EWMA volatility (decay 0.94) of the results over gross value"),
    Measure("max_drawdown", "frac", "deepest fall of today's holdings over the scenarios, share of the peak of equity"),
    Measure("high_water_mark", "number", "highest net asset value per unit (equity without units) ever stored"),
    Measure("current_drawdown", "frac", "1 - today's net asset value per unit over that mark"),
    Measure("effective_bets", "number", "exp of the entropy of the risk shares of the principal portfolios (Meucci 2009)"),
    Measure("mean_correlation", "number", "mean over pairs of the largest positions, shrunk"),
    Measure("concentration", "number", "Herfindahl index of absolute values, 1 is one position"),
)  # fmt: skip
"""Every measure of MARKET_RISK."""

_OF_NAME: Final = {measure.name: measure for measure in MEASURES}
_MODEL_METHOD: Final = {
    "historical": "historical simulation of today's holdings",
    "normal": "normal",
    "student": "Student's t, degrees from kurtosis",
    "cornish_fisher": "Cornish-Fisher",
    "filtered": "filtered historical simulation, EWMA 0.94",
}


@dataclass(frozen=True, slots=True)
class _Found:
    measure: str
    confidence: float
    value: float
    method: str
    n: int
    low: float = math.nan
    high: float = math.nan
    reason: str = ""


def risk_rows(
    portfolio: PortfolioScenarios,
    *,
    water: HighWater | None = None,
    seed: int = 0,
    correlation: Correlation | None = None,
) -> pd.DataFrame:
    """Rows of MARKET_RISK.

    Parameters
    ----------
    water
        High-water mark carried to today; ``None``: no history of values.
    seed
        Of the bootstrap.
    correlation
        Of :func:`correlation_of`; ``None``: too little for one.

    Returns
    -------
    pd.DataFrame
        One row per measure and level; a missing number is null with a reason, such as ``too_few_scenarios``. At a level
        whose tail holds less than one scenario the reason is ``thin_tail`` and the number stands.
    """
    found = [
        *(_tail_measures(portfolio, seed) if len(portfolio.results) >= MIN_SCENARIOS else _none(portfolio)),
        *_plain_measures(portfolio, water, correlation),
    ]
    money = [_OF_NAME[each.measure].unit not in _NOT_MONEY for each in found]
    rows = pd.DataFrame(
        {
            "session_date": portfolio.session_date,
            "portfolio_id": portfolio.portfolio_id,
            "measure": [each.measure for each in found],
            "confidence": [level_name(each.confidence) for each in found],
            "value_base": [each.value if is_money else math.nan for each, is_money in zip(found, money, strict=True)],
            "value_number": [math.nan if is_money else each.value for each, is_money in zip(found, money, strict=True)],
            "unit": [_OF_NAME[each.measure].unit for each in found],
            "method": [each.method for each in found],
            "n": [each.n for each in found],
            "low_base": [each.low for each in found],
            "high_base": [each.high for each in found],
            "covered_frac": portfolio.covered_frac,
            "proxied_frac": portfolio.proxied_frac,
            "origin": portfolio.origin,
            "reason": [each.reason for each in found],
        }
    )
    return rows[list(MARKET_RISK.column_names)]


def contribution_rows(portfolio: PortfolioScenarios) -> pd.DataFrame:
    """Rows of RISK_CONTRIBUTIONS: every held instrument at 95 and 99 %, those left out with their reason."""
    scenarios, costs = portfolio.scenarios, portfolio.costs
    enough = len(portfolio.results) >= MIN_SCENARIOS
    reason = np.where(np.isnan(portfolio.value_base), "no_value", scenarios.reason.astype(str)).astype(object)
    if not enough:
        reason[reason == ""] = "too_few_scenarios"
    inside = portfolio.revalued & enough
    nothing = np.full(len(reason), np.nan)
    parts = []
    for confidence in CONTRIBUTION_CONFIDENCES:
        columns = dict.fromkeys(
            ("standalone_var_base", "component_var_base", "component_es_base", "incremental_var_base", "component_lvar_base"),
            nothing,
        )  # fmt: skip
        if enough:
            split = historical_components(scenarios.returns, portfolio.money, confidence)
            wound = historical_components(scenarios.returns, portfolio.wound_down, confidence)
            columns = {
                "standalone_var_base": _standalone(portfolio, confidence),
                "component_var_base": split.var_parts,
                "component_es_base": split.es_parts,
                "incremental_var_base": incremental_var(scenarios.returns, portfolio.money, confidence),
                "component_lvar_base": wound.var_parts + portfolio.exit_cost if costs is not None else nothing,
            }
        with np.errstate(divide="ignore", invalid="ignore"):
            marginal = np.where(portfolio.money != 0.0, columns["component_var_base"] / portfolio.money, np.nan)
        parts.append(
            pd.DataFrame(
                {
                    "session_date": portfolio.session_date,
                    "portfolio_id": portfolio.portfolio_id,
                    "confidence": level_name(confidence),
                    "instrument_id": portfolio.instrument_id,
                    "value_base": portfolio.value_base,
                    "marginal_var_frac": np.where(inside, marginal, np.nan),
                    **{name: np.where(inside, values, np.nan) for name, values in columns.items()},
                    "exogenous_cost_base": nothing if costs is None else costs.exogenous,
                    "endogenous_cost_base": nothing if costs is None else costs.endogenous,
                    "liquidation_sessions": nothing if costs is None else costs.horizon_sessions,
                    "proxied_frac": np.where(portfolio.revalued, scenarios.proxied_frac, np.nan),
                    "origin": portfolio.origin,
                    "reason": reason,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)[list(RISK_CONTRIBUTIONS.column_names)]


def correlation_of(
    portfolio: PortfolioScenarios, own_returns: NDArray[np.float64]
) -> tuple[NDArray[np.int64], Correlation | None]:
    """Correlate the largest positions by their own returns.

    Parameters
    ----------
    own_returns
        (S, P) of the held instruments, NaN where none: nothing lent.

    Returns
    -------
    tuple
        Places in the portfolio, at most 50, ascending; and their correlation, ``None`` with fewer than two.
    """
    moves = np.isfinite(own_returns)
    moving = np.array([np.ptp(column[there]) > 0.0 if there.any() else False for column, there in zip(own_returns.T, moves.T, strict=True)], dtype=bool)  # fmt: skip
    usable = np.flatnonzero(
        portfolio.revalued & (portfolio.money != 0.0) & (moves.sum(axis=0) >= MIN_SCENARIOS) & moving
    )
    places = np.sort(usable[np.argsort(-np.abs(portfolio.money[usable]), kind="stable")][:_LARGEST])
    if places.size < 2:
        return places, None
    try:
        return places, correlation_matrix(own_returns[:, places])
    except InsufficientDataError:
        return places, None


def correlation_rows(
    portfolio: PortfolioScenarios, places: NDArray[np.int64], correlation: Correlation | None
) -> pd.DataFrame:
    """Rows of CORRELATION, one per pair; none without a correlation."""
    first, second = np.triu_indices(places.size if correlation is not None else 0, k=1)
    names = portfolio.instrument_id[places]
    matrix = np.eye(1) if correlation is None else correlation.matrix
    rows = pd.DataFrame(
        {
            "session_date": portfolio.session_date,
            "portfolio_id": portfolio.portfolio_id,
            "instrument_id": pd.Series(names[first], dtype="str"),
            "other_id": pd.Series(names[second], dtype="str"),
            "correlation": matrix[first, second],
            "observations_n": np.zeros(0, dtype=np.int64) if correlation is None else correlation.observations[first, second],
            "shrinkage_frac": 0.0 if correlation is None else correlation.shrinkage,
            "filled": np.zeros(0, dtype=bool) if correlation is None else correlation.filled[first, second],
            "repaired": False if correlation is None else correlation.repaired,
            "origin": portfolio.origin,
        }
    )  # fmt: skip
    return rows[list(CORRELATION.column_names)]


def _tail_measures(portfolio: PortfolioScenarios, seed: int) -> Iterator[_Found]:
    results = portfolio.results
    n = len(results)
    for confidence in CONFIDENCES:
        thin = "thin_tail" if n * (1.0 - confidence) < 1.0 else ""
        drawn = bootstrap_interval(results, confidence, seed=seed)
        for model in VAR_MODELS:
            forecast = tail_forecast(results[None, :], model, confidence)
            fell = bool(forecast.fell_back[0])
            method = _MODEL_METHOD["historical" if fell else model]
            codes = [thin] if model in ("historical", "filtered") or fell else []
            reason = _codes(*codes, "outside_domain" if fell else "", portfolio.note)
            ends = (
                {
                    "var": (drawn.var_low, drawn.var_high),
                    "es": (drawn.es_low, drawn.es_high),
                }
                if model == "historical"
                else {}
            )
            for kind, value in (("var", forecast.var[0]), ("es", forecast.es[0])):
                low, high = ends.get(kind, (None, None))
                yield _Found(
                    f"{kind}_{model}", confidence, float(value), method, n,
                    math.nan if low is None else low, math.nan if high is None else high, reason,
                )  # fmt: skip
        yield _Found(
            "var_undiversified",
            confidence,
            float(_standalone(portfolio, confidence).sum()),
            "sum over positions",
            n,
            reason=_codes(thin, portfolio.note),
        )
        yield from _liquidity_adjusted(portfolio, confidence, thin)


def _liquidity_adjusted(portfolio: PortfolioScenarios, confidence: float, thin: str) -> Iterator[_Found]:
    n = len(portfolio.results)
    method = (
        "historical over each position's liquidation horizon, plus half of the wide spread and impact from the surface"
    )
    if portfolio.costs is None:
        yield from (_Found(name, confidence, math.nan, method, n, reason="no_surface") for name in ("lvar", "les"))
        return
    wound = (portfolio.scenarios.returns @ portfolio.wound_down)[None, :]
    cost = float(portfolio.exit_cost.sum())
    reason = _codes(thin, "partly_costed" if portfolio.costed_frac < 1.0 else "", portfolio.note)
    yield _Found("lvar", confidence, float(var_of_rows(wound, confidence)[0]) + cost, method, n, reason=reason)
    yield _Found("les", confidence, float(es_of_rows(wound, confidence)[0]) + cost, method, n, reason=reason)


def _codes(*codes: str) -> str:
    return ",".join(code for code in codes if code)


def _none(portfolio: PortfolioScenarios) -> Iterator[_Found]:
    for measure in MEASURES:
        if measure.per_level:
            for confidence in CONFIDENCES:
                yield _Found(
                    measure.name, confidence, math.nan, "none", len(portfolio.results), reason="too_few_scenarios"
                )


def _plain_measures(
    portfolio: PortfolioScenarios, water: HighWater | None, correlation: Correlation | None
) -> Iterator[_Found]:
    results, n = portfolio.results, len(portfolio.results)
    costs, gross, equity = portfolio.costs, portfolio.gross_base, portfolio.equity_base
    short = "too_few_scenarios" if n < MIN_SCENARIOS else ""
    held = int(np.isfinite(portfolio.value_base).sum())

    def found(name: str, value: float, method: str, count: int, reason: str) -> _Found:
        return _Found(name, 0.0, value, method, count, reason=reason if math.isnan(value) else "")

    for name, part in (("exit_cost_exogenous", "exogenous"), ("exit_cost_endogenous", "endogenous")):
        each = np.full(1, np.nan) if costs is None else getattr(costs, part)[portfolio.revalued]
        known = np.isfinite(each)
        value = float(each[known].sum()) if known.any() else math.nan
        partly = "partly_costed" if known.any() and not known.all() else ""
        yield _Found(
            name,
            0.0,
            value,
            "liquidity surface",
            int(known.sum()),
            reason="no_surface" if math.isnan(value) else partly,
        )
    yield found("worst_result", math.nan if short else -float(results.min()), "worst scenario", n, short)
    yield found("gross_value", gross, "sum over positions", held, "")
    positive = equity > 0.0
    yield found("leverage", gross / equity if positive else math.nan, "gross value over equity", held, "equity_not_positive" if equity <= 0.0 else "no_equity")  # fmt: skip
    volatility = ewma_vol(results).next_vol if not short else None
    yield found(
        "volatility_daily",
        volatility / gross if volatility is not None and gross > 0.0 else math.nan,
        "EWMA 0.94 of the results of today's holdings", n, short or "no_value",
    )  # fmt: skip
    path = np.concatenate(([1.0], 1.0 + np.cumsum(results) / equity)) if positive and not short else np.full(1, np.nan)
    ruined = bool((path <= 0.0).any())
    yield found(
        "max_drawdown",
        math.nan if np.isnan(path).any() else 1.0 if ruined else drawdown(path).max_frac,
        "today's holdings through the scenarios, no compounding", n, short or "equity_not_positive",
    )  # fmt: skip
    mark = water.mark if water is not None else None
    fall = water.drawdown_frac if water is not None else None
    yield found(
        "high_water_mark", math.nan if mark is None else mark, "carried from session to session", 1, "no_equity"
    )
    yield found("current_drawdown", math.nan if fall is None else fall, "against the mark", 1, "no_equity")
    pairs = 0 if correlation is None else len(correlation.matrix) * (len(correlation.matrix) - 1) // 2
    bets = math.nan
    if not short and portfolio.revalued.any():
        bets = _bets(portfolio)
    method = f"principal portfolios of the shrunk covariance of at most {_LARGEST_BETS} positions, the largest"
    yield found("effective_bets", bets, method, n, short or "no_risk")
    mean = correlation.mean_correlation if correlation is not None else math.nan
    yield found("mean_correlation", mean, "pairs of the largest positions", pairs, "fewer_than_two_positions")
    shares = np.abs(portfolio.value_base[np.isfinite(portfolio.value_base)])
    total = float(shares.sum())
    index = float(((shares / total) ** 2).sum()) if total > 0.0 else math.nan
    yield found("concentration", index, "Herfindahl", held, "no_value")


def _bets(portfolio: PortfolioScenarios) -> float:
    largest = np.argsort(-np.abs(portfolio.money), kind="stable")[:_LARGEST_BETS]
    return effective_bets(portfolio.money[largest], cov_shrink(portfolio.scenarios.returns[:, largest]).lw_cov)


def _standalone(portfolio: PortfolioScenarios, confidence: float) -> NDArray[np.float64]:
    return var_of_rows((portfolio.scenarios.returns * portfolio.money).T, confidence)
