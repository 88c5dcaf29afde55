"""Row sums that leave missing values out, against numpy one row at a time."""

import numpy as np

from liquidity.measures._rows import measurable_bps, paired_covariance, positive, row_counts, row_means, row_std

ROWS = np.array(
    [[1.0, 2.0, np.nan, 4.0, 8.0], [np.nan] * 5, [3.0, np.nan, np.nan, np.nan, np.nan], [0.0, -1.0, 5.0, 2.0, 2.0]]
)


def test_counts_means_and_deviations() -> None:
    assert row_counts(ROWS).tolist() == [4, 0, 1, 5]
    np.testing.assert_allclose(row_means(ROWS), [3.75, np.nan, 3.0, 1.6])
    np.testing.assert_allclose(row_std(ROWS), [np.std([1, 2, 4, 8], ddof=1), np.nan, np.nan, np.std(ROWS[3], ddof=1)])


def test_covariance_uses_pairs_with_both_values_only() -> None:
    covariance, pairs = paired_covariance(ROWS)
    assert pairs.tolist() == [2, 0, 0, 4]
    np.testing.assert_allclose(covariance[0], np.cov([1, 4], [2, 8])[0, 1])
    np.testing.assert_allclose(covariance[3], np.cov(ROWS[3, :-1], ROWS[3, 1:])[0, 1])
    assert np.isnan(covariance[1:3]).all()


def test_no_columns_at_all() -> None:
    nothing = np.empty((2, 0))
    assert np.isnan(row_means(nothing)).all()
    covariance, pairs = paired_covariance(nothing)
    assert pairs.tolist() == [0, 0]
    assert np.isnan(covariance).all()


def test_a_price_of_zero_or_below_is_missing() -> None:
    np.testing.assert_array_equal(positive(np.array([1.0, 0.0, -1.0, np.nan])), [1.0, np.nan, np.nan, np.nan])


def test_a_spread_is_measurable_when_signed_positive_on_enough_observations() -> None:
    spread, signed = np.full(4, 0.01), np.array([0.01, -0.01, 0.01, np.nan])
    np.testing.assert_allclose(
        measurable_bps(spread, signed, np.array([15.0, 15, 14, 15]), 15), [100.0, np.nan, np.nan, np.nan]
    )
