"""The risk report: page and picture from judged books, the command without recorded data."""

import numpy as np
import pandas as pd
import pytest

from liquidity.market_risk.history_study import study_book, study_instruments
from liquidity.market_risk.rolling_var import VAR_MODELS, equal_parts, held_results
from liquidity_service.cli import main
from liquidity_service.risk_report import MARKETS, MarketStudy, RiskReport
from liquidity_service.risk_report_page import risk_report_page
from liquidity_service.risk_report_pictures import RISK_PICTURE, draw_risk_picture
from resources.round_trip_study import RoundTripTables

WINDOW = 60


@pytest.fixture(scope="module")
def study() -> MarketStudy:
    random = np.random.default_rng(1)
    sigma = np.where(np.arange(420) // 70 % 2, 0.03, 0.008)
    returns = random.normal(0, 1, (420, 4)) * sigma[:, None]
    returns[:200, 3] = np.nan
    values = equal_parts(returns, window=WINDOW)
    moves = np.nan_to_num(returns)
    days = np.datetime64("2024-06-01") + np.arange(420)
    rows = held_results(moves, values, window=WINDOW)
    book = study_book(days[WINDOW:], rows, (values * moves).sum(axis=1)[WINDOW:])
    instruments = {0.99: study_instruments(returns, window=WINDOW, confidence=0.99)}
    return MarketStudy(MARKETS[0], days[0], days[-1], {"equal parts": book}, instruments, 2, "4 by close")


def report(study: MarketStudy) -> RiskReport:
    table = pd.DataFrame({"data": ["IBM"], "model": ["blend"], "slope": [0.93], "n": [120]})
    trips = RoundTripTables(table, table, table)
    return RiskReport((study,), trips, (("crypto", "no recorded data: set real_data"),), "abc", 61.0)


def test_equal_parts_enter_with_a_full_window_and_leave_when_they_end() -> None:
    returns = np.zeros((100, 3))
    returns[:20, 1], returns[80:, 2] = np.nan, np.nan
    values = equal_parts(returns, window=50)
    assert not values[:50].any()
    assert values[50].tolist() == [0.5, 0.0, 0.5]
    assert values[69].tolist() == [1 / 3] * 3  # 49 of 50 sessions are enough
    assert values[80].tolist() == [0.5, 0.5, 0.0]
    np.testing.assert_allclose(values[50:].sum(axis=1), 1.0)


def test_the_study_counts_what_the_judgements_say(study: MarketStudy) -> None:
    book = study.books["equal parts"]
    years = book.by_year(0.99)
    assert years["sessions"].sum() == len(book.days) == 360
    for model in VAR_MODELS:
        assert years[model].sum() == book.judgements[model, 0.99].hits_n
    counts = study.instruments[0.99]
    assert counts["tested"].tolist() == [4.0] * len(VAR_MODELS)
    assert (counts[["too_many", "clustered", "too_deep"]] <= 4).all().all()


@pytest.mark.feature("PL-MR-06")
def test_the_page_tells_every_model_and_where_it_fails(study: MarketStudy) -> None:
    page = risk_report_page(report(study), drawn=True)
    assert page.count("| equal parts |") == len(VAR_MODELS)
    failed = [m for m in VAR_MODELS if study.books["equal parts"].judgements[m, 0.99].failures]
    assert failed  # volatility that jumps defeats a plain sample
    for model in VAR_MODELS:
        assert f"*{model}* at 99 % fails in {int(model in failed)} of 1 books" in page
    assert "- crypto: no recorded data: set real_data." in page
    assert "| IBM | blend | 0.93 | 120 |" in page
    assert RISK_PICTURE in page
    assert RISK_PICTURE not in risk_report_page(report(study), drawn=False)
    assert "nan" not in page.lower().replace("nanosecond", "")


@pytest.mark.slow
def test_the_picture_is_drawn_where_there_is_a_book(study: MarketStudy, tmp_path) -> None:
    assert draw_risk_picture(report(study), tmp_path)
    assert (tmp_path / RISK_PICTURE).read_bytes().startswith(b"\x89PNG")
    assert not draw_risk_picture(RiskReport((), None, (), "abc", 0.0), tmp_path)


def test_without_recorded_data_the_page_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("PULSE_REAL_DATA", raising=False)
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path / "data"))
    assert main(["risk-report", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "risk_report.md").read_text(encoding="utf-8")
    assert "no recorded data: set real_data" in page
