"""A trained forecaster: everything that turns a session's panel into its forecasts, and nothing else.

It is a member's state, the correction of its bands, how past days moved together, the distribution of its inputs, and the
card that says where all of it comes from. Stored as plain arrays, read back only under its hash. Read next:
``training.py``, which makes it.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError, InsufficientDataError
from liquidity.forecast.bands import Calibration
from liquidity.forecast.drift import InputBins, InputShift
from liquidity.forecast.fallback import MEMBER, places_of, recent_bands, session_place
from liquidity.forecast.forecast_table import ForecastRows, driver_texts, forecast_table
from liquidity.forecast.horizons import HORIZONS, LEVELS, MEDIAN
from liquidity.forecast.inputs import input_rows, liquidity_group
from liquidity.forecast.members import MEMBERS
from liquidity.forecast.members._member import FittedMember, InputRows
from liquidity.forecast.model_card import ModelCard
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.paths import score_paths
from liquidity.forecast.score_panels import FEATURE_COLUMNS
from liquidity.forecast.state_bytes import from_bytes, nested, part, sha256_hex, to_bytes

__all__ = ["MAX_GAP_SESSIONS", "MIN_SCORES", "SHIFT_DAYS", "Forecaster"]

MIN_SCORES: Final = 5
"""Scores in the last 22 sessions below which a trained member does not speak of an instrument."""

MAX_GAP_SESSIONS: Final = 10
"""Sessions without a score just before this one, above which it does not either: two trading weeks."""

SHIFT_DAYS: Final = 21
"""Calendar days whose inputs are held against those of the training, the session's own included."""

_ROWS_AT_ONCE: Final = 20_000
_SHIFT_ROWS: Final = 20_000


