"""The alerts that were raised; unique by cause and hour."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Alert(Base):
    """Something that the operator must know; `repeats` counts how often it was raised in its hour."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("cause", "hour", name="alerts_once_an_hour"),
        Index(
            "alerts_person",
            text("(params ->> 'telegram_id')"),
            postgresql_where=text("(params ->> 'telegram_id') IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    cause: Mapped[str] = mapped_column(Text)
    hour: Mapped[datetime]
    template: Mapped[str] = mapped_column(Text)
    params: Mapped[Any] = mapped_column(JSONB)
    repeats: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
