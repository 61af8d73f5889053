"""Use cases of proof: every minute over the users touched lately, in full from the command line."""

from typing import Final

from sqlalchemy import text

from app.core.db import Database
from app.core.metrics import Metrics
from app.domain.alerts.service import AlertService
from app.domain.audit import log as audit
from app.domain.reports import books
from app.domain.reports.books import Breach

# A start may take half an hour at most; the operator should know long before.
_OLD_QUEUE_SECONDS: Final = 300
_OLDEST_WAITING = text(
    "SELECT extract(epoch FROM now() - min(accepted_at)) AS seconds, count(*) AS waiting FROM generations"
    " WHERE status = 'PENDING'"
)


class BookService:
    """Proves promise 1."""

    def __init__(self, db: Database, alerts: AlertService, metrics: Metrics) -> None:
        self._db = db
        self._alerts = alerts
        self._metrics = metrics

    async def check_touched(self) -> list[Breach]:
        """Prove the books of the users touched lately; a breach is an alert."""
        async with self._db.transaction() as tx:
            touched = await books.take_touched(tx)
        if not touched:
            return []
        async with self._db.read() as reader:
            breaches = await books.prove(reader, touched)
        if breaches:
            self._metrics.ledger_breached(len({breach.user_id for breach in breaches}))
            first = breaches[0]
            await self._alerts.raise_(
                "ledger-breach",
                "alert-ledger-breach",
                {"count": len(breaches), "user": first.user_id, "rule": first.rule, "detail": first.detail},
            )
        return breaches

    async def prove_all(self) -> tuple[int, list[Breach]]:
        """Prove the books of every user; returns how many were looked at, and every breach."""
        seen, last_id, breaches = 0, 0, list[Breach]()
        while True:
            async with self._db.read() as reader:
                user_ids = await books.list_users(reader, after_id=last_id)
                if not user_ids:
                    return seen, breaches
                breaches += await books.prove(reader, user_ids)
            seen, last_id = seen + len(user_ids), user_ids[-1]

    async def find_broken_audit_entry(self) -> int | None:
        """The first audit entry whose hash does not follow from the one before."""
        async with self._db.read() as reader:
            return await audit.find_broken_entry(reader)

    async def check_queue(self) -> None:
        """Tell the operator when accepted work has been waiting for long."""
        async with self._db.read() as reader:
            row = await reader.one_or_none(_OLDEST_WAITING)
        if row is not None and row.seconds is not None and row.seconds > _OLD_QUEUE_SECONDS:
            await self._alerts.raise_(
                "queue-old", "alert-queue-old", {"seconds": round(float(row.seconds)), "waiting": row.waiting}
            )
