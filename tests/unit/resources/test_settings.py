"""Settings: sources and their order, refusals with a hint, masked secrets."""

import os
from datetime import date
from pathlib import Path

import pytest
import yaml

from liquidity.domain.errors import ConfigError
from resources.settings import PROJECT_ROOT, Settings, config_file, config_lines, load_settings, show_config

CANARY = "canary-7f3a9c"
SHIPPED = PROJECT_ROOT / "config" / "liquidity.yaml"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("PULSE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def use_file(monkeypatch, tmp_path, text):
    path = tmp_path / "other.yaml"
    path.write_text(text)
    monkeypatch.setenv("PULSE_CONFIG_FILE", str(path))
    return path


def line(settings, key):
    return next(line for line in config_lines(settings) if line.key == key)


def test_shipped_file_shows_every_key_with_its_default(monkeypatch, tmp_path):
    shipped = load_settings()
    assert config_file() == SHIPPED
    use_file(monkeypatch, tmp_path, "liquidity:\n")
    assert load_settings() == shipped

    def keys(values, prefix=""):
        for key, value in values.items():
            yield from keys(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]

    in_file = set(keys(yaml.safe_load(SHIPPED.read_text())["liquidity"]))
    assert in_file == {line.key for line in config_lines(shipped)}


def test_folders_follow_the_data_folder(tmp_path):
    settings = load_settings(data_dir=tmp_path / "d")
    assert settings.lake_dir == tmp_path / "d" / "lake"
    assert settings.landing_dir == tmp_path / "d" / "landing"
    assert load_settings(data_dir="here").data_dir == Path.cwd() / "here"
    assert load_settings(lake_dir=tmp_path / "elsewhere").lake_dir == tmp_path / "elsewhere"


def test_feeds_look_where_the_settings_say(monkeypatch, tmp_path):
    monkeypatch.setenv("PULSE_REAL_DATA", str(tmp_path))
    roots = load_settings(landing_naive_times_utc=True).feed_roots
    assert (roots.recorded, roots.landing, roots.naive_times_utc) == (tmp_path, load_settings().landing_dir, True)
    assert (roots.bondx_day, roots.nse_day) == (None, None)  # a day is told, never assumed
    told = load_settings(landing_bondx_day="2026-11-20", landing_nse_day="2025-08-20").feed_roots
    assert (told.bondx_day, told.nse_day) == (date(2026, 11, 20), date(2025, 8, 20))


@pytest.mark.feature("BX-CF-03")
def test_argument_beats_environment_beats_file_beats_default(monkeypatch, tmp_path):
    key = "risk_thresholds.min_liquidity_score"
    path = use_file(monkeypatch, tmp_path, "liquidity: {}")
    settings = load_settings()
    assert (settings.risk_thresholds.min_liquidity_score, line(settings, key).source) == (30.0, "default")
    path.write_text("liquidity:\n  risk_thresholds: {min_liquidity_score: 31}\n")
    settings = load_settings()
    assert (settings.risk_thresholds.min_liquidity_score, line(settings, key).source) == (31.0, f"file {path}")
    monkeypatch.setenv("PULSE_RISK_THRESHOLDS__MIN_LIQUIDITY_SCORE", "32")
    settings = load_settings()
    assert settings.risk_thresholds.min_liquidity_score == 32.0
    assert line(settings, key).source == "environment PULSE_RISK_THRESHOLDS__MIN_LIQUIDITY_SCORE"
    settings = load_settings(risk_thresholds={"min_liquidity_score": 33})
    assert (settings.risk_thresholds.min_liquidity_score, line(settings, key).source) == (33.0, "argument")
    assert settings.risk_thresholds.max_spread_bps == 50.0


@pytest.mark.feature("BX-CF-03")
def test_every_key_can_be_set_by_the_environment(monkeypatch):
    # Another value that each key accepts, by key; a new setting must be added here.
    others = {
        "data_dir": "/a", "lake_dir": "/b", "landing_dir": "/c", "real_data": "/d", "database_url": "postgresql+psycopg2://u:p@h/d",
        "dagster_database_url": "postgresql+psycopg2://u:p@h/e", "weight_profile": "other_v2", "landing_naive_times_utc": "true", "simulate_seed": "8",
        "landing_bondx_day": "2026-11-20", "landing_nse_day": "2025-08-20",
        "simulate_bonds": "9", "simulate_start": "2026-02-03", "risk_thresholds.min_liquidity_score": "1", "risk_thresholds.max_spread_bps": "2",
        "sizing.max_order_adv_frac": "0.3", "sizing.max_position_adv_frac": "0.4", "execution.default_strategy": "twap",
        "execution.max_participation_frac": "0.5", "execution.slice_interval_s": "6", "gate.plan_required_above_adv_frac": "0.7",
        "tiers.high_liquidity.min_adv_usd": "9000000", "tiers.high_liquidity.max_order_adv_frac": "0.2", "tiers.medium_liquidity.min_adv_usd": "8000000",
        "tiers.medium_liquidity.max_order_adv_frac": "0.2", "tiers.low_liquidity.min_adv_usd": "7000000", "tiers.low_liquidity.max_order_adv_frac": "0.2",
        "early_warning.fall_points": "30", "early_warning.clear_within_points": "3", "early_warning.within_sessions": "4", "publication.retention_days": "5",
        "retention.order_book_days": "30", "retention.trades_days": "40", "retention.derivatives_days": "50",
        "forecast.train_days": "400", "forecast.train_instruments": "3000", "forecast.accuracy_window_sessions": "30",
        "forecast.retrain_after_sessions": "9", "forecast.seed": "3",
        "portfolio.max_statement_age_days": "3", "portfolio.max_price_age_sessions": "4", "portfolio.illiquid_after_sessions": "8",
        "portfolio.max_illiquid_frac": "0.1", "portfolio.min_daily_liquidatable_frac": "0.4", "portfolio.liquidation_target_frac": "0.8",
        "portfolio.max_liquidation_sessions": "12", "portfolio.max_exit_cost_bps": "90", "portfolio.min_portfolio_score": "40",
        "portfolio.max_position_frac": "0.05", "portfolio.max_issuer_frac": "0.15", "portfolio.stress_spread_mult": "3",
        "portfolio.stress_volume_haircut_frac": "0.4", "portfolio.stress_depth_haircut_frac": "0.2", "portfolio.stress_vol_mult": "2",
        "urgency.low.participation_frac": "0.04", "urgency.low.min_horizon_sessions": "3", "urgency.medium.participation_frac": "0.06",
        "urgency.medium.min_horizon_sessions": "0.9", "urgency.high.participation_frac": "0.07", "urgency.high.min_horizon_sessions": "0.3",
        "urgency.critical.participation_frac": "0.3", "urgency.critical.min_horizon_sessions": "0.04",
        "venue_account.venue": "binance", "venue_account.url": "http://127.0.0.1:1", "venue_account.base_currency": "USD",
        "venue_account.api_key": "k", "venue_account.secret": "s", "venue_account.wallet": "w", "venue_account.private_key": "p",
        "regulation.sec_max_illiquid_frac": "0.2", "regulation.sec_min_highly_liquid_frac": "0.2", "regulation.sec_anticipated_trade_frac": "0.2",
        "regulation.sec_value_impact_bps": "80", "regulation.esma_min_coverage_ratio": "1.2", "regulation.esma_redemption_frac": "0.2",
        "regulation.esma_notice_sessions": "7", "regulation.sebi_min_liquid_frac": "0.2", "regulation.sebi_min_lr_ratio": "1.1",
        "regulation.sebi_confidence": "0.9", "regulation.sebi_horizon_sessions": "15", "regulation.sebi_participation_frac": "0.2",
        "regulation.frtb_confidence": "0.99", "regulation.frtb_base_sessions": "5", "regulation.frtb_max_exceptions_99": "10",
        "regulation.frtb_min_prices": "24",
        "freshness.publish_grace_s": "6", "cache.ttl_s": "7", "cache.max_entries": "8", "logging.level": "DEBUG",
    }  # fmt: skip
    defaults = {line.key: line.value for line in config_lines(load_settings())}
    assert set(others) == set(defaults)
    for key, value in others.items():
        monkeypatch.setenv("PULSE_" + key.upper().replace(".", "__"), value)
    lines = config_lines(load_settings())
    assert {
        each.key for each in lines if each.source != "environment PULSE_" + each.key.upper().replace(".", "__")
    } == set()
    assert {each.key for each in lines if each.value == defaults[each.key]} == set()


def test_whole_group_can_be_set_as_json(monkeypatch):
    monkeypatch.setenv("PULSE_SIZING", '{"max_order_adv_frac": 0.2}')
    settings = load_settings()
    assert (settings.sizing.max_order_adv_frac, settings.sizing.max_position_adv_frac) == (0.2, 0.10)
    assert line(settings, "sizing.max_order_adv_frac").source == "environment PULSE_SIZING"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("liquidity: {sizing: {max_order_adv_fraq: 0.1}}", "did you mean sizing.max_order_adv_frac"),
        ("liquidity: {lake_dri: x}", "did you mean lake_dir"),
        (
            "liquidity: {risk_thresholds: {min_liquidity_score: 101}}",
            "risk_thresholds.min_liquidity_score: .*less than or equal to 100",
        ),
        ("liquidity: {risk_thresholds: {min_liquidity_score: .nan}}", "risk_thresholds.min_liquidity_score: .*finite"),
        ("liquidity: {execution: {default_strategy: fast}}", "execution.default_strategy"),
        ("liquidity: {early_warning: {clear_within_points: 20}}", "clear_within_points must be below fall_points"),
        ("liquidity: {tiers: {low_liquidity: {min_adv_usd: 2000000}}}", "must fall from high to medium to low"),
        ("liquidity: {database_url: 'sqlite:///x'}", "database_url: .*not a PostgreSQL address"),
        ("other: {}", "expected one block 'liquidity'"),
        ("[1]", "expected one block 'liquidity'"),
        ("liquidity: {a: [}", "not readable as YAML"),
    ],
)
def test_refusals_name_the_key_and_the_next_step(monkeypatch, tmp_path, text, message):
    use_file(monkeypatch, tmp_path, text)
    with pytest.raises(ConfigError, match=message):
        load_settings()


