"""ESMA liquidity stress testing: both sides of the balance sheet, waterfall and slicing, and the break found backwards.

Redemption shocks meet asset shocks; every coverage ratio is a row of REDEMPTION_COVERAGE, costs are the surface's. Reverse
stress uses the engine of ``liquidity/stress``. Read next: ``frtb.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.liability_tables import Redemption
from liquidity.portfolio.redemption_coverage import assets_of_holdings, redemption_coverage
from liquidity.regulation.report_pack import CASH_ID, Finding, ReportPack
from liquidity.regulation.thresholds import Thresholds
from liquidity.stress.engine import Condition, StressRules, calm, stress_from
from liquidity.stress.reverse import breaking_points
from liquidity.stress.scenario import Scenario
from liquidity.stress.vector import StressVector, stress_vector

__all__ = ["HQLA_WEIGHTS", "esma_pack", "hqla_weights", "stressed_markets"]

HQLA_WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = {
    "bond_sovereign": {"AAA": 1.0, "AA": 1.0, "A": 0.85, "BBB": 0.5},
    "bond_corporate": {"AAA": 0.85, "AA": 0.85, "A": 0.5, "BBB": 0.5},
    "equity": {"": 0.5},
}
"""Share of the value that counts as liquid, by class and rating (the rating "" is every one): weights of the kind of the
liquidity coverage ratio, recalled from ESMA's 2019 simulation; cash counts 1, high yield, unrated and coins 0."""

_ESMA: Final = "ESMA34-39-897"
_LARGEST_MULTIPLE: Final = 4.0


def hqla_weights(held: Holdings) -> NDArray[np.float64]:
    """(P,) weight of each position by class and rating, 0 where the table names none.

    A sovereign without rating counts as A (``unrated_as_a`` in the row): feeds tell no rating for most of them.
    """
    out = np.zeros(len(held))
    for row, (kind, rating) in enumerate(zip(held.asset_class, held.rating, strict=True)):
        table = HQLA_WEIGHTS.get(str(kind), {})
        letter = "A" if _is_unrated(kind, rating) else str(rating)
        out[row] = table.get("", table.get(letter, 0.0))
    return out


def stressed_markets(
    held: Holdings, surface: LiquiditySurface, scenarios: Sequence[Scenario], participation: float
) -> dict[str, tuple[Holdings, LiquiditySurface]]:
    """The fund and its surface under each scenario, by name: prices fallen, conditions shocked, equity less the loss."""
    start = calm(held, surface, StressRules(participation))
    return {
        scenario.name: _after(held, stress_from(start, stress_vector(scenario, held)).after) for scenario in scenarios
    }


