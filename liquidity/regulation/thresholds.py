"""Thresholds of the report packs: value, unit, where the number comes from and as of when; each may be overridden.

A ``rule`` is a number in a regulation, a ``guideline`` one of a supervisor or an association, a ``judgement`` is ours where
the rule leaves the number to the manager. Read next: ``report_pack.py``.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from liquidity.domain.errors import ConfigError

__all__ = ["DEFAULT_THRESHOLDS", "Threshold", "Thresholds", "thresholds"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """One number with its origin.

    Attributes
    ----------
    basis
        ``rule``, ``guideline``, ``judgement`` or ``setting`` (overridden by the user; ``source`` keeps the origin).
    dated
        Day from which the source applies, or of the judgement.
    lowest, highest
        Range that an override must lie in.
    """

    name: str
    value: float
    unit: str
    basis: str
    source: str
    dated: date
    lowest: float = 0.0
    highest: float = 1.0


_SEC: Final = "17 CFR 270.22e-4"
_ESMA: Final = "ESMA34-39-897, Guidelines on liquidity stress testing in UCITS and AIFs"
_SEBI_2020: Final = "SEBI circular SEBI/HO/IMD/DF3/CIR/P/2020/229"
_SEBI_2021: Final = (
    "SEBI circular of 25 June 2021 on liquidity risk management of open-ended debt schemes; AMFI framework"
)
_SEBI_2024: Final = "SEBI letter to AMFI of 27 February 2024 on stress tests of mid- and small-cap schemes"
_OURS: Final = date(2026, 11, 21)
_ESMA_DAY, _SEBI_DAY = date(2020, 9, 30), date(2021, 12, 1)

DEFAULT_THRESHOLDS: Final = (
    Threshold("sec_max_illiquid_frac", 0.15, "frac of net assets", "rule", f"{_SEC}(b)(1)(iv)", date(2018, 12, 1)),
    Threshold("sec_min_highly_liquid_frac", 0.10, "frac of net assets", "judgement", f"{_SEC}(b)(1)(iii): the fund sets its highly liquid investment minimum", _OURS),
    Threshold("sec_anticipated_trade_frac", 0.10, "frac of the position", "judgement", f"{_SEC}(b)(1)(ii)(B): reasonably anticipated trading size, estimated by the fund", _OURS),
    Threshold("sec_value_impact_bps", 100.0, "bps", "judgement", f"{_SEC}(a)(6): without significantly changing market value, defined by the fund", _OURS, 0.0, 10_000.0),
    Threshold("esma_min_coverage_ratio", 1.0, "ratio", "guideline", _ESMA, _ESMA_DAY, 0.0, 100.0),
    Threshold("esma_redemption_frac", 0.10, "frac of net assets in a week", "guideline", "ESMA, Stress simulation for investment funds 2019: weekly shocks of 5 to 10 %", date(2019, 9, 2)),
    Threshold("esma_notice_sessions", 5.0, "sessions", "judgement", f"{_ESMA}: the fund's own redemption terms", _OURS, 1.0, 60.0),
    Threshold("sebi_min_liquid_frac", 0.10, "frac of net assets", "rule", f"{_SEBI_2020}: cash, government securities, treasury bills and repo on them", date(2021, 2, 1)),
    Threshold("sebi_min_lr_ratio", 1.0, "ratio", "guideline", _SEBI_2021, _SEBI_DAY, 0.0, 100.0),
    Threshold("sebi_confidence", 0.95, "frac 0-1", "guideline", _SEBI_2021, _SEBI_DAY, 0.5, 0.999),
    Threshold("sebi_horizon_sessions", 20.0, "sessions", "guideline", f"{_SEBI_2021}: 30 calendar days", _SEBI_DAY, 1.0, 60.0),
    Threshold("sebi_participation_frac", 0.10, "frac of volume", "guideline", _SEBI_2024, date(2024, 2, 27), 0.001, 1.0),
    Threshold("frtb_confidence", 0.975, "frac 0-1", "rule", "Basel MAR33.3", date(2023, 1, 1), 0.5, 0.999),
    Threshold("frtb_base_sessions", 10.0, "sessions", "rule", "Basel MAR33.4", date(2023, 1, 1), 1.0, 20.0),
    Threshold("frtb_max_exceptions_99", 12.0, "of 250 sessions", "rule", "Basel MAR32.18", date(2023, 1, 1), 0.0, 250.0),
    Threshold("frtb_min_prices", 100.0, "observations in 12 months", "rule", "Basel MAR31.13", date(2023, 1, 1), 0.0, 365.0),
)  # fmt: skip
"""Every threshold in the order of the packs."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """All thresholds by name."""

    known: Mapping[str, Threshold]

    def __getitem__(self, name: str) -> Threshold:
        return self.known[name]

    def value(self, name: str) -> float:
        """Number of one threshold."""
        return self.known[name].value


def thresholds(overrides: Mapping[str, float] | None = None) -> Thresholds:
    """Thresholds with the user's own numbers in place of the default ones.

    Raises
    ------
    ConfigError
        A name nobody knows (the nearest is suggested), or a number outside its range.

    Examples
    --------
    >>> thresholds({"sec_max_illiquid_frac": 0.10})["sec_max_illiquid_frac"].basis
    'setting'
    """
    known = {each.name: each for each in DEFAULT_THRESHOLDS}
    for name, value in (overrides or {}).items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise ConfigError(f"regulation.thresholds: unknown name {name!r}; {hint}")
        one = known[name]
        if not one.lowest <= value <= one.highest:
            raise ConfigError(
                f"regulation.thresholds.{name}: {value} {one.unit}, allowed {one.lowest:g} to {one.highest:g}"
            )
        if value != one.value:
            source = f"setting regulation.thresholds.{name} instead of {one.value:g} ({one.basis}: {one.source})"
            known[name] = replace(one, value=float(value), basis="setting", source=source)
    return Thresholds(known)
