"""Answers of the topic ``market_risk``; merged by ``answers.py``."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from liquidity.market_risk.contributions import component_var
from liquidity.market_risk.covariance import cov_shrink
from liquidity.market_risk.drawdown import performance
from liquidity.market_risk.filtered import ewma_vol, fhs_var, garch11_filter
from liquidity.market_risk.liquidity_adjusted import frtb_es, lvar
from liquidity.market_risk.parametric import cornish_fisher, var_parametric
from liquidity.market_risk.tail import var_es_hist
from liquidity.market_risk.var_tests import acerbi_szekely, basel_zone, christoffersen, kupiec

__all__ = ["ANSWERS_MARKET_RISK"]

Answer = Callable[..., dict[str, Any]]


def _fields(function: Callable[..., Any]) -> Answer:
    return lambda **inputs: asdict(function(**inputs))


ANSWERS_MARKET_RISK: dict[str, Answer] = {
    **{
        function.__name__: _fields(function)
        for function in (
            acerbi_szekely,
            basel_zone,
            christoffersen,
            component_var,
            cornish_fisher,
            cov_shrink,
            ewma_vol,
            fhs_var,
            garch11_filter,
            kupiec,
            lvar,
            performance,
            var_es_hist,
            var_parametric,
        )
    },
    "frtb_es": lambda **inputs: {"es_lh": frtb_es(**inputs)},
}
