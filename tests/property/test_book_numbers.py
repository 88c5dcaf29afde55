"""Decimal texts of levels: what is accepted, and that every accepted one is the float that Python reads."""

import math
import re

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from liquidity.book._level_numbers import level_numbers, plain_levels
from liquidity.book.synchroniser import MAX_PRICE, MAX_SIZE

JSON_NUMBER = re.compile(r"[ \t\n\r]*-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?[ \t\n\r]*")
PLAIN = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")

digits = st.text("0123456789", max_size=24)
decimals = st.builds("{}{}.{}{}".format, st.sampled_from(["", "", "", "0", "-", "+", "-0", " "]), digits, digits,
                     st.sampled_from(["", "", "", "e5", "E-7", "e+22", "e-400", "e400", " ", "_0", "e"]))  # fmt: skip
wholes = st.integers(-10, 10**18).map(str)
shortest = st.floats(0, 1e17, allow_subnormal=True).map(repr)
fixed = st.builds("{:.{}f}".format, st.floats(0, 1e13), st.integers(0, 20))
odd = st.sampled_from([
    "", " ", "0", "00", "01", "00.5", "0.", ".5", ".", "-0", "-0.0", "+1", "1_000", "1__0", "0x10", "nan", "NaN", "-nan",
    "inf", "-Infinity", "Infinity", "1e5", "1E-5", "1e", "1e999", "-1e999", "\u0661\u0662", "\uff11", "\u00b2", "1\u00a0", "1,2", ",", "1,", "[1]",
    "1]", "[1", '"1"', "true", "false", "null", "{}", "1 2", "1.2.3", "1\x00", "\ud800", "\t1\n", "9007199254740991", "9007199254740992",
    "9007199254740993", "900719925474.0993", "18446744073709551616", "0.0000000000000000001", "999999999999.9999",
    "1000000000000", "9999999999999999", "10000000000000000", "0.1000000000000000055511151231257827",
])  # fmt: skip
texts = st.one_of(
    decimals, wholes, shortest, fixed, odd, st.text(max_size=6), st.text("0123456789.,eE+- ", max_size=12)
)


def is_number(text: str, *, is_price: bool) -> bool:
    """The rule, slowly: written as JSON writes numbers, finite, within the bounds."""
    if JSON_NUMBER.fullmatch(text) is None:
        return False
    number = float(text)
    return 0.0 < number < MAX_PRICE if is_price else 0.0 <= number < MAX_SIZE


def same(told: np.ndarray, expected: list[str]) -> bool:
    return bool(np.array_equal(told, np.array([float(text) for text in expected])))


@pytest.mark.feature("PL-OB-12")
@settings(max_examples=1500, deadline=None)
@given(texts)
@example("4503599627370497.5")  # halfway between two floats
@example("0.000000000000000001")
def test_a_text_is_accepted_by_the_rule_and_read_as_float_reads_it(text: str) -> None:
    for is_price in (True, False):
        level = (text, "1") if is_price else ("1", text)
        for bids, asks in (([level], []), ([("5", "2.5")], [("7.25", "0"), level, ("8", "1e1")])):
            told = level_numbers(bids, asks)
            assert (told is not None) == is_number(text, is_price=is_price)
            if told is not None:
                levels = [*bids, *asks]
                assert same(told[0], [price for price, _ in levels])
                assert same(told[1], [size for _, size in levels])


plain = st.one_of(
    fixed, wholes, shortest, st.builds("{}.{}".format, st.integers(0, 10**6), st.text("0123456789", min_size=1))
)
prices = plain.filter(lambda text: is_number(text, is_price=True))
sizes = plain.filter(lambda text: is_number(text, is_price=False))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(prices, sizes), min_size=1, max_size=30), st.data())
def test_messages_of_numbers_are_read_whole_however_they_are_cut(
    levels: list[tuple[str, str]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(levels)))
    longer = [[*level, "0", "x"] if data.draw(st.booleans()) else list(level) for level in levels]  # as OKX writes them
    told = level_numbers(longer[:cut], longer[cut:])
    assert told is not None
    assert same(told[0], [price for price, _ in levels])
    assert same(told[1], [size for _, size in levels])
    assert all(column.flags.c_contiguous for column in told)


@settings(max_examples=1500, deadline=None)
@given(texts)
def test_the_compiled_pass_takes_plain_decimals_alone_and_rounds_them_right(text: str) -> None:
    numbers = np.empty(2)
    try:
        written = orjson.dumps([["1", text]])
    except TypeError:  # half of a surrogate pair
        return
    taken = plain_levels(written, math.inf, math.inf, numbers)
    is_short = len(text.replace(".", "")) <= 19
    is_plain = PLAIN.fullmatch(text) is not None and is_short and int(text.replace(".", "")) < 2**53
    assert taken == is_plain
    if taken:
        assert numbers[1] == float(text)


@pytest.mark.parametrize(
    "levels",
    [[("1", "2"), ("3",)], [("1,2",)], [("1,2", "3")], [("1,2", ""), ("", "3")], [()], [("1", None)], [(1.0, "2")], [("1", b"2")],
     [("1", "2"), ()], [("[1", "2]")], [('"1', '2"')], [("1", "true")], [("1", "null")]],
)  # fmt: skip
def test_levels_that_are_no_pairs_of_texts_are_refused(levels: list[tuple[str, ...]]) -> None:
    assert level_numbers(levels, []) is None
    assert level_numbers([("1", "1")], levels) is None


beyond = st.recursive(
    st.sampled_from(["]", "],[", '],["1","2"],["', "[", '"', "\\", "0", "\ud800"])
    | st.integers(-9, 9)
    | st.none()
    | st.binary(max_size=1),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(beyond, max_size=4), min_size=1, max_size=4))
@example([[["a"], ["3", "4"]], []])
@example([[], [["a"], ["3", "4"]]])
@example([["]"], [["3", "4"]]])
def test_entries_beyond_the_size_change_nothing(entries: list[list[object]]) -> None:
    levels = [[f"{place + 1}.5", str(place), *entry] for place, entry in enumerate(entries)]
    told = level_numbers(levels, [])
    assert told is not None
    assert told[0].tolist() == [place + 1.5 for place in range(len(levels))]
    assert told[1].tolist() == list(range(len(levels)))
