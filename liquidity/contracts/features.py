"""Tables computed from signals: the daily panel, its rolling statistics, and the features that enter the indices."""

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
)
from liquidity.contracts.table import Column, TableContract
from liquidity.domain.instrument import CALENDARS

__all__ = [
    "LIQUIDITY_FEATURES",
    "LIQUIDITY_MEASURES",
    "PANEL_SIGNALS",
    "ROLLING_STATISTICS",
    "ROLLING_WINDOWS_DAYS",
    "SCORED_FEATURES",
    "SIGNAL_PANEL",
]

ROLLING_WINDOWS_DAYS = (7, 30, 90)

# Signals whose rolling statistics are kept; names and units are those of the columns of SIGNAL_PANEL.
PANEL_SIGNALS: tuple[str, ...] = (
    "spread_bps",
    "depth_density",
    "turnover_velocity",
    "turnover_ccy",
    "mm_online_ratio",
    "auction_demand",
    "time_since_last_trade_h",
    "traffic_index",
    "utilities_index",
    "sentiment_signed",
    "buzz_volume",
    "return_frac",
)

# Features that a weight profile may name, each with a 0-1 rank in LIQUIDITY_FEATURES (<name>_own_rank_frac).
SCORED_FEATURES: tuple[str, ...] = (
    "spread_bps",
    "depth_density",
    "turnover_velocity",
    "turnover_ccy",
    "amihud_per_m",
    "mm_online_ratio",
    "auction_demand",
    "time_since_last_trade_h",
    "zero_trade_share_frac",
    "traffic_index",
    "utilities_index",
    "sentiment_intensity",
    "buzz_volume",
    "spread_stability",
    "depth_stability",
)

_SIGNED = {"sentiment_signed", "sentiment_intensity", "return_frac", "traffic_index", "utilities_index"}
_MEANING: dict[str, tuple[str, str]] = {
    "spread_bps": (
        "bps",
        "Full spread over mid: the venue's quoted spread, or an estimate from prices where none is quoted (see spread_origin).",
    ),
    "depth_density": ("instrument currency per bp", "Resting depth within the band divided by the band's width."),
    "turnover_velocity": ("frac per day", "Session turnover over amount outstanding."),
    "turnover_ccy": ("instrument currency", "Session turnover."),
    "amihud_per_m": ("frac per million currency", "Mean |return| per million traded over 30 days (Amihud 2002)."),
    "mm_online_ratio": ("frac 0-1", "Share of open time with a two-way dealer quote."),
    "auction_demand": ("ratio", "Bid over offered amount of the latest auction."),
    "time_since_last_trade_h": ("market hours", "Open hours since the latest trade."),
    "zero_trade_share_frac": ("frac 0-1", "Share of the last 30 days' sessions without a trade."),
    "traffic_index": ("index", "Traffic or toll reading, seasonally adjusted."),
    "utilities_index": ("index", "Utilities reading, seasonally adjusted."),
    "sentiment_signed": ("-1..1", "Mean tone."),
    "sentiment_intensity": ("-1..1", "Mean signed tone over 7 days."),
    "buzz_volume": ("stories", "Attention; in the features signed by the tone, so that scandal counts against."),
    "spread_stability": ("frac 0-1", "1 / (1 + coefficient of variation) of the spread over 30 days; 1 is constant."),
    "depth_stability": ("frac 0-1", "The same of depth_density."),
    "return_frac": ("frac", "Close over the previous observed close, adjusted, minus 1."),
}


def _measure(name: str, *, signed: bool = False) -> Column:
    """Column of a signal or feature, its range following from its unit; ``signed`` allows values below 0."""
    unit, meaning = _MEANING[name]
    lower = None if signed or name in _SIGNED else 0.0
    upper = 1.0 if unit in ("frac 0-1", "-1..1") else None
    if unit == "-1..1" or name == "return_frac":
        lower = -1.0
    return Column(name, "float64", unit, meaning, nullable=True, minimum=lower, maximum=upper)


SIGNAL_PANEL = TableContract(
    name="signal_panel",
    location="pulse",
    group="features",
    row_means="The signals of one instrument in one session side by side, one number each, over all venues.",
    key=("session_date", "instrument_id"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        ISSUER_ID,
        SECTOR,
        RATING,
        Column("calendar", "string", "id", "Trading calendar.", allowed=CALENDARS),
        Column("currency", "string", "id", "Currency of the row's amounts.", pattern=r"^[A-Z0-9]{3,8}$"),
        Column("maturity_date", "date", "day", "Redemption.", nullable=True),
        Column("issue_date", "date", "day", "First settlement.", nullable=True),
        non_negative("amount_outstanding", "instrument currency", "Amount outstanding."),
        *(_measure(name) for name in PANEL_SIGNALS if name != "return_frac"),
        Column("open", "float64", "price", "First trade, adjusted.", nullable=True, minimum=0.0),
        Column("high", "float64", "price", "Highest trade, adjusted.", nullable=True, minimum=0.0),
        Column("low", "float64", "price", "Lowest trade, adjusted.", nullable=True, minimum=0.0),
        Column("close", "float64", "price", "Last trade, adjusted.", nullable=True, minimum=0.0),
        Column("trades_count", "int64", "1", "Trades over all venues.", nullable=True, minimum=0),
        non_negative("micro_age_s", "s of market time", "Age of the microstructure row at the close."),
        non_negative("alt_age_s", "s of market time", "Age of the oldest alternative reading."),
        non_negative("auction_age_s", "s of market time", "Age of the auction reading."),
        non_negative("sentiment_age_s", "s of market time", "Age of the newest story."),
        fraction("micro_quality_frac", "Quality of the microstructure row."),
        fraction("alt_quality_frac", "Quality of the alternative readings."),
        fraction("auction_quality_frac", "Quality of the auction row."),
        fraction("sentiment_quality_frac", "Quality of the sentiment row."),
        SOURCE,
    ),
)

