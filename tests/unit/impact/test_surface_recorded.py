"""The curves of recorded books against what the whole books told of the same minutes."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import BOOK_SNAPSHOTS, MARKET_DEPTH
from liquidity.features.book_pass import ViewRules
from liquidity.impact.book_curves import BUY, SELL
from liquidity.impact.surface import IMMEDIATE_ALWAYS_OPEN_SESSIONS, LiquiditySurface
from liquidity.impact.surface_books import session_curves
from resources.crypto_sources import book_sources, read_book
from resources.feeds import FeedRoots

SESSION = date(2024, 8, 8)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.feature("AP-IM-02", "AI-IM-05")
def test_an_instant_order_costs_what_the_recorded_books_charged(real_data: Path, tmp_path: Path) -> None:
    sources = [each for each in book_sources(FeedRoots(recorded=real_data, landing=tmp_path)) if SESSION in each.days()]
    assert sources
    tables = [read_book(source, [SESSION], ViewRules(grid_s=60)) for source in sources]
    levels, depth = (pd.concat([each[contract.name] for each in tables]) for contract in (BOOK_SNAPSHOTS, MARKET_DEPTH))
    names = sorted(levels["instrument_id"].unique())
    curves, covered = session_curves(levels, depth, pd.Series(names), SESSION)
    assert (covered == 1.0).all()
    nothing = np.full(len(names), np.nan)
    surface = LiquiditySurface.of(
        names,
        spread_bps=nothing,
        adv_ccy=nothing,
        volatility_daily_frac=nothing,
        asset_class="crypto_perp",
        curves=curves,
    )
    # the whole book counts coins and the curve money: they part by the square of the cost, and by the knots of the mean
    told = depth.groupby("instrument_id").mean(numeric_only=True).loc[names]
    for size, label, apart in ((1e4, "10k", 1e-3), (1e5, "100k", 1e-3), (1e6, "1m", 0.05)):
        for side, verb in ((1, "buy"), (-1, "sell")):
            cost = surface.cost(side, np.full(len(names), size), IMMEDIATE_ALWAYS_OPEN_SESSIONS)
            np.testing.assert_allclose(cost.expected_bps, told[f"{verb}_cost_{label}_bps"], rtol=apart)
            assert not cost.beyond_book.any()
    assert (curves.best_bps(BUY) + curves.best_bps(SELL) < 1.0).all()  # bitcoin: below a basis point
