"""Tables of the risk location: what monitoring derives from the published indices."""

from liquidity.contracts._columns import ASSET_CLASS, ORIGIN, SESSION_DATE, points
from liquidity.contracts.table import Column, TableContract

__all__ = ["SECTOR_LIQUIDITY"]

SECTOR_LIQUIDITY = TableContract(
    name="sector_liquidity",
    location="risk",
    group="liquidity_risk",
    row_means="One sector of one asset class and origin in one session: its mean and worst-decile liquidity and how it moved in five sessions.",
    key=("session_date", "asset_class", "origin", "sector"),
    columns=(
        SESSION_DATE,
        ASSET_CLASS,
        ORIGIN,
        Column("sector", "string", "id", "Sector, or UNKNOWN.", pattern=r"^[A-Z][A-Z_]{0,39}$"),
        Column("members_count", "int64", "1", "Instruments with a liquidity score.", minimum=0),
        Column("unscored_count", "int64", "1", "Instruments without one.", minimum=0),
        points("liquidity_score", "Weighted mean of the members' liquidity scores; null without members."),
        points("bondx_score", "Weighted mean of the members' combined scores; null where no member has one."),
        Column(
            "weighting",
            "string",
            "id",
            "How members were weighted: by amount outstanding where all of them have one in one currency, else equally.",
            allowed=("amount_outstanding", "equal"),
        ),
        points(
            "worst_decile_score",
            "10 % quantile of the members' liquidity scores, linear interpolation; null without members.",
        ),
        Column(
            "reference_date",
            "date",
            "day",
            "Fifth earlier session of the asset class and origin; null where the history is shorter.",
            nullable=True,
        ),
        Column("common_count", "int64", "1", "Members that were scored on reference_date too.", minimum=0),
        Column(
            "change_points",
            "float64",
            "points",
            "Weighted mean over the common members of score minus score on reference_date; negative is deterioration; null without common members.",
            nullable=True,
            minimum=-100.0,
            maximum=100.0,
        ),
    ),
)
