"""The features of a session: what the indices are made of, each with its rank in the instrument's own past.

``liquidity_features`` is the recipe; the arithmetic of the past is in ``own_history.py``, trust in ``trust.py``. A session's
features read the panel of the 90 days up to it and that day's measures, nothing else, so any session is recomputed
exactly from those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from liquidity.contracts.features import LIQUIDITY_FEATURES, SCORED_FEATURES
from liquidity.domain.columns import coded, day_numbers, text_column
from liquidity.domain.errors import ContractError
from liquidity.features.anomaly import robust_flags
from liquidity.features.own_history import (
    MIN_OWN_OBSERVATIONS,
    at_column,
    before,
    latest_known,
    own_rank_frac,
    rolled,
    rolled_share,
    without_rounding_noise,
)
from liquidity.features.rolling import observed_returns
from liquidity.features.seasonality import seasonally_adjusted
from liquidity.features.stability import stability_of
from liquidity.features.trust import FreshnessPolicy, MarketTime, Reading, group_trust
from liquidity.features.windows import PanelCube, float_column, panel_cube
from liquidity.measures.zero_trade_share import idle_sessions

__all__ = ["FEATURE_INPUTS", "SPREAD_ESTIMATORS", "TODAY_INPUTS", "liquidity_features"]

HISTORY_DAYS: Final = 90
MONTH_DAYS: Final = 30
WEEK_DAYS: Final = 7
MIN_STABILITY_OBSERVATIONS: Final = 5
MIN_MONTH_OBSERVATIONS: Final = 8
"""Amihud and the zero-trade share need as many usable sessions as the measures of the same names."""
ESTIMATE_STEP_SESSIONS: Final = 3
"""Estimated spreads of the past are taken at every third session: neighbouring 30-day windows hardly differ."""
ANOMALY_Z: Final = 3.5

SPREAD_ESTIMATORS: Final = {
    "edge_spread": "edge",
    "abdi_ranaldo": "abdi_ranaldo",
    "corwin_schultz": "corwin_schultz",
    "roll": "roll",
}
"""Measures that stand in for a quote, best first, and the spread_origin each gives."""

_STATIC: Final = ("asset_class", "issuer_id", "sector", "rating", "currency", "source")
TODAY_INPUTS: Final = (*_STATIC, "maturity_date", "issue_date")
"""Columns of signal_panel of which only the sessions' own rows are read."""
_NUMBERS: Final = (
    "spread_bps",
    "depth_density",
    "turnover_velocity",
    "turnover_ccy",
    "mm_online_ratio",
    "auction_demand",
    "time_since_last_trade_h",
    "traffic_index",
    "utilities_index",
    "sentiment_signed",
    "buzz_volume",
    "open",
    "high",
    "low",
    "close",
    "trades_count",
    *(f"{group}_{what}" for group in ("micro", "alt", "auction", "sentiment") for what in ("age_s", "quality_frac")),
)
FEATURE_INPUTS: Final = (
    "session_date",
    "instrument_id",
    *TODAY_INPUTS,
    "calendar",
    "amount_outstanding",
    *_NUMBERS,
)
"""Columns of signal_panel that :func:`liquidity_features` reads."""

_GROUPS: Final = ("micro", "alt", "auction", "sentiment")


