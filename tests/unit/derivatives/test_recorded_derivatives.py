"""Recorded open interest, funding and candles: the coverage trap, yearly rates, modelled levels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.derivatives import liquidation_levels, open_interest_changes, open_interest_record
from liquidity.derivatives.funding import payments_per_year
from liquidity.domain.market_data import LeverageTier

TIERS = [LeverageTier(0.0, 1e12, 0.0125, 40.0)]


def nanoseconds(times: pd.Series) -> np.ndarray:
    return times.dt.as_unit("ns").astype("int64").to_numpy()


@pytest.mark.real_data
@pytest.mark.feature("PL-FU-01", "PL-CT-04")
def test_venues_of_one_row_have_no_change_and_hourly_ones_do(real_data: Path) -> None:
    table = pd.read_parquet(real_data / "derivs" / "perp_open_interest_1h.parquet")
    for (venue, coin), rows in table.groupby(["venue", "coin"]):
        rows = rows.sort_values("ts")
        value = rows["oi_usd"].to_numpy()
        record, reasons = open_interest_record(
            symbol=coin,
            exchange=venue,
            at=[moment.to_pydatetime() for moment in rows["ts"]],
            open_interest_base=value,
            open_interest_quote=value,
        )
        if len(rows) == 1:
            assert reasons == {"change_1h_frac": "one_reading", "change_24h_frac": "one_reading"}
        else:
            changes = open_interest_changes(nanoseconds(rows["ts"]), value).change_frac
            assert (~np.isnan(changes[:, 0])).mean() > 0.9
            assert record.open_interest == value[-1]


@pytest.mark.real_data
@pytest.mark.feature("PL-FU-02")
def test_yearly_funding_of_every_interval_is_of_one_size(real_data: Path) -> None:
    table = pd.read_parquet(real_data / "derivs" / "perp_funding.parquet")
    btc = table[table["coin"] == "BTC"]
    rate = next(name for name in btc.columns if "rate" in name)
    hours = {"binance": 8, "bybit": 8, "okx": 8, "hyperliquid": 1}
    yearly = {
        venue: float(btc.loc[btc["venue"] == venue, rate].mean()) * payments_per_year(each)
        for venue, each in hours.items()
    }
    assert all(-0.3 < each < 0.5 for each in yearly.values()), yearly
    assert max(yearly.values()) - min(yearly.values()) < 0.3


@pytest.mark.real_data
@pytest.mark.feature("PL-FU-03")
def test_levels_of_recorded_open_interest_stand_on_both_sides(real_data: Path) -> None:
    interest = pd.read_parquet(real_data / "derivs" / "perp_open_interest_1h.parquet")
    candles = pd.read_parquet(real_data / "derivs" / "perp_candles_1h.parquet")
    mine = interest[(interest["venue"] == "hyperliquid") & (interest["coin"] == "BTC")].copy()
    bars = candles[(candles["venue"] == "binance") & (candles["coin"] == "BTC")].copy()
    for table in (mine, bars):
        table["hour"] = table["ts"].dt.floor("h")
    table = mine.merge(bars.drop(columns=["ts", "venue", "coin"]), on="hour").sort_values("hour").tail(720)
    assert len(table) > 600
    found = liquidation_levels(
        (table["oi_usd"] / table["c"]).to_numpy(),
        table["h"].to_numpy(),
        table["l"].to_numpy(),
        table["c"].to_numpy(),
        TIERS,
        symbol="BTC/USDC:USDC",
        exchange="hyperliquid",
        timestamp=table["hour"].iloc[-1].to_pydatetime(),
    )
    assert {each.side for each in found.levels} == {"long", "short"}
    assert all((each.distance_from_price_frac < 0) == (each.side == "long") for each in found.levels)
    assert 0 < found.long_covered_frac <= 1
    assert 0 < found.short_covered_frac <= 1
