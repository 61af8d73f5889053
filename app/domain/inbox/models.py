"""The inbox's table: unique by source and hash of the verified body."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class InboxState(StrEnum):
    """Where an event stands. FAILED waits for the operator's replay."""

    OWED = "OWED"
    HANDLED = "HANDLED"
    FAILED = "FAILED"


class InboxEvent(Base):
    """An event, with what became of it."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("inbox_source_hash", "source", "body_hash", unique=True),
        Index("inbox_due", "next_attempt_at", postgresql_where=text("state = 'OWED'")),
        Index("inbox_person", "telegram_id", postgresql_where=text("telegram_id IS NOT NULL")),
        Index("inbox_done", "created_at", postgresql_where=text("state <> 'OWED'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[Any] = mapped_column(JSONB)
    # who sent it or whom it is about, so that their deletion finds it
    telegram_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None] = mapped_column(Text)
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    handled_at: Mapped[datetime | None]
