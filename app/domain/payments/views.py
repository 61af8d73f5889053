"""Payments as services and surfaces see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.payments.models import GiftState, Method, Purpose, RefundOrigin, RefundState, SubscriptionState


class OrderState(StrEnum):
    """An order's status as people see it: an open one may have run out, a paid one may have been refunded."""

    PENDING = "pending"
    PAID = "paid"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What somebody wants to buy: a product, or exactly one draft ("pay and go").

    `generation_id` is what an unlock is for.
    """

    method: Method
    product_key: str | None = None
    draft_id: UUID | None = None
    generation_id: UUID | None = None
    promo_code: str | None = None
    is_gift: bool = False


@dataclass(frozen=True, slots=True)
class GiftView:
    """A gift; `link` opens it in Telegram."""

    id: UUID
    state: GiftState
    credits: int
    link: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order. `amount_minor` is in Stars, or in kopecks; `link` is where it is paid."""

    id: UUID
    user_id: int
    method: Method
    purpose: Purpose
    product_key: str | None
    currency: str
    amount_minor: int
    credits: int
    days: int | None
    recurring: bool
    draft_id: UUID | None
    generation_id: UUID | None
    promo_code: str | None
    promo_percent: int | None
    state: OrderState
    link: str | None
    terminal: str | None
    vendor_payment_id: str | None
    consumed_by: UUID | None
    gift: GiftView | None
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class PaymentView:
    """A charge as it was reported. `credits` were given to `user_id`, `clawed_credits` of them taken back."""

    id: UUID
    method: Method
    charge_id: str
    period_no: int
    order_id: UUID | None
    user_id: int | None
    payer_telegram_id: int | None
    currency: str
    amount_minor: int
    refunded_minor: int
    credits: int
    clawed_credits: int
    generation_id: UUID | None
    period_end: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RefundView:
    """A refund. Of the credits taken back `debt_added` were spent already and are owed now."""

    id: UUID
    payment_id: UUID
    charge_id: str
    method: Method
    amount_minor: int
    credits_taken: int
    debt_added: int
    origin: RefundOrigin
    state: RefundState
    error: str | None


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """Premium for a time. `recurring`: Telegram renews it while it is ACTIVE."""

    id: UUID
    product_key: str
    recurring: bool
    state: SubscriptionState
    period_end: datetime
    in_force: bool


@dataclass(frozen=True, slots=True)
class PreCheckout:
    """What Telegram asks before it charges."""

    telegram_id: int
    currency: str
    amount_minor: int
    payload: str


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge that a vendor reports. `payload` is the order's id as it came back.

    `period_end` belongs to subscriptions; `at` is when it was charged, by the vendor's clock.
    """

    method: Method
    charge_id: str
    telegram_id: int | None
    currency: str
    amount_minor: int
    payload: str
    at: datetime
    period_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class VendorRefund:
    """A refund that a vendor reports: the whole of a Stars charge, or an amount of a card payment."""

    method: Method
    charge_id: str
    telegram_id: int | None
    currency: str
    amount_minor: int
    payload: str
