"""What is particular to Hyperliquid beyond its profile."""

from typing import Any

__all__ = ["client_overrides"]


def client_overrides(base: Any) -> dict[str, Any]:
    """Members of the ccxt class that must not stay as they are.

    A keyed instance would approve a builder fee for ccxt's own account, set its referrer while loading markets, and put
    the builder on every order. No option switches all of that off; answering that the client is set up already does.
    """

    async def initialize_client(self: Any) -> bool:
        return True

    return {"initialize_client": initialize_client}