def liquidity_features(
    panel: pd.DataFrame,
    measures: pd.DataFrame,
    sessions: Sequence[date],
    policy: FreshnessPolicy | None = None,
) -> pd.DataFrame:
    """Features, own-history ranks, outlier flags and trust of every instrument of each session.

    Parameters
    ----------
    panel
        Rows of ``signal_panel`` (columns :data:`FEATURE_INPUTS`) of the sessions and the 90 days up to each; columns
        :data:`TODAY_INPUTS` may be null on other days.
    measures
        Rows of ``liquidity_measures`` of the sessions: ``amihud`` and the spread estimators are read.
    sessions
        Days to compute.
    policy
        Half-lives; the default is :class:`liquidity.features.trust.FreshnessPolicy`.

    Returns
    -------
    pd.DataFrame
        Columns of ``LIQUIDITY_FEATURES``, sorted by its key, one row for each panel row of the sessions. A feature that
        cannot be known is NaN, never 0.

    Notes
    -----
    All windows are calendar days (t - w, t], past only. With w = 90 unless said:

    - ``spread_bps``: today's quoted spread; without one the first of :data:`SPREAD_ESTIMATORS` that was measurable
      today, and ``spread_origin`` names it.
    - ``depth_density``, ``turnover_velocity``, ``turnover_ccy``, ``mm_online_ratio``, ``time_since_last_trade_h``: today's panel values, never
      carried.
    - ``amihud_per_m``: today's measure ``amihud`` (30 days).
    - ``zero_trade_share_frac``: sessions of 30 days known to be without a trade over those where it is known (trades
      counted, else turnover), from 8 known ones.
    - ``auction_demand``, ``traffic_index``, ``utilities_index``, ``buzz_volume``: latest known value; the group's weight falls with
      its age. The two indices are seasonally adjusted on the past.
    - ``sentiment_intensity``: mean tone of 7 days, -1..1.
    - ``buzz_volume``: stories times the sign of the tone of the same day; 0 without stories or with a neutral tone.
    - ``spread_stability``, ``depth_stability``: 1 / (1 + std / mean) over 30 days of quoted spread and depth density, from 5
      observations; 1 is constant.
    - ``volatility_daily_frac``: sample deviation of daily returns of 30 days, from 5 returns.
    - ``<feature>_own_rank_frac``: (#less + 0.5 #equal) / n among the instrument's earlier values, null below 10. For panel
      values these are the values observed at earlier sessions. For a feature that is itself computed over w days
      (Amihud, zero-trade share, stabilities, sentiment intensity) they are the same feature at those earlier sessions
      whose whole w days lie inside the 90, so that equals are compared with equals: shorter windows would be noisier
      and their ranks biased to the extremes. Such values overlap; the rank describes the path, it is not a p-value.
      They are compared to 12 digits,
      so that the last bits of a mean make neither rank nor outlier. An estimated spread is ranked among the same estimator's values, taken at every third session.
    - ``anomaly_flags``: features whose |robust z| against those earlier values exceeds 3.5 (Iglewicz and Hoaglin 1993).
    - ``<group>_weight_frac``: freshness times quality of the values used, see :func:`liquidity.features.trust.group_trust`.

    Raises
    ------
    ContractError
        A column is missing or a key repeats.
    """
    policy = policy or FreshnessPolicy()
    missing = [name for name in FEATURE_INPUTS if name not in panel.columns]
    if missing:
        raise ContractError(f"liquidity_features: panel columns {missing} are missing; it reads {list(FEATURE_INPUTS)}")
    wanted = np.unique(np.asarray(sessions, dtype="datetime64[D]").astype(np.int64))
    if not wanted.size or panel.empty:
        return _empty()
    first = np.datetime64(int(wanted[0]), "D").item() - timedelta(days=HISTORY_DAYS - 1)
    cube = panel_cube(panel, first, np.datetime64(int(wanted[-1]), "D").item())
    columns = {name: float_column(panel, name) for name in _NUMBERS}
    parts = []
    for day in wanted.tolist():
        past = cube.between(day - HISTORY_DAYS, day).of_rows_on(day)
        if len(past.cell):
            parts.append(_Session(past, columns, _measures_of(measures, day, past.instruments), policy).frame())
    return pd.concat(parts, ignore_index=True) if parts else _empty()


def _measures_of(measures: pd.DataFrame, day: int, instruments: Any) -> dict[str, NDArray[np.float64]]:
    """Spread estimators (bps) and Amihud of one day, aligned with the instruments; NaN where not measurable."""
    needed = (*SPREAD_ESTIMATORS, "amihud")
    found = {name: np.full(len(instruments), np.nan) for name in needed}
    if measures.empty:
        return found
    codes, names = coded(measures["measure"])
    today = day_numbers(measures["session_date"]) == day
    for code, name in enumerate(names.to_pylist()):
        if name not in found:
            continue
        rows = measures.iloc[np.flatnonzero(today & (codes == code))]
        units = set(rows["unit"].unique().tolist())
        allowed = {"frac per million currency"} if name == "amihud" else {"bps"}
        if units - allowed:
            raise ContractError(f"liquidity_measures: unit of {name} is {sorted(units)}, allowed {sorted(allowed)}")
        ids, instrument_ids = coded(rows["instrument_id"])
        place = pc.fill_null(pc.index_in(instrument_ids, value_set=instruments), -1).to_numpy(zero_copy_only=False)
        at = place[ids].astype(np.int64)
        found[name][at[at >= 0]] = float_column(rows, "value")[at >= 0]
    return found


