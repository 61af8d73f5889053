"""Makes one output of a generation at a vendor, one step at a time (protocol, step 3).

Each step begins from what the attempt rows say, so that any process can go on where another was killed.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.crashpoints import CrashPoints
from app.core.db import Database, is_outage
from app.core.media import MediaInvalid
from app.core.metrics import Metrics
from app.domain.alerts.service import AlertService
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Route
from app.domain.errors import FailureReason
from app.domain.generations import attempts
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease
from app.domain.generations.keeping import OutputKeeper
from app.domain.generations.models import AttemptState
from app.domain.generations.views import Stage
from app.domain.ports import (
    Artifact,
    CancelOutcome,
    Downloader,
    DownloadFailed,
    DownloadRefused,
    Provider,
    ProviderBusy,
    ProviderError,
    ProviderFailed,
    ProviderInvalid,
    ProviderModelGone,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderReferenceKnown,
    ProviderRejected,
    ProviderUnreachable,
    Shape,
    StorageUnavailable,
    TaskReport,
    TaskState,
    VendorRequest,
)

log = structlog.get_logger(__name__)

# A vendor that cannot be asked by our reference may still be answering the lost create for this long.
_LOOKUP_WINDOW_SECONDS: Final = 30.0
_LOOKUP_EVERY: Final = timedelta(seconds=2)
_RETRY_SOON: Final = timedelta(seconds=1)
# A vendor may ask for patience, though not for a day of it.
_LONGEST_RETRY_AFTER_SECONDS: Final = 60.0
_AT_ONCE: Final = timedelta()
# An at-once call lost in a crash is repeated, at most so often per output.
_LOST_REPEATS: Final = 3
_OUT_OF_MONEY_PAUSE_SECONDS: Final = 300.0
_MODEL_GONE_PAUSE_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class MakingLimits:
    """Bounds of creates, waits and calls (spec §4)."""

    creates_per_route: int
    creates_per_output: int
    wait_first_seconds: float
    wait_longest_seconds: float
    vendor_call_seconds: float
    unreachable_task_seconds: float

    def wait(self, tries: int) -> timedelta:
        """The back-off after so many tries."""
        return timedelta(seconds=min(self.wait_first_seconds * 2 ** min(tries, 6), self.wait_longest_seconds))


@dataclass(frozen=True, slots=True)
class Stored:
    """The output is kept."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Look again after a delay."""

    delay: timedelta
    percent: int = 0
    stage: Stage = Stage.GENERATING


@dataclass(frozen=True, slots=True)
class Lost:
    """The output will not be made."""

    reason: FailureReason


@dataclass(frozen=True, slots=True)
class Stopped:
    """The output was cancelled, free of charge."""


Outcome = Stored | Waiting | Lost | Stopped


