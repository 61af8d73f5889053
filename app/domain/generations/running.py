"""Runs a generation as far as it goes: claim, make, then park or settle (protocol, steps 2 to 5)."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text

from app.core import leases
from app.core.crashpoints import CrashPoints
from app.core.db import Database
from app.core.jobs import Job
from app.core.leases import Beat
from app.core.metrics import Metrics
from app.domain.alerts.service import AlertService
from app.domain.delivery import outbox
from app.domain.errors import FailureReason
from app.domain.generations import attempts, claims, keeping, packs
from app.domain.generations.albums import owe_albums
from app.domain.generations.claims import Lease, LeaseLost
from app.domain.generations.making import OutputMaker
from app.domain.generations.models import Kind, Status
from app.domain.generations.outcomes import AT_ONCE, Lost, Stopped, Stored, Waiting
from app.domain.generations.outcomes import Outcome as OutputOutcome
from app.domain.generations.settle import Ending, settle_leased
from app.domain.generations.views import Stage
from app.domain.users import repository as users

log = structlog.get_logger(__name__)

# Our own bug on one generation is tried again so often; then the user gets the credits back instead of silence.
_MOST_FAULTS: Final = 5
_FAULT_DELAY: Final = timedelta(seconds=5)

_FAULT = text(
    """
    UPDATE generations SET faults = faults + 1, lease_owner = NULL, next_poll_at = now() + CAST(:delay AS interval),
        next_ring_at = now() + CAST(:delay AS interval), ring_number = ring_number + 1
    WHERE id = :id AND lease_owner = :owner AND status = 'PROCESSING' RETURNING faults
    """
)


class GenerationRunner:
    """The worker's side of generations. `owner` is always the id of the calling process."""

    def __init__(
        self,
        db: Database,
        maker: OutputMaker,
        alerts: AlertService,
        *,
        lease: timedelta,
        fallback_timeout_seconds: int,
        metrics: Metrics,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._maker = maker
        self._alerts = alerts
        self._lease = lease
        self._fallback_timeout_seconds = fallback_timeout_seconds
        self._metrics = metrics
        self._crashpoints = crashpoints

    async def run(self, generation_id: UUID, *, owner: UUID) -> None:
        """Take a generation as far as it goes now. Does nothing when it is not free or not due."""
        async with self._db.single() as tx:
            lease = await claims.claim(
                tx,
                generation_id,
                owner=owner,
                lease=self._lease,
                fallback_timeout_seconds=self._fallback_timeout_seconds,
            )
        if lease is None:
            return
        self._crashpoints.reach("claim.committed")
        if lease.fence == 1:
            log.info(
                "generation_status", generation_id=str(lease.id), old="PENDING", new="PROCESSING", reason="claimed"
            )
            self._metrics.queue_waited((lease.now - lease.accepted_at).total_seconds())
        try:
            await self._work(lease)
        except LeaseLost:
            log.warning("lease_lost", generation_id=str(lease.id), fence=lease.fence)

    async def record_fault(self, generation_id: UUID, *, owner: UUID, error: BaseException) -> None:
        """Note that our own code failed on a generation; it is tried again later, a few times."""
        async with self._db.transaction() as tx:
            faults = await tx.scalar(_FAULT, {"id": generation_id, "owner": owner, "delay": _FAULT_DELAY})
        if faults is not None:
            await self._alerts.raise_(
                f"generation-fault:{generation_id}",
                "alert-generation-fault",
                {"generation": str(generation_id), "error": type(error).__name__, "faults": faults},
            )

    async def ring_due(
        self,
        *,
        owner: UUID,
        running: Sequence[UUID],
        first_seconds: float,
        longest_seconds: float,
        limit: int,
    ) -> list[Job]:
        """Generations whose ring was lost, whose owner died or whose poll is due, with rings of their own."""
        async with self._db.transaction() as tx:
            due = await claims.ring_due(
                tx,
                owner=owner,
                running=running,
                lease=self._lease,
                first_seconds=first_seconds,
                longest_seconds=longest_seconds,
                limit=limit,
            )
            return due + await claims.list_waiting_progress(tx, limit=limit)

    async def register(self, owner: UUID, *, name: str) -> Beat:
        """Enter this process, and have all that is due looked at.

        Deadlines are moved when no process at all was alive for longer than a lease.
        """
        async with self._db.transaction() as tx:
            beat = await leases.register(tx, owner, name=name, lease=self._lease)
            await claims.ring_soon(tx)
            await outbox.ring_soon(tx)
            if beat.gap:
                await claims.shift_deadlines(tx, beat.gap)
        return beat

    async def beat(self, owner: UUID) -> Beat:
        """Prolong this process's leases."""
        async with self._db.transaction() as tx:
            beat = await leases.beat(tx, owner, lease=self._lease)
            if beat.gap:
                await claims.shift_deadlines(tx, beat.gap)
        return beat

    async def release(self, owner: UUID) -> None:
        """Give up this process's leases at once: it stops."""
        async with self._db.transaction() as tx:
            await leases.release(tx, owner)

    async def _work(self, lease: Lease) -> None:
        if lease.waited_too_long:
            await self._settle(lease, _failed(FailureReason.GENERATION_TIMEOUT))
            return
        if lease.faults >= _MOST_FAULTS:
            async with self._db.read() as reader:
                stored = await keeping.list_stored(reader, lease.id)
            given_up: list[OutputOutcome] = [Stored() for _ in stored]
            missing = lease.output_count - len(stored)
            await self._settle(lease, _ending(given_up + [Lost(FailureReason.INTERNAL_ERROR)] * missing))
            return
        outcomes = await self._advance_all(lease)
        waiting = [outcome for outcome in outcomes.values() if isinstance(outcome, Waiting)]
        percent = _percent(outcomes.values(), of=lease.output_count)
        if not waiting and len(outcomes) < lease.output_count:
            await self._end_chunk(lease, outcomes, percent=percent)
            return
        if not waiting:
            await self._settle(lease, _ending([outcomes[index] for index in sorted(outcomes)]))
            return
        async with self._db.single() as tx:
            await claims.park(
                tx,
                lease,
                delay=min(outcome.delay for outcome in waiting),
                stage=Stage.FINISHING if all(w.stage is Stage.FINISHING for w in waiting) else Stage.GENERATING,
                percent=percent,
            )
        self._crashpoints.reach("task.parked")

    async def _advance_all(self, lease: Lease) -> dict[int, OutputOutcome]:
        """One step of every output that is at work now, side by side; what became of them, and of the others before.

        Of a pack, the shots of later chunks are left out.
        """
        outcomes: dict[int, OutputOutcome] = {}
        earlier: dict[int, list[attempts.Attempt]] = {}
        if lease.fence > 1:
            async with self._db.read() as reader:
                outcomes = {index: Stored() for index in await keeping.list_stored(reader, lease.id)}
                if lease.kind is Kind.PACK:
                    lost = await packs.list_lost(reader, lease.id)
                    outcomes |= {index: Lost(reason) for index, reason in lost.items()}
                earlier = attempts.by_output(await attempts.list_attempts(reader, lease.id))
        at_work = _at_work(lease, outcomes)
        steps = [self._maker.advance(lease, index, earlier.get(index, [])) for index in at_work]
        # A bug in one output must not cut off a call of another that the vendor is already working on.
        results = await asyncio.gather(*steps, return_exceptions=True)
        for index, result in zip(at_work, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            outcomes[index] = result
        return outcomes

    async def _end_chunk(self, lease: Lease, outcomes: Mapping[int, OutputOutcome], *, percent: int) -> None:
        """A chunk of a pack is done, and others follow: its album is owed, and what was not made is skipped for good.

        All of it falls with the fence, so that whoever takes over finds the chunk either open or delivered.
        """
        lost = {index: outcome.reason for index, outcome in outcomes.items() if isinstance(outcome, Lost)}
        async with self._db.transaction() as tx:
            user = await users.lock(tx, lease.user_id)
            await packs.note_lost(tx, lease.id, lost)
            if user is not None and user.telegram_id is not None:
                await owe_albums(tx, user_id=user.id, chat_id=user.telegram_id, generation_id=lease.id)
            await claims.park(tx, lease, delay=AT_ONCE, stage=Stage.GENERATING, percent=percent)
        self._crashpoints.reach("chunk.committed")

    async def _settle(self, lease: Lease, ending: Ending) -> None:
        async with self._db.transaction() as tx:
            returned = await settle_leased(tx, lease, ending)
        self._crashpoints.reach("settle.committed")
        seconds = (lease.now - lease.accepted_at).total_seconds()
        self._metrics.generation_changed(status=ending.status.value, model=lease.model_key)
        self._metrics.generation_ended(status=ending.status.value, model=lease.model_key, seconds=seconds)
        log.info(
            "generation_status",
            generation_id=str(lease.id),
            old=Status.PROCESSING.value,
            new=ending.status.value,
            reason=ending.reason,
            returned=returned,
        )


def _failed(reason: FailureReason) -> Ending:
    return Ending(Status.FAILED, stored=0, reason=reason.value.lower(), error_code=reason)


def _ending(outcomes: Sequence[OutputOutcome]) -> Ending:
    """What the outputs amount to: a finished result wins over a cancellation and over a failure (trap 10)."""
    stored = sum(isinstance(outcome, Stored) for outcome in outcomes)
    if stored:
        return Ending(Status.COMPLETED, stored=stored, reason=f"{stored} of {len(outcomes)} stored")
    if any(isinstance(outcome, Stopped) for outcome in outcomes):
        return Ending(Status.CANCELLED, stored=0, reason="cancelled by the user")
    return _failed(next(outcome.reason for outcome in outcomes if isinstance(outcome, Lost)))


def _at_work(lease: Lease, done: Collection[int]) -> list[int]:
    """The outputs to be advanced now: all that are not done, of a pack those of its first open chunk.

    When nothing more is started, all of them: what was not started ends at once.
    """
    missing = [index for index in range(lease.output_count) if index not in done]
    if lease.kind is not Kind.PACK or not missing or lease.cancel_requested or lease.timed_out:
        return missing
    chunk = missing[0] // packs.CHUNK
    return [index for index in missing if index // packs.CHUNK == chunk]


def _percent(outcomes: Iterable[OutputOutcome], *, of: int) -> int:
    """How far the whole is, from the vendors' own figures."""
    parts = [outcome.percent if isinstance(outcome, Waiting) else 100 for outcome in outcomes]
    return min(99, sum(parts) // of)
