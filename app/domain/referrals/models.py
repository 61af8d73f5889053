"""Who invited whom, and what became of the reward."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ReferralState(StrEnum):
    """INVITED → ESCROW at the first purchase → PAID after the refund window.

    A refund makes ESCROW REVERSED, for nothing; PAID becomes RECLAIMING, and REFUNDED when the reward was taken back.
    """

    INVITED = "INVITED"
    ESCROW = "ESCROW"
    PAID = "PAID"
    RECLAIMING = "RECLAIMING"
    REVERSED = "REVERSED"
    REFUNDED = "REFUNDED"


class Referral(Base):
    """An invitation. `reward` and `escrow_days` are what was promised then."""

    __tablename__ = "referrals"
    __table_args__ = (
        CheckConstraint("invitee_id <> inviter_id", name="referrals_not_oneself"),
        CheckConstraint("reward >= 0", name="referrals_reward"),
        CheckConstraint(
            "state IN ('INVITED', 'ESCROW', 'PAID', 'RECLAIMING', 'REVERSED', 'REFUNDED')",
            name="referrals_state_known",
        ),
        Index("referrals_inviter", "inviter_id", text("created_at DESC")),
        Index("referrals_payment", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
        Index("referrals_due", "due_at", postgresql_where=text("state IN ('ESCROW', 'RECLAIMING')")),
    )

    invitee_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="RESTRICT"), primary_key=True, autoincrement=False
    )
    inviter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    state: Mapped[str] = mapped_column(Text, server_default="INVITED")
    reward: Mapped[int]
    escrow_days: Mapped[int]
    payment_id: Mapped[UUID | None]
    # the product's clock
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    settled_at: Mapped[datetime | None]
