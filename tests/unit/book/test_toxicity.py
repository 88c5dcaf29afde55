"""Signed toxicity of trades and, where there are none, of the best quotes."""

import numpy as np
import pytest

from liquidity.book.toxicity import (
    book_toxicity,
    order_flow_toxicity,
    toxicity_path,
    trade_toxicity,
)
from liquidity.domain.errors import ConfigError

RNG = np.random.default_rng(5)
SIZE = RNG.exponential(1.0, 5_000)


def quotes_with(bid_steps: np.ndarray, ask_steps: np.ndarray) -> list[list[float]]:
    """Best quotes at fixed prices whose sizes change by the given steps."""
    bid, ask = 1e4 + np.cumsum(bid_steps), 1e4 + np.cumsum(ask_steps)
    return [[100.0, b, 100.1, a] for b, a in zip(bid, ask, strict=True)]


@pytest.mark.feature("PL-OB-07")
@pytest.mark.parametrize("side", [1, -1])
def test_one_sided_aggressors_give_plus_or_minus_one(side: int) -> None:
    found = trade_toxicity(SIZE, np.full(5_000, side), bucket_volume=20.0)
    assert found.toxicity == pytest.approx(side)
    assert found.net_frac == pytest.approx(side)
    assert (found.vpin, found.method, found.reason) == (pytest.approx(1.0), "trades", None)


@pytest.mark.feature("PL-OB-07")
def test_balanced_flow_gives_about_zero() -> None:
    alternating = np.tile([1, -1], 2_500)
    assert abs(trade_toxicity(np.ones(5_000), alternating, bucket_volume=50.0).toxicity) < 1e-9
    random = trade_toxicity(SIZE, RNG.choice([-1, 1], 5_000), bucket_volume=float(SIZE.sum()) / 51)
    assert abs(random.toxicity) < 0.25


@pytest.mark.feature("PL-OB-07")
def test_without_trades_the_quotes_tell_and_say_so() -> None:
    grow, shrink = np.full(200, 1.0), np.full(200, -1.0)
    buying = order_flow_toxicity(trades=None, quotes=quotes_with(grow, shrink), bucket_volume=None)
    assert (buying.toxicity, buying.method) == (pytest.approx(1.0), "book_flow")
    selling = order_flow_toxicity(trades=None, quotes=quotes_with(shrink, grow), bucket_volume=None)
    assert selling.toxicity == pytest.approx(-1.0)
    even = np.tile([1.0, -1.0], 200)
    assert abs(book_toxicity(quotes_with(even, np.zeros(400))).toxicity) < 0.2


def test_trades_come_first_and_are_never_replaced_silently() -> None:
    quotes = quotes_with(np.ones(200), np.zeros(200))
    few = order_flow_toxicity(trades=([1.0], [1]), quotes=quotes, bucket_volume=1.0)
    assert (few.toxicity, few.method, few.reason) == (None, "trades", "fewer_than_window_buckets")
    assert order_flow_toxicity(trades=None, quotes=None, bucket_volume=None) is None
    with pytest.raises(ConfigError, match="bucket_volume"):
        order_flow_toxicity(trades=([1.0], [1]), quotes=None, bucket_volume=None)


def test_by_hand_with_a_split_trade() -> None:
    """Buckets of 4: [3 buys, 1 sell] = +2/4, [3 sells, 1 buy] = -2/4, [4 buys] = 1."""
    found = trade_toxicity([3, 4, 1, 4, 1], [1, -1, 1, 1, 1], bucket_volume=4, window=3)
    assert found.vpin == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert found.net_frac == pytest.approx(1 / 3)
    assert found.toxicity == found.vpin


def test_trades_without_side_or_size_are_left_out() -> None:
    size = [1.0, None, 2.0, 1.0, -5.0, 1.0]
    side = [1, 1, 0, 1, -1, None]
    assert trade_toxicity(size, side, bucket_volume=1.0, window=2).toxicity == 1.0
    assert trade_toxicity(size, side, bucket_volume=1.0, window=3).buckets_n == 2


def test_the_path_ends_where_the_single_answer_does_and_never_looks_ahead() -> None:
    sign = RNG.choice([-1, 1], 5_000)
    at = np.arange(5_000, dtype=np.int64) * 10
    path = toxicity_path(at, SIZE, sign, bucket_volume=20.0, window=50)
    assert path.toxicity[-1] == pytest.approx(trade_toxicity(SIZE, sign, bucket_volume=20.0).toxicity)
    assert np.isnan(path.toxicity[:49]).all()
    assert not np.isnan(path.toxicity[49:]).any()
    assert (np.diff(path.at_ns) >= 0).all()
    half = toxicity_path(at[:2_500], SIZE[:2_500], sign[:2_500], bucket_volume=20.0, window=50)
    assert np.array_equal(half.toxicity, path.toxicity[: len(half.toxicity)], equal_nan=True)
    assert (path.at_ns[: len(half.at_ns)] <= at[2_499]).all()


def test_a_short_or_empty_tape_says_so() -> None:
    assert trade_toxicity([], [], bucket_volume=1.0).reason == "fewer_than_window_buckets"
    assert book_toxicity([]).reason == "fewer_than_window_events"
    assert len(toxicity_path(np.array([], dtype=np.int64), [], [], bucket_volume=1.0).toxicity) == 0


@pytest.mark.parametrize("volume", [0.0, -1.0, float("nan")])
def test_a_bucket_needs_a_volume(volume: float) -> None:
    with pytest.raises(ConfigError, match="bucket_volume"):
        trade_toxicity([1.0], [1], bucket_volume=volume)
    with pytest.raises(ConfigError, match="window"):
        trade_toxicity([1.0], [1], bucket_volume=1.0, window=0)
