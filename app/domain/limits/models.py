"""Idempotency keys of requests that create something other than a generation."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class RequestKey(Base):
    """A client's key and what came of it, written in the same transaction as the object."""

    __tablename__ = "request_keys"

    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    operation: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    object_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
