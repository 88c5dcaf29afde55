"""What peers and rules say where an instrument is too thin to speak for itself; always under a label.

Levels, nearest first: the issuer, sector and rating together, the asset class, and then rules of thumb by asset class,
rating, tenor and volume. The rules are judgement, written here as tables and on ``docs/methodology/surface.md``.
Recorded and simulated instruments never pool together. Read next: ``surface_inputs.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.instrument import BOND_CLASSES

__all__ = [
    "MIN_PEERS",
    "Peers",
    "Pooled",
    "pooled",
    "ruled_bond_adv",
    "ruled_spread_bps",
    "ruled_turnover_velocity",
    "ruled_volatility_frac",
]

MIN_PEERS: Final = 5
"""Fewer observed names than this do not make a pool."""
_MAD_TO_SD: Final = 1.4826
_TENOR_EDGES_Y: Final = (1.0, 5.0, 10.0)

_GRADE: Final = {
    "AAA": "high",
    "AA": "high",
    "A": "medium",
    "BBB": "medium",
    "BB": "low",
    "B": "low",
    "CCC": "distressed",
    "D": "distressed",
}
# Full spread, bps of price, by remaining tenor: below 1, 1 to 5, 5 to 10, 10 years and more.
_BOND_SPREAD_BPS: Final = {
    "sovereign": (3.0, 6.0, 12.0, 25.0),
    "high": (15.0, 25.0, 40.0, 60.0),
    "medium": (25.0, 40.0, 60.0, 90.0),
    "low": (50.0, 80.0, 110.0, 150.0),
    "distressed": (200.0, 300.0, 400.0, 400.0),
    "unrated": (60.0, 100.0, 140.0, 180.0),
}
# Daily volatility of price, fraction, by the same tenors.
_BOND_VOLATILITY_FRAC: Final = {
    "sovereign": (0.0005, 0.0020, 0.0045, 0.0090),
    "high": (0.0008, 0.0022, 0.0045, 0.0085),
    "medium": (0.0010, 0.0025, 0.0050, 0.0090),
    "low": (0.0030, 0.0045, 0.0065, 0.0090),
    "distressed": (0.0150, 0.0150, 0.0150, 0.0150),
    "unrated": (0.0030, 0.0045, 0.0065, 0.0090),
}
# Daily volume over amount outstanding.
_TURNOVER_VELOCITY: Final = {
    "sovereign": 0.0050,
    "high": 0.0010,
    "medium": 0.0010,
    "low": 0.0012,
    "distressed": 0.0005,
    "unrated": 0.0005,
}
# Daily volume of one bond whose amount outstanding is unknown too, in its currency.
_BOND_ADV_CCY: Final = {
    "USD": {"sovereign": 1e9, "corporate": 1e6},
    "EUR": {"sovereign": 3e8, "corporate": 1e6},
    "GBP": {"sovereign": 3e8, "corporate": 1e6},
    "BRL": {"sovereign": 1e8, "corporate": 1e6},
    "INR": {"sovereign": 1e9, "corporate": 1e7},
}
_DOLLAR_SIZED: Final = ("USD", "USDT", "USDC", "BUSD", "FDUSD", "EUR", "GBP")
# Full spread, bps, where daily volume is above the first number, in a currency of about a dollar's worth.
_SPREAD_BY_VOLUME_BPS: Final = {
    "equity": ((3e8, 2.0), (1e8, 4.0), (3e7, 8.0), (1e7, 15.0), (1e6, 40.0), (1e5, 120.0), (0.0, 300.0)),
    "crypto_spot": ((3e8, 1.0), (1e8, 2.0), (3e7, 4.0), (1e7, 8.0), (1e6, 20.0), (1e5, 60.0), (0.0, 150.0)),
    "crypto_perp": ((3e8, 1.0), (1e8, 2.0), (3e7, 3.0), (1e7, 6.0), (1e6, 15.0), (1e5, 50.0), (0.0, 120.0)),
}
_VOLATILITY_FRAC: Final = {"equity": 0.02, "crypto_spot": 0.04, "crypto_perp": 0.04}


@dataclass(frozen=True, slots=True)
class Peers:
    """Whom N instruments may pool with: object arrays, None where unknown; ``tenor_years`` NaN for none."""

    origin: NDArray[np.object_]
    asset_class: NDArray[np.object_]
    issuer_id: NDArray[np.object_]
    sector: NDArray[np.object_]
    rating: NDArray[np.object_]
    tenor_years: NDArray[np.float64]

    @property
    def is_bond(self) -> NDArray[np.bool_]:
        """(N,) whether it is a bond."""
        bonds: NDArray[np.bool_] = np.isin(self.asset_class, BOND_CLASSES)
        return bonds

    @property
    def grade(self) -> NDArray[np.object_]:
        """(N,) row of the rules: sovereign, high, medium, low, distressed or unrated."""
        graded = [_GRADE.get(rating, "unrated") for rating in self.rating]
        return np.where(self.asset_class == "bond_sovereign", "sovereign", np.array(graded, dtype=object))


@dataclass(frozen=True, slots=True)
class Pooled:
    """What the nearest pool says: its median, the robust standard deviation of its names, how many, and which pool."""

    value: NDArray[np.float64]
    sd: NDArray[np.float64]
    n: NDArray[np.int64]
    level: NDArray[np.object_]


def pooled(values: NDArray[np.float64], peers: Peers) -> Pooled:
    """Median of the observed peers at the nearest level that has :data:`MIN_PEERS` of them.

    Parameters
    ----------
    values
        (N,) what is observed of each instrument; NaN is not.

    Returns
    -------
    Pooled
        NaN and level ``none`` where no level has enough names. An instrument that is observed is one of its own peers.
    """
    n = len(values)
    out = Pooled(np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, dtype=np.int64), np.full(n, "none", dtype=object))
    frame = pd.DataFrame(
        {
            "value": values,
            "origin": peers.origin,
            "asset_class": peers.asset_class,
            "issuer_id": peers.issuer_id,
            "sector": peers.sector,
            "rating": peers.rating,
        }
    )
    for level, names in (
        ("pooled_issuer", ["issuer_id"]),
        ("pooled_sector_rating", ["sector", "rating"]),
        ("pooled_asset_class", []),
    ):
        cells = frame.groupby(["origin", "asset_class", *names], sort=False, dropna=True)["value"]
        count = cells.transform("count").to_numpy(dtype=np.float64, na_value=0.0)
        middle = cells.transform("median").to_numpy(dtype=np.float64, na_value=np.nan)
        away = frame.assign(value=np.abs(values - middle)).groupby(
            ["origin", "asset_class", *names], sort=False, dropna=True
        )["value"]
        spread = _MAD_TO_SD * away.transform("median").to_numpy(dtype=np.float64, na_value=np.nan)
        new = (out.level == "none") & (np.nan_to_num(count) >= MIN_PEERS)
        out.value[new], out.sd[new], out.n[new] = middle[new], spread[new], count[new].astype(np.int64)
        out.level[new] = level
    return out


def ruled_spread_bps(peers: Peers, adv_ccy: NDArray[np.float64], currency: NDArray[np.object_]) -> NDArray[np.float64]:
    """Full spread by rule, bps: of bonds by rating and tenor, else by daily volume.

    A bond without maturity counts as one of 5 to 10 years. NaN for other classes without a volume, or with one in a
    currency whose unit is far from a dollar.
    """
    out = _by_tenor(_BOND_SPREAD_BPS, peers)
    for asset_class, steps in _SPREAD_BY_VOLUME_BPS.items():
        of_class = (peers.asset_class == asset_class) & np.isin(currency, _DOLLAR_SIZED)
        told = np.select([adv_ccy > edge for edge, _ in steps], [bps for _, bps in steps], np.nan)
        out[of_class] = told[of_class]
    return out


def ruled_volatility_frac(peers: Peers) -> NDArray[np.float64]:
    """Daily volatility by rule, fraction."""
    out = _by_tenor(_BOND_VOLATILITY_FRAC, peers)
    for asset_class, value in _VOLATILITY_FRAC.items():
        out[peers.asset_class == asset_class] = value
    return out


def ruled_turnover_velocity(peers: Peers) -> NDArray[np.float64]:
    """Daily volume over amount outstanding by rule; NaN for what is no bond."""
    velocity = np.array([_TURNOVER_VELOCITY[grade] for grade in peers.grade])
    return np.where(peers.is_bond, velocity, np.nan)


def ruled_bond_adv(peers: Peers, currency: NDArray[np.object_]) -> NDArray[np.float64]:
    """Daily volume of a bond of which not even the amount outstanding is known; NaN for other currencies and classes."""
    kind = np.where(peers.asset_class == "bond_sovereign", "sovereign", "corporate")
    told = [_BOND_ADV_CCY.get(ccy, {}).get(each, np.nan) for ccy, each in zip(currency, kind, strict=True)]
    return np.where(peers.is_bond, np.array(told, dtype=np.float64), np.nan)


def _by_tenor(rules: Mapping[str, Sequence[float]], peers: Peers) -> NDArray[np.float64]:
    tenor = np.where(np.isnan(peers.tenor_years), _TENOR_EDGES_Y[-1] - 1e-9, peers.tenor_years)
    column = np.searchsorted(_TENOR_EDGES_Y, tenor, side="right")
    told = np.array([rules[grade][at] for grade, at in zip(peers.grade, column, strict=True)], dtype=np.float64)
    return np.where(peers.is_bond, told, np.nan)
