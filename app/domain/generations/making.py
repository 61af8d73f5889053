"""Makes one output of a generation at a vendor, one step at a time (protocol, step 3).

Each step begins from what the attempt rows say, so that any process can go on where another was killed.
"""

from collections.abc import Mapping, Sequence

import structlog

from app.core.crashpoints import CrashPoints
from app.core.db import Database
from app.core.metrics import Metrics
from app.domain.alerts.service import AlertService
from app.domain.catalog.breaker import RouteBreaker
from app.domain.catalog.service import CatalogService
from app.domain.errors import FailureReason
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease
from app.domain.generations.creates import CreateSender
from app.domain.generations.inputs import InputFetcher
from app.domain.generations.journal import AttemptJournal
from app.domain.generations.keeping import OutputKeeper
from app.domain.generations.models import AttemptState
from app.domain.generations.outcomes import Lost, MakingLimits, Outcome
from app.domain.generations.results import ResultCollector
from app.domain.generations.routing import RouteChooser
from app.domain.generations.tasks import TaskFollower
from app.domain.ports import Downloader, Provider, Shape

log = structlog.get_logger(__name__)


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
        inputs: InputFetcher,
        breaker: RouteBreaker,
        *,
        limits: MakingLimits,
        metrics: Metrics,
        crashpoints: CrashPoints,
    ) -> None:
        self._providers = providers
        self._journal = AttemptJournal(db, alerts, metrics, limits)
        self._results = ResultCollector(
            db, self._journal, downloader, keeper, alerts, limits=limits, crashpoints=crashpoints
        )
        self._tasks = TaskFollower(db, self._journal, self._results, crashpoints)
        self._creates = CreateSender(
            db,
            providers,
            self._journal,
            self._results,
            self._tasks,
            RouteChooser(catalog, breaker, alerts, limits),
            inputs,
            limits=limits,
            crashpoints=crashpoints,
        )

    async def advance(self, lease: Lease, index: int, earlier: Sequence[Attempt]) -> Outcome:
        """Do the next thing for an output, given its creates so far. Raises: LeaseLost."""
        last = earlier[-1] if earlier else None
        if last is not None and (reason := _lost_for_good(last)) is not None:
            return Lost(reason)
        if last is None or last.state not in {AttemptState.INTENT, AttemptState.RUNNING, AttemptState.MADE}:
            return await self._creates.create(lease, index, earlier)
        provider = self._providers.get(last.provider)
        if provider is None:
            log.error("provider_not_configured", provider=last.provider, generation_id=str(lease.id))
            return await self._journal.unreachable(lease, last, "the provider is not configured any more")
        if last.state is AttemptState.RUNNING or _is_kept_by_its_task(last):
            return await self._tasks.check(lease, provider, last)
        if last.state is AttemptState.MADE:
            return await self._results.collect(lease, provider, last)
        if last.shape is Shape.TASK:
            return await self._creates.resolve(lease, provider, last)
        return await self._creates.repeat_lost(lease, index, earlier)


def _is_kept_by_its_task(last: Attempt) -> bool:
    """Whether a result came inside of the vendor's report, and was lost with its process: the task has it still."""
    has_link = last.result is not None and last.result.url is not None
    return last.state is AttemptState.MADE and last.task_id is not None and not has_link


def _lost_for_good(last: Attempt) -> FailureReason | None:
    """Why an output is not tried again while others of its generation still are."""
    if last.state is AttemptState.REJECTED:
        return FailureReason.PROMPT_REJECTED
    if last.state is AttemptState.UNKNOWN and last.shape is Shape.TASK:
        # It may be running, and paid (trap 25).
        return FailureReason.PROVIDER_OUTCOME_UNKNOWN
    return None
