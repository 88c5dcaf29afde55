"""What the books of a session tell the surface: their mean curve, volume of a short tape, volatility of their minutes.

Read next: ``book_curves.py``; ``surface_inputs.py``, which takes the rest from the panel.
"""

from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.impact.book_curves import BUY, SELL, BookCurves, Curve, book_curve, mean_curve

__all__ = ["BOOK_COLUMNS", "DEPTH_COLUMNS", "LEVEL_COLUMNS", "minute_volatility", "session_curves", "tape_volume"]

LEVEL_COLUMNS: Final = ("session_date", "instrument_id", "at", "side", "price", "notional_quote")
"""Columns read of ``book_snapshots``."""
_COSTS: Final = (("10k", 1e4), ("100k", 1e5), ("1m", 1e6))
_BANDS: Final = (("0p1pct", 0.001), ("0p5pct", 0.005), ("1pct", 0.01), ("2pct", 0.02), ("5pct", 0.05), ("10pct", 0.10))
DEPTH_COLUMNS: Final = (
    "session_date",
    "instrument_id",
    "at",
    "mid",
    *(f"{side}_depth_{label}_quote" for label, _ in _BANDS for side in ("bid", "ask")),
    *(f"{order}_cost_{label}_bps" for label, _ in _COSTS for order in ("buy", "sell")),
)
"""Columns read of ``market_depth``."""
BOOK_COLUMNS: Final = ("session_date", "instrument_id", "recorded_s", "turnover_quote")
"""Columns read of ``book_daily``."""
_LEAST_MINUTES: Final = 30
_LEAST_TAPE_S: Final = 120.0
_DAY_S: Final = 86_400.0


def session_curves(
    levels: pd.DataFrame | None, depth: pd.DataFrame | None, instrument_id: pd.Series, session: date
) -> tuple[BookCurves, NDArray[np.float64]]:
    """Curves of the books of ``session`` in the order of ``instrument_id``, and the share of the moments that entered.

    Every full minute gives a curve of the stored levels, lengthened by the costs and bands of ``depth`` of the same
    minute; their mean is the session's. Minutes without both sides are left out.
    """
    n = len(instrument_id)
    covered = np.full(n, np.nan)
    sides: tuple[dict[int, Curve], dict[int, Curve]] = ({}, {})
    if levels is None or not len(levels):
        return BookCurves.of(n, *sides), covered
    of_day = levels[levels["session_date"] == pd.Timestamp(session)]
    told = levels.iloc[:0] if depth is None else depth[depth["session_date"] == pd.Timestamp(session)]
    bands = {(row.instrument_id, row.at): row for row in told.itertuples()}
    place_of = {name: place for place, name in enumerate(instrument_id)}
    for name, seen in of_day.sort_values("at", kind="stable").groupby("instrument_id", sort=False):
        place = place_of.get(name)
        if place is None:
            continue
        found: tuple[list[Curve], list[Curve]] = ([], [])
        price, worth = (seen[column].to_numpy(dtype=np.float64) for column in ("price", "notional_quote"))
        is_bid = (seen["side"] == "bid").to_numpy(dtype=np.bool_)
        begins = np.flatnonzero((seen["at"] != seen["at"].shift()).to_numpy(dtype=np.bool_))
        for begin, end, at in zip(begins, [*begins[1:], len(seen)], seen["at"].iloc[begins], strict=True):
            book = slice(begin, end)
            curves = _two_curves(price[book], worth[book], is_bid[book], bands.get((name, at)))
            if curves is not None:
                found[BUY].append(curves[BUY])
                found[SELL].append(curves[SELL])
        means = [mean_curve(found[side]) for side in (BUY, SELL)]
        if means[BUY] is not None and means[SELL] is not None:
            sides[BUY][place], sides[SELL][place] = means[BUY], means[SELL]
            covered[place] = min(means[BUY].coverage_frac, means[SELL].coverage_frac) * len(found[BUY]) / len(begins)
    return BookCurves.of(n, *sides), covered


def tape_volume(
    books: pd.DataFrame | None, now: pd.DataFrame, session: date
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Volume of the tape scaled to the whole day, and the share of the day that it covers."""
    if books is None or not len(books):
        return np.full(len(now), np.nan), np.full(len(now), np.nan)
    of_day = (
        books[books["session_date"] == pd.Timestamp(session)].set_index("instrument_id").reindex(now["instrument_id"])
    )
    recorded = of_day["recorded_s"].to_numpy(dtype=np.float64)
    turnover = of_day["turnover_quote"].to_numpy(dtype=np.float64)
    long_enough = recorded >= _LEAST_TAPE_S
    scaled = turnover * _DAY_S / np.where(long_enough, recorded, np.nan)
    return scaled, np.minimum(recorded / _DAY_S, 1.0)


def minute_volatility(depth: pd.DataFrame | None, now: pd.DataFrame, session: date) -> NDArray[np.float64]:
    """Daily volatility from the minutes of the book: root of mean squared return times the minutes of a day."""
    out = np.full(len(now), np.nan)
    if depth is None or not len(depth):
        return out
    of_day = depth[depth["session_date"] == pd.Timestamp(session)].sort_values("at", kind="stable")
    place_of = {name: place for place, name in enumerate(now["instrument_id"])}
    for name, seen in of_day.groupby("instrument_id", sort=False):
        step = seen["at"].diff().dt.total_seconds().to_numpy(dtype=np.float64)
        returns = np.diff(np.log(seen["mid"].to_numpy(dtype=np.float64)), prepend=np.nan)[step == 60.0]
        if name in place_of and len(returns) >= _LEAST_MINUTES:
            out[place_of[name]] = np.sqrt(np.mean(returns**2) * _DAY_S / 60.0)
    return np.where(out > 0.0, out, np.nan)


def _two_curves(
    price: NDArray[np.float64], worth: NDArray[np.float64], is_bid: NDArray[np.bool_], bands: Any
) -> tuple[Curve, Curve] | None:
    if is_bid.all() or not is_bid.any():
        return None
    mid = (price[is_bid].max() + price[~is_bid].min()) / 2.0
    curves = []
    for side, order, rows in (("ask", "buy", ~is_bid), ("bid", "sell", is_bid)):
        deeper = [(width, float(getattr(bands, f"{side}_depth_{label}_quote"))) for label, width in _BANDS if bands]
        costs = [(size, float(getattr(bands, f"{order}_cost_{label}_bps"))) for label, size in _COSTS if bands]
        curve = book_curve(price[rows], worth[rows], mid, deeper, costs)
        if curve is None:
            return None
        curves.append(curve)
    return curves[0], curves[1]
