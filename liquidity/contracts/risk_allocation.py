"""Tables of allocation: target weights within liquidity limits, the trades to them, and who is dear to trade for its score.

Read next: ``liquidity/portfolio/allocation_table.py`` and ``relative_value.py`` (who fill them).
"""

from typing import Final

from liquidity.contracts._columns import (
    ASSET_CLASS,
    INSTRUMENT_ID,
    ORIGIN,
    SECTOR,
    SESSION_DATE,
    SOURCE,
    non_negative,
    points,
)
from liquidity.contracts.risk_positions import BASE_CURRENCY, PORTFOLIO_ID
from liquidity.contracts.table import Column, TableContract

__all__ = ["ALLOCATION_CONTRACTS", "OUTCOMES", "REBALANCE_TRADES", "RELATIVE_VALUE", "TARGET_PORTFOLIO"]

OUTCOMES: Final = ("optimal", "nearest", "not_optimised")
"""All limits hold; they contradict each other and the nearest portfolio is shown; no target could be made."""


def _number(name: str, unit: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, "float64", unit, meaning, nullable=nullable)


_OUTCOME = Column(
    "outcome",
    "string",
    "id",
    "Whether all limits hold, or the nearest portfolio is shown, or none could be made.",
    allowed=OUTCOMES,
)

TARGET_PORTFOLIO = TableContract(
    name="target_portfolio",
    location="risk",
    group="allocation",
    row_means="Weight that one held instrument should have: risk against return, cost of getting there and out, within liquidity limits.",
    key=("session_date", "portfolio_id", "instrument_id"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        INSTRUMENT_ID,
        SECTOR,
        _number("current_weight_frac", "frac of equity", "Signed value over equity; null without a value."),
        _number("target_weight_frac", "frac of equity", "The same after rebalancing; null where none was made."),
        _number("band_lower_frac", "frac of equity", "Smallest current weight that is not worth a purchase."),
        _number("band_upper_frac", "frac of equity", "Largest current weight that is not worth a sale."),
        _number("expected_return_daily_frac", "frac per session", "Expected return that was used."),
        _number("risk_share_frac", "frac", "Share of the target's variance; may be negative."),
        non_negative(
            "daily_capacity_frac", "frac of equity", "Weight that one session takes; null where volume is unknown."
        ),
        Column("illiquid", "bool", "flag", "Counts as illiquid whole: its score is below the threshold."),
        non_negative(
            "trading_cost_bps", "bps of the trade", "Cost of the change on the surface; null without a trade."
        ),
        non_negative("unwinding_cost_bps", "bps of the position", "Cost of closing the target on the surface."),
        BASE_CURRENCY,
        _OUTCOME,
        Column(
            "explanation",
            "string",
            "text",
            "What contradicts what and by how much, or why there is no target; empty when optimal.",
        ),
        Column("reason", "string", "text", "Why this instrument keeps its weight; empty when it was free to move."),
        SOURCE,
    ),
)

REBALANCE_TRADES = TableContract(
    name="rebalance_trades",
    location="risk",
    group="allocation",
    row_means="One trade on the way to the target, in lots, with its cost and the sessions it takes.",
    key=("session_date", "portfolio_id", "instrument_id"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        INSTRUMENT_ID,
        Column("side", "string", "id", "Side of the trade.", allowed=("buy", "sell")),
        _number("quantity", "units of the price", "Signed amount: whole lots, or the whole holding.", nullable=False),
        _number("value_base", "base currency", "Signed value of the trade.", nullable=False),
        BASE_CURRENCY,
        non_negative("adv_frac", "frac of ADV", "Size over average daily volume; null where that is unknown."),
        Column("needs_plan", "bool", "flag", "An execution plan is needed: large, longer than a session, or volume unknown."),
        non_negative("sessions", "sessions", "Sessions at the participation cap; null where volume is unknown."),
        _number("per_session_quantity", "units of the price", "Signed amount of every session but the last, which takes the rest.", nullable=False),
        non_negative("expected_cost_bps", "bps", "Expected cost over those sessions; null where the surface has none."),
        non_negative("p90_cost_bps", "bps", "Cost that is not exceeded with 90 %."),
        non_negative("expected_cost_base", "base currency", "Expected cost in money."),
        _OUTCOME,
        Column("reason", "string", "text", "Why the trade was cut or cannot be scheduled; empty otherwise."),
        SOURCE,
    ),
)  # fmt: skip

RELATIVE_VALUE = TableContract(
    name="relative_value",
    location="risk",
    group="allocation",
    row_means="Spread of one instrument against the spread that others of its market with the same liquidity score have, and the mean of its sector.",
    key=("session_date", "instrument_id"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        ORIGIN,
        Column("sector", "string", "id", "Sector, or UNKNOWN.", pattern=r"^[A-Z][A-Z_]{0,39}$"),
        points("liquidity_score", "Liquidity score; null where there is none."),
        non_negative("spread_bps", "bps", "Full spread over mid, quoted or estimated."),
        Column("fit_names", "int64", "1", "Names of the asset class and origin that the line was fitted to.", minimum=0),
        non_negative("expected_spread_bps", "bps", "Spread of the line at the name's score; null below 20 names."),
        _number("residual_bps", "bps", "Spread less expected spread; positive is dearer to trade than its score says."),
        _number("residual_z", "sd", "The same of logarithms, in their standard deviations."),
        _number("sector_residual_frac", "log frac", "Mean logarithm of spread over expected spread in the sector; null below 5 names."),
        Column("sector_names", "int64", "1", "Names of the sector in the fit.", minimum=0),
        _number("sector_t", "ratio", "That mean over its standard error."),
        Column("reason", "string", "text", "Why there is no residual; empty when there is one."),
    ),
)  # fmt: skip

ALLOCATION_CONTRACTS: Final = (TARGET_PORTFOLIO, REBALANCE_TRADES, RELATIVE_VALUE)
"""Tables of allocation, in the order of the data flow."""
