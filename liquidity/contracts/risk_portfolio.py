"""Tables of portfolio liquidity: each position's assessment, the ladder, the portfolio's summary, its limits.

Read next: ``liquidity/portfolio/portfolio_tables.py`` (who fills them).
"""

from typing import Final

from liquidity.contracts._columns import (
    ASSET_CLASS,
    INSTRUMENT_ID,
    ISSUER_ID,
    RATING,
    SECTOR,
    SESSION_DATE,
    SOURCE,
    fraction,
    non_negative,
    points,
)
from liquidity.contracts.risk_positions import BASE_CURRENCY, PORTFOLIO_ID, PORTFOLIO_KINDS
from liquidity.contracts.table import Column, TableContract

__all__ = [
    "LADDER_SCENARIOS",
    "LIQUIDATION_LADDER",
    "PORTFOLIO_LIMITS",
    "PORTFOLIO_LIQUIDITY",
    "PORTFOLIO_LIQUIDITY_CONTRACTS",
    "POSITION_LIQUIDITY",
]

LADDER_SCENARIOS: Final = ("calm", "stressed")
"""The market as it is, and under the shock of the settings."""
_HORIZONS: Final = ("now", "1", "3", "5", "10")


def _signed(name: str, unit: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, "float64", unit, meaning, nullable=nullable)


def _text(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, "string", "text", meaning, nullable=nullable)


def _exit_costs(prefix: str, told: str) -> tuple[Column, ...]:
    return tuple(
        non_negative(
            f"{prefix}cost_{horizon}_bps",
            "bps",
            f"Expected cost of closing the whole position {'now (30 minutes)' if horizon == 'now' else f'over {horizon} sessions'}{told}; null where the surface has none.",
        )
        for horizon in _HORIZONS
    )


POSITION_LIQUIDITY = TableContract(
    name="position_liquidity",
    location="risk",
    group="portfolio",
    row_means="Liquidity of one instrument in a portfolio: what leaving it costs and how long it takes, calm and stressed, with warnings.",
    key=("session_date", "portfolio_id", "instrument_id"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        INSTRUMENT_ID,
        Column(
            "asset_class",
            "string",
            "id",
            ASSET_CLASS.meaning + " Null where the surface does not know it.",
            nullable=True,
            allowed=ASSET_CLASS.allowed,
        ),
        ISSUER_ID,
        SECTOR,
        RATING,
        _signed("quantity", "units of the price", "Signed amount over all accounts.", nullable=False),
        non_negative(
            "price", "instrument currency per unit", "Price it is valued at; null where none is fresh enough."
        ),
        non_negative("price_age_sessions", "sessions", "Age of the price."),
        _signed("value_base", "base currency", "Signed value; null without a price."),
        BASE_CURRENCY,
        fraction("weight_frac", "Absolute value over the portfolio's; null without a value."),
        non_negative("adv_ccy", "instrument currency", "Average daily volume."),
        non_negative(
            "order_adv_frac",
            "frac of ADV",
            "Absolute size over average daily volume; the older documents' concentration risk.",
        ),
        Column(
            "plan_required", "bool", "flag", "Whether an order of that size needs an execution plan.", nullable=True
        ),
        points("liquidity_score", "Published score; null where there is none."),
        _text("score_tier", "Word of the score: ultra_liquid, liquid, moderate, illiquid, distressed, unknown."),
        Column(
            "adv_tier",
            "string",
            "id",
            "Tier of the average daily volume in US dollars; null without a rate.",
            nullable=True,
            allowed=("high", "medium", "low", "untradeable"),
        ),
        non_negative("days_to_liquidate", "sessions", "Size over participation times ADV; null is never."),
        non_negative("cash_after_sessions", "sessions", "The same in whole sessions, settlement added; null is never."),
        *_exit_costs("", ""),
        *_exit_costs("stressed_", " under stress"),
        _signed("cost_now_base", "base currency", "Expected cost of leaving now."),
        _signed("cost_5_base", "base currency", "Expected cost of leaving over five sessions."),
        _signed("stressed_cost_5_base", "base currency", "The same under stress."),
        non_negative("p95_cost_5_bps", "bps", "Cost over five sessions that is not exceeded with 95 %."),
        non_negative("model_cost_5_bps", "bps", "One standard deviation of what the models do not know of it."),
        non_negative("gradual_cost_bps", "bps", "Expected cost at the urgency's pace."),
        non_negative("gradual_sessions", "sessions", "Time of that pace."),
        _text("urgency", "Degree of urgency of the pace."),
        Column(
            "liquidity_risk_score",
            "float64",
            "points 0-100",
            "Size, cost now and score together; 100 is worst.",
            nullable=True,
            minimum=0.0,
            maximum=100.0,
        ),
        non_negative("max_position_qty", "units of the price", "Units that are the largest allowed share of ADV."),
        non_negative(
            "recommended_holding_sessions",
            "sessions",
            "Time over which a round trip costs a quarter of the price's standard deviation; null where 250 sessions are too few.",
        ),
        _text("method", "What the cost rests on; none where there is no cost."),
        non_negative("age_sessions", "sessions", "Age of the oldest input of the cost; null where it is pooled."),
        fraction("coverage_frac", "Share of the inputs' window that was seen."),
        Column("warnings_count", "int64", "1", "Warnings and critical findings.", minimum=0),
        _text("warnings_json", "List of findings, gravest first: code, severity, number, limit, unit."),
        _text("reason", "Why the position is left out of a number; empty where it is complete."),
        SOURCE,
    ),
)

