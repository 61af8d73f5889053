"""The outbox's statements: owe, claim, record, revive. A delivery is leased like a generation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Reader, Tx
from app.core.jobs import Job, Queue
from app.core.leases import OWNER_IS_DEAD
from app.domain.delivery.models import DeliveryKind, DeliveryRank, DeliveryState

JOB_NAME: Final = "deliver"
# The error of a delivery that Telegram refuses for good begins so; sending it again would be refused again.
REFUSED: Final = "refused: "


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to be owed. `key` makes it once-only; `after_id` is the delivery it must follow.

    `delay_seconds` is for how long the first ring may wait; the sweep's comes after 5 s. `hold_seconds` is how long
    nobody sends it.
    """

    key: str
    kind: DeliveryKind
    rank: DeliveryRank
    chat_id: int
    user_id: int | None = None
    generation_id: UUID | None = None
    after_id: int | None = None
    template: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    delay_seconds: float = 0.0
    hold_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this process alone may send now. `language` is the user's, English for the operator."""

    id: int
    kind: DeliveryKind
    rank: DeliveryRank
    user_id: int | None
    chat_id: int
    language: str
    generation_id: UUID | None
    template: str
    params: Mapping[str, Any]
    attempts: int
    fence: int


_OWE = text(
    """
    INSERT INTO deliveries (key, kind, rank, user_id, chat_id, generation_id, after_id, template, params,
        next_attempt_at)
    VALUES (:key, :kind, :rank, :user_id, :chat_id, :generation_id, :after_id, :template, :params,
        now() + :hold_seconds * interval '1 second')
    ON CONFLICT (key) DO NOTHING RETURNING id
    """
).bindparams(bindparam("params", type_=JSONB))

