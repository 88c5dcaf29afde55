"""One ccxt instance, built the way this platform needs it: no retries of its own, no quiet logger leaks, one host.

The protocol stays ccxt's. What is added around it: an answer that is no JSON is an error instead of an empty result; the
wait a venue asks for is kept for the caller; every address can be moved to a loopback emulator, and is then checked.
Importing ccxt loads a hundred venue modules, so it happens in here and not before. Read next: ``_ccxt_venue.py``,
``streaming.py``.
"""

import copy
import importlib
import logging
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from liquidity.domain.errors import ConfigError, VenueUnavailableError
from resources.venues._ccxt_errors import RETRY_AFTER_S
from resources.venues.profile import VenueProfile

__all__ = [
    "ANSWER",
    "ROUND_TRIP",
    "Answer",
    "VenueKeys",
    "api_urls",
    "build_client",
    "clock_offset",
    "require_loopback",
]

ROUND_TRIP: ContextVar[tuple[int, int]] = ContextVar("round_trip")
"""When this task's last request left, in ns since 1970 UTC, and the ns until its answer; without the rate limiter's wait."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to a request; ``body`` is its parsed JSON, ``None`` where it was none."""

    method: str
    status: int
    body: Any


ANSWER: ContextVar[Answer | None] = ContextVar("answer", default=None)
"""This task's last answer as it came: exception texts leave the venue's code out where its message is a known one."""

_TIMEOUT_MS: Final = 10_000
_TICK_SIZE: Final = 4  # ccxt's precision mode in which precision holds steps
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class VenueKeys:
    """Keys of one account; never shown. Market data needs none. ``wallet`` and ``private_key`` are Hyperliquid's."""

    api_key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    wallet: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any text."""
        return tuple(text for text in (self.api_key, self.secret, self.passphrase, self.private_key) if text)

    def ccxt_config(self) -> dict[str, str]:
        """Return the keys under ccxt's names."""
        named = {
            "apiKey": self.api_key,
            "secret": self.secret,
            "password": self.passphrase,
            "walletAddress": self.wallet,
            "privateKey": self.private_key,
        }
        return {name: text for name, text in named.items() if text}


def build_client(
    profile: VenueProfile,
    *,
    streaming: bool = False,
    base_url: str | None = None,
    keys: VenueKeys | None = None,
    session: Any = None,
    overrides: Mapping[str, Any] | None = None,
) -> Any:
    """Make a ``ccxt.async_support`` (or ``ccxt.pro``) instance of one venue.

    Parameters
    ----------
    base_url
        Address of a loopback emulator, for example ``http://127.0.0.1:8700``; every REST and WebSocket address of the
        instance is moved under it. ``None``: the venue itself.
    session
        An aiohttp session to use instead of an own one; it stays the caller's to close.
    overrides
        Methods that replace the class's own (streams capture messages this way).

    Raises
    ------
    ConfigError
        ``base_url`` or an address of the instance is not loopback, ccxt has no such venue, or its steps are no tick
        sizes.
    """
    module = importlib.import_module("ccxt.pro" if streaming else "ccxt.async_support")
    base = getattr(module, profile.venue, None)
    if base is None:
        raise ConfigError(f"venue {profile.venue!r}: the installed ccxt {module.__version__} has no such class")
    # At DEBUG this logger prints the key header and signed addresses.
    logging.getLogger("ccxt.base.exchange").setLevel(logging.INFO)
    members = {
        "fetch": _timed_fetch(base),
        "handle_errors": _error_hook(base),
        **_quirks(profile, base),
        **(overrides or {}),
    }
    config: dict[str, Any] = {
        "enableRateLimit": True,
        "timeout": _TIMEOUT_MS,
        "options": copy.deepcopy(profile.options),
    }
    if keys is not None:
        config |= keys.ccxt_config()
        config["options"]["adjustForTimeDifference"] = True
    if session is not None:
        config["session"] = session
    client = type(base.__name__, (base,), members)(config)
    if client.precisionMode != _TICK_SIZE:
        raise ConfigError(f"venue {profile.venue!r}: precision mode {client.precisionMode}, allowed {_TICK_SIZE}")
    if base_url is not None:
        _move(client, profile, base_url)
    return client