LIQUIDATION_LADDER = TableContract(
    name="liquidation_ladder",
    location="risk",
    group="portfolio",
    row_means="A portfolio after so many sessions of selling: sold, cost and money received, cumulative.",
    key=("session_date", "portfolio_id", "scenario", "approach", "horizon_sessions"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        Column(
            "scenario",
            "string",
            "id",
            "The market: as it is, or under the shock of the settings.",
            allowed=LADDER_SCENARIOS,
        ),
        Column(
            "approach",
            "string",
            "id",
            "Way to sell: everything as fast as its market takes it; one share of everything; one share of what sells in time.",
            allowed=("waterfall", "pro_rata", "mixed"),
        ),
        Column("horizon_sessions", "int64", "sessions", "T + this.", minimum=1),
        BASE_CURRENCY,
        non_negative("sold_base", "base currency", "Absolute value sold by then.", nullable=False),
        fraction("sold_frac", "Share of the portfolio's absolute value; null for a portfolio without value."),
        non_negative("cost_base", "base currency", "Expected cost of selling that much in that time.", nullable=False),
        non_negative(
            "cost_bps", "bps", "Cost over the value sold of the positions that have a cost; null while there is none."
        ),
        _signed("cash_base", "base currency", "Money received by then, settled, net of cost.", nullable=False),
        fraction("uncosted_frac", "Share of the value that is sold without a known cost."),
        SOURCE,
    ),
)

