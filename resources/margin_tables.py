"""Margin brackets of venues from files: one TOML document for each venue, ``resources/venues/margin/<venue>.toml``.

A market that no file names has no liquidation price and says so. Read next: ``liquidity/portfolio/margin_account.py``.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import LeverageTier
from liquidity.portfolio.margin_account import CloseRules, MarginTable

__all__ = ["MARGIN_FOLDER", "load_margin_tables", "margin_tables_of"]

MARGIN_FOLDER: Final = Path(__file__).parent / "venues" / "margin"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Close(_Part):
    partial_above_ccy: float = Field(ge=0)
    partial_frac: float = Field(gt=0, le=1)
    cooldown_s: float = Field(ge=0)
    backstop_ratio: float = Field(ge=0, lt=1)


class _Document(_Part):
    """One file; ``half_of_initial`` rows are ``[cap, leverage]``, ``rates`` rows ``[cap, leverage, maintenance rate]``."""

    venue: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    basis: Literal["published", "demo"]
    as_of: date
    source: str = Field(min_length=5)
    maintenance: Literal["rates", "half_of_initial"]
    markets: dict[str, list[Annotated[list[float], Field(min_length=2, max_length=3)]]] = Field(min_length=1)
    close: _Close | None = None


def load_margin_tables(folder: Path = MARGIN_FOLDER) -> dict[str, MarginTable]:
    """Margin tables of all files of a folder by instrument, ``VENUE:LOCAL``."""
    found: dict[str, MarginTable] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
            raise ConfigError(f"margin tables {path.name}: {problem}") from None
        if document.get("venue") != path.stem:
            raise ConfigError(f"{path.name}: venue is {document.get('venue')!r}, must be the file's, {path.stem!r}")
        found |= margin_tables_of(document, path.name)
    return found


def margin_tables_of(document: dict[str, Any], where: str) -> dict[str, MarginTable]:
    """Margin tables of one document by instrument.

    Raises
    ------
    ConfigError
        An unknown key, a value outside its range, or brackets that do not rise; the file and the market are named.
    """
    try:
        told = _Document.model_validate(document)
    except ValidationError as problem:
        lines = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problem.errors()[:5])
        raise ConfigError(f"margin tables {where}: {lines}") from None
    width = 3 if told.maintenance == "rates" else 2
    close = None if told.close is None else CloseRules(**told.close.model_dump())
    tables: dict[str, MarginTable] = {}
    for market, rows in told.markets.items():
        if any(len(row) != width for row in rows):
            raise ConfigError(
                f"margin tables {where}, {market}: rows of {told.maintenance} have {width} numbers; found {rows}"
            )
        floors = [0.0, *(row[0] for row in rows[:-1])]
        try:
            tiers = tuple(
                LeverageTier(floor, row[0], row[2] if width == 3 else 0.5 / row[1], row[1])
                for floor, row in zip(floors, rows, strict=True)
            )
            tables[f"{told.venue}:{market}"] = MarginTable(tiers, told.basis, told.as_of, close)
        except (ContractError, ZeroDivisionError) as problem:
            raise ConfigError(f"margin tables {where}, {market}: {problem}") from None
    return tables
