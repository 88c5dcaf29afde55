"""Everything this platform raises on purpose.

::

    LiquidityError
    ├── ConfigError                 a setting, profile or request that cannot be used
    ├── ContractError               a table or file that breaks its contract
    ├── IdentifierError             an ISIN or venue symbol that is not one
    ├── InsufficientDataError       too few observations for a number worth showing
    ├── StaleDataError              inputs older than the decision allows
    ├── SourceUnavailableError      a feed, file or server that did not answer (retryable)
    └── VenueError                  what a trading venue answered, or failed to
        ├── UnsupportedError        the venue offers no such call
        ├── VenueUnavailableError   no usable answer: time-out, 5xx, garbage; also a SourceUnavailableError (retryable)
        │   └── VenueRateLimitedError   asked too often (retryable, after the wait it carries)
        ├── VenueClockError         our clock is outside the venue's window; only a resync helps
        ├── VenueAuthError          key missing, wrong or without the permission
        └── VenueRejectedError      the venue understood the request and refused it

A message says what, where, found against allowed with its unit, and the next step.
"""

__all__ = [
    "ConfigError",
    "ContractError",
    "IdentifierError",
    "InsufficientDataError",
    "LiquidityError",
    "SourceUnavailableError",
    "StaleDataError",
    "UnsupportedError",
    "VenueAuthError",
    "VenueClockError",
    "VenueError",
    "VenueRateLimitedError",
    "VenueRejectedError",
    "VenueUnavailableError",
]


class LiquidityError(Exception):
    """Root of all deliberate errors."""


class ConfigError(LiquidityError):
    """A setting, weight profile or request that cannot be used as given."""


class ContractError(LiquidityError):
    """A table or file that breaks its contract; nothing of it was stored."""


class IdentifierError(LiquidityError):
    """An identifier that is neither a valid ISIN nor an allowed venue symbol."""


class InsufficientDataError(LiquidityError):
    """Too few observations for a number worth showing."""


class StaleDataError(LiquidityError):
    """Inputs older than the decision allows."""


class SourceUnavailableError(LiquidityError):
    """A feed, file or server that did not answer; asking again later may work."""


class VenueError(LiquidityError):
    """What a trading venue answered, or failed to; ``code`` is the venue's own error code where it sent one."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class UnsupportedError(VenueError):
    """The venue offers no such call, or offers another thing under its name; asking again never helps."""


class VenueUnavailableError(VenueError, SourceUnavailableError):
    """No usable answer came. A read may be asked again; after an order nothing is known."""


class VenueRateLimitedError(VenueUnavailableError):
    """The venue asks us to slow down; ``retry_after_s`` is the wait it named, in seconds (``None``: none named)."""

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class VenueClockError(VenueError):
    """Our clock is outside the venue's window: resync the clock, then ask again."""


class VenueAuthError(VenueError):
    """The key is missing, wrong, revoked or lacks the permission; nothing is retried."""


class VenueRejectedError(VenueError):
    """The venue understood the request and refused it."""
