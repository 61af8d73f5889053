"""Gifts: a paid pack that waits for the first opener of its link, or for its buyer to take it back."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from app.core.db import Database, Tx
from app.core.jobs import Signal
from app.domain.actors import Actor
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.errors import NotFound, PaymentConsumed, PaymentNotFound
from app.domain.payments import payment_rows, repository
from app.domain.payments.models import GiftState
from app.domain.payments.views import GiftView
from app.domain.users import repository as users
from app.domain.users.rules import require_active

_COLUMNS: Final = "id, order_id, buyer_id, credits, state, taken_by, created_at"
_LOCK = text(f"SELECT {_COLUMNS} FROM gifts WHERE id = :id FOR UPDATE")  # noqa: S608 - fixed text
_FIND = text(f"SELECT {_COLUMNS} FROM gifts WHERE id = :id")  # noqa: S608 - fixed text
_LIST = text(
    f"""
    SELECT {_COLUMNS} FROM gifts WHERE buyer_id = :user_id AND state <> 'UNPAID' ORDER BY id DESC LIMIT :limit
    """  # noqa: S608 - fixed text
)
_TAKE = text("UPDATE gifts SET state = :state, taken_by = :user_id, taken_at = clock_now() WHERE id = :id")
# The payment that paid for it; a second charge on the order went back as a whole, and gave nothing. Locked before the
# gift, as a refund does.
_PAYMENT = text(
    """
    SELECT p.id, p.amount_minor, p.refunded_minor FROM payments p JOIN gifts g ON g.order_id = p.order_id
    WHERE g.id = :id AND p.refunded_minor < p.amount_minor ORDER BY p.id LIMIT 1 FOR UPDATE OF p
    """
)
# Of a gift that was given back in part the rest is there, and no refund takes more than that.
_CLAWED = text("UPDATE payments SET clawed_credits = :credits WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening a gift. `credits` is 0 for the buyer, who may share it or take it back."""

    gift: GiftView
    credits: int
    is_own: bool


class GiftService:
    """Gifts."""

    def __init__(self, db: Database, *, bot_username: str) -> None:
        self._db = db
        self._bot_username = bot_username

    async def open(self, actor: Actor, gift_id: UUID) -> Opened:
        """Give the first opener what was bought; its buyer only looks at it.

        Raises: UserNotFound, UserBanned, UserSuspended, NotFound (unknown, unpaid, taken back), PaymentConsumed
            (somebody was first).
        """
        async with self._db.read() as reader:
            seen = await reader.one_or_none(_FIND, {"id": gift_id})
        if seen is None or seen.state == GiftState.UNPAID:
            raise NotFound
        if seen.buyer_id == actor.user_id:
            return Opened(self._view(seen), 0, is_own=True)
        if seen.taken_by == actor.user_id:
            # The same tap, told once more.
            return Opened(self._view(seen), seen.credits, is_own=False)
        async with self._db.transaction() as tx:
            gift = await self._take(tx, actor.user_id, gift_id, GiftState.TAKEN, actor)
            buyer = await users.find(tx, gift.buyer_id)
            if buyer is not None and buyer.telegram_id is not None:
                await outbox.owe(
                    tx,
                    NewDelivery(
                        key=f"gift-taken:{gift_id}",
                        kind=DeliveryKind.NOTICE,
                        rank=DeliveryRank.NOTICE,
                        user_id=buyer.id,
                        chat_id=buyer.telegram_id,
                        template="notice",
                        params={"key": "gift-taken", "args": {"credits": gift.credits}},
                    ),
                )
            tx.after_commit(Signal(gift.buyer_id))
        return Opened(self._view(gift), gift.credits, is_own=False)

    async def revoke(self, actor: Actor, gift_id: UUID) -> GiftView:
        """The buyer takes an unopened gift back: its credits are theirs.

        Raises: UserNotFound, UserBanned, UserSuspended, NotFound (also for somebody else's), PaymentConsumed.
        """
        async with self._db.read() as reader:
            seen = await reader.one_or_none(_FIND, {"id": gift_id})
        if seen is None or seen.buyer_id != actor.user_id or seen.state == GiftState.UNPAID:
            raise NotFound
        if seen.state == GiftState.REVOKED:
            return self._view(seen)
        async with self._db.transaction() as tx:
            gift = await self._take(tx, actor.user_id, gift_id, GiftState.REVOKED, actor)
        return self._view(gift)

    async def list_own(self, actor: Actor, *, limit: int = 20) -> tuple[GiftView, ...]:
        """The gifts that the actor has bought, newest first."""
        async with self._db.read() as reader:
            rows = await reader.all(_LIST, {"user_id": actor.user_id, "limit": limit})
        return tuple(self._view(row) for row in rows)

    async def _take(self, tx: Tx, user_id: int, gift_id: UUID, state: GiftState, actor: Actor) -> Row[Any]:
        """PURCHASE `gift:{id}`: whoever it goes to, it goes once. A later refund falls on them."""
        require_active(await users.lock(tx, user_id))
        payment = await tx.one_or_none(_PAYMENT, {"id": gift_id})
        gift = await tx.one_or_none(_LOCK, {"id": gift_id})
        if gift is None or gift.state == GiftState.CLOSED:
            raise NotFound
        if gift.state != GiftState.OPEN:
            raise PaymentConsumed
        if payment is None:
            raise PaymentNotFound
        share = gift.credits * (payment.amount_minor - payment.refunded_minor) // payment.amount_minor
        key = f"gift:{gift_id}"
        entry = ledger.Entry(EntryKind.PURCHASE, key, "gift", str(gift_id), actor.label)
        await ledger.add(tx, user_id, share, entry)
        await payment_rows.record_given(tx, payment.id, user_id=user_id, credits_given=gift.credits, entry_key=key)
        await tx.execute(_CLAWED, {"id": payment.id, "credits": gift.credits - share})
        await tx.execute(_TAKE, {"id": gift_id, "state": state.value, "user_id": user_id})
        tx.after_commit(Signal(user_id))
        taken = await tx.one_or_none(_LOCK, {"id": gift_id})
        if taken is None:
            message = f"gift {gift_id} vanished under its lock"
            raise AssertionError(message)
        return taken

    def _view(self, row: Row[Any]) -> GiftView:
        return GiftView(
            id=row.id,
            state=GiftState(row.state),
            credits=row.credits,
            link=repository.gift_link(self._bot_username, row.id),
            created_at=row.created_at,
        )
