"""Subscriptions: what Telegram renews, what a year has paid for, and the warning before either ends."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Row, text

from app.core.db import Database, Reader
from app.core.jobs import Job, Queue, Signal
from app.domain.actors import Actor
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.errors import AlreadySubscribed, NotFound, ProviderUnavailable
from app.domain.payments.models import SubscriptionState
from app.domain.payments.returns import STOP_RENEWAL_JOB
from app.domain.payments.views import SubscriptionView
from app.domain.ports import StarsGateway, StarsRefused, StarsUnavailable
from app.domain.users import repository as users

log = structlog.get_logger(__name__)

_COLUMNS: Final = """
    s.id, s.product_key, s.recurring, s.state, s.period_end, s.charge_id,
    s.period_end + interval '1 day' > clock_now() AS in_force
"""
# The one that Telegram renews, and of several the one that lasts longest, is the one that the user means.
_CURRENT = text(
    f"""
    SELECT {_COLUMNS} FROM subscriptions s
    WHERE s.user_id = :user_id AND s.period_end + interval '1 day' > clock_now()
    ORDER BY s.recurring DESC, (s.state = 'ACTIVE') DESC, s.period_end DESC LIMIT 1
    """  # noqa: S608 - fixed text
)
# Telegram lets a user hold several at once; who cancels means all of them.
_RENEWING = text(
    """
    SELECT id, charge_id FROM subscriptions
    WHERE user_id = :user_id AND recurring AND state = 'ACTIVE' AND period_end + interval '1 day' > clock_now()
    ORDER BY period_end DESC LIMIT 20
    """
)
_SET_STATE = text(
    """
    UPDATE subscriptions SET state = :state, stop_owed = stop_owed AND :state <> 'ACTIVE'
    WHERE id = :id RETURNING user_id
    """
)
_BY_ORDER = text(
    "SELECT s.id FROM subscriptions s JOIN users u ON u.id = s.user_id"
    " WHERE s.order_id = :order_id AND u.telegram_id = :telegram_id"
)
# Whether Telegram wants the first charge's id or the newest one's is not documented: both are told.
_TO_STOP = text(
    """
    SELECT DISTINCT p.charge_id, p.payer_telegram_id AS telegram_id, p.charge_id = s.charge_id AS is_first
    FROM subscriptions s JOIN payments p ON p.method = 'stars' AND p.order_id = s.order_id
    WHERE s.id = :id AND s.stop_owed AND p.payer_telegram_id IS NOT NULL
    ORDER BY is_first DESC, p.charge_id DESC LIMIT 24
    """
)
_STOPPED = text("UPDATE subscriptions SET stop_owed = false WHERE id = :id")
_ALL_TO_STOP = text("SELECT id FROM subscriptions WHERE stop_owed ORDER BY id LIMIT :limit")
_ENDING = text(
    """
    UPDATE subscriptions s SET warned_for = s.period_end
    FROM users u, (
        SELECT id FROM subscriptions
        WHERE period_end > clock_now() AND period_end <= clock_now() + interval '3 days'
            AND warned_for IS DISTINCT FROM period_end
        ORDER BY period_end LIMIT :limit FOR UPDATE SKIP LOCKED
    ) due
    WHERE s.id = due.id AND u.id = s.user_id
    RETURNING s.id, s.user_id, u.telegram_id, s.product_key, s.recurring, s.state, s.period_end
    """
)
_LEAVE = text(
    """
    UPDATE subscriptions SET state = 'CANCELED', stop_owed = recurring
    WHERE user_id = :user_id AND period_end + interval '1 day' > clock_now() RETURNING id, stop_owed
    """
)


class SubscriptionService:
    """Subscriptions of users."""

    def __init__(self, db: Database, stars: StarsGateway) -> None:
        self._db = db
        self._stars = stars

    async def find_current(self, actor: Actor) -> SubscriptionView | None:
        """The user's subscription in force, if any; the one that Telegram renews first."""
        async with self._db.read() as reader:
            row = await reader.one_or_none(_CURRENT, {"user_id": actor.user_id})
        return _view(row) if row else None

    async def cancel(self, actor: Actor) -> SubscriptionView:
        """Let it end with the paid period. Raises: NotFound, ProviderUnavailable."""
        return await self._set_renewal(actor, is_canceled=True)

    async def resume(self, actor: Actor) -> SubscriptionView:
        """Let Telegram renew it after all. Raises: NotFound, ProviderUnavailable."""
        return await self._set_renewal(actor, is_canceled=False)

    async def record_state(self, *, telegram_id: int, order_id: UUID, state: SubscriptionState) -> None:
        """What Telegram says of a subscription's renewal; one of somebody else's is passed over."""
        async with self._db.transaction() as tx:
            subscription_id = await tx.scalar(_BY_ORDER, {"order_id": order_id, "telegram_id": telegram_id})
            if subscription_id is None:
                log.warning("subscription_unknown", order_id=str(order_id))
                return
            user_id = await tx.scalar(_SET_STATE, {"id": subscription_id, "state": state.value})
            tx.after_commit(Signal(user_id))

    async def stop_renewal(self, subscription_id: UUID) -> None:
        """Tell Telegram not to renew what was refunded or whose user has left; repeated until it is told."""
        async with self._db.read() as reader:
            rows = await reader.all(_TO_STOP, {"id": subscription_id})
        for row in rows:
            try:
                await self._stars.set_renewal(row.telegram_id, row.charge_id, is_canceled=True)
            except StarsUnavailable as error:
                log.warning("renewal_not_stopped_yet", subscription_id=str(subscription_id), error=error.detail)
                return
            except StarsRefused as error:
                # It has ended already, or goes by another charge's id.
                log.info("renewal_stop_refused", subscription_id=str(subscription_id), error=error.detail)
            else:
                break
        async with self._db.transaction() as tx:
            await tx.execute(_STOPPED, {"id": subscription_id})

    async def ring_stops(self, *, limit: int) -> list[Job]:
        """Renewals that are still to be stopped."""
        async with self._db.read() as reader:
            rows = await reader.all(_ALL_TO_STOP, {"limit": limit})
        return [Job(Queue.REST, STOP_RENEWAL_JOB, str(row.id)) for row in rows]

    async def warn_of_ends(self, *, limit: int) -> int:
        """Tell whose period ends within three days, once a period; returns how many."""
        async with self._db.transaction() as tx:
            rows: Sequence[Row[Any]] = await tx.all(_ENDING, {"limit": limit})
            for row in rows:
                if row.telegram_id is None:
                    continue
                await outbox.owe(
                    tx,
                    NewDelivery(
                        key=f"subscription-ending:{row.id}:{int(row.period_end.timestamp())}",
                        kind=DeliveryKind.NOTICE,
                        rank=DeliveryRank.NOTICE,
                        user_id=row.user_id,
                        chat_id=row.telegram_id,
                        template="subscription_ending",
                        params={
                            "product_key": row.product_key,
                            "renews": row.recurring and row.state == SubscriptionState.ACTIVE,
                            "period_end": row.period_end.isoformat(),
                        },
                    ),
                )
        return len(rows)

    async def _set_renewal(self, actor: Actor, *, is_canceled: bool) -> SubscriptionView:
        async with self._db.read() as reader:
            user = await users.find(reader, actor.user_id)
            row = await reader.one_or_none(_CURRENT, {"user_id": actor.user_id})
        if row is None or not row.recurring or user is None or user.telegram_id is None:
            raise NotFound
        state = SubscriptionState.CANCELED if is_canceled else SubscriptionState.ACTIVE
        async with self._db.read() as reader:
            renewing = await reader.all(_RENEWING, {"user_id": user.id}) if is_canceled else []
        for each in renewing or [row]:
            try:
                await self._stars.set_renewal(user.telegram_id, each.charge_id, is_canceled=is_canceled)
            except (StarsUnavailable, StarsRefused) as error:
                raise ProviderUnavailable(log={"detail": error.detail}) from error
            async with self._db.transaction() as tx:
                await tx.execute(_SET_STATE, {"id": each.id, "state": state.value})
                tx.after_commit(Signal(user.id))
        return replace(_view(row), state=state)


async def require_not_renewing(reader: Reader, user_id: int) -> None:
    """Let pass who has nothing that Telegram renews. Raises: AlreadySubscribed."""
    if await reader.all(_RENEWING, {"user_id": user_id}):
        raise AlreadySubscribed


async def leave(tx: Reader, user_id: int) -> list[Job]:
    """End a user's subscriptions, since they delete their data; returns what Telegram is to be told of."""
    rows = await tx.all(_LEAVE, {"user_id": user_id})
    return [Job(Queue.REST, STOP_RENEWAL_JOB, str(row.id)) for row in rows if row.stop_owed]


def _view(row: Row[Any]) -> SubscriptionView:
    return SubscriptionView(
        id=row.id,
        product_key=row.product_key,
        recurring=row.recurring,
        state=SubscriptionState(row.state),
        period_end=row.period_end,
        in_force=row.in_force,
    )
