"""Fan charts: small enough to be shown, in order, true to their numbers."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_assets.forecast_pictures import FAN_SESSIONS, fan, fan_charts
from pulse_assets.pictures import MAX_SVG_BYTES

points = st.floats(0, 100)
bands = st.lists(st.lists(points, min_size=7, max_size=7).map(sorted), min_size=5, max_size=5)


def paths(svg):
    return ET.fromstring(svg).findall(".//{http://www.w3.org/2000/svg}path")


def drawn(past, rows):
    columns = np.array(rows).T
    ends = {95: (columns[0], columns[6]), 80: (columns[1], columns[5]), 50: (columns[2], columns[4])}
    return fan(past, columns[3], {band: (low.tolist(), high.tolist()) for band, (low, high) in ends.items()})


@settings(max_examples=60, deadline=None)
@given(st.lists(points | st.just(float("nan")), max_size=60), points, bands)
def test_any_fan_is_small_enough_and_well_formed(past, today, rows):
    svg = drawn([*past, today], rows)
    assert len(svg.encode()) <= MAX_SVG_BYTES
    areas = [path for path in paths(svg) if path.get("opacity")]
    assert len(areas) == 3
    assert len(paths(svg)) == 5
    assert "nan" not in svg


def test_the_wider_band_encloses_the_narrower():
    rows = [[40 - 4 * h, 45 - 3 * h, 48 - 2 * h, 50, 52 + 2 * h, 55 + 3 * h, 60 + 4 * h] for h in range(5)]
    areas = [path.get("d") for path in paths(drawn([50.0] * FAN_SESSIONS, rows)) if path.get("opacity")]
    heights = []
    for area in areas:
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


def test_instruments_may_be_chosen_and_unknown_ones_are_left_out():
    history = pd.DataFrame(
        {"session_date": pd.to_datetime(["2026-05-31"]), "instrument_id": "sim:A", "liquidity_score": [50.0]}
    )
    charts = fan_charts(history, table(), "liquidity_score", ["sim:A", "sim:D", "nobody"])
    assert list(charts) == ["fan sim:A", "fan sim:A axes"]
    assert fan_charts(history, table().iloc[:0], "liquidity_score") == {}
