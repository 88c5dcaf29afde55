"""Held-out forecasts as rows of ``FORECAST_EVALUATION``: every member against the best baseline, whole and by slice.

Read next: ``evaluation.py`` makes the forecasts, ``champion.py`` decides.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.forecast import FORECAST_EVALUATION
from liquidity.domain.errors import InsufficientDataError
from liquidity.domain.instrument import SECTORS
from liquidity.forecast.diebold_mariano import diebold_mariano_of_sessions
from liquidity.forecast.evaluation import HeldOut
from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.scoring import RowLosses, row_losses

__all__ = ["evaluation_table", "horizon_figures"]

_DECILES: Final = 10


def evaluation_table(held: HeldOut, session: date) -> pd.DataFrame:
    """Rows of ``FORECAST_EVALUATION`` of a training day, sorted by its key.

    The best baseline is taken by horizon and slice, so that a member meets the hardest one on exactly its rows. Slices are
    all rows, each sector (of instruments that have one), each decile of the base score and each liquidity group;
    a slice without a judged row has no row.

    Raises
    ------
    InsufficientDataError
        No baseline was judged.
    """
    judged = held.judged
    realised, of_session = held.realised[judged], held.session[judged]
    baselines = [member.name for member in held.members if member.kind == "baseline"]
    if not baselines:
        raise InsufficientDataError(f"evaluation of {held.group.key} {held.target}: no baseline was judged")
    pieces = []
    slices = list(_slices(held))
    for place, horizon in enumerate(HORIZONS):
        known = ~np.isnan(realised[:, place])
        losses = {
            member.name: row_losses(member.scores[judged][:, place].astype(np.float64), realised[:, place])
            for member in held.members
        }
        for name, values, codes in slices:
            codes = np.where(known, codes, -1)
            means = {member: found.means(codes, len(values)) for member, found in losses.items()}
            filled = np.flatnonzero(means[baselines[0]]["points_n"])
            if not filled.size:
                continue
            pinball = np.stack([means[baseline]["pinball_points"] for baseline in baselines])
            best = np.argmin(np.where(np.isnan(pinball), np.inf, pinball), axis=0)
            sessions_n = [len(np.unique(of_session[codes == code])) for code in filled]
            hardest = [baselines[best[code]] for code in filled]
            pieces += [
                pd.DataFrame(
                    {
                        "member": member.name,
                        "kind": member.kind,
                        "horizon_sessions": horizon,
                        "slice": name,
                        "slice_value": [values[code] for code in filled],
                        "sessions_n": sessions_n,
                        **{key: found[filled] for key, found in means[member.name].items()},
                        **_against(losses, member.name, hardest, codes, filled, of_session, horizon),
                    }
                )
                for member in held.members
            ]
    if not pieces:
        raise InsufficientDataError(f"evaluation of {held.group.key} {held.target}: no judged row has a truth yet")
    table = pd.concat(pieces, ignore_index=True)
    table["points_n"] = table["points_n"].astype(np.int64)
    table["mase"] = table["mae_points"] / held.naive_mae_points if held.naive_mae_points > 0.0 else np.nan
    table["session_date"] = np.full(len(table), np.datetime64(session, "D")).astype("datetime64[ms]")
    table["asset_class"], table["calendar"], table["origin"] = (
        held.group.asset_class,
        held.group.calendar,
        held.group.origin,
    )
    table["target"] = held.target
    return table[list(FORECAST_EVALUATION.column_names)].sort_values(
        list(FORECAST_EVALUATION.key), ignore_index=True, kind="stable"
    )


def horizon_figures(held: HeldOut, name: str) -> dict[str, list[float | None]]:
    """Figures of one member by horizon for its card: losses, coverage and points; None where nothing was judged."""
    scores, realised = held.of(name).scores[held.judged], held.realised[held.judged]
    figures: dict[str, list[float | None]] = {}
    for place in range(len(HORIZONS)):
        losses = row_losses(scores[:, place].astype(np.float64), realised[:, place])
        for key, value in losses.means(np.zeros(len(realised), dtype=np.int64), 1).items():
            figures.setdefault(key, []).append(None if np.isnan(value[0]) else round(float(value[0]), 6))
    return figures


def _slices(held: HeldOut) -> Iterator[tuple[str, list[str], NDArray[np.int64]]]:
    """Name, values and code of each judged row (-1: none) of every way to cut."""
    judged = held.judged
    yield "all", ["all"], np.zeros(int(judged.sum()), dtype=np.int64)
    places = {sector: place for place, sector in enumerate(SECTORS)}
    of_instrument = np.array([places.get(sector, -1) for sector in held.sectors.tolist()], dtype=np.int64)
    yield "sector", list(SECTORS), of_instrument[held.instrument[judged]]
    yield "liquidity_decile", [str(decile) for decile in range(_DECILES)], held.decile[judged]
    yield "liquidity_group", ["0", "1", "2", "3"], held.liquidity_group[judged].astype(np.int64)


def _against(
    losses: dict[str, RowLosses],
    member: str,
    best: list[str],
    codes: NDArray[np.int64],
    filled: NDArray[np.intp],
    of_session: NDArray[np.int64],
    horizon: int,
) -> dict[str, Any]:
    """Best baseline, skill and Diebold-Mariano test of each filled slice."""
    skill, stat, p_value = (np.full(len(filled), np.nan) for _ in range(3))
    for place, (code, baseline) in enumerate(zip(filled, best, strict=True)):
        rows = codes == code
        ours, theirs = losses[member].pinball_points[rows], losses[baseline].pinball_points[rows]
        reference = float(theirs.mean())
        skill[place] = 1.0 - float(ours.mean()) / reference if reference > 0.0 else np.nan
        test = diebold_mariano_of_sessions(ours, theirs, of_session[rows], horizon)
        stat[place] = np.nan if test.stat is None else test.stat
        p_value[place] = np.nan if test.p_value is None else test.p_value
    return {"best_baseline": best, "skill_frac": skill, "dm_stat": stat, "dm_p_value": p_value}