def esma_pack(
    held: Holdings,
    surface: LiquiditySurface,
    session: date,
    limits: Thresholds,
    coverage: pd.DataFrame,
    redemptions: Sequence[Redemption],
    scenarios: Sequence[Scenario],
    participation: float,
) -> ReportPack:
    """Report the stress test of one fund.

    Parameters
    ----------
    coverage
        Rows of REDEMPTION_COVERAGE of the fund, of every market and horizon; the notice period must be among them.
    scenarios
        Asset shocks; reverse stress looks for the multiple of each at which the assumed redemption is no longer paid.
    """
    notice = round(limits.value("esma_notice_sessions"))
    bound = limits["esma_min_coverage_ratio"]
    weights = hqla_weights(held)
    value = np.where(np.isfinite(held.value_base) & (held.quantity > 0.0), held.value_base, 0.0)
    liquid = max(held.cash_base, 0.0) + float((value * weights).sum())
    net = held.equity_base if held.equity_base > 0.0 else float("nan")
    findings = []
    at_notice = coverage[coverage["horizon_sessions"] == notice]
    for row in at_notice.to_dict("records"):
        for way in ("waterfall", "slicing"):
            findings.append(  # noqa: PERF401 - two loops read better than one comprehension
                Finding.of(
                    f"coverage_{way}_{row['market']}_{row['redemption']}"[:60], float(row[f"coverage_{way}_ratio"]), bound, "least",
                    f"money from {way} within {notice} sessions / redemption of {row['redemption_frac']:.2%} of net assets", reason=row["reason"],
                )
            )  # fmt: skip
    for redemption in redemptions:
        amount = redemption.net_assets_frac * net
        ratio = liquid / amount if amount > 0.0 else float("nan")
        findings.append(
            Finding.of(f"coverage_liquid_assets_{redemption.name}", ratio, bound, "least", "(cash + value * weight of class and rating) / redemption", reason=redemption.reason or ("" if np.isfinite(net) else "no_net_assets"))
        )  # fmt: skip
    calm_rows = at_notice[at_notice["market"] == "calm"]
    for way in ("waterfall", "slicing"):
        largest = float(calm_rows[f"largest_{way}_frac"].iloc[0]) if len(calm_rows) else float("nan")
        findings.append(Finding.told(f"largest_redemption_{way}_frac", largest, "frac of net assets", f"money from {way} within {notice} sessions / net assets", _ESMA))  # fmt: skip
    assumed = next(each for each in redemptions if each.name == "assumed")
    breaks = _breaks(held, surface, scenarios, assumed.net_assets_frac * net, notice, participation)
    for each in breaks.to_dict("records"):
        findings.append(  # noqa: PERF401 - see above
            Finding.told(
                f"breaking_multiple_{each['way']}_{each['scenario']}"[:60], each["multiple"], "times the scenario",
                f"smallest multiple at which {each['way']} no longer pays {assumed.net_assets_frac:.2%} of net assets in {notice} sessions, by bisection", _ESMA, reason=each["verdict"],
            )
        )  # fmt: skip
    haircut = _failing_haircut(held, surface, assumed.net_assets_frac * net, notice, participation)
    findings.append(Finding.told("failing_haircut_frac", haircut, "frac of the proceeds", "smallest loss on all sales at which the waterfall no longer pays the assumed redemption", _ESMA, reason="" if np.isfinite(haircut) else "cash alone pays it, or nothing is known"))  # fmt: skip
    rows = pd.DataFrame(
        {
            "instrument_id": held.instrument_id,
            "bucket": np.where(weights > 0.0, "liquid", "not_counted").astype(object),
            "value_base": held.value_base,
            "net_assets_frac": held.value_base / net,
            "liquid_weight_frac": weights,
            "reason": [
                ",".join(each for each in (said, "unrated_as_a" if _is_unrated(kind, rating) else "") if each)
                for said, kind, rating in zip(held.reason, held.asset_class, held.rating, strict=True)
            ],
        }
    )
    rows.loc[~np.isfinite(held.value_base), "bucket"] = None
    assets = assets_of_holdings(held, surface, float(notice), participation)
    rows["considered_frac"] = assets.sold_frac[1:]
    rows["sell_sessions"] = np.where(assets.sold_frac[1:] > 0.0, float(notice), np.nan)
    rows["cost_bps"] = 1e4 * assets.haircut_frac[1:]
    cash = {"instrument_id": CASH_ID, "bucket": "cash", "value_base": held.cash_base, "net_assets_frac": held.cash_base / net, "liquid_weight_frac": 1.0, "considered_frac": 1.0, "sell_sessions": 0.0, "cost_bps": 0.0, "reason": ""}  # fmt: skip
    rows = pd.concat([rows, pd.DataFrame([cash])], ignore_index=True)
    shown = coverage[["market", "redemption", "horizon_sessions", "redemption_frac", "coverage_waterfall_ratio", "coverage_slicing_ratio", "swing_factor_bps", "dilution_bps"]]  # fmt: skip
    tables = {"Coverage by market, redemption and horizon": shown, "Reverse stress": breaks}
    read = {"redemption_coverage": len(coverage)}
    return ReportPack.of("esma", held, surface, session, rows, findings, tables, read=read)


def _is_unrated(asset_class: object, rating: object) -> bool:
    return asset_class == "bond_sovereign" and not isinstance(rating, str)


def _after(held: Holdings, condition: Condition) -> tuple[Holdings, LiquiditySurface]:
    fallen = condition.holdings
    lost = float(np.nansum(held.value_base) - np.nansum(fallen.value_base))
    return replace(fallen, equity_base=held.equity_base - lost), condition.surface


def _breaks(
    held: Holdings,
    surface: LiquiditySurface,
    scenarios: Sequence[Scenario],
    redemption: float,
    notice: int,
    participation: float,
) -> pd.DataFrame:
    """Smallest multiple of each scenario at which each way of selling no longer pays."""
    columns = ["scenario", "way", "verdict", "multiple", "last_safe_multiple", "monotone"]
    if not redemption > 0.0:
        return pd.DataFrame(columns=columns)
    start = calm(held, surface, StressRules(participation))
    rows = []
    for scenario in scenarios:
        vector = stress_vector(scenario, held)

        def headroom(multiple: float, vector: StressVector = vector) -> dict[str, float]:
            there, harsh = _after(held, stress_from(start, vector.scaled(multiple)).after)
            found = redemption_coverage(assets_of_holdings(there, harsh, float(notice), participation), redemption)
            return {
                name: float("nan") if ratio is None else ratio - 1.0
                for name, ratio in (("waterfall", found.rcr_waterfall), ("slicing", found.rcr_pro_rata))
            }

        rows += [
            [scenario.name, point.limit, point.verdict, point.multiple, point.last_safe_multiple, point.monotone]
            for point in breaking_points(headroom, largest=_LARGEST_MULTIPLE, tolerance=1e-3)
        ]
    return pd.DataFrame(rows, columns=columns)


def _failing_haircut(
    held: Holdings, surface: LiquiditySurface, redemption: float, notice: int, participation: float
) -> float:
    """Loss on the proceeds of all sales at which money from the waterfall equals the redemption; NaN where none does."""
    assets = assets_of_holdings(held, surface, float(notice), participation)
    usable = redemption_coverage(assets, None).usable_waterfall or 0.0
    cash = float(assets.value[0])
    sales = usable - cash
    if not (redemption > cash and sales > 0.0):
        return float("nan")
    return max(0.0, 1.0 - (redemption - cash) / sales)
