"""Fan charts: small enough to be shown, in order, true to their numbers."""

import re
import urllib.parse
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from io_managers.inline_svg import MAX_MARKDOWN
from pulse_assets.forecast_pictures import FAN_SESSIONS, fan, fan_charts

points = st.floats(0, 100)
bands = st.lists(st.lists(points, min_size=7, max_size=7).map(sorted), min_size=5, max_size=5)


def picture(markdown):
    start, end = "![](<data:image/svg+xml,", ">)"
    assert markdown.startswith(start)
    assert markdown.endswith(end)
    address = re.sub(r"\\([<>])", lambda each: urllib.parse.quote(each[1]), markdown[len(start) : -len(end)])
    assert not set(address) & set("<>#\n")  # what would end the address or begin a fragment of it
    return ET.fromstring(urllib.parse.unquote(address))


def found(markdown, name):
    return picture(markdown).findall(f".//{{http://www.w3.org/2000/svg}}{name}")


def areas(markdown):
    return [path.get("d") for path in found(markdown, "path") if path.get("fill") is None]


def drawn(past, rows):
    columns = np.array(rows).T
    ends = {95: (columns[0], columns[6]), 80: (columns[1], columns[5]), 50: (columns[2], columns[4])}
    days = [f"{day:%d %b}" for day in pd.date_range("2026-06-01", periods=len(past))]
    return fan(
        past, columns[3], {band: (low.tolist(), high.tolist()) for band, (low, high) in ends.items()}, days, "27 Nov"
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(points | st.just(float("nan")), max_size=60), points, bands)
def test_any_fan_is_small_enough_and_well_formed(past, today, rows):
    markdown = drawn([*past, today], rows)
    assert len(markdown) <= MAX_MARKDOWN
    assert len(areas(markdown)) == 3
    assert len(found(markdown, "path")) == 5
    assert "nan" not in markdown


def test_a_usual_fan_shows_all_its_sessions_and_says_which_days_they_are():
    rows = [[40 - 4 * h, 45 - 3 * h, 48 - 2 * h, 50, 52 + 2 * h, 55 + 3 * h, 60 + 4 * h] for h in range(5)]
    markdown = drawn([50 + 9 * np.sin(day) for day in range(44)], rows)
    line = next(path.get("d") for path in found(markdown, "path") if path.get("stroke") == "#667")
    assert len(re.findall(r"-?\d+", line)) == 2 * FAN_SESSIONS
    # the ends of the axis; then the first day drawn (of 44 from 1 June, the fifth), the last, and that of the last horizon
    assert [text.text for text in found(markdown, "text")] == ["76", "24", "05 Jun", "14 Jul", "27 Nov"]


def test_a_narrow_axis_is_told_with_decimals():
    markdown = drawn([70.0, 70.4, 70.2], [[69.9, 70.0, 70.1, 70.2, 70.3, 70.4, 70.5]] * 5)
    assert [text.text for text in found(markdown, "text")][:2] == ["70.5", "69.9"]


def test_the_wider_band_encloses_the_narrower():
    rows = [[40 - 4 * h, 45 - 3 * h, 48 - 2 * h, 50, 52 + 2 * h, 55 + 3 * h, 60 + 4 * h] for h in range(5)]
    heights = []
    for area in areas(drawn([50.0] * FAN_SESSIONS, rows)):
        steps = [float(number) for number in re.findall(r"-?\d+", area[1:-1])]
        assert np.sum(steps[2::2]) == 0  # there and back
        assert np.sum(steps[3::2]) == 0  # all bands start at today's score
        heights.append(steps[2 + 2 * 5 + 1])
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] > 0


def table():
    days = pd.date_range("2026-06-01", periods=5)
    rows = []
    for name, asset_class, source, fall in (
        ("sim:A", "crypto_spot", "simulated", 3.0),
        ("sim:B", "crypto_spot", "simulated", 9.0),
        ("XNYS:C", "equity", "recorded", 1.0),
        ("sim:D", "bond_corporate", "simulated", np.nan),
    ):
        for horizon, day in enumerate(days, start=1):
            median = 50.0 - fall * horizon / 5
            ends = {
                f"{side}_{band}": median + sign * band / 10
                for side, sign in (("lower", -1), ("upper", 1))
                for band in (50, 80, 95)
            }
            status = "insufficient_data" if np.isnan(fall) else "model"
            rows.append({"session_date": pd.Timestamp("2026-05-31"), "instrument_id": name, "asset_class": asset_class, "source": source,
                         "target": "liquidity_score", "horizon_sessions": horizon, "target_date": day, "base_score": 50.0,
                         "forecast_score": median, "status": status, "member": "ridge", **ends})  # fmt: skip
    return pd.DataFrame(rows)


def test_of_each_market_the_deepest_fall_is_drawn_and_told():
    history = pd.DataFrame(
        {"session_date": pd.to_datetime(["2026-05-30", "2026-05-31", "2026-06-01"]), "instrument_id": "sim:B", "liquidity_score": [52.0, 50.0, 99.0]}
    )  # fmt: skip
    earlier = table().assign(session_date=pd.Timestamp("2026-05-30"), forecast_score=0.0)
    charts = fan_charts(
        pd.concat([history, history.assign(instrument_id="XNYS:C")]), pd.concat([earlier, table()]), "liquidity_score"
    )
    assert [name for name in charts if not name.endswith("axes")] == ["fan sim:B", "fan XNYS:C"]
    told = charts["fan sim:B axes"]
    assert "median 48.2 to 41.0" in told
    assert "to 2026-06-05" in told
    assert "95 % at the end 31.5 to 50.5" in told
    assert "99" not in told  # what came later is not drawn
    assert [text.text for text in found(charts["fan sim:B"].md_str, "text")][2:] == ["30 May", "31 May", "05 Jun"]


def test_instruments_may_be_chosen_and_unknown_ones_are_left_out():
    history = pd.DataFrame(
        {"session_date": pd.to_datetime(["2026-05-31"]), "instrument_id": "sim:A", "liquidity_score": [50.0]}
    )
    charts = fan_charts(history, table(), "liquidity_score", ["sim:A", "sim:D", "nobody"])
    assert list(charts) == ["fan sim:A", "fan sim:A axes"]
    assert fan_charts(history, table().iloc[:0], "liquidity_score") == {}
