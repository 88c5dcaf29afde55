"""Value at risk and its relatives, each with its back-test.

Order of reading: ``price_history`` and ``scenarios`` (what comes in) -> ``tail``, ``parametric``, ``filtered`` (the models)
-> ``contributions``, ``covariance``, ``drawdown``, ``liquidity_adjusted`` (who carries it, what leaving adds) ->
``rolling_var`` and ``var_tests`` (were they right) -> ``market_risk_table``, ``backtest_table`` (the rows) -> ``engine``
(many portfolios at once).
"""
