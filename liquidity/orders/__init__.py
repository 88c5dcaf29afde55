"""What orders may rely on. Read next: ``eligibility.py``."""

from liquidity.orders.eligibility import order_eligibility

__all__ = ["order_eligibility"]
