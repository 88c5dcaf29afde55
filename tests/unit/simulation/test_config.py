from dataclasses import replace
from datetime import date

import pytest

from liquidity.domain.errors import ConfigError
from liquidity.simulation import MarketConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bonds", 0),
        ("seed", -1),
        ("trade_probability_frac", 1.2),
        ("extra_trade_frac", float("nan")),
        ("trading_weekday_frac", (1.0, 1.0)),
        ("spread_weekday_frac", (1.0, 1.0, -1.0, 1.0, 1.0)),
        ("issuers", 201),
        ("crypto_perps", 10),
    ],
)
def test_a_value_outside_its_range_is_refused_and_named(field, value):
    changed = {field: value, "crypto_coins": 5} if field == "crypto_perps" else {field: value}
    with pytest.raises(ConfigError, match=r"simulated market: "):
        replace(MarketConfig(), **changed)


def test_the_message_says_what_was_found_and_what_is_allowed():
    with pytest.raises(ConfigError, match=r"dealers is 99; allowed: 1 to 64"):
        MarketConfig(dealers=99)


def test_sized_keeps_the_proportion_of_issuers_and_of_their_crises():
    big = MarketConfig.sized(100_000, seed=3)
    assert (big.bonds, big.issuers, big.issuer_crises_per_block, big.seed) == (100_000, 30_000, 1000, 3)
    assert MarketConfig.sized(200) == MarketConfig()
    assert MarketConfig.sized(1).issuers == 1


def test_a_weekend_session_has_no_planted_weekday_effect():
    config = MarketConfig()
    assert config.trading_effect(date(2026, 2, 1)) == config.spread_effect(date(2026, 2, 1)) == 1.0
    assert config.trading_effect(date(2026, 2, 2)) == 0.85
