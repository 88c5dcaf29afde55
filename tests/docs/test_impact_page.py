"""The page of the impact models says the numbers that the code uses."""

from pathlib import Path

import pytest

from liquidity.impact import calibration, ensemble, slippage
from liquidity.impact.almgren2005 import ALMGREN_PRIOR
from liquidity.impact.fixed_cost import FIXED_COST_PRIOR
from liquidity.impact.istar import ISTAR_PRIOR
from liquidity.impact.members import IMPACT_MEMBERS, ImpactMember
from liquidity.impact.obizhaeva_wang import OBIZHAEVA_WANG_PRIOR
from liquidity.impact.propagator import PROPAGATOR_PRIOR

PAGE = " ".join(
    (Path(__file__).resolve().parents[2] / "docs" / "methodology" / "impact.md").read_text(encoding="utf-8").split()
)


@pytest.mark.parametrize("member", IMPACT_MEMBERS, ids=lambda member: member.name)
def test_every_member_has_its_row_and_weight(member: ImpactMember) -> None:
    row = PAGE.split(f"| `{member.name}` |")[1].split(" | | ")[0].split("| `")[0]
    weight = f"{member.prior_weight:.2f}" if member.prior_weight else "0"
    assert f"| {weight} |" in f"{row} |"


@pytest.mark.parametrize(
    "sentence",
    [
        f"g {ALMGREN_PRIOR.gamma}, e {ALMGREN_PRIOR.eta}, b {ALMGREN_PRIOR.beta};",
        f"{ISTAR_PRIOR.a1:.0f}, {ISTAR_PRIOR.a2}, {ISTAR_PRIOR.a3}, {ISTAR_PRIOR.a4:.2f}, {ISTAR_PRIOR.b1};",
        f"r {OBIZHAEVA_WANG_PRIOR.resilience_per_session} a session",
        f"c {PROPAGATOR_PRIOR.strength}, g {PROPAGATOR_PRIOR.gamma}, d {PROPAGATOR_PRIOR.delta};",
        f"{FIXED_COST_PRIOR.cost_bps:g} bps whatever is traded",
        f"cut into {ensemble.FOLDS} blocks",
        f"at least {ensemble.WEIGHT_FLOOR:.0%}".replace("%", " %"),
        f"by n / (n + {calibration.ENOUGH_PARENTS})",
        f"(tuning {calibration.HUBER_TUNING})",
        f"Below {calibration.ENOUGH_PARENTS} orders",
        f"Held within {calibration.SCALE_RANGE[0]:g} to {calibration.SCALE_RANGE[1]:g}",
        f"Fewer than {slippage.ENOUGH_ORDERS} orders: unknown",
    ],
)
def test_numbers_are_those_of_the_code(sentence: str) -> None:
    assert sentence in PAGE


def test_the_blocks_slope_is_two_plus_resilience() -> None:
    assert OBIZHAEVA_WANG_PRIOR.depth_slope == pytest.approx(2.0 + OBIZHAEVA_WANG_PRIOR.resilience_per_session)
