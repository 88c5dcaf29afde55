"""What clients asked of an emulator, in order, with secrets masked."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Journal", "Request"]

REQUESTS_KEPT = 100_000
_SECRET = ("signature", "apikey", "api-key", "api_key", "secret", "passphrase", "listenkey", "access-sign")


@dataclass(frozen=True, slots=True)
class Request:
    """One request or WebSocket message of a client; ``status`` 0 where no answer was sent."""

    method: str
    path: str
    params: Mapping[str, Any]
    status: int = 0


def masked(params: Mapping[str, Any]) -> dict[str, Any]:
    """The same parameters with secrets replaced by ``***``, at any depth."""
    return {
        name: "***"
        if any(word in name.lower() for word in _SECRET)
        else masked(value)
        if isinstance(value, Mapping)
        else value
        for name, value in params.items()
    }


@dataclass(slots=True)
class Journal:
    """The last 100,000 requests; ``WS`` is the method of messages that came over a WebSocket."""

    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))

    def add(self, method: str, path: str, params: Mapping[str, Any], status: int = 0) -> None:
        """Keep one request."""
        self.requests.append(Request(method, path, masked(params), status))

    def count(self, method: str, path_end: str) -> int:
        """How often ``method`` was called on paths that end in ``path_end``."""
        return sum(request.method == method and request.path.endswith(path_end) for request in self.requests)
