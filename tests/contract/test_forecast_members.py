"""The shared kit: what every member of the registry promises, run on each of them.

A new member is tested here from the moment its file exists; what is its own stands in ``tests/unit/forecast/members``.
"""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError, InsufficientDataError
from liquidity.domain.session import is_session
from liquidity.forecast.horizons import HORIZONS, LEVELS, MEDIAN
from liquidity.forecast.inputs import input_rows, sample_rows
from liquidity.forecast.members import MEMBERS, FittedMember, InputRows, Member
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.score_panels import SIGNALS
from liquidity.forecast.state_bytes import from_bytes, sha256_hex, to_bytes

SESSIONS, NAMES, TRAINED = 160, 12, 120
TRAINING_ROWS = 450
SEED = 7
KEPT = (
    "spread_bps_own_rank_frac",
    "volatility_daily_frac",
    "micro_weight_frac",
    "auction_weight_frac",
    "coverage_frac",
)
CODES = ("method_code", "sector_code", "rating_order")
SLOW = ("blend", "boosting")  # fifteen ensembles, some seconds of fitting each time
every_member = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in MEMBERS]
)


@cache
def market() -> ScorePanel:
    """Scores that return to their mean and follow one signal; one signal is always missing, others sometimes."""
    rng = np.random.default_rng(0)
    days = np.arange("2026-01-05", "2026-12-31", dtype="datetime64[D]")
    shape = (SESSIONS, NAMES)
    signals = {
        name: np.where(rng.random(shape) < 0.1, np.nan, rng.random(shape)).astype(np.float32)
        for name in (*KEPT, *CODES)
    }
    driver = np.nan_to_num(signals["spread_bps_own_rank_frac"], nan=0.5) - 0.5
    scores = np.empty(shape)
    scores[0] = rng.uniform(20.0, 80.0, NAMES)
    for t in range(1, SESSIONS):
        noise = rng.normal(0.0, 2.0, NAMES)
        scores[t] = np.clip(50.0 + 0.8 * (scores[t - 1] - 50.0) - 8.0 * driver[t - 1] + noise, 0.0, 100.0)
    scores[rng.random(shape) < 0.05] = np.nan
    signals["auction_weight_frac"] = np.broadcast_to(np.float32(np.nan), shape)
    signals["method_code"] = np.zeros(shape, np.float32)
    signals["sector_code"] = np.tile(np.arange(NAMES) % 4, (SESSIONS, 1)).astype(np.float32)
    return ScorePanel(
        MarketGroup("bond_corporate", "XNYS", "simulated"),
        "liquidity_score",
        days[is_session("XNYS", days)][:SESSIONS],
        np.array([f"X:B{k:02d}" for k in range(NAMES)]),
        scores,
        signals,
        np.array(["UTILITIES"] * NAMES),
        np.array(["A"] * NAMES),
    )


@cache
def training() -> tuple[InputRows, NDArray[np.float64]]:
    return sample_rows(market(), TRAINING_ROWS, SEED, market().sessions[TRAINED])


@cache
def unseen() -> InputRows:
    return input_rows(market(), slice(TRAINED + 6, None))


@cache
def fitted(name: str) -> FittedMember:
    return MEMBERS[name].fit(*training(), SEED)


def blank(rows: InputRows) -> InputRows:
    """The rows with every input missing."""
    values = np.full_like(rows.values, np.nan)
    return InputRows(rows.names, values, rows.base, rows.scale, rows.recent, rows.session, rows.instrument)


def newborn(rows: InputRows) -> InputRows:
    """The rows as those of instruments that have today's score alone."""
    recent = np.full_like(rows.recent, np.nan)
    recent[:, -1] = rows.base
    empty = blank(rows)
    return InputRows(rows.names, empty.values, rows.base, rows.scale, recent, rows.session, rows.instrument)


def assert_quantiles(quantiles: NDArray[np.float64], size: int) -> None:
    assert quantiles.shape == (size, len(HORIZONS), len(LEVELS))
    assert quantiles.dtype == np.float64
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=2) >= 0.0).all()


def test_the_sources_members_are_there() -> None:
    assert set(market().signals) <= set(SIGNALS)
    assert {"persistence", "seasonal_naive", "ewma", "ar1", "har_regression"} == {
        name for name, member in MEMBERS.items() if member.kind == "baseline"
    }
    assert {"blend", "boosting", "forest", "ridge"} <= {
        name for name, member in MEMBERS.items() if member.kind == "model"
    }


@every_member
def test_quantiles_of_every_horizon_ascend(name: str) -> None:
    assert_quantiles(fitted(name).quantiles(unseen()), len(unseen()))


@every_member
def test_bands_have_a_width_and_the_median_is_a_change(name: str) -> None:
    quantiles = fitted(name).quantiles(unseen())
    assert (quantiles[:, :, -1] - quantiles[:, :, 0]).mean(axis=0).min() > 1.0  # the noise alone is 2 points a session
    assert np.abs(quantiles[:, :, MEDIAN]).max() < 60.0


