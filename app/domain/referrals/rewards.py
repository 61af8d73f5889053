"""What happens to an invitation inside the transactions of others: entering, paying, refunding.

None of these functions locks the inviter, whose row would have to be locked before the payer's: the reward itself
moves in a transaction of its own, rung for after the commit.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text

from app.core.db import Tx
from app.core.jobs import Job, Queue, Signal

log = structlog.get_logger(__name__)

REFERRAL_JOB: Final = "referral"
# A ring longer than this earns nobody anything, and the walk must end.
_DEEPEST_RING: Final = 20

# Whom the inviter was invited by, and so on upwards: the invitee must not be among them.
_IS_RING = text(
    """
    WITH RECURSIVE line AS (
        SELECT inviter_id, 1 AS depth FROM referrals WHERE invitee_id = :inviter_id
        UNION ALL
        SELECT r.inviter_id, line.depth + 1 FROM referrals r JOIN line ON r.invitee_id = line.inviter_id
        WHERE line.depth < :deepest
    )
    SELECT EXISTS (SELECT 1 FROM line WHERE inviter_id = :invitee_id)
    """
)
_INVITE = text(
    """
    INSERT INTO referrals (invitee_id, inviter_id, reward, escrow_days)
    SELECT :invitee_id, id, :reward, :escrow_days FROM users
    WHERE id = :inviter_id AND deleted_at IS NULL AND banned_at IS NULL
    ON CONFLICT (invitee_id) DO NOTHING RETURNING inviter_id
    """
)
_PURCHASED = text(
    """
    UPDATE referrals SET state = 'ESCROW', payment_id = :payment_id,
        due_at = clock_now() + make_interval(days => escrow_days)
    WHERE invitee_id = :user_id AND state = 'INVITED' RETURNING inviter_id
    """
)
# In escrow it is reversed for nothing; what was paid is taken back by a job of its own.
_REVERSE = text(
    """
    UPDATE referrals SET
        state = CASE state WHEN 'ESCROW' THEN 'REVERSED' ELSE 'RECLAIMING' END,
        due_at = CASE state WHEN 'ESCROW' THEN due_at ELSE clock_now() END,
        settled_at = clock_now()
    WHERE payment_id = :payment_id AND state IN ('ESCROW', 'PAID') RETURNING invitee_id, inviter_id, state
    """
)


async def record_invite(tx: Tx, *, invitee_id: int, inviter_id: int, reward: int, escrow: timedelta) -> bool:
    """Remember who invited a new user; what is promised now is what is paid later.

    False for an inviter who is nobody, has left or is banned, for oneself, and where the invitee has invited the
    inviter, directly or through others.
    """
    if inviter_id == invitee_id:
        return False
    ring = await tx.scalar(_IS_RING, {"inviter_id": inviter_id, "invitee_id": invitee_id, "deepest": _DEEPEST_RING})
    if ring:
        log.warning("referral_ring_refused", inviter_id=inviter_id, invitee_id=invitee_id)
        return False
    recorded = await tx.scalar(
        _INVITE,
        {"invitee_id": invitee_id, "inviter_id": inviter_id, "reward": reward, "escrow_days": escrow.days},
    )
    if recorded is not None:
        tx.after_commit(Signal(inviter_id))
    return recorded is not None


async def record_purchase(tx: Tx, user_id: int, payment_id: UUID) -> None:
    """A purchase: if it is the invitee's first, the inviter's reward goes into escrow for the refund window."""
    inviter_id = await tx.scalar(_PURCHASED, {"user_id": user_id, "payment_id": payment_id})
    if inviter_id is not None:
        tx.after_commit(Signal(inviter_id))


async def reverse(tx: Tx, payment_id: UUID) -> None:
    """The whole payment went back, for good, and with it goes the reward that it has earned."""
    for row in await tx.all(_REVERSE, {"payment_id": payment_id}):
        tx.after_commit(Job(Queue.REST, REFERRAL_JOB, str(row.invitee_id)), Signal(row.inviter_id))
