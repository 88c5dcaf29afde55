"""Features of a session: a golden row, a slow reference in plain Python, one instrument against five thousand."""

import math
import statistics
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.features import LIQUIDITY_FEATURES, ROLLING_STATISTICS, SCORED_FEATURES
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.session import sessions_between
from liquidity.features.assemble import FEATURE_INPUTS, SPREAD_ESTIMATORS, liquidity_features
from liquidity.features.own_history import latest_known, own_rank_frac
from liquidity.features.rolling import rolling_statistics
from liquidity.features.seasonality import seasonally_adjusted
from liquidity.features.trust import FreshnessPolicy, Reading, group_trust
from liquidity.measures import MEASURES, measure_sessions

TODAY = date(2026, 11, 20)
SESSION_S = 23400.0
DAYS = sessions_between("XNYS", TODAY - timedelta(days=89), TODAY)
EVERY_DAY = [TODAY - timedelta(days=89 - k) for k in range(90)]
NO_MEASURES = pd.DataFrame()

TEXT = {
    "asset_class": "bond_corporate", "issuer_id": "ISSUER", "sector": "FINANCIAL", "rating": "A", "currency": "USD",
    "source": "feed_a", "calendar": "XNYS", "maturity_date": date(2031, 1, 1), "issue_date": date(2020, 1, 1),
}  # fmt: skip
FRESH = {f"{group}_age_s": 0.0 for group in ("micro", "alt", "auction", "sentiment")}
GOOD = {f"{group}_quality_frac": 1.0 for group in ("micro", "alt", "auction", "sentiment")}


def row(day: date, instrument_id: str = "US0378331005", **signals) -> dict:
    missing = dict.fromkeys(FEATURE_INPUTS, math.nan)
    return {
        **missing,
        **TEXT,
        "session_date": day,
        "instrument_id": instrument_id,
        "amount_outstanding": 1e9,
        **signals,
    }


def features(rows: list[dict], measures: pd.DataFrame = NO_MEASURES, session: date = TODAY) -> pd.Series:
    return liquidity_features(pd.DataFrame(rows), measures, [session]).iloc[0]


def measured(**values: float) -> pd.DataFrame:
    units = {"amihud": "frac per million currency"}
    return pd.DataFrame(
        [
            {
                "session_date": TODAY,
                "instrument_id": "US0378331005",
                "measure": name,
                "value": value,
                "unit": units.get(name, "bps"),
            }
            for name, value in values.items()
        ]
    )


@pytest.mark.feature("BX-FE-07", "BX-FE-08")
def test_golden_row():
    rows = [
        row(day, spread_bps=40.0 + k % 2 * 20.0, depth_density=1000.0 + k, turnover_ccy=1e6, turnover_velocity=0.001,
            mm_online_ratio=0.5, time_since_last_trade_h=1.0, trades_count=float(k % 4), sentiment_signed=0.5,
            buzz_volume=2.0, close=100.0 * 1.01 ** (k % 2), **FRESH, **GOOD)
        for k, day in enumerate(DAYS)
    ]  # fmt: skip
    rows[-5] |= {"auction_demand": 2.5, "auction_age_s": 0.0}
    rows[-2] |= {"traffic_index": 104.0, "utilities_index": 97.0}
    rows[-1] |= {"spread_bps": 55.0, "depth_density": 9000.0, "turnover_ccy": 2e6, "turnover_velocity": 0.002,
                 "mm_online_ratio": 0.8, "time_since_last_trade_h": 2.0, "sentiment_signed": -0.7, "buzz_volume": 30.0,
                 "alt_age_s": math.nan, "alt_quality_frac": math.nan, "auction_age_s": 0.0}  # fmt: skip
    got = features(rows, measured(amihud=0.0125))
    n = len(DAYS) - 1
    month = [r for r in rows if r["session_date"] > TODAY - timedelta(days=30)]
    week = [r["sentiment_signed"] for r in rows if r["session_date"] > TODAY - timedelta(days=7)]
    spreads, depths = [r["spread_bps"] for r in month], [r["depth_density"] for r in month]
    expected = {
        "spread_bps": 55.0,
        "depth_density": 9000.0,
        "turnover_velocity": 0.002,
        "turnover_ccy": 2e6,
        "amihud_per_m": 0.0125,
        "mm_online_ratio": 0.8,
        "auction_demand": 2.5,
        "time_since_last_trade_h": 2.0,
        "zero_trade_share_frac": sum(r["trades_count"] == 0 for r in month) / len(month),
        "traffic_index": 104.0,
        "utilities_index": 97.0,
        "sentiment_intensity": statistics.mean(week),
        "buzz_volume": -30.0,
        "spread_stability": 1 / (1 + statistics.stdev(spreads) / statistics.mean(spreads)),
        "depth_stability": 1 / (1 + statistics.stdev(depths) / statistics.mean(depths)),
        "spread_bps_own_rank_frac": sum(r["spread_bps"] < 55 for r in rows[:-1]) / n,
        "depth_density_own_rank_frac": 1.0,
        "time_since_last_trade_h_own_rank_frac": 1.0,
        "buzz_volume_own_rank_frac": 0.0,
        "history_n": n,
        "micro_weight_frac": 1.0,
        "alt_age_s": SESSION_S,
        "alt_weight_frac": 0.5 ** (1 / 30),
        "auction_age_s": 4 * SESSION_S,
        "auction_weight_frac": 0.5 ** (4 / 14),
        "sentiment_weight_frac": 1.0,
    }
    assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    assert set(SCORED_FEATURES) <= set(expected)
    assert got["spread_origin"] == "quoted"
    # A constant past has no scale to measure against: the jumps of the other signals raise no flag.
    assert got["anomaly_flags"] == "amihud_per_m,depth_density,depth_stability"
    assert math.isnan(got["auction_demand_own_rank_frac"])  # one auction is no history


