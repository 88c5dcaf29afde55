"""Adapters of the leverage models; merged by ``answers.py``."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from liquidity.portfolio.leverage import max_leverage

__all__ = ["ANSWERS_LEVERAGE"]

ANSWERS_LEVERAGE: dict[str, Callable[..., dict[str, Any]]] = {
    "max_leverage": lambda **inputs: asdict(max_leverage(**inputs)),
}
