"""What a stress scenario is, and how one is read from a document without guessing.

A scenario says for each stress class what happens to price, spread, depth, volume, volatility and correlation, how many
dealers withdraw, how much is redeemed and how much margin is called. The numbers are judgement unless a fact beside them
says otherwise; every scenario carries its facts with their basis and source. Read next: ``vector.py`` (a scenario on a
portfolio), ``engine.py`` (what it costs).
"""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from liquidity.domain.errors import ConfigError
from liquidity.stress.classes import STRESS_CLASSES

__all__ = ["EVERY_CLASS", "SEVERITIES", "ClassShock", "Fact", "Scenario", "scenario_from"]

EVERY_CLASS: Final = "every"
"""In a document: the shock of each class that is not named itself."""
SEVERITIES: Final = ("medium", "high", "critical")
_BASES: Final = ("judgement", "recorded", "verified", "verified-secondary", "recalled", "source_system")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "price_fall_frac": (-1.0, 1.0),
    "spread_mult": (0.0, 1e6),
    "volume_haircut_frac": (-100.0, 1.0),
    "depth_haircut_frac": (0.0, 1.0),
    "vol_mult": (0.0, 1e6),
    "dealer_withdrawal_frac": (0.0, 1.0),
    "redemption_weekly_frac": (0.0, 1.0),
    "margin_call_frac": (0.0, 1.0),
    "correlation_floor": (0.0, 1.0),
    "horizon_sessions": (0.0, 260.0),
}