def slow_stability(values: list[float]) -> float:
    known = [v for v in values if not math.isnan(v)]
    if len(known) < 5 or statistics.fmean(known) == 0:
        return math.nan
    return 1 / (1 + statistics.stdev(known) / abs(statistics.fmean(known)))


def slow_rank(history: list[float], value: float) -> float:
    known = [v for v in history if not math.isnan(v)]
    if len(known) < 10 or math.isnan(value):
        return math.nan
    below, same = sum(v < value for v in known), sum(v == value for v in known)
    return (below + 0.5 * same) / len(known)


def slow_features(rows: list[dict]) -> dict[str, float]:
    """All features of the newest row of one instrument, straight from the docstring; rows ascending in time."""
    today = rows[-1]["session_date"]
    rows = [r for r in rows if r["session_date"] > today - timedelta(days=90)]
    before = math.nan
    for r in rows:
        r["_return"] = r["close"] / before - 1 if r["close"] > 0 else math.nan
        before = r["close"] if r["close"] > 0 else before

    def window(day: date, length: int, name: str) -> list[float]:
        return [r[name] for r in rows if day - timedelta(days=length) < r["session_date"] <= day]

    def illiquidity(day: date) -> float:
        pairs = zip(window(day, 30, "_return"), window(day, 30, "turnover_ccy"), strict=True)
        known = [abs(r) / v * 1e6 for r, v in pairs if not math.isnan(r) and v > 0]
        return statistics.fmean(known) if len(known) >= 8 else math.nan

    def zero_share(day: date) -> float:
        pairs = zip(window(day, 30, "trades_count"), window(day, 30, "turnover_ccy"), strict=True)
        activity = [v if math.isnan(n) else n for n, v in pairs]
        known = [a for a in activity if not math.isnan(a)]
        return sum(a == 0 for a in known) / len(known) if len(known) >= 8 else math.nan

    def intensity(day: date) -> float:
        known = [v for v in window(day, 7, "sentiment_signed") if not math.isnan(v)]
        return statistics.fmean(known) if known else math.nan

    found: dict[str, float] = {}
    for name in (
        "depth_density",
        "turnover_velocity",
        "turnover_ccy",
        "mm_online_ratio",
        "time_since_last_trade_h",
        "spread_bps",
    ):
        found[name] = rows[-1][name]
        found[f"{name}_own_rank_frac"] = slow_rank([r[name] for r in rows[:-1]], rows[-1][name])
    computed = {
        "spread_stability": (30, lambda day: slow_stability(window(day, 30, "spread_bps"))),
        "depth_stability": (30, lambda day: slow_stability(window(day, 30, "depth_density"))),
        "zero_trade_share_frac": (30, zero_share),
        "sentiment_intensity": (7, intensity),
        "amihud_per_m": (30, illiquidity),
    }
    for name, (length, function) in computed.items():
        whole = [r["session_date"] for r in rows[:-1] if r["session_date"] >= today - timedelta(days=90 - length)]
        found[name] = function(today)
        found[f"{name}_own_rank_frac"] = slow_rank([function(day) for day in whole], found[name])
    for r in rows:
        tone, stories = r["sentiment_signed"], r["buzz_volume"]
        r["_buzz"] = 0.0 if stories == 0 else math.nan if math.isnan(tone) else float(np.sign(tone)) * stories
    for name in ("traffic_index", "utilities_index"):
        matrix = np.full((1, 90), np.nan)
        for r in rows:
            matrix[0, 89 - (today - r["session_date"]).days] = r[name]
        days = np.arange(np.datetime64(today) - 89, np.datetime64(today) + 1).astype(np.int64)
        adjusted = seasonally_adjusted(matrix, days)[0]
        for r in rows:
            r[f"_{name}"] = float(adjusted[89 - (today - r["session_date"]).days])
    carried = {
        "auction_demand": "auction_demand",
        "buzz_volume": "_buzz",
        "traffic_index": "_traffic_index",
        "utilities_index": "_utilities_index",
    }
    for name, column in carried.items():
        known = [r[column] for r in rows if not math.isnan(r[column])]
        found[name] = known[-1] if known else math.nan
        found[f"{name}_own_rank_frac"] = slow_rank(known[:-1], found[name])
    found["history_n"] = len(rows) - 1
    returns = [v for v in window(today, 30, "_return") if not math.isnan(v)]
    found["volatility_daily_frac"] = statistics.stdev(returns) if len(returns) >= 5 else math.nan
    return found


