"""Tables of the execution location: what orders may rely on."""

from liquidity.contracts._columns import ASSET_CLASS, INSTRUMENT_ID, SESSION_DATE, SOURCE, points
from liquidity.contracts.pulse import SCORE_METHODS
from liquidity.contracts.table import Column, TableContract

__all__ = ["ELIGIBILITY_REASONS", "ORDER_ELIGIBILITY"]

# Why new risk in an instrument is refused.
ELIGIBILITY_REASONS = ("score_below_minimum", "score_missing", "simulated")

ORDER_ELIGIBILITY = TableContract(
    name="order_eligibility",
    location="exec",
    group="execution",
    row_means="Whether the liquidity of one instrument in one session allows orders that add risk, and why not.",
    key=("session_date", "instrument_id"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        points("liquidity_score", "Score the decision rests on; null where there is none."),
        Column("method", "string", "id", "How the score was obtained.", allowed=SCORE_METHODS),
        points("min_liquidity_score", "Smallest score that is allowed.", nullable=False),
        Column("eligible", "bool", "1", "Orders that add risk may be considered; exits are always allowed."),
        Column(
            "reasons",
            "string",
            "codes",
            "Why not, comma-separated and sorted; empty when eligible.",
            pattern=rf"^((?:{'|'.join(ELIGIBILITY_REASONS)})(?:,(?:{'|'.join(ELIGIBILITY_REASONS)}))*)?$",
        ),
        SOURCE,
    ),
)
