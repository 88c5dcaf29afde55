"""Books as curves: exact levels, deeper bands, and the mean over moments."""

import numpy as np
import pytest

from liquidity.book.snapshot import BookSnapshot
from liquidity.book.sweep import book_sweep
from liquidity.impact.book_curves import BUY, SELL, BookCurves, Curve, book_curve, mean_curve


def cost(curve: Curve, size: float) -> float:
    return float(np.interp(size, np.append(0.0, curve.size_ccy), np.append(0.0, curve.total))) / size


@pytest.mark.feature("AP-IM-02")
def test_the_curve_is_the_sweep_of_the_book() -> None:
    asks = [[100.5, 3.0], [101.0, 1.0], [103.0, 5.0]]
    book = BookSnapshot.from_levels([[99.5, 2.0]], asks)
    prices = np.array([price for price, _ in asks])
    curve = book_curve(prices, prices * np.array([size for _, size in asks]), mid=100.0)
    assert curve is not None
    # the sweep counts coins and the curve money: on full levels both take the same fills
    for coins, worth in ((3.0, 301.5), (4.0, 402.5), (9.0, 917.5)):
        fills = [min(coins - before, size) for before, size in ((0.0, 3.0), (3.0, 1.0), (4.0, 5.0)) if coins > before]
        paid = sum(f * p * 1e4 * (p / 100.0 - 1.0) for f, p in zip(fills, prices, strict=False))
        assert cost(curve, worth) == pytest.approx(paid / worth)
        swept = book_sweep(book, side=1, qty=coins).slippage_bps
        assert swept is not None
        assert cost(curve, worth) == pytest.approx(swept, rel=0.01)


def test_bands_lengthen_a_curve_at_the_middle_of_what_they_add() -> None:
    curve = book_curve(np.array([100.1]), np.array([50.0]), 100.0, [(0.005, 40.0), (0.01, 150.0), (0.02, np.nan)])
    assert curve is not None
    assert curve.size_ccy.tolist() == [50.0, 150.0]  # 40 within 50 bps says less than the level; 2 % is not known
    assert curve.marginal_bps.tolist() == pytest.approx([10.0, 55.0])


def test_a_known_cost_of_a_larger_size_is_met_exactly() -> None:
    curve = book_curve(
        np.array([100.1]), np.array([50.0]), 100.0, [(0.01, 150.0)], [(100.0, 16.0), (20.0, 10.0), (1e6, np.nan)]
    )
    assert curve is not None
    assert curve.size_ccy.tolist() == [50.0, 100.0, 150.0]
    assert cost(curve, 100.0) == pytest.approx(16.0)
    assert curve.marginal_bps.tolist() == pytest.approx([10.0, 22.0, 61.0])


@pytest.mark.parametrize(("price", "worth"), [([], []), ([100.1], [0.0]), ([99.9, 100.1], [1.0, 1.0])])
def test_an_empty_or_crossed_side_has_no_curve(price: list[float], worth: list[float]) -> None:
    assert book_curve(np.array(price), np.array(worth), 100.0) is None


def test_the_mean_is_that_of_the_walks_where_all_books_reach() -> None:
    thin, deep = Curve(np.array([10.0, 20.0]), np.array([1.0, 9.0])), Curve(np.array([40.0]), np.array([3.0]))
    mean = mean_curve([thin, deep])
    assert mean is not None
    assert mean.size_ccy[-1] == 20.0
    for size in mean.size_ccy:
        assert cost(mean, size) == pytest.approx((cost(thin, size) + cost(deep, size)) / 2.0)
    assert (np.diff(mean.marginal_bps) >= 0.0).all()
    assert mean.coverage_frac == 1.0
    assert mean_curve([]) is None
    assert mean_curve([thin]) is thin


def test_sizes_that_differ_by_rounding_alone_make_no_step() -> None:
    rng = np.random.default_rng(5)
    books = [
        Curve(np.cumsum(np.array([1e6, 2e6, 3e6]) * (1.0 + 1e-13 * rng.standard_normal(3))), np.array([0.1, 0.2, 0.3]))
        for _ in range(200)
    ]
    mean = mean_curve(books)
    assert mean is not None
    assert mean.marginal_bps == pytest.approx([0.1, 0.2, 0.3], rel=1e-6)


def test_a_mean_of_many_steps_keeps_its_touch_and_edge_and_stays_above_the_walks() -> None:
    rng = np.random.default_rng(6)
    books = [Curve(np.cumsum(rng.exponential(1e4, 50)), 0.1 + np.cumsum(rng.exponential(0.2, 50))) for _ in range(40)]
    mean = mean_curve(books)
    assert mean is not None
    assert 100 < len(mean.size_ccy) <= 257
    entering = [each for each in books if each.size_ccy[-1] >= mean.size_ccy[-1]]
    assert len(entering) == mean.coverage_frac * 40
    for size in np.geomspace(1e3, mean.size_ccy[-1], 30):
        walked = np.mean([cost(each, size) for each in entering])
        assert walked * (1.0 - 1e-9) <= cost(mean, size) <= walked * 1.02 + 1e-9


def test_a_nearly_empty_moment_does_not_end_the_curve() -> None:
    books = [Curve(np.array([100.0]), np.array([2.0]))] * 39 + [Curve(np.array([1.0]), np.array([50.0]))]
    mean = mean_curve(books)
    assert mean is not None
    assert mean.size_ccy[-1] == 100.0
    assert mean.coverage_frac == pytest.approx(39 / 40)


def test_curves_lie_end_to_end_and_are_taken_apart_again() -> None:
    one, two = Curve(np.array([1.0, 3.0]), np.array([1.0, 2.0])), Curve(np.array([5.0]), np.array([4.0]))
    curves = BookCurves.of(3, {0: one, 2: two}, {2: one})
    taken = curves.take(np.array([2, 1, 0, 2]))
    assert taken.best_bps(BUY).tolist() == pytest.approx([4.0, np.nan, 1.0, 4.0], nan_ok=True)
    assert taken.visible_ccy(SELL).tolist() == [3.0, 0.0, 0.0, 3.0]
    found = taken.curve(SELL, 3)
    assert found is not None
    np.testing.assert_array_equal(found.marginal_bps, one.marginal_bps)
    assert BookCurves.of(2, {}, {}).is_empty


@pytest.mark.feature("AP-IM-02")
def test_curves_that_follow_others_keep_each_curve():
    first = BookCurves.of(
        2, {1: Curve(np.array([1.0, 3.0]), np.array([1.0, 2.0]))}, {0: Curve(np.array([5.0]), np.array([4.0]))}
    )
    second = BookCurves.of(
        1, {0: Curve(np.array([7.0]), np.array([6.0]))}, {0: Curve(np.array([8.0, 9.0]), np.array([1.0, 3.0]))}
    )
    both = first.followed_by(second)
    assert len(both) == 3
    for side in (BUY, SELL):
        for place, (one, its) in enumerate([(first, 0), (first, 1), (second, 0)]):
            told, kept = both.curve(side, place), one.curve(side, its)
            assert (told is None) == (kept is None)
            if told is not None:
                assert (told.size_ccy.tolist(), told.total.tolist()) == (kept.size_ccy.tolist(), kept.total.tolist())
