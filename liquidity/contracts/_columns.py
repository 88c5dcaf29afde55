"""Columns that several tables share, so that one name means one thing everywhere."""

from liquidity.contracts.table import Column
from liquidity.domain.identifier import INSTRUMENT_ID_PATTERN
from liquidity.domain.instrument import ASSET_CLASSES, RATINGS, SECTORS
from liquidity.domain.origin import MIXED, ORIGINS

__all__ = [
    "AGE_MARKET_S",
    "ASSET_CLASS",
    "INSTRUMENT_ID",
    "ISSUER_ID",
    "KNOWN_AT",
    "OBSERVED_AT",
    "ORIGIN",
    "QUALITY_FRAC",
    "QUALITY_RULES",
    "RATING",
    "SECTOR",
    "SESSION_DATE",
    "SOURCE",
    "fraction",
    "non_negative",
    "points",
]

_LABEL = r"^[A-Za-z0-9][A-Za-z0-9_.:/ -]{0,79}$"

SESSION_DATE = Column("session_date", "date", "UTC day", "Business day the row belongs to; the partition.")
INSTRUMENT_ID = Column(
    "instrument_id",
    "string",
    "id",
    "ISIN, or VENUE:LOCAL where the source names no ISIN.",
    pattern=INSTRUMENT_ID_PATTERN,
)
ISSUER_ID = Column(
    "issuer_id",
    "string",
    "id",
    "Issuer of the instrument; null where the source names none.",
    nullable=True,
    pattern=_LABEL,
)
ASSET_CLASS = Column("asset_class", "string", "id", "Kind of instrument.", allowed=ASSET_CLASSES)
SECTOR = Column(
    "sector", "string", "id", "Issuer sector; null where the source gives none.", nullable=True, allowed=SECTORS
)
RATING = Column(
    "rating", "string", "id", "Letter rating without notches; null where unrated.", nullable=True, allowed=RATINGS
)
OBSERVED_AT = Column(
    "observed_at", "timestamp", "UTC", "When the market or the publisher produced the newest fact in the row."
)
KNOWN_AT = Column("known_at", "timestamp", "UTC", "When the fact could be known to us; never before observed_at.")
AGE_MARKET_S = Column(
    "age_market_s",
    "float64",
    "s of market time",
    "Age of observed_at at the session's close, counting open hours of the instrument's calendar only.",
    minimum=0.0,
)
SOURCE = Column("source", "string", "id", "Feed that delivered the row; 'simulated' for the simulator.", pattern=_LABEL)
ORIGIN = Column(
    "origin",
    "string",
    "id",
    "Where the members come from: recorded markets or the simulator; the two never share a row.",
    allowed=ORIGINS,
)
PORTFOLIO_ORIGIN = Column(
    "origin",
    "string",
    "id",
    "What the portfolio's instruments are: recorded, simulated, or mixed (so is one that the surface does not know).",
    allowed=(*ORIGINS, MIXED),
)
QUALITY_FRAC = Column(
    "quality_frac",
    "float64",
    "frac 0-1",
    "Trust in the row: product of the factors of the rules that fired.",
    minimum=0.0,
    maximum=1.0,
)
QUALITY_RULES = Column(
    "quality_rules", "string", "codes", "Rules that lowered the quality, comma-separated and sorted; empty when none."
)


def fraction(name: str, meaning: str, *, nullable: bool = True) -> Column:
    """A share between 0 and 1."""
    return Column(name, "float64", "frac 0-1", meaning, nullable=nullable, minimum=0.0, maximum=1.0)


def points(name: str, meaning: str, *, nullable: bool = True) -> Column:
    """A score between 0 and 100."""
    return Column(name, "float64", "points 0-100", meaning, nullable=nullable, minimum=0.0, maximum=100.0)


def non_negative(name: str, unit: str, meaning: str, *, nullable: bool = True) -> Column:
    """A number that is never below 0."""
    return Column(name, "float64", unit, meaning, nullable=nullable, minimum=0.0)
