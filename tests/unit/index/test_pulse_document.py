"""The published document: schema, additivity, missing signals, change, file."""

import datetime as dt
import json
from collections.abc import Callable

import jsonschema
import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import SIGNAL_STATUS
from liquidity.contracts.pulse import EARLY_WARNINGS, LIQUIDITY_PULSE
from liquidity.domain.errors import ContractError
from liquidity.index.bondx_score import combine_scores
from liquidity.index.liquidity_index import score_liquidity
from liquidity.index.profiles import profiles_for
from liquidity.index.pulse_document import PULSE_SCHEMA, PulseMeta, pulse_documents, pulse_header
from liquidity.index.repayment_support import score_repayment

MakeFeatures = Callable[..., pd.DataFrame]
PROFILES = profiles_for()
META = PulseMeta(PROFILES, "0.1.0")
TODAY, FRIDAY = dt.date(2026, 3, 2), dt.date(2026, 2, 27)
NO_WARNINGS = pd.DataFrame({name: [] for name in EARLY_WARNINGS.column_names})
NO_STATUS = pd.DataFrame({name: [] for name in SIGNAL_STATUS.column_names})


def publish(
    features: pd.DataFrame,
    previous: pd.DataFrame | None = None,
    warnings: pd.DataFrame = NO_WARNINGS,
    status: pd.DataFrame = NO_STATUS,
) -> pd.DataFrame:
    liquidity, repayment = score_liquidity(features, PROFILES), score_repayment(features, PROFILES)
    combined = combine_scores(liquidity, repayment, features, PROFILES)
    return pulse_documents(liquidity, repayment, combined, features, previous, warnings, status, META)


def whole_file(table: pd.DataFrame, features: pd.DataFrame) -> dict[str, object]:
    """The file as written: head, session, documents."""
    head = pulse_header(score_liquidity(features, PROFILES), dt.datetime(2026, 3, 2, 18, tzinfo=dt.UTC), "0.1.0")
    return {**head, "session_date": TODAY.isoformat(), "data": documents(table)}


def documents(table: pd.DataFrame) -> list[dict[str, object]]:
    return [json.loads(text) for text in table["document"]]


@pytest.mark.feature("BX-CT-05", "BX-IX-09", "BX-IX-15")
def test_every_document_meets_the_schema_and_its_drivers_add_up(make_features: MakeFeatures) -> None:
    previous = score_liquidity(make_features(400, seed=2, missing_frac=0.3, trust=None, day=FRIDAY), PROFILES)
    features = make_features(400, seed=1, missing_frac=0.3, trust=None)
    table = publish(features, previous)
    assert list(table.columns) == list(LIQUIDITY_PULSE.column_names)
    jsonschema.Draft202012Validator.check_schema(PULSE_SCHEMA)
    assert not table["document"].str.contains("NaN").any()
    whole = whole_file(table, features)
    jsonschema.Draft202012Validator(PULSE_SCHEMA).validate(whole)
    observed = 0
    for item, row in zip(whole["data"], table.itertuples(), strict=True):
        for block, score in (
            ("liquidity", row.liquidity_score),
            ("repayment", row.repayment_score),
            ("bondx", row.bondx_score),
        ):
            part = item[block]
            assert (part["score"] is None) == np.isnan(score)
            if part["method"] == "observed":
                observed += 1
                assert abs(part["base_points"] + sum(d["contribution"] for d in part["drivers"]) - part["score"]) < 1e-9
                assert part["score"] == score
            else:
                assert part["reason"]
        change = item["change"]
        assert (change["points"] is None) == np.isnan(row.change_points)
        if change["points"] is None:
            assert change["reason"]
        else:
            assert abs(sum(d["points"] for d in change["drivers"]) - change["points"]) < 1e-9
    assert observed > 200


