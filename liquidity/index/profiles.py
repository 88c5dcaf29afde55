"""Weight profiles: which features make a score, with which weight, as versioned facts.

``bondx_v1`` keeps the published weights of the bond pulse verbatim, sign included; ``sovereign_v1`` leans on dealer
quotes; ``bondx_v2`` takes the market signals out of repayment support, so that the spread is counted once; ``traded_v1`` is for what trades all day. A profile
never changes under its name: a new idea is a new name. Read next: ``aggregation.py``, ``docs/methodology/liquidity_index.md``.
"""

import difflib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from liquidity.contracts.features import SCORED_FEATURES
from liquidity.domain.errors import ConfigError
from liquidity.domain.instrument import ASSET_CLASSES, BOND_CLASSES, RATINGS, SECTORS
from liquidity.features.scaling import Transform

__all__ = [
    "DEFAULT_PROFILES",
    "FEATURE_ALIASES",
    "PROFILES",
    "FeatureWeight",
    "RatingTilt",
    "SectorWeight",
    "WeightProfile",
    "profiles_for",
    "spread_overlap",
    "weight_profile",
    "with_overrides",
]

# Names of the source document that carry their unit here.
FEATURE_ALIASES: Final[Mapping[str, str]] = {"time_since_last_trade": "time_since_last_trade_h"}


@dataclass(frozen=True, slots=True)
class FeatureWeight:
    """One feature's part in a score.

    Parameters
    ----------
    weight
        Signed as published: below 0 a high value is bad. Its size is the share of the score.
    group
        Inputs whose freshness and quality scale the weight (``<group>_weight_frac`` of the features).
    scaling, transform
        See :mod:`liquidity.features.scaling`.
    """

    feature: str
    weight: float
    group: Literal["micro", "alt", "auction", "sentiment"]
    scaling: Literal["rank", "natural"] = "rank"
    transform: Transform = "none"


@dataclass(frozen=True, slots=True)
class SectorWeight:
    """Shares of liquidity and repayment support in the combined score of one sector; they sum to 1."""

    sector: str
    liquidity: float
    repayment: float


@dataclass(frozen=True, slots=True)
class RatingTilt:
    """Points added to the combined score of one rating."""

    rating: str
    points: float