@dataclass(frozen=True, eq=False)
class Forecaster:
    """One member, trained for one score of one market.

    Attributes
    ----------
    card
        Where it comes from and how good it was.
    fitted
        The member's state.
    calibration
        Correction of its bands, learned from its held-out forecasts.
    ranks
        (S, 5) how past days moved together, for scenarios.
    bins
        Distribution of the watched inputs in training.
    signals_known
        Whether training rows usually had features; rows without any then fall back.
    """

    card: ModelCard
    fitted: FittedMember
    calibration: Calibration
    ranks: NDArray[np.int64]
    bins: InputBins
    signals_known: bool

    @property
    def group(self) -> MarketGroup:
        """The market it serves."""
        return self.card.group

    @property
    def target(self) -> str:
        """The score it forecasts."""
        return self.card.target

    @cached_property
    def _stored(self) -> bytes:
        return to_bytes(
            {
                "card": np.array(self.card.to_json(), dtype=np.str_),
                "ranks": self.ranks,
                "signals_known": np.array(self.signals_known),
                **nested("member", self.fitted.state()),
                **nested("calibration", self.calibration.state()),
                **nested("bins", self.bins.state()),
            }
        )

    def to_bytes(self) -> bytes:
        """The whole forecaster; equal inputs and seed of a training give equal bytes."""
        return self._stored

    @cached_property
    def sha256(self) -> str:
        """64 hex digits of :meth:`to_bytes`."""
        return sha256_hex(self._stored)

    @property
    def model_id(self) -> str:
        """First 16 hex digits of :attr:`sha256`."""
        return self.sha256[:16]

    @classmethod
    def from_bytes(cls, data: bytes, sha256: str) -> "Forecaster":
        """The forecaster that was stored.

        Raises
        ------
        ContractError
            The bytes are not those of the hash, or not a forecaster of this release.
        """
        state = from_bytes(data, sha256)
        lacking = sorted({"card", "ranks", "signals_known"} - set(state))
        if lacking or state["card"].dtype.kind != "U" or state["ranks"].dtype != np.int64 or state["ranks"].ndim != 2:
            raise ContractError(
                f"forecaster: stored arrays {sorted(state)[:12]} lack {lacking} or are of another type; train again"
            )
        card = ModelCard.from_json(str(state["card"]))
        if card.member not in MEMBERS:
            raise ContractError(f"forecaster: member {card.member!r} is not known, found {list(MEMBERS)}; train again")
        return cls(
            card,
            MEMBERS[card.member].from_state(part(state, "member")),
            Calibration.from_state(part(state, "calibration")),
            state["ranks"],
            InputBins.from_state(part(state, "bins")),
            bool(state["signals_known"]),
        )

    def forecast(
        self,
        panel: ScorePanel,
        session: np.datetime64,
        alphas: NDArray[np.float64] | None = None,
        instrument_ids: NDArray[np.str_] | None = None,
    ) -> pd.DataFrame:
        """Forecast a session.

        Parameters
        ----------
        panel
            Of this market and score, with at least ``LOOKBACK_SESSIONS`` sessions up to the session where they exist; what
            comes after it is not read.
        session
            Day whose close is known.
        alphas
            Levels of ``adaptive_alphas``; the nominal ones by default.
        instrument_ids
            Rows wanted; every instrument of the panel by default.

        Returns
        -------
        pd.DataFrame
            Rows of ``INDEX_FORECAST``, five for each instrument. An instrument that the member should not speak of (new,
            back after a gap of more than two weeks, without any feature) gets status ``fallback``: no change, with bands
            from recent changes of the market. Without a score it gets ``insufficient_data``. The reason is in the row.

        Raises
        ------
        ConfigError
            The session or an instrument is not in the panel.
        ContractError
            The panel is of another market, score or set of inputs.
        """
        place = session_place(panel, session)
        panel = panel.up_to(session)
        rows = self._rows(panel, place)
        wanted = places_of(panel, instrument_ids)
        mine = np.isin(rows.instrument, wanted)
        against = self._reasons_against(rows)
        told, left = mine & (against == ""), mine & (against != "")
        n = len(panel.instrument_ids)
        scores = np.full((n, len(HORIZONS), len(LEVELS)), np.nan)
        base = np.full(n, np.nan)
        base[rows.instrument] = rows.base
        groups = np.full(n, np.nan)
        groups[rows.instrument] = liquidity_group(rows)
        status = np.full(n, "insufficient_data", dtype=object)
        member, model_id = np.full(n, None, dtype=object), np.full(n, None, dtype=object)
        reason = np.full(n, f"no score on {session}", dtype=object)
        spoken, others = rows.instrument[told], rows.instrument[left]
        scores[spoken], texts = self._told(rows.take(told), alphas)
        status[spoken], member[spoken], model_id[spoken] = self.card.status, self.card.member, self.model_id
        reason[spoken] = "" if self.card.status == "model" else self.card.reason
        reason[others] = against[left]
        if len(others):
            bands = recent_bands(panel, place, rows)
            if isinstance(bands, str):
                reason[others] += f"; {bands}"
            else:
                scores[others] = bands.scores(rows)[left]
                status[others], member[others] = "fallback", MEMBER
        return forecast_table(
            panel,
            session,
            ForecastRows(
                wanted,
                base[wanted],
                scores[wanted],
                status[wanted].tolist(),
                member[wanted].tolist(),
                reason[wanted].tolist(),
                model_id[wanted].tolist(),
                np.where(status[wanted] == "insufficient_data", np.nan, groups[wanted]),
                _spread(texts, spoken, wanted, n),
            ),
        )

    def paths(
        self,
        panel: ScorePanel,
        session: np.datetime64,
        instrument_id: str,
        n: int,
        seed: int,
        alphas: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Scenarios of one instrument over the next five sessions that agree with its bands.

        Returns
        -------
        NDArray[np.float64]
            (n, 5) points 0-100, equally likely; equal inputs and seed give equal bits.

        Raises
        ------
        InsufficientDataError
            The member does not speak of the instrument in this session, or too few joint outcomes are known.
        """
        place = session_place(panel, session)
        (wanted,) = places_of(panel, np.array([instrument_id]))
        rows = self._rows(panel.up_to(session), place)
        mine = rows.instrument == wanted
        against = self._reasons_against(rows)[mine]
        if not mine.any() or against[0]:
            why = against[0] if mine.any() else f"no score on {session}"
            raise InsufficientDataError(f"paths of {instrument_id} {self.target}: {why}; ask for another instrument")
        return score_paths(self.scores(rows.take(mine), alphas)[0], self.ranks, n, seed)

    def scores(self, rows: InputRows, alphas: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(R, 5, 7) calibrated quantiles of the future score of each row, points 0-100.

        Raises
        ------
        ContractError
            The rows have other inputs than the member learned from.
        """
        self._check_inputs(rows)
        return self.calibration.apply(self.fitted.quantiles(rows), rows.base, rows.scale, liquidity_group(rows), alphas)

    def input_shift(self, panel: ScorePanel, session: np.datetime64) -> InputShift | None:
        """How far the watched inputs of the last 21 days stand from those of the training; None with fewer than 500 rows.

        Of a market with more than 20,000 rows in these days every k-th instrument is looked at. Raises
        :class:`ContractError` when the rows have other inputs than the member learned from.
        """
        last = session_place(panel, session)
        first = int(np.searchsorted(panel.sessions, panel.sessions[last] - np.timedelta64(SHIFT_DAYS - 1, "D")))
        every = max(1, (last + 1 - first) * len(panel.instrument_ids) // _SHIFT_ROWS)
        rows = input_rows(_thinned(panel, every), slice(first, last + 1))
        self._check_inputs(rows)
        return self.bins.shift(rows)

    def _check_inputs(self, rows: InputRows) -> None:
        if rows.names != self.card.inputs:
            differing = sorted(set(rows.names) ^ set(self.card.inputs))[:6]
            raise ContractError(
                f"forecaster {self.model_id}: inputs differ from those it learned from ({differing or 'their order'}); train again"
            )

    def _rows(self, panel: ScorePanel, place: int) -> InputRows:
        if (panel.group, panel.target) != (self.group, self.target):
            raise ContractError(
                f"forecaster {self.model_id} serves {self.group.key} {self.target}, not {panel.group.key} {panel.target}"
            )
        return input_rows(panel, np.array([place]))

    def _reasons_against(self, rows: InputRows) -> NDArray[np.object_]:
        """Why the member should not speak of a row; empty text where it may."""
        there = np.isfinite(rows.recent)
        count = there.sum(axis=1)
        gap = np.argmax(there[:, -2::-1], axis=1)
        reasons = np.full(len(rows), "", dtype=object)
        if self.signals_known:
            features = [rows.names.index(name) for name in FEATURE_COLUMNS if name in rows.names]
            reasons[np.isnan(rows.values[:, features]).all(axis=1)] = "no feature is known"
        for place in np.flatnonzero((count > 1) & (gap > MAX_GAP_SESSIONS)):
            reasons[place] = f"back after {gap[place]} sessions without a score, allowed {MAX_GAP_SESSIONS}"
        for place in np.flatnonzero(count < MIN_SCORES):
            reasons[place] = f"{count[place]} score(s) in the last {there.shape[1]} sessions, {MIN_SCORES} needed"
        return reasons

    def _told(self, rows: InputRows, alphas: NDArray[np.float64] | None) -> tuple[NDArray[np.float64], Any]:
        """(R, 5, 7) scores of the rows and (R * 5,) Arrow texts of their drivers."""
        scores = np.empty((len(rows), len(HORIZONS), len(LEVELS)))
        texts = [pa.array([], pa.large_string())]
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            block = slice(start, start + _ROWS_AT_ONCE)
            some = rows.take(np.arange(len(rows))[block])
            scores[block] = self.scores(some, alphas)
            names, parts = self.fitted.drivers(some)
            change = scores[block][:, :, MEDIAN] - some.base[:, np.newaxis]
            texts.append(driver_texts(names, parts.reshape(-1, len(names)), change.ravel()))
        return scores, pa.concat_arrays(texts)


def _thinned(panel: ScorePanel, every: int) -> ScorePanel:
    """Every k-th instrument of the panel."""
    kept = slice(None, None, every)
    return replace(
        panel,
        instrument_ids=panel.instrument_ids[kept],
        scores=panel.scores[:, kept],
        signals={name: values[:, kept] for name, values in panel.signals.items()},
        sectors=panel.sectors[kept],
        ratings=panel.ratings[kept],
    )


def _spread(texts: Any, spoken: NDArray[np.int64], wanted: NDArray[np.int64], n: int) -> Any:
    """Texts of the wanted instruments, five each; an empty list for those that are not spoken of."""
    each = len(HORIZONS)
    place = np.full(n, len(spoken))
    place[spoken] = np.arange(len(spoken))
    empty = pa.repeat(pa.scalar("[]", pa.large_string()), each)
    taken = place[wanted][:, np.newaxis] * each + np.arange(each)
    return pa.concat_arrays([texts, empty]).take(pa.array(taken.ravel()))