def random_rows(instrument_id: str, rng: np.random.Generator, *, coin: bool = False, quoted: bool = True) -> list[dict]:
    rows = []
    base = 100.0
    for day in EVERY_DAY if coin else DAYS:
        if day != TODAY and rng.random() < 0.08:
            continue

        def maybe(value: float, missing: float = 0.15) -> float:
            return math.nan if rng.random() < missing else float(value)

        base *= math.exp(rng.normal(0, 0.01))
        close = maybe(base)
        turnover = maybe(rng.lognormal(14, 1) * (rng.random() > 0.2))
        rows.append(
            row(day, instrument_id, calendar="24/7" if coin else "XNYS", spread_bps=maybe(rng.lognormal(3, 0.4)) if quoted else math.nan,
                depth_density=maybe(rng.lognormal(8, 0.5)), turnover_ccy=turnover, turnover_velocity=turnover / 1e9,
                mm_online_ratio=maybe(rng.random()), auction_demand=maybe(rng.lognormal(), 0.8),
                time_since_last_trade_h=maybe(rng.integers(0, 5)), traffic_index=maybe(rng.normal(100, 3)),
                utilities_index=maybe(rng.normal(100, 3), 0.7), sentiment_signed=maybe(rng.uniform(-1, 1), 0.4),
                buzz_volume=maybe(rng.integers(0, 9)), close=close, open=base * 1.001, high=base * 1.02, low=base * 0.98,
                trades_count=maybe(rng.integers(0, 3)), **dict.fromkeys(FRESH, 600.0), **dict.fromkeys(GOOD, 0.9))
        )  # fmt: skip
    return rows


@pytest.mark.feature("BX-FE-07", "BX-FE-08", "BX-FE-03")
@pytest.mark.parametrize("seed", range(6))
def test_equals_slow_reference_on_gaps_and_holidays(seed):
    rows = random_rows("US0378331005", np.random.default_rng(seed), coin=seed % 3 == 2)
    expected = slow_features([dict(r) for r in rows])
    amihud = {} if math.isnan(expected["amihud_per_m"]) else {"amihud": expected["amihud_per_m"]}
    got = features(rows, measured(**amihud))
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-9, nan_ok=True), name


@pytest.mark.feature("BX-IX-14")
def test_five_thousand_in_one_pass_equal_single_calls():
    rng = np.random.default_rng(11)
    kinds = [random_rows(f"US{k:09d}0", rng, coin=k % 5 == 4, quoted=k % 3 != 0) for k in range(40)]
    frame = pd.DataFrame([r for rows in kinds for r in rows])
    copies = [
        frame.assign(instrument_id=frame["instrument_id"].str.replace("US", f"X{c:03d}", regex=False))
        for c in range(125)
    ]
    panel = pd.concat(copies, ignore_index=True)
    batch = liquidity_features(panel, measure_sessions(panel, [TODAY]), [TODAY])
    assert len(batch) == 5000
    by_id = batch.set_index("instrument_id", drop=False)
    for copy, k in ((0, 0), (0, 4), *((int(rng.integers(125)), k) for k in range(40))):
        one = panel[panel["instrument_id"] == f"X{copy:03d}{k:09d}0"]
        single = liquidity_features(one, measure_sessions(one, [TODAY]), [TODAY])
        # Everything made here is equal bit for bit; the measures themselves may differ in the last digit.
        pd.testing.assert_frame_equal(
            single, by_id.loc[[single["instrument_id"].iloc[0]]].reset_index(drop=True), check_exact=False, rtol=1e-12
        )
    assert {"quoted", "edge"} <= set(batch["spread_origin"].dropna())