@dataclass(frozen=True, slots=True)
class WeightProfile:
    """Everything that turns features into the three scores.

    Parameters
    ----------
    asset_classes
        Classes the profile is meant for; rows of others are not scored by it.
    liquidity, repayment
        Weighted features; an empty ``repayment`` says that the class promises no repayment.
    sector_weights, default_sector_weight
        Combination by sector; the default serves unknown sectors, which are flagged.
    rating_tilt_points
        Additive adjustment by rating, never higher for a worse rating; none is 0.
    min_coverage
        Share of weight that fresh inputs must carry, fraction 0-1; below it there is no observed score.
    own_weight
        Share of the own-history rank in a component, fraction 0-1.
    min_peers
        Names with a value that a peer group needs.
    """

    name: str
    asset_classes: tuple[str, ...]
    liquidity: tuple[FeatureWeight, ...]
    repayment: tuple[FeatureWeight, ...]
    sector_weights: tuple[SectorWeight, ...] = ()
    default_sector_weight: SectorWeight = SectorWeight("DEFAULT", 0.5, 0.5)
    rating_tilt_points: tuple[RatingTilt, ...] = tuple(RatingTilt(rating, 0.0) for rating in RATINGS)
    min_coverage: float = 0.5
    own_weight: float = 0.5
    min_peers: int = 20

    def __post_init__(self) -> None:
        """Refuse a profile that contradicts itself."""
        for label, items in (("liquidity", self.liquidity), ("repayment", self.repayment)):
            names = [item.feature for item in items]
            if len(set(names)) != len(names):
                raise ConfigError(f"profile {self.name}.{label}: a feature occurs twice in {names}")
            for item in items:
                self._check_feature(label, item)
        directions: dict[str, bool] = {}
        for item in (*self.liquidity, *self.repayment):
            if directions.setdefault(item.feature, item.weight > 0) != (item.weight > 0):
                raise ConfigError(f"profile {self.name}: {item.feature} is good in one score and bad in the other")
        if not self.liquidity:
            raise ConfigError(f"profile {self.name}: no liquidity feature has a weight; give at least one")
        for name, low, high in (("min_coverage", 0.0, 1.0), ("own_weight", 0.0, 1.0), ("min_peers", 2, 100_000)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"profile {self.name}.{name}: {value!r} is outside [{low}, {high}]")
        for weight in (*self.sector_weights, self.default_sector_weight):
            if min(weight.liquidity, weight.repayment) < 0 or not math.isclose(
                weight.liquidity + weight.repayment, 1.0
            ):
                raise ConfigError(
                    f"profile {self.name}.sector_weights.{weight.sector}: liquidity {weight.liquidity} and repayment "
                    f"{weight.repayment} must both be >= 0 and sum to 1"
                )
        self._check_tilt()

    def _check_feature(self, label: str, item: FeatureWeight) -> None:
        where = f"profile {self.name}.{label}.{item.feature}"
        if item.feature not in SCORED_FEATURES:
            raise ConfigError(f"{where}: unknown feature{_suggest(item.feature, SCORED_FEATURES)}")
        if not math.isfinite(item.weight) or not 0.0 < abs(item.weight) <= 1.0:
            raise ConfigError(f"{where}: weight {item.weight!r}; its size must be above 0 and at most 1")
        if (item.scaling == "rank") != (item.transform == "none"):
            raise ConfigError(f"{where}: scaling {item.scaling!r} does not go with transform {item.transform!r}")

    def _check_tilt(self) -> None:
        tilts = {tilt.rating: tilt.points for tilt in self.rating_tilt_points}
        unknown = sorted(set(tilts) - set(RATINGS))
        if unknown or len(tilts) != len(self.rating_tilt_points):
            raise ConfigError(
                f"profile {self.name}.rating_tilt_points: unknown or repeated ratings {unknown}; known: {RATINGS}"
            )
        ordered = [tilts.get(rating, 0.0) for rating in RATINGS]
        if any(not math.isfinite(points) or abs(points) > 100.0 for points in ordered):
            raise ConfigError(f"profile {self.name}.rating_tilt_points: {ordered} must lie within +-100 points")
        if any(worse > better for better, worse in itertools.pairwise(ordered)):
            raise ConfigError(
                f"profile {self.name}.rating_tilt_points: {dict(zip(RATINGS, ordered, strict=True))} rewards a worse rating; "
                "points must not rise from AAA to D"
            )

    @property
    def scored_features(self) -> tuple[FeatureWeight, ...]:
        """Every feature of the profile, each once."""
        return tuple({item.feature: item for item in (*self.liquidity, *self.repayment)}.values())

    def sector_weight(self, sector: str | None) -> SectorWeight:
        """Shares for ``sector``; the documented default for a sector the profile does not know."""
        for weight in self.sector_weights:
            if weight.sector == sector:
                return weight
        return self.default_sector_weight

    def rating_points(self, rating: str | None) -> float:
        """Points added for ``rating``; 0 for unrated."""
        return next((tilt.points for tilt in self.rating_tilt_points if tilt.rating == rating), 0.0)


# The published weights, sign for sign. Dealer presence and auction demand arrive in one table, hence one group.
_BONDX_LIQUIDITY = (
    FeatureWeight("spread_bps", -0.3, "micro"),
    FeatureWeight("depth_density", 0.2, "micro"),
    FeatureWeight("turnover_velocity", 0.15, "micro"),
    FeatureWeight("mm_online_ratio", 0.15, "auction", "natural", "unit"),
    FeatureWeight("auction_demand", 0.1, "auction"),
    FeatureWeight("time_since_last_trade_h", -0.1, "micro"),
)
_BONDX_SECTORS = (
    SectorWeight("FINANCIAL", 0.7, 0.3),
    SectorWeight("UTILITIES", 0.4, 0.6),
    SectorWeight("INDUSTRIAL", 0.5, 0.5),
    SectorWeight("GOVERNMENT", 0.3, 0.7),
)

_BONDX_V1 = WeightProfile(
    name="bondx_v1",
    asset_classes=BOND_CLASSES,
    liquidity=_BONDX_LIQUIDITY,
    repayment=(
        FeatureWeight("traffic_index", 0.25, "alt"),
        FeatureWeight("utilities_index", 0.2, "alt"),
        FeatureWeight("sentiment_intensity", 0.15, "sentiment"),
        FeatureWeight("buzz_volume", 0.1, "sentiment"),
        FeatureWeight("spread_stability", 0.2, "micro", "natural", "unit"),
        FeatureWeight("depth_stability", 0.1, "micro", "natural", "unit"),
    ),
    sector_weights=_BONDX_SECTORS,
)

# Sovereigns trade with dealers: what their two-way quotes cost and how steadily they stand carries three quarters, so
# that a source of quotes alone suffices. Repayment and sectors as published.
_SOVEREIGN_V1 = replace(
    _BONDX_V1,
    name="sovereign_v1",
    asset_classes=("bond_sovereign",),
    liquidity=(
        FeatureWeight("spread_bps", -0.35, "micro"),
        FeatureWeight("mm_online_ratio", 0.4, "auction", "natural", "unit"),
        FeatureWeight("auction_demand", 0.1, "auction"),
        FeatureWeight("depth_density", 0.05, "micro"),
        FeatureWeight("turnover_velocity", 0.05, "micro"),
        FeatureWeight("time_since_last_trade_h", -0.05, "micro"),
    ),
)

