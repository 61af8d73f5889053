"""Notes what became of creates, and what that means for the output (protocol, step 3)."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import Database, Tx, is_outage
from app.core.metrics import Metrics
from app.domain.alerts.service import AlertService
from app.domain.errors import FailureReason
from app.domain.generations import attempts
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease
from app.domain.generations.models import AttemptState
from app.domain.generations.outcomes import Lost, MakingLimits, Outcome, Waiting
from app.domain.ports import Artifact, Provider

log = structlog.get_logger(__name__)


class AttemptJournal:
    """Every note is a transaction of its own: what is known must not be lost with its process."""

    def __init__(self, db: Database, alerts: AlertService, metrics: Metrics, limits: MakingLimits) -> None:
        self._db = db
        self._alerts = alerts
        self._metrics = metrics
        self._limits = limits

    async def finish(
        self,
        attempt: Attempt,
        state: AttemptState,
        *,
        detail: str = "",
        counts: bool = True,
        result: Artifact | None = None,
        cost_micros: int = 0,
    ) -> None:
        """The end of a create, or MADE: its result is there and is to be stored."""

        async def finish(tx: Tx) -> None:
            await attempts.finish(
                tx, attempt, state, detail=detail, counts=counts, result=result, cost_micros=cost_micros
            )

        await self._write(finish)

    async def adopt(self, attempt: Attempt, task_id: str) -> None:
        """The create was taken, and the vendor calls it so."""
        await self._write(lambda tx: attempts.adopt(tx, attempt.id, task_id))

    async def unreachable(
        self, lease: Lease, attempt: Attempt, detail: str, *, retry_after: float | None = None
    ) -> Outcome:
        """The vendor cannot be asked: the task stays parked, since its result may be waiting there (trap 36)."""
        if attempt.unreachable_seconds > self._limits.unreachable_task_seconds:
            return await self.outcome_unknown(attempt)
        async with self._db.transaction() as tx:
            await attempts.unreachable(tx, attempt.id, detail)
        if lease.timed_out:
            await self._alerts.raise_(
                f"vendor-unreachable:{attempt.provider}", "alert-vendor-unreachable", {"provider": attempt.provider}
            )
        delay = self._limits.wait_asked(retry_after, attempt.polls if attempt.unreachable_seconds else 0)
        return Waiting(delay, percent=attempt.percent)

    async def outcome_unknown(self, attempt: Attempt) -> Outcome:
        """A task may exist and be paid, and nobody can be asked: the output is lost, and the operator told."""
        await self.finish(attempt, AttemptState.UNKNOWN)
        await self._alerts.raise_(
            f"outcome-unknown:{attempt.provider}",
            "alert-outcome-unknown",
            {"provider": attempt.provider, "reference": attempt.reference},
        )
        return Lost(FailureReason.PROVIDER_OUTCOME_UNKNOWN)

    async def _write(self, note: Callable[[Tx], Awaitable[None]]) -> None:
        """Write what only this process knows, for as long as it lives: what a vendor has taken may have been paid."""
        tries = 0
        while True:
            try:
                async with self._db.single() as tx:
                    await note(tx)
            except (SQLAlchemyError, OSError) as error:
                if not is_outage(error):
                    raise
                log.warning("note_not_written_yet", error=type(error).__name__, tries=tries)
            else:
                return
            await asyncio.sleep(self._limits.wait(tries).total_seconds())
            tries += 1

    def measured(self, provider: Provider, call: str) -> "_Measured":
        """A context that times a call of the vendor and counts its outcome."""
        return _Measured(self._metrics, provider.name, call)


class _Measured:
    """Times a vendor's call and notes what came of it."""

    def __init__(self, metrics: Metrics, provider: str, call: str) -> None:
        self._metrics = metrics
        self._provider = provider
        self._call = call
        self._began = 0.0

    async def __aenter__(self) -> None:
        self._began = time.perf_counter()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._metrics.provider_called(
            provider=self._provider,
            call=self._call,
            outcome="ok" if kind is None else kind.__name__,
            seconds=time.perf_counter() - self._began,
        )
