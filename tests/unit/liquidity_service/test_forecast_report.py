"""The forecast report: what it judges on a small market, and the page it writes."""

import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.session import sessions_between
from liquidity.forecast.evaluation import EvaluationSettings
from liquidity.forecast.horizons import TARGETS
from liquidity.forecast.members import MEMBERS
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.score_panels import SIGNALS
from liquidity_service import forecast_controls, forecast_evidence
from liquidity_service.forecast_controls import future_test
from liquidity_service.forecast_evidence import Crisis, PanelEvidence, PanelPlan, panel_evidence, quick_plan
from liquidity_service.forecast_report import PLANS, Report, gather_report, scores_of
from liquidity_service.forecast_report_cells import PICTURES
from liquidity_service.forecast_report_page import report_page
from liquidity_service.forecast_report_pictures import draw_pictures
from liquidity_service.kept_evidence import evidence_folder, kept_evidence
from liquidity_service.score_history import HISTORIES, HistorySource, ScoreHistory
from resources.settings import load_settings

NAMES, SESSIONS, START = 10, 170, date(2025, 1, 1)
QUICK = ("ewma", "har_regression", "persistence", "ridge")
EVALUATION = EvaluationSettings(blocks=6, block_sessions=15, seed=3)
FAN_DAY = START + timedelta(days=SESSIONS - 20)


def _panel() -> ScorePanel:
    """Scores that follow one signal by a session, so that the linear member wins."""
    random = np.random.default_rng(5)
    level, driver = random.uniform(30.0, 70.0, NAMES), random.normal(0.0, 1.0, (SESSIONS, NAMES))
    scores = np.empty((SESSIONS, NAMES))
    scores[0] = level
    for t in range(1, SESSIONS):
        pull = level + 0.8 * (scores[t - 1] - level)
        scores[t] = pull + 4.0 * driver[t - 1] + random.normal(0.0, 2.0, NAMES)
    signals = {name: np.full((SESSIONS, NAMES), np.nan, np.float32) for name in SIGNALS}
    signals["spread_bps_own_rank_frac"] = driver.astype(np.float32)
    signals["micro_weight_frac"] = np.ones((SESSIONS, NAMES), np.float32)
    signals["method_code"] = np.zeros((SESSIONS, NAMES), np.float32)
    return ScorePanel(
        MarketGroup("crypto_spot", "24/7", "recorded"),
        "liquidity_score",
        np.array(sessions_between("24/7", START, START + timedelta(days=SESSIONS - 1)), dtype="datetime64[D]"),
        np.array([f"x:C{place:02d}" for place in range(NAMES)]),
        np.clip(scores, 0.0, 100.0),
        signals,
        np.array(["FINANCIAL", ""])[np.arange(NAMES) % 2],
        np.full(NAMES, ""),
    )


def _features(panel: ScorePanel) -> pd.DataFrame:
    """Spreads that are wide where the score is low."""
    session, instrument = np.divmod(np.arange(SESSIONS * NAMES), NAMES)
    return pd.DataFrame(
        {
            "session_date": panel.sessions[session].astype("datetime64[s]"),
            "instrument_id": panel.instrument_ids[instrument],
            "spread_bps": 120.0 - panel.scores.ravel(),
            "turnover_ccy": 1e6,
            "volatility_daily_frac": 0.02,
        }
    )


@pytest.fixture(scope="module")
def panel() -> ScorePanel:
    return _panel()


@pytest.fixture(scope="module")
def evidence(panel: ScorePanel) -> PanelEvidence:
    with pytest.MonkeyPatch.context() as patch:
        for module in (forecast_evidence, forecast_controls):
            patch.setattr(module, "MEMBERS", {name: MEMBERS[name] for name in QUICK})
        crisis = Crisis("a planted week", "crypto_spot", FAN_DAY, FAN_DAY + timedelta(days=6))
        patch.setattr(forecast_evidence, "CRISES", (crisis,))
        plan = PanelPlan(EVALUATION, EVALUATION, (("x:C00", FAN_DAY), ("x:NONE", FAN_DAY), ("x:C01", START)))
        return panel_evidence(panel, _features(panel), plan)