def api_urls(client: Any) -> list[str]:
    """Every address the instance may call, ascending."""
    return sorted(set(_leaves(client.urls["api"])))


def clock_offset(theirs_ms: Any, where: str) -> tuple[float, float]:
    """Offset of a venue's time against the middle of this task's last request, and its round trip, in milliseconds.

    Call it right after the request: the rate limiter may have held that back for a second, which is no part of either.
    """
    if not isinstance(theirs_ms, int):
        raise VenueUnavailableError(f"{where} server_time: answer {theirs_ms!r} is no time in milliseconds")
    sent_ns, took_ns = ROUND_TRIP.get()
    return theirs_ms - (sent_ns + took_ns / 2) / 1e6, took_ns / 1e6


def require_loopback(urls: list[str]) -> None:
    """Refuse any address that leaves this machine; :class:`ConfigError` names the first."""
    for url in urls:
        if urlsplit(url).hostname not in _LOOPBACK:
            raise ConfigError(f"address {url} is not loopback (allowed hosts: {', '.join(sorted(_LOOPBACK))})")


def _move(client: Any, profile: VenueProfile, base_url: str) -> None:
    """Put every address under ``base_url`` and take away those a mode switch would bring back."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"base_url {base_url!r}: write it as http://127.0.0.1:PORT")
    secure = "s" if parts.scheme == "https" else ""
    root = f"{parts.netloc}{parts.path.rstrip('/')}{profile.emulator_path}"

    def moved(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: moved(value) for key, value in node.items()}
        old = urlsplit(node)
        if old.scheme in ("ws", "wss"):
            return f"ws{secure}://{root}{profile.ws_path}{old.path}"
        return f"http{secure}://{root}{old.path}"

    client.urls["api"] = moved(client.urls["api"])
    for mode in ("test", "demo", "demotrading"):
        client.urls.pop(mode, None)
    require_loopback(api_urls(client))


def _leaves(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [leaf for value in node.values() for leaf in _leaves(value)]
    return [node]


def _error_hook(base: Any) -> Any:
    def handle_errors(
        self: Any, code: int, reason: str, url: str, method: str, headers: Any, body: Any, response: Any, *request: Any
    ) -> Any:
        from ccxt import BadResponse

        RETRY_AFTER_S.set(_seconds(headers))
        ANSWER.set(Answer(method, code, response))
        handled = base.handle_errors(self, code, reason, url, method, headers, body, response, *request)
        if response is None and code < 400:
            # ccxt would read a proxy's HTML page as an answer without any field: an empty book, an order without id.
            raise BadResponse(
                f"{self.id} {method} {urlsplit(url).path}: status {code}, {len(body or '')} characters that are no JSON"
            )
        return handled

    return handle_errors


def _timed_fetch(base: Any) -> Any:
    async def fetch(self: Any, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        sent_ns, started = time.time_ns(), time.perf_counter_ns()
        try:
            return await base.fetch(self, url, method, headers, body)
        finally:
            ROUND_TRIP.set((sent_ns, time.perf_counter_ns() - started))

    return fetch


def _seconds(headers: Any) -> float | None:
    text = next((value for name, value in (headers or {}).items() if name.lower() == "retry-after"), None)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0.0 <= seconds < float("inf") else None


def _quirks(profile: VenueProfile, base: Any) -> dict[str, Any]:
    members: dict[str, Any] = {}
    column = profile.units.inverse_volume_column
    if column is not None:

        def parse_ohlcv(self: Any, ohlcv: Any, market: Any = None) -> Any:
            row = base.parse_ohlcv(self, ohlcv, market)
            if market is not None and market["inverse"]:
                row[5] = self.safe_number(ohlcv, column)
            return row

        members["parse_ohlcv"] = parse_ohlcv
    if profile.quirks is not None:
        module = importlib.import_module(f"resources.venues.{profile.quirks}")
        members |= module.client_overrides(base)
    return members
