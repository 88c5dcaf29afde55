"""Tables of the liability side and of supervisors: fund flows, redemption risk and coverage, buckets and tests.

Read next: ``liquidity/portfolio/liability_tables.py`` and ``liquidity/regulation/packs.py`` (who fills them).
"""

from typing import Final

from liquidity.contracts._columns import (
    INSTRUMENT_ID,
    OBSERVED_AT,
    PORTFOLIO_ORIGIN,
    SESSION_DATE,
    SOURCE,
    fraction,
    non_negative,
)
from liquidity.contracts.risk_positions import BASE_CURRENCY, PORTFOLIO_ID
from liquidity.contracts.table import Column, TableContract

__all__ = [
    "ALL_INVESTORS",
    "FUND_FLOWS",
    "REDEMPTION_COVERAGE",
    "REDEMPTION_RISK",
    "REGIMES",
    "REGULATION_CONTRACTS",
    "REGULATORY_BUCKETS",
    "REGULATORY_TESTS",
]

ALL_INVESTORS: Final = "all"
"""``investor_type`` of the whole fund."""
REGIMES: Final = ("sec22e4", "esma", "sebi", "frtb")

_NAME: Final = r"^[a-z][a-z0-9_]{1,59}$"
_INVESTOR = Column("investor_type", "string", "id", "Kind of holder as the fund's registrar tells it.", pattern=_NAME)
_REGIME = Column("regime", "string", "id", "Rules that the row belongs to.", allowed=REGIMES)


def _text(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, "string", "text", meaning, nullable=nullable)


def _number(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "float64", unit, meaning, nullable=True)


FUND_FLOWS = TableContract(
    name="fund_flows",
    location="risk",
    group="portfolio",
    row_means="What holders of one type redeemed from and subscribed to a fund on a session.",
    key=("session_date", "portfolio_id", "investor_type"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        _INVESTOR,
        BASE_CURRENCY,
        non_negative("redemptions_base", "base currency", "Money redeemed, gross.", nullable=False),
        non_negative("subscriptions_base", "base currency", "Money subscribed, gross.", nullable=False),
        non_negative("nav_base", "base currency", "Net asset value of these holders before the day's flows.", nullable=False),
        fraction("top_holder_frac", "Share of the fund's net asset value that the largest holder of the type has; null where unknown."),
        OBSERVED_AT,
        SOURCE,
    ),
)  # fmt: skip

REDEMPTION_RISK = TableContract(
    name="redemption_risk",
    location="risk",
    group="liability",
    row_means="Redemptions of one type of holders that are rarely exceeded over a horizon, and whether such numbers were right.",
    key=("session_date", "portfolio_id", "investor_type", "flow", "horizon_sessions", "confidence"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        _INVESTOR,
        Column("flow", "string", "id", "gross: redemptions alone; net: less subscriptions.", allowed=("gross", "net")),
        Column("horizon_sessions", "int64", "sessions", "Sessions over which flows are added up.", minimum=1),
        Column("confidence", "string", "frac 0-1", "Level, such as 0.95."),
        BASE_CURRENCY,
        _number("redemption_at_risk_frac", "frac of net asset value", "Historical quantile of the outflow; negative is an inflow."),
        _number("low_frac", "frac of net asset value", "Lower end of its 90 % bootstrap interval."),
        _number("high_frac", "frac of net asset value", "Upper end."),
        _number("conditional_frac", "frac of net asset value", "Mean outflow beyond it (conditional redemption at risk)."),
        _number("redemption_at_risk_base", "base currency", "Redemption at risk times today's net asset value of these holders."),
        _number("conditional_base", "base currency", "The same for the conditional one."),
        Column("observations", "int64", "1", "Windows that the quantile rests on; they overlap.", minimum=0),
        Column("tested", "int64", "1", "Windows, not overlapping, that were forecast from earlier ones.", minimum=0),
        Column("exceptions", "int64", "1", "Of these, above the forecast.", minimum=0),
        fraction("kupiec_p", "p-value that the share of exceptions is right; null without test."),
        Column("backtest", "string", "id", "pass: 5 % do not reject; fail; untested.", allowed=("pass", "fail", "untested")),
        _text("reason", "Why there is no number; empty where there is one."),
        SOURCE,
    ),
)  # fmt: skip

