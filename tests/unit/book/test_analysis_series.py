"""Many books at once give the numbers of one call per book."""

import numpy as np
import pytest

from liquidity.book import BookSnapshot
from liquidity.book.analysis import analyse
from liquidity.book.analysis_series import analyse_series
from liquidity.domain.errors import ContractError

RNG = np.random.default_rng(11)


def ladder(rows: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """A drifting book with gaps, one-sided, empty and crossed rows."""
    mid = 50_000 + np.cumsum(RNG.integers(-3, 4, rows))
    sides = []
    for sign in (-1, 1):
        price = mid[:, None] + sign * (0.5 + np.cumsum(RNG.integers(1, 30, (rows, levels)), axis=1))
        side = np.stack((price, RNG.exponential(2.0, (rows, levels))), axis=2)
        for row, count in enumerate(RNG.integers(0, levels + 1, rows)):
            if row % 3 == 0:
                side[row, count:] = np.nan
        sides.append(side)
    bids, asks = sides
    bids[7], asks[8] = np.nan, np.nan
    bids[9], asks[9] = np.nan, np.nan
    bids[10, 0, 0] = asks[10, 0, 0] + 10
    return bids, asks


def book_of(bids: np.ndarray, asks: np.ndarray) -> BookSnapshot:
    return BookSnapshot(bids[~np.isnan(bids[:, 0])], asks[~np.isnan(asks[:, 0])])


@pytest.mark.feature("PL-OB-01")
@pytest.mark.parametrize("half_life", [np.nan, 4.0])
def test_every_row_is_the_single_answer(half_life: float) -> None:
    bids, asks = ladder(60, 40)
    volume = RNG.lognormal(18, 2, 60)
    volume[::7] = np.nan
    series = analyse_series(bids, asks, volume_24h_quote=volume, half_life_s=half_life)
    before = None
    for row in range(60):
        book = book_of(bids[row], asks[row])
        one = analyse(
            book,
            volume_24h_quote=None if np.isnan(volume[row]) else volume[row],
            half_life_s=None if np.isnan(half_life) else half_life,
            previous=before,
        )
        for name in series.__slots__:
            if hasattr(one, name) and not (name == "distance_weighted_imbalance" and np.isnan(book.mid)):
                mine, theirs = getattr(series, name)[row], getattr(one, name)
                assert np.isnan(mine) if theirs is None else mine == pytest.approx(theirs, rel=1e-9, abs=1e-9), name
        for place, band in enumerate(one.depth.bands):
            assert series.bid_bands_quote[row, place] == pytest.approx(band.bid_quote)
            assert series.ask_bands_quote[row, place] == pytest.approx(band.ask_quote)
        costs = [*series.buy_cost_bps[row], *series.sell_cost_bps[row]]
        theirs = [cost.cost_bps for cost in one.depth.costs] or [None] * 6
        assert costs == pytest.approx([np.nan if cost is None else cost for cost in theirs], nan_ok=True, abs=1e-7)
        before = book


def test_empty_tables_and_wrong_shapes() -> None:
    none = analyse_series(np.empty((0, 5, 2)), np.empty((0, 5, 2)), volume_24h_quote=1.0)
    assert none.mid.shape == (0,)
    assert none.bid_bands_quote.shape == (0, 6)
    bare = analyse_series(np.empty((2, 0, 2)), np.empty((2, 0, 2)), volume_24h_quote=1.0)
    assert np.isnan(bare.liquidity_score).all()
    with pytest.raises(ContractError, match="analyse_series"):
        analyse_series(np.empty((2, 5, 2)), np.empty((3, 5, 2)), volume_24h_quote=1.0)
