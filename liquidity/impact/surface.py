"""The liquidity surface: cost of trading any size of any instrument over any horizon, at a percentile, under stress.

Days to liquidate, exit cost, ladders, limits, sizing, the optimiser, stress and reports read this object and keep no
formula of cost of their own, so they cannot disagree. Read next: ``order_cost.py`` (the arithmetic), ``members.py`` (the
models that are blended), ``book_curves.py`` (visible books), ``surface_inputs.py`` (where the arrays come from).

>>> import numpy as np
>>> surface = LiquiditySurface.of(
...     ["A"], spread_bps=[4.0], adv_ccy=[1e8], volatility_daily_frac=[0.02], price=[10.0]
... )
>>> cost = surface.cost(-1, np.array([1e6]), horizon_sessions=1.0)
>>> bool(cost.half_spread_bps[0] == 2.0), bool(5.0 < cost.expected_bps[0] < 20.0)
(True, True)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.instrument import BOND_CLASSES
from liquidity.impact.book_curves import BUY, SELL, BookCurves
from liquidity.impact.cost_estimate import CostEstimate, beside
from liquidity.impact.members import BLENDED_MEMBERS, prior_weights
from liquidity.impact.order_cost import (
    IMMEDIATE_ALWAYS_OPEN_SESSIONS,
    IMMEDIATE_SESSIONS,
    MOST_SALE_COST_BPS,
    cost_grid,
    immediate_sessions,
    is_buy,
    order_cost,
)
from liquidity.impact.shock import Shock

if TYPE_CHECKING:  # the arrays do without pandas
    import pandas as pd

__all__ = [
    "IMMEDIATE_ALWAYS_OPEN_SESSIONS",
    "IMMEDIATE_SESSIONS",
    "MOST_SALE_COST_BPS",
    "CostEstimate",
    "LiquiditySurface",
    "immediate_sessions",
]

_LEAST_DEPTH_FRAC: Final = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class LiquiditySurface:
    """Inputs of the cost of N instruments on one session, struct of arrays; frozen, so it can be shared.

    Attributes
    ----------
    instrument_id, asset_class, currency, sector, rating, issuer_id
        (N,) object arrays; None where unknown.
    session_date
        Session that the inputs belong to.
    price
        (N,) in the instrument's currency.
    spread_bps
        (N,) full spread over mid.
    adv_ccy
        (N,) average daily volume, sessions without trade counted as 0.
    volatility_daily_frac
        (N,) sample standard deviation of daily returns.
    depth_ccy_per_bp
        (N,) resting value per bp around mid, both sides; told, not priced: books are priced by their curves.
    method, reason, origin
        (N,) object arrays: one of ``COST_METHODS``; why there is no answer (empty where there is one); recorded or simulated.
    source, spread_basis, adv_basis, volatility_basis
        (N,) object arrays: feed of the instrument, and what each input rests on.
    age_sessions
        (N,) sessions since the oldest input was observed; NaN for pooled and rule-based ones.
    coverage_frac
        (N,) share of the window's sessions, or of the book's moments, that entered.
    weight
        (N, M) share of each of ``BLENDED_MEMBERS`` in the blend.
    impact_scale, impact_scale_se
        (N,) calibration factor of the members (Y over the prior Y) and its standard error.
    spread_sd_bps
        (N,) standard deviation of a pooled or rule-based spread; 0 where it is observed.
    adv_known_n, adv_traded_n, calibration_n
        (N,) sessions of the volume window that are known, and that had a trade; own orders behind weights and scale.
    curves
        Visible books; prices of instant orders as far as they reach.
    """

    instrument_id: NDArray[np.object_]
    asset_class: NDArray[np.object_]
    currency: NDArray[np.object_]
    sector: NDArray[np.object_]
    rating: NDArray[np.object_]
    issuer_id: NDArray[np.object_]
    session_date: date | None
    price: NDArray[np.float64]
    spread_bps: NDArray[np.float64]
    adv_ccy: NDArray[np.float64]
    volatility_daily_frac: NDArray[np.float64]
    depth_ccy_per_bp: NDArray[np.float64]
    method: NDArray[np.object_]
    reason: NDArray[np.object_]
    age_sessions: NDArray[np.float64]
    coverage_frac: NDArray[np.float64]
    origin: NDArray[np.object_]
    source: NDArray[np.object_]
    spread_basis: NDArray[np.object_]
    adv_basis: NDArray[np.object_]
    volatility_basis: NDArray[np.object_]
    weight: NDArray[np.float64]
    impact_scale: NDArray[np.float64]
    impact_scale_se: NDArray[np.float64]
    spread_sd_bps: NDArray[np.float64]
    adv_known_n: NDArray[np.int64]
    adv_traded_n: NDArray[np.int64]
    calibration_n: NDArray[np.int64]
    curves: BookCurves
    _row_of: dict[object, int] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        lengths = {
            each.name: len(getattr(self, each.name))
            for each in fields(self)
            if isinstance(getattr(self, each.name), (np.ndarray, BookCurves))
        }
        if len(set(lengths.values())) > 1:
            raise ContractError(f"liquidity surface: arrays differ in length: {lengths}")
        if self.weight.shape[1:] != (len(BLENDED_MEMBERS),):
            raise ContractError(
                f"liquidity surface: weights of shape {self.weight.shape}, allowed ({len(self)}, {len(BLENDED_MEMBERS)}), "
                f"one column for each of {[member.name for member in BLENDED_MEMBERS]}"
            )

    @classmethod
    def of(
        cls,
        instrument_id: Sequence[str],
        *,
        spread_bps: ArrayLike,
        adv_ccy: ArrayLike,
        volatility_daily_frac: ArrayLike,
        price: ArrayLike = np.nan,
        asset_class: ArrayLike = "equity",
        currency: ArrayLike = "USD",
        curves: BookCurves | None = None,
        session_date: date | None = None,
        **others: ArrayLike,
    ) -> "LiquiditySurface":
        """Surface from a few arrays (each (N,) or one value for all): prior weights, everything taken as observed.

        ``others`` are further attributes by name. For what-ifs and tests; tables come through :meth:`from_tables`.
        """
        n = len(instrument_id)
        names = np.empty(n, dtype=object)
        names[:] = list(instrument_id)
        texts: dict[str, ArrayLike | None] = {
            "asset_class": asset_class,
            "currency": currency,
            "sector": None,
            "rating": None,
            "issuer_id": None,
            "method": "observed",
            "reason": "",
            "origin": "recorded",
            "source": "given",
            "spread_basis": "quoted",
            "adv_basis": "observed",
            "volatility_basis": "trades",
        }
        numbers: dict[str, ArrayLike] = {
            "price": price,
            "spread_bps": spread_bps,
            "adv_ccy": adv_ccy,
            "volatility_daily_frac": volatility_daily_frac,
            "depth_ccy_per_bp": np.nan,
            "age_sessions": 0.0,
            "coverage_frac": 1.0,
            "impact_scale": 1.0,
            "impact_scale_se": 0.0,
            "spread_sd_bps": 0.0,
        }
        counts = ("adv_known_n", "adv_traded_n", "calibration_n")
        unknown = sorted(set(others) - set(texts) - set(numbers) - {"weight", *counts})
        if unknown:
            raise ConfigError(f"liquidity surface: unknown {unknown}; it has {sorted({*texts, *numbers, *counts})}")
        given: dict[str, Any] = {
            **{name: _texts(others.get(name, value), n) for name, value in texts.items()},
            **{name: _numbers(others.get(name, value), n) for name, value in numbers.items()},
            **{name: _numbers(others.get(name, 0), n).astype(np.int64) for name in counts},
        }
        weight = np.asarray(others.get("weight", prior_weights()), dtype=np.float64)
        given["weight"] = np.ascontiguousarray(np.broadcast_to(weight, (n, weight.shape[-1])))
        return cls(
            instrument_id=names,
            session_date=session_date,
            curves=BookCurves.of(n, {}, {}) if curves is None else curves,
            **given,
        )

    @classmethod
    def from_tables(cls, surface_rows: "pd.DataFrame", curve_rows: "pd.DataFrame | None" = None) -> "LiquiditySurface":
        """Surface from rows of ``liquidity_surface`` of one session, and of ``surface_curves`` where there are books."""
        from liquidity.impact.surface_tables import surface_from_tables

        return surface_from_tables(surface_rows, curve_rows)

    def to_tables(self) -> "tuple[pd.DataFrame, pd.DataFrame]":
        """Rows of ``liquidity_surface`` and ``surface_curves``; the inverse of :meth:`from_tables`."""
        from liquidity.impact.surface_tables import tables_of_surface

        return tables_of_surface(self)

    def __len__(self) -> int:
        return len(self.instrument_id)

    @property
    def adv_qty(self) -> NDArray[np.float64]:
        """(N,) average daily volume in units of the price; NaN without a price."""
        return self.adv_ccy / self.price

    @property
    def answered(self) -> NDArray[np.bool_]:
        """(N,) whether the row has an answer."""
        told: NDArray[np.bool_] = self.method != "none"
        return told

    def places(self, ids: Sequence[str] | NDArray[np.object_]) -> NDArray[np.int64]:
        """Row of each identifier; -1 where the surface does not know it."""
        if not self._row_of:  # made at the first question: most surfaces that stress makes are never asked
            self._row_of.update((name, row) for row, name in enumerate(self.instrument_id))
        return np.array([self._row_of.get(name, -1) for name in ids], dtype=np.int64)

    def take(self, places: ArrayLike) -> "LiquiditySurface":
        """The chosen rows, in that order and as often as named.

        Raises
        ------
        ConfigError
            A place outside 0 to N - 1; leave the unknown ones (-1) out and count them.
        """
        chosen = np.asarray(places, dtype=np.int64)
        if len(chosen) and not (chosen.min() >= 0 and chosen.max() < len(self)):
            raise ConfigError(
                f"liquidity surface: place {chosen.min() if chosen.min() < 0 else chosen.max()}, allowed 0 to "
                f"{len(self) - 1}; leave instruments out that the surface does not know"
            )
        if np.array_equal(chosen, np.arange(len(self))):
            return self
        arrays = {
            each.name: getattr(self, each.name)[chosen]
            for each in fields(self)
            if isinstance(getattr(self, each.name), np.ndarray)
        }
        return replace(self, **arrays, curves=self.curves.take(chosen))

    def followed_by(self, other: "LiquiditySurface") -> "LiquiditySurface":
        """The rows of this surface, then those of ``other``; an instrument may occur in both."""
        arrays: dict[str, Any] = {
            each.name: np.concatenate([getattr(self, each.name), getattr(other, each.name)])
            for each in fields(self)
            if isinstance(getattr(self, each.name), np.ndarray)
        }
        return replace(self, **arrays, curves=self.curves.followed_by(other.curves))

    def stressed(self, shock: Shock) -> "LiquiditySurface":
        """The surface under a shock whose arrays are aligned with this one.

        Notes
        -----
        Spread, volume and volatility change as the shock says. A loss of depth thins the visible books and raises the
        models by depth ** -1/2: in a latent book that is linear in price the square-root law's prefactor goes with the
        inverse square root of its slope (Tóth et al. 2011, section V; Donier et al. 2015). Depth below 1 % counts as 1 %;
        volume of 0 has no answer. Dealers that withdraw take their share of volume and depth of bonds, no other market.
        """
        dealer_left = 1.0 - np.where(np.isin(self.asset_class, BOND_CLASSES), shock.dealer_withdrawal_frac, 0.0)
        volume_left = (1.0 - np.asarray(shock.volume_haircut_frac)) * dealer_left
        depth_left = np.broadcast_to((1.0 - np.asarray(shock.depth_haircut_frac)) * dealer_left, (len(self),))
        spread_mult = np.broadcast_to(np.asarray(shock.spread_mult, dtype=np.float64), (len(self),))
        dearer = np.maximum(depth_left, _LEAST_DEPTH_FRAC) ** -0.5
        return replace(
            self,
            spread_bps=self.spread_bps * spread_mult,
            spread_sd_bps=self.spread_sd_bps * spread_mult,
            adv_ccy=self.adv_ccy * volume_left,
            volatility_daily_frac=self.volatility_daily_frac * shock.vol_mult,
            depth_ccy_per_bp=self.depth_ccy_per_bp * depth_left,
            impact_scale=self.impact_scale * dearer,
            impact_scale_se=self.impact_scale_se * dearer,
            curves=self.curves.stressed(depth_left, spread_mult),
        )

    def half_spread_bps(self, side_sign: ArrayLike) -> NDArray[np.float64]:
        """(N,) distance from mid to the best price of the side: the book's own, else half of the spread."""
        half = self.spread_bps / 2.0
        if self.curves.is_empty:
            return half
        best = np.where(is_buy(side_sign), self.curves.best_bps(BUY), self.curves.best_bps(SELL))
        return np.where(np.isnan(best), half, best)

    def cost(self, side_sign: ArrayLike, size_ccy: ArrayLike, horizon_sessions: ArrayLike) -> CostEstimate:
        """Cost of one or several sizes of each instrument.

        Parameters
        ----------
        side_sign
            +1 buys, -1 sells; one for all, or (N,). 0 (nothing to trade) is told as a buy.
        size_ccy
            (N,) or (N, K) value of the orders in the instrument's currency, absolute, at least 0.
        horizon_sessions
            Sessions of the instrument's calendar over which the order is worked, above 0: one for all, (N,) for each
            instrument, or an array of two dimensions.

        Returns
        -------
        CostEstimate
            Arrays of the broadcast shape; an array (N,) beside one of two dimensions counts as (N, 1).

        Notes
        -----
        Up to :func:`immediate_sessions` an order is instant: within the visible book it costs the walk, exactly. What lies
        beyond pays the last visible price plus what the models say of the whole order. With more time the order costs the
        blend of the models, and never more than crossing at once. Without a book the models speak for all sizes. The
        expected cost of a sale is at most 10,000 bps, all that it brings.

        Raises
        ------
        ConfigError
            A size below 0, a horizon not above 0, another side, or shapes that do not fit.
        """
        return order_cost(self, side_sign, size_ccy, horizon_sessions)

    def member_costs(self, size_ccy: ArrayLike, horizon_sessions: float) -> NDArray[np.float64]:
        """(M, N) impact of each member in the order of ``BLENDED_MEMBERS``, scaled by calibration, bps; beside ``weight``.

        ``size_ccy`` is (N,), absolute.
        """
        adv = np.where(self.adv_ccy > 0.0, self.adv_ccy, np.nan)
        share = np.broadcast_to(np.asarray(size_ccy, dtype=np.float64), (len(self),)) / adv
        return np.stack(
            [
                self.impact_scale * member.average_cost_bps(share, self.volatility_daily_frac, horizon_sessions)
                for member in BLENDED_MEMBERS
            ]
        )

    def grid(
        self,
        side_sign: ArrayLike,
        sizes_adv_frac: ArrayLike,
        horizons_sessions: ArrayLike,
        percentiles: ArrayLike = (0.5,),
    ) -> NDArray[np.float32]:
        """Cost of a grid in one pass, bps.

        Parameters
        ----------
        side_sign
            +1 or -1, one for all or (N,).
        sizes_adv_frac, horizons_sessions, percentiles
            (S,) sizes in average daily volumes of this surface, (H,) sessions above 0, (P,) in (0, 1); 0.5 is expected.

        Returns
        -------
        NDArray[np.float32]
            (N, S, H, P), the numbers of :meth:`cost` in single precision.
        """
        return cost_grid(self, side_sign, sizes_adv_frac, horizons_sessions, percentiles)

    def days_to_liquidate(self, size_ccy: ArrayLike, participation_frac: ArrayLike) -> NDArray[np.float64]:
        """Sessions to trade ``size_ccy`` at a share of daily volume: size / (participation * ADV).

        Parameters
        ----------
        size_ccy
            (N,) or (N, K), absolute.
        participation_frac
            In (0, 1].

        Returns
        -------
        NDArray[np.float64]
            Sessions, not rounded; 0 for a size of 0; NaN (never) where ADV is 0 or unknown.
        """
        share = np.asarray(participation_frac, dtype=np.float64)
        size = np.asarray(size_ccy, dtype=np.float64)
        if not ((share > 0.0) & (share <= 1.0)).all():
            raise ConfigError(f"days_to_liquidate: participation {participation_frac!r}, allowed above 0 to 1")
        if (size < 0.0).any():
            raise ConfigError(f"days_to_liquidate: size {np.nanmin(size)} below 0; sizes are absolute")
        ndim = max(size.ndim, share.ndim, 1)
        adv = beside(np.where(self.adv_ccy > 0.0, self.adv_ccy, np.nan), ndim)
        size = beside(size, ndim)
        return np.where(size == 0.0, 0.0, size / (beside(share, ndim) * adv))


def _numbers(values: ArrayLike, n: int) -> NDArray[np.float64]:
    return np.ascontiguousarray(np.broadcast_to(np.asarray(values, dtype=np.float64), (n,)))


def _texts(values: ArrayLike | None, n: int) -> NDArray[np.object_]:
    return np.array(np.broadcast_to(np.asarray(values, dtype=object), (n,)), dtype=object)