def test_many_sessions_equal_one_at_a_time():
    rng = np.random.default_rng(12)
    panel = pd.DataFrame([r for k in range(4) for r in random_rows(f"US{k:09d}0", rng, coin=k == 3)])
    sessions = DAYS[-4:]
    together = liquidity_features(panel, measure_sessions(panel, sessions), sessions)
    alone = pd.concat(
        [liquidity_features(panel, measure_sessions(panel, [s]), [s]) for s in sessions], ignore_index=True
    )
    pd.testing.assert_frame_equal(together, alone, check_exact=True)
    pd.testing.assert_frame_equal(together, together.sort_values(list(LIQUIDITY_FEATURES.key), ignore_index=True))


def test_best_measurable_estimator_stands_in_for_a_missing_quote():
    quoteless = [row(day) for day in DAYS]
    got = features(quoteless, measured(roll=90.0, corwin_schultz=70.0, abdi_ranaldo=math.nan))
    assert (got["spread_bps"], got["spread_origin"]) == (70.0, "corwin_schultz")
    assert list(SPREAD_ESTIMATORS) == ["edge_spread", "abdi_ranaldo", "corwin_schultz", "roll"]
    nothing = features(quoteless)
    assert math.isnan(nothing["spread_bps"])
    assert pd.isna(nothing["spread_origin"])
    with pytest.raises(ContractError, match="unit of roll"):
        features(quoteless, measured(roll=1.0).assign(unit="frac"))


def test_estimated_spread_is_ranked_among_its_own_estimator():
    rng = np.random.default_rng(4)
    rows = []
    for k, day in enumerate(DAYS):
        half = 0.002 if k < len(DAYS) - 10 else 0.03  # the spread widens in the last two weeks
        price = 100 * math.exp(rng.normal(0, 0.002))
        ticks = price * (1 + half * rng.choice([-1.0, 1.0], 30)) * np.exp(np.cumsum(rng.normal(0, 1e-3, 30)))
        rows.append(row(day, open=ticks[0], high=ticks.max(), low=ticks.min(), close=ticks[-1]))
    edge = next(measure for measure in MEASURES if measure.name == "edge_spread")
    month = [r for r in rows if r["session_date"] > TODAY - timedelta(days=30)]
    value = float(edge.compute({n: np.array([[r[n] for r in month]]) for n in edge.inputs})[0][0])
    got = features(rows, measured(edge_spread=value))
    assert got["spread_origin"] == "edge"
    assert got["spread_bps_own_rank_frac"] > 0.9


@pytest.mark.feature("BX-SG-09")
def test_stale_signal_loses_its_weight_and_shows_its_age():
    def tone_seen(sessions_ago: int) -> pd.Series:
        rows = [row(day) for day in DAYS]
        rows[-1 - sessions_ago] |= {
            "sentiment_signed": 0.5,
            "buzz_volume": 4.0,
            "sentiment_age_s": 0.0,
            "sentiment_quality_frac": 0.8,
        }
        return features(rows)

    one, three, four = tone_seen(1), tone_seen(3), tone_seen(4)
    assert one["sentiment_weight_frac"] == pytest.approx(0.4)
    assert three["sentiment_weight_frac"] == pytest.approx(0.1)
    assert (four["sentiment_weight_frac"], four["sentiment_age_s"]) == (0.0, 4 * SESSION_S)
    assert four["buzz_volume"] == 4.0
    absent = features([row(day) for day in DAYS])
    assert absent["sentiment_weight_frac"] == 0.0
    assert math.isnan(absent["sentiment_age_s"])


@pytest.mark.feature("BX-SG-09")
def test_weekend_ages_a_coin_but_not_a_bond():
    friday, monday = date(2026, 11, 13), date(2026, 11, 16)
    news = {"sentiment_signed": 0.5, "buzz_volume": 4.0, "sentiment_age_s": 0.0, "sentiment_quality_frac": 1.0}
    weights = {
        calendar: features([row(friday, calendar=calendar, **news), row(monday, calendar=calendar)], session=monday)
        for calendar in ("XNYS", "24/7")
    }
    assert weights["XNYS"]["sentiment_weight_frac"] == 0.5
    assert weights["24/7"]["sentiment_weight_frac"] == 0.125


