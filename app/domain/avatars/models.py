"""The table of avatars."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Avatar(Base):
    """Photos of one person. `photos` are uploads, in order, which it keeps for as long as it lives.

    A deleted one has neither name nor photos: its row says that it was there, to whatever names it still.
    """

    __tablename__ = "avatars"
    __table_args__ = (
        Index("avatars_user", "user_id", text("created_at DESC"), postgresql_where=text("deleted_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(Text)
    photos: Mapped[Any] = mapped_column(ARRAY(Uuid()))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    deleted_at: Mapped[datetime | None]
