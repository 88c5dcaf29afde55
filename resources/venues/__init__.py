"""Trading venues: one profile file each; REST, live messages and orders through ``open_*``.

Nothing here loads ccxt before a venue is opened. Read next: ``profile.py`` (what is known of each venue),
``_ccxt_venue.py`` (REST), ``streaming.py`` (live messages), ``docs/methodology/venues.md``.
"""

from typing import TYPE_CHECKING, Any

from liquidity.domain.errors import ConfigError
from resources.venues._ccxt_client import VenueKeys, require_loopback
from resources.venues.client_ids import client_id
from resources.venues.profile import VenueProfile, venue_ids, venue_profile
from resources.venues.retry import RetryPolicy
from resources.venues.streaming import open_stream

if TYPE_CHECKING:
    from resources.venues._ccxt_orders import CcxtOrderEntry
    from resources.venues._ccxt_venue import CcxtVenue

__all__ = [
    "RetryPolicy",
    "VenueKeys",
    "VenueProfile",
    "client_id",
    "open_order_entry",
    "open_stream",
    "open_venue",
    "venue_ids",
    "venue_profile",
]


def open_venue(
    venue_id: str,
    *,
    base_url: str | None = None,
    keys: VenueKeys | None = None,
    session: Any = None,
    retries: RetryPolicy | None = None,
) -> "CcxtVenue":
    """Open one venue for market data; nothing is sent before the first call.

    Parameters
    ----------
    venue_id
        A name of :func:`venue_ids`.
    base_url
        ``http://127.0.0.1:PORT`` of a loopback emulator; every address is moved there. ``None``: the venue itself.
    keys
        Only for calls that the venue answers to signed requests.
    session
        An aiohttp session to use; it stays the caller's to close.
    retries
        Repeats of reads; by default four requests, waiting 0.5 s to 30 s between them.

    Returns
    -------
    CcxtVenue
        An :class:`~liquidity.ports.exchange.ExchangeInterface`; use it with ``async with``, or close it.

    Raises
    ------
    ConfigError
        No profile of that name, or an address that is not loopback.
    """
    from resources.venues._ccxt_venue import CcxtVenue

    return CcxtVenue(venue_profile(venue_id), base_url=base_url, keys=keys, session=session, retries=retries)


def open_order_entry(
    venue_id: str, *, base_url: str | None, keys: VenueKeys, retries: RetryPolicy | None = None
) -> "CcxtOrderEntry":
    """Open one account for orders, on a loopback emulator; nothing is sent before the first call.

    There is no way to a real venue from here: live trading needs three agreeing facts (the kind of adapter, the account
    on the list of those allowed, the environment's switch), and this platform keeps neither such a list nor such a switch.

    Returns
    -------
    CcxtOrderEntry
        An :class:`~liquidity.ports.order_entry.OrderEntry`; use it with ``async with``, or close it.

    Raises
    ------
    ConfigError
        ``base_url`` is missing or not loopback, or there is no profile of that name.
    UnsupportedError, VenueAuthError
        Orders are not offered for this venue; a key is missing.
    """
    try:
        require_loopback([base_url or "(the venue itself)"])
    except ConfigError as refused:
        raise ConfigError(
            f"orders to {venue_id}: {refused}. Live trading is off: it needs an adapter for it, the account on the list of "
            "allowed accounts and the environment's switch, and none of them exists yet; give the address of an emulator"
        ) from None
    assert base_url is not None  # require_loopback
    from resources.venues._ccxt_orders import CcxtOrderEntry

    return CcxtOrderEntry(venue_profile(venue_id), base_url=base_url, keys=keys, retries=retries)
