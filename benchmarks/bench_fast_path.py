"""From the arrival of one quote to the document of its bond, in a market of 5,000 names that is already scored.

One event: the new quote makes the bond's panel row, its features from its own 90 days, its scores within today's
cross-section, and its JSON document, all by the functions of the daily run (``liquidity/index/nowcast.py``). No file, no
network and no Dagster run are in between.

Run ``python -m benchmarks.bench_fast_path``.
"""

import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.bench_daily_run import PANEL_TABLES, OneDay
from benchmarks.table import Row
from liquidity.features.blocks import feature_tables
from liquidity.features.panel import build_signal_panel
from liquidity.index import profiles_for
from liquidity.index.nowcast import nowcast, nowcast_document
from liquidity.index.profiles import WeightProfile
from liquidity.index.pulse_document import PulseMeta
from liquidity.index.pulse_engine import score_sessions
from liquidity.simulation import MarketConfig, simulate_market
from resources.feeds.adapters import collect_signals

SESSION: Final = date(2026, 3, 19)
HISTORY_DAYS: Final = 90
NAMES: Final = 5_000
EVENTS: Final = 200
MAX_P95_S: Final = 1.0


@dataclass(slots=True)
class Universe:
    """A scored market: today's signals, the panel of 90 days by instrument, today's features and yesterday's scores."""

    signals: dict[str, dict[str, pd.DataFrame]]
    history: dict[str, pd.DataFrame]
    features: pd.DataFrame
    yesterday: pd.DataFrame
    warnings: pd.DataFrame
    status: pd.DataFrame
    profiles: dict[str, WeightProfile]

    def arrive(self, instrument_id: str, spread_bps: float) -> str:
        """Take in a quote of ``spread_bps`` [bps] and give the instrument's document."""
        signals = self.signals[instrument_id]
        signals["microstructure"] = signals["microstructure"].assign(quoted_spread_bps=spread_bps)
        newest = build_signal_panel(*(signals[name] for name in PANEL_TABLES))
        panel = pd.concat([self.history[instrument_id], newest], ignore_index=True)
        now = nowcast(panel, self.features, self.profiles)
        self.features = now.features
        row = nowcast_document(now, self.yesterday, self.warnings, self.status, PulseMeta(self.profiles, "fast path"))
        return str(row["document"].iloc[0])


def universe(names: int) -> Universe:
    """Simulate a market of ``names`` bonds and score it once."""
    from liquidity.contracts import EARLY_WARNINGS
    from liquidity.contracts.conform import empty_table, frame_from_table

    panels = []
    tables: dict[str, pd.DataFrame] = {}
    config = MarketConfig.sized(names)
    for day in simulate_market(config, SESSION - timedelta(days=HISTORY_DAYS - 1), SESSION):
        tables = collect_signals([OneDay(day)], day.session_date, day.session_date)
        panels.append(build_signal_panel(*(tables[name] for name in PANEL_TABLES)))
    panel = pd.concat(panels, ignore_index=True)
    profiles = dict(profiles_for())
    before = sorted(panel["session_date"].unique())[-2:]
    made = feature_tables([panel], [moment.date() for moment in before]).features
    today = made[made["session_date"] == before[-1]].reset_index(drop=True)
    yesterday = score_sessions(made[made["session_date"] == before[0]], profiles).liquidity
    bonds = tables["instruments"].loc[tables["instruments"]["asset_class"].str.startswith("bond"), "instrument_id"]
    chosen = np.random.default_rng(4).permutation(bonds.to_numpy())[:EVENTS].tolist()
    past = panel[(panel["session_date"] < before[-1]) & panel["instrument_id"].isin(chosen)]
    grouped = {name: table[table["instrument_id"].isin(chosen)].groupby("instrument_id") for name, table in tables.items() if name in PANEL_TABLES}  # fmt: skip
    signals = {
        key: {name: each.get_group(key) if key in each.groups else tables[name].iloc[:0] for name, each in grouped.items()}
        for key in chosen
    }  # fmt: skip
    history = {str(key): rows.reset_index(drop=True) for key, rows in past.groupby("instrument_id")}
    warnings = frame_from_table(empty_table(EARLY_WARNINGS))
    return Universe(signals, history, today, yesterday, warnings, tables["signal_status"], profiles)


def latencies_s(market: Universe, events: int) -> list[float]:
    """Seconds of each of ``events`` arrivals, after one that does not count."""
    names = [name for name in market.signals if name in market.history]
    spreads = np.random.default_rng(9).lognormal(3.5, 0.5, events + 1)
    seconds = []
    for number, spread in enumerate(spreads.tolist()):
        began = time.perf_counter()
        market.arrive(names[number % len(names)], spread)
        seconds.append(time.perf_counter() - began)
    return seconds[1:]


def run(quick: bool = False) -> list[Row]:
    """Rows of the table; ``quick`` with a tenth of the names and of the events."""
    cut = 10 if quick else 1
    seconds = latencies_s(universe(NAMES // cut), EVENTS // cut)
    p50, p95 = (float(np.quantile(seconds, q)) for q in (0.5, 0.95))
    n = f"{NAMES // cut:,} names, {EVENTS // cut} quotes"
    return [
        Row("one quote to its document, p50", p50, n, "reported", True),
        Row("one quote to its document, p95", p95, n, f"< {MAX_P95_S:g} s", p95 < MAX_P95_S),
    ]


def main() -> int:
    rows: list[Any] = run()
    for row in rows:
        print(f"{row.name}: {row.ours:.3f} s ({row.n}; {row.goal})")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
