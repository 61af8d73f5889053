"""The ledger's table; a trigger refuses UPDATE, DELETE and TRUNCATE."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class EntryKind(StrEnum):
    """Why an entry was written (architecture, "Credits")."""

    GRANT = "GRANT"
    ADJUST = "ADJUST"
    PURCHASE = "PURCHASE"
    SPEND = "SPEND"
    HOLD = "HOLD"
    CAPTURE = "CAPTURE"
    RELEASE = "RELEASE"
    RETIRE = "RETIRE"
    CLAWBACK = "CLAWBACK"
    CLAWBACK_UNDO = "CLAWBACK_UNDO"
    REWARD_REVERSAL = "REWARD_REVERSAL"


class LedgerEntry(Base):
    """One movement. The `*_after` columns are the user's balances right after it, under the user's lock."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("available_after >= 0 AND held_after >= 0 AND debt_after >= 0", name="ledger_not_negative"),
        Index("ledger_entries_user", "user_id", text("id DESC")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(Text)
    delta_available: Mapped[int]
    delta_held: Mapped[int]
    delta_debt: Mapped[int]
    available_after: Mapped[int]
    held_after: Mapped[int]
    debt_after: Mapped[int]
    reference_type: Mapped[str] = mapped_column(Text)
    reference_id: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text, unique=True)
    actor: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