@pytest.mark.feature("BX-CT-05")
def test_missing_signals_name_their_reason_and_a_failed_adapter(make_features: MakeFeatures) -> None:
    features = make_features(40)
    features.loc[0, ["spread_bps", "spread_bps_own_rank_frac"]] = np.nan
    features["alt_weight_frac"] = 0.0
    features.loc[:, [name for name in features if name.startswith("auction_demand")]] = np.nan
    status = pd.DataFrame(
        [{"session_date": TODAY, "adapter": "auction_mm", "state": "error", "detail": "timed out"},
         {"session_date": TODAY, "adapter": "microstructure", "state": "active", "detail": ""}],
    )  # fmt: skip
    first, second = documents(publish(features, status=status))[:2]
    assert first["missing_signals"] == [
        {"feature": "spread_bps", "reason": "absent"},
        {"feature": "auction_demand", "reason": "adapter auction_mm error: timed out"},
        {"feature": "traffic_index", "reason": "stale"},
        {"feature": "utilities_index", "reason": "stale"},
    ]
    assert second["missing_signals"] == first["missing_signals"][1:]
    few = documents(publish(make_features(5).assign(turnover_velocity_own_rank_frac=np.nan)))[0]
    assert {"feature": "turnover_velocity", "reason": "not comparable: short history and few peers"} in few[
        "missing_signals"
    ]


def test_a_change_needs_both_sessions_and_says_which_is_missing(make_features: MakeFeatures) -> None:
    features = make_features(30)
    previous = score_liquidity(make_features(30, seed=5, day=FRIDAY), PROFILES)
    previous.loc[1, ["liquidity_score"]] = np.nan
    table = publish(features, previous.drop(index=2))
    first, second, third = documents(table)[:3]
    assert first["change"]["since"] == "2026-02-27"
    assert second["change"] == {
        "points": None,
        "since": "2026-02-27",
        "drivers": [],
        "reason": "no score on 2026-02-27",
    }
    assert third["change"] == {"points": None, "since": None, "drivers": [], "reason": "no previous session"}
    assert np.isnan(table["change_points"].iloc[[1, 2]]).all()
    assert table["change_points"].iloc[0] == pytest.approx(
        table["liquidity_score"].iloc[0] - previous["liquidity_score"].iloc[0]
    )


def test_an_alert_is_in_the_document_of_its_instrument(make_features: MakeFeatures) -> None:
    alert = pd.DataFrame(
        [{"session_date": TODAY, "instrument_id": "XNSE:B000003", "state": "raised", "raised_on": TODAY,
          "liquidity_score": 30.0, "change_points": -25.0, "reference_date": FRIDAY}]
    )  # fmt: skip
    items = documents(publish(make_features(25), warnings=alert))
    assert items[3]["warning"] == {
        "state": "raised",
        "raised_on": "2026-03-02",
        "change_points": -25.0,
        "reference_date": "2026-02-27",
    }
    assert items[4]["warning"] is None


def test_tables_of_different_instruments_and_naive_times_are_refused(make_features: MakeFeatures) -> None:
    features = make_features(10)
    liquidity, repayment = score_liquidity(features, PROFILES), score_repayment(features, PROFILES)
    combined = combine_scores(liquidity, repayment, features, PROFILES)
    with pytest.raises(ContractError, match="repayment_support has not the same"):
        pulse_documents(liquidity, repayment.iloc[::-1], combined, features, None, NO_WARNINGS, NO_STATUS, META)
    with pytest.raises(ContractError, match="occurs twice"):
        publish(features, pd.concat([liquidity, liquidity]))
    with pytest.raises(ContractError, match="no time zone"):
        pulse_header(liquidity, dt.datetime(2026, 3, 2), "0.1.0")  # noqa: DTZ001


def test_the_schema_refuses_a_missing_score_without_a_reason(make_features: MakeFeatures) -> None:
    features = make_features(25)
    whole = whole_file(publish(features), features)
    validator = jsonschema.Draft202012Validator(PULSE_SCHEMA)
    assert validator.is_valid(whole)
    whole["data"][0]["liquidity"]["score"] = None
    assert not validator.is_valid(whole)
    whole["data"][0]["liquidity"]["score"] = 0.7
    whole["data"][0]["surprise"] = 1
    assert not validator.is_valid(whole)


def test_days_may_be_dates_or_midnights_as_the_lake_returns_them(make_features: MakeFeatures) -> None:
    features = make_features(60, missing_frac=0.3)
    midnights = features.copy()
    for name in ("session_date", "maturity_date", "issue_date"):
        midnights[name] = pd.to_datetime(features[name])
    previous = score_liquidity(make_features(60, seed=2, day=FRIDAY), PROFILES)
    stored = previous.assign(session_date=pd.to_datetime(previous["session_date"]))
    assert publish(midnights, stored)["document"].tolist() == publish(features, previous)["document"].tolist()


