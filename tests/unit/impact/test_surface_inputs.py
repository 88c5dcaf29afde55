"""From tables to the surface: windows, pools, rules and their labels."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ContractError
from liquidity.impact.book_curves import BUY
from liquidity.impact.calibrated_pools import ImpactCalibration
from liquidity.impact.pooling import MIN_PEERS, Peers, pooled, ruled_spread_bps, ruled_volatility_frac
from liquidity.impact.square_root import average_cost_bps
from liquidity.impact.surface import IMMEDIATE_ALWAYS_OPEN_SESSIONS, LiquiditySurface
from liquidity.impact.surface_books import DEPTH_COLUMNS
from liquidity.impact.surface_inputs import ADV_WINDOW_SESSIONS, FEATURE_COLUMNS, PANEL_COLUMNS, build_surface

SESSION = date(2026, 3, 31)
DAYS = pd.date_range(end=pd.Timestamp(SESSION), periods=30, freq="D")


def history(name: str, turnover: list[float] | float, **facts: object) -> pd.DataFrame:
    """Thirty sessions of one instrument, ``turnover`` repeated to their end."""
    told = np.resize(np.atleast_1d(np.asarray(turnover, dtype=np.float64)), len(DAYS))
    given = {
        "asset_class": "bond_corporate",
        "issuer_id": None,
        "sector": "FINANCIAL",
        "rating": "BBB",
        "currency": "INR",
        "maturity_date": pd.Timestamp("2030-03-31"),
        "amount_outstanding": 1e9,
        "spread_bps": np.nan,
        "depth_density": np.nan,
        "close": 100.0,
        "source": "feed",
    } | facts
    frame = pd.DataFrame({"session_date": DAYS, "instrument_id": name, "turnover_ccy": told})
    for column, value in given.items():
        frame[column] = value
    return frame[list(PANEL_COLUMNS)]


def surface(
    *histories: pd.DataFrame, told: dict[str, tuple[float, str | None, float]] | None = None, **tables: pd.DataFrame
) -> LiquiditySurface:
    """Surface of the histories; ``told`` gives spread, its origin and volatility of the session by instrument."""
    rows = [(pd.Timestamp(SESSION), name, *facts) for name, facts in (told or {}).items()]
    features = pd.DataFrame(rows, columns=list(FEATURE_COLUMNS))
    features["session_date"] = pd.to_datetime(features["session_date"])
    return build_surface(pd.concat(histories, ignore_index=True), features, SESSION, **tables)  # type: ignore[arg-type]


@pytest.mark.feature("AP-PO-02")
def test_volume_is_the_mean_of_twenty_sessions_with_those_without_trade_as_zero() -> None:
    window = [0.0] * 15 + [4e5] * 5
    made = surface(history("A:1", [9e9] * 10 + window), told={"A:1": (20.0, "quoted", 0.004)})
    assert made.adv_ccy[0] == 1e5
    assert made.adv_qty[0] == 1e3
    assert (made.adv_known_n[0], made.adv_traded_n[0]) == (ADV_WINDOW_SESSIONS, 5)
    assert (made.method[0], made.reason[0], made.coverage_frac[0]) == ("observed", "", 1.0)
    unknown = surface(history("A:1", [np.nan] * 20 + [4e5] * 10), told={"A:1": (20.0, "quoted", 0.004)})
    assert unknown.adv_ccy[0] == 4e5  # of unknown days nothing is assumed
    assert unknown.coverage_frac[0] == 0.5


def test_nothing_after_the_session_is_read() -> None:
    panel = history("A:1", 1e5)
    later = panel.assign(session_date=panel["session_date"] + pd.Timedelta(days=30), turnover_ccy=9e9)
    told = {"A:1": (20.0, "quoted", 0.004)}
    np.testing.assert_array_equal(surface(panel, later, told=told).adv_ccy, surface(panel, told=told).adv_ccy)


def test_a_thin_bond_takes_the_turnover_of_its_nearest_pool_by_what_it_traded_itself() -> None:
    peers = [history(f"A:{n}", 1e6, issuer_id=f"i{n}", amount_outstanding=1e9) for n in range(MIN_PEERS)]
    idle = history("A:idle", 0.0, issuer_id="j", amount_outstanding=2e9)
    once = history("A:once", [0.0] * 29 + [2e5], issuer_id="j", amount_outstanding=2e9)
    told = {f"A:{n}": (20.0 + n, "quoted", 0.004) for n in range(MIN_PEERS)}
    made = surface(*peers, idle, once, told=told)
    at = {name: place for place, name in enumerate(made.instrument_id)}
    pool = 1e-3 * 2e9  # the median name trades a thousandth of what is outstanding
    assert made.adv_ccy[at["A:idle"]] == pytest.approx((20 * 0.0 + 5 * pool) / 25)  # twenty idle sessions count
    assert made.adv_ccy[at["A:once"]] == pytest.approx((20 * 1e4 + 5 * pool) / 25)
    assert made.adv_basis[at["A:idle"]] == "pooled_sector_rating"
    assert made.spread_bps[at["A:idle"]] == pytest.approx(22.0)
    assert made.spread_sd_bps[at["A:idle"]] == pytest.approx(1.4826)
    assert made.method[at["A:idle"]] == "pooled_sector_rating"
    assert made.method[at["A:0"]] == "observed"
    wider = made.cost(-1, 1e-3 * made.adv_ccy, 1.0)
    assert wider.model_bps[at["A:idle"]] > wider.model_bps[at["A:2"]]


def test_without_peers_rules_answer_under_their_name() -> None:
    made = surface(
        history("A:1", 0.0), history("A:2", 0.0, rating=None, maturity_date=pd.NaT, amount_outstanding=np.nan)
    )
    assert made.method.tolist() == ["rule_based", "rule_based"]
    assert made.spread_bps.tolist() == [40.0, 140.0]  # BBB of four years; unrated without a maturity
    assert made.adv_ccy.tolist() == pytest.approx(
        [1e6 / 5, 1e7 / 5]
    )  # five parts of the rule beside twenty idle sessions
    assert np.isfinite(made.cost(-1, np.array([1e5, 1e5]), 1.0).expected_bps).all()
    assert (made.spread_sd_bps > 0.0).all()
    assert made.coverage_frac.tolist() == [1.0, 1.0]  # that nothing traded is known
    assert surface(history("A:1", [np.nan] * 29 + [5e5])).coverage_frac.tolist() == [0.05]


def test_a_share_without_volume_has_no_answer_and_says_why() -> None:
    made = surface(
        history("XNYS:A", np.nan, asset_class="equity", currency="USD", amount_outstanding=np.nan),
        told={"XNYS:A": (5.0, "quoted", 0.02)},
    )
    assert made.method[0] == "none"
    assert made.reason[0].startswith("no volume")
    assert np.isnan(made.cost(1, 1e4, 1.0).expected_bps[0])
    assert np.isnan(made.days_to_liquidate(1e4, 0.2)[0])


@pytest.mark.parametrize(
    ("estimate", "basis", "spread"),
    [
        (30.0, "rule_based", 40.0),  # below half of daily volatility: noise
        (110.0, "edge", 110.0),
        (150.0, "rule_based", 40.0),  # names of that volume quote 40
    ],
)
def test_spreads_estimated_from_daily_prices_count_where_they_can_be_told_from_noise(
    estimate: float, basis: str, spread: float
) -> None:
    made = surface(
        history("XNYS:A", 2e6, asset_class="equity", currency="USD", amount_outstanding=np.nan),
        told={"XNYS:A": (estimate, "edge", 0.02)},
    )
    assert (made.spread_basis[0], made.spread_bps[0]) == (basis, spread)
    assert made.method[0] == ("observed" if basis == "edge" else "rule_based")


def test_an_older_quote_is_kept_with_its_age() -> None:
    quoted = history("A:1", 1e6)
    quoted["spread_bps"] = np.where(quoted["session_date"] == DAYS[-4], 33.0, np.nan)
    made = surface(quoted, told={"A:1": (np.nan, None, 0.004)})
    assert (made.spread_bps[0], made.spread_basis[0], made.age_sessions[0]) == (33.0, "quoted", 3.0)


def test_quotes_give_price_and_volatility_where_nothing_trades() -> None:
    rng = np.random.default_rng(3)
    middle = 100.0 * np.cumprod(1.0 + 0.003 * rng.standard_normal(len(DAYS)))
    quotes = pd.DataFrame(
        {"session_date": DAYS, "instrument_id": "A:1", "bid": middle - 0.1, "ask": middle + 0.1}, columns=None
    )
    made = surface(history("A:1", 1e6, close=np.nan), told={"A:1": (20.0, "quoted", np.nan)}, quotes=quotes)
    assert made.volatility_basis[0] == "quotes"
    returns = np.diff(middle)[-19:] / middle[-20:-1]
    assert made.volatility_daily_frac[0] == pytest.approx(returns.std(ddof=1))
    assert made.price[0] == pytest.approx(middle[-1])


def test_recorded_and_simulated_names_do_not_pool() -> None:
    peers = [history(f"A:{n}", 1e6, source="simulated") for n in range(MIN_PEERS)]
    told = {f"A:{n}": (20.0, "quoted", 0.004) for n in range(MIN_PEERS)}
    made = surface(*peers, history("B:1", 0.0), told=told)
    place = made.places(["B:1"])[0]
    assert made.origin[place] == "recorded"
    assert made.spread_basis[place] == "rule_based"


def book(minutes: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    at = pd.date_range("2026-03-31 10:00", periods=minutes, freq="min", tz="UTC")
    levels = [
        (pd.Timestamp(SESSION), "v:X", moment, side, 100.0 + sign * far, 1e4)
        for moment in at
        for side, sign in (("bid", -1), ("ask", 1))
        for far in (0.01, 0.02)
    ]
    frame = pd.DataFrame(levels, columns=["session_date", "instrument_id", "at", "side", "price", "notional_quote"])
    depth = pd.DataFrame({"session_date": pd.Timestamp(SESSION), "instrument_id": "v:X", "at": at}).reindex(
        columns=list(DEPTH_COLUMNS)
    )
    depth["mid"] = 100.0 * np.exp(0.001 * (np.arange(minutes) % 2))
    depth["ask_depth_1pct_quote"] = 5e4
    return frame, depth


@pytest.mark.feature("AP-IM-02", "AI-IM-05")
def test_books_price_instant_orders_and_bands_lengthen_them() -> None:
    levels, depth = book(40)
    tape = pd.DataFrame(
        {"session_date": [pd.Timestamp(SESSION)], "instrument_id": "v:X", "recorded_s": 2400.0, "turnover_quote": 1e6}
    )
    facts = {"asset_class": "crypto_perp", "currency": "USDT", "amount_outstanding": np.nan, "maturity_date": pd.NaT}
    made = surface(history("v:X", np.nan, **facts), levels=levels, depth=depth, books=tape)
    assert (made.method[0], made.spread_basis[0], made.adv_basis[0]) == ("book", "book", "tape")
    assert made.adv_ccy[0] == pytest.approx(1e6 * 86_400 / 2400)
    assert made.volatility_basis[0] == "minutes"
    assert made.volatility_daily_frac[0] == pytest.approx(0.001 * np.sqrt(1440))
    assert made.spread_bps[0] == pytest.approx(2.0)
    now = IMMEDIATE_ALWAYS_OPEN_SESSIONS
    assert made.cost(1, 2e4, now).expected_bps[0] == pytest.approx(1.5, rel=0.02)
    bought, sold = (made.cost(side, 4e4, now) for side in (1, -1))
    assert not bought.beyond_book[0]
    assert sold.beyond_book[0]  # no band is known on the bid side
    assert bought.expected_bps[0] == pytest.approx((1e4 * 1 + 1e4 * 2 + 2e4 * 51) / 4e4, rel=0.05)
    assert made.curves.visible_ccy(BUY)[0] == 5e4


def test_columns_are_asked_for_by_name() -> None:
    with pytest.raises(ContractError, match="lacks columns"):
        build_surface(history("A:1", 1.0).drop(columns="close"), pd.DataFrame(columns=list(FEATURE_COLUMNS)), SESSION)


def peers_of(n: int, **facts: object) -> Peers:
    given = {"origin": "recorded", "asset_class": "bond_corporate", "issuer_id": None, "sector": None, "rating": None}
    texts = {name: np.full(n, value, dtype=object) for name, value in (given | facts).items()}
    return Peers(**texts, tenor_years=np.full(n, 3.0))


def test_the_nearest_pool_with_enough_names_speaks() -> None:
    peers = peers_of(7, issuer_id="i")
    few = np.array([1.0, 2.0, 3.0, 4.0, np.nan, np.nan, np.nan])
    assert set(pooled(few, peers).level) == {"none"}
    enough = np.array([1.0, 2.0, 3.0, 4.0, 100.0, np.nan, np.nan])
    told = pooled(enough, peers)
    assert set(told.level) == {"pooled_issuer"}
    assert (told.value == 3.0).all()
    assert (told.n == 5).all()
    assert set(pooled(enough, peers_of(7)).level) == {"pooled_asset_class"}


@pytest.mark.parametrize("asset_class", ["bond_corporate", "bond_sovereign"])
def test_rules_charge_worse_ratings_and_longer_bonds_more(asset_class: str) -> None:
    ladder = ["AAA", "BBB", "BB", "CCC"]
    adv = np.full(1, np.nan)
    spreads = [
        ruled_spread_bps(peers_of(1, asset_class=asset_class, rating=r), adv, np.array(["USD"]))[0] for r in ladder
    ]
    risks = [ruled_volatility_frac(peers_of(1, asset_class=asset_class, rating=r))[0] for r in ladder]
    assert spreads == sorted(spreads)
    assert risks == sorted(risks)


def test_rules_by_volume_hold_for_currencies_of_about_a_dollar_alone() -> None:
    shares = peers_of(3, asset_class="equity")
    told = ruled_spread_bps(shares, np.array([1e9, 5e5, 1e9]), np.array(["USD", "USD", "JPY"], dtype=object))
    np.testing.assert_array_equal(told, [2.0, 120.0, np.nan])


@pytest.mark.feature("AP-IM-03")
def test_own_fills_change_weights_and_scale_and_are_named() -> None:
    rng = np.random.default_rng(11)
    n = 80
    share = 10.0 ** rng.uniform(-3.0, -1.0, n)
    parents = pd.DataFrame(
        {
            "size_ccy": share * 1e8,
            "adv_ccy": 1e8,
            "volatility_daily_frac": 0.004,
            "horizon_sessions": 1.0,
            "arrival_slippage_bps": 10.0 + 1.5 * average_cost_bps(share, 0.004, 1.0),
            "half_spread_bps": 10.0,
            "asset_class": "bond_corporate",
            "venue": "dealer",
            "session_date": pd.to_datetime("2026-01-01") + pd.to_timedelta(np.arange(n) // 2, unit="D"),
        }
    )
    learned = ImpactCalibration.from_parents(parents)
    facts = (20.0, "quoted", 0.004)
    prior = surface(history("A:1", 1e6), told={"A:1": facts})
    made = surface(history("A:1", 1e6), told={"A:1": facts}, calibration=learned)  # type: ignore[arg-type]
    assert (prior.method[0], prior.calibration_n[0], prior.impact_scale[0]) == ("observed", 0, 1.0)
    assert (made.method[0], made.calibration_n[0]) == ("own_fills", n)
    assert made.impact_scale_se[0] < prior.impact_scale_se[0]
    paid = 1.5 * average_cost_bps(0.01, 0.004, 1.0)
    before, after = (each.cost(-1, 0.01 * each.adv_ccy, 1.0).impact_bps[0] for each in (prior, made))
    assert abs(after - paid) < 0.5 * abs(before - paid)
