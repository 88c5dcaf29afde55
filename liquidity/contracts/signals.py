"""Tables fed from outside: instruments and the four signals, with the status of their adapters.

All are keyed by instrument and session: adapters that are fed by issuer spread the value over the issuer's
instruments, so that a join never needs a second map.
"""

from liquidity.contracts._columns import (
    AGE_MARKET_S,
    ASSET_CLASS,
    INSTRUMENT_ID,
    ISSUER_ID,
    KNOWN_AT,
    OBSERVED_AT,
    QUALITY_FRAC,
    QUALITY_RULES,
    RATING,
    SECTOR,
    SESSION_DATE,
    SOURCE,
    fraction,
    non_negative,
)
from liquidity.contracts.table import Column, RowRule, TableContract
from liquidity.domain.instrument import CALENDARS

__all__ = ["ALT_SIGNALS", "AUCTION_MM", "INSTRUMENTS", "MACRO_SERIES", "MICROSTRUCTURE", "SENTIMENT", "SIGNAL_STATUS"]

_PROVENANCE = (OBSERVED_AT, KNOWN_AT, AGE_MARKET_S, SOURCE, QUALITY_FRAC, QUALITY_RULES)
_TIME_ORDER = RowRule("known_before_observed", "observed_at", "<=", "known_at")


def _price(name: str, meaning: str) -> Column:
    return Column(name, "float64", "price", meaning, nullable=True, minimum=0.0, minimum_excluded=True)


INSTRUMENTS = TableContract(
    name="instruments",
    location="pulse",
    group="signals",
    row_means="One instrument that was alive on the session, with its static facts as they were known then.",
    key=("session_date", "instrument_id"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        ISSUER_ID,
        SECTOR,
        RATING,
        Column(
            "currency",
            "string",
            "ISO 4217 or coin",
            "Currency of prices, depth and turnover.",
            pattern=r"^[A-Z0-9]{3,8}$",
        ),
        Column("calendar", "string", "id", "Trading calendar that says which days are sessions.", allowed=CALENDARS),
        Column("issue_date", "date", "day", "First settlement; null where unknown.", nullable=True),
        Column("maturity_date", "date", "day", "Redemption; null for perpetuals, equities and coins.", nullable=True),
        Column(
            "amount_outstanding",
            "float64",
            "instrument currency",
            "Face or market amount outstanding; null where unknown.",
            nullable=True,
            minimum=0.0,
            minimum_excluded=True,
        ),
        SOURCE,
    ),
    rules=(RowRule("matures_before_issue", "issue_date", "<", "maturity_date"),),
)

