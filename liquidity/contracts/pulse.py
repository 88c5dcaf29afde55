"""Tables that users read: the three scores, what is derived from them, and the published document."""

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
    points,
)
from liquidity.contracts.table import Column, RowRule, TableContract

__all__ = [
    "BONDX_SCORE",
    "EARLY_WARNINGS",
    "LIQUIDITY_INDEX",
    "LIQUIDITY_PULSE",
    "PULSE_HEATMAP",
    "REPAYMENT_SUPPORT",
    "SCORE_METHODS",
]

# How a score was obtained, best first.
SCORE_METHODS = ("observed", "pooled_issuer", "pooled_sector", "rule_based", "insufficient_data")


def _score_table(name: str, score: str, row_means: str, score_means: str) -> TableContract:
    return TableContract(
        name=name,
        location="pulse",
        group="pulse_indices",
        row_means=row_means,
        key=("session_date", "instrument_id"),
        columns=(
            SESSION_DATE,
            INSTRUMENT_ID,
            ASSET_CLASS,
            ISSUER_ID,
            SECTOR,
            RATING,
            points(score, score_means),
            Column("method", "string", "id", "How the score was obtained.", allowed=SCORE_METHODS),
            Column("reason", "string", "text", "Why the score is missing or not observed; empty when observed."),
            fraction("coverage_frac", "Share of the profile's weight that fresh inputs carry.", nullable=False),
            non_negative(
                "uncertainty_sd",
                "points",
                "Standard deviation of the score, missing weight included; null where the score is.",
            ),
            points("lower_80", "Score - 1.2816 sd, not below 0."),
            points("upper_80", "Score + 1.2816 sd, not above 100."),
            Column(
                "drivers_json",
                "string",
                "JSON",
                'List of {"feature","score","weight","contribution"}; 50 + sum of contribution = score; empty list when not observed.',
            ),
            non_negative("oldest_input_age_s", "s of market time", "Age of the oldest input that carries weight."),
            Column("profile", "string", "id", "Weight profile."),
            Column(
                "config_hash",
                "string",
                "sha256, first 16 hex digits",
                "Hash of profile and thresholds.",
                pattern=r"^[0-9a-f]{16}$",
            ),
            SOURCE,
        ),
        rules=(
            RowRule("band_below_score", "lower_80", "<=", score),
            RowRule("band_above_score", score, "<=", "upper_80"),
        ),
    )


LIQUIDITY_INDEX = _score_table(
    "liquidity_index",
    "liquidity_score",
    "How liquid one instrument is in one session, 0-100, with drivers and uncertainty.",
    "100 is most liquid.",
)
REPAYMENT_SUPPORT = _score_table(
    "repayment_support",
    "repayment_score",
    "How well alternative data and market stability support one instrument's repayment, 0-100.",
    "100 is best supported.",
)
BONDX_SCORE = _score_table(
    "bondx_score",
    "bondx_score",
    "Combined score of one instrument in one session: sector-weighted liquidity and repayment support.",
    "100 is best.",
)

PULSE_HEATMAP = TableContract(
    name="pulse_heatmap",
    location="pulse",
    group="pulse_indices",
    row_means="One sector-rating cell of one asset class and origin in one session: weighted mean score of its members.",
    key=("session_date", "asset_class", "origin", "sector", "rating"),
    columns=(
        SESSION_DATE,
        ASSET_CLASS,
        ORIGIN,
        Column("sector", "string", "id", "Sector, or UNKNOWN."),
        Column("rating", "string", "id", "Rating, or NR."),
        points(
            "liquidity_score",
            "Mean weighted by amount outstanding where all members have one, else equal; null when masked.",
        ),
        points("bondx_score", "The same of the combined score."),
        Column("members_count", "int64", "1", "Instruments with a score.", minimum=0),
        Column("masked", "bool", "1", "Fewer members than the minimum: the value is withheld."),
        Column("members", "string", "ids", "Members, comma-separated and sorted (first 200)."),
    ),
)

EARLY_WARNINGS = TableContract(
    name="early_warnings",
    location="pulse",
    group="pulse_indices",
    row_means="One instrument under an active or just cleared deterioration alert.",
    key=("session_date", "instrument_id"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        Column(
            "state",
            "string",
            "id",
            "raised: new today; active: raised earlier; cleared: ended today.",
            allowed=("raised", "active", "cleared"),
        ),
        Column("raised_on", "date", "day", "Session on which the alert was raised."),
        points("liquidity_score", "Score of the session."),
        Column(
            "change_points",
            "float64",
            "points",
            "Change against the reference session; negative is deterioration.",
            minimum=-100.0,
            maximum=100.0,
        ),
        Column("reference_date", "date", "day", "Session the change is measured from."),
    ),
)

LIQUIDITY_PULSE = TableContract(
    name="liquidity_pulse",
    location="pulse",
    group="publish",
    row_means="The published pulse of one instrument in one session, as the JSON document that API and pages serve.",
    key=("session_date", "instrument_id"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        SECTOR,
        RATING,
        points("liquidity_score", "100 is most liquid."),
        points("repayment_score", "100 is best supported."),
        points("bondx_score", "100 is best."),
        Column(
            "change_points",
            "float64",
            "points",
            "Liquidity score against the previous session; null when either is missing.",
            nullable=True,
            minimum=-100.0,
            maximum=100.0,
        ),
        Column(
            "document",
            "string",
            "JSON",
            "One item of liquidity_pulse.json; schema in docs/liquidity_pulse.schema.json.",
        ),
        SOURCE,
    ),
)
