"""Judged rows added up: means, ranges of coverage and the alarm."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import FORECAST_ACCURACY, FORECAST_SCORES
from liquidity.contracts.conform import empty_table, frame_from_table, table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from liquidity.forecast.accuracy import accuracy_table
from liquidity.forecast.coverage import coverage_of

FIRST = dt.date(2026, 3, 2)


def judged(sessions: int, names: int, inside_80: float, seed: int = 0, target: str = "liquidity_score") -> pd.DataFrame:
    """Judged T+1 forecasts whose 80 % band holds with a chance of ``inside_80``."""
    random = np.random.default_rng(seed)
    n = sessions * names
    error = random.normal(0.5, 2.0, n)
    inside = random.random(n) < inside_80
    day = np.repeat([np.datetime64(FIRST + dt.timedelta(days=k), "ms") for k in range(sessions)], names)
    place = np.tile(np.arange(names), sessions)
    return pd.DataFrame(
        {
            "session_date": day,
            "instrument_id": np.array([f"binance:C{name:03d}" for name in range(names)])[place],
            "asset_class": "crypto_spot",
            "sector": np.array(["FINANCIAL", None], dtype=object)[place % 2],
            "calendar": "24/7",
            "origin": "simulated",
            "target": target,
            "horizon_sessions": 1,
            "made_on": day - np.timedelta64(1, "D"),
            "member": "ridge",
            "status": "model",
            "model_id": None,
            "liquidity_decile": place * 10 // names,
            "liquidity_group": place * 3 // names,
            "base_score": 50.0,
            "forecast_score": 50.0 + error,
            "realised_score": 50.0,
            "error_points": error,
            "persistence_abs_error_points": 2.5,
            "pinball_points": np.abs(error) / 2.0,
            "crps_points": np.abs(error),
            "interval_score_80_points": 8.0,
            "interval_score_95_points": 9.0,
            "inside_50": inside & (random.random(n) < 0.6),
            "inside_80": inside,
            "inside_95": inside | (random.random(n) < 0.75),
            "reason": "",
        }
    )


@pytest.mark.feature("BX-FC-05", "BX-MN-04")
def test_the_table_is_the_mean_of_the_rows() -> None:
    rows = judged(30, 20, 0.8)
    table = accuracy_table(rows, dt.date(2026, 3, 31), 30)
    assert audit(table_from_frame(table, FORECAST_ACCURACY), FORECAST_ACCURACY, dt.date(2026, 3, 31)).violations == ()
    whole = table[table["slice"] == "all"].iloc[0]
    assert (whole["points_n"], whole["sessions_n"], whole["window_sessions"]) == (600, 30, 30)
    assert whole["mae_points"] == pytest.approx(rows["error_points"].abs().mean())
    assert whole["bias_points"] == pytest.approx(rows["error_points"].mean())
    assert whole["coverage_80_frac"] == pytest.approx(rows["inside_80"].mean())
    assert whole["persistence_mae_points"] == 2.5
    assert whole["skill_frac"] == pytest.approx(1.0 - whole["mae_points"] / 2.5)
    cut = table.groupby("slice")["points_n"].sum()
    assert cut.to_dict() == {"all": 600, "liquidity_decile": 600, "liquidity_group": 600, "sector": 300}
    decile = table[(table["slice"] == "liquidity_decile") & (table["slice_value"] == "3")].iloc[0]
    assert decile["mae_points"] == pytest.approx(rows.loc[rows["liquidity_decile"] == 3, "error_points"].abs().mean())


@pytest.mark.parametrize(("inside", "alarm"), [(0.8, False), (0.65, True), (0.95, True)])
def test_coverage_outside_its_range_raises_the_alarm(inside: float, alarm: bool) -> None:
    whole = accuracy_table(judged(60, 20, inside), dt.date(2026, 12, 31), 60).query("slice == 'all'").iloc[0]
    assert whole["coverage_alarm"] == alarm
    assert whole["coverage_80_low_frac"] < 0.8 < whole["coverage_80_high_frac"]
    within = whole["coverage_80_low_frac"] <= whole["coverage_80_frac"] <= whole["coverage_80_high_frac"]
    assert within is not alarm or not within


def test_sessions_that_fail_together_count_as_few() -> None:
    """All names of a session inside or outside together: the same share proves less, and the range is wider."""
    rows = judged(60, 20, 0.8)
    together = rows.copy()
    session_fails = np.repeat(np.arange(60) % 4 == 0, 20)
    together["inside_80"] = ~session_fails
    alone = accuracy_table(rows, dt.date(2026, 12, 31), 60).query("slice == 'all'").iloc[0]
    herd = accuracy_table(together, dt.date(2026, 12, 31), 60).query("slice == 'all'").iloc[0]
    width = "coverage_80_high_frac", "coverage_80_low_frac"
    assert herd[width[0]] - herd[width[1]] > 2.0 * (alone[width[0]] - alone[width[1]])
    assert herd["coverage_80_frac"] == 0.75
    assert not herd["coverage_alarm"]


def test_the_window_counts_sessions_and_ends_with_the_day() -> None:
    rows = judged(30, 10, 0.8)
    table = accuracy_table(rows, dt.date(2026, 3, 15), 5).query("slice == 'all'").iloc[0]
    assert (table["points_n"], table["sessions_n"]) == (50, 5)
    expected = rows[rows["session_date"].dt.date.between(dt.date(2026, 3, 11), dt.date(2026, 3, 15))]
    assert table["mae_points"] == pytest.approx(expected["error_points"].abs().mean())


def test_markets_and_scores_stand_apart_and_unjudged_rows_do_not_count() -> None:
    both = pd.concat([judged(5, 4, 0.8), judged(5, 4, 0.8, seed=1, target="bondx_score")], ignore_index=True)
    both.loc[0, "error_points"] = np.nan
    whole = accuracy_table(both, dt.date(2026, 12, 31), 5).query("slice == 'all'")
    assert whole.set_index("target")["points_n"].to_dict() == {"bondx_score": 20, "liquidity_score": 19}
    nothing = accuracy_table(frame_from_table(empty_table(FORECAST_SCORES)), FIRST, 5)
    assert nothing.empty
    assert list(nothing.columns) == list(FORECAST_ACCURACY.column_names)


def test_a_window_without_sessions_is_refused() -> None:
    with pytest.raises(ConfigError, match="allowed 1 or more"):
        accuracy_table(judged(2, 2, 0.8), FIRST, 0)


@pytest.mark.feature("BX-FC-05")
def test_every_slice_is_what_its_own_rows_say() -> None:
    both = [judged(25, 12, 0.8), judged(25, 12, 0.7, seed=3, target="bondx_score").assign(horizon_sessions=2)]
    rows = pd.concat(both, ignore_index=True).astype({"liquidity_group": "Int64"})
    rows.loc[rows.index % 7 == 0, "liquidity_group"] = pd.NA
    table = accuracy_table(rows, dt.date(2026, 12, 31), 25)
    assert len(table) == 2 * (1 + 1 + 10 + 3)
    for told in table.to_dict("records"):
        cell = rows[(rows["target"] == told["target"]) & (rows["horizon_sessions"] == told["horizon_sessions"])]
        if told["slice"] != "all":
            cell = cell[(cell[told["slice"]].astype("str") == told["slice_value"]).to_numpy(dtype=bool, na_value=False)]
        means = {
            "mae_points": cell["error_points"].abs(),
            "bias_points": cell["error_points"],
            "pinball_points": cell["pinball_points"],
            "crps_points": cell["crps_points"],
            "interval_score_95_points": cell["interval_score_95_points"],
            "coverage_50_frac": cell["inside_50"],
            "persistence_mae_points": cell["persistence_abs_error_points"],
        }
        assert {name: told[name] for name in means} == pytest.approx({k: float(v.mean()) for k, v in means.items()})
        assert told["points_n"] == len(cell)
        assert told["sessions_n"] == cell["session_date"].nunique()
        assert told["skill_frac"] == pytest.approx(1.0 - told["mae_points"] / told["persistence_mae_points"])
        for band in (80, 95):
            found = coverage_of(
                cell["session_date"].to_numpy(),
                cell[f"inside_{band}"].to_numpy(),
                band / 100.0,
                told["horizon_sessions"],
            )
            ends = (told[f"coverage_{band}_low_frac"], told[f"coverage_{band}_high_frac"])
            assert found is not None
            assert (told[f"coverage_{band}_frac"], *ends) == pytest.approx(
                (found.coverage_frac, found.low_frac, found.high_frac)
            )
