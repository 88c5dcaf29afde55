"""What the forecast assets read: the served models, what was said for a day, and the history that a training learns from.

Read next: ``forecasts.py``, which uses it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from liquidity.contracts import (
    BONDX_SCORE,
    FORECAST_ACCURACY,
    INDEX_FORECAST,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    REPAYMENT_SUPPORT,
    TableContract,
)
from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.domain.errors import LiquidityError
from liquidity.domain.origin import SIMULATED
from liquidity.forecast.daily import JUDGED_COLUMNS, LONGEST_WAIT_DAYS, SCORE_DAYS, calendars_of
from liquidity.forecast.panel import MarketGroup
from liquidity.forecast.score_panels import FEATURE_COLUMNS, SCORE_COLUMNS
from resources.lake import Lake
from resources.stores.forecast_models import ForecastModels, champion_of

if TYPE_CHECKING:
    import logging

    from liquidity.forecast.forecaster import Forecaster

__all__ = [
    "SCORE_TABLES",
    "Learned",
    "ServedModels",
    "due_forecasts",
    "one_session_accuracy",
    "training_history",
]

SCORE_TABLES: Final[Mapping[str, TableContract]] = {
    "liquidity_score": LIQUIDITY_INDEX,
    "repayment_score": REPAYMENT_SUPPORT,
    "bondx_score": BONDX_SCORE,
}
"""Table of each score that is forecast."""

# Listings are looked at on every thirteenth day, so that each weekday comes, and on all days of the last week.
_LISTING_STEP: Final = 13
_LISTING_WEEK: Final = 7


class ServedModels:
    """Which forecaster serves a market on a session, loaded once; or why none does.

    Parameters
    ----------
    as_of
        Moment to look back from (aware); None is now. A forecast made again as of then finds the models of then.
    """

    def __init__(self, models: ForecastModels, as_of: datetime | None, log: "logging.Logger") -> None:
        self._models = models
        self._promotions = models.promotions(as_of)
        self._loaded: dict[str, Forecaster | str] = {}
        self._log = log

    def __call__(self, group: MarketGroup, target: str, session: date) -> "Forecaster | str":
        """Forecaster of a market and score for a session, or the reason why there is none."""
        from liquidity.forecast.forecaster import Forecaster

        promotion = champion_of(self._promotions, group, target, session)
        if promotion is None:
            return f"no model of this market had been trained before {session}"
        if promotion.model_id not in self._loaded:
            try:
                state = self._models.state(promotion)
                self._loaded[promotion.model_id] = Forecaster.from_bytes(state, promotion.state_sha256)
            except LiquidityError as error:
                self._log.error("model %s of %s %s is not used: %s", promotion.model_id, group.key, target, error)
                self._loaded[promotion.model_id] = f"trained model not used: {error}"
        return self._loaded[promotion.model_id]


@dataclass(frozen=True, slots=True)
class Learned:
    """Tables that a training learns from: scores of one target, the features beside them, calendars by instrument."""

    scores: pd.DataFrame
    features: pd.DataFrame
    calendars: Mapping[str, str]


def due_forecasts(lake: Lake, first: date, target: str) -> Callable[[date], pd.DataFrame]:
    """Rows of ``INDEX_FORECAST`` that were made before ``first`` for the session asked for."""

    def due(session: date) -> pd.DataFrame:
        nothing = empty_table(INDEX_FORECAST).select(JUDGED_COLUMNS)
        said = [nothing]
        for back in range(1, LONGEST_WAIT_DAYS + 1):
            day = session - timedelta(days=back)
            if day < first:
                rows = lake.read(INDEX_FORECAST, day, day, JUDGED_COLUMNS, coded=True)
                mine = pc.and_(pc.equal(rows["target"], target), pc.equal(rows["target_date"], pa.scalar(session)))
                said.append(rows.filter(mine).cast(nothing.schema))  # one day of a large market is millions of rows
        return frame_from_table(pa.concat_tables(said))

    return due


def one_session_accuracy(lake: Lake, first: date, target: str) -> pd.DataFrame:
    """One-session rows of ``FORECAST_ACCURACY`` of the days before ``first`` that levels and windows look back on."""
    start, end = first - timedelta(days=SCORE_DAYS), first - timedelta(days=1)
    rows = lake.read(FORECAST_ACCURACY, start, end)
    mine = pc.and_(pc.equal(rows["target"], target), pc.equal(rows["window_sessions"], 1))
    return frame_from_table(rows.filter(mine))


def training_history(lake: Lake, target: str, session: date, days: int, most_instruments: int) -> Learned:
    """The ``days`` calendar days that end with ``session``, of at most ``most_instruments`` instruments of each market.

    Of more instruments an even share in the order of their names is taken, the same in every training.
    """
    start = session - timedelta(days=days - 1)
    calendars = _listed(lake, start, session, most_instruments)
    names = list(calendars)
    scores = lake.read(SCORE_TABLES[target], start, session, (*SCORE_COLUMNS, target), names)
    features = lake.read(LIQUIDITY_FEATURES, start, session, FEATURE_COLUMNS, names)
    return Learned(frame_from_table(scores), frame_from_table(features), calendars)


def _listed(lake: Lake, start: date, session: date, most: int) -> dict[str, str]:
    """Calendar of the instruments to learn from."""
    columns = ["instrument_id", "asset_class", "calendar", "source"]
    back = sorted({*range(_LISTING_WEEK), *range(0, (session - start).days + 1, _LISTING_STEP)}, reverse=True)
    days = [session - timedelta(days=number) for number in back]
    listings = pa.concat_tables([lake.read(INSTRUMENTS, day, day, columns) for day in days])
    origin = pc.if_else(pc.equal(listings["source"], SIMULATED), "simulated", "recorded")
    market = listings.append_column("origin", origin).group_by(["instrument_id", "asset_class", "calendar", "origin"])
    of_market: dict[tuple[str, str, str], list[str]] = {}
    for row in market.aggregate([]).to_pylist():
        of_market.setdefault((row["asset_class"], row["calendar"], row["origin"]), []).append(row["instrument_id"])
    taken = [name for names in of_market.values() for name in _even_share(sorted(names), most)]
    calendar_of = calendars_of(frame_from_table(listings.select(["instrument_id", "calendar"])))
    return {name: calendar_of[name] for name in sorted(set(taken))}


def _even_share(names: list[str], most: int) -> list[str]:
    if len(names) <= most:
        return names
    return [names[place] for place in np.linspace(0, len(names) - 1, most).round().astype(int)]
