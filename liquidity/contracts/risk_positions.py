"""Tables of what is held: positions, accounts, and the rates that bring them into one currency.

Read next: ``risk_portfolio.py`` (what is derived from them), ``liquidity/portfolio/holdings_table.py``.
"""

from typing import Final

from liquidity.contracts._columns import INSTRUMENT_ID, OBSERVED_AT, SESSION_DATE, SOURCE
from liquidity.contracts.table import Column, TableContract

__all__ = [
    "ACCOUNT",
    "ACCOUNTS",
    "BASE_CURRENCY",
    "FX_RATES",
    "PORTFOLIO_ID",
    "PORTFOLIO_KINDS",
    "POSITIONS",
    "POSITION_CONTRACTS",
]

_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$"
_CURRENCY: Final = r"^[A-Z0-9]{3,8}$"

PORTFOLIO_KINDS: Final = ("fund", "crypto_book")
"""A fund has units that holders may redeem; a crypto book has margin accounts at venues."""

PORTFOLIO_ID = Column("portfolio_id", "string", "id", "Portfolio as its owner names it.", pattern=_NAME)
ACCOUNT = Column(
    "account", "string", "id", "Custody or margin account; of a venue's account, the venue.", pattern=_NAME
)
BASE_CURRENCY = Column(
    "base_currency", "string", "ISO 4217 or coin", "Currency the portfolio is reported in.", pattern=_CURRENCY
)
_STATED_AT = Column(
    "observed_at",
    "timestamp",
    "UTC",
    "When the holder stated it; a statement that is carried forward keeps its moment.",
)

POSITIONS = TableContract(
    name="positions",
    location="risk",
    group="portfolio",
    row_means="One instrument held in one account of a portfolio at the end of the session.",
    key=("session_date", "portfolio_id", "instrument_id", "account"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        INSTRUMENT_ID,
        ACCOUNT,
        Column(
            "quantity",
            "float64",
            "units of the price",
            "Signed amount held, negative is short: coins, shares, contracts in coins; of a bond quoted per 100, face amount / 100. Quantity times price is money.",
            minimum=-1e15,
            maximum=1e15,
        ),
        Column(
            "entry_price",
            "float64",
            "instrument currency per unit",
            "Mean price paid; null where unknown.",
            nullable=True,
            minimum=0.0,
            minimum_excluded=True,
        ),
        Column(
            "price",
            "float64",
            "instrument currency per unit",
            "The holder's own mark; null where the market's price is to be used.",
            nullable=True,
            minimum=0.0,
            minimum_excluded=True,
        ),
        Column("currency", "string", "ISO 4217 or coin", "Currency of the prices.", pattern=_CURRENCY),
        Column(
            "margin_mode",
            "string",
            "id",
            "How the position is margined; null where it is paid in full.",
            nullable=True,
            allowed=("isolated", "cross"),
        ),
        Column(
            "leverage",
            "float64",
            "ratio",
            "Leverage set at the venue; null where the position is paid in full.",
            nullable=True,
            minimum=0.0,
            maximum=1000.0,
            minimum_excluded=True,
        ),
        Column(
            "settlement_days",
            "int64",
            "sessions",
            "Sessions from sale to cash; null takes the asset class's usual.",
            nullable=True,
            minimum=0,
            maximum=60,
        ),
        _STATED_AT,
        SOURCE,
    ),
)

ACCOUNTS = TableContract(
    name="accounts",
    location="risk",
    group="portfolio",
    row_means="Money of one currency in one account of a portfolio at the end of the session.",
    key=("session_date", "portfolio_id", "account", "currency"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        PORTFOLIO_ID,
        ACCOUNT,
        Column("currency", "string", "ISO 4217 or coin", "Currency of the row's money.", pattern=_CURRENCY),
        Column("kind", "string", "id", "Kind of the portfolio.", allowed=PORTFOLIO_KINDS),
        BASE_CURRENCY,
        Column(
            "cash",
            "float64",
            "currency of the row",
            "Money in the account; negative is owed.",
            minimum=-1e18,
            maximum=1e18,
        ),
        Column(
            "equity",
            "float64",
            "currency of the row",
            "Equity of a margin account as the venue tells it, unrealised gains included; may be negative; null where equity is cash plus the value of what is held.",
            nullable=True,
            minimum=-1e18,
            maximum=1e18,
        ),
        Column(
            "units",
            "float64",
            "fund units",
            "Units in issue, stated with one row of the portfolio; null elsewhere.",
            nullable=True,
            minimum=0.0,
        ),
        _STATED_AT,
        SOURCE,
    ),
)

FX_RATES = TableContract(
    name="fx_rates",
    location="risk",
    group="portfolio",
    row_means="What one unit of a currency was worth in another at the end of the session.",
    key=("session_date", "currency", "base_currency"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        Column("currency", "string", "ISO 4217 or coin", "Currency that is priced.", pattern=_CURRENCY),
        Column("base_currency", "string", "ISO 4217 or coin", "Currency of the price.", pattern=_CURRENCY),
        Column(
            "rate",
            "float64",
            "base_currency per currency",
            "Units of base_currency for one unit of currency.",
            minimum=0.0,
            minimum_excluded=True,
        ),
        OBSERVED_AT,
        SOURCE,
    ),
)

POSITION_CONTRACTS: Final = (POSITIONS, ACCOUNTS, FX_RATES)
"""Tables of holdings, in the order they are written."""
