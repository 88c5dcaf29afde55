"""Tables of leverage: how near each levered position is to liquidation, and how each account's margin is used.

Read next: ``liquidity/portfolio/leverage_table.py``, which fills them.
"""

from typing import Final

from liquidity.contracts._columns import INSTRUMENT_ID, SESSION_DATE, SOURCE, fraction, non_negative, points
from liquidity.contracts.risk_positions import ACCOUNT, PORTFOLIO_ID
from liquidity.contracts.table import Column, TableContract

__all__ = ["LEVERAGE_CONTRACTS", "LEVERAGE_RISK", "MARGIN_LEVELS", "MARGIN_USE"]

MARGIN_LEVELS: Final = ("ok", "warn", "alert", "liquidation", "unknown")
"""How an account's margin stands, best first; ``liquidation``: maintenance is no longer covered."""

_CURRENCY = Column("currency", "string", "ISO 4217 or coin", "Currency of the row's money.", pattern=r"^[A-Z0-9]{3,8}$")
_REASON = Column(
    "reason", "string", "codes", "Why numbers of the row are missing, comma-separated; empty where none is."
)


def _number(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "float64", unit, meaning, nullable=True)


def _price(name: str, meaning: str) -> Column:
    return Column(name, "float64", "currency per unit", meaning, nullable=True, minimum=0.0, minimum_excluded=True)


LEVERAGE_RISK = TableContract(
    name="leverage_risk",
    location="risk",
    group="leverage",
    row_means="One levered position at the end of the session: its modelled liquidation price, how far that is, what rests before it, and the leverage the market allows.",
    key=("session_date", "portfolio_id", "instrument_id", "account"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        INSTRUMENT_ID,
        ACCOUNT,
        _CURRENCY,
        Column("margin_mode", "string", "id", "How it is margined; null where not stated.", nullable=True, allowed=("isolated", "cross")),
        _number("quantity", "base units", "Signed; negative is short."),
        _price("mark", "Price that margin is counted at: the holder's of the session, else the market's."),
        non_negative("notional_ccy", "currency", "Value of the position."),
        _number("pnl_ccy", "currency", "Unrealised profit; negative is a loss."),
        non_negative("leverage_set", "ratio", "Leverage set at the venue."),
        non_negative("leverage_effective", "ratio", "Notional over the equity behind it: its own (isolated), or of the whole cross account; null where that is 0 or below."),
        non_negative("initial_ccy", "currency", "Initial margin: notional over the leverage set."),
        non_negative("maintenance_ccy", "currency", "Maintenance margin in the venue's brackets."),
        _price("liquidation_price", "Modelled price at which the venue closes it, other marks standing; null with an empty reason where no price does."),
        _price("bankruptcy_price", "Price at which the equity behind it is gone."),
        _number("distance_frac", "frac", "How far the mark may move against it; 0 or below where liquidation is due."),
        _number("distance_sigmas", "daily standard deviations", "The same over daily volatility."),
        _number("distance_atrs", "average true ranges", "The same over the mean true range of 14 days."),
        non_negative("volatility_daily_frac", "frac", "Standard deviation of daily returns, of the liquidity surface."),
        non_negative("exit_cost_now_bps", "bps", "Expected cost of closing all of it at once, of the liquidity surface."),
        non_negative("depth_to_liquidation_ccy", "currency", "What the market takes between mark and liquidation price."),
        non_negative("depth_cover", "ratio", "The same over the position; below 1 it cannot be closed in time at once."),
        Column("depth_basis", "string", "id", "What that rests on: the visible book, all of it where the price lies beyond its edge, or the cost surface.", allowed=("book", "book_edge", "surface", "none")),
        points("liquidation_risk_score", "0 cannot be liquidated, 100 is at the liquidation price."),
        points("volatility_risk_score", "0 does not move; 50 at 5 % a day."),
        non_negative("depth_ratio", "ratio", "Depth per bp over its median of 20 sessions."),
        non_negative("leverage_limit", "ratio", "Largest leverage whose liquidation price lies 4 daily standard deviations and the exit cost away, at most the bracket's."),
        non_negative("leverage_recommended", "ratio", "What volatility and missing depth leave of the limit."),
        Column("above_recommended", "bool", "1", "The effective leverage is above it; null where either is unknown.", nullable=True),
        _number("funding_day_ccy", "currency per day", "Funding at the newest rate; positive is paid, negative received."),
        _number("adl_score", "1", "Rank for auto-deleveraging: profit times effective leverage; below 0 loses."),
        Column("forced_outcome", "string", "id", "End of the venue's partial closes with only its maintenance margin behind it; null where the venue's rules are not known.", nullable=True, allowed=("none", "restored", "closed", "backstop")),
        non_negative("forced_cost_bps", "bps", "Cost of those closes over the position."),
        Column("margin_basis", "string", "id", "Where the brackets come from; null where there are none.", nullable=True, allowed=("published", "demo")),
        Column("margin_as_of", "date", "UTC day", "Day the brackets were valid.", nullable=True),
        _REASON,
        SOURCE,
    ),
)  # fmt: skip

MARGIN_USE = TableContract(
    name="margin_use",
    location="risk",
    group="leverage",
    row_means="Margin of one account in one currency at the end of the session, and the joint moves that would liquidate what it margins together.",
    key=("session_date", "portfolio_id", "account", "currency"),
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        ACCOUNT,
        _CURRENCY,
        Column("positions_n", "int64", "1", "Levered positions.", minimum=0),
        Column("cross_n", "int64", "1", "Those that share the account's equity.", minimum=0),
        _number("equity_ccy", "currency", "Equity at the marks; may be negative."),
        _number("cross_equity_ccy", "currency", "Equity less what isolated positions hold."),
        non_negative("notional_ccy", "currency", "Gross value of the positions."),
        non_negative("initial_ccy", "currency", "Initial margin in use."),
        non_negative("maintenance_ccy", "currency", "Maintenance margin."),
        _number("available_ccy", "currency", "Equity less initial margin; below 0 nothing can be opened."),
        non_negative("use_frac", "frac", "Initial margin over equity."),
        non_negative("ratio_frac", "frac", "Maintenance over equity of the worst pool: the cross account or one isolated position; 1 is liquidation."),
        non_negative("leverage_effective", "ratio", "Gross value over equity."),
        Column("level", "string", "id", "How margin stands; use above 60 % or a ratio above 40 % warns, 80 % or 70 % alerts.", allowed=MARGIN_LEVELS),
        fraction("fall_frac", "Common fall of all marks that liquidates the cross positions; null where none does."),
        non_negative("rise_frac", "frac", "Common rise that does; null where none does."),
        non_negative("adverse_sigmas", "daily standard deviations", "Joint move against the cross positions that does, in standard deviations along its likeliest direction; null where none does or a correlation is missing."),
        Column("adverse_moves", "string", "text", "That move: instrument and return, largest first; empty where none."),
        Column("adl_instrument_id", "string", "id", "Cross position in profit that auto-deleveraging would take first.", nullable=True),
        non_negative("adl_adverse_sigmas", "daily standard deviations", "adverse_sigmas after it is taken at its mark; null where none is in profit or nothing liquidates the rest."),
        _number("funding_day_ccy", "currency per day", "Funding of the positions whose rate is known; positive is paid."),
        _REASON,
        SOURCE,
    ),
)  # fmt: skip

LEVERAGE_CONTRACTS: Final = (LEVERAGE_RISK, MARGIN_USE)
"""Tables of leverage, in the order they are written."""
