"""Numbers in the methodology pages are the code's, its generated tables are current, and everything registered is there."""

import importlib.util
import inspect
import re
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from liquidity.contracts.features import LIQUIDITY_FEATURES, PANEL_SIGNALS, ROLLING_WINDOWS_DAYS, SCORED_FEATURES
from liquidity.contracts.table import TableContract
from liquidity.domain import session as sessions
from liquidity.features import anomaly, assemble, own_history, quality
from liquidity.features.nine import STATISTICS
from liquidity.features.seasonality import seasonally_adjusted
from liquidity.features.trust import FreshnessPolicy
from liquidity.index import thin_bonds
from liquidity.index.early_warning import HISTORY_DAYS
from liquidity.index.profiles import DEFAULT_PROFILES, PROFILES, spread_overlap, weight_profile
from liquidity.index.thresholds import PulseThresholds
from liquidity.index.uncertainty import BAND_80_Z
from liquidity.measures import MEASURES
from liquidity.simulation import MarketConfig, conditions, events
from resources.feeds import adapters, feed_names
from resources.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
METHODOLOGY = ROOT / "docs" / "methodology"
POLICY, THRESHOLDS, V1 = FreshnessPolicy(), PulseThresholds(), weight_profile("bondx_v1")


def text(page: str) -> str:
    """A page with line breaks and runs of blanks as one blank."""
    return " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build_sections", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_tables_are_current(build: ModuleType) -> None:
    for file in build.SECTIONS:
        stored = (ROOT / "docs" / file).read_text(encoding="utf-8")
        assert stored == build.page_with_sections(file), f"run `make docs`: docs/{file} is not current"


