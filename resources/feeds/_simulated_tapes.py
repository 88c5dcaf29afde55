"""Generated order-book tapes and derivatives as landing files, with what was planted in them written beside.

``<landing>/tapes/sim*/...`` hold the segments, ``<landing>/crypto/<table>/simulated-<day>.parquet`` open interest, funding
and liquidations, ``simulated_tapes_truth.json`` the ground truth by day. A day is written once; a later call adds days.
Read next: ``liquidity/simulation/crypto_market.py``.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from liquidity.book.block import BookBlock
from liquidity.book.grid import BookGrid
from liquidity.contracts.crypto import FUNDING_RATES, LIQUIDATION_EVENTS, OPEN_INTEREST
from liquidity.contracts.table import TableContract
from liquidity.domain.book_message import TradeMessage
from liquidity.domain.errors import ConfigError
from liquidity.domain.origin import SIMULATED
from liquidity.simulation import MarketConfig, ground_truth
from liquidity.simulation.crypto import COINS, first_state, next_day
from liquidity.simulation.crypto_derivatives import FUNDING_HOURS, DerivativesDay, derivatives_day
from liquidity.simulation.crypto_events import book_crises
from liquidity.simulation.crypto_market import (
    LEADER_VENUE,
    BookConditions,
    GeneratedBook,
    TapeConfig,
    generate_day,
)
from liquidity.simulation.events import market_intensity
from resources.atomic_file import replacing
from resources.tapes.segments import Gap, SegmentWriter, symbol_folder

__all__ = ["TAPES_TRUTH_FILE", "TapesReport", "read_tapes_truth", "simulate_tapes_to_landing", "tape_conditions"]

TAPES_TRUTH_FILE: Final = "simulated_tapes_truth.json"
_FORMAT: Final = 1
_RANGE_TO_SD: Final = 0.6006  # Parkinson (1980): 1 / (2 sqrt(ln 2))


@dataclass(frozen=True, slots=True)
class TapesReport:
    """What one call wrote: days, level changes, trades; all 0 when everything was there already."""

    days: int
    rows: int
    trades: int
    truth: Path

    def __str__(self) -> str:
        """One line for the terminal."""
        if not self.days:
            return f"generated tapes: complete already, nothing written; ground truth in {self.truth}"
        return (
            f"generated tapes: {self.days} days, {self.rows:,} level changes, {self.trades:,} trades; "
            f"ground truth in {self.truth}"
        )


def simulate_tapes_to_landing(
    landing: Path, config: TapeConfig, market: MarketConfig, start: date, first: date, last: date
) -> TapesReport:
    """Bring the generated tapes of ``first``..``last`` into the landing folder.

    Parameters
    ----------
    market, start
        The simulated market whose perpetuals the tapes show, and its first day: prices, spreads and depths of the
        tapes are those of its days.
    first, last
        Days wanted, inclusive; days that are there stay as they are.

    Raises
    ------
    ConfigError
        The folder holds tapes of another configuration, the market has no perpetual of a coin, or the days are not
        in order.
    """
    if not start <= first <= last:
        raise ConfigError(f"generated tapes: {first} to {last} in a market from {start}; give ascending days inside it")
    perps = COINS[: market.crypto_perps]
    if not set(config.coins) <= set(perps):
        raise ConfigError(f"generated tapes: coins {config.coins}; the simulated market has perpetuals of {perps}")
    path = landing / TAPES_TRUTH_FILE
    described = {"config": json.loads(json.dumps(asdict(config))), "market_start": start.isoformat()}
    stored = read_tapes_truth(landing) if path.is_file() else {"format": _FORMAT, **described, "days": {}}
    different = [key for key, value in described.items() if stored[key] != value]
    if different:
        raise ConfigError(
            f"{path}: the folder holds other generated tapes ({', '.join(different)} differ); choose another folder, or "
            f"delete this file and tapes/{LEADER_VENUE}* to start anew"
        )
    crises = book_crises(config.seed, config.coins, start, last)
    rows = trades = days = 0
    for day, conditions, opens in tape_conditions(market, config.coins, start, last):
        if day < first or day.isoformat() in stored["days"]:
            continue
        made = generate_day(config, day, conditions, crises)
        for each in made:
            _write_book(landing / "tapes", each, day)
            rows, trades = rows + len(each.rows.side), trades + len(each.trades.price_ticks)
        _write_derivatives(landing / "crypto", derivatives_day(config, day, conditions, opens), day)
        stored["days"][day.isoformat()] = _truth_of(made)
        days += 1
    if days:
        stored["lag_ms"] = config.lag_ms
        stored["crises"] = [json.loads(json.dumps(asdict(each), default=str)) for each in crises]
        with replacing(path) as staged:
            staged.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return TapesReport(days, rows, trades, path)


def read_tapes_truth(landing: Path) -> dict[str, Any]:
    """Read the ground truth: ``config, market_start, lag_ms, crises`` and, by day, losses and planted levels.

    Raises
    ------
    ConfigError
        The file is absent or not JSON of this format.
    """
    path = landing / TAPES_TRUTH_FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as cause:
        raise ConfigError(
            f"{path}: no readable ground truth of generated tapes ({cause}); generate them anew"
        ) from cause
    if not isinstance(stored, dict) or stored.get("format") != _FORMAT:
        raise ConfigError(f"{path}: not a ground truth of format {_FORMAT}; delete it and generate the tapes anew")
    return stored


def tape_conditions(
    market: MarketConfig, coins: tuple[str, ...], start: date, last: date
) -> Iterator[tuple[date, dict[str, BookConditions], dict[str, float]]]:
    """State of each coin's perpetual on each day of the simulated market, and its first price of the day."""
    events = ground_truth(market, start, last).events
    state = first_state(market)
    for offset in range((last - start).days + 1):
        day = start + timedelta(days=offset)
        active = tuple(event for event in events if event.first_day <= day <= event.last_day)
        state, seen = next_day(market, state, day, market_intensity(active, day))
        conditions, opens = {}, {}
        for coin in coins:
            place = market.crypto_coins + COINS.index(coin)
            conditions[coin] = BookConditions(
                price=float(seen.close[place]),
                daily_sd_frac=max(_RANGE_TO_SD * float(np.log(seen.high[place] / seen.low[place])), 1e-4),
                spread_bps=float(seen.spread_bps[place]),
                depth_10bps_quote=0.5 * float(seen.depth_ccy[place]),
                turnover_quote=float(seen.turnover_ccy[place]),
            )
            opens[coin] = float(seen.open[place])
        yield day, conditions, opens


