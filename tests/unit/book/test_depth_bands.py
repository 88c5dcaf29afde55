"""Market depth analysis: bands and cost to trade on both sides, nothing extrapolated; depth density."""

import numpy as np
import pytest

from liquidity.book import BookSnapshot, book_sweep, depth_bps, xlm
from liquidity.book.density import depth_density
from liquidity.book.depth_bands import BANDS_FRAC, NOTIONALS_QUOTE, market_depth
from liquidity.domain.errors import ConfigError

RNG = np.random.default_rng(3)


def deep(levels: int = 400, step: float = 0.05) -> BookSnapshot:
    sides = []
    for sign in (-1, 1):
        prices = 1_000 + sign * step * np.arange(1, levels + 1)
        sides.append(np.column_stack((prices, RNG.exponential(3.0, levels))))
    return BookSnapshot(*sides)


@pytest.mark.feature("PL-OB-10")
def test_the_bands_and_notionals_of_the_product() -> None:
    assert BANDS_FRAC == (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
    assert NOTIONALS_QUOTE == (1e4, 1e5, 1e6)
    depth = market_depth(deep())
    assert [band.band_frac for band in depth.bands] == list(BANDS_FRAC)
    assert [(cost.side, cost.notional_quote) for cost in depth.costs] == [
        (side, notional) for side in ("buy", "sell") for notional in NOTIONALS_QUOTE
    ]


@pytest.mark.feature("PL-OB-10")
def test_each_band_is_the_depth_of_its_width() -> None:
    book = deep()
    for band in market_depth(book).bands:
        judge = depth_bps(book, band.band_frac * 1e4)
        assert band.bid_base == pytest.approx(judge.bid_base, rel=1e-12)
        assert band.ask_quote == pytest.approx(judge.ask_quote, rel=1e-12)
        assert band.imbalance == pytest.approx(judge.imbalance, abs=1e-12)


@pytest.mark.feature("PL-OB-10")
def test_a_band_beyond_the_visible_book_says_so() -> None:
    covered = [(band.band_frac, band.bid_covered, band.ask_covered) for band in market_depth(deep(400)).bands]
    assert covered == [(frac, frac <= 0.02, frac <= 0.02) for frac in BANDS_FRAC]


@pytest.mark.feature("PL-OB-10")
def test_cost_to_trade_by_hand_on_both_sides() -> None:
    book = BookSnapshot.from_levels([[99.0, 50], [98.0, 100]], [[101.0, 50], [102.0, 200]])
    buy, sell = market_depth(book, notionals_quote=[10_000]).costs
    base = 50 + (10_000 - 5_050) / 102
    assert buy.avg_price == pytest.approx(10_000 / base)
    assert buy.cost_bps == pytest.approx(1e4 * (10_000 / base - 100) / 100)
    assert (buy.levels, buy.unfilled_quote) == (2, 0.0)
    base = 50 + (10_000 - 4_950) / 98
    assert sell.cost_bps == pytest.approx(1e4 * (100 - 10_000 / base) / 100)
    assert buy.cost_bps + sell.cost_bps == pytest.approx(xlm(book, 10_000).xlm_bps)


@pytest.mark.feature("PL-OB-10")
def test_what_the_book_cannot_fill_stays_unfilled() -> None:
    book = BookSnapshot.from_levels([[99.0, 50]], [[101.0, 50]])
    buy, sell = market_depth(book, notionals_quote=[1e6]).costs
    assert (buy.cost_bps, buy.filled_quote, buy.unfilled_quote) == (None, 5_050.0, 994_950.0)
    assert (sell.cost_bps, sell.filled_quote, sell.avg_price, sell.levels) == (None, 4_950.0, 99.0, 1)


def test_a_notional_that_ends_on_a_level_takes_it_whole() -> None:
    book = BookSnapshot.from_levels([[99.0, 50]], [[101.0, 50], [102.0, 1]])
    (buy, _) = market_depth(book, notionals_quote=[5_050.0]).costs
    assert (buy.levels, buy.avg_price, buy.unfilled_quote) == (1, 101.0, 0.0)
    assert book_sweep(book, 1, 50).slippage_bps == pytest.approx(buy.cost_bps)


@pytest.mark.parametrize(
    ("bids", "asks", "reason"),
    [
        ([[101, 1]], [[100, 1]], "crossed_book"),
        ([], [[100, 1]], "no_bids"),
        ([[100, 1]], [], "no_asks"),
        ([], [], "empty_book"),
    ],
)
def test_a_book_without_a_mid_has_a_reason(bids: list, asks: list, reason: str) -> None:
    depth = market_depth(BookSnapshot.from_levels(bids, asks))
    assert (depth.mid, depth.bands, depth.costs, depth.reason) == (None, (), (), reason)


def test_bad_bands_and_notionals_are_refused() -> None:
    for wrong in ({"bands_frac": [0.0]}, {"notionals_quote": [-1.0]}, {"notionals_quote": [float("nan")]}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            market_depth(deep(), **wrong)


def test_density_is_depth_per_basis_point() -> None:
    book = deep()
    density, depth = depth_density(book, 25), depth_bps(book, 25)
    assert density.bid_quote_per_bp == pytest.approx(depth.bid_quote / 25)
    assert density.total_quote_per_bp == pytest.approx(density.bid_quote_per_bp + density.ask_quote_per_bp)
    assert depth_density(BookSnapshot.from_levels([], [[1, 1]]), 25).total_quote_per_bp is None
    with pytest.raises(ConfigError, match="bps"):
        depth_density(book, 0)