MICROSTRUCTURE = TableContract(
    name="microstructure",
    location="pulse",
    group="signals",
    row_means="What one venue showed of one instrument during one session: quotes, depth, trades.",
    key=("session_date", "instrument_id", "venue"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        Column("venue", "string", "id", "Venue or dealer group.", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$"),
        _price("bid", "Last bid of the session at which a holder can sell."),
        _price("ask", "Last ask of the session at which an investor can buy."),
        non_negative("quoted_spread_bps", "bps", "Full quoted spread over mid, by spread_method over the session."),
        Column(
            "spread_method",
            "string",
            "id",
            "How quoted_spread_bps was averaged; null when there is no quote.",
            nullable=True,
            allowed=("time_weighted", "snapshot_median", "closing_quote"),
        ),
        non_negative("depth_ccy", "instrument currency", "Resting amount on both sides within depth_band_bps of mid."),
        Column(
            "depth_band_bps",
            "float64",
            "bps",
            "Band on each side of mid that depth_ccy covers.",
            nullable=True,
            minimum=0.0,
            minimum_excluded=True,
        ),
        Column("l2_levels", "int64", "1", "Price levels seen on both sides.", nullable=True, minimum=0),
        _price("open", "First trade."),
        _price("high", "Highest trade."),
        _price("low", "Lowest trade."),
        _price("close", "Last trade."),
        Column(
            "adj_factor",
            "float64",
            "1",
            "Multiplier that makes prices comparable over splits and dividends.",
            nullable=True,
            minimum=0.0,
            minimum_excluded=True,
        ),
        _price("vwap", "Volume-weighted average trade price."),
        Column(
            "trades_count",
            "int64",
            "1",
            "Trades in the session; null where the source does not count.",
            nullable=True,
            minimum=0,
        ),
        non_negative(
            "turnover_ccy", "instrument currency", "Traded amount; null where unknown, 0 where known to be none."
        ),
        Column(
            "last_trade_at",
            "timestamp",
            "UTC",
            "Latest trade known by the session's close, possibly of an earlier session.",
            nullable=True,
        ),
        *_PROVENANCE,
    ),
    rules=(
        RowRule("crossed_quote", "bid", "<=", "ask"),
        RowRule("low_above_high", "low", "<=", "high"),
        RowRule("open_above_high", "open", "<=", "high"),
        RowRule("close_above_high", "close", "<=", "high"),
        RowRule("open_below_low", "low", "<=", "open"),
        RowRule("close_below_low", "low", "<=", "close"),
        _TIME_ORDER,
    ),
)

ALT_SIGNALS = TableContract(
    name="alt_signals",
    location="pulse",
    group="signals",
    row_means="One alternative-data reading (traffic or toll, utilities, ESG) that speaks for one instrument's issuer.",
    key=("session_date", "instrument_id", "kind"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        Column("kind", "string", "id", "Which proxy.", allowed=("traffic", "utilities", "esg")),
        ISSUER_ID,
        Column("value", "float64", "see unit", "Reading, higher is better for the issuer.", minimum=-1e9, maximum=1e9),
        Column(
            "unit",
            "string",
            "id",
            "Unit of value; index_100 is 100 at the issuer's own base period.",
            allowed=("index_100", "score_0_100"),
        ),
        *_PROVENANCE,
    ),
    rules=(_TIME_ORDER,),
)

AUCTION_MM = TableContract(
    name="auction_mm",
    location="pulse",
    group="signals",
    row_means="Auction demand and market-maker presence for one instrument in one session.",
    key=("session_date", "instrument_id"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        non_negative(
            "auction_demand", "ratio", "Amount bid over amount offered in the latest auction; null when there was none."
        ),
        Column("auction_at", "timestamp", "UTC", "Time of that auction.", nullable=True),
        fraction("mm_online_ratio", "Share of the session's open time with a two-way dealer quote."),
        non_negative("mm_spread_bps", "bps", "Median full spread of dealer quotes."),
        Column("quotes_count", "int64", "1", "Two-way quotes seen in the session.", nullable=True, minimum=0),
        Column(
            "mm_inventory_band",
            "string",
            "id",
            "Dealer inventory as published.",
            nullable=True,
            allowed=("short", "flat", "long"),
        ),
        *_PROVENANCE,
    ),
    rules=(_TIME_ORDER,),
)

SENTIMENT = TableContract(
    name="sentiment",
    location="pulse",
    group="signals",
    row_means="Tone and attention of news and social media on one instrument's issuer in one session, each story counted once.",
    key=("session_date", "instrument_id"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ISSUER_ID,
        Column(
            "sentiment_score",
            "float64",
            "-1..1",
            "Mean tone, -1 worst, +1 best; null without a story.",
            nullable=True,
            minimum=-1.0,
            maximum=1.0,
        ),
        non_negative("buzz_volume", "stories", "Attention, unsigned.", nullable=False),
        Column("topics", "string", "names", "Topics seen, comma-separated and sorted; empty when none."),
        *_PROVENANCE,
    ),
    rules=(_TIME_ORDER,),
)

MACRO_SERIES = TableContract(
    name="macro_series",
    location="pulse",
    group="signals",
    row_means="One published observation of a macroeconomic or reference series.",
    key=("session_date", "series_id"),
    on_bad_row="quarantine",
    columns=(
        SESSION_DATE,
        Column(
            "series_id", "string", "id", "Series name within its source.", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$"
        ),
        Column("value", "float64", "see unit", "Observation.", minimum=-1e12, maximum=1e12),
        Column("unit", "string", "id", "Unit of value.", pattern=r"^[A-Za-z0-9][A-Za-z0-9_ ./-]{0,79}$"),
        OBSERVED_AT,
        SOURCE,
    ),
)

SIGNAL_STATUS = TableContract(
    name="signal_status",
    location="pulse",
    group="signals",
    row_means="How one adapter fared in one session: what it delivered, for whom, and what is missing.",
    key=("session_date", "adapter"),
    columns=(
        SESSION_DATE,
        Column(
            "adapter", "string", "id", "Adapter.", allowed=("alt_signals", "microstructure", "auction_mm", "sentiment")
        ),
        Column(
            "state",
            "string",
            "id",
            "active: delivered; degraded: delivered below the coverage or quality threshold; missing: no feed configured or no row; error: raised; closed: no session.",
            allowed=("active", "degraded", "missing", "error", "closed"),
        ),
        Column("rows_count", "int64", "1", "Rows delivered and accepted.", minimum=0),
        fraction("coverage_frac", "Instruments with a row over instruments expected; null on a closed day."),
        Column("missing_count", "int64", "1", "Expected instruments without a row.", minimum=0),
        Column("missing_ids", "string", "ids", "The first 50 of them, comma-separated and sorted."),
        fraction("quality_frac", "Mean quality of the accepted rows; null without rows."),
        non_negative("collect_seconds", "s", "Time the adapter took.", nullable=False),
        Column("detail", "string", "text", "Why the state is not active; empty when it is."),
    ),
)
