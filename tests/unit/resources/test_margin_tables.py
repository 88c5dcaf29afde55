"""Margin brackets of venues: the files say what the venues say, and a wrong file is refused by name."""

import pytest

from liquidity.domain.errors import ConfigError
from resources.margin_tables import load_margin_tables, margin_tables_of

SOUND = {
    "venue": "v",
    "basis": "demo",
    "as_of": "2026-01-01",
    "source": "invented",
    "maintenance": "rates",
    "markets": {"BTC": [[1e5, 50, 0.01], [1e6, 20, 0.02]]},
}


@pytest.mark.feature("PL-FU-03")
def test_the_files_hold_the_published_brackets():
    tables = load_margin_tables()
    assert float(tables["binanceusdm:BTCUSDT"].maintenance(1e6)) == pytest.approx(1e6 * 0.0065 - 950.0)
    assert float(tables["binanceusdm:ETHUSDT"].maintenance(1e9)) == pytest.approx(1e9 * 0.5 - 280_506_450.0)
    assert float(tables["hyperliquid:BTC"].maintenance(1e6)) == pytest.approx(1e6 / 80.0)
    assert tables["hyperliquid:BTC"].tier(2e8).max_leverage == 20.0
    assert tables["hyperliquid:ETH"].close.partial_frac == 0.2
    assert {name for name, table in tables.items() if table.basis == "demo"} == {
        name for name in tables if name.startswith("sim:")
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surprise": 1}, "surprise"),
        ({"basis": "guess"}, "basis"),
        ({"maintenance": "half_of_initial"}, "have 2 numbers"),
        ({"markets": {"BTC": [[1e6, 20, 0.02], [1e5, 50, 0.03]]}}, "BTC"),
        ({"markets": {"BTC": [[1e5, 50, 0.03], [1e6, 20, 0.02]]}}, "BTC"),
        ({"markets": {}}, "markets"),
    ],
)
def test_a_wrong_document_is_refused_by_name(change, words):
    assert set(margin_tables_of(SOUND, "v.toml")) == {"v:BTC"}
    with pytest.raises(ConfigError, match=words):
        margin_tables_of({**SOUND, **change}, "v.toml")


def test_a_file_must_bear_its_venue_and_be_toml(tmp_path):
    (tmp_path / "other.toml").write_text('venue = "v"')
    with pytest.raises(ConfigError, match="other"):
        load_margin_tables(tmp_path)
    (tmp_path / "other.toml").write_text("venue = ")
    with pytest.raises(ConfigError, match=r"other\.toml"):
        load_margin_tables(tmp_path)