def forecast_rows(ids: list[str]) -> pd.DataFrame:
    """Two scores of each instrument, five horizons; the last instrument has none."""
    rows = []
    for place, name in enumerate(ids):
        for target in ("liquidity_score", "bondx_score"):
            for horizon in range(1, 6):
                ends = {
                    column: 40.0 + k + horizon / 10
                    for k, column in enumerate(
                        ("lower_95", "lower_80", "lower_50", "forecast_score", "upper_50", "upper_80", "upper_95")
                    )
                }
                known = place < len(ids) - 1
                rows.append(
                    {
                        "instrument_id": name,
                        "target": target,
                        "horizon_sessions": horizon,
                        "target_date": pd.Timestamp(TODAY + dt.timedelta(days=horizon)) if horizon < 5 else pd.NaT,
                        "base_score": 42.0 if known else np.nan,
                        **{column: value if known else np.nan for column, value in ends.items()},
                        "status": "baseline" if known else "insufficient_data",
                        "member": "ewma" if known else None,
                        "model_id": "0123456789abcdef" if known else None,
                        "reason": "no model beats ewma" if known else "no score",
                        "drivers_json": '[{"input":"other","points":1.0}]' if known else "[]",
                    }
                )
    return pd.DataFrame(rows)


@pytest.mark.feature("BX-CT-05")
def test_the_forecast_of_each_score_stands_in_its_document(make_features: MakeFeatures) -> None:
    features = make_features(30, seed=3)
    liquidity, repayment = score_liquidity(features, PROFILES), score_repayment(features, PROFILES)
    combined = combine_scores(liquidity, repayment, features, PROFILES)
    ids = sorted(liquidity["instrument_id"])
    rows = forecast_rows([*ids[:20], "ZZ:STRANGER"]).sample(frac=1.0, random_state=1)
    table = pulse_documents(
        liquidity, repayment, combined, features, None, NO_WARNINGS, NO_STATUS, META, forecasts=rows
    )
    texts = [name for name in rows.columns if rows[name].dtype in ("str", "object") and "date" not in name]
    coded = pulse_documents(
        liquidity, repayment, combined, features, None, NO_WARNINGS, NO_STATUS, META,
        forecasts=rows.astype(dict.fromkeys(texts, "category")),
    )  # fmt: skip
    pd.testing.assert_frame_equal(coded, table)
    jsonschema.Draft202012Validator(PULSE_SCHEMA).validate(whole_file(table, features))
    for document in documents(table):
        forecast = document["forecast"]
        assert forecast["repayment"] is None
        if document["instrument_id"] not in ids[:20]:
            assert forecast == {"liquidity": None, "repayment": None, "bondx": None}
            continue
        for name in ("liquidity", "bondx"):
            block = forecast[name]
            assert (block["status"], block["member"], block["base_score"]) == ("baseline", "ewma", 42.0)
            assert [each["sessions"] for each in block["horizons"]] == [1, 2, 3, 4, 5]
            assert [each["score"] for each in block["horizons"]] == pytest.approx([43.1, 43.2, 43.3, 43.4, 43.5])
            assert [each["date"] for each in block["horizons"]][3:] == ["2026-03-06", None]
            assert block["horizons"][0]["drivers"] == [{"input": "other", "points": 1.0}]


@pytest.mark.feature("BX-CT-05")
def test_a_forecast_that_could_not_be_made_says_why(make_features: MakeFeatures) -> None:
    features = make_features(5, seed=3)
    liquidity, repayment = score_liquidity(features, PROFILES), score_repayment(features, PROFILES)
    combined = combine_scores(liquidity, repayment, features, PROFILES)
    rows = forecast_rows(list(liquidity["instrument_id"]))
    table = pulse_documents(
        liquidity, repayment, combined, features, None, NO_WARNINGS, NO_STATUS, META, forecasts=rows
    )
    jsonschema.Draft202012Validator(PULSE_SCHEMA).validate(whole_file(table, features))
    block = documents(table)[-1]["forecast"]["liquidity"]
    assert (block["status"], block["reason"], block["base_score"]) == ("insufficient_data", "no score", None)
    assert {each["score"] for each in block["horizons"]} == {None}
    validator = jsonschema.Draft202012Validator(PULSE_SCHEMA)
    broken = whole_file(table, features)
    broken["data"][-1]["forecast"]["liquidity"]["reason"] = None
    assert not validator.is_valid(broken)
    silent = whole_file(table, features)
    silent["data"][0]["forecast"]["liquidity"]["horizons"][0]["score"] = None
    assert not validator.is_valid(silent)