def test_unknown_environment_variable_is_refused(monkeypatch):
    monkeypatch.setenv("PULSE_LAKE_DRI", "/x")
    with pytest.raises(ConfigError, match="PULSE_LAKE_DRI is no setting; did you mean PULSE_LAKE_DIR"):
        load_settings()


def test_missing_configuration_file_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PULSE_CONFIG_FILE", str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigError, match="PULSE_CONFIG_FILE names"):
        load_settings()


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().weight_profile = "x"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_the_driver_is_always_named(scheme):
    settings = load_settings(database_url=f"{scheme}://u:p@h:5432/d")
    assert settings.database_url.get_secret_value() == "postgresql+psycopg2://u:p@h:5432/d"


@pytest.mark.feature("BX-CF-05")
def test_secrets_are_masked_everywhere(monkeypatch):
    monkeypatch.setenv("PULSE_DATABASE_URL", f"postgresql://pulse:{CANARY}@h/d")
    settings = load_settings(dagster_database_url=f"postgresql://dagster:{CANARY}@h/d")
    for text in (repr(settings), str(settings), show_config(settings), settings.model_dump_json()):
        assert CANARY not in text
    assert line(settings, "database_url") == type(line(settings, "database_url"))(
        "database_url",
        "**********",
        "environment PULSE_DATABASE_URL",
        Settings.model_fields["database_url"].description,
    )
    monkeypatch.setenv("PULSE_DATABASE_URL", f"mysql://pulse:{CANARY}@h/d")
    with pytest.raises(ConfigError) as refused:
        load_settings()
    assert CANARY not in str(refused.value)
    assert refused.value.__cause__ is None


def test_every_setting_states_its_meaning_and_numbers_their_unit():
    for each in config_lines(load_settings()):
        assert each.meaning.endswith("."), each.key
        if each.value.replace(".", "").isdigit():
            assert "[" in each.meaning, f"{each.key} has no unit"
