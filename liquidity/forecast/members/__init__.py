"""Members: the ways to forecast, one file each, found by themselves.

``MEMBERS`` is the registry. To add a member copy a file, change its name and what it learns; nothing else needs to know:
training evaluates it beside the others, and it is served once it beats every baseline. What a member is stands in
``_member.py``; ``_point_bands.py`` gives quantiles to members that tell one number.
"""

from typing import Final

from liquidity.forecast.members._member import FittedMember, InputRows, Member
from liquidity.forecast.members._registry import discover

__all__ = ["MEMBERS", "FittedMember", "InputRows", "Member"]

MEMBERS: Final[dict[str, type[Member]]] = discover(__name__, __path__)
"""Every member by name, sorted."""
