"""Tables of stress: what each scenario does to positions and portfolios, what breaks first, and forced sales on books.

Read next: ``liquidity/stress/stress_tables.py``, which makes their rows.
"""

from typing import Final

from liquidity.contracts._columns import INSTRUMENT_ID, ORIGIN, PORTFOLIO_ORIGIN, SESSION_DATE, fraction, non_negative
from liquidity.contracts.risk_positions import BASE_CURRENCY, PORTFOLIO_ID
from liquidity.contracts.table import Column, TableContract

__all__ = [
    "LIQUIDATION_CASCADE",
    "REVERSE_STRESS",
    "STRESS_CONTRACTS",
    "STRESS_GRID",
    "STRESS_RESULTS",
    "WHOLE_PORTFOLIO",
]

WHOLE_PORTFOLIO: Final = "portfolio:whole"
"""``instrument_id`` of the row that is the whole portfolio."""

_NAME: Final = r"^[a-z][a-z0-9_]{1,39}$"
_SCENARIO = Column("scenario", "string", "id", "Scenario file or replayed crisis.", pattern=_NAME)
_KIND = Column(
    "kind",
    "string",
    "id",
    "scenario: numbers of a file; replay: what prices and markets did in a recorded crisis.",
    allowed=("scenario", "replay"),
)


def _base(name: str, meaning: str) -> Column:
    return Column(name, "float64", "base currency", meaning, nullable=True)


def _of_the_whole(column: Column) -> Column:
    return Column(
        column.name,
        column.dtype,
        column.unit,
        f"{column.meaning} Of the whole portfolio; null in rows of positions.",
        nullable=True,
        minimum=column.minimum,
        maximum=column.maximum,
    )


STRESS_RESULTS = TableContract(
    name="stress_results",
    location="risk",
    group="stress",
    row_means="One position, or with the instrument_id portfolio:whole the whole portfolio, before and after one stress; the whole's money is the sum of its positions'.",
    key=("session_date", "portfolio_id", "scenario", "instrument_id"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        _SCENARIO,
        INSTRUMENT_ID,
        _KIND,
        Column("severity", "string", "id", "Of the scenario; null for a replay.", nullable=True),
        BASE_CURRENCY,
        Column(
            "stress_class",
            "string",
            "id",
            "Class whose shocks the position receives; null for the whole and where there is none.",
            nullable=True,
        ),
        Column(
            "price_fall_frac",
            "float64",
            "frac",
            "Share of the price lost; negative is a gain.",
            nullable=True,
            maximum=1.0,
        ),
        _base("value_before_base", "Signed value before."),
        _base("value_after_base", "Signed value at the fallen price."),
        _base("price_loss_base", "Value lost to the price; negative is a gain."),
        non_negative(
            "plan_sessions", "sessions", "Horizon over which the plan's costs are told, before and after alike."
        ),
        non_negative(
            "days_before",
            "sessions",
            "To close the position at the set participation; null is never. Of the whole: the slowest.",
        ),
        non_negative("days_after", "sessions", "The same under stress."),
        non_negative(
            "cost_now_before_bps", "bps", "Expected cost of closing at once; of the whole over what has a cost."
        ),
        non_negative("cost_now_after_bps", "bps", "The same under stress."),
        non_negative("cost_plan_before_bps", "bps", "Expected cost of closing over the plan."),
        non_negative("cost_plan_after_bps", "bps", "The same under stress."),
        non_negative("cost_plan_before_base", "base currency", "The plan's cost in money."),
        non_negative("cost_plan_after_base", "base currency", "The same under stress."),
        _base("stressed_loss_base", "Price loss plus the plan's stressed cost, over what has a cost."),
        _of_the_whole(Column("nav_before_base", "float64", "base currency", "Net asset value before.")),
        _of_the_whole(Column("nav_after_base", "float64", "base currency", "Net asset value at the fallen prices.")),
        _of_the_whole(fraction("illiquid_before_frac", "Share of value that takes longer than the limit's sessions.")),
        _of_the_whole(fraction("illiquid_after_frac", "The same under stress.")),
        _of_the_whole(fraction("daily_liquidatable_before_frac", "Share of value that can be sold in one session.")),
        _of_the_whole(fraction("daily_liquidatable_after_frac", "The same under stress.")),
        _of_the_whole(non_negative("redemption_base", "base currency", "Redeemed within a week.")),
        _of_the_whole(non_negative("margin_call_base", "base currency", "Margin that must be posted.")),
        _of_the_whole(
            Column(
                "cash_available_base", "float64", "base currency", "Cash, and what sales of a week bring after costs."
            )
        ),
        _of_the_whole(
            Column(
                "cash_coverage_ratio",
                "float64",
                "ratio",
                "Cash available over redemption and margin call; null when nothing is due.",
            )
        ),
        _of_the_whole(
            non_negative(
                "daily_risk_before_base",
                "base currency",
                "One standard deviation of a day, of the positions that have correlations.",
            )
        ),
        _of_the_whole(
            non_negative("daily_risk_after_base", "base currency", "The same with stressed volatility and correlation.")
        ),
        _of_the_whole(fraction("daily_risk_covered_frac", "Share of gross value that has correlations.")),
        _of_the_whole(fraction("answered_frac", "Share of gross value whose stressed cost is known.")),
        Column(
            "reason",
            "string",
            "codes",
            "Why a number is missing or what was assumed, comma-separated; empty where all is known.",
        ),
        PORTFOLIO_ORIGIN,
    ),
)