# Our own lease counts as free: the pool never sends one delivery twice at a time, so that it is the leftover of a run
# that failed half-way. A message that follows another waits for it.
_CLAIM = text(
    f"""
    UPDATE deliveries d SET state = 'SENDING', lease_owner = :owner, fence = d.fence + 1, next_ring_at = now()
    FROM (
        SELECT c.id, coalesce(u.language, 'en') AS language
        FROM deliveries c LEFT JOIN users u ON u.id = c.user_id
        WHERE c.id = :id AND (
            (c.state = 'OWED' AND c.next_attempt_at <= now())
            OR (c.state = 'SENDING' AND (c.lease_owner = :owner
                OR {OWNER_IS_DEAD})))
            AND NOT EXISTS (
                SELECT 1 FROM deliveries a WHERE a.id = c.after_id AND a.state IN ('OWED', 'SENDING'))
        FOR UPDATE OF c SKIP LOCKED
    ) due
    WHERE d.id = due.id
    RETURNING d.id, d.kind, d.rank, d.user_id, d.chat_id, due.language, d.generation_id, d.template, d.params,
        d.attempts, d.fence
    """  # noqa: S608 - fixed text
).columns(params=JSONB)
# Those that waited for it are rung, but for one: the progress message stays while the result has not arrived (trap 23);
# both are owed again when the user is back.
_FINISH = text(
    """
    WITH finished AS (
        UPDATE deliveries SET state = :state, message_id = :message_id, error = :error, lease_owner = NULL,
            sent_at = CASE WHEN :state = 'SENT' THEN clock_now() END
        WHERE id = :id AND fence = :fence AND state = 'SENDING' RETURNING id
    ),
    followers AS (
        UPDATE deliveries f SET
            state = CASE WHEN :state = 'DEAD' AND f.kind = 'removal' THEN 'DEAD' ELSE f.state END,
            error = CASE WHEN :state = 'DEAD' AND f.kind = 'removal' THEN :error ELSE f.error END,
            ring_number = f.ring_number + 1,
            next_ring_at = now() + interval '5 seconds'
        FROM finished WHERE f.after_id = finished.id AND f.state = 'OWED'
        RETURNING f.id, f.state, f.ring_number
    )
    SELECT followers.id, followers.state, followers.ring_number FROM finished LEFT JOIN followers ON true
    """
)
# Of pictures, so that a reply to one of them is known by the message's number. Waits for a deletion that is under way:
# it drops what it finds, and this must not come after it.
_NOTE_SENT = text(
    """
    INSERT INTO deliveries (key, kind, rank, user_id, chat_id, generation_id, params, state, message_id, sent_at)
    SELECT :key, 'album', :rank, u.id, :chat_id, :generation_id, :params, 'SENT', :message_id, clock_now()
    FROM users u WHERE u.id = :user_id AND u.deleted_at IS NULL FOR SHARE
    ON CONFLICT (key) DO NOTHING
    """
).bindparams(bindparam("params", type_=JSONB))
_IS_KNOWN = text("SELECT id FROM deliveries WHERE key = :key")
_HAS_PARAM = text("SELECT EXISTS (SELECT 1 FROM deliveries WHERE key = ANY(:keys) AND params ? :name)")
_IS_FOLLOWED = text("SELECT EXISTS (SELECT 1 FROM deliveries WHERE key = ANY(:keys) AND id > :id)")
# Skipped when somebody is sending it: waiting for them would hold up the user's next message.
_HOLD_BACK = text(
    """
    UPDATE deliveries SET next_attempt_at = now() + :hold_seconds * interval '1 second',
        next_ring_at = now() + :hold_seconds * interval '1 second' + interval '5 seconds',
        ring_number = ring_number + 1
    WHERE id = (
        SELECT id FROM deliveries WHERE key = ANY(:keys) AND state = 'OWED'
        ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, ring_number
    """
)
_RETRY = text(
    """
    UPDATE deliveries SET state = 'OWED', lease_owner = NULL, attempts = :attempts, error = :error,
        next_attempt_at = now() + CAST(:delay AS interval), next_ring_at = now() + CAST(:delay AS interval),
        ring_number = ring_number + 1
    WHERE id = :id AND fence = :fence AND state = 'SENDING' RETURNING ring_number
    """
)
# Rung again by the sweep: whatever is open, due, not being sent by a living process and not waiting for another.
_RING_DUE = text(
    f"""
    UPDATE deliveries d SET
        ring_number = d.ring_number + 1,
        next_ring_at = now() + least(:first * power(2, least(d.ring_number, 6)), :longest) * interval '1 second'
    FROM (
        SELECT c.id FROM deliveries c
        WHERE c.state IN ('OWED', 'SENDING') AND c.next_ring_at <= now() AND c.next_attempt_at <= now()
            AND (c.lease_owner IS NULL
                OR {OWNER_IS_DEAD}
                OR (c.lease_owner = :owner AND c.id <> ALL(CAST(:running AS bigint[]))))
            AND NOT EXISTS (
                SELECT 1 FROM deliveries a WHERE a.id = c.after_id AND a.state IN ('OWED', 'SENDING'))
        ORDER BY c.rank, c.next_ring_at LIMIT :limit FOR UPDATE OF c SKIP LOCKED
    ) due
    WHERE d.id = due.id RETURNING d.id, d.ring_number
    """  # noqa: S608 - fixed text
)
_REVIVE = text(
    """
    UPDATE deliveries SET state = 'OWED', attempts = 0, error = NULL, next_attempt_at = now(),
        next_ring_at = now() + interval '5 seconds', ring_number = ring_number + 1
    WHERE user_id = :user_id AND state = 'DEAD' AND error NOT LIKE :refused RETURNING id, ring_number
    """
)
# One that is just being claimed is as good as sent; waiting for it could be waiting in a circle.
_SKIP = text(
    """
    UPDATE deliveries SET state = 'SKIPPED'
    WHERE id = (SELECT id FROM deliveries WHERE key = :key AND state = 'OWED' FOR UPDATE SKIP LOCKED)
    """
)
_RING_SOON = text(
    """
    UPDATE deliveries d SET next_ring_at = greatest(now(), d.next_attempt_at)
    FROM (
        SELECT c.id FROM deliveries c
        WHERE c.state IN ('OWED', 'SENDING') AND c.next_ring_at > greatest(now(), c.next_attempt_at)
        FOR UPDATE SKIP LOCKED
    ) far
    WHERE d.id = far.id
    """
)
# Sent ones keep their place in the order of things, and nothing that says to whom.
_DROP = text(
    """
    UPDATE deliveries SET chat_id = 0, params = '{}', error = NULL,
        state = CASE WHEN state IN ('OWED', 'DEAD') THEN 'SKIPPED' ELSE state END
    WHERE user_id = :user_id
    """
)
# The removal of a progress message is still owed: it takes something away, and says nothing.
_WITHDRAW = text(
    """
    UPDATE deliveries SET params = '{}',
        state = CASE WHEN state IN ('OWED', 'DEAD') THEN 'SKIPPED' ELSE state END
    WHERE generation_id = :generation_id AND state <> 'SENDING' AND kind <> 'removal'
    """
)


async def owe(tx: Tx, new: NewDelivery) -> int | None:
    """Owe a message and ring for it after the commit; None when its key is owed already."""
    delivery_id: int | None = await tx.scalar(
        _OWE,
        {
            "key": new.key,
            "kind": new.kind.value,
            "rank": new.rank.value,
            "user_id": new.user_id,
            "chat_id": new.chat_id,
            "generation_id": new.generation_id,
            "after_id": new.after_id,
            "template": new.template,
            "params": dict(new.params),
            "hold_seconds": new.hold_seconds,
        },
    )
    if delivery_id is not None and new.after_id is None:
        tx.after_commit(ring(delivery_id, 0, delay_seconds=new.delay_seconds or new.hold_seconds))
    return delivery_id


async def note_sent(
    tx: Tx, *, user_id: int, chat_id: int, generation_id: UUID, message_id: int, output_indices: Sequence[int]
) -> None:
    """Note pictures of a generation that were shown at once: in one message, or in those from this number on.

    Of a user who has deleted their data meanwhile nothing is noted.
    """
    await tx.execute(
        _NOTE_SENT,
        {
            # Keys are kept when a user is erased: a private chat has the number of the person.
            "key": f"shown:{user_id}:{message_id}",
            "rank": DeliveryRank.REPLY.value,
            "user_id": user_id,
            "chat_id": chat_id,
            "generation_id": generation_id,
            "message_id": message_id,
            "params": {"output_indices": list(output_indices)},
        },
    )


