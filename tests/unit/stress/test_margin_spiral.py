"""The margin spiral: never sells more than is held, and costs make it worse."""

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.stress.engine import stress
from liquidity.stress.margin_spiral import margin_spiral
from liquidity.stress.vector import stress_vector
from resources.scenarios import load_scenarios
from tests.unit.stress.portfolios import make_holdings, make_surface

QUANTITY = [0, 0, 0, 0, 0, 3e4, 5e4, 0]
MARGIN = np.full(8, 0.1)


def condition(name="luna_2022", **changes):
    held = make_holdings(QUANTITY, **changes)
    return stress(held, make_surface(), stress_vector(load_scenarios()[name], held)).after


@pytest.mark.feature("PL-ST-04")
def test_enough_margin_sells_nothing() -> None:
    found = margin_spiral(condition(), 4e6, MARGIN)
    assert (found.outcome, found.sold_frac, found.rounds, found.cost_base) == ("no_call", 0.0, 0, 0.0)
    assert np.isnan(found.amplification)


@pytest.mark.feature("PL-ST-04")
def test_the_call_is_met_by_sales() -> None:
    start = condition()
    required = 0.1 * np.abs(start.holdings.value_base).sum()
    equity = 0.7 * required
    found = margin_spiral(start, equity, MARGIN)
    assert found.outcome == "restored"
    assert 0.3 < found.sold_frac < 1.0
    assert found.equity_base == pytest.approx(found.required_base, rel=1e-6)
    assert found.equity_base == pytest.approx(equity - found.cost_base - found.impact_loss_base)
    assert found.amplification > 1.0
    assert (np.diff(found.sold_by_round) > 0.0).all()


@pytest.mark.feature("PL-ST-04")
def test_smallest_share_that_suffices() -> None:
    start = condition()
    equity = 0.7 * 0.1 * np.abs(start.holdings.value_base).sum()
    found = margin_spiral(start, equity, MARGIN)
    shares = [margin_spiral(start, equity * more, MARGIN).sold_frac for more in (1.05, 1.0, 0.95)]
    assert shares == sorted(shares)
    assert found.sold_frac == shares[1]


def test_the_end_of_an_account() -> None:
    start = condition("cascade_2025_10")
    gone = margin_spiral(start, 1e4, MARGIN)
    assert gone.outcome == "bankrupt"
    assert gone.sold_frac == 1.0
    assert gone.required_base == 0.0
    assert gone.equity_base == pytest.approx(1e4 - gone.cost_base)
    owed = margin_spiral(start, -1.0, np.zeros(8))
    assert owed.outcome == "bankrupt"


def test_no_margin_no_account() -> None:
    start = condition()
    with pytest.raises(ConfigError, match="one per position"):
        margin_spiral(start, 1e6, np.full(8, 1.0))
    held = make_holdings(QUANTITY, unknown=True)
    unknown = stress(held, make_surface(), stress_vector(load_scenarios()["luna_2022"], held)).after
    with pytest.raises(ContractError, match="GONE"):
        margin_spiral(unknown, 1e6, np.full(9, 0.1))
