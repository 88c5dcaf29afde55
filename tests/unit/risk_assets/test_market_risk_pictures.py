import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import MARKET_RISK_CONTRACTS
from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.market_risk.backtest_table import VarPath
from risk_assets.market_risk_pictures import (
    backtest_summary,
    contribution_summary,
    correlation_picture,
    correlation_summary,
    exceedance_picture,
    risk_summary,
)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_the_fullest_pictures_fit_into_the_ui(scale: float) -> None:
    results = np.where(np.arange(300) % 2, 1.0, -1.0) * scale
    path = VarPath(np.datetime64("2026-01-01") + np.arange(300), results, np.full(300, 0.7 * scale))
    assert path.hits.sum() == 150
    assert exceedance_picture(path).value.startswith("![](<data:image/svg+xml,")
    names = [f"XNYS:N{i:02d}" for i in range(30)]
    pairs = [(a, b, ((i * 7 + j) % 19 - 9) / 9.0) for i, a in enumerate(names) for j, b in enumerate(names) if i < j]
    rows = pd.DataFrame(pairs, columns=["instrument_id", "other_id", "correlation"])
    assert correlation_picture(rows).value.startswith("![](<data:image/svg+xml,")


def test_empty_days_tell_their_emptiness() -> None:
    summaries = (risk_summary, contribution_summary, backtest_summary, correlation_summary)
    for contract, summary in zip(MARKET_RISK_CONTRACTS, summaries, strict=True):
        told = summary(frame_from_table(empty_table(contract)))
        assert all(value == 0 for value in told.values())
