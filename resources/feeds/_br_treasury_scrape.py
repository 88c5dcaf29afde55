"""Scrapes of the Brazilian treasury's retail platform in their original columns, with every row checked.

A scrape row is ``snapshot_utc, side, title, maturity_text (dd/mm/yyyy), rate_pct, price, min_invest_text``. A row that
is broken (market suspended, columns shifted) is refused with a reason; what remains has the columns of the recorded
quotes table.
"""

import re
from typing import Final

import numpy as np
import pandas as pd

from resources.feeds._recording import refuse

__all__ = [
    "FAMILIES",
    "MINIMUM_FRAC",
    "MINIMUM_TOLERANCE_FRAC",
    "PRICE_FLOOR",
    "YEARS_AFTER_FIRST_PAYMENT",
    "parse_scrape",
]

FAMILIES: Final = {
    "Tesouro Prefixado com Juros Semestrais": ("NTNF", "PRE"),
    "Tesouro Prefixado": ("LTN", "PRE"),
    "Tesouro Selic": ("LFT", "SELIC"),
    "Tesouro IPCA+ com Juros Semestrais": ("NTNB", "IPCA"),
    "Tesouro IPCA+": ("NTNB_PRINC", "IPCA"),
    "Tesouro Renda+ Aposentadoria Extra": ("NTNB1_RENDA", "IPCA"),
    "Tesouro Educa+": ("NTNB1_EDUCA", "IPCA"),
    "Tesouro IGPM+ com Juros Semestrais": ("NTNC", "IGPM"),
}
"""Family and rate index by the title before its year."""

PRICE_FLOOR: Final = 100.0
"""BRL: a quarter of the cheapest bond's price ever quoted (153.48 for the 2084 one is the lowest); below is a shifted column."""

YEARS_AFTER_FIRST_PAYMENT: Final = {"NTNB1_RENDA": 19, "NTNB1_EDUCA": 4}
"""The redemption list names retirement and education bonds by their first payment, these years before the last one."""

MINIMUM_FRAC: Final = 0.01
MINIMUM_TOLERANCE_FRAC: Final = 0.002

_TITLE: Final = re.compile(r"^(?P<name>Tesouro [A-Za-z+ ]+?)\s+(?P<year>20\d{2})$", re.ASCII)


def parse_scrape(scrape: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check every row and name its bond.

    Parameters
    ----------
    scrape
        The original columns, all as text.

    Returns
    -------
    tuple
        ``snapshot_utc, side, bond_id, family, maturity, rate_index, rate_pct, price`` of the good rows, and the
        refused ones. Reasons, first that applies: ``shifted_title`` (a title that names no bond and year),
        ``unknown_family``, ``bad_maturity``, ``shifted_maturity`` (title and maturity cannot be the same bond),
        ``market_suspended`` (price missing or 0), ``shifted_price`` (below :data:`PRICE_FLOOR`), ``zero_rate``,
        ``zero_minimum`` (smallest purchase of R$ 0,00), ``shifted_minimum`` (the smallest purchase is not
        the platform's 1 % of the price), ``duplicate_key``.
    """
    rows = scrape.reset_index(drop=True)
    title = rows["title"].str.strip().str.extract(_TITLE)
    family = title["name"].map({name: pair[0] for name, pair in FAMILIES.items()})
    index = title["name"].map({name: pair[1] for name, pair in FAMILIES.items()})
    maturity = pd.to_datetime(rows["maturity_text"], format="%d/%m/%Y", errors="coerce")
    rate = pd.to_numeric(rows["rate_pct"], errors="coerce")
    price = pd.to_numeric(rows["price"], errors="coerce")
    minimum_text = rows["min_invest_text"].str.extract(r"^R\$\s*([\d.]*\d,\d{2})$")[0]
    minimum = pd.to_numeric(
        minimum_text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False), errors="coerce"
    )
    years_after = maturity.dt.year - pd.to_numeric(title["year"], errors="coerce")
    minimum_frac = minimum / price.where(price > 0)
    reasons = pd.Series(
        np.select(
            [
                title["name"].isna(),
                family.isna(),
                maturity.isna(),
                (years_after != 0) & (years_after != family.map(YEARS_AFTER_FIRST_PAYMENT)),
                ~(price > 0),
                price < PRICE_FLOOR,
                rate.isna() | (rate == 0),
                minimum == 0,
                (minimum_frac - MINIMUM_FRAC).abs() > MINIMUM_TOLERANCE_FRAC,
            ],
            [
                "shifted_title", "unknown_family", "bad_maturity", "shifted_maturity", "market_suspended",
                "shifted_price", "zero_rate", "zero_minimum", "shifted_minimum",
            ],
            default="",
        ),
        dtype="str",
    )  # fmt: skip
    good = pd.DataFrame(
        {
            "snapshot_utc": pd.to_datetime(rows["snapshot_utc"], utc=True),
            "side": rows["side"],
            "bond_id": family + "_" + maturity.dt.strftime("%Y%m%d"),
            "family": family,
            "maturity": maturity,
            "rate_index": index,
            "rate_pct": rate,
            "price": price,
        }
    )
    again = good.duplicated(["snapshot_utc", "side", "bond_id"]) & (reasons == "")
    reasons = reasons.mask(again, "duplicate_key")
    refused = [
        refuse("microstructure", reason, rows[reasons == reason], "title", "snapshot_utc", "price")
        for reason in sorted(set(reasons) - {""})
    ]
    kept = good[reasons == ""].reset_index(drop=True)
    return kept, pd.concat(refused, ignore_index=True) if refused else refuse("", "", rows.iloc[:0], "title", "side")
