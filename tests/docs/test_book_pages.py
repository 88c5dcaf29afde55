"""The pages on order books and derivatives say the numbers of the code."""

from pathlib import Path

import pytest

from liquidity.book import analysis, analysis_series, depth_bands, lead_lag, recovery, toxicity, trade_costs
from liquidity.book.book_score import ANCHORS, DEPTH_BPS, WEIGHTS
from liquidity.book.clusters import CLUSTER_RULE
from liquidity.book.consolidated import MAX_AGE_S
from liquidity.book.pressure import TAU_BPS
from liquidity.book.recovery import RECOVERY_RULE
from liquidity.book.walls import WALL_RULE
from liquidity.derivatives import LevelModel, funding
from liquidity.derivatives.funding import CLAMP_FRAC, INTEREST_8H_FRAC, payments_per_year
from liquidity.derivatives.liquidation_levels import LEVERAGE_MIX
from liquidity.derivatives.open_interest import TOLERANCE_FRAC

METHODOLOGY = Path(__file__).resolve().parents[2] / "docs" / "methodology"


def text(page: str) -> str:
    return " ".join((METHODOLOGY / page).read_text(encoding="utf-8").split())


MODEL = LevelModel()
STATED = [
    ("book_analytics.md", "Bands of {:g}, {:g}, {:g}, {:g}, {:g} and {:g} %".format(*(100 * frac for frac in depth_bands.BANDS_FRAC))),
    ("book_analytics.md", "notional of {:,.0f}, {:,.0f} and {:,.0f}".format(*depth_bands.NOTIONALS_QUOTE)),
    ("book_analytics.md", f"`depth_quote` within {DEPTH_BPS:g} bps"),
    ("book_analytics.md", f"within {100 * WALL_RULE.band_frac:g} % of the mid whose notional is at least max({WALL_RULE.multiple:g} x the median level of its side, {100 * WALL_RULE.floor_volume_frac:g} % of the 24 h volume)"),
    ("book_analytics.md", f"the last {WALL_RULE.median_snapshots} snapshots' medians. It counts once seen in {WALL_RULE.min_snapshots} snapshots in a row, or without a break for {WALL_RULE.min_age_s:g} s"),
    ("book_analytics.md", f"within the last {WALL_RULE.memory_s:g} s"),
    ("book_analytics.md", f"at most {CLUSTER_RULE.max_gap_ticks:g} ticks from the next ({CLUSTER_RULE.max_gap_bps:g} bps where the tick is not known), of at least {CLUSTER_RULE.min_levels} levels, with at least {CLUSTER_RULE.multiple:g} x the notional of the side's median run and {100 * CLUSTER_RULE.min_side_frac:g} % of the side's notional"),
    ("book_analytics.md", f"the newest {toxicity.BUCKETS} equal-volume buckets"),
    ("book_analytics.md", f"exp(-d / {TAU_BPS:g} bps)"),
    ("book_analytics.md", "the mid after {:g} s and {:g} s".format(*trade_costs.HORIZONS_S)),
    ("book_analytics.md", f"more than {100 * RECOVERY_RULE.shock_frac:g} % from the median of the {RECOVERY_RULE.prior_n} values before; it is over with the first value within {100 * RECOVERY_RULE.back_frac:g} %"),
    ("book_analytics.md", f"older than {MAX_AGE_S:g} s"),
    ("derivatives.md", "{:,.0f}, {:,.0f} or {:,.0f} payments for intervals of 1, 4 or 8 h".format(*map(payments_per_year, (1, 4, 8)))),
    ("derivatives.md", f"clamp({100 * INTEREST_8H_FRAC:g} % - P, +-{100 * CLAMP_FRAC:g} %)"),
    ("derivatives.md", f"at most {100 * TOLERANCE_FRAC:g} % of that time away"),
    ("derivatives.md", f"within {100 * MODEL.bucket_frac:g} % are one level; levels beyond {100 * MODEL.max_distance_frac:g} % are left out"),
    ("derivatives.md", f"`medium` from {100 * MODEL.medium_cover_frac:g} % on both"),
    ("derivatives.md", "| share | " + " | ".join(f"{each.share_frac:.2f}" for each in LEVERAGE_MIX) + " |"),
    ("derivatives.md", "| leverage | " + " | ".join(f"{each.leverage:g}" for each in LEVERAGE_MIX) + " |"),
]  # fmt: skip


@pytest.mark.parametrize(("page", "sentence"), STATED, ids=[f"{page}: {sentence[:40]}" for page, sentence in STATED])
def test_the_page_says_what_the_code_does(page: str, sentence: str) -> None:
    assert sentence in text(page), f"{page} does not say {sentence!r}"


def test_the_table_of_the_score_is_the_codes() -> None:
    lines = (METHODOLOGY / "book_analytics.md").read_text(encoding="utf-8").splitlines()
    for name, (worst, best) in ANCHORS.items():
        (row,) = [line for line in lines if line.startswith(f"| `{name}`")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1:] == [
            f"{worst:,g}" if worst < 1e6 else f"{worst:,.0f}",
            f"{best:,.0f}" if best >= 1e6 else f"{best:g}",
            f"{WEIGHTS[name]:g}",
        ]


@pytest.mark.parametrize("module", [analysis, analysis_series, depth_bands, lead_lag, recovery, toxicity, trade_costs])
def test_every_function_is_named(module: object) -> None:
    page = text("book_analytics.md")
    named = [name for name in module.__all__ if name.islower() and name != "why_no_mid"]
    assert [name for name in named if f"`{name}`" not in page] == []


def test_the_package_is_documented() -> None:
    import liquidity.derivatives as package

    page = text("derivatives.md")
    own = (
        "margin_ratio",
        "binance_liq",
        "hyperliquid_liq",
        "inverse_liq",
        "isolated_liquidation",
        "premium_index",
        "next_funding",
        "funding_rate",
        "open_interest_reading",
        "is_stale",
    )
    assert all(name in package.__all__ and f"`{name}`" in page for name in own)
    assert callable(funding)