# Repayment from alternative data and tone alone, in nearly the published proportions (.25 .2 .15 .1 of .7).
_BONDX_V2 = replace(
    _BONDX_V1,
    name="bondx_v2",
    repayment=(
        FeatureWeight("traffic_index", 0.35, "alt"),
        FeatureWeight("utilities_index", 0.3, "alt"),
        FeatureWeight("sentiment_intensity", 0.2, "sentiment"),
        FeatureWeight("buzz_volume", 0.15, "sentiment"),
    ),
)

_TRADED_V1 = WeightProfile(
    name="traded_v1",
    asset_classes=tuple(name for name in ASSET_CLASSES if name not in BOND_CLASSES),
    liquidity=(
        FeatureWeight("spread_bps", -0.3, "micro"),  # what a small order pays; the published share
        FeatureWeight(
            "amihud_per_m", -0.25, "micro"
        ),  # what a large order moves; stands in for depth where no book is seen
        FeatureWeight(
            "turnover_ccy", 0.2, "micro"
        ),  # what the market absorbs in a day; velocity needs an outstanding amount
        FeatureWeight(
            "depth_density", 0.1, "micro"
        ),  # few sources show the book, so its absence must not cost coverage
        FeatureWeight("zero_trade_share_frac", -0.1, "micro", "natural", "unit"),  # sessions in which nobody dealt
        FeatureWeight("time_since_last_trade_h", -0.05, "micro"),  # almost always nought here; catches halts
    ),
    repayment=(),  # neither a share nor a coin promises repayment
    default_sector_weight=SectorWeight("DEFAULT", 1.0, 0.0),
    min_peers=8,  # pairs and shares number tens; the percentile's sampling error says what that costs
)

PROFILES: Final[Mapping[str, WeightProfile]] = {
    item.name: item for item in (_BONDX_V1, _BONDX_V2, _SOVEREIGN_V1, _TRADED_V1)
}
DEFAULT_PROFILES: Final[Mapping[str, WeightProfile]] = {
    "bond_corporate": _BONDX_V1,
    "bond_sovereign": _SOVEREIGN_V1,
    "equity": _TRADED_V1,
    "crypto_spot": _TRADED_V1,
    "crypto_perp": _TRADED_V1,
}


