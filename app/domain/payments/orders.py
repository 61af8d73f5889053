"""Orders: what somebody wants to buy, its price locked before any invoice exists.

The row comes first and the link after it, so that a payment always finds its order; an order whose link was not made
gets it when it is asked for again.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database, Tx, violated_constraint
from app.core.ids import new_id
from app.core.paging import Page, decode_cursor, encode_cursor
from app.domain.actors import Actor
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Product, ProductKind
from app.domain.errors import (
    Forbidden,
    PaymentNotFound,
    RateLimitExceeded,
    UserNotFound,
    ValidationFailed,
)
from app.domain.limits import request_keys
from app.domain.limits.request_keys import RequestKey
from app.domain.payments import prices, repository, subscriptions
from app.domain.payments.models import Method, Purpose
from app.domain.payments.pay_and_go import PayAndGo
from app.domain.payments.prices import OrderTerms, Priced
from app.domain.payments.tills import Till, invoice_of
from app.domain.payments.views import NewOrder, OrderState, OrderView
from app.domain.ports import RateCounter, StarsInvoice
from app.domain.users import repository as users
from app.domain.users.rules import require_active

_KEY_INDEX: Final = "request_keys_pkey"
_LAST_ID: Final = UUID(int=2**128 - 1)
_HOUR_SECONDS: Final = 3_600
# Orders in Stars cost the user nothing until they are paid; by card each counts as a purchase.
_MOST_PENDING: Final = 30
# A purchase counts here and at the checkout alike (spec §4).
PURCHASES_SCOPE: Final = "purchases"

_INSERT_GIFT = text("INSERT INTO gifts (id, order_id, buyer_id, credits) VALUES (:id, :order_id, :buyer_id, :credits)")


class OrderService:
    """Orders of users."""

    def __init__(
        self,
        db: Database,
        catalog: CatalogService,
        tills: Mapping[Method, Till],
        counter: RateCounter,
        pay_and_go: PayAndGo,
        *,
        terms: OrderTerms,
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._tills = tills
        self._counter = counter
        self._pay_and_go = pay_and_go
        self._terms = terms

    async def create(
        self,
        actor: Actor,
        new: NewOrder,
        *,
        request_key: RequestKey | None = None,
        wants_link: bool = True,
        cards_allowed: bool = False,
    ) -> OrderView:
        """Write an order at today's price and make the link where it is paid.

        The same client's key and body is the same order, and so is the same premium in Stars until it is paid.
        Without `wants_link` only the row is written: its id is the payload of an invoice message.
        Raises: UserNotFound, UserBanned, UserSuspended, ValidationFailed, Forbidden for cards inside Telegram,
            NotFound, GenerationNotFound, PaymentConsumed, AlreadySubscribed, PromoInvalid, PromoExhausted, PromoUsed,
            IdempotencyKeyReused, RateLimitExceeded, ProviderUnavailable when the link cannot be made now (the order
            stays; a repeat with the same key makes it).
        """
        if new.method is Method.TBANK and not cards_allowed:
            raise Forbidden(log={"method": new.method})
        till = self._till(new.method)
        order = await self._find_repeated(actor, request_key)
        if order is None:
            order = await self._order(actor, new, till, request_key)
        if wants_link and order.link is None and order.state is OrderState.PENDING:
            order = replace(await self._with_link(actor, order, till), is_repeat=order.is_repeat)
        return order

    async def _order(self, actor: Actor, new: NewOrder, till: Till, request_key: RequestKey | None) -> OrderView:
        product = await self._product(new)
        if new.draft_id is not None:
            await self._pay_and_go.check(actor, new.draft_id)
        try:
            return await self._write(actor, new_id(), new, product, till, request_key)
        except IntegrityError as error:
            if violated_constraint(error) != _KEY_INDEX:
                raise
            repeated = await self._find_repeated(actor, request_key)
            if repeated is None:
                raise
            return repeated

    async def get(self, actor: Actor, order_id: UUID) -> OrderView:
        """One of the actor's orders. Raises: PaymentNotFound, also for somebody else's."""
        async with self._db.read() as reader:
            order = await repository.find_order(reader, order_id, bot_username=self._terms.bot_username)
        if order is None or order.user_id != actor.user_id:
            raise PaymentNotFound
        return order

    async def list_own(
        self, actor: Actor, *, cursor: str | None = None, limit: int = 20, method: Method | None = None
    ) -> Page[OrderView]:
        """The actor's orders, newest first; those paid in one way, or all.

        Raises: ValidationFailed for a cursor that is none of ours.
        """
        before_id = _LAST_ID
        if cursor is not None:
            try:
                before_id = UUID(decode_cursor(cursor, parts=1)[0])
            except ValueError as error:
                raise ValidationFailed({"cursor": "is not a cursor of this list"}) from error
        async with self._db.read() as reader:
            found = await repository.list_orders(
                reader,
                actor.user_id,
                before_id=before_id,
                limit=limit + 1,
                bot_username=self._terms.bot_username,
                method=method,
            )
        items = tuple(found[:limit])
        return Page(items, encode_cursor(str(items[-1].id)) if len(found) > limit else None)

    async def _product(self, new: NewOrder) -> Product | None:
        if (new.product_key is None) == (new.draft_id is None):
            raise ValidationFailed({"product": "name either a product or a draft"})
        if new.product_key is None:
            if new.is_gift or new.promo_code or new.generation_id:
                raise ValidationFailed({"draft_id": "goes without gift, promo and generation_id"})
            return None
        product = await self._catalog.get_product(new.product_key)
        if (product.kind is ProductKind.UNLOCK) != (new.generation_id is not None):
            raise ValidationFailed({"generation_id": "belongs to an unlock, and an unlock needs one"})
        if new.is_gift and product.kind is not ProductKind.PACK:
            raise ValidationFailed({"gift": "only packs can be given"})
        if new.promo_code and product.kind is not ProductKind.PACK:
            raise ValidationFailed({"promo": "is for packs"})
        if new.method is Method.TBANK and product.rub_kopecks is None:
            raise ValidationFailed({"method": "this product is not sold by card"})
        return product

    async def _write(
        self,
        actor: Actor,
        order_id: UUID,
        new: NewOrder,
        product: Product | None,
        till: Till,
        request_key: RequestKey | None,
    ) -> OrderView:
        async with self._db.read() as reader:
            known = await users.find(reader, actor.user_id)
        if known is None or known.deleted:
            raise UserNotFound
        terminal = await till.terminal(known)
        if new.method is Method.TBANK and not await self.may_purchase(actor.user_id):
            raise RateLimitExceeded(limit=self._terms.purchases_per_hour, retry_after=_HOUR_SECONDS)
        async with self._db.transaction() as tx:
            user = require_active(await users.lock(tx, actor.user_id))
            priced = await prices.price(tx, user, order_id, new, product, self._terms)
            if (open_order := await self._find_open_subscription(tx, user.id, new, priced)) is not None:
                if request_key is not None:
                    await request_keys.remember(tx, user.id, request_key, str(open_order.id))
                return replace(open_order, is_repeat=True)
            await self._check_pending(tx, user.id, new.method)
            await repository.insert_order(
                tx,
                order_id,
                user_id=user.id,
                method=new.method,
                purpose=priced.purpose,
                product_key=new.product_key,
                currency=till.currency,
                amount_minor=priced.amount_minor,
                credits_bought=priced.credits,
                days=priced.days,
                recurring=priced.recurring,
                draft_id=new.draft_id,
                generation_id=priced.generation_id,
                promo_code=priced.promo_code,
                promo_percent=priced.promo_percent,
                terminal=terminal,
                first_check=timedelta(seconds=30) if new.method is Method.TBANK else None,
                life=self._terms.life,
            )
            if new.is_gift:
                await tx.execute(
                    _INSERT_GIFT,
                    {"id": new_id(), "order_id": order_id, "buyer_id": user.id, "credits": priced.credits},
                )
            if request_key is not None:
                await request_keys.remember(tx, user.id, request_key, str(order_id))
            order = await repository.find_order(tx, order_id, bot_username=self._terms.bot_username)
        if order is None:
            message = "an order vanished in its own transaction"
            raise AssertionError(message)
        return order

    async def purge(self, *, limit: int = 500) -> int:
        """Delete orders that nobody has paid, 7 days after they expired, a batch at a time; returns how many."""
        async with self._db.transaction() as tx:
            return await repository.purge_unpaid(tx, limit=limit)

    async def _find_open_subscription(self, tx: Tx, user_id: int, new: NewOrder, priced: Priced) -> OrderView | None:
        """The bill for the same premium that is there already: of two, both could be paid, and renewed every month.

        Raises: AlreadySubscribed, for what would be renewed beside another one.
        """
        if priced.purpose is not Purpose.SUBSCRIPTION or new.method is not Method.STARS:
            return None
        if priced.recurring:
            await subscriptions.require_not_renewing(tx, user_id)
        return await repository.find_open_subscription(
            tx,
            user_id,
            product_key=new.product_key,
            amount_minor=priced.amount_minor,
            credits_bought=priced.credits,
            bot_username=self._terms.bot_username,
        )

    async def _check_pending(self, tx: Tx, user_id: int, method: Method) -> None:
        if method is not Method.STARS:
            return
        pending, seconds = await repository.count_pending(tx, user_id, method)
        if pending >= _MOST_PENDING:
            raise RateLimitExceeded(limit=_MOST_PENDING, retry_after=max(1, math.ceil(seconds)))

    async def may_purchase(self, user_id: int) -> bool:
        """Count a purchase; False beyond the hour's limit. Redis away: the sale goes on."""
        return await self._counter.hit(
            PURCHASES_SCOPE, str(user_id), limit=self._terms.purchases_per_hour, window_seconds=_HOUR_SECONDS
        )

    def draft_amount(self, price_credits: int, method: Method) -> int:
        """What exactly this many credits cost: Stars, or kopecks."""
        return prices.draft_amount(price_credits, method, self._terms)

    async def _find_repeated(self, actor: Actor, request_key: RequestKey | None) -> OrderView | None:
        """The order that an earlier request with this key has made. Raises: IdempotencyKeyReused."""
        if request_key is None:
            return None
        async with self._db.read() as reader:
            earlier = await request_keys.find_object(reader, actor.user_id, request_key)
        if earlier is None:
            return None
        return replace(await self.get(actor, UUID(earlier)), is_repeat=True)

    async def _with_link(self, actor: Actor, order: OrderView, till: Till) -> OrderView:
        async with self._db.read() as reader:
            user = await users.find(reader, actor.user_id)
        if user is None:
            raise UserNotFound
        page = await till.open_page(order, language=user.language, item=await self._item(order, user.language))
        async with self._db.transaction() as tx:
            await repository.set_link(tx, order.id, page.link, vendor_payment_id=page.vendor_payment_id)
        return await self.get(actor, order.id)

    async def invoice(self, order: OrderView, *, language: str) -> StarsInvoice:
        """The invoice message of an order in Stars."""
        return invoice_of(order, language=language, item=await self._item(order, language))

    async def _item(self, order: OrderView, language: str) -> str:
        product = next((each for each in await self._catalog.list_products() if each.key == order.product_key), None)
        return product.title(language) if product else ""

    def _till(self, method: Method) -> Till:
        till = self._tills.get(method)
        if till is None:
            raise Forbidden(log={"method": method.value})
        return till
