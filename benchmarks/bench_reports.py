"""Report packs: the liability side and all four packs of one fund of ten thousand positions.

Run ``python -m benchmarks.bench_reports`` or ``... --quick`` (a tenth of the positions). The median of the rounds after one
that does not count. One core. Everything from the holdings on is in the time; reading the lake is not.
"""

import argparse
import statistics
import time
from datetime import date

import numpy as np
import pandas as pd

from benchmarks.bench_stress import fund
from benchmarks.table import Row
from liquidity.market_risk.price_history import PriceHistory
from liquidity.regulation.packs import ESMA_SCENARIOS, ReportTables, report_packs
from resources.scenarios import chosen_scenarios

ROUNDS = 3
SESSION = date(2026, 3, 19)


def tables_of(positions: int) -> ReportTables:
    """Rows of a fund of bonds with two years of flows and a year of prices."""
    held, surface = fund(positions)
    rng = np.random.default_rng(3)
    day, at = pd.Timestamp(SESSION), pd.Timestamp("2026-03-19T20:00Z")
    rows = pd.DataFrame(
        {
            "session_date": day, "portfolio_id": "fund", "instrument_id": held.instrument_id, "account": "custody",
            "quantity": held.quantity, "entry_price": np.nan, "price": held.price, "currency": "USD", "margin_mode": None,
            "leverage": np.nan, "settlement_days": pd.array([2] * positions, dtype="Int64"), "observed_at": at, "source": "simulated",
        }
    )  # fmt: skip
    accounts = pd.DataFrame(
        {
            "session_date": [day], "portfolio_id": "fund", "account": "custody", "currency": "USD", "kind": "fund", "base_currency": "USD",
            "cash": held.cash_base, "equity": np.nan, "units": 1e7, "observed_at": at, "source": "simulated",
        }
    )  # fmt: skip
    days = pd.bdate_range(end=day, periods=500)
    flows = pd.concat(
        [
            pd.DataFrame(
                {
                    "session_date": days, "portfolio_id": "fund", "investor_type": name, "base_currency": "USD",
                    "redemptions_base": 0.004 * held.equity_base * rng.lognormal(0.0, 0.6, 500), "subscriptions_base": 0.004 * held.equity_base,
                    "nav_base": 0.5 * held.equity_base, "top_holder_frac": 0.1, "observed_at": at, "source": "simulated",
                }
            )
            for name in ("retail", "institutional")
        ]
    )  # fmt: skip
    past = days[-260:].to_numpy(dtype="datetime64[D]")
    prices = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.004, (260, positions)), axis=0))
    calendar, kind = np.full(positions, "XNSE", dtype=object), np.full(positions, "close", dtype=object)
    history = PriceHistory(past, held.instrument_id, surface.asset_class, calendar, kind, prices)
    rates = pd.DataFrame(columns=["session_date", "currency", "base_currency", "rate"])
    return ReportTables(rows, accounts, rates, flows, surface, history)


def run(quick: bool) -> list[Row]:
    """Give one line: all packs and their documents."""
    positions = 1_000 if quick else 10_000
    tables, scenarios = tables_of(positions), chosen_scenarios(ESMA_SCENARIOS)
    seconds = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        packs = report_packs(tables, SESSION, scenarios)
        for pack in packs:
            pack.test_rows()
            pack.as_json()
            pack.as_markdown()
        seconds.append(time.perf_counter() - began)
    taken = statistics.median(seconds[1:])
    bound = 10.0
    return [
        Row("all four report packs of one fund, with documents", taken, f"{positions:,} positions", f"below {bound:g} s", taken < bound),
    ]  # fmt: skip


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the positions")
    for row in run(parser.parse_args().quick):
        print(row)


if __name__ == "__main__":
    main()
