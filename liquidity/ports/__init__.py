"""What the pure code asks of the outside, one Protocol each, with the promise it makes."""

from liquidity.ports.clock import Clock

__all__ = ["Clock"]