PORTFOLIO_LIQUIDITY = TableContract(
    name="portfolio_liquidity",
    location="risk",
    group="portfolio",
    row_means="Liquidity of one portfolio: value, score with its tail, how fast and at what cost it can be sold, or why nothing can be said.",
    key=("session_date", "portfolio_id"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        Column(
            "kind",
            "string",
            "id",
            "Kind of the portfolio; null where no account says it.",
            nullable=True,
            allowed=PORTFOLIO_KINDS,
        ),
        BASE_CURRENCY,
        Column("positions_count", "int64", "1", "Instruments held.", minimum=0),
        Column("incomplete_count", "int64", "1", "Of these, left out of a number; see their reasons.", minimum=0),
        _signed("gross_value_base", "base currency", "Sum of absolute values; null where the portfolio is refused."),
        _signed("net_value_base", "base currency", "Sum of signed values."),
        _signed("cash_base", "base currency", "Money in the accounts."),
        _signed("equity_base", "base currency", "Net asset value."),
        non_negative("leverage_ratio", "ratio", "Gross value over equity; null where equity is not above 0."),
        points("liquidity_score", "Value-weighted mean of the positions' scores."),
        points("worst_decile_score", "Value-weighted mean of the least liquid tenth of the value."),
        fraction("scored_frac", "Share of the value that has a score."),
        non_negative(
            "mean_days_to_liquidate",
            "sessions",
            "Value-weighted mean of the days to liquidate; null where one never sells.",
        ),
        non_negative(
            "sessions_to_half",
            "sessions",
            "First session by which half of the value is sold; null when none of twenty.",
        ),
        non_negative("sessions_to_target", "sessions", "The same for liquidation_target_frac."),
        non_negative("stressed_sessions_to_target", "sessions", "The same under stress."),
        fraction("sold_1_frac", "Share of the value that one session takes."),
        fraction("sold_5_frac", "Share sold within five sessions."),
        fraction("sold_20_frac", "Share sold within twenty sessions."),
        fraction("stressed_sold_1_frac", "Share that one session takes under stress."),
        fraction("stressed_sold_5_frac", "Share within five sessions under stress."),
        fraction("stressed_sold_20_frac", "Share within twenty sessions under stress."),
        fraction("illiquid_frac", "Share that cannot be sold within illiquid_after_sessions."),
        non_negative(
            "exit_cost_now_bps", "bps", "Expected cost of leaving everything now, over the value that has a cost."
        ),
        non_negative("exit_cost_5_bps", "bps", "Expected cost of what sells within five sessions."),
        non_negative("stressed_exit_cost_5_bps", "bps", "The same under stress."),
        non_negative("hhi", "1/n to 1", "Herfindahl index of the absolute values."),
        non_negative("effective_names", "1", "Equally large positions that would be as concentrated."),
        Column("limits_failed_count", "int64", "1", "Limits that are broken.", minimum=0),
        Column("stressed_limits_failed_count", "int64", "1", "Limits that are broken under stress.", minimum=0),
        _text("worst_names", "Up to five names that take longest, slowest first; never sold ones come first."),
        _text("reason", "Why the portfolio is refused, or what is wrong with it; empty where nothing is."),
        SOURCE,
    ),
)

PORTFOLIO_LIMITS = TableContract(
    name="portfolio_limits",
    location="risk",
    group="portfolio",
    row_means="One limit of one portfolio: the number, calm and stressed, its bound, pass or fail.",
    key=("session_date", "portfolio_id", "limit"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        Column("limit", "string", "id", "Name of the limit, that of its setting.", pattern=r"^[a-z][a-z0-9_]{2,39}$"),
        _text("unit", "Unit of value and bound."),
        _signed("value", "see unit", "The number; null where it cannot be said or a target is never reached."),
        _signed("stressed_value", "see unit", "The same under stress."),
        _signed("bound", "see unit", "Largest or smallest allowed value; itself allowed.", nullable=False),
        Column(
            "passed", "bool", "flag", "Whether the limit holds; null where the number cannot be said.", nullable=True
        ),
        Column("stressed_passed", "bool", "flag", "The same under stress.", nullable=True),
        _signed("headroom_frac", "frac of the bound", "Distance to the bound over the bound; negative is a breach."),
        _text("reason", "What the number hangs on, or why there is none."),
        SOURCE,
    ),
)

PORTFOLIO_LIQUIDITY_CONTRACTS: Final = (
    POSITION_LIQUIDITY,
    LIQUIDATION_LADDER,
    PORTFOLIO_LIQUIDITY,
    PORTFOLIO_LIMITS,
)
"""Tables of portfolio liquidity, in the order they are told."""