@pytest.mark.slow
@pytest.mark.feature("BX-MN-04")
def test_evidence_adds_up(evidence: PanelEvidence) -> None:
    assert evidence.choice.member == "ridge", evidence.choice.reason
    whole = evidence.evaluation[evidence.evaluation["slice"] == "all"].set_index(["member", "horizon_sessions"])
    pooled = evidence.coverage[evidence.coverage["horizon_sessions"] == 0].set_index("band")
    by_horizon = evidence.coverage[evidence.coverage["horizon_sessions"] > 0]
    for band in (50, 80, 95):
        mine = by_horizon[by_horizon["band"] == band]
        assert pooled.loc[band, "points_n"] == mine["points_n"].sum() == whole.loc["ridge", "points_n"].sum()
        assert pooled.loc[band, "coverage_frac"] == pytest.approx(
            np.average(mine["coverage_frac"], weights=mine["points_n"])
        )
        for horizon, row in mine.set_index("horizon_sessions").iterrows():
            told = whole.loc[("ridge", horizon), f"coverage_{band}_frac"]
            assert row["coverage_frac"] == pytest.approx(told)
    assert set(evidence.against["baseline"]) == {"ewma", "har_regression", "persistence"}
    for _, row in evidence.against.iterrows():
        at = row["horizon_sessions"]
        losses = whole["pinball_points"]
        assert row["skill_frac"] == pytest.approx(1 - losses[row["member"], at] / losses[row["baseline"], at])


@pytest.mark.slow
def test_controls_find_nothing_and_see_a_leak(evidence: PanelEvidence) -> None:
    assert evidence.control.kind == "baseline", evidence.control.reason
    assert evidence.future.moved_n == 0
    assert evidence.future.members_n == len(QUICK)
    assert evidence.future.inputs_n > 10_000
    assert evidence.detector.leaking_skill_frac > evidence.detector.honest_skill_frac + 0.3


