"""Turnover over amount outstanding."""

import pytest

from liquidity.domain.errors import ContractError
from liquidity.measures.turnover_velocity import turnover_velocity


def test_a_quiet_session_counts_as_zero_and_a_missing_one_not_at_all() -> None:
    assert turnover_velocity([2e6, 0.0], [1e8, 1e8]) == pytest.approx(0.01)
    assert turnover_velocity([2e6, None], [1e8, 1e8]) == pytest.approx(0.02)


def test_nothing_outstanding_is_missing() -> None:
    assert turnover_velocity([2e6], [0.0]) is None
    assert turnover_velocity([2e6], [None]) is None
    assert turnover_velocity([], []) is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ContractError, match="1 turnovers but 2"):
        turnover_velocity([1.0], [1.0, 2.0])
