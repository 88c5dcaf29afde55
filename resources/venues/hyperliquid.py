"""What is particular to Hyperliquid beyond its profile."""

import time
from typing import Any

__all__ = ["client_overrides"]


def client_overrides(base: Any) -> dict[str, Any]:
    """Members of the ccxt class that must not stay as they are.

    A keyed instance would approve a builder fee for ccxt's own account, set its referrer while loading markets, and put
    the builder on every order. No option switches all of that off; answering that the client is set up already does.
    Its clock also numbers the requests, and the venue refuses a number it has seen: two orders of one millisecond would
    be one.
    """
    last_ms = 0

    def milliseconds() -> int:
        nonlocal last_ms
        last_ms = max(last_ms + 1, time.time_ns() // 1_000_000)
        return last_ms

    async def initialize_client(self: Any) -> bool:
        return True

    return {"initialize_client": initialize_client, "milliseconds": staticmethod(milliseconds)}