REDEMPTION_COVERAGE = TableContract(
    name="redemption_coverage",
    location="risk",
    group="liability",
    row_means="Can a redemption be paid in time from one portfolio in one market, and who bears its cost.",
    key=("session_date", "portfolio_id", "market", "redemption", "horizon_sessions"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        Column("market", "string", "id", "calm, stressed (the settings' shock), or the name of a scenario.", pattern=_NAME),
        Column("redemption", "string", "id", "What is redeemed: at_risk_99, assumed, top_holder.", pattern=_NAME),
        Column("horizon_sessions", "int64", "sessions", "Sessions until it must be paid.", minimum=1),
        BASE_CURRENCY,
        non_negative("redemption_base", "base currency", "Money redeemed; null where unknown."),
        _number("redemption_frac", "frac of net asset value", "The same over net asset value."),
        non_negative("usable_waterfall_base", "base currency", "Money from selling everything as fast as its market takes it, net of cost."),
        non_negative("usable_slicing_base", "base currency", "Money from selling one share of everything."),
        _number("coverage_waterfall_ratio", "ratio", "Usable over redeemed; below 1 is a shortfall."),
        _number("coverage_slicing_ratio", "ratio", "The same for slicing."),
        non_negative("shortfall_base", "base currency", "What the waterfall leaves unpaid."),
        fraction("largest_waterfall_frac", "Largest redemption, as a share of net asset value, that the waterfall pays."),
        fraction("largest_slicing_frac", "Largest one that slicing pays."),
        non_negative("sale_cost_base", "base currency", "Cost of selling slices for the redemption; null where a slice has no cost."),
        non_negative("swing_factor_bps", "bps", "That cost over the redemption: with it on the price, remaining holders lose nothing."),
        non_negative("dilution_bps", "bps", "Loss of the remaining holders' net asset value without it."),
        Column("swung", "bool", "flag", "Whether the redemption is above the partial-swing threshold.", nullable=True),
        _text("reason", "Why there is no number; empty where there is one."),
        PORTFOLIO_ORIGIN,
    ),
)  # fmt: skip

REGULATORY_BUCKETS = TableContract(
    name="regulatory_buckets",
    location="risk",
    group="reports",
    row_means="One position, or the cash, as one regime sees it.",
    key=("session_date", "portfolio_id", "regime", "instrument_id"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        _REGIME,
        INSTRUMENT_ID,
        _text("bucket", "Class of the regime; null where the position cannot be classified.", nullable=True),
        _number("value_base", "base currency", "Signed value; null without a price."),
        _number("net_assets_frac", "frac of net assets", "Value over net assets; null where there are none."),
        fraction("considered_frac", "Share of the position that the times and costs are told for."),
        non_negative("sell_sessions", "sessions", "Sessions until that share is sold; null is never or not asked."),
        non_negative("cash_sessions", "sessions", "The same until the money is there."),
        non_negative("cost_bps", "bps", "Cost of that sale: SEC impact beyond the spread, else the whole cost; null where unknown or not asked."),
        fraction("liquid_weight_frac", "Share of the value that counts as liquid; null where the regime has no weights."),
        non_negative("liquidity_horizon_days", "days", "Liquidity horizon of the risk factors; null where the regime has none."),
        _text("reason", "Why it is not classified, or what was assumed; empty where nothing needs saying."),
        PORTFOLIO_ORIGIN,
    ),
)  # fmt: skip

REGULATORY_TESTS = TableContract(
    name="regulatory_tests",
    location="risk",
    group="reports",
    row_means="One number of a report pack: value, bound, pass or fail, how it is made and from what.",
    key=("session_date", "portfolio_id", "regime", "test"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        _REGIME,
        Column("test", "string", "id", "Name, unique in the pack.", pattern=_NAME),
        _number("value", "see unit", "The number; null where it cannot be said."),
        _text("unit", "Unit of value and bound."),
        _number("bound", "see unit", "Largest or smallest allowed value; null for a number that is only told."),
        Column("side", "string", "id", "Which side of the bound is allowed.", allowed=("most", "least", "told")),
        Column("passed", "bool", "flag", "Whether it holds; null without bound or number.", nullable=True),
        _text("formula", "How the number is made."),
        Column("basis", "string", "id", "Where the bound comes from.", allowed=("rule", "guideline", "judgement", "setting", "told")),
        _text("rule", "Source of the bound or of the number."),
        _text("rule_date", "Day from which the source applies; null for a number that is only told.", nullable=True),
        _text("tables", "Lineage: tables, session and rows that were read."),
        _text("reason", "Why there is no number, or what it hangs on; empty where nothing needs saying."),
        PORTFOLIO_ORIGIN,
    ),
)  # fmt: skip

REGULATION_CONTRACTS: Final = (
    FUND_FLOWS,
    REDEMPTION_RISK,
    REDEMPTION_COVERAGE,
    REGULATORY_BUCKETS,
    REGULATORY_TESTS,
)
"""Tables of the liability side and of the report packs, in the order they are made."""
