"""What an order costs when it is written: the catalogue's price, less a discount, or exactly one draft's."""

import math
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text

from app.core.db import Tx
from app.core.ids import new_id
from app.domain.catalog.views import Product, ProductKind
from app.domain.errors import NotFound, ValidationFailed
from app.domain.payments import unlocking
from app.domain.payments.models import Method, Purpose
from app.domain.payments.views import NewOrder
from app.domain.promotions import discounts
from app.domain.users.views import UserView

_DRAFT = text(
    """
    SELECT price_credits, generation_id IS NOT NULL AS started, expires_at <= clock_now() AS expired
    FROM drafts WHERE id = :id AND user_id = :user_id FOR UPDATE
    """
)


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """On what terms things are sold. `stars_per_credit` and `kopecks_per_credit` price exactly one draft."""

    bot_username: str
    life: timedelta
    stars_per_credit: Decimal
    kopecks_per_credit: int
    purchases_per_hour: int


@dataclass(frozen=True, slots=True)
class Priced:
    """What an order is for and what it costs, before it is written."""

    purpose: Purpose
    amount_minor: int
    credits: int
    days: int | None = None
    recurring: bool = False
    generation_id: UUID | None = None
    promo_code: str | None = None
    promo_percent: int | None = None


async def price(
    tx: Tx, user: UserView, order_id: UUID, new: NewOrder, product: Product | None, terms: OrderTerms
) -> Priced:
    """What it costs now, without a product the draft; joins the order's transaction, under the user's lock.

    Raises: ValidationFailed, NotFound, GenerationNotFound, PaymentConsumed, PromoInvalid, PromoExhausted, PromoUsed.
    """
    if product is None:
        return await _price_draft(tx, user, new, terms)
    amount = product.stars if new.method is Method.STARS else product.rub_kopecks
    if amount is None:
        raise ValidationFailed({"method": "this product is not sold by card"})
    if new.generation_id is not None:
        await unlocking.require_locked(tx, user.id, new.generation_id)
    discount = None
    if product.kind is ProductKind.PACK:
        discount = await discounts.reserve(tx, user, new.promo_code, order_id, binding=new.method is not Method.STARS)
    return Priced(
        purpose=Purpose.GIFT if new.is_gift else Purpose(product.kind.value),
        amount_minor=discounts.apply(amount, discount.percent) if discount else amount,
        credits=product.credits,
        days=product.days,
        # A card is charged once, whatever the product says.
        recurring=product.recurring and new.method is Method.STARS,
        generation_id=new.generation_id,
        promo_code=discount.code if discount else None,
        promo_percent=discount.percent if discount else None,
    )


async def _price_draft(tx: Tx, user: UserView, new: NewOrder, terms: OrderTerms) -> Priced:
    draft = await tx.one_or_none(_DRAFT, {"id": new.draft_id, "user_id": user.id})
    if draft is None or draft.started or draft.expired or draft.price_credits == 0:
        raise NotFound
    return Priced(
        purpose=Purpose.DRAFT,
        amount_minor=draft_amount(draft.price_credits, new.method, terms),
        credits=draft.price_credits,
        generation_id=new_id(),
    )


def draft_amount(price_credits: int, method: Method, terms: OrderTerms) -> int:
    """What exactly this many credits cost: Stars, or kopecks."""
    if method is Method.STARS:
        return math.ceil(price_credits * terms.stars_per_credit)
    return price_credits * terms.kopecks_per_credit
