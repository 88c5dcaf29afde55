"""A seeded market of bonds and a few coins, with planted events, for tests, tours and benchmarks.

Every row it makes says ``source = "simulated"``. Read next: ``market.py``, then ``config.py`` and ``events.py``.
"""

from liquidity.simulation.config import MarketConfig
from liquidity.simulation.events import GroundTruth, PlantedEvent, ground_truth
from liquidity.simulation.market import DayTruth, SimulatedDay, simulate_market
from liquidity.simulation.tables import SIMULATED_CONTRACTS, fed_columns

__all__ = [
    "SIMULATED_CONTRACTS",
    "DayTruth",
    "GroundTruth",
    "MarketConfig",
    "PlantedEvent",
    "SimulatedDay",
    "fed_columns",
    "ground_truth",
    "simulate_market",
]
