from liquidity.contracts import ALL_CONTRACTS, MICROSTRUCTURE
from liquidity.contracts.dictionary import asset_description, data_dictionary_markdown


def test_every_table_column_unit_and_rule_is_on_the_page() -> None:
    page = data_dictionary_markdown(ALL_CONTRACTS)
    for contract in ALL_CONTRACTS:
        section = page.split(f"## {contract.location}/{contract.name}\n")[1].split("\n## ")[0]
        rows = {line.split("`")[1]: line for line in section.splitlines() if line.startswith("| `")}
        assert tuple(rows) == contract.column_names
        for column in contract.columns:
            assert f"| {column.unit} |" in rows[column.name]
            assert column.meaning.replace("|", "\\|") in rows[column.name]
        assert all(f"`{rule.code}`" in section for rule in contract.rules)


def test_table_rows_have_six_cells() -> None:
    for line in data_dictionary_markdown(ALL_CONTRACTS).splitlines():
        if line.startswith("| `"):
            assert line.replace("\\|", "").count("|") == 7


def test_the_asset_description_names_key_bad_rows_and_bounds() -> None:
    text = asset_description(MICROSTRUCTURE)
    assert text.startswith(MICROSTRUCTURE.row_means)
    assert "Key: `session_date`, `instrument_id`, `venue`" in text
    assert "above 10% of the rows (and from 3 bad rows, or when all are bad) the whole day is refused" in text
    assert "| `bid` | float64 | price | yes | > 0 |" in text