@dataclass(frozen=True, slots=True)
class ClassShock:
    """What happens to the instruments of one class; the defaults change nothing.

    Attributes
    ----------
    price_fall_frac
        Share of the price that is lost, at most 1; negative is a gain.
    spread_mult, vol_mult
        Times the quoted spread and the daily volatility.
    volume_haircut_frac, depth_haircut_frac
        Share of daily volume and of resting depth that is lost; negative volume haircut: volume rises.
    dealer_withdrawal_frac
        Share of the dealers that stop quoting, 0-1.
    redemption_weekly_frac
        Share of net asset value that the holders of a fund of this class redeem in a week, 0-1.
    margin_call_frac
        Cash that must be posted, as a share of the position's gross value before the stress, 0-1.
    correlation_floor
        Weight of one common factor that all positions of the class are moved towards, 0-1; 0 leaves correlation as it is.
    horizon_sessions
        Sessions over which the shock unfolded or is meant to; told to the reader, no number depends on it.
    """

    price_fall_frac: float = 0.0
    spread_mult: float = 1.0
    volume_haircut_frac: float = 0.0
    depth_haircut_frac: float = 0.0
    vol_mult: float = 1.0
    dealer_withdrawal_frac: float = 0.0
    redemption_weekly_frac: float = 0.0
    margin_call_frac: float = 0.0
    correlation_floor: float = 0.0
    horizon_sessions: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a number outside its range."""
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ConfigError(f"scenario: {name} is {value}, allowed {low:g} to {high:g}; correct the scenario")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, on what basis it is told and where it was read."""

    value: str
    basis: str
    source: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named stress.

    Attributes
    ----------
    name
        Lower-case identifier, the name of its file.
    title, window, notes
        For people; ``window`` is the time of the historical event, empty for an invented one.
    severity
        ``medium``, ``high`` or ``critical``.
    basis
        Where the numbers under ``classes`` come from: ``judgement``, ``source_system`` or ``recorded``.
    version, as_of
        Raised and dated with each change of the numbers.
    classes
        Stress class to shock; a class that is not here is not shocked, and its positions say so.
    """

    name: str
    title: str
    severity: str
    basis: str
    version: int
    as_of: date
    classes: Mapping[str, ClassShock]
    window: str = ""
    notes: str = ""
    facts: tuple[Fact, ...] = ()


_CLASS_KEYS: Final = tuple(field.name for field in fields(ClassShock))
_SCENARIO_KEYS: Final = tuple(field.name for field in fields(Scenario))
_NEEDED: Final = ("name", "title", "severity", "basis", "version", "as_of", "classes")


def scenario_from(document: Mapping[str, Any], where: str) -> Scenario:
    """Read a scenario from a parsed document (TOML, JSON, a form of the launchpad).

    Parameters
    ----------
    document
        Keys of :class:`Scenario`; ``classes`` maps stress classes (or ``every``) to keys of :class:`ClassShock`; ``facts``
        lists tables of ``value``, ``basis`` and ``source``.
    where
        What to call the document in an error: a file name.

    Raises
    ------
    ConfigError
        A key nobody knows (the nearest known one is suggested), a missing key, a number outside its range, an unknown class,
        severity or basis.

    Examples
    --------
    >>> one = {"name": "dry", "title": "Dry", "severity": "high", "basis": "judgement", "version": 1, "as_of": date(2026, 11, 21)}
    >>> scenario_from({**one, "classes": {"every": {"spread_mult": 3}}}, "dry.toml").classes["ig_bond"].spread_mult
    3.0
    >>> scenario_from({**one, "classes": {"ig_bond": {"spred_mult": 3}}}, "dry.toml")
    Traceback (most recent call last):
    liquidity.domain.errors.ConfigError: dry.toml: classes.ig_bond has the unknown key 'spred_mult'; did you mean 'spread_mult'?
    """
    _known(document, _SCENARIO_KEYS, where, "")
    missing = [key for key in _NEEDED if key not in document]
    if missing:
        raise ConfigError(f"{where}: {', '.join(missing)} missing; a scenario has {', '.join(_NEEDED)}")
    name = document["name"]
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ConfigError(f"{where}: name {name!r} is not of the form a-z, 0-9 and _, 2 to 40 characters")
    _one_of(document["severity"], SEVERITIES, where, "severity")
    _one_of(document["basis"], _BASES, where, "basis")
    if not isinstance(document["version"], int) or isinstance(document["version"], bool) or document["version"] < 1:
        raise ConfigError(f"{where}: version {document['version']!r} is not a whole number from 1")
    if not isinstance(document["as_of"], date):
        raise ConfigError(f"{where}: as_of {document['as_of']!r} is not a date; write 2026-11-21 without quotes")
    for key in ("title", "window", "notes"):
        if not isinstance(document.get(key, ""), str):
            raise ConfigError(f"{where}: {key} is {document[key]!r}, not a text")
    return Scenario(
        name=name,
        title=document["title"],
        severity=document["severity"],
        basis=document["basis"],
        version=document["version"],
        as_of=document["as_of"],
        classes=_classes(document["classes"], where),
        window=document.get("window", ""),
        notes=document.get("notes", ""),
        facts=_facts(document.get("facts", ()), where),
    )


def _classes(tables: Any, where: str) -> dict[str, ClassShock]:
    if not isinstance(tables, Mapping) or not tables:
        raise ConfigError(f"{where}: classes is {tables!r}; give a table [classes.ig_bond] for one class at least")
    _known(tables, (*STRESS_CLASSES, EVERY_CLASS), where, "classes", "class")
    shocks: dict[str, ClassShock] = {}
    for name, table in tables.items():
        place = f"classes.{name}"
        if not isinstance(table, Mapping):
            raise ConfigError(f"{where}: {place} is {table!r}, not a table")
        _known(table, _CLASS_KEYS, where, place)
        for key, value in table.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"{where}: {place}.{key} is {value!r}, not a number")
        try:
            shocks[name] = ClassShock(**{key: float(value) for key, value in table.items()})
        except ConfigError as problem:
            raise ConfigError(f"{where}: {place}: {problem}") from None
    rest = shocks.pop(EVERY_CLASS, None)
    return {name: shocks.get(name, rest) for name in STRESS_CLASSES if name in shocks or rest is not None}  # type: ignore[misc]


def _facts(tables: Any, where: str) -> tuple[Fact, ...]:
    facts = []
    for place, table in enumerate(tables):
        if not isinstance(table, Mapping):
            raise ConfigError(f"{where}: facts[{place}] is {table!r}, not a table")
        _known(table, ("value", "basis", "source"), where, f"facts[{place}]")
        lacking = [key for key in ("value", "basis", "source") if not isinstance(table.get(key), str)]
        if lacking:
            raise ConfigError(f"{where}: facts[{place}] needs a text for {', '.join(lacking)}")
        _one_of(table["basis"], _BASES, where, f"facts[{place}].basis")
        facts.append(Fact(table["value"], table["basis"], table["source"]))
    return tuple(facts)


def _known(table: Mapping[str, Any], allowed: tuple[str, ...], where: str, place: str, kind: str = "key") -> None:
    for key in table:
        if key not in allowed:
            near = difflib.get_close_matches(str(key), allowed, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(allowed)}"
            raise ConfigError(f"{where}: {f'{place} has ' if place else ''}the unknown {kind} {key!r}; {hint}")


def _one_of(value: Any, allowed: tuple[str, ...], where: str, key: str) -> None:
    if value not in allowed:
        raise ConfigError(f"{where}: {key} is {value!r}, allowed {', '.join(allowed)}")
