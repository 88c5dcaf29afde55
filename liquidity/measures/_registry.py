"""The registry of daily measures: one file, one measure, found by itself.

A file ``<name>.py`` directly in this folder defines ``MEASURE = Measure(name="<name>", ...)`` beside the scalar function
of the same formula. Discovery imports every file of the folder in sorted order and refuses one that has no ``MEASURE``,
whose measure has another name, or that asks for an input nobody provides. Files that begin with ``_`` are the registry's
own machinery. Subfolders are not searched: ``trades/`` needs single trades and ``impact/`` signed order flow or a market
return, which the daily panel does not carry, so their functions are called directly and have no ``MEASURE``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.registry import entry_modules

__all__ = ["INPUTS", "SPREAD_MIN_OBSERVATIONS", "Compute", "Matrix", "Measure", "discover"]

Matrix: TypeAlias = NDArray[np.float64]
Compute: TypeAlias = Callable[[Mapping[str, Matrix]], tuple[Matrix, Matrix]]

INPUTS: Final = (
    "open",
    "high",
    "low",
    "close",
    "return_frac",
    "turnover_ccy",
    "trades_count",
    "spread_bps",
    "depth_density",
    "time_since_last_trade_h",
    "amount_outstanding",
)
"""What a measure may ask for, one (instruments, sessions) matrix each; prices are split adjusted, and ``return_frac`` is
the close over the instrument's previous observed close, minus 1."""

SPREAD_MIN_OBSERVATIONS: Final = 15
"""Fewer usable sessions than this in 30 days do not carry a spread estimate."""

_NAME = re.compile(r"^[a-z][a-z0-9_]{1,39}$")


@dataclass(frozen=True, slots=True)
class Measure:
    """One daily measure of liquidity.

    Parameters
    ----------
    name
        Name of the file it stands in; ``measure`` in the table of measures.
    unit
        Unit of the value.
    higher_is_liquid
        Direction: whether a high value means a liquid instrument.
    window_days
        Calendar days: the value of session t reads sessions in (t - window_days, t].
    min_observations
        Usable sessions below which the value is null.
    inputs
        Names from ``INPUTS``.
    undefined_reason
        Why the value is null although there were enough usable sessions.
    formula, source
        For the registry page: the formula in one line, and author and year.
    compute
        From the inputs, each of shape (instruments, sessions), float64, NaN where missing, newest session last and
        already cut to the window, to ``(values, observations_n)``, each of shape (instruments,); NaN where the measure
        cannot be measured. A row depends on no other row.
    """

    name: str
    unit: str
    higher_is_liquid: bool
    window_days: int
    min_observations: int
    inputs: tuple[str, ...]
    undefined_reason: str
    formula: str
    source: str
    compute: Compute


def discover(package_name: str, paths: Iterable[str]) -> tuple[Measure, ...]:
    """Import every measure file of a package.

    Parameters
    ----------
    package_name
        Dotted name of the package.
    paths
        Its ``__path__``.

    Returns
    -------
    tuple[Measure, ...]
        Sorted by name.

    Raises
    ------
    ConfigError
        A file without ``MEASURE``, with a name that differs from its file, or with an unknown input.
    """
    return tuple(_measure_of(name, module) for name, module in entry_modules(package_name, paths).items())


def _measure_of(name: str, module: ModuleType) -> Measure:
    where = module.__name__
    measure = getattr(module, "MEASURE", None)
    if not isinstance(measure, Measure):
        raise ConfigError(f"{where} defines no MEASURE; define one, or begin the file's name with '_'")
    if measure.name != name:
        raise ConfigError(f"{where}: MEASURE.name is {measure.name!r}, allowed is the file's name {name!r}; rename one")
    if not _NAME.match(name):
        raise ConfigError(f"{where}: a measure's name is 2-40 of a-z, 0-9, _ and begins with a letter; rename the file")
    unknown = sorted(set(measure.inputs) - set(INPUTS))
    if unknown or not measure.inputs:
        raise ConfigError(f"{where}: inputs {unknown or 'are empty'}; allowed are {list(INPUTS)}")
    if measure.window_days < 1 or measure.min_observations < 1:
        raise ConfigError(f"{where}: window_days and min_observations must be 1 or more")
    return measure
