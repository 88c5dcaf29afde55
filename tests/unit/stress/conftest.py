"""Fixtures of the stress tests."""

import pytest

from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from tests.unit.stress.portfolios import make_holdings, make_surface


@pytest.fixture
def surface() -> LiquiditySurface:
    return make_surface()


@pytest.fixture
def holdings() -> Holdings:
    return make_holdings()
