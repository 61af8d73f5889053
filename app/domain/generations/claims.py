"""Leases of generations: claim, park, and the rings that the sweep repeats (protocol, steps 2, 3 and 8).

A claim locks the generation alone and touches no user, so that it cannot wait for a submit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Tx
from app.core.jobs import Job, Queue, Signal
from app.core.leases import OWNER_IS_DEAD
from app.domain.generations.accept import JOB_NAME
from app.domain.generations.models import Funding, Kind, Origin, Status
from app.domain.generations.views import Options, Stage

PROGRESS_JOB: Final = "progress"
# A parked row's own ring comes from the queue; the sweep repeats it this much later.
_PARK_GRACE: Final = timedelta(seconds=3)
# Telegram allows about one edit a second a chat; a person needs fewer.
_PROGRESS_EVERY: Final = timedelta(seconds=3)
_WAITING_PROGRESS_EVERY: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Lease:
    """A generation that this process alone may work on, as long as its fence stands: one for each run.

    `prompt` is what the vendor is told.
    """

    id: UUID
    user_id: int
    owner: UUID
    fence: int
    kind: Kind
    model_key: str
    prompt: str
    negative_prompt: str | None
    options: Options
    inputs: tuple[UUID, ...]
    shot_prompts: tuple[str, ...]
    output_count: int
    seed: int
    origin: Origin
    funding: Funding
    price_credits: int
    accepted_at: datetime
    timeout_at: datetime
    now: datetime
    faults: int
    cancel_requested: bool
    waited_too_long: bool

    def prompt_of(self, index: int) -> str:
        """The words that one output is asked for with."""
        return self.shot_prompts[index] if self.kind is Kind.PACK else self.prompt

    @property
    def timed_out(self) -> bool:
        """Whether the provider phase was over when the row was claimed."""
        return self.timeout_at <= self.now


class LeaseLost(Exception):
    """Another process has the generation now; whatever this one still holds of it is to be dropped (trap 19)."""


# PENDING rows are free; PROCESSING ones only when due and without a living owner. Our own lease counts as free: the
# pool never runs one generation twice at a time, so that it is the leftover of a run that failed half-way.
_CLAIM = text(
    f"""
    WITH due AS (
        SELECT c.id, c.status AS old_status, c.status = 'PENDING' AND c.start_by <= now() AS waited_too_long
        FROM generations c
        WHERE c.id = :id AND (
            c.status = 'PENDING'
            OR (c.status = 'PROCESSING' AND (c.next_poll_at IS NULL OR c.next_poll_at <= now())
                AND (c.lease_owner IS NULL OR c.lease_owner = :owner
                    OR {OWNER_IS_DEAD})))
        FOR UPDATE SKIP LOCKED
    ),
    claimed AS (
        UPDATE generations g SET
            status = 'PROCESSING',
            stage = CASE WHEN g.stage = 'queued' THEN 'starting' ELSE g.stage END,
            lease_owner = :owner,
            fence = g.fence + 1,
            next_poll_at = NULL,
            next_ring_at = now(),
            started_at = coalesce(g.started_at, now()),
            timeout_at = coalesce(g.timeout_at, now() + interval '1 second'
                * coalesce((SELECT m.timeout_seconds FROM models m WHERE m.key = g.model_key), :fallback_timeout))
        FROM due WHERE g.id = due.id
        RETURNING g.*, due.old_status, due.waited_too_long
    ),
    event AS (
        INSERT INTO generation_events (generation_id, old_status, new_status, reason)
        SELECT id, old_status, 'PROCESSING', 'claimed' FROM claimed WHERE old_status = 'PENDING'
    )
    SELECT id, user_id, fence, kind, model_key, coalesce(rendered_prompt, prompt) AS prompt, negative_prompt, options,
        inputs, output_count, seed, origin, funding, price_credits, accepted_at, timeout_at, now() AS now, faults,
        cancel_requested_at IS NOT NULL AS cancel_requested,
        CASE WHEN kind = 'pack' THEN (
            SELECT array_agg(s.prompt ORDER BY s.output_index) FROM pack_shots s WHERE s.generation_id = claimed.id
        ) END AS shot_prompts,
        waited_too_long, old_status
    FROM claimed
    """  # noqa: S608 - fixed text
).columns(options=JSONB)

# A change of percent or stage is shown, though not more often than the chat can bear.
_PARK = text(
    """
    WITH before AS (SELECT id, stage, percent, progressed_at FROM generations WHERE id = :id)
    UPDATE generations g SET
        lease_owner = NULL,
        next_poll_at = now() + CAST(:delay AS interval),
        next_ring_at = now() + CAST(:delay AS interval) + CAST(:grace AS interval),
        ring_number = g.ring_number + 1,
        stage = :stage,
        percent = greatest(g.percent, :percent),
        faults = :faults,
        progressed_at = CASE
            WHEN g.progress_message_id IS NOT NULL
                AND (b.stage <> :stage OR b.percent < :percent)
                AND coalesce(g.progressed_at < now() - CAST(:every AS interval), true)
            THEN now() ELSE g.progressed_at END
    FROM before b
    WHERE g.id = b.id AND g.fence = :fence AND g.status = 'PROCESSING' AND g.lease_owner = :owner
    RETURNING g.ring_number, g.progressed_at IS DISTINCT FROM b.progressed_at AS show_progress,
        b.stage <> g.stage OR b.percent <> g.percent AS changed
    """
)
_RING_DUE = text(
    f"""
    UPDATE generations g SET
        ring_number = g.ring_number + 1,
        next_ring_at = now() + least(:first * power(2, least(g.ring_number, 6)), :longest) * interval '1 second'
    FROM (
        SELECT c.id FROM generations c
        WHERE c.status IN ('PENDING', 'PROCESSING') AND c.next_ring_at <= now()
            AND (c.next_poll_at IS NULL OR c.next_poll_at <= now())
            AND (c.lease_owner IS NULL
                OR (c.lease_owner = :owner AND c.id <> ALL(CAST(:running AS uuid[])))
                OR {OWNER_IS_DEAD})
        ORDER BY c.next_ring_at LIMIT :limit FOR UPDATE OF c SKIP LOCKED
    ) due
    WHERE g.id = due.id RETURNING g.id, g.ring_number
    """  # noqa: S608 - fixed text
)
_WAITING_PROGRESS = text(
    """
    UPDATE generations g SET progressed_at = now()
    FROM (
        SELECT c.id FROM generations c
        WHERE c.status = 'PENDING' AND c.progress_message_id IS NOT NULL
            AND c.progressed_at < now() - CAST(:every AS interval)
        ORDER BY c.created_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) due
    WHERE g.id = due.id RETURNING g.id, g.fence, extract(epoch FROM now())::bigint AS second
    """
)
# Locked rows are left alone: somebody is at them just now, and waiting for them could be waiting in a circle.
_RING_SOON = text(
    """
    UPDATE generations g SET next_ring_at = greatest(now(), g.next_poll_at)
    FROM (
        SELECT c.id FROM generations c
        WHERE c.status IN ('PENDING', 'PROCESSING') AND c.next_ring_at > greatest(now(), c.next_poll_at)
        FOR UPDATE SKIP LOCKED
    ) far
    WHERE g.id = far.id
    """
)
# Our own outage times nothing out (trap 36).
_SHIFT = text(
    """
    UPDATE generations SET
        start_by = start_by + CAST(:gap AS interval), timeout_at = timeout_at + CAST(:gap AS interval)
    WHERE status IN ('PENDING', 'PROCESSING')
    """
)
_SHIFT_UNREACHABLE = text(
    """
    UPDATE provider_attempts a SET unreachable_since = a.unreachable_since + CAST(:gap AS interval)
    FROM generations g
    WHERE g.id = a.generation_id AND g.status = 'PROCESSING' AND a.unreachable_since IS NOT NULL
    """
)


async def claim(
    tx: Tx, generation_id: UUID, *, owner: UUID, lease: timedelta, fallback_timeout_seconds: int
) -> Lease | None:
    """Take a generation to work on, with a new fence; None when it is not free, not due, or final."""
    row = await tx.one_or_none(
        _CLAIM,
        {"id": generation_id, "owner": owner, "lease": lease, "fallback_timeout": fallback_timeout_seconds},
    )
    if row is None:
        return None
    if row.old_status == Status.PENDING:
        tx.after_commit(Signal(row.user_id))
    return Lease(
        id=row.id,
        user_id=row.user_id,
        owner=owner,
        fence=row.fence,
        kind=Kind(row.kind),
        model_key=row.model_key,
        prompt=row.prompt,
        negative_prompt=row.negative_prompt,
        options=Options.from_json(row.options),
        inputs=tuple(row.inputs),
        shot_prompts=tuple(row.shot_prompts or ()),
        output_count=row.output_count,
        seed=row.seed,
        origin=Origin(row.origin),
        funding=Funding(row.funding),
        price_credits=row.price_credits,
        accepted_at=row.accepted_at,
        timeout_at=row.timeout_at,
        now=row.now,
        faults=row.faults,
        cancel_requested=row.cancel_requested,
        waited_too_long=row.waited_too_long,
    )


async def park(tx: Tx, lease: Lease, *, delay: timedelta, stage: Stage, percent: int, faults: int = 0) -> None:
    """Give the lease back until `delay` is over; nothing waits in memory. Raises: LeaseLost."""
    row = await tx.one_or_none(
        _PARK,
        {
            "id": lease.id,
            "owner": lease.owner,
            "fence": lease.fence,
            "delay": delay,
            "grace": _PARK_GRACE,
            "stage": stage.value,
            "percent": percent,
            "faults": faults,
            "every": _PROGRESS_EVERY,
        },
    )
    if row is None:
        raise LeaseLost
    tx.after_commit(ring(lease.id, row.ring_number, delay_seconds=delay.total_seconds()))
    if row.changed:
        tx.after_commit(Signal(lease.user_id))
    if row.show_progress:
        tx.after_commit(Job(Queue.REST, PROGRESS_JOB, str(lease.id), row.ring_number))


def ring(generation_id: UUID, ring_number: int, *, delay_seconds: float = 0.0) -> Job:
    """The ring of a generation."""
    return Job(Queue.GENERATION, JOB_NAME, str(generation_id), ring_number, delay_seconds)


async def ring_due(
    tx: Tx,
    *,
    owner: UUID,
    running: Sequence[UUID],
    lease: timedelta,
    first_seconds: float,
    longest_seconds: float,
    limit: int,
) -> list[Job]:
    """Generations whose ring was lost, whose owner died or whose poll is due, each with a ring of its own.

    `running` are those that this process works on right now: our own lease on any other is a leftover.
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


async def list_waiting_progress(tx: Tx, *, limit: int) -> list[Job]:
    """Generations that still wait in the queue and whose chat has not heard of it for a while."""
    rows = await tx.all(_WAITING_PROGRESS, {"every": _WAITING_PROGRESS_EVERY, "limit": limit})
    return [Job(Queue.REST, PROGRESS_JOB, str(row.id), row.second) for row in rows]


async def shift_deadlines(tx: Tx, gap: timedelta) -> None:
    """Give every open generation back the time in which no process was there to work on it."""
    await tx.execute(_SHIFT, {"gap": gap})
    await tx.execute(_SHIFT_UNREACHABLE, {"gap": gap})
