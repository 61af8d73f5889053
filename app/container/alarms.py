"""What the operator is told of by parts of the product that know no alerts."""

from app.domain.alerts.service import AlertService
from app.domain.delivery.outbox import ClaimedDelivery
from app.domain.delivery.service import OnDead
from app.domain.inbox.service import OnFailing


def failing_event_alert(alerts: AlertService) -> OnFailing:
    """A kept event has failed so often that somebody should look."""

    async def raise_alert(source: str, event_id: int, error: BaseException) -> None:
        await alerts.raise_(
            f"event-failing:{event_id}",
            "alert-event-failing",
            {"source": source, "event_id": event_id, "error": type(error).__name__},
        )

    return raise_alert


def dead_letter_alert(alerts: AlertService) -> OnDead:
    """A delivery was given up."""

    async def raise_alert(claimed: ClaimedDelivery, error: str) -> None:
        await alerts.raise_(
            "dead-delivery",
            "alert-dead-delivery",
            {"delivery": claimed.id, "kind": claimed.kind.value, "error": error},
        )

    return raise_alert