@pytest.mark.feature("BX-FC-10")
@every_member
def test_drivers_add_up_to_the_median(name: str) -> None:
    rows = unseen()
    names, points = fitted(name).drivers(rows)
    assert points.shape == (len(rows), len(HORIZONS), len(names))
    assert len(set(names)) == len(names) > 0
    np.testing.assert_allclose(points.sum(axis=2), fitted(name).quantiles(rows)[:, :, MEDIAN], rtol=0.0, atol=1e-9)


@every_member
@pytest.mark.parametrize("worse", [blank, newborn])
def test_missing_inputs_never_give_a_missing_number(name: str, worse: object) -> None:
    rows = worse(unseen())  # type: ignore[operator]
    assert_quantiles(fitted(name).quantiles(rows), len(rows))
    _, points = fitted(name).drivers(rows)
    np.testing.assert_allclose(points.sum(axis=2), fitted(name).quantiles(rows)[:, :, MEDIAN], rtol=0.0, atol=1e-9)


@every_member
def test_a_row_alone_is_the_row_among_others(name: str) -> None:
    rows = unseen()
    together = fitted(name).quantiles(rows)
    for place in (0, 17, len(rows) - 1):
        alone = fitted(name).quantiles(rows.take(np.array([place])))
        assert_quantiles(alone, 1)
        np.testing.assert_allclose(alone[0], together[place], rtol=0.0, atol=1e-9)
    nothing = rows.take(np.zeros(0, np.int64))
    assert_quantiles(fitted(name).quantiles(nothing), 0)
    assert fitted(name).drivers(nothing)[1].shape[:2] == (0, len(HORIZONS))


@pytest.mark.feature("BX-FC-07")
@every_member
def test_a_stored_state_forecasts_the_same_bits(name: str) -> None:
    member, state = MEMBERS[name], fitted(name).state()
    assert all(isinstance(array, np.ndarray) and array.dtype.kind in "biufU" for array in state.values())
    data = to_bytes(state)
    again = member.from_state(from_bytes(data, sha256_hex(data)))
    np.testing.assert_array_equal(again.quantiles(unseen()), fitted(name).quantiles(unseen()))
    names, points = again.drivers(unseen())
    expected_names, expected = fitted(name).drivers(unseen())
    assert names == expected_names
    np.testing.assert_array_equal(points, expected)
    assert to_bytes(again.state()) == data


@pytest.mark.feature("BX-FC-07")
@every_member
def test_a_damaged_state_is_refused(name: str) -> None:
    member, state = MEMBERS[name], fitted(name).state()
    for damaged in state:
        without = {key: array for key, array in state.items() if key != damaged}
        with pytest.raises(ContractError):
            member.from_state(without)
        with pytest.raises(ContractError):
            member.from_state(state | {damaged: np.array(["x"], dtype=np.str_).reshape(1, 1, 1, 1)})


@pytest.mark.feature("BX-FC-07")
@every_member
def test_equal_rows_and_seed_give_equal_bits(name: str) -> None:
    rows, changes = training()
    again = MEMBERS[name].fit(rows.take(np.arange(len(rows))), changes.copy(), SEED)
    assert to_bytes(again.state()) == to_bytes(fitted(name).state())


@every_member
def test_too_few_rows_are_refused(name: str) -> None:
    rows, changes = training()
    for size in (0, 1, 30):
        with pytest.raises(InsufficientDataError, match=r"\d+ .*rows"):
            MEMBERS[name].fit(rows.take(np.arange(size)), changes[:size], SEED)
    with pytest.raises(InsufficientDataError):
        MEMBERS[name].fit(rows, np.full_like(changes, np.nan), SEED)


@every_member
def test_a_market_without_inputs_or_movement_gives_numbers_or_is_refused(name: str) -> None:
    rows, changes = training()
    constant = InputRows(
        rows.names,
        np.full_like(rows.values, np.nan),
        np.full_like(rows.base, 50.0),
        np.full_like(rows.scale, 0.1),
        np.full_like(rows.recent, 50.0),
        rows.session,
        rows.instrument,
    )
    for learned, label in ((blank(rows), changes), (constant, np.where(np.isnan(changes), np.nan, 0.0))):
        try:
            member = MEMBERS[name].fit(learned, label, SEED)
        except InsufficientDataError:
            continue
        assert_quantiles(member.quantiles(learned), len(rows))
        assert_quantiles(member.quantiles(unseen()), len(unseen()))


@every_member
def test_the_future_changes_no_forecast(name: str) -> None:
    """Training and forecast as of a session are the same with and without what came later."""
    last = market().sessions[TRAINED]
    known = market().up_to(last)
    rows, changes = sample_rows(known, TRAINING_ROWS, SEED)
    np.testing.assert_array_equal(rows.values, training()[0].values)
    np.testing.assert_array_equal(changes, training()[1])
    here = np.array([TRAINED])
    with_future, without = input_rows(market(), here), input_rows(known, here)
    np.testing.assert_array_equal(fitted(name).quantiles(with_future), fitted(name).quantiles(without))


@every_member
def test_the_registry_entry_is_complete(name: str) -> None:
    member: type[Member] = MEMBERS[name]
    assert member.name == name
    assert member.__doc__
    assert member.__module__ == f"liquidity.forecast.members.{name}"
