"""Chooses by which route an output is made, and keeps what is known of each: spent, open, paused."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from app.domain.alerts.service import AlertService
from app.domain.catalog.breaker import RouteBreaker
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Route
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease
from app.domain.generations.models import AttemptState
from app.domain.generations.options import work_of
from app.domain.generations.outcomes import MakingLimits
from app.domain.ports import (
    ProviderBusy,
    ProviderHeldBack,
    ProviderModelGone,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderUnreachable,
)

log = structlog.get_logger(__name__)

# Soon enough after a top-up; vendors do not bring a model back within a day.
_OUT_OF_MONEY_PAUSE_SECONDS: Final = 300.0
_MODEL_GONE_PAUSE_SECONDS: Final = 86_400.0
# A vendor that did not answer, or is broken itself; what else it says shows that it is there.
_BROKEN: Final = (ProviderBusy, ProviderUnreachable, ProviderOutcomeUnknown)


class RouteChooser:
    """The routes of an output's model, in the order in which they are asked."""

    def __init__(
        self, catalog: CatalogService, breaker: RouteBreaker, alerts: AlertService, limits: MakingLimits
    ) -> None:
        self._catalog = catalog
        self._breaker = breaker
        self._alerts = alerts
        self._limits = limits

    async def list_candidates(
        self, lease: Lease, index: int, earlier: Sequence[Attempt], pixels: tuple[int, ...]
    ) -> list[Route]:
        """The routes that may still be tried, in order; paused and open ones included."""
        counted = [attempt for attempt in earlier if attempt.counts]
        if len(counted) >= self._limits.creates_per_output:
            return []
        # A task that was taken and then failed may have been paid: its route is not asked again (trap 25).
        # And what it cannot read once, it cannot read twice.
        closed = {
            attempt.route_id
            for attempt in counted
            if attempt.task_id is not None or attempt.state is AttemptState.INVALID
        }
        used: dict[UUID, int] = {}
        for attempt in counted:
            used[attempt.route_id] = used.get(attempt.route_id, 0) + 1
        model = await self._catalog.find_model(lease.model_key)
        work = work_of(lease.prompt_of(index), lease.negative_prompt, lease.options, pixels)
        return [
            route
            for route in (model.routes if model else ())
            if used.get(route.id, 0) < self._limits.creates_per_route
            and route.id not in closed
            and route.bounds.hold(work)
        ]

    async def is_hidden(self, lease: Lease) -> bool:
        """Whether a slip of the operator's hides the model and with it the routes: they come back when it is mended."""
        return await self._catalog.is_unreadable(lease.model_key)

    async def choose(self, candidates: Sequence[Route]) -> Route | None:
        """The first that is neither paused nor kept back by its breaker."""
        for route in candidates:
            if not route.paused and await self._breaker.may_try(route):
                return route
        return None

    def until_one_opens(self, candidates: Sequence[Route], *, tries: int) -> timedelta:
        """An open breaker says when it is tried again, and a half-open one is being tried right now."""
        kept_back = [
            max(route.opens_in_seconds, self._limits.wait_first_seconds) for route in candidates if not route.paused
        ]
        return timedelta(seconds=min(kept_back)) if kept_back else self._limits.wait(tries)

    async def find(self, lease: Lease, attempt: Attempt) -> Route:
        """The route of a create that is sent once more, also when it was taken out of the catalogue meanwhile."""
        model = await self._catalog.find_model(lease.model_key)
        return (model.find_route(attempt.route_id) if model else None) or _bare_route(attempt)

    async def note_unsent(self, route: Route) -> None:
        """A probe that was not sent is given back to whoever comes next."""
        await self._breaker.note_unsent(route)

    async def note_health(self, route: Route, error: BaseException | None) -> None:
        """Tell the route's breaker, and the operator when it opens or closes."""
        params = {"provider": route.provider, "model": route.vendor_model}
        name = f"{route.provider}:{route.vendor_model}"
        if isinstance(error, ProviderHeldBack):
            await self._breaker.note_unsent(route)
        elif isinstance(error, _BROKEN):
            if await self._breaker.note_failure(route.id):
                log.warning("breaker_opened", **params)
                await self._alerts.raise_(f"breaker-open:{name}", "alert-breaker-open", params)
        elif await self._breaker.note_answer(route):
            log.info("breaker_closed", **params)
            await self._alerts.raise_(f"breaker-closed:{name}", "alert-breaker-closed", params)

    async def pause(self, attempt: Attempt, error: ProviderOutOfMoney | ProviderModelGone) -> None:
        """Take a route out for a while, and tell the operator."""
        is_gone = isinstance(error, ProviderModelGone)
        cause = "model-gone" if is_gone else "provider-out-of-money"
        seconds = _MODEL_GONE_PAUSE_SECONDS if is_gone else _OUT_OF_MONEY_PAUSE_SECONDS
        await self._catalog.pause_route(attempt.route_id, seconds=seconds, reason=cause)
        await self._alerts.raise_(
            f"{cause}:{attempt.provider}",
            f"alert-{cause}",
            {"provider": attempt.provider, "model": attempt.vendor_model},
        )


def refused_lately(earlier: Sequence[Attempt]) -> Counter[UUID]:
    """How often each route has not even taken a create, since the last one that was taken somewhere."""
    counts: Counter[UUID] = Counter()
    for attempt in reversed(earlier):
        if attempt.state is not AttemptState.NOT_TAKEN:
            break
        counts[attempt.route_id] += 1
    return counts


def _bare_route(attempt: Attempt) -> Route:
    """What is known of a route that was taken out of the catalogue while its create was in the air."""
    return Route(attempt.route_id, attempt.provider, attempt.vendor_model, cost_micros=0, paused=False)
