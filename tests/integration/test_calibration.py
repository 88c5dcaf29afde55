"""The simulated market against the recorded ones, fact by fact."""

import pytest

from liquidity.domain.errors import InsufficientDataError, SourceUnavailableError
from liquidity.simulation import MarketConfig, simulate_market
from resources.calibration import CALIBRATION_START, calibration_days, calibration_report, markdown_table, write_report


@pytest.fixture(scope="module")
def report(real_data):
    return calibration_report(real_data, calibration_days())


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.feature("BX-MK-04")
def test_every_stylised_fact_lies_inside_its_tolerance(report):
    outside = report[~report["inside"]]
    assert outside.empty, outside.drop(columns="source").to_string()
    assert len(report) == 39


@pytest.mark.real_data
@pytest.mark.slow
def test_recorded_values_are_measured_from_the_files(report):
    recorded = report.set_index("fact")["recorded"]
    assert recorded["trades per traded bond-day, mean"] == pytest.approx(1.376, abs=0.001)
    assert recorded["yield of traded bonds, median"] == 8.95
    assert recorded["value per traded bond-day, upper quartile"] == 2500.0
    assert recorded["largest coin, sd of daily log return"] == pytest.approx(0.0361, abs=1e-4)
    assert recorded["full spread of the best names in yield, median"] == pytest.approx(12.0)
    assert markdown_table(report).count("\n") == len(report) + 1


@pytest.mark.real_data
def test_a_market_that_is_too_short_is_refused(real_data):
    few = simulate_market(MarketConfig(bonds=5, issuers=5), CALIBRATION_START, CALIBRATION_START)
    with pytest.raises(InsufficientDataError, match="two years"):
        calibration_report(real_data, few)


def test_a_page_without_marks_is_left_alone(tmp_path):
    page = tmp_path / "simulator.md"
    page.write_text("no marks\n")
    with pytest.raises(InsufficientDataError, match="generated"):
        write_report(page, tmp_path)
    assert page.read_text() == "no marks\n"


def test_absent_recorded_files_are_named(tmp_path):
    with pytest.raises(SourceUnavailableError, match="in_nse_corporate_bonds_1day"):
        calibration_report(tmp_path, iter(()))
