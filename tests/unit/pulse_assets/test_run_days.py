"""The runner's plan: what it refuses before anything runs."""

import pytest

from liquidity.domain.errors import ConfigError
from pulse_assets.run_days import main


@pytest.mark.parametrize("arguments", [[], ["a.json", "b.json"]])
def test_a_wrong_call_says_how_to_call(arguments):
    with pytest.raises(ConfigError, match=r"usage: python -m pulse_assets.run_days PLAN.json"):
        main(arguments)
