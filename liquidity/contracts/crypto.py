"""Order books, trades and derivatives of crypto venues: what was recorded, what it says, and the daily liquidity.

The level changes themselves stay in the tape segments: ``book_deltas`` holds one audited segment a row. Amounts in
``_quote`` are in the quote currency of the instrument, contract units honoured. Read next: ``signals.py``, whose
``microstructure`` the daily liquidity completes.
"""

from liquidity.contracts._columns import INSTRUMENT_ID, SESSION_DATE, SOURCE, fraction, non_negative, points
from liquidity.contracts.table import Column, RowRule, TableContract

__all__ = [
    "BOOK_DAILY",
    "BOOK_DELTAS",
    "BOOK_FEATURES",
    "BOOK_SNAPSHOTS",
    "CRYPTO_CONTRACTS",
    "FUNDING_RATES",
    "INVALID_REASONS",
    "LIQUIDATION_EVENTS",
    "LIQUIDATION_LEVELS",
    "MARKET_DEPTH",
    "OPEN_INTEREST",
    "VENUE_TRADES",
]

INVALID_REASONS = ("no_book", "crossed", "one_sided", "refused_level", "too_large")
"""Why a book has no figures; ``liquidity/book/book_features.py`` says what each means."""

_VENUE = Column("venue", "string", "id", "Venue that runs the market.", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")
_PATH = r"^[A-Za-z0-9_][A-Za-z0-9_.=-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.=-]*)*$"


def _moment(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, "timestamp", "UTC", meaning, nullable=nullable)


def _price(name: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, "float64", "quote currency", meaning, nullable=nullable, minimum=0.0, minimum_excluded=True)


def _quote(name: str, meaning: str, *, nullable: bool = True) -> Column:
    return non_negative(name, "quote currency", meaning, nullable=nullable)


def _bps(name: str, meaning: str) -> Column:
    return non_negative(name, "bps", meaning)


def _count(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, "int64", "1", meaning, nullable=nullable, minimum=0)


def _signed(name: str, meaning: str) -> Column:
    return Column(name, "float64", "-1..1", meaning, nullable=True, minimum=-1.0, maximum=1.0)


def _table(
    name: str,
    row_means: str,
    key: tuple[str, ...],
    *columns: Column,
    rules: tuple[RowRule, ...] = (),
    fed: bool = False,
) -> TableContract:
    return TableContract(
        name=name,
        location="pulse",
        group="crypto",
        row_means=row_means,
        key=("session_date", "instrument_id", *key),
        columns=(SESSION_DATE, INSTRUMENT_ID, _VENUE, *columns, SOURCE),
        rules=rules,
        on_bad_row="quarantine" if fed else "block",
    )


_CROSSED = RowRule("crossed_quote", "best_bid", "<=", "best_ask")

VENUE_TRADES = _table(
    "venue_trades",
    "One public trade of a venue's tape.",
    ("trade_id",),
    Column("trade_id", "string", "id", "Id the venue gave the trade.", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$"),
    _moment("traded_at", "When the venue says it traded; by the recorder's clock where the venue told no time."),
    _moment("received_at", "When the recorder received it, by the recorder's own clock."),
    _price("price", "Price.", nullable=False),
    Column(
        "amount", "float64", "amount units", "Amount: base units, or contracts.", minimum=0.0, minimum_excluded=True
    ),
    Column("notional_quote", "float64", "quote currency", "Traded value.", minimum=0.0, minimum_excluded=True),
    Column(
        "taker_sign",
        "int64",
        "sign",
        "+1 when the buyer took liquidity, -1 when the seller did; null where not told.",
        nullable=True,
        minimum=-1,
        maximum=1,
    ),
    Column(
        "effective_spread_bps",
        "float64",
        "bps",
        "Full effective spread against the mid before the trade; below 0 where the taker was paid, null without a mid or side.",
        nullable=True,
    ),
    fed=True,
)

BOOK_DELTAS = _table(
    "book_deltas",
    "One audited segment of level changes of one book, the part received on the session. The changes stay in the segment file: a day of 100 pairs is a "
    "billion rows, and a table of them would be a second copy that nobody reads by row.",
    ("path",),
    Column("path", "string", "path", "Segment file, relative to the folder of tapes.", pattern=_PATH),
    Column("sha256", "string", "hex", "Hash of the file's bytes.", pattern=r"^[0-9a-f]{64}$"),
    _moment("first_received_at", "Receipt of the first row."),
    _moment("last_received_at", "Receipt of the last row."),
    Column("first_id", "int64", "1", "First update id; null where the venue has none.", nullable=True),
    Column("last_id", "int64", "1", "Last update id; null where the venue has none.", nullable=True),
    _count("rows_count", "Level changes, snapshot rows included."),
    _count("messages_count", "Messages they came in."),
    _count("deletions_count", "Level changes that remove a level."),
    _count("snapshots_count", "Full books among the messages."),
    _count("gaps_count", "Times the book became unknown until its next snapshot."),
    _count("duplicates_count", "Messages dropped as repeated; null where the segment does not tell.", nullable=True),
    _count("crossed_count", "Messages after which bid stood above ask."),
    fraction("invalid_frac", "Share of the messages after which the book had no figures.", nullable=False),
    Column(
        "clock_offset_ms",
        "float64",
        "ms",
        "Median of receipt less venue time; negative where the recorder's clock ran behind, null without venue times.",
        nullable=True,
    ),
    rules=(RowRule("received_backwards", "first_received_at", "<=", "last_received_at"),),
)

BOOK_SNAPSHOTS = _table(
    "book_snapshots",
    "One price level of the book at a full minute; the best 50 a side.",
    ("at", "side", "level"),
    _moment("at", "The minute; the book is what was known then."),
    Column("side", "string", "id", "Side of the book.", allowed=("bid", "ask")),
    Column("level", "int64", "1", "Place from the best, 1 is best.", minimum=1, maximum=1000),
    _price("price", "Price of the level.", nullable=False),
    Column(
        "size",
        "float64",
        "amount units",
        "Resting amount: base units, or contracts.",
        minimum=0.0,
        minimum_excluded=True,
    ),
    Column("notional_quote", "float64", "quote currency", "Resting value.", minimum=0.0, minimum_excluded=True),
)

BOOK_FEATURES = _table(
    "book_features",
    "What a book says at one instant of a time grid, from messages received until then.",
    ("at",),
    _moment("at", "Instant of the grid."),
    Column("valid", "bool", "flag", "Whether the book is known; every figure is null where it is not."),
    Column("reason", "string", "id", "Why it is not; null where it is.", nullable=True, allowed=INVALID_REASONS),
    _price("best_bid", "Best bid."),
    _price("best_ask", "Best ask."),
    non_negative("best_bid_size", "amount units", "Amount at the best bid."),
    non_negative("best_ask_size", "amount units", "Amount at the best ask."),
    _bps("quoted_spread_bps", "Full quoted spread over mid."),
    _price("weighted_mid", "Mid weighted by the sizes at the best quotes."),
    *(
        _quote(f"{side}_depth_{band}bps_quote", f"Value resting on the {side} side within {band} bps of mid.")
        for band in (10, 25, 50)
        for side in ("bid", "ask")
    ),
    _signed("triangular_imbalance", "Imbalance of the sizes within 50 bps, near levels counting more; +1 is all bids."),
    _signed("bid_ask_imbalance", "(bid - ask) / (bid + ask) of the value within 50 bps."),
    _price("bid_largest_price", "Price of the largest bid within 50 bps."),
    non_negative("bid_largest_size", "amount units", "Its amount."),
    _price("ask_largest_price", "Price of the largest ask within 50 bps."),
    non_negative("ask_largest_size", "amount units", "Its amount."),
    Column(
        "ofi_size",
        "float64",
        "amount units",
        "Order-flow imbalance since the row before; above 0 is buying.",
        nullable=True,
    ),
    _count("updates_count", "Level changes applied since the row before."),
    _signed("toxicity", "Signed order-flow toxicity; +1 is one-sided buying."),
    Column(
        "toxicity_basis",
        "string",
        "id",
        "What toxicity was computed from; null where it is.",
        nullable=True,
        allowed=("trades", "book_flow"),
    ),
    _signed("depth_pressure", "Pressure of the resting depth; above 0 bids push."),
    _count("bid_walls_count", "Bid walls that stood long enough to be called walls.", nullable=True),
    _count("ask_walls_count", "Ask walls that stood long enough to be called walls.", nullable=True),
    _count("flickers_count", "Wall-sized levels that appeared and vanished: suspected spoofs.", nullable=True),
    points("book_score", "Liquidity of the book, 100 is most liquid."),
    points("bid_score", "The same for the bid side: what a seller meets."),
    points("ask_score", "The same for the ask side: what a buyer meets."),
    Column("drivers_json", "string", "JSON", "Drivers of book_score as a list of feature and points; [] without one."),
    rules=(_CROSSED,),
)

MARKET_DEPTH = _table(
    "market_depth",
    "How deep a book is at a full minute and what it costs to trade it.",
    ("at",),
    _moment("at", "The minute; the book is what was known then."),
    _price("mid", "Half way between the best quotes.", nullable=False),
    *(
        _quote(
            f"{side}_depth_{label}_quote",
            f"Value resting on the {side} side within {band} % of mid; null where the visible book ends before.",
        )
        for label, band in (
            ("0p1pct", "0.1"),
            ("0p5pct", "0.5"),
            ("1pct", "1"),
            ("2pct", "2"),
            ("5pct", "5"),
            ("10pct", "10"),
        )
        for side in ("bid", "ask")
    ),
    *(
        _bps(
            f"{side}_cost_{label}_bps",
            f"Cost over mid to {side} {label} of quote currency at once; null where the visible book cannot fill it.",
        )
        for label in ("10k", "100k", "1m")
        for side in ("buy", "sell")
    ),
    _bps("xlm_100k_bps", "Round trip of 100k: buy cost plus sell cost; null where a side cannot fill it."),
    non_negative("slope", "1", "Slope of the book (Naes and Skjeltorp), sizes in lots; high is depth close to mid."),
    _count("levels_count", "Price levels of both sides."),
)

OPEN_INTEREST = _table(
    "open_interest",
    "Contracts outstanding of one perpetual at one reading.",
    ("at",),
    _moment("at", "When the venue made the reading."),
    non_negative("open_interest_base", "base units", "Outstanding amount; null where the source tells the value only."),
    _quote("open_interest_quote", "Outstanding value.", nullable=False),
    Column(
        "change_1h_frac",
        "float64",
        "frac",
        "Change over 1 h of the base amount where told, else of the value; null without a reading then.",
        nullable=True,
        minimum=-1.0,
    ),
    Column(
        "change_24h_frac",
        "float64",
        "frac",
        "The same over 24 h.",
        nullable=True,
        minimum=-1.0,
    ),
    fed=True,
)

FUNDING_RATES = _table(
    "funding_rates",
    "One funding payment of a perpetual.",
    ("at",),
    _moment("at", "Time of the payment."),
    Column(
        "rate_frac",
        "float64",
        "frac",
        "Share of notional that longs pay shorts for one interval; below 0 shorts pay.",
        minimum=-1.0,
        maximum=1.0,
    ),
    Column(
        "interval_hours",
        "float64",
        "h",
        "Hours between payments, as the venue has it.",
        minimum=0.0,
        minimum_excluded=True,
        maximum=48.0,
    ),
    Column("annualised_frac", "float64", "frac a year", "Simple yearly rate at this interval over 365 days."),
    Column(
        "predicted_next_frac",
        "float64",
        "frac",
        "Next payment as the venue announced it, else from the payments of the last 24 h; null with fewer than three.",
        nullable=True,
        minimum=-1.0,
        maximum=1.0,
    ),
    _price("mark_price", "Mark price at the payment; null where not told."),
    fed=True,
)

LIQUIDATION_EVENTS = _table(
    "liquidation_events",
    "One forced order that a venue reported.",
    ("event_id",),
    Column(
        "event_id",
        "string",
        "id",
        "Id of the event: the venue's, or made from its facts.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$",
    ),
    _moment("at", "When it was executed."),
    Column("side", "string", "id", "Side of the position that was closed.", allowed=("long", "short")),
    _price("price", "Price of the forced order.", nullable=False),
    Column(
        "amount", "float64", "amount units", "Amount: base units, or contracts.", minimum=0.0, minimum_excluded=True
    ),
    Column("notional_quote", "float64", "quote currency", "Its value.", minimum=0.0, minimum_excluded=True),
    fed=True,
)

LIQUIDATION_LEVELS = _table(
    "liquidation_levels",
    "A price at which positions are modelled to be liquidated, with assumed leverages and one assumed margin bracket; venues do not disclose positions.",
    ("at", "side", "level"),
    _moment("at", "Moment of the price and of the open interest that the model spreads."),
    Column("side", "string", "id", "Side of the positions.", allowed=("long", "short")),
    Column("level", "int64", "1", "Place from the market, 1 is nearest.", minimum=1),
    Column(
        "price_level", "float64", "quote currency", "Modelled liquidation price.", minimum=0.0, minimum_excluded=True
    ),
    _quote("notional_quote", "Value of the positions modelled to be liquidated there.", nullable=False),
    Column("distance_frac", "float64", "frac", "(level - price) / price: below 0 for longs.", minimum=-1.0),
    points("risk_score", "100 is at the market.", nullable=False),
    fraction("covered_frac", "Share of the open interest that the model explains.", nullable=False),
    Column("basis", "string", "id", "Where the level comes from.", allowed=("modelled",)),
)

BOOK_DAILY = _table(
    "book_daily",
    "Liquidity of one book over one session, from its tape.",
    (),
    non_negative("recorded_s", "s", "Seconds of the session that the grid of book_features covers.", nullable=False),
    fraction("valid_frac", "Share of them with a valid book.", nullable=False),
    _moment("observed_at", "Last instant with a valid book; the last instant where none was valid."),
    _price("bid", "Last valid best bid."),
    _price("ask", "Last valid best ask."),
    _bps("quoted_spread_bps", "Full quoted spread over mid, mean over the equally spaced grid: weighted by time."),
    Column(
        "effective_spread_bps",
        "float64",
        "bps",
        "Full effective spread of the trades, weighted by value; below 0 where takers were paid.",
        nullable=True,
    ),
    _bps("xlm_100k_bps", "Round trip of 100k, median over the minutes."),
    *(
        _quote(
            f"{side}_depth_{band}bps_quote", f"Value on the {side} side within {band} bps of mid, median over the grid."
        )
        for band in (10, 25, 50)
        for side in ("bid", "ask")
    ),
    _count("levels_count", "Price levels of both sides, median over the minutes.", nullable=True),
    *(
        _price(name, f"{meaning} trade of the tape.")
        for name, meaning in (("open", "First"), ("high", "Highest"), ("low", "Lowest"), ("close", "Last"))
    ),
    _price("vwap", "Volume-weighted average price of the tape."),
    _quote("turnover_quote", "Traded value of the tape; null where it tells no trade."),
    _count("trades_count", "Trades of the tape; null where it tells none.", nullable=True),
    _moment("last_trade_at", "Last trade; null without one.", nullable=True),
    _signed("toxicity", "Mean signed toxicity over the grid."),
    non_negative(
        "resiliency_half_life_s", "s", "Time until half of a deviation of depth is gone; null where it does not return."
    ),
    non_negative("gaps_count", "1", "Times the sequence broke.", nullable=False),
    points("book_score", "Mean liquidity score over the grid."),
    rules=(
        RowRule("crossed_quote", "bid", "<=", "ask"),
        RowRule("low_above_high", "low", "<=", "high"),
    ),
)

CRYPTO_CONTRACTS: tuple[TableContract, ...] = (
    VENUE_TRADES,
    BOOK_DELTAS,
    BOOK_SNAPSHOTS,
    BOOK_FEATURES,
    MARKET_DEPTH,
    OPEN_INTEREST,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    BOOK_DAILY,
)
