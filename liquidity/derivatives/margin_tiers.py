"""Maintenance margin in brackets: the rate rises with the notional, and the maintenance amount keeps it continuous."""

from collections.abc import Sequence
from dataclasses import dataclass

from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import LeverageTier
from liquidity.domain.observation import observed_number

__all__ = ["MarginTiers", "checked_tiers", "margin_tiers", "tier_of"]


@dataclass(frozen=True, slots=True)
class MarginTiers:
    """Maintenance amount of each bracket, and the maintenance margin of one notional; quote currency (base if inverse)."""

    cum: tuple[float, ...]
    maintenance: float | None


def margin_tiers(tiers: Sequence[Sequence[float]], notional: float | None) -> MarginTiers:
    """Maintenance margin of a notional in progressive brackets.

    cum_0 = 0, cum_i = cum_{i-1} + floor_i (mmr_i - mmr_{i-1}); maintenance = notional mmr_i - cum_i with
    floor_i < notional <= cap_i, floor_i the cap of the bracket before. Continuous at the caps.

    Parameters
    ----------
    tiers
        Rows ``[cap, mmr]``, caps ascending; the last cap may be infinite.
    notional
        In the unit of the caps, >= 0.

    Returns
    -------
    MarginTiers
        ``maintenance`` is null when the notional is missing, negative or above the last cap: no position of that size
        is allowed there.

    Raises
    ------
    ContractError
        No bracket, caps that do not rise, a rate outside [0, 1], or rates that fall.

    Examples
    --------
    >>> margin_tiers([[50_000, 0.004], [250_000, 0.005]], 100_000)
    MarginTiers(cum=(0.0, 50.0), maintenance=450.0)
    """
    caps, rates = [float(row[0]) for row in tiers], [float(row[1]) for row in tiers]
    floors = [0.0, *caps[:-1]]
    rising = all(floor < cap for floor, cap in zip(floors, caps, strict=False))
    if not caps or not rising or sorted(rates) != rates or not 0.0 <= rates[0] <= rates[-1] <= 1.0:
        raise ContractError(
            f"margin_tiers: caps {caps}, rates {rates}; at least one, caps rising from above 0, rates rising within [0, 1]"
        )
    cum = [0.0]
    for place in range(1, len(caps)):
        cum.append(cum[-1] + floors[place] * (rates[place] - rates[place - 1]))
    size = observed_number(notional)
    for floor, cap, rate, amount in zip(floors, caps, rates, cum, strict=True):
        if floor < size <= cap or size == floor == 0.0:
            return MarginTiers(tuple(cum), size * rate - amount)
    return MarginTiers(tuple(cum), None)


def checked_tiers(tiers: Sequence[LeverageTier]) -> tuple[tuple[LeverageTier, float], ...]:
    """Brackets of a venue, each with its maintenance amount: the venue's own, else the one continuity gives.

    Raises
    ------
    ContractError
        No bracket, a gap or an overlap between brackets, or rates that fall.

    Examples
    --------
    >>> low, high = LeverageTier(0.0, 50_000.0, 0.004, 125.0), LeverageTier(50_000.0, 250_000.0, 0.005, 100.0)
    >>> [round(amount, 9) for _, amount in checked_tiers([low, high])]
    [0.0, 50.0]
    """
    ordered = sorted(tiers, key=lambda tier: tier.floor_quote)
    derived = margin_tiers([[tier.cap_quote, tier.maintenance_frac] for tier in ordered], None).cum
    floors = [0.0, *(tier.cap_quote for tier in ordered[:-1])]
    for tier, floor in zip(ordered, floors, strict=True):
        if tier.floor_quote != floor:
            raise ContractError(
                f"leverage tiers: bracket from {tier.floor_quote} after one up to {floor}; brackets must join, from 0"
            )
    given = (tier.maintenance_amount_quote for tier in ordered)
    amounts = (known if known is not None else amount for known, amount in zip(given, derived, strict=True))
    return tuple(zip(ordered, amounts, strict=True))


def tier_of(tiers: Sequence[LeverageTier], notional_quote: float) -> LeverageTier | None:
    """Bracket of a notional, ``None`` above the last cap or for a notional that is missing or negative.

    Examples
    --------
    >>> tier_of([LeverageTier(0.0, 50_000.0, 0.004, 125.0)], 50_000.0).max_leverage
    125.0
    """
    for tier in tiers:
        if tier.floor_quote < notional_quote <= tier.cap_quote or notional_quote == tier.floor_quote == 0.0:
            return tier
    return None
