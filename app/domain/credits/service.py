"""Use cases on credits: the statement and the operator's adjustment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.core.db import Database
from app.core.ids import new_id
from app.core.paging import Page, decode_cursor, encode_cursor
from app.domain.actors import Actor
from app.domain.audit import log as audit
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.errors import InsufficientCredits, UserNotFound, ValidationFailed
from app.domain.users import repository as users
from app.domain.users.views import UserView

# No single adjustment may exceed this; a typing slip in a terminal must not mint millions.
_LARGEST_ADJUSTMENT = 1_000_000


# Where the reference says more than the kind.
_WORDS: Final = {
    (EntryKind.GRANT, "promo"): "ledger-grant-promo",
    (EntryKind.GRANT, "referral"): "ledger-grant-referral",
    (EntryKind.PURCHASE, "gift"): "ledger-purchase-gift",
}


@dataclass(frozen=True, slots=True)
class LedgerItem:
    """One line of a statement."""

    id: int
    kind: str
    delta_available: int
    delta_held: int
    delta_debt: int
    available_after: int
    held_after: int
    debt_after: int
    reference_type: str
    reference_id: str
    created_at: datetime

    @property
    def text_key(self) -> str:
        """The Fluent message that says in words what it was."""
        return _WORDS.get((EntryKind(self.kind), self.reference_type), "ledger-" + self.kind.lower().replace("_", "-"))


_STATEMENT = text(
    """
    SELECT id, kind, delta_available, delta_held, delta_debt, available_after, held_after, debt_after,
        reference_type, reference_id, created_at
    FROM ledger_entries WHERE user_id = :user_id AND id < :before_id ORDER BY id DESC LIMIT :limit
    """
)
_BEFORE_ALL = 2**63 - 1


class CreditService:
    """Credits of users."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def statement(self, actor: Actor, *, cursor: str | None = None, limit: int = 20) -> Page[LedgerItem]:
        """The user's entries, newest first. Raises: ValidationFailed for a cursor that is none of ours."""
        before_id = _BEFORE_ALL
        if cursor is not None:
            try:
                before_id = int(decode_cursor(cursor, parts=1)[0])
            except ValueError as error:
                raise ValidationFailed({"cursor": "is not a cursor of this list"}) from error
            if not 0 < before_id <= _BEFORE_ALL:
                raise ValidationFailed({"cursor": "is not a cursor of this list"})
        async with self._db.read() as reader:
            rows = await reader.all(_STATEMENT, {"user_id": actor.user_id, "before_id": before_id, "limit": limit + 1})
        items = tuple(LedgerItem(**row._mapping) for row in rows[:limit])  # noqa: SLF001 - SQLAlchemy's documented name
        return Page(items, encode_cursor(str(items[-1].id)) if len(rows) > limit else None)

    async def adjust(self, actor: Actor, telegram_id: int, delta: int, *, reason: str) -> UserView:
        """Give or take credits by hand, with a reason; audited.

        Raises: UserNotFound, ValidationFailed, InsufficientCredits when more would be taken than is available.
        """
        if delta == 0 or abs(delta) > _LARGEST_ADJUSTMENT:
            raise ValidationFailed({"delta": f"must not be 0, nor beyond ±{_LARGEST_ADJUSTMENT}"})
        if not reason.strip():
            raise ValidationFailed({"reason": "must not be empty"})
        async with self._db.transaction() as tx:
            before = await users.lock_by_telegram_id(tx, telegram_id)
            if before is None:
                raise UserNotFound
            adjustment = str(new_id())
            entry = ledger.Entry(EntryKind.ADJUST, f"adjust:{adjustment}", "adjustment", adjustment, actor.label)
            if delta > 0:
                await ledger.add(tx, before.id, delta, entry)
            elif await ledger.take(tx, before.id, -delta, entry, spent=False) is None:
                raise InsufficientCredits(required=-delta, available=before.credits)
            after = await users.lock(tx, before.id)
            if after is None:
                message = f"user {before.id} vanished under its lock"
                raise AssertionError(message)
            await audit.record(
                tx,
                actor,
                action="credits.adjust",
                subject=f"user:{before.id}",
                before={"credits": before.credits, "debt": before.debt},
                after={"credits": after.credits, "debt": after.debt, "delta": delta},
                reason=reason,
            )
        return after
