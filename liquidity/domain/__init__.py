"""The words every other package shares: errors, identifiers, instruments, sessions, scores."""

__all__: list[str] = []