def weight_profile(name: str) -> WeightProfile:
    """Return the profile called ``name``.

    Raises
    ------
    ConfigError
        No such profile; the message names the nearest.

    Examples
    --------
    >>> weight_profile("bondx_v1").liquidity[0].weight
    -0.3
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise ConfigError(f"weight profile {name!r} does not exist{_suggest(name, tuple(PROFILES))}") from None


def profiles_for(name: str = "default", overrides: Mapping[str, object] | None = None) -> dict[str, WeightProfile]:
    """Profile of each asset class: the named one for the classes it is meant for, the default for the others.

    ``"default"`` keeps every class on its default; ``overrides`` (see :func:`with_overrides`) then change ``bondx_v1``
    for the classes that use it.
    """
    chosen = weight_profile("bondx_v1" if name == "default" else name)
    changed = with_overrides(chosen, overrides or {})
    if name == "default":
        return {each: changed if profile is chosen else profile for each, profile in DEFAULT_PROFILES.items()}
    return {**DEFAULT_PROFILES, **dict.fromkeys(chosen.asset_classes, changed)}


def with_overrides(profile: WeightProfile, overrides: Mapping[str, object]) -> WeightProfile:
    """Return the profile with some numbers changed, as an analyst's configuration gives them.

    Parameters
    ----------
    overrides
        ``{"liquidity": {"spread_bps": -0.4}, "repayment": {...}, "sector_weights": {"FINANCIAL": {"liquidity": 0.6,
        "repayment": 0.4}}, "rating_tilt_points": {"AAA": 2.0}, "min_coverage": 0.6, "own_weight": ..., "min_peers":
        ...}``. A weight of 0 leaves the feature out. Weights need not sum to 1: scores divide by their sum.

    Raises
    ------
    ConfigError
        Unknown key, feature, sector or rating (the nearest is named), a value of the wrong kind, or a weight of the
        opposite sign, which would call a wide spread liquid.

    Examples
    --------
    >>> with_overrides(weight_profile("bondx_v1"), {"liquidity": {"spread_bps": -0.4}}).liquidity[0].weight
    -0.4
    """
    known = (
        "liquidity",
        "repayment",
        "sector_weights",
        "rating_tilt_points",
        "min_coverage",
        "own_weight",
        "min_peers",
    )
    changed = profile
    for key, value in overrides.items():
        if key not in known:
            raise ConfigError(f"profile {profile.name}: unknown setting {key!r}{_suggest(key, known)}")
        where = f"profile {profile.name}.{key}"
        match key:
            case "liquidity":
                changed = replace(changed, liquidity=_reweigh(where, changed.liquidity, _table(where, value)))
            case "repayment":
                changed = replace(changed, repayment=_reweigh(where, changed.repayment, _table(where, value)))
            case "sector_weights":
                changed = replace(
                    changed, sector_weights=_resector(where, changed.sector_weights, _table(where, value))
                )
            case "rating_tilt_points":
                changed = replace(
                    changed, rating_tilt_points=_retilt(where, changed.rating_tilt_points, _table(where, value))
                )
            case "min_peers":
                if isinstance(value, bool) or not isinstance(value, int):
                    raise ConfigError(f"{where}: {value!r} is not a whole number")
                changed = replace(changed, min_peers=value)
            case "min_coverage":
                changed = replace(changed, min_coverage=_number(where, value))
            case "own_weight":
                changed = replace(changed, own_weight=_number(where, value))
    return changed


def spread_overlap(profile: WeightProfile) -> dict[str, float]:
    """Share of the combined score's weight that rests on the spread, by sector, fraction 0-1.

    The spread enters liquidity as a level and repayment support as a stability; this is what both add up to.

    Examples
    --------
    >>> {sector: round(share, 3) for sector, share in spread_overlap(weight_profile("bondx_v1")).items()}
    {'FINANCIAL': 0.27, 'UTILITIES': 0.24, 'INDUSTRIAL': 0.25, 'GOVERNMENT': 0.23, 'DEFAULT': 0.25}
    """

    def share(items: tuple[FeatureWeight, ...]) -> float:
        total = sum(abs(item.weight) for item in items)
        return sum(abs(item.weight) for item in items if item.feature.startswith("spread_")) / total if total else 0.0

    return {
        weight.sector: weight.liquidity * share(profile.liquidity) + weight.repayment * share(profile.repayment)
        for weight in (*profile.sector_weights, profile.default_sector_weight)
    }


def _reweigh(where: str, items: tuple[FeatureWeight, ...], values: Mapping[str, object]) -> tuple[FeatureWeight, ...]:
    weights = {item.feature: item for item in items}
    for given, value in values.items():
        feature = FEATURE_ALIASES.get(given, given)
        if feature not in weights:
            raise ConfigError(f"{where}: no feature {given!r}{_suggest(given, tuple(weights))}")
        weight, before = _number(f"{where}.{given}", value), weights[feature].weight
        if weight * before < 0:
            raise ConfigError(
                f"{where}.{given}: {weight:g} has the opposite sign of {before:g}; the sign says which way is good"
            )
        weights[feature] = replace(weights[feature], weight=weight)
    return tuple(item for item in weights.values() if item.weight != 0)


def _resector(where: str, items: tuple[SectorWeight, ...], values: Mapping[str, object]) -> tuple[SectorWeight, ...]:
    weights = {item.sector: item for item in items}
    for sector, value in values.items():
        if sector not in SECTORS:
            raise ConfigError(f"{where}: unknown sector {sector!r}{_suggest(sector, SECTORS)}")
        sides = _table(f"{where}.{sector}", value)
        if set(sides) != {"liquidity", "repayment"}:
            raise ConfigError(f"{where}.{sector}: needs exactly liquidity and repayment, found {sorted(sides)}")
        shares = {side: _number(f"{where}.{sector}.{side}", share) for side, share in sides.items()}
        weights[sector] = SectorWeight(sector, shares["liquidity"], shares["repayment"])
    return tuple(weights.values())


def _retilt(where: str, items: tuple[RatingTilt, ...], values: Mapping[str, object]) -> tuple[RatingTilt, ...]:
    tilts = {item.rating: item.points for item in items}
    for rating, value in values.items():
        if rating not in RATINGS:
            raise ConfigError(f"{where}: unknown rating {rating!r}{_suggest(rating, RATINGS)}")
        tilts[rating] = _number(f"{where}.{rating}", value)
    return tuple(RatingTilt(rating, tilts.get(rating, 0.0)) for rating in RATINGS)


def _table(where: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected names with values, found {value!r}")
    return {str(name): item for name, item in value.items()}


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{where}: {value!r} is not a finite number")
    return float(value)


def _suggest(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
