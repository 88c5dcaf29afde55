"""Profiles: complete, checked, and the only thing a new venue needs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from liquidity.domain.errors import ConfigError
from resources.venues.profile import CALLS, CHANNELS, parse_profile, venue_ids, venue_profile

pytestmark = pytest.mark.feature("PL-SG-03")


def listed(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


MINIMAL = f"""
venue = "newvenue"
title = "New venue"
kinds = ["spot"]
emulator_path = "/newvenue"
rate_limit_note = "one request a second"
[calls]
claimed = [{listed(CALLS)}]
[channels]
claimed = [{listed(CHANNELS)}]
[stream]
book_snapshot = "stream"
silence_timeout_s = 30
"""


def test_a_new_venue_is_one_text() -> None:
    profile = parse_profile("newvenue", MINIMAL)
    assert profile.calls.lacks("trades") is None
    assert profile.errors.final_rejects == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("title =", "titel ="), "titel"),
        (('"/newvenue"', '"http://elsewhere"'), "emulator_path"),
        (('kinds = ["spot"]', "kinds = []"), "kinds"),
        (('"markets", ', ""), "markets"),
        (('"markets", ', '"markets", "markets", '), "markets"),
        (('"markets", ', '"markets", "dividends", '), "dividends"),
        (('"book", ', ""), "book"),
        (("silence_timeout_s = 30", "silence_timeout_s = 0"), "silence_timeout_s"),
        (("[stream]", "[options]\nmaxRetriesOnFailure = 3\n[stream]"), "maxRetriesOnFailure"),
        (("[stream]", '[funding]\ninterval = "fixed"\n[stream]'), "fixed_hours"),
        (('venue = "newvenue"', 'venue = "other"'), "file name"),
        (("[stream]", "[stream"), "TOML"),
    ],
)
def test_faults_are_named(change: tuple[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        parse_profile("newvenue", MINIMAL.replace(*change))


def test_an_unknown_venue_names_those_known() -> None:
    with pytest.raises(ConfigError, match="binanceusdm"):
        venue_profile("nosuch")


@pytest.mark.parametrize("name", venue_ids())
def test_each_profile_is_complete_and_its_codes_have_one_meaning(name: str) -> None:
    profile = venue_profile(name)
    meanings = profile.errors.model_dump()
    codes = [code for field, found in meanings.items() if field != "field" for code in found]
    assert len(codes) == len(set(codes))
    assert profile.rate_limit_note
    assert "maxRetriesOnFailure" not in str(profile.options)
    assert not re.search(r"checksum'?: False", str(profile.options)), "a lost message would freeze the book"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("binanceusdm", "lp0123456789abcdef0123456789", "x" * 37),
        ("binanceusdm", "a.B:/_-9", "space d"),
        ("hyperliquid", "0x" + "0a" * 16, "plan1-s1"),
        ("okx", "A" * 32, "a-b"),
        ("bybit", "a_b-C", "a" * 37),
        ("kraken", "12345678-1234-1234-1234-123456789abc", "12345678"),
    ],
)
def test_shapes_of_order_ids(name: str, good: str, bad: str) -> None:
    shape = venue_profile(name).client_id
    assert shape is not None
    assert shape.accepts(good)
    assert not shape.accepts(bad)
    assert not shape.accepts(good + "\n")


def test_the_page_shows_what_the_profiles_say() -> None:
    page = (Path(__file__).parents[4] / "docs" / "methodology" / "venues.md").read_text(encoding="utf-8")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()]
    names = {"call", *CALLS, *(f"stream.{channel}" for channel in CHANNELS)}
    header, *rows = [cells for cells in lines if cells[0] in names and len(cells) == 1 + len(venue_ids())]
    assert sorted(header[1:]) == list(venue_ids())
    told = {(venue, row[0]): cell for row in rows for venue, cell in zip(header[1:], row[1:], strict=True)}
    known = {}
    for venue in venue_ids():
        profile = venue_profile(venue)
        for prefix, offer, names in (("", profile.calls, CALLS), ("stream.", profile.channels, CHANNELS)):
            for name in names:
                word = "proven" if name in offer.proven else "claimed" if name in offer.claimed else "-"
                known[venue, prefix + name] = word
    assert told == known


def test_every_test_that_the_page_names_exists() -> None:
    root = Path(__file__).parents[4]
    page = (root / "docs" / "methodology" / "venues.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py"))
    for suite in ("test_exchange_interface.py", "test_order_entry.py"):
        tests += (root / "tests" / "contract" / suite).read_text(encoding="utf-8")
    missing = [name for name in re.findall(r"`(test_\w+)`", page) if f"def {name}(" not in tests]
    assert missing == []


def test_nothing_heavy_is_loaded_before_a_venue_is_opened() -> None:
    code = "import sys, resources.venues as v; v.venue_profile('okx'); sys.exit('ccxt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
