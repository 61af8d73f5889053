"""The courier: takes what is owed, has its content put together, sends it, records it, tries again when it failed.

At-least-once: a doubled picture after a crash is acceptable, one that was paid for and not delivered never is.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Tx
from app.core.ids import new_id
from app.core.jobs import Job
from app.core.metrics import Metrics
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank, DeliveryState
from app.domain.delivery.outbox import ClaimedDelivery, NewDelivery
from app.domain.ports import (
    Messenger,
    Outgoing,
    Priority,
    RecipientUnreachable,
    SendFailed,
    SendLater,
    SendRefused,
    Sent,
    StorageUnavailable,
)
from app.domain.users import repository as users

log = structlog.get_logger(__name__)

_PRIORITIES: Final = {
    DeliveryRank.REPLY: Priority.REPLY,
    DeliveryRank.RESULT: Priority.RESULT,
    DeliveryRank.NOTICE: Priority.NOTICE,
    DeliveryRank.BROADCAST: Priority.BROADCAST,
}
# Without these a chat is merely less tidy; nobody is told that they could not be sent.
_DISPENSABLE: Final = frozenset({DeliveryKind.PROGRESS, DeliveryKind.REMOVAL})


@dataclass(frozen=True, slots=True)
class Removal:
    """Content of a delivery that takes a message away."""

    message_id: int


@dataclass(frozen=True, slots=True)
class NotYet:
    """The content cannot be put together yet; ask again after a while."""

    delay: timedelta


class Content(Protocol):
    """Puts together what a kind of delivery says, when it is sent, and knows what follows from its arrival."""

    async def compose(self, claimed: ClaimedDelivery) -> Outgoing | Removal | NotYet | None:
        """What to send; None when there is nothing to be said any more."""
        ...

    async def record(self, tx: Tx, claimed: ClaimedDelivery, sent: Sent) -> None:
        """Joins the transaction that records the arrival."""
        ...


OnDead = Callable[[ClaimedDelivery, str], Awaitable[None]]


class PlainContent:
    """A delivery whose template and parameters are all there is."""

    async def compose(self, claimed: ClaimedDelivery) -> Outgoing:
        return Outgoing(claimed.chat_id, claimed.language, claimed.template, claimed.params)

    async def record(self, tx: Tx, claimed: ClaimedDelivery, sent: Sent) -> None:
        """Nothing follows."""


class DeliveryService:
    """The outbox's use cases. After the last of the retry delays, what does not arrive is a dead letter."""

    def __init__(
        self,
        db: Database,
        messenger: Messenger,
        *,
        lease: timedelta,
        retry_delays_seconds: Sequence[int],
        metrics: Metrics,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._messenger = messenger
        self._lease = lease
        self._retry_delays_seconds = retry_delays_seconds
        self._metrics = metrics
        self._crashpoints = crashpoints
        plain = PlainContent()
        self._contents: dict[DeliveryKind, Content] = {DeliveryKind.NOTICE: plain, DeliveryKind.ALERT: plain}
        self._on_dead: OnDead | None = None

    def register(self, contents: Mapping[DeliveryKind, Content], *, on_dead: OnDead) -> None:
        """Hand in who puts together the kinds that upper packages know, and who is told of dead letters (once)."""
        self._contents.update(contents)
        self._on_dead = on_dead

    async def owe(
        self,
        *,
        user_id: int,
        chat_id: int,
        template: str,
        params: Mapping[str, object],
        rank: DeliveryRank = DeliveryRank.NOTICE,
        key: str | None = None,
    ) -> None:
        """Owe a message that could not be sent at once. With a `key` it is owed once only."""
        async with self._db.transaction() as tx:
            await outbox.owe(
                tx,
                NewDelivery(
                    key=key or f"notice:{new_id()}",
                    kind=DeliveryKind.NOTICE,
                    rank=rank,
                    user_id=user_id,
                    chat_id=chat_id,
                    template=template,
                    params=params,
                ),
            )

    async def note_sent(
        self, *, user_id: int, chat_id: int, generation_id: UUID, message_id: int, output_indices: Sequence[int]
    ) -> None:
        """Note which pictures of a generation an answer has shown, for whoever replies to one of them."""
        async with self._db.transaction() as tx:
            await outbox.note_sent(
                tx,
                user_id=user_id,
                chat_id=chat_id,
                generation_id=generation_id,
                message_id=message_id,
                output_indices=output_indices,
            )

    async def deliver(self, delivery_id: int, *, owner: UUID) -> DeliveryState | None:
        """Send one owed message, if it is due; returns what became of it, None when it was not ours to send."""
        async with self._db.single() as tx:
            claimed = await outbox.claim(tx, delivery_id, owner=owner, lease=self._lease)
        if claimed is None:
            return None
        self._crashpoints.reach("delivery.claimed")
        state = await self._attempt(claimed)
        self._metrics.delivery_tried(kind=claimed.kind, outcome=state.lower())
        return state

    async def record_fault(self, delivery_id: int, *, owner: UUID, error: BaseException) -> None:
        """Note that our own code failed on a delivery: it is tried again later like any other that failed."""
        async with self._db.single() as tx:
            claimed = await outbox.claim(tx, delivery_id, owner=owner, lease=self._lease)
        if claimed is not None:
            await self._try_again(claimed, f"fault: {type(error).__name__}")

    async def ring_due(
        self, *, owner: UUID, running: Sequence[int], first_seconds: float, longest_seconds: float, limit: int
    ) -> list[Job]:
        """Deliveries whose ring was lost or whose owner died, with rings of their own (the sweep)."""
        async with self._db.transaction() as tx:
            return list(
                await outbox.ring_due(
                    tx,
                    owner=owner,
                    running=running,
                    lease=self._lease,
                    first_seconds=first_seconds,
                    longest_seconds=longest_seconds,
                    limit=limit,
                )
            )

    async def _attempt(self, claimed: ClaimedDelivery) -> DeliveryState:
        content = self._contents[claimed.kind]
        try:
            composed = await content.compose(claimed)
            match composed:
                case None:
                    return await self._finish(claimed, DeliveryState.SKIPPED)
                case NotYet(delay):
                    return await self._retry(claimed, attempts=claimed.attempts, delay=delay, error="not yet")
                case Removal(message_id):
                    await self._messenger.remove(claimed.chat_id, message_id, _PRIORITIES[claimed.rank])
                    sent = Sent(message_id)
                case Outgoing():
                    sent = await self._messenger.send(composed, _PRIORITIES[claimed.rank])
        except SendLater as error:
            # Flood control is no failure of this message: it keeps its tries (trap 24's twin for Telegram).
            delay = timedelta(seconds=error.retry_after_seconds)
            return await self._retry(claimed, attempts=claimed.attempts, delay=delay, error=error.detail)
        except RecipientUnreachable as error:
            return await self._give_up_for_now(claimed, error.detail)
        except SendRefused as error:
            return await self._bury(claimed, outbox.REFUSED + error.detail)
        except (SendFailed, StorageUnavailable) as error:
            return await self._try_again(claimed, str(error))
        self._crashpoints.reach("delivery.sent")
        state = await self._arrive(claimed, content, sent)
        self._crashpoints.reach("progress.removed" if claimed.kind is DeliveryKind.REMOVAL else "delivery.recorded")
        return state

    async def _arrive(self, claimed: ClaimedDelivery, content: Content, sent: Sent) -> DeliveryState:
        async with self._db.transaction() as tx:
            if await outbox.finish(tx, claimed, DeliveryState.SENT, message_id=sent.message_id):
                await content.record(tx, claimed, sent)
        return DeliveryState.SENT

    async def _finish(
        self, claimed: ClaimedDelivery, state: DeliveryState, *, error: str | None = None
    ) -> DeliveryState:
        async with self._db.single() as tx:
            await outbox.finish(tx, claimed, state, error=error)
        return state

    async def _try_again(self, claimed: ClaimedDelivery, error: str) -> DeliveryState:
        if claimed.attempts >= len(self._retry_delays_seconds):
            return await self._bury(claimed, error)
        delay = timedelta(seconds=self._retry_delays_seconds[claimed.attempts])
        return await self._retry(claimed, attempts=claimed.attempts + 1, delay=delay, error=error)

    async def _retry(self, claimed: ClaimedDelivery, *, attempts: int, delay: timedelta, error: str) -> DeliveryState:
        async with self._db.single() as tx:
            await outbox.retry(tx, claimed, attempts=attempts, delay=delay, error=error)
        return DeliveryState.OWED

    async def _give_up_for_now(self, claimed: ClaimedDelivery, error: str) -> DeliveryState:
        """The user blocked the bot: no retries, and everything is owed again when they come back (trap 27)."""
        async with self._db.transaction() as tx:
            await users.mark_unreachable(tx, claimed.chat_id)
            state = DeliveryState.SKIPPED if claimed.kind in _DISPENSABLE else DeliveryState.DEAD
            await outbox.finish(tx, claimed, state, error=f"unreachable: {error}")
        return state

    async def _bury(self, claimed: ClaimedDelivery, error: str) -> DeliveryState:
        log.warning("delivery_dead", delivery_id=claimed.id, kind=claimed.kind, error=error)
        if claimed.kind in _DISPENSABLE:
            return await self._finish(claimed, DeliveryState.SKIPPED, error=error)
        state = await self._finish(claimed, DeliveryState.DEAD, error=error)
        # An alert that could not be sent must not raise the next one (trap 26).
        if self._on_dead is not None and claimed.kind is not DeliveryKind.ALERT:
            await self._on_dead(claimed, error)
        return state