def test_a_member_that_reads_the_future_moves(panel: ScorePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = forecast_controls.input_rows

    def peeking(given: ScorePanel, places: slice) -> object:
        rows = honest(given, places)
        ahead = np.minimum(rows.session + 5, len(given.sessions) - 1)
        rows.values[:, 0] = given.scores[ahead, rows.instrument]
        return rows

    monkeypatch.setattr(forecast_controls, "MEMBERS", {"persistence": MEMBERS["persistence"]})
    monkeypatch.setattr(forecast_controls, "input_rows", peeking)
    assert future_test(panel, EVALUATION).moved_n > 0


@pytest.mark.slow
@pytest.mark.feature("BX-BT-05")
def test_scores_that_mean_something_are_told_so(evidence: PanelEvidence) -> None:
    table = evidence.validation
    mine = table[(table["outcome"] == "spread_bps") & (table["view"] == "across_names")]
    scores = mine[mine["predictor"] == "liquidity_score"]
    assert (scores["rank_correlation_high"] < 0).all()
    assert (mine["predictor"] == "liquidity_score_forecast").any()


@pytest.mark.slow
def test_crises_and_fans_are_cut_from_the_same_forecasts(panel: ScorePanel, evidence: PanelEvidence) -> None:
    assert set(evidence.crises["member"]) >= {"ridge", "persistence"}
    assert (evidence.crises["points_n"] == 7 * len(range(5)) * NAMES).all()
    (fan,) = evidence.fans  # an unknown instrument and a session before the judged blocks are left out
    at = int(np.searchsorted(panel.sessions, np.datetime64(FAN_DAY)))
    assert fan.past.tolist() == panel.scores[at - 39 : at + 1, 0].tolist()
    np.testing.assert_allclose(fan.came, panel.scores[at + 1 : at + 6, 0])
    assert (np.diff(fan.quantiles, axis=1) >= 0).all()


@pytest.mark.slow
def test_the_page_tells_all_of_it(evidence: PanelEvidence, tmp_path: Path) -> None:
    source = HistorySource("treasuries", "a small market", "crypto_daily")
    report = Report(((source, evidence),), (("equities", "no recorded data: set real_data"),), "0+abc", 90.0)
    drawn = draw_pictures([evidence], tmp_path)
    page = report_page(report, drawn)
    for name, file in PICTURES.items():
        assert (f"]({file})" in page) == (name in drawn)
        assert (tmp_path / file).is_file() == (name in drawn)
    assert {"fans", "reliability"} <= set(drawn)
    assert "in the quick way" in page
    assert "no recorded data: set real_data" in page
    assert "A model beats every baseline for 1 of 1 scores." in page
    assert "a planted week" in page
    assert "nan" not in page.lower().replace("finan", "")
    for block in re.findall(r"(?:^\|.*\n?)+", page, flags=re.MULTILINE):
        widths = {line.count("|") for line in block.strip().splitlines()}
        assert len(widths) == 1, block[:200]


@pytest.mark.slow
def test_evidence_is_judged_once_and_read_back_whole(evidence: PanelEvidence, tmp_path: Path) -> None:
    judged: list[int] = []

    def judge() -> PanelEvidence:
        judged.append(1)
        return evidence

    folder = tmp_path / "evidence" / "small"
    read = [kept_evidence(folder, evidence.plan, judge) for _ in range(2)]
    assert judged == [1]
    assert [path.name for path in folder.parent.iterdir()] == ["small"], "nothing half-written stays"
    source = HistorySource("treasuries", "a small market", "crypto_daily")
    pages = [report_page(Report(((source, each),), (), "0+abc", 90.0), PICTURES) for each in (evidence, *read)]
    assert pages[0] == pages[1] == pages[2]
    for each in read:
        for name in ("evaluation", "against", "coverage", "rolling", "crises", "validation", "regimes"):
            pd.testing.assert_frame_equal(getattr(each, name), getattr(evidence, name), check_dtype=False)
        for name in ("plan", "group", "first", "last", "choice", "control", "future", "detector", "left_out"):
            assert getattr(each, name) == getattr(evidence, name)
        for ours, theirs in zip(each.fans, evidence.fans, strict=True):
            np.testing.assert_array_equal(ours.quantiles, theirs.quantiles)


def test_another_history_score_or_plan_is_judged_anew(tmp_path: Path) -> None:
    plan = PanelPlan(EVALUATION, EVALUATION)
    folders = {
        evidence_folder(tmp_path, "crypto-1", "crypto_spot", "liquidity_score", plan),
        evidence_folder(tmp_path, "crypto-2", "crypto_spot", "liquidity_score", plan),
        evidence_folder(tmp_path, "crypto-1", "crypto_perp", "liquidity_score", plan),
        evidence_folder(tmp_path, "crypto-1", "crypto_spot", "bondx_score", plan),
        evidence_folder(tmp_path, "crypto-1", "crypto_spot", "liquidity_score", quick_plan(plan)),
    }
    assert len(folders) == 5


def test_too_few_forecasts_are_named(evidence: PanelEvidence) -> None:
    source = HistorySource("treasuries", "a small market", "crypto_daily")
    page = report_page(Report(((source, evidence),), (), "0+abc", 90.0), ())
    points = int(evidence.coverage.loc[evidence.coverage["horizon_sessions"].eq(0), "points_n"].max())
    assert points < 5_000
    assert f"crypto_spot, recorded ({points:,} of 5,000)" in page


def test_scores_that_say_nothing_new_are_named_not_judged() -> None:
    def scores(column: str, bond: list[float], coin: list[float]) -> pd.DataFrame:
        return pd.DataFrame({"asset_class": ["bond_corporate"] * 2 + ["crypto_spot"] * 2, column: bond + coin})

    gap = float("nan")
    history = ScoreHistory(
        *(pd.DataFrame(),) * 3,
        scores("liquidity_score", [50.0, 60.0], [40.0, gap]),
        scores("repayment_score", [30.0, gap], [gap, gap]),
        scores("bondx_score", [40.0, 60.0], [40.0, gap]),
    )
    told = {(name, target): why for name, target, why in scores_of(history)}
    assert [told["bond_corporate", target] for target in TARGETS] == ["", "", ""]
    assert told["crypto_spot", "liquidity_score"] == ""
    assert "no such score" in told["crypto_spot", "repayment_score"]
    assert "equals the liquidity score" in told["crypto_spot", "bondx_score"]


def test_without_recorded_data_the_page_says_so(tmp_path: Path) -> None:
    recorded = tuple(source for source in HISTORIES if source.feed)
    settings = load_settings(data_dir=tmp_path, lake_dir=tmp_path, landing_dir=tmp_path, real_data=None)
    report = gather_report(settings, sources=recorded)
    assert report.evidence == ()
    assert [why for _, why in report.absent] == ["no recorded data: set real_data"] * len(recorded)
    page = report_page(report, [])
    assert all(source.title in page for source in recorded)


def test_every_history_has_a_plan() -> None:
    assert set(PLANS) == {source.name for source in HISTORIES}


def test_the_quick_plan_is_smaller() -> None:
    plan = PanelPlan(EvaluationSettings(blocks=16), EvaluationSettings(blocks=8), ())
    small = quick_plan(plan).evaluation
    assert small.blocks < plan.evaluation.blocks
    assert small.max_train_rows < plan.evaluation.max_train_rows
