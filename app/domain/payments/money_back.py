"""Money back for what was paid for by itself and not made: the hold was retired, and here the refund is owed.

The flag on the generation is what is owed; it goes in the transaction that writes the refund, or with any other refund
of the payment.
"""

from uuid import UUID

import structlog
from sqlalchemy import text

from app.core.db import Database
from app.core.jobs import Job, Queue
from app.domain.generations.settle import MONEY_BACK_JOB
from app.domain.payments import payment_rows, returns
from app.domain.payments.models import RefundOrigin
from app.domain.users import repository as users

log = structlog.get_logger(__name__)

_DUE = text(
    """
    SELECT id FROM generations WHERE money_back AND status IN ('FAILED', 'CANCELLED') ORDER BY settled_at LIMIT :limit
    """
)
_OWNER = text("SELECT user_id FROM generations WHERE id = :id")
_TAKE = text(
    """
    UPDATE generations SET money_back = false
    WHERE id = :id AND money_back AND status IN ('FAILED', 'CANCELLED') RETURNING id
    """
)


class MoneyBack:
    """Refunds of what was not made."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ring_due(self, *, limit: int) -> list[Job]:
        """Generations whose money is owed to whoever paid for them."""
        async with self._db.read() as reader:
            rows = await reader.all(_DUE, {"limit": limit})
        return [Job(Queue.REST, MONEY_BACK_JOB, str(row.id)) for row in rows]

    async def owe(self, generation_id: UUID) -> None:
        """Write the refund of a generation that was not made; harmless when it is written, or not owed."""
        async with self._db.read() as reader:
            user_id = await reader.scalar(_OWNER, {"id": generation_id})
        if user_id is None:
            return
        async with self._db.transaction() as tx:
            await users.lock(tx, user_id)
            if await tx.scalar(_TAKE, {"id": generation_id}) is None:
                return
            payment = await payment_rows.lock_payment_of_generation(tx, generation_id)
            if payment is None:
                message = f"generation {generation_id} owes money that nobody has paid"
                raise AssertionError(message)
            await returns.open_refund(
                tx,
                payment,
                amount_minor=payment.amount_minor - payment.refunded_minor,
                origin=RefundOrigin.MONEY_BACK,
                reason="what it paid for was not made",
                already_taken=payment.credits - payment.clawed_credits,
            )
        log.info("money_back_owed", generation_id=str(generation_id), payment_id=str(payment.id))
