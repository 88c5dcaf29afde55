"""Tables of market risk: a portfolio's measures, its positions' parts, the judgement of the models, correlations.

Read next: ``liquidity/market_risk/market_risk_table.py``, which fills them.
"""

from typing import Final

from liquidity.contracts._columns import INSTRUMENT_ID, PORTFOLIO_ORIGIN, SESSION_DATE, fraction, non_negative
from liquidity.contracts.risk_positions import PORTFOLIO_ID
from liquidity.contracts.table import Column, TableContract
from liquidity.domain.identifier import INSTRUMENT_ID_PATTERN

__all__ = [
    "CONFIDENCE_LEVELS",
    "CORRELATION",
    "MARKET_RISK",
    "MARKET_RISK_CONTRACTS",
    "RISK_CONTRIBUTIONS",
    "VAR_BACKTEST",
]

CONFIDENCE_LEVELS: Final = ("0.95", "0.975", "0.99", "0.995")
"""Levels as the tables write them: text, because a key must compare exactly."""

_CODES: Final = r"^([a-z0-9_]+(,[a-z0-9_]+)*)?$"

_REASON = Column(
    "reason", "string", "codes", "Why a number is missing or to be read with care; empty where it is neither.", pattern=_CODES
)  # fmt: skip


def _money(name: str, meaning: str) -> Column:
    return Column(name, "float64", "base currency", meaning, nullable=True, minimum=-1e18, maximum=1e18)


_LEVEL = Column(
    "confidence",
    "string",
    "frac 0-1, as text",
    "Level of the measure; 'none' where it has none.",
    allowed=("none", *CONFIDENCE_LEVELS),
)


MARKET_RISK = TableContract(
    name="market_risk",
    location="risk",
    group="market_risk",
    row_means="One risk measure of a portfolio at one confidence, of today's holdings over one session; losses are positive.",
    key=("session_date", "portfolio_id", "measure", "confidence"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        Column("measure", "string", "id", "Which measure; docs/methodology/market_risk.md lists them.", pattern=r"^[a-z0-9_]{2,40}$"),
        _LEVEL,
        _money("value_base", "The measure where it is money; null where it is not, or is missing."),
        Column("value_number", "float64", "see unit", "The measure where it is no money; null where it is, or is missing.", nullable=True),
        Column("unit", "string", "id", "Unit of the measure.", allowed=("base_currency", "frac", "number")),
        Column("method", "string", "text", "How it was computed, in words."),
        Column("n", "int64", "1", "Scenarios or observations behind it.", minimum=0),
        _money("low_base", "Lower end of its 90 % bootstrap interval; null where none was drawn."),
        _money("high_base", "Upper end of that interval."),
        fraction("covered_frac", "Share of the gross value that the scenarios revalue; null without positions."),
        fraction("proxied_frac", "Share of those scenarios, by value, lent by peers; null without positions."),
        PORTFOLIO_ORIGIN,
        _REASON,
    ),
)  # fmt: skip

RISK_CONTRIBUTIONS = TableContract(
    name="risk_contributions",
    location="risk",
    group="market_risk",
    row_means="What one instrument adds to a portfolio's risk at one confidence.",
    key=("session_date", "portfolio_id", "confidence", "instrument_id"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        _LEVEL,
        INSTRUMENT_ID,
        _money("value_base", "Signed value over all accounts; null where it has no price."),
        _money("standalone_var_base", "Historical value at risk of the position alone."),
        _money("component_var_base", "Part of the historical value at risk; the parts sum to it."),
        _money("component_es_base", "Part of the historical expected shortfall; the parts sum to it."),
        Column("marginal_var_frac", "float64", "frac", "Change of the value at risk per unit of value added.", nullable=True),
        _money("incremental_var_base", "Value at risk less that of the portfolio without the position; negative: a hedge."),
        _money("exogenous_cost_base", "Half of the wide spread on the position; null where the surface has no answer."),
        _money("endogenous_cost_base", "Impact of the position's own size, from the liquidity surface."),
        non_negative("liquidation_sessions", "sessions", "Sessions to sell it at the portfolio's participation, at least 1."),
        _money("component_lvar_base", "Part of the liquidity-adjusted value at risk; the parts sum to it."),
        fraction("proxied_frac", "Share of its scenarios lent by peers."),
        PORTFOLIO_ORIGIN,
        _REASON,
    ),
)  # fmt: skip

VAR_BACKTEST = TableContract(
    name="var_backtest",
    location="risk",
    group="market_risk",
    row_means="How one model at one confidence would have forecast the one-session results of today's holdings.",
    key=("session_date", "portfolio_id", "model", "confidence"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        Column("model", "string", "id", "Model of value at risk.", allowed=("historical", "normal", "student", "cornish_fisher", "filtered")),
        _LEVEL,
        Column("window_sessions", "int64", "sessions", "Sessions each forecast learned from; 0 where none was made.", minimum=0),
        Column("sessions_n", "int64", "1", "Sessions judged.", minimum=0),
        Column("hits_n", "int64", "1", "Sessions whose loss exceeded the value at risk.", minimum=0),
        non_negative("expected_n", "sessions", "Exceedances of a right model.", nullable=False),
        fraction("kupiec_p", "p-value of the number of exceedances (Kupiec 1995)."),
        fraction("independence_p", "p-value of their independence (Christoffersen 1998)."),
        fraction("coverage_p", "p-value of both together."),
        Column("z1", "float64", "1", "Acerbi-Szekely test 1: negative is too little shortfall foreseen; null without exceedance.", nullable=True),
        Column("z2", "float64", "1", "Acerbi-Szekely test 2.", nullable=True),
        Column("z2_critical", "float64", "1", "Value of z2 below which 5 % rejects.", nullable=True),
        Column("zone", "string", "id", "Basel traffic light of the last 250 sessions at 99 %; null elsewhere.", nullable=True, allowed=("green", "amber", "red")),
        Column("zone_hits_n", "int64", "1", "Exceedances in those sessions.", nullable=True, minimum=0),
        fraction("fell_back_frac", "Share of sessions in which the model could not speak and the historical number stood in.", nullable=False),
        Column("failures", "string", "codes", "What 5 % rejects: too_many, too_few, clustered, too_deep; empty where nothing.", pattern=_CODES),
        PORTFOLIO_ORIGIN,
        _REASON,
    ),
)  # fmt: skip

CORRELATION = TableContract(
    name="correlation",
    location="risk",
    group="market_risk",
    row_means="Correlation of the returns of two held instruments; the largest positions only.",
    key=("session_date", "portfolio_id", "instrument_id", "other_id"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        INSTRUMENT_ID,
        Column("other_id", "string", "id", "The other instrument, later in the alphabet.", pattern=INSTRUMENT_ID_PATTERN),
        Column("correlation", "float64", "-1..1", "Shrunk towards 0, of a positive definite matrix.", minimum=-1.0, maximum=1.0),
        Column("observations_n", "int64", "1", "Sessions in which both had a return.", minimum=0),
        fraction("shrinkage_frac", "Share of the target (no correlation) in the matrix.", nullable=False),
        Column("filled", "bool", "1", "Too few common sessions: the mean of the other pairs."),
        Column("repaired", "bool", "1", "The matrix had a negative eigenvalue and was repaired."),
        PORTFOLIO_ORIGIN,
    ),
)  # fmt: skip

MARKET_RISK_CONTRACTS: Final = (MARKET_RISK, RISK_CONTRIBUTIONS, VAR_BACKTEST, CORRELATION)
"""Tables of market risk, in the order they are written."""
