"""Brings in what a vendor has made. No deadline: a result is never thrown away (promise 4)."""

import asyncio
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.crashpoints import CrashPoints
from app.core.db import Database, is_outage
from app.core.media import MediaInvalid
from app.core.media_processes import MediaUnavailable
from app.domain.alerts.service import AlertService
from app.domain.generations import attempts
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease
from app.domain.generations.journal import AttemptJournal
from app.domain.generations.keeping import OutputKeeper, new_secret
from app.domain.generations.models import AttemptState
from app.domain.generations.outcomes import AT_ONCE, MakingLimits, Outcome, Stored, Waiting
from app.domain.generations.views import Stage
from app.domain.ports import (
    Downloader,
    DownloadFailed,
    DownloadRefused,
    Provider,
    ProviderError,
    StorageUnavailable,
    TaskState,
)

log = structlog.get_logger(__name__)

# A moment without memory passes by itself; what lasts longer has to be looked at.
_TRIES_BEFORE_ALERT: Final = 3


class ResultCollector:
    """Fetches results and has them stored."""

    def __init__(
        self,
        db: Database,
        journal: AttemptJournal,
        downloader: Downloader,
        keeper: OutputKeeper,
        alerts: AlertService,
        *,
        limits: MakingLimits,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._journal = journal
        self._downloader = downloader
        self._keeper = keeper
        self._alerts = alerts
        self._limits = limits
        self._crashpoints = crashpoints

    async def collect(self, lease: Lease, provider: Provider, attempt: Attempt) -> Outcome:
        """Fetch a result that the vendor keeps for us, and store it. Raises: LeaseLost."""
        if attempt.result is None or attempt.result.url is None:
            await self._journal.finish(attempt, AttemptState.FAILED, detail="the result was lost with its process")
            return Waiting(AT_ONCE)
        try:
            data = await self._downloader.fetch(attempt.result.url, allowed_origin=provider.traits.downloads_from)
        except DownloadRefused as error:
            log.warning("download_refused", generation_id=str(lease.id), provider=provider.name, error=str(error))
            await self._journal.finish(attempt, AttemptState.FAILED, detail=str(error))
            return Waiting(AT_ONCE)
        except DownloadFailed as error:
            return await self._link_failed(provider, attempt, str(error))
        self._crashpoints.reach("output.downloaded")
        try:
            return await self._keep(lease, attempt, data, secret=new_secret(), cost_micros=0)
        except StorageUnavailable as error:
            log.warning("storage_unavailable", generation_id=str(lease.id), error=str(error))
            return await self._later(attempt, str(error))
        except MediaUnavailable as error:
            log.warning("media_unavailable", generation_id=str(lease.id), error=str(error))
            await self._warn_of_media(lease, error, tries=_tries(attempt))
            return await self._later(attempt, str(error))

    async def keep_at_any_cost(self, lease: Lease, attempt: Attempt, data: bytes, *, cost_micros: int) -> Outcome:
        """The bytes exist only here, so that storing them is tried for as long as this process lives."""
        tries = 0
        secret = new_secret()
        while True:
            try:
                return await self._keep(lease, attempt, data, secret=secret, cost_micros=cost_micros)
            except (StorageUnavailable, MediaUnavailable, SQLAlchemyError, OSError) as error:
                if isinstance(error, MediaUnavailable):
                    await self._warn_of_media(lease, error, tries=tries)
                elif not isinstance(error, StorageUnavailable) and not is_outage(error):
                    raise
                delay = self._limits.wait(tries)
                log.warning("result_not_kept_yet", generation_id=str(lease.id), error=str(error), tries=tries)
            tries += 1
            await asyncio.sleep(delay.total_seconds())

    async def _link_failed(self, provider: Provider, attempt: Attempt, detail: str) -> Outcome:
        """The link may have expired: ask the task for a fresh one, then try again, for a day."""
        if attempt.unreachable_seconds > self._limits.unreachable_task_seconds:
            await self._journal.finish(attempt, AttemptState.FAILED, detail=detail)
            await self._alerts.raise_(
                f"vendor-unreachable:{attempt.provider}", "alert-vendor-unreachable", {"provider": attempt.provider}
            )
            return Waiting(AT_ONCE)
        if attempt.task_id is not None:
            try:
                report = await provider.check(attempt.task_id)
            except ProviderError as error:
                log.info("link_not_renewed", provider=provider.name, detail=error.detail)
            else:
                if report.artifact is not None and report.artifact.url is not None:
                    await self._journal.finish(attempt, AttemptState.MADE, result=report.artifact, detail=detail)
                elif report.state is TaskState.GONE:
                    await self._journal.finish(attempt, AttemptState.FAILED, detail="gone before it was fetched")
                    return Waiting(AT_ONCE)
        return await self._later(attempt, detail)

    async def _later(self, attempt: Attempt, detail: str) -> Outcome:
        async with self._db.transaction() as tx:
            await attempts.unreachable(tx, attempt.id, detail)
        return Waiting(self._limits.wait(_tries(attempt)), percent=99, stage=Stage.FINISHING)

    async def _warn_of_media(self, lease: Lease, error: MediaUnavailable, *, tries: int) -> None:
        """Tell the operator of a result that could not be prepared again and again; nobody else can help it."""
        if tries >= _TRIES_BEFORE_ALERT:
            await self._alerts.raise_(
                "media-unavailable",
                "alert-media-unavailable",
                {"generation_id": str(lease.id), "error": str(error)},
            )

    async def _keep(self, lease: Lease, attempt: Attempt, data: bytes, *, secret: str, cost_micros: int) -> Outcome:
        try:
            await self._keeper.keep(lease, attempt, data, secret=secret, cost_micros=cost_micros)
        except MediaInvalid as error:
            log.warning("result_invalid", generation_id=str(lease.id), provider=attempt.provider, error=str(error))
            await self._journal.finish(attempt, AttemptState.FAILED, detail=str(error), cost_micros=cost_micros)
            return Waiting(AT_ONCE)
        return Stored()


def _tries(attempt: Attempt) -> int:
    """How often it was in vain; also counts how often the task was asked about, which is no matter for a back-off."""
    return attempt.polls if attempt.unreachable_seconds else 0
