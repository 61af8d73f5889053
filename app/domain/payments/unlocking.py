"""Unlocking: the clean original takes the place of the watermarked picture, once, for credits or for Stars.

The generation's row, locked after the user's, makes two ways of paying wait for each other.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from app.core.db import Database, Reader, Tx
from app.core.jobs import Signal
from app.domain.actors import Actor
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import ProductKind
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.errors import ConcurrentUpdate, GenerationNotFound, InsufficientCredits, NotFound, PaymentConsumed
from app.domain.generations import repository as generations
from app.domain.generations.service import GenerationService
from app.domain.generations.views import GenerationView
from app.domain.limits import request_keys
from app.domain.limits.request_keys import RequestKey
from app.domain.payments.views import OrderView
from app.domain.uploads import repository as uploads
from app.domain.users import repository as users
from app.domain.users.rules import require_active

_STATE = text(
    """
    SELECT EXISTS (SELECT 1 FROM generation_outputs o WHERE o.generation_id = g.id AND o.watermarked) AS locked
    FROM generations g
    WHERE g.id = :id AND g.user_id = :user_id AND g.status = 'COMPLETED' AND g.deleted_at IS NULL
    """
)


class UnlockService:
    """Unlocking, for credits."""

    def __init__(self, db: Database, catalog: CatalogService, service: GenerationService) -> None:
        self._db = db
        self._catalog = catalog
        self._generations = service

    async def price_credits(self) -> int:
        """What an unlock costs today. Raises: NotFound when it is not on sale."""
        for product in await self._catalog.list_products():
            if product.kind is ProductKind.UNLOCK:
                return product.credits
        raise NotFound(log={"product": ProductKind.UNLOCK.value})

    async def with_credits(
        self, actor: Actor, generation_id: UUID, *, request_key: RequestKey | None = None
    ) -> GenerationView:
        """Take the credits and show the clean original, once; it is sent to the chat as well.

        A repeat with the same key is the same unlock.
        Raises: UserNotFound, UserBanned, UserSuspended, IdempotencyKeyReused, NotFound (not on sale),
            GenerationNotFound, PaymentConsumed (nothing is locked, or not any more), InsufficientCredits,
            ConcurrentUpdate.
        """
        # A known key is answered whatever has become of the product (spec §5).
        price = None if await self._is_known(actor, request_key) else await self.price_credits()
        async with self._db.transaction() as tx:
            user = require_active(await users.lock(tx, actor.user_id))
            is_repeat = request_key is not None and await request_keys.find_object(tx, user.id, request_key) is not None
            if not is_repeat:
                if price is None:
                    # The key was forgotten in between: it is time to ask anew.
                    raise ConcurrentUpdate
                locked = await generations.list_watermarked(tx, user.id, generation_id)
                if not locked:
                    raise PaymentConsumed
                entry = ledger.Entry(
                    EntryKind.SPEND, f"unlock:{locked[0]}", "generation", str(generation_id), actor.label
                )
                if await ledger.take(tx, user.id, price, entry, spent=True) is None:
                    raise InsufficientCredits(required=price, available=user.credits)
                await _show(tx, user.id, generation_id, locked)
                if request_key is not None:
                    await request_keys.remember(tx, user.id, request_key, str(generation_id))
        return await self._generations.get(actor, generation_id)

    async def _is_known(self, actor: Actor, request_key: RequestKey | None) -> bool:
        async with self._db.read() as reader:
            user = require_active(await users.find(reader, actor.user_id))
            return request_key is not None and await request_keys.find_object(reader, user.id, request_key) is not None


async def require_locked(reader: Reader, user_id: int, generation_id: UUID) -> None:
    """Let pass who has something to unlock. Raises: GenerationNotFound, PaymentConsumed."""
    row = await reader.one_or_none(_STATE, {"id": generation_id, "user_id": user_id})
    if row is None:
        raise GenerationNotFound
    if not row.locked:
        raise PaymentConsumed


async def give(tx: Tx, order: OrderView) -> bool:
    """Unlock what an order was paid for. False when nothing is left to give: it is clean, or gone."""
    if order.generation_id is None:
        message = f"the unlock {order.id} names no generation"
        raise AssertionError(message)
    try:
        locked = await generations.list_watermarked(tx, order.user_id, order.generation_id)
    except GenerationNotFound:
        return False
    if locked:
        await _show(tx, order.user_id, order.generation_id, locked)
    return bool(locked)


async def _show(tx: Tx, user_id: int, generation_id: UUID, locked: Sequence[UUID]) -> None:
    await generations.show_clean(tx, generation_id)
    # What was worked from the marked picture is not what is worked from the clean one.
    await uploads.part_from_sources(tx, user_id, locked)
    user = await users.find(tx, user_id)
    if user is not None and user.telegram_id is not None:
        await outbox.owe(
            tx,
            NewDelivery(
                key=f"unlocked:{generation_id}",
                kind=DeliveryKind.RESULT,
                rank=DeliveryRank.RESULT,
                user_id=user.id,
                chat_id=user.telegram_id,
                generation_id=generation_id,
                template="unlocked",
                params={"generation_id": str(generation_id)},
            ),
        )
    tx.after_commit(Signal(user_id))
