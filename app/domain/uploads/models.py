"""The table of what users have sent to be worked from."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Upload(Base):
    """A picture to work from. Drafts and generations name it in their `inputs`.

    Its row is written before the object and erased after it, so that no object is without a row; in between it is
    not `is_stored`. `source_id` is the own result that it is a copy of. Until it was used it lives until `expires_at`,
    afterwards for a while from `settled_at` on, the end of the last generation that used it (both: the product's
    clock); an open generation keeps it anyway. `avatar_count` living avatars keep it, whatever the time.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        Index("uploads_user", "user_id"),
        CheckConstraint("avatar_count >= 0", name="uploads_avatar_count"),
        # What avatars keep is left out, so that the sweep's cost does not grow with it.
        Index("uploads_unused", "expires_at", postgresql_where=text("settled_at IS NULL AND avatar_count = 0")),
        Index("uploads_settled", "settled_at", postgresql_where=text("settled_at IS NOT NULL AND avatar_count = 0")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    source_id: Mapped[UUID | None]
    storage_key: Mapped[str] = mapped_column(Text)
    mime: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    is_stored: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    erase_after: Mapped[datetime | None]
    ring_number: Mapped[int] = mapped_column(server_default="0")
    avatar_count: Mapped[int] = mapped_column(server_default="0")
