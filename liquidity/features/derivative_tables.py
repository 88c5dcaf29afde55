"""Tables of derivatives: open interest with its changes, funding with a forecast, and modelled liquidation levels.

Each function reads a history and keeps the asked sessions; no row depends on a later one. Read next:
``liquidity/derivatives`` (the formulas).
"""

from collections.abc import Collection
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.contracts.crypto import FUNDING_RATES, LIQUIDATION_EVENTS, LIQUIDATION_LEVELS, OPEN_INTEREST
from liquidity.contracts.table import TableContract
from liquidity.derivatives.funding import payments_per_year
from liquidity.derivatives.liquidation_levels import liquidation_levels
from liquidity.derivatives.open_interest import open_interest_changes
from liquidity.domain.market_data import LeverageTier

__all__ = ["ASSUMED_TIERS", "funding_with_forecast", "interest_with_changes", "levels_of_history", "once_each"]

ASSUMED_TIERS: Final = (LeverageTier(0.0, 1e12, 0.005, 100.0),)
"""One bracket for every market: maintenance 0.5 %, leverage up to 100. Levels move little with it next to the assumed
leverage mix, and venues change their brackets often."""


def interest_with_changes(readings: pd.DataFrame, sessions: Collection[date]) -> pd.DataFrame:
    """Open interest of ``sessions`` with its changes over 1 h and 24 h.

    Parameters
    ----------
    readings
        ``open_interest`` rows without the changes (or with any: they are computed anew), of the sessions and the day
        before, any order. A moment told twice counts once, the last row given.

    Returns
    -------
    pd.DataFrame
        Columns of ``open_interest``, sorted by its key. Changes are of the base amount where every reading of the
        instrument tells it, else of the value; null without a reading then (one within a tenth of the lookback).
    """
    rows = _kept_once(readings)
    parts = []
    for _, history in rows.groupby("instrument_id"):
        base = history["open_interest_base"]
        told = history["open_interest_quote"] if base.isna().any() else base
        changes = open_interest_changes(_ns(history["at"]), told.to_numpy(dtype=np.float64)).change_frac
        parts.append(history.assign(change_1h_frac=changes[:, 0], change_24h_frac=changes[:, 1]))
    return _of_sessions(parts, OPEN_INTEREST, sessions)


def funding_with_forecast(payments: pd.DataFrame, sessions: Collection[date]) -> pd.DataFrame:
    """Funding payments of ``sessions`` with the yearly rate and a forecast of the next payment.

    Parameters
    ----------
    payments
        ``funding_rates`` rows; ``annualised_frac`` and ``predicted_next_frac`` may be missing. Of the sessions and the
        day before.

    Returns
    -------
    pd.DataFrame
        ``annualised_frac`` = rate x 8760 h / interval. The forecast is what the venue said where the row tells it,
        else the mean of the payments of the last 24 h, weights 1, 2, 3, ... with the newest heaviest, null with fewer
        than three.
    """
    rows = _kept_once(payments)
    parts = []
    for _, history in rows.groupby("instrument_id"):
        yearly = history["rate_frac"] * history["interval_hours"].map(payments_per_year)
        guessed = _weighted_day(_ns(history["at"]), history["rate_frac"].to_numpy(dtype=np.float64))
        said = history["predicted_next_frac"].to_numpy(dtype=np.float64)
        parts.append(
            history.assign(annualised_frac=yearly, predicted_next_frac=np.where(np.isnan(said), guessed, said))
        )
    return _of_sessions(parts, FUNDING_RATES, sessions)


def once_each(events: pd.DataFrame, sessions: Collection[date]) -> pd.DataFrame:
    """Liquidation events of ``sessions``, each told once: exact repeats of an id (a reconnect's) are dropped.

    Rows of one id that say different things all stay; the contract then sets them aside as ``conflicting_duplicate``.
    """
    return _of_sessions([events.drop_duplicates()], LIQUIDATION_EVENTS, sessions)


def levels_of_history(interest: pd.DataFrame, sessions: Collection[date]) -> pd.DataFrame:
    """Modelled liquidation levels at the last reading of each of ``sessions``.

    Parameters
    ----------
    interest
        ``open_interest`` rows of the sessions and the days before that positions may stem from. The price of a reading
        is value over base amount; an instrument that does not tell both has no levels.

    Returns
    -------
    pd.DataFrame
        Columns of ``liquidation_levels``. ``covered_frac`` is that of the level's side.
    """
    parts = []
    told = interest[(interest["open_interest_base"] > 0.0) & (interest["open_interest_quote"] > 0.0)]
    for instrument, history in told.sort_values("at").groupby("instrument_id"):
        price = (history["open_interest_quote"] / history["open_interest_base"]).to_numpy(dtype=np.float64)
        before = np.concatenate((price[:1], price[:-1]))
        for session in sorted(sessions):
            until = int(history["session_date"].searchsorted(pd.Timestamp(session), side="right"))
            if not until or history["session_date"].iloc[until - 1] != pd.Timestamp(session):
                continue
            newest = history.iloc[until - 1]
            found = liquidation_levels(
                history["open_interest_base"].to_numpy(dtype=np.float64)[:until],
                np.maximum(price, before)[:until],
                np.minimum(price, before)[:until],
                price[:until],
                ASSUMED_TIERS,
                symbol=str(instrument),
                exchange=str(newest["venue"]),
                timestamp=newest["at"].to_pydatetime(),
            )
            if not found.levels:
                continue
            covered = {"long": found.long_covered_frac, "short": found.short_covered_frac}
            place = {"long": 0, "short": 0}
            records = []
            for level in found.levels:
                place[level.side] += 1
                records.append(
                    {
                        "side": level.side,
                        "level": place[level.side],
                        "price_level": level.price_level,
                        "notional_quote": level.quantity * level.price_level,
                        "distance_frac": level.distance_from_price_frac,
                        "risk_score": level.risk_score,
                        "covered_frac": covered[level.side],
                    }
                )
            facts = {name: newest[name] for name in ("session_date", "instrument_id", "venue", "source", "at")}
            parts.append(pd.DataFrame(records).assign(basis="modelled", **facts))
    return _of_sessions(parts, LIQUIDATION_LEVELS, sessions)


def _weighted_day(at_ns: NDArray[np.int64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
    told = np.full(len(rates), np.nan)
    # A minute of grace: venues stamp payments with milliseconds of jitter.
    first = np.searchsorted(at_ns, at_ns - 86_400 * 10**9 + 60 * 10**9)
    for place in range(len(rates)):
        window = rates[first[place] : place + 1]
        if len(window) >= 3:
            told[place] = np.average(window, weights=np.arange(1, len(window) + 1))
    return told


def _ns(times: pd.Series) -> NDArray[np.int64]:
    values: NDArray[np.int64] = (
        times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ns]").astype(np.int64)
    )
    return values


def _kept_once(rows: pd.DataFrame) -> pd.DataFrame:
    ordered = rows.sort_values(["instrument_id", "at"], kind="stable")
    return ordered.drop_duplicates(["instrument_id", "at"], keep="last").reset_index(drop=True)


def _of_sessions(parts: list[pd.DataFrame], contract: TableContract, sessions: Collection[date]) -> pd.DataFrame:
    having = [part for part in parts if len(part)]
    whole = pd.concat(having, ignore_index=True) if having else frame_from_table(empty_table(contract))
    wanted = whole[whole["session_date"].isin([pd.Timestamp(day) for day in sessions])]
    return wanted.sort_values(list(contract.key), kind="stable", ignore_index=True)[list(contract.column_names)]
