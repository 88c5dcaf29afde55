"""From the model names of the vectors to the production functions: ``ANSWERS[model](**inputs)`` gives a dict of outputs.

Nothing is computed here; an adapter only shapes inputs and names outputs.
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from liquidity.book import (
    BookSnapshot,
    book_sweep,
    decay_imbalance,
    depth_bps,
    effective_spread,
    lob_slope_ns,
    ofi,
    quoted_spread,
    resiliency,
    vpin,
    weighted_mid,
    xlm,
)
from liquidity.derivatives import (
    binance_liq,
    funding,
    funding_rate,
    hyperliquid_liq,
    margin_ratio,
    margin_tiers,
)
from liquidity.features.anomaly import robust_z
from liquidity.features.freshness import freshness
from liquidity.features.percentile import percentile_score, winsorize
from liquidity.features.seasonality import stl
from liquidity.features.stability import rolling_stability
from liquidity.forecast.baselines import baselines
from liquidity.forecast.conformal import aci, cqr, split_conformal
from liquidity.forecast.diebold_mariano import diebold_mariano
from liquidity.forecast.har import har_features
from liquidity.forecast.metrics import crps_ensemble, crps_normal, interval_score, mase, pinball
from liquidity.forecast.walk_forward import walk_forward
from liquidity.index.bondx_score import bondx_score
from liquidity.index.liquidity_index import liquidity_index
from liquidity.index.uncertainty import uncertainty
from liquidity.measures.abdi_ranaldo import abdi_ranaldo
from liquidity.measures.amihud import amihud
from liquidity.measures.bpw_gamma import bpw_gamma
from liquidity.measures.corwin_schultz import corwin_schultz
from liquidity.measures.edge_spread import edge_spread
from liquidity.measures.impact import hasbrouck_lambda, kyle_lambda, pastor_stambaugh
from liquidity.measures.roll import roll
from liquidity.measures.trades import bond_amihud, dfl_lambda, irc, price_dispersion
from liquidity.measures.zero_fht import zero_fht
from liquidity.measures.zero_trade_share import zero_trading_days

__all__ = ["ANSWERS"]

Answer = Callable[..., dict[str, Any]]


def _fields(function: Callable[..., Any]) -> Answer:
    """The fields of the returned dataclass."""
    return lambda **inputs: asdict(function(**inputs))


def _number(function: Callable[..., Any], name: str) -> Answer:
    """A function that returns one number."""
    return lambda **inputs: {name: function(**inputs)}


def _of_book(function: Callable[..., Any]) -> Answer:
    """A function of an order book; the vectors write a book as ``{bids, asks}``."""

    def answer(book: Mapping[str, Any], **inputs: Any) -> dict[str, Any]:
        return asdict(function(BookSnapshot.from_levels(book["bids"], book["asks"]), **inputs))

    return answer


def _answers_by_topic() -> dict[str, Answer]:
    """``ANSWERS_<TOPIC>`` of every ``answers_<topic>.py`` beside this file; no import of packages reaches the tests."""
    found: dict[str, Answer] = {}
    for path in sorted(Path(__file__).parent.glob("answers_*.py")):
        spec = importlib.util.spec_from_file_location(f"golden_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= getattr(module, path.stem.upper())
    return found


ANSWERS: dict[str, Answer] = {
    "quoted_spread": _fields(quoted_spread),
    "effective_spread": _fields(effective_spread),
    "depth_bps": _of_book(depth_bps),
    "book_sweep": _of_book(book_sweep),
    "xlm": _of_book(xlm),
    "lob_slope_ns": _of_book(lob_slope_ns),
    "weighted_mid": _fields(weighted_mid),
    "decay_imbalance": _of_book(decay_imbalance),
    "ofi": _fields(ofi),
    "amihud": _fields(amihud),
    "edge_spread": _fields(edge_spread),
    "corwin_schultz": _fields(corwin_schultz),
    "abdi_ranaldo": _fields(abdi_ranaldo),
    "roll": _fields(roll),
    "zero_fht": _fields(zero_fht),
    "kyle_lambda": _fields(kyle_lambda),
    "hasbrouck_lambda": _fields(hasbrouck_lambda),
    "pastor_stambaugh": _fields(pastor_stambaugh),
    "vpin": _fields(vpin),
    "resiliency": _fields(resiliency),
    "irc": _fields(irc),
    "price_dispersion": _fields(price_dispersion),
    "bpw_gamma": _fields(bpw_gamma),
    "bond_amihud": _number(bond_amihud, "illiq"),
    "dfl_lambda": _number(dfl_lambda, "lambda_"),
    "zero_trading_days": _fields(zero_trading_days),
    "robust_z": _fields(robust_z),
    "percentile_score": _number(percentile_score, "score"),
    "winsorize": lambda **inputs: {"x": winsorize(**inputs).tolist()},
    "liquidity_index": _fields(liquidity_index),
    "bondx_score": _fields(bondx_score),
    "freshness": _number(freshness, "weight"),
    "uncertainty": _fields(uncertainty),
    "stl": _fields(stl),
    "rolling_stability": _fields(rolling_stability),
    "margin_tiers": _fields(margin_tiers),
    "binance_liq": _fields(binance_liq),
    "hyperliquid_liq": _fields(hyperliquid_liq),
    "funding": _fields(funding),
    "funding_rate": _fields(funding_rate),
    "margin_ratio": _fields(margin_ratio),
    "pinball": _number(pinball, "loss"),
    "interval_score": _fields(interval_score),
    "crps_normal": _number(crps_normal, "crps"),
    "crps_ensemble": _number(crps_ensemble, "crps"),
    "mase": _number(mase, "mase"),
    "split_conformal": _fields(split_conformal),
    "cqr": _fields(cqr),
    "aci": _number(aci, "path"),
    "diebold_mariano": _fields(diebold_mariano),
    "walk_forward": _number(walk_forward, "splits"),
    "har_features": _fields(har_features),
    "baselines": _fields(baselines),
} | _answers_by_topic()
