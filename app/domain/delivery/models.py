"""The outbox's table and its states."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class DeliveryState(StrEnum):
    """Where a delivery stands. OWED and SENDING are open, DEAD waits for a person or for an unblocked bot."""

    OWED = "OWED"
    SENDING = "SENDING"
    SENT = "SENT"
    SKIPPED = "SKIPPED"
    DEAD = "DEAD"


class DeliveryKind(StrEnum):
    """What is delivered, which decides how its content is put together when it is sent."""

    PROGRESS = "progress"
    RESULT = "result"
    ALBUM = "album"
    RECEIPT = "receipt"
    OUTCOME = "outcome"
    ORIGINAL = "original"
    NOTICE = "notice"
    REMOVAL = "removal"
    CARD = "card"
    ALERT = "alert"


class DeliveryRank(IntEnum):
    """The order in which due deliveries are taken: what a person waits for comes first."""

    REPLY = 0
    RESULT = 1
    NOTICE = 2
    BROADCAST = 3


class Delivery(Base):
    """One message owed. `key` makes it unique; it waits for `after_id` to be sent or given up."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("deliveries_due", "rank", "next_ring_at", postgresql_where=text("state IN ('OWED', 'SENDING')")),
        Index("deliveries_after", "after_id", postgresql_where=text("after_id IS NOT NULL")),
        Index("deliveries_dead", "user_id", postgresql_where=text("state = 'DEAD'")),
        Index("deliveries_generation", "generation_id"),
        Index("deliveries_user", "user_id"),
        Index(
            "deliveries_result_message",
            "user_id",
            "message_id",
            postgresql_where=text("kind IN ('result', 'album', 'original') AND message_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    rank: Mapped[int] = mapped_column(SmallInteger)
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    chat_id: Mapped[int] = mapped_column(BigInteger)
    generation_id: Mapped[UUID | None]
    after_id: Mapped[int | None] = mapped_column(BigInteger)
    template: Mapped[str] = mapped_column(Text, server_default="")
    params: Mapped[Any] = mapped_column(JSONB, server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(Text, server_default="OWED")
    attempts: Mapped[int] = mapped_column(server_default="0")
    ring_number: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    next_ring_at: Mapped[datetime] = mapped_column(server_default=text("now() + interval '5 seconds'"))
    lease_owner: Mapped[UUID | None]
    fence: Mapped[int] = mapped_column(server_default="0")
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    sent_at: Mapped[datetime | None]
