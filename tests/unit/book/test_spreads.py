"""Quoted, effective and realised spread against results by hand."""

import math

import pytest

from liquidity.book import EffectiveSpread, QuotedSpread, effective_spread, quoted_spread

# price, mid, mid after, side -> effective, realised, impact in bps, worked out by hand
FIVE_TRADES = [
    ((100.05, 100.00, 100.03, 1), (10.0, 4.0, 6.0)),
    ((99.90, 100.00, 99.97, -1), (20.0, 14.0, 6.0)),
    ((50.10, 50.00, 50.00, 1), (40.0, 40.0, 0.0)),
    ((200.00, 200.00, 199.90, -1), (0.0, -10.0, 10.0)),
    ((79.96, 80.00, 80.02, -1), (10.0, 15.0, -5.0)),
]


@pytest.mark.feature("PL-OB-09")
@pytest.mark.parametrize(("trade", "by_hand"), FIVE_TRADES)
def test_effective_realised_and_impact_of_five_trades(
    trade: tuple[float, float, float, int], by_hand: tuple[float, float, float]
) -> None:
    spread = effective_spread(*trade)
    assert (spread.effective_bps, spread.realised_bps, spread.impact_bps) == pytest.approx(by_hand, abs=1e-9)


@pytest.mark.feature("PL-OB-09")
@pytest.mark.parametrize(
    ("bid", "ask", "bps"),
    [(99.99, 100.01, 2.0), (99.9, 100.1, 20.0), (50.0, 50.0, 0.0), (199.0, 201.0, 100.0), (79.98, 80.02, 5.0)],
)
def test_quoted_spread_of_five_quotes(bid: float, ask: float, bps: float) -> None:
    assert quoted_spread(bid, ask).bps == pytest.approx(bps, abs=1e-9)


@pytest.mark.parametrize(
    ("bid", "ask"), [(100.1, 100.0), (0.0, 1.0), (-1.0, 1.0), (None, 1.0), (1.0, math.nan), (1.0, math.inf)]
)
def test_an_unusable_quote_has_no_spread(bid: float | None, ask: float | None) -> None:
    assert quoted_spread(bid, ask) == QuotedSpread(None, None, None)


def test_without_a_later_mid_only_the_effective_spread_is_known() -> None:
    assert effective_spread(100.5, 100.0, None, 1) == EffectiveSpread(100.0, None, None)


@pytest.mark.parametrize(
    ("price", "mid", "side"),
    [(None, 100.0, 1), (100.0, None, 1), (100.0, 0.0, 1), (100.0, 100.0, 0), (100.0, 100.0, None)],
)
def test_without_price_mid_or_side_the_effective_spread_is_missing(
    price: float | None, mid: float | None, side: int | None
) -> None:
    assert effective_spread(price, mid, 100.0, side).effective_bps is None
