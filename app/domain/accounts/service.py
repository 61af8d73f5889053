"""Use cases on a whole account. The first credits are granted once, ever, whatever a user deletes (trap 37)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from app.core.db import Database, Reader, Tx
from app.core.i18n import choose_language
from app.core.ids import expand_number, new_id
from app.core.jobs import Job, Queue
from app.domain.accounts.starts import Start, StartKind, read_start
from app.domain.actors import Actor
from app.domain.alerts import service as alerts
from app.domain.avatars import repository as avatars
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.delivery import outbox
from app.domain.errors import InitDataExpired, InitDataInvalid, ProviderUnavailable
from app.domain.generations import repository as generations
from app.domain.generations.collecting import DELETE_JOB
from app.domain.generations.free import find_left
from app.domain.generations.settle import settle_abandoned
from app.domain.inbox import service as inbox
from app.domain.limits.quotas import FreeQuotas
from app.domain.limits.tiers import Limits, TierLimits
from app.domain.payments import repository as orders
from app.domain.payments import subscriptions
from app.domain.ports import SessionStore
from app.domain.promotions import discounts
from app.domain.referrals import rewards
from app.domain.referrals.service import invite_link
from app.domain.uploads import repository as uploads
from app.domain.uploads.service import erasure
from app.domain.users import repository
from app.domain.users.rules import require_present
from app.domain.users.service import TelegramIdentity
from app.domain.users.views import UserView

log = structlog.get_logger(__name__)

# A user who is looked at this often is written down as active at most once in it.
_ACTIVITY_SECONDS: Final = 60
# Clocks of phones and servers differ a little.
_FUTURE_TOLERANCE: Final = timedelta(seconds=60)

_FIND = text(
    f"""
    SELECT {repository.COLUMNS},
        u.last_active_at < clock_now() - interval '{_ACTIVITY_SECONDS} seconds' AS stale,
        EXISTS (
            SELECT 1 FROM deliveries d WHERE d.user_id = u.id AND d.state = 'DEAD' AND d.error NOT LIKE :refused
        ) AS owed
    FROM users u WHERE u.telegram_id = :telegram_id
    """  # noqa: S608 - fixed text
).columns(preferences=JSONB)
_AGE = text("SELECT clock_now() - CAST(:at AS timestamptz)")


@dataclass(frozen=True, slots=True)
class Visit:
    """A user who came in. `granted_credits` is what the first visit brought; `start` is what their link was for.

    An invitation is dealt with already; the rest is the surface's to call.
    """

    user: UserView
    is_new: bool
    granted_credits: int
    start: Start | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A user's own view of themselves. `free_left` and `copy_left` are what is left of today's free quotas."""

    user: UserView
    limits: TierLimits
    referral_link: str
    free_left: int
    copy_left: int


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What accounts begin with and how they are recognised."""

    free_credits: int
    hash_key: bytes
    bot_username: str
    launch_max_age: timedelta
    referral_reward: int
    referral_escrow: timedelta
    quotas: FreeQuotas


class AccountService:
    """Accounts."""

    def __init__(
        self,
        db: Database,
        sessions: SessionStore,
        *,
        limits: Limits,
        terms: AccountTerms,
    ) -> None:
        self._db = db
        self._sessions = sessions
        self._limits = limits
        self._terms = terms

    async def enter(self, identity: TelegramIdentity, *, start_param: str | None = None) -> Visit:
        """Find or create a user, take over what Telegram says of them, owe them again what could not be sent.

        Banned users enter too: it is the use cases that refuse them, and the support pages stay open. A new user's
        `ref_` link is remembered; whoever was here before was invited by nobody.
        """
        start = read_start(start_param)
        async with self._db.read() as reader:
            row = await reader.one_or_none(
                _FIND, {"telegram_id": identity.telegram_id, "refused": f"{outbox.REFUSED}%"}
            )
        if row is not None:
            user = repository.to_view(row)
            if not (row.stale or row.owed or user.unreachable or _renamed(user, identity)):
                return Visit(user, is_new=False, granted_credits=0, start=start)
        try:
            return await self._write_visit(identity, start)
        except IntegrityError:
            # The bot and the cabinet were opened at the same moment; the other one created the user (trap 40).
            return await self._write_visit(identity, start)

    async def enter_launch(
        self, identity: TelegramIdentity, *, auth_date: datetime, start_param: str | None = None
    ) -> Visit:
        """`enter` with verified launch data of the Mini App, if it is neither old nor from the future.

        Raises: InitDataExpired, InitDataInvalid.
        """
        async with self._db.read() as reader:
            age: timedelta = await reader.scalar(_AGE, {"at": auth_date})
        if age > self._terms.launch_max_age:
            raise InitDataExpired
        if age < -_FUTURE_TOLERANCE:
            raise InitDataInvalid(log={"auth_date": auth_date.isoformat()})
        return await self.enter(identity, start_param=start_param)

    async def me(self, actor: Actor) -> Account:
        """The user's own view. Raises: UserNotFound."""
        async with self._db.read() as reader:
            user = require_present(await repository.find(reader, actor.user_id))
            left = await find_left(reader, actor.user_id, self._terms.quotas)
        link = invite_link(self._terms.bot_username, user.id)
        return Account(
            user=user,
            limits=self._limits.of(user.tier),
            referral_link=link,
            free_left=left.generations,
            copy_left=left.copies,
        )

    async def mark_unreachable(self, telegram_id: int) -> None:
        """The user blocked the bot."""
        async with self._db.transaction() as tx:
            await repository.mark_unreachable(tx, telegram_id)

    async def erase(self, actor: Actor) -> None:
        """Delete a user's data: open work is returned first, then media and prompts go; the ledger stays.

        What a vendor is still making is abandoned to the house: the generation is settled as cancelled and returned,
        and its late result finds a fallen fence.
        """
        async with self._db.transaction() as tx:
            user = require_present(await repository.lock(tx, actor.user_id))
            for generation_id in await generations.list_open_ids(tx, user.id):
                await settle_abandoned(tx, user.id, generation_id)
            erased = await generations.forget_all_content(tx, user.id)
            await generations.forget_outputs(tx, erased)
            await avatars.delete_all(tx, user.id)
            tx.after_commit(*(erasure(upload_id) for upload_id in await uploads.forget_all(tx, user.id)))
            for order_id in await orders.close_all(tx, user.id):
                await discounts.release(tx, order_id)
            tx.after_commit(*await subscriptions.leave(tx, user.id))
            await self._void(tx, user.id, actor)
            await outbox.drop(tx, user.id)
            if user.telegram_id is not None:
                await alerts.forget_person(tx, user.telegram_id)
                await inbox.forget_person(tx, user.telegram_id)
            await repository.erase(tx, user.id)
            tx.after_commit(*(Job(Queue.REST, DELETE_JOB, str(generation_id)) for generation_id in erased))
        try:
            await self._sessions.revoke_all(user.id)
        except ProviderUnavailable as error:
            # What is deleted stays deleted, and a session of a deleted user signs nobody in.
            log.warning("sessions_not_revoked", user_id=user.id, **error.log)
        log.info("user_erased", user_id=user.id)

    async def _write_visit(self, identity: TelegramIdentity, start: Start | None) -> Visit:
        digest = repository.telegram_hash(identity.telegram_id, self._terms.hash_key)
        language = choose_language(identity.language_code)
        async with self._db.transaction() as tx:
            known = await repository.lock_by_hash(tx, digest)
            if known is None:
                await repository.insert(
                    tx,
                    telegram_id=identity.telegram_id,
                    digest=digest,
                    first_name=identity.first_name,
                    username=identity.username,
                    language=language,
                )
            else:
                await repository.refresh(
                    tx,
                    known.id,
                    telegram_id=identity.telegram_id,
                    first_name=identity.first_name,
                    username=identity.username,
                    language=language,
                )
                await outbox.revive(tx, known.id)
            user = await _entered(tx, digest)
            if known is None:
                await self._grant_first_credits(tx, user.id)
                await self._record_invite(tx, user.id, start)
                user = await _entered(tx, digest)
        granted = self._terms.free_credits if known is None else 0
        return Visit(user, is_new=known is None, granted_credits=granted, start=start)

    async def _record_invite(self, tx: Tx, user_id: int, start: Start | None) -> None:
        if start is None or start.kind is not StartKind.REFERRAL:
            return
        try:
            inviter_id = expand_number(start.value)
        except ValueError:
            return
        terms = self._terms
        await rewards.record_invite(
            tx,
            invitee_id=user_id,
            inviter_id=inviter_id,
            reward=terms.referral_reward,
            escrow=terms.referral_escrow,
        )

    async def _grant_first_credits(self, tx: Tx, user_id: int) -> None:
        if not self._terms.free_credits:
            return
        entry = ledger.Entry(
            EntryKind.GRANT, f"grant:start:{user_id}", "start", str(user_id), Actor.system("start").label
        )
        await ledger.add(tx, user_id, self._terms.free_credits, entry)

    async def _void(self, tx: Tx, user_id: int, actor: Actor) -> None:
        """What is left of the credits goes with the data; the user was told so."""
        user = await repository.lock(tx, user_id)
        if user is None or user.credits == 0:
            return
        voided = str(new_id())
        entry = ledger.Entry(EntryKind.ADJUST, f"adjust:{voided}", "erasure", voided, actor.label)
        await ledger.take(tx, user_id, user.credits, entry, spent=False)


async def _entered(reader: Reader, digest: bytes) -> UserView:
    user = await repository.find_by_hash(reader, digest)
    if user is None:
        message = "a user vanished while entering"
        raise AssertionError(message)
    return user


def _renamed(user: UserView, identity: TelegramIdentity) -> bool:
    return user.first_name != identity.first_name or user.username != identity.username