class OutputMaker:
    """Takes one output one step further."""

    def __init__(
        self,
        db: Database,
        catalog: CatalogService,
        providers: Mapping[str, Provider],
        downloader: Downloader,
        keeper: OutputKeeper,
        alerts: AlertService,
        *,
        limits: MakingLimits,
        metrics: Metrics,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._providers = providers
        self._downloader = downloader
        self._keeper = keeper
        self._alerts = alerts
        self._limits = limits
        self._metrics = metrics
        self._crashpoints = crashpoints

    async def advance(self, lease: Lease, index: int, earlier: Sequence[Attempt]) -> Outcome:
        """Do the next thing for an output, given its creates so far. Raises: LeaseLost."""
        last = earlier[-1] if earlier else None
        if last is not None and (reason := _lost_for_good(last)) is not None:
            return Lost(reason)
        if last is None or last.state not in {AttemptState.INTENT, AttemptState.RUNNING, AttemptState.MADE}:
            return await self._create(lease, index, earlier)
        provider = self._providers.get(last.provider)
        if provider is None:
            log.error("provider_not_configured", provider=last.provider, generation_id=str(lease.id))
            return await self._unreachable(lease, last, "the provider is not configured any more")
        if last.state is AttemptState.MADE:
            return await self._collect(lease, provider, last)
        if last.state is AttemptState.RUNNING:
            return await self._check(lease, provider, last)
        if last.shape is Shape.TASK:
            return await self._resolve(lease, provider, last)
        # The process that made this call is dead, and its answer with it.
        await self._finish(last, AttemptState.UNKNOWN, detail="lost in a crash", counts=False)
        lost = replace(last, state=AttemptState.UNKNOWN, counts=False)
        return await self._create(lease, index, [*earlier[:-1], lost])

    # ------------------------------------------------------------------------------------------ creates

    async def _create(self, lease: Lease, index: int, earlier: Sequence[Attempt]) -> Outcome:
        if lease.cancel_requested:
            return Stopped()
        if lease.timed_out:
            return Lost(FailureReason.GENERATION_TIMEOUT)
        lost = sum(not attempt.counts and attempt.state is AttemptState.UNKNOWN for attempt in earlier)
        if lost > _LOST_REPEATS:
            return await self._outcome_unknown(earlier[-1])
        candidates = await self._candidates(lease, earlier)
        if not candidates:
            return Lost(FailureReason.PROVIDER_ERROR)
        route = next((route for route in candidates if not route.paused), None)
        if route is None:
            return Waiting(self._limits.wait(_trailing_waits(earlier)))
        provider = self._providers[route.provider]
        number = len(earlier) + 1
        request = _request(lease, index, route.vendor_model, f"{lease.id}/{index}/{number}")
        async with self._db.transaction() as tx:
            attempt = await attempts.intend(
                tx,
                lease,
                output_index=index,
                number=number,
                route_id=route.id,
                provider=route.provider,
                vendor_model=route.vendor_model,
                shape=provider.shape(request),
            )
        self._crashpoints.reach("attempt.committed")
        return await self._send(lease, provider, attempt, tries=_trailing_waits(earlier))

    async def _candidates(self, lease: Lease, earlier: Sequence[Attempt]) -> list[Route]:
        """The routes that may still be tried, in order; paused ones included."""
        counted = [attempt for attempt in earlier if attempt.counts]
        if len(counted) >= self._limits.creates_per_output:
            return []
        # A task that was taken and then failed may have been paid: its route is not asked again (trap 25).
        taken = {attempt.route_id for attempt in counted if attempt.task_id is not None}
        used: dict[UUID, int] = {}
        for attempt in counted:
            used[attempt.route_id] = used.get(attempt.route_id, 0) + 1
        model = await self._catalog.find_model(lease.model_key)
        return [
            route
            for route in (model.routes if model else ())
            if used.get(route.id, 0) < self._limits.creates_per_route and route.id not in taken
        ]

    async def _send(
        self, lease: Lease, provider: Provider, attempt: Attempt, *, tries: int, sent_lately: bool = False
    ) -> Outcome:
        request = _request(lease, attempt.output_index, attempt.vendor_model, attempt.reference)
        call = "generate" if attempt.shape is Shape.NOW else "submit"
        try:
            if attempt.shape is Shape.NOW:
                return await self._generate(lease, provider, attempt, request)
            async with self._measured(provider, call), asyncio.timeout(self._limits.vendor_call_seconds):
                task_id = await provider.submit(request)
        except ProviderReferenceKnown as error:
            return await self._adopt_known(lease, provider, attempt, error)
        except ProviderRejected as error:
            return await self._refused(lease, attempt, error, tries=tries)
        except (ProviderOutcomeUnknown, TimeoutError) as error:
            return await self._unknown(lease, attempt, str(error))
        except ProviderError as error:
            if sent_lately:
                # Says nothing about the first sending, which may still arrive: its row stays an intent.
                return await self._unreachable(lease, attempt, error.detail)
            return await self._refused(lease, attempt, error, tries=tries)
        self._crashpoints.reach("provider.answered")
        return await self._adopt(provider, attempt, task_id)

    async def _generate(self, lease: Lease, provider: Provider, attempt: Attempt, request: VendorRequest) -> Outcome:
        async with self._measured(provider, "generate"), asyncio.timeout(self._limits.vendor_call_seconds):
            made = await provider.generate(request)
        self._crashpoints.reach("provider.answered")
        if made.artifact.data is None:
            # The vendor keeps the result for us: its link is enough for a successor.
            await self._finish(attempt, AttemptState.MADE, result=made.artifact, cost_micros=made.cost_micros)
            return await self._collect(lease, provider, replace(attempt, result=made.artifact))
        return await self._keep_at_any_cost(lease, attempt, made.artifact.data, cost_micros=made.cost_micros)

    async def _keep_at_any_cost(self, lease: Lease, attempt: Attempt, data: bytes, *, cost_micros: int) -> Outcome:
        """The bytes exist only here, so that storing them is tried for as long as this process lives."""
        tries = 0
        while True:
            try:
                return await self._keep(lease, attempt, data, cost_micros=cost_micros)
            except (StorageUnavailable, SQLAlchemyError, OSError) as error:
                if not isinstance(error, StorageUnavailable) and not is_outage(error):
                    raise
                delay = self._limits.wait(tries)
                log.warning("result_not_kept_yet", generation_id=str(lease.id), error=str(error), tries=tries)
            tries += 1
            await asyncio.sleep(delay.total_seconds())

    async def _refused(self, lease: Lease, attempt: Attempt, error: ProviderError, *, tries: int) -> Outcome:
        """A create that was not taken, and what to do about it."""
        log.info(
            "provider_refused",
            generation_id=str(lease.id),
            provider=attempt.provider,
            error=type(error).__name__,
            detail=error.detail,
        )
        match error:
            case ProviderRejected():
                await self._finish(attempt, AttemptState.REJECTED, detail=error.detail)
                return Lost(FailureReason.PROMPT_REJECTED)
            case ProviderInvalid():
                await self._finish(attempt, AttemptState.FAILED, detail=error.detail)
                return Waiting(_AT_ONCE)
            case ProviderFailed() | ProviderBusy():
                await self._finish(attempt, AttemptState.FAILED, detail=error.detail)
                return Waiting(_RETRY_SOON)
            case ProviderOutOfMoney():
                await self._pause(attempt, "provider-out-of-money", _OUT_OF_MONEY_PAUSE_SECONDS, error)
                return Waiting(_AT_ONCE)
            case ProviderModelGone():
                await self._pause(attempt, "model-gone", _MODEL_GONE_PAUSE_SECONDS, error)
                return Waiting(_AT_ONCE)
            case ProviderRateLimited() | ProviderUnreachable():
                await self._finish(attempt, AttemptState.NOT_TAKEN, detail=error.detail, counts=False)
                wait = self._limits.wait(tries)
                if error.retry_after_seconds is not None:
                    wait = timedelta(seconds=min(error.retry_after_seconds, self._limits.wait_longest_seconds))
                return Waiting(wait)
            case _:
                message = f"{type(error).__name__} is no refusal of a create"
                raise AssertionError(message) from error

    async def _pause(self, attempt: Attempt, cause: str, seconds: float, error: ProviderError) -> None:
        await self._finish(attempt, AttemptState.NOT_TAKEN, detail=error.detail, counts=False)
        await self._catalog.pause_route(attempt.route_id, seconds=seconds, reason=cause)
        await self._alerts.raise_(
            f"{cause}:{attempt.provider}",
            f"alert-{cause}",
            {"provider": attempt.provider, "model": attempt.vendor_model},
        )

    async def _unknown(self, lease: Lease, attempt: Attempt, detail: str) -> Outcome:
        """Sent, but no answer that can be trusted: a task may exist and be paid (trap 25)."""
        if attempt.shape is Shape.TASK:
            # The row stays an intent; the next steps look the task up by our reference.
            async with self._db.transaction() as tx:
                await attempts.unreachable(tx, attempt.id, detail)
            return Waiting(max(_LOOKUP_EVERY, self._limits.wait(attempt.polls - 1)) if attempt.polls else _LOOKUP_EVERY)
        await self._finish(attempt, AttemptState.UNKNOWN, detail=detail)
        log.warning("call_outcome_unknown", generation_id=str(lease.id), provider=attempt.provider, detail=detail)
        return Waiting(_RETRY_SOON)

    # -------------------------------------------------------------------------------------------- tasks

    async def _adopt(self, provider: Provider, attempt: Attempt, task_id: str) -> Outcome:
        async with self._db.transaction() as tx:
            await attempts.adopt(tx, attempt.id, task_id)
        self._crashpoints.reach("attempt.adopted")
        return Waiting(timedelta(seconds=provider.traits.first_poll_seconds))

    async def _adopt_known(
        self, lease: Lease, provider: Provider, attempt: Attempt, error: ProviderReferenceKnown
    ) -> Outcome:
        if error.task_id is not None:
            return await self._adopt(provider, attempt, error.task_id)
        # It has the task and does not name it: its search will, a little later.
        return await self._unreachable(lease, attempt, error.detail)

    async def _resolve(self, lease: Lease, provider: Provider, attempt: Attempt) -> Outcome:
        """An intent without an answer: find the task, or make sure that there is none."""
        if not provider.traits.finds_by_reference:
            return await self._outcome_unknown(attempt)
        try:
            async with self._measured(provider, "find"):
                task_id = await provider.find(attempt.reference)
        except ProviderError as error:
            return await self._unreachable(lease, attempt, error.detail)
        if task_id is not None:
            return await self._adopt(provider, attempt, task_id)
        sent_lately = attempt.intent_age_seconds < _LOOKUP_WINDOW_SECONDS
        if provider.traits.refuses_known_reference and not (lease.cancel_requested or lease.timed_out):
            # Sending it again with the same reference cannot make a second task, so there is nothing to wait for.
            async with self._db.transaction() as tx:
                await attempts.intend_again(tx, lease, attempt)
            return await self._send(lease, provider, attempt, tries=0, sent_lately=sent_lately)
        if sent_lately:
            return Waiting(_LOOKUP_EVERY)
        if not provider.traits.refuses_known_reference:
            return await self._outcome_unknown(attempt)
        # The vendor has had its time and knows of nothing: there is no task.
        await self._finish(attempt, AttemptState.NOT_TAKEN, detail="never arrived", counts=False)
        return Stopped() if lease.cancel_requested else Lost(FailureReason.GENERATION_TIMEOUT)

    async def _check(self, lease: Lease, provider: Provider, attempt: Attempt) -> Outcome:
        task_id = _task_id(attempt)
        try:
            async with self._measured(provider, "check"):
                report = await provider.check(task_id)
        except ProviderError as error:
            return await self._unreachable(lease, attempt, error.detail, retry_after=error.retry_after_seconds)
        match report.state:
            case TaskState.RUNNING:
                return await self._still_running(lease, provider, attempt, report)
            case TaskState.SUCCEEDED:
                return await self._succeeded(lease, provider, attempt, report)
            case TaskState.REJECTED:
                await self._finish(attempt, AttemptState.REJECTED, detail=report.detail, cost_micros=report.cost_micros)
                return Lost(FailureReason.PROMPT_REJECTED)
            case TaskState.CANCELLED if lease.cancel_requested:
                await self._finish(
                    attempt, AttemptState.CANCELLED, detail=report.detail, cost_micros=report.cost_micros
                )
                return Stopped()
            case TaskState.FAILED | TaskState.GONE | TaskState.CANCELLED:
                detail = report.detail or report.state.value
                await self._finish(attempt, AttemptState.FAILED, detail=detail, cost_micros=report.cost_micros)
                return Waiting(_AT_ONCE)

    async def _still_running(self, lease: Lease, provider: Provider, attempt: Attempt, report: TaskReport) -> Outcome:
        if lease.cancel_requested and provider.traits.stops_free:
            return await self._stop(lease, provider, attempt, Stopped())
        if lease.timed_out:
            timed_out = Lost(FailureReason.GENERATION_TIMEOUT)
            if provider.traits.stops_free:
                return await self._stop(lease, provider, attempt, timed_out)
            await self._finish(attempt, AttemptState.FAILED, detail="not done in time")
            return timed_out
        percent = report.percent if report.percent is not None else attempt.percent
        async with self._db.transaction() as tx:
            await attempts.progress(tx, attempt.id, percent)
        traits = provider.traits
        delay = min(traits.first_poll_seconds * 1.5 ** min(attempt.polls, 10), traits.longest_poll_seconds)
        return Waiting(timedelta(seconds=delay), percent=percent)

    async def _succeeded(self, lease: Lease, provider: Provider, attempt: Attempt, report: TaskReport) -> Outcome:
        if report.artifact is None:
            await self._finish(
                attempt, AttemptState.FAILED, detail="success without media", cost_micros=report.cost_micros
            )
            return Waiting(_AT_ONCE)
        await self._finish(attempt, AttemptState.MADE, result=report.artifact, cost_micros=report.cost_micros)
        self._crashpoints.reach("task.finished")
        made = replace(attempt, result=report.artifact, state=AttemptState.MADE)
        if report.artifact.data is not None:
            return await self._keep_at_any_cost(lease, made, report.artifact.data, cost_micros=report.cost_micros)
        return await self._collect(lease, provider, made)

    async def _stop(self, lease: Lease, provider: Provider, attempt: Attempt, stopped: Stopped | Lost) -> Outcome:
        try:
            async with self._measured(provider, "cancel"):
                outcome = await provider.cancel(_task_id(attempt))
        except ProviderError as error:
            log.info("provider_cancel_failed", provider=provider.name, detail=error.detail)
            return await self._unreachable(lease, attempt, error.detail)
        if outcome is CancelOutcome.TOO_LATE:
            # Its result should be there now; a vendor that still says "running" is not to be asked in a tight loop.
            return Waiting(_LOOKUP_EVERY, percent=attempt.percent)
        await self._finish(attempt, AttemptState.CANCELLED)
        return stopped

    async def _unreachable(
        self, lease: Lease, attempt: Attempt, detail: str, *, retry_after: float | None = None
    ) -> Outcome:
        """The vendor cannot be asked: the task stays parked, since its result may be waiting there (trap 36)."""
        if attempt.unreachable_seconds > self._limits.unreachable_task_seconds:
            return await self._outcome_unknown(attempt)
        async with self._db.transaction() as tx:
            await attempts.unreachable(tx, attempt.id, detail)
        if lease.timed_out:
            await self._alerts.raise_(
                f"vendor-unreachable:{attempt.provider}", "alert-vendor-unreachable", {"provider": attempt.provider}
            )
        delay = self._limits.wait(attempt.polls if attempt.unreachable_seconds else 0)
        if retry_after is not None:
            delay = timedelta(seconds=min(retry_after, _LONGEST_RETRY_AFTER_SECONDS))
        return Waiting(delay, percent=attempt.percent)

    async def _outcome_unknown(self, attempt: Attempt) -> Outcome:
        await self._finish(attempt, AttemptState.UNKNOWN)
        await self._alerts.raise_(
            f"outcome-unknown:{attempt.provider}",
            "alert-outcome-unknown",
            {"provider": attempt.provider, "reference": attempt.reference},
        )
        return Lost(FailureReason.PROVIDER_OUTCOME_UNKNOWN)

    # ------------------------------------------------------------------------------------------ results

    async def _collect(self, lease: Lease, provider: Provider, attempt: Attempt) -> Outcome:
        """Fetch a result that the vendor has made. No deadline: it is never thrown away (promise 4)."""
        if attempt.result is None or attempt.result.url is None:
            await self._finish(attempt, AttemptState.FAILED, detail="the result was lost with its process")
            return Waiting(_AT_ONCE)
        try:
            data = await self._downloader.fetch(attempt.result.url, allowed_origin=provider.traits.downloads_from)
        except DownloadRefused as error:
            log.warning("download_refused", generation_id=str(lease.id), provider=provider.name, error=str(error))
            await self._finish(attempt, AttemptState.FAILED, detail=str(error))
            return Waiting(_AT_ONCE)
        except DownloadFailed as error:
            return await self._link_failed(provider, attempt, str(error))
        self._crashpoints.reach("output.downloaded")
        try:
            return await self._keep(lease, attempt, data, cost_micros=0)
        except StorageUnavailable as error:
            log.warning("storage_unavailable", generation_id=str(lease.id), error=str(error))
            return await self._later(attempt, str(error))

    async def _link_failed(self, provider: Provider, attempt: Attempt, detail: str) -> Outcome:
        """The link may have expired: ask the task for a fresh one, then try again, for a day."""
        if attempt.unreachable_seconds > self._limits.unreachable_task_seconds:
            await self._finish(attempt, AttemptState.FAILED, detail=detail)
            await self._alerts.raise_(
                f"vendor-unreachable:{attempt.provider}", "alert-vendor-unreachable", {"provider": attempt.provider}
            )
            return Waiting(_AT_ONCE)
        if attempt.task_id is not None:
            try:
                report = await provider.check(attempt.task_id)
            except ProviderError as error:
                log.info("link_not_renewed", provider=provider.name, detail=error.detail)
            else:
                if report.artifact is not None and report.artifact.url is not None:
                    await self._finish(attempt, AttemptState.MADE, result=report.artifact, detail=detail)
                elif report.state is TaskState.GONE:
                    await self._finish(attempt, AttemptState.FAILED, detail="gone before it was fetched")
                    return Waiting(_AT_ONCE)
        return await self._later(attempt, detail)

    async def _later(self, attempt: Attempt, detail: str) -> Outcome:
        async with self._db.transaction() as tx:
            await attempts.unreachable(tx, attempt.id, detail)
        tries = attempt.polls if attempt.unreachable_seconds else 0
        return Waiting(self._limits.wait(tries), percent=99, stage=Stage.FINISHING)

    async def _keep(self, lease: Lease, attempt: Attempt, data: bytes, *, cost_micros: int) -> Outcome:
        try:
            await self._keeper.keep(lease, attempt, data, cost_micros=cost_micros)
        except MediaInvalid as error:
            log.warning("result_invalid", generation_id=str(lease.id), provider=attempt.provider, error=str(error))
            await self._finish(attempt, AttemptState.FAILED, detail=str(error), cost_micros=cost_micros)
            return Waiting(_AT_ONCE)
        return Stored()

    # --------------------------------------------------------------------------------------- plumbing

    async def _finish(
        self,
        attempt: Attempt,
        state: AttemptState,
        *,
        detail: str = "",
        counts: bool = True,
        result: Artifact | None = None,
        cost_micros: int = 0,
    ) -> None:
        async with self._db.transaction() as tx:
            await attempts.finish(
                tx, attempt.id, state, detail=detail, counts=counts, result=result, cost_micros=cost_micros
            )

    def _measured(self, provider: Provider, call: str) -> "_Measured":
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


def _request(lease: Lease, index: int, vendor_model: str, reference: str) -> VendorRequest:
    return VendorRequest(
        kind=lease.kind.value,
        vendor_model=vendor_model,
        prompt=lease.prompt,
        negative_prompt=lease.negative_prompt,
        aspect_ratio=lease.options.aspect_ratio,
        # Pictures of one order differ, and the same order with the same seed gives the same ones.
        seed=(lease.seed + index) % 2**32,
        reference=reference,
    )


def _lost_for_good(last: Attempt) -> FailureReason | None:
    """Why an output is not tried again while others of its generation still are."""
    if last.state is AttemptState.REJECTED:
        return FailureReason.PROMPT_REJECTED
    if last.state is AttemptState.UNKNOWN and last.shape is Shape.TASK:
        # It may be running, and paid (trap 25).
        return FailureReason.PROVIDER_OUTCOME_UNKNOWN
    return None


def _trailing_waits(earlier: Sequence[Attempt]) -> int:
    """How many creates in a row were not even taken."""
    count = 0
    for attempt in reversed(earlier):
        if attempt.state is not AttemptState.NOT_TAKEN:
            break
        count += 1
    return count


def _task_id(attempt: Attempt) -> str:
    if attempt.task_id is None:
        message = f"attempt {attempt.id} is running without a task"
        raise AssertionError(message)
    return attempt.task_id
