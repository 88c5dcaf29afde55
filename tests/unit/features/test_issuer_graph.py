"""Issuer graph: shocks travel by the stated shares, and nothing is made out of nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError
from liquidity.features.issuer_graph import Propagation, issuer_graph

SECTORS = {"A": "UTILITIES", "B": "UTILITIES", "C": "UTILITIES", "D": "FINANCIAL", "E": None}
PARENTS = {"A": "HOLDING", "D": "HOLDING", "E": "A"}


@pytest.mark.feature("BX-FC-14")
def test_one_step_by_hand():
    graph = issuer_graph(SECTORS, {"A": "HOLDING", "D": "HOLDING"})
    told = graph.propagate({"A": -10.0}, Propagation(parent_frac=0.6, sector_frac=0.2, pass_on_frac=0.5, steps=1))
    assert told == {"A": -10.0, "B": -0.5, "C": -0.5, "D": -3.0}


@pytest.mark.feature("BX-FC-14")
def test_steps_are_the_powers_of_the_weights():
    graph = issuer_graph(SECTORS, PARENTS)
    rule = Propagation(steps=4)
    names = graph.issuer_ids
    weights = np.array([[graph.weight(of, on, rule) for on in names] for of in names])
    shock = np.array([0.0, 4.0, 0.0, -1.0, 0.0])
    expected = sum(rule.pass_on_frac**k * np.linalg.matrix_power(weights, k) @ shock for k in range(5))
    told = graph.propagate({"B": 4.0, "D": -1.0}, rule)
    np.testing.assert_allclose([told.get(name, 0.0) for name in names], expected, atol=1e-12)


@pytest.mark.feature("BX-FC-14")
def test_a_parent_that_is_an_issuer_stands_in_its_family():
    graph = issuer_graph({"P": None, "X": None, "Y": None}, {"X": "P"})
    assert graph.weight("X", "P") == pytest.approx(0.6)
    assert graph.weight("Y", "P") == 0.0
    assert graph.propagate({"Y": 1.0}) == {"Y": 1.0}


@pytest.mark.feature("BX-FC-14")
@settings(max_examples=40, deadline=None)
@given(
    sectors=st.lists(st.sampled_from(["F", "U", None]), min_size=1, max_size=12),
    parents=st.lists(st.sampled_from(["P", "Q", None]), min_size=12, max_size=12),
    size=st.floats(-50.0, 50.0),
    pass_on=st.floats(0.0, 0.95),
)
def test_effects_are_bounded_linear_and_of_one_sign(sectors, parents, size, pass_on):
    names = [f"I{place:02d}" for place in range(len(sectors))]
    graph = issuer_graph(dict(zip(names, sectors, strict=True)), dict(zip(names, parents, strict=False)))
    rule = Propagation(pass_on_frac=pass_on)
    told = graph.propagate({names[0]: size}, rule)
    double = graph.propagate({names[0]: 2.0 * size}, rule)
    assert all(value * size >= 0.0 for value in told.values())
    assert all(abs(double[name] - 2.0 * value) < 1e-9 for name, value in told.items() if name in double)
    bound = abs(size) * sum(pass_on**k for k in range(rule.steps + 1))
    assert all(abs(value) <= bound + 1e-9 for value in told.values())


def test_many_issuers_need_no_edges():
    names = [f"I{place:05d}" for place in range(30_000)]
    graph = issuer_graph({name: ("F", "U", "I", "G")[place % 4] for place, name in enumerate(names)})
    told = graph.propagate({names[0]: -10.0}, Propagation(steps=1))
    assert len(told) == 7_500
    assert sum(told.values()) == pytest.approx(-11.0)


def test_bad_requests_are_named():
    graph = issuer_graph(SECTORS)
    with pytest.raises(ConfigError, match="'Z' is none of its 5 issuers"):
        graph.propagate({"Z": 1.0})
    with pytest.raises(ConfigError, match="is nan"):
        graph.propagate({"A": float("nan")})
    with pytest.raises(ConfigError, match="sum to at most 1"):
        Propagation(parent_frac=0.9, sector_frac=0.2)
    with pytest.raises(ConfigError, match=r"must lie in \[0, 1\)"):
        Propagation(pass_on_frac=1.0)