@dataclass(slots=True)
class _Session:
    """One session: the past of all its instruments, filled block by block into whole columns."""

    cube: PanelCube
    columns: Mapping[str, NDArray[np.float64]]
    measures: Mapping[str, NDArray[np.float64]]
    policy: FreshnessPolicy
    out: dict[str, NDArray[Any]] = field(default_factory=dict)

    def frame(self) -> pd.DataFrame:
        n = len(self.cube.cell)
        floats = (
            *SCORED_FEATURES,
            *(f"{name}_own_rank_frac" for name in SCORED_FEATURES),
            "volatility_daily_frac",
            *(f"{group}_{what}" for group in _GROUPS for what in ("weight_frac", "age_s")),
        )
        self.out = {name: np.full(n, np.nan) for name in floats}
        self.out |= {name: np.zeros(n, dtype=np.int64) for name in ("history_n", "flags")}
        self.out["origin"] = np.full(n, -1, dtype=np.int64)
        calendar_codes, calendars = coded(self.cube.frame["calendar"].iloc[self.cube.cell[:, -1]])
        market = MarketTime(tuple(calendars.to_pylist()), self.cube.days)
        for block in self.cube.blocks():
            _Block(self, block, calendar_codes[block], market).fill()
        return self._as_frame()

    def _as_frame(self) -> pd.DataFrame:
        today = self.cube.frame.iloc[self.cube.cell[:, -1]]
        day = np.full(len(today), self.cube.days[-1]).astype("datetime64[D]").astype("datetime64[s]")
        table: dict[str, Any] = {"session_date": day}
        table["instrument_id"] = text_column(self.cube.instruments, np.arange(len(today)))
        for name in _STATIC:
            codes, values = coded(today[name])
            table[name] = text_column(values, codes)
        for name in TODAY_INPUTS[len(_STATIC) :]:
            table[name] = day_numbers(today[name]).astype("datetime64[D]").astype("datetime64[s]")
        table["amount_outstanding"] = float_column(today, "amount_outstanding")
        origins = pa.array(["quoted", *SPREAD_ESTIMATORS.values()], pa.large_string())
        table["spread_origin"] = text_column(origins, self.out.pop("origin"))
        table["anomaly_flags"] = _flag_names(self.out.pop("flags"))
        table |= self.out
        return pd.DataFrame(table, columns=list(LIQUIDITY_FEATURES.column_names), copy=False)


def _flag_names(flags: NDArray[np.int64]) -> "pd.Series[str]":
    """Bits over the sorted features to names, comma-separated."""
    combinations, codes = np.unique(flags, return_inverse=True)
    names = sorted(SCORED_FEATURES)
    texts = [",".join(name for bit, name in enumerate(names) if flag >> bit & 1) for flag in combinations.tolist()]
    return text_column(pa.array(texts, pa.large_string()), codes)