ROLLING_STATISTICS = TableContract(
    name="rolling_statistics",
    location="pulse",
    group="features",
    row_means="Nine statistics of one signal of one instrument over the window (session - window_days, session], past only.",
    key=("session_date", "instrument_id", "signal", "window_days"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        Column(
            "signal",
            "string",
            "id",
            "Column of signal_panel, or return_frac made from its closes.",
            allowed=PANEL_SIGNALS,
        ),
        Column("window_days", "int64", "calendar days", "Length of the window.", minimum=1),
        Column("n", "int64", "1", "Observations in the window.", minimum=1),
        Column("mean", "float64", "as signal", "Arithmetic mean.", nullable=True),
        Column(
            "std",
            "float64",
            "as signal",
            "Sample standard deviation (ddof 1); null for one observation.",
            nullable=True,
            minimum=0.0,
        ),
        Column("min", "float64", "as signal", "Smallest.", nullable=True),
        Column("max", "float64", "as signal", "Largest.", nullable=True),
        Column(
            "z", "float64", "1", "(newest - mean) / std; null without spread or without a newest value.", nullable=True
        ),
        Column("median", "float64", "as signal", "Median.", nullable=True),
        Column("q90", "float64", "as signal", "90 % quantile, linear interpolation.", nullable=True),
        Column(
            "mad",
            "float64",
            "as signal",
            "Median absolute deviation from the median, unscaled.",
            nullable=True,
            minimum=0.0,
        ),
        Column(
            "slope",
            "float64",
            "as signal per day",
            "Least-squares slope against calendar days; null for one distinct day.",
            nullable=True,
        ),
    ),
)

LIQUIDITY_MEASURES = TableContract(
    name="liquidity_measures",
    location="pulse",
    group="features",
    row_means="One liquidity measure of one instrument as of one session, over the measure's own window, past only.",
    key=("session_date", "instrument_id", "measure"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        Column(
            "measure",
            "string",
            "id",
            "Measure; the registry page lists formula, unit and direction.",
            pattern=r"^[a-z][a-z0-9_]{1,39}$",
        ),
        Column(
            "value", "float64", "see unit", "The measure; null with a reason when it cannot be measured.", nullable=True
        ),
        Column("unit", "string", "id", "Unit of value."),
        Column("observations_n", "int64", "1", "Sessions with usable input in the window.", minimum=0),
        Column("reason", "string", "text", "Why value is null; empty when it is not."),
    ),
)

LIQUIDITY_FEATURES = TableContract(
    name="liquidity_features",
    location="pulse",
    group="features",
    row_means="The features of one instrument in one session that indices are made of, each with its rank in its own history.",
    key=("session_date", "instrument_id"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        ISSUER_ID,
        SECTOR,
        RATING,
        Column("maturity_date", "date", "day", "Redemption.", nullable=True),
        Column("issue_date", "date", "day", "First settlement.", nullable=True),
        non_negative("amount_outstanding", "instrument currency", "Amount outstanding."),
        Column("currency", "string", "id", "Currency of the row's amounts.", pattern=r"^[A-Z0-9]{3,8}$"),
        *(_measure(name, signed=name == "buzz_volume") for name in SCORED_FEATURES),
        *(
            fraction(
                f"{name}_own_rank_frac",
                f"Mid-rank of {name} among the instrument's own earlier sessions of the last 90 days; high means a high value. Null below 10 of them.",
            )
            for name in SCORED_FEATURES
        ),
        Column("history_n", "int64", "1", "Earlier sessions in the last 90 days.", minimum=0),
        Column(
            "spread_origin",
            "string",
            "id",
            "Where spread_bps comes from.",
            nullable=True,
            allowed=("quoted", "edge", "abdi_ranaldo", "corwin_schultz", "roll"),
        ),
        Column(
            "anomaly_flags",
            "string",
            "names",
            "Features whose newest value is a robust outlier of its own history, comma-separated and sorted.",
        ),
        non_negative("volatility_daily_frac", "frac", "Sample standard deviation of daily returns over 30 days."),
        *(
            fraction(
                f"{group}_weight_frac",
                f"Trust in the {group} inputs: freshness weight times quality; 0 is stale or absent.",
                nullable=False,
            )
            for group in ("micro", "alt", "auction", "sentiment")
        ),
        *(
            non_negative(
                f"{group}_age_s", "s of market time", f"Age of the {group} inputs at the close; null where absent."
            )
            for group in ("micro", "alt", "auction", "sentiment")
        ),
        SOURCE,
    ),
)
