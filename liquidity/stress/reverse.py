"""Reverse stress: the smallest multiple of a stress that breaks each limit, and which limit breaks first.

Read next: ``measures.py``, which tells the headroom of each limit under a stress.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from liquidity.domain.errors import ConfigError

__all__ = ["BreakingPoint", "breaking_points"]

_PROBES: Final = 33
_SLACK: Final = 1e-9

Verdict = Literal["broken_already", "breaks", "holds", "unknown"]


@dataclass(frozen=True, slots=True)
class BreakingPoint:
    """Where one limit breaks.

    Attributes
    ----------
    limit
        Its name.
    verdict
        ``broken_already`` without any stress; ``breaks`` at ``multiple``; ``holds`` up to the largest multiple tried;
        ``unknown`` where the headroom cannot be told.
    multiple
        Smallest multiple found at which the limit is broken (0 when broken already); NaN when it holds or is unknown.
    last_safe_multiple
        Largest multiple found below it at which the limit holds; the break lies between the two.
    monotone
        Whether the headroom never rose with the multiple at any point evaluated. True proves the break to be the smallest
        one among all points evaluated; False: it is the smallest at the resolution of the probes, and relief at a deeper
        stress (a position that lost its weight) is possible.
    evaluations
        Points at which the portfolio was stressed for this answer.
    """

    limit: str
    verdict: Verdict
    multiple: float
    last_safe_multiple: float
    monotone: bool
    evaluations: int


def breaking_points(
    headroom: Callable[[float], Mapping[str, float]], *, largest: float = 4.0, tolerance: float = 1e-4
) -> tuple[BreakingPoint, ...]:
    """Find each limit's breaking point by probing and bisection.

    The multiples 0 to ``largest`` are probed in 33 equal steps, until every limit is broken; the first step in which a limit breaks is halved until it
    is no wider than ``tolerance``. Each multiple is evaluated once for all limits.

    Parameters
    ----------
    headroom
        Headroom of each limit at a multiple of the stress: at least 0 holds, below 0 is broken, NaN is unknown. Must name
        the same limits at each multiple.
    largest
        Multiple up to which is searched, above 0.
    tolerance
        Width of the answer, in multiples, above 0.

    Returns
    -------
    tuple of BreakingPoint
        First to break first; then those that hold, then the unknown ones.

    Examples
    --------
    >>> found = breaking_points(lambda m: {"loss": 0.3 - 0.2 * m, "days": 9.0 - m}, largest=4.0)
    >>> [(each.limit, each.verdict, round(each.multiple, 3)) for each in found]
    [('loss', 'breaks', 1.5), ('days', 'holds', nan)]
    """
    if not (largest > 0.0 and 0.0 < tolerance < largest):
        raise ConfigError(
            f"breaking_points: largest {largest} (above 0), tolerance {tolerance} (above 0, below largest)"
        )
    known: dict[float, Mapping[str, float]] = {}

    def at(multiple: float) -> Mapping[str, float]:
        if multiple not in known:
            known[multiple] = headroom(multiple)
        return known[multiple]

    probes = np.linspace(0.0, largest, _PROBES).tolist()
    limits = list(at(0.0))
    for place, probe in enumerate(probes):
        at(probe)
        if all(_bracket(limit, probes[: place + 1], known)[0] != "holds" for limit in limits):
            probes = probes[: place + 1]
            break
    brackets = {limit: _bracket(limit, probes, known) for limit in limits}
    for limit, (verdict, safe, broken) in brackets.items():
        if verdict != "breaks":
            continue
        while broken - safe > tolerance:
            middle = 0.5 * (safe + broken)
            # An unknown headroom between a known pass and a break counts as broken: unknown means deny.
            if at(middle)[limit] >= 0.0:
                safe = middle
            else:
                broken = middle
        brackets[limit] = (verdict, safe, broken)
    order = sorted(known)
    points = [
        BreakingPoint(
            limit=limit,
            verdict=verdict,
            multiple=broken,
            last_safe_multiple=safe,
            monotone=_falls([known[each][limit] for each in order]),
            evaluations=len(order),
        )
        for limit, (verdict, safe, broken) in brackets.items()
    ]
    rank = {"broken_already": 0, "breaks": 1, "holds": 2, "unknown": 3}
    return tuple(sorted(points, key=lambda each: (rank[each.verdict], np.nan_to_num(each.multiple), each.limit)))


def _bracket(
    limit: str, probes: list[float], known: Mapping[float, Mapping[str, float]]
) -> tuple[Verdict, float, float]:
    """Verdict, last safe probe and first broken probe of a limit."""
    values = [known[probe][limit] for probe in probes]
    if np.isnan(values[0]):
        return "unknown", np.nan, np.nan
    if values[0] < 0.0:
        return "broken_already", np.nan, 0.0
    for place in range(1, len(probes)):
        if not values[place] >= 0.0:
            return "breaks", probes[place - 1], probes[place]
    return "holds", probes[-1], np.nan


def _falls(values: list[float]) -> bool:
    """Whether the known values never rise, beyond rounding."""
    series = np.array([value for value in values if not np.isnan(value)])
    if len(series) < 2:
        return True
    size = np.maximum(np.abs(series[1:]), np.abs(series[:-1]))
    finite = np.where(np.isfinite(size), size, 0.0)
    with np.errstate(invalid="ignore"):
        steps = np.nan_to_num(np.diff(series), nan=0.0)
    return bool((steps <= _SLACK * np.maximum(finite, 1.0)).all())
