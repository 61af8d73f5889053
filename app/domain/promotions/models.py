"""Promo codes and who has redeemed them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class RedemptionState(StrEnum):
    """GIVEN: its credits were granted. CLAIMED: a discount that waits for an order to be paid. USED: it was paid."""

    GIVEN = "GIVEN"
    CLAIMED = "CLAIMED"
    USED = "USED"


class PromoCodeRow(Base):
    """A code: so many credits, or so many percent off a pack. `used` counts what was given or used, for the total."""

    __tablename__ = "promo_codes"
    __table_args__ = (
        CheckConstraint("(credits IS NULL) <> (percent IS NULL)", name="promo_codes_one_gift"),
        CheckConstraint("credits > 0 AND percent BETWEEN 1 AND 99", name="promo_codes_gift"),
        CheckConstraint("total > 0 AND per_user > 0 AND used >= 0", name="promo_codes_limits"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    credits: Mapped[int | None]
    percent: Mapped[int | None]
    total: Mapped[int | None]
    per_user: Mapped[int] = mapped_column(server_default="1")
    until: Mapped[datetime | None]
    tier: Mapped[str | None] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    used: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))


class PromoRedemption(Base):
    """One redemption, the user's `number`th of this code. A claimed discount belongs to the newest order that has it.

    `remembered`: it was redeemed ahead of an order and goes into the next one by itself. Until `bound_until` its
    order can be paid without asking us again, and no newer order may have it.
    """

    __tablename__ = "promo_redemptions"
    __table_args__ = (
        CheckConstraint("state IN ('GIVEN', 'CLAIMED', 'USED')", name="promo_redemptions_state_known"),
        # Two taps redeem once (trap 4).
        Index("promo_redemptions_once", "code", "user_id", "number", unique=True),
        Index("promo_redemptions_order", "order_id", unique=True, postgresql_where=text("order_id IS NOT NULL")),
        Index("promo_redemptions_claims", "code", "claimed_until", postgresql_where=text("state = 'CLAIMED'")),
        Index("promo_redemptions_waiting", "user_id", postgresql_where=text("state = 'CLAIMED'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(Text, ForeignKey("promo_codes.code", ondelete="RESTRICT"))
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(Text)
    credits: Mapped[int | None]
    percent: Mapped[int | None]
    remembered: Mapped[bool] = mapped_column(server_default=text("false"))
    bound_until: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    order_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    used_at: Mapped[datetime | None]