def test_forgotten_auction_does_not_silence_present_dealers():
    rows = [row(day) for day in DAYS]
    rows[-50] |= {"auction_demand": 3.0, "auction_age_s": 0.0, "auction_quality_frac": 1.0}
    alone = features(rows)
    assert (alone["auction_demand"], alone["auction_weight_frac"], alone["auction_age_s"]) == (3.0, 0.0, 49 * SESSION_S)
    rows[-1] |= {"mm_online_ratio": 0.9, "auction_age_s": 0.0, "auction_quality_frac": 0.7}
    both = features(rows)
    assert math.isnan(both["auction_demand"])
    assert (both["auction_weight_frac"], both["auction_age_s"]) == (0.7, 0.0)


def test_quotes_of_yesterday_are_not_carried():
    rows = [row(day, spread_bps=10.0, depth_density=5.0, micro_age_s=0.0, micro_quality_frac=1.0) for day in DAYS]
    rows[-1] |= {"spread_bps": math.nan, "depth_density": math.nan, "micro_age_s": math.nan}
    got = features(rows)
    assert math.isnan(got["spread_bps"])
    assert math.isnan(got["depth_density"])
    assert got["micro_weight_frac"] == 0.0


@pytest.mark.feature("BX-FE-03")
def test_constant_spread_is_fully_stable_and_wilder_is_less():
    rng = np.random.default_rng(2)
    noise = rng.normal(size=len(DAYS))
    scores = [
        features([row(day, spread_bps=50.0 + scale * noise[k]) for k, day in enumerate(DAYS)])["spread_stability"]
        for scale in (0.0, 1.0, 2.0**0.5, 5.0)
    ]
    assert scores[0] == 1.0
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert math.isnan(features([row(day, spread_bps=5.0) for day in DAYS[-4:]])["spread_stability"])


@pytest.mark.feature("BX-FE-04")
def test_spike_is_flagged_and_the_next_usual_day_is_not():
    rng = np.random.default_rng(3)
    quotes = 50.0 + rng.normal(size=len(DAYS))
    quotes[-2:] = 56.0, 50.3
    panel = pd.DataFrame([row(day, spread_bps=quotes[k]) for k, day in enumerate(DAYS)])
    flags = liquidity_features(panel, NO_MEASURES, DAYS[-2:])["anomaly_flags"].tolist()
    assert "spread_bps" in flags[0].split(",")
    assert "spread_bps" not in flags[1].split(",")


def test_empty_one_row_and_missing_columns():
    one = [row(TODAY)]
    assert liquidity_features(pd.DataFrame(one).iloc[:0], NO_MEASURES, [TODAY]).empty
    assert liquidity_features(pd.DataFrame(one), NO_MEASURES, []).empty
    assert liquidity_features(pd.DataFrame(one), NO_MEASURES, [TODAY + timedelta(days=3)]).empty
    got = liquidity_features(pd.DataFrame(one), NO_MEASURES, [TODAY])
    assert list(got.columns) == list(LIQUIDITY_FEATURES.column_names)
    assert got["history_n"].tolist() == [0]
    assert got[list(SCORED_FEATURES)].isna().all(axis=None)
    assert got["anomaly_flags"].tolist() == [""]
    with pytest.raises(ContractError, match="buzz_volume"):
        liquidity_features(pd.DataFrame(one).drop(columns=["buzz_volume"]), NO_MEASURES, [TODAY])


def test_small_parts():
    with pytest.raises(ConfigError, match="alt_half_life_sessions"):
        FreshnessPolicy(alt_half_life_sessions=0.0)
    value, column = latest_known(np.array([[np.nan, 3.0, np.nan]]))
    assert (value.tolist(), column.tolist()) == ([3.0], [1])
    assert np.isnan(own_rank_frac(np.full((1, 9), 1.0), np.array([1.0])))
    assert own_rank_frac(np.full((1, 10), 1.0), np.array([1.0])).tolist() == [0.5]
    nothing = np.array([np.nan])
    empty = group_trust([Reading(nothing, nothing)], np.array([1.0]), 3.0)
    assert empty.weight_frac.tolist() == [0.0]


@pytest.mark.feature("BX-FE-07", "BX-FE-08")
def test_tables_keep_their_contracts():
    panel = pd.DataFrame(random_rows("US0378331005", np.random.default_rng(21)))
    panel.loc[panel.index[-3:], "close"] = math.nan
    measures = measure_sessions(panel, DAYS[-2:])
    for contract, frame in (
        (ROLLING_STATISTICS, rolling_statistics(panel, DAYS[-2:])),
        (LIQUIDITY_FEATURES, liquidity_features(panel, measures, DAYS[-2:])),
    ):
        for day in DAYS[-2:]:
            mine = frame[frame["session_date"] == np.datetime64(day)]
            judged = audit(table_from_frame(mine, contract), contract, day)
            assert len(mine) > 0
            assert judged.rejected.num_rows == 0
            assert judged.violations == ()
