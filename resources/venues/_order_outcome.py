"""Which of the three outcomes a create request had, from what came back. Pure.

An exception's class is never asked: the same class means "executed" and "refused" in turn. Read next:
``_order_dialect.py``, ``_ccxt_orders.py``.
"""

from datetime import datetime
from typing import Any, Final

from liquidity.domain.order import Ack, OrderOutcome, Reject, Unknown
from resources.venues._ccxt_client import Answer
from resources.venues._order_dialect import OrderDialect, Refused
from resources.venues.profile import ErrorCodes

__all__ = ["created_outcome", "failed_outcome"]

_SERVER_ERROR: Final = 500


def created_outcome(created: Any, client_id: str, dialect: OrderDialect, expires_at: datetime | None) -> OrderOutcome:
    """Outcome where the library returned an order: ``Ack`` when its raw row names one, and none but ours."""
    number, ours = dialect.named(created.get("info") if isinstance(created, dict) else None)
    if number is None:
        return Unknown("the answer names no order", expires_at)
    if ours not in (None, client_id):
        return Unknown(f"the answer names order {ours}", expires_at)
    return Ack(number, None)


def failed_outcome(
    answer: Answer | None, cause: str, dialect: OrderDialect, errors: ErrorCodes, expires_at: datetime | None
) -> OrderOutcome:
    """Outcome where the library raised: ``Reject`` when the answer to the posted order is a refusal listed as final.

    A status of 500 or above outweighs any code: the server does not vouch for what it says.
    """
    if answer is not None and answer.method == "POST" and answer.status < _SERVER_ERROR:
        refused = dialect.refused(answer.body)
        final = None if refused is None else _final_code(refused, errors)
        if refused is not None and final is not None:
            return Reject(final, refused.text)
    return Unknown(cause, expires_at)


def _final_code(refused: Refused, errors: ErrorCodes) -> str | None:
    if refused.code in errors.final_rejects:
        return refused.code
    return next((text for text in errors.final_texts if refused.text.startswith(text)), None)
