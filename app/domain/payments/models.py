"""Orders, payments, refunds, subscriptions and gifts."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Method(StrEnum):
    """How it is paid."""

    STARS = "stars"
    TBANK = "tbank"


class Purpose(StrEnum):
    """What an order is for. DRAFT pays for exactly one generation ("pay and go")."""

    PACK = "pack"
    SUBSCRIPTION = "subscription"
    UNLOCK = "unlock"
    DRAFT = "draft"
    GIFT = "gift"


class OrderStatus(StrEnum):
    """An order's life. A PENDING one that ran out is refused at the checkout, and still credited when it was charged.

    CLOSED: nothing can be paid with it any more (its user left, its gift was closed).
    """

    PENDING = "PENDING"
    PAID = "PAID"
    FAILED = "FAILED"
    CLOSED = "CLOSED"


class RefundState(StrEnum):
    """OPEN: credits are taken back, the vendor is still to be asked. REFUSED: given back again."""

    OPEN = "OPEN"
    DONE = "DONE"
    REFUSED = "REFUSED"


class RefundOrigin(StrEnum):
    """Who wanted a refund."""

    OPERATOR = "operator"
    VENDOR = "vendor"
    NOTHING_TO_GIVE = "nothing_to_give"
    MONEY_BACK = "money_back"


class SubscriptionState(StrEnum):
    """What Telegram does at the end of the period."""

    ACTIVE = "ACTIVE"
    CANCELED = "CANCELED"
    FAILED = "FAILED"


class GiftState(StrEnum):
    """A gift: paid (OPEN), then taken by its first opener, taken back by its buyer, or closed by a refund."""

    UNPAID = "UNPAID"
    OPEN = "OPEN"
    TAKEN = "TAKEN"
    REVOKED = "REVOKED"
    CLOSED = "CLOSED"


class Order(Base):
    """What somebody wants to buy, with price, credits and currency locked. Its id is the invoice's payload."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("amount_minor > 0 AND credits >= 0", name="orders_money"),
        CheckConstraint("status IN ('PENDING', 'PAID', 'FAILED', 'CLOSED')", name="orders_status_known"),
        Index("orders_user", "user_id", text("id DESC")),
        Index(
            "orders_vendor_payment",
            "method",
            "vendor_payment_id",
            unique=True,
            postgresql_where=text("vendor_payment_id IS NOT NULL"),
        ),
        Index("orders_check", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
        Index("orders_draft", "draft_id", postgresql_where=text("draft_id IS NOT NULL")),
        Index("orders_unpaid", "expires_at", postgresql_where=text("status <> 'PAID'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    method: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    product_key: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int]
    credits: Mapped[int]
    days: Mapped[int | None]
    recurring: Mapped[bool] = mapped_column(server_default=text("false"))
    draft_id: Mapped[UUID | None]
    # unlock: the generation; pay and go: the id that the generation will have
    generation_id: Mapped[UUID | None]
    promo_code: Mapped[str | None] = mapped_column(Text)
    promo_percent: Mapped[int | None]
    status: Mapped[str] = mapped_column(Text, server_default="PENDING")
    link: Mapped[str | None] = mapped_column(Text)
    # cards: which terminal, and its id of the payment
    terminal: Mapped[str | None] = mapped_column(Text)
    vendor_payment_id: Mapped[str | None] = mapped_column(Text)
    # the generation that this payment has started
    consumed_by: Mapped[UUID | None]
    # the machine's clock: when to ask the vendor again about a pending card order
    checks: Mapped[int] = mapped_column(server_default="0")
    next_check_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    expires_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]


class Payment(Base):
    """A charge as the vendor reported it, once a period. One refunded before it was reported has no credits.

    `credits` is what was given, to `user_id`, by the entry `entry_key`; of it `clawed_credits` were taken back.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_minor > 0 AND credits >= 0", name="payments_money"),
        CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="payments_refunded"),
        CheckConstraint("clawed_credits BETWEEN 0 AND credits", name="payments_clawed"),
        Index("payments_charge", "method", "charge_id", "period_no", unique=True),
        Index("payments_user", "user_id", text("id DESC")),
        Index("payments_order", "order_id"),
        Index("payments_generation", "generation_id", postgresql_where=text("generation_id IS NOT NULL")),
        Index("payments_payer", "created_at", postgresql_where=text("payer_telegram_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(Text)
    charge_id: Mapped[str] = mapped_column(Text)
    period_no: Mapped[int]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id", ondelete="RESTRICT"))
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    payer_telegram_id: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int]
    refunded_minor: Mapped[int] = mapped_column(server_default="0")
    credits: Mapped[int] = mapped_column(server_default="0")
    clawed_credits: Mapped[int] = mapped_column(server_default="0")
    entry_key: Mapped[str | None] = mapped_column(Text)
    # pay and go: the generation that it started; unlock: the generation whose outputs it freed
    generation_id: Mapped[UUID | None]
    period_end: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))


class Refund(Base):
    """Money that goes back. `credits` were taken back from `user_id` for it; its id is the vendor's request id."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("state IN ('OPEN', 'DONE', 'REFUSED')", name="refunds_state_known"),
        CheckConstraint("amount_minor > 0 AND credits >= 0", name="refunds_money"),
        Index(
            "refunds_stars_once",
            "payment_id",
            unique=True,
            postgresql_where=text("method = 'stars' AND state <> 'REFUSED'"),
        ),
        Index("refunds_payment", "payment_id"),
        Index("refunds_due", "next_attempt_at", postgresql_where=text("state = 'OPEN'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"))
    method: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int]
    credits: Mapped[int] = mapped_column(server_default="0")
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    origin: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="OPEN")
    attempts: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None] = mapped_column(Text)
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    finished_at: Mapped[datetime | None]


class Subscription(Base):
    """Premium for a time: renewed by Telegram (`recurring`), or paid once for a year."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("state IN ('ACTIVE', 'CANCELED', 'FAILED')", name="subscriptions_state_known"),
        Index("subscriptions_user", "user_id", text("period_end DESC")),
        Index("subscriptions_ending", "period_end"),
        Index("subscriptions_to_stop", "id", postgresql_where=text("stop_owed")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="RESTRICT"), unique=True)
    product_key: Mapped[str] = mapped_column(Text)
    charge_id: Mapped[str] = mapped_column(Text)
    recurring: Mapped[bool]
    state: Mapped[str] = mapped_column(Text, server_default="ACTIVE")
    period_end: Mapped[datetime]
    # Telegram is still to be told that it must not renew any more
    stop_owed: Mapped[bool] = mapped_column(server_default=text("false"))
    # the period end that the user has been warned of
    warned_for: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))


class Gift(Base):
    """A pack bought for whoever opens its link first."""

    __tablename__ = "gifts"
    __table_args__ = (
        CheckConstraint("state IN ('UNPAID', 'OPEN', 'TAKEN', 'REVOKED', 'CLOSED')", name="gifts_state_known"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="RESTRICT"), unique=True)
    buyer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    credits: Mapped[int]
    state: Mapped[str] = mapped_column(Text, server_default="UNPAID")
    taken_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    taken_at: Mapped[datetime | None]


class RefusedEvent(Base):
    """A vendor's event that failed its check; the newest are kept."""

    __tablename__ = "refused_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