async def hold_back(tx: Tx, keys: Sequence[str], *, hold_seconds: float) -> bool:
    """Let the newest of these that is owed wait, from now on, for so long; False when nobody owes one (any more)."""
    row = await tx.one_or_none(_HOLD_BACK, {"keys": list(keys), "hold_seconds": hold_seconds})
    if row is None:
        return False
    tx.after_commit(ring(row.id, row.ring_number, delay_seconds=hold_seconds))
    return True


async def is_known(reader: Reader, key: str) -> bool:
    """Whether such a message was ever owed."""
    return await reader.scalar(_IS_KNOWN, {"key": key}) is not None


async def is_followed(reader: Reader, delivery_id: int, keys: Sequence[str]) -> bool:
    """Whether one of these messages was owed after another one."""
    return bool(await reader.scalar(_IS_FOLLOWED, {"id": delivery_id, "keys": list(keys)}))


async def has_param(reader: Reader, keys: Sequence[str], name: str) -> bool:
    """Whether one of these messages was owed with a parameter of this name."""
    return bool(await reader.scalar(_HAS_PARAM, {"keys": list(keys), "name": name}))


def ring(delivery_id: int, ring_number: int, *, delay_seconds: float = 0.0) -> Job:
    """The ring of a delivery."""
    return Job(Queue.DELIVERY, JOB_NAME, str(delivery_id), ring_number, delay_seconds)


async def claim(tx: Tx, delivery_id: int, *, owner: UUID, lease: timedelta) -> ClaimedDelivery | None:
    """Take a due delivery, or None when it is not due, done, waiting, or another process's."""
    row = await tx.one_or_none(_CLAIM, {"id": delivery_id, "owner": owner, "lease": lease})
    return _claimed(row) if row else None


async def finish(
    tx: Tx, claimed: ClaimedDelivery, state: str, *, message_id: int | None = None, error: str | None = None
) -> bool:
    """Record what became of it, and ring for those that waited. False when another process has taken it over."""
    rows = await tx.all(
        _FINISH,
        {"id": claimed.id, "fence": claimed.fence, "state": state, "message_id": message_id, "error": error},
    )
    tx.after_commit(*(ring(row.id, row.ring_number) for row in rows if row.state == DeliveryState.OWED))
    return bool(rows)


async def retry(tx: Tx, claimed: ClaimedDelivery, *, attempts: int, delay: timedelta, error: str) -> None:
    """Owe it again after a delay."""
    ring_number = await tx.scalar(
        _RETRY, {"id": claimed.id, "fence": claimed.fence, "attempts": attempts, "delay": delay, "error": error}
    )
    if ring_number is not None:
        tx.after_commit(ring(claimed.id, ring_number, delay_seconds=delay.total_seconds()))


async def ring_due(
    tx: Tx,
    *,
    owner: UUID,
    running: Sequence[int],
    lease: timedelta,
    first_seconds: float,
    longest_seconds: float,
    limit: int,
) -> Sequence[Job]:
    """The rings that are due, each with a number of its own; their back-off is moved on.

    `running` are those that this process is sending right now: its lease on any other is a leftover.
    """
    rows = await tx.all(
        _RING_DUE,
        {
            "owner": owner,
            "running": list(running),
            "lease": lease,
            "first": first_seconds,
            "longest": longest_seconds,
            "limit": limit,
        },
    )
    return [ring(row.id, row.ring_number) for row in rows]


async def ring_soon(tx: Tx) -> None:
    """Let the sweep ring at once for all that is due: whoever was rung last may be dead, and the back-off theirs."""
    await tx.execute(_RING_SOON)


async def revive(tx: Tx, user_id: int) -> int:
    """Owe a user's dead letters again; returns how many."""
    rows = await tx.all(_REVIVE, {"user_id": user_id, "refused": f"{REFUSED}%"})
    tx.after_commit(*(ring(row.id, row.ring_number) for row in rows))
    return len(rows)


async def skip(tx: Tx, key: str) -> bool:
    """Owe a message no more, if nobody has begun to send it; False when it was sent, is being sent, or is unknown."""
    return (await tx.execute(_SKIP, {"key": key})).rowcount == 1


async def drop(tx: Tx, user_id: int) -> None:
    """Owe a user nothing any more, and forget where their chat is: they deleted their data."""
    await tx.execute(_DROP, {"user_id": user_id})


async def withdraw(tx: Tx, generation_id: UUID) -> None:
    """Owe nothing more of a generation whose user deleted it, and forget what was said about it."""
    await tx.execute(_WITHDRAW, {"generation_id": generation_id})


def _claimed(row: Row[Any]) -> ClaimedDelivery:
    return ClaimedDelivery(
        id=row.id,
        kind=DeliveryKind(row.kind),
        rank=DeliveryRank(row.rank),
        user_id=row.user_id,
        chat_id=row.chat_id,
        language=row.language,
        generation_id=row.generation_id,
        template=row.template,
        params=row.params,
        attempts=row.attempts,
        fence=row.fence,
    )
