"""Trading venues: one profile file each, REST through :func:`open_venue`, live messages through :func:`open_stream`.

Nothing here loads ccxt before a venue is opened. Read next: ``profile.py`` (what is known of each venue),
``_ccxt_venue.py`` (REST), ``streaming.py`` (live messages), ``docs/methodology/venues.md``.
"""

from typing import TYPE_CHECKING, Any

from resources.venues._ccxt_client import VenueKeys
from resources.venues.profile import VenueProfile, venue_ids, venue_profile
from resources.venues.retry import RetryPolicy
from resources.venues.streaming import open_stream

if TYPE_CHECKING:
    from resources.venues._ccxt_venue import CcxtVenue

__all__ = ["RetryPolicy", "VenueKeys", "VenueProfile", "open_stream", "open_venue", "venue_ids", "venue_profile"]


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