class _Block:
    """Some instruments of one session: matrices (instruments, days) of the 90 days, newest day last."""

    def __init__(self, session: _Session, block: slice, calendars: NDArray[np.int64], market: MarketTime) -> None:
        self.session = session
        self.block = block
        self.days = session.cube.days
        self.today = self.days.size - 1
        self.listed = session.cube.cell[block] >= 0
        self.n = len(self.listed)
        self.calendars = calendars
        self.market = market
        self.newest = np.full(self.n, self.today, dtype=np.int64)

    def fill(self) -> None:
        self._put("history_n", self.listed[:, :-1].sum(axis=1))
        spread, depth, turnover = (self._past(name) for name in ("spread_bps", "depth_density", "turnover_ccy"))
        self._spread(spread)
        for name, matrix in (("depth_density", depth), ("turnover_ccy", turnover)):
            self._observed_today(name, matrix)
        for name in ("turnover_velocity", "mm_online_ratio", "time_since_last_trade_h"):
            self._observed_today(name, self._past(name))
        for name, matrix in (("spread_stability", spread), ("depth_stability", depth)):
            self._computed_over(name, self._stability(matrix), MONTH_DAYS)
        self._trading(turnover)
        self._micro_trust()
        self._auction()
        self._alternative()
        self._sentiment()

    # --- helpers of the recipe ----------------------------------------------------------------------------------------
    def _past(self, name: str) -> NDArray[np.float64]:
        return self.session.cube.take(self.session.columns[name], self.block)

    def _put(self, name: str, values: NDArray[Any]) -> None:
        self.session.out[name][self.block] = values

    def _feature(
        self,
        name: str,
        value: NDArray[np.float64],
        history: NDArray[np.float64],
        compared: NDArray[np.float64] | None = None,
    ) -> None:
        """Store a feature with its rank and outlier flag; ``compared`` is the value in the history's own terms."""
        compared = np.where(np.isfinite(value), value if compared is None else compared, np.nan)
        self._put(name, value)
        self._put(f"{name}_own_rank_frac", own_rank_frac(history, compared))
        outlier = robust_flags(history, compared, ANOMALY_Z, MIN_OWN_OBSERVATIONS)
        self.session.out["flags"][self.block] |= outlier.astype(np.int64) << sorted(SCORED_FEATURES).index(name)

    def _observed_today(self, name: str, matrix: NDArray[np.float64]) -> None:
        self._feature(name, matrix[:, -1], matrix[:, :-1])

    def _whole_windows(self, window_days: int) -> NDArray[np.bool_]:
        """Mark listed cells whose whole window lies inside the 90 days, and today."""
        inside = self.days - window_days >= self.days[-1] - HISTORY_DAYS
        whole: NDArray[np.bool_] = self.listed & inside
        return whole

    def _computed_over(self, name: str, matrix: NDArray[np.float64], window_days: int) -> None:
        whole = np.where(self._whole_windows(window_days), matrix, np.nan)
        compared = without_rounding_noise(whole)
        self._feature(name, whole[:, -1], compared[:, :-1], compared[:, -1])

    # --- the features -------------------------------------------------------------------------------------------------
    def _spread(self, quoted: NDArray[np.float64]) -> None:
        value, history = quoted[:, -1].copy(), quoted[:, :-1].copy()
        origin = np.where(np.isfinite(value), 0, -1)
        for code, measure in enumerate(SPREAD_ESTIMATORS, start=1):
            estimate = self.session.measures[measure][self.block]
            chosen = np.flatnonzero((origin < 0) & np.isfinite(estimate))
            if chosen.size:
                origin[chosen], value[chosen] = code, estimate[chosen]
                history[chosen] = self._past_estimates(measure, chosen)
        self._put("origin", origin)
        self._feature("spread_bps", value, history)

    def _past_estimates(self, measure: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Estimate at every third earlier session with a whole window, for some rows; (rows, days - 1)."""
        from liquidity.measures import MEASURES

        found = np.full((rows.size, self.today), np.nan)
        estimator = next(item for item in MEASURES if item.name == measure)
        last_day = int(self.days[-1])
        for code in np.unique(self.calendars[rows]).tolist():
            mine = rows[self.calendars[rows] == code]
            opened = self.market.sessions(code, last_day - HISTORY_DAYS + 1)
            place = np.searchsorted(self.days, opened)
            present = self.days[np.minimum(place, self.today)] == opened
            inputs = {name: np.full((mine.size, opened.size), np.nan) for name in estimator.inputs}
            for name, matrix in inputs.items():  # an open day without a row is a missing observation
                matrix[:, present] = self._input(name)[mine][:, place[present]]
            for session in range(opened.size - 1 - ESTIMATE_STEP_SESSIONS, -1, -ESTIMATE_STEP_SESSIONS):
                first = int(np.searchsorted(opened, opened[session] - estimator.window_days, side="right"))
                if opened[session] - estimator.window_days < last_day - HISTORY_DAYS or not present[session]:
                    continue
                value, _ = estimator.compute({name: matrix[:, first : session + 1] for name, matrix in inputs.items()})
                column = place[session]
                found[np.isin(rows, mine), column] = np.where(self.listed[mine, column], value, np.nan)
        return found

    def _input(self, name: str) -> NDArray[np.float64]:
        if name == "return_frac":
            return observed_returns(self._close())[0]
        return self._past(name)

    def _close(self) -> NDArray[np.float64]:
        close = self._past("close")
        return np.where(close > 0.0, close, np.nan)

    def _stability(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        mean, std = rolled(
            matrix, self.days, self._whole_windows(MONTH_DAYS), MONTH_DAYS, ("mean", "std"), MIN_STABILITY_OBSERVATIONS
        )
        return stability_of(mean, std)

    def _trading(self, turnover: NDArray[np.float64]) -> None:
        returns = observed_returns(self._close())[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            impact = np.where(turnover > 0.0, np.abs(returns) / turnover * 1e6, np.nan)
        monthly = self._whole_windows(MONTH_DAYS)
        (illiquidity,) = rolled(impact, self.days, monthly, MONTH_DAYS, ("mean",), MIN_MONTH_OBSERVATIONS)
        illiquidity = without_rounding_noise(illiquidity)
        self._feature(
            "amihud_per_m", self.session.measures["amihud"][self.block], illiquidity[:, :-1], illiquidity[:, -1]
        )
        only_today = np.zeros_like(monthly)
        only_today[:, -1] = True
        (deviation,) = rolled(returns, self.days, only_today, MONTH_DAYS, ("std",), MIN_STABILITY_OBSERVATIONS)
        self._put("volatility_daily_frac", deviation[:, -1])

        trades = self._past("trades_count")
        idle = idle_sessions(trades, turnover)
        share = rolled_share(idle == 1.0, ~np.isnan(idle), self.days, MONTH_DAYS, MIN_MONTH_OBSERVATIONS)
        self._computed_over("zero_trade_share_frac", share, MONTH_DAYS)

    def _reading(self, group: str, column: NDArray[np.int64]) -> Reading:
        """Age at today's close and quality of a group's values that were read at ``column``."""
        age = at_column(self._past(f"{group}_age_s"), column) + self.market.since(self.calendars, column)
        return Reading(age, at_column(self._past(f"{group}_quality_frac"), column))

    def _trust(self, group: str, *readings: Reading) -> list[NDArray[np.bool_]]:
        session_s = self.market.session_s[self.calendars]
        trust = group_trust(
            readings, self.session.policy.half_life_sessions(group) * session_s, self.session.policy.max_age_half_lives
        )
        self._put(f"{group}_weight_frac", trust.weight_frac)
        self._put(f"{group}_age_s", trust.age_s)
        return trust.dropped

    def _micro_trust(self) -> None:
        self._trust("micro", self._reading("micro", self.newest))

    def _carried(
        self, name: str, matrix: NDArray[np.float64], column: NDArray[np.int64], drop: NDArray[np.bool_]
    ) -> None:
        value = np.where(drop, np.nan, at_column(matrix, column))
        self._feature(name, value, before(matrix, column))

    def _auction(self) -> None:
        demand = self._past("auction_demand")
        makers = self._past("mm_online_ratio")[:, -1]
        _, column = latest_known(demand)
        present = np.where(np.isfinite(makers), self.newest, -1)
        drop, _ = self._trust("auction", self._reading("auction", column), self._reading("auction", present))
        self._carried("auction_demand", demand, column, drop)

    def _alternative(self) -> None:
        names = ("traffic_index", "utilities_index")
        adjusted = [self._adjusted(self._past(name)) for name in names]
        columns = [latest_known(matrix)[1] for matrix in adjusted]
        drops = self._trust("alt", *(self._reading("alt", column) for column in columns))
        for name, matrix, column, drop in zip(names, adjusted, columns, drops, strict=True):
            self._carried(name, matrix, column, drop)

    def _adjusted(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        if not np.isfinite(matrix).any():
            return matrix
        # Every calendar day of the 90 has its column, so that the result does not depend on who else traded when.
        every_day = np.arange(self.days[-1] - HISTORY_DAYS + 1, self.days[-1] + 1)
        spread_out = np.full((self.n, HISTORY_DAYS), np.nan)
        at = self.days - every_day[0]
        spread_out[:, at] = matrix
        return seasonally_adjusted(spread_out, every_day)[:, at]

    def _sentiment(self) -> None:
        tone, stories = self._past("sentiment_signed"), self._past("buzz_volume")
        weekly = self._whole_windows(WEEK_DAYS)
        (intensity,) = rolled(tone, self.days, weekly, WEEK_DAYS, ("mean",), 1)
        self._computed_over("sentiment_intensity", intensity, WEEK_DAYS)
        signed = np.where(stories == 0.0, 0.0, np.sign(tone) * stories)
        _, column = latest_known(signed)
        (drop,) = self._trust("sentiment", self._reading("sentiment", column))
        self._carried("buzz_volume", signed, column, drop)


def _empty() -> pd.DataFrame:
    empty: pd.DataFrame = LIQUIDITY_FEATURES.arrow_schema.empty_table().to_pandas(date_as_object=False)
    return empty
