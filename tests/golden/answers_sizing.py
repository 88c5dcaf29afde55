"""Adapters of the sizing models; merged by ``answers.py``."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from liquidity.portfolio.kelly import kelly_binary, kelly_gaussian
from liquidity.portfolio.risk_parity import risk_parity
from liquidity.portfolio.sizing import position_size
from liquidity.portfolio.volatility_target import vol_target

__all__ = ["ANSWERS_SIZING"]

ANSWERS_SIZING: dict[str, Callable[..., dict[str, Any]]] = {
    "kelly_binary": lambda **inputs: asdict(kelly_binary(**inputs)),
    "kelly_gaussian": lambda **inputs: {"leverage": kelly_gaussian(**inputs)},
    "position_size": lambda **inputs: asdict(position_size(**inputs)),
    "vol_target": lambda **inputs: {"exposure": vol_target(**inputs)},
    "risk_parity": lambda **inputs: {"weights": risk_parity(**inputs).tolist()},
}
