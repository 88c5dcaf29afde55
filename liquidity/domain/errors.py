"""Everything this platform raises on purpose.

::

    LiquidityError
    ├── ConfigError                 a setting, profile or request that cannot be used
    ├── ContractError               a table or file that breaks its contract
    ├── IdentifierError             an ISIN or venue symbol that is not one
    ├── InsufficientDataError       too few observations for a number worth showing
    ├── StaleDataError              inputs older than the decision allows
    └── SourceUnavailableError      a feed, file or server that did not answer (retryable)

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
