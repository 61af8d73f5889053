"""Sends creates to vendors and settles what became of them (protocol, step 3); by which route, `routing` says.

A create that may have been taken is never sent twice where that could be paid twice (trap 25).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from app.core.crashpoints import CrashPoints
from app.core.db import Database
from app.domain.catalog.views import Route
from app.domain.errors import FailureReason
from app.domain.generations import attempts
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease, LeaseLost
from app.domain.generations.inputs import InputFetcher, InputsMissing
from app.domain.generations.journal import AttemptJournal
from app.domain.generations.models import AttemptState
from app.domain.generations.outcomes import AT_ONCE, Lost, MakingLimits, Outcome, Stopped, Waiting
from app.domain.generations.results import ResultCollector
from app.domain.generations.routing import RouteChooser, refused_lately
from app.domain.generations.tasks import LOOK_AGAIN, TaskFollower
from app.domain.ports import (
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
    VendorRequest,
)

log = structlog.get_logger(__name__)

# A vendor that cannot be asked by our reference may still be answering the lost create for this long.
_LOOKUP_WINDOW_SECONDS: Final = 30.0
_RETRY_SOON: Final = timedelta(seconds=1)
# How often work whose model's row cannot be read looks whether it was mended.
_MENDED_SOON: Final = timedelta(seconds=5)
# An at-once call lost in a crash is repeated, at most so often per output.
_LOST_REPEATS: Final = 3


@dataclass(frozen=True, slots=True)
class _NotTaken(Waiting):
    """This route is to be asked again after a while; another may be asked at once."""


class CreateSender:
    """Sends a create by the route that was chosen, and resolves those whose answer was lost."""

    def __init__(
        self,
        db: Database,
        providers: Mapping[str, Provider],
        journal: AttemptJournal,
        results: ResultCollector,
        tasks: TaskFollower,
        routes: RouteChooser,
        inputs: InputFetcher,
        *,
        limits: MakingLimits,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._providers = providers
        self._journal = journal
        self._results = results
        self._tasks = tasks
        self._routes = routes
        self._inputs = inputs
        self._limits = limits
        self._crashpoints = crashpoints

    async def create(self, lease: Lease, index: int, earlier: Sequence[Attempt]) -> Outcome:
        """The next create of an output, on the first route that may still be tried. Raises: LeaseLost."""
        if lease.cancel_requested:
            return Stopped()
        if lease.timed_out:
            return Lost(FailureReason.GENERATION_TIMEOUT)
        lost = sum(not attempt.counts and attempt.state is AttemptState.UNKNOWN for attempt in earlier)
        if lost > _LOST_REPEATS:
            return await self._journal.outcome_unknown(earlier[-1])
        try:
            pixels = await self._inputs.list_pixels(lease)
        except InputsMissing:
            return self._inputs_missing(lease)
        candidates = await self._routes.list_candidates(lease, index, earlier, pixels)
        if not candidates and await self._routes.is_hidden(lease):
            # Accepted before the slip, and this process has never read the model; its time-out bounds the wait.
            return Waiting(_MENDED_SOON)
        if not candidates:
            return Lost(FailureReason.PROVIDER_ERROR)
        refused = refused_lately(earlier)
        # Who did not take it just now is asked again after the others.
        candidates.sort(key=lambda route: refused[route.id])
        route = await self._routes.choose(candidates)
        if route is None:
            return Waiting(self._routes.until_one_opens(candidates, tries=refused.total()))
        others = [other for other in candidates if other is not route and not other.paused]
        return await self._create_on(
            lease,
            index,
            route,
            number=len(earlier) + 1,
            tries=refused[route.id],
            has_fresh=any(refused[other.id] <= refused[route.id] for other in others),
        )

    async def _create_on(
        self, lease: Lease, index: int, route: Route, *, number: int, tries: int, has_fresh: bool
    ) -> Outcome:
        """`has_fresh`: another route has not been asked as often in vain, so that nobody has to wait for this one."""
        provider = self._providers[route.provider]
        try:
            request = await self._request(lease, index, route, f"{lease.id}/{index}/{number}")
        except StorageUnavailable as error:
            # Before the intent is written: nothing was sent, so there is nothing to find out later.
            log.warning("inputs_unavailable", generation_id=str(lease.id), error=str(error))
            await self._routes.note_unsent(route)
            return Waiting(self._limits.wait(tries))
        except InputsMissing:
            return self._inputs_missing(lease)
        try:
            async with self._db.single() as tx:
                attempt = await attempts.intend(
                    tx,
                    lease,
                    output_index=index,
                    number=number,
                    route_id=route.id,
                    provider=route.provider,
                    vendor_model=route.vendor_model,
                    shape=provider.shape(request),
                    estimate_micros=route.estimate_micros(lease.options.duration_seconds),
                )
        except LeaseLost:
            async with self._db.read() as reader:
                if not await attempts.is_cancelled(reader, lease):
                    raise
            # It was stopped after the claim: the vendor must not begin what its user has been told is over.
            await self._routes.note_unsent(route)
            return Stopped()
        self._crashpoints.reach("attempt.committed")
        outcome = await self._send(lease, provider, route, attempt, request, tries=tries)
        if has_fresh and isinstance(outcome, _NotTaken):
            return Waiting(AT_ONCE)
        return outcome

    async def repeat_lost(self, lease: Lease, index: int, earlier: Sequence[Attempt]) -> Outcome:
        """The last create was an at-once call: the process that made it is dead, and its answer with it."""
        last = earlier[-1]
        await self._journal.finish(last, AttemptState.UNKNOWN, detail="lost in a crash", counts=False)
        lost = replace(last, state=AttemptState.UNKNOWN, counts=False)
        return await self.create(lease, index, [*earlier[:-1], lost])

    async def resolve(self, lease: Lease, provider: Provider, attempt: Attempt) -> Outcome:
        """An intent without an answer: find the task, or make sure that there is none."""
        if not provider.traits.finds_by_reference:
            return await self._journal.outcome_unknown(attempt)
        try:
            async with self._journal.measured(provider, "find"):
                task_id = await provider.find(attempt.reference)
        except ProviderError as error:
            return await self._journal.unreachable(lease, attempt, error.detail)
        if task_id is not None:
            return await self._tasks.adopt(provider, attempt, task_id)
        sent_lately = attempt.intent_age_seconds < _LOOKUP_WINDOW_SECONDS
        if provider.traits.refuses_known_reference and not (lease.cancel_requested or lease.timed_out):
            # Sending it again with the same reference cannot make a second task, so there is nothing to wait for.
            return await self._send_again(lease, provider, attempt, sent_lately=sent_lately)
        if sent_lately:
            return Waiting(LOOK_AGAIN)
        if not provider.traits.refuses_known_reference:
            return await self._journal.outcome_unknown(attempt)
        # The vendor has had its time and knows of nothing: there is no task.
        await self._journal.finish(attempt, AttemptState.NOT_TAKEN, detail="never arrived", counts=False)
        return Stopped() if lease.cancel_requested else Lost(FailureReason.GENERATION_TIMEOUT)

    async def _send_again(self, lease: Lease, provider: Provider, attempt: Attempt, *, sent_lately: bool) -> Outcome:
        route = await self._routes.find(lease, attempt)
        try:
            request = await self._request(lease, attempt.output_index, route, attempt.reference)
        except (StorageUnavailable, InputsMissing) as error:
            return await self._journal.unreachable(lease, attempt, f"inputs: {error}")
        async with self._db.single() as tx:
            await attempts.intend_again(tx, lease, attempt)
        return await self._send(lease, provider, route, attempt, request, tries=0, sent_lately=sent_lately)

    async def _request(self, lease: Lease, index: int, route: Route, reference: str) -> VendorRequest:
        """What the vendor is asked. Raises: StorageUnavailable, InputsMissing."""
        rings = self._providers[route.provider].traits.rings and self._limits.callback_base
        return VendorRequest(
            kind=lease.kind.vendor_kind,
            vendor_model=route.vendor_model,
            prompt=lease.prompt_of(index),
            negative_prompt=lease.negative_prompt,
            aspect_ratio=lease.options.aspect_ratio,
            # Pictures of one order differ, and the same order with the same seed gives the same ones.
            seed=(lease.seed + index) % 2**32,
            reference=reference,
            inputs=await self._inputs.fetch(lease),
            duration_seconds=lease.options.duration_seconds,
            parameters=route.parameters,
            callback_url=f"{self._limits.callback_base}/{route.provider}" if rings else None,
        )

    def _inputs_missing(self, lease: Lease) -> Lost:
        log.error("inputs_missing", generation_id=str(lease.id))
        return Lost(FailureReason.INTERNAL_ERROR)

    async def _send(
        self,
        lease: Lease,
        provider: Provider,
        route: Route,
        attempt: Attempt,
        request: VendorRequest,
        *,
        tries: int,
        sent_lately: bool = False,
    ) -> Outcome:
        try:
            if attempt.shape is Shape.NOW:
                outcome = await self._generate(lease, provider, attempt, request)
            else:
                outcome = await self._submit(provider, attempt, request)
        except ProviderError as error:
            outcome = await self._not_made(lease, provider, attempt, error, tries=tries, sent_lately=sent_lately)
            await self._routes.note_health(route, error)
        else:
            await self._routes.note_health(route, None)
        return outcome

    async def _not_made(
        self,
        lease: Lease,
        provider: Provider,
        attempt: Attempt,
        error: ProviderError,
        *,
        tries: int,
        sent_lately: bool,
    ) -> Outcome:
        match error:
            case ProviderReferenceKnown():
                return await self._adopt_known(lease, provider, attempt, error)
            case ProviderRejected():
                return await self._refused(lease, attempt, error, tries=tries)
            case ProviderOutcomeUnknown():
                return await self._unknown(lease, attempt, str(error))
            case _ if sent_lately:
                # Says nothing about the first sending, which may still arrive: its row stays an intent.
                return await self._journal.unreachable(lease, attempt, error.detail)
            case _:
                return await self._refused(lease, attempt, error, tries=tries)

    async def _submit(self, provider: Provider, attempt: Attempt, request: VendorRequest) -> Outcome:
        async with self._bounded(provider, "submit"):
            task_id = await provider.submit(request)
        self._crashpoints.reach("provider.answered")
        return await self._tasks.adopt(provider, attempt, task_id)

    @asynccontextmanager
    async def _bounded(self, provider: Provider, call: str) -> AsyncIterator[None]:
        """Around the vendor's call alone: a time-out of the database's must not be taken for the vendor's silence."""
        try:
            async with self._journal.measured(provider, call), asyncio.timeout(self._limits.vendor_call_seconds):
                yield
        except TimeoutError as error:
            message = "no answer in time"
            raise ProviderOutcomeUnknown(message) from error

    async def _generate(self, lease: Lease, provider: Provider, attempt: Attempt, request: VendorRequest) -> Outcome:
        async with self._bounded(provider, "generate"):
            made = await provider.generate(request)
        self._crashpoints.reach("provider.answered")
        if made.artifact.data is None:
            # The vendor keeps the result for us: its link is enough for a successor.
            await self._journal.finish(attempt, AttemptState.MADE, result=made.artifact, cost_micros=made.cost_micros)
            known = replace(attempt, result=made.artifact, state=AttemptState.MADE)
            return await self._results.collect(lease, provider, known)
        return await self._results.keep_at_any_cost(lease, attempt, made.artifact.data, cost_micros=made.cost_micros)

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
                await self._journal.finish(attempt, AttemptState.REJECTED, detail=error.detail)
                return Lost(FailureReason.PROMPT_REJECTED)
            case ProviderInvalid():
                await self._journal.finish(attempt, AttemptState.INVALID, detail=error.detail)
                return Waiting(AT_ONCE)
            case ProviderFailed() | ProviderBusy():
                await self._journal.finish(attempt, AttemptState.FAILED, detail=error.detail)
                return Waiting(_RETRY_SOON)
            case ProviderOutOfMoney() | ProviderModelGone():
                await self._journal.finish(attempt, AttemptState.NOT_TAKEN, detail=error.detail, counts=False)
                await self._routes.pause(attempt, error)
                return Waiting(AT_ONCE)
            case ProviderRateLimited() | ProviderUnreachable():
                await self._journal.finish(attempt, AttemptState.NOT_TAKEN, detail=error.detail, counts=False)
                return _NotTaken(self._limits.wait_asked(error.retry_after_seconds, tries))
            case _:
                message = f"{type(error).__name__} is no refusal of a create"
                raise AssertionError(message) from error

    async def _unknown(self, lease: Lease, attempt: Attempt, detail: str) -> Outcome:
        """Sent, but no answer that can be trusted: a task may exist and be paid (trap 25)."""
        if attempt.shape is Shape.TASK:
            # The row stays an intent; the next steps look the task up by our reference.
            async with self._db.transaction() as tx:
                await attempts.unreachable(tx, attempt.id, detail)
            return Waiting(max(LOOK_AGAIN, self._limits.wait(attempt.polls - 1)) if attempt.polls else LOOK_AGAIN)
        await self._journal.finish(attempt, AttemptState.UNKNOWN, detail=detail)
        log.warning("call_outcome_unknown", generation_id=str(lease.id), provider=attempt.provider, detail=detail)
        return Waiting(_RETRY_SOON)

    async def _adopt_known(
        self, lease: Lease, provider: Provider, attempt: Attempt, error: ProviderReferenceKnown
    ) -> Outcome:
        if error.task_id is not None:
            return await self._tasks.adopt(provider, attempt, error.task_id)
        # It has the task and does not name it: its search will, a little later.
        return await self._journal.unreachable(lease, attempt, error.detail)