REVERSE_STRESS = TableContract(
    name="reverse_stress",
    location="risk",
    group="stress",
    row_means="The smallest multiple of one scenario that breaks one limit of a portfolio, found by probing and bisection.",
    key=("session_date", "portfolio_id", "scenario", "limit"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        _SCENARIO,
        Column("limit", "string", "id", "Limit of the portfolio.", pattern=_NAME),
        Column(
            "place", "int64", "1", "Order of breaking within the scenario, 1 breaks first; ties by name.", minimum=1
        ),
        Column(
            "verdict",
            "string",
            "id",
            "Broken without stress, breaks at multiple, holds up to the largest multiple tried, or unknown.",
            allowed=("broken_already", "breaks", "holds", "unknown"),
        ),
        non_negative(
            "multiple",
            "times the scenario",
            "Smallest multiple found at which the limit is broken; null when it holds or is unknown.",
        ),
        non_negative(
            "last_safe_multiple", "times the scenario", "Largest multiple found below it at which the limit holds."
        ),
        Column(
            "monotone",
            "bool",
            "flag",
            "Headroom never rose with the multiple at any point evaluated: the multiple is then the smallest of them all.",
        ),
        Column("evaluations", "int64", "1", "Points at which the portfolio was stressed.", minimum=1),
        Column(
            "headroom_before",
            "float64",
            "unit of the limit",
            "Distance to the limit without stress; negative is broken.",
            nullable=True,
        ),
        Column("headroom_after", "float64", "unit of the limit", "The same under the scenario itself.", nullable=True),
        PORTFOLIO_ORIGIN,
    ),
)

STRESS_GRID = TableContract(
    name="stress_grid",
    location="risk",
    group="stress",
    row_means="One cell of a what-if grid on one portfolio: all positions meet the same fall, spread, volume, depth and volatility.",
    key=("session_date", "portfolio_id", "cell"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        Column("cell", "int64", "1", "Number of the cell, the last axis changing fastest.", minimum=0),
        BASE_CURRENCY,
        Column("price_fall_frac", "float64", "frac", "Share of the price lost; negative is a gain.", maximum=1.0),
        non_negative("spread_mult", "times", "Times the quoted spread.", nullable=False),
        Column(
            "volume_haircut_frac", "float64", "frac", "Share of daily volume lost; negative: it rises.", maximum=1.0
        ),
        fraction("depth_haircut_frac", "Share of resting depth lost.", nullable=False),
        non_negative("vol_mult", "times", "Times the daily volatility.", nullable=False),
        Column("price_loss_base", "float64", "base currency", "Value lost to the price; negative is a gain."),
        non_negative(
            "liquidation_cost_base", "base currency", "Cost of closing every position over its plan.", nullable=False
        ),
        Column("stressed_loss_base", "float64", "base currency", "Their sum."),
        Column("positions", "int64", "1", "Positions that entered.", minimum=0),
        Column("left_out", "int64", "1", "Positions without value or cost, which are in no number.", minimum=0),
        PORTFOLIO_ORIGIN,
    ),
)

LIQUIDATION_CASCADE = TableContract(
    name="liquidation_cascade",
    location="risk",
    group="stress",
    row_means="A first fall of one perpetual, the longs it liquidates by level, and where their forced sales into the visible bids end.",
    key=("session_date", "instrument_id", "case"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        Column(
            "case",
            "int64",
            "1",
            "Number of the case of the instrument, in the order the run asked for them.",
            minimum=0,
        ),
        Column(
            "depth_haircut_frac",
            "float64",
            "frac 0-1",
            "Share of the bids that is gone before the sales.",
            minimum=0.0,
            maximum=1.0,
        ),
        Column("first_fall_frac", "float64", "frac 0-1", "Fall that starts it.", minimum=0.0, maximum=1.0),
        Column(
            "price_before", "float64", "quote currency", "Price before the fall.", minimum=0.0, minimum_excluded=True
        ),
        Column(
            "price_after",
            "float64",
            "quote currency",
            "Price after the last forced sale; 0: no bid was left.",
            minimum=0.0,
        ),
        fraction("forced_fall_frac", "Fall caused by the forced sales alone.", nullable=False),
        Column("rounds", "int64", "1", "Rounds of liquidations.", minimum=0),
        Column("levels_reached", "int64", "1", "Levels liquidated.", minimum=0),
        non_negative(
            "liquidated_quote", "quote currency", "Value of the liquidated longs at the price before.", nullable=False
        ),
        non_negative("received_quote", "quote currency", "Money their sale brought.", nullable=False),
        fraction("unfilled_frac", "Share of the quantity that found no bid; null when nothing was sold."),
        fraction(
            "observed_level_frac",
            "Share of the quantity from levels that were seen, the rest modelled; null when nothing was sold.",
        ),
        fraction(
            "visible_fill_frac",
            "Share that visible bids took, the rest on assumed density; null when nothing was sold.",
        ),
        fraction("covered_frac", "Share of the open interest that the levels explain.", nullable=False),
        ORIGIN,
    ),
)

STRESS_CONTRACTS: tuple[TableContract, ...] = (STRESS_RESULTS, REVERSE_STRESS, STRESS_GRID, LIQUIDATION_CASCADE)
