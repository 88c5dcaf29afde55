"""Rules of signal quality: what fires, what it costs, and when a batch fails."""

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.signals import AUCTION_MM, MICROSTRUCTURE
from liquidity.domain.errors import ConfigError
from liquidity.features.quality import (
    MAX_NULL_FRAC,
    MIN_BATCH_QUALITY_FRAC,
    QUALITY_RULES,
    batch_quality,
    missing_cells,
    score_quality,
)

SESSION_S = 23_400.0


def quotes(rows_n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "session_date": pd.Timestamp("2026-03-19"),
            "source": "vendor",
            "bid": 99.0,
            "ask": 101.0,
            "quoted_spread_bps": rng.uniform(150, 250, rows_n),
            "close": rng.uniform(95, 105, rows_n),
            "turnover_ccy": rng.uniform(1e5, 1e6, rows_n),
            "depth_ccy": np.nan,
            "age_market_s": 60.0,
        }
    )


def scored(rows: pd.DataFrame, feed_rules: pd.Series | None = None) -> pd.DataFrame:
    return score_quality(rows, MICROSTRUCTURE, np.full(len(rows), SESSION_S), feed_rules)


def test_whole_rows_are_trusted() -> None:
    rows = scored(quotes())
    assert (rows["quality_frac"] == 1.0).all()
    assert (rows["quality_rules"] == "").all()


def test_factors_multiply_and_codes_are_sorted() -> None:
    rows = quotes(4)
    rows["age_market_s"] = [60.0, SESSION_S + 1, 5 * SESSION_S + 1, np.nan]
    rules = pd.Series(["session_assumed", "", "price_outlier", "turnover_approximate,session_assumed"])
    got = scored(rows, rules)
    assert got["quality_rules"].tolist() == [
        "session_assumed", "stale", "price_outlier,stale,very_stale", "session_assumed,turnover_approximate",
    ]  # fmt: skip
    assert np.allclose(got["quality_frac"], [0.9, 0.8, 0.2 * 0.8 * 0.6, 0.9 * 0.98])


def test_auctions_age_slower_than_quotes() -> None:
    rows = quotes(1).assign(age_market_s=9 * SESSION_S)
    assert score_quality(rows, AUCTION_MM, np.array([SESSION_S]))["quality_rules"].tolist() == [""]
    assert scored(rows)["quality_rules"].tolist() == ["stale,very_stale"]


def test_a_column_the_source_never_fills_is_not_missing() -> None:
    rows = quotes()
    assert "depth_ccy" not in missing_cells(rows, MICROSTRUCTURE).loc[:, lambda cells: cells.any()]
    rows.loc[3, "close"] = np.nan
    got = scored(rows)
    assert got.loc[3].tolist() == [QUALITY_RULES["missing_optional"].factor_frac, "missing_optional"]
    assert (got["quality_rules"] == "missing_optional").sum() == 1


def test_a_spread_far_above_its_session_is_an_outlier() -> None:
    rows = quotes()
    rows.loc[5, "quoted_spread_bps"] = 6000.0
    assert scored(rows)["quality_rules"].tolist().count("spread_outlier") == 1


@pytest.mark.feature("BX-SG-08")
@pytest.mark.parametrize("where", ["one column", "every column"])
def test_a_tenth_of_nulls_fails_the_batch(where: str) -> None:
    rows = quotes(1000)
    whole = batch_quality(rows.join(scored(rows)), MICROSTRUCTURE)
    assert (whole.mean_frac, whole.worst_null_frac, whole.passed) == (1.0, 0.0, True)
    rng = np.random.default_rng(11)
    columns = (
        ["turnover_ccy"] if where == "one column" else ["bid", "ask", "quoted_spread_bps", "close", "turnover_ccy"]
    )
    for column in columns:
        rows.loc[rng.choice(1000, 100, replace=False), column] = np.nan
    got = scored(rows)
    batch = batch_quality(rows.join(got), MICROSTRUCTURE)
    assert not batch.passed
    assert batch.worst_null_frac == pytest.approx(0.1)
    assert batch.worst_null_frac > MAX_NULL_FRAC
    assert batch.mean_frac < 1.0
    assert got.loc[rows[columns[0]].isna(), "quality_rules"].str.contains("missing_optional").all()
    if where == "every column":
        assert batch.mean_frac == pytest.approx(1 - 0.3 * (1 - 0.9**5), abs=0.03)


def test_a_poor_batch_fails_on_its_mean() -> None:
    rows = quotes(10)
    got = rows.join(scored(rows, pd.Series(["quality_poor"] * 10)))
    batch = batch_quality(got, MICROSTRUCTURE)
    assert batch.mean_frac == 0.5 < MIN_BATCH_QUALITY_FRAC
    assert not batch.passed


def test_no_rows_never_pass() -> None:
    batch = batch_quality(quotes(0).assign(quality_frac=[]), MICROSTRUCTURE)
    assert np.isnan(batch.mean_frac)
    assert not batch.passed


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ConfigError, match="invented"):
        scored(quotes(1), pd.Series(["invented"]))


def test_quality_of_a_session_does_not_depend_on_other_sessions() -> None:
    today = quotes(50)
    today.loc[0, "close"] = np.nan
    tomorrow = quotes(50).assign(session_date=pd.Timestamp("2026-03-20"), close=np.nan)
    both = pd.concat([today, tomorrow], ignore_index=True)
    pd.testing.assert_frame_equal(scored(both).iloc[:50], scored(today))


def test_every_rule_has_a_factor_and_a_sentence() -> None:
    assert all(0.0 < rule.factor_frac <= 1.0 and rule.meaning.endswith(".") for rule in QUALITY_RULES.values())
