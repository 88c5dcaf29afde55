"""The page on leverage names every reason, with the code's words, and the code's numbers."""

from pathlib import Path

from liquidity.portfolio.leverage import DEFAULT_LEVERAGE_POLICY, dynamic_leverage
from liquidity.portfolio.leverage_rows import LEVERAGE_REASONS
from resources.margin_tables import load_margin_tables

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "methodology" / "leverage.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())


def test_every_reason_is_explained():
    for code, why in LEVERAGE_REASONS.items():
        assert f"| `{code}` | {why} |" in PAGE


def test_numbers_are_the_codes():
    policy = DEFAULT_LEVERAGE_POLICY
    assert f"takes k = {policy.distance_sigmas:g}, one day" in TEXT
    assert policy.distance_days == 1.0
    assert f"100 sigma / (sigma + {policy.volatility_half_frac:g})" in TEXT
    assert f"min(depth / normal depth, 1) ^ {policy.depth_exponent:g}" in TEXT
    assert f"warns above {policy.warn_use_frac:.0%} or {policy.warn_ratio_frac:.0%}".replace("%", " %") in TEXT
    assert f"alerts above {policy.alert_use_frac:.0%} or {policy.alert_ratio_frac:.0%}".replace("%", " %") in TEXT
    assert f"a leverage of 10 becomes {float(dynamic_leverage(10.0, 70.0)):.0f}" in TEXT


def test_brackets_and_closing_rules_are_the_files():
    tables = load_margin_tables()
    assert len([name for name in tables if name.startswith("binanceusdm:")]) == 5
    assert f"of {tables['binanceusdm:BTCUSDT'].as_of}" in TEXT
    close = tables["hyperliquid:BTC"].close
    assert f"above {close.partial_above_ccy:,.0f} at {close.partial_frac:.0%}".replace("%", " %") in TEXT
    assert f"with {close.cooldown_s:.0f} s between" in TEXT
