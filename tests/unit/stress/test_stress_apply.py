"""The arithmetic of one position."""

import math

import pytest

from liquidity.domain.errors import ConfigError
from liquidity.stress.stress_apply import stress_apply

CALM = {"shock": 0.0, "spread_mult": 1.0, "volume_haircut": 0.0, "vol_mult": 1.0}
CASE = {"value": 1e6, "adv": 1e7, "spread_bps": 4.0, "sigma": 0.02, "participation": 0.2, "Y": 1.0}


@pytest.mark.feature("AP-ST-01")
def test_by_hand() -> None:
    found = stress_apply(**CASE, scenario={**CALM, "shock": 0.5, "volume_haircut": 0.5})
    assert found.days == pytest.approx(1.0)
    assert found.cost_bps == pytest.approx(2.0 + 1e4 * 0.02 * math.sqrt(0.2))
    assert found.liquidation_cost == pytest.approx(5e5 * found.cost_bps / 1e4)
    assert found.stressed_loss == pytest.approx(5e5 + found.liquidation_cost)


def test_missing_and_never() -> None:
    assert stress_apply(**{**CASE, "adv": None}, scenario=CALM).days is None
    assert stress_apply(**CASE, scenario={**CALM, "shock": None}).price_loss is None
    dead = stress_apply(**CASE, scenario={**CALM, "shock": 0.1, "volume_haircut": 1.0})
    assert (dead.days, dead.cost_bps, dead.price_loss, dead.stressed_loss) == (None, None, 1e5, None)
    assert stress_apply(**{**CASE, "value": 0.0}, scenario=CALM).liquidation_cost == 0.0


@pytest.mark.parametrize("wrong", [{"spread": 2.0}, {"shock": 1.5}, {"spread_mult": -1.0}, {"volume_haircut": 1.1}])
def test_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        stress_apply(**CASE, scenario={**CALM, **wrong})
    with pytest.raises(ConfigError, match="participation"):
        stress_apply(**{**CASE, "participation": 1.2}, scenario=CALM)
