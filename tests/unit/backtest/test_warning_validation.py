"""Warning validation: lead, delay and false alarms by hand, then on the simulator's own crises."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from liquidity.backtest.warning_validation import forecast_alarms, raised_alarms, validate_warnings
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.evidence import WARNING_VALIDATION
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.index.early_warning import early_warnings
from liquidity.simulation import MarketConfig, simulate_market
from liquidity.simulation.events import PlantedEvent, ground_truth

START = date(2026, 3, 2)
DAYS = np.datetime64(START) + np.arange(60)
NAMES = np.array(["ZZ0000000001", "ZZ0000000002", "ZZ0000000003"])
ISSUERS = {"ZZ0000000001": "SIM00000", "ZZ0000000002": "SIM00000", "ZZ0000000003": "SIM00001"}
CRISIS = PlantedEvent(
    "issuer_crisis", "SIM00000", START + timedelta(20), START + timedelta(39), 5, 8, 1.4, "log spread"
)


def panel_of(scores, days=DAYS, names=NAMES, origin="simulated"):
    empty = np.full(len(names), "")
    group = MarketGroup("bond_corporate", "24/7", origin)
    return ScorePanel(group, "liquidity_score", days, names, scores, {}, empty, empty)


def alarms_at(*places):
    alarms = np.zeros((60, 3), dtype=bool)
    for session, name in places:
        alarms[session, name] = True
    return alarms


def told(alarms, kind="issuer_crisis", events=(CRISIS,), panel=None):
    panel = panel or panel_of(np.full((60, 3), 60.0))
    table = validate_warnings(panel, ISSUERS, events, {"early_warnings": alarms}, DAYS[-1])
    assert audit(table_from_frame(table, WARNING_VALIDATION), WARNING_VALIDATION).rejected.num_rows == 0
    (row,) = table[table["event_kind"] == kind].to_dict("records")
    return row


def test_lead_and_delay_are_counted_from_the_planted_days():
    row = told(alarms_at((21, 0), (26, 1)))  # full strength on the fifth day, session 24
    assert (row["events_n"], row["hits_n"], row["alarmed_n"]) == (1, 2, 2)
    assert row["lead_sessions_median"] == 0.5  # 3 before and 2 after
    assert row["delay_sessions_median"] == 3.5
    assert row["before_peak_frac"] == 0.5
    assert row["false_alarms_n"] == 0


def test_alarms_of_untouched_names_are_false():
    row = told(alarms_at((22, 2), (10, 0), (43, 1), (45, 1)))
    assert row["alarmed_n"] == 0
    assert row["reason"] == "no crisis was alarmed"
    assert row["alarms_n"] == 4
    assert row["false_alarms_n"] == 3  # session 43 is within five of the end, 45 is not
    quiet = 3 * 60 - 2 * 25
    assert row["false_alarms_per_year"] == pytest.approx(3 / quiet * 250)


def test_chance_is_what_random_alarms_would_meet():
    row = told(alarms_at((5, 0), (50, 0)))
    assert row["chance_alarmed_frac"] == pytest.approx((1.0 - (1.0 - 2 / 60) ** 20) / 2)


def test_an_outage_excuses_alarms_but_is_no_crisis():
    outage = PlantedEvent("dealer_outage", "market", START + timedelta(8), START + timedelta(8), 0, 1, 0.6, "frac 0-1")
    row = told(alarms_at((8, 2)), "all", (CRISIS, outage))
    assert row["false_alarms_n"] == 0
    assert row["hits_n"] == 2


def test_crises_outside_the_window_do_not_count():
    early = PlantedEvent("market_crisis", "market", START - timedelta(5), START + timedelta(9), 2, 3, 0.8, "log spread")
    late = PlantedEvent(
        "market_crisis", "market", START + timedelta(90), START + timedelta(99), 2, 3, 0.8, "log spread"
    )
    row = told(alarms_at((3, 2)), "market_crisis", (early, late))
    assert row["hits_n"] == 0
    assert row["reason"] == "no crisis of the kind began in the window"
    assert row["false_alarms_n"] == 0


def test_recorded_markets_are_refused():
    panel = panel_of(np.full((60, 3), 60.0), origin="recorded")
    with pytest.raises(ConfigError, match="only the simulator knows"):
        validate_warnings(panel, {}, (), {}, DAYS[-1])


def test_a_market_without_scores_has_no_rows():
    table = validate_warnings(panel_of(np.full((60, 3), np.nan)), {}, (), {"forecast": alarms_at()}, DAYS[-1])
    assert audit(table_from_frame(table, WARNING_VALIDATION), WARNING_VALIDATION).rows == 0


def test_a_forecast_alarm_begins_once():
    panel = panel_of(np.full((60, 3), 60.0))
    made = pd.DataFrame(
        {
            "session_date": pd.to_datetime([str(DAYS[at]) for at in (10, 11, 12, 14, 14)]),
            "instrument_id": NAMES[0],
            "target": ["liquidity_score"] * 4 + ["bondx_score"],
            "horizon_sessions": [3, 1, 5, 2, 2],
            "base_score": 60.0,
            "forecast_score": [50.0, 54.0, 56.0, 55.0, 0.0],
        }
    )
    begins = forecast_alarms(made, panel)
    assert np.flatnonzero(begins[:, 0]).tolist() == [10, 14]
    assert not begins[:, 1:].any()


def test_early_warnings_meet_the_crises_of_the_simulator():
    """Scores that follow the simulated quotes: alerts come in most planted crises, and not without one."""
    config = MarketConfig(
        seed=3, bonds=24, issuers=8, crypto_coins=0, crypto_perps=0, issuer_crises_per_block=3, market_crises_per_year=0
    )
    start, end = date(2026, 1, 5), date(2026, 4, 24)
    rows, owner = [], {}
    for day in simulate_market(config, start, end):
        rows.append(day.tables["microstructure"][["session_date", "instrument_id", "quoted_spread_bps"]])
        listed = day.tables["instruments"]
        owner = dict(zip(listed["instrument_id"], listed["issuer_id"], strict=True)) | owner
    spread = pd.concat(rows).groupby(["session_date", "instrument_id"])["quoted_spread_bps"].mean().unstack()
    usual = spread.rolling(30, min_periods=5).median().shift(1)
    recent = spread.rolling(5, min_periods=1).median()
    scores = (60.0 - 60.0 * np.log(recent / usual)).clip(0.0, 100.0)
    days = np.array(pd.to_datetime(scores.index), dtype="datetime64[D]")
    panel = panel_of(scores.to_numpy(), days, np.array(scores.columns, dtype=str))
    history = scores.stack().rename("liquidity_score").reset_index().assign(method="observed")
    warnings = early_warnings(history, [day.item() for day in days])
    events = ground_truth(config, start, end).events

    table = validate_warnings(panel, owner, events, {"early_warnings": raised_alarms(warnings, panel)}, days[-1])
    (row,) = table[table["event_kind"] == "issuer_crisis"].to_dict("records")
    assert row["events_n"] >= 4
    assert row["alarmed_frac"] > 0.6
    assert row["alarmed_frac"] > 2.0 * row["chance_alarmed_frac"]
    assert row["delay_sessions_median"] <= 3.0
    assert row["false_alarm_frac"] < 0.2
