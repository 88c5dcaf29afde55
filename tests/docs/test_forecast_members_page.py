"""The page of the members says what the code does, and its example is a member."""

import re
from pathlib import Path

import numpy as np
import pytest

from liquidity.forecast import _cross_sections, _score_windows, inputs
from liquidity.forecast.horizons import MEDIAN
from liquidity.forecast.members import MEMBERS, _point_bands, ar1, ewma, ridge
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.score_panels import SIGNALS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "methodology" / "forecast_members.md").read_text(
    encoding="utf-8"
)
WORDS = " ".join(PAGE.split())

STATED = [
    f"nothing more than {inputs.LOOKBACK_SESSIONS} sessions back",
    f"together with {_score_windows.PRIOR_CHANGES:g} changes of the market's size, at least {_score_windows.MIN_SCALE_POINTS} points",
    f"counts {_cross_sections.UNKNOWN_CHANGE_POINTS:g} points a session",
    f"moves among fewer than {_cross_sections.MIN_NAMES} scores are missing",
    f"fewer than {inputs.MIN_SCORES} scores in the look-back",
    f"unchanged for {inputs.MAX_UNCHANGED_SESSIONS} sessions or more",
    f"no other score in the last {inputs.MAX_GAP_SESSIONS} sessions",
    f"less than {inputs.MIN_MICRO_TRUST_FRAC} trust",
    f"(weight {ewma.ALPHA})",
    f"weight {_score_windows.EWMA_ALPHA} on the newest",
    f"fewer than {ar1.MIN_PAIRS} pairs",
    f"-{ar1.MAX_PHI} and {ar1.MAX_PHI}",
    f"cut at {ridge.MAX_DEVIATIONS:g} deviations",
    f"Fewer than {_point_bands.MIN_LABELLED_ROWS} labels",
]


@pytest.mark.parametrize("sentence", STATED)
def test_the_page_says_what_the_code_does(sentence: str) -> None:
    assert sentence in WORDS


def test_every_member_has_its_section() -> None:
    assert set(re.findall(r"^### (\S+)$", PAGE, re.MULTILINE)) == set(MEMBERS)


def test_every_input_is_explained() -> None:
    named = (*_score_windows.WINDOW_INPUTS, *_cross_sections.CROSS_SECTION_INPUTS, *inputs.CALENDAR_INPUTS, *SIGNALS)
    families = re.compile(r"^change_\d+_points$|_own_rank_frac$|_weight_frac$")
    missing = [name for name in named if f"`{name}`" not in PAGE and not families.search(name)]
    assert not missing


@pytest.mark.feature("BX-FC-10")
def test_the_example_is_a_member() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    space: dict[str, object] = {"__name__": "month_middle"}
    exec(compile(code, "forecast_members.md", "exec"), space)
    member = space["MonthMiddle"]
    rng = np.random.default_rng(0)
    recent = rng.uniform(30.0, 70.0, (200, 22))
    places = np.arange(200)
    rows = InputRows((), np.zeros((200, 0), np.float32), recent[:, -1], np.ones(200), recent, places, places)
    fitted = member.fit(rows, rng.normal(0.0, 3.0, (200, 5)), 0)  # type: ignore[attr-defined]
    expected = np.median(recent, axis=1) - recent[:, -1]
    np.testing.assert_allclose(fitted.quantiles(rows)[:, 2, MEDIAN], expected)
    again = member.from_state(fitted.state())  # type: ignore[attr-defined]
    np.testing.assert_array_equal(again.quantiles(rows), fitted.quantiles(rows))
    assert fitted.drivers(rows)[0] == ("middle_of_the_month",)
