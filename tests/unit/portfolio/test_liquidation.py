"""Sessions to sell what is held: rounding, nothing, never, and the portfolio's share."""

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.portfolio.liquidation import (
    days_to_liquidate,
    liquidity_tier,
    portfolio_liquidation,
    saleable_frac,
    whole_sessions,
)


@pytest.mark.feature("AP-PO-04")
def test_days_fall_with_participation_and_rise_with_size():
    sizes = [days_to_liquidate(size, 1e6, 0.2, 1).days for size in (0.0, 1e5, 2e5, 1e6)]
    shares = [days_to_liquidate(1e6, 1e6, share, 1).days for share in (0.05, 0.1, 0.2, 1.0)]
    assert sizes == sorted(sizes)
    assert shares == sorted(shares, reverse=True)
    assert sizes[0] == 0.0


@pytest.mark.feature("AP-PO-04")
def test_a_whole_number_of_sessions_is_not_rounded_up():
    assert whole_sessions([3.0, 3.0 + 1e-12, 0.1 / 0.1 * 3, 3.1, np.nan, 0.0]).tolist()[:4] == [3.0, 3.0, 3.0, 4.0]
    assert days_to_liquidate(300.0, 1000.0, 0.1, 3).days_ceil == 3


@pytest.mark.parametrize("adv", [0.0, None, float("nan")])
def test_without_volume_it_never_sells(adv):
    told = days_to_liquidate(100.0, adv, 0.1, 3)
    assert (told.days, told.days_ceil, told.fraction) == (None, None, 0.0)


def test_an_unknown_size_has_no_days():
    assert days_to_liquidate(None, 100.0, 0.1, 3).days is None


def test_a_short_takes_as_long_as_a_long():
    assert days_to_liquidate(-500.0, 100.0, 0.5, 1) == days_to_liquidate(500.0, 100.0, 0.5, 1)


@pytest.mark.parametrize("participation", [0.0, -0.1, 1.01])
def test_participation_is_a_share(participation):
    with pytest.raises(ConfigError, match="participation"):
        saleable_frac([1.0], [1.0], participation, [1.0])


@pytest.mark.feature("AP-PF-01")
def test_the_portfolio_is_the_sum_of_its_positions():
    rng = np.random.default_rng(3)
    value, adv = rng.uniform(1.0, 9.0, 20), rng.uniform(0.1, 9.0, 20)
    whole = portfolio_liquidation(np.column_stack([value, adv]).tolist(), 0.2, 0.9, 250)
    alone = [
        sum(days_to_liquidate(v, a, 0.2, n).fraction * v for v, a in zip(value, adv, strict=True)) / value.sum()
        for n in range(1, 6)
    ]
    assert whole.profile == pytest.approx(alone, rel=1e-12)


def test_an_empty_portfolio_is_sold_already():
    assert portfolio_liquidation([], 0.2, 0.9, 10).days_q == 0


@pytest.mark.parametrize(
    ("adv", "tier"),
    [
        (1e7, "high"),
        (9_999_999.0, "medium"),
        (1e6, "medium"),
        (1e5, "low"),
        (9e4, "untradeable"),
        (None, "untradeable"),
    ],
)
def test_tiers_hold_their_lower_bound(adv, tier):
    told = liquidity_tier(adv, 1e9)
    assert told.tier == tier
    assert told.cap_value <= 0.1 * (adv or 0.0)