def _write_book(tapes: Path, made: GeneratedBook, day: date) -> None:
    book = made.book
    grid = BookGrid(book.tick_size, book.lot_size, 1.0, "linear")
    folder = tapes / symbol_folder(book.venue) / symbol_folder(book.venue_symbol) / day.isoformat()
    for left in folder.glob("*.parquet"):  # of a call that ended before the day was complete
        left.unlink()
    block = BookBlock(*(getattr(made.rows, name) for name in BookBlock.__slots__))
    trades = made.trades
    prices, amounts = grid.prices(trades.price_ticks), grid.sizes(trades.size_lots)
    columns = zip(
        trades.received_ns.tolist(), trades.event_ns.tolist(), trades.trade_id.tolist(), prices.tolist(),
        amounts.tolist(), trades.taker_sign.tolist(), strict=True,
    )  # fmt: skip
    with SegmentWriter(tapes, book.venue, book.venue_symbol, grid, flush_rows=2_000_000) as writer:
        writer.write(block)
        writer.write_trades(
            [
                TradeMessage(book.venue_symbol, at, event, str(n), repr(p), repr(a), sign)
                for at, event, n, p, a, sign in columns
            ]
        )
        for loss in made.losses:
            writer.write_gap(Gap(loss.from_ns, loss.until_ns, "gap"))


def _write_derivatives(folder: Path, made: list[DerivativesDay], day: date) -> None:
    tables: dict[str, tuple[TableContract, list[pd.DataFrame]]] = {}
    for each in made:
        ids: dict[str, Any] = {
            "session_date": pd.Timestamp(day), "instrument_id": f"{LEADER_VENUE}:{each.coin}USDT-PERP",
            "venue": LEADER_VENUE, "source": SIMULATED,
        }  # fmt: skip
        interest = {
            "at": _times(each.hour_ns), "open_interest_base": each.interest_base,
            "open_interest_quote": each.interest_base * each.mark,
        }  # fmt: skip
        paid = {
            "at": _times(each.funding_ns), "rate_frac": each.rate_frac, "interval_hours": FUNDING_HOURS,
            "mark_price": each.mark[:: round(FUNDING_HOURS)],
        }  # fmt: skip
        forced = {
            "event_id": [f"{each.coin}-{day:%Y%m%d}-{n}" for n in range(len(each.event_ns))], "at": _times(each.event_ns),
            "side": np.where(each.event_long, "long", "short"), "price": each.event_price, "amount": each.event_base,
            "notional_quote": each.event_base * each.event_price,
        }  # fmt: skip
        for contract, columns in ((OPEN_INTEREST, interest), (FUNDING_RATES, paid), (LIQUIDATION_EVENTS, forced)):
            tables.setdefault(contract.name, (contract, []))[1].append(pd.DataFrame(columns).assign(**ids))
    for contract, parts in tables.values():
        frame = pd.concat(parts, ignore_index=True)
        fields = [field for field in contract.arrow_schema if field.name in frame]
        table = pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False)
        with replacing(folder / contract.name / f"simulated-{day.isoformat()}.parquet") as staged:
            pq.write_table(table, staged, compression="zstd")


def _times(ns: "np.typing.NDArray[np.int64]") -> pd.DatetimeIndex:
    return pd.DatetimeIndex(ns.view("datetime64[ns]").astype("datetime64[us]"), tz="UTC")


def _truth_of(made: list[GeneratedBook]) -> dict[str, Any]:
    return {
        "losses": [asdict(loss) for each in made for loss in each.losses],
        "levels": [asdict(level) for each in made for level in each.levels],
        "crises": sorted({each.crisis.coin for each in made if each.crisis is not None}),
    }
