"""From the stored tables of a session to its liquidity surface: what is observed, pooled or ruled, each under its label.

Read next: ``pooling.py`` (peers and rules), ``surface_books.py`` (what books tell), ``surface.py`` (what is made of it).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.risk_surface import COST_METHODS
from liquidity.domain.errors import ContractError
from liquidity.domain.origin import origins
from liquidity.impact.book_curves import BUY, SELL, BookCurves
from liquidity.impact.calibrated_pools import ImpactCalibration
from liquidity.impact.calibration import OWN_FILLS
from liquidity.impact.pooling import (
    Peers,
    pooled,
    ruled_bond_adv,
    ruled_spread_bps,
    ruled_turnover_velocity,
    ruled_volatility_frac,
)
from liquidity.impact.surface import LiquiditySurface
from liquidity.impact.surface_books import minute_volatility, session_curves, tape_volume

__all__ = [
    "ADV_WINDOW_SESSIONS",
    "FEATURE_COLUMNS",
    "HISTORY_DAYS",
    "PANEL_COLUMNS",
    "PAST_COLUMNS",
    "QUOTE_COLUMNS",
    "build_surface",
]

ADV_WINDOW_SESSIONS: Final = 20
"""Sessions of the average daily volume; those without a trade count as 0, those of unknown volume not at all."""
HISTORY_DAYS: Final = 45
"""Calendar days that hold 20 sessions of any calendar and its longest holidays."""
PANEL_COLUMNS: Final = (
    "session_date",
    "instrument_id",
    "asset_class",
    "issuer_id",
    "sector",
    "rating",
    "currency",
    "maturity_date",
    "amount_outstanding",
    "spread_bps",
    "depth_density",
    "turnover_ccy",
    "close",
    "source",
)
"""Columns read of ``signal_panel`` on the session."""
PAST_COLUMNS: Final = ("session_date", "instrument_id", "spread_bps", "depth_density", "turnover_ccy", "close")
"""Those of them that are read on the days before too."""
FEATURE_COLUMNS: Final = ("session_date", "instrument_id", "spread_bps", "spread_origin", "volatility_daily_frac")
"""Columns read of ``liquidity_features``, the session alone."""
QUOTE_COLUMNS: Final = ("session_date", "instrument_id", "bid", "ask")
"""Columns read of ``microstructure``, the session and the days before it."""
_ENOUGH_TRADED: Final = 5
"""Sessions with a trade from which a bond's own volume speaks for itself. Below, its known sessions, idle ones among them,
are weighed against five of the pool: twenty sessions without a trade are evidence, not silence."""
_LEAST_KNOWN: Final = 10
_LEAST_RETURNS: Final = 10
_NOISE_OF_VOLATILITY: Final = 0.5
"""Estimates of the spread from daily prices that are below this share of daily volatility are noise."""
_SPREAD_OF_VOLATILITY: Final = np.sqrt(2.0)
"""Bouncing between bid and ask alone makes daily returns vary by half the squared spread (Roll 1984): more is impossible."""
_RULES_APART: Final = 3.0
"""Estimates of more than so many times what names of that volume quote are noise too: of a name that trades hundreds of
millions a day, they tell the noise of its closes. Estimates serve names that trade little."""
_UNSURE: Final = 0.5
"""Relative standard deviation of an estimated or ruled spread: a judgement."""
_PRIOR_SCALE_SE: Final = 0.35
"""Standard error of the impact scale before own fills: prefactors between 0.5 and 1.5 are usual; a judgement."""
_POOLS: Final = ("pooled_issuer", "pooled_sector_rating", "pooled_asset_class", "rule_based", "none")


def build_surface(
    panel: pd.DataFrame,
    features: pd.DataFrame,
    session: date,
    *,
    quotes: pd.DataFrame | None = None,
    levels: pd.DataFrame | None = None,
    depth: pd.DataFrame | None = None,
    books: pd.DataFrame | None = None,
    calibration: ImpactCalibration | None = None,
) -> LiquiditySurface:
    """Surface of all instruments of the panel on ``session``.

    Parameters
    ----------
    panel, features
        Rows with :data:`PANEL_COLUMNS` and :data:`FEATURE_COLUMNS`; days after ``session`` and older than
        :data:`HISTORY_DAYS` are not read.
    quotes, levels, depth, books
        Rows with :data:`QUOTE_COLUMNS`, and of ``surface_books``: ``LEVEL_COLUMNS``, ``DEPTH_COLUMNS``, ``BOOK_COLUMNS``; none where the
        lake has none.
    calibration
        What own fills say; the prior by default.

    Returns
    -------
    LiquiditySurface
        One row per instrument that the panel lists on the session, sorted by identifier. See ``docs/methodology/surface.md``
        for how each input is found; where one is missing altogether the row has method ``none`` and a reason.

    Raises
    ------
    ContractError
        A column is missing.
    """
    for name, frame, columns in (("panel", panel, PANEL_COLUMNS), ("features", features, FEATURE_COLUMNS)):
        missing = [column for column in columns if column not in frame.columns]
        if missing:
            raise ContractError(f"liquidity surface: {name} lacks columns {missing}")
    window = _Window.of(panel, session)
    now = window.now
    n = len(now)
    peers = _peers(now, session)
    currency = _objects(now["currency"])
    own = _at_session(features, session, now)

    known_n, traded_n, own_adv = window.volume()
    close, close_age = window.last("close")
    quoted, quoted_age = window.last("spread_bps")
    density, _ = window.last("depth_density")
    middle, middle_age, quote_volatility = _quotes(quotes, window)
    curves, covered = session_curves(levels, depth, now["instrument_id"], session)
    book_half = [curves.best_bps(side) for side in (BUY, SELL)]
    taped_adv, taped_frac = tape_volume(books, now, session)

    adv, adv_basis = _adv(own_adv, known_n, traded_n, taped_adv, now, peers, currency)
    volatility, volatility_basis = _volatility(
        own["volatility_daily_frac"], quote_volatility, minute_volatility(depth, now, session), peers
    )
    spread, spread_basis, spread_sd, spread_age = _spread(
        own, quoted, quoted_age, book_half[BUY] + book_half[SELL], adv, volatility, peers, currency
    )
    learned = (calibration or ImpactCalibration.prior()).arrays(peers.asset_class)
    method = _method(spread_basis, adv_basis, volatility_basis, learned.label == OWN_FILLS)
    observed_age = np.fmax(spread_age, np.where(np.isnan(close), middle_age, close_age))
    coverage = np.minimum(
        np.where(adv_basis == "tape", taped_frac, known_n / ADV_WINDOW_SESSIONS),
        np.where(spread_basis == "book", covered, 1.0),
    )
    return LiquiditySurface(
        instrument_id=_objects(now["instrument_id"]),
        asset_class=peers.asset_class,
        currency=currency,
        sector=peers.sector,
        rating=peers.rating,
        issuer_id=peers.issuer_id,
        session_date=session,
        price=np.where(np.isnan(close), middle, close),
        spread_bps=spread,
        adv_ccy=adv,
        volatility_daily_frac=volatility,
        depth_ccy_per_bp=density,
        method=method,
        reason=_reasons(method, spread_basis, adv_basis, volatility_basis),
        age_sessions=observed_age,
        coverage_frac=coverage,
        origin=peers.origin,
        source=_objects(now["source"]),
        spread_basis=spread_basis,
        adv_basis=adv_basis,
        volatility_basis=volatility_basis,
        weight=np.ascontiguousarray(learned.weight),
        impact_scale=learned.scale,
        impact_scale_se=np.where(np.isnan(learned.scale_se), _PRIOR_SCALE_SE * learned.scale, learned.scale_se),
        spread_sd_bps=spread_sd,
        adv_known_n=known_n,
        adv_traded_n=traded_n,
        calibration_n=learned.n,
        curves=curves if n else BookCurves.of(0, {}, {}),
    )


@dataclass(frozen=True, slots=True)
class _Window:
    """The panel's rows of the last sessions of the instruments that are listed now."""

    now: pd.DataFrame
    rows: pd.DataFrame
    place: NDArray[np.int64]
    age: NDArray[np.int64]

    @classmethod
    def of(cls, panel: pd.DataFrame, session: date) -> "_Window":
        day = pd.Timestamp(session)
        recent = panel[(panel["session_date"] <= day) & (panel["session_date"] > day - timedelta(days=HISTORY_DAYS))]
        now = recent[recent["session_date"] == day].sort_values("instrument_id").reset_index(drop=True)
        place = pd.Index(now["instrument_id"]).get_indexer(recent["instrument_id"])
        rows = recent[place >= 0].assign(place=place[place >= 0])
        rows = rows.sort_values(["place", "session_date"], kind="stable")
        age = rows.groupby("place", sort=False).cumcount(ascending=False).to_numpy(dtype=np.int64)
        kept = age < ADV_WINDOW_SESSIONS
        rows = rows[kept]
        return cls(now, rows, rows["place"].to_numpy(dtype=np.int64), age[kept])

    def volume(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Sessions of known volume, those with a trade, and the mean; NaN where none is known."""
        turnover = self.rows["turnover_ccy"].to_numpy(dtype=np.float64)
        known = np.isfinite(turnover)
        n = len(self.now)
        known_n = np.bincount(self.place[known], minlength=n)
        traded_n = np.bincount(self.place[known & (turnover > 0.0)], minlength=n)
        total = np.bincount(self.place[known], weights=turnover[known], minlength=n)
        return known_n, traded_n, total / np.where(known_n > 0, known_n, np.nan)

    def last(self, column: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Newest known value of the window and its age in sessions; NaN where none is known."""
        values = self.rows[column].to_numpy(dtype=np.float64)
        known = np.isfinite(values)
        out, age = np.full(len(self.now), np.nan), np.full(len(self.now), np.nan)
        # rows ascend in time within an instrument, so the newest is written last
        out[self.place[known]] = values[known]
        age[self.place[known]] = self.age[known]
        return out, age


def _peers(now: pd.DataFrame, session: date) -> Peers:
    tenor = (pd.to_datetime(now["maturity_date"]) - pd.Timestamp(session)).dt.days.to_numpy(dtype=np.float64) / 365.25
    return Peers(
        origin=origins(now["source"]),
        asset_class=_objects(now["asset_class"]),
        issuer_id=_objects(now["issuer_id"]),
        sector=_objects(now["sector"]),
        rating=_objects(now["rating"]),
        tenor_years=tenor,
    )


def _at_session(features: pd.DataFrame, session: date, now: pd.DataFrame) -> pd.DataFrame:
    of_day = features[features["session_date"] == pd.Timestamp(session)].drop_duplicates("instrument_id")
    return of_day.set_index("instrument_id").reindex(now["instrument_id"])


def _quotes(
    quotes: pd.DataFrame | None, window: _Window
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Newest middle of the quotes, its age, and the standard deviation of its daily returns."""
    n = len(window.now)
    none = np.full(n, np.nan)
    if quotes is None or not len(quotes) or not n:
        return none, none.copy(), none.copy()
    two_sided = quotes[(quotes["bid"] > 0.0) & (quotes["ask"] >= quotes["bid"])]
    middle = (two_sided["bid"] + two_sided["ask"]) / 2.0
    by_day = middle.groupby([two_sided["instrument_id"], two_sided["session_date"]]).mean().rename("middle")
    joined = window.rows[["instrument_id", "session_date", "place"]].join(by_day, on=["instrument_id", "session_date"])
    values = joined["middle"].to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    newest, age = none.copy(), none.copy()
    newest[window.place[known]] = values[known]
    age[window.place[known]] = window.age[known]
    before = joined.groupby("place", sort=False)["middle"].shift(1).to_numpy(dtype=np.float64)
    returns = pd.Series(values / before - 1.0)
    spread = returns.groupby(window.place).agg(["std", "count"])
    volatility = none.copy()
    volatility[spread.index] = np.where(spread["count"] >= _LEAST_RETURNS, spread["std"], np.nan)
    return newest, age, np.where(volatility > 0.0, volatility, np.nan)


def _adv(
    own: NDArray[np.float64],
    known_n: NDArray[np.int64],
    traded_n: NDArray[np.int64],
    taped: NDArray[np.float64],
    now: pd.DataFrame,
    peers: Peers,
    currency: NDArray[np.object_],
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    outstanding = now["amount_outstanding"].to_numpy(dtype=np.float64)
    adv = own.copy()
    basis = np.where(np.isfinite(own), "observed", "none").astype(object)
    from_tape = np.isnan(own) & np.isfinite(taped)
    adv[from_tape], basis[from_tape] = taped[from_tape], "tape"
    velocity = pooled(np.where((known_n >= _LEAST_KNOWN) & peers.is_bond, own / outstanding, np.nan), peers)
    usable = (velocity.value > 0.0) & np.isfinite(outstanding)
    ruled = ruled_turnover_velocity(peers) * outstanding
    ruled = np.where(np.isnan(ruled), ruled_bond_adv(peers, currency), ruled)
    peer = np.where(usable, velocity.value * outstanding, ruled)
    level = np.where(usable, velocity.level, "rule_based").astype(object)
    thin = peers.is_bond & (traded_n < _ENOUGH_TRADED) & np.isfinite(peer)
    shrunk = (known_n * np.nan_to_num(own) + _ENOUGH_TRADED * peer) / (known_n + _ENOUGH_TRADED)
    adv[thin], basis[thin] = shrunk[thin], level[thin]
    basis[~(adv > 0.0)] = "none"
    return adv, basis


def _volatility(
    traded: pd.Series, quoted: NDArray[np.float64], minutes: NDArray[np.float64], peers: Peers
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    own = traded.to_numpy(dtype=np.float64)
    out = np.where(own > 0.0, own, np.nan)
    basis = np.where(np.isfinite(out), "trades", "none").astype(object)
    for value, name in ((quoted, "quotes"), (minutes, "minutes")):
        new = np.isnan(out) & np.isfinite(value)
        out[new], basis[new] = value[new], name
    pool = pooled(out, peers)
    new = np.isnan(out) & (pool.value > 0.0)
    out[new], basis[new] = pool.value[new], pool.level[new]
    ruled = ruled_volatility_frac(peers)
    new = np.isnan(out) & np.isfinite(ruled)
    out[new], basis[new] = ruled[new], "rule_based"
    return out, basis


def _spread(
    own: pd.DataFrame,
    quoted: NDArray[np.float64],
    quoted_age: NDArray[np.float64],
    booked: NDArray[np.float64],
    adv: NDArray[np.float64],
    volatility: NDArray[np.float64],
    peers: Peers,
    currency: NDArray[np.object_],
) -> tuple[NDArray[np.float64], NDArray[np.object_], NDArray[np.float64], NDArray[np.float64]]:
    """Spread, what it rests on, its standard deviation and its age in sessions."""
    told = own["spread_bps"].to_numpy(dtype=np.float64)
    origin = _objects(own["spread_origin"])
    estimated = np.isfinite(told) & (origin != "quoted")
    ruled = ruled_spread_bps(peers, adv, currency)
    noise = estimated & ~(told > 1e4 * _NOISE_OF_VOLATILITY * volatility) & np.isfinite(volatility)
    noise |= estimated & ((told > _RULES_APART * ruled) | (told > 1e4 * _SPREAD_OF_VOLATILITY * volatility))
    out = np.where(noise, np.nan, told)
    basis = np.where(np.isfinite(out), origin, "none").astype(object)
    age = np.where(np.isfinite(out), 0.0, np.nan)
    sd = np.where(estimated & ~noise, _UNSURE * told, 0.0)
    earlier = np.isnan(out) & np.isfinite(quoted)
    out[earlier], basis[earlier], age[earlier] = quoted[earlier], "quoted", quoted_age[earlier]
    seen = np.isfinite(booked)
    out[seen], basis[seen], age[seen], sd[seen] = booked[seen], "book", 0.0, 0.0
    # Only bonds pool: of a coin or a share the volume says more than the median of others.
    pool = pooled(np.where((basis == "quoted") & peers.is_bond, out, np.nan), peers)
    new = np.isnan(out) & np.isfinite(pool.value) & peers.is_bond
    out[new], basis[new], sd[new] = pool.value[new], pool.level[new], pool.sd[new]
    new = np.isnan(out) & np.isfinite(ruled)
    out[new], basis[new], sd[new] = ruled[new], "rule_based", _UNSURE * ruled[new]
    return out, basis, sd, age


def _method(
    spread_basis: NDArray[np.object_],
    adv_basis: NDArray[np.object_],
    volatility_basis: NDArray[np.object_],
    calibrated: NDArray[np.bool_],
) -> NDArray[np.object_]:
    """The least certain input; a book answers within its depth whatever else is missing."""
    rank = {name: place for place, name in enumerate(COST_METHODS)}
    best = np.where(calibrated, rank["own_fills"], rank["observed"])
    worst = best
    for basis in (spread_basis, adv_basis, volatility_basis):
        worst = np.maximum(worst, np.array([rank[each] if each in _POOLS else 0 for each in basis], dtype=np.int64))
    method = np.array(COST_METHODS, dtype=object)[worst]
    return np.where(spread_basis == "book", "book", method).astype(object)


def _reasons(
    method: NDArray[np.object_],
    spread_basis: NDArray[np.object_],
    adv_basis: NDArray[np.object_],
    volatility_basis: NDArray[np.object_],
) -> NDArray[np.object_]:
    out = np.full(len(method), "", dtype=object)
    for place in np.flatnonzero(method == "none"):
        missing = [
            text
            for text, basis in (
                ("no volume known or traded in 20 sessions, nor an amount outstanding to scale a pool by", adv_basis),
                ("no spread quoted, measurable or ruled", spread_basis),
                ("no volatility", volatility_basis),
            )
            if basis[place] == "none"
        ]
        out[place] = "; ".join(missing)
    return out


def _objects(values: pd.Series) -> NDArray[np.object_]:
    known = values.astype(object)
    return np.array(known.where(values.notna(), None).to_numpy(), dtype=np.object_)
