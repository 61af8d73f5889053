"""The users table. The credit columns are changed by the ledger's conditional updates alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, LargeBinary, Text, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class User(Base):
    """A user; `telegram_id` is null after deletion, `telegram_hash` (keyed) stays, so that a ban outlives it."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(
            "credits >= 0 AND held >= 0 AND debt >= 0 AND active_generations >= 0", name="users_money_not_negative"
        ),
        CheckConstraint("tier IN ('free', 'premium', 'vip')", name="users_tier_known"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    telegram_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    telegram_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    first_name: Mapped[str] = mapped_column(Text, server_default="")
    username: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    language_chosen: Mapped[bool] = mapped_column(server_default=false())
    tier: Mapped[str] = mapped_column(Text, server_default="free")
    tier_until: Mapped[datetime | None]
    # what a subscription paid for, its day of grace included
    premium_until: Mapped[datetime | None]
    credits: Mapped[int] = mapped_column(server_default="0")
    held: Mapped[int] = mapped_column(server_default="0")
    debt: Mapped[int] = mapped_column(server_default="0")
    active_generations: Mapped[int] = mapped_column(server_default="0")
    total_spent_credits: Mapped[int] = mapped_column(BigInteger, server_default="0")
    total_generations: Mapped[int] = mapped_column(BigInteger, server_default="0")
    quick_mode: Mapped[bool] = mapped_column(server_default=false())
    preferences: Mapped[Any] = mapped_column(JSONB, server_default=text("'{}'"))
    banned_at: Mapped[datetime | None]
    ban_reason: Mapped[str | None] = mapped_column(Text)
    suspended_until: Mapped[datetime | None]
    suspend_reason: Mapped[str | None] = mapped_column(Text)
    unreachable_since: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    last_active_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    deleted_at: Mapped[datetime | None]
