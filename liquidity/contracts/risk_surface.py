"""Tables of the liquidity surface: the inputs of cost by instrument, and the visible books as curves.

Read next: ``liquidity/impact/surface.py``, which is made of them.
"""

from liquidity.contracts._columns import (
    ASSET_CLASS,
    INSTRUMENT_ID,
    ISSUER_ID,
    ORIGIN,
    RATING,
    SECTOR,
    SESSION_DATE,
    SOURCE,
    fraction,
    non_negative,
)
from liquidity.contracts.table import Column, TableContract

__all__ = ["COST_METHODS", "LIQUIDITY_SURFACE", "SURFACE_CONTRACTS", "SURFACE_CURVES", "WEIGHTED_MODELS"]

COST_METHODS = (
    "book",
    "own_fills",
    "observed",
    "pooled_issuer",
    "pooled_sector_rating",
    "pooled_asset_class",
    "rule_based",
    "none",
)
"""What the least certain input of a cost rests on, best first; ``none``: there is no answer and a reason says why."""

WEIGHTED_MODELS = ("linear", "square_root", "almgren2005", "istar", "obizhaeva_wang", "propagator")
"""Impact models of the blend, in the order of the surface's weights."""

_POOLS = ("pooled_issuer", "pooled_sector_rating", "pooled_asset_class", "rule_based", "none")

LIQUIDITY_SURFACE = TableContract(
    name="liquidity_surface",
    location="risk",
    group="liquidity_risk",
    row_means="What trading one instrument costs on the session: the inputs from which cost(side, size, horizon, percentile, stress) follows, each with what it rests on.",
    key=("session_date", "instrument_id"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        Column("currency", "string", "id", "Currency of the row's amounts.", pattern=r"^[A-Z0-9]{3,8}$"),
        SECTOR,
        RATING,
        ISSUER_ID,
        Column(
            "price",
            "float64",
            "price",
            "Last trade, else the middle of the last quotes, of the newest session of the window that has one.",
            nullable=True,
            minimum=0.0,
            minimum_excluded=True,
        ),
        non_negative("spread_bps", "bps", "Full spread over mid."),
        Column(
            "spread_basis",
            "string",
            "id",
            "What spread_bps rests on.",
            allowed=("book", "quoted", "edge", "abdi_ranaldo", "corwin_schultz", "roll", *_POOLS),
        ),
        non_negative(
            "spread_sd_bps",
            "bps",
            "Standard deviation of a pooled or rule-based spread; 0 where it is observed.",
            nullable=False,
        ),
        non_negative(
            "adv_ccy", "instrument currency", "Average daily volume over 20 sessions, those without trade as 0."
        ),
        non_negative("adv_qty", "units of the price", "The same over price."),
        Column(
            "adv_basis",
            "string",
            "id",
            "What adv_ccy rests on; tape: volume of a part of the session, scaled to the whole.",
            allowed=("observed", "tape", *_POOLS),
        ),
        Column("adv_known_n", "int64", "1", "Sessions of the window whose volume is known.", minimum=0),
        Column("adv_traded_n", "int64", "1", "Those with a trade.", minimum=0),
        non_negative("volatility_daily_frac", "frac", "Standard deviation of daily returns."),
        Column(
            "volatility_basis",
            "string",
            "id",
            "What it rests on: closes of 30 days, middles of the quotes, minutes of the book, or a pool.",
            allowed=("trades", "quotes", "minutes", *_POOLS),
        ),
        non_negative("depth_ccy_per_bp", "instrument currency per bp", "Resting depth around mid, both sides."),
        Column("method", "string", "id", "What the least certain input rests on.", allowed=COST_METHODS),
        Column("reason", "string", "text", "Why there is no answer; empty where there is one."),
        non_negative("age_sessions", "sessions", "Age of the oldest observed input; null where none is observed."),
        fraction(
            "coverage_frac",
            "Share of the 20 sessions whose volume is known (of a tape: of the day), or of the book's moments that entered; the smaller.",
            nullable=False,
        ),
        *(
            fraction(f"weight_{name}_frac", f"Share of {name} in the blend.", nullable=False)
            for name in WEIGHTED_MODELS
        ),
        Column("impact_scale", "float64", "1", "How many times the blend is paid: Y over the prior Y.", minimum=0.0),
        non_negative("impact_scale_se", "1", "Its standard error; of the prior, a judgement.", nullable=False),
        Column("calibration_n", "int64", "1", "Own orders behind weights and scale; 0 is the prior.", minimum=0),
        ORIGIN,
        SOURCE,
    ),
)

SURFACE_CURVES = TableContract(
    name="surface_curves",
    location="risk",
    group="liquidity_risk",
    row_means="One step of the cost of taking a visible book at once: averaged over the session's full minutes.",
    key=("session_date", "instrument_id", "side", "step"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        Column("side", "string", "id", "Side of the order; a buyer takes the asks.", allowed=("buy", "sell")),
        Column("step", "int64", "1", "Place from the best price, 1 is best.", minimum=1),
        Column(
            "size_ccy",
            "float64",
            "instrument currency",
            "Size of the order, cumulative.",
            minimum=0.0,
            minimum_excluded=True,
        ),
        non_negative("cost_bps", "bps", "Average cost of that size over mid.", nullable=False),
        non_negative("marginal_bps", "bps", "Distance from mid of what the step adds.", nullable=False),
        ORIGIN,
        SOURCE,
    ),
)

SURFACE_CONTRACTS: tuple[TableContract, ...] = (LIQUIDITY_SURFACE, SURFACE_CURVES)
