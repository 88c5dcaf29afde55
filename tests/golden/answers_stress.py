"""Answers of the stress models."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from liquidity.stress.cascade import cascade
from liquidity.stress.stress_apply import stress_apply

__all__ = ["ANSWERS_STRESS"]


def _cascade(**inputs: Any) -> dict[str, Any]:
    found = asdict(cascade(**inputs))
    return found | {"liquidated": None if found["liquidated"] is None else list(found["liquidated"])}


ANSWERS_STRESS: dict[str, Callable[..., dict[str, Any]]] = {
    "stress_apply": lambda **inputs: asdict(stress_apply(**inputs)),
    "cascade": _cascade,
}
