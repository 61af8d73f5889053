"""Follows tasks that vendors work on: polls, stops, timeouts (protocol, steps 3 and 7)."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from app.core.crashpoints import CrashPoints
from app.core.db import Database
from app.domain.errors import FailureReason
from app.domain.generations import attempts
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease
from app.domain.generations.journal import AttemptJournal
from app.domain.generations.models import AttemptState
from app.domain.generations.outcomes import AT_ONCE, Lost, Outcome, Stopped, Waiting
from app.domain.generations.results import ResultCollector
from app.domain.ports import CancelOutcome, Provider, ProviderError, TaskReport, TaskState

log = structlog.get_logger(__name__)

# A vendor that will know more in a moment.
LOOK_AGAIN: Final = timedelta(seconds=2)


class TaskFollower:
    """Takes a vendor's task one step further."""

    def __init__(
        self, db: Database, journal: AttemptJournal, results: ResultCollector, crashpoints: CrashPoints
    ) -> None:
        self._db = db
        self._journal = journal
        self._results = results
        self._crashpoints = crashpoints

    async def adopt(self, provider: Provider, attempt: Attempt, task_id: str) -> Outcome:
        """The create was taken: from now on its task is polled at the vendor's pace."""
        await self._journal.adopt(attempt, task_id)
        self._crashpoints.reach("attempt.adopted")
        return Waiting(timedelta(seconds=provider.traits.first_poll_seconds))

    async def check(self, lease: Lease, provider: Provider, attempt: Attempt) -> Outcome:
        """Ask how the task is, and act on the answer. Raises: LeaseLost."""
        task_id = _task_id(attempt)
        try:
            async with self._journal.measured(provider, "check"):
                report = await provider.check(task_id)
        except ProviderError as error:
            return await self._journal.unreachable(lease, attempt, error.detail, retry_after=error.retry_after_seconds)
        match report.state:
            case TaskState.RUNNING:
                return await self._still_running(lease, provider, attempt, report)
            case TaskState.SUCCEEDED:
                return await self._succeeded(lease, provider, attempt, report)
            case TaskState.REJECTED:
                await self._journal.finish(
                    attempt, AttemptState.REJECTED, detail=report.detail, cost_micros=report.cost_micros
                )
                return Lost(FailureReason.PROMPT_REJECTED)
            case TaskState.CANCELLED if lease.cancel_requested:
                await self._journal.finish(
                    attempt, AttemptState.CANCELLED, detail=report.detail, cost_micros=report.cost_micros
                )
                return Stopped()
            case TaskState.FAILED | TaskState.GONE | TaskState.CANCELLED:
                detail = report.detail or report.state.value
                await self._journal.finish(attempt, AttemptState.FAILED, detail=detail, cost_micros=report.cost_micros)
                return Waiting(AT_ONCE)

    async def _still_running(self, lease: Lease, provider: Provider, attempt: Attempt, report: TaskReport) -> Outcome:
        if lease.cancel_requested and provider.traits.stops_free:
            return await self._stop(lease, provider, attempt, Stopped())
        if lease.timed_out:
            timed_out = Lost(FailureReason.GENERATION_TIMEOUT)
            if provider.traits.stops_free:
                return await self._stop(lease, provider, attempt, timed_out)
            await self._journal.finish(attempt, AttemptState.FAILED, detail="not done in time")
            return timed_out
        percent = report.percent if report.percent is not None else attempt.percent
        async with self._db.transaction() as tx:
            await attempts.progress(tx, attempt.id, percent)
        traits = provider.traits
        delay = min(traits.first_poll_seconds * 1.5 ** min(attempt.polls, 10), traits.longest_poll_seconds)
        return Waiting(timedelta(seconds=delay), percent=percent)

    async def _succeeded(self, lease: Lease, provider: Provider, attempt: Attempt, report: TaskReport) -> Outcome:
        if report.artifact is None:
            await self._journal.finish(
                attempt, AttemptState.FAILED, detail="success without media", cost_micros=report.cost_micros
            )
            return Waiting(AT_ONCE)
        await self._journal.finish(attempt, AttemptState.MADE, result=report.artifact, cost_micros=report.cost_micros)
        self._crashpoints.reach("task.finished")
        made = replace(attempt, result=report.artifact, state=AttemptState.MADE)
        if report.artifact.data is not None:
            return await self._results.keep_at_any_cost(
                lease, made, report.artifact.data, cost_micros=report.cost_micros
            )
        return await self._results.collect(lease, provider, made)

    async def _stop(self, lease: Lease, provider: Provider, attempt: Attempt, stopped: Stopped | Lost) -> Outcome:
        try:
            async with self._journal.measured(provider, "cancel"):
                outcome = await provider.cancel(_task_id(attempt))
        except ProviderError as error:
            log.info("provider_cancel_failed", provider=provider.name, detail=error.detail)
            return await self._journal.unreachable(lease, attempt, error.detail)
        if outcome is CancelOutcome.TOO_LATE:
            # Its result should be there now; a vendor that still says "running" is not to be asked in a tight loop.
            return Waiting(LOOK_AGAIN, percent=attempt.percent)
        await self._journal.finish(attempt, AttemptState.CANCELLED)
        return stopped


def _task_id(attempt: Attempt) -> str:
    if attempt.task_id is None:
        message = f"attempt {attempt.id} is running without a task"
        raise AssertionError(message)
    return attempt.task_id
