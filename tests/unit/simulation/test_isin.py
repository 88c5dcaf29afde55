import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.domain.identifier import is_isin, is_isin_array
from liquidity.simulation.isin import ISSUER_LIMIT, SERIAL_LIMIT, simulated_isins


def test_every_isin_is_valid_unique_sorted_and_of_no_country():
    rng = np.random.default_rng(1)
    issuer = np.sort(rng.integers(0, ISSUER_LIMIT, 5000))
    isins = simulated_isins(issuer, np.arange(5000))
    assert is_isin_array(pd.Series(isins)).all()
    assert len(set(isins)) == 5000
    assert all(text.startswith("ZZ") for text in isins)
    assert list(isins) == sorted(isins)


def test_the_scalar_judge_agrees_at_the_edges():
    for issuer, serial in ((0, 0), (ISSUER_LIMIT - 1, SERIAL_LIMIT - 1), (9, 10), (10, 35), (1295, 1296)):
        assert is_isin(str(simulated_isins(np.array([issuer]), np.array([serial]))[0]))


def test_numbers_without_a_place_are_refused():
    with pytest.raises(ConfigError, match="issuer"):
        simulated_isins(np.array([ISSUER_LIMIT]), np.array([0]))
    with pytest.raises(ConfigError, match="serial"):
        simulated_isins(np.array([0]), np.array([-1]))
