"""Use cases on invitations: what came of them, and the reward that is due, one transaction each."""

from typing import Final

import structlog
from sqlalchemy import text

from app.core.db import Database, Tx
from app.core.ids import shorten_number
from app.core.jobs import Job, Queue, Signal
from app.domain.actors import Actor
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.referrals.models import ReferralState
from app.domain.referrals.rewards import REFERRAL_JOB
from app.domain.referrals.views import ReferralItem, Referrals
from app.domain.users import repository as users
from app.domain.users.views import UserView

log = structlog.get_logger(__name__)

_SHOWN: Final = 50

_DUE = text(
    """
    SELECT invitee_id FROM referrals WHERE state IN ('ESCROW', 'RECLAIMING') AND due_at <= clock_now()
    ORDER BY due_at LIMIT :limit
    """
)
_INVITER = text("SELECT inviter_id FROM referrals WHERE invitee_id = :invitee_id")
_LOCK_DUE = text(
    """
    SELECT state, reward FROM referrals
    WHERE invitee_id = :invitee_id AND state IN ('ESCROW', 'RECLAIMING') AND due_at <= clock_now() FOR UPDATE
    """
)
_SETTLE = text("UPDATE referrals SET state = :state, settled_at = clock_now() WHERE invitee_id = :invitee_id")
_POSTPONE = text("UPDATE referrals SET due_at = clock_now() + interval '1 day' WHERE invitee_id = :invitee_id")
_SUMS = text(
    """
    SELECT count(*) AS invited,
        coalesce(sum(reward) FILTER (WHERE state = 'ESCROW'), 0) AS escrow,
        coalesce(sum(reward) FILTER (WHERE state = 'PAID'), 0) AS paid,
        coalesce(sum(reward) FILTER (WHERE state IN ('REVERSED', 'RECLAIMING', 'REFUNDED')), 0) AS reversed
    FROM referrals WHERE inviter_id = :inviter_id
    """
)
_ITEMS = text(
    """
    SELECT state, reward, created_at, due_at FROM referrals WHERE inviter_id = :inviter_id
    ORDER BY created_at DESC LIMIT :limit
    """
)


class ReferralService:
    """Invitations."""

    def __init__(self, db: Database, *, bot_username: str) -> None:
        self._db = db
        self._bot_username = bot_username

    async def summary(self, actor: Actor) -> Referrals:
        """The actor's invite link and what came of it."""
        async with self._db.read() as reader:
            sums = await reader.one_or_none(_SUMS, {"inviter_id": actor.user_id})
            rows = await reader.all(_ITEMS, {"inviter_id": actor.user_id, "limit": _SHOWN})
        if sums is None:
            message = "an aggregate without a row"
            raise AssertionError(message)
        return Referrals(
            link=invite_link(self._bot_username, actor.user_id),
            invited=sums.invited,
            escrow=sums.escrow,
            paid=sums.paid,
            reversed=sums.reversed,
            items=tuple(ReferralItem(ReferralState(row.state), row.reward, row.created_at, row.due_at) for row in rows),
        )

    async def ring_due(self, *, limit: int) -> list[Job]:
        """The rewards whose escrow is over, and those that are to be taken back."""
        async with self._db.read() as reader:
            rows = await reader.all(_DUE, {"limit": limit})
        return [Job(Queue.REST, REFERRAL_JOB, str(row.invitee_id)) for row in rows]

    async def settle(self, invitee_id: int) -> None:
        """Pay a reward whose escrow is over, or take back one whose purchase was refunded; nothing when not due."""
        async with self._db.read() as reader:
            inviter_id = await reader.scalar(_INVITER, {"invitee_id": invitee_id})
        if inviter_id is None:
            return
        async with self._db.transaction() as tx:
            inviter = await users.lock(tx, inviter_id)
            row = await tx.one_or_none(_LOCK_DUE, {"invitee_id": invitee_id})
            if row is None or inviter is None:
                return
            if row.state == ReferralState.RECLAIMING:
                await _take_back(tx, inviter, row.reward, invitee_id)
                state = ReferralState.REFUNDED
            elif inviter.deleted:
                state = ReferralState.REVERSED
            elif inviter.banned:
                # A ban may be lifted; nothing is earned while it stands.
                await tx.execute(_POSTPONE, {"invitee_id": invitee_id})
                return
            else:
                await _pay(tx, inviter, row.reward, invitee_id)
                state = ReferralState.PAID
            await tx.execute(_SETTLE, {"invitee_id": invitee_id, "state": state.value})
            tx.after_commit(Signal(inviter_id))
        log.info("referral_settled", invitee_id=invitee_id, inviter_id=inviter_id, state=state)


async def _pay(tx: Tx, inviter: UserView, reward: int, invitee_id: int) -> None:
    if not reward:
        return
    await ledger.add(tx, inviter.id, reward, _entry(EntryKind.GRANT, f"referral:{invitee_id}", invitee_id))
    await _tell(tx, inviter, f"referral:{invitee_id}", "referral-reward", reward)


async def _take_back(tx: Tx, inviter: UserView, reward: int, invitee_id: int) -> None:
    if not reward:
        return
    entry = _entry(EntryKind.REWARD_REVERSAL, f"referral_undo:{invitee_id}", invitee_id)
    await ledger.claw_back(tx, inviter.id, reward, entry)
    await _tell(tx, inviter, f"referral_undo:{invitee_id}", "referral-reversed", reward)


def _entry(kind: EntryKind, key: str, invitee_id: int) -> ledger.Entry:
    return ledger.Entry(kind, key, "referral", str(invitee_id), Actor.system("referrals").label)


async def _tell(tx: Tx, inviter: UserView, key: str, message: str, reward: int) -> None:
    if inviter.telegram_id is None:
        return
    await outbox.owe(
        tx,
        NewDelivery(
            key=key,
            kind=DeliveryKind.NOTICE,
            rank=DeliveryRank.NOTICE,
            user_id=inviter.id,
            chat_id=inviter.telegram_id,
            template="notice",
            params={"key": message, "args": {"credits": reward}},
        ),
    )


def invite_link(bot_username: str, user_id: int) -> str:
    """Who comes through this link was invited by that user."""
    return f"https://t.me/{bot_username}?start=ref_{shorten_number(user_id)}"
