"""One contract for each parquet table; the shared word of all code locations.

``ALL_CONTRACTS`` lists them in the order of the data flow. Read next: ``table.py``.
"""

from liquidity.contracts.crypto import (
    BOOK_DAILY,
    BOOK_DELTAS,
    BOOK_FEATURES,
    BOOK_SNAPSHOTS,
    CRYPTO_CONTRACTS,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    MARKET_DEPTH,
    OPEN_INTEREST,
    VENUE_TRADES,
)
from liquidity.contracts.execution import ORDER_ELIGIBILITY
from liquidity.contracts.features import LIQUIDITY_FEATURES, LIQUIDITY_MEASURES, ROLLING_STATISTICS, SIGNAL_PANEL
from liquidity.contracts.pulse import (
    BONDX_SCORE,
    EARLY_WARNINGS,
    LIQUIDITY_INDEX,
    LIQUIDITY_PULSE,
    PULSE_HEATMAP,
    REPAYMENT_SUPPORT,
)
from liquidity.contracts.risk import SECTOR_LIQUIDITY
from liquidity.contracts.signals import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    MACRO_SERIES,
    MICROSTRUCTURE,
    SENTIMENT,
    SIGNAL_STATUS,
)
from liquidity.contracts.table import Column, RowRule, TableContract

__all__ = [
    "ALL_CONTRACTS",
    "ALT_SIGNALS",
    "AUCTION_MM",
    "BONDX_SCORE",
    "BOOK_DAILY",
    "BOOK_DELTAS",
    "BOOK_FEATURES",
    "BOOK_SNAPSHOTS",
    "CRYPTO_CONTRACTS",
    "EARLY_WARNINGS",
    "FUNDING_RATES",
    "INSTRUMENTS",
    "LIQUIDATION_EVENTS",
    "LIQUIDATION_LEVELS",
    "LIQUIDITY_FEATURES",
    "LIQUIDITY_INDEX",
    "LIQUIDITY_MEASURES",
    "LIQUIDITY_PULSE",
    "MACRO_SERIES",
    "MARKET_DEPTH",
    "MICROSTRUCTURE",
    "OPEN_INTEREST",
    "ORDER_ELIGIBILITY",
    "PULSE_HEATMAP",
    "REPAYMENT_SUPPORT",
    "ROLLING_STATISTICS",
    "SECTOR_LIQUIDITY",
    "SENTIMENT",
    "SIGNAL_PANEL",
    "SIGNAL_STATUS",
    "VENUE_TRADES",
    "Column",
    "RowRule",
    "TableContract",
]

ALL_CONTRACTS: tuple[TableContract, ...] = (
    INSTRUMENTS,
    MICROSTRUCTURE,
    ALT_SIGNALS,
    AUCTION_MM,
    SENTIMENT,
    MACRO_SERIES,
    SIGNAL_STATUS,
    *CRYPTO_CONTRACTS,
    SIGNAL_PANEL,
    ROLLING_STATISTICS,
    LIQUIDITY_MEASURES,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    REPAYMENT_SUPPORT,
    BONDX_SCORE,
    PULSE_HEATMAP,
    EARLY_WARNINGS,
    LIQUIDITY_PULSE,
    SECTOR_LIQUIDITY,
    ORDER_ELIGIBILITY,
)
