"""Simulated markets that several tests read; made once."""

from datetime import date

import pytest

from liquidity.simulation import MarketConfig, SimulatedDay, simulate_market

START = date(2026, 1, 1)


@pytest.fixture(scope="session")
def config() -> MarketConfig:
    return MarketConfig(bonds=80, issuers=24)


@pytest.fixture(scope="session")
def half_year(config: MarketConfig) -> list[SimulatedDay]:
    """2026-01-01..2026-06-30 of 80 bonds and 13 crypto instruments, all events planted."""
    return list(simulate_market(config, START, date(2026, 6, 30)))
