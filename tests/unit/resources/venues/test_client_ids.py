"""Our order ids: pure, distinct, and of each venue's form."""

import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError, UnsupportedError
from resources.venues import client_id, venue_ids, venue_profile

pytestmark = pytest.mark.feature("ET-SG-01")
PARTS: dict[str, Any] = {"mode": "paper", "account": "main", "plan": "plan-1", "slice_number": 3, "attempt": 0}
BINANCE_ID = "lp52df27cc0d1150e0b2dbc733b1"
HYPERLIQUID_ID = "0x2993af57436b54dbee560ae6c0f66e53"
NAMED = [name for name in venue_ids() if venue_profile(name).client_id is not None]


@pytest.mark.parametrize("name", NAMED)
def test_a_hundred_thousand_random_plans_fit_and_do_not_collide(name: str) -> None:
    profile, draw = venue_profile(name), random.Random(5)
    assert profile.client_id is not None
    made = set()
    for number in range(100_000):
        text = client_id(
            profile,
            mode=draw.choice(["paper", "replay", "live"]),
            account=f"account {draw.randrange(40)}",
            plan=f"plan|{number}|{draw.getrandbits(60):x}",
            slice_number=draw.randrange(500),
            attempt=draw.randrange(4),
        )
        assert profile.client_id.accepts(text)
        made.add(text)
    assert len(made) == 100_000


@pytest.mark.parametrize("name", ["binanceusdm", "hyperliquid"])
def test_the_same_parts_give_the_same_id_and_any_other_part_another(name: str) -> None:
    profile = venue_profile(name)
    other = {"mode": "live", "account": "second", "plan": "plan-2", "slice_number": 4, "attempt": 1}
    made = {client_id(profile, **PARTS)} | {
        client_id(profile, **PARTS | {part: value}) for part, value in other.items()
    }
    assert len(made) == 6
    assert client_id(profile, **PARTS) == client_id(profile, **PARTS)


def test_ids_stay_what_they_were() -> None:
    assert client_id(venue_profile("binanceusdm"), **PARTS) == BINANCE_ID
    assert client_id(venue_profile("hyperliquid"), **PARTS) == HYPERLIQUID_ID


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_no_choice_of_names_is_ambiguous(account: str, plan: str) -> None:
    profile = venue_profile("hyperliquid")
    splits = [(account + plan)[:cut] for cut in range(1, len(account + plan))]
    made = [client_id(profile, **PARTS | {"account": head, "plan": (account + plan)[len(head) :]}) for head in splits]
    assert all(first != second for first, second in itertools.combinations(made, 2))


@pytest.mark.parametrize("part", [{"account": ""}, {"plan": ""}, {"slice_number": -1}, {"attempt": -1}])
def test_parts_that_name_nothing_are_refused(part: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        client_id(venue_profile("binanceusdm"), **PARTS | part)


def test_a_profile_without_ids_or_with_another_form_is_told() -> None:
    profile = venue_profile("binanceusdm")
    assert profile.client_id is not None
    with pytest.raises(UnsupportedError):
        client_id(profile.model_copy(update={"client_id": None}), **PARTS)
    narrow = profile.client_id.model_copy(update={"max_length": 20})
    with pytest.raises(ConfigError, match="breaks its pattern"):
        client_id(profile.model_copy(update={"client_id": narrow}), **PARTS)
