"""What is traded: asset classes, sectors, ratings, and the calendar each class follows."""

from typing import Final

__all__ = ["ASSET_CLASSES", "BOND_CLASSES", "CALENDARS", "RATINGS", "SECTORS"]

BOND_CLASSES: Final = ("bond_corporate", "bond_sovereign")
ASSET_CLASSES: Final = (*BOND_CLASSES, "equity", "crypto_spot", "crypto_perp")
SECTORS: Final = ("FINANCIAL", "UTILITIES", "INDUSTRIAL", "GOVERNMENT")
RATINGS: Final = ("AAA", "AA", "A", "BBB", "BB", "B", "CCC", "D")
# Names of exchange_calendars: New York, Sao Paulo, Mumbai, and crypto's every day.
CALENDARS: Final = ("XNYS", "BVMF", "XBOM", "24/7")
