"""The breakers of routes: one that fails again and again is left alone for a while, by every process (spec §4).

What counts is that a vendor does not answer or is broken itself. That it refuses a content, or failed at making one
picture, says nothing about the next one.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from app.core.db import Database
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Breaker, Route


@dataclass(frozen=True, slots=True)
class BreakerTerms:
    """So many failures within the window open it; later one create at a time probes, for at most `probe`."""

    failures: int
    window: timedelta
    open_for: timedelta
    probe: timedelta


_ENTER = text("INSERT INTO route_breakers (route_id) VALUES (:route_id) ON CONFLICT DO NOTHING")
# The row's lock puts failures in line, so that exactly one of them opens the breaker. Those of calls that were in the
# air when it opened change nothing; one after its time is a failed probe, and opens it anew.
_FAIL = text(
    """
    UPDATE route_breakers b SET
        failed_at = recent.times,
        open_until = CASE
            WHEN recent.open_until > now() THEN recent.open_until
            WHEN recent.open_until IS NOT NULL OR cardinality(recent.times) >= :failures
            THEN now() + CAST(:open_for AS interval) END,
        probe_until = NULL
    FROM (
        SELECT route_id, open_until, ARRAY(
            SELECT failed FROM unnest(failed_at || now()) failed WHERE failed > now() - CAST(:window AS interval)
            ORDER BY failed DESC LIMIT :failures) AS times
        FROM route_breakers WHERE route_id = :route_id FOR UPDATE
    ) recent
    WHERE b.route_id = recent.route_id
    RETURNING recent.open_until IS NULL AND b.open_until IS NOT NULL AS has_opened
    """
)
_PROBE = text(
    """
    UPDATE route_breakers SET probe_until = now() + CAST(:probe AS interval)
    WHERE route_id = :route_id AND open_until <= now() AND coalesce(probe_until <= now(), true)
    """
)
_GIVE_BACK = text("UPDATE route_breakers SET probe_until = NULL WHERE route_id = :route_id AND open_until <= now()")
_CLOSE = text("DELETE FROM route_breakers WHERE route_id = :route_id AND open_until IS NOT NULL")


class RouteBreaker:
    """The breakers, in PostgreSQL. Other processes see a change within the time for which the catalogue is kept."""

    def __init__(self, db: Database, catalog: CatalogService, terms: BreakerTerms) -> None:
        self._db = db
        self._catalog = catalog
        self._terms = terms

    async def may_try(self, route: Route) -> bool:
        """Whether a create may be sent now. Of a half-open route True is the right to be the one that tries."""
        if route.breaker is Breaker.CLOSED:
            return True
        if route.breaker is Breaker.OPEN:
            return False
        async with self._db.transaction() as tx:
            result = await tx.execute(_PROBE, {"route_id": route.id, "probe": self._terms.probe})
        if result.rowcount != 1:
            # Somebody else tries, or it is sound again: in both cases what we know is old.
            self._catalog.forget()
        return result.rowcount == 1

    async def note_failure(self, route_id: UUID) -> bool:
        """The vendor did not answer, or is broken. True when that has just opened the breaker."""
        async with self._db.transaction() as tx:
            await tx.execute(_ENTER, {"route_id": route_id})
            has_opened = await tx.scalar(
                _FAIL,
                {
                    "route_id": route_id,
                    "failures": self._terms.failures,
                    "window": self._terms.window,
                    "open_for": self._terms.open_for,
                },
            )
        self._catalog.forget()
        return bool(has_opened)

    async def note_unsent(self, route: Route) -> None:
        """Nothing was sent after all, so that nothing is known: the right to try a half-open route is free again."""
        if route.breaker is Breaker.CLOSED:
            return
        async with self._db.transaction() as tx:
            await tx.execute(_GIVE_BACK, {"route_id": route.id})

    async def note_answer(self, route: Route) -> bool:
        """The vendor answers, whatever it says. True when that has just closed the breaker."""
        if route.breaker is Breaker.CLOSED:
            return False
        async with self._db.transaction() as tx:
            result = await tx.execute(_CLOSE, {"route_id": route.id})
        self._catalog.forget()
        return result.rowcount == 1
