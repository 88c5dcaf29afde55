"""A crisis that happened, replayed on today's portfolio: what prices, spreads, volumes and dealers really did.

:data:`CRISES` names windows that recorded histories cover. Read next: ``vector.py`` (what a replay becomes), ``engine.py``.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.impact.shock import Shock
from liquidity.portfolio.holdings import Holdings
from liquidity.stress.classes import stress_class, stress_classes
from liquidity.stress.vector import StressVector

__all__ = ["CALM_SESSIONS", "CRISES", "Crisis", "crisis_moves", "crisis_named", "replay_path", "replay_vector"]

CALM_SESSIONS: Final = 60
"""Sessions before the crisis that its conditions are compared with."""
_FEWEST_CALM: Final = 20
_MOVES: Final = (
    "price_fall_frac",
    "spread_mult",
    "volume_haircut_frac",
    "depth_haircut_frac",
    "vol_mult",
    "dealer_withdrawal_frac",
)


@dataclass(frozen=True, slots=True)
class Crisis:
    """A crisis and its sessions, both ends included."""

    name: str
    title: str
    first: date
    last: date


CRISES: Final = (
    Crisis("gfc_2008", "Global financial crisis, from Lehman to the low", date(2008, 9, 15), date(2009, 3, 9)),
    Crisis("covid_2020", "COVID, US equities from top to bottom", date(2020, 2, 20), date(2020, 3, 23)),
    Crisis("luna_2022", "Terra and LUNA", date(2022, 5, 5), date(2022, 5, 16)),
    Crisis("ftx_2022", "FTX", date(2022, 11, 6), date(2022, 11, 14)),
    Crisis("cascade_2025_10", "Liquidation cascade of 10 October 2025", date(2025, 10, 10), date(2025, 10, 11)),
    Crisis("dealer_outage_2026_03", "Brazilian treasury dealer away", date(2026, 3, 19), date(2026, 3, 19)),
)


def crisis_named(name: str) -> Crisis:
    """Return the crisis of that name; ConfigError tells those there are."""
    for crisis in CRISES:
        if crisis.name == name:
            return crisis
    raise ConfigError(f"no crisis {name!r}; there are {', '.join(each.name for each in CRISES)}")


def crisis_moves(panel: pd.DataFrame, crisis: Crisis) -> pd.DataFrame:
    """What the crisis did to each instrument that was recorded through it.

    Parameters
    ----------
    panel
        Rows of the table ``signal_panel`` from well before the crisis to its end: ``session_date, instrument_id,
        asset_class, rating, close, spread_bps, turnover_ccy, depth_density, mm_online_ratio``. Later rows are not read.

    Returns
    -------
    pd.DataFrame
        Index ``instrument_id``; ``stress_class``; ``price_fall_frac`` from the last close before the crisis to its lowest
        close; ``spread_mult`` (mean over median of the calm sessions, at least 0), ``volume_haircut_frac`` and
        ``depth_haircut_frac`` (1 - mean over mean), ``vol_mult`` (root mean square return over the calm one) and
        ``dealer_withdrawal_frac`` (fall of the dealers' presence at its worst; 0 where turnover was recorded, which then
        holds it already); NaN where the calm or the crisis was not
        recorded. ``calm_sessions`` and ``crisis_sessions`` count what entered. Instruments with fewer than 20 calm
        sessions are left out.
    """
    rows = panel[pd.to_datetime(panel["session_date"]).dt.date <= crisis.last].sort_values(
        ["instrument_id", "session_date"]
    )
    found = {}
    for identifier, history in rows.groupby("instrument_id", sort=False):
        days = pd.to_datetime(history["session_date"]).dt.date.to_numpy()
        during = days >= crisis.first
        calm = np.flatnonzero(~during)[-CALM_SESSIONS:]
        if len(calm) < _FEWEST_CALM or not during.any():
            continue
        newest = history.iloc[-1]
        kind, _ = stress_class(_text(newest.get("asset_class")), _text(newest.get("rating")), str(identifier))
        found[identifier] = {"stress_class": kind, **_moves(history, calm, np.flatnonzero(during))}
    columns = ["stress_class", *_MOVES, "calm_sessions", "crisis_sessions"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis("instrument_id")


def replay_vector(moves: pd.DataFrame, crisis: Crisis, holdings: Holdings) -> StressVector:
    """Lay a crisis on a portfolio: each position moves as it did then, or as the median of its class.

    Notes
    -----
    ``note`` says ``proxy_class_median`` for a position that was not recorded then and ``no_history_of_class`` for one
    without proxy, which is left as it is. A part that was not recorded (depth, mostly) is taken from the class and else
    left unchanged, never guessed.

    Raises
    ------
    InsufficientDataError
        Nothing was recorded through the crisis.
    """
    if moves.empty:
        raise InsufficientDataError(
            f"replay {crisis.name}: no instrument was recorded from {_FEWEST_CALM} sessions before {crisis.first} to "
            f"{crisis.last}; materialise signal_panel for these days"
        )
    classes, notes = stress_classes(holdings)
    medians = moves.groupby("stress_class")[list(_MOVES)].median()
    rows = np.full((len(holdings), len(_MOVES)), np.nan)
    for place, (identifier, kind) in enumerate(zip(holdings.instrument_id, classes, strict=True)):
        own = identifier in moves.index
        if own:
            rows[place] = moves.loc[identifier, list(_MOVES)].to_numpy(dtype=np.float64)
        if kind in medians.index:
            rows[place] = np.where(np.isnan(rows[place]), medians.loc[kind].to_numpy(dtype=np.float64), rows[place])
        if not own:
            said = "proxy_class_median" if kind in medians.index else "no_history_of_class"
            notes[place] = f"{notes[place]},{said}" if notes[place] else said
    unchanged = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    filled = np.where(np.isnan(rows), unchanged, rows)
    nothing = np.zeros(len(holdings))
    return StressVector(
        name=crisis.name,
        stress_class=classes,
        note=notes,
        price_fall_frac=filled[:, 0],
        conditions=Shock(**{name: filled[:, place] for place, name in enumerate(_MOVES) if place}),
        correlation_floor=nothing,
        redemption_weekly_frac=nothing,
        margin_call_frac=nothing,
    )


def replay_path(panel: pd.DataFrame, moves: pd.DataFrame, crisis: Crisis, holdings: Holdings) -> pd.DataFrame:
    """Value of today's positions day by day through the crisis.

    Parameters
    ----------
    panel, moves
        Input and result of :func:`crisis_moves`; only instruments of ``moves`` lead the way.

    Returns
    -------
    pd.DataFrame
        ``session_date``, ``value_base`` (what the positions would be worth), ``loss_base`` (since the last session before
        the crisis), ``own_frac`` (share of gross value that follows its own history, the rest a class median or nothing).
        Gaps in a history keep the last price.
    """
    days = pd.to_datetime(panel["session_date"]).dt.date
    wide = (
        panel.assign(session_date=days)[(days <= crisis.last) & panel["instrument_id"].isin(moves.index)]
        .pivot_table(index="session_date", columns="instrument_id", values="close", aggfunc="last")
        .sort_index()
        .ffill(limit=10)
    )
    before = wide.index < crisis.first
    if not before.any() or before.all():
        raise InsufficientDataError(
            f"replay {crisis.name}: closes before {crisis.first} and until {crisis.last} are needed"
        )
    relative = wide.loc[~before] / wide.loc[before].iloc[-1]
    relative = relative.dropna(axis=1, how="all")
    of_kind = moves["stress_class"].to_dict()
    medians = {
        kind: relative[[name for name in relative.columns if of_kind[name] == kind]].median(axis=1).to_numpy()
        for kind in {of_kind[name] for name in relative.columns}
    }
    classes, _ = stress_classes(holdings)
    value = np.where(np.isfinite(holdings.value_base), holdings.value_base, 0.0)
    path, own = np.zeros(len(relative)), 0.0
    for place, identifier in enumerate(holdings.instrument_id):
        if identifier in relative.columns:
            steps = relative[identifier].ffill().fillna(1.0).to_numpy()
            own += abs(value[place])
        else:
            steps = medians.get(classes[place], np.ones(len(relative)))
        path += value[place] * steps
    gross = float(np.abs(value).sum())
    return pd.DataFrame(
        {
            "session_date": list(relative.index),
            "value_base": path,
            "loss_base": float(value.sum()) - path,
            "own_frac": own / gross if gross > 0.0 else np.nan,
        }
    )


def _moves(history: pd.DataFrame, calm: NDArray[np.int64], during: NDArray[np.int64]) -> dict[str, float]:
    def column(name: str) -> NDArray[np.float64]:
        if name not in history:
            return np.full(len(history), np.nan)
        return history[name].to_numpy(dtype=np.float64, na_value=np.nan)

    close = column("close")
    start = close[calm][np.isfinite(close[calm])]
    lows = close[during][np.isfinite(close[during])]
    with np.errstate(invalid="ignore", divide="ignore"):
        returns = np.diff(np.log(np.where(close > 0.0, close, np.nan)), prepend=np.nan)
    spread, turnover, depth, online = (
        column(name) for name in ("spread_bps", "turnover_ccy", "depth_density", "mm_online_ratio")
    )
    volume = _ratio(_mean(turnover[during]), _mean(turnover[calm]))
    dealers = _ratio(np.nanmin(online[during]) if np.isfinite(online[during]).any() else np.nan, _mean(online[calm]))
    return {
        "price_fall_frac": 1.0 - lows.min() / start[-1] if len(start) and len(lows) and start[-1] > 0.0 else np.nan,
        "spread_mult": _ratio(
            _mean(spread[during]), float(np.nanmedian(spread[calm])) if np.isfinite(spread[calm]).any() else np.nan
        ),
        "volume_haircut_frac": 1.0 - volume,
        "depth_haircut_frac": float(np.clip(1.0 - _ratio(_mean(depth[during]), _mean(depth[calm])), 0.0, 1.0)),
        "vol_mult": _ratio(np.sqrt(_mean(returns[during] ** 2)), np.sqrt(_mean(returns[calm] ** 2))),
        "dealer_withdrawal_frac": 0.0 if np.isfinite(volume) else float(np.clip(1.0 - dealers, 0.0, 1.0)),
        "calm_sessions": float(len(calm)),
        "crisis_sessions": float(len(during)),
    }


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0.0 else np.nan


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