def sections(page: str) -> dict[str, str]:
    """Text below each third-level heading."""
    parts = re.split(r"^### (\S+)$", (METHODOLOGY / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: " ".join(body.split("\n## ")[0].split()) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.feature("BX-FE-07")
@pytest.mark.feature("BX-FE-08")
def test_every_feature_has_its_section() -> None:
    assert set(sections("features.md")) == set(SCORED_FEATURES)
    for name, body in sections("features.md").items():
        assert len(body) > 40, name
        assert f"| [{name}](#{name}) | {LIQUIDITY_FEATURES.column(name).unit} |" in text("methodology/features.md")


def test_every_measure_has_its_section_with_source() -> None:
    written = sections("measures.md")
    assert set(written) == {measure.name for measure in MEASURES}
    for measure in MEASURES:
        assert measure.source.lower() in written[measure.name].lower(), f"{measure.name} names no source"


def test_every_measure_outside_the_registry_is_listed() -> None:
    import liquidity.measures.impact
    import liquidity.measures.trades

    page = text("methodology/measures.md")
    for package in (liquidity.measures.impact, liquidity.measures.trades):
        for name in package.__all__:
            if name.islower():
                assert f"| `{name}` |" in page


def test_every_statistic_and_quality_rule_is_explained() -> None:
    page = text("methodology/rolling_statistics.md")
    assert all(f"`{name}`" in page for name in (*STATISTICS, "n", "return_frac"))
    assert "return_frac" in PANEL_SIGNALS
    assert all(f"| `{code}` |" in text("methodology/signals.md") for code in quality.QUALITY_RULES)


def test_every_profile_is_explained() -> None:
    page = text("methodology/liquidity_index.md")
    for name in PROFILES:
        assert f"| `{name}` |" in page
    assert "| `bondx_v1` | corporate bonds by default" in page
    assert DEFAULT_PROFILES["bond_corporate"].name == "bondx_v1"
    assert "| `sovereign_v1` | sovereign bonds by default" in page
    assert DEFAULT_PROFILES["bond_sovereign"].name == "sovereign_v1"


def test_every_feed_and_adapter_is_explained() -> None:
    layouts, signals = text("landing_layouts.md"), text("methodology/signals.md")
    missing = [name for name in feed_names() if not re.search(rf"\b{name}\b", layouts)]
    assert not missing, f"docs/landing_layouts.md says nothing of {missing}"
    for adapter in adapters.ADAPTERS:
        assert f"| `{adapter.name}` |" in signals


def share_of(profile_name: str, *features: str) -> float:
    profile = weight_profile(profile_name)
    return sum(abs(item.weight) for item in profile.liquidity if item.feature in features)


def open_s(calendar: str) -> str:
    return f"{sessions.session_seconds(calendar):,.0f} s"


def overlap(profile_name: str) -> dict[str, float]:
    return spread_overlap(weight_profile(profile_name))


# What a page says, written with the constants of the code.
STATED: list[tuple[str, str]] = [
    ("methodology/signals.md", f"({inspect.signature(adapters.collect_signals).parameters['timeout_s'].default:g} s for all)"),
    ("methodology/signals.md", f"{open_s('XNYS')} in New York, {open_s('BVMF')} in Sao Paulo, {open_s('XBOM')} in Mumbai and {open_s('24/7')} for coins"),
    ("methodology/signals.md", "0 once the age is above three half-lives"),
    ("methodology/signals.md", f"still counts {0.5**POLICY.max_age_half_lives:g} of its quality"),
    ("methodology/signals.md", f"mean quality is below {quality.MIN_BATCH_QUALITY_FRAC:g}, or when more than {quality.MAX_NULL_FRAC:.0%}".replace("5%", "5 %")),
    ("methodology/signals.md", f"coverage is at least {adapters.MIN_COVERAGE_FRAC:.2f}"),
    ("methodology/signals.md", f"the first {adapters.LISTED_MISSING_IDS} expected instruments"),
    ("methodology/signals.md", f"has quality {quality.QUALITY_RULES['outside_hours_snapshot'].factor_frac} x {quality.QUALITY_RULES['quality_good'].factor_frac} = 0.68"),
    ("methodology/features.md", f"(t - {assemble.HISTORY_DAYS}, t]"),
    ("methodology/features.md", f"Null with fewer than {own_history.MIN_OWN_OBSERVATIONS} of them"),
    ("methodology/features.md", f"over {assemble.MONTH_DAYS} days, from {assemble.MIN_STABILITY_OBSERVATIONS} observations; 1 is constant"),
    ("methodology/features.md", f"over {assemble.MONTH_DAYS} days, from {assemble.MIN_MONTH_OBSERVATIONS} sessions with turnover"),
    ("methodology/features.md", f"from {assemble.MIN_MONTH_OBSERVATIONS} known ones"),
    ("methodology/features.md", f"stories over {assemble.WEEK_DAYS} days"),
    ("methodology/features.md", f"exceeds {assemble.ANOMALY_Z:g}, with z = (x - median) / (1.4826 MAD), from {own_history.MIN_OWN_OBSERVATIONS} earlier"),
    ("methodology/features.md", ", ".join(f"`{name}`" for name in assemble.SPREAD_ESTIMATORS)),
    ("methodology/features.md", "at every third session"),
    ("methodology/measures.md", "The previous close must lie within 90 days"),
    ("methodology/rolling_statistics.md", "over {}, {} and {} calendar days".format(*ROLLING_WINDOWS_DAYS)),
    ("methodology/liquidity_index.md", f"Below `min_coverage` ({V1.min_coverage:g}) there is no observed score"),
    ("methodology/liquidity_index.md", f"needs {weight_profile('traded_v1').min_peers} peers instead of {V1.min_peers}"),
    ("methodology/liquidity_index.md", f"carry {share_of('bondx_v1', 'spread_bps', 'mm_online_ratio'):.2f} of the weight"),
    ("methodology/liquidity_index.md", f"Here they carry {share_of('sovereign_v1', 'spread_bps', 'mm_online_ratio'):.2f}"),
    ("methodology/liquidity_index.md", f"`heatmap_min_members` ({THRESHOLDS.heatmap_min_members})"),
    ("methodology/repayment_support.md", "financial {:.0%}, utilities {:.0%}, industrial {:.0%}, government {:.0%} (`spread_overlap`)".format(*(overlap("bondx_v1")[sector] for sector in ("FINANCIAL", "UTILITIES", "INDUSTRIAL", "GOVERNMENT"))).replace("%", " %")),
    ("methodology/repayment_support.md", f"government then rests on it with {overlap('bondx_v2')['GOVERNMENT']:.0%}".replace("%", " %")),
    ("methodology/early_warning.md", f"`warning_fall_points` ({THRESHOLDS.warning_fall_points:g})"),
    ("methodology/early_warning.md", f"`warning_within_sessions` ({THRESHOLDS.warning_within_sessions})"),
    ("methodology/early_warning.md", f"`clear_within_points` ({THRESHOLDS.clear_within_points:g}) of the reference for `clear_sessions` ({THRESHOLDS.clear_sessions})"),
    ("methodology/early_warning.md", f"`stable_sessions` ({THRESHOLDS.stable_sessions}) scores after the alert lie within `stable_range_points` ({THRESHOLDS.stable_range_points:g})"),
    ("methodology/early_warning.md", f"the last {HISTORY_DAYS} calendar days of scores"),
    ("methodology/uncertainty.md", f"score -+ {BAND_80_Z:g} sd"),
    ("methodology/uncertainty.md", f"{THRESHOLDS.unseen_view_sd_points:g} points are assumed where only one reading exists"),
    ("methodology/uncertainty.md", f"they stand carry {THRESHOLDS.natural_sd_points:g} points. No component exceeds {THRESHOLDS.prior_sd_points:g}"),
    ("methodology/uncertainty.md", f"rho = {THRESHOLDS.rho:g}"),
    ("methodology/thin_bonds.md", f"| {THRESHOLDS.pooled_issuer_min} of them |"),
    ("methodology/thin_bonds.md", f"| {THRESHOLDS.pooled_sector_min} observed bonds |"),
    ("methodology/thin_bonds.md", f"coverage >= {V1.min_coverage:g}"),
    ("methodology/simulator.md", f"Drawn per block of {events.BLOCK_DAYS} calendar days"),
    ("methodology/simulator.md", f"exp({MarketConfig().issuer_crisis_log_spread:g}) = 4 at the peak"),
    ("methodology/simulator.md", f"exp({MarketConfig().market_crisis_log_spread:g}) = 2.2"),
    ("methodology/simulator.md", f"+{conditions._CRISIS_YIELD_FRAC * 1e4:g} bps of yield"),
    ("tour.md", f"{Settings.model_fields['simulate_bonds'].default} bonds and a few coins from {Settings.model_fields['simulate_start'].default} to yesterday"),
    ("methodology/liquidity_index.md", f"(seed {Settings.model_fields['simulate_seed'].default}, {Settings.model_fields['simulate_bonds'].default} bonds, from {Settings.model_fields['simulate_start'].default})"),
    ("runbook.md", f"`freshness.publish_grace_s` ({Settings.model_fields['freshness'].default.publish_grace_s:,} s)"),
    ("decisions/0005-profiles-per-asset-class.md", f"0.30 + 0.15 = {share_of('bondx_v1', 'spread_bps', 'mm_online_ratio'):.2f}"),
]  # fmt: skip


@pytest.mark.parametrize(("page", "sentence"), STATED, ids=[f"{page}: {sentence[:40]}" for page, sentence in STATED])
def test_the_page_says_what_the_code_does(page: str, sentence: str) -> None:
    assert sentence in text(page), f"docs/{page} does not say {sentence!r}"


@pytest.mark.parametrize("page", ["runbook.md", "decisions/0007-write-audit-publish.md"])
def test_the_limit_of_quarantine_is_stated(page: str) -> None:
    fields = TableContract.__dataclass_fields__
    assert f"{fields['max_quarantine_frac'].default * 100:g} %" in text(page)
    assert str(fields["min_refused_rows"].default) in text(page)


def test_numbers_written_as_words_are_the_codes() -> None:
    """Sentences with "three", "every third" and constants that other libraries share."""
    assert POLICY.max_age_half_lives == 3
    assert assemble.ESTIMATE_STEP_SESSIONS == 3
    assert "three half-lives" in text("methodology/signals.md")
    assert (anomaly._MAD_TO_SD, anomaly._MEAN_DEVIATION_TO_SD) == (1.4826, 1.2533)
    assert "1.2533 times the mean absolute deviation" in text("methodology/features.md")
    seen = inspect.signature(seasonally_adjusted).parameters["min_observations"].default
    assert f"seen {seen} times before" in text("methodology/features.md")
    rule = " + ".join(f"{share:g} {name}" for name, share in thin_bonds._RULE_SHARES)
    for name, words in (("activity", "turnover of the session"), ("shortness", "shortness of remaining tenor")):
        rule = rule.replace(name, words)
    assert rule in text("methodology/thin_bonds.md")
    assert thin_bonds._RULE_SLOPE == 0.5
    assert "class mean + half of" in text("methodology/thin_bonds.md")


@pytest.mark.feature("C-05")
def test_the_overlap_of_the_spread_is_published() -> None:
    page = text("methodology/repayment_support.md")
    for profile in ("bondx_v1", "bondx_v2"):
        shown = {sector: round(share, 2) for sector, share in overlap(profile).items()}
        assert str(shown) in page
    assert "Sign of tone" in page
    assert max(overlap("bondx_v2").values()) < max(overlap("bondx_v1").values())


@pytest.mark.feature("C-24")
def test_the_weights_of_governments_are_kept_and_flagged() -> None:
    assert V1.sector_weight("GOVERNMENT").repayment == 0.7
    page = text("methodology/bondx_score.md")
    assert "**Government weights.** GOVERNMENT gives repayment support 0.7" in page
    assert "bondx_score.md#known-limits" in text("analyst_guide.md")


@pytest.mark.feature("C-25")
def test_what_is_live_and_what_is_daily_is_said() -> None:
    page = text("methodology/liquidity_index.md")
    assert "## What is live and what is daily" in page
    for column in ("oldest_input_age_s", "time_since_last_trade_h"):
        assert f"`{column}`" in page


def test_sector_weights_are_the_profiles() -> None:
    page = text("methodology/bondx_score.md")
    for weight in V1.sector_weights:
        assert f"| {weight.sector} | {weight.liquidity:g} | {weight.repayment:g} |" in page


def test_repayment_weights_are_the_profiles() -> None:
    page = text("methodology/repayment_support.md")
    second = {item.feature: f"{item.weight:.2f}" for item in weight_profile("bondx_v2").repayment}
    for item in V1.repayment:
        assert f"| {item.feature} | {item.weight:.2f} | {second.get(item.feature, '-')} |" in page


def test_the_calendars_end_where_the_runbook_says() -> None:
    page = text("runbook.md")
    last = {name: np.datetime64(sessions._schedule(name).last_day, "D").item() for name in ("XNYS", "BVMF", "XBOM")}
    assert last["XNYS"] == last["BVMF"] == sessions.LAST_DAY == date(2035, 12, 31)
    assert "New York and Sao Paulo are known to 2035-12-31" in page
    assert f"XBOM is known to {last['XBOM']}" in page, "exchange_calendars knows more now; say so in the runbook"
