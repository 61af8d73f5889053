"""Tells the operator, once per cause and hour, through the outbox like everything else that is owed to a chat."""

from collections.abc import Mapping

import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import Database, Tx
from app.core.metrics import Metrics
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery

log = structlog.get_logger(__name__)

_RAISE = text(
    """
    INSERT INTO alerts (cause, hour, template, params) VALUES (:cause, date_trunc('hour', now()), :template, :params)
    ON CONFLICT (cause, hour) DO UPDATE SET repeats = alerts.repeats + 1
    RETURNING id, repeats
    """
).bindparams(bindparam("params", type_=JSONB))
# What a person wrote to the operator. An alert that is still owed is sent as it was written, and keeps it until then.
_FORGET = text(
    """
    WITH forgotten AS (
        UPDATE alerts SET params = '{}'
        WHERE params ->> 'telegram_id' = :telegram_id RETURNING id
    )
    UPDATE deliveries SET params = '{}'
    WHERE key IN (SELECT 'alert:' || id FROM forgotten) AND state NOT IN ('OWED', 'SENDING')
    """
)


class AlertService:
    """Alerts. Without an alert chat they are only kept, logged and counted."""

    def __init__(self, db: Database, metrics: Metrics, *, chat_id: int | None) -> None:
        self._db = db
        self._metrics = metrics
        self._chat_id = chat_id

    async def raise_(self, cause: str, template: str, params: Mapping[str, object]) -> None:
        """Raise an alert. `cause` is its identity within the hour, `template` the Fluent message with what to do.

        Never fails: an alert comes from an error path, and must not become the second error.
        """
        log.error("alert", cause=cause, **params)
        # What follows the colon names the instance and is not a label.
        self._metrics.alert_raised(cause.partition(":")[0])
        try:
            await self._keep(cause, template, params)
        except (SQLAlchemyError, OSError) as error:
            log.warning("alert_not_kept", cause=cause, error=str(error))

    async def _keep(self, cause: str, template: str, params: Mapping[str, object]) -> None:
        async with self._db.transaction() as tx:
            row = await tx.one_or_none(_RAISE, {"cause": cause, "template": template, "params": dict(params)})
            if row is None or row.repeats > 1 or self._chat_id is None:
                return
            await outbox.owe(
                tx,
                NewDelivery(
                    key=f"alert:{row.id}",
                    kind=DeliveryKind.ALERT,
                    rank=DeliveryRank.NOTICE,
                    chat_id=self._chat_id,
                    template="alert",
                    params={"cause": cause, "template": template, "args": dict(params)},
                ),
            )


async def forget_person(tx: Tx, telegram_id: int) -> None:
    """Empty the alerts that a person's own words raised."""
    await tx.execute(_FORGET, {"telegram_id": str(telegram_id)})
