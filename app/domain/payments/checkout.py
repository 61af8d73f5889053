"""The last word before Telegram charges: every check of the protocol, in one read."""

from typing import Final
from uuid import UUID

from app.core.db import Database
from app.domain.actors import Actor
from app.domain.errors import (
    PaymentConsumed,
    PaymentMismatch,
    PaymentNotFound,
    RateLimitExceeded,
)
from app.domain.payments import repository, subscriptions, unlocking
from app.domain.payments.models import GiftState, Method
from app.domain.payments.orders import OrderService
from app.domain.payments.pay_and_go import PayAndGo
from app.domain.payments.views import OrderState, OrderView, PreCheckout
from app.domain.promotions import discounts
from app.domain.users import repository as users
from app.domain.users.rules import require_allowed, require_present
from app.domain.users.views import UserView

_HOUR_SECONDS: Final = 3_600


class Checkout:
    """Approves or refuses a payment that is about to be made."""

    def __init__(self, db: Database, orders: OrderService, pay_and_go: PayAndGo, *, purchases_per_hour: int) -> None:
        self._db = db
        self._orders = orders
        self._pay_and_go = pay_and_go
        self._purchases_per_hour = purchases_per_hour

    async def approve(self, query: PreCheckout) -> OrderView:
        """Return when it may be charged: order known, same user, unpaid, amount and currency equal, not expired,
        user neither banned nor suspended (trap 8).

        Raises: PaymentNotFound (unknown, expired, closed), PaymentMismatch, PaymentConsumed, UserNotFound, UserBanned,
            UserSuspended, PromoUsed (a newer order has the discount), AlreadySubscribed, RateLimitExceeded; for pay
            and go also whatever would keep the draft from starting, credits apart.
        """
        async with self._db.read() as reader:
            user = require_present(await users.find_by_telegram_id(reader, query.telegram_id))
            order = await repository.find_order(reader, _id(query.payload), bot_username="")
        _check(order, user, query)
        if order is None:
            raise PaymentNotFound
        require_allowed(user)
        await self._check_purpose(order)
        if not await self._orders.may_purchase(user.id):
            raise RateLimitExceeded(limit=self._purchases_per_hour, retry_after=_HOUR_SECONDS)
        return order

    async def _check_purpose(self, order: OrderView) -> None:
        """What could have changed since the order was written: its discount, its picture, its draft, and premium."""
        if order.draft_id is not None:
            price_credits = await self._pay_and_go.check(Actor.user(order.user_id), order.draft_id)
            if price_credits != order.credits:
                raise PaymentMismatch(log={"order_id": str(order.id), "why": "the draft was changed"})
            return
        async with self._db.read() as reader:
            if order.recurring:
                await subscriptions.require_not_renewing(reader, order.user_id)
            if order.promo_code is not None:
                await discounts.require_held(reader, order.id)
            if order.generation_id is not None:
                await unlocking.require_locked(reader, order.user_id, order.generation_id)


def _check(order: OrderView | None, user: UserView, query: PreCheckout) -> None:
    if order is None or order.method is not Method.STARS:
        raise PaymentNotFound
    if order.user_id != user.id:
        raise PaymentMismatch(log={"order_id": str(order.id), "why": "another payer"})
    if order.amount_minor != query.amount_minor or order.currency != query.currency:
        raise PaymentMismatch(log={"order_id": str(order.id), "why": "another amount"})
    if order.state in {OrderState.PAID, OrderState.REFUNDED}:
        raise PaymentConsumed
    if order.state is not OrderState.PENDING:
        raise PaymentNotFound(log={"order_id": str(order.id), "state": order.state.value})
    if order.gift is not None and order.gift.state is not GiftState.UNPAID:
        raise PaymentConsumed


def _id(payload: str) -> UUID:
    try:
        return UUID(payload)
    except ValueError as error:
        raise PaymentNotFound from error
