"""Use cases on users themselves: language, quick mode, and what the operator does to an account."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.core.db import Database, Tx
from app.domain.actors import Actor
from app.domain.audit import log as audit
from app.domain.errors import UserNotFound, ValidationFailed
from app.domain.users import repository
from app.domain.users.rules import require_allowed
from app.domain.users.views import UserView

LANGUAGES: Final = ("ru", "en", "uz")
TIERS: Final = ("free", "premium", "vip")


@dataclass(frozen=True, slots=True)
class TelegramIdentity:
    """What Telegram tells of a person."""

    telegram_id: int
    first_name: str
    username: str | None
    language_code: str | None


class UserService:
    """Users, one by one."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, user_id: int) -> UserView:
        """A user by our id. Raises: UserNotFound."""
        async with self._db.read() as reader:
            user = await repository.find(reader, user_id)
        if user is None:
            raise UserNotFound
        return user

    async def get_by_telegram_id(self, telegram_id: int) -> UserView:
        """A user by Telegram's id. Raises: UserNotFound."""
        async with self._db.read() as reader:
            user = await repository.find_by_telegram_id(reader, telegram_id)
        if user is None:
            raise UserNotFound
        return user

    async def choose_language(self, actor: Actor, language: str) -> UserView:
        """Speak this language from now on. Raises: ValidationFailed."""
        if language not in LANGUAGES:
            raise ValidationFailed({"language": f"must be one of {', '.join(LANGUAGES)}"})
        async with self._db.transaction() as tx:
            await repository.set_language(tx, actor.user_id, language)
        return await self.get(actor.user_id)

    async def set_quick_mode(self, actor: Actor, *, enabled: bool) -> UserView:
        """Whether a text starts a generation without the card. Raises: UserBanned, UserSuspended."""
        async with self._db.transaction() as tx:
            user = await repository.lock(tx, actor.user_id)
            if user is None:
                raise UserNotFound
            require_allowed(user)
            await repository.set_quick_mode(tx, user.id, enabled=enabled)
        return await self.get(actor.user_id)

    async def ban(self, actor: Actor, telegram_id: int, *, reason: str) -> UserView:
        """Refuse them everything but support pages, in every surface. Raises: UserNotFound, ValidationFailed."""
        _require_reason(reason)
        return await self._change(
            actor, telegram_id, "user.ban", reason, lambda tx, user: repository.set_ban(tx, user.id, reason=reason)
        )

    async def unban(self, actor: Actor, telegram_id: int, *, reason: str) -> UserView:
        """Lift a ban and a suspension. Raises: UserNotFound."""

        async def lift(tx: Tx, user: UserView) -> None:
            await repository.set_ban(tx, user.id, reason=None)
            await repository.set_suspension(tx, user.id, until=None, reason=None)

        return await self._change(actor, telegram_id, "user.unban", reason, lift)

    async def suspend(self, actor: Actor, telegram_id: int, *, until: datetime, reason: str) -> UserView:
        """Refuse them until a time of the product's clock. Raises: UserNotFound, ValidationFailed."""
        _require_reason(reason)
        return await self._change(
            actor,
            telegram_id,
            "user.suspend",
            reason,
            lambda tx, user: repository.set_suspension(tx, user.id, until=until, reason=reason),
        )

    async def lift_suspension(self, actor: Actor, telegram_id: int, *, reason: str) -> UserView:
        """End a suspension before its time; a ban stays. Raises: UserNotFound, ValidationFailed."""
        _require_reason(reason)
        return await self._change(
            actor,
            telegram_id,
            "user.unsuspend",
            reason,
            lambda tx, user: repository.set_suspension(tx, user.id, until=None, reason=None),
        )

    async def set_tier(
        self, actor: Actor, telegram_id: int, *, tier: str, until: datetime | None, reason: str
    ) -> UserView:
        """Give a tier, for ever or for a time. Raises: UserNotFound, ValidationFailed."""
        if tier not in TIERS:
            raise ValidationFailed({"tier": f"must be one of {', '.join(TIERS)}"})
        return await self._change(
            actor,
            telegram_id,
            "user.tier",
            reason,
            lambda tx, user: repository.set_tier(tx, user.id, tier=tier, until=until),
        )

    async def _change(
        self,
        actor: Actor,
        telegram_id: int,
        action: str,
        reason: str,
        change: Callable[[Tx, UserView], Awaitable[None]],
    ) -> UserView:
        async with self._db.transaction() as tx:
            before = await repository.lock_by_telegram_id(tx, telegram_id)
            if before is None:
                raise UserNotFound
            await change(tx, before)
            after = await repository.find(tx, before.id)
            if after is None:
                message = f"user {before.id} vanished under its lock"
                raise AssertionError(message)
            await audit.record(
                tx,
                actor,
                action=action,
                subject=f"user:{before.id}",
                before=_standing(before),
                after=_standing(after),
                reason=reason,
            )
        return after


def _standing(user: UserView) -> dict[str, object]:
    """The part of a user that an operator changes, as plain JSON."""
    return {
        "banned": user.banned,
        "suspended_until": user.suspended_until.isoformat() if user.suspended_until else None,
        "tier": user.tier,
        "tier_until": user.tier_until.isoformat() if user.tier_until else None,
    }


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ValidationFailed({"reason": "must not be empty"})
