"""Answers of the topic ``impact``."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from liquidity.impact.almgren2005 import almgren2005
from liquidity.impact.calibration import calibrate_Y
from liquidity.impact.ensemble import ensemble
from liquidity.impact.istar import istar
from liquidity.impact.linear import linear_impact
from liquidity.impact.obizhaeva_wang import obizhaeva_wang
from liquidity.impact.propagator import propagator
from liquidity.impact.square_root import sqrt_law

__all__ = ["ANSWERS_IMPACT"]

Answer = Callable[..., dict[str, Any]]


def _fields(function: Callable[..., Any]) -> Answer:
    return lambda **inputs: asdict(function(**inputs))


ANSWERS_IMPACT: dict[str, Answer] = {
    "linear_impact": _fields(linear_impact),
    "sqrt_law": _fields(sqrt_law),
    "almgren2005": _fields(almgren2005),
    "istar": _fields(istar),
    "obizhaeva_wang": _fields(obizhaeva_wang),
    "propagator": _fields(propagator),
    "calibrate_Y": _fields(calibrate_Y),
    "ensemble": _fields(ensemble),
}
