"""Why a score moved: the change since the previous session, split over features so that it adds up.

Read next: ``aggregation.py`` (where drivers come from), ``pulse_document.py`` (where they are published).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import orjson
import pandas as pd

from liquidity.domain.errors import ContractError

__all__ = ["METHOD_CHANGE", "change_of_contributions", "contributions", "drivers_change", "top_movers"]

# The part of a change that no feature explains, because one of the two scores is an estimate without drivers.
METHOD_CHANGE: Final = "method_change"
_SCORES: Final = ("liquidity_score", "repayment_score", "bondx_score")
# Contributions are stored to 1e-10; a remainder below this is rounding, not a change of method.
_ROUNDING: Final = 9e-10


def contributions(drivers_json: str) -> dict[str, float]:
    """Signed points of each feature from the stored drivers; empty for a score that was not observed.

    Examples
    --------
    >>> contributions('[{"feature":"spread_bps","score":80.0,"weight":0.3,"contribution":9.0}]')
    {'spread_bps': 9.0}
    """
    return {item["feature"]: float(item["contribution"]) for item in orjson.loads(drivers_json)}


def change_of_contributions(
    today: Mapping[str, float], yesterday: Mapping[str, float], change_points: float
) -> dict[str, float]:
    """Change of each feature's contribution; the values sum to ``change_points``.

    A feature that appeared counts with all of today's contribution, one that disappeared with minus yesterday's. What
    remains, because one score has no drivers, is ``method_change``.

    Examples
    --------
    >>> change_of_contributions({"spread_bps": 9.0, "depth_density": 1.0}, {"spread_bps": 4.0}, 6.0)
    {'spread_bps': 5.0, 'depth_density': 1.0}
    """
    changes = {name: value - yesterday.get(name, 0.0) for name, value in today.items()}
    changes.update({name: -value for name, value in yesterday.items() if name not in today})
    rest = change_points - sum(changes.values())
    if abs(rest) > _ROUNDING:
        changes[METHOD_CHANGE] = rest
    return changes


def drivers_change(today: pd.DataFrame, yesterday: pd.DataFrame) -> pd.DataFrame:
    """Change of one score since the previous session, feature by feature.

    Parameters
    ----------
    today, yesterday
        Two sessions of the same score table (liquidity index, repayment support or combined score).

    Returns
    -------
    pd.DataFrame
        ``instrument_id``, ``feature``, ``contribution_today``, ``contribution_yesterday`` (points; null where the
        feature carried no weight), ``change_points``, ``state`` (``both``, ``appeared``, ``disappeared``,
        ``method_change``). For every instrument with a score on both days the changes sum to the change of its score
        within 1e-9; an instrument without one of them has no rows: its change is not defined.
    """
    score = _score_column(today)
    if score not in yesterday.columns:
        raise ContractError(f"drivers_change: today holds {score}, yesterday does not; compare one table with itself")
    before = _by_instrument(yesterday, score)
    rows: list[tuple[str, str, float | None, float | None, float, str]] = []
    for instrument, (value, drivers) in _by_instrument(today, score).items():
        if instrument not in before:
            continue
        value_before, drivers_before = before[instrument]
        new, old = contributions(drivers), contributions(drivers_before)
        for feature, points in change_of_contributions(new, old, value - value_before).items():
            state = (
                "method_change"
                if feature == METHOD_CHANGE
                else "both"
                if feature in new and feature in old
                else "appeared"
                if feature in new
                else "disappeared"
            )
            rows.append((instrument, feature, new.get(feature), old.get(feature), points, state))
    columns = ["instrument_id", "feature", "contribution_today", "contribution_yesterday", "change_points", "state"]
    frame = pd.DataFrame(rows, columns=columns)
    numbers = ["contribution_today", "contribution_yesterday", "change_points"]
    texts = ["instrument_id", "feature", "state"]
    return frame.astype(dict.fromkeys(numbers, "float64") | dict.fromkeys(texts, "str"))


def top_movers(today: pd.DataFrame, yesterday: pd.DataFrame, n: int = 10) -> pd.DataFrame:
    """List the ``n`` instruments whose score moved most, with the feature that moved it most.

    Returns
    -------
    pd.DataFrame
        ``instrument_id``, ``score``, ``previous_score``, ``change_points``, ``main_feature``,
        ``main_feature_points``; largest absolute change first, ties by instrument.
    """
    score = _score_column(today)
    both = today[["instrument_id", score]].merge(
        yesterday[["instrument_id", score]], on="instrument_id", suffixes=("", "_before")
    )
    both = both.dropna(subset=[score, f"{score}_before"])
    both["change_points"] = both[score] - both[f"{score}_before"]
    both = (
        both.assign(size=both["change_points"].abs())
        .sort_values(["size", "instrument_id"], ascending=[False, True])
        .head(n)
    )
    ids = list(both["instrument_id"])
    changes = drivers_change(today[today["instrument_id"].isin(ids)], yesterday[yesterday["instrument_id"].isin(ids)])
    changes = changes.assign(size=changes["change_points"].abs()).sort_values(
        ["size", "feature"], ascending=[False, True]
    )
    main = changes.drop_duplicates("instrument_id").set_index("instrument_id")
    return pd.DataFrame(
        {
            "instrument_id": pd.array(ids, dtype="str"),
            "score": both[score].to_numpy(),
            "previous_score": both[f"{score}_before"].to_numpy(),
            "change_points": both["change_points"].to_numpy(),
            "main_feature": pd.array([main["feature"].get(name) for name in ids], dtype="str"),
            "main_feature_points": [float(main["change_points"].get(name, np.nan)) for name in ids],
        }
    )


def _score_column(frame: pd.DataFrame) -> str:
    found = [name for name in _SCORES if name in frame.columns]
    if len(found) != 1:
        raise ContractError(f"drivers_change: expected one of {_SCORES} among the columns, found {found}")
    return found[0]


def _by_instrument(frame: pd.DataFrame, score: str) -> dict[str, tuple[float, str]]:
    known = frame[frame[score].notna()]
    if known["instrument_id"].duplicated().any():
        raise ContractError("drivers_change: an instrument occurs twice; pass one session of one table")
    values = known[score].to_numpy(dtype=np.float64).tolist()
    return dict(
        zip(known["instrument_id"].tolist(), zip(values, known["drivers_json"].tolist(), strict=True), strict=True)
    )
